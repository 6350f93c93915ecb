"""Cases: a case is the scenario with loads added, and leaves the model as it was."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from gis import InputError
from gis.errors import BalanceError
from gridmodel import (
    KEEP_ALL,
    CaseResults,
    GridModel,
    Keep,
    build_model,
    find_scenario,
    run_cases,
    run_load_flow,
)
from gridmodel.cases import NO_SUPPLY
from gridmodel.loadflow import apply_scenario
from gridmodel.outcome import POINT_COLUMNS, Outcome
from gridmodel.solve_points import check_balances
from tests.gridmodel.zoo import GRIDS, model_of
from tests.networks import station


@pytest.fixture(scope="module")
def model() -> GridModel:
    return build_model(station())


def cases(model: GridModel, *rows: tuple[str, str, float, float], scenario: str = "base") -> CaseResults:
    frame = pd.DataFrame(rows, columns=["case_id", "bus_id", "p_kw", "q_kvar"])
    return run_cases(model, frame, find_scenario(model.network, scenario), keep=KEEP_ALL, per_element=True)


@pytest.mark.parametrize("scenario", ["base", "feed_in"])
def test_a_case_of_nothing_is_the_scenario(model: GridModel, scenario: str) -> None:
    results = cases(model, ("nothing", "E", 0.0, 0.0), scenario=scenario)
    plain = run_load_flow(model, scenario)
    np.testing.assert_allclose(results.vm_pu.loc["nothing"], plain.buses["vm_pu"], rtol=0, atol=1e-8)
    np.testing.assert_allclose(
        results.line_loading_percent.loc["nothing"], plain.lines["loading_percent"], rtol=1e-6
    )
    row, summary = results.cases.loc["nothing"], plain.summary()
    for name in ("demand_kw", "served_kw", "unserved_kw", "generation_kw", "source_kw", "loss_kw"):
        assert row[name] == pytest.approx(summary[name], rel=1e-6, abs=1e-4), name
    for name in ("vm_min_pu", "vm_max_pu"):
        assert row[name] == pytest.approx(summary[name], abs=1e-8), name
    for name in ("line_loading_max_percent", "transformer_loading_max_percent"):
        assert row[name] == pytest.approx(summary[name], rel=1e-6), name


def test_extremes_name_their_elements(model: GridModel) -> None:
    row = cases(model, ("one", "E", 15.0, 4.0)).cases.loc["one"]
    assert (row["vm_min_bus_id"], row["vm_max_bus_id"]) == ("E", "A")
    assert (row["line_id"], row["transformer_id"]) == ("L", "T")


def test_a_case_is_a_load_added_to_the_network(model: GridModel) -> None:
    results = cases(
        model,
        ("one", "E", 15.0, 4.0),
        ("two", "E", 9.0, 4.0),
        ("two", "D", -2.0, 1.0),
        ("two", "E", 6.0, 0.0),
    )
    one = run_load_flow(build_model(station("load Z E 15 q_kvar=4")))
    assert results.cases.index.tolist() == ["one", "two"]
    np.testing.assert_allclose(results.vm_pu.loc["one"], one.buses["vm_pu"], rtol=0, atol=1e-8)
    np.testing.assert_allclose(
        results.transformer_loading_percent.loc["one"], one.transformers["loading_percent"], rtol=1e-6
    )
    assert results.vm_pu.loc["two", "D"] > results.vm_pu.loc["one", "D"]
    assert results.cases["status"].tolist() == ["converged", "converged"]
    assert results.cases["generation_kw"].tolist() == [0.0, 2.0]
    assert results.cases["served_kw"].tolist() == [65.0, 65.0]


def test_rows_of_one_case_act_together(model: GridModel) -> None:
    split = cases(model, ("a", "E", 9.0, 4.0), ("b", "D", 1.0, 0.0), ("a", "E", 6.0, 0.0))
    whole = cases(model, ("a", "E", 15.0, 4.0))
    np.testing.assert_allclose(split.vm_pu.loc["a"], whole.vm_pu.loc["a"], rtol=0, atol=1e-10)


def test_the_net_is_as_before_afterwards(model: GridModel) -> None:
    run_load_flow(model, "base")
    before = {table: model.net[table].copy() for table in ("bus", "line", "trafo", "load", "sgen", "switch")}
    cases(model, ("one", "E", 15.0, 4.0), scenario="feed_in")
    with pytest.raises(KeyError, match="nowhere"):
        cases(model, ("one", "nowhere", 15.0, 4.0), scenario="feed_in")
    for table, frame in before.items():
        pd.testing.assert_frame_equal(model.net[table], frame)


def test_a_case_that_cannot_be_solved_is_a_row_with_its_place(model: GridModel) -> None:
    results = cases(model, ("far too much", "E", 5000.0, 0.0), ("small", "E", 1.0, 0.0))
    row = results.cases.loc["far too much"]
    assert results.cases["status"].tolist() == ["not_converged", "converged"]
    assert row["reason"] == "the voltage collapses at E"
    assert (row["served_kw"], row["unserved_kw"], row["demand_kw"]) == (0.0, 5050.0, 5050.0)
    assert np.isnan(row["loss_kw"]) and row["vm_min_bus_id"] is None and row["undervoltages"] is pd.NA
    assert results.vm_pu.loc["far too much"].isna().all() and results.vm_pu.loc["small"].notna().all()
    assert (results.buses["vm_min_at"] == "small").all()


def test_what_is_drawn_at_a_dead_bus_is_unserved() -> None:
    results = cases(model_of("oddities"), ("dead", "X", 5.0, 0.0), ("dead", "E", 2.0, 0.0))
    row = results.cases.loc["dead"]
    assert (row["demand_kw"], row["served_kw"], row["unserved_kw"]) == (64.0, 52.0, 12.0)
    assert row["status"] == "converged" and row["reason"] == NO_SUPPLY
    assert results.buses.loc["X", "status"] == "no_supply" and np.isnan(results.vm_pu.loc["dead", "X"])


@pytest.mark.parametrize("grid", GRIDS)
def test_every_case_adds_up(grid: str) -> None:
    model = model_of(grid)
    buses = model.network.buses.index
    frame = pd.DataFrame({"case_id": buses, "bus_id": buses, "p_kw": 12.0, "q_kvar": -3.0})
    table = run_cases(model, frame, find_scenario(model.network)).cases
    inflow, outflow = table["source_kw"] + table["generation_kw"], table["served_kw"] + table["loss_kw"]
    np.testing.assert_allclose(inflow, outflow, rtol=1e-6, atol=1e-3)
    np.testing.assert_allclose(table["demand_kw"], table["served_kw"] + table["unserved_kw"], atol=1e-9)


def test_a_case_that_does_not_add_up_is_not_shown() -> None:
    missing = {field.name: None for field in dataclasses.fields(Outcome)}
    sound = {
        "converged": np.array([True, True]),
        "demand_kw": np.array([10.0, 10.0]),
        "served_kw": np.array([10.0, 10.0]),
        "unserved_kw": np.zeros(2),
        "generation_kw": np.zeros(2),
        "loss_kw": np.ones(2),
        "source_kva": np.array([11.0 + 0j, 11.0]),
    }
    outcome = Outcome(**{**missing, **sound})  # type: ignore[arg-type]
    assert check_balances(outcome, constant_power=True) is outcome
    leaking = dataclasses.replace(outcome, source_kva=np.array([11.0, 12.0 + 0j]))
    with pytest.raises(BalanceError, match=r"losses = 1\.000 kW.* load flow 1 "):
        check_balances(leaking, constant_power=True)
    lost = dataclasses.replace(outcome, demand_kw=np.array([12.0, 10.0]))
    with pytest.raises(BalanceError, match="demand - served - unserved"):
        check_balances(lost, constant_power=True)
    assert check_balances(lost, constant_power=False) is lost


def test_columns_are_kept_for_chosen_elements_only(model: GridModel) -> None:
    frame = pd.DataFrame({"case_id": ["a", "b"], "bus_id": "E", "p_kw": [1.0, 9.0], "q_kvar": 0.0})
    scenario = find_scenario(model.network)
    whole = run_cases(model, frame, scenario, keep=KEEP_ALL)
    some = run_cases(model, frame, scenario, keep=Keep(buses=["E", "B"], lines=["N"]))
    assert some.vm_pu.columns.tolist() == ["E", "B"] and some.line_loading_percent.columns.tolist() == ["N"]
    pd.testing.assert_frame_equal(some.vm_pu, whole.vm_pu[["E", "B"]])
    assert some.transformer_loading_percent.shape == (2, 0)
    nothing = run_cases(model, frame, scenario)
    assert nothing.vm_pu.shape == (2, 0) and len(nothing.buses) == len(nothing.lines) == 0
    pd.testing.assert_frame_equal(nothing.cases, whole.cases)
    with pytest.raises(KeyError, match="nowhere"):
        run_cases(model, frame, scenario, keep=Keep(buses=["nowhere"]))
    with pytest.raises(KeyError, match="everything"):
        run_cases(model, frame, scenario, keep=Keep(lines="everything"))  # type: ignore[arg-type]


def test_no_cases_give_empty_tables(model: GridModel) -> None:
    results = cases(model)
    assert results.cases.empty and list(results.cases.columns) == list(POINT_COLUMNS)
    assert results.vm_pu.shape == (0, 5) and results.line_loading_percent.shape == (0, 3)
    assert results.buses["vm_min_pu"].isna().all()


def test_a_change_of_the_net_is_seen(model: GridModel) -> None:
    """A switch opened by a caller after the first solve: E loses its supply."""
    fresh = build_model(station())
    assert cases(fresh, ("x", "E", 0.0, 0.0)).cases.loc["x", "unserved_kw"] == 0.0
    fresh.net.switch.loc[0, "closed"] = False
    assert cases(fresh, ("x", "E", 0.0, 0.0)).cases.loc["x", "unserved_kw"] == 50.0
    fresh.net.switch.loc[0, "closed"] = True
    fresh.net.ext_grid["vm_pu"] = 0.97
    assert cases(fresh, ("x", "E", 0.0, 0.0)).cases.loc["x", "vm_max_pu"] == pytest.approx(0.97)


def test_a_net_beyond_the_engine_is_solved_by_pandapower_and_says_so() -> None:
    import pandapower

    plain, held = build_model(station()), build_model(station())
    pandapower.create_gen(held.net, 3, p_mw=0.01, vm_pu=1.0)
    row = ("x", "E", 5.0, 1.0)
    theirs, ours = cases(held, row), cases(plain, row)
    assert theirs.engine.startswith("pandapower ") and "1 in table gen" in theirs.engine
    assert ours.engine.startswith("feederplan engine on pandapower ")
    assert theirs.vm_pu.loc["x", "D"] == pytest.approx(1.0)
    assert theirs.cases.loc["x", "generation_kw"] == pytest.approx(10.0)
    assert list(theirs.cases.columns) == list(ours.cases.columns)


def test_a_power_that_is_no_number_is_refused_with_its_case(model: GridModel) -> None:
    with pytest.raises(InputError, match=r"not_a_number.*gap"):
        cases(model, ("sound", "E", 1.0, 0.0), ("gap", "E", float("nan"), 0.0))


def test_a_load_put_into_the_net_by_a_caller_counts_as_it_is() -> None:
    import pandapower

    more = build_model(station())
    pandapower.create_load(more.net, 4, p_mw=0.015, q_mvar=0.004)
    row = cases(more, ("x", "D", 0.0, 0.0), scenario="feed_in").cases.loc["x"]
    added = cases(build_model(station()), ("x", "E", 15.0, 4.0), scenario="feed_in").cases.loc["x"]
    for name in ("demand_kw", "served_kw", "loss_kw", "vm_min_pu"):
        assert row[name] == pytest.approx(added[name], abs=1e-8), name


def test_no_source_is_an_input_error() -> None:
    dark = build_model(station())
    dark.net.ext_grid["in_service"] = False
    with pytest.raises(InputError, match="no_source"):
        cases(dark, ("x", "E", 0.0, 0.0))


def test_loads_that_answer_to_the_voltage_are_served_what_they_draw(model: GridModel) -> None:
    """Half of constant impedance: at less than 1 pu less is drawn than is asked for."""
    softer = build_model(station())
    for column in ("const_z_p_percent", "const_z_q_percent"):
        softer.net.load[column] = 50.0
    row = cases(softer, ("x", "E", 0.0, 0.0)).cases.loc["x"]
    apply_scenario(softer, find_scenario(softer.network))
    results = run_pandapower(softer)
    assert row["vm_min_pu"] == pytest.approx(results["vm_pu"], abs=1e-8)
    assert row["served_kw"] == pytest.approx(results["served_kw"], rel=1e-6)
    assert row["demand_kw"] == 50.0 and row["unserved_kw"] == 0.0


def run_pandapower(model: GridModel) -> dict[str, float]:
    import pandapower

    pandapower.runpp(model.net, numba=False, calculate_voltage_angles=True, voltage_depend_loads=True)
    return {
        "vm_pu": model.net.res_bus["vm_pu"].min(),
        "served_kw": 1e3 * model.net.res_load["p_mw"].sum(),
    }
