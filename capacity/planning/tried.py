"""`Tried`: a plan that was solved in every run, and how it compares with another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from capacity.planning.evaluation import TOLERANCE, Evaluation
from capacity.planning.plan_grid import EVERYWHERE, NO_SOLUTION, RINGS, UNSUPPLIED, PlanGrid
from capacity.planning.worth import Prices, Worth, worth_at

# A case without load flow is worse than any limit broken.
_UNSOLVED_WEIGHT = 1e4


@dataclass(frozen=True, eq=False)
class Tried:
    """A plan and its exact excess.

    Attributes
    ----------
    in_force
        Measures x years.
    excess
        Runs x constraints [%].
    """

    in_force: np.ndarray
    excess: np.ndarray
    worth: Worth
    allowance: np.ndarray

    @property
    def broken(self) -> np.ndarray:
        """Runs x constraints: over the limit."""
        return np.asarray(self.excess > TOLERANCE)

    @property
    def holds(self) -> bool:
        return not self.broken.any()

    @property
    def lacking(self) -> float:
        """Sum of all excess [%], cases without load flow before anything else."""
        over = np.where(self.broken, self.excess, 0.0)
        return float((over @ self.allowance).sum())

    def beats(self, other: Tried | None) -> bool:
        """Nearer to the limits; as near but cheaper."""
        if other is None:
            return True
        if abs(self.lacking - other.lacking) > 1e-3 * max(1.0, min(self.lacking, other.lacking)):
            return self.lacking < other.lacking
        return self.worth.preference_eur < other.worth.preference_eur - 1e-9


def try_plan(
    evaluation: Evaluation, prices: Prices, in_force: np.ndarray, known: Tried | None = None
) -> Tried:
    """Solve a plan in every run.

    Parameters
    ----------
    known
        A plan solved already: in years in which both are the same its figures are taken over.
    """
    grid = evaluation.grid
    excess = np.empty((len(grid.run_case), len(grid.kind)))
    for run, (case, year) in enumerate(zip(grid.run_case, grid.run_year, strict=True)):
        if known is not None and (known.in_force[:, year] == in_force[:, year]).all():
            excess[run] = known.excess[run]
        else:
            excess[run] = evaluation.excess(int(case), np.flatnonzero(in_force[:, year]))
    return Tried(in_force, excess, worth_at(prices, in_force), weights_of(grid))


def weights_of(grid: PlanGrid) -> np.ndarray:
    """Weight per constraint in the sum of excess."""
    weights = np.ones(len(grid.kind))
    weights[grid.kind == NO_SOLUTION] = _UNSOLVED_WEIGHT
    weights[np.isin(grid.kind, (UNSUPPLIED, RINGS))] = _UNSOLVED_WEIGHT / 10.0
    return weights


def merged(grid: PlanGrid, prices: Prices, plans: list[Tried]) -> np.ndarray:
    """Per area the best of several plans; what acts everywhere from the best of them."""
    best = plans[0]
    for one in plans[1:]:
        best = one if one.beats(best) else best
    in_force = best.in_force.copy()
    of_area = _rows_of_areas(grid.area)
    for area, own in _rows_of_areas(grid.measure_area).items():
        if area == EVERYWHERE:
            continue
        rows = of_area[area]
        options = [
            (_lacking(one, rows), _price(prices, own, one.in_force[own]), place)
            for place, one in enumerate(plans)
        ]
        in_force[own] = plans[min(options)[2]].in_force[own]
    return in_force


def _rows_of_areas(area: np.ndarray) -> dict[int, np.ndarray]:
    order = np.argsort(area, kind="stable")
    areas, starts = np.unique(area[order], return_index=True)
    if not len(areas):
        return {}
    return dict(zip(areas.tolist(), np.split(order, starts[1:]), strict=True))


def _lacking(one: Tried, rows: np.ndarray) -> float:
    excess = one.excess[:, rows]
    return round(float(np.where(excess > TOLERANCE, excess, 0.0).sum()), 3)


def _price(prices: Prices, own: np.ndarray, in_force: np.ndarray) -> float:
    """Present value of some measures, their trenches apart."""
    before = np.zeros_like(in_force)
    before[:, 1:] = in_force[:, :-1]
    starts = in_force & ~before
    return float((prices.start_eur[own] * starts).sum() + (prices.year_eur[own] * in_force).sum())
