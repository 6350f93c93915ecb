"""What has to be built to supply a site from one point: changes of the network, and the bill.

    kind        built                                          the site draws at
    lv_feeder   cable                                          its new bus at the edge of the site
    lv_busbar   cable                                          the same
    mv_tap      cable (from a bus, or a joint in a line)       low-voltage busbar of the new station
                + station
    mv_loop     two cables in one trench from the cut line     the same
                + station
    mv_busbar   bay in the substation + cable + station        the same

A site that takes medium voltage has a station of its own: it draws at the end of the cable. One that stands
at its supply point needs no cable.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd
import shapely

from capacity.assumptions import Assumptions
from capacity.connection.built_rows import BuiltRows
from capacity.connection.charging import ChargingRule, customer_share, read_charging
from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.line_split import cut_line
from capacity.connection.option import SupplyKind, SupplyOption, WorkLine
from capacity.connection.site import Site
from capacity.connection.sizing import (
    Cable,
    Room,
    Units,
    cable_item,
    choose_cables,
    choose_units,
    tap_of,
    usual_tap_percent,
)
from capacity.connection.supply_room import supply_room
from capacity.costs import Cost
from capacity.costs.items import CABLES
from gis.changes import NetworkChanges
from gis.routing import Route
from gis.voltage import LV_MAX_KV

_STATION, _TRANSFORMER, _SWITCH, _BAY = "mv_lv_station", "mv_lv_transformer", "switch", "mv_feeder_bay"
_ITEMS: dict[SupplyKind, tuple[str, ...]] = {
    "lv_feeder": ("lv_cable",),
    "lv_busbar": ("lv_cable",),
    "mv_tap": ("mv_cable", _STATION, _TRANSFORMER, _SWITCH),
    "mv_loop": ("mv_cable", _STATION, _TRANSFORMER),
    "mv_busbar": ("mv_cable", _STATION, _TRANSFORMER, _BAY),
}


@dataclass(frozen=True)
class SupplyPoint:
    """Where a site may be supplied from.

    Attributes
    ----------
    bus_id, bus
        The bus, and its row; of a line that is cut the end nearer to its source.
    place
        Bus or place that the way leads to.
    line_id, at_m
        Line that is cut, and metres along it as drawn; "" for a bus.
    at_station
        It is the medium-voltage busbar of a station, which needs a further bay.
    """

    kind: SupplyKind
    bus_id: str
    bus: int
    voltage_kv: float
    place: str
    line_id: str = ""
    at_m: float = 0.0
    at_station: bool = False

    @property
    def name(self) -> str:
        """As it stands in the id of an option."""
        return f"{self.line_id}@{self.at_m:.0f}" if self.line_id else self.bus_id

    @property
    def words(self) -> str:
        """As it stands in texts."""
        if self.line_id:
            return f"line {self.line_id}, {self.at_m:,.0f} m along it"
        return {
            "lv_feeder": f"joint {self.bus_id}",
            "lv_busbar": f"the station's busbar {self.bus_id}",
            "mv_busbar": f"the substation's busbar {self.bus_id}",
        }.get(self.kind, f"point {self.bus_id}")


def lacking_items(grid: ConnectionGrid, kind: SupplyKind) -> tuple[str, ...]:
    """Items a kind is built of that the cost table does not price."""
    return grid.assumptions.cost.prices.lacks(_ITEMS[kind])


def supply_works(
    grid: ConnectionGrid, site: Site, point: SupplyPoint, route: Route, *, wish: str = "any"
) -> list[SupplyOption]:
    """The works of one supply point, in each size worth comparing.

    Parameters
    ----------
    route
        From the supply point to the edge of the site.
    wish
        Voltage the applicant wants: "any", "low", "medium".
    """
    room = _room_at(grid, site, point)
    if point.voltage_kv <= LV_MAX_KV:
        return [_option(grid, site, point, route, cable, None) for cable in _cables(grid, point, route, room)]
    units = None if wish == "medium" else _units(grid, site, point, room)
    if units is None and wish == "low":
        return [_too_large(grid, site, point, route)]
    return [_option(grid, site, point, route, cable, units) for cable in _cables(grid, point, route, room)]


def _room_at(grid: ConnectionGrid, site: Site, point: SupplyPoint) -> Room:
    """Voltage that the grid leaves at a supply point with the site drawing there, as far as can be seen."""
    known, bus = supply_room(grid), point.bus
    drop = known.drop_pu(np.array([bus]), site.kva)[:, 0]
    vm_pu = known.vm_pu[:, bus]
    return Room(
        kva=known.powers(site.kva),
        vm_pu=vm_pu - drop,
        low_pu=vm_pu - known.below_pu[:, bus],
        high_pu=vm_pu + known.above_pu[:, bus],
        change_pu=float(known.change_pu[bus]),
        most_kva=site.most_kva,
    )


def _units(grid: ConnectionGrid, site: Site, point: SupplyPoint, room: Room) -> Units | None:
    """Transformers for a site: in the band of low voltage, or of a station where there is one."""
    limits, count = grid.yardstick.limits, len(room.kva)
    vm_pu = room.vm_pu / (1.0 + usual_tap_percent(grid, point.voltage_kv) / 100.0)
    if limits.station is not None:
        low, high = room.vm_pu + limits.station.min_pu, room.vm_pu + limits.station.max_pu
    else:
        low, high = (np.full(count, bound) for bound in _lv_band(grid))
    return choose_units(grid, point.voltage_kv, Room(room.kva, vm_pu, low, high, np.inf, site.most_kva))


@lru_cache(maxsize=8)
def _lv_band(grid: ConnectionGrid) -> tuple[float, float]:
    """Voltages allowed at a new busbar of low voltage; unlimited where they count from that busbar."""
    band = grid.yardstick.limits.bands_of(pd.Series([_lv_kv(grid)])).iloc[0]
    if band["from_busbar"] or pd.isna(band["min_pu"]):
        return -np.inf, np.inf
    return float(band["min_pu"]), float(band["max_pu"])


def _cables(grid: ConnectionGrid, point: SupplyPoint, route: Route, room: Room) -> tuple[Cable | None, ...]:
    """Cables to compare; none, as one, where the site stands at the point or no cable carries it."""
    if not route.length_m:
        return (None,)
    least_a = _rating_a(grid, point.line_id) if point.kind == "mv_loop" else 0.0
    return choose_cables(grid, point.voltage_kv, route.length_m, room, least_a=least_a) or (None,)


def _rating_a(grid: ConnectionGrid, line_id: str) -> float:
    """Rated current of a line, all its systems [A]: what is looped into it must not be weaker."""
    row = grid.network.lines.index.get_loc(line_id)
    return float(grid.ratings_kva["lines"][row] / np.sqrt(3.0) / grid.network.lines["vn_kv"].iloc[row])


def _option(
    grid: ConnectionGrid,
    site: Site,
    point: SupplyPoint,
    route: Route,
    cable: Cable | None,
    units: Units | None,
) -> SupplyOption:
    """One option, built and costed."""
    option_id = "|".join(
        [point.kind, point.name, _cable_words(cable), *([_units_words(units)] if units else [])]
    )
    prefix = f"{site.site_id}|{option_id}"
    problem = "" if cable or not route.length_m else (
        f"no cable of the catalogue carries {site.most_kva:,.0f} kVA at {point.voltage_kv:g} kV"
    )  # fmt: skip
    if problem:
        return _unbuilt(option_id, point, route, problem)
    built, end = _way(grid, point, route, cable, prefix)
    site_bus = _add_station(built, grid, point, route, units, prefix, end) if units else end
    return SupplyOption(
        option_id=option_id,
        kind=point.kind,
        bus_id=point.bus_id,
        voltage_kv=point.voltage_kv,
        site_bus_id=site_bus,
        changes=built.changes(),
        route=route,
        lines=_bill(grid, site, point, route, cable, units),
        text=_text(point, route, cable, units),
    )


def _too_large(grid: ConnectionGrid, site: Site, point: SupplyPoint, route: Route) -> SupplyOption:
    most = grid.assumptions.sizing.transformers_max
    problem = f"no {most} transformers of one station carry {site.most_kva:,.0f} kVA at low voltage"
    return _unbuilt(f"{point.kind}|{point.name}|no station", point, route, problem)


def _unbuilt(option_id: str, point: SupplyPoint, route: Route, problem: str) -> SupplyOption:
    """An option that cannot be built: nothing changes, nothing is costed, and why."""
    return SupplyOption(
        option_id, point.kind, point.bus_id, point.voltage_kv, point.bus_id, NetworkChanges(), route, (),
        f"nothing can be built from {point.words}", problem,
    )  # fmt: skip


def _way(
    grid: ConnectionGrid, point: SupplyPoint, route: Route, cable: Cable | None, prefix: str
) -> tuple[BuiltRows, str]:
    """The line cut, if one is, and the cables to the site; the bus they end at."""
    both = point.kind == "mv_loop" and cable is not None
    joints = (f"{prefix}|joint a", f"{prefix}|joint b") if both else (f"{prefix}|joint", f"{prefix}|joint")
    built = BuiltRows()
    starts: tuple[str, ...] = (point.bus_id,)
    if point.line_id:
        built = cut_line(grid.network, point.line_id, point.at_m, joints=joints, prefix=prefix)
        starts = tuple(dict.fromkeys(joints))
    if cable is None:
        return built, starts[0]
    end = f"{prefix}|{'site' if point.voltage_kv <= LV_MAX_KV else 'station'}"
    built.lines += [
        {
            "line_id": f"{prefix}|cable{letter}", "from_bus_id": start, "to_bus_id": end,
            "vn_kv": point.voltage_kv, "type_id": cable.type_id, "length_m": route.length_m,
            "parallel": cable.count, "in_service": True, "geometry": route.geometry,
        }
        for start, letter in zip(starts, (" a", " b") if both else ("",), strict=True)
    ]  # fmt: skip
    built.buses.append({"bus_id": end, "vn_kv": point.voltage_kv, "kind": "node", "geometry": _end_of(route)})
    return built, end


def _add_station(
    built: BuiltRows,
    grid: ConnectionGrid,
    point: SupplyPoint,
    route: Route,
    units: Units,
    prefix: str,
    end: str,
) -> str:
    """Add the station at the end of the cable; the busbar where the site draws."""
    busbar, place = f"{prefix}|site", _end_of(route)
    built.buses.append({"bus_id": busbar, "vn_kv": _lv_kv(grid), "kind": "busbar", "geometry": place})
    transformer: dict[str, object] = {
        "transformer_id": f"{prefix}|transformer", "hv_bus_id": end, "lv_bus_id": busbar,
        "type_id": units.type_id, "parallel": units.count, "in_service": True, "geometry": place,
    }  # fmt: skip
    if units.vn_hv_kv != point.voltage_kv:
        transformer["vn_hv_kv"] = point.voltage_kv
    position = tap_of(grid, point.voltage_kv, units.type_id)
    if position is not None:
        transformer["tap_pos"] = position
    built.transformers.append(transformer)
    return busbar


def _end_of(route: Route) -> shapely.Point:
    return shapely.get_point(route.geometry, -1)


@lru_cache(maxsize=8)
def _lv_kv(grid: ConnectionGrid) -> float:
    """Low voltage of the network that most buses have; of the catalogue's stations where there is none."""
    vn_kv = grid.network.buses["vn_kv"]
    low = vn_kv[vn_kv <= LV_MAX_KV]
    types = grid.catalogue.transformers["vn_lv_kv"]
    return float((low if len(low) else types[types <= LV_MAX_KV]).mode().iloc[0])


