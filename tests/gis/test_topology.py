"""Missing bus references from geometry: nearest fitting bus, every decision recorded, nothing dropped."""

from __future__ import annotations

import dataclasses

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import gis
from gis.conform import conform_table, empty_table
from gis.examples import network_from_text, synthetic_network
from gis.schema import TABLES
from gis.topology import SNAP_MAX_M, TopologyOptions, connect
from tests.networks import station

X, Y = 450_000.0, 5_360_000.0


def moved(network: gis.Network, table: str, **places: tuple[float, float]) -> gis.Network:
    """The network with elements moved to an offset from the origin and their bus forgotten."""
    frame = network.table(table).copy()
    for element_id, (x, y) in places.items():
        frame.loc[element_id, "bus_id"] = None
        frame.loc[element_id, "geometry"] = shapely.Point(X + x, Y + y)
    return dataclasses.replace(network, **{table: frame})


def test_a_network_with_all_buses_named_is_left_alone() -> None:
    before = station().tables()
    tables, repairs, findings = connect(before)
    assert repairs.empty and findings.empty
    assert all(tables[name] is frame for name, frame in before.items())


# Buses of the station lie at x = 0 (A, 20 kV), 50 (B, 20 kV), 100 (C), 150 (D), 200 (E; 0.4 kV).
@pytest.mark.parametrize(
    ("p_kw", "x", "bus_id"),
    [(5.0, 152.0, "D"), (5.0, 51.0, "C"), (250.0, 199.0 - 110.0, "B"), (200.0, 49.0, "C")],
)
def test_a_load_goes_to_the_nearest_bus_of_the_voltage_of_its_size(
    p_kw: float, x: float, bus_id: str
) -> None:
    network = moved(station(f"load Z D {p_kw}"), "loads", Z=(x, 3.0))
    tables, repairs, findings = connect(network.tables())
    assert tables["loads"].loc["Z", "bus_id"] == bus_id and findings.empty
    assert repairs[["action", "element_id", "after"]].values.tolist() == [["nearest_bus", "Z", bus_id]]
    assert repairs["distance_m"].iloc[0] == pytest.approx(
        tables["buses"].geometry[bus_id].distance(shapely.Point(X + x, Y + 3))
    )


def test_a_tie_goes_to_the_lowest_id_and_no_load_is_doubled() -> None:
    network = network_from_text("bus B 0.4 0 0\nbus A 0.4 20 0\nbus C 0.4 10 30\nload Z B 5")
    loads = network.loads.assign(bus_id=None)
    loads = loads.set_geometry(gpd.GeoSeries([shapely.Point(10, 0)], ["Z"], crs=25832))
    tables, repairs, _ = connect(dataclasses.replace(network, loads=loads).tables())
    assert tables["loads"]["bus_id"].to_dict() == {"Z": "A"} and len(repairs) == 1


@pytest.mark.parametrize("distance_m", [SNAP_MAX_M - 0.01, SNAP_MAX_M + 0.01])
def test_the_longest_way_to_a_bus_is_kept(distance_m: float) -> None:
    network = moved(station(), "loads", J=(200.0, distance_m))
    tables, repairs, findings = connect(network.tables())
    near = distance_m <= SNAP_MAX_M
    assert len(repairs) == near and len(findings) == (not near)
    assert (tables["loads"].loc["J", "bus_id"] == "E") is near


def test_buses_of_one_kilovolt_are_low_voltage_and_exact() -> None:
    """1.0 kV is a voltage, not a code for a class of voltages."""
    text = "bus A 20 0 0\nbus B 1.0 0 1\nbus C 1.0 50 0\nline L B C 50 X"
    network = network_from_text(text)
    lines = network.lines.assign(from_bus_id=None)
    lines = lines.set_geometry(gpd.GeoSeries([shapely.LineString([(0, 0), (50, 0)])], ["L"], crs=25832))
    _, _, findings = connect(dataclasses.replace(network, lines=lines).tables())
    assert findings["element_id"].tolist() == ["L"]  # A lies at its end, but has 20 kV


def test_without_buses_the_line_ends_are_the_buses() -> None:
    network = synthetic_network(60)
    empty = network.buses.iloc[:0]
    lines = network.lines.assign(from_bus_id=None, to_bus_id=None)
    tables, repairs, findings = connect(dataclasses.replace(network, buses=empty, lines=lines).tables())
    stations = len(network.transformers)  # their low side is at the place of their high side
    assert len(tables["buses"]) == len(network.buses) and stations > 0
    assert (repairs["action"] == "bus_from_line_ends").all() and findings.empty
    xy = shapely.get_coordinates(tables["buses"].geometry.loc[tables["lines"]["from_bus_id"]].array)
    drawn = shapely.get_coordinates(shapely.get_point(tables["lines"].geometry.array, 0))
    np.testing.assert_allclose(xy, drawn, atol=0.01)


@pytest.mark.parametrize("gap_m", [0.0, 0.0002, 0.009, 0.011, 1.0])
def test_line_ends_within_a_centimetre_are_one_bus(gap_m: float) -> None:
    network = network_from_text(
        "bus A 0.4 0 0\nbus B 0.4 9.9999 0\nbus C 0.4 20 0\nline K A B 10 X\nline L B C 10 X"
    )
    drawn = [shapely.LineString([(0, 0), (9.9999, 0)]), shapely.LineString([(9.9999 + gap_m, 0), (20, 0)])]
    lines = network.lines.assign(from_bus_id=None, to_bus_id=None)
    lines = lines.set_geometry(gpd.GeoSeries(drawn, ["K", "L"], crs=25832))
    tables, _, _ = connect(dataclasses.replace(network, buses=network.buses.iloc[:0], lines=lines).tables())
    assert len(tables["buses"]) == (3 if gap_m <= 0.01 else 4)


