"""Mapping files: columns of any source become canonical ones, and every fault is named at once."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import gis
from gis.importer import import_file, require_network
from gis.mapping import apply_mapping, read_mapping
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


def test_rows_a_filter_leaves_out_are_not_taken(mapping: Path) -> None:
    tables = apply_mapping(german(), read_mapping(mapping), "g")
    assert tables["loads"]["load_id"].to_list() == ["H"]
    assert tables["loads"]["p_kw"].to_list() == pytest.approx([30.0])


def test_a_value_no_code_table_knows_is_named_by_id(mapping: Path) -> None:
    layers = german()
    layers["Leitungen"] = layers["Leitungen"].assign(Zustand=["ein", "kaputt", "ein"])
    with pytest.raises(gis.InputError) as caught:
        apply_mapping(layers, read_mapping(mapping), "g")
    assert caught.value.findings[["rule", "element_id", "value"]].to_numpy().tolist() == [
        ["unknown_code", "L", "kaputt"]
    ]


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
    assert apply_mapping(layers, read_mapping(mapping), "g")["loads"]["p_kw"].to_list() == ["about 30"]


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
        ("[[tables]]\ntable='lines'\nlayer='x'\ncolumns={vn_kv={factor=2}}", "either column or value"),
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
