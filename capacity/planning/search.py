"""Local search about a plan that holds, every step solved exactly: give up, defer, exchange for cheaper.

A move changes the years of few measures and saves money. Moves that act in different areas are tried in one
state; of those that break nothing the best of each area are made together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from capacity.planning.evaluation import TOLERANCE, Evaluation
from capacity.planning.linear_effects import LinearEffects
from capacity.planning.plan_grid import EVERYWHERE, NO_SOLUTION, PlanGrid
from capacity.planning.tried import Tried, try_plan
from capacity.planning.worth import Prices, worth_at

# Moves tried per area and pass, the most saving first.
MOVES_PER_AREA = 400
# The linear effects rule a move out when they break a limit by more [%].
DOUBT_PERCENT = 1.0
_PASSES = 25


@dataclass(frozen=True, eq=False)
class Move:
    """New rows of the plan for some measures, and what that saves [EUR]."""

    measures: tuple[int, ...]
    in_force: np.ndarray
    saving_eur: float
    area: int


def improve(
    evaluation: Evaluation,
    prices: Prices,
    plan: Tried,
    effects: LinearEffects | None,
    *,
    allowed: np.ndarray,
    reversible: np.ndarray,
    over: Callable[[], bool],
) -> Tried:
    """Make moves until none saves any more, or the time is over."""
    for _ in range(_PASSES):
        moves = _by_area(
            move
            for move in moves_about(evaluation.grid, prices, plan, allowed, reversible)
            if effects is None or _promises(evaluation.grid, effects, plan, move)
        )
        better = _made(evaluation, prices, plan, moves, over)
        if better is None or over():
            return better or plan
        plan = better
    return plan


def moves_about(
    grid: PlanGrid, prices: Prices, plan: Tried, allowed: np.ndarray, reversible: np.ndarray
) -> Iterator[Move]:
    """Moves that save: each measure given up or deferred, exchanged for a cheaper one, two for one."""
    in_force = plan.in_force
    taken = np.flatnonzero(in_force.any(axis=1))
    value = _values(prices, in_force)
    years = in_force.shape[1]
    for one in taken:
        for rows in _less(in_force[one], bool(reversible[one])):
            saving = value(one, in_force[one]) - value(one, rows)
            yield Move((int(one),), rows[None], saving, _area(grid, [int(one)]))
    partners = _partners(grid, taken)
    for one in np.flatnonzero(allowed & ~in_force.any(axis=1)):
        out = grid.conflicts[one][np.isin(grid.conflicts[one], taken)]
        others = partners.get(int(grid.measure_area[one]), taken)
        for given_up in _given_up(out, others, in_force, one):
            rows = in_force[list(given_up)].any(axis=0)
            if not reversible[one]:
                rows = np.logical_or.accumulate(rows)
            saving = sum(value(k, in_force[k]) for k in given_up) - value(one, rows)
            if saving > 0.0:
                new = np.zeros((len(given_up) + 1, years), dtype=bool)
                new[-1] = rows
                move = (*given_up, int(one))
                yield Move(move, new, float(saving), _area(grid, move))


def _given_up(
    out: np.ndarray, others: np.ndarray, in_force: np.ndarray, one: int
) -> Iterable[tuple[int, ...]]:
    """Sets of measures that another may replace: those it excludes must go, one or two more may."""
    must = tuple(int(k) for k in out)
    if must:
        yield must
    rest = [int(k) for k in others if int(k) not in must and k != one]
    for k in rest:
        yield (*must, k)
    if not must and len(rest) <= 24:
        for place, first in enumerate(rest):
            for second in rest[place + 1 :]:
                yield (first, second)


def _partners(grid: PlanGrid, taken: np.ndarray) -> dict[int, np.ndarray]:
    """Measures in force per area, with those that act everywhere."""
    area = grid.measure_area[taken]
    return {int(one): taken[(area == one) | (area == EVERYWHERE)] for one in np.unique(area) if one >= 0}


def _less(rows: np.ndarray, reversible: bool) -> Iterator[np.ndarray]:
    """Fewer years in force: never, and starting later, or without a year where it can stop."""
    yield np.zeros_like(rows)
    years = np.flatnonzero(rows)
    if len(years) > 1:
        later = rows.copy()
        later[years[0]] = False
        yield later
    if reversible:
        for year in years[1:]:
            without = rows.copy()
            without[year] = False
            yield without


def _values(prices: Prices, in_force: np.ndarray) -> Callable[[int, np.ndarray], float]:
    """Present value of one measure; a trench counts where no other measure in force lies in it."""
    held: dict[int, int] = defaultdict(int)
    for one in np.flatnonzero(in_force.any(axis=1)):
        for key in prices.lies_in[one]:
            held[key] += 1

    def value(one: int, rows: np.ndarray) -> float:
        if not rows.any():
            return 0.0
        first = int(np.flatnonzero(rows)[0])
        own = (prices.start_eur[one] * (rows & ~np.concatenate([[False], rows[:-1]]))).sum()
        alone = 1 if in_force[one].any() else 0
        digs = sum(prices.trench_eur[key] for key in prices.lies_in[one] if held[key] <= alone)
        return float(own + (prices.year_eur[one] * rows).sum() + digs * prices.discount[first])

    return value


def _area(grid: PlanGrid, measures: Iterable[int]) -> int:
    areas = {int(grid.measure_area[one]) for one in measures}
    return areas.pop() if len(areas) == 1 else EVERYWHERE


def _promises(grid: PlanGrid, effects: LinearEffects, plan: Tried, move: Move) -> bool:
    """Whether the linear effects let a move be possible."""
    change = move.in_force.astype(float) - plan.in_force[list(move.measures)]
    part = effects.effect_by_measure[:, list(move.measures)]
    rows = np.unique(part.indices)
    if not len(rows):
        return True
    years = grid.run_year[effects.run[rows]]
    after = plan.excess[effects.run[rows], effects.constraint[rows]]
    after = after + (part[rows].toarray() * change[:, years].T).sum(axis=1)
    before = np.maximum(plan.excess[effects.run[rows], effects.constraint[rows]], 0.0)
    return bool((after - before).max() <= DOUBT_PERCENT)


def _by_area(moves: Iterable[Move]) -> dict[int, list[Move]]:
    found: dict[int, list[Move]] = defaultdict(list)
    for move in moves:
        if move.saving_eur > 0.0 or (move.saving_eur == 0.0 and not move.in_force.any()):
            found[move.area].append(move)
    return {
        area: sorted(those, key=lambda move: -move.saving_eur)[:MOVES_PER_AREA]
        for area, those in found.items()
    }


def _made(
    evaluation: Evaluation,
    prices: Prices,
    plan: Tried,
    moves: dict[int, list[Move]],
    over: Callable[[], bool],
) -> Tried | None:
    """The plan after the best moves that hold; nothing where none does."""
    local = {area: those for area, those in moves.items() if area != EVERYWHERE}
    best = _best_of_areas(evaluation, plan, local, over)
    if best:
        return _together(evaluation, prices, plan, best)
    if over():
        return None
    best = _best_of_areas(evaluation, plan, {EVERYWHERE: moves.get(EVERYWHERE, [])}, over)
    return _together(evaluation, prices, plan, best) if best else None


def _best_of_areas(
    evaluation: Evaluation, plan: Tried, moves: dict[int, list[Move]], over: Callable[[], bool]
) -> list[Move]:
    """The first move of each area's list that breaks nothing; one move of each area in a state."""
    won: dict[int, Move] = {}
    depth = 0
    at_once = 48
    while not over():
        stacks = [
            [those[k] for area, those in moves.items() if area not in won and k < len(those)]
            for k in range(depth, depth + at_once)
        ]
        stacks = [stack for stack in stacks if stack]
        if not stacks:
            break
        for stack, holds in zip(stacks, _hold(evaluation, plan, stacks), strict=True):
            for move, fine in zip(stack, holds, strict=True):
                if fine and move.area not in won:
                    won[move.area] = move
        depth += at_once
    return list(won.values())


