"""Ways from a site, an area or a point, to buses and other places: they begin at its edge.

     +-------+                  A site reaches every corridor near it by a straight leg from its edge (e1,
e1 --| site  |-- e2             e2), unless the leg crosses another corridor; the cheapest of the ways
|    +-------+    |             counts. Straight with a detour only where no corridor joins the two, and
|                 |             to a bus that stands beside the site.
=====  street  ====
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from gis.corridors import UNKNOWN_SURFACE, routing_figures
from gis.network import Network
from gis.routing import Basis, Route, Router, Search

# Longest straight line [m] at which a site counts as standing at a bus already.
AT_THE_POINT_M = 1.0


class _Entry(NamedTuple):
    """Where a site reaches a corridor: name of the place on it, and the leg from the edge."""

    name: str
    leg: shapely.LineString


class SiteRouter:
    """Ways from sites of one network; the graph of corridors is made once for all of them.

    Parameters
    ----------
    sites
        Area or point by id, in the CRS of the network.
    places
        Further points that ways may lead to, by name.
    detour_factor
        Length of cable against the straight line where no corridor joins the two.
    """

    def __init__(
        self,
        network: Network,
        sites: Mapping[str, BaseGeometry],
        places: Mapping[str, shapely.Point],
        *,
        detour_factor: float,
    ) -> None:
        entries = _entries(network, sites)
        doors = {one.name: shapely.get_point(one.leg, -1) for of in entries.values() for one in of}
        self.router = Router(network, places={**places, **doors}, detour_factor=detour_factor)
        self.ids = np.array([*network.buses.index, *places], dtype=object)
        self.node = {str(name): row for row, name in enumerate(self.ids)}
        self.points = np.concatenate(
            [network.buses.geometry.to_numpy(), np.array(list(places.values()), dtype=object)]
        )
        self.detour_factor = detour_factor
        self._sites, self._entries = sites, entries

    def reach(self, site_id: str) -> SiteReach:
        """What ways from a site cost."""
        area, entries = self._sites[site_id], self._entries[site_id]
        search = self.router.search({one.name: one.leg.length for one in entries}) if entries else None
        return SiteReach(self, site_id, area, {one.name: one for one in entries}, search)


class SiteReach:
    """Ways from one site.

    Attributes
    ----------
    distance_m
        Straight from the edge, per bus and then per place.
    weighted_m
        Weighted metres of the cheapest way, in the same order; infinite where none can be told.
    """

    def __init__(
        self,
        ways: SiteRouter,
        site_id: str,
        area: BaseGeometry,
        entries: Mapping[str, _Entry],
        search: Search | None,
    ) -> None:
        self._ways, self._site_id, self._area = ways, site_id, area
        self._entries, self._search = entries, search
        count = len(ways.ids)
        self.distance_m = np.nan_to_num(shapely.distance(area, ways.points), nan=np.inf)
        along_m = np.full(count, np.inf) if search is None else search.weighted_m[:count]
        self._straight_m = self._straight(along_m)
        self.weighted_m = np.minimum(along_m, self._straight_m)

    def _straight(self, along_m: np.ndarray) -> np.ndarray:
        """Straight with a detour where it is allowed, else infinite."""
        router, count = self._ways.router, len(self.distance_m)
        covered, placed = router.covered[:count], router.placed[:count]
        kept_to = bool(self._entries) & covered & np.isfinite(along_m)
        beside = self.distance_m <= routing_figures()["straight"]["beside_max_m"]
        metres = self.distance_m * self._ways.detour_factor
        metres[self.distance_m <= AT_THE_POINT_M] = 0.0
        metres[~placed | (kept_to & ~beside)] = np.inf
        return metres

    def row_of(self, to_id: str) -> int:
        """Row of a bus or place in the figures."""
        return self._ways.node[to_id]

    def way(self, to_id: str) -> Route:
        """The cheapest way, drawn from the other end to the site."""
        at = self._ways.node[to_id]
        if np.isfinite(self._straight_m[at]) and self._straight_m[at] <= self.weighted_m[at]:
            return self._straight_way(to_id, at)
        if self._search is None or not np.isfinite(self.weighted_m[at]):
            why = "no corridor, line or straight way leads there"
            return Route(to_id, self._site_id, None, np.nan, np.nan, note=why)
        return self._along(to_id, self._search)

    def _straight_way(self, to_id: str, at: int) -> Route:
        metres = float(self._straight_m[at])
        drawn = shapely.shortest_line(self._ways.points[at], self._area)
        segments = {f"straight {to_id} {self._site_id}": metres} if metres else {}
        surfaces = {UNKNOWN_SURFACE: metres} if metres else {}
        note = f"straight line x {self._ways.detour_factor:g}: {self._why_straight(at)}" if metres else ""
        return Route(
            to_id, self._site_id, drawn, metres, metres, surfaces, segments, "straight", note
        )  # fmt: skip

    def _why_straight(self, at: int) -> str:
        if self.distance_m[at] <= routing_figures()["straight"]["beside_max_m"]:
            return "it stands beside the site"
        if not self._entries:
            return "no corridor is known near the site"
        return "no corridor joins the two"

    def _along(self, to_id: str, search: Search) -> Route:
        """The way that the search found, with the leg from the edge of the site."""
        found = self._ways.router.found_way(search, to_id)
        leg = self._entries[found.from_id].leg
        metres = float(leg.length)
        name = f"access {self._site_id}"
        parts = [shapely.get_coordinates(leg)]
        if found.geometry is not None:
            parts.append(shapely.get_coordinates(found.geometry))
        basis: Basis = found.basis if found.segments else "corridors"
        return Route(
            to_id, self._site_id, _line(np.concatenate(parts)[::-1]),
            found.length_m + metres, found.weighted_m + metres,
            _with(found.surfaces, "access", metres), _with(found.segments, name, metres), basis, found.note,
        )  # fmt: skip


def _with(known: Mapping[str, float], name: str, metres: float) -> dict[str, float]:
    return {**known, name: known.get(name, 0.0) + metres} if metres > 0.0 else dict(known)


def _line(points: np.ndarray) -> shapely.LineString:
    """A line through points, each once."""
    moved = np.append(True, (np.diff(points, axis=0) != 0.0).any(axis=1))
    return shapely.LineString(points[moved] if moved.sum() > 1 else points[[0, 0]])


def _entries(network: Network, sites: Mapping[str, BaseGeometry]) -> dict[str, list[_Entry]]:
    """Legs from the edge of each site to the corridors in reach, nearest first."""
    routes = network.routes.geometry.to_numpy()
    found: dict[str, list[_Entry]] = {site_id: [] for site_id in sites}
    if not len(routes) or not sites:
        return found
    areas = np.array(list(sites.values()), dtype=object)
    tree, reach_m = shapely.STRtree(routes), routing_figures()["reach"]["access_max_m"]
    site, row = tree.query(areas, predicate="dwithin", distance=reach_m)
    site, row, legs = _legs(areas, routes, site, row)
    metres = shapely.length(legs)
    order = np.lexsort((row, metres, site))
    site, row, legs = site[order], row[order], legs[order]
    first = np.append(True, site[1:] != site[:-1])
    kept = np.flatnonzero(first | ~_crosses(tree, legs, row))
    ids = list(sites)
    most = routing_figures()["reach"]["entries"]
    for at in kept:
        entries = found[ids[site[at]]]
        if len(entries) < most:
            entries.append(_Entry(f"{ids[site[at]]}|entry {len(entries)}", legs[at]))
    return found


def _legs(
    areas: np.ndarray, routes: np.ndarray, site: np.ndarray, row: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Site, route and leg per entry: where a corridor crosses the edge, else from nearest point and corners.

    Along a street a site may be entered at either end of its front, whichever suits the way.
    """
    crossing = shapely.intersection(shapely.boundary(areas[site]), routes[row])
    xy, pair = shapely.get_coordinates(crossing, return_index=True)
    at_edge = np.array([shapely.LineString([point, point]) for point in xy], dtype=object)
    apart = np.setdiff1d(np.arange(len(site)), pair)
    straight = shapely.shortest_line(areas[site[apart]], routes[row[apart]])
    corners, of_site = _corners(areas)
    chosen, which = _pairs(of_site, site[apart])
    cornered = shapely.shortest_line(corners[chosen], routes[row[apart[which]]])
    which = np.concatenate([pair, apart, apart[which]]).astype(np.int64)
    return site[which], row[which], np.concatenate([at_edge, straight, cornered])


def _corners(areas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points of the edges nearest to the corners of the rectangles around areas, and the area of each."""
    wide = np.flatnonzero(shapely.area(areas) > 0.0)
    xy, of_wide = shapely.get_coordinates(shapely.oriented_envelope(areas[wide]), return_index=True)
    of_area = wide[of_wide]
    return shapely.get_point(shapely.shortest_line(areas[of_area], shapely.points(xy)), 0), of_area


def _pairs(of_site: np.ndarray, site: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of a corner and a row that are of one site: position of the corner, position of the row."""
    starts, ends = np.searchsorted(of_site, site), np.searchsorted(of_site, site, side="right")
    which = np.repeat(np.arange(len(site)), ends - starts)
    first = np.repeat(np.cumsum(ends - starts) - (ends - starts), ends - starts)
    return np.arange(len(which)) - first + starts[which], which


def _crosses(tree: shapely.STRtree, legs: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Flag per leg: it meets another corridor than its own on its way."""
    leg, met = tree.query(legs, predicate="intersects")
    flags = np.zeros(len(legs), dtype=bool)
    flags[leg[met != row[leg]]] = True
    return flags
