"""The walk from cases to a plan: re-run, proof by pandapower, rounds on top, stopping and going on."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from capacity.costs import read_costs
from capacity.limits import read_limits
from capacity.planning import Plan, PlanTerms, plan_expansion
from capacity.planning.plan import PLAN_CASE_COLUMNS, PLAN_STEP_COLUMNS, UNRESOLVED_COLUMNS
from capacity.planning.plan_cases import PlanCases, cases_of_scenarios
from capacity.planning.plan_draft import Progress
from capacity.planning.selected import spans_of
from capacity.planning.verify import verify_plan
from capacity.planning.worth import worth_of
from gis import InputError
from gridmodel import Scenario
from tests.capacity.grids import station

pytestmark = pytest.mark.usefixtures("by_hand")

# L1 carries 123.8 % and L2 111.8 % of their rating.
WEAK = station(a2_kw=180.0)
LIMITS = read_limits("en50160")


@cache
def costs():
    return read_costs()


def plan_of(cases: PlanCases, terms: PlanTerms | None = None, **asked: object) -> Plan:
    return plan_expansion(WEAK, cases, LIMITS, costs=costs(), terms=terms, **asked)  # type: ignore[arg-type]


def load_case(factor: float = 1.0, year: int | None = None) -> Scenario:
    return Scenario(f"x{factor:g}", "scaled", year, factor)


def test_a_plan_holds_in_the_re_run_and_by_plain_pandapower() -> None:
    plan = plan_of(cases_of_scenarios(WEAK, [load_case()]), PlanTerms(measures=("second",)))
    assert plan.status == "resolved"
    assert plan.cases["violations_before"].tolist() == [2]
    assert plan.cases["violations_after"].tolist() == [0]
    assert plan.unresolved.empty
    proof = verify_plan(plan)
    assert proof["violations"].tolist() == [0]
    assert proof["agrees"].all()
    columns = [list(table.columns) for table in (plan.steps, plan.unresolved, plan.cases)]
    assert columns == [list(PLAN_STEP_COLUMNS), list(UNRESOLVED_COLUMNS), list(PLAN_CASE_COLUMNS)]


def test_pandapower_finds_the_limits_that_the_engine_finds_broken() -> None:
    plan = plan_of(cases_of_scenarios(WEAK, [load_case(), load_case(0.5)]), PlanTerms(measures=()))
    assert plan.status == "unresolved"
    proof = verify_plan(plan)
    assert proof["violations"].tolist() == proof["violations_engine"].tolist() == [2, 0]
    assert proof["agrees"].all()


def test_a_plan_costs_the_sum_of_its_steps_and_digs_a_street_once() -> None:
    """Both cables lie in one street: 2 x 100 m at 60 EUR/m, less 100 m of trench at 45 EUR/m."""
    plan = plan_of(cases_of_scenarios(WEAK, [load_case()]), PlanTerms(measures=("second",)))
    assert plan.steps["cost_eur"].tolist() == pytest.approx([6000.0, 1500.0])
    assert plan.capital_eur == pytest.approx(plan.steps["cost_eur"].sum())
    assert plan.steps["cost_high_eur"].tolist() == pytest.approx([6600.0, 1650.0])


def test_costs_over_years_are_those_of_the_selection() -> None:
    """L1 is over from 2030, L2 from 2035: a larger cable each, yearly 1 % of it."""
    years = [load_case(0.85, 2030), load_case(0.95, 2035)]
    terms = PlanTerms(measures=("larger",), horizon_years=12, discount_rate_percent=5.0)
    plan = plan_of(cases_of_scenarios(WEAK, years), terms)
    assert plan.status == "resolved"
    measures = [one.measure for one in plan.taken]
    in_force = np.array([[one.year <= year for year in (2030, 2035)] for one in plan.taken])
    assert [spans_of(row) for row in in_force] == [[(0, 2)], [(1, 2)]]
    worth = worth_of(measures, in_force, (2030, 2035), terms)
    assert plan.capital_eur == pytest.approx(worth.capital_eur)
    assert plan.present_value_eur == pytest.approx(worth.present_value_eur)
    assert plan.steps["year"].tolist() == [2030, 2035]


def test_measures_come_on_top_of_measures_where_one_round_is_not_enough() -> None:
    """At 1.5 times the load the first larger cable is too small: the next one takes its place."""
    plan = plan_of(cases_of_scenarios(WEAK, [load_case(1.1)]), PlanTerms(measures=("larger",)))
    assert max(one.round for one in plan.taken) > 1
    elements = [one.measure.element_id for one in plan.taken]
    assert sorted(elements) == sorted(set(elements))  # none is paid that another one takes the place of
    assert verify_plan(plan)["agrees"].all()


def test_what_cannot_be_cured_is_a_row_with_its_reason_and_the_cost_so_far() -> None:
    plan = plan_of(cases_of_scenarios(WEAK, [load_case(3.0)]), PlanTerms(measures=("larger",)))
    assert plan.status == "unresolved"
    assert len(plan.unresolved) == plan.cases["violations_after"].sum()
    assert (plan.unresolved["reason"] != "").all()
    assert (plan.unresolved["cost_so_far_eur"] == plan.capital_eur).all()


def test_a_plan_that_is_cancelled_keeps_what_it_has_and_goes_on_to_the_same_plan(tmp_path: Path) -> None:
    cases = cases_of_scenarios(WEAK, [load_case(0.85, 2030), load_case(0.95, 2035)])
    terms, file = PlanTerms(measures=("larger",)), tmp_path / "plan.json"
    seen: list[Progress] = []
    stopped = plan_of(
        cases, terms, checkpoint=file, told=seen.append,
        cancelled=lambda: any(one.steps for one in seen),
    )  # fmt: skip
    assert stopped.status == "cancelled"
    assert stopped.steps["element_id"].tolist() == ["L1"]
    assert set(stopped.unresolved["reason"]) == {"cancelled before it was solved"}
    assert json.loads(file.read_text())["selections"][0]["done"] is False
    resumed = plan_of(cases, terms, checkpoint=file, resume=True)
    whole = plan_of(cases, terms)
    pd.testing.assert_frame_equal(pd.DataFrame(resumed.steps), pd.DataFrame(whole.steps))
    assert resumed.capital_eur == whole.capital_eur


def test_a_checkpoint_of_another_question_is_refused(tmp_path: Path) -> None:
    cases, file = cases_of_scenarios(WEAK, [load_case(0.5)]), tmp_path / "plan.json"
    with pytest.raises(InputError, match="no such checkpoint"):
        plan_of(cases, checkpoint=file, resume=True)
    file.write_text('{"version": 1, "key": {"network": "x"}, "selections": []}')
    with pytest.raises(InputError, match="of another network"):
        plan_of(cases, checkpoint=file)
    file.write_text("{")
    with pytest.raises(InputError, match="no checkpoint of a plan"):
        plan_of(cases, checkpoint=file)


def test_a_network_within_its_limits_needs_no_measure() -> None:
    plan = plan_of(cases_of_scenarios(WEAK, [load_case(0.5)]))
    assert (plan.status, len(plan.steps), plan.capital_eur) == ("resolved", 0, 0.0)
