"""Ways for cables: by hand on a drawn town, against networkx, and what must hold whatever the streets."""

from __future__ import annotations

import dataclasses

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis import Network
from gis.conform import conform_table
from gis.corridors import routing_figures
from gis.examples import CRS, network_from_text
from gis.routing import Router, route
from gis.schema import TABLES

#   north  (0,100)------N------(200,100)     streets W, N, E and S, and the field path M from (100,0) to N
#            |        |           |          A stands 10 m south of S at x=0, B 10 m north of N at x=100,
#            W        M           E          C 10 m east of E at y=50, D 500 m away from every street
#            |        |           |
#           (0,0)-----S-------(200,0)
STREETS = [
    ("W", "street", 1.0, [(0, 0), (0, 100)]),
    ("N", "street", 1.0, [(0, 100), (200, 100)]),
    ("E", "street", 1.0, [(200, 100), (200, 0)]),
    ("S", "street", 1.0, [(0, 0), (200, 0)]),
    ("M", "field", 1.0, [(100, 0), (100, 99.5)]),
]
TOWN = """
    bus A 20 0 -10
    bus B 20 100 110
    bus C 20 210 50
    bus D 20 0 -510
    source S1 A
    line L1 A B 300 X r_ohm_per_km=0.2 x_ohm_per_km=0.1 i_max_a=300
    line L2 A D 480 X r_ohm_per_km=0.2 x_ohm_per_km=0.1 i_max_a=300
"""
ACCESS_M = 10.0
FIELD = routing_figures()["surfaces"]["field"]


def town(streets: list = STREETS, text: str = TOWN) -> Network:  # type: ignore[type-arg]
    network = network_from_text(text)
    raw = gpd.GeoDataFrame(
        {
            "route_id": [name for name, *_ in streets],
            "surface": [surface for _, surface, *_ in streets],
            "cost_factor": [factor for *_, factor, _ in streets],
        },
        geometry=[shapely.LineString(line) for *_, line in streets],
        crs=CRS,
    )
    routes, _ = conform_table(raw, TABLES["routes"])
    return dataclasses.replace(network, routes=routes)


def test_the_cheapest_way_along_corridors_by_hand() -> None:
    """A to B: 100 m along S, then 99.5 m of field at 0.4, a gap of 0.5 m and 10 m at both ends."""
    way = Router(town()).ways("A", ["B"])["B"]
    assert way.length_m == pytest.approx(2 * ACCESS_M + 100.0 + 100.0)
    assert way.weighted_m == pytest.approx(2 * ACCESS_M + 100.0 + 99.5 * FIELD + 0.5)
    assert way.surfaces == pytest.approx({"access": 20.0, "street": 100.0, "field": 99.5})
    assert list(way.segments) == ["access A", "routes S 0.0-100.0", "routes M 0.0-99.5", "access B"]
    assert (way.basis, way.note, way.found) == ("corridors", "", True)
    assert way.geometry.length == pytest.approx(way.length_m)
    assert shapely.get_coordinates(way.geometry)[[0, -1]].tolist() == [[0.0, -10.0], [100.0, 110.0]]


def test_a_cost_factor_of_its_own_goes_before_the_surfaces() -> None:
    """The field path made dear: around by W and N is 200 m of street."""
    dear = [*STREETS[:4], ("M", "field", 3.0, [(100, 0), (100, 99.5)])]
    way = Router(town(dear)).ways("A", ["B"])["B"]
    assert way.weighted_m == pytest.approx(2 * ACCESS_M + 200.0)
    assert set(way.surfaces) == {"access", "street"}


def test_ways_of_one_corridor_share_its_segments() -> None:
    """A to C and B to C both come by the east street; C's own leg and what lies before it is shared."""
    router = Router(town())
    to_c, of_b = router.ways("A", ["C"])["C"], router.ways("B", ["C"])["C"]
    shared = set(to_c.segments) & set(of_b.segments)
    assert "access C" in shared
    north = {key: metres for key, metres in of_b.segments.items() if key.startswith("routes")}
    assert north == pytest.approx({"routes N 100.0-200.0": 100.0, "routes E 0.0-50.0": 50.0})


def test_where_no_corridor_is_near_existing_lines_are_followed_or_the_straight_line() -> None:
    """D is 500 m from A: its line is 480 m, straight x 1.3 would be 650 m; C to D has no better way."""
    router = Router(town())
    way = router.ways("A", ["D"])["D"]
    assert (way.basis, way.length_m, way.segments) == ("existing_lines", 480.0, {"lines L2": 480.0})
    assert "no corridor is known" in way.note
    around = Router(town(text=TOWN.replace("A D 480", "A D 900"))).ways("A", ["D"])["D"]
    assert (around.basis, around.length_m) == ("straight", pytest.approx(650.0))
    assert "straight line x 1.3" in around.note
    there = router.ways("C", ["D"])["D"]
    assert there.basis == "mixed" and there.length_m == pytest.approx(480.0 + 10.0 + 200.0 + 50.0 + 10.0)


