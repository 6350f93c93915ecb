"""Topology rebuilt from geometry alone is the topology the network was drawn with, to the same voltages.

Every id of a bus is taken away, and the bus layer; line ends are moved by up to 0.3 m and lines drawn
backwards by lot. Lengths stay those of the attribute.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import gis
from gis.examples import synthetic_network
from gis.importer import import_tables, require_network
from gis.network import make_network
from gis.topology import TopologyOptions
from gis.tracing import assign_feeders
from gridmodel import build_model, find_scenario, read_catalogue, run_load_flow
from gridmodel.rules import doubts_for, rules_for

MOVED_M = 0.3
INTO_THE_LINE_M = 1.0
TOLERANCES = TopologyOptions(2 * MOVED_M, 2 * MOVED_M, 2 * MOVED_M)


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """A network, which of its lines were drawn backwards, and what was rebuilt of its geometry."""

    drawn: gis.Network
    backwards: np.ndarray
    rebuilt: gis.Network


def stripped(network: gis.Network, seed: int) -> tuple[dict[str, pd.DataFrame], np.ndarray]:
    """Layers without any bus id, everything moved by up to 0.3 m, and which lines are backwards."""
    lot = np.random.default_rng(seed)
    backwards = lot.random(len(network.lines)) < 0.5
    lines = redrawn(network, lot)
    layers = {}
    for name, frame in network.tables().items():
        if name == "buses" or frame.empty:
            continue
        if name in ("loads", "generators", "sources"):
            frame = frame.set_geometry(moved(np.asarray(frame.geometry.array), lot))
        if name == "switches":
            frame = frame.set_geometry(beside_their_line(frame, network, lines))
        if name == "lines":
            geometry = np.where(backwards, shapely.reverse(lines), lines)
            frame = frame.set_geometry(gpd.GeoSeries(geometry, frame.index, crs=network.crs))
        layers[name] = frame.drop(
            columns=[c for c in frame if c.endswith("bus_id") or c in ("element_table", "element_id")]
        ).reset_index()
    return layers, backwards


def redrawn(network: gis.Network, lot: np.random.Generator) -> np.ndarray:
    """Lines between their buses: the demo area's source draws 209 ends up to 72 m off, past all telling."""
    lines = network.lines
    xy, owner = shapely.get_coordinates(lines.geometry.array, return_index=True)
    first, last = np.diff(owner, prepend=-1) > 0, np.diff(owner, append=owner[-1] + 1) > 0
    for vertex, bus in ((first, "from_bus_id"), (last, "to_bus_id")):
        xy[vertex] = shapely.get_coordinates(network.buses.geometry.loc[lines[bus]].array)
    xy[first | last] += offsets((first | last).sum(), lot)
    return np.asarray(shapely.linestrings(xy, indices=owner))


def offsets(count: int, lot: np.random.Generator) -> np.ndarray:
    """Offsets [m] evenly over a disc of 0.3 m."""
    angle, share = lot.uniform(0, 2 * np.pi, count), np.sqrt(lot.uniform(0, 1, count))
    return MOVED_M * share[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])


def moved(points: np.ndarray, lot: np.random.Generator) -> np.ndarray:
    return np.asarray(shapely.points(shapely.get_coordinates(points) + offsets(len(points), lot)))


def beside_their_line(switches: pd.DataFrame, network: gis.Network, lines: np.ndarray) -> np.ndarray:
    """Switches a metre into the line they stand on, as maps draw them; couplers stay where they are."""
    points = np.asarray(switches.geometry.array).copy()
    on_line = np.flatnonzero(switches["element_table"] == "lines")
    rows = network.lines.index.get_indexer(switches["element_id"].iloc[on_line])
    at_end = network.lines["to_bus_id"].to_numpy()[rows] == switches["bus_id"].to_numpy()[on_line]
    points[on_line] = shapely.line_interpolate_point(
        lines[rows], np.where(at_end, -INTO_THE_LINE_M, INTO_THE_LINE_M)
    )
    return points


def rebuilt(network: gis.Network, seed: int) -> Case:
    layers, backwards = stripped(network, seed)
    found = import_tables(
        layers,
        rules=(*rules_for(), *doubts_for()),
        topology=TOLERANCES,
        transformer_types=read_catalogue().transformers,
    )
    return Case(network, backwards, require_network(found, Path("stripped")))


