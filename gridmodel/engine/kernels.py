"""Compiled sweeps over blocks of scenarios, which lie side by side (`lanes`).

The state of a block is one flat array. A row of the grid has six groups of `LANES` numbers: voltage, right
hand side and injected power, real and imaginary each. All kernels release the GIL; callers bring threads.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gridmodel.engine.lanes import LANES, load, root, same, store, where_less

# Unsigned, or numba looks at each index for being negative.
V_RE, V_IM, Y_RE, Y_IM, S_RE, S_IM = (np.uint64(LANES * group) for group in range(6))
ROW = np.uint64(6 * LANES)
# Outcome of a scenario.
CONVERGED, COLLAPSED, UNSETTLED = 0, 1, 2
# Below this share of its idle voltage a bus has collapsed: at the largest power a two-bus line can carry it
# keeps half of its own (Kundur, Power System Stability and Control, 1994, 14.1).
COLLAPSED_SHARE = 0.1


@njit(cache=True, nogil=True, error_model="numpy")
def inject(state, i, re, im, live, slopes, pushed, shares):  # type: ignore[no-untyped-def]
    """Right-hand side of a row: current of its power, less its linear part, and what sources push."""
    at = np.uint64(i) * ROW
    push = pushed[i]
    if not live[i]:
        store(state, at + Y_RE, same(push.real))
        store(state, at + Y_IM, same(push.imag))
        return
    a, b, c, d = slopes[i, 0], slopes[i, 1], slopes[i, 2], slopes[i, 3]
    p, q = load(state, at + S_RE), load(state, at + S_IM)
    square = re * re + im * im
    if len(shares):
        size = root(square)
        p = p * (1.0 - shares[i, 0] - shares[i, 1] + shares[i, 0] * size + shares[i, 1] * square)
        q = q * (1.0 - shares[i, 2] - shares[i, 3] + shares[i, 2] * size + shares[i, 3] * square)
    over = 1.0 / square
    store(state, at + Y_RE, (p * re + q * im) * over - a * re - b * im + push.real)
    store(state, at + Y_IM, (p * im - q * re) * over - c * re - d * im + push.imag)


@njit(cache=True, nogil=True, error_model="numpy")
def forward(state, start, row, low):  # type: ignore[no-untyped-def]
    """Forward substitution, from the leaves to the sources."""
    for i in range(len(start) - 1):
        at = np.uint64(i) * ROW
        re, im = load(state, at + Y_RE), load(state, at + Y_IM)
        for entry in range(start[i], start[i + 1]):
            to = np.uint64(row[entry]) * ROW
            a, b, c, d = low[entry, 0], low[entry, 1], low[entry, 2], low[entry, 3]
            store(state, to + Y_RE, load(state, to + Y_RE) - a * re - b * im)
            store(state, to + Y_IM, load(state, to + Y_IM) - c * re - d * im)


@njit(cache=True, nogil=True, error_model="numpy")
def backward(state, start, row, up, inverse, live, slopes, pushed, shares, floor, extremes):  # type: ignore[no-untyped-def]
    """Backward substitution, from the sources to the leaves; leaves the next right-hand side behind.

    `extremes` gets the largest square of a step per lane, then the smallest of |V|^2 - floor.
    """
    moved, lowest = same(0.0), same(np.inf)
    for i in range(len(start) - 2, -1, -1):
        at = np.uint64(i) * ROW
        a, b, c, d = inverse[i, 0], inverse[i, 1], inverse[i, 2], inverse[i, 3]
        y_re, y_im = load(state, at + Y_RE), load(state, at + Y_IM)
        re, im = a * y_re + b * y_im, c * y_re + d * y_im
        for entry in range(start[i], start[i + 1]):
            to = np.uint64(row[entry]) * ROW
            a, b, c, d = up[entry, 0], up[entry, 1], up[entry, 2], up[entry, 3]
            v_re, v_im = load(state, to + V_RE), load(state, to + V_IM)
            re, im = re - a * v_re - b * v_im, im - c * v_re - d * v_im
        by_re, by_im = re - load(state, at + V_RE), im - load(state, at + V_IM)
        step, above = by_re * by_re + by_im * by_im, re * re + im * im - floor[i]
        moved = where_less(step, moved, moved, step)  # NaN stays
        lowest = where_less(lowest, above, lowest, above)
        store(state, at + V_RE, re)
        store(state, at + V_IM, im)
        inject(state, i, re, im, live, slopes, pushed, shares)
    store(extremes, np.uint64(0), moved)
    store(extremes, np.uint64(LANES), lowest)


@njit(cache=True, nogil=True, error_model="numpy")
def settle(state, factors, live, slopes, pushed, shares, floor, tolerance, most_steps, outcome):  # type: ignore[no-untyped-def]
    """Iterate a block until every lane has settled or collapsed; returns the steps taken.

    A lane has settled when no voltage moved by more than `tolerance` [pu]; `outcome` says how each ended.
    """
    start, row, low, up, inverse = factors
    extremes = np.empty(2 * LANES)
    outcome[:] = UNSETTLED
    for i in range(len(start) - 1):
        at = np.uint64(i) * ROW
        inject(state, i, load(state, at + V_RE), load(state, at + V_IM), live, slopes, pushed, shares)
    for step in range(1, most_steps + 1):
        forward(state, start, row, low)
        backward(state, start, row, up, inverse, live, slopes, pushed, shares, floor, extremes)
        open_lanes = 0
        for k in range(LANES):
            if outcome[k] == COLLAPSED or not extremes[LANES + k] > 0.0:  # NaN is a collapse too
                outcome[k] = COLLAPSED
            elif extremes[k] <= tolerance * tolerance:
                outcome[k] = CONVERGED
            else:
                outcome[k] = UNSETTLED
                open_lanes += 1
        if open_lanes == 0:
            return step
    return most_steps
