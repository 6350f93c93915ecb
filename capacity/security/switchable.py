"""`Switchable`: a network as switching sees it: what feeds whom, where it can be cut, where it can be joined.

Buses are numbered along the supply, so that all behind an element is one slice:

     S ---o---K1---/--o---K2---/--o---K3---/--o         buses A B C D: places 0 1 2 3
          A           B           C           D          behind K2: places 2..3

A *cut* is an element without which a part is dark and that can be opened: it has a closed switch, or is a
transformer, which has breakers or fuses whether the data name them or not. Between cuts lie *zones*. A *tie*
is a normally-open point: closing its switches joins two buses. Elements out of service are neither.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from capacity.checks import Yardstick
from gis import Network
from gis.feeders import Supply, trace_supply

LINE, TRANSFORMER, COUPLER = range(3)
TABLES = ("lines", "transformers", "switches")
_ENDS = (("from_bus_id", "to_bus_id"), ("hv_bus_id", "lv_bus_id"), ("bus_id", "element_id"))


@dataclass(frozen=True, eq=False)
class Edges:
    """Everything that joins two buses: lines, transformers, then all switches (couplers between buses).

    Attributes
    ----------
    table, position
        LINE, TRANSFORMER or COUPLER, and the row in its table.
    u, v
        Positions of the buses; -1 for a switch that is no coupler and for an unknown bus.
    conducts
        Closed and in service.
    available
        In service, so that closing its switches makes it conduct.
    switch_start, switch
        Switches per edge: rows of the network's switches.
    """

    table: np.ndarray
    position: np.ndarray
    u: np.ndarray
    v: np.ndarray
    conducts: np.ndarray
    available: np.ndarray
    switch_start: np.ndarray
    switch: np.ndarray

    def switches_of(self, edge: int) -> np.ndarray:
        return self.switch[self.switch_start[edge] : self.switch_start[edge + 1]]


@dataclass(frozen=True, eq=False)
class Switchable:
    """The network numbered along its supply, with its cuts and ties.

    Attributes
    ----------
    place, end
        Per bus its place along the supply and the place behind all it feeds; -1 without supply.
    order
        Bus per place.
    fed_by
        Per bus the edge that feeds it; -1 at a source or without supply.
    alone
        Per bus: without what feeds it, it and all behind it are dark.
    cut_edge, cut_parent
        Edges that cuts are of, in the order of the places they feed, and the cut above each (-1: none).
    zone
        Per place the nearest cut above; -1 for none.
    tie_edge
        Normally-open points between two buses with supply.
    closed
        Per switch of the network.
    busbar
        Number of the busbar per bus: equal ones are joined by closed couplers.
    """

    network: Network
    supply: Supply
    edges: Edges
    place: np.ndarray
    end: np.ndarray
    order: np.ndarray
    fed_by: np.ndarray
    alone: np.ndarray
    cut_edge: np.ndarray
    cut_place: np.ndarray
    cut_end: np.ndarray
    cut_parent: np.ndarray
    zone: np.ndarray
    tie_edge: np.ndarray
    closed: np.ndarray
    busbar: np.ndarray

    def element(self, edge: int) -> tuple[str, str]:
        """Table and id of an edge."""
        table = TABLES[self.edges.table[edge]]
        return table, str(self.network.table(table).index[self.edges.position[edge]])

    def switch_id(self, row: int) -> str:
        return str(self.network.switches.index[row])

    def closed_switches(self, edge: int) -> list[int]:
        return [int(row) for row in self.edges.switches_of(edge) if self.closed[row]]

    def open_switches(self, edge: int) -> list[int]:
        return [int(row) for row in self.edges.switches_of(edge) if not self.closed[row]]


def make_switchable(yardstick: Yardstick) -> Switchable:
    """Number a network along its supply, and find its cuts and ties."""
    return switchable_of(yardstick.network, yardstick.supply)


def switchable_of(network: Network, supply: Supply | None = None) -> Switchable:
    """As `make_switchable`, for a network whose supply may have to be traced first."""
    traced = supply or trace_supply(network)
    edges = _edges(network)
    place, end, order = _places(traced, len(network.buses))
    fed_by = _fed_by(network, traced)
    alone = _alone(network, edges, fed_by, place, end, order)
    cut_edge, cut_child = _cuts(network, edges, fed_by, alone, place)
    zone, parent = _zones(place[cut_child], end[cut_child], len(order))
    closed = network.switches["closed"].to_numpy(dtype=bool)
    return Switchable(
        network, traced, edges, place, end, order, fed_by, alone, cut_edge, place[cut_child],
        end[cut_child], parent, zone, _ties(edges, place), closed, _busbars(edges, len(network.buses)),
    )  # fmt: skip


def _edges(network: Network) -> Edges:
    rows, switches = network.buses.index.get_indexer, network.switches
    tables = [network.lines, network.transformers, switches]
    counts = [len(table) for table in tables]
    ends = [[rows(table[end]) for end in pair] for table, pair in zip(tables, _ENDS, strict=True)]
    coupler = (switches["element_table"] == "buses").to_numpy()
    ends[COUPLER] = [np.where(coupler, at, -1) for at in ends[COUPLER]]
    u, v = (np.concatenate([pair[side] for pair in ends]).astype(np.int64) for side in (0, 1))
    of_switch = _edge_of_switches(network, counts)
    closed = switches["closed"].to_numpy(dtype=bool)
    broken = np.zeros(sum(counts), dtype=bool)
    broken[of_switch[(of_switch >= 0) & ~closed]] = True
    in_service = [table["in_service"].to_numpy(dtype=bool) for table in tables[:2]]
    joins = (u >= 0) & (v >= 0) & (u != v)
    available = np.concatenate([*in_service, coupler]) & joins
    at = np.argsort(of_switch, kind="stable")
    at = at[np.searchsorted(of_switch[at], 0) :]
    start = np.concatenate([[0], np.cumsum(np.bincount(of_switch[at], minlength=sum(counts)))])
    return Edges(
        table=np.repeat(np.arange(3), counts),
        position=np.concatenate([np.arange(count) for count in counts]),
        u=u, v=v, conducts=available & ~broken, available=available, switch_start=start, switch=at,
    )  # fmt: skip


def _edge_of_switches(network: Network, counts: list[int]) -> np.ndarray:
    """Edge per switch; -1 where the element it is at is not in the network."""
    switches = network.switches
    table, element = switches["element_table"], switches["element_id"]
    edge = np.full(len(switches), -1, dtype=np.int64)
    for kind, name in ((LINE, "lines"), (TRANSFORMER, "transformers")):
        at = (table == name).to_numpy()
        found = network.table(name).index.get_indexer(element[at])
        edge[at] = np.where(found >= 0, found + (counts[0] if kind == TRANSFORMER else 0), -1)
    couplers = np.flatnonzero((table == "buses").to_numpy())
    edge[couplers] = counts[0] + counts[1] + couplers
    return edge


def _places(supply: Supply, buses: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Place and end per bus, and bus per place: depth first, from the tree of the supply."""
    parents, size, place = supply.parents.tolist(), [1] * buses, [-1] * buses
    fed = supply.order.tolist()
    for bus in reversed(fed):
        if parents[bus] >= 0:
            size[parents[bus]] += size[bus]
    free, next_root = [0] * buses, 0  # the next free place among those a bus feeds
    for bus in fed:
        up = parents[bus]
        if up < 0:
            place[bus], next_root = next_root, next_root + size[bus]
        else:
            place[bus], free[up] = free[up], free[up] + size[bus]
        free[bus] = place[bus] + 1
    at = np.array(place, dtype=np.int64)
    order = np.empty(len(fed), dtype=np.int64)
    order[at[supply.order]] = supply.order
    return at, np.where(at >= 0, at + np.array(size), -1), order