@pytest.fixture(
    scope="module", params=["demo area", "demo area again", "synthetic", "network_1", "network_2"]
)
def case(request: pytest.FixtureRequest, demo_network: gis.Network, shared: Callable[[str], Path]) -> Case:
    if request.param.startswith("demo"):
        return rebuilt(demo_network, seed=len(request.param))
    if request.param == "synthetic":
        return rebuilt(synthetic_network(400, seed=5), seed=1)
    return rebuilt(ding0_medium_voltage(shared("02_ding0") / request.param), seed=3)


def ends(lines: pd.DataFrame, backwards: np.ndarray) -> np.ndarray:
    pairs = lines[["from_bus_id", "to_bus_id"]].to_numpy()
    return np.where(backwards[:, None], pairs[:, ::-1], pairs).ravel()


def share_recovered(case: Case) -> float:
    """Share of the lines whose two ends are, and are only, at the nodes they were drawn at."""
    drawn = pd.Series(ends(case.drawn.lines, np.zeros(len(case.backwards), dtype=bool)))
    found = pd.Series(ends(case.rebuilt.lines.loc[case.drawn.lines.index], case.backwards))
    right = drawn.groupby(found).transform("nunique").eq(1) & found.groupby(drawn).transform("nunique").eq(1)
    return float(right.to_numpy().reshape(-1, 2).all(axis=1).mean())


def voltages_at_loads(network: gis.Network) -> pd.Series:
    model = build_model(network)
    result = run_load_flow(model, find_scenario(network, None))
    return network.loads["bus_id"].map(result.buses["vm_pu"])


def test_node_pairs_are_recovered(case: Case) -> None:
    assert share_recovered(case) >= 0.999


def test_nothing_is_lost_or_cut(case: Case) -> None:
    for name in ("lines", "transformers", "switches", "sources", "loads", "generators"):
        assert case.rebuilt.table(name).index.equals(case.drawn.table(name).index)
    assert case.rebuilt.quarantine.empty


def test_no_bus_joins_two_voltages(case: Case) -> None:
    lines = case.rebuilt.lines
    both = pd.concat([lines.set_index(end)["vn_kv"] for end in ("from_bus_id", "to_bus_id")])
    assert both.groupby(level=0).nunique().eq(1).all()


def test_open_points_keep_the_feeders_apart(case: Case) -> None:
    drawn, found = (assign_feeders(network) for network in (case.drawn, case.rebuilt))
    for table in ("lines", "loads"):
        pd.testing.assert_series_equal(found[table]["feeder_id"], drawn[table]["feeder_id"])


def test_the_load_flow_is_the_same(case: Case) -> None:
    drawn, found = voltages_at_loads(case.drawn), voltages_at_loads(case.rebuilt)
    assert drawn.notna().all()
    np.testing.assert_allclose(found, drawn, rtol=0, atol=1e-4)


def ding0_medium_voltage(folder: Path) -> gis.Network:
    """The medium-voltage part of a ding0 network: its low-voltage buses have no coordinates.

    All loads of a station are one load on the low side of its first transformer; an open line ends at a
    bus of its own there ("bus_open"), here at the busbar with an open switch.
    """
    names = ("buses", "lines", "transformers", "transformers_hvmv", "switches", "loads")
    read = {name: pd.read_csv(folder / f"{name}.csv", index_col=0) for name in names}
    open_at = read["switches"].set_index("bus_open")["bus_closed"].to_dict()
    medium = read["buses"].query("v_nom > 1").dropna(subset=["x"]).drop(index=list(open_at))
    places = gpd.GeoSeries(gpd.points_from_xy(medium["x"], medium["y"]), medium.index, crs=4326).to_crs(25832)
    lines = read["lines"].replace({"bus0": open_at, "bus1": open_at})
    lines = lines[lines[["bus0", "bus1"]].isin(medium.index).all(axis=1)]
    stations = read["transformers"]
    stations = stations[stations["bus0"].isin(medium.index)]
    tables = {
        "buses": _ding0_buses(medium["v_nom"], stations),
        "lines": _ding0_lines(lines, medium["v_nom"]),
        "transformers": _ding0_transformers(stations, medium["v_nom"]),
        "switches": _ding0_switches(read["switches"]),
        "sources": _ding0_source(read["transformers_hvmv"]),
        "loads": _ding0_loads(read["loads"], read["buses"], stations),
    }  # fmt: skip
    low = stations.drop_duplicates("bus1")
    at = pd.Series([*places, *places[low["bus0"]]], [*places.index, *low["bus1"]])
    ways = shapely.linestrings(
        np.stack([shapely.get_coordinates(places[lines[end]].array) for end in ("bus0", "bus1")], axis=1)
    )
    at_bus = {
        "buses": "bus_id",
        "transformers": "lv_bus_id",
        "switches": "bus_id",
        "sources": "bus_id",
        "loads": "bus_id",
    }
    geometry = {"lines": ways} | {
        name: at[tables[name][column]].to_numpy() for name, column in at_bus.items()
    }
    placed = {
        name: gpd.GeoDataFrame(rows, geometry=geometry[name], crs=25832) for name, rows in tables.items()
    }
    return make_network(placed, 25832, info={"name": folder.name})


