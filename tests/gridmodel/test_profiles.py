"""A year in hours: every hour is the load flow of that hour, and the year adds up."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from capacity.bounds import bounds_of
from capacity.checks import make_yardstick
from capacity.limits import read_limits
from gis import InputError
from gridmodel import (
    KEEP_ALL,
    GridModel,
    Keep,
    ProfileResults,
    Profiles,
    Scenario,
    profiles_by_class,
    run_load_flow,
    run_profiles,
)
from tests.gridmodel.zoo import model_of

SCENARIO = Scenario(load_factor=0.9, generation_factor=1.1)
CLASSES = ["residential", "commercial", "pv"]


def factors(hours: int, seed: int = 0, step: str = "h") -> pd.DataFrame:
    drawn = np.random.default_rng(seed).uniform(0.1, 1.4, (hours, len(CLASSES)))
    return pd.DataFrame(drawn, pd.date_range("2026-01-01", periods=hours, freq=step, tz="UTC"), CLASSES)


def solved(model: GridModel, table: pd.DataFrame, **more: object) -> ProfileResults:
    bounds = bounds_of(make_yardstick(model.network, read_limits()))
    profiles = profiles_by_class(model.network, table)
    return run_profiles(model, profiles, SCENARIO, bounds=bounds, **more)  # type: ignore[arg-type]


def load_flow_at(model: GridModel, row: pd.Series):  # type: ignore[no-untyped-def]
    by_class = {
        "residential": SCENARIO.load_factor * row["residential"],
        "commercial": SCENARIO.load_factor * row["commercial"],
        "pv": SCENARIO.generation_factor * row["pv"],
    }
    return run_load_flow(model, dataclasses.replace(SCENARIO, class_factors=by_class))


@pytest.mark.parametrize("grid", ["station", "oddities", "sources"])
def test_every_hour_is_the_load_flow_of_that_hour(grid: str) -> None:
    model, table = model_of(grid), factors(24)
    results = solved(model, table, keep=KEEP_ALL)
    for number in (0, 11, 23):
        hour, single = table.index[number], load_flow_at(model, table.iloc[number])
        np.testing.assert_allclose(results.vm_pu.loc[hour], single.buses["vm_pu"], rtol=0, atol=1e-8)
        np.testing.assert_allclose(
            results.line_loading_percent.loc[hour], single.lines["loading_percent"], rtol=1e-6, atol=1e-9
        )
        summary, row = single.summary(), results.hours.loc[hour]
        for name in ("demand_kw", "served_kw", "unserved_kw", "generation_kw", "source_kw", "loss_kw"):
            assert row[name] == pytest.approx(summary[name], rel=1e-6, abs=1e-4), name


def test_extremes_per_element_are_those_of_the_columns() -> None:
    model, table = model_of("oddities"), factors(50)
    results = solved(model, table, keep=KEEP_ALL)
    supplied = results.buses["status"] == "supplied"
    assert supplied.sum() == 5
    volts, lines = results.vm_pu.loc[:, supplied], results.line_loading_percent
    np.testing.assert_allclose(results.buses.loc[supplied, "vm_min_pu"], volts.min(), atol=1e-12)
    assert results.buses.loc[supplied, "vm_min_hour"].tolist() == volts.idxmin().tolist()
    assert results.buses.loc[supplied, "vm_max_hour"].tolist() == volts.idxmax().tolist()
    assert results.buses.loc[~supplied, "vm_min_hour"].isna().all()
    alive = lines.notna().any()
    np.testing.assert_allclose(results.lines["loading_max_percent"], lines.max(), rtol=1e-12)
    assert results.lines.loc[alive, "loading_max_hour"].tolist() == lines.loc[:, alive].idxmax().tolist()
    np.testing.assert_allclose(results.hours["vm_min_pu"], volts.min(axis=1), atol=1e-12)
    assert results.hours["line_id"].tolist() == lines.idxmax(axis=1).tolist()


def test_counts_per_hour_and_per_element_are_the_same_counts() -> None:
    model = model_of("station")
    results = solved(model, 5.0 * factors(200))
    assert results.hours["line_overloads"].sum() == results.lines["hours_over"].sum() > 0
    assert results.hours["transformer_overloads"].sum() == results.transformers["hours_over"].sum()
    assert results.hours["undervoltages"].sum() == results.buses["hours_below"].sum()
    assert results.hours["overvoltages"].sum() == results.buses["hours_above"].sum()


@pytest.mark.parametrize("grid", ["station", "oddities", "sources"])
def test_the_energy_of_the_year_adds_up(grid: str) -> None:
    results = solved(model_of(grid), factors(300))
    energy = results.energy_kwh
    assert energy["demand"] == pytest.approx(energy["served"] + energy["unserved"], rel=1e-9)
    assert energy["source"] + energy["generation"] == pytest.approx(
        energy["served"] + energy["loss"], rel=1e-6
    )
    branches = results.lines["loss_kwh"].sum() + results.transformers["loss_kwh"].sum()
    assert branches == pytest.approx(energy["loss"], rel=1e-9)
    assert (energy["unserved"] > 0) == (grid == "oddities")


def test_a_quarter_of_an_hour_is_a_quarter_of_the_energy() -> None:
    model, network = model_of("station"), model_of("station").network
    table = factors(40)
    quarters = table.set_axis(pd.date_range("2026-01-01", periods=40, freq="15min", tz="UTC"))
    hourly = run_profiles(model, profiles_by_class(network, table), SCENARIO)
    short = run_profiles(model, profiles_by_class(network, quarters, step_h=0.25), SCENARIO)
    np.testing.assert_allclose(short.energy_kwh, hourly.energy_kwh / 4, rtol=1e-12)
    np.testing.assert_allclose(short.lines["loss_kwh"], hourly.lines["loss_kwh"] / 4, rtol=1e-12)


def test_factors_of_one_are_the_scenario() -> None:
    model = model_of("station")
    results = solved(model, factors(3) * 0.0 + 1.0, keep=KEEP_ALL)
    plain = run_load_flow(model, SCENARIO)
    np.testing.assert_allclose(results.vm_pu.iloc[1], plain.buses["vm_pu"], rtol=0, atol=1e-8)
    assert results.hours["loss_kw"].tolist() == pytest.approx([plain.loss_kw] * 3, rel=1e-6)


def test_an_element_without_profile_stays_as_the_scenario_has_it() -> None:
    model, table = model_of("station"), factors(4)
    profiles = profiles_by_class(model.network, table)
    still = dataclasses.replace(profiles, of_load=profiles.of_load.where(profiles.of_load.index != "H", None))
    results = run_profiles(model, still, SCENARIO)
    expected = 0.9 * (30.0 + 20.0 * table["commercial"])
    np.testing.assert_allclose(results.hours["demand_kw"], expected, rtol=1e-12)


def test_reactive_power_may_follow_a_profile_of_its_own() -> None:
    model, table = model_of("station"), factors(4)
    network = model.network
    along = run_profiles(model, profiles_by_class(network, table, q_factors=table[["commercial"]]), SCENARIO)
    plain = run_profiles(model, profiles_by_class(network, table), SCENARIO)
    np.testing.assert_allclose(along.hours["source_kvar"], plain.hours["source_kvar"], rtol=1e-9)
    none = run_profiles(
        model, profiles_by_class(network, table, q_factors=0.0 * table[["commercial"]]), SCENARIO
    )
    assert (none.hours["source_kvar"] < plain.hours["source_kvar"]).all()
    np.testing.assert_allclose(none.hours["served_kw"], plain.hours["served_kw"])


def test_an_hour_without_solution_is_a_row_and_its_neighbours_stand() -> None:
    model, table = model_of("station"), factors(40)
    table.iloc[7] = 200.0
    results = solved(model, table)
    calm = solved(model, table.drop(table.index[7]))
    lost = results.hours.iloc[7]
    assert (lost["status"], lost["reason"]) == ("not_converged", "the voltage collapses at E")
    assert lost["unserved_kw"] == lost["demand_kw"] > 0 and np.isnan(lost["source_kw"])
    for name in ("vm_min_pu", "line_loading_max_percent", "loss_kw"):
        np.testing.assert_allclose(results.hours[name].drop(table.index[7]), calm.hours[name], rtol=1e-7)
    np.testing.assert_allclose(results.buses["vm_min_pu"], calm.buses["vm_min_pu"], rtol=0, atol=1e-8)
    assert results.energy_kwh["demand"] == pytest.approx(
        results.energy_kwh["served"] + results.energy_kwh["unserved"]
    )


def test_no_hour_has_a_solution() -> None:
    model = model_of("station")
    results = solved(model, factors(5) * 0.0 + 300.0, keep=Keep(buses="all", lines=["L"]))
    assert (results.hours["status"] == "not_converged").all() and results.vm_pu.isna().all(axis=None)
    assert results.buses["vm_min_pu"].isna().all() and results.lines["loading_max_percent"].isna().all()
    assert results.lines["loading_max_hour"].isna().all() and results.energy_kwh["served"] == 0.0


def test_a_zone_is_told_in_utc() -> None:
    table = factors(2).tz_convert("Europe/Berlin")
    results = solved(model_of("station"), table)
    assert str(results.hours.index.tz) == "UTC" and results.hours.index[0] == table.index[0]
    assert str(results.buses["vm_min_hour"].dt.tz) == "UTC"


def test_what_does_not_fit_is_refused_with_its_ids() -> None:
    model = model_of("station")
    sound = profiles_by_class(model.network, factors(4))
    faults = {
        "profiles_empty": {"factors": sound.factors.iloc[:0]},
        "hours_without_zone": {"factors": sound.factors.tz_localize(None)},
        "hours_duplicated": {"factors": sound.factors.iloc[[0, 1, 1, 2]]},
        "hours_unsorted": {"factors": sound.factors.iloc[[0, 2, 1, 3]]},
        "step_not_positive": {"step_h": 0.0},
        "profile_gap": {"factors": sound.factors.assign(pv=[1.0, None, 1.0, np.inf])},
        "profile_duplicated": {"factors": pd.concat([sound.factors, sound.factors[["pv"]]], axis=1)},
        "profile_missing": {"of_load": sound.of_load.drop("H")},
        "profile_unknown": {"of_generator": sound.of_generator.replace("pv", "wind")},
        "profile_ambiguous": {"of_load": pd.concat([sound.of_load, sound.of_load.loc[["J"]]])},
    }
    named = {"profile_gap": "pv", "profile_missing": "H", "profile_unknown": "G", "profile_ambiguous": "J"}
    for rule, change in faults.items():
        with pytest.raises(InputError) as refused:
            run_profiles(model, dataclasses.replace(sound, **change), SCENARIO)
        assert refused.value.findings["rule"].tolist() == [rule]
        if rule in named:
            assert refused.value.findings["element_id"].tolist() == [named[rule]]


def test_all_faults_are_named_at_once() -> None:
    model = model_of("station")
    sound = profiles_by_class(model.network, factors(4))
    worse = dataclasses.replace(
        sound, of_load=sound.of_load.drop("H"), factors=sound.factors.iloc[[1, 0, 2]].drop(columns="pv")
    )
    with pytest.raises(InputError) as refused:
        run_profiles(model, worse, SCENARIO)
    assert set(refused.value.findings["rule"]) == {"hours_unsorted", "profile_missing", "profile_unknown"}


def test_ids_of_other_networks_do_no_harm() -> None:
    model = model_of("station")
    profiles = profiles_by_class(model.network, factors(2))
    more = pd.concat([profiles.of_load, pd.Series({"elsewhere": "residential"})])
    wider: Profiles = dataclasses.replace(profiles, of_load=more)
    assert run_profiles(model, wider, SCENARIO).hours["status"].tolist() == ["converged"] * 2
