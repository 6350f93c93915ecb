"""`plan_expansion`: from cases that break limits to a plan that is proved to hold in every one of them.

The walk: solve every case, propose measures, select the least cost of them, make the network that they lead
to, solve every case on it. Where hours of a year that were no cases break a limit there, they become cases
and the selection is made again; where limits are left, measures are proposed once more on the changed
network (on top of those taken). It always ends with the re-run: nothing is told that was not solved.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from capacity.costs import CostTable
from capacity.limits import Limits
from capacity.measures import kinds
from capacity.planning.checkpoint import Checkpoint, checkpoint_key, open_checkpoint
from capacity.planning.outage_cases import OutageCases, outage_cases, security_table
from capacity.planning.plan import Plan, PlanTerms, years_of
from capacity.planning.plan_cases import PlanCases, joined_cases
from capacity.planning.plan_costs import step_costs
from capacity.planning.plan_draft import Draft, Progress, Question
from capacity.planning.plan_steps import case_table, steps_table, unresolved_table
from capacity.planning.rerun import Rerun, run_again
from capacity.planning.scenario_hours import ScenarioHours, prove_years
from capacity.planning.selecting import select_from_the_ground, select_on_top
from gis import Network
from gridmodel import Catalogue, read_catalogue

# Selections at most: on the network as it is, after further hours, and on top of what was taken.
MOST_SELECTIONS = 12
# Proofs of all hours at most; hours that break a limit in the last are told, no longer cured.
MOST_PROOFS = 6


def plan_expansion(
    network: Network,
    cases: PlanCases,
    limits: Limits,
    *,
    costs: CostTable,
    catalogue: Catalogue | None = None,
    terms: PlanTerms | None = None,
    hours: ScenarioHours | None = None,
    n_minus_1: bool = False,
    checkpoint: Path | None = None,
    resume: bool = False,
    cancelled: Callable[[], bool] | None = None,
    told: Callable[[Progress], None] | None = None,
) -> Plan:
    """Find what to build, where, when and at what cost, and prove that it holds.

    Parameters
    ----------
    cases
        Every state of affairs that the plan must hold in (`capacity.planning.plan_cases`).
    costs
        Its name, currency and year stand in the plan.
    catalogue
        The one that ships when absent.
    hours
        Years of a demand scenario that all hours are proved of; their first cases are
        `scenario_hours.year_cases`. No such proof when absent.
    n_minus_1
        Whether the loss of any one element must leave everybody supplied within limits, after switching.
    checkpoint, resume
        File that keeps what was selected so far. One of the same input is taken up; with resume it must be
        there.
    cancelled
        Asked now and then; once it says so, the best plan so far is proved and returned.
    told
        Takes how far it is.

    Returns
    -------
    Plan
        Limits that could not be cured are rows of `unresolved`; a plan that was cancelled or ran into the
        time limit is one with what it had.

    Raises
    ------
    InputError
        The input makes no model, or the checkpoint is of another question.
    """
    began, asked = time.monotonic(), terms or PlanTerms()
    question = Question(
        network, limits, costs, catalogue or read_catalogue(), asked, hours, n_minus_1,
        cancelled or (lambda: False), told or (lambda _: None), np.inf,
    )  # fmt: skip
    scenario = None if hours is None else (hours.scenario.model_dump_json(), hours.years)
    key = checkpoint_key(network, cases, limits, asked, costs, scenario=scenario, n_minus_1=n_minus_1)
    draft = Draft(cases, open_checkpoint(checkpoint, key, resume=resume))
    if n_minus_1:
        draft, _ = _proved(replace(question, hours=None), draft)
    # What the machine compiles once is no part of the search.
    after = _again(question, draft)
    question = replace(question, deadline=time.monotonic() + asked.time_limit_s)
    before = draft.security
    return _plan(question, *_cheapest(question, draft, after), before, began)


def _cheapest(question: Question, draft: Draft, after: Rerun) -> tuple[Draft, Rerun]:
    """A plan of all kinds that are allowed, or one without batteries and contracts where that is better.

    With more to choose from, a program over linear effects may end in a dear corner.
    """
    first = _drafted(question, draft, after)
    power = {one.measure.kind for one in first[0].taken if one.measure.power_kva}
    fewer = tuple(kind for kind in question.terms.measures or kinds() if kind not in power)
    if not power or not fewer or question.stopped:
        return first
    asked = replace(question, terms=question.terms.model_copy(update={"measures": fewer}))
    second = _drafted(asked, replace(draft, checkpoint=Checkpoint(None, draft.checkpoint.key)), after)
    return min(first, second, key=lambda one: _merit(question, *one))


def _merit(question: Question, draft: Draft, after: Rerun) -> tuple[int, float]:
    """Limits still broken, then the present value; less is better."""
    costs = step_costs(draft.taken, question.terms, years_of(draft.cases))
    return len(after.broken), float(costs["present_value_eur"].sum())


def _drafted(question: Question, draft: Draft, after: Rerun) -> tuple[Draft, Rerun]:
    """Select, re-run and prove until all holds or nothing more is to be tried."""
    while True:
        if after.holds:
            draft, grown = _proved(question, draft)
            after = _again(question, draft) if grown else after
            if not grown or draft.proofs >= MOST_PROOFS or question.stopped:
                return draft, after
            continue
        year = _year_to_plan(draft, after)
        if draft.number >= MOST_SELECTIONS or year is _NOWHERE or question.stopped:
            draft, grown = _proved(question, draft)
            return draft, _again(question, draft) if grown else after
        if draft.unselected:
            draft = select_from_the_ground(question, draft)
        else:
            draft = select_on_top(question, draft, year)  # type: ignore[arg-type]  # a year or None
        after = _again(question, draft)


_NOWHERE = object()


def _again(question: Question, draft: Draft) -> Rerun:
    """Every case on the network of the draft."""
    question.told(draft.progress(f"solving {len(draft.cases.labels)} cases on the changed network"))
    after = run_again(
        question.network, draft.taken, draft.cases, question.limits, catalogue=question.catalogue
    )
    question.told(draft.progress("every case solved", len(after.broken)))
    return after


def _proved(question: Question, draft: Draft) -> tuple[Draft, bool]:
    """The draft proved in all hours and outages; those that break a limit become cases."""
    further, draft = [], replace(draft, proofs=draft.proofs + 1)
    if question.hours is not None:
        question.told(draft.progress("proving all hours of each year"))
        proof = prove_years(question.network, draft.taken, draft.cases, question.hours)
        draft, further = replace(draft, proof=proof), [proof.further]
    if question.n_minus_1:
        question.told(draft.progress("taking every element out once"))
        security = outage_cases(
            question.network, draft.taken, draft.cases, question.limits, catalogue=question.catalogue
        )
        draft = replace(draft, security=security)
        further.append(security.limited)
    grown = joined_cases([draft.cases, *(part for part in further if part is not None)])
    return replace(draft, cases=grown), len(grown.labels) > len(draft.cases.labels)


def _year_to_plan(draft: Draft, after: Rerun) -> object:
    """The first year with a broken limit that is not given up; `_NOWHERE` if there is none."""
    if draft.unselected:
        return None
    years = after.broken["run_year"]
    broken = [None] if years.isna().all() else sorted(int(year) for year in years.dropna().unique())
    return next((year for year in broken if year not in draft.given_up), _NOWHERE)


def _plan(
    question: Question, draft: Draft, after: Rerun, secure_before: OutageCases | None, began: float
) -> Plan:
    """The plan of a draft that has been run again."""
    network, years = question.network, years_of(draft.cases)
    before = run_again(network, (), draft.cases, question.limits, catalogue=question.catalogue)
    costs = step_costs(draft.taken, question.terms, years)
    capital_eur = float(costs["cost_eur"].sum())
    stopped = question.stopped

    def reason(row: pd.Series) -> str:
        return draft.reason_of(row, stopped)

    return Plan(
        network=network,
        taken=draft.taken,
        steps=steps_table(network, draft.taken, question.terms, years, before),
        unresolved=unresolved_table(after, draft.cases, capital_eur, reason),
        cases=case_table(before, after, draft.cases),
        status="resolved" if after.holds else "cancelled" if question.cancelled() else "unresolved",
        capital_eur=capital_eur,
        present_value_eur=float(costs["present_value_eur"].sum()),
        bound_eur=draft.bound_eur,
        seconds=time.monotonic() - began,
        cost_table=question.costs.name,
        currency=question.costs.currency,
        limits=question.limits,
        terms=question.terms,
        states=draft.cases,
        not_proposed=draft.not_proposed,
        hours=None if draft.proof is None else draft.proof.years,
        security=security_table(secure_before, draft.security),
        price_year=question.costs.price_year,
        asked=_asked(question, draft),
    )


def _asked(question: Question, draft: Draft) -> dict[str, object]:
    """What was asked, by name."""
    return {
        "scenarios": ", ".join(dict.fromkeys(draft.cases.labels["scenario"])),
        "years": ", ".join(str(year) for year in draft.cases.years),
        "cases": len(draft.cases.labels),
        "limits": question.limits.name,
        "cost_table": question.costs.prices,
        "n_minus_1": question.n_minus_1,
        **question.terms.model_dump(mode="json"),
    }
