"""Every combination of measures that is cheaper than a plan, by load flow: the proof on small tasks.

For tasks of one year, or of none. The first that holds, cheapest first, is the optimum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from capacity.planning.evaluation import TOLERANCE, Evaluation
from capacity.planning.plan_grid import PlanGrid
from capacity.planning.tried import Tried, try_plan
from capacity.planning.worth import Prices

# So many combinations take seconds on small grids; more are not tried, and nothing is proved.
MOST_COMBINATIONS = 20_000
# Work that is worth the proof: combinations x constraints x runs.
_MOST_WORK = 4e7
_AT_ONCE = 512


def cheapest_combination(
    evaluation: Evaluation, prices: Prices, plan: Tried, over: Callable[[], bool]
) -> Tried | None:
    """The optimum; nothing where it was not proved.

    Parameters
    ----------
    plan
        A plan that holds: what is not cheaper is not looked at.
    """
    grid = evaluation.grid
    if len(grid.years) > 1 or len(prices.trench_eur):
        return None
    cost = prices.start_eur[:, 0] + prices.year_eur[:, 0]
    if (cost < 0).any():
        return None
    most = int(min(MOST_COMBINATIONS, _MOST_WORK / (len(grid.kind) * len(grid.run_case))))
    cheaper = _cheaper(grid, cost, plan.worth.present_value_eur - 1e-6, most)
    if cheaper is None:
        return None
    cheaper.sort(key=lambda one: float(cost[one].sum()))
    for first in range(0, len(cheaper), _AT_ONCE):
        if over():
            return None
        part = cheaper[first : first + _AT_ONCE]
        holds = _hold(evaluation, part)
        if holds.any():
            in_force = np.zeros_like(plan.in_force)
            in_force[part[int(np.argmax(holds))], 0] = True
            return try_plan(evaluation, prices, in_force)
    return plan


def _cheaper(grid: PlanGrid, cost: np.ndarray, limit: float, most: int) -> list[list[int]] | None:
    """Combinations that cost less than a limit; nothing when there are too many."""
    found: list[list[int]] = []
    for one in _combinations(grid, cost, limit):
        found.append(one)
        if len(found) > most:
            return None
    return found


def _combinations(grid: PlanGrid, cost: np.ndarray, limit: float) -> Iterator[list[int]]:
    barred = [set(map(int, others)) for others in grid.conflicts]
    order = np.argsort(cost, kind="stable").tolist()
    stack: list[tuple[int, float, list[int]]] = [(0, 0.0, [])]
    while stack:
        first, spent, chosen = stack.pop()
        yield chosen
        for place in range(first, len(order)):
            one = order[place]
            if spent + cost[one] >= limit:
                break
            if not any(other in barred[one] for other in chosen):
                stack.append((place + 1, spent + float(cost[one]), [*chosen, one]))


def _hold(evaluation: Evaluation, combinations: list[list[int]]) -> np.ndarray:
    grid = evaluation.grid
    holds = np.ones(len(combinations), dtype=bool)
    nothing = np.zeros(0, dtype=np.int64)
    for case in np.unique(grid.run_case):
        asked = np.flatnonzero(holds)
        steps = [(nothing, np.array(combinations[k], dtype=np.int64)) for k in asked]
        for first, excess in evaluation.steps(evaluation.standing(int(case), nothing), steps):
            holds[asked[first : first + len(excess)]] = ~(excess > TOLERANCE).any(axis=1)
    return holds
