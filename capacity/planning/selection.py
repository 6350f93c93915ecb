"""From measures and cases to the cheapest selection by year, every step verified by load flow.

    effects of each measure about the plan -> program per component -> load flow of the plan -> again

until the plan holds and does not get cheaper; then local search, and on small tasks every cheaper
combination. The best plan seen is never lost: what is stopped ends with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from capacity.checks import Yardstick
from capacity.measures.measure import Measure
from capacity.planning.components import components_of
from capacity.planning.evaluation import TOLERANCE, Evaluation
from capacity.planning.exhaustive import cheapest_combination
from capacity.planning.greedy import greedy_step, strongest_plan
from capacity.planning.linear_effects import LinearEffects, linear_effects
from capacity.planning.plan import PlanTerms
from capacity.planning.plan_cases import PlanCases
from capacity.planning.plan_grid import CHECKS, UNSUPPLIED, PlanGrid, make_plan_grid
from capacity.planning.program import Task, cliques_of, solve_component
from capacity.planning.search import improve, unsolved
from capacity.planning.secant import secant
from capacity.planning.selected import LEFT_COLUMNS, ROUND_COLUMNS, Selection
from capacity.planning.tried import Tried, merged, try_plan
from capacity.planning.worth import Prices, prices_of
from gridmodel import Catalogue

Told = Callable[[Selection], None]
# Rounds in which a component may change altogether; then so many of its measures at a time, half as many
# each time that the load flow does not bear the program out.
FREE_ROUNDS, FIRST_CHANGES, PLACES_SHARED = 4, 16, 4
# Share of the time that may be spent before fewer kinds are tried, too.
SPENT_SHARE = 0.15
# By how much [%] the linear limits are kept: next to nothing at first, more each time the plan did not hold.
MARGINS = (1e-3, 1e-3, 0.01, 0.02, 0.05, 0.1)
# Rounds without a better plan after which the program has told what it can.
IDLE_ROUNDS = 2
# The program of one part is stopped after so long [s]; what it has by then goes to the load flow.
PROGRAM_S = 8.0
_GREEDY_ROUNDS = 400


@dataclass
class _Work:
    """A selection in the making."""

    grid: PlanGrid
    evaluation: Evaluation
    prices: Prices
    measures: Sequence[Measure]
    terms: PlanTerms
    told: Told | None
    cancelled: Callable[[], bool]
    deadline: float
    began: float = field(default_factory=time.monotonic)
    best: Tried | None = None
    broken_in: np.ndarray | None = None  # flag per run: a plan that was tried broke a limit in it
    bound_eur: float | None = None
    proved_eur: float | None = None
    rounds: list[dict[str, object]] = field(default_factory=list)

    @property
    def stopped(self) -> str:
        if self.cancelled():
            return "cancelled"
        return "time limit" if time.monotonic() >= self.deadline else ""

    def over(self) -> bool:
        return bool(self.stopped)

    @property
    def active_runs(self) -> np.ndarray:
        """Runs in which some plan broke a limit: the others are solved, but need no say in the program."""
        flags = self.broken_in
        return (
            np.arange(len(self.grid.run_case)) if flags is None or not flags.any() else np.flatnonzero(flags)
        )


def select_measures(
    yardstick: Yardstick,
    cases: PlanCases,
    measures: Sequence[Measure],
    terms: PlanTerms,
    *,
    catalogue: Catalogue | None = None,
    start: Selection | np.ndarray | None = None,
    told: Told | None = None,
    cancelled: Callable[[], bool] | None = None,
    deadline: float | None = None,
    threads: int | None = None,
) -> Selection:
    """Choose measures so that every case keeps every limit at the least present value.

    Where no choice of measures keeps all limits, the one that comes nearest is given, cheapest first, and
    what is left stands in `Selection.left`.

    Parameters
    ----------
    start
        A selection of the same measures to begin with, or measures x years in force.
    told
        Called with the best so far after every round.
    cancelled
        Asked between load flows; when it says so the best so far is the answer.
    deadline
        As `time.monotonic()` counts; `terms.time_limit_s` from now when absent or earlier.
    threads
        Of the load flows; one per core when absent.

    Raises
    ------
    InputError
        A measure changes what cannot be planned with, or contradicts the network.
    """
    ends = time.monotonic() + terms.time_limit_s
    grid = make_plan_grid(yardstick, cases, measures, catalogue)
    work = _Work(
        grid=grid,
        evaluation=Evaluation(grid, threads),
        prices=prices_of(measures, grid.years, terms),
        measures=measures,
        terms=terms,
        told=told,
        cancelled=cancelled or (lambda: False),
        deadline=ends if deadline is None else min(ends, deadline),
    )
    given = start.in_force if isinstance(start, Selection) else start
    if given is None or given.shape != (grid.measure_count, len(grid.years)):
        given = np.zeros((grid.measure_count, len(grid.years)), dtype=bool)
    plan = _try(work, "start", given)
    if not (plan.holds and not plan.in_force.any()):
        _choose(work, plan)
    else:
        work.bound_eur = work.proved_eur = 0.0
    return _selection(work)


def _choose(work: _Work, plan: Tried) -> None:
    allowed = np.ones(work.grid.measure_count, dtype=bool)
    plan = _from_strength(work, plan, allowed)
    if work.terms.method == "greedy":
        _greedily(work, plan, allowed)
        _improve(work, "what is not needed given up", None, ~allowed)
        return
    effects = _rounds(work, plan, allowed)
    better = _improve(work, "local search", effects, allowed)
    if better.holds and not work.over():
        found = cheapest_combination(work.evaluation, work.prices, better, work.over)
        if found is not None:
            work.proved_eur = found.worth.present_value_eur
            _note(work, "every cheaper combination", found, 0)


def _improve(work: _Work, what: str, effects: LinearEffects | None, allowed: np.ndarray) -> Tried:
    """Search about the best plan."""
    best = _best(work)
    if work.over():
        return best
    better = improve(
        work.evaluation, work.prices, best, effects, allowed=allowed,
        reversible=np.array([one.reversible for one in work.measures]), over=work.over,
    )  # fmt: skip
    _note(work, what, better, int(allowed.sum()))
    return better


def _best(work: _Work) -> Tried:
    if work.best is None:  # the start is always tried
        raise RuntimeError("no plan was tried")
    return work.best


def _from_strength(work: _Work, plan: Tried, allowed: np.ndarray) -> Tried:
    """A plan to begin with where the network as it is has no load flow: all that can be built."""
    if not len(unsolved(work.grid, plan)):
        return plan
    strong = _try(work, "all that can be built", strongest_plan(work.grid, work.prices, allowed))
    return strong if len(unsolved(work.grid, strong)) < len(unsolved(work.grid, plan)) else plan


def _rounds(work: _Work, plan: Tried, allowed: np.ndarray) -> LinearEffects | None:
    """Program and load flow in turn: free, then with few changes at a time; returns the last effects."""
    start = plan
    first, effects = _free_rounds(work, start, allowed)
    for narrower in _narrower(work, allowed):
        _free_rounds(work, _from_strength(work, start, narrower), narrower)
    plan, changes, margin = _best(work), FIRST_CHANGES, 0
    while changes and not work.over():
        if effects is None or (effects.about != plan.in_force).any():
            if len(unsolved(work.grid, plan)):
                break
            effects = linear_effects(work.evaluation, plan.in_force, allowed, work.active_runs)
            effects = secant(work.grid, effects, first)
        chosen, _, parts = _program(work, effects, allowed, MARGINS[margin], changes)
        if (chosen == plan.in_force).all():
            break
        tried = _try(work, f"program of {parts} parts, {changes} changes", chosen, plan)
        together = merged(work.grid, work.prices, [plan, tried])
        if (together != tried.in_force).any() and (together != plan.in_force).any():
            mixed = _try(work, "best of each area", together, tried)
            tried = mixed if mixed.beats(tried) else tried
        if tried.beats(plan):
            plan = tried
        else:
            changes, margin = changes // 2, min(margin + 1, len(MARGINS) - 1)
    return effects


def _narrower(work: _Work, allowed: np.ndarray) -> list[np.ndarray]:
    """Fewer kinds to choose from: a program on linear limits may miss what it finds among less.

    Without what brings power (batteries, contracts), and with nothing but what is built for good, as far as
    the best plan uses the rest; none when it holds without power, or the time is short.
    """
    best, spent = _best(work), time.monotonic() - work.began
    if spent > SPENT_SHARE * (work.deadline - work.began) or not best.in_force.any():
        return []
    power = np.array([bool(one.power_kva) for one in work.measures])
    built = ~power & ~np.array([one.reversible or one.cost.eur <= 0.0 for one in work.measures])
    used = best.in_force.any(axis=1)
    if best.holds and not (used & power).any():
        return []
    found: list[np.ndarray] = []
    for narrow in (allowed & ~power, allowed & built):
        known = any((narrow == one).all() for one in found)
        if narrow.any() and not known and (used & ~narrow).any():
            found.append(narrow)
    return found


def _free_rounds(
    work: _Work, plan: Tried, allowed: np.ndarray
) -> tuple[LinearEffects | None, LinearEffects | None]:
    """Program and load flow in turn, each about the plan before; returns the first and the last effects."""
    first: LinearEffects | None = None
    effects, seen, idle, failed = None, [plan], 0, 0
    for number in range(FREE_ROUNDS):
        if work.over():
            break
        effects = linear_effects(work.evaluation, plan.in_force, allowed, work.active_runs)
        first = effects if first is None else first
        effects = secant(work.grid, effects, first)
        chosen, bound, parts = _program(work, effects, allowed, MARGINS[min(failed, len(MARGINS) - 1)])
        if allowed.all() and (number == 0 or plan.holds):
            work.bound_eur = bound
        before = work.best
        tried = _try(work, f"program of {parts} parts", chosen, plan)
        seen.append(tried)
        together = merged(work.grid, work.prices, seen[1:])
        if (together != chosen).any():
            _try(work, "best of each area", together, tried)
        failed += not tried.holds
        idle = idle + 1 if before is not None and work.best is before else 0
        same = bool((tried.in_force == plan.in_force).all())
        # Where a case has no load flow there are no effects to go by: again about the best, on safer ground.
        plan = work.best if len(unsolved(work.grid, tried)) and work.best else tried
        if idle >= IDLE_ROUNDS or (same and (tried.holds or failed > IDLE_ROUNDS)):
            break
    return first, effects


def _program(
    work: _Work, effects: LinearEffects, allowed: np.ndarray, margin: float, changes: int | None = None
) -> tuple[np.ndarray, float | None, int]:
    """Solve all components; returns the plan, the sum of their bounds and their number."""
    # Two measures at one place do less together than the sum; few changes at a time may try both.
    apart = changes is None or changes > PLACES_SHARED
    cliques, cliques_at = cliques_of(
        [one.keys | work.grid.between[row] if apart else one.keys for row, one in enumerate(work.measures)]
    )
    task = Task(
        effects=effects,
        row_year=work.grid.run_year[effects.run],
        prices=work.prices,
        reversible=np.array([one.reversible for one in work.measures]),
        cliques=cliques,
        cliques_at=cliques_at,
        budget_eur=work.terms.budget_eur_per_year,
        margin=margin,
        gap=work.terms.mip_gap_percent / 100.0,
        about=None if changes is None else effects.about,
        most_changes=changes or 0,
    )
    joint = work.terms.budget_eur_per_year is not None
    parts = components_of(
        effects, allowed, work.grid.conflicts, work.prices.lies_in, margin=margin, joint=joint
    )
    in_force = np.zeros((work.grid.measure_count, len(work.grid.years)), dtype=bool)
    bounds: list[float | None] = []
    for done, part in enumerate(parts):
        left = max(work.deadline - time.monotonic(), 0.5)
        limit = min(left / 3.0, max(2.0, left / (len(parts) - done) / 2.0), PROGRAM_S)
        answer = solve_component(task, part, limit)
        in_force[part.measures] = answer.in_force
        bounds.append(answer.bound_eur)
    known = [bound for bound in bounds if bound is not None]
    return in_force, sum(known) if len(known) == len(bounds) else None, len(parts)


def _greedily(work: _Work, plan: Tried, allowed: np.ndarray) -> None:
    """One measure of each part of the grid after the other.

    After the first of them only measures that help against what is broken are tried again; all are when none
    of these does.
    """
    of_use, asked = allowed.copy(), allowed
    for _ in range(_GREEDY_ROUNDS):
        if plan.holds or work.over():
            return
        runs = np.flatnonzero(plan.broken.any(axis=1))
        effects = linear_effects(work.evaluation, plan.in_force, asked, runs)
        chosen = greedy_step(work.grid, work.prices, effects, plan.in_force, asked)
        if (chosen == plan.in_force).all():
            if (asked == of_use).all():
                return
            asked = of_use
            continue
        after = _try(work, "greedy", chosen, plan)
        if after.lacking >= plan.lacking:  # a measure that promised more than it did is not asked again
            of_use = of_use & ~(chosen & ~plan.in_force).any(axis=1)
        else:
            plan = after
        asked = of_use & effects.helping


def _try(work: _Work, what: str, in_force: np.ndarray, known: Tried | None = None) -> Tried:
    """Solve a plan and keep it if it is the best so far."""
    tried = try_plan(work.evaluation, work.prices, in_force, known)
    broken = np.asarray(tried.broken.any(axis=1))
    work.broken_in = broken if work.broken_in is None else work.broken_in | broken
    _note(work, what, tried, work.grid.measure_count)
    return tried


def _note(work: _Work, what: str, tried: Tried, candidates: int) -> None:
    over = tried.excess[tried.broken]
    work.rounds.append(
        {
            "round": len(work.rounds), "what": what, "candidates": candidates,
            "states": work.evaluation.solved_states, "measures": int(tried.in_force.any(axis=1).sum()),
            "present_value_eur": tried.worth.present_value_eur, "bound_eur": work.bound_eur,
            "broken": int(tried.broken.sum()),
            "worst_excess_percent": float(over.max()) if len(over) else 0.0,
            "seconds": time.monotonic() - work.began,
        }
    )  # fmt: skip
    if tried.beats(work.best):
        work.best = tried
        if work.told is not None:
            work.told(_selection(work))


def _selection(work: _Work) -> Selection:
    best = _best(work)
    stopped = work.stopped
    status: Literal["resolved", "unresolved", "cancelled"] = "resolved" if best.holds else "unresolved"
    bound = work.bound_eur
    return Selection(
        years=work.grid.years,
        in_force=best.in_force,
        capital_eur=best.worth.capital_eur,
        present_value_eur=best.worth.present_value_eur,
        bound_eur=_believed(bound, best),
        proved_eur=work.proved_eur,
        left=_left(work.grid, best),
        rounds=pd.DataFrame(work.rounds, columns=list(ROUND_COLUMNS)),
        status="cancelled" if stopped == "cancelled" else status,
        stopped=stopped,
    )


def _believed(bound: float | None, best: Tried) -> float | None:
    """The bound of the program; none where the plan found is cheaper, which shows that it was wrong."""
    tolerance = 1e-6 * max(best.worth.present_value_eur, 1.0)
    if bound is None or (best.holds and bound > best.worth.preference_eur + tolerance):
        return None
    return max(min(bound, best.worth.present_value_eur) if best.holds else bound, 0.0)


def _left(grid: PlanGrid, plan: Tried) -> pd.DataFrame:
    """Limits that a plan breaks."""
    runs, columns = np.nonzero(plan.excess > TOLERANCE)
    kind, place = grid.kind[columns], grid.place[columns]
    network = grid.drawn.network
    ids = [
        "" if of >= UNSUPPLIED else network.table(CHECKS[of][1]).index[at]
        for of, at in zip(kind, place, strict=True)
    ]
    rows = {
        "case_id": grid.case_ids[grid.run_case[runs]],
        "year": pd.array([grid.years[year] for year in grid.run_year[runs]], dtype="Int64"),
        "check": [CHECKS[of][0] for of in kind],
        "table": [CHECKS[of][1] for of in kind],
        "element_id": ids,
        "excess_percent": plan.excess[runs, columns],
    }
    left = pd.DataFrame(rows, columns=list(LEFT_COLUMNS))
    return left.sort_values("excess_percent", ascending=False, kind="stable", ignore_index=True)