def _bill(
    grid: ConnectionGrid,
    site: Site,
    point: SupplyPoint,
    route: Route,
    cable: Cable | None,
    units: Units | None,
) -> tuple[WorkLine, ...]:
    """Lines of the bill: all of it is for the site alone."""
    lines = [_cable_line(grid.assumptions, point, route, cable)] if cable else []
    if units:
        text = f"set up {_station_words(units)}"
        lines += [
            _unit_line(grid.assumptions, _STATION, units.count, f"{text}: building, switchgear and board"),
            _unit_line(grid.assumptions, _TRANSFORMER, units.count, f"{text}: transformer", units.type_id),
        ]
    if point.kind == "mv_tap" and point.at_station:
        lines.append(_unit_line(grid.assumptions, _SWITCH, 1, f"a further bay at {point.words}"))
    if point.kind == "mv_busbar":
        lines.append(_unit_line(grid.assumptions, _BAY, 1, f"a feeder bay at {point.words}"))
    rule = _rule(grid)
    return tuple(
        replace(line, customer_share=customer_share(rule, line, demand_kw=site.demand_kw)) for line in lines
    )


@lru_cache(maxsize=4)
def _rule(grid: ConnectionGrid) -> ChargingRule:
    """The rule of the grid's assumptions."""
    return read_charging(grid.assumptions.charging.rule)


