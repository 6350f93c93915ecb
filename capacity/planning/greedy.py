"""The greedy way: again and again the measure that buys most for its money, until every limit holds.

For comparison with the program, and to start from where that has nothing to go by.
"""

from __future__ import annotations

import numpy as np

from capacity.planning.components import components_of
from capacity.planning.linear_effects import LinearEffects
from capacity.planning.plan_grid import PlanGrid
from capacity.planning.worth import Prices

# A measure that takes away less than this share of what the best one does is no step: there would be no end.
FAIR_SHARE = 0.1


def strongest_plan(grid: PlanGrid, prices: Prices, allowed: np.ndarray) -> np.ndarray:
    """Of every set of measures that exclude each other the most expensive one that is built, all years.

    What changes who feeds whom is left out: it may be of no use beside the rest.
    """
    chosen: list[int] = []
    barred = ~allowed | grid.rewires
    for measure in np.argsort(-prices.capital_eur, kind="stable"):
        if not barred[measure] and prices.capital_eur[measure] > 0.0:
            chosen.append(int(measure))
            barred[grid.conflicts[measure]] = True
    in_force = np.zeros((grid.measure_count, len(grid.years)), dtype=bool)
    in_force[chosen] = True
    return in_force


def greedy_step(
    grid: PlanGrid, prices: Prices, effects: LinearEffects, in_force: np.ndarray, allowed: np.ndarray
) -> np.ndarray:
    """The plan with the best further measure of each part of the grid, from the first year that needs it.

    What the measure excludes is given up. The plan comes back as it is where no measure helps.
    """
    changed = in_force.copy()
    over = np.maximum(effects.at_plan, 0.0)
    year_of_row = grid.run_year[effects.run]
    everything = np.asarray(allowed & ~in_force.all(axis=1))
    for part in components_of(effects, everything, grid.conflicts, prices.lies_in, margin=0.0):
        rows = part.rows[over[part.rows] > 0.0]
        if not len(rows) or not len(part.measures):
            continue
        year = int(year_of_row[rows].min())
        rows = rows[year_of_row[rows] == year]
        free = part.measures[~in_force[part.measures, year]]
        if year:  # what was built before stays
            free = free[[not in_force[grid.conflicts[one], year - 1].any() for one in free]]
        measure = _best(prices, effects, free, rows, over, year)
        if measure is not None:
            changed[grid.conflicts[measure], year:] = False
            changed[measure, year:] = True
    return changed


def _best(
    prices: Prices,
    effects: LinearEffects,
    measures: np.ndarray,
    rows: np.ndarray,
    over: np.ndarray,
    year: int,
) -> int | None:
    """The measure with the least cost per excess taken away [EUR/%], of those that take a fair part."""
    if not len(measures):
        return None
    effect = effects.effect[rows][:, measures].toarray()
    left = np.maximum(over[rows][:, None] + effect, 0.0)
    gained = over[rows].sum() - left.sum(axis=0)
    cost = prices.start_eur[measures, year] + prices.year_eur[measures, year:].sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(gained > max(1e-3, FAIR_SHARE * float(gained.max())), (cost + 1.0) / gained, np.inf)
    best = int(np.argmin(rate))
    return int(measures[best]) if np.isfinite(rate[best]) else None
