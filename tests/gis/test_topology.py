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


def _with(tables: dict[str, pd.DataFrame], **rows: dict[str, object]) -> dict[str, pd.DataFrame]:
    """Tables with one row each of further tables, ids and places included."""
    more = {}
    for name, cells in rows.items():
        frame = gpd.GeoDataFrame(
            {k: v for k, v in cells.items() if k != "at"}, geometry=cells["at"], crs=25832
        )
        more[name] = conform_table(frame, TABLES[name])[0]
    return tables | more


def _switch(closed: bool, at: tuple[float, float], **cells: object) -> dict[str, object]:
    given = {"switch_id": ["W"], "kind": "load_break", "closed": closed, "at": [shapely.Point(at)]}
    return given | {name: [value] for name, value in cells.items()}


# K (main, 0.4 kV) runs from a station at x=0 to x=100; S (service) ends on it at x=40.
MAIN = ("K", 0.4, [(0.0, 0.0), (50.0, 0.0), (100.0, 0.0)])
BEFORE = ("A", 0.4, [(-50.0, 0.0), (0.0, 0.0)])
SERVICE = ("S", 0.4, [(40.0, 0.0), (40.0, 15.0)])
STATION = {"transformer_id": ["T"], "vn_hv_kv": 20.0, "vn_lv_kv": 0.4, "type_id": "any"}


def test_a_service_line_that_ends_on_a_main_splits_it_there() -> None:
    tables = _bare(BEFORE, MAIN, SERVICE)
    tables["lines"] = tables["lines"].assign(length_m=[50.0, 200.0, 15.0], parallel=2)
    connected, repairs, findings = connect(tables)
    lines = connected["lines"]
    assert lines.index.to_list() == ["A", "K#1", "K#2", "S"]
    assert lines["length_m"].to_list() == [50.0, 80.0, 120.0, 15.0] and (lines["parallel"] == 2).all()
    assert lines["to_bus_id"]["K#1"] == lines["from_bus_id"]["K#2"] == lines["from_bus_id"]["S"]
    assert lines["from_bus_id"]["K#1"] == lines["to_bus_id"]["A"]
    assert [shapely.get_num_points(g) for g in lines.geometry] == [2, 2, 3, 2]
    cut = repairs[repairs["action"].isin(["t_joint", "line_split"])]
    assert cut[["action", "element_id", "before"]].to_numpy().tolist() == [
        ["t_joint", "S", "K"],
        ["line_split", "K", "K"],
        ["line_split", "K", "K"],
    ]
    assert findings.empty


@pytest.mark.parametrize(
    ("lines", "options"),
    [
        ((BEFORE, MAIN, SERVICE), TopologyOptions(split_mains="none")),
        ((BEFORE, MAIN, SERVICE), TopologyOptions(rejected=frozenset({("t_joint", "S")}))),
        # The other end of S is not loose: S is a main of another feeder, or part of a ring.
        ((BEFORE, MAIN, SERVICE, ("R", 0.4, [(40.0, 15.0), (90.0, 15.0)])), TopologyOptions()),
        (tuple((i, 20.0, xy) for i, _, xy in (BEFORE, MAIN, SERVICE)), TopologyOptions()),
    ],
    ids=["none", "rejected", "no service", "medium voltage"],
)
def test_an_end_in_mid_span_that_may_not_be_joined_is_told(
    lines: tuple[tuple[str, float, list[tuple[float, float]]], ...], options: TopologyOptions
) -> None:
    connected, _, findings = connect(_bare(*lines), options)
    assert "K" in connected["lines"].index
    assert findings[["rule", "element_id", "value"]].to_numpy().tolist() == [["t_joint", "S", "K"]]


def test_an_end_at_a_station_is_no_end_of_a_service_line() -> None:
    """S leaves a station of its own at its other end: joining it would join two feeders."""
    station = {**STATION, "at": [shapely.Point(40.0, 15.0)], "hv_bus_id": ["M"]}
    tables = _with(_bare(BEFORE, MAIN, SERVICE), transformers=station)
    connected, _, findings = connect(tables)
    assert "K" in connected["lines"].index and findings["rule"].to_list() == ["t_joint"]


