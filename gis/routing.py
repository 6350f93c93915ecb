"""Ways for new cables: the cheapest along corridors, else along existing lines, else straight with a detour.

One search from a bus finds the ways to all others. Costs are relative (`weighted_m`: metres of trench times
the cost factor of their surface); what a metre costs stands in cost tables. Ways that use the same pieces of
corridor name the same segments, so that their trench is paid once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import shapely
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from gis.corridors import (
    ACCESS,
    CORRIDOR,
    JOINT,
    LEAST_M,
    LINE,
    UNKNOWN_SURFACE,
    find_corridors,
    routing_figures,
)
from gis.network import Network

_NOWHERE = np.zeros((0, 2))

Basis = Literal["corridors", "existing_lines", "mixed", "straight", "none"]


@dataclass(frozen=True, eq=False)
class Route:
    """Way of a new cable.

    Attributes
    ----------
    from_id, to_id
        Buses or named places.
    geometry
        Where it runs, in the CRS of the network; missing where there is no way.
    length_m
        Length of the cable; of existing lines, the length they are known to have. NaN where there is no way.
    weighted_m
        Length of trench times the cost factor of its surface.
    surfaces
        Metres by surface.
    segments
        Weighted metres by piece of corridor ("routes R1 0-50", "lines L1"): ways that share a key lie in one
        trench.
    basis
        What it follows: "none" where nothing joins the two and they are not drawn in their place.
    note
        What to know about it, "" for nothing.
    """

    from_id: str
    to_id: str
    geometry: shapely.LineString | None
    length_m: float
    weighted_m: float
    surfaces: Mapping[str, float] = field(default_factory=dict)
    segments: Mapping[str, float] = field(default_factory=dict)
    basis: Basis = "none"
    note: str = ""

    @property
    def found(self) -> bool:
        """Tell whether there is a way."""
        return self.basis != "none"


class _Piece(NamedTuple):
    """Surface and key of an edge, and its coordinates from a to b where it is not straight."""

    surface: str
    key: str
    xy: np.ndarray


class Search(NamedTuple):
    """What one search from some places found, per node of the graph.

    Attributes
    ----------
    weighted_m
        Weighted metres along corridors and lines; infinite where no way was found.
    """

    weighted_m: np.ndarray
    before: np.ndarray


class Router:
    """Ways for new cables of one network; the graph of its corridors is made once.

    Parameters
    ----------
    places
        Further points by name, in the CRS of the network; a name of a bus means the place.
    detour_factor
        Length of cable against the straight line where no corridor is known; the shipped figure when absent.
    """

    def __init__(
        self,
        network: Network,
        *,
        places: Mapping[str, shapely.Point] | None = None,
        detour_factor: float | None = None,
    ) -> None:
        self._network = network
        self._graph = find_corridors(network, places or {})
        self._detour = float(detour_factor or routing_figures()["straight"]["detour_factor"])
        self._column = {name: column.to_numpy() for name, column in self._graph.edges.items()}
        self._run = network.routes.geometry.to_numpy()
        self._pieces: dict[int, _Piece] = {}
        self._node = {str(name): node for node, name in enumerate(self._graph.ids)}

    def ways(self, from_id: str, to_ids: Iterable[str]) -> dict[str, Route]:
        """The cheapest way to each, none left out.

        Raises
        ------
        KeyError
            A bus or place is not there.
        """
        start, targets = self._node[from_id], {name: self._node[name] for name in to_ids}
        cost, before = dijkstra(self._graph.weights, indices=start, return_predecessors=True)
        straight = self._straight_m(start, np.array(list(targets.values()), dtype=int), cost)
        return {
            name: self._straight(from_id, name, float(direct), lost=not np.isfinite(cost[node]))
            if direct < cost[node]
            else self._along(from_id, name, _path(before, start, node), bool(np.isfinite(cost[node])))
            for (name, node), direct in zip(targets.items(), straight, strict=True)
        }

    def weighted_m(self, from_id: str, to_ids: Sequence[str]) -> pd.Series:
        """Weighted metres to each, infinite where there is no way; faster than the ways themselves.

        Raises
        ------
        KeyError
            A bus or place is not there.
        """
        start, nodes = self._node[from_id], np.array([self._node[name] for name in to_ids], dtype=int)
        cost = dijkstra(self._graph.weights, indices=start)
        return pd.Series(np.minimum(cost[nodes], self._straight_m(start, nodes, cost)), pd.Index(to_ids))

    def search(self, starts: Mapping[str, float]) -> Search:
        """Search from several places at once, each so many weighted metres behind the true start.

        What it found is of the corridors and lines alone; straight lines are the caller's.

        Raises
        ------
        KeyError
            A bus or place is not there.
        """
        weights, count = self._graph.weights, len(self._graph.xy)
        nodes = np.array([self._node[name] for name in starts], dtype=weights.indices.dtype)
        metres = np.maximum(np.array(list(starts.values()), dtype=float), LEAST_M)
        ends = np.append(weights.indptr, weights.nnz + len(nodes)).astype(weights.indptr.dtype)
        joined = csr_array(
            (np.append(weights.data, metres), np.append(weights.indices, nodes), ends), (count + 1, count + 1)
        )
        cost, before = dijkstra(joined, indices=count, return_predecessors=True)
        return Search(cost[:count], before)

    def found_way(self, search: Search, to_id: str) -> Route:
        """The way a search found, from the start it began at."""
        path = _path(search.before, len(self._graph.xy), self._node[to_id])
        if len(path) < 2 or path[0] != len(self._graph.xy):
            return self._along("", to_id, path, found=False)
        start = str(self._graph.ids[path[1]])
        return self._along(start, to_id, path[1:], found=True)

    def nodes_of(self, ids: Iterable[str]) -> np.ndarray:
        """Node per bus or place, for the figures of a search."""
        return np.array([self._node[name] for name in ids], dtype=np.int64)

    @property
    def covered(self) -> np.ndarray:
        """Flag per bus, then per place: a corridor is in reach."""
        return self._graph.covered

    @property
    def placed(self) -> np.ndarray:
        """Flag per bus, then per place: it is drawn where it is."""
        return self._graph.placed

    def _straight_m(self, start: int, nodes: np.ndarray, cost: np.ndarray) -> np.ndarray:
        """Straight line with its detour; infinite where corridors must be kept to or places are not known.

        Between two points on corridors it stands in only where the corridors do not join them.
        """
        graph = self._graph
        metres = np.hypot(*(graph.xy[nodes] - graph.xy[start]).T) * self._detour
        metres[~(graph.placed[nodes] & graph.placed[start])] = np.inf
        if graph.covered[start]:
            metres[graph.covered[nodes] & np.isfinite(cost[nodes])] = np.inf
        return np.asarray(metres)

    def _straight(self, from_id: str, to_id: str, metres: float, *, lost: bool) -> Route:
        ends = self._graph.xy[[self._node[from_id], self._node[to_id]]]
        why = (
            "no corridor or line joins the two"
            if lost
            else "no corridor is known, and lines are a longer way"
        )
        return Route(
            from_id, to_id, shapely.LineString(ends), metres, metres, {UNKNOWN_SURFACE: metres},
            {f"straight {min(from_id, to_id)} {max(from_id, to_id)}": metres}, "straight",
            f"straight line x {self._detour:g}: {why}",
        )  # fmt: skip

    def _along(self, from_id: str, to_id: str, path: np.ndarray, found: bool) -> Route:
        """Way along the nodes of a path."""
        if not found:
            message = "nothing joins the two, and they are not drawn in their place: no length can be told"
            return Route(from_id, to_id, None, np.nan, np.nan, note=message)
        edges, column = self._graph.edge_of(path[:-1], path[1:]), self._column
        metres, weighted = column["length_m"][edges], column["weighted_m"][edges]
        pieces = [self._piece(edge) for edge in edges.tolist()]
        surfaces = [piece.surface for piece in pieces]
        kinds = {*column["kind"][edges].tolist()} - {JOINT}
        basis: Basis = "mixed" if LINE in kinds else "corridors"
        basis = "existing_lines" if kinds <= {LINE} else basis
        return Route(
            from_id, to_id, self._drawn(path, edges, pieces), float(metres.sum()), float(weighted.sum()),
            _summed(surfaces, metres), _summed([piece.key for piece in pieces], weighted), basis,
            self._note(basis, surfaces),
        )  # fmt: skip

    def _drawn(self, path: np.ndarray, edges: np.ndarray, pieces: list[_Piece]) -> shapely.LineString | None:
        """Line along a path; straight where an element is not drawn."""
        onward = self._column["b"][edges] == path[1:]
        xy = self._graph.xy[path]
        parts = [xy[:1]]
        for piece, forward, end in zip(pieces, onward.tolist(), xy[1:, None], strict=True):
            parts += [piece.xy if forward else piece.xy[::-1], end]
        points = np.concatenate(parts)
        points = points[np.isfinite(points).all(axis=1)]
        if not len(points):
            return None
        moved = np.append(True, (np.diff(points, axis=0) != 0.0).any(axis=1))
        return shapely.LineString(points[moved] if moved.sum() > 1 else points[[0, 0]])

    def _piece(self, edge: int) -> _Piece:
        """What an edge is called and how it runs, worked out once."""
        if edge not in self._pieces:
            column = self._column
            self._pieces[edge] = self._worked_out(
                int(column["kind"][edge]),
                int(column["row"][edge]),
                column["from_m"][edge],
                column["to_m"][edge],
            )
        return self._pieces[edge]

    def _worked_out(self, kind: int, row: int, start: float, end: float) -> _Piece:
        if kind == CORRIDOR:
            routes, (low, high) = self._network.routes, sorted((start, end))
            run = _cut_out(shapely.get_coordinates(self._run[row]), start, end)
            return _Piece(
                str(self._graph.surfaces[row]), f"routes {routes.index[row]} {low:.1f}-{high:.1f}", run
            )
        if kind == LINE:
            lines = self._network.lines
            run = shapely.get_coordinates(lines.geometry.iloc[row])
            return _Piece("existing_trench", f"lines {lines.index[row]}", run if start <= end else run[::-1])
        if kind == ACCESS:
            return _Piece("access", f"access {self._graph.ids[row]}", _NOWHERE)
        return _Piece("", "", _NOWHERE)

    def _note(self, basis: Basis, surfaces: list[str]) -> str:
        if basis == "existing_lines":
            return "along existing lines: no corridor is known"
        unknown = sorted({*surfaces} & {*self._graph.unknown})
        parts = ["partly along existing lines, where no corridor is known"] if basis == "mixed" else []
        if unknown:
            parts.append(f"no cost factor is known of the surface {', '.join(unknown)}; it counts 1")
        return "; ".join(parts)


def route(network: Network, from_point: shapely.Point, to_point: shapely.Point) -> Route:
    """The cheapest way between two points; many ways of one network share a `Router`."""
    return Router(network, places={"from": from_point, "to": to_point}).ways("from", ["to"])["to"]


def _cut_out(points: np.ndarray, start_m: float, end_m: float) -> np.ndarray:
    """Coordinates along a line from one measure to another, backwards where the other is less."""
    at_m = np.append(0.0, np.cumsum(np.hypot(*np.diff(points, axis=0).T)))
    low, high = sorted((start_m, end_m))
    measures = np.concatenate([[low], at_m[(at_m > low) & (at_m < high)], [high]])
    run = np.column_stack([np.interp(measures, at_m, axis) for axis in points.T])
    return run if start_m <= end_m else run[::-1]


def _path(before: np.ndarray, start: int, node: int) -> np.ndarray:
    """Nodes from the start to another; the other alone where it is not reached."""
    nodes = [node]
    while nodes[-1] != start and before[nodes[-1]] >= 0:
        nodes.append(int(before[nodes[-1]]))
    return np.array(nodes[::-1])


def _summed(names: list[str], metres: np.ndarray) -> dict[str, float]:
    """Metres per name, in the order of the way; what has no name is left out."""
    total: dict[str, float] = {}
    for name, value in zip(names, metres, strict=True):
        if name:
            total[name] = total.get(name, 0.0) + float(value)
    return total