def test_without_routes_and_places_the_known_length_of_lines_counts() -> None:
    """Two buses drawn at one point: the straight line between them would be nothing."""
    text = "bus A 20 0 0\nbus B 20 0 0\nbus C 20 5 0\nsource S A\n" + "".join(
        f"line {name} {ends} 300 X r_ohm_per_km=0.2 x_ohm_per_km=0.1 i_max_a=300\n"
        for name, ends in (("L1", "A B"), ("L2", "B C"))
    )
    ways = Router(network_from_text(text)).ways("A", ["B", "C"])
    assert [(way.basis, way.length_m) for way in ways.values()] == [
        ("existing_lines", 300.0), ("existing_lines", 600.0)
    ]  # fmt: skip
    alone = Router(network_from_text(text.replace("line L2 B C", "line L2 B B")))
    lost = alone.ways("A", ["C"])["C"]
    assert (lost.found, lost.basis) == (True, "straight") or "no length can be told" in lost.note


def test_corridors_that_do_not_meet_leave_the_straight_line_and_say_so() -> None:
    apart = [STREETS[0], ("E", "street", 1.0, [(200, 100), (200, 0)])]
    way = Router(town(apart, TOWN.replace("line L1 A B", "line L1 A D"))).ways("A", ["C"])["C"]
    assert way.basis == "straight" and "no corridor or line joins the two" in way.note
    assert way.length_m == pytest.approx(1.3 * np.hypot(210.0, 60.0))


def test_unknown_surfaces_count_one_and_are_named() -> None:
    lava = [(name, "Lava field", 1.0, line) for name, _, _, line in STREETS]
    way = Router(town(lava)).ways("A", ["C"])["C"]
    assert way.weighted_m == pytest.approx(way.length_m)
    assert "lava_field" in way.note


def test_words_of_other_files_name_the_same_surfaces() -> None:
    words = [*STREETS[:4], ("M", "Farmland", 1.0, [(100, 0), (100, 99.5)])]
    assert "field" in Router(town(words)).ways("A", ["B"])["B"].surfaces


def test_a_way_between_points_and_to_oneself() -> None:
    network = town()
    way = route(network, shapely.Point(50, 5), shapely.Point(150, 5))
    assert (way.length_m, way.basis) == (pytest.approx(110.0), "corridors")
    here = Router(network).ways("A", ["A"])["A"]
    assert (here.length_m, here.weighted_m) == (0.0, 0.0)
    with pytest.raises(KeyError, match="X"):
        Router(network).ways("A", ["X"])


def test_weighted_metres_are_those_of_the_ways() -> None:
    router = Router(town())
    ways = router.ways("A", ["B", "C", "D"])
    assert router.weighted_m("A", ["B", "C", "D"]).to_dict() == pytest.approx(
        {name: way.weighted_m for name, way in ways.items()}
    )


def _by_hand(size: int, kept: list[bool], spacing_m: float) -> tuple[list, nx.Graph]:  # type: ignore[type-arg]
    """Streets of a chessboard, each between two corners, and the same as a graph of networkx."""
    graph = nx.grid_2d_graph(size, size)
    streets = []
    for number, (edge, keep) in enumerate(zip(list(graph.edges), kept, strict=False)):
        if keep:
            line = [tuple(spacing_m * value for value in corner) for corner in edge]
            streets.append((f"R{number}", "street", 1.0, line))
        else:
            graph.remove_edge(*edge)
    return streets, graph


@settings(max_examples=6, deadline=None)
@given(
    kept=st.lists(st.booleans() | st.just(True), min_size=23, max_size=23), spacing_m=st.floats(20.0, 90.0)
)
def test_ways_are_networkx_s_and_never_shorter_than_the_straight_line(
    kept: list[bool], spacing_m: float
) -> None:
    streets, graph = _by_hand(4, [True, *kept], spacing_m)
    corners = {corner: f"B{corner[0]}{corner[1]}" for corner in graph if graph.degree[corner]}
    text = "\n".join(f"bus {name} 20 {x * spacing_m} {y * spacing_m}" for (x, y), name in corners.items())
    ways = Router(town(streets, text)).ways(first := min(corners.values()), corners.values())
    metres = nx.single_source_shortest_path_length(graph, (int(first[1]), int(first[2])))
    for corner, name in corners.items():
        way, straight_m = (
            ways[name],
            spacing_m * np.hypot(corner[0] - int(first[1]), corner[1] - int(first[2])),
        )
        assert way.length_m >= straight_m - 1e-6
        if corner in metres:
            assert way.length_m == pytest.approx(metres[corner] * spacing_m, abs=1e-6)
            assert way.length_m <= np.sqrt(2.0) * straight_m + 2 * spacing_m * 24
        else:
            assert way.basis == "straight" and way.length_m == pytest.approx(1.3 * straight_m)
        assert sum(way.segments.values()) == pytest.approx(way.weighted_m)