def test_an_end_on_a_line_of_another_voltage_joins_and_tells_nothing() -> None:
    connected, _, findings = connect(_bare(BEFORE, (MAIN[0], 20.0, MAIN[2]), SERVICE))
    assert len(connected["lines"]) == 3 and findings.empty


def test_two_services_and_a_bend_cut_one_main_in_three() -> None:
    other = ("Z", 0.4, [(80.0, 0.0), (80.0, -9.0)])
    lines = connect(_bare(BEFORE, MAIN, SERVICE, other))[0]["lines"]
    pieces = lines.loc[["K#1", "K#2", "K#3"]]
    np.testing.assert_allclose(pieces.geometry.length, [40.0, 40.0, 20.0])
    assert (pieces["to_bus_id"].to_numpy()[:2] == pieces["from_bus_id"].to_numpy()[1:]).all()


def test_a_switch_at_a_split_line_keeps_its_end() -> None:
    tables = _bare(BEFORE, MAIN, SERVICE)
    tables["lines"] = tables["lines"].assign(to_bus_id=["b", "c", None], from_bus_id=[None, "b", None])
    tables = _with(
        tables,
        switches=_switch(False, (100.0, 0.0), bus_id="c", element_table="lines", element_id="K"),
    )
    assert connect(tables)[0]["switches"]["element_id"].to_list() == ["K#2"]


@pytest.mark.parametrize(
    ("x", "element_id", "at_end"),
    [(1.0, "K", "from_bus_id"), (-1.0, "A", "to_bus_id"), (99.0, "K", "to_bus_id")],
)
def test_a_switch_near_an_end_opens_that_end_of_the_line_it_lies_on(
    x: float, element_id: str, at_end: str
) -> None:
    connected, repairs, findings = connect(_with(_bare(BEFORE, MAIN), switches=_switch(False, (x, 0.0))))
    switch = connected["switches"].loc["W"]
    assert (switch["element_table"], switch["element_id"]) == ("lines", element_id)
    assert switch["bus_id"] == connected["lines"][at_end][element_id] and findings.empty
    assert repairs.query("action == 'switch_placed'")["distance_m"].to_list() == [min(abs(x), 100.0 - x)]


@pytest.mark.parametrize("closed", [True, False])
def test_an_open_switch_on_a_joint_of_lines_goes_to_the_first_by_id_and_is_told(closed: bool) -> None:
    connected, _, findings = connect(_with(_bare(BEFORE, MAIN), switches=_switch(closed, (0.0, 0.0))))
    assert connected["switches"]["element_id"].to_list() == ["A"]
    told = [] if closed else [["switch_unsure", "warning", "W", "or on K"]]
    assert findings[["rule", "severity", "element_id", "value"]].to_numpy().tolist() == told


def test_a_switch_in_mid_span_cuts_the_line_and_stands_at_the_cut() -> None:
    connected, _, findings = connect(_with(_bare(BEFORE, MAIN), switches=_switch(False, (70.0, 0.5))))
    lines, switch = connected["lines"], connected["switches"].loc["W"]
    assert lines.index.to_list() == ["A", "K#1", "K#2"] and findings.empty
    assert switch["element_id"] == "K#1" and switch["bus_id"] == lines["from_bus_id"]["K#2"]
    assert connected["buses"].geometry[switch["bus_id"]].equals(shapely.Point(70, 0))


def test_an_open_switch_in_a_gap_couples_the_two_loose_ends_and_joins_nothing() -> None:
    gap = ("L", 0.4, [(101.0, 0.0), (150.0, 0.0)])
    connected, _, findings = connect(_with(_bare(MAIN, gap), switches=_switch(False, (100.5, 0.0))))
    switch, lines = connected["switches"].loc["W"], connected["lines"]
    assert switch["element_table"] == "buses" and not switch["closed"]
    assert {switch["bus_id"], switch["element_id"]} == {lines["to_bus_id"]["K"], lines["from_bus_id"]["L"]}
    assert findings.empty  # the gap is no near miss


@pytest.mark.parametrize(("vn_kv", "element_id"), [(None, "M"), (0.4, "K"), (20.0, "M")])
def test_a_switch_goes_to_the_line_of_its_voltage_and_without_one_to_the_higher(
    vn_kv: float | None, element_id: str
) -> None:
    tables = _bare(MAIN, ("M", 20.0, [(0.0, 0.0), (0.0, 90.0)]))
    connected = connect(_with(tables, switches=_switch(True, (0.0, 0.0), vn_kv=vn_kv)))[0]
    assert connected["switches"]["element_id"].to_list() == [element_id]


