"""What is kept of a block of scenarios: extremes, counts and sums, taken while its state is in the cache.

Compiled like `kernels`, over the same flat state. Results go into arrays the caller owns; nothing of the
size scenarios x elements is ever made, but for the columns of chosen elements.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from gridmodel.engine.kernels import LANES, ROW, S_IM, S_RE, V_IM, V_RE, Y_RE


class Figures(NamedTuple):
    """Figures per scenario; in `row`-like fields a row or an entry of `Branches`, -1 for none.

    Attributes
    ----------
    vm_min, vm_max
        Lowest and highest voltage [pu].
    drop_left, rise_left
        Smallest distance of a voltage to its lower and its upper bound [pu]; negative where one is broken.
    line_used, transformer_used
        Largest loading as a share of its limit.
    line_percent, transformer_percent
        Largest loading [%].
    loss, source
        Active losses of lines and transformers, complex power of the sources [pu].
    broken
        Numbers of voltages too low, too high, lines and transformers over their limit: scenarios x 4.
    """

    vm_min: np.ndarray
    vm_min_row: np.ndarray
    vm_max: np.ndarray
    vm_max_row: np.ndarray
    drop_left: np.ndarray
    drop_row: np.ndarray
    rise_left: np.ndarray
    rise_row: np.ndarray
    line_percent: np.ndarray
    line_branch: np.ndarray
    transformer_percent: np.ndarray
    transformer_branch: np.ndarray
    line_used: np.ndarray
    line_used_branch: np.ndarray
    transformer_used: np.ndarray
    transformer_used_branch: np.ndarray
    loss: np.ndarray
    source: np.ndarray
    broken: np.ndarray


class Elements(NamedTuple):
    """Figures per row and per branch over all scenarios, with the scenario where they occur (-1 for none).

    Attributes
    ----------
    vm_min, vm_max
        Lowest and highest voltage per row [pu].
    low_count, high_count, over_count
        Scenarios in which a bound of the row, the limit of the branch is broken.
    percent_max
        Largest loading per branch [%].
    loss_sum
        Sum of the losses per branch over the scenarios [pu].
    """

    vm_min: np.ndarray
    vm_min_at: np.ndarray
    vm_max: np.ndarray
    vm_max_at: np.ndarray
    low_count: np.ndarray
    high_count: np.ndarray
    percent_max: np.ndarray
    percent_max_at: np.ndarray
    over_count: np.ndarray
    loss_sum: np.ndarray


class RowBounds(NamedTuple):
    """`Bounds` per row and branch: voltages, the row they count from (-1: none), loading [%]."""

    low: np.ndarray
    high: np.ndarray
    reference: np.ndarray
    percent: np.ndarray


@njit(cache=True, nogil=True, error_model="numpy")
def reduce_rows(lanes, state, first, good, bounds, figures, elements):  # type: ignore[no-untyped-def]
    """Voltages of a block: magnitudes go into the group Y_RE, extremes and counts into the results.

    `first` is the number of the block's first scenario, `good` flags the lanes that count.
    """
    low, high, reference, _ = bounds
    for i in range(len(low)):
        at = np.uint64(i) * ROW
        for k in range(lanes):
            re, im = state[at + V_RE + k], state[at + V_IM + k]
            state[at + Y_RE + k] = np.sqrt(re * re + im * im)
    best = np.empty((4, LANES))
    best_row = np.full((4, LANES), -1, dtype=np.int64)
    count = np.zeros((2, LANES), dtype=np.int64)
    best[:] = np.inf
    for i in range(len(low)):
        at = np.uint64(i) * ROW
        to = np.uint64(reference[i]) * ROW if reference[i] >= 0 else np.uint64(0)
        by = 1.0 if reference[i] >= 0 else 0.0
        for k in range(lanes):
            vm = state[at + Y_RE + k]
            zero = by * state[to + Y_RE + k]
            below, above = vm - (low[i] + zero), (high[i] + zero) - vm
            if vm < best[0, k]:
                best[0, k], best_row[0, k] = vm, i
            if -vm < best[1, k]:
                best[1, k], best_row[1, k] = -vm, i
            if below < best[2, k]:
                best[2, k], best_row[2, k] = below, i
            if above < best[3, k]:
                best[3, k], best_row[3, k] = above, i
            count[0, k] += below < 0.0
            count[1, k] += above < 0.0
        if len(elements.vm_min):
            _keep_row(lanes, state, i, first, good, low[i], high[i], by, to, elements)
    for k in range(lanes):
        if good[k]:
            t = first + k
            figures.vm_min[t], figures.vm_min_row[t] = best[0, k], best_row[0, k]
            figures.vm_max[t], figures.vm_max_row[t] = -best[1, k], best_row[1, k]
            figures.drop_left[t], figures.drop_row[t] = best[2, k], best_row[2, k]
            figures.rise_left[t], figures.rise_row[t] = best[3, k], best_row[3, k]
            figures.broken[t, 0], figures.broken[t, 1] = count[0, k], count[1, k]


@njit(cache=True, nogil=True, error_model="numpy")
def _keep_row(lanes, state, i, first, good, low, high, by, to, elements):  # type: ignore[no-untyped-def]
    at = np.uint64(i) * ROW
    for k in range(lanes):
        if good[k]:
            vm = state[at + Y_RE + k]
            zero = by * state[to + Y_RE + k]
            if vm < elements.vm_min[i]:
                elements.vm_min[i], elements.vm_min_at[i] = vm, first + k
            if vm > elements.vm_max[i]:
                elements.vm_max[i], elements.vm_max_at[i] = vm, first + k
            elements.low_count[i] += vm < low + zero
            elements.high_count[i] += vm > high + zero


@njit(cache=True, nogil=True, error_model="numpy")
def reduce_branches(lanes, state, first, good, branches, bounds, figures, elements):  # type: ignore[no-untyped-def]
    """Loadings and losses of a block."""
    square, loss = np.empty(LANES), np.empty(LANES)
    best = np.zeros((4, LANES))
    best_branch = np.full((4, LANES), -1, dtype=np.int64)
    count = np.zeros((2, LANES), dtype=np.int64)
    total = np.zeros(LANES)
    for e in range(len(branches.kind)):
        kind = branches.kind[e]
        _branch(lanes, state, e, branches, square, loss)
        if kind > 1:
            continue
        limit = bounds.percent[e]
        over = 1.0 / (limit * limit)
        for k in range(lanes):
            total[k] += loss[k]
            if square[k] > best[kind, k]:
                best[kind, k], best_branch[kind, k] = square[k], e
            used = square[k] * over
            if used > best[2 + kind, k]:
                best[2 + kind, k], best_branch[2 + kind, k] = used, e
            count[kind, k] += used > 1.0
        if len(elements.percent_max):
            for k in range(lanes):
                if good[k]:
                    elements.loss_sum[e] += loss[k]
                    elements.over_count[e] += square[k] > limit * limit
                    if square[k] > elements.percent_max[e]:  # squares until all blocks are done
                        elements.percent_max[e], elements.percent_max_at[e] = square[k], first + k
    for k in range(lanes):
        if good[k]:
            t = first + k
            figures.line_percent[t], figures.line_branch[t] = np.sqrt(best[0, k]), best_branch[0, k]
            figures.transformer_percent[t] = np.sqrt(best[1, k])
            figures.transformer_branch[t] = best_branch[1, k]
            figures.line_used[t], figures.line_used_branch[t] = np.sqrt(best[2, k]), best_branch[2, k]
            figures.transformer_used[t] = np.sqrt(best[3, k])
            figures.transformer_used_branch[t] = best_branch[3, k]
            figures.loss[t] = total[k]
            figures.broken[t, 2], figures.broken[t, 3] = count[0, k], count[1, k]


@njit(cache=True, nogil=True, error_model="numpy")
def _branch(lanes, state, e, branches, square, loss):  # type: ignore[no-untyped-def]
    """Square of the loading [%] of the end that is loaded more, and losses [pu], per lane."""
    f, t = np.uint64(branches.from_row[e]) * ROW, np.uint64(branches.to_row[e]) * ROW
    yff, yft, ytf, ytt = branches.yff[e], branches.yft[e], branches.ytf[e], branches.ytt[e]
    a, b, c, d = yff.real, yff.imag, yft.real, yft.imag
    p, q, r, s = ytf.real, ytf.imag, ytt.real, ytt.imag
    at_from, at_to = branches.percent_from[e] ** 2, branches.percent_to[e] ** 2
    for k in range(lanes):
        fr, fi, tr, ti = state[f + V_RE + k], state[f + V_IM + k], state[t + V_RE + k], state[t + V_IM + k]
        ir, ii = a * fr - b * fi + c * tr - d * ti, a * fi + b * fr + c * ti + d * tr
        jr, ji = p * fr - q * fi + r * tr - s * ti, p * fi + q * fr + r * ti + s * tr
        one, two = (ir * ir + ii * ii) * at_from, (jr * jr + ji * ji) * at_to
        square[k] = one if one > two else two
        loss[k] = fr * ir + fi * ii + tr * jr + ti * ji


@njit(cache=True, nogil=True, error_model="numpy")
def reduce_sources(lanes, state, first, good, source_start, source_col, source_y, free_count, figures):  # type: ignore[no-untyped-def]
    """Complex power the sources feed: what flows into the grid, and what is drawn at their own rows."""
    for k in range(lanes):
        if not good[k]:
            continue
        power = 0j
        for source in range(len(source_start) - 1):
            current = 0j
            for entry in range(source_start[source], source_start[source + 1]):
                to = np.uint64(source_col[entry]) * ROW
                current += source_y[entry] * complex(state[to + V_RE + k], state[to + V_IM + k])
            at = np.uint64(free_count + source) * ROW
            held = complex(state[at + V_RE + k], state[at + V_IM + k])
            power += held * np.conj(current) - complex(state[at + S_RE + k], state[at + S_IM + k])
        figures.source[first + k] = power


@njit(cache=True, nogil=True, error_model="numpy")
def take_columns(lanes, state, first, good, rows, vm_pu, branches, chosen, percent):  # type: ignore[no-untyped-def]
    """Voltages of chosen rows (after `reduce_rows`) and loadings of chosen branches, per scenario."""
    square, loss = np.empty(LANES), np.empty(LANES)
    for j in range(len(rows)):
        at = np.uint64(rows[j]) * ROW
        for k in range(lanes):
            if good[k]:
                vm_pu[first + k, j] = state[at + Y_RE + k]
    for j in range(len(chosen)):
        _branch(lanes, state, chosen[j], branches, square, loss)
        for k in range(lanes):
            if good[k]:
                percent[first + k, j] = np.sqrt(square[k])
