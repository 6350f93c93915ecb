"""Steps of a study on security and expansion; the registry is `capacity.study.study_steps`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pandas as pd

from capacity.planning import Plan, plan_expansion
from capacity.planning.asked_cases import AskedCases, asked_cases
from capacity.planning.plan_draft import Progress
from capacity.planning.plan_tables import placed_steps
from capacity.security import study_security
from capacity.study.opened_study import Study
from capacity.study.study_year_steps import Tables, require_named, stacked

PLAN_COLUMNS = (
    "plan", "status", "steps", "cost_eur", "present_value_eur", "bound_eur", "currency", "cost_table",
    "price_year", "limits", "cases", "violations_before", "violations_after",
)  # fmt: skip
# Name of the plan for the scenarios of the network.
OF_NETWORK = "network"


def security(study: Study) -> Tables:
    """Every element out once in each scenario of the network: who stays dark, what is switched, back-feed."""
    require_named(study.cases, "network_scenarios", "it names no scenario of the network")
    outages, steps, transfers, firm = [], [], [], []
    for case in study.cases:
        study.told(f"outages in {case.scenario_id}")
        found = study_security(study.model, study.yardstick, case)
        outages.append(_of(found.outages.reset_index(), "scenario", case.scenario_id))
        steps.append(_of(found.steps, "scenario", case.scenario_id))
        transfers.append(_of(found.transfers, "scenario", case.scenario_id))
        firm.append(_of(found.firm, "scenario", case.scenario_id))
    return {
        "outages": stacked(outages),
        "outage_steps": stacked(steps),
        "transfers": stacked(transfers),
        "firm": stacked(firm),
    }


def plan(study: Study) -> Tables:
    """What to build, where, when: one plan for the network's scenarios, and one per demand scenario."""
    question, costs = study.file.plan, study.costs
    require_named([question] if question is not None else [], "plan", "it has no block [plan]")
    assert question is not None and costs is not None  # one is read with the other
    made = {}
    for name, asked in _asked(study):
        study.told(f"planning for {name}")
        made[name] = plan_expansion(
            study.network, asked.cases, study.limits, costs=costs, catalogue=study.model.catalogue,
            terms=question.terms, hours=asked.hours, n_minus_1=question.n_minus_1, told=_teller(study),
        )  # fmt: skip
    tables = {
        "plans": pd.DataFrame([_row(name, one) for name, one in made.items()], columns=list(PLAN_COLUMNS)),
        "plan_steps": stacked(_of(placed_steps(one), "plan", name) for name, one in made.items()),
        "plan_cases": stacked(_of(one.cases, "plan", name) for name, one in made.items()),
        "plan_unresolved": stacked(_of(one.unresolved, "plan", name) for name, one in made.items()),
    }
    hours = [_of(one.hours, "plan", name) for name, one in made.items() if one.hours is not None]
    secure = [_of(one.security, "plan", name) for name, one in made.items() if one.security is not None]
    more = {"plan_hours": hours, "plan_security": secure}
    return tables | {name: stacked(parts) for name, parts in more.items() if parts}


def _asked(study: Study) -> Iterator[tuple[str, AskedCases]]:
    """Name and cases of each plan."""
    question = study.file.plan
    worst = () if question is None else question.worst_cases
    if study.cases or worst:
        yield OF_NETWORK, asked_cases(study.network, study.limits, scenarios=study.cases, worst=worst)
    for one in study.scenarios:
        yield one.scenario_id, asked_cases(study.network, study.limits, demand=one, told=study.told)


def _row(name: str, made: Plan) -> dict[str, object]:
    return {
        "plan": name, "status": made.status, "steps": len(made.steps), "cost_eur": made.capital_eur,
        "present_value_eur": made.present_value_eur, "bound_eur": made.bound_eur, "currency": made.currency,
        "cost_table": made.cost_table, "price_year": made.price_year,
        "limits": "" if made.limits is None else made.limits.name, "cases": len(made.cases),
        "violations_before": int(made.cases["violations_before"].sum()),
        "violations_after": len(made.unresolved),
    }  # fmt: skip


def _of(table: pd.DataFrame, column: str, name: str) -> pd.DataFrame:
    """The table with the name it is of before its columns."""
    columns = [column, *(own for own in table.columns if own != column)]
    return table.assign(**{column: name})[columns]


def _teller(study: Study) -> Callable[[Progress], None]:
    def tell(now: Progress) -> None:
        study.told(f"  {now.stage}: {now.steps} measures, {now.cost_eur:,.0f}")

    return tell
