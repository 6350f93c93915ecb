# mypy: check-untyped-defs=False
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
    ROW,
    S_IM,
    S_RE,
    UNSETTLED,
    V_IM,
    V_RE,
    Y_IM,
    Y_RE,
)
from gridmodel.engine.lanes import LANES, load, root, same, store, where_less

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
def newton(state, work, stamps, pushed, shares, floor, tolerance, first, last, outcome, place):  # type: ignore[no-untyped-def]
    """Solve rows first..last-1, a part of the grid, in every lane that is UNSETTLED on entry; returns steps.

    On return `outcome` is CONVERGED or COLLAPSED, or UNSETTLED after MOST_STEPS. `place` is the row that
    moved most in the last step: near a collapse the bus that goes first. The factors stay in `work`, so that
    `solve_lanes` serves further right-hand sides.
    """
    sound, figures = np.empty(LANES), np.empty(3 * LANES)
    alive = np.empty(LANES)
    for step in range(1, MOST_STEPS + 1):
        linearise(state, work, stamps, pushed, shares, first, last)
        eliminate(work, stamps, first, last, sound)
        for k in range(LANES):
            alive[k] = 1.0 if outcome[k] == UNSETTLED and sound[k] > 0.0 else 0.0
        solve_lanes(state, work, stamps, first, last)
        advance(state, floor, first, last, alive, figures)
        open_lanes = 0
        for k in range(LANES):
            if outcome[k] == UNSETTLED and alive[k] == 0.0:
                outcome[k] = COLLAPSED
                place[k] = int(figures[2 * LANES + k]) if step == 1 else place[k]
            if outcome[k] == UNSETTLED:
                place[k] = int(figures[2 * LANES + k])
                if not figures[LANES + k] > 0.0:  # NaN is a collapse too
                    outcome[k] = COLLAPSED
                elif figures[k] <= tolerance * tolerance:
                    outcome[k] = CONVERGED
                else:
                    open_lanes += 1
        if open_lanes == 0:
            return step
    return MOST_STEPS


@njit(cache=True, nogil=True, error_model="numpy")
def linearise(state, work, stamps, pushed, shares, first, last):  # type: ignore[no-untyped-def]
    """Matrix less the slopes of the currents (`linearised.current_slopes`), and the right-hand side."""
    start, _, diagonal, low, up = stamps
    for i in range(first, last):
        at, to = np.uint64(i) * ROW, np.uint64(i) * BLOCK
        g, h, push = diagonal[i].real, diagonal[i].imag, pushed[i]
        re, im = load(state, at + V_RE), load(state, at + V_IM)
        p, q = load(state, at + S_RE), load(state, at + S_IM)
        square = re * re + im * im
        over = 1.0 / square
        g_re, g_im = same(0.0), same(0.0)
        if len(shares):
            size = root(square)
            ip, zp, iq, zq = shares[i, 0], shares[i, 1], shares[i, 2], shares[i, 3]
            grown_p, grown_q = p * (ip / size + 2.0 * zp), q * (iq / size + 2.0 * zq)
            g_re, g_im = grown_p * re + grown_q * im, grown_p * im - grown_q * re
            p = p * (1.0 - ip - zp + ip * size + zp * square)
            q = q * (1.0 - iq - zq + iq * size + zq * square)
        i_re, i_im = (p * re + q * im) * over, (p * im - q * re) * over
        a, b = (p + g_re * re - 2.0 * re * i_re) * over, (q + g_re * im - 2.0 * im * i_re) * over
        c, d = (g_im * re - q - 2.0 * re * i_im) * over, (p + g_im * im - 2.0 * im * i_im) * over
        store(work.pivot, to + A, g - a)
        store(work.pivot, to + B, -h - b)
        store(work.pivot, to + C, h - c)
        store(work.pivot, to + D, g - d)
        store(state, at + Y_RE, i_re - a * re - b * im + push.real)
        store(state, at + Y_IM, i_im - c * re - d * im + push.imag)
    for entry in range(start[first], start[last]):
        _store_block(work.low, np.uint64(entry) * BLOCK, low[entry])
        _store_block(work.up, np.uint64(entry) * BLOCK, up[entry])


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _store_block(blocks, to, value):  # type: ignore[no-untyped-def]
    """A complex number as a block, in all lanes."""
    store(blocks, to + A, same(value.real))
    store(blocks, to + B, same(-value.imag))
    store(blocks, to + C, same(value.imag))
    store(blocks, to + D, same(value.real))


