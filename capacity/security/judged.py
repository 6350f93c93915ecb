"""Switching states solved and judged: does a state hold every limit, and if not, what breaks most.

A limit that is broken already in normal operation counts where a state makes it worse, not otherwise: no
switching can be blamed for what was there before. Bands that count from a busbar count, in a part that is fed
through a tie, from the busbar on the other side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from capacity.bounds import bounds_of
from capacity.checks import Yardstick, busbar_of
from capacity.security.dark_part import DARK, DarkPart, PerPlace, Plan, dark_part
from capacity.security.flow_bounds import edge_room_kw, room_of_tie
from capacity.security.switchable import COUPLER, TRANSFORMER, Switchable
from gridmodel import GridModel, Scenario
from gridmodel.bus_power import bus_power
from gridmodel.points import in_service_kw, points_of_scenario

if TYPE_CHECKING:
    from gridmodel.engine.bounds import Bounds
    from gridmodel.engine.states import Changes, StateResults
    from gridmodel.engine.switching import SwitchingGrid

# What a state may differ from normal operation without being worse: ten times what the engine solves to.
WORSE_PU, WORSE_PERCENT = 1e-7, 1e-5
# Numbers kept at once of many states: 64 MB.
MOST_KEPT = 8_000_000
CHECKS = ("undervoltage", "overvoltage", "line_overload", "transformer_overload")
_CHECK_TABLES = ("buses", "buses", "lines", "transformers")

# What a state changes: (what, row, on) as the engine takes it.
Entry = tuple[int, int, bool]


class Asked(NamedTuple):
    """One state to solve: what it changes, and the plan that supplies its dark part, if any."""

    entries: list[Entry]
    part: DarkPart | None = None
    plan: Plan | None = None


class Worst(NamedTuple):
    """The limit a state breaks most: excess [% of the limit], 0 and empty where all hold."""

    excess_percent: float
    table: str
    element_id: str
    check: str


NOTHING_BROKEN = Worst(0.0, "", "", "")


@dataclass(frozen=True, eq=False)
class Verdicts:
    """Per state: it was solved, it holds every limit, loading of its most loaded element [%], demand lost."""

    solved: np.ndarray
    holds: np.ndarray
    loading_percent: np.ndarray
    lost_kw: np.ndarray
    reason: np.ndarray


@dataclass(frozen=True, eq=False)
class Bench:
    """A network ready to be solved in any of its switching states, in one scenario.

    Attributes
    ----------
    bounds
        The limits, eased to what normal operation breaks already.
    injection_pu
        Per row of the grid.
    kw, customers, kva
        Demand, customers, and complex power drawn less what is generated, per bus.
    bounds_as_stated
        The limits as they are.
    busbar
        Per bus the busbar that feeds it.
    broken_now
        Limits broken in normal operation.
    """

    model: GridModel
    found: Switchable
    grid: SwitchingGrid
    bounds: Bounds
    injection_pu: np.ndarray
    kw: np.ndarray
    customers: np.ndarray
    kva: np.ndarray
    bounds_as_stated: Bounds
    busbar: np.ndarray
    rings: int
    broken_now: int

    @cached_property
    def before(self) -> np.ndarray:
        """Demand [kW] and customers of all places before each."""
        order = self.found.order
        sums = np.cumsum(np.stack([self.kw[order], self.customers[order]], axis=1), axis=0)
        return np.concatenate([np.zeros((1, 2)), sums])

    def behind(self, first: int, last: int) -> tuple[float, float]:
        """Demand [kW] and customers of places first..last-1."""
        kw, customers = np.round(self.before[last] - self.before[first], 6)  # sums leave a rest of 1e-12
        return float(kw), float(customers)

    @cached_property
    def per_place(self) -> PerPlace:
        order, vn_kv = self.found.order, self.found.network.buses["vn_kv"].to_numpy(dtype=float)
        return PerPlace(self.kw[order], self.customers[order], self.kva.real[order], vn_kv[order])

    @cached_property
    def net_before(self) -> list[float]:
        """Demand less generation [kW] of all places before each."""
        return [0.0, *np.cumsum(self.per_place.net_kw).tolist()]

    @cached_property
    def room_kw(self) -> list[float]:
        """Most that each edge can carry [kW], in a list for single look-ups."""
        draws_less = bool(len(self.grid.shares))  # at low voltage: nothing is known before the load flow
        return edge_room_kw(self.found, self.model, self.bounds, unbounded=draws_less).tolist()

    @property
    def relative(self) -> bool:
        """Whether bands count from busbars."""
        return bool((self.bounds.reference >= 0).any())


def make_bench(model: GridModel, yardstick: Yardstick, scenario: Scenario, found: Switchable) -> Bench:
    """Compile the network and solve normal operation.

    Raises
    ------
    InputError
        The network has no source, or something the engine cannot represent.
    """
    from gridmodel.engine.of_model import compiled_switching

    point = points_of_scenario(model, scenario, 1)
    kw, customers = _weights(model, point.load_factor)
    grid = compiled_switching(model, _joints(found))
    stated = bounds_of(yardstick)
    bench = Bench(
        model=model,
        found=found,
        grid=grid,
        bounds=stated,
        injection_pu=grid.injection_pu(point.load_factor, point.generator_factor),
        kw=kw,
        customers=customers,
        kva=bus_power(model.network, scenario),
        bounds_as_stated=stated,
        busbar=busbar_of(model.network, yardstick.supply),
        rings=0,
        broken_now=0,
    )
    now = _solve(bench, [Asked([])], keep=True)
    low, high, percent = _excess(bench, [Asked([])], now)
    parts = (low, high, percent)
    broken = sum(int((part[0] > 0).sum()) for part in parts)
    return replace(bench, bounds=_eased(bench, now), rings=int(now.figures.rings[0]), broken_now=broken)


def dark_part_of(bench: Bench, first: int, last: int) -> DarkPart | None:
    """Places first..last-1 in zones, with the ties that lead out; nothing where none does."""

    def room(edge: int, outer: int) -> tuple[float, int]:
        return room_of_tie(bench.room_kw, bench.found, bench.net_before, (edge, outer), (first, last))

    return dark_part(bench.found, first, last, bench.per_place, room)


def judge(bench: Bench, asked: Sequence[Asked]) -> Verdicts:
    """Solve states and tell which hold."""
    if not asked:
        nothing = np.zeros(0)
        return Verdicts(nothing > 0, nothing > 0, nothing, nothing, nothing.astype(object))
    parts = [_judged(bench, chunk) for chunk in _chunks(bench, asked, keep=bench.relative)]
    return Verdicts(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def worst_of(bench: Bench, asked: Sequence[Asked]) -> list[Worst]:
    """The limit each state breaks most."""
    return [worst for chunk in _chunks(bench, asked, keep=True) for worst in _worst(bench, chunk)]


def entries_of(
    bench: Bench, out: Sequence[Entry], part: DarkPart | None = None, plan: Plan | None = None
) -> list[Entry]:
    """What an outage changes, and the plan that answers it."""
    entries = list(out)
    if part is not None and plan is not None:
        for cut, from_above in part.opened(plan):
            entries.append(opening(bench, int(bench.found.cut_edge[cut]), from_above=from_above))
        for tie in part.closed(plan):
            entries += closing(bench, part.tie_edge[tie])
    return entries


def opening(bench: Bench, edge: int, *, from_above: bool) -> Entry:
    """Open an edge: by its switch on the side of the supply, else by another, else at its own breakers."""
    from gridmodel.engine.states import TURN_EDGE, TURN_SWITCH

    row = switch_to_open(bench.found, edge, from_above=from_above)
    if row is None:
        return TURN_EDGE, engine_edge(bench, edge), False
    return TURN_SWITCH, row, False


def closing(bench: Bench, edge: int) -> list[Entry]:
    """Close all open switches of an edge."""
    from gridmodel.engine.states import TURN_SWITCH

    return [(TURN_SWITCH, row, True) for row in bench.found.open_switches(edge)]


def switch_to_open(found: Switchable, edge: int, *, from_above: bool) -> int | None:
    """Row of the switch that cuts an edge: the one on the side that has supply, where there is one."""
    closed = found.closed_switches(edge)
    if not closed:
        return None
    if found.edges.table[edge] == COUPLER:
        return closed[0]
    ends = (found.edges.u[edge], found.edges.v[edge])
    above, below = sorted(ends, key=lambda bus: int(found.place[bus]))
    bus = found.network.buses.index[above if from_above else below]
    at = found.network.switches["bus_id"].to_numpy()
    return next((row for row in closed if at[row] == bus), closed[0])


def engine_edge(bench: Bench, edge: int) -> int:
    """Row of a line or transformer among the engine's edges; -1 where no state supplies it."""
    from gridmodel.engine.matrix import LINE
    from gridmodel.engine.matrix import TRANSFORMER as TRAFO

    edges = bench.found.edges
    kind = TRAFO if edges.table[edge] == TRANSFORMER else LINE
    return int(bench.grid.edge_of[kind][edges.position[edge]])


