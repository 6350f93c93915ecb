"""What is kept of a block of scenarios: extremes, counts and sums, taken while its state is in the cache.

Compiled like `kernels`, over the same flat state. Results go into arrays the caller owns; nothing of the
size scenarios x elements is ever made, but for the columns of chosen elements.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from gridmodel.engine.kernels import ROW, S_IM, S_RE, V_IM, V_RE, Y_RE
from gridmodel.engine.lanes import LANES, greatest, least, load, root, same, store, total, where_less


class Figures(NamedTuple):
    """Figures per scenario, with the bus (position in the net's table) or entry of `Branches` they occur at.

    -1 stands for none: a grid without lines has no most loaded one.

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
    injected
        Active power injected at all rows at the voltages found [pu].
    broken
        Numbers of buses too low, too high, lines and transformers over their limit: scenarios x 4.
    """

    vm_min: np.ndarray
    vm_min_bus: np.ndarray
    vm_max: np.ndarray
    vm_max_bus: np.ndarray
    drop_left: np.ndarray
    drop_bus: np.ndarray
    rise_left: np.ndarray
    rise_bus: np.ndarray
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
    injected: np.ndarray
    broken: np.ndarray


class Elements(NamedTuple):
    """Figures per bus and per branch over all scenarios, with the scenario where they occur (-1 for none).

    Buses are in the order of the net's table; one without supply keeps infinite figures.

    Attributes
    ----------
    vm_min, vm_max
        Lowest and highest voltage per bus [pu].
    low_count, high_count, over_count
        Scenarios in which a bound of the bus, the limit of the branch is broken.
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
    """`Bounds` of the buses that have supply, sorted by row, and of the branches.

    Attributes
    ----------
    row, bus
        Row and position in the net's table of each bus; those joined by closed switches share a row.
    low, high, reference
        Voltages [pu], and the row they count from (-1: nominal).
    percent
        Loading per branch [%].
    """

    row: np.ndarray
    bus: np.ndarray
    low: np.ndarray
    high: np.ndarray
    reference: np.ndarray
    percent: np.ndarray


@njit(cache=True, nogil=True, error_model="numpy")
def reduce_rows(state, first, good, bounds, figures, elements):  # type: ignore[no-untyped-def]
    """Voltages of a block: magnitudes go into the group Y_RE, extremes and counts into the results.

    `first` is the number of the block's first scenario; `good` is 1 for the lanes that count, else 0.
    """
    row, bus, low, high, reference, _ = bounds
    for i in range(len(state) // int(ROW)):
        at = np.uint64(i) * ROW
        re, im = load(state, at + V_RE), load(state, at + V_IM)
        store(state, at + Y_RE, root(re * re + im * im))
    one, zero, none, counts = same(1.0), same(0.0), same(-1.0), load(good, np.uint64(0))
    lowest, highest, drop, rise = same(np.inf), same(-np.inf), same(np.inf), same(np.inf)
    lowest_bus, highest_bus, drop_bus, rise_bus, too_low, too_high = none, none, none, none, zero, zero
    for b in range(len(row)):
        vm, here = load(state, np.uint64(row[b]) * ROW + Y_RE), same(float(bus[b]))
        base = zero
        if reference[b] >= 0:
            base = load(state, np.uint64(reference[b]) * ROW + Y_RE)
        below, above = vm - (base + low[b]), base + high[b] - vm
        lowest_bus, lowest = where_less(vm, lowest, here, lowest_bus), where_less(vm, lowest, vm, lowest)
        highest_bus, highest = (
            where_less(highest, vm, here, highest_bus),
            where_less(highest, vm, vm, highest),
        )
        drop_bus, drop = where_less(below, drop, here, drop_bus), where_less(below, drop, below, drop)
        rise_bus, rise = where_less(above, rise, here, rise_bus), where_less(above, rise, above, rise)
        too_low = too_low + where_less(below, zero, one, zero)
        too_high = too_high + where_less(above, zero, one, zero)
        if not len(elements.vm_min):
            continue
        if least(vm) < elements.vm_min[bus[b]] or greatest(vm) > elements.vm_max[bus[b]]:
            _keep_bus(vm, bus[b], first, good, elements)
        if least(below) < 0.0 or least(above) < 0.0:
            elements.low_count[bus[b]] += int(total(where_less(below, zero, counts, zero)))
            elements.high_count[bus[b]] += int(total(where_less(above, zero, counts, zero)))
    _put(lowest, lowest_bus, first, good, figures.vm_min, figures.vm_min_bus)
    _put(highest, highest_bus, first, good, figures.vm_max, figures.vm_max_bus)
    _put(drop, drop_bus, first, good, figures.drop_left, figures.drop_bus)
    _put(rise, rise_bus, first, good, figures.rise_left, figures.rise_bus)
    _count(too_low, first, good, figures.broken, 0)
    _count(too_high, first, good, figures.broken, 1)


@njit(cache=True, nogil=True, error_model="numpy")
def _put(value, place, first, good, values, places):  # type: ignore[no-untyped-def]
    """Write an extreme and its place to the scenarios of the lanes that count."""
    lane = np.empty(2 * LANES)
    store(lane, np.uint64(0), value)
    store(lane, np.uint64(LANES), place)
    for k in range(LANES):
        if good[k] > 0.0:
            values[first + k], places[first + k] = lane[k], int(lane[LANES + k])


@njit(cache=True, nogil=True, error_model="numpy")
def _count(value, first, good, counts, column):  # type: ignore[no-untyped-def]
    lane = np.empty(LANES)
    store(lane, np.uint64(0), value)
    for k in range(LANES):
        if good[k] > 0.0:
            counts[first + k, column] = int(lane[k])


@njit(cache=True, nogil=True, error_model="numpy")
def _keep_bus(vm, bus, first, good, elements):  # type: ignore[no-untyped-def]
    """Extremes of one bus over the scenarios, lane by lane; called only when there is a new one.

    A call hands over every array in seven parts, which takes longer than the bus itself.
    """
    lane = np.empty(LANES)
    store(lane, np.uint64(0), vm)
    for k in range(LANES):
        if good[k] > 0.0 and lane[k] < elements.vm_min[bus]:
            elements.vm_min[bus], elements.vm_min_at[bus] = lane[k], first + k
        if good[k] > 0.0 and lane[k] > elements.vm_max[bus]:
            elements.vm_max[bus], elements.vm_max_at[bus] = lane[k], first + k


@njit(cache=True, nogil=True, error_model="numpy")
def reduce_branches(state, first, good, branches, bounds, figures, elements):  # type: ignore[no-untyped-def]
    """Loadings and losses of a block; branches are sorted by kind, lines before transformers."""
    lost = same(0.0)
    lost = lost + _reduce_kind(
        state, first, good, branches, bounds, 0, figures.line_percent, figures.line_branch,
        figures.line_used, figures.line_used_branch, figures.broken, elements,
    )  # fmt: skip
    lost = lost + _reduce_kind(
        state, first, good, branches, bounds, 1, figures.transformer_percent, figures.transformer_branch,
        figures.transformer_used, figures.transformer_used_branch, figures.broken, elements,
    )  # fmt: skip
    lane = np.empty(LANES)
    store(lane, np.uint64(0), lost)
    for k in range(LANES):
        if good[k] > 0.0:
            figures.loss[first + k] = lane[k]


@njit(cache=True, nogil=True, error_model="numpy")
def _reduce_kind(  # type: ignore[no-untyped-def]
    state, first, good, branches, bounds, kind, percent, branch, used, used_branch, broken, elements
):
    """Loadings of the branches of one kind; returns their losses per lane."""
    one, zero, counts = same(1.0), same(0.0), load(good, np.uint64(0))
    most, most_branch, worst, worst_branch = same(-1.0), same(-1.0), zero, same(-1.0)
    over, lost = zero, zero
    for e in range(np.searchsorted(branches.kind, kind), np.searchsorted(branches.kind, kind + 1)):
        square, loss = _branch(state, e, branches)
        here, limit = same(float(e)), bounds.percent[e] * bounds.percent[e]
        share = square / limit
        most_branch, most = (
            where_less(most, square, here, most_branch),
            where_less(most, square, square, most),
        )
        worst_branch, worst = (
            where_less(worst, share, here, worst_branch),
            where_less(worst, share, share, worst),
        )
        over = over + where_less(one, share, one, zero)
        lost = lost + loss
        if len(elements.percent_max):
            elements.loss_sum[e] += total(where_less(zero, counts, loss, zero))
            if greatest(share) > 1.0:
                elements.over_count[e] += int(total(where_less(one, share, counts, zero)))
            if greatest(square) > elements.percent_max[e]:
                _keep_branch(square, e, first, good, elements)
    _put(root(most), most_branch, first, good, percent, branch)
    _put(root(worst), worst_branch, first, good, used, used_branch)
    _count(over, first, good, broken, 2 + kind)
    return lost


@njit(cache=True, nogil=True, error_model="numpy")
def _keep_branch(square, e, first, good, elements):  # type: ignore[no-untyped-def]
    lane = np.empty(LANES)
    store(lane, np.uint64(0), square)
    for k in range(LANES):
        if good[k] > 0.0 and lane[k] > elements.percent_max[e]:  # squares until all blocks are done
            elements.percent_max[e], elements.percent_max_at[e] = lane[k], first + k


@njit(cache=True, nogil=True, error_model="numpy")
def _branch(state, e, branches):  # type: ignore[no-untyped-def]
    """Square of the loading [%] of the end that is loaded more, and losses [pu], per lane."""
    f, t = np.uint64(branches.from_row[e]) * ROW, np.uint64(branches.to_row[e]) * ROW
    yff, yft, ytf, ytt = branches.yff[e], branches.yft[e], branches.ytf[e], branches.ytt[e]
    fr, fi, tr, ti = (
        load(state, f + V_RE),
        load(state, f + V_IM),
        load(state, t + V_RE),
        load(state, t + V_IM),
    )
    ir = yff.real * fr - yff.imag * fi + yft.real * tr - yft.imag * ti
    ii = yff.real * fi + yff.imag * fr + yft.real * ti + yft.imag * tr
    jr = ytf.real * fr - ytf.imag * fi + ytt.real * tr - ytt.imag * ti
    ji = ytf.real * fi + ytf.imag * fr + ytt.real * ti + ytt.imag * tr
    near = (ir * ir + ii * ii) * (branches.percent_from[e] * branches.percent_from[e])
    far = (jr * jr + ji * ji) * (branches.percent_to[e] * branches.percent_to[e])
    return where_less(near, far, far, near), fr * ir + fi * ii + tr * jr + ti * ji


@njit(cache=True, nogil=True, error_model="numpy")
def reduce_sources(state, first, good, source_start, source_col, source_y, free_count, figures):  # type: ignore[no-untyped-def]
    """Complex power the sources feed: what flows into the grid, and what is drawn at their own rows."""
    lane = np.empty(2 * LANES)
    p, q = same(0.0), same(0.0)
    for source in range(len(source_start) - 1):
        ir, ii = same(0.0), same(0.0)
        for entry in range(source_start[source], source_start[source + 1]):
            to, y = np.uint64(source_col[entry]) * ROW, source_y[entry]
            re, im = load(state, to + V_RE), load(state, to + V_IM)
            ir, ii = ir + y.real * re - y.imag * im, ii + y.real * im + y.imag * re
        at = np.uint64(free_count + source) * ROW
        re, im = load(state, at + V_RE), load(state, at + V_IM)
        p = p + re * ir + im * ii - load(state, at + S_RE)
        q = q + im * ir - re * ii - load(state, at + S_IM)
    store(lane, np.uint64(0), p)
    store(lane, np.uint64(LANES), q)
    for k in range(LANES):
        if good[k] > 0.0:
            figures.source[first + k] = complex(lane[k], lane[LANES + k])


@njit(cache=True, nogil=True, error_model="numpy")
def reduce_injected(state, first, good, live, shares, figures):  # type: ignore[no-untyped-def]
    """Active power injected, as large as it is at the voltages found."""
    power = same(0.0)
    for i in range(len(live)):
        if not live[i]:
            continue
        at = np.uint64(i) * ROW
        here = load(state, at + S_RE)
        if len(shares):
            re, im = load(state, at + V_RE), load(state, at + V_IM)
            square = re * re + im * im
            part = root(square) * shares[i, 0] + square * shares[i, 1]
            here = here * (part + (1.0 - shares[i, 0] - shares[i, 1]))
        power = power + here
    lane = np.empty(LANES)
    store(lane, np.uint64(0), power)
    for k in range(LANES):
        if good[k] > 0.0:
            figures.injected[first + k] = lane[k]


@njit(cache=True, nogil=True, error_model="numpy")
def take_columns(state, first, good, rows, vm_pu, branches, chosen, percent):  # type: ignore[no-untyped-def]
    """Voltages of chosen rows (after `reduce_rows`) and loadings of chosen branches, per scenario."""
    lane = np.empty(LANES)
    for j in range(len(rows)):
        at = np.uint64(rows[j]) * ROW
        for k in range(LANES):
            if good[k] > 0.0:
                vm_pu[first + k, j] = state[at + Y_RE + np.uint64(k)]
    for j in range(len(chosen)):
        square, _ = _branch(state, chosen[j], branches)
        store(lane, np.uint64(0), root(square))
        for k in range(LANES):
            if good[k] > 0.0:
                percent[first + k, j] = lane[k]
