"""Newton's method for a block of scenarios, each with a matrix of its own: exact where sweeps are slow.

Near the largest power a grid can carry, sweeps about one reference contract slowly or not at all. Here every
lane has its own factors of the matrix less the slopes of its currents. From voltages above a solution
Newton's method comes down to it monotonously; on a two-bus line this is a convex function of one unknown.

Without injections every pivot of the factors has a positive determinant. It stays so on the whole way up to
the largest power, where the last one becomes zero (det J = 0: Sauer and Pai 1990, doi:10.1109/59.99380). So
a solution counts only if all are positive: states of low voltage beyond that point are none of a grid.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from gridmodel.engine.factors import _find
from gridmodel.engine.kernels import (
    COLLAPSED,
    CONVERGED,
    LANES,
    ROW,
    S_IM,
    S_RE,
    UNSETTLED,
    V_IM,
    V_RE,
    Y_IM,
    Y_RE,
)

# One 2 x 2 block per lane.
A, B, C, D = (np.uint64(LANES * part) for part in range(4))
BLOCK = np.uint64(4 * LANES)
# Quadratic: from anywhere it converges from at all it does in about ten steps.
MOST_STEPS = 30


class Workspace(NamedTuple):
    """Factors of a block of lanes: pivots (then their inverses) per row, low and up per entry."""

    pivot: np.ndarray
    low: np.ndarray
    up: np.ndarray


@njit(cache=True, nogil=True)
def workspace(rows, entries):  # type: ignore[no-untyped-def]
    """Room for the factors of one block."""
    block = int(BLOCK)
    return Workspace(np.empty(rows * block), np.empty(entries * block), np.empty(entries * block))


@njit(cache=True, nogil=True, error_model="numpy")
def newton(lanes, state, work, stamps, pushed, shares, floor, tolerance, first, last, outcome, place):  # type: ignore[no-untyped-def]
    """Solve rows first..last-1, a part of the grid, in every lane that is UNSETTLED on entry; returns steps.

    On return `outcome` is CONVERGED or COLLAPSED, or UNSETTLED after MOST_STEPS. `place` is the row that
    moved most in the last step: near a collapse the bus that goes first. Factors of the last step but one
    voltages stay in `work`, from which `solve_lanes` serves further right-hand sides.
    """
    moved, lowest = np.empty(LANES), np.empty(LANES)
    sound = np.empty(LANES, dtype=np.bool_)
    for step in range(1, MOST_STEPS + 1):
        linearise(lanes, state, work, stamps, pushed, shares, first, last)
        eliminate(lanes, work, stamps, first, last, sound)
        for k in range(lanes):
            if outcome[k] == UNSETTLED and not sound[k]:
                outcome[k] = COLLAPSED
        solve_lanes(lanes, state, work, stamps, first, last)
        advance(lanes, state, floor, first, last, outcome, moved, lowest, place)
        open_lanes = 0
        for k in range(lanes):
            if outcome[k] == UNSETTLED:
                if not lowest[k] > 0.0:  # NaN is a collapse too
                    outcome[k] = COLLAPSED
                elif moved[k] <= tolerance * tolerance:
                    outcome[k] = CONVERGED
                else:
                    open_lanes += 1
        if open_lanes == 0:
            return step
    return MOST_STEPS


@njit(cache=True, nogil=True, error_model="numpy")
def linearise(lanes, state, work, stamps, pushed, shares, first, last):  # type: ignore[no-untyped-def]
    """Matrix less the slopes of the currents, and the right-hand side: `linearised.current_slopes` in lanes."""
    start, _, diagonal, low, up = stamps
    ip, zp, iq, zq = 0.0, 0.0, 0.0, 0.0
    for i in range(first, last):
        at, to = np.uint64(i) * ROW, np.uint64(i) * BLOCK
        g, h = diagonal[i].real, diagonal[i].imag
        push_re, push_im = pushed[i].real, pushed[i].imag
        if len(shares):
            ip, zp, iq, zq = shares[i, 0], shares[i, 1], shares[i, 2], shares[i, 3]
        for k in range(lanes):
            re, im = state[at + V_RE + k], state[at + V_IM + k]
            s_re, s_im = state[at + S_RE + k], state[at + S_IM + k]
            square = re * re + im * im
            size = np.sqrt(square)
            p = s_re * (1.0 - ip - zp + ip * size + zp * square)
            q = s_im * (1.0 - iq - zq + iq * size + zq * square)
            grown_p, grown_q = s_re * (ip / size + 2.0 * zp), s_im * (iq / size + 2.0 * zq)
            over = 1.0 / square
            i_re, i_im = (p * re + q * im) * over, (p * im - q * re) * over
            g_re, g_im = grown_p * re + grown_q * im, grown_p * im - grown_q * re
            a = (p + g_re * re - 2.0 * re * i_re) * over
            b = (q + g_re * im - 2.0 * im * i_re) * over
            c = (g_im * re - q - 2.0 * re * i_im) * over
            d = (p + g_im * im - 2.0 * im * i_im) * over
            work.pivot[to + A + k], work.pivot[to + B + k] = g - a, -h - b
            work.pivot[to + C + k], work.pivot[to + D + k] = h - c, g - d
            state[at + Y_RE + k] = i_re - a * re - b * im + push_re
            state[at + Y_IM + k] = i_im - c * re - d * im + push_im
    for entry in range(start[first], start[last]):
        to = np.uint64(entry) * BLOCK
        g, h, r, s = low[entry].real, low[entry].imag, up[entry].real, up[entry].imag
        for k in range(lanes):
            work.low[to + A + k], work.low[to + B + k] = g, -h
            work.low[to + C + k], work.low[to + D + k] = h, g
            work.up[to + A + k], work.up[to + B + k] = r, -s
            work.up[to + C + k], work.up[to + D + k] = s, r


@njit(cache=True, nogil=True, error_model="numpy")
def eliminate(lanes, work, stamps, first, last, sound):  # type: ignore[no-untyped-def]
    """Right-looking LU in blocks, as `factors._eliminate`; `sound` tells if all determinants are positive."""
    start, row, _, _, _ = stamps
    for k in range(lanes):
        sound[k] = True
    for i in range(first, last):
        at = np.uint64(i) * BLOCK
        for k in range(lanes):
            a, b = work.pivot[at + A + k], work.pivot[at + B + k]
            c, d = work.pivot[at + C + k], work.pivot[at + D + k]
            determinant = a * d - b * c
            sound[k] = sound[k] & (determinant > 0.0)
            over = 1.0 / determinant
            work.pivot[at + A + k], work.pivot[at + B + k] = d * over, -b * over
            work.pivot[at + C + k], work.pivot[at + D + k] = -c * over, a * over
        for lower in range(start[i], start[i + 1]):
            _product(lanes, work.low, np.uint64(lower) * BLOCK, work.pivot, at)
            for upper in range(start[i], start[i + 1]):
                if row[lower] == row[upper]:
                    _subtract(lanes, work.pivot, np.uint64(row[lower]) * BLOCK, work, lower, upper)
                elif row[lower] < row[upper]:
                    target = _find(start, row, row[lower], row[upper])
                    _subtract(lanes, work.up, np.uint64(target) * BLOCK, work, lower, upper)
                else:
                    target = _find(start, row, row[upper], row[lower])
                    _subtract(lanes, work.low, np.uint64(target) * BLOCK, work, lower, upper)


@njit(cache=True, nogil=True, error_model="numpy")
def _product(lanes, left, at, right, to):  # type: ignore[no-untyped-def]
    """Replace the left block by left times right."""
    for k in range(lanes):
        a, b, c, d = left[at + A + k], left[at + B + k], left[at + C + k], left[at + D + k]
        p, q, r, s = right[to + A + k], right[to + B + k], right[to + C + k], right[to + D + k]
        left[at + A + k], left[at + B + k] = a * p + b * r, a * q + b * s
        left[at + C + k], left[at + D + k] = c * p + d * r, c * q + d * s


@njit(cache=True, nogil=True, error_model="numpy")
def _subtract(lanes, target, at, work, lower, upper):  # type: ignore[no-untyped-def]
    """Subtract low[lower] times up[upper] from a block."""
    x, y = np.uint64(lower) * BLOCK, np.uint64(upper) * BLOCK
    for k in range(lanes):
        a, b, c, d = work.low[x + A + k], work.low[x + B + k], work.low[x + C + k], work.low[x + D + k]
        p, q, r, s = work.up[y + A + k], work.up[y + B + k], work.up[y + C + k], work.up[y + D + k]
        target[at + A + k] -= a * p + b * r
        target[at + B + k] -= a * q + b * s
        target[at + C + k] -= c * p + d * r
        target[at + D + k] -= c * q + d * s


@njit(cache=True, nogil=True, error_model="numpy")
def solve_lanes(lanes, state, work, stamps, first, last):  # type: ignore[no-untyped-def]
    """Solve for the right-hand side in the group Y; the solution takes its place."""
    start, row, _, _, _ = stamps
    for i in range(first, last):
        at = np.uint64(i) * ROW
        for entry in range(start[i], start[i + 1]):
            to, block = np.uint64(row[entry]) * ROW, np.uint64(entry) * BLOCK
            for k in range(lanes):
                re, im = state[at + Y_RE + k], state[at + Y_IM + k]
                state[to + Y_RE + k] -= work.low[block + A + k] * re + work.low[block + B + k] * im
                state[to + Y_IM + k] -= work.low[block + C + k] * re + work.low[block + D + k] * im
    for i in range(last - 1, first - 1, -1):
        at, block = np.uint64(i) * ROW, np.uint64(i) * BLOCK
        for entry in range(start[i], start[i + 1]):
            to, over = np.uint64(row[entry]) * ROW, np.uint64(entry) * BLOCK
            for k in range(lanes):
                re, im = state[to + Y_RE + k], state[to + Y_IM + k]
                state[at + Y_RE + k] -= work.up[over + A + k] * re + work.up[over + B + k] * im
                state[at + Y_IM + k] -= work.up[over + C + k] * re + work.up[over + D + k] * im
        for k in range(lanes):
            re, im = state[at + Y_RE + k], state[at + Y_IM + k]
            state[at + Y_RE + k] = work.pivot[block + A + k] * re + work.pivot[block + B + k] * im
            state[at + Y_IM + k] = work.pivot[block + C + k] * re + work.pivot[block + D + k] * im


@njit(cache=True, nogil=True, error_model="numpy")
def advance(lanes, state, floor, first, last, outcome, moved, lowest, place):  # type: ignore[no-untyped-def]
    """Take the solution in Y for voltages where a lane is UNSETTLED; the largest square of a step and its row."""
    for k in range(lanes):
        if outcome[k] == UNSETTLED:
            moved[k], lowest[k], place[k] = -1.0, np.inf, first
    for i in range(first, last):
        at = np.uint64(i) * ROW
        for k in range(lanes):
            if outcome[k] == UNSETTLED:
                re, im = state[at + Y_RE + k], state[at + Y_IM + k]
                d_re, d_im = re - state[at + V_RE + k], im - state[at + V_IM + k]
                step, above = d_re * d_re + d_im * d_im, re * re + im * im - floor[i]
                if step > moved[k] or step != step:  # NaN stays
                    moved[k], place[k] = step, i
                if above < lowest[k] or above != above:
                    lowest[k] = above
                state[at + V_RE + k], state[at + V_IM + k] = re, im