def test_new_buses_never_take_an_id_of_the_file() -> None:
    network = network_from_text(
        "bus A 0.4\nbus bus-0 0.4\nbus C 0.4\nline K A bus-0 10 X\nline L bus-0 C 10 X"
    )
    lines = network.lines.assign(from_bus_id=[None, "bus-0"], to_bus_id=["bus-0", None])
    tables, _, _ = connect(dataclasses.replace(network, buses=network.buses.iloc[:0], lines=lines).tables())
    assert len(tables["buses"]) == 3 and tables["buses"].index.is_unique


@pytest.mark.parametrize("table", ["buses", "lines", "loads"])
def test_elements_without_a_place_are_left_to_the_rules(table: str) -> None:
    network = moved(station(), "loads", J=(200.0, 1.0))
    frame = network.table(table)
    blank = frame.set_geometry(gpd.GeoSeries([None, *frame.geometry.iloc[1:]], frame.index, crs=frame.crs))
    network = dataclasses.replace(network, **{table: blank})
    for buses in (network.buses, network.buses.iloc[:0]):
        tables, _, _ = connect(dataclasses.replace(network, buses=buses).tables())
        assert len(tables["loads"]) == 2


def _bare(*lines: tuple[str, float, list[tuple[float, float]]]) -> dict[str, pd.DataFrame]:
    """Tables of lines without buses: id, nominal voltage [kV], vertices [m]."""
    raw = gpd.GeoDataFrame(
        {"line_id": [i for i, _, _ in lines], "vn_kv": [v for _, v, _ in lines], "type_id": "any"},
        geometry=[shapely.LineString(xy) for _, _, xy in lines],
        crs="EPSG:25832",
    )
    tables = {name: empty_table(table, "EPSG:25832") for name, table in TABLES.items()}
    return tables | {"lines": conform_table(raw, TABLES["lines"])[0]}


def test_an_end_that_was_moved_is_a_repair_with_its_distance() -> None:
    tables = _bare(
        ("K", 0.4, [(0, 0), (10, 0)]), ("L", 0.4, [(10, 0), (20, 0)]), ("M", 0.4, [(10, 0.3), (10, 9)])
    )
    connected, repairs, findings = connect(tables, TopologyOptions(lv_tolerance_m=0.5))
    snapped = repairs[repairs["action"] == "snapped"]
    assert snapped[["element_id", "before"]].to_numpy().tolist() == [["M", "10.0000 0.3000"]]
    assert snapped["distance_m"].to_list() == pytest.approx([0.3])
    assert connected["lines"]["from_bus_id"]["M"] == connected["lines"]["from_bus_id"]["L"]
    assert findings.empty


def test_the_tolerance_is_that_of_the_voltage() -> None:
    options = TopologyOptions(lv_tolerance_m=0.5)
    for vn_kv, joined in ((0.4, True), (20.0, False)):
        lines = connect(_bare(("K", vn_kv, [(0, 0), (10, 0)]), ("L", vn_kv, [(10.2, 0), (20, 0)])), options)[
            0
        ]
        assert (lines["lines"]["to_bus_id"]["K"] == lines["lines"]["from_bus_id"]["L"]) is joined


def test_ends_of_different_voltage_at_one_place_stay_apart() -> None:
    lines = connect(_bare(("K", 20.0, [(0, 0), (10, 0)]), ("L", 0.4, [(10, 0), (20, 0)])))[0]["lines"]
    assert lines["to_bus_id"]["K"] != lines["from_bus_id"]["L"]


def test_a_line_shorter_than_the_tolerance_keeps_its_two_ends() -> None:
    lines = connect(_bare(("K", 0.4, [(0, 0), (0.3, 0)])), TopologyOptions(lv_tolerance_m=0.5))[0]["lines"]
    assert lines["from_bus_id"]["K"] != lines["to_bus_id"]["K"]


def test_a_gap_wider_than_the_tolerance_is_told_and_not_joined() -> None:
    connected, _, findings = connect(_bare(("K", 0.4, [(0, 0), (10, 0)]), ("L", 0.4, [(11, 0), (20, 0)])))
    assert connected["lines"]["to_bus_id"]["K"] != connected["lines"]["from_bus_id"]["L"]
    assert findings[["rule", "severity", "element_id", "value"]].to_numpy().tolist() == [
        ["near_miss", "warning", "K", "1.000 m from L"],
        ["near_miss", "warning", "L", "1.000 m from K"],
    ]


def test_lines_that_cross_without_a_node_are_told_and_not_joined() -> None:
    across = [("K", 0.4, [(0, 0), (10, 0)]), ("L", 0.4, [(5, -5), (5, 5)]), ("M", 20.0, [(6, -5), (6, 5)])]
    connected, _, findings = connect(_bare(*across))
    assert len(connected["buses"]) == 6
    assert findings[["rule", "severity", "element_id", "value"]].to_numpy().tolist() == [
        ["crossing", "warning", "K", "L"]
    ]
    assert findings["geometry"].iloc[0].equals(shapely.Point(5, 0))
