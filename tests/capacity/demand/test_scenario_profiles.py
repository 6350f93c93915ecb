"""Profiles of a scenario: energy by a power of the profile, kinds beside groups, and the tariff per group."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capacity.demand.scenario_profiles import scenario_profiles, with_energy
from gis import InputError
from gridmodel.standard_profiles import demand_profiles
from gridmodel.standard_profiles.tables import year_hours
from tests.capacity.demand.scenario_text import EV, HEAD, scenario_of
from tests.networks import station

TARIFF = "[tariff]\nsource = 'a test'\n"


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 0.99), min_size=3, max_size=30), st.floats(0.05, 0.95))
def test_energy_is_met_peak_and_order_stay(factors: list[float], share: float) -> None:
    shape = np.array([1.0, *factors])
    wanted_h = 1.0 + share * len(factors)
    shaped = with_energy(shape, wanted_h, "ev")
    assert shaped.sum() == pytest.approx(wanted_h, rel=1e-9)
    assert shaped.max() == 1.0
    order = np.argsort(shape, kind="stable")
    assert np.all(np.diff(shaped[order]) >= -1e-12)


def test_more_hours_than_the_profile_has_are_refused() -> None:
    with pytest.raises(InputError, match=r"asks for 3 h .* can have 1 to 2"):
        with_energy(np.array([1.0, 0.5, 0.0, 0.0]), 3.0, "ev")


def test_a_unit_of_very_many_has_the_energy_stated(tmp_path: Path) -> None:
    """11 kW x 0.2 x full-load hours = 2,000 kWh."""
    scenario = scenario_of(tmp_path, EV + "unit_kwh = 2000.0\n")
    made = scenario_profiles(station(), scenario, {"ev": "ev", "residential": "residential"}, ("pv",))
    factors, shipped = made.profiles.factors, demand_profiles(2025)
    assert 11.0 * 0.2 * factors["ev"].sum() == pytest.approx(2000.0, rel=1e-9)
    assert np.array_equal(factors["residential"], shipped.factors["residential"])
    assert list(factors.columns) == ["ev", "residential", "pv"]
    assert made.report.empty
    assert made.peak_factors == {"ev": 1.0, "residential": 1.0}


def test_a_tariff_is_that_of_the_profile_whatever_the_group_is_called(tmp_path: Path) -> None:
    scenario = scenario_of(tmp_path, EV.replace("[uptake.ev]", "[uptake.van]"), TARIFF)
    made = scenario_profiles(station(), scenario, {"van": "ev", "ev": "ev", "industrial": "industrial"}, ())
    assert made.peak_factors["van"] == made.peak_factors["ev"] > 1.0
    assert made.peak_factors["industrial"] == 1.0
    assert made.profiles.factors.max().tolist() == pytest.approx([1.0, 1.0, 1.0])
    assert made.report["group"].tolist() == ["van", "ev", "industrial"]
    assert made.tariff_name == "peak_valley"


def _own_profiles(folder: Path, year: int = 2025, **columns: float) -> str:
    hours = year_hours(year)
    table = pd.DataFrame({"time": hours.strftime("%Y-%m-%dT%H:%M:%SZ"), **columns})
    table.to_csv(folder / "mine.csv", index=False)
    return HEAD.replace("[profile]", "[profile]\nfile = 'mine.csv'")


def test_profiles_of_ones_own_stand_instead_of_shipped_ones(tmp_path: Path) -> None:
    head = _own_profiles(tmp_path, residential=0.25, cooking=0.5, pv=0.75)
    scenario = scenario_of(tmp_path, EV, head=head)
    groups = {"residential": "residential", "kitchen": "cooking", "ev": "ev"}
    factors = scenario_profiles(station(), scenario, groups, ("pv", "other_feed")).profiles.factors
    assert factors[["residential", "kitchen", "pv"]].iloc[17].tolist() == [0.25, 0.5, 0.75]
    shipped = demand_profiles(2025).factors
    assert np.array_equal(factors[["ev", "other_feed"]], shipped[["ev", "other_feed"]])


def test_own_profiles_of_another_year_or_of_one_load_are_refused_at_once(tmp_path: Path) -> None:
    scenario = scenario_of(tmp_path, head=_own_profiles(tmp_path, year=2023, H=0.5))
    with pytest.raises(InputError) as refused:
        scenario_profiles(station(), scenario, {}, ())
    told = refused.value.findings.set_index("element_id")["message"]
    assert "give its readings in [meters]" in told["H"]
    assert "its hours are of 2023" in told["profile.year"]
