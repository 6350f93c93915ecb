"""`demand_profiles` against the tables it stands on, by hand: habits go by the clock, weather by the date."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gis import InputError
from gis.schema import CUSTOMER_CLASSES, GENERATOR_KINDS
from gridmodel.profile_set import TECHNOLOGIES, ProfileSet
from gridmodel.solar import clear_sky_factors
from gridmodel.standard_profiles import demand_profiles, dynamisation

FOLDER = Path("gridmodel/standard_profiles")
SLP = pd.read_csv(FOLDER / "slp.csv", index_col=["month", "day", "hour_of_day"])
HOURS = pd.concat(
    [
        pd.read_csv(FOLDER / f"{name}_hours.csv", index_col=["day", "hour_of_day"])
        for name in ("demandlib", "simbench")
    ],
    axis=1,
)
DAYS = pd.read_csv(FOLDER / "simbench_days.csv", index_col=["month", "day_of_month"])
SHAPES = tomllib.loads((FOLDER / "technologies.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def year_2025() -> ProfileSet:
    return demand_profiles(2025)


def _ratio(profiles: ProfileSet, column: str, hours: tuple[str, str]) -> float:
    return float(profiles.factors.loc[pd.Timestamp(hours[0]), column]) / float(
        profiles.factors.loc[pd.Timestamp(hours[1]), column]
    )


@pytest.mark.parametrize(("year", "hours"), [(2025, 8760), (2024, 8784), (2028, 8784), (2100, 8760)])
def test_a_year_has_its_hours_and_every_profile_its_peak(year: int, hours: int) -> None:
    profiles = demand_profiles(year)
    factors = profiles.factors
    assert len(factors) == hours and factors.index.is_unique and str(profiles.time.tz) == "UTC"
    assert np.allclose(np.diff(factors.index.asi8), 3_600e9)
    assert factors.notna().all(axis=None)
    assert np.allclose(factors.abs().max(), 1.0, atol=1e-12)
    assert (factors.drop(columns=["battery", "battery_feed"]).min() >= 0.0).all()


def test_every_class_technology_and_kind_has_a_profile(year_2025: ProfileSet) -> None:
    assert set(year_2025.of_class) == {*CUSTOMER_CLASSES, *TECHNOLOGIES}
    assert set(year_2025.of_kind) == set(GENERATOR_KINDS)
    used = {*year_2025.of_class.values(), *year_2025.of_kind.values()}
    assert used <= set(year_2025.factors.columns)
    assert all(parts["source"] for parts in SHAPES["profiles"].values())


def test_the_day_clocks_go_forward_has_23_hours(year_2025: ProfileSet) -> None:
    """30 March 2025, a Sunday: 00Z is 1 h, 01Z is already 3 h; no habit of 2 h is there."""
    local = year_2025.local_time
    of_day = year_2025.factors[(local.month == 3) & (local.day == 30)]
    assert len(of_day) == 23
    two = ("2025-03-30T01:00Z", "2025-03-30T00:00Z")
    # Both hours are of one local day, so that the dynamisation is the same.
    by_hand = SLP.loc[(3, "sunday", 3), "h25_kw"] / SLP.loc[(3, "sunday", 1), "h25_kw"]
    assert _ratio(year_2025, "residential", two) == pytest.approx(by_hand, rel=1e-12)
    cars = HOURS.loc[("sunday", 3), "charging"] / HOURS.loc[("sunday", 1), "charging"]
    assert _ratio(year_2025, "ev", two) == pytest.approx(cars, rel=1e-12)
    # Storage heaters run from 22 h of the evening before: 2 + 5 hours, for one of the night does not exist.
    assert (of_day["storage_heating"] > 0).sum() == 5 + 2


def test_the_day_clocks_go_back_has_25_hours(year_2025: ProfileSet) -> None:
    """26 October 2025, a Sunday: 00Z and 01Z are both 2 h, 02Z is 3 h."""
    local = year_2025.local_time
    of_day = year_2025.factors[(local.month == 10) & (local.day == 26)]
    assert len(of_day) == 25
    for column in ("residential", "ev", "storage_heating", "heat_pump"):
        assert _ratio(year_2025, column, ("2025-10-26T00:00Z", "2025-10-26T01:00Z")) == 1.0
    by_hand = SLP.loc[(10, "sunday", 3), "h25_kw"] / SLP.loc[(10, "sunday", 2), "h25_kw"]
    assert _ratio(year_2025, "residential", ("2025-10-26T02:00Z", "2025-10-26T01:00Z")) == pytest.approx(
        by_hand, rel=1e-12
    )
    assert (of_day["storage_heating"] > 0).sum() == 7 + 2


def test_the_29th_of_february_is_a_day_of_its_own() -> None:
    """29 February 2028 is a Tuesday, day 60; 1 March 2028 a Wednesday, day 61."""
    profiles = demand_profiles(2028)
    two = ("2028-02-29T11:00Z", "2028-03-01T11:00Z")  # 12 h local
    residential = SLP.loc[(2, "workday", 12), "h25_kw"] * dynamisation(np.array([60]))[0]
    residential /= SLP.loc[(3, "workday", 12), "h25_kw"] * dynamisation(np.array([61]))[0]
    assert _ratio(profiles, "residential", two) == pytest.approx(residential, rel=1e-12)
    heat = DAYS.loc[(2, 29), "heat"] / DAYS.loc[(3, 1), "heat"]
    assert _ratio(profiles, "heat_pump", two) == pytest.approx(heat, rel=1e-12)
    assert "2025-02-29" not in demand_profiles(2025).factors.index.strftime("%Y-%m-%d")


def test_heat_pumps_peak_in_winter_and_hardly_run_in_summer(year_2025: ProfileSet) -> None:
    heat = year_2025.factors["heat_pump"].groupby(year_2025.local_time.month)
    assert heat.max().idxmax() in (12, 1, 2) and heat.max()[7] < 0.1
    assert year_2025.factors["heat_pump"].idxmax().tz_convert("Europe/Berlin").strftime("%d.%m.") == "22.02."
    assert heat.mean()[1] > 0.25


def test_cooling_is_of_summer_afternoons_and_storage_heating_of_winter_nights(year_2025: ProfileSet) -> None:
    factors, local = year_2025.factors, year_2025.local_time
    assert local[factors["cooling"].argmax()].month == 7 and local[factors["cooling"].argmax()].hour == 14
    assert factors["cooling"][local.month.isin([1, 2, 12])].max() == 0.0
    assert set(local.hour[factors["storage_heating"] > 0]) == {22, 23, 0, 1, 2, 3, 4, 5}


def test_batteries_charge_by_day_and_what_they_give_is_fed(year_2025: ProfileSet) -> None:
    factors = year_2025.factors
    by_hour = factors["battery"].groupby(year_2025.local_time.hour).mean()
    assert by_hour.loc[9:12].min() > 0.05 and by_hour.loc[19:22].max() < 0.0
    assert factors["battery_feed"].equals(-factors["battery"])
    taken, given = factors["battery"].clip(lower=0).sum(), -factors["battery"].clip(upper=0).sum()
    assert given / taken == pytest.approx(SHAPES["battery"]["round_trip_efficiency"], rel=1e-9)


def test_sun_never_gives_more_than_a_clear_sky_nor_at_night(year_2025: ProfileSet) -> None:
    factors = year_2025.factors
    # A factor is a share of the best hour; that of a cloudy year may fall on a day not quite clear.
    share = factors["pv"] / factors["pv_clear_sky"].where(factors["pv_clear_sky"] > 0)
    by_day = share.groupby(year_2025.local_time.date)
    assert (by_day.max() - by_day.min()).max() < 1e-9
    assert (factors["pv"][factors["pv_clear_sky"] == 0] == 0).all()
    assert 0.4 < factors["pv"].sum() / factors["pv_clear_sky"].sum() < 0.8


def test_mixed_roofs_are_the_mean_and_wider_is_the_best() -> None:
    hours = pd.date_range("2025-06-21", periods=24, freq="h", tz="UTC")
    best, mixed = (
        clear_sky_factors(hours, latitude_degree=50.0, longitude_degree=0.0, roofs=roofs)  # type: ignore[arg-type]
        for roofs in ("best", "mixed")
    )
    assert best.max() == mixed.max() == 1.0
    assert best[6] > 1.5 * mixed[6] and best.sum() > 1.1 * mixed.sum()


def test_people_elsewhere_live_by_their_own_clock() -> None:
    """18 h in Shanghai is 10 h UTC all year; the sun is highest there at 4 h UTC."""
    here, there = demand_profiles(2025), demand_profiles(2025, time_zone="Asia/Shanghai")
    local = there.local_time
    cooking = there.factors["cooking"].groupby(local.hour).mean()
    assert cooking.idxmax() == 17
    at = (pd.Timestamp("2025-07-09T10:00Z"), pd.Timestamp("2025-07-09T16:00Z"))
    assert there.factors.loc[at[0], "ev"] == pytest.approx(here.factors.loc[at[1], "ev"], rel=1e-12)
    noon = there.factors["pv_clear_sky"].groupby(there.time.hour).mean()
    assert noon.idxmax() in (3, 4)


def test_an_hour_in_two_hours_of_the_clock_is_their_mean() -> None:
    """12 h UTC is 17:30 in India: half of 17 h, half of 18 h."""
    profiles = demand_profiles(2025, time_zone="Asia/Kolkata")
    hours = SHAPES["profiles"]["cooking"]["hours"]
    two = ("2025-07-09T12:00Z", "2025-07-09T13:00Z")
    by_hand = (hours[17] + hours[18]) / (hours[18] + hours[19])
    assert _ratio(profiles, "cooking", two) == pytest.approx(by_hand, rel=1e-12)


def test_an_unknown_time_zone_is_refused() -> None:
    with pytest.raises(InputError, match="Europe/Berlin"):
        demand_profiles(2025, time_zone="Europe/Schutterwald")


def test_hours_in_the_tables_have_a_mean_of_one_over_a_week() -> None:
    """24 figures a kind of day: 5 workdays, a Saturday and a Sunday."""
    for name in HOURS:
        days = HOURS[name].groupby("day").mean()
        week = (5 * days["workday"] + days["saturday"] + days["sunday"]) / 7
        assert week == pytest.approx(1.0, abs=2e-3), name


def test_tables_that_come_from_simbench_are_small_and_carry_their_licence() -> None:
    assert sum(path.stat().st_size for path in FOLDER.glob("*.csv")) < 300_000
    notice = (FOLDER / "simbench.LICENSE.txt").read_text(encoding="utf-8")
    assert "Contains information from SimBench" in notice
    assert "opendatacommons.org/licenses/odbl/1.0/" in notice
    for path in FOLDER.glob("simbench_*.csv"):
        assert path.name in notice
    assert len(DAYS) == 366 and (DAYS <= 1.0).all(axis=None) and (DAYS >= 0.0).all(axis=None)
