"""Sets of profiles: what ships, what a user's file may say, and every fault of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gis import InputError
from gis.schema import CUSTOMER_CLASSES, GENERATOR_KINDS
from gridmodel import Scenario, build_model, run_profiles
from gridmodel.engine.of_model import compiled
from gridmodel.engine.of_profiles import hourly_injections, injection_of_hour
from gridmodel.profile_file import read_profiles
from gridmodel.solar import clear_sky_factors
from gridmodel.standard_profiles import demand_profiles, dynamisation, standard_profiles
from tests.capacity.grids import station

HOURS = pd.date_range("2025-01-01", "2026-01-01", freq="h", tz="UTC", inclusive="left")


@pytest.mark.parametrize("direction", ["load", "generation"])
def test_shipped_profiles_are_a_year_with_a_peak_of_one(direction: str) -> None:
    profiles = standard_profiles(direction)  # type: ignore[arg-type]
    factors = profiles.factors
    assert len(factors) == 8760 and factors.index.is_unique and str(profiles.time.tz) == "UTC"
    assert factors.to_numpy().min() >= 0.0 and factors.notna().all(axis=None)
    peaks = factors[["h25", "g25", "l25", "mixed_high", "pv"]].max()
    assert np.allclose(peaks, 1.0, atol=1e-12)
    assert set(profiles.of_class) == set(CUSTOMER_CLASSES) and set(profiles.of_kind) == set(GENERATOR_KINDS)
    assert {*profiles.of_class.values(), *profiles.of_kind.values()} <= set(factors.columns)


def test_the_side_that_promises_less_is_taken_in_each_direction() -> None:
    load, generation = standard_profiles("load"), standard_profiles("generation")
    for name, column in load.of_class.items():
        assert (load.factors[column] >= generation.factors[generation.of_class[name]]).all()
    for name, column in load.of_kind.items():
        assert (load.factors[column] <= generation.factors[generation.of_kind[name]]).all()


def test_household_profile_by_hand() -> None:
    """19 January 2025, a Sunday, 18 h local (17 h UTC): slp.csv row 1,sunday,18 x dynamisation of day 19."""
    table = pd.read_csv("gridmodel/standard_profiles/slp.csv", index_col=["month", "day", "hour_of_day"])
    factors = standard_profiles("load").factors["h25"]
    at = {
        "2025-01-19T17:00Z": table.loc[(1, "sunday", 18), "h25_kw"] * 1.2567016,
        "2025-07-05T10:00Z": table.loc[(7, "saturday", 12), "h25_kw"] * 0.7919365,
    }
    ratio = factors["2025-07-05T10:00Z"] / factors["2025-01-19T17:00Z"]
    expected = list(at.values())
    assert ratio == pytest.approx(expected[1] / expected[0], rel=1e-6)


def test_dynamisation_by_hand() -> None:
    assert dynamisation(np.array([19])) == pytest.approx(
        1.24 + 0.0021 * 19 - 7.02e-5 * 361 + 3.2e-7 * 6859 - 3.92e-10 * 130321
    )


def test_energy_of_a_profile_is_one_gwh_a_year() -> None:
    """The table is power of a customer of 1 GWh a year, as BDEW has it; no holidays make 2 % more."""
    table = pd.read_csv("gridmodel/standard_profiles/slp.csv", index_col=["month", "day", "hour_of_day"])
    local = HOURS.tz_convert("Europe/Berlin")
    day = np.select([local.dayofweek == 5, local.dayofweek == 6], ["saturday", "sunday"], "workday")
    rows = table.loc[pd.MultiIndex.from_arrays([local.month, day, local.hour])]
    energy_kwh = {
        "h25": (rows["h25_kw"].to_numpy() * dynamisation(local.dayofyear.to_numpy())).sum(),
        "g25": rows["g25_kw"].sum(),
        "l25": rows["l25_kw"].sum(),
    }
    for name, value in energy_kwh.items():
        assert value == pytest.approx(1e6, rel=0.02), name


def test_sun_stands_highest_at_noon_and_gives_nothing_at_night() -> None:
    factors = pd.Series(clear_sky_factors(HOURS, latitude_degree=50.0, longitude_degree=0.0), HOURS)
    june = factors["2025-06-21"]
    assert june.max() > 0.95 and (june.iloc[[0, 1, 2, 22, 23]] == 0.0).all()
    lit = (factors > 0).groupby(factors.index.date).sum()
    assert lit[pd.Timestamp("2025-06-21").date()] in (16, 17, 18)
    assert lit[pd.Timestamp("2025-12-21").date()] in (8, 9)


def test_sun_is_symmetric_about_the_equinox_hour_angle() -> None:
    """At longitude 0 on 16 April the equation of time is nearly 0: morning mirrors afternoon."""
    factors = pd.Series(clear_sky_factors(HOURS, latitude_degree=50.0, longitude_degree=0.0), HOURS)
    day = factors["2025-04-16"].to_numpy()
    assert np.allclose(day, day[::-1], atol=0.01)


def _write(tmp_path: Path, columns: dict[str, object], time: object = None, name: str = "own.csv") -> Path:
    path = tmp_path / name
    stamps = HOURS.strftime("%Y-%m-%dT%H:%MZ") if time is None else time
    table = pd.DataFrame({"time": stamps, **columns})
    table.to_parquet(path) if path.suffix == ".parquet" else table.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("name", ["own.csv", "own.parquet"])
def test_own_profiles_go_by_class_and_by_id(tmp_path: Path, name: str) -> None:
    network = station()
    load_id = str(network.loads.index[0])
    path = _write(tmp_path, {"residential": 0.5, load_id: 0.25}, name=name)
    profiles = read_profiles(path, network)
    columns = profiles.column_of_loads(network)
    factors = profiles.factors.to_numpy()
    assert factors[0, columns[0]] == 0.25
    assert (factors[0, columns[1:]] == 0.5).all()
    assert profiles.without_profile(network) == []


def test_own_profiles_take_the_place_of_shipped_ones(tmp_path: Path) -> None:
    """A file of one technology, one kind and one load: these follow it, all else what it did."""
    network = station()
    load_id = str(network.loads.index[0])
    own = read_profiles(_write(tmp_path, {"cooling": 0.5, "wind": 0.2, load_id: 0.25}), network)
    assert own.of_class == {"cooling": "cooling"} and own.of_kind == {"wind": "wind"}
    shipped = demand_profiles(2025)
    both = shipped.replaced_by(own)
    assert (both.factors[both.of_class["cooling"]] == 0.5).all()
    assert (both.factors[both.of_kind["wind"]] == 0.2).all()
    assert (both.factors[both.of_element[load_id]] == 0.25).all()
    assert both.factors[both.of_class["ev"]].equals(shipped.factors["ev"])
    assert both.factors[both.of_kind["pv"]].equals(shipped.factors["pv"])
    with pytest.raises(ValueError, match="other hours"):
        demand_profiles(2028).replaced_by(own)


def test_a_class_the_file_does_not_name_is_said(tmp_path: Path) -> None:
    network = station()
    profiles = read_profiles(_write(tmp_path, {"commercial": 0.5}), network)
    assert (profiles.column_of_loads(network) == -1).all()
    assert profiles.without_profile(network) == ["residential"]


def _with(values: np.ndarray, at: int, value: object) -> np.ndarray:
    changed = values.astype(object)
    changed[at] = value
    return changed


HALF = np.full(8760, 0.5)
STAMPS = HOURS.strftime("%Y-%m-%dT%H:%MZ").to_numpy()
FAULTS = {
    "unknown_column": ({"residentail": HALF}, None, "residential"),
    "no_profiles": ({}, None, "residential"),
    "not_a_number": ({"residential": _with(HALF, 7, "much")}, None, "row 8"),
    "negative": ({"residential": _with(HALF, 9, -0.1)}, None, "row 10"),
    "above_peak": ({"residential": _with(HALF, 0, 3.5)}, None, "divide"),
    "bad_time": ({"residential": HALF}, _with(STAMPS, 3, "yesterday"), "2025-01-01T00:00Z"),
    "time_twice": ({"residential": HALF}, _with(STAMPS, 3, STAMPS[4]), "twice"),
    "hour_missing": ({"residential": HALF[:-30]}, STAMPS[:-30], "30 hours"),
    "not_an_hour": ({"residential": HALF}, _with(STAMPS, 5, "2025-01-01T05:15Z"), "full hours"),
}


@pytest.mark.parametrize("rule", list(FAULTS))
def test_a_fault_is_named_with_what_to_do(tmp_path: Path, rule: str) -> None:
    columns, time, said = FAULTS[rule]
    with pytest.raises(InputError) as caught:
        read_profiles(_write(tmp_path, columns, time), station())
    found = caught.value.findings
    assert rule in set(found["rule"])
    assert said in " ".join(found.loc[found["rule"] == rule, "message"])


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    path = _write(tmp_path, {"residential": _with(HALF, 0, -1.0), "nobody": HALF})
    with pytest.raises(InputError) as caught:
        read_profiles(path, station())
    assert {"negative", "unknown_column"} <= set(caught.value.findings["rule"])


@pytest.mark.parametrize("content", [None, b"\x00\xff\x00", b""])
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "own.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError):
        read_profiles(path, station())


def test_a_file_without_time_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    pd.DataFrame({"residential": HALF}).to_csv(path, index=False)
    with pytest.raises(InputError) as caught:
        read_profiles(path, station())
    assert "no_time" in set(caught.value.findings["rule"])


def test_a_set_laid_over_a_network_gives_the_hours_headroom_is_asked_in() -> None:
    """`run_profiles` and the headroom of a year must mean the same hour by the same set."""
    network = station(generators=[("P1", "A2", 60.0)])
    model, hours = build_model(network), standard_profiles("generation")
    day = dataclasses.replace(hours, factors=hours.factors.loc["2025-06-21"])
    scenario = Scenario(load_factor=0.8, generation_factor=1.0)
    solved = run_profiles(model, day.over(network), scenario)
    grid, injections = compiled(model), hourly_injections(model, day, scenario)
    for hour in (2, 11, 20):
        power_kw = injection_of_hour(injections, hour).real * grid.sn_mva * 1e3
        row = solved.hours.iloc[hour]
        assert power_kw.sum() == pytest.approx(row["generation_kw"] - row["demand_kw"], abs=1e-9)
