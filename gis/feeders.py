"""Who feeds whom: feeder, station and supply path of every bus, from the switching state.

        source          station
     ---o====T1====o-----L1-----o-----L2-----o     feeder_id of L1, L2 and their buses: "L1"
                   |                               station_id of all behind T1:         "T1"
                   +-----L3-----o-/ -L4            open switch: L4 is fed from its other end

A feeder is named after its first line behind a busbar; a busbar after its transformer or source.
Only closed switches and elements in service conduct. In a closed loop the fewest-hops way counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from gis.network import Network

_LINE, _TRANSFORMER, _SWITCH, _SOURCE = range(4)
_TABLE_NAMES = np.array(["lines", "transformers", "switches", "sources"], dtype=object)


@dataclass(frozen=True, eq=False)
class Supply:
    """How the network is fed in its normal switching state.

    Attributes
    ----------
    buses
        Indexed by bus_id: feeder_id, station_id, upstream_bus_id, upstream_table, upstream_id
        (the element that feeds the bus); all missing where no source reaches the bus.
    feeders
        feeder_id per element: a Series each for "lines" and "transformers".
    order
        Positions of the supplied buses, every bus after the one that feeds it.
    parents
        Position of the feeding bus per bus; -1 at a source or without supply.
    """

    buses: pd.DataFrame
    feeders: dict[str, pd.Series]
    order: np.ndarray
    parents: np.ndarray

    def sum_downstream(self, values: pd.Series) -> pd.Series:
        """Sum a quantity of each bus over the bus itself and everything it feeds."""
        totals = values.reindex(self.buses.index, fill_value=0.0).to_numpy(dtype=float, copy=True)
        # What is summed up to 2^k steps below a bus goes to the bus 2^k steps above it.
        up = self.parents
        while len(below := np.flatnonzero(up >= 0)):
            totals += np.bincount(up[below], weights=totals[below], minlength=len(totals))
            up = np.where(up >= 0, up[up], -1)
        return pd.Series(totals, self.buses.index)

    def fed_bus(self, table: str, element_id: str) -> str | None:
        """The bus a line or transformer feeds; nothing for one that closes a loop or carries no supply."""
        fed = (self.buses["upstream_table"] == table) & (self.buses["upstream_id"] == element_id)
        return str(self.buses.index[fed][0]) if fed.any() else None

    def path_to_source(self, bus_id: str) -> pd.DataFrame:
        """The elements that feed a bus, nearest first: columns table, element_id, bus_id, upstream_bus_id."""
        steps = []
        position = int(self.buses.index.get_indexer([bus_id])[0])
        while position >= 0 and self.parents[position] >= 0:
            row = self.buses.iloc[position]
            steps.append((row["upstream_table"], row["upstream_id"], row.name, row["upstream_bus_id"]))
            position = int(self.parents[position])
        return pd.DataFrame(steps, columns=["table", "element_id", "bus_id", "upstream_bus_id"])


def trace_supply(network: Network) -> Supply:
    """Trace every bus back to its source through what is closed and in service."""
    edges = _edges(network)
    order, parents, via = _breadth_first(edges, len(network.buses), _source_buses(network))
    feeders, stations = _names(network, edges, parents, via)
    bus_ids = network.buses.index.to_numpy()
    fed = via >= 0
    buses = pd.DataFrame(
        {
            "feeder_id": feeders,
            "station_id": stations,
            "upstream_bus_id": np.where(fed, bus_ids[np.maximum(parents, 0)], None),
            "upstream_table": np.where(fed, _TABLE_NAMES[_taken(edges["kind"], via, _SOURCE)], None),
            "upstream_id": _taken(edges["element_id"], via, None),
        },
        network.buses.index,
    )
    return Supply(buses, _element_feeders(network, edges, buses), order, parents)


def conducting_edges(network: Network) -> pd.DataFrame:
    """What is closed and in service between two buses: table, element_id, u, v (positions of the buses)."""
    live = _edges(network).query("conducts")
    tables = _TABLE_NAMES[live["kind"].to_numpy(dtype=int)]
    return live[["element_id", "u", "v"]].assign(table=tables).reset_index(drop=True)


def islands_of(network: Network) -> pd.Series:
    """Number of the island per bus: equal numbers are joined through closed switches and lines in service."""
    live = _edges(network).query("conducts")
    count = len(network.buses)
    graph = csr_array((np.ones(len(live), dtype=np.int8), (live["u"], live["v"])), shape=(count, count))
    return pd.Series(connected_components(graph, directed=False)[1], network.buses.index)


def roots_of(pointers: np.ndarray) -> np.ndarray:
    """Follow pointers until they point at themselves, doubling the step each time."""
    while not np.array_equal(further := pointers[pointers], pointers):
        pointers = further
    return pointers


def _edges(network: Network) -> pd.DataFrame:
    """Everything that joins two known buses: kind, element_id, u, v (bus positions), conducts."""
    rows = network.buses.index.get_indexer
    lines, transformers, switches = network.lines, network.transformers, network.switches
    couplers = switches[switches["element_table"] == "buses"]
    open_at = switches[~switches["closed"] & (switches["element_table"] != "buses")]
    parts = []
    for kind, frame, ends in (
        (_LINE, lines, ("from_bus_id", "to_bus_id")),
        (_TRANSFORMER, transformers, ("hv_bus_id", "lv_bus_id")),
        (_SWITCH, couplers, ("bus_id", "element_id")),
    ):
        if kind == _SWITCH:
            conducts = frame["closed"]
        else:
            opened = open_at.loc[open_at["element_table"] == _TABLE_NAMES[kind], "element_id"]
            conducts = frame["in_service"] & ~frame.index.isin(opened)
        columns = {
            "kind": kind,
            "element_id": frame.index.to_numpy(),
            "u": rows(frame[ends[0]]),
            "v": rows(frame[ends[1]]),
            "conducts": conducts.to_numpy(dtype=bool),
        }
        parts.append(pd.DataFrame(columns))
    edges = pd.concat(parts, ignore_index=True)
    return edges[(edges["u"] >= 0) & (edges["v"] >= 0)].reset_index(drop=True)


def _source_buses(network: Network) -> np.ndarray:
    sources = network.sources[network.sources["in_service"]]
    at = np.unique(network.buses.index.get_indexer(sources["bus_id"]))
    return at[at >= 0]


def _breadth_first(
    edges: pd.DataFrame, count: int, sources: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Order of supply, feeding bus and feeding edge per bus; sources hang on one root behind all buses."""
    live = edges[edges["conducts"]]
    low, high = np.minimum(live["u"], live["v"]), np.maximum(live["u"], live["v"])
    keys, first = np.unique(low.to_numpy() * count + high.to_numpy(), return_index=True)
    u = np.concatenate([keys // count, np.full(len(sources), count)])
    v = np.concatenate([keys % count, sources])
    graph = csr_array((np.ones(len(u), dtype=np.int8), (u, v)), shape=(count + 1, count + 1))
    order, parents = breadth_first_order(graph, count, directed=False)
    parents = parents[:count].astype(np.int64)
    fed = (parents >= 0) & (parents != count)
    child = np.flatnonzero(fed)
    pair = np.minimum(child, parents[fed]) * count + np.maximum(child, parents[fed])
    via = np.full(count, -1)
    via[child] = live.index.to_numpy()[first[np.searchsorted(keys, pair)]]
    return order[1:], np.where(fed, parents, -1), via


def _names(
    network: Network, edges: pd.DataFrame, parents: np.ndarray, via: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """feeder_id and station_id per bus, inherited along the supply path by pointer jumping."""
    count = len(parents)
    kind = _taken(edges["kind"], via, _SOURCE)
    own = _taken(edges["element_id"], via, None)
    sources = network.sources[network.sources["in_service"]]
    sources = sources[sources["bus_id"].isin(network.buses.index)]
    supplied = np.zeros(count, dtype=bool)
    at = network.buses.index.get_indexer(sources["bus_id"])
    own[at[::-1]] = sources.index.to_numpy()[::-1]
    supplied[at] = True
    supplied |= via >= 0
    here = np.arange(count)
    up = np.where(parents >= 0, parents, here)
    # A busbar: fed by a transformer or source, directly or through closed couplers.
    joint = roots_of(np.where(kind == _SWITCH, up, here))
    busbar = np.isin(kind[joint], (_TRANSFORMER, _SOURCE))
    starts_feeder = (kind == _LINE) & busbar[up]
    stations = own[roots_of(np.where(np.isin(kind, (_TRANSFORMER, _SOURCE)), here, up))]
    feeders = own[roots_of(np.where(np.isin(kind, (_TRANSFORMER, _SOURCE)) | starts_feeder, here, up))]
    feeders[~supplied] = None
    stations[~supplied] = None
    return feeders, stations


def _taken(values: pd.Series, rows: np.ndarray, otherwise: object) -> np.ndarray:
    """Values at rows; `otherwise` where the row is -1."""
    taken = np.full(len(rows), otherwise, dtype=object if otherwise is None else values.dtype)
    taken[rows >= 0] = values.to_numpy()[rows[rows >= 0]]
    return taken


def _lower(of_ends: Iterable[pd.Series]) -> pd.Series:
    """The id at either end, the lower one where they differ: lines have no direction."""
    first, second = of_ends
    either = first.where(first.notna(), second)
    both = (first.notna() & second.notna()).to_numpy(dtype=bool)
    return either.mask(both, np.minimum(first.where(both, ""), second.where(both, "")))


def _open_at(network: Network, end: str) -> np.ndarray:
    """Tell which lines have an open switch at an end."""
    switches, lines = network.switches, network.lines
    opened = switches[~switches["closed"] & (switches["element_table"] == "lines")]
    rows = lines.index.get_indexer(opened["element_id"])
    here = (rows >= 0) & (lines[end].to_numpy()[rows] == opened["bus_id"].to_numpy())
    is_open = np.zeros(len(lines), dtype=bool)
    is_open[rows[here]] = True
    return is_open


def _element_feeders(network: Network, edges: pd.DataFrame, buses: pd.DataFrame) -> dict[str, pd.Series]:
    """A line belongs to the feeder of the bus it feeds; a transformer to the feeder that feeds it."""
    bus_feeder = buses["feeder_id"]
    fed_by = buses[buses["upstream_table"] == "lines"]
    lines = network.lines
    own = pd.Series(fed_by["feeder_id"].to_numpy(), fed_by["upstream_id"].to_numpy())
    # A line that feeds no bus (open, parallel, closing a loop): the feeder of its end beyond the busbar;
    # of an open line that of the end it is closed at.
    beyond = bus_feeder.where(bus_feeder != buses["station_id"])
    drawn = [lines[end] for end in ("from_bus_id", "to_bus_id")]
    closed = [end.mask(_open_at(network, str(end.name))) for end in drawn]
    candidates = [
        _lower(end.map(known) for end in ends) for ends in (closed, drawn) for known in (beyond, bus_feeder)
    ]
    at_ends = candidates[0]
    for candidate in candidates[1:]:
        at_ends = at_ends.where(at_ends.notna(), candidate)
    return {
        "lines": lines.index.to_series().map(own).fillna(at_ends),
        "transformers": network.transformers["hv_bus_id"].map(bus_feeder),
    }