@njit(cache=True, nogil=True, error_model="numpy")
def eliminate(work, stamps, first, last, sound):  # type: ignore[no-untyped-def]
    """Right-looking LU in blocks (`factors`); `sound` is 0 where a determinant is not positive."""
    start, row, _, _, _ = stamps
    good, none = same(1.0), same(0.0)
    for i in range(first, last):
        at = np.uint64(i) * BLOCK
        a, b = load(work.pivot, at + A), load(work.pivot, at + B)
        c, d = load(work.pivot, at + C), load(work.pivot, at + D)
        determinant = a * d - b * c
        good = where_less(none, determinant, good, none)
        over = 1.0 / determinant
        store(work.pivot, at + A, d * over)
        store(work.pivot, at + B, -1.0 * b * over)
        store(work.pivot, at + C, -1.0 * c * over)
        store(work.pivot, at + D, a * over)
        for lower in range(start[i], start[i + 1]):
            _product(work.low, np.uint64(lower) * BLOCK, work.pivot, at)
            for upper in range(start[i], start[i + 1]):
                if row[lower] == row[upper]:
                    _subtract(work.pivot, np.uint64(row[lower]) * BLOCK, work, lower, upper)
                elif row[lower] < row[upper]:
                    target = _find(start, row, row[lower], row[upper])
                    _subtract(work.up, np.uint64(target) * BLOCK, work, lower, upper)
                else:
                    target = _find(start, row, row[upper], row[lower])
                    _subtract(work.low, np.uint64(target) * BLOCK, work, lower, upper)
    store(sound, np.uint64(0), good)


@njit(cache=True, nogil=True, error_model="numpy")
def _product(left, at, right, to):  # type: ignore[no-untyped-def]
    """Replace the left block by left times right."""
    a, b, c, d = load(left, at + A), load(left, at + B), load(left, at + C), load(left, at + D)
    p, q, r, s = load(right, to + A), load(right, to + B), load(right, to + C), load(right, to + D)
    store(left, at + A, a * p + b * r)
    store(left, at + B, a * q + b * s)
    store(left, at + C, c * p + d * r)
    store(left, at + D, c * q + d * s)


@njit(cache=True, nogil=True, error_model="numpy")
def _subtract(target, at, work, lower, upper):  # type: ignore[no-untyped-def]
    """Subtract low[lower] times up[upper] from a block."""
    low, up, x, y = work.low, work.up, np.uint64(lower) * BLOCK, np.uint64(upper) * BLOCK
    a, b, c, d = load(low, x + A), load(low, x + B), load(low, x + C), load(low, x + D)
    p, q, r, s = load(up, y + A), load(up, y + B), load(up, y + C), load(up, y + D)
    store(target, at + A, load(target, at + A) - a * p - b * r)
    store(target, at + B, load(target, at + B) - a * q - b * s)
    store(target, at + C, load(target, at + C) - c * p - d * r)
    store(target, at + D, load(target, at + D) - c * q - d * s)


@njit(cache=True, nogil=True, error_model="numpy")
def solve_lanes(state, work, stamps, first, last):  # type: ignore[no-untyped-def]
    """Solve for the right-hand side in the group Y; the solution takes its place."""
    start, row, _, _, _ = stamps
    low, up, pivot = work.low, work.up, work.pivot
    for i in range(first, last):
        at = np.uint64(i) * ROW
        re, im = load(state, at + Y_RE), load(state, at + Y_IM)
        for entry in range(start[i], start[i + 1]):
            to, x = np.uint64(row[entry]) * ROW, np.uint64(entry) * BLOCK
            store(state, to + Y_RE, load(state, to + Y_RE) - load(low, x + A) * re - load(low, x + B) * im)
            store(state, to + Y_IM, load(state, to + Y_IM) - load(low, x + C) * re - load(low, x + D) * im)
    for i in range(last - 1, first - 1, -1):
        at, x = np.uint64(i) * ROW, np.uint64(i) * BLOCK
        y_re, y_im = load(state, at + Y_RE), load(state, at + Y_IM)
        for entry in range(start[i], start[i + 1]):
            to, y = np.uint64(row[entry]) * ROW, np.uint64(entry) * BLOCK
            re, im = load(state, to + Y_RE), load(state, to + Y_IM)
            y_re = y_re - load(up, y + A) * re - load(up, y + B) * im
            y_im = y_im - load(up, y + C) * re - load(up, y + D) * im
        store(state, at + Y_RE, load(pivot, x + A) * y_re + load(pivot, x + B) * y_im)
        store(state, at + Y_IM, load(pivot, x + C) * y_re + load(pivot, x + D) * y_im)


@njit(cache=True, nogil=True, error_model="numpy")
def advance(state, floor, first, last, alive, figures):  # type: ignore[no-untyped-def]
    """Take the solution in Y for voltages where a lane is alive.

    `figures` gets per lane the largest square of a step, the smallest of |V|^2 - floor, the row of the first.
    """
    moved, lowest, place = same(-1.0), same(np.inf), same(float(first))
    half, taken = same(0.5), load(alive, np.uint64(0))
    for i in range(first, last):
        at = np.uint64(i) * ROW
        old_re, old_im = load(state, at + V_RE), load(state, at + V_IM)
        re, im = load(state, at + Y_RE), load(state, at + Y_IM)
        by_re, by_im = re - old_re, im - old_im
        step, above = by_re * by_re + by_im * by_im, re * re + im * im - floor[i]
        place = where_less(moved, step, same(float(i)), place)
        moved = where_less(step, moved, moved, step)
        lowest = where_less(lowest, above, lowest, above)
        store(state, at + V_RE, where_less(half, taken, re, old_re))
        store(state, at + V_IM, where_less(half, taken, im, old_im))
    store(figures, np.uint64(0), moved)
    store(figures, np.uint64(LANES), lowest)
    store(figures, np.uint64(2 * LANES), place)
