"""Mapping files: columns of any source become canonical ones, and every fault is named at once."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import gis
from gis.importer import import_file, require_network
from gis.mapping import apply_mapping, parse_mapping, read_mapping
from tests.networks import raw_layers, station, write_raw

GERMAN = """
name = "Stadtwerke"
[[tables]]
table = "buses"
layer = "Knoten"
columns = { bus_id = "Nr", vn_kv = { column = "Spannung_V", factor = 0.001 } }
[[tables]]
table = "lines"
layer = "Leitungen"
[tables.columns]
line_id = "Nr"
from_bus_id = "von"
to_bus_id = "nach"
vn_kv = { column = "Spannung_V", factor = 0.001 }
length_m = { column = "Laenge_km", factor = 1000 }
in_service = { column = "Zustand", codes = { ein = true, aus = false } }
[[tables]]
table = "transformers"
layer = "Trafos"
columns = { transformer_id = "Nr" }
[[tables]]
table = "sources"
layer = "Einspeisung"
columns = { source_id = "Nr", vm_pu = { value = 1.01 } }
[[tables]]
table = "loads"
layer = "Kunden"
where = { Art = ["residential"] }
columns = { load_id = "Nr", customer_class = "Art", p_kw = { column = "P_W", factor = 0.001 } }
"""


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    path = tmp_path / "m.toml"
    path.write_text(GERMAN, encoding="utf-8")
    return path


def german() -> dict[str, pd.DataFrame]:
    """The station as another house would keep it: its own names, V, W and km."""
    raw = raw_layers(station())
    buses, lines, loads = raw["buses"], raw["lines"], raw["loads"]
    names = {"line_id": "Nr", "from_bus_id": "von", "to_bus_id": "nach"}
    lines = lines.rename(columns=names).assign(
        Spannung_V=lines["vn_kv"] * 1000.0, Laenge_km=lines["length_m"] / 1000.0, Zustand="ein"
    )
    return {
        "Knoten": buses.rename(columns={"bus_id": "Nr"})
        .assign(Spannung_V=buses["vn_kv"] * 1000.0)
        .drop(columns="vn_kv"),
        "Leitungen": lines.drop(columns=["vn_kv", "length_m", "in_service"]),
        "Trafos": raw["transformers"].rename(columns={"transformer_id": "Nr"}),
        "Einspeisung": raw["sources"].rename(columns={"source_id": "Nr"}).drop(columns="vm_pu"),
        "Kunden": loads.rename(columns={"load_id": "Nr", "customer_class": "Art"})
        .assign(P_W=loads["p_kw"] * 1000.0)
        .drop(columns="p_kw"),
    }


def test_a_mapped_file_is_the_network_it_describes(tmp_path: Path, mapping: Path) -> None:
    path = write_raw(german(), tmp_path / "g.gpkg")
    network = require_network(import_file(path, mapping=mapping), path)
    wanted = station()
    for table, columns in {
        "lines": ["from_bus_id", "to_bus_id", "vn_kv", "type_id", "in_service"],
        "buses": ["vn_kv"],
        "transformers": ["hv_bus_id", "lv_bus_id", "type_id"],
    }.items():
        pd.testing.assert_frame_equal(network.table(table)[columns], wanted.table(table)[columns])
    assert network.lines["length_m"].to_list() == pytest.approx(wanted.lines["length_m"].to_list())
    assert network.sources["vm_pu"].to_list() == [1.01]


def test_rows_a_filter_leaves_out_are_not_taken_and_counted(mapping: Path) -> None:
    mapped = apply_mapping(german(), read_mapping(mapping), "g")
    assert mapped.layers["loads"]["load_id"].to_list() == ["H"]
    assert mapped.layers["loads"]["p_kw"].to_list() == pytest.approx([30.0])
    (told,) = mapped.findings["message"]
    assert told.startswith("1 of 2 rows of layer 'Kunden' are left out")


def test_a_value_no_code_table_knows_costs_its_element_alone(mapping: Path, tmp_path: Path) -> None:
    layers = german()
    layers["Leitungen"] = layers["Leitungen"].assign(Zustand=["ein", "kaputt", "ein"])
    path = write_raw(layers, tmp_path / "g.gpkg")
    network = require_network(import_file(path, mapping=mapping), path)
    row = network.quarantine.query("table == 'lines'").iloc[0]
    assert (row["element_id"], row["rule"]) == ("L", "unknown_code")


def test_layers_in_two_systems_are_stacked_in_one(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_text(
        "[[tables]]\ntable='loads'\nlayer='a'\n[[tables]]\ntable='loads'\nlayer='B'\n", encoding="utf-8"
    )
    loads = raw_layers(station())["loads"]
    mapped = apply_mapping({"a": loads, "b": loads.to_crs("EPSG:4326")}, read_mapping(path), "x")
    both = mapped.layers["loads"]
    assert both.crs == loads.crs
    assert both.geometry[: len(loads)].distance(both.geometry[len(loads) :], align=False).max() < 1e-3


def test_a_line_without_geometry_runs_between_its_nodes() -> None:
    text = """
    crs = "EPSG:25832"
    [codes.state]
    on = true
    [[tables]]
    table = "lines"
    layer = "branches"
    joins = [{ layer = "units", on = "nr", key = "branch", aggregate = "sum" }]
    geometry = { layer = "nodes", key = "id", from = "a", to = "b", x = "x", y = "y" }
    [tables.columns]
    line_id = "nr"
    in_service = { column = "z", codes = "state", default = false }
    r_ohm_per_km = { column = "r", divide = "km" }
    x_ohm_per_km = { hypot = ["r", "x"], factor = 2 }
    i_max_a = "units.amps"
    length_m = { sum = ["km", "x"], factor = 1000 }
    """
    layers = {
        "branches": pd.DataFrame({"nr": [1.0, 2.0], "a": [10, 10], "b": [11, 12], "z": ["on", None],
                                  "r": ["3", "1"], "x": [4.0, None], "km": [2.0, 0.0]}),
        "nodes": pd.DataFrame({"id": ["10", "11"], "x": [0.0, 30.0], "y": [0.0, 40.0]}),
        "units": pd.DataFrame({"branch": [1, 1, 2], "amps": [100.0, 150.0, 80.0]}),
    }  # fmt: skip
    lines = apply_mapping(layers, parse_mapping(text, "m"), "x").layers["lines"]
    assert lines.geometry.length.iloc[0] == 50.0
    assert lines.geometry.isna().to_list() == [False, True]
    assert lines["in_service"].to_list() == [True, False]
    assert lines["i_max_a"].to_list() == [250.0, 80.0]
    assert lines["x_ohm_per_km"].iloc[0] == 10.0
    assert lines["r_ohm_per_km"].iloc[0] == 1.5
    assert lines["length_m"].to_list() == [6000.0, 0.0]


def test_all_layers_and_columns_that_are_not_there_are_named_at_once(mapping: Path) -> None:
    layers = german()
    del layers["Trafos"]
    layers["Kunden"] = layers["Kunden"].drop(columns=["P_W", "Art"])
    with pytest.raises(gis.InputError) as caught:
        apply_mapping(layers, read_mapping(mapping), "g")
    said = str(caught.value)
    assert all(name in said for name in ("'Trafos'", "'P_W'", "'Art'"))


def test_a_number_that_cannot_be_read_stays_for_the_rules_to_name(mapping: Path) -> None:
    layers = german()
    layers["Kunden"] = layers["Kunden"].assign(P_W=["about 30", "2"])
    mapped = apply_mapping(layers, read_mapping(mapping), "g")
    assert mapped.layers["loads"]["p_kw"].to_list() == ["about 30"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = ", "no readable TOML"),
        ("name = 'x'", "maps no table"),
        ("tables = 3", "maps no table"),
        ("colour = 1\n[[tables]]\ntable='lines'\nlayer='x'", "unknown word 'colour'"),
        ("[[tables]]\ntable='cables'\nlayer='x'", "'cables' is none of"),
        ("[[tables]]\ntable='lines'", "layer is missing"),
        ("[[tables]]\ntable='lines'\nlayer='x'\ncolumns={colour='c'}", "no column 'colour'"),
        ("[[tables]]\ntable='lines'\nlayer='x'\ncolumns={vn_kv={factor=2}}", "give one of column"),
        ("[[tables]]\ntable='lines'\nlayer='x'\ncolumns={vn_kv={column='v', factor=0}}", "other than 0"),
        ("[[tables]]\ntable='lines'\nlayer='x'\ncolumns={vn_kv={column='v', codes=1}}", "codes must be"),
        ("[[tables]]\ntable='lines'\nlayer='x'\ncolumns={vn_kv={value=1, unit='V'}}", "unknown word 'unit'"),
    ],
)
def test_a_mapping_with_a_fault_says_which(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "m.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(gis.InputError, match=said):
        read_mapping(path)


def test_a_filter_sees_joined_columns_and_a_sum_leaves_text_alone() -> None:
    text = """
    [[tables]]
    table = "lines"
    layer = "a"
    where = { "u.live" = [true], "u.n" = [1] }
    joins = [{ layer = "u", on = "nr", key = "k", aggregate = "sum" }]
    columns = { line_id = "nr", name = "u.note" }
    """
    units = pd.DataFrame({"k": ["1", "2"], "live": [True, False], "n": [1.0, 1.0], "note": ["x", "y"]})
    rows = apply_mapping(
        {"a": pd.DataFrame({"nr": [1, 2]}), "u": units.astype({"live": object})},
        parse_mapping(text, "m"),
        "x",
    ).layers["lines"]
    assert rows[["line_id", "name"]].to_numpy().tolist() == [[1, "x"]]


def test_the_system_named_on_the_command_wins_over_the_mapping(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_text('crs = "EPSG:25833"\n' + GERMAN, encoding="utf-8")
    layers = {
        name: frame.set_crs(None, allow_override=True) if hasattr(frame, "crs") else frame
        for name, frame in german().items()
    }
    with pytest.warns(UserWarning, match="crs"):
        source = write_raw(layers, tmp_path / "g.gpkg")
    network = require_network(import_file(source, mapping=path, crs="EPSG:25832"), source)
    assert network.crs.to_epsg() == 25832


def test_layers_that_cannot_be_placed_are_named(tmp_path: Path) -> None:
    loads = raw_layers(station())["loads"]
    mapping = parse_mapping("[[tables]]\ntable='loads'\nlayer='a'\n[[tables]]\ntable='loads'\nlayer='b'", "m")
    bare = loads.set_crs(None, allow_override=True)
    with pytest.raises(gis.InputError, match="layer 'b' has no coordinate reference system"):
        apply_mapping({"a": loads, "b": bare}, mapping, "x")
    text = "[[tables]]\ntable='loads'\nlayer='a'\ngeometry={layer='n', key='k', from='bus_id'}"
    with pytest.raises(gis.InputError, match="layer 'n' has no geometry; name its columns x and y"):
        apply_mapping({"a": loads, "n": pd.DataFrame({"k": [1]})}, parse_mapping(text, "m"), "x")