def test_a_switch_far_from_any_line_is_an_error_with_its_id() -> None:
    _, _, findings = connect(_with(_bare(BEFORE, MAIN), switches=_switch(False, (50.0, 3.0))))
    assert findings[["rule", "severity", "table", "element_id"]].to_numpy().tolist() == [
        ["nearer_to_nothing", "error", "switches", "W"]
    ]


TWO_LEVELS = (("M", 20.0, [(0.0, 5.0), (-90.0, 5.0)]), MAIN)


@pytest.mark.parametrize("stated", ["columns", "type", "surroundings"])
def test_a_transformer_stands_between_its_levels_wherever_its_voltages_come_from(stated: str) -> None:
    voltages = {"vn_hv_kv": 20.0, "vn_lv_kv": 0.4} if stated == "columns" else {}
    row = {"transformer_id": ["T"], "type_id": ["400"], **voltages, "at": [shapely.Point(0.0, 1.0)]}
    types = pd.DataFrame({"vn_hv_kv": [20.0], "vn_lv_kv": [0.4]}, ["400"]) if stated == "type" else None
    connected, repairs, findings = connect(
        _with(_bare(*TWO_LEVELS), transformers=row), transformer_types=types
    )
    transformer, lines = connected["transformers"].loc["T"], connected["lines"]
    assert transformer["hv_bus_id"] == lines["from_bus_id"]["M"]
    assert transformer["lv_bus_id"] == lines["from_bus_id"]["K"] and findings.empty
    moved_m = repairs.query("table == 'transformers'")["distance_m"]
    assert moved_m.to_list() == pytest.approx([4.0, 1.0])


def test_transformers_of_a_station_without_drawn_low_voltage_share_a_busbar_there() -> None:
    row = {
        "transformer_id": ["T", "U"], "vn_hv_kv": 20.0, "vn_lv_kv": 0.4, "type_id": "any",
        "at": [shapely.Point(0.0, 5.0)] * 2,
    }  # fmt: skip
    load = {"load_id": ["Z"], "p_kw": 5.0, "customer_class": "residential", "at": [shapely.Point(3.0, 5.0)]}
    connected, repairs, findings = connect(_with(_bare(TWO_LEVELS[0]), transformers=row, loads=load))
    assert connected["transformers"]["lv_bus_id"].to_list() == ["T-lv", "T-lv"] and findings.empty
    assert connected["buses"].loc["T-lv", "vn_kv"] == 0.4
    assert connected["loads"]["bus_id"].to_list() == ["T-lv"]
    assert (repairs["action"] == "bus_at_transformer").sum() == 2


def test_a_transformer_near_one_level_only_is_an_error_with_its_id() -> None:
    row = {"transformer_id": ["T"], "type_id": ["x"], "at": [shapely.Point(0.0, 1.0)]}
    _, _, findings = connect(_with(_bare(MAIN), transformers=row))
    assert set(findings["rule"]) == {"nearer_to_nothing"} and set(findings["element_id"]) == {"T"}


def test_a_chain_of_ends_does_not_creep_into_one_bus() -> None:
    """Eight ends, each 0.4 m from the next: a tolerance of 0.5 m would reach over 2.8 m."""
    lines = [(f"L{k}", 0.4, [(0.4 * k, 0.0), (20.0 * k - 70.0, 30.0)]) for k in range(8)]
    connected, _, findings = connect(_bare(*lines), TopologyOptions(lv_tolerance_m=0.5))
    assert connected["lines"]["from_bus_id"].nunique() == 8
    told = findings[findings["rule"] == "end_chain"]
    assert told["element_id"].to_list() == [i for i, _, _ in lines]


