"""One hour of a year on a radial grid: does what held in other hours hold in this one, and if not, what does.

A bus whose smallest headroom so far is H needs one probe at H in a further hour; only where it fails is the
hour's own headroom searched for.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gridmodel.engine.answers import CAPPED
from gridmodel.engine.path_kernels import OF_BUS, PER_ROW, Addition, holds, probe
from gridmodel.engine.path_search import largest_on_path

# Step back [share of the addition] at which a voltage is compared to see whether it still rises.
_STEP_BACK = 16


@njit(cache=True, nogil=True)
def lower_to(  # type: ignore[no-untyped-def]
    grid, addition, rows, change_pu, depth, at_most_kw, fresh, strict, moved, headroom_kw, status, limits
):
    """Per row: CAPPED where `at_most_kw` holds in this hour, else the largest that does, as `answer` has it.

    `fresh` tells that nothing is known of these rows yet, `strict` whether voltages that an addition raises
    are asked to still rise with it; `moved` keeps how far w moved at the last probe, from where the next
    hour starts.
    """
    path = np.empty(depth, dtype=np.int64)
    states = np.empty((depth, 6), dtype=np.complex128)
    squares = np.empty((depth + 1, 2))
    margins = np.empty((4, PER_ROW * depth + OF_BUS))
    for asked in range(len(rows)):
        steps, row, most = 0, rows[asked], at_most_kw[asked]
        while row < len(grid.parent):
            path[steps] = row
            steps += 1
            row = grid.parent[row]
        way = path[:steps]
        if not fresh:
            start = grid.square[way[0]] + moved[asked]
            w = _still_holds(
                grid, addition, way, most, start, change_pu[asked], strict, states, squares, margins
            )
            if w > 0.0:
                moved[asked] = w - grid.square[way[0]]
                headroom_kw[asked], status[asked], limits[asked] = most, CAPPED, -1
                continue
        up_to = Addition(
            addition.per_kw_pu, most, addition.affected_share, addition.noticeable_pu, addition.any_broken
        )
        found = largest_on_path(grid, up_to, way, change_pu[asked], states, squares, margins)
        headroom_kw[asked], status[asked], limits[asked] = found


@njit(cache=True, nogil=True)
def _still_holds(grid, addition, path, p_kw, start, change_pu, strict, states, squares, margins):  # type: ignore[no-untyped-def]
    """w at the bus if all additions up to p_kw hold; 0 where that is not known.

    Limits of low voltage and of current stay broken once broken, so p_kw speaks for all below it. A voltage
    that an addition raises may fall again behind its peak: where one falls at p_kw, nothing is known
    (`strict`).
    """
    count = PER_ROW * len(path) + OF_BUS
    w = probe(grid, addition, path, p_kw, start, change_pu, states, squares, margins[0])
    if w == 0.0 or not holds(margins[0], count):
        return 0.0
    if strict and addition.per_kw_pu.real > 0.0:
        less = p_kw - max(1, p_kw // _STEP_BACK)
        if probe(grid, addition, path, less, w, change_pu, states, squares, margins[1]) == 0.0:
            return 0.0
        for at in range(3, count - OF_BUS, PER_ROW):
            if margins[0, at] > margins[1, at]:
                return 0.0
        for at in (count - OF_BUS + 1, count - OF_BUS + 3):
            if margins[0, at] > margins[1, at]:
                return 0.0
    return w
