"""What is kept of one switching state: figures of the whole grid, and columns of what was chosen."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from gridmodel.engine.matrix import LINE, TRANSFORMER
from gridmodel.engine.switch_kernels import APART, BOTH, FROM_ONLY, TO_ONLY
from gridmodel.engine.switch_solve import answering

BELOW, ABOVE, LINES_OVER = 0, 1, 2  # transformers follow the lines


class Yardstick(NamedTuple):
    """What a state is measured by.

    Attributes
    ----------
    bus_row
        Row per bus; -1 without supply in every state.
    low, high, reference
        Bounds of the voltage per bus [pu], and the bus they count from (-1: none).
    kind, percent_from, percent_to, percent
        Per branch its kind, loading [%] per current [pu] at each end, and largest loading [%].
    weights
        Buses x figures summed over the buses without supply.
    """

    bus_row: np.ndarray
    low: np.ndarray
    high: np.ndarray
    reference: np.ndarray
    kind: np.ndarray
    percent_from: np.ndarray
    percent_to: np.ndarray
    percent: np.ndarray
    weights: np.ndarray


class StateFigures(NamedTuple):
    """Figures per state; NaN and -1 where it has no solution.

    Attributes
    ----------
    vm_min, vm_min_bus, vm_max, vm_max_bus
        Lowest and highest voltage [pu], and where.
    percent, percent_branch
        States x 2: largest loading of a line and of a transformer [%], and the branch.
    loss, source
        Active losses of lines and transformers, complex power of the sources [pu].
    broken
        States x 4: buses too low, buses too high, lines and transformers over their limit.
    lost
        States x figures: sums of the weights over buses without supply.
    dark
        Buses without supply.
    rings
        Independent rings of branches.
    """

    vm_min: np.ndarray
    vm_min_bus: np.ndarray
    vm_max: np.ndarray
    vm_max_bus: np.ndarray
    percent: np.ndarray
    percent_branch: np.ndarray
    loss: np.ndarray
    source: np.ndarray
    broken: np.ndarray
    lost: np.ndarray
    dark: np.ndarray
    rings: np.ndarray


def empty_figures(states: int, weights: int) -> StateFigures:
    """Figures before any state is solved."""
    return StateFigures(
        vm_min=np.full(states, np.nan), vm_min_bus=np.full(states, -1),
        vm_max=np.full(states, np.nan), vm_max_bus=np.full(states, -1),
        percent=np.full((states, 2), np.nan), percent_branch=np.full((states, 2), -1),
        loss=np.full(states, np.nan), source=np.full(states, complex(np.nan, np.nan)),
        broken=np.full((states, 4), -1), lost=np.zeros((states, weights)),
        dark=np.zeros(states, dtype=np.int64), rings=np.zeros(states, dtype=np.int64),
    )  # fmt: skip


@njit(cache=True, nogil=True)
def count_supply(wiring, state, yardstick, islands, stack, mark, figures, t):  # type: ignore[no-untyped-def]
    """What of the supply can be told without a solution: who is dark, and how many rings there are."""
    lit = 0
    for i in range(len(state.supplied)):
        lit += state.supplied[i]
    for bus in range(len(yardstick.bus_row)):
        row = yardstick.bus_row[bus]
        if row < 0 or not state.supplied[row]:
            figures.dark[t] += 1
            for column in range(yardstick.weights.shape[1]):
                figures.lost[t, column] += yardstick.weights[bus, column]
    edges = 0
    for edge in range(wiring.joint_first):
        edges += state.connected[edge] == BOTH and state.supplied[wiring.from_row[edge]]
    nodes = lit - _spared_by_joints(wiring, state, stack, mark)
    figures.rings[t] = edges - nodes + islands


@njit(cache=True, nogil=True)
def _spared_by_joints(wiring, state, stack, mark):  # type: ignore[no-untyped-def]
    """Rows supplied less the nodes they are once joined; `mark` is false throughout, before and after."""
    spared = 0
    for edge in range(wiring.joint_first, len(wiring.from_row)):
        origin = wiring.from_row[edge]
        if state.connected[edge] != BOTH or origin < 0 or mark[origin] or not state.supplied[origin]:
            continue
        mark[origin] = True
        stack[0], height = origin, 1
        while height:
            height -= 1
            i = stack[height]
            for place in range(wiring.edge_start[i], wiring.edge_start[i + 1]):
                joint, other = wiring.edge_at[place], wiring.edge_to[place]
                if joint >= wiring.joint_first and state.connected[joint] == BOTH and not mark[other]:
                    mark[other] = True
                    spared += 1
                    stack[height] = other
                    height += 1
    for edge in range(wiring.joint_first, len(wiring.from_row)):
        if wiring.from_row[edge] >= 0:
            mark[wiring.from_row[edge]] = False
            mark[wiring.to_row[edge]] = False
    return spared


@njit(cache=True, nogil=True, error_model="numpy")
def reduce_buses(state, yardstick, size, figures, t):  # type: ignore[no-untyped-def]
    """Voltages; `size` is filled with their magnitudes per row."""
    for i in range(len(size)):
        size[i] = np.sqrt(state.volts[i].real ** 2 + state.volts[i].imag ** 2)
    low, high, low_bus, high_bus = np.inf, -np.inf, -1, -1
    below, above = 0, 0
    for bus in range(len(yardstick.bus_row)):
        row = yardstick.bus_row[bus]
        if row < 0 or not state.supplied[row]:
            continue
        vm = size[row]
        if vm < low:
            low, low_bus = vm, bus
        if vm > high:
            high, high_bus = vm, bus
        counted = yardstick.reference[bus]
        if counted >= 0:
            counted = yardstick.bus_row[counted]
            if counted < 0 or not state.supplied[counted]:
                continue  # nothing to count from
            vm -= size[counted]
        below += vm < yardstick.low[bus]
        above += vm > yardstick.high[bus]
    if low_bus >= 0:
        figures.vm_min[t], figures.vm_min_bus[t] = low, low_bus
        figures.vm_max[t], figures.vm_max_bus[t] = high, high_bus
    figures.broken[t, BELOW], figures.broken[t, ABOVE] = below, above


@njit(cache=True, nogil=True, error_model="numpy")
def currents(how, yff, yft, ytf, ytt, one, two):  # type: ignore[no-untyped-def]
    """Current into a branch from both its ends [pu], between the voltages `one` and `two`."""
    if how == BOTH:
        return yff * one + yft * two, ytf * one + ytt * two
    if how == FROM_ONLY:
        return (yff - yft * ytf / ytt) * one, 0j
    return 0j, (ytt - yft * ytf / yff) * two


@njit(cache=True, nogil=True, error_model="numpy")
def reduce_edges(wiring, state, yardstick, figures, t):  # type: ignore[no-untyped-def]
    """Loadings and losses of lines and transformers."""
    from_row, to_row, connected = wiring.from_row, wiring.to_row, state.connected
    y_ff, y_ft, y_tf, y_tt = wiring.yff, wiring.yft, wiring.ytf, wiring.ytt
    supplied, volts, limit, kinds = state.supplied, state.volts, yardstick.percent, yardstick.kind
    percent_from, percent_to = yardstick.percent_from, yardstick.percent_to
    best, best_edge, over = np.zeros(2), np.full(2, -1), np.zeros(2, dtype=np.int64)
    loss = 0.0
    for edge in range(wiring.joint_first):
        kind, how = kinds[edge], connected[edge]
        if kind > TRANSFORMER:
            continue
        if how == APART or not supplied[to_row[edge] if how == TO_ONLY else from_row[edge]]:
            continue
        one, two = volts[from_row[edge]], volts[to_row[edge]]
        yff, yft, ytf, ytt = y_ff[edge], y_ft[edge], y_tf[edge], y_tt[edge]
        if how == BOTH:  # as `currents`, which costs a call
            at_from, at_to = yff * one + yft * two, ytf * one + ytt * two
        else:
            at_from, at_to = currents(how, yff, yft, ytf, ytt, one, two)
        loss += one.real * at_from.real + one.imag * at_from.imag
        loss += two.real * at_to.real + two.imag * at_to.imag
        square = _larger(at_from, at_to, percent_from[edge], percent_to[edge])
        if square > best[kind] or (best_edge[kind] < 0 and square >= 0.0):  # NaN without a rating
            best[kind], best_edge[kind] = square, edge
        over[kind] += square > limit[edge] * limit[edge]
    figures.loss[t] = loss
    for kind in (LINE, TRANSFORMER):
        if best_edge[kind] < 0:
            best_edge[kind] = _first_at_rest(wiring, state, yardstick, kind)
        if best_edge[kind] >= 0:
            figures.percent[t, kind], figures.percent_branch[t, kind] = np.sqrt(best[kind]), best_edge[kind]
        figures.broken[t, LINES_OVER + kind] = over[kind]


@njit(cache=True, nogil=True, error_model="numpy")
def _larger(at_from, at_to, percent_from, percent_to):  # type: ignore[no-untyped-def]
    """Square of the loading [%] of the end that is loaded more."""
    one = (at_from.real**2 + at_from.imag**2) * percent_from * percent_from
    two = (at_to.real**2 + at_to.imag**2) * percent_to * percent_to
    return one if one > two else two


@njit(cache=True, nogil=True)
def _first_at_rest(wiring, state, yardstick, kind):  # type: ignore[no-untyped-def]
    """The branch named where none of its kind carries current: the first that could."""
    for edge in range(wiring.joint_first):
        idle = yardstick.kind[edge] == kind and state.connected[edge] == APART
        if idle and yardstick.percent_from[edge] >= 0 and _rests(wiring, state, edge):
            return edge
    return -1


@njit(cache=True, nogil=True)
def _rests(wiring, state, edge):  # type: ignore[no-untyped-def]
    """Whether a branch is out of service alone: its switches are closed, its ends have supply."""
    for place in range(wiring.edge_switch_start[edge], wiring.edge_switch_start[edge + 1]):
        if not state.closed[wiring.edge_switch[place]]:
            return False
    return state.supplied[wiring.from_row[edge]] and state.supplied[wiring.to_row[edge]]


@njit(cache=True, nogil=True)
def _currents_at(wiring, state, edge):  # type: ignore[no-untyped-def]
    return currents(
        state.connected[edge], wiring.yff[edge], wiring.yft[edge], wiring.ytf[edge], wiring.ytt[edge],
        state.volts[wiring.from_row[edge]], state.volts[wiring.to_row[edge]],
    )  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def reduce_sources(wiring, state, drawn, figures, t):  # type: ignore[no-untyped-def]
    """Complex power of the sources: what rows held by them feed into branches, earth and their own loads."""
    power = 0j
    for i in range(len(state.fixed)):
        if not state.fixed[i] or not state.supplied[i]:
            continue
        volts, current = state.volts[i], wiring.shunt[i] * state.volts[i]
        for place in range(wiring.edge_start[i], wiring.edge_start[i + 1]):
            edge = wiring.edge_at[place]
            if edge >= wiring.joint_first or state.connected[edge] == APART:
                continue
            at_from, at_to = _currents_at(wiring, state, edge)
            if wiring.from_row[edge] == i:
                current += at_from
            if wiring.to_row[edge] == i:
                current += at_to
        p, q = drawn.power[i].real, drawn.power[i].imag
        if len(drawn.shares):
            p = answering(p, drawn.shares[i, 0], drawn.shares[i, 1], abs(volts))[0]
            q = answering(q, drawn.shares[i, 2], drawn.shares[i, 3], abs(volts))[0]
        power += volts * current.conjugate() - complex(p, q)
    figures.source[t] = power


@njit(cache=True, nogil=True, error_model="numpy")
def take_state(wiring, state, yardstick, size, buses, vm_pu, edges, percent, t):  # type: ignore[no-untyped-def]
    """Voltages of chosen buses (after `reduce_buses`) and loadings of chosen branches; NaN without supply.

    As in pandapower's tables a branch out of service between two rows with supply is loaded with nothing.
    """
    for j in range(len(buses)):
        row = yardstick.bus_row[buses[j]]
        if row >= 0 and state.supplied[row]:
            vm_pu[t, j] = size[row]
    for j in range(len(edges)):
        edge = edges[j]
        if edge < 0:
            continue
        how = state.connected[edge]
        if how != APART and state.supplied[wiring.to_row[edge] if how == TO_ONLY else wiring.from_row[edge]]:
            at_from, at_to = _currents_at(wiring, state, edge)
            percent[t, j] = np.sqrt(
                _larger(at_from, at_to, yardstick.percent_from[edge], yardstick.percent_to[edge])
            )
        elif how == APART and _rests(wiring, state, edge):
            percent[t, j] = 0.0 * yardstick.percent_from[edge]  # NaN without a rating