def _cable_line(assumptions: Assumptions, point: SupplyPoint, route: Route, cable: Cable) -> WorkLine:
    prices, item = assumptions.cost.prices, cable_item(point.voltage_kv)
    count = cable.count * (2 if point.kind == "mv_loop" else 1)
    km = route.length_m / 1000.0
    if prices.has(CABLES[item], cable.type_id):
        cost = prices.cable_cost(item, route.length_m, route.weighted_m, count=count, type_id=cable.type_id)
    else:  # the trench cannot be told apart
        cost = prices.cost(item, km * count, cable.type_id)
    laid = f"lay {route.length_m:,.0f} m of {_beside(count)}{cable.type_id} from {point.words}"
    text = laid + _surface_words(route)
    months = prices.months(item, cable.type_id)
    return WorkLine(item, text, km, "km", "sole_use", cost, months, cable.type_id)


def _unit_line(assumptions: Assumptions, item: str, count: int, text: str, type_id: str = "") -> WorkLine:
    prices = assumptions.cost.prices
    cost: Cost = prices.cost(item, float(count), type_id)
    return WorkLine(item, text, float(count), "unit", "sole_use", cost, prices.months(item, type_id), type_id)


def _text(point: SupplyPoint, route: Route, cable: Cable | None, units: Units | None) -> str:
    """What is built, in words."""
    level = "low" if point.voltage_kv <= LV_MAX_KV else "medium"
    count = cable.count * (2 if point.kind == "mv_loop" else 1) if cable else 0
    size = f"{_beside(count)}{cable.type_id}" if cable else ""
    laid = (
        f"{route.length_m:,.0f} m of {level}-voltage cable ({size}) from {point.words}"
        if cable
        else _no_cable_words(point, units)
    )
    note = f" ({route.note})" if cable and route.note else ""
    station = f"{_station_words(units)} and " if units else ""
    own = "" if units or level == "low" else ", for a station of the applicant's own"
    return f"{station}{laid}{note}{own}"


