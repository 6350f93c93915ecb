"""Layers of a mapping that are made of others: nodes with their places, and what a source lacks for them."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
import shapely

import gis
from gis.mapping import apply_mapping, parse_mapping

NODES = """
crs = "EPSG:25832"
[[nodes]]
name = "points"
ends = [
    { layer = "cables", from = "a", to = "b" },
    { layer = "stations", from = "top", to = "bottom" },
]
[[tables]]
table = "buses"
layer = "points"
columns = { bus_id = "id", vn_kv = { value = 20 } }
"""
PLACES = {"n1": (0, 0), "n2": (10, 0), "n3": (20, 0), "n4": (30, 0)}


def cables(*pairs: tuple[str, str], backwards: str = "") -> gpd.GeoDataFrame:
    """Cables between nodes; the one named is drawn from its end to its start."""
    drawn = [shapely.LineString([PLACES[a], PLACES[b]]) for a, b in pairs]
    drawn = [
        line.reverse() if "".join(pair) == backwards else line
        for line, pair in zip(drawn, pairs, strict=True)
    ]
    ends = {"a": [a for a, _ in pairs], "b": [b for _, b in pairs]}
    return gpd.GeoDataFrame(ends, geometry=drawn, crs="EPSG:25832")


def placed(**layers: pd.DataFrame) -> dict[str, tuple[float, float]]:
    buses = apply_mapping(layers, parse_mapping(NODES, "m"), "s").layers["buses"]
    return {i: (p.x, p.y) for i, p in zip(buses["bus_id"], buses.geometry, strict=True)}


#   n1 ----- n2 <---- n3 ----- n4      the middle one is drawn backwards
def test_a_line_drawn_backwards_is_outvoted_by_the_others_of_its_nodes() -> None:
    got = placed(cables=cables(("n1", "n2"), ("n2", "n3"), ("n3", "n4"), backwards="n2n3"))
    assert got == {name: tuple(map(float, at)) for name, at in PLACES.items()}


def test_a_point_stands_for_its_nodes_only_where_no_line_tells_better() -> None:
    station = gpd.GeoDataFrame(
        {"top": ["n2"], "bottom": ["low"]}, geometry=[shapely.Point(10, 7)], crs="EPSG:25832"
    )
    got = placed(cables=cables(("n1", "n2")), stations=station)
    assert (got["n2"], got["low"]) == ((10.0, 0.0), (10.0, 7.0))


def test_a_node_without_any_way_to_a_place_has_none() -> None:
    loose = pd.DataFrame({"top": ["x"], "bottom": ["y"]})
    buses = apply_mapping(
        {"cables": cables(("n1", "n2")), "stations": loose}, parse_mapping(NODES, "m"), "s"
    ).layers["buses"]
    assert buses.geometry.isna().to_list() == [False, False, True, True]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (NODES, "the source has no layer 'cables'"),
        ("[[layers]]\nname='u'\nlayer='x'\n[[tables]]\ntable='loads'\nlayer='u'", "no layer 'x'"),
        ("[[tables]]\ntable='loads'\nlayer='t'\ncolumns={p_kw=['a','b']}", "has no column 'a' or 'b'"),
        ("[[tables]]\ntable='loads'\nlayer='t'\ncolumns={p_kw={sum=['E_*']}}", "has no column 'E_\\*'"),
        ("[[tables]]\ntable='loads'\nlayer='t'\ndistinct='d'", "has no column 'd'"),
        ("[[tables]]\ntable='loads'\nlayer='t'\nhigh_first=[['p','q']]", "has no column 'p'"),
        ("[[tables]]\ntable='loads'\nlayer='t'\njoins=[{layer='n',on='i',key='k'}]", "no layer 'n'"),
    ],
)
def test_what_a_source_lacks_is_named(text: str, said: str) -> None:
    with pytest.raises(gis.InputError, match=said):
        apply_mapping({"t": pd.DataFrame({"i": ["1"]})}, parse_mapping(text, "m"), "s")


def test_an_optional_made_layer_lends_empty_columns() -> None:
    text = """
    [[layers]]
    name = "units"
    layer = "absent"
    optional = true
    columns = { id = "i", kva = "k" }
    [[tables]]
    table = "transformers"
    layer = "t"
    joins = [{ layer = "units", on = "i", key = "id", aggregate = "sum" }]
    columns = { transformer_id = "i", sn_kva = { column = "units.kva", default = 50 } }
    """
    rows = apply_mapping({"t": pd.DataFrame({"i": ["1"]})}, parse_mapping(text, "m"), "s").layers[
        "transformers"
    ]
    assert rows["sn_kva"].to_list() == [50]


def test_a_code_unknown_in_a_made_layer_is_told_with_its_rows() -> None:
    text = """
    [[layers]]
    name = "units"
    layer = "t"
    columns = { id = "i", kva = { column = "c", codes = { 5 = 45 } } }
    [[tables]]
    table = "transformers"
    layer = "units"
    columns = { transformer_id = "id", sn_kva = "kva" }
    """
    mapped = apply_mapping(
        {"t": pd.DataFrame({"i": ["1", "2"], "c": ["5", "9"]})}, parse_mapping(text, "m"), "s"
    )
    assert mapped.layers["transformers"]["sn_kva"].to_list()[0] == 45
    assert "kva of layer 't': '9' in 1 rows is in no code table" in mapped.findings["message"].iloc[0]