def _joints(found: Switchable) -> np.ndarray:
    """Couplers that some state may turn: cuts, ties, and those of busbars that several transformers feed."""
    edges, network = found.edges, found.network
    fed = found.busbar[network.buses.index.get_indexer(network.transformers["lv_bus_id"])]
    several = np.flatnonzero(np.bincount(fed, minlength=1) > 1)
    shared = (edges.table == COUPLER) & edges.conducts & np.isin(found.busbar[edges.u], several)
    turned = np.union1d(np.flatnonzero(shared), np.concatenate([found.cut_edge, found.tie_edge]))
    flags = np.zeros(len(network.switches), dtype=bool)
    flags[edges.position[turned[edges.table[turned] == COUPLER]]] = True
    return flags


def _weights(model: GridModel, load_factor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Demand [kW] and customers per bus."""
    net, loads = model.net, model.network.loads
    everywhere = np.ones(len(net.bus), dtype=bool)
    customers = np.zeros(len(net.load))
    customers[: len(loads)] = loads["customers"].where(loads["in_service"], 0)
    bus = net.load["bus"].to_numpy(dtype=np.int64)
    kw = in_service_kw(model, "load", everywhere) * load_factor
    return tuple(np.bincount(bus, values, minlength=len(net.bus)) for values in (kw, customers))  # type: ignore[return-value]


def _chunks(bench: Bench, asked: Sequence[Asked], *, keep: bool) -> list[Sequence[Asked]]:
    width = len(bench.kw) + len(bench.grid.branches.kind)
    size = max(1, MOST_KEPT // width) if keep else len(asked)
    return [asked[at : at + size] for at in range(0, len(asked), size)]


def _changes(asked: Sequence[Asked]) -> Changes:
    from gridmodel.engine.states import Changes

    sizes = [len(one.entries) for one in asked]
    rows = np.array([entry for one in asked for entry in one.entries], dtype=np.int64).reshape(-1, 3)
    what, at, on = rows.T
    start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return Changes(start, what.copy(), at.copy(), on.astype(bool))


def _solve(bench: Bench, asked: Sequence[Asked], *, keep: bool) -> StateResults:
    from gridmodel.engine.states import solve_states

    bounds, buses, edges = bench.bounds, None, None
    if bench.relative:
        free = bounds.reference >= 0  # judged here: the engine knows one reference a bus
        bounds = replace(
            bounds,
            vm_min_pu=np.where(free, -np.inf, bounds.vm_min_pu),
            vm_max_pu=np.where(free, np.inf, bounds.vm_max_pu),
            reference=np.full(len(free), -1),
        )
    if keep or bench.relative:
        buses = np.arange(len(bench.kw))
    if keep:
        edges = np.concatenate(list(bench.grid.edge_of.values()))
    return solve_states(
        bench.grid, _changes(asked), bench.injection_pu,
        bounds=bounds, weights=bench.kw[:, None], buses=buses, edges=edges,
    )  # fmt: skip


def _judged(bench: Bench, asked: Sequence[Asked]) -> tuple[np.ndarray, ...]:
    solved = _solve(bench, asked, keep=False)
    figures = solved.figures
    holds = solved.converged & (figures.broken.sum(axis=1) == 0) & (figures.rings <= bench.rings)
    if bench.relative:
        low, high = _voltage_excess(bench, asked, solved.vm_pu)
        holds &= ~((low > 0).any(axis=1) | (high > 0).any(axis=1))
    loading = np.fmax(figures.percent[:, 0], figures.percent[:, 1])
    return solved.converged, holds, loading, figures.lost[:, 0], _reasons(bench, solved)


def _reasons(bench: Bench, solved: StateResults) -> np.ndarray:
    """Bus whose voltage collapses where there is no solution."""
    reasons = np.full(len(solved.outcome), "", dtype=object)
    bus = np.append(bench.grid.row_bus, -1)
    for at in np.flatnonzero(~solved.converged):
        found = bus[solved.worst_row[at]]
        reasons[at] = "" if found < 0 else str(bench.model.network.buses.index[found])
    return reasons


def _worst(bench: Bench, asked: Sequence[Asked]) -> list[Worst]:
    solved = _solve(bench, asked, keep=True)
    low, high, percent = _excess(bench, asked, solved)
    lines = len(bench.model.network.lines)
    parts = (low, high, percent[:, :lines], percent[:, lines:])
    reasons = _reasons(bench, solved)
    return [
        _worst_row(bench, [part[at] for part in parts])
        if solved.converged[at]
        else Worst(np.inf, "buses", str(reasons[at]), "no_solution")
        for at in range(len(asked))
    ]


def _worst_row(bench: Bench, parts: list[np.ndarray]) -> Worst:
    worst = Worst(0.0, "", "", "")
    for excess, check, table in zip(parts, CHECKS, _CHECK_TABLES, strict=True):
        if len(excess) and (most := int(np.argmax(excess))) >= 0 and excess[most] > worst.excess_percent:
            element_id = str(bench.model.network.table(table).index[most])
            worst = Worst(float(excess[most]), table, element_id, check)
    return worst


def _excess(
    bench: Bench, asked: Sequence[Asked], solved: StateResults
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Excess over each limit [% of it], states x buses, buses, branches; 0 where it holds."""
    low, high = _voltage_excess(bench, asked, solved.vm_pu)
    limit = np.concatenate([bench.bounds.line_percent, bench.bounds.transformer_percent])
    with np.errstate(invalid="ignore"):
        percent = 100.0 * (solved.percent - limit) / limit
    return low, high, np.where(percent > 0, percent, 0.0)


def _voltage_excess(bench: Bench, asked: Sequence[Asked], vm_pu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Voltages under and over their band [% of the limit]; 0 where they hold."""
    bounds = bench.bounds
    base = np.zeros_like(vm_pu)
    if bench.relative:
        for row, one in enumerate(asked):
            reference = _references(bench, one)
            base[row] = np.where(reference >= 0, vm_pu[row, reference], 0.0)
    low, high = bounds.vm_min_pu + base, bounds.vm_max_pu + base
    with np.errstate(invalid="ignore"):
        under, over = 100.0 * (low - vm_pu) / np.abs(low), 100.0 * (vm_pu - high) / np.abs(high)
    return np.where(under > 0, under, 0.0), np.where(over > 0, over, 0.0)


def _references(bench: Bench, one: Asked) -> np.ndarray:
    """Bus that each band counts from in a state: what a tie feeds counts from beyond the tie."""
    reference, part = bench.bounds.reference, one.part
    if part is None or one.plan is None:
        return reference
    found, plan = bench.found, np.asarray(one.plan)
    own = found.order[part.first : part.last]
    zone = part.zone_of_place
    label = plan[zone]
    at = found.place[np.maximum(reference[own], 0)]
    inside = (at >= part.first) & (at < part.last)
    same = np.zeros(len(own), dtype=bool)
    same[inside] = plan[zone[at[inside] - part.first]] == label[inside]
    moved = (reference[own] >= 0) & (label != DARK) & ~same
    changed = reference.copy()
    beyond = np.array([_beyond(bench, part, tie) for tie in range(len(part.tie_edge))])
    changed[own[moved]] = beyond[label[moved]]
    return changed


def _beyond(bench: Bench, part: DarkPart, tie: int) -> int:
    """Busbar that feeds what is behind a tie; behind a transformer the bus it feeds is the busbar."""
    edges, edge = bench.found.edges, part.tie_edge[tie]
    if edges.table[edge] == TRANSFORMER:
        return part.tie_bus[tie]
    outer = edges.v[edge] if edges.u[edge] == part.tie_bus[tie] else edges.u[edge]
    return int(bench.busbar[outer])


def _eased(bench: Bench, now: StateResults) -> Bounds:
    """The limits, moved to where normal operation stands where it breaks them."""
    bounds, vm, percent = bench.bounds, now.vm_pu[0], now.percent[0]
    if not now.converged[0]:
        return bounds
    reference = bounds.reference
    vm = vm - np.where(reference >= 0, vm[reference], 0.0)
    lines = len(bounds.line_percent)
    return replace(
        bounds,
        vm_min_pu=np.fmin(bounds.vm_min_pu, vm - WORSE_PU),
        vm_max_pu=np.fmax(bounds.vm_max_pu, vm + WORSE_PU),
        line_percent=np.fmax(bounds.line_percent, percent[:lines] + WORSE_PERCENT),
        transformer_percent=np.fmax(bounds.transformer_percent, percent[lines:] + WORSE_PERCENT),
    )
