"""Local search about a plan, every step solved exactly: moves that save money and break nothing.

Moves that act in different areas are tried in one state; those that hold are made together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import numpy as np

from capacity.planning.evaluation import TOLERANCE, Evaluation
from capacity.planning.linear_effects import LinearEffects
from capacity.planning.moves import Move, exchanges, give_ups
from capacity.planning.plan_grid import EVERYWHERE, NO_SOLUTION, PlanGrid
from capacity.planning.tried import Tried, try_plan
from capacity.planning.worth import Prices, worth_at

# Moves tried per area and pass, the most saving first; as many states are solved at once.
MOVES_PER_AREA, AT_ONCE = 384, 64
_PASSES = 25


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
    """Make moves until none saves any more, or the time is over; without effects nothing is exchanged."""
    grid = evaluation.grid
    for _ in range(_PASSES):
        less = _by_area(give_ups(grid, prices, plan, reversible))
        better = None if over() else _made(evaluation, prices, plan, less, over)
        if better is None and effects is not None and not over():
            swaps = exchanges(grid, prices, plan, effects, allowed=allowed, reversible=reversible)
            better = _made(evaluation, prices, plan, _by_area(swaps), over)
        if better is None:
            return plan
        plan = better
    return plan


def _by_area(moves: Iterable[Move]) -> dict[int, list[Move]]:
    found: dict[int, list[Move]] = defaultdict(list)
    for move in moves:
        if move.saving_eur > 0.0:
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
    for part in (local, {EVERYWHERE: moves.get(EVERYWHERE, [])}):
        better = _together(evaluation, prices, plan, _that_hold(evaluation, plan, part, over))
        if better is not None or over():
            return better
    return None


def _that_hold(
    evaluation: Evaluation, plan: Tried, moves: dict[int, list[Move]], over: Callable[[], bool]
) -> list[Move]:
    """Moves of each area that break nothing, of the first states in which some do."""
    won: dict[int, list[Move]] = {}
    depth = 0
    while not over():
        stacks = [
            [those[k] for area, those in moves.items() if area not in won and k < len(those)]
            for k in range(depth, depth + AT_ONCE)
        ]
        stacks = [stack for stack in stacks if stack]
        if not stacks:
            break
        fine = _hold(evaluation, plan, stacks)
        for stack, holds in zip(stacks, fine, strict=True):
            for move, held in zip(stack, holds, strict=True):
                if held:
                    won.setdefault(move.area, []).append(move)
        depth += AT_ONCE
    return [move for those in won.values() for move in _apart(those)]


def _apart(moves: list[Move]) -> list[Move]:
    """The most saving moves of which no two change one measure."""
    used: set[int] = set()
    found = []
    for move in sorted(moves, key=lambda move: -move.saving_eur):
        if used.isdisjoint(move.measures):
            found.append(move)
            used.update(move.measures)
    return found


def _hold(evaluation: Evaluation, plan: Tried, stacks: list[list[Move]]) -> list[list[bool]]:
    """Whether each move of each stack leaves every limit of its area and above as it was."""
    grid = evaluation.grid
    verdict = [[True] * len(stack) for stack in stacks]
    above = np.flatnonzero(grid.area == EVERYWHERE)
    rows_of: dict[int, np.ndarray] = {EVERYWHERE: np.arange(len(grid.area))}
    for run, (case, year) in enumerate(zip(grid.run_case, grid.run_year, strict=True)):
        steps, asked = [], []
        for number, stack in enumerate(stacks):
            step = _step(plan, stack, int(year))
            if any(verdict[number]) and (len(step[0]) or len(step[1])):
                steps.append(step)
                asked.append(number)
        if not steps:
            continue
        standing = evaluation.standing(int(case), np.flatnonzero(plan.in_force[:, year]))
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
        conflict = _contradicts(evaluation.grid, in_force)
        if not conflict and worth_at(prices, in_force).preference_eur < plan.worth.preference_eur:
            tried = try_plan(evaluation, prices, in_force, plan)
            if tried.beats(plan):
                return tried
        moves = moves[: len(moves) // 2]
    return None


def _contradicts(grid: PlanGrid, in_force: np.ndarray) -> bool:
    """Whether measures that exclude each other are in force in one year."""
    return any(
        bool((in_force[grid.conflicts[one]] & in_force[one]).any())
        for one in np.flatnonzero(in_force.any(axis=1))
    )


def unsolved(grid: PlanGrid, tried: Tried) -> np.ndarray:
    """Runs without load flow."""
    return np.flatnonzero(tried.excess[:, np.flatnonzero(grid.kind == NO_SOLUTION)[0]] > 0.0)