def test_neighbours_do_not_fold_a_line_shorter_than_the_tolerance() -> None:
    drawn = [("K", [(-9, 0), (0, 0)]), ("L", [(0, 0), (0.4, 0)]), ("M", [(0.4, 0), (9, 0)])]
    lines = connect(_bare(*((i, 0.4, xy) for i, xy in drawn)), TopologyOptions(lv_tolerance_m=0.5))[0][
        "lines"
    ]
    assert lines["to_bus_id"]["K"] == lines["from_bus_id"]["L"]
    assert lines["to_bus_id"]["L"] == lines["from_bus_id"]["M"] != lines["from_bus_id"]["L"]


def test_a_rejected_decision_is_not_taken() -> None:
    lines = (("K", 0.4, [(0, 0), (10, 0)]), ("L", 0.4, [(10.3, 0), (20, 0)]))
    options = TopologyOptions(lv_tolerance_m=0.5, rejected=frozenset({("snapped", "L")}))
    connected, repairs, _ = connect(_bare(*lines), options)
    assert len(connected["buses"]) == 4 and "snapped" not in set(repairs["action"])


def test_two_ends_apart_meet_in_the_middle_and_both_are_named() -> None:
    lines = (("K", 0.4, [(0, 0), (10, 0)]), ("L", 0.4, [(10.3, 0), (20, 0)]))
    _, repairs, _ = connect(_bare(*lines), TopologyOptions(lv_tolerance_m=0.5))
    snapped = repairs[repairs["action"] == "snapped"]
    assert snapped["element_id"].to_list() == ["L", "K"]
    assert snapped["distance_m"].to_list() == pytest.approx([0.15, 0.15])


def test_ends_of_a_line_set_aside_stay_buses_for_what_stands_there() -> None:
    load = {"load_id": ["Z"], "p_kw": 5.0, "customer_class": "residential", "at": [shapely.Point(100, 1)]}
    tables = _with(_bare(BEFORE, MAIN), loads=load)
    lines = tables["lines"]
    connected, _, findings = connect(tables | {"lines": lines.loc[["A"]]}, aside=lines.loc[["K"]])
    assert len(connected["buses"]) == 3 and findings.empty
    assert connected["loads"]["bus_id"].isin(connected["buses"].index).all()
    empty = tables | {"lines": lines.loc[["A"]], "loads": tables["loads"][:0]}
    away = connect(empty, aside=lines.loc[["K"]])[0]
    assert len(away["buses"]) == 2  # nothing stands there


def test_a_small_load_at_a_medium_voltage_node_far_from_low_voltage_is_connected_there() -> None:
    load = {"load_id": ["Z"], "p_kw": 150.0, "customer_class": "mixed", "at": [shapely.Point(-90.0, 5.0)]}
    connected = connect(_with(_bare(("M", 20.0, [(0, 5), (-90, 5)]), MAIN), loads=load))[0]
    assert connected["loads"]["bus_id"]["Z"] == connected["lines"]["to_bus_id"]["M"]


def test_a_load_of_a_stated_voltage_goes_to_that_voltage() -> None:
    load = {
        "load_id": ["Z"],
        "p_kw": 300.0,
        "vn_kv": 0.4,
        "customer_class": "mixed",
        "at": [shapely.Point(0, 4)],
    }
    connected = connect(_with(_bare(*TWO_LEVELS), loads=load))[0]
    assert connected["loads"]["bus_id"]["Z"] == connected["lines"]["from_bus_id"]["K"]


def test_a_line_drawn_as_a_point_is_an_error_where_its_buses_cannot_be_told() -> None:
    tables = _bare(BEFORE, MAIN, ("P", 0.4, [(100.0, 0.0), (100.0, 0.0)]))
    tables["lines"] = tables["lines"].assign(length_m=80.0)
    _, _, findings = connect(tables)
    assert findings[["rule", "severity", "element_id"]].to_numpy().tolist() == [
        ["line_drawn_as_point", "error", "P"]
    ]


def test_a_closed_loop_is_told_with_all_its_elements_and_an_open_one_is_not() -> None:
    ring = 'line R C E 150 "NAYY 4x150 SE"'
    _, _, findings = connect(station(ring).tables())
    assert findings[["rule", "severity", "element_id"]].to_numpy().tolist() == [
        ["closed_loop", "warning", "N"]
    ]
    assert set(findings["value"].iloc[0].removeprefix("loop of ").split(", ")) == {"N", "R", "L"}
    assert connect(station(ring, "switch X open E lines R").tables())[2].empty
