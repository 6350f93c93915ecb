"""Weeks that stand for a year: whole, true, complete in hours, and near in energy."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from capacity.year_weeks import representative_weeks
from gridmodel.profile_set import ProfileSet
from gridmodel.standard_profiles import demand_profiles


@pytest.mark.parametrize(("year", "hours"), [(2025, 8760), (2028, 8784)])
def test_weeks_stand_for_every_hour_of_the_year(year: int, hours: int) -> None:
    profiles = demand_profiles(year)
    weeks = representative_weeks(profiles)
    assert weeks.weight_h.sum() == pytest.approx(hours) and (weeks.weight_h > 0).all()
    assert set(weeks.weeks["name"]) == {"winter", "transition", "summer", "peak"}
    assert weeks.weeks.set_index("name")["weight"]["peak"] == pytest.approx(1.0, abs=1 / 168)
    factors = weeks.profiles.factors
    assert factors.equals(profiles.factors.loc[factors.index])  # true hours, nothing scaled
    starts = pd.DatetimeIndex(weeks.weeks["start"]).tz_convert(profiles.time_zone)
    assert (starts.dayofweek == 0).all() and (starts.hour == 0).all()


def test_energy_is_near_and_told() -> None:
    profiles = demand_profiles(2025)
    weeks = representative_weeks(profiles)
    for name in profiles.factors:
        by_hand = (weeks.profiles.factors[name] * weeks.weight_h).sum() / profiles.factors[name].sum()
        assert weeks.energy_ratio[name] == pytest.approx(by_hand)
        assert abs(by_hand - 1.0) < 0.15, name
        assert weeks.of_year(weeks.profiles.factors[name]) == pytest.approx(
            by_hand * profiles.factors[name].sum()
        )


def test_the_week_of_the_largest_load_is_there() -> None:
    profiles = demand_profiles(2025)
    loads = profiles.factors[list(dict.fromkeys(profiles.of_class.values()))].mean(axis=1)
    assert loads.idxmax() in representative_weeks(profiles).profiles.factors.index


def test_a_profile_that_is_the_same_every_week_keeps_its_energy() -> None:
    """Of a year of equal weeks any choice has the energy of the year, but for the hour clocks change."""
    time = demand_profiles(2025).time
    local = time.tz_convert("Europe/Berlin")
    factors = pd.DataFrame({"residential": (1.0 + local.hour % 7) / 7.0}, time)
    weeks = representative_weeks(
        ProfileSet(factors, {"residential": "residential"}, time_zone="Europe/Berlin")
    )
    assert weeks.energy_ratio["residential"] == pytest.approx(1.0, abs=1e-3)


def test_hours_without_a_week_for_a_season_are_refused() -> None:
    profiles = demand_profiles(2025)
    part = dataclasses.replace(profiles, factors=profiles.factors.iloc[np.arange(300)])
    with pytest.raises(ValueError, match="whole year"):
        representative_weeks(part)
