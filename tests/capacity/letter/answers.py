"""An assessment made by hand on the station of `tests.capacity.grids`: the letter computes nothing itself.

M1 --K1-- M2 ==T1== B1 --L1-- A1 --L2-- A2 --new cable-- site
                     |
                     +--L3-- C1
"""

from __future__ import annotations

from functools import cache
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from capacity.assumptions import read_assumptions
from capacity.connection import Assessment
from capacity.connection.connection_grid import ConnectionGrid, grid_of
from capacity.connection.option import JudgedOption, SupplyKind, SupplyOption, WorkLine
from capacity.costs import Cost
from capacity.demand.development import Development, demand_parts
from capacity.limits import read_limits
from capacity.measures.measure import Measure
from capacity.planning.plan_cases import cases_of_scenarios
from gis.changes import NetworkChanges, cells_of
from gis.routing import Route
from gridmodel import find_scenario
from tests.capacity.grids import CRS, station

HOSTILE = "<script>alert(1)</script> ${7*7} `x` #let a = 1 \\ $x$ *b* _i_ [a](b) {name} \u202eevil 😀 العربية"
SITE_KVA = np.array([60.0 + 12.0j])


@cache
def town() -> ConnectionGrid:
    """The station with its loads in one case."""
    network = station()
    cases = cases_of_scenarios(network, [find_scenario(network, None)])
    return grid_of(network, cases, read_limits(), read_assumptions(), name="All loads")


def place_of_site() -> shapely.Polygon:
    x, y = shapely.get_coordinates(town().network.buses.geometry["A2"])[0]
    return shapely.box(x + 50, y - 20, x + 90, y + 20)


def judged(
    kind: SupplyKind = "lv_feeder",
    *,
    fits: bool = True,
    works: bool = False,
    today: bool = True,
    way_m: float = 50.0,
) -> JudgedOption:
    """A way of connection from A2; with works L1 gets a stronger cable."""
    changes, route = _cable(way_m)
    cable = WorkLine(
        "lv_cable", "lay a cable", way_m / 1e3, "km", "sole_use", Cost(2e3, 3e3, 5e3), 3, "NAYY 4x150 SE"
    )
    lines = [cable]
    if works:
        lines.append(WorkLine("replace_line", "x", 0.1, "km", "shared", Cost(4e3, 6e3, 9e3), 5, "", 0.5))
    kv = 0.4 if kind.startswith("lv") else 20.0
    option = SupplyOption(f"{kind}|A2", kind, "A2", kv, "site|x", changes, route, (cable,), "x")
    against = _blocked() if works or not fits else _blocked().iloc[:0]
    measures = (_stronger_l1(),) if works else ()
    return JudgedOption(option, against, fits, "", tuple(lines), 9, measures, today=today)


def answer(verdict: str, *ranked: JudgedOption, name: str = "Am Bach", **changes: Any) -> Assessment:
    """An assessment with these ways, best first."""
    development = Development(place_of_site(), site_id="S-17", name=name, dwellings=12, heat_pumps=4)
    demand = demand_parts(development, read_assumptions())
    known: dict[str, Any] = {
        "development": development, "verdict": verdict, "demand_kw": float(demand["p_kw"].sum()),
        "demand": demand, "ranked": tuple(ranked), "checks": _checks(), "not_offered": _not_offered(),
        "reasons": ("no network is in reach",), "binding": {}, "sentence": "",
        "options": gpd.GeoDataFrame({"fits": [one.fits for one in ranked]}, geometry=[None] * len(ranked)),
        "basis": {"scenario": "All loads", "cost_table": "dena 2012, prices of 2012", "currency": "EUR"},
    }  # fmt: skip
    return Assessment(**{**known, **changes})


def _cable(way_m: float) -> tuple[NetworkChanges, Route]:
    start = town().network.buses.geometry["A2"]
    way = shapely.LineString([start, (start.x + way_m, start.y)])
    bus = {"bus_id": ["site|x"], "vn_kv": [0.4]}
    line = {
        "line_id": ["site|cable"], "from_bus_id": ["A2"], "to_bus_id": ["site|x"], "vn_kv": [0.4],
        "type_id": ["NAYY 4x150 SE"], "length_m": [way_m],
    }  # fmt: skip
    added = {
        "buses": gpd.GeoDataFrame(bus, geometry=[shapely.Point(way.coords[-1])], crs=CRS),
        "lines": gpd.GeoDataFrame(line, geometry=[way], crs=CRS),
    }
    return NetworkChanges(added), Route("A2", "site", way, way_m, way_m, basis="straight")


def _stronger_l1() -> Measure:
    cells = cells_of(("lines", "L1", "type_id", "NAYY 4x240 SE"))
    return Measure(
        "replace_line|L1", "replace_line", "lines", "L1", NetworkChanges(cells=cells), Cost(), 5, "stronger"
    )  # fmt: skip


def _blocked() -> pd.DataFrame:
    rows = [
        ("peak", "line_overload", "lines", "L1", 118.2, 100.0, "%", 18.2, True),
        ("n_minus_1|lines L3", "undervoltage", "buses", "A2", 0.912, 0.935, "pu", 2.5, False),
    ]
    columns = [
        "case_id",
        "check",
        "table",
        "element_id",
        "value",
        "limit",
        "unit",
        "excess_percent",
        "already",
    ]
    return pd.DataFrame(rows, columns=columns)


def _checks() -> pd.DataFrame:
    rows = [
        (1, "peak", "line_overload", "lines", f"L{number}", 40.0, 90.0 - number, 100.0, "%", "site")
        for number in range(20)
    ]
    columns = [
        "rank", "case_id", "check", "table", "element_id", "today", "with_site", "limit", "unit", "caused_by",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _not_offered() -> pd.DataFrame:
    return pd.DataFrame({"kind": ["mv_busbar"], "bus_id": [""], "reason": ["no substation is in reach"]})
