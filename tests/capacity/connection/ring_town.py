"""A medium-voltage ring with one station and a street, for the tests of connection.

M1 (source) ---K1, 1000 m--- M2 ---K2, 1000 m--- M3 ---K3, 1400 m, open at M1--- M1
 |                            |T
 +---K4, 300 m--- M4          B --L1, 100 m-- C --L2, 100 m-- D     loads C 20 kW, D 10 kW
 (a spur)         street along y = -10 from x = 0 to x = 1300
"""

from __future__ import annotations

import dataclasses
from functools import cache

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from capacity.assumptions import read_assumptions
from capacity.connection.connection_grid import ConnectionGrid, grid_of
from capacity.connection.site import Site
from capacity.demand.development import Development
from capacity.limits import read_limits
from capacity.planning.plan_cases import PlanCases, case_labels, no_switching
from gis import Network
from gis.conform import conform_table
from gis.examples import CRS, network_from_text
from gis.schema import TABLES

MV, LV = '"NA2XS2Y 1x185 RM/25 12/20 kV"', '"NAYY 4x150 SE"'
TEXT = f"""
    bus M1 20 0 0
    bus M2 20 1000 0
    bus M3 20 1000 1000
    bus M4 20 -300 0
    bus B 0.4 1010 0
    bus C 0.4 1110 0
    bus D 0.4 1210 0
    source S M1 1.0
    transformer T M2 B "0.25 MVA 20/0.4 kV"
    line K1 M1 M2 1000 {MV} parallel=2 installed_year=1990
    line K2 M2 M3 1000 {MV}
    line K3 M3 M1 1400 {MV}
    line K4 M1 M4 300 {MV}
    line L1 B C 100 {LV}
    line L2 C D 100 {LV}
    switch W open M1 lines K3
    switch V closed M2 lines K1
    load HC C 20
    load HD D 10
"""
STREET = (("street", "street", ((0, -10), (1300, -10))),)
Street = tuple[str, str, tuple[tuple[float, float], ...]]


@cache
def town(streets: tuple[Street, ...] = STREET, text: str = TEXT) -> Network:
    """The ring town with other streets or elements."""
    raw = gpd.GeoDataFrame(
        {"route_id": [name for name, *_ in streets], "surface": [surface for _, surface, _ in streets]},
        geometry=[shapely.LineString([at(*xy) for xy in line]) for *_, line in streets],
        crs=CRS,
    )
    routes, _ = conform_table(raw, TABLES["routes"])
    return dataclasses.replace(network_from_text(text), routes=routes)


@cache
def town_grid(network: Network | None = None, limits: str = "en50160") -> ConnectionGrid:
    """The town at its loads, in one case."""
    known = network or town()
    p_kw = known.loads.groupby("bus_id")["p_kw"].sum().reindex(known.buses.index, fill_value=0.0)
    cases = PlanCases(case_labels(["peak"], ["all"]), p_kw.to_numpy(dtype=complex)[None], no_switching())
    return grid_of(known, cases, read_limits(limits), read_assumptions(), name="all loads")


def at(x: float, y: float) -> shapely.Point:
    """A point of the town."""
    return shapely.Point(x, y)


def plot(x: float, y: float, size: float = 20.0) -> BaseGeometry:
    """A square plot with its lower left corner there."""
    corner = at(x, y)
    return shapely.box(corner.x, corner.y, corner.x + size, corner.y + size)


def site(place: BaseGeometry, demand_kw: float, **more: object) -> Site:
    """A site that draws so much at cos phi 1."""
    development = Development(place, site_id="new", demand_kw=demand_kw, **more)  # type: ignore[arg-type]
    return Site(development, np.array([complex(demand_kw)]), demand_kw)


def built_ids(added: dict[str, pd.DataFrame]) -> list[str]:
    """All ids that an option builds."""
    return [str(one) for table, rows in added.items() for one in rows[TABLES[table].id_column]]
