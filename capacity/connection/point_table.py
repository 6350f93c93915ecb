"""`PointTable`: buses and lines of a grid that sites may be supplied from, found once per grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import networkx as nx
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.option import SupplyKind
from gis.corridors import PLACED_SHARE
from gis.voltage import LV_MAX_KV, MV_MAX_KV


@dataclass(frozen=True, eq=False)
class Taps:
    """Places at which lines near some sites may be cut.

    Attributes
    ----------
    places
        Point by name "line@metres".
    line, at_m
        Row of the line and metres along it as drawn, per place.
    near
        Rows of the lines near each site.
    """

    places: Mapping[str, shapely.Point]
    line: np.ndarray
    at_m: np.ndarray
    near: tuple[np.ndarray, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the places, in their order."""
        return tuple(self.places)


@dataclass(frozen=True, eq=False)
class PointTable:
    """Supply points of one grid.

    Attributes
    ----------
    buses
        Rows of buses per kind.
    service
        Rows of house connections: one serves the site that stands at it, nobody else.
    at_station
        Flag per bus: it is the medium-voltage busbar of a station.
    ends
        Rows of the buses per line.
    cuttable
        Rows of medium-voltage lines that may be cut.
    fed_from
        Per line: row of the bus at its end nearer to the source; -1 where it is not supplied.
    ringed
        Flag per line: its far end can be fed from another side too, so that a station in it has two supplies.
    misplaced
        Flag per line: drawn so short or long against its stated length that no place on it is known.
    """

    grid: ConnectionGrid
    buses: Mapping[SupplyKind, np.ndarray]
    service: np.ndarray
    at_station: np.ndarray
    ends: np.ndarray
    cuttable: np.ndarray
    fed_from: np.ndarray
    ringed: np.ndarray
    misplaced: np.ndarray
    tree: shapely.STRtree

    def taps_near(self, sites: Sequence[BaseGeometry]) -> Taps:
        """Places to cut the lines nearest to each site, evenly along each of them."""
        near = tuple(self._lines_near(sites))
        wanted = np.unique(np.concatenate([*near, np.zeros(0, dtype=np.int64)]))
        lines = self.grid.network.lines
        drawn = lines.geometry.to_numpy()[wanted]
        spacing = self.grid.assumptions.route.tap_spacing_m
        counts = np.maximum(np.round(shapely.length(drawn) / spacing).astype(int) - 1, 1)
        line = np.repeat(wanted, counts)
        first = np.repeat(np.cumsum(counts) - counts, counts)
        share = (np.arange(len(line)) - first + 1.0) / (np.repeat(counts, counts) + 1.0)
        of_place = np.repeat(drawn, counts)
        at_m = share * shapely.length(of_place)
        points = shapely.line_interpolate_point(of_place, at_m)
        names = [f"{lines.index[row]}@{m:.1f}" for row, m in zip(line, at_m, strict=True)]
        return Taps(dict(zip(names, points, strict=True)), line, at_m, near)

    def _lines_near(self, sites: Sequence[BaseGeometry]) -> list[np.ndarray]:
        """Rows of the nearest lines in reach per site."""
        figures = self.grid.assumptions
        areas = np.array(list(sites), dtype=object)
        site, at = self.tree.query(areas, predicate="dwithin", distance=figures.route.max_mv_m)
        far_m = shapely.distance(areas[site], self.tree.geometries[at])
        order = np.lexsort((at, far_m, site))
        site, at = site[order], at[order]
        starts = np.searchsorted(site, np.arange(len(areas) + 1))
        return [
            self.cuttable[at[start : min(end, start + figures.search.lines)]]
            for start, end in pairwise(starts.tolist())
        ]


@lru_cache(maxsize=4)
def point_table(grid: ConnectionGrid) -> PointTable:
    """Find the supply points of a grid."""
    network, supply = grid.network, grid.yardstick.supply
    buses, transformers = network.buses, network.transformers[network.transformers["in_service"]]
    vn_kv = buses["vn_kv"].to_numpy()
    fed = supply.buses["station_id"].notna().to_numpy()
    behind = (supply.buses["upstream_table"] == "switches").to_numpy()  # one place with the bus above
    low, medium = vn_kv <= LV_MAX_KV, (vn_kv > LV_MAX_KV) & (vn_kv <= MV_MAX_KV)
    station_busbar = buses.index.isin([*transformers["lv_bus_id"], *network.sources["bus_id"]])
    service = (buses["kind"] == "service").to_numpy()
    substation = medium & (_fed_from_high(grid) | buses.index.isin(network.sources["bus_id"]))
    rows: dict[SupplyKind, np.ndarray] = {
        "lv_feeder": np.flatnonzero(fed & low & ~station_busbar & ~service),
        "lv_busbar": np.flatnonzero(fed & low & station_busbar & ~behind),
        "mv_tap": np.flatnonzero(fed & medium & ~substation & ~behind),
        "mv_busbar": np.flatnonzero(fed & substation & ~behind),
    }
    fed_from, misplaced = _fed_from(grid), _misplaced(grid)
    kv = network.lines["vn_kv"].to_numpy()
    cuttable = (kv > LV_MAX_KV) & (kv <= MV_MAX_KV) & (fed_from >= 0) & ~misplaced
    cuttable &= network.lines.geometry.length.to_numpy() > 0.0
    return PointTable(
        grid=grid,
        buses=rows,
        service=np.flatnonzero(fed & low & service),
        at_station=_at_station(grid, behind),
        ends=np.column_stack(
            [buses.index.get_indexer(network.lines[end]) for end in ("from_bus_id", "to_bus_id")]
        ),
        cuttable=np.flatnonzero(cuttable),
        fed_from=fed_from,
        ringed=_ringed(grid),
        misplaced=misplaced & (kv > LV_MAX_KV) & (kv <= MV_MAX_KV),
        tree=shapely.STRtree(network.lines.geometry.to_numpy()[cuttable]),
    )


