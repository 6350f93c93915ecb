"""Cases: a case is the scenario with loads added, and leaves the model as it was."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gridmodel import CaseResults, GridModel, build_model, find_scenario, run_cases, run_load_flow
from tests.networks import station


@pytest.fixture(scope="module")
def model() -> GridModel:
    return build_model(station())


def cases(model: GridModel, *rows: tuple[str, str, float, float], scenario: str = "base") -> CaseResults:
    frame = pd.DataFrame(rows, columns=["case_id", "bus_id", "p_kw", "q_kvar"])
    return run_cases(model, frame, find_scenario(model.network, scenario))


@pytest.mark.parametrize("scenario", ["base", "feed_in"])
def test_a_case_of_nothing_is_the_scenario(model: GridModel, scenario: str) -> None:
    results = cases(model, ("nothing", "E", 0.0, 0.0), scenario=scenario)
    plain = run_load_flow(model, scenario)
    np.testing.assert_allclose(results.vm_pu[0], plain.buses["vm_pu"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(results.line_loading_percent[0], plain.lines["loading_percent"], atol=1e-6)
    assert results.cases.loc["nothing", "loss_kw"] == pytest.approx(plain.loss_kw, abs=1e-6)


def test_a_case_is_a_load_added_to_the_network(model: GridModel) -> None:
    results = cases(
        model,
        ("one", "E", 15.0, 4.0),
        ("two", "E", 9.0, 4.0),
        ("two", "D", -2.0, 1.0),
        ("two", "E", 6.0, 0.0),
    )
    one = run_load_flow(build_model(station("load Z E 15 q_kvar=4")))
    two = run_load_flow(
        build_model(station("load Z E 15 q_kvar=4", "load Y D 0 q_kvar=1", "generator X D 2"))
    )
    assert results.cases.index.tolist() == ["one", "two"]
    np.testing.assert_allclose(results.vm_pu[0], one.buses["vm_pu"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(
        results.transformer_loading_percent[0], one.transformers["loading_percent"], atol=1e-6
    )
    assert results.vm_pu[1][3] > results.vm_pu[0][3]
    assert two.converged and results.cases["status"].tolist() == ["converged", "converged"]


def test_rows_of_one_case_act_together(model: GridModel) -> None:
    split = cases(model, ("a", "E", 9.0, 4.0), ("a", "E", 6.0, 0.0))
    whole = cases(model, ("a", "E", 15.0, 4.0))
    np.testing.assert_allclose(split.vm_pu, whole.vm_pu, rtol=0, atol=1e-12)


def test_the_net_is_as_before_afterwards(model: GridModel) -> None:
    run_load_flow(model, "base")
    before = {table: model.net[table].copy() for table in ("bus", "line", "trafo", "load", "sgen", "switch")}
    cases(model, ("one", "E", 15.0, 4.0), scenario="feed_in")
    with pytest.raises(KeyError, match="nowhere"):
        cases(model, ("one", "nowhere", 15.0, 4.0), scenario="feed_in")
    for table, frame in before.items():
        pd.testing.assert_frame_equal(model.net[table], frame)


def test_a_case_that_cannot_be_solved_is_a_row(model: GridModel) -> None:
    results = cases(model, ("far too much", "E", 5000.0, 0.0), ("small", "E", 1.0, 0.0))
    assert results.cases["status"].tolist() == ["not_converged", "converged"]
    assert np.isnan(results.vm_pu[0]).all() and np.isfinite(results.vm_pu[1]).all()


def test_no_cases_give_empty_tables(model: GridModel) -> None:
    results = cases(model)
    assert results.cases.empty and list(results.cases.columns) == ["status", "loss_kw"]
    assert results.vm_pu.shape == (0, 5) and results.line_loading_percent.shape == (0, 3)
