"""Supply points in reach of a site, and the works each of them needs, sized from the catalogue and costed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from capacity.assumptions import Assumptions
from capacity.costs import Cost
from gis import Network
from gis.feeders import Supply
from gis.voltage import LV_MAX_KV, MV_MAX_KV, same_voltage
from gridmodel import Catalogue

SupplyKind = Literal["lv_feeder", "lv_busbar", "mv_feeder"]

# Supply points looked at per kind: enough to get past one full feeder or station.
PER_KIND = {"lv_feeder": 5, "lv_busbar": 3, "mv_feeder": 3}
# Longest straight line [m] at which a site counts as standing at its supply point already.
AT_THE_POINT_M = 1.0
# Highest voltage for equipment against nominal: 12/11, 24/22, 36/33 kV (IEC 60038 table 3).
EQUIPMENT_FACTOR = 1.09


@dataclass(frozen=True)
class Candidate:
    """One supply point: an existing bus, and the straight line from the site to it."""

    kind: SupplyKind
    bus_id: str
    voltage_kv: float
    distance_m: float
    line: shapely.LineString


@dataclass(frozen=True)
class Works:
    """What has to be built for one option; `problem` says why it cannot be built, if so."""

    text: str
    route_m: float
    cost_low_eur: float
    cost_eur: float
    cost_high_eur: float
    months: int
    problem: str = ""


def find_candidates(
    network: Network, supply: Supply, place: BaseGeometry, *, demand_kw: float, assumptions: Assumptions
) -> list[Candidate]:
    """Nearest supplied buses of every kind that carry a demand of this size, nearest first per kind."""
    buses = network.buses[supply.buses["station_id"].notna()]
    low = buses["vn_kv"] <= LV_MAX_KV
    busbar = buses.index.isin(network.transformers["lv_bus_id"])
    levels, reach = assumptions.supply, assumptions.route
    medium = (buses["vn_kv"] > LV_MAX_KV) & (buses["vn_kv"] <= MV_MAX_KV)
    kinds: tuple[tuple[SupplyKind, pd.Series, float, float], ...] = (
        ("lv_feeder", low & ~busbar & (buses["kind"] != "service"), levels.lv_feeder_max_kw, reach.max_lv_m),
        ("lv_busbar", low & busbar, levels.lv_busbar_max_kw, reach.max_lv_m),
        ("mv_feeder", medium, levels.mv_feeder_max_kw, reach.max_mv_m),
    )
    found: list[Candidate] = []
    for kind, rows, most_kw, reach_m in kinds:
        if demand_kw <= most_kw:
            found += _nearest(buses[rows], place, kind, reach_m / reach.detour_factor)
    return found


def size_works(
    candidate: Candidate,
    demand_kw: float,
    vm_pu: float,
    catalogue: Catalogue,
    assumptions: Assumptions,
    *,
    allowed_drop_percent: float,
) -> Works:
    """Size and cost the works of one option.

    Parameters
    ----------
    vm_pu
        Voltage at the supply point with the demand drawn there [pu].
    allowed_drop_percent
        Largest voltage drop over the new cable [% of nominal].
    """
    route_m = candidate.distance_m * assumptions.route.detour_factor
    route_m = 0.0 if candidate.distance_m <= AT_THE_POINT_M else route_m
    cos_phi = assumptions.power_factor.cos_phi
    cable = _choose_cable(
        candidate.voltage_kv, route_m, demand_kw, vm_pu, cos_phi, allowed_drop_percent, catalogue
    )
    station, stations = "", 0
    if candidate.kind == "mv_feeder":
        station, stations = _choose_station(candidate.voltage_kv, demand_kw / cos_phi, catalogue)
    problem = "" if cable else (
        f"no cable of the catalogue carries {demand_kw:,.0f} kW over {route_m:,.0f} m "
        f"with at most {max(allowed_drop_percent, 0.0):.2g} % voltage drop"
    )  # fmt: skip
    cost = _cost(candidate, route_m, stations, assumptions)
    months = getattr(assumptions.months, candidate.kind)
    return Works(
        text=_text(candidate, route_m, cable or "a cable", station),
        route_m=route_m,
        cost_low_eur=cost.low_eur,
        cost_eur=cost.eur,
        cost_high_eur=cost.high_eur,
        months=months,
        problem=problem,
    )


def voltage_drop_percent(
    p_kw: float,
    cos_phi: float,
    length_m: float,
    vn_kv: float,
    vm_pu: float,
    r_ohm_per_km: float,
    x_ohm_per_km: float,
) -> float:
    """Voltage drop over a cable that carries one load at its end [% of nominal].

    Longitudinal part (P R + Q X) / (V Vn), V the voltage at the sending end; the transversal part is
    left out, which is under 0.1 % in cables of a site connection.

    References
    ----------
    IEC 60909-0 impedances; DIN VDE 0100-520 annex G.

    Examples
    --------
    >>> round(voltage_drop_percent(50.0, 1.0, 100.0, 0.4, 1.0, 0.208, 0.08), 3)
    0.65
    """
    q_kvar = p_kw * math.tan(math.acos(cos_phi))
    ohm_kva = (p_kw * r_ohm_per_km + q_kvar * x_ohm_per_km) * length_m / 1000.0
    return ohm_kva / (vn_kv**2 * vm_pu * 1000.0) * 100.0


def describe_limit(limit: pd.Series) -> str:
    """Say in words which limit stands against an option."""
    name, value, bound = limit["element_id"], limit["value"], limit["limit"]
    if limit["check"] == "no_solution":
        return "the network could not carry it at all: the load flow has no solution"
    before = "is over its limit already and would be at" if limit.get("already", False) else "would be at"
    if limit["check"] in ("undervoltage", "overvoltage"):
        side = "minimum" if limit["check"] == "undervoltage" else "maximum"
        return f"the voltage at {name} {before} {value:.3f} pu ({side} {bound:.3f} pu)"
    noun = "line" if limit["table"] == "lines" else "transformer"
    return f"{noun} {name} {before} {value:.0f} % of its rating ({bound:.0f} % allowed)"


def _nearest(buses: pd.DataFrame, place: BaseGeometry, kind: SupplyKind, reach_m: float) -> list[Candidate]:
    """Nearest buses of one kind, distance to the site's edge; ties go to the lowest id."""
    if buses.empty:
        return []
    points = np.asarray(buses.geometry.array)
    distances_m = shapely.distance(points, place)
    order = np.lexsort((buses.index.to_numpy().astype(str), distances_m))[: PER_KIND[kind]]
    return [
        Candidate(
            kind=kind,
            bus_id=str(buses.index[row]),
            voltage_kv=float(buses["vn_kv"].iloc[row]),
            distance_m=float(distances_m[row]),
            line=shapely.shortest_line(place, points[row]),
        )
        for row in order
        if distances_m[row] <= reach_m
    ]