def _ding0_buses(voltages: pd.Series, stations: pd.DataFrame) -> pd.DataFrame:
    low = stations["bus1"].unique()
    return pd.DataFrame({"bus_id": [*voltages.index, *low], "vn_kv": [*voltages, *np.full(len(low), 0.4)]})


def _ding0_source(stations: pd.DataFrame) -> pd.DataFrame:
    """The low side of the first high-voltage transformer feeds the grid."""
    return pd.DataFrame({"source_id": ["S"], "bus_id": stations["bus1"].iloc[:1], "vm_pu": 1.0})


def _ding0_lines(lines: pd.DataFrame, voltages: pd.Series) -> pd.DataFrame:
    """Impedance [ohm] of the whole line, length [km], rated power [MVA]."""
    vn_kv = lines["bus0"].map(voltages)
    columns = {
        "line_id": lines.index, "from_bus_id": lines["bus0"], "to_bus_id": lines["bus1"], "vn_kv": vn_kv,
        "r_ohm_per_km": lines["r"] / lines["length"], "x_ohm_per_km": lines["x"] / lines["length"],
        "i_max_a": lines["s_nom"] * 1000.0 / (np.sqrt(3.0) * vn_kv), "length_m": lines["length"] * 1000.0,
    }  # fmt: skip
    return pd.DataFrame(columns).reset_index(drop=True)


def _ding0_transformers(stations: pd.DataFrame, voltages: pd.Series) -> pd.DataFrame:
    """Rated power [MVA], resistance and reactance [pu]."""
    columns = {
        "transformer_id": stations.index, "hv_bus_id": stations["bus0"], "lv_bus_id": stations["bus1"],
        "sn_kva": stations["s_nom"] * 1000.0, "vn_hv_kv": stations["bus0"].map(voltages), "vn_lv_kv": 0.4,
        "vk_percent": 100.0 * np.hypot(stations["r"], stations["x"]), "vkr_percent": 100.0 * stations["r"],
    }  # fmt: skip
    return pd.DataFrame(columns).reset_index(drop=True)


def _ding0_switches(switches: pd.DataFrame) -> pd.DataFrame:
    columns = {
        "switch_id": switches.index, "kind": "disconnector", "closed": False,
        "bus_id": switches["bus_closed"], "element_table": "lines", "element_id": switches["branch"],
    }  # fmt: skip
    return pd.DataFrame(columns).reset_index(drop=True)


def _ding0_loads(loads: pd.DataFrame, buses: pd.DataFrame, stations: pd.DataFrame) -> pd.DataFrame:
    """Peak loads [MW] summed per low-voltage grid: too large to tell their voltage by their size."""
    busbar = stations.groupby(stations["bus1"].map(buses["lv_grid_id"]))["bus1"].first()
    summed = loads.groupby(loads["bus"].map(buses["lv_grid_id"]))["peak_load"].sum()
    summed = summed[summed.index.isin(busbar.index)]
    columns = {
        "load_id": [f"grid-{number:.0f}" for number in summed.index],
        "bus_id": busbar[summed.index].to_numpy(),
        "customer_class": "mixed", "p_kw": summed.to_numpy() * 1000.0, "vn_kv": 0.4,
    }  # fmt: skip
    return pd.DataFrame(columns)
