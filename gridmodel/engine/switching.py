"""A pandapower net compiled for many switching states.

It is read once with every line, transformer and source in service, every switch at a line or transformer
closed, and every switch between buses that a state may turn as a joint of two rows. What a state has of it
is told by numbers alone (`switch_kernels`).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit
from scipy.sparse import coo_array, csc_array

from gridmodel.engine.compiled import sum_at_rows
from gridmodel.engine.factors import elimination_order, stamps_of
from gridmodel.engine.matrix import LINE, SWITCH, TRANSFORMER, Branches, PandapowerCase, read_case
from gridmodel.engine.switch_kernels import Wiring

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

FROM_END, TO_END, JOINT = 0, 1, 2
_ENDS = {"l": (LINE, "line", "from_bus"), "t": (TRANSFORMER, "trafo", "hv_bus")}


@dataclass(frozen=True, eq=False)
class SwitchingGrid:
    """A grid in all its switching states; holds numbers only and may be shared by threads.

    Attributes
    ----------
    sn_mva
        Base power of all per unit powers.
    wiring
        Pattern and edges; rows are in elimination order.
    branches
        Branches in the order of the edges.
    bus_row, load_row, generator_row
        Row per bus, load and static generator of the net's tables; -1: without supply in every state.
    load_pu, generator_pu
        Complex power at scaling 1 [pu]; 0 out of service.
    fixed_pu
        Complex power per row injected by everything else.
    shares
        Rows x 4, as in `CompiledGrid`; without rows where all power is constant.
    closed, inside, feeding
        The state the net is in: switches closed, elements (per edge) and sources in service.
    edge_of
        Edge per line and per transformer; -1 for one without supply in every state.
    out_of_scope
        Why pandapower must solve this net instead; empty when the engine may.
    """

    sn_mva: float
    wiring: Wiring
    branches: Branches
    bus_row: np.ndarray
    load_row: np.ndarray
    load_pu: np.ndarray
    generator_row: np.ndarray
    generator_pu: np.ndarray
    fixed_pu: np.ndarray
    shares: np.ndarray
    closed: np.ndarray
    inside: np.ndarray
    feeding: np.ndarray
    edge_of: dict[int, np.ndarray]
    out_of_scope: tuple[str, ...]

    @property
    def row_count(self) -> int:
        return len(self.fixed_pu)

    @property
    def row_bus(self) -> np.ndarray:
        """A bus per row; -1 for auxiliary nodes."""
        bus = np.full(self.row_count, -1)
        alive = np.flatnonzero(self.bus_row >= 0)[::-1]
        bus[self.bus_row[alive]] = alive
        return bus

    def at_rows(self, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Sum complex power given per element over the rows; what never has supply (-1) drops out."""
        return sum_at_rows(rows, values, self.row_count)

    def injection_pu(self, load_factors: np.ndarray, generation_factors: np.ndarray) -> np.ndarray:
        """Complex power injected per row [pu] with a factor on each load and each static generator."""
        drawn = self.at_rows(self.load_row, self.load_pu * load_factors)
        fed = self.at_rows(self.generator_row, self.generator_pu * generation_factors)
        return self.fixed_pu - drawn + fed


