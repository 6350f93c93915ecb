"""Supply points in reach of a site on every voltage level, and the options they make.

Of each kind the nearest points by the cost of the way there, and the nearest ones that seem to have room
(`supply_room`): the first are what an applicant expects, the others what a full feeder or station leaves.
Whether one fits says the load flow (`judging`), not this module.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.option import SupplyKind, SupplyOption
from capacity.connection.point_table import PointTable, Taps, point_table
from capacity.connection.site import Site
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

    @property
    def wish(self) -> str:
        return str(getattr(self.site.development, "voltage", "any"))


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


def _points(search: _Search, kind: SupplyKind, found: _Found) -> Iterator[SupplyPoint]:
    """Supply points of a kind, nearest first."""
    if kind != "mv_loop":
        yield from _bus_points(search, kind)
    if kind in ("mv_tap", "mv_loop"):
        yield from _line_points(search, kind, found)


def _bus_points(search: _Search, kind: SupplyKind) -> Iterator[SupplyPoint]:
    network = search.grid.network
    rows = _in_reach(search, kind)
    room = supply_room(search.grid)
    for row in _chosen(search, rows, search.reach.weighted_m[rows], room.seems_free(rows, search.site.kva)):
        bus_id = str(network.buses.index[rows[row]])
        yield SupplyPoint(kind, bus_id, int(rows[row]), float(network.buses["vn_kv"].iloc[rows[row]]), bus_id)


def _in_reach(search: _Search, kind: SupplyKind) -> np.ndarray:
    """Rows of the buses of a kind that a cable may reach; house connections where the site stands at one."""
    rows = search.points.buses[kind]
    if kind == "lv_feeder":
        service = search.points.service
        rows = np.concatenate([rows, service[search.reach.distance_m[service] <= AT_THE_POINT_M]])
    near = search.reach.distance_m[rows] <= _reach_m(search.grid, kind)
    return rows[near & np.isfinite(search.reach.weighted_m[rows])]


def _chosen(search: _Search, rows: np.ndarray, weighted_m: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Positions of the nearest ones, and of the nearest that seem to have room; ties go to the lowest row."""
    figures = search.grid.assumptions.search
    order = np.lexsort((rows, weighted_m))
    rest = order[figures.nearest :]
    return np.concatenate([order[: figures.nearest], rest[free[rest]][: figures.likely]])


def _line_points(search: _Search, kind: SupplyKind, found: _Found) -> Iterator[SupplyPoint]:
    """The best place of each line near the site, as long as it beats the ends of the line."""
    taps, lines = search.taps, search.grid.network.lines
    own = np.flatnonzero(np.isin(taps.line, search.near))
    cost = search.reach.weighted_m[len(search.grid.network.buses) :][own]
    order = own[np.lexsort((own, cost))]
    best = order[np.sort(np.unique(taps.line[order], return_index=True)[1])]
    best = best[np.isfinite(search.reach.weighted_m[len(search.grid.network.buses) + best])]
    best = np.array([tap for tap in best if _worth(search, kind, int(tap), found)], dtype=np.int64)
    fed = search.points.fed_from[taps.line[best]]
    free = supply_room(search.grid).seems_free(fed, search.site.kva)
    metres = search.reach.weighted_m[len(search.grid.network.buses) + best]
    names = list(taps.places)
    for at in _chosen(search, best, metres, free):
        tap = int(best[at])
        bus_id = str(search.grid.network.buses.index[fed[at]])
        vn_kv = float(search.grid.network.buses["vn_kv"].iloc[fed[at]])
        line_id = str(lines.index[taps.line[tap]])
        yield SupplyPoint(kind, bus_id, int(fed[at]), vn_kv, names[tap], line_id, float(taps.at_m[tap]))


def _worth(search: _Search, kind: SupplyKind, tap: int, found: _Found) -> bool:
    """Tell whether a line is worth cutting there: for a spur not if one of its ends is as near."""
    row = int(search.taps.line[tap])
    lines, buses = search.grid.network.lines, search.grid.network.buses
    if kind == "mv_loop":
        if not search.points.ringed[row]:
            reason = f"line {lines.index[row]} is no part of a ring: a loop would give no second supply"
            found.refused.append((kind, str(buses.index[search.points.fed_from[row]]), reason))
        return bool(search.points.ringed[row])
    ends = buses.index.get_indexer(lines.iloc[row][["from_bus_id", "to_bus_id"]])
    metres = search.reach.weighted_m
    return bool(metres[len(buses) + tap] < metres[ends].min())
