"""Operating points without solution: each says where it breaks, what it could serve, and who is to blame."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from gis.examples import synthetic_network
from gridmodel import (
    GridModel,
    Scenario,
    build_model,
    diagnose,
    find_scenario,
    profiles_by_class,
    run_cases,
    run_profiles,
)
from gridmodel.outcome import FAILURE_COLUMNS
from tests.networks import station

CASES = pd.DataFrame(
    [("fine", "E", 5.0, 0.0), ("too much", "E", 5000.0, 0.0), ("both", "D", 2.0, 0.0),
     ("both", "E", 9e5, 0.0), ("fed", "E", -9e4, 0.0)],
    columns=["case_id", "bus_id", "p_kw", "q_kvar"],
)  # fmt: skip


@pytest.fixture(scope="module")
def model() -> GridModel:
    return build_model(station())


@pytest.fixture(scope="module")
def failures(model: GridModel) -> pd.DataFrame:
    return run_cases(model, CASES, find_scenario(model.network, "base"), explain=True).failures


def times(model: GridModel, factor: float, *load_ids: str) -> GridModel:
    loads = model.network.loads
    chosen = loads.index.isin(load_ids or loads.index)
    p_kw = loads["p_kw"].where(~chosen, factor * loads["p_kw"])
    return build_model(dataclasses.replace(model.network, loads=loads.assign(p_kw=p_kw)))


def test_only_what_failed_and_all_of_it_is_a_row(failures: pd.DataFrame) -> None:
    assert failures.index.tolist() == ["too much", "both", "fed"] and failures.index.name == "case_id"


def test_what_a_case_adds_is_to_blame_for_it(failures: pd.DataFrame) -> None:
    for case in ("too much", "both"):
        row = failures.loc[case]
        assert row["weakest_bus_id"] == "E" and 0.3 < row["weakest_vm_pu"] < 0.8
        assert row["suspect_load_id"] is None and row["suspect_bus_id"] == "E"
        assert row["solves_without_suspect"] and "without it there is a solution" in row["reason"]
    assert failures.loc["both", "suspect_p_kw"] == pytest.approx(9e5)


def test_a_case_is_explained_as_the_diagnosis_explains_that_network(failures: pd.DataFrame) -> None:
    """The diagnosis confirms its share by pandapower; both are within 1 %."""
    found = diagnose(build_model(station("load Z E 5000 q_kvar=0")), "base")
    row = failures.loc["too much"]
    assert row["servable_share"] == pytest.approx(found.servable_share, rel=0.01)
    assert row["unserved_kw"] == pytest.approx(found.min_unserved_kw, rel=0.01)
    assert row["weakest_bus_id"] == found.weakest_bus_id
    assert row["weakest_vm_pu"] == pytest.approx(found.weakest_vm_pu, rel=0.05)
    assert found.suspects["load_id"].tolist() == ["Z"]


def test_generation_that_cannot_be_carried_away_is_to_blame(failures: pd.DataFrame) -> None:
    row = failures.loc["fed"]
    assert row["servable_share"] == 0.0 and row["weakest_bus_id"] == "E" and np.isnan(row["weakest_vm_pu"])
    assert row["suspect_load_id"] is None and pd.isna(row["solves_without_suspect"])
    assert "generation cannot be carried away" in row["reason"]
    assert row["unserved_kw"] == pytest.approx(50.0)


def test_hours_name_the_load_that_is_wrong_by_a_thousand() -> None:
    small = build_model(synthetic_network(60))
    load_id = small.network.loads.index[7]
    wrong = times(small, 1000.0, load_id)
    table = pd.DataFrame(
        {name: [0.001, 1.0, 0.8] for name in ("residential", "pv")},
        index=pd.date_range("2026-01-01", periods=3, freq="h", tz="UTC"),
    )
    results = run_profiles(wrong, profiles_by_class(wrong.network, table), Scenario(), explain=True)
    assert results.failures.index.tolist() == table.index[1:].tolist()
    assert (results.failures["suspect_load_id"] == load_id).all()
    assert results.failures["solves_without_suspect"].all()
    served = results.failures["servable_share"].to_numpy() * [1.0, 0.8]
    assert served[0] == pytest.approx(served[1], rel=0.02)  # the same grid carries the same


def test_a_grid_overloaded_as_a_whole_blames_no_load(model: GridModel) -> None:
    small = times(build_model(synthetic_network(60)), 200.0)
    nothing = pd.DataFrame([("all", small.network.buses.index[-1], 0.0, 0.0)], columns=CASES.columns)
    row = run_cases(small, nothing, Scenario(), explain=True).failures.loc["all"]
    assert row["suspect_load_id"] is None and "the demand as a whole" in row["reason"]
    assert row["servable_share"] == pytest.approx(diagnose(small).servable_share, rel=0.01)


def test_nothing_is_explained_unless_asked_for(model: GridModel) -> None:
    scenario = find_scenario(model.network, "base")
    for failures in (
        run_cases(model, CASES, scenario).failures,
        run_cases(model, CASES[:1], scenario, explain=True).failures,
    ):
        assert failures.empty and failures.dtypes.astype(str).to_dict() == FAILURE_COLUMNS


def test_more_failures_than_are_explained_at_a_time_are_the_same_rows(model: GridModel) -> None:
    many = pd.DataFrame(
        {"case_id": range(150), "bus_id": "E", "p_kw": 5000.0 + np.arange(150), "q_kvar": 0.0}
    )
    failures = run_cases(model, many, Scenario(), explain=True).failures
    assert len(failures) == 150 and (failures["suspect_bus_id"] == "E").all()
    assert failures["suspect_p_kw"].is_monotonic_increasing
    served_kw = failures["suspect_p_kw"] + 50.0 - failures["unserved_kw"]
    assert np.ptp(served_kw) < 0.02 * served_kw.mean()


def test_demand_without_supply_counts_as_unserved() -> None:
    dark = build_model(station("bus X 0.4", "load Z X 70"))
    row = run_cases(dark, CASES[1:2], Scenario(), explain=True).failures.iloc[0]
    assert row["unserved_kw"] == pytest.approx(5050.0 * (1.0 - row["servable_share"]) + 70.0)