def _hold(evaluation: Evaluation, plan: Tried, stacks: list[list[Move]]) -> list[list[bool]]:
    """Whether each move of each stack leaves every limit of its area and above as it was."""
    grid = evaluation.grid
    verdict = [[True] * len(stack) for stack in stacks]
    above = np.flatnonzero(grid.area == EVERYWHERE)
    rows_of: dict[int, np.ndarray] = {EVERYWHERE: np.arange(len(grid.area))}
    for run, (case, year) in enumerate(zip(grid.run_case, grid.run_year, strict=True)):
        taken = np.flatnonzero(plan.in_force[:, year])
        steps, asked = [], []
        for number, stack in enumerate(stacks):
            step = _step(plan, stack, int(year))
            if any(verdict[number]) and (len(step[0]) or len(step[1])):
                steps.append(step)
                asked.append(number)
        if not steps:
            continue
        standing = evaluation.standing(int(case), taken)
        allowed = np.maximum(plan.excess[run], 0.0) + TOLERANCE
        for first, excess in evaluation.steps(standing, steps):
            worse = excess > allowed
            for row in range(len(excess)):
                number = asked[first + row]
                all_bad = bool(worse[row, above].any())
                for k, move in enumerate(stacks[number]):
                    rows = rows_of.get(move.area)
                    if rows is None:
                        rows = rows_of[move.area] = np.flatnonzero(grid.area == move.area)
                    verdict[number][k] &= not all_bad and not bool(worse[row, rows].any())
    return verdict


def _step(plan: Tried, stack: list[Move], year: int) -> tuple[np.ndarray, np.ndarray]:
    given_up, taken = [], []
    for move in stack:
        for place, measure in enumerate(move.measures):
            before, after = bool(plan.in_force[measure, year]), bool(move.in_force[place, year])
            if before and not after:
                given_up.append(measure)
            elif after and not before:
                taken.append(measure)
    return np.array(given_up, dtype=np.int64), np.array(taken, dtype=np.int64)


def _together(evaluation: Evaluation, prices: Prices, plan: Tried, moves: list[Move]) -> Tried | None:
    """The plan with all moves; where they break something together, with the half that saves more."""
    moves = sorted(moves, key=lambda move: -move.saving_eur)
    while moves:
        in_force = plan.in_force.copy()
        for move in moves:
            in_force[list(move.measures)] = move.in_force
        if worth_at(prices, in_force).present_value_eur <= plan.worth.present_value_eur + 1e-6:
            tried = try_plan(evaluation, prices, in_force, plan)
            if tried.beats(plan):
                return tried
        moves = moves[: len(moves) // 2]
    return None


def unsolved(grid: PlanGrid, tried: Tried) -> np.ndarray:
    """Runs without load flow."""
    return np.flatnonzero(tried.excess[:, np.flatnonzero(grid.kind == NO_SOLUTION)[0]] > 0.0)
