"""Corridors as a graph: where cables can be laid, cut where corridors meet and where buses reach them.

        A                      B        o bus, + cut
        o                      o        access legs A+ and B+ are straight; route Q ends on R in mid-span
        |                      |        and is joined there
    ----+----------+-----------+----- R
                   |
                   Q

Where no route is near, existing lines are followed: a trench was dug there once. Nothing here searches
(`gis.routing`). Corridors that cross are taken to meet: a bridge over another is not known.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_array, csr_array

from gis.network import Network

ACCESS, CORRIDOR, LINE, JOINT = range(4)
UNKNOWN_SURFACE = "unknown"
EDGE_COLUMNS = ("a", "b", "length_m", "weighted_m", "kind", "row", "from_m", "to_m")
# Cuts that agree to this many digits of a metre are one; an edge shorter than LEAST_M would be none.
PLACE_DIGITS, LEAST_M = 3, 1e-9
# A bus counts as drawn in its place when its lines are drawn so long against what they measure.
PLACED_SHARE = (0.5, 1.5)


@cache
def routing_figures() -> Mapping[str, Any]:  # figures and texts of several kinds
    """The shipped figures of routing, with their sources."""
    return tomllib.loads(Path(__file__).with_name("routing.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, eq=False)
class Corridors:
    """Graph of where cables can be laid.

    Attributes
    ----------
    ids
        Names of the first nodes: buses, then further places.
    xy
        Coordinates per node [m]; NaN where unknown.
    edges
        Columns `EDGE_COLUMNS`: a < b (nodes), length_m, weighted_m (times the cost factor of the surface),
        kind, row of the routes or lines, from_m and to_m along it in the direction a to b; one row per pair
        of nodes, in the order of (a, b).
    weights
        Weighted metres between nodes, both ways.
    covered, placed
        Flag per named node: a corridor is in reach; it is drawn where it is.
    surfaces
        Per route.
    unknown
        Surfaces without a factor of their own; they count 1.
    """

    ids: pd.Index
    xy: np.ndarray
    edges: pd.DataFrame
    weights: csr_array
    covered: np.ndarray
    placed: np.ndarray
    surfaces: np.ndarray
    unknown: tuple[str, ...]

    def edge_of(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Rows of the edges between pairs of nodes."""
        return np.searchsorted(self._pairs, _pair(first, second, len(self.xy)))

    @cached_property
    def _pairs(self) -> np.ndarray:
        return _pair(self.edges["a"].to_numpy(), self.edges["b"].to_numpy(), len(self.xy))


class _Cuts(NamedTuple):
    """Points on routes: row of the route and metres along it.

    Where it is cut for the end of another route, the cut that is that end; where for a named node, that node;
    else -1.
    """

    row: np.ndarray
    at_m: np.ndarray
    end: np.ndarray
    named: np.ndarray


def find_corridors(network: Network, places: Mapping[str, shapely.Point]) -> Corridors:
    """Make the graph of a network's routes, and of its lines where no route is near.

    Parameters
    ----------
    places
        Further named points, in the CRS of the network.
    """
    ids = pd.Index([*network.buses.index, *places], dtype=object)
    points = np.concatenate(
        [network.buses.geometry.to_numpy(), np.array(list(places.values()), dtype=object)]
    )
    xy = _xy(points)
    surfaces, factor, unknown = _surface_factors(network.routes)
    routes = network.routes.geometry.to_numpy()
    cuts, covered = _cut(routes, points)
    cut_xy = _xy(shapely.line_interpolate_point(routes[cuts.row], cuts.at_m))
    _, first, node = np.unique(np.round(cut_xy, PLACE_DIGITS), axis=0, return_index=True, return_inverse=True)
    node = node.ravel() + len(ids)
    edges = [
        *_route_edges(cuts, node, factor),
        _access_edges(cuts, node, xy, cut_xy),
        _gap_edges(cuts, node, cut_xy),
        *_line_edges(network, covered),
    ]
    every = np.vstack([xy, cut_xy[first]])
    kept = _cheapest(pd.concat(edges, ignore_index=True), len(every))
    placed = np.append(_drawn_in_place(network), np.ones(len(places), dtype=bool)) & np.isfinite(xy).all(
        axis=1
    )
    return Corridors(ids, every, kept, _weights(kept, len(every)), covered, placed, surfaces, unknown)