def _choose_cable(
    vn_kv: float,
    route_m: float,
    p_kw: float,
    vm_pu: float,
    cos_phi: float,
    allowed_percent: float,
    catalogue: Catalogue,
) -> str:
    """Smallest cable of the voltage level that carries the current and holds the voltage; "" if none."""
    types = catalogue.lines
    lowest, highest = (0.0, LV_MAX_KV) if vn_kv <= LV_MAX_KV else (EQUIPMENT_FACTOR * vn_kv, MV_MAX_KV)
    fitting = types[(types["kind"] == "cable") & types["vn_max_kv"].between(lowest, highest)]
    cables = fitting[fitting["vn_max_kv"] == fitting["vn_max_kv"].min()].sort_values(
        ["i_max_a", "r_ohm_per_km"]
    )
    current_a = p_kw / cos_phi / (math.sqrt(3.0) * vn_kv * vm_pu)
    for cable in cables[cables["i_max_a"] >= current_a].itertuples():
        drop = voltage_drop_percent(
            p_kw, cos_phi, route_m, vn_kv, vm_pu, cable.r_ohm_per_km, cable.x_ohm_per_km
        )
        if drop <= allowed_percent:
            return str(cable.Index)
    return ""


def _choose_station(vn_kv: float, s_kva: float, catalogue: Catalogue) -> tuple[str, int]:
    """New stations in words, and their number: one of the smallest size that does, or some largest ones."""
    types = catalogue.transformers
    fitting = types[same_voltage(types["vn_hv_kv"], vn_kv) & (types["vn_lv_kv"] <= LV_MAX_KV)]
    if fitting.empty:
        return f"a station for {s_kva:,.0f} kVA", 1
    enough = fitting[fitting["sn_kva"] >= s_kva]
    if len(enough):
        return f"a new station with one {enough['sn_kva'].min():g} kVA transformer", 1
    largest = fitting["sn_kva"].max()
    count = math.ceil(s_kva / largest)
    return f"new stations with {count} transformers of {largest:g} kVA", count


def _cost(candidate: Candidate, route_m: float, stations: int, assumptions: Assumptions) -> Cost:
    """Cost of the cable, and of the transformers of new stations; what is paid each year is left out."""
    prices, route_km = assumptions.cost.prices, route_m / 1000.0
    if candidate.voltage_kv <= LV_MAX_KV:
        return prices.cost("lv_cable", route_km)
    return prices.cost("mv_lv_transformer", stations) + prices.cost("mv_cable", route_km)


def _text(candidate: Candidate, route_m: float, cable: str, station: str) -> str:
    level = "low" if candidate.voltage_kv <= LV_MAX_KV else "medium"
    laid = f"{route_m:,.0f} m of {level}-voltage cable ({cable})" if route_m else "no new cable"
    return f"{station} and {laid}" if station else laid
