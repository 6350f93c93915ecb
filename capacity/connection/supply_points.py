"""Supply points in reach of a site on every voltage level, and the options they make.

Of each kind the nearest points by the cost of the way there, and the nearest ones that seem to have room
(`supply_room`): the first are what an applicant expects, the others what a full feeder or station leaves.
Whether one fits says the load flow (`judging`), not this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.option import SupplyKind, SupplyOption
from capacity.connection.point_table import PointTable, Taps, point_table
from capacity.connection.site import Site
from capacity.connection.sizing import thickest_z
from capacity.connection.supply_room import supply_room
from capacity.connection.supply_works import SupplyPoint, lacking_items, supply_works
from gis.site_ways import AT_THE_POINT_M, SiteReach, SiteRouter

NOT_OFFERED_COLUMNS = ("kind", "bus_id", "reason")
KINDS: tuple[SupplyKind, ...] = ("lv_feeder", "lv_busbar", "mv_tap", "mv_loop", "mv_busbar")
_LOW: tuple[SupplyKind, ...] = ("lv_feeder", "lv_busbar")


@dataclass(frozen=True, eq=False)
class SiteOptions:
    """All reasonable ways to supply one site.

    Attributes
    ----------
    options
        Kind by kind, the nearest first.
    not_offered
        Columns `NOT_OFFERED_COLUMNS`: kinds (bus_id "") and points that are no option, and why.
    """

    options: tuple[SupplyOption, ...]
    not_offered: pd.DataFrame


def supply_options(grid: ConnectionGrid, sites: Sequence[Site]) -> list[SiteOptions]:
    """Find the ways to supply each of some sites, routed, sized and costed.

    Sites are looked at one by one: none knows of the others. Two of one id have options of one id.

    Returns
    -------
    list of SiteOptions
        In the order of the sites.
    """
    points = point_table(grid)
    names = [f"site {number}" for number in range(len(sites))]
    places = {name: site.development.place for name, site in zip(names, sites, strict=True)}
    taps = points.taps_near(list(places.values()))
    router = SiteRouter(grid.network, places, taps.places, detour_factor=grid.assumptions.route.detour_factor)
    return [
        _options_of(_Search(grid, site, points, taps, near, router.reach(name)))
        for name, site, near in zip(names, sites, taps.near, strict=True)
    ]


@dataclass(frozen=True, eq=False)
class _Search:
    """All that is known when the options of one site are looked for."""

    grid: ConnectionGrid
    site: Site
    points: PointTable
    taps: Taps
    near: np.ndarray
    reach: SiteReach

    @property
    def power_kw(self) -> float:
        """What the voltage level goes by [kW]: demand, or what it feeds in if that is more."""
        return max(self.site.demand_kw, -float(self.site.kva.real.min(initial=0.0)))

    def metres_to(self, point: SupplyPoint) -> float:
        """Weighted metres of the way to a supply point."""
        return float(self.reach.weighted_m[self.reach.row_of(point.place)])

    @property
    def wish(self) -> str:
        return self.site.development.voltage


@dataclass
class _Found:
    """What is gathered while a site is looked at."""

    options: list[SupplyOption]
    refused: list[tuple[str, str, str]]


def _options_of(search: _Search) -> SiteOptions:
    found = _Found([], [])
    for kind in KINDS:
        reason = _ruled_out(search, kind)
        if reason:
            found.refused.append((kind, "", reason))
            continue
        _add_kind(search, kind, found)
    refused = pd.DataFrame(found.refused, columns=list(NOT_OFFERED_COLUMNS))
    return SiteOptions(tuple(found.options), refused)


def _ruled_out(search: _Search, kind: SupplyKind) -> str:
    """Why a kind is not looked for at all; "" where it is."""
    most_kw = _most_kw(search.grid, kind)
    if search.wish == "medium" and kind in _LOW:
        return "the applicant wishes a supply at medium voltage"
    if search.power_kw > most_kw:
        return f"{search.power_kw:,.0f} kW is more than this kind is used for ({most_kw:,.0f} kW)"
    lacking = lacking_items(search.grid, kind)
    if lacking:
        return f"the cost table {search.grid.assumptions.cost.table} has no price of {', '.join(lacking)}"
    return ""


def _most_kw(grid: ConnectionGrid, kind: SupplyKind) -> float:
    levels = grid.assumptions.supply
    return {
        "lv_feeder": levels.lv_feeder_max_kw,
        "lv_busbar": levels.lv_busbar_max_kw,
        "mv_tap": levels.mv_feeder_max_kw,
        "mv_loop": levels.mv_feeder_max_kw,
        "mv_busbar": levels.mv_busbar_max_kw,
    }[kind]


def _reach_m(grid: ConnectionGrid, kind: SupplyKind) -> float:
    reach = grid.assumptions.route
    if kind in _LOW:
        return reach.max_lv_m
    return reach.max_mv_feeder_m if kind == "mv_busbar" else reach.max_mv_m


def _add_kind(search: _Search, kind: SupplyKind, found: _Found) -> None:
    """Options of one kind, or why there are none."""
    before, reach_m = len(found.options), _reach_m(search.grid, kind)
    refused = len(found.refused)
    for point in _points(search, kind, found):
        route = search.reach.way(point.place)
        if not route.found or route.length_m > reach_m:
            said = f"{route.length_m:,.0f} m of cable, over {reach_m:,.0f} m" if route.found else route.note
            found.refused.append((kind, point.bus_id, said))
            continue
        found.options += supply_works(search.grid, search.site, point, route, wish=search.wish)
    if len(found.options) == before and len(found.refused) == refused:
        found.refused.append((kind, "", f"no supplied point of this kind within {reach_m:,.0f} m"))


def _points(search: _Search, kind: SupplyKind, found: _Found) -> list[SupplyPoint]:
    """Supply points of a kind: the nearest ones, then the nearest of the others that seem to have room."""
    figures = search.grid.assumptions.search
    points = _bus_points(search, kind) if kind != "mv_loop" else []
    if kind in ("mv_tap", "mv_loop"):
        points += _line_points(search, kind, found)
    order = sorted(points, key=lambda one: (search.metres_to(one), one.name))
    nearest, rest = order[: figures.nearest], order[figures.nearest :]
    free = _seems_free(search, rest)
    likely = [one for one, is_free in zip(rest, free, strict=True) if is_free][: figures.likely]
    if len(rest) > len(likely):
        left_out = f"{len(rest) - len(likely)} farther points are not looked at"
        full = int(len(rest) - free.sum())
        found.refused.append((kind, "", left_out + (f"; {full} of them seem to be full" if full else "")))
    return nearest + likely


def _seems_free(search: _Search, points: list[SupplyPoint]) -> np.ndarray:
    """Flag per point: it seems to have room, at the end of the thickest cable."""
    grid = search.grid
    buses = np.array([one.bus for one in points], dtype=np.int64)
    metres = np.array([search.metres_to(one) for one in points])
    per_m = {kv: thickest_z(grid, kv) for kv in {one.voltage_kv for one in points}}
    z = np.array([per_m[one.voltage_kv] for one in points], dtype=complex)
    return supply_room(grid).seems_free(buses, search.site.kva, z * metres)


def _bus_points(search: _Search, kind: SupplyKind) -> list[SupplyPoint]:
    """Buses of a kind in reach; house connections where the site stands at one."""
    rows, reach = search.points.buses[kind], search.reach
    if kind == "lv_feeder":
        service = search.points.service
        rows = np.concatenate([rows, service[reach.distance_m[service] <= AT_THE_POINT_M]])
    rows = rows[reach.distance_m[rows] <= _reach_m(search.grid, kind)]
    rows = rows[np.isfinite(reach.weighted_m[rows])]
    buses, at_station = search.grid.network.buses, search.points.at_station
    ids, vn_kv = buses.index.to_numpy()[rows].tolist(), buses["vn_kv"].to_numpy()[rows].tolist()
    return [
        SupplyPoint(kind, bus_id, row, kv, bus_id, at_station=bool(at_station[row]))
        for bus_id, row, kv in zip(ids, rows.tolist(), vn_kv, strict=True)
    ]


def _line_points(search: _Search, kind: SupplyKind, found: _Found) -> list[SupplyPoint]:
    """The best place of each line near the site that is worth cutting."""
    taps, network = search.taps, search.grid.network
    own = np.flatnonzero(np.isin(taps.line, search.near))
    metres = search.reach.weighted_m[len(network.buses) :]
    order = own[np.lexsort((own, metres[own]))]
    best = order[np.sort(np.unique(taps.line[order], return_index=True)[1])]
    best = best[np.isfinite(metres[best])]
    return [_line_point(search, kind, int(tap)) for tap in best if _worth(search, kind, int(tap), found)]


def _line_point(search: _Search, kind: SupplyKind, tap: int) -> SupplyPoint:
    network, row = search.grid.network, int(search.taps.line[tap])
    bus = int(search.points.fed_from[row])
    return SupplyPoint(
        kind=kind,
        bus_id=str(network.buses.index[bus]),
        bus=bus,
        voltage_kv=float(network.buses["vn_kv"].iloc[bus]),
        place=search.taps.names[tap],
        line_id=str(network.lines.index[row]),
        at_m=float(search.taps.at_m[tap]),
    )


def _worth(search: _Search, kind: SupplyKind, tap: int, found: _Found) -> bool:
    """Tell whether a line is worth cutting there: for a spur not if one of its ends is as near.

    Nor where the site stands on a line of a ring: without a cable a spur and a loop are the same.
    """
    row, metres = int(search.taps.line[tap]), search.reach.weighted_m
    lines, buses = search.grid.network.lines, search.grid.network.buses
    ringed = bool(search.points.ringed[row])
    if kind == "mv_loop":
        if not ringed:
            reason = f"line {lines.index[row]} is no part of a ring: a loop would give no second supply"
            found.refused.append((kind, str(buses.index[search.points.fed_from[row]]), reason))
        return ringed
    if ringed and not metres[len(buses) + tap]:
        return False
    return bool(metres[len(buses) + tap] < metres[search.points.ends[row]].min())
