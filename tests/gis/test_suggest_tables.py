"""Proposals for tables of text cells: what CSV and Excel give, in which nothing has a type or a geometry."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from gis.formats import read_source
from gis.importer import import_tables, require_network
from gis.mapping import apply_mapping, parse_mapping
from gis.suggest import MappingSuggestion, suggest_mapping, to_toml
from tests.networks import raw_layers, station

GERMAN = {
    "Knoten": {"bus_id": "Knoten_Nr", "vn_kv": "Nennspannung_kV", "x": "Rechtswert", "y": "Hochwert"},
    "Leitungen": {
        "line_id": "Leitungs_Nr", "from_bus_id": "Anfangsknoten", "to_bus_id": "Endknoten",
        "vn_kv": "Spannung_kV", "type_id": "Kabeltyp", "length_m": "Laenge_m",
    },
    "Transformatoren": {
        "transformer_id": "Trafo_Nr", "hv_bus_id": "OS_Knoten", "lv_bus_id": "US_Knoten",
        "type_id": "Trafotyp",
    },
    "Schalter": {
        "switch_id": "Schalter_Nr", "kind": "Schalterart", "closed": "Schaltzustand", "bus_id": "Knoten",
        "element_id": "Leitung",
    },
    "Einspeisung": {"source_id": "Nr", "bus_id": "Knoten", "vm_pu": "Sollspannung_pu"},
    "Hausanschluesse": {
        "load_id": "Anschluss_Nr", "bus_id": "Knoten", "customer_class": "Kundenart",
        "p_kw": "Wirkleistung_kW",
    },
}  # fmt: skip
SPANISH = {
    "Nodos": {"bus_id": "id_nodo", "vn_kv": "tension_kv", "x": "coord_x", "y": "coord_y"},
    "Tramos": {
        "line_id": "id_tramo", "from_bus_id": "nodo_origen", "to_bus_id": "nodo_destino",
        "vn_kv": "tension_nominal_kv", "type_id": "tipo_conductor", "length_m": "longitud_m",
    },
    "Transformadores": {
        "transformer_id": "codigo", "hv_bus_id": "nodo_primario", "lv_bus_id": "nodo_secundario",
        "type_id": "modelo",
    },
    "Interruptores": {
        "switch_id": "codigo", "kind": "tipo", "closed": "estado", "bus_id": "nodo", "element_id": "tramo",
    },
    "Alimentacion": {"source_id": "codigo", "bus_id": "nodo", "vm_pu": "tension_pu"},
    "Clientes": {"load_id": "codigo", "bus_id": "nodo", "customer_class": "clase", "p_kw": "demanda_kw"},
}  # fmt: skip
TABLES = ("buses", "lines", "transformers", "switches", "sources", "loads")
CELLS = {
    "GERMAN": {
        "closed": "geschlossen",
        "fuse": "Sicherung",
        "residential": "Haushalt",
        "commercial": "Gewerbe",
    },
    "SPANISH": {
        "closed": "cerrado",
        "fuse": "fusible",
        "residential": "residencial",
        "commercial": "comercial",
    },
}


def folder(path: Path, names: dict[str, dict[str, str]], words: dict[str, str], decimal: str) -> Path:
    """The station as CSV files of that language."""
    raw = raw_layers(station())
    buses = raw["buses"].assign(x=raw["buses"].geometry.x, y=raw["buses"].geometry.y)
    raw |= {"buses": buses, "switches": raw["switches"].assign(kind="fuse")}
    path.mkdir()
    for table, (layer, columns) in zip(TABLES, names.items(), strict=True):
        frame = pd.DataFrame(raw[table])[list(columns)].rename(columns=columns)
        coded = frame.replace({True: words["closed"]} | words)
        coded.to_csv(path / f"{layer}.csv", sep=";", decimal=decimal, index=False)
    return path


@pytest.fixture(params=["GERMAN", "SPANISH"])
def proposed(
    request: pytest.FixtureRequest, tmp_path: Path
) -> tuple[MappingSuggestion, dict[str, pd.DataFrame]]:
    names = {"GERMAN": GERMAN, "SPANISH": SPANISH}[request.param]
    path = folder(tmp_path / "f", names, CELLS[request.param], "," if request.param == "GERMAN" else ".")
    layers = read_source(path).layers
    suggestion = suggest_mapping(layers, "f")
    for table, (layer, columns) in zip(TABLES, names.items(), strict=True):
        told = next(t for t in suggestion.tables if t.layer == layer)
        wanted = {c: name for c, name in columns.items() if c not in ("x", "y")}
        got = {c: p.source if (p := told.proposal(c)) else None for c in wanted}
        assert (told.table, got) == (table, wanted)
    return suggestion, layers


def test_a_folder_of_tables_is_imported_by_the_mapping_proposed_for_it(
    proposed: tuple[MappingSuggestion, dict[str, pd.DataFrame]],
) -> None:
    suggestion, layers = proposed
    (lacking,) = suggestion.lacking
    assert lacking.startswith("the coordinate reference system (CRS)")
    mapping = parse_mapping('crs = "EPSG:25832"\n' + to_toml(suggestion), "m")
    mapped = apply_mapping(layers, mapping, "f")
    network = require_network(import_tables(mapped.layers, found=mapped.findings), Path("f"))
    wanted = station()
    assert network.quarantine.empty
    for table, columns in {
        "lines": ["from_bus_id", "to_bus_id", "vn_kv", "type_id", "length_m"],
        "loads": ["bus_id", "customer_class", "p_kw"],
        "switches": ["bus_id", "element_table", "element_id", "closed"],
        "transformers": ["hv_bus_id", "lv_bus_id", "type_id"],
    }.items():
        pd.testing.assert_frame_equal(
            network.table(table)[columns], wanted.table(table)[columns], check_dtype=False
        )


def test_a_table_whose_name_says_nothing_is_told_by_its_columns_and_coordinates() -> None:
    cells = {
        "id": "007",
        "customer": "=A1",
        "node": "B1",
        "p_kw": "28.0",
        "q_kvar": "3.0",
        "x": "431357",
        "y": "565111",
    }
    (table,) = suggest_mapping({"export_2024": pd.DataFrame([cells] * 3)}, "t").tables
    assert (table.table, table.geometry) == ("loads", {"x": "x", "y": "y"})


def test_coordinates_in_degrees_name_their_system(tmp_path: Path) -> None:
    cells = {
        "Knoten_Nr": ["a", "b"],
        "Nennspannung_kV": ["20", "20"],
        "x": ["8,1", "8,2"],
        "y": ["48,1", "48,2"],
    }
    suggestion = suggest_mapping({"Knoten": pd.DataFrame(cells)}, "t")
    assert 'crs = "EPSG:4326"' in to_toml(suggestion)


@pytest.mark.parametrize(
    ("voltages", "factor"),
    [
        (["230", "400"], 0.001),  # low voltage in V
        (["20000", "400"], 0.001),
        (["20", "0.4"], None),
        (["220", "110"], None),  # 110 is no low voltage
        (["500", "220"], None),
        (["345"], None),
    ],
)
def test_volts_and_kilovolts_are_told_apart(voltages: list[str], factor: float | None) -> None:
    count = 8 // len(voltages)
    cells = {"line": [str(n) for n in range(count * len(voltages))], "voltage": voltages * count}
    lines = next(t for t in suggest_mapping({"lines": pd.DataFrame(cells)}, "t").tables)
    voltage = lines.proposal("vn_kv")
    assert voltage is not None and voltage.factor == factor


@pytest.mark.parametrize(("length_m", "factor"), [(40_000.0, None), (60.0, 0.001)])
def test_a_network_of_220_is_of_kilovolts_where_its_lines_are_long(
    length_m: float, factor: float | None
) -> None:
    drawn = shapely.linestrings([[[0.0, 1.0], [length_m, 1.0]]] * 9)
    cells = {"line": [str(n) for n in range(9)], "voltage": [220.0] * 9}
    layer = gpd.GeoDataFrame(cells, geometry=drawn, crs="EPSG:25832")
    (lines,) = suggest_mapping({"lines": layer}, "t").tables
    voltage = lines.proposal("vn_kv")
    assert voltage is not None and voltage.factor == factor
