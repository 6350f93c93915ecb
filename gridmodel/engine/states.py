"""Solve many switching states of one grid, each from the state the grid is in: on all cores, figures out."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit

from gridmodel.engine.bounds import Bounds
from gridmodel.engine.kernels import CONVERGED, UNSETTLED
from gridmodel.engine.matrix import LINE, TRANSFORMER
from gridmodel.engine.switch_kernels import State, connect, factor_rows, hold, spread
from gridmodel.engine.switch_reductions import (
    StateFigures,
    Yardstick,
    count_supply,
    empty_figures,
    reduce_buses,
    reduce_edges,
    reduce_sources,
    take_state,
)
from gridmodel.engine.switch_solve import Drawn, set_slopes, settle_state, solve_anew
from gridmodel.engine.switching import SwitchingGrid

# Outcomes beside those of `kernels`: nothing is supplied; sources of different voltage meet at one node.
NO_SOURCE, SOURCES_CLASH = 3, 4
TURN_SWITCH, TURN_EDGE, TURN_SOURCE = 0, 1, 2


class Changes(NamedTuple):
    """What each state changes: entries start[t]..start[t+1]-1.

    Attributes
    ----------
    what, at
        TURN_SWITCH, TURN_EDGE or TURN_SOURCE, and the row of it; -1 for what is never supplied.
    on
        Whether it is closed, or in service.
    """

    start: np.ndarray
    what: np.ndarray
    at: np.ndarray
    on: np.ndarray


@dataclass(frozen=True, eq=False)
class StateResults:
    """What is known of every state.

    Attributes
    ----------
    outcome
        CONVERGED, COLLAPSED, UNSETTLED, NO_SOURCE or SOURCES_CLASH.
    worst_row
        Row whose voltage was lowest where a state has no solution; -1 elsewhere.
    islands, sources
        Islands with supply, and sources feeding.
    vm_pu, percent
        States x buses chosen [pu] and branches chosen [%]; NaN without supply.
    """

    outcome: np.ndarray
    worst_row: np.ndarray
    islands: np.ndarray
    sources: np.ndarray
    figures: StateFigures
    vm_pu: np.ndarray
    percent: np.ndarray

    @property
    def converged(self) -> np.ndarray:
        return np.asarray(self.outcome == CONVERGED)


class _Room(NamedTuple):
    """Working memory of one thread."""

    state: State
    stack: np.ndarray
    mark: np.ndarray
    size: np.ndarray


def solve_states(
    grid: SwitchingGrid,
    changes: Changes,
    injection_pu: np.ndarray,
    *,
    bounds: Bounds | None = None,
    weights: np.ndarray | None = None,
    buses: np.ndarray | None = None,
    edges: np.ndarray | None = None,
    threads: int | None = None,
) -> StateResults:
    """Solve every state, each as the grid is now but for its changes.

    Parameters
    ----------
    injection_pu
        Complex power injected per row [pu].
    bounds
        Limits counted; none when absent.
    weights
        Buses x figures to be summed over the buses without supply.
    buses, edges
        Buses and edges whose figures are kept for every state.
    threads
        One per core when absent.
    """
    states = len(changes.start) - 1
    drawn = Drawn(np.ascontiguousarray(injection_pu, dtype=complex), grid.shares)
    weighed = (
        np.zeros((len(grid.bus_row), 0)) if weights is None else np.ascontiguousarray(weights, dtype=float)
    )
    yardstick = yardstick_of(grid, bounds, weighed)
    chosen = [
        np.zeros(0, dtype=np.int64) if c is None else np.asarray(c, dtype=np.int64) for c in (buses, edges)
    ]
    results = StateResults(
        np.full(states, UNSETTLED), np.full(states, -1), np.zeros(states, dtype=np.int64),
        np.zeros(states, dtype=np.int64), empty_figures(states, weighed.shape[1]),
        np.full((states, len(chosen[0])), np.nan), np.full((states, len(chosen[1])), np.nan),
    )  # fmt: skip
    base = _base_state(grid, drawn)
    workers = max(1, min(threads or os.cpu_count() or 1, states))
    edges_of_shares = np.linspace(0, states, workers + 1).astype(np.int64)
    out = _Out(*(getattr(results, name) for name in _Out._fields))

    def work(k: int) -> None:
        room = _room(grid, State(*(values.copy() for values in base)))
        _solve_states(
            edges_of_shares[k],
            edges_of_shares[k + 1],
            grid.wiring,
            base,
            room,
            changes,
            drawn,
            yardstick,
            chosen[0],
            chosen[1],
            out,
        )

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, range(workers)))
    return results


class _Out(NamedTuple):
    """Where the kernel writes; shares of the states write to rows of their own."""

    outcome: np.ndarray
    worst_row: np.ndarray
    islands: np.ndarray
    sources: np.ndarray
    figures: StateFigures
    vm_pu: np.ndarray
    percent: np.ndarray


def yardstick_of(grid: SwitchingGrid, bounds: Bounds | None, weights: np.ndarray) -> Yardstick:
    """Bounds per bus and branch; infinite ones where there are none."""
    buses, percent = len(grid.bus_row), np.full(len(grid.branches.kind), np.inf)
    low, high, reference = np.full(buses, -np.inf), np.full(buses, np.inf), np.full(buses, -1)
    if bounds is not None:
        low, high, reference = bounds.vm_min_pu, bounds.vm_max_pu, bounds.reference
        for kind, limit in ((LINE, bounds.line_percent), (TRANSFORMER, bounds.transformer_percent)):
            at = grid.branches.kind == kind
            percent[at] = limit[grid.branches.position[at]]
    return Yardstick(
        bus_row=grid.bus_row,
        low=np.asarray(low, dtype=float),
        high=np.asarray(high, dtype=float),
        reference=np.asarray(reference, dtype=np.int64),
        kind=grid.branches.kind,
        percent_from=grid.branches.percent_from,
        percent_to=grid.branches.percent_to,
        percent=percent,
        weights=weights,
    )


def _base_state(grid: SwitchingGrid, drawn: Drawn) -> State:
    """The state the grid is in, solved; rows without supply stand at their voltages with everything in."""
    everything = _empty_state(grid, True, True, True)
    _prepare(grid.wiring, everything, np.empty(grid.row_count + 1, dtype=np.int64))
    solve_anew(grid.wiring, everything, Drawn(np.zeros_like(drawn.power), drawn.shares))
    base = _empty_state(grid, grid.closed, grid.inside, grid.feeding)
    _prepare(grid.wiring, base, np.empty(grid.row_count + 1, dtype=np.int64))
    solve_anew(grid.wiring, base, drawn)
    dark = ~base.supplied
    base.volts[dark] = everything.volts[dark]
    set_slopes(base, drawn, dark)  # supplied by some states
    return base


def _empty_state(
    grid: SwitchingGrid,
    closed: np.ndarray | bool,
    inside: np.ndarray | bool,
    feeding: np.ndarray | bool,
) -> State:
    rows, entries = grid.row_count, len(grid.wiring.row)
    flags = {
        "closed": (len(grid.closed), closed),
        "inside": (len(grid.inside), inside),
        "feeding": (len(grid.feeding), feeding),
        "supplied": (rows, False),
        "fixed": (rows, False),
        "joined": (entries, False),
    }
    blocks = dict.fromkeys(("pivot", "inverse", "slopes"), rows)
    blocks |= dict.fromkeys(("low_own", "up_own", "low", "up"), entries)
    arrays = {name: np.full(count, value, dtype=bool) for name, (count, value) in flags.items()}
    arrays |= {name: np.zeros((count, 4)) for name, count in blocks.items()}
    arrays |= {name: np.zeros(rows, dtype=complex) for name in ("held", "volts", "right")}
    arrays["connected"] = np.zeros(len(grid.inside), dtype=np.int8)
    arrays["merged"] = np.full(rows, -1)
    return State(**arrays)


def _room(grid: SwitchingGrid, state: State) -> _Room:
    rows = grid.row_count
    return _Room(state, np.empty(rows + 1, dtype=np.int64), np.zeros(rows, dtype=bool), np.zeros(rows))


@njit(cache=True, nogil=True)
def _prepare(wiring, state, stack):  # type: ignore[no-untyped-def]
    for edge in range(len(state.connected)):
        connect(wiring, state, edge)
    spread(wiring, state, stack)
    return hold(wiring, state, stack)


@njit(cache=True, nogil=True, error_model="numpy")
def _solve_states(first, last, wiring, base, room, changes, drawn, yardstick, buses, edges, out):  # type: ignore[no-untyped-def]
    """Solve states first..last-1, bringing the working state back to the base after each."""
    state, stack, mark = room.state, room.stack, room.mark
    for t in range(first, last):
        turned = _turn(wiring, state, changes, t)
        islands, sources = spread(wiring, state, stack)
        agreed = hold(wiring, state, stack)
        out.islands[t], out.sources[t] = islands, sources
        count_supply(wiring, state, yardstick, islands, stack, mark, out.figures, t)
        if not agreed:
            out.outcome[t] = SOURCES_CLASH
        elif sources == 0:
            out.outcome[t] = NO_SOURCE
        else:
            _mark_touched(wiring, state, base, mark)
            _solve_one(wiring, state, room, drawn, out, t)
            if out.outcome[t] == CONVERGED:
                reduce_buses(state, yardstick, room.size, out.figures, t)
                reduce_edges(wiring, state, yardstick, out.figures, t)
                reduce_sources(wiring, state, drawn, out.figures, t)
                take_state(wiring, state, yardstick, room.size, buses, out.vm_pu, edges, out.percent, t)
            _restore(wiring, state, base, mark)
        if turned:
            _turn_back(state, base)
        state.volts[:] = base.volts


@njit(cache=True, nogil=True)
def _turn(wiring, state, changes, t):  # type: ignore[no-untyped-def]
    """Make the changes of a state; tells if there are any."""
    for entry in range(changes.start[t], changes.start[t + 1]):
        what, at, on = changes.what[entry], changes.at[entry], changes.on[entry]
        if at < 0:
            continue
        if what == TURN_SOURCE:
            state.feeding[at] = on
        elif what == TURN_EDGE:
            state.inside[at] = on
            connect(wiring, state, at)
        else:
            state.closed[at] = on
            if wiring.switch_edge[at] >= 0:
                connect(wiring, state, wiring.switch_edge[at])
    return changes.start[t + 1] > changes.start[t]


@njit(cache=True, nogil=True)
def _turn_back(state, base):  # type: ignore[no-untyped-def]
    state.closed[:] = base.closed
    state.inside[:] = base.inside
    state.feeding[:] = base.feeding
    state.connected[:] = base.connected


@njit(cache=True, nogil=True)
def _mark_touched(wiring, state, base, mark):  # type: ignore[no-untyped-def]
    """Mark the rows whose own numbers differ from the base."""
    for edge in range(len(state.connected)):
        if state.connected[edge] != base.connected[edge] and wiring.from_row[edge] >= 0:
            mark[wiring.from_row[edge]] = True
            mark[wiring.to_row[edge]] = True
    for i in range(len(mark)):
        if state.fixed[i] != base.fixed[i] or state.held[i] != base.held[i]:
            mark[i] = True


@njit(cache=True, nogil=True)
def _solve_one(wiring, state, room, drawn, out, t):  # type: ignore[no-untyped-def]
    """Factorise the rows marked and those above them, and iterate; from scratch where that fails."""
    start, row, mark = wiring.start, wiring.row, room.mark
    for i in range(len(mark)):
        if mark[i] and start[i + 1] > start[i]:
            mark[row[start[i]]] = True  # the next one up in the elimination tree
    factor_rows(wiring, state, mark)
    out.outcome[t], _ = settle_state(wiring, state, drawn)
    if out.outcome[t] != CONVERGED:
        mark[:] = True
        out.outcome[t], out.worst_row[t] = solve_anew(wiring, state, drawn)


@njit(cache=True, nogil=True)
def _restore(wiring, state, base, mark):  # type: ignore[no-untyped-def]
    """Give the rows marked their factors of the base again, and take the marks away."""
    for i in range(len(mark)):
        if not mark[i]:
            continue
        mark[i] = False
        first, last = wiring.start[i], wiring.start[i + 1]
        state.merged[i], state.pivot[i] = base.merged[i], base.pivot[i]
        state.inverse[i], state.slopes[i] = base.inverse[i], base.slopes[i]
        state.low_own[first:last], state.up_own[first:last] = (
            base.low_own[first:last],
            base.up_own[first:last],
        )
        state.low[first:last], state.up[first:last] = base.low[first:last], base.up[first:last]
        state.joined[first:last] = base.joined[first:last]
