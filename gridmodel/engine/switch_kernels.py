"""Compiled factorisation of one switching state: a fixed pattern, of which only changed rows are done anew.

The pattern is that of the grid with everything in and every switch closed. A state has fewer entries, never
others, so that opening and closing changes numbers alone. Three things make all of it one elimination:

- a closed switch without impedance joins row i to a row of higher number: row i is added to it and takes
  its voltage back (the limit of a very large admittance, but exact);
- a branch with one end open is the admittance it has from its other end;
- rows of sources, and rows without supply (at zero), are held: they are not eliminated, they push.

A row depends on lower rows alone, so a change touches its own rows and those above them in the elimination
tree. All kernels release the GIL; callers bring threads, each with a `State` of its own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from gridmodel.engine.factors import _find, _times

# What of an edge is connected.
APART, BOTH, FROM_ONLY, TO_ONLY = 0, 1, 2, 3


class Wiring(NamedTuple):
    """What no switching changes. Edges are branches, then switches between buses ("joints").

    Attributes
    ----------
    start, row
        Pattern: neighbours of higher number per row, ascending, as in `Stamps`.
    child_start, child_row, child_entry
        Rows of lower number that have row i as neighbour, and the entry where.
    edge_start, edge_at
        Edges per row; one with both ends there is listed once.
    edge_entry
        Entry of the pattern per edge; -1 where both ends are one row.
    joint_first
        Number of branches: edges from here on are joints.
    shunt
        Admittance to earth per row [pu].
    source_row, source_pu
        Row and complex voltage per source.
    switch_edge, switch_side
        Edge per switch (-1: none that can be supplied) and its end: 0 from, 1 to; 2 for a joint.
    edge_switch_start, edge_switch
        Switches per edge.
    """

    start: np.ndarray
    row: np.ndarray
    child_start: np.ndarray
    child_row: np.ndarray
    child_entry: np.ndarray
    edge_start: np.ndarray
    edge_at: np.ndarray
    edge_entry: np.ndarray
    joint_first: int
    from_row: np.ndarray
    to_row: np.ndarray
    yff: np.ndarray
    yft: np.ndarray
    ytf: np.ndarray
    ytt: np.ndarray
    shunt: np.ndarray
    source_row: np.ndarray
    source_pu: np.ndarray
    switch_edge: np.ndarray
    switch_side: np.ndarray
    edge_switch_start: np.ndarray
    edge_switch: np.ndarray


class State(NamedTuple):
    """One switching state, its factors and its voltages.

    Attributes
    ----------
    closed, inside, feeding
        Switches closed, elements (edges) and sources in service.
    connected
        Per edge APART, BOTH, FROM_ONLY or TO_ONLY.
    supplied, fixed, held
        Rows a source reaches, rows that are not eliminated, and the voltages of these.
    joined
        Entries of the pattern whose two rows have one voltage.
    merged
        Per row the entry of the row it was added to; -1 for one that was eliminated.
    pivot, low_own, up_own
        Diagonal block, entries (row, i) and (i, row) when row i was reached, as 2 x 2 blocks.
    low, up, inverse
        Factors, as in `Factors`.
    slopes
        Slope of the injected current per row.
    volts, right
        Complex voltage, right-hand side per row.
    """

    closed: np.ndarray
    inside: np.ndarray
    feeding: np.ndarray
    connected: np.ndarray
    supplied: np.ndarray
    fixed: np.ndarray
    held: np.ndarray
    joined: np.ndarray
    merged: np.ndarray
    pivot: np.ndarray
    low_own: np.ndarray
    up_own: np.ndarray
    low: np.ndarray
    up: np.ndarray
    inverse: np.ndarray
    slopes: np.ndarray
    volts: np.ndarray
    right: np.ndarray


@njit(cache=True, nogil=True)
def connect(wiring, state, edge):  # type: ignore[no-untyped-def]
    """Find what of an edge is connected from its switches and its element."""
    ends = np.array([True, True, True])
    for place in range(wiring.edge_switch_start[edge], wiring.edge_switch_start[edge + 1]):
        switch = wiring.edge_switch[place]
        ends[wiring.switch_side[switch]] &= state.closed[switch]
    if edge >= wiring.joint_first:
        state.connected[edge] = BOTH if ends[2] else APART
    elif not state.inside[edge] or not (ends[0] or ends[1]):
        state.connected[edge] = APART
    elif ends[0] and ends[1]:
        state.connected[edge] = BOTH
    else:
        state.connected[edge] = FROM_ONLY if ends[0] else TO_ONLY


@njit(cache=True, nogil=True)
def spread(wiring, state, stack):  # type: ignore[no-untyped-def]
    """Find the rows that sources reach; returns the islands supplied and the sources feeding."""
    state.supplied[:] = False
    islands, sources = 0, 0
    for source in range(len(wiring.source_row)):
        origin = wiring.source_row[source]
        if not state.feeding[source] or origin < 0:
            continue
        sources += 1
        if state.supplied[origin]:
            continue
        islands += 1
        state.supplied[origin] = True
        stack[0], height = origin, 1
        while height:
            height -= 1
            i = stack[height]
            for place in range(wiring.edge_start[i], wiring.edge_start[i + 1]):
                edge = wiring.edge_at[place]
                if state.connected[edge] == BOTH:
                    other = wiring.from_row[edge] + wiring.to_row[edge] - i
                    if not state.supplied[other]:
                        state.supplied[other] = True
                        stack[height] = other
                        height += 1
    return islands, sources


@njit(cache=True, nogil=True)
def hold(wiring, state, stack):  # type: ignore[no-untyped-def]
    """Fix rows of sources, rows joined to them, and rows without supply; tells if no two voltages meet."""
    agreed = True
    for i in range(len(state.fixed)):
        state.fixed[i] = not state.supplied[i]
        state.held[i] = 0.0
    for source in range(len(wiring.source_row)):
        origin = wiring.source_row[source]
        if not state.feeding[source] or origin < 0:
            continue
        volts = wiring.source_pu[source]
        if state.fixed[origin]:  # by an earlier source at this row or one joined to it
            agreed &= abs(state.held[origin] - volts) < 1e-12
            continue
        state.fixed[origin], state.held[origin] = True, volts
        stack[0], height = origin, 1
        while height:
            height -= 1
            i = stack[height]
            for place in range(wiring.edge_start[i], wiring.edge_start[i + 1]):
                edge = wiring.edge_at[place]
                if edge >= wiring.joint_first and state.connected[edge] == BOTH:
                    other = wiring.from_row[edge] + wiring.to_row[edge] - i
                    if not state.fixed[other]:
                        state.fixed[other], state.held[other] = True, volts
                        stack[height] = other
                        height += 1
    return agreed


@njit(cache=True, nogil=True)
def factor_row(wiring, state, i):  # type: ignore[no-untyped-def]
    """Eliminate row i, all lower rows being done."""
    start, row = wiring.start, wiring.row
    state.pivot[i] = 0.0
    for entry in range(start[i], start[i + 1]):
        state.low_own[entry], state.up_own[entry], state.joined[entry] = 0.0, 0.0, False
    _collect_edges(wiring, state, i)
    for place in range(wiring.child_start[i], wiring.child_start[i + 1]):
        child = wiring.child_row[place]
        if state.fixed[child]:
            continue
        if state.merged[child] < 0:
            _take_eliminated(wiring, state, i, child, wiring.child_entry[place])
        else:
            _take_merged(wiring, state, i, child, wiring.child_entry[place])
    state.merged[i] = -1
    if not state.fixed[i]:
        for part in range(4):
            state.pivot[i, part] -= state.slopes[i, part]
        for entry in range(start[i + 1] - 1, start[i] - 1, -1):
            if state.joined[entry] and not state.fixed[row[entry]]:
                state.merged[i] = entry  # the nearest of several
    if state.fixed[i]:
        _finish_fixed(wiring, state, i)
    elif state.merged[i] >= 0:
        _finish_merged(wiring, state, i)
    else:
        _finish_eliminated(wiring, state, i)


@njit(cache=True, nogil=True, inline="always")
def _add(blocks, at, value):  # type: ignore[no-untyped-def]
    blocks[at, 0] += value.real
    blocks[at, 1] -= value.imag
    blocks[at, 2] += value.imag
    blocks[at, 3] += value.real


@njit(cache=True, nogil=True, error_model="numpy")
def _collect_edges(wiring, state, i):  # type: ignore[no-untyped-def]
    """Matrix entries of row i with its neighbours of higher number, from the edges connected."""
    _add(state.pivot, i, wiring.shunt[i])
    for place in range(wiring.edge_start[i], wiring.edge_start[i + 1]):
        edge = wiring.edge_at[place]
        how, entry = state.connected[edge], wiring.edge_entry[edge]
        if how == APART:
            continue
        at_from, at_to = wiring.from_row[edge] == i, wiring.to_row[edge] == i
        if edge >= wiring.joint_first:
            if entry >= wiring.start[i] and entry < wiring.start[i + 1]:
                state.joined[entry] = True
            continue
        yff, yft, ytf, ytt = wiring.yff[edge], wiring.yft[edge], wiring.ytf[edge], wiring.ytt[edge]
        if how == FROM_ONLY:
            if at_from:
                _add(state.pivot, i, yff - yft * ytf / ytt)
        elif how == TO_ONLY:
            if at_to:
                _add(state.pivot, i, ytt - yft * ytf / yff)
        elif at_from and at_to:
            _add(state.pivot, i, yff + yft + ytf + ytt)
        else:
            _add(state.pivot, i, yff if at_from else ytt)
            if entry >= wiring.start[i] and entry < wiring.start[i + 1]:
                _add(state.up_own, entry, yft if at_from else ytf)
                _add(state.low_own, entry, ytf if at_from else yft)


@njit(cache=True, nogil=True, inline="always")
def _subtract_product(target, at, x, i, y, j):  # type: ignore[no-untyped-def]
    p, q, r, s = _times(x, i, y, j)
    target[at, 0] -= p
    target[at, 1] -= q
    target[at, 2] -= r
    target[at, 3] -= s


@njit(cache=True, nogil=True)
def _take_eliminated(wiring, state, i, child, at):  # type: ignore[no-untyped-def]
    """Take what the elimination of a lower row leaves in row and column i."""
    start, row = wiring.start, wiring.row
    _subtract_product(state.pivot, i, state.low, at, state.up_own, at)
    for entry in range(at + 1, start[child + 1]):
        to = _find(start, row, i, row[entry])
        _subtract_product(state.up_own, to, state.low, at, state.up_own, entry)
        _subtract_product(state.low_own, to, state.low, entry, state.up_own, at)


@njit(cache=True, nogil=True)
def _take_merged(wiring, state, i, child, at):  # type: ignore[no-untyped-def]
    """Take what a lower row leaves in row and column i that was added to row i or to a higher one."""
    start, row = wiring.start, wiring.row
    with_entry = state.merged[child]
    partner = row[with_entry]
    if i < partner:
        to = _find(start, row, i, partner)
        state.up_own[to] += state.low_own[at]
        state.low_own[to] += state.up_own[at]
    elif i == partner:
        state.pivot[i] += state.pivot[child] + state.up_own[at] + state.low_own[at]
        for entry in range(at + 1, start[child + 1]):
            to = _find(start, row, i, row[entry])
            state.up_own[to] += state.up_own[entry]
            state.low_own[to] += state.low_own[entry]
            state.joined[to] |= state.joined[entry]


@njit(cache=True, nogil=True)
def _finish_eliminated(wiring, state, i):  # type: ignore[no-untyped-def]
    a, b, c, d = state.pivot[i]
    determinant = a * d - b * c
    inverse = state.inverse
    inverse[i, 0], inverse[i, 1] = d / determinant, -b / determinant
    inverse[i, 2], inverse[i, 3] = -c / determinant, a / determinant
    for entry in range(wiring.start[i], wiring.start[i + 1]):
        p, q, r, s = _times(inverse, i, state.up_own, entry)
        up, low = state.up, state.low
        up[entry, 0], up[entry, 1], up[entry, 2], up[entry, 3] = p, q, r, s
        p, q, r, s = _times(state.low_own, entry, inverse, i)
        low[entry, 0], low[entry, 1], low[entry, 2], low[entry, 3] = p, q, r, s


@njit(cache=True, nogil=True)
def _finish_merged(wiring, state, i):  # type: ignore[no-untyped-def]
    """y[partner] += y[i] upwards, x[i] = x[partner] downwards."""
    state.inverse[i] = 0.0
    for entry in range(wiring.start[i], wiring.start[i + 1]):
        state.low[entry], state.up[entry] = 0.0, 0.0
    for blocks in (state.low, state.up):
        blocks[state.merged[i], 0], blocks[state.merged[i], 3] = -1.0, -1.0


@njit(cache=True, nogil=True)
def _finish_fixed(wiring, state, i):  # type: ignore[no-untyped-def]
    """The voltage held, which sweeps put into y[i], is x[i]; it pushes into the higher rows."""
    state.inverse[i] = 0.0
    state.inverse[i, 0], state.inverse[i, 3] = 1.0, 1.0
    for entry in range(wiring.start[i], wiring.start[i + 1]):
        state.up[entry], state.low[entry] = 0.0, state.low_own[entry]
