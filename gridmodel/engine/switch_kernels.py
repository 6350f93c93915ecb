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

from gridmodel.engine.factors import _find

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
    edge_start, edge_at, edge_to
        Edges per row and the row of their other end; one with both ends there is listed once.
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
    edge_to: np.ndarray
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
    edge_start, edge_at, edge_to = wiring.edge_start, wiring.edge_at, wiring.edge_to
    connected, supplied = state.connected, state.supplied
    supplied[:] = False
    islands, sources = 0, 0
    for source in range(len(wiring.source_row)):
        origin = wiring.source_row[source]
        if not state.feeding[source] or origin < 0:
            continue
        sources += 1
        if supplied[origin]:
            continue
        islands += 1
        supplied[origin] = True
        stack[0], height = origin, 1
        while height:
            height -= 1
            i = stack[height]
            for place in range(edge_start[i], edge_start[i + 1]):
                other = edge_to[place]
                if not supplied[other] and connected[edge_at[place]] == BOTH:
                    supplied[other] = True
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
                edge, other = wiring.edge_at[place], wiring.edge_to[place]
                joined = edge >= wiring.joint_first and state.connected[edge] == BOTH
                if joined and not state.fixed[other]:
                    state.fixed[other], state.held[other] = True, volts
                    stack[height] = other
                    height += 1
    return agreed


@njit(cache=True, nogil=True)
def factor_rows(wiring, state, chosen):  # type: ignore[no-untyped-def]
    """Eliminate chosen rows, all others being done."""
    _collect_edges(wiring, state, chosen)
    _eliminate(wiring, state, chosen)


@njit(cache=True, nogil=True, error_model="numpy")
def _collect_edges(wiring, state, chosen):  # type: ignore[no-untyped-def]
    """Matrix entries of rows with their neighbours of higher number, from the edges connected."""
    # Arrays out of a tuple are counted references; taken out once, the loops are free of them.
    start, edge_start, edge_at, edge_entry = (
        wiring.start, wiring.edge_start, wiring.edge_at, wiring.edge_entry
    )  # fmt: skip
    from_row, to_row, shunt, joint_first = wiring.from_row, wiring.to_row, wiring.shunt, wiring.joint_first
    y_ff, y_ft, y_tf, y_tt = wiring.yff, wiring.yft, wiring.ytf, wiring.ytt
    pivot, low_own, up_own, joined = state.pivot, state.low_own, state.up_own, state.joined
    connected, slopes, fixed = state.connected, state.slopes, state.fixed
    for i in range(len(shunt)):
        if not chosen[i]:
            continue
        first, last, own = start[i], start[i + 1], shunt[i]
        joined[first:last] = False
        low_own[first:last], up_own[first:last] = 0.0, 0.0
        for place in range(edge_start[i], edge_start[i + 1]):
            edge = edge_at[place]
            how, entry = connected[edge], edge_entry[edge]
            at_from, at_to = from_row[edge] == i, to_row[edge] == i
            to_higher = entry >= first and entry < last
            if how == APART:
                continue
            if edge >= joint_first:
                if to_higher:
                    joined[entry] = True
                continue
            yff, yft, ytf, ytt = y_ff[edge], y_ft[edge], y_tf[edge], y_tt[edge]
            if how == FROM_ONLY:
                own += yff - yft * ytf / ytt if at_from else 0.0
            elif how == TO_ONLY:
                own += ytt - yft * ytf / yff if at_to else 0.0
            elif at_from and at_to:
                own += yff + yft + ytf + ytt
            else:
                own += yff if at_from else ytt
                if to_higher:
                    out, back = (yft, ytf) if at_from else (ytf, yft)
                    _add(up_own, entry, out.real, out.imag)
                    _add(low_own, entry, back.real, back.imag)
        for part in range(4):
            pivot[i, part] = 0.0 if fixed[i] else -slopes[i, part]
        _add(pivot, i, own.real, own.imag)


@njit(cache=True, nogil=True)
def _add(blocks, at, re, im):  # type: ignore[no-untyped-def]
    blocks[at, 0] += re
    blocks[at, 1] -= im
    blocks[at, 2] += im
    blocks[at, 3] += re