def compile_switching(net: pandapowerNet, joints: np.ndarray) -> SwitchingGrid:
    """Compile a net for its switching states; the net stays as it is.

    Parameters
    ----------
    joints
        Flag per switch of the net: one between buses that states turn. All other switches at lines and
        transformers, and all lines, transformers and sources, may be turned anyway.
    """
    case = read_case(_everything_in(net, joints))
    joint_nodes = _joint_nodes(net, joints, case.bus_node)
    artificial = case.branches.kind == SWITCH
    artificial &= np.isin(case.branches.position, np.flatnonzero(joints))
    branches = Branches(*(values[~artificial] for values in case.branches))
    nodes, start, row = _ordered(case, branches, joint_nodes)
    row_of_node = np.full(len(nodes) + 1, -1)  # the last entry answers for node -1
    row_of_node[nodes] = np.arange(len(nodes))
    branches = branches._replace(from_row=row_of_node[branches.from_row], to_row=row_of_node[branches.to_row])
    edge_of = {kind: _edge_of(branches, kind, case.counts[name]) for kind, name in _TABLES}
    ends = np.concatenate([np.stack([branches.from_row, branches.to_row], 1), row_of_node[joint_nodes]])
    switch_edge, switch_side = _switches(net, joints, edge_of, len(branches.kind))
    source_row = row_of_node[case.bus_node[_positions(net, "ext_grid", "bus")]]
    wiring = _wire(
        branches, ends, (start, row), case.shunt_pu[nodes], (switch_edge, switch_side),
        (source_row, _source_pu(net)),
    )  # fmt: skip
    return SwitchingGrid(
        sn_mva=case.sn_mva,
        wiring=wiring,
        branches=branches,
        bus_row=row_of_node[case.bus_node],
        load_row=row_of_node[case.load_node],
        load_pu=case.load_pu,
        generator_row=row_of_node[case.generator_node],
        generator_pu=case.generator_pu,
        fixed_pu=case.fixed_pu[nodes],
        shares=np.zeros((0, 4)) if case.shares is None else np.ascontiguousarray(case.shares[nodes]),
        closed=net["switch"]["closed"].to_numpy(dtype=bool, copy=True),
        inside=_inside(net, branches, len(ends)),
        feeding=net["ext_grid"]["in_service"].to_numpy(dtype=bool, copy=True),
        edge_of=edge_of,
        out_of_scope=case.out_of_scope + _beyond(net, joints, answering=case.shares is not None),
    )


_TABLES = ((LINE, "line"), (TRANSFORMER, "trafo"))


def _everything_in(net: pandapowerNet, joints: np.ndarray) -> pandapowerNet:
    """The net as it is read: a copy with changed tables of its own.

    A joint is given an impedance, so that pandapower keeps its buses apart, also one with no branch; that
    branch is taken out again. Sources have one voltage, so that none contradicts another.
    """
    switch, read = net["switch"], copy.copy(net)
    at_branches = (switch["et"] != "b").to_numpy()
    read["switch"] = switch.assign(
        closed=switch["closed"].to_numpy(dtype=bool) | at_branches | joints,
        z_ohm=np.where(joints, 1.0, switch["z_ohm"]),
    )
    for table in ("line", "trafo"):
        read[table] = net[table].assign(in_service=True)
    read["ext_grid"] = net["ext_grid"].assign(in_service=True, vm_pu=1.0, va_degree=0.0)
    return read


def _joint_nodes(net: pandapowerNet, joints: np.ndarray, bus_node: np.ndarray) -> np.ndarray:
    """Nodes of the two buses per joint; both -1 where no state supplies them or they are one node anyway."""
    sides = [bus_node[_positions(net, "switch", column)[joints]] for column in ("bus", "element")]
    nodes = np.stack(sides, axis=1)
    idle = (nodes < 0).any(axis=1) | (nodes[:, 0] == nodes[:, 1])
    return np.where(idle[:, None], -1, nodes)


def _beyond(net: pandapowerNet, joints: np.ndarray, *, answering: bool) -> tuple[str, ...]:
    """What a joint cannot have: an impedance, and loads whose shares pandapower averages over buses."""
    found = []
    if (net["switch"]["z_ohm"].to_numpy(dtype=float)[joints] > 0).any():
        found.append("switches between buses that have an impedance")
    if answering and joints.any():
        found.append("switches between buses, with loads that answer to the voltage")
    return tuple(found)


def _positions(net: pandapowerNet, table: str, column: str) -> np.ndarray:
    """Position in the bus table of the buses in a column."""
    return np.asarray(net["bus"].index.get_indexer(net[table][column]))


