"""Compiled sweeps over blocks of scenarios, which lie side by side so that one instruction serves several.

The state of a block is one flat array. A row of the grid has six groups of `LANES` numbers: voltage, right
hand side and injected power, real and imaginary each. All kernels release the GIL; callers bring threads.

Two habits make the compiler use vectors. Indices are unsigned, or each is looked at for being negative. The
number of lanes comes as an argument, or loops of known length are unrolled before they are vectorised.
"""

from __future__ import annotations

import numpy as np
from numba import njit

LANES = 16
V_RE, V_IM, Y_RE, Y_IM, S_RE, S_IM = (np.uint64(LANES * group) for group in range(6))
ROW = np.uint64(6 * LANES)
# Outcome of a scenario.
CONVERGED, COLLAPSED, UNSETTLED = 0, 1, 2
# Below this share of its idle voltage a bus has collapsed: at the largest power a two-bus line can carry it
# keeps half of its own (Kundur, Power System Stability and Control, 1994, 14.1).
COLLAPSED_SHARE = 0.1


@njit(cache=True, nogil=True, error_model="numpy")
def inject(lanes, state, i, live, slopes, pushed, shares):  # type: ignore[no-untyped-def]
    """Right-hand side of a row: current of its power, less its linear part, and what sources push."""
    at = np.uint64(i) * ROW
    push_re, push_im = pushed[i].real, pushed[i].imag
    if not live[i]:
        for k in range(lanes):
            state[at + Y_RE + k] = push_re
            state[at + Y_IM + k] = push_im
        return
    a, b, c, d = slopes[i, 0], slopes[i, 1], slopes[i, 2], slopes[i, 3]
    if len(shares):
        ip, zp, iq, zq = shares[i, 0], shares[i, 1], shares[i, 2], shares[i, 3]
        for k in range(lanes):
            re, im = state[at + V_RE + k], state[at + V_IM + k]
            square = re * re + im * im
            size = np.sqrt(square)
            p = state[at + S_RE + k] * (1.0 - ip - zp + ip * size + zp * square)
            q = state[at + S_IM + k] * (1.0 - iq - zq + iq * size + zq * square)
            state[at + Y_RE + k] = (p * re + q * im) / square - a * re - b * im + push_re
            state[at + Y_IM + k] = (p * im - q * re) / square - c * re - d * im + push_im
    else:
        for k in range(lanes):
            re, im = state[at + V_RE + k], state[at + V_IM + k]
            p, q = state[at + S_RE + k], state[at + S_IM + k]
            over = 1.0 / (re * re + im * im)
            state[at + Y_RE + k] = (p * re + q * im) * over - a * re - b * im + push_re
            state[at + Y_IM + k] = (p * im - q * re) * over - c * re - d * im + push_im


@njit(cache=True, nogil=True, error_model="numpy")
def forward(lanes, state, start, row, low):  # type: ignore[no-untyped-def]
    """Forward substitution, from the leaves to the sources."""
    for i in range(len(start) - 1):
        at = np.uint64(i) * ROW
        for entry in range(start[i], start[i + 1]):
            to = np.uint64(row[entry]) * ROW
            a, b, c, d = low[entry, 0], low[entry, 1], low[entry, 2], low[entry, 3]
            for k in range(lanes):
                re, im = state[at + Y_RE + k], state[at + Y_IM + k]
                state[to + Y_RE + k] -= a * re + b * im
                state[to + Y_IM + k] -= c * re + d * im


@njit(cache=True, nogil=True, error_model="numpy")
def backward(lanes, state, start, row, up, inverse, live, slopes, pushed, shares, floor, moved, lowest):  # type: ignore[no-untyped-def]
    """Backward substitution, from the sources to the leaves; leaves the next right-hand side behind.

    Fills `moved` with the largest square of a step per lane, and `lowest` with the smallest of |V|^2 - floor.
    """
    fresh = np.empty(2 * LANES)
    for k in range(lanes):
        moved[k] = 0.0
        lowest[k] = np.inf
    for i in range(len(start) - 2, -1, -1):
        at = np.uint64(i) * ROW
        a, b, c, d = inverse[i, 0], inverse[i, 1], inverse[i, 2], inverse[i, 3]
        for k in range(lanes):
            re, im = state[at + Y_RE + k], state[at + Y_IM + k]
            fresh[k] = a * re + b * im
            fresh[V_IM + k] = c * re + d * im
        for entry in range(start[i], start[i + 1]):
            to = np.uint64(row[entry]) * ROW
            a, b, c, d = up[entry, 0], up[entry, 1], up[entry, 2], up[entry, 3]
            for k in range(lanes):
                re, im = state[to + V_RE + k], state[to + V_IM + k]
                fresh[k] -= a * re + b * im
                fresh[V_IM + k] -= c * re + d * im
        for k in range(lanes):
            re, im = fresh[k] - state[at + V_RE + k], fresh[V_IM + k] - state[at + V_IM + k]
            step = re * re + im * im
            moved[k] = step if step > moved[k] else moved[k]
            above = fresh[k] * fresh[k] + fresh[V_IM + k] * fresh[V_IM + k] - floor[i]
            lowest[k] = above if above < lowest[k] else lowest[k]
            state[at + V_RE + k] = fresh[k]
            state[at + V_IM + k] = fresh[V_IM + k]
        inject(lanes, state, i, live, slopes, pushed, shares)


@njit(cache=True, nogil=True, error_model="numpy")
def settle(lanes, state, factors, live, slopes, pushed, shares, floor, tolerance, most_steps, outcome):  # type: ignore[no-untyped-def]
    """Iterate a block until every lane has settled or collapsed; returns the steps taken.

    A lane has settled when no voltage moved by more than `tolerance` [pu]; `outcome` says how each ended.
    """
    start, row, low, up, inverse = factors
    moved, lowest = np.empty(LANES), np.empty(LANES)
    for k in range(lanes):
        outcome[k] = UNSETTLED
    for i in range(len(start) - 1):
        inject(lanes, state, i, live, slopes, pushed, shares)
    for step in range(1, most_steps + 1):
        forward(lanes, state, start, row, low)
        backward(lanes, state, start, row, up, inverse, live, slopes, pushed, shares, floor, moved, lowest)
        open_lanes = 0
        for k in range(lanes):
            if outcome[k] == COLLAPSED or not lowest[k] > 0.0:  # NaN is a collapse too
                outcome[k] = COLLAPSED
            elif moved[k] <= tolerance * tolerance:
                outcome[k] = CONVERGED
            else:
                outcome[k] = UNSETTLED
                open_lanes += 1
        if open_lanes == 0:
            return step
    return most_steps