@njit(cache=True, nogil=True, error_model="numpy")
def _eliminate(wiring, state, chosen):  # type: ignore[no-untyped-def]
    """Take what lower rows leave in each row and its column, and make its factors."""
    start, row = wiring.start, wiring.row
    child_start, child_row, child_entry = wiring.child_start, wiring.child_row, wiring.child_entry
    fixed, joined, merged = state.fixed, state.joined, state.merged
    pivot, low_own, up_own = state.pivot, state.low_own, state.up_own
    low, up, inverse = state.low, state.up, state.inverse
    for i in range(len(merged)):
        if not chosen[i]:
            continue
        first, last = start[i], start[i + 1]
        for place in range(child_start[i], child_start[i + 1]):
            child, at = child_row[place], child_entry[place]
            if fixed[child]:
                continue
            if merged[child] >= 0:
                _take_merged(start, row, i, child, at, merged[child], pivot, low_own, up_own, joined)
                continue
            _subtract_product(pivot, i, low, at, up_own, at)
            for entry in range(at + 1, start[child + 1]):
                to = _find(start, row, i, row[entry])
                _subtract_product(up_own, to, low, at, up_own, entry)
                _subtract_product(low_own, to, low, entry, up_own, at)
        merged[i] = -1
        if fixed[i]:
            # The voltage held, which sweeps put into y[i], is x[i]; it pushes into the higher rows.
            inverse[i, 0], inverse[i, 1], inverse[i, 2], inverse[i, 3] = 1.0, 0.0, 0.0, 1.0
            up[first:last], low[first:last] = 0.0, low_own[first:last]
            continue
        for entry in range(last - 1, first - 1, -1):
            if joined[entry] and not fixed[row[entry]]:
                merged[i] = entry  # the nearest of several
        if merged[i] >= 0:
            # y[partner] += y[i] upwards, x[i] = x[partner] downwards.
            at, inverse[i] = merged[i], 0.0
            up[first:last], low[first:last] = 0.0, 0.0
            low[at, 0], low[at, 3], up[at, 0], up[at, 3] = -1.0, -1.0, -1.0, -1.0
            continue
        a, b, c, d = pivot[i, 0], pivot[i, 1], pivot[i, 2], pivot[i, 3]
        over = 1.0 / (a * d - b * c)
        a, b, c, d = d * over, -b * over, -c * over, a * over
        inverse[i, 0], inverse[i, 1], inverse[i, 2], inverse[i, 3] = a, b, c, d
        for entry in range(first, last):
            p, q, r, s = up_own[entry, 0], up_own[entry, 1], up_own[entry, 2], up_own[entry, 3]
            up[entry, 0], up[entry, 1] = a * p + b * r, a * q + b * s
            up[entry, 2], up[entry, 3] = c * p + d * r, c * q + d * s
            p, q, r, s = low_own[entry, 0], low_own[entry, 1], low_own[entry, 2], low_own[entry, 3]
            low[entry, 0], low[entry, 1] = p * a + q * c, p * b + q * d
            low[entry, 2], low[entry, 3] = r * a + s * c, r * b + s * d


@njit(cache=True, nogil=True)
def _subtract_product(target, at, x, i, y, j):  # type: ignore[no-untyped-def]
    a, b, c, d = x[i, 0], x[i, 1], x[i, 2], x[i, 3]
    p, q, r, s = y[j, 0], y[j, 1], y[j, 2], y[j, 3]
    target[at, 0] -= a * p + b * r
    target[at, 1] -= a * q + b * s
    target[at, 2] -= c * p + d * r
    target[at, 3] -= c * q + d * s


@njit(cache=True, nogil=True)
def _take_merged(start, row, i, child, at, merged_at, pivot, low_own, up_own, joined):  # type: ignore[no-untyped-def]
    """Take what a lower row leaves in row and column i that was added to row i or to a higher one."""
    partner = row[merged_at]
    if i < partner:
        to = _find(start, row, i, partner)
        for part in range(4):
            up_own[to, part] += low_own[at, part]
            low_own[to, part] += up_own[at, part]
    elif i == partner:
        for part in range(4):
            pivot[i, part] += pivot[child, part] + up_own[at, part] + low_own[at, part]
        for entry in range(at + 1, start[child + 1]):
            to = _find(start, row, i, row[entry])
            joined[to] |= joined[entry]
            for part in range(4):
                up_own[to, part] += up_own[entry, part]
                low_own[to, part] += low_own[entry, part]