def _fed_by(network: Network, supply: Supply) -> np.ndarray:
    """Edge that feeds each bus; -1 for none."""
    edge, first = np.full(len(network.buses), -1, dtype=np.int64), 0
    for table in TABLES:
        ids = network.table(table).index
        at = (supply.buses["upstream_table"] == table).to_numpy()
        edge[at] = first + ids.get_indexer(supply.buses["upstream_id"][at])
        first += len(ids)
    return edge


def _alone(
    network: Network,
    edges: Edges,
    fed_by: np.ndarray,
    place: np.ndarray,
    end: np.ndarray,
    order: np.ndarray,
) -> np.ndarray:
    """Whether no second way feeds a bus and all behind it.

    Each edge off the tree gets a number by lot that is laid at both its ends: what lies behind a bus has
    another way in when the numbers there do not cancel (each edge inside does; 64 bits leave no room for
    chance). A second source at a bus counts as an edge to the root.
    """
    off_tree = edges.conducts.copy()
    off_tree[fed_by[fed_by >= 0]] = False
    found = np.flatnonzero(off_tree & (place[edges.u] >= 0) & (place[edges.v] >= 0) & (edges.u >= 0))
    lots = np.random.default_rng(0).integers(1, 2**63 - 1, len(found) + len(network.sources), dtype=np.int64)
    laid = np.zeros(len(order) + 1, dtype=np.int64)
    np.bitwise_xor.at(laid, place[edges.u[found]], lots[: len(found)])
    np.bitwise_xor.at(laid, place[edges.v[found]], lots[: len(found)])
    sources = network.sources[network.sources["in_service"]]
    at = network.buses.index.get_indexer(sources["bus_id"])
    further = at[pd.Series(at).duplicated().to_numpy() & (at >= 0)]
    np.bitwise_xor.at(laid, place[further], lots[len(found) : len(found) + len(further)])
    before = np.concatenate([[0], np.bitwise_xor.accumulate(laid)])
    behind = before[np.maximum(end, 0)] ^ before[np.maximum(place, 0)]
    return np.asarray((place >= 0) & (behind == 0))


