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


def one_layout(values: np.ndarray, dtype: type) -> np.ndarray:
    """Values in the one layout the kernels are compiled for: numba compiles anew for any other."""
    return np.require(values, dtype, ["C_CONTIGUOUS", "ALIGNED", "WRITEABLE"])


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
def backward(state, substitute, factors, live, slopes, pushed, shares, floor, extremes):  # type: ignore[no-untyped-def]
    """Backward substitution, from the sources to the leaves; leaves the next right-hand side behind.

    That of a row is the current of its power at its voltage, less its linear part, and what sources push.
    Without `substitute` voltages stay and only right-hand sides are made. `extremes` gets the largest square
    of a step per lane (NaN if there was one), then the smallest of |V|^2 - floor. One body on purpose: with
    the right-hand side in a function of its own a row takes more than twice as long.
    """
    start, row, _, up, inverse = factors
    moved, lowest = same(0.0), same(np.inf)
    for i in range(len(start) - 2, -1, -1):
        at = np.uint64(i) * ROW
        old_re, old_im = load(state, at + V_RE), load(state, at + V_IM)
        re, im = old_re, old_im
        if substitute:
            y_re, y_im = load(state, at + Y_RE), load(state, at + Y_IM)
            re = inverse[i, 0] * y_re + inverse[i, 1] * y_im
            im = inverse[i, 2] * y_re + inverse[i, 3] * y_im
            for entry in range(start[i], start[i + 1]):
                to = np.uint64(row[entry]) * ROW
                v_re, v_im = load(state, to + V_RE), load(state, to + V_IM)
                re = re - up[entry, 0] * v_re - up[entry, 1] * v_im
                im = im - up[entry, 2] * v_re - up[entry, 3] * v_im
            store(state, at + V_RE, re)
            store(state, at + V_IM, im)
        by_re, by_im = re - old_re, im - old_im
        step, square = by_re * by_re + by_im * by_im, re * re + im * im
        moved = where_less(moved, step, step, moved) + 0.0 * step  # NaN stays NaN
        lowest = where_less(square - floor[i], lowest, square - floor[i], lowest)
        right_re, right_im = same(pushed[i].real), same(pushed[i].imag)
        if live[i]:
            p, q = load(state, at + S_RE), load(state, at + S_IM)
            if len(shares):
                size = root(square)
                p = p * (1.0 - shares[i, 0] - shares[i, 1] + shares[i, 0] * size + shares[i, 1] * square)
                q = q * (1.0 - shares[i, 2] - shares[i, 3] + shares[i, 2] * size + shares[i, 3] * square)
            over = 1.0 / square
            right_re = right_re + (p * re + q * im) * over - slopes[i, 0] * re - slopes[i, 1] * im
            right_im = right_im + (p * im - q * re) * over - slopes[i, 2] * re - slopes[i, 3] * im
        store(state, at + Y_RE, right_re)
        store(state, at + Y_IM, right_im)
    store(extremes, np.uint64(0), moved)
    store(extremes, np.uint64(LANES), lowest)


@njit(cache=True, nogil=True, error_model="numpy")
def settle(state, factors, live, slopes, pushed, shares, floor, tolerance, most_steps, outcome):  # type: ignore[no-untyped-def]
    """Iterate a block until every lane has settled or collapsed; returns the steps taken.

    A lane has settled when no voltage moved by more than `tolerance` [pu]; `outcome` says how each ended.
    """
    extremes = np.empty(2 * LANES)
    outcome[:] = UNSETTLED
    backward(state, False, factors, live, slopes, pushed, shares, floor, extremes)
    for step in range(1, most_steps + 1):
        forward(state, factors.start, factors.row, factors.low)
        backward(state, True, factors, live, slopes, pushed, shares, floor, extremes)
        open_lanes = 0
        for k in range(LANES):
            if outcome[k] == COLLAPSED or not extremes[LANES + k] > 0.0 or np.isnan(extremes[k]):
                outcome[k] = COLLAPSED
            elif extremes[k] <= tolerance * tolerance:
                outcome[k] = CONVERGED
            else:
                outcome[k] = UNSETTLED
                open_lanes += 1
        if open_lanes == 0:
            return step
    return most_steps
