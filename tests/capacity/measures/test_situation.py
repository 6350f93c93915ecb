"""What measures see of a weak grid: limits broken per case, and what every element carries."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from capacity.checks import violations
from capacity.limits import read_limits
from capacity.measures.situation import CASE_VIOLATION_COLUMNS, Situation, situation_of
from capacity.planning.plan_cases import PlanCases, cases_of_scenarios
from gis import Network
from gridmodel import Scenario, build_model, read_catalogue, run_load_flow
from tests.capacity.grids import grid, station, yardstick_of
from tests.capacity.measures.tables import PRICES

WEAK = Scenario("weak", "five times the load", None, 5.0)


def _situation(network: Network, cases: PlanCases, profile: str = "en50160") -> Situation:
    return situation_of(network, cases, read_limits(profile), catalogue=read_catalogue(), costs=PRICES)


def test_limits_broken_are_those_of_a_load_flow_of_the_scenario() -> None:
    for profile in ("en50160", "dena"):
        found = _situation(station(), cases_of_scenarios(station(), [Scenario(), WEAK]), profile)
        expected = violations(yardstick_of(station(), profile), run_load_flow(build_model(station()), WEAK))
        weak = found.violations[found.violations["case_id"] == "weak"]
        assert tuple(found.violations.columns) == CASE_VIOLATION_COLUMNS
        assert len(weak) and set(zip(weak["check"], weak["element_id"], strict=True)) == set(
            zip(expected["check"], expected["element_id"], strict=True)
        )


def test_kva_carried_is_the_loading_of_the_rating() -> None:
    found = _situation(station(), cases_of_scenarios(station(), [Scenario()]))
    flow = run_load_flow(build_model(station()), Scenario())
    rated_kva = np.sqrt(3) * 0.4 * 270.0  # NAYY 4x150: 270 A
    loading = flow.lines.loc["L1", "loading_percent"] / 100.0
    assert found.line_kva[0, 1] == pytest.approx(loading * rated_kva, rel=1e-6)
    assert found.transformer_kva[0, 0] == pytest.approx(
        flow.transformers.loc["T1", "loading_percent"] / 100.0 * 250.0, rel=1e-6
    )


def test_a_case_without_solution_is_a_row() -> None:
    found = _situation(station(), cases_of_scenarios(station(), [Scenario("huge", "", None, 1000.0)]))
    row = found.violations.iloc[0]
    assert len(found.violations) == 1 and row["check"] == "no_solution"
    assert np.isnan(row["value"]) and np.isnan(found.line_kva).all()


def test_a_relative_band_counts_from_the_busbar_that_feeds_in_the_switched_case() -> None:
    #  S1 1.00 M1 --K1-- M2 --K2-- M3 --K3-- M4 1.05 S2, all 20 kV; W at K3 is open
    network = grid(
        [(f"M{n}", 20.0, 1000.0 * n, 0.0) for n in range(1, 5)],
        [("K1", "M1", "M2", 1000.0), ("K2", "M2", "M3", 1000.0), ("K3", "M3", "M4", 1000.0)],
        switches=[("W", False, "M4", "lines", "K3")],
        sources=[("S1", "M1", 1.0), ("S2", "M4", 1.08)],
        loads=[("home", "M3", 100.0, 1)],
    )
    moved = pd.DataFrame(
        [("moved", "switches", "W", "closed"), ("moved", "lines", "K1", "out")],
        columns=["case_id", "table", "element_id", "state"],
    )
    base = cases_of_scenarios(network, [Scenario()])
    labels = pd.concat([base.labels, base.labels.set_axis(pd.Index(["moved"], name="case_id"))])
    cases = dataclasses.replace(base, labels=labels, kva=np.repeat(base.kva, 2, axis=0), switching=moved)
    found = _situation(network, cases, "dena")
    assert found.vm_pu[1, 2] == pytest.approx(1.08, abs=0.001)
    assert found.violations.empty  # 0.08 pu above the busbar M1 would be too high
