"""Effects about a plan, corrected so that giving up several measures at once is not taken too lightly.

Measures in force do less together than each alone, so what one of them does last is little, and giving up two
that stand in for each other would look harmless. The effects of measures in force are therefore those about
the network without any, all by the factor that leads from there to the plan: the linear function then tells
both exactly.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.sparse import csr_array

from capacity.planning.linear_effects import LinearEffects
from capacity.planning.plan_grid import PlanGrid

# The factor from the sum of single effects to that of all is held within these; so small sums [%] tell none.
_LEAST, _MOST, _SMALL_SUM = 0.3, 1.2, 0.05


def secant(grid: PlanGrid, effects: LinearEffects, first: LinearEffects | None) -> LinearEffects:
    """Correct effects.

    Parameters
    ----------
    first
        Effects about the plan that the search began with; nothing is corrected unless it took no measure.
    """
    if first is None or first.about.any() or not effects.about.any():
        return effects
    rows, known = _shared_rows(grid, effects, first)
    in_force = effects.about.T[grid.run_year[effects.run[rows]]]  # rows x measures
    alone = first.effect[known].toarray() * in_force
    total, reached = alone.sum(axis=1), effects.at_plan[rows] - first.base[known]
    told = (total < -_SMALL_SUM) & (reached < -_SMALL_SUM)
    factor = np.clip(np.divide(reached, total, out=np.ones(len(rows)), where=told), _LEAST, _MOST)
    marginal = effects.effect[rows].toarray()
    more = np.where(told[:, None], alone * factor[:, None] - marginal * in_force, 0.0)
    more[~told] = 0.0
    corrected = marginal + more + _spread(grid, more, in_force)
    whole = effects.effect.tolil()
    whole[rows] = corrected
    base = effects.base.copy()
    base[rows] = effects.at_plan[rows] - (corrected * in_force).sum(axis=1)
    return replace(effects, base=base, effect=csr_array(whole))


def _shared_rows(
    grid: PlanGrid, effects: LinearEffects, first: LinearEffects
) -> tuple[np.ndarray, np.ndarray]:
    """Rows that both have: their places in the one and in the other."""
    size = len(grid.kind)
    one, other = (np.asarray(e.run * size + e.constraint) for e in (effects, first))
    _, rows, known = np.intersect1d(one, other, return_indices=True)
    return rows, known


def _spread(grid: PlanGrid, more: np.ndarray, in_force: np.ndarray) -> np.ndarray:
    """What is corrected of a measure in force is corrected of those that would take its place, too."""
    found = np.zeros_like(more)
    for one in np.flatnonzero(np.abs(more).any(axis=0)):
        others = grid.conflicts[one]
        found[:, others] += np.where(in_force[:, others], 0.0, more[:, [one]])
    return found