def _ordered(
    case: PandapowerCase, branches: Branches, joint_nodes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes in elimination order, sources last, and the pattern with everything connected."""
    size = len(case.bus_kv)
    tied = joint_nodes[joint_nodes[:, 0] >= 0]
    one = np.concatenate([branches.from_row, tied[:, 0], np.arange(size)])
    two = np.concatenate([branches.to_row, tied[:, 1], np.arange(size)])
    both = (np.concatenate([one, two]), np.concatenate([two, one]))
    graph = csc_array(coo_array((np.full(len(both[0]), -1.0), both), shape=(size, size)))
    graph.setdiag(1.0 - graph.sum(axis=0))  # diagonally dominant: any order factorises it
    order = elimination_order(graph, case.source_nodes)
    nodes = np.concatenate([order, case.source_nodes]).astype(np.int64)
    stamps = stamps_of(graph, nodes)
    return nodes, stamps.start, stamps.row


def _edge_of(branches: Branches, kind: int, count: int) -> np.ndarray:
    edges = np.full(count, -1)
    at = np.flatnonzero(branches.kind == kind)
    edges[branches.position[at]] = at
    return edges


def _switches(
    net: pandapowerNet, joints: np.ndarray, edge_of: dict[int, np.ndarray], branch_count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Edge per switch, and the end of it where the switch is; -1 for one between buses that is no joint."""
    switch = net["switch"]
    edge, side = np.full(len(switch), -1), np.full(len(switch), JOINT)
    edge[joints] = branch_count + np.arange(joints.sum())
    for code, (kind, table, first_bus) in _ENDS.items():
        at = np.flatnonzero(switch["et"] == code)
        position = net[table].index.get_indexer(switch["element"].iloc[at])
        edge[at] = edge_of[kind][position]
        at_from = switch["bus"].to_numpy()[at] == net[table][first_bus].to_numpy()[position]
        side[at] = np.where(at_from, FROM_END, TO_END)
    return edge, side


def _source_pu(net: pandapowerNet) -> np.ndarray:
    table = net["ext_grid"]
    return np.asarray(table["vm_pu"] * np.exp(1j * np.deg2rad(table["va_degree"])), dtype=complex)


def _inside(net: pandapowerNet, branches: Branches, edge_count: int) -> np.ndarray:
    inside = np.ones(edge_count, dtype=bool)
    for kind, table in _TABLES:
        at = np.flatnonzero(branches.kind == kind)
        inside[at] = net[table]["in_service"].to_numpy(dtype=bool)[branches.position[at]]
    return inside


def _wire(
    branches: Branches,
    ends: np.ndarray,
    pattern: tuple[np.ndarray, np.ndarray],
    shunt: np.ndarray,
    switches: tuple[np.ndarray, np.ndarray],
    sources: tuple[np.ndarray, np.ndarray],
) -> Wiring:
    start, row = pattern
    low, high = ends.min(axis=1), ends.max(axis=1)
    edge_start, edge_at = _grouped(np.concatenate([low, np.where(low == high, -1, high)]), len(shunt))
    edge_at, at_row = edge_at % max(len(ends), 1), np.repeat(np.arange(len(shunt)), np.diff(edge_start))
    child_start, child_entry = _grouped(row, len(shunt))
    edge_switch_start, edge_switch = _grouped(switches[0], len(ends))
    return Wiring(
        start=start,
        row=row,
        child_start=child_start,
        child_row=np.repeat(np.arange(len(shunt)), np.diff(start))[child_entry],
        child_entry=child_entry,
        edge_start=edge_start,
        edge_at=edge_at,
        edge_to=(ends.sum(axis=1)[edge_at] - at_row).astype(np.int64),
        edge_entry=_entries(start, row, low, high),
        joint_first=len(branches.kind),
        from_row=np.ascontiguousarray(ends[:, 0]),
        to_row=np.ascontiguousarray(ends[:, 1]),
        yff=branches.yff,
        yft=branches.yft,
        ytf=branches.ytf,
        ytt=branches.ytt,
        shunt=shunt.astype(complex),
        source_row=sources[0],
        source_pu=sources[1],
        switch_edge=switches[0],
        switch_side=switches[1],
        edge_switch_start=edge_switch_start,
        edge_switch=edge_switch,
    )


def _grouped(group: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Starts per group, and the places of its members in their order; group -1 is left out."""
    order = np.argsort(group, kind="stable")
    order = order[np.searchsorted(group[order], 0) :].astype(np.int64)
    sizes = np.bincount(group[order], minlength=count)
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64), order


@njit(cache=True, nogil=True)
def _entries(start, row, low, high):  # type: ignore[no-untyped-def]
    """Entry of the pattern per pair of rows; -1 for a pair of one row, and for one that is nowhere."""
    found = np.full(len(low), -1, dtype=np.int64)
    for edge in range(len(low)):
        if low[edge] >= 0 and low[edge] != high[edge]:
            first, last = start[low[edge]], start[low[edge] + 1]
            found[edge] = first + np.searchsorted(row[first:last], high[edge])
    return found