def _cuts(
    network: Network, edges: Edges, fed_by: np.ndarray, alone: np.ndarray, place: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Edges that can be opened and leave a part dark, and the bus each feeds, by their places."""
    child = np.flatnonzero(alone & (fed_by >= 0))
    child = child[np.argsort(place[child])]
    edge = fed_by[child]
    has_switch = np.diff(edges.switch_start)[edge] > 0  # of an edge that conducts all are closed
    can = has_switch | (edges.table[edge] == TRANSFORMER)
    return edge[can], child[can]


def _zones(first: np.ndarray, end: np.ndarray, places: int) -> tuple[np.ndarray, np.ndarray]:
    zone, parent = np.full(places, -1, dtype=np.int64), np.full(len(first), -1, dtype=np.int64)
    for cut, (start, stop) in enumerate(zip(first.tolist(), end.tolist(), strict=True)):
        parent[cut] = zone[start]
        zone[start:stop] = cut
    return zone, parent


def _ties(edges: Edges, place: np.ndarray) -> np.ndarray:
    lit = (edges.u >= 0) & (edges.v >= 0) & (place[edges.u] >= 0) & (place[edges.v] >= 0)
    return np.flatnonzero(edges.available & ~edges.conducts & lit)


def _busbars(edges: Edges, buses: int) -> np.ndarray:
    couplers = np.flatnonzero((edges.table == COUPLER) & edges.conducts)
    ends = (edges.u[couplers], edges.v[couplers])
    graph = csr_array((np.ones(len(couplers), dtype=np.int8), ends), shape=(buses, buses))
    return np.asarray(connected_components(graph, directed=False)[1])