def _no_cable_words(point: SupplyPoint, units: Units | None) -> str:
    """Why no cable is built; no item of the cost tables is a service connection, and that is said."""
    if units:
        return f"no new cable, at {point.words}"
    stands = f"the site stands at {point.words}"
    return f"no new cable ({stands}, and the service connection itself is not priced)"


def _surface_words(route: Route) -> str:
    """What the trench counts where its surface is not the ordinary one, and how the way was found."""
    by_surface = ", ".join(f"{name} {metres:,.0f} m" for name, metres in route.surfaces.items())
    counted = (
        f"; the trench counts {route.weighted_m:,.0f} m by its surface ({by_surface})"
        if round(route.weighted_m) != round(route.length_m)
        else ""
    )
    return counted + (f"; {route.note}" if route.note else "")


def _station_words(units: Units) -> str:
    if units.count == 1:
        return f"a new station with one {units.sn_kva:,.0f} kVA transformer"
    return f"{units.count} new stations side by side with a {units.sn_kva:,.0f} kVA transformer each"


def _cable_words(cable: Cable | None) -> str:
    return f"{_beside(cable.count)}{cable.type_id}" if cable else "no cable"


def _units_words(units: Units) -> str:
    return f"{_beside(units.count)}{units.type_id}"


def _beside(count: int) -> str:
    return "" if count == 1 else f"{count} x "
