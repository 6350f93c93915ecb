"""One selection of a plan: on the network as it is over all years, or on top of what is taken for one year.

What is selected is kept in the checkpoint; a selection that is there already is read from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from capacity.measures import propose_measures
from capacity.measures.measure import Measure
from capacity.measures.situation import Situation, situation_of
from capacity.planning.checkpoint import Checkpoint, Chosen, TakenId
from capacity.planning.plan import PlanTerms, Taken, in_force, network_with, years_of
from capacity.planning.plan_cases import PlanCases
from capacity.planning.plan_costs import step_costs
from capacity.planning.plan_draft import Draft, Progress, Question
from capacity.planning.rerun import moved_cases
from capacity.planning.selected import Selection
from gis import Network

NOTHING_PROPOSED = "no measure of the kinds that may be used could be proposed"
NOTHING_HELPS = "no measure that was proposed, nor several together, cures it"


def select_from_the_ground(question: Question, draft: Draft) -> Draft:
    """Select over all years on the network as it is; what was taken before is where the search starts."""
    question.told(draft.progress("proposing measures"))
    situation = _situation(question, question.network, draft.cases)
    proposals = propose_measures(situation, question.terms.measures)
    first = tuple(one for one in draft.taken if one.round == 1)
    chosen, checkpoint = _chosen(question, draft, situation, proposals.measures, question.terms, first)
    nothing = {} if proposals.measures else dict.fromkeys(years_of(draft.cases), NOTHING_PROPOSED)
    return replace(
        draft, taken=_as_taken(chosen, proposals.measures, 1), checkpoint=checkpoint, number=draft.number + 1,
        bound_eur=chosen.bound_eur, selected_cases=len(draft.cases.labels), given_up=nothing,
        not_proposed=proposals.not_proposed,
    )  # fmt: skip


def select_on_top(question: Question, draft: Draft, year: int | None) -> Draft:
    """Propose for one year on the network that it has by then, and select on top of what is taken.

    A measure that was taken for a later year comes forward; one whose cells are all set anew in the same
    year falls away.
    """
    question.told(draft.progress(f"proposing measures on top{'' if year is None else f', {year}'}"))
    there = tuple(one for one in draft.taken if in_force(one, year))
    network = network_with(question.network, there, year)
    coming = np.flatnonzero(_from_year_on(draft.cases, year))
    cases = moved_cases(question.network, network, there, draft.cases, coming)
    now = cases.of_year(year)
    situation = _situation(question, network, cases)
    rows = situation.violations
    situation = replace(situation, violations=rows[rows["case_id"].isin(cases.labels.index[now])])
    proposals = propose_measures(situation, question.terms.measures)
    pool, terms = _compatible(proposals.measures, draft.taken, there), _terms_left(question, draft, year)
    draft = replace(draft, not_proposed=_with_reasons(draft, proposals.not_proposed))
    if not pool or terms is None:
        why = NOTHING_PROPOSED if terms is not None else _budget_used(question, year)
        return replace(draft, given_up={**draft.given_up, year: why})
    stand = replace(situation, cases=_cases_of(cases, now, year))
    narrow = [_in_cases(one, now) for one in pool]
    chosen, checkpoint = _chosen(question, draft, stand, narrow, terms, ())
    number = 1 + max((one.round for one in draft.taken), default=0)
    whole = [_spread(one, coming, len(draft.cases.labels)) for one in pool]
    added = _as_taken(chosen, whole, number)
    gone = {} if added else {year: NOTHING_HELPS}
    return replace(
        draft, taken=_merged(draft.taken, added), checkpoint=checkpoint, number=draft.number + 1,
        bound_eur=None if added else draft.bound_eur, given_up={**draft.given_up, **gone},
    )  # fmt: skip


def _situation(question: Question, network: Network, cases: PlanCases) -> Situation:
    return situation_of(network, cases, question.limits, catalogue=question.catalogue, costs=question.costs)


def _chosen(
    question: Question,
    draft: Draft,
    situation: Situation,
    measures: Sequence[Measure],
    terms: PlanTerms,
    before: Sequence[Taken],
) -> tuple[Chosen, Checkpoint]:
    """What is selected of measures, and the checkpoint that has it."""
    from capacity.planning.selection import select_measures  # needs numba

    number, known = draft.number, {one.measure_id for one in measures}
    kept = draft.checkpoint.at(number)
    if kept is not None and not {one.measure_id for one in kept.taken} <= known:
        kept = None
    if kept is not None and kept.done:
        return kept, draft.checkpoint
    if not measures:
        nothing = Chosen((), None, True)
        return nothing, draft.checkpoint.with_selection(number, nothing)
    begun = kept.taken if kept is not None else _ids_of(before)

    def tell(best: Selection) -> None:
        draft.checkpoint.with_selection(number, _as_chosen(best, measures, done=False))
        stage = f"selecting among {len(measures)} measures"
        count = int(best.in_force.any(axis=1).sum())
        question.told(Progress(stage, count, best.capital_eur, len(best.left)))

    question.told(draft.progress(f"selecting among {len(measures)} measures"))
    found = select_measures(
        situation.yardstick,
        situation.cases,
        measures,
        terms,
        catalogue=question.catalogue,
        start=_start(begun, measures, years_of(situation.cases)),
        told=tell,
        cancelled=question.cancelled,
        deadline=question.deadline,
    )
    chosen = _as_chosen(found, measures, done=not found.stopped)
    return chosen, draft.checkpoint.with_selection(number, chosen)


def _start(
    begun: Sequence[TakenId], measures: Sequence[Measure], years: Sequence[int | None]
) -> np.ndarray | None:
    """Measures x years: in force to begin with; nothing where none is."""
    place = {one.measure_id: row for row, one in enumerate(measures)}
    found = np.zeros((len(measures), len(years)), dtype=bool)
    for one in begun:
        if one.measure_id in place:
            found[place[one.measure_id]] |= [
                year is None
                or one.year is None
                or (one.year <= year and (one.until is None or year < one.until))
                for year in years
            ]
    return found if found.any() else None


def _as_chosen(selection: Selection, measures: Sequence[Measure], *, done: bool) -> Chosen:
    return Chosen(_ids_of(selection.taken(measures)), selection.bound_eur, done)


def _ids_of(taken: Sequence[Taken]) -> tuple[TakenId, ...]:
    return tuple(TakenId(one.measure.measure_id, one.year, one.until) for one in taken)


def _as_taken(chosen: Chosen, measures: Sequence[Measure], number: int) -> tuple[Taken, ...]:
    """Measures by their ids, as those of one round."""
    known = {one.measure_id: one for one in measures}
    return tuple(Taken(known[one.measure_id], one.year, one.until, round=number) for one in chosen.taken)


def _from_year_on(cases: PlanCases, year: int | None) -> np.ndarray:
    """Flag per case: it counts in that year or a later one."""
    years = cases.labels["year"]
    return np.asarray(years.isna() | (year is None) | (years >= (year or 0)).fillna(False), dtype=bool)


def _cases_of(cases: PlanCases, now: np.ndarray, year: int | None) -> PlanCases:
    """Cases of one year, those of all years too."""
    labels = cases.labels[now].assign(year=pd.array([year] * int(now.sum()), dtype="Int64"))
    switching = cases.switching[cases.switching["case_id"].isin(labels.index)]
    return PlanCases(labels, cases.kva[now], switching)


def _in_cases(measure: Measure, chosen: np.ndarray) -> Measure:
    """The measure with its power in some of the cases."""
    return replace(
        measure, power_kva={bus: np.asarray(power)[chosen] for bus, power in measure.power_kva.items()}
    )


def _spread(measure: Measure, rows: np.ndarray, count: int) -> Measure:
    """The measure with its power put at the rows of all cases; none in the others."""
    spread = {}
    for bus, power in measure.power_kva.items():
        spread[bus] = np.zeros(count, dtype=complex)
        spread[bus][rows] = power
    return replace(measure, power_kva=spread)


def _compatible(measures: Sequence[Measure], taken: Sequence[Taken], there: Sequence[Taken]) -> list[Measure]:
    """Measures that are not there yet and leave alone what one of a later year counts on."""
    standing = {one.measure.measure_id for one in there}
    coming = [one.measure for one in taken if one not in there and one.until is None]
    later = {one.measure_id for one in coming}
    touched = {key for one in coming for key in one.keys}
    return [
        one
        for one in measures
        if one.measure_id not in standing and (one.measure_id in later or not one.keys & touched)
    ]


def _merged(taken: Sequence[Taken], added: Sequence[Taken]) -> tuple[Taken, ...]:
    """What is taken with what is added: brought forward, or in place of what it sets anew."""
    new = {one.measure.measure_id for one in added}
    anew = {(one.year, *cell) for one in added for cell in _cells(one.measure)}
    kept = [
        one
        for one in taken
        if one.measure.measure_id not in new
        and not (_only_cells(one.measure) and {(one.year, *cell) for cell in _cells(one.measure)} <= anew)
    ]
    return (*kept, *added)


def _cells(measure: Measure) -> set[tuple[object, ...]]:
    cells = measure.changes.cells[["table", "element_id", "column"]]
    return set(cells.itertuples(index=False, name=None))


def _only_cells(measure: Measure) -> bool:
    """Whether a measure does nothing but set cells, the same in every case."""
    changes = measure.changes
    other = (*changes.added, *changes.removed, *measure.power_kva, *measure.cells_in)
    return not other and len(changes.cells) > 0


def _terms_left(question: Question, draft: Draft, year: int | None) -> PlanTerms | None:
    """The terms with what is left of the year's budget; none where it is used up."""
    budget = question.terms.budget_eur_per_year
    if budget is None:
        return question.terms
    costs = step_costs(draft.taken, question.terms, years_of(draft.cases))
    spent = sum(cost for one, cost in zip(draft.taken, costs["cost_eur"], strict=True) if one.year == year)
    left = budget - spent
    return question.terms.model_copy(update={"budget_eur_per_year": left}) if left > 0.0 else None


def _budget_used(question: Question, year: int | None) -> str:
    of_year = "" if year is None else f" of {year}"
    budget = f"{question.terms.budget_eur_per_year:,.0f} {question.costs.currency}"
    return f"the budget{of_year}, {budget}, is used up"


def _with_reasons(draft: Draft, found: pd.DataFrame) -> pd.DataFrame:
    """What could not be proposed, on the network as it is and on top."""
    parts = [part for part in (draft.not_proposed, found) if part is not None and len(part)]
    return pd.concat(parts, ignore_index=True).drop_duplicates(ignore_index=True) if parts else found
