"""Small grids for the tests of capacity, drawn in ASCII and built by hand; and the demo area, built once."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cache

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from capacity.checks import State, Yardstick, make_yardstick
from capacity.demo import demo_network_path
from capacity.limits import Limits, read_limits
from gis import Network, make_network, read_network
from gridmodel import GridModel, build_model, rules_for

CRS = "EPSG:25832"
EAST_M, NORTH_M = 417_000.0, 5_367_000.0
LV_CABLE, MV_CABLE = "NAYY 4x150 SE", "NA2XS2Y 1x240 RM/25 12/20 kV"
TRANSFORMER = "0.25 MVA 20/0.4 kV"


def grid(
    buses: Sequence[tuple[str, float, float, float]],
    lines: Sequence[tuple[str, str, str, float]] = (),
    *,
    transformers: Sequence[tuple[str, str, str]] = (),
    switches: Sequence[tuple[str, bool, str, str, str]] = (),
    sources: Sequence[tuple[str, str, float]] = (("S1", "M1", 1.0),),
    loads: Sequence[tuple[str, str, float, int]] = (),
    generators: Sequence[tuple[str, str, float]] = (),
    scenarios: Sequence[tuple[str, str, float, float]] = (("base", "All loads", 1.0, 0.0),),
    transformer_type: str = TRANSFORMER,
) -> Network:
    """Build a network from rows, like buses (id, kV, x, y) and lines (id, from, to, m)."""
    at = {name: shapely.Point(EAST_M + x, NORTH_M + y) for name, _, x, y in buses}
    vn_kv = {name: kv for name, kv, _, _ in buses}
    tables = {
        "buses": _points(at, [name for name, *_ in buses], bus_id=list(at), vn_kv=list(vn_kv.values())),
        "lines": gpd.GeoDataFrame(
            {
                "line_id": [line[0] for line in lines],
                "from_bus_id": [line[1] for line in lines],
                "to_bus_id": [line[2] for line in lines],
                "vn_kv": [vn_kv[line[1]] for line in lines],
                "type_id": [LV_CABLE if vn_kv[line[1]] < 1 else MV_CABLE for line in lines],
                "length_m": [line[3] for line in lines],
            },
            geometry=[shapely.LineString([at[line[1]], at[line[2]]]) for line in lines],
            crs=CRS,
        ),
        "transformers": _points(
            at,
            [row[2] for row in transformers],
            transformer_id=[row[0] for row in transformers],
            hv_bus_id=[row[1] for row in transformers],
            lv_bus_id=[row[2] for row in transformers],
            type_id=[transformer_type for _ in transformers],
        ),
        "switches": _points(
            at,
            [row[2] for row in switches],
            switch_id=[row[0] for row in switches],
            kind=["load_break" for _ in switches],
            closed=[row[1] for row in switches],
            bus_id=[row[2] for row in switches],
            element_table=[row[3] for row in switches],
            element_id=[row[4] for row in switches],
        ),
        "sources": _points(
            at,
            [row[1] for row in sources],
            source_id=[row[0] for row in sources],
            bus_id=[row[1] for row in sources],
            vm_pu=[row[2] for row in sources],
        ),
        "loads": _points(
            at,
            [row[1] for row in loads],
            load_id=[row[0] for row in loads],
            bus_id=[row[1] for row in loads],
            customer_class=["residential" for _ in loads],
            p_kw=[row[2] for row in loads],
            customers=[row[3] for row in loads],
        ),
        "generators": _points(
            at,
            [row[1] for row in generators],
            generator_id=[row[0] for row in generators],
            bus_id=[row[1] for row in generators],
            kind=["pv" for _ in generators],
            p_kw=[row[2] for row in generators],
        ),
        "scenarios": pd.DataFrame(
            scenarios, columns=["scenario_id", "name", "load_factor", "generation_factor"]
        ),
    }
    return make_network(tables, CRS, info={"name": "test"})


def _points(at: dict[str, shapely.Point], places: list[str], **columns: list[object]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=[at[place] for place in places], crs=CRS)


STATION_BUSES = (
    ("M1", 20.0, 0.0, 0.0),
    ("M2", 20.0, 1000.0, 0.0),
    ("B1", 0.4, 1010.0, 0.0),
    ("A1", 0.4, 1110.0, 0.0),
    ("A2", 0.4, 1210.0, 0.0),
    ("C1", 0.4, 1010.0, 200.0),
)
STATION_LINES = (
    ("K1", "M1", "M2", 1000.0),
    ("L1", "B1", "A1", 100.0),
    ("L2", "A1", "A2", 100.0),
    ("L3", "B1", "C1", 200.0),
)
_STATIONS: dict[str, Network] = {}


def station(a2_kw: float = 30.0, c1_kw: float = 10.0, source_pu: float = 1.0, **changes: object) -> Network:
    """One station with two feeders.

    S1                        250 kVA
    M1 --K1, 20 kV, 1 km-- M2 ==T1== B1 --L1, 100 m-- A1 --L2, 100 m-- A2    loads A1 20 kW, 5 customers
                                     |                                             A2 30 kW, 6 customers
                                     +---L3, 200 m--- C1                           C1 10 kW, 3 customers
    """
    parts: dict[str, object] = {
        "transformers": [("T1", "M2", "B1")],
        "loads": [("home-A1", "A1", 20.0, 5), ("home-A2", "A2", a2_kw, 6), ("home-C1", "C1", c1_kw, 3)],
        "sources": [("S1", "M1", source_pu)],
    }
    rows = {**parts, **changes}
    key = repr(rows)
    if key not in _STATIONS:  # a network is never changed, so tests share it
        _STATIONS[key] = grid(STATION_BUSES, STATION_LINES, **rows)  # type: ignore[arg-type]
    return _STATIONS[key]


def with_column(network: Network, table: str, column: str, values: dict[str, object]) -> Network:
    """The network with some cells of one column replaced."""
    frame = network.table(table).copy()
    for element_id, value in values.items():
        frame.loc[element_id, column] = value
    return dataclasses.replace(network, **{table: frame})


def yardstick_of(network: Network, profile: str | Limits = "en50160") -> Yardstick:
    """Limits by name over a network."""
    return make_yardstick(network, profile if isinstance(profile, Limits) else read_limits(profile))


def calm(network: Network) -> State:
    """A state in which every limit of every profile holds."""
    return State(
        np.ones(len(network.buses)), np.zeros(len(network.lines)), np.zeros(len(network.transformers))
    )


@cache
def demo() -> Network:
    """The demo area."""
    return read_network(demo_network_path(), rules=rules_for())


@cache
def demo_model() -> GridModel:
    """The model of the demo area; its tests change nothing in it but the solution."""
    return build_model(demo())