def _xy(points: np.ndarray) -> np.ndarray:
    """Coordinates of points, NaN where there is none."""
    return np.column_stack([shapely.get_x(points), shapely.get_y(points)])


def _surface_factors(routes: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Surface and cost factor per route, and surfaces without a factor. A row's own factor goes first."""
    figures = routing_figures()
    word = routes["surface"].astype(str).str.strip().str.lower().str.replace(r"[\s-]+", "_", regex=True)
    surface = word.replace(figures["words"])
    known = {name: factor for name, factor in figures["surfaces"].items() if name != "source"}
    of_surface = surface.map(known).astype(float)
    own = routes["cost_factor"].astype(float).fillna(1.0)
    unknown = tuple(sorted(set(word[of_surface.isna() & (own == 1.0)])))
    factor = own.where(own != 1.0, of_surface.fillna(1.0))
    return surface.to_numpy(dtype=object), factor.to_numpy(), unknown


def _cut(routes: np.ndarray, points: np.ndarray) -> tuple[_Cuts, np.ndarray]:
    """Where routes end, cross, are met by another's end or reached from a named point; who reaches one."""
    covered = np.zeros(len(points), dtype=bool)
    if not len(routes):
        none = np.zeros(0, dtype=int)
        return _Cuts(none, np.zeros(0), none, none), covered
    reach = routing_figures()["reach"]
    tree, rows = shapely.STRtree(routes), np.arange(len(routes))
    ends = np.concatenate([shapely.get_point(routes, 0), shapely.get_point(routes, -1)])
    end, met = tree.query(ends, predicate="dwithin", distance=reach["snap_tolerance_m"])
    first, second = _crossing(routes, tree, end % len(rows), met)
    cross_xy, of_pair = shapely.get_coordinates(
        shapely.intersection(routes[first], routes[second]), return_index=True
    )
    crossing = shapely.points(cross_xy)
    named, nearest = tree.query_nearest(points, max_distance=reach["access_max_m"], all_matches=False)
    covered[named] = True
    row = np.concatenate([rows, rows, met, first[of_pair], second[of_pair], nearest])
    point = np.concatenate([ends, ends[end], crossing, crossing, points[named]])
    at_m = shapely.line_locate_point(routes[row], point)
    at_m[: len(rows)], at_m[len(rows) : 2 * len(rows)] = 0.0, shapely.length(routes)
    of_end, reached = np.full((2, len(row)), -1)
    of_end[2 * len(rows) : 2 * len(rows) + len(end)] = end
    reached[len(row) - len(named) :] = named
    return _Cuts(row, at_m, of_end, reached), covered


def _crossing(
    routes: np.ndarray, tree: shapely.STRtree, of_end: np.ndarray, met: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of routes that meet elsewhere than where one of them ends on the other."""
    first, second = tree.query(routes, predicate="intersects")
    first, second = first[first < second], second[first < second]
    ended = np.isin(_pair(first, second, len(routes)), _pair(of_end, met, len(routes)))
    wanted = ~ended
    wanted[ended] = shapely.crosses(routes[first[ended]], routes[second[ended]])
    return first[wanted], second[wanted]


def _route_edges(cuts: _Cuts, node: np.ndarray, factor: np.ndarray) -> list[pd.DataFrame]:
    """Pieces of routes between one cut and the next."""
    order = np.lexsort((cuts.at_m, cuts.row))
    row, at_m, node = cuts.row[order], cuts.at_m[order], node[order]
    piece = np.flatnonzero((row[1:] == row[:-1]) & (node[1:] != node[:-1])) if len(row) else order
    length = at_m[piece + 1] - at_m[piece]
    return [
        _edges(
            node[piece], node[piece + 1], length, length * factor[row[piece]], CORRIDOR, row[piece],
            at_m[piece], at_m[piece + 1],
        )
    ]  # fmt: skip


def _access_edges(cuts: _Cuts, node: np.ndarray, xy: np.ndarray, cut_xy: np.ndarray) -> pd.DataFrame:
    """Straight legs from named points to the nearest corridor."""
    at = np.flatnonzero(cuts.named >= 0)
    named = cuts.named[at]
    length = np.hypot(*(xy[named] - cut_xy[at]).T)
    return _edges(named, node[at], length, length, ACCESS, named)


def _gap_edges(cuts: _Cuts, node: np.ndarray, cut_xy: np.ndarray) -> pd.DataFrame:
    """Gaps between the end of a corridor and another that it meets but for the snap tolerance."""
    at = np.flatnonzero(cuts.end >= 0)
    end = cuts.end[at]
    length = np.hypot(*(cut_xy[end] - cut_xy[at]).T)
    return _edges(node[end], node[at], length, length, JOINT)


def _line_edges(network: Network, covered: np.ndarray) -> list[pd.DataFrame]:
    """Existing lines with an end that no corridor reaches, and the stations a cable may pass through."""
    lines, at = network.lines, network.buses.index.get_indexer
    a, b = at(lines["from_bus_id"]), at(lines["to_bus_id"])
    wanted = np.flatnonzero((a >= 0) & (b >= 0) & (a != b))
    wanted = wanted[~covered[a[wanted]] | ~covered[b[wanted]]]
    length = lines["length_m"].astype(float).fillna(lines.geometry.length).to_numpy()[wanted]
    factor = routing_figures()["surfaces"]["existing_trench"]
    coupled = network.switches[network.switches["element_table"] == "buses"]
    same = [
        (at(network.transformers["hv_bus_id"]), at(network.transformers["lv_bus_id"])),
        (at(coupled["bus_id"]), at(coupled["element_id"])),
    ]
    joints = []
    for one, other in same:
        known = (one >= 0) & (other >= 0) & (one != other)
        none = np.zeros(int(known.sum()))
        joints.append(_edges(one[known], other[known], none, none, JOINT))
    return [_edges(a[wanted], b[wanted], length, factor * length, LINE, wanted, 0.0, length), *joints]


def _edges(
    a: np.ndarray, b: np.ndarray, length_m: np.ndarray, weighted_m: np.ndarray, kind: int,
    row: np.ndarray | int = -1, from_m: np.ndarray | float = 0.0, to_m: np.ndarray | float = 0.0,
) -> pd.DataFrame:  # fmt: skip
    """Edges with a < b; turned ones run along their element the other way."""
    turned = a > b
    frame = pd.DataFrame(
        {
            "a": np.minimum(a, b), "b": np.maximum(a, b), "length_m": length_m, "weighted_m": weighted_m,
            "kind": kind, "row": row, "from_m": np.where(turned, to_m, from_m),
            "to_m": np.where(turned, from_m, to_m),
        }
    )  # fmt: skip
    return frame[list(EDGE_COLUMNS)]


def _cheapest(edges: pd.DataFrame, count: int) -> pd.DataFrame:
    """One edge per pair of nodes, the cheapest; in the order of the pairs."""
    edges = edges[edges["a"] != edges["b"]]
    pair = _pair(edges["a"].to_numpy(), edges["b"].to_numpy(), count)
    order = np.lexsort((edges["weighted_m"].to_numpy(), pair))
    kept = order[np.append(True, pair[order][1:] != pair[order][:-1])] if len(order) else order
    return edges.iloc[kept].reset_index(drop=True)


def _pair(a: np.ndarray, b: np.ndarray, count: int) -> np.ndarray:
    """One number per pair of nodes, whichever comes first."""
    return np.asarray(np.minimum(a, b).astype(np.int64) * count + np.maximum(a, b))


def _weights(edges: pd.DataFrame, count: int) -> csr_array:
    a, b = edges["a"].to_numpy(), edges["b"].to_numpy()
    weight = np.maximum(edges["weighted_m"].to_numpy(), LEAST_M)
    ends = (np.concatenate([a, b]), np.concatenate([b, a]))
    return csr_array(coo_array((np.concatenate([weight, weight]), ends), shape=(count, count)))


def _drawn_in_place(network: Network) -> np.ndarray:
    """Flag per bus: its lines are drawn about as long as they measure; a bus without lines is believed."""
    lines = network.lines
    drawn = lines.geometry.length
    measured = lines["length_m"].astype(float).fillna(drawn)
    ends = pd.concat([lines["from_bus_id"], lines["to_bus_id"]])
    sums = pd.DataFrame({"drawn": [*drawn, *drawn], "measured": [*measured, *measured]}).groupby(
        ends.to_numpy()
    )
    of_bus = sums.sum().reindex(network.buses.index)
    share = of_bus["drawn"] / of_bus["measured"]
    return (share.between(*PLACED_SHARE) | share.isna()).to_numpy()