def _fed_from_high(grid: ConnectionGrid) -> np.ndarray:
    """Flag per bus: a transformer in service feeds it from high voltage."""
    network = grid.network
    live = network.transformers[network.transformers["in_service"]]
    high = network.buses["vn_kv"].reindex(live["hv_bus_id"]).to_numpy() > MV_MAX_KV
    return np.asarray(network.buses.index.isin(live["lv_bus_id"][high]))


def _at_station(grid: ConnectionGrid, behind: np.ndarray) -> np.ndarray:
    """Flag per bus: a transformer stands there, or behind a switch that it feeds."""
    network, parents = grid.network, grid.yardstick.supply.parents
    flags = np.asarray(network.buses.index.isin(network.transformers["hv_bus_id"]))
    at = np.flatnonzero(flags & behind)
    flags[parents[at]] = True
    return flags


def _fed_from(grid: ConnectionGrid) -> np.ndarray:
    """Row of the bus at the end of each line nearer to its source; -1 for lines that are not supplied.

    A line that is open at one end is fed from the other; of one that closes a loop the end with fewer
    elements on its way counts.
    """
    network, parents = grid.network, grid.yardstick.supply.parents
    lines, at = network.lines, network.buses.index.get_indexer
    ends = np.column_stack([at(lines["from_bus_id"]), at(lines["to_bus_id"])])
    order = grid.yardstick.supply.order
    rank = np.full(len(parents), len(parents))
    rank[order] = np.arange(len(order))  # breadth first: nearer to the source comes earlier
    open_ends = _open_ends(grid)
    usable = (ends >= 0) & ~open_ends & lines["in_service"].to_numpy()[:, None]
    of_end = np.where(usable, rank[ends], len(parents))
    nearer = of_end.argmin(axis=1)
    found = np.take_along_axis(ends, nearer[:, None], axis=1)[:, 0]
    return np.where(of_end.min(axis=1) < len(parents), found, -1)


def _open_ends(grid: ConnectionGrid) -> np.ndarray:
    """Flag per line and end: an open switch stands there."""
    network = grid.network
    lines, switches = network.lines, network.switches
    opened = switches[~switches["closed"] & (switches["element_table"] == "lines")]
    row = lines.index.get_indexer(opened["element_id"])
    flags = np.zeros((len(lines), 2), dtype=bool)
    for end, column in enumerate(("from_bus_id", "to_bus_id")):
        there = (row >= 0) & (lines[column].to_numpy()[row] == opened["bus_id"].to_numpy())
        flags[row[there], end] = True
    return flags


def _misplaced(grid: ConnectionGrid) -> np.ndarray:
    """Flag per line: its stated length is far from what is drawn."""
    lines = grid.network.lines
    drawn = lines.geometry.length
    measured = lines["length_m"].astype(float).fillna(drawn)
    return np.asarray(~(drawn / measured).between(*PLACED_SHARE))


def _ringed(grid: ConnectionGrid) -> np.ndarray:
    """Flag per line: it lies on a ring of medium voltage, substations taken as one and switches as closed."""
    network = grid.network
    lines = network.lines[network.lines["in_service"]]
    medium = lines[(lines["vn_kv"] > LV_MAX_KV) & (lines["vn_kv"] <= MV_MAX_KV)]
    source = ("source",)
    graph = nx.MultiGraph()
    graph.add_edges_from(
        (a, b, line_id)
        for a, b, line_id in zip(medium["from_bus_id"], medium["to_bus_id"], medium.index, strict=True)
    )
    couplers = network.switches[network.switches["element_table"] == "buses"]
    graph.add_edges_from(zip(couplers["bus_id"], couplers["element_id"], strict=True))
    ends = network.transformers[["hv_bus_id", "lv_bus_id"]]
    kv = ends.apply(lambda column: column.map(network.buses["vn_kv"]))
    regulators = ends[((kv > LV_MAX_KV) & (kv <= MV_MAX_KV)).all(axis=1)]
    graph.add_edges_from(regulators.itertuples(index=False, name=None))
    fed = _fed_from_high(grid) | network.buses.index.isin(network.sources["bus_id"])
    graph.add_edges_from((source, bus_id) for bus_id in network.buses.index[fed])
    simple = nx.Graph(graph)
    bridges = {frozenset(pair) for pair in nx.bridges(simple)}
    flags = np.zeros(len(network.lines), dtype=bool)
    for line_id, a, b in zip(medium.index, medium["from_bus_id"], medium["to_bus_id"], strict=True):
        beside = graph.number_of_edges(a, b) > 1
        flags[network.lines.index.get_loc(line_id)] = beside or frozenset((a, b)) not in bridges
    return flags
