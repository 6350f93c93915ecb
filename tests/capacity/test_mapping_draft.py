"""A mapping as rows to edit: what is edited comes back, what rows cannot express stays as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import gis
from capacity.mapping_draft import (
    code_rows,
    coded_columns,
    column_rows,
    draft_of,
    is_canonical,
    lacking,
    needs_crs,
    parse_cell,
    propose,
    source_columns,
    with_codes,
    with_coordinates,
    with_rows,
)
from gis import TABLES
from gis.importer import import_tables, require_network
from gis.mapping import LayerMapping, apply_mapping, mapping_toml, parse_mapping
from tests.networks import raw_layers, station

KINDS = {"residential": "Haushalt", "commercial": "Gewerbe"}
WRITTEN = """
crs = "EPSG:25832"
[source]
encoding = "gb18030"
[codes.state]
"an `x` ${y}" = true
off = false
[[tables]]
table = "lines"
layer = "Kabel"
where = { status = ["in use"] }
joins = [{ layer = "Typen", on = "typ", key = "nr" }]
[tables.columns]
line_id = "nr"
r_ohm_per_km = { column = "r", divide = "km" }
i_max_a = { column = "Typen.I" }
length_m = { column = "km", factor = 1000 }
in_service = { column = "zustand", codes = "state", default = true }
x_ohm_per_km = { value = 0.1 }
"""


def town() -> dict[str, pd.DataFrame]:
    """The station as a German house keeps it: own names, kilometres, words for classes."""
    raw = raw_layers(station())
    lines = raw["lines"][["line_id", "vn_kv", "type_id", "length_m", "geometry"]]
    lines = lines.assign(length_m=lines["length_m"] / 1000.0)
    loads = raw["loads"][["load_id", "customer_class", "p_kw", "geometry"]]
    loads = loads.assign(customer_class=loads["customer_class"].map(KINDS))
    stations = raw["transformers"][["transformer_id", "type_id", "vn_hv_kv", "vn_lv_kv", "geometry"]]
    stations = stations.assign(vn_hv_kv=20.0, vn_lv_kv=0.4)
    sources = raw["sources"][["source_id", "geometry"]]
    names = ("Kabelnummer", "Spannung_kV", "Kabeltyp", "Laenge_km", "geometry")
    return {
        "Kabel": lines.set_axis(names, axis=1),
        "Hausanschluesse": loads.set_axis(["Nr", "Kundenart", "Leistung_kW", "geometry"], axis=1),
        "Trafos": stations.set_axis(["Trafonummer", "Trafotyp", "OS_kV", "US_kV", "geometry"], axis=1),
        "Netzeinspeisung": sources.set_axis(["Einspeisung_Nr", "geometry"], axis=1),
    }


def mapping_of(layers: dict[str, pd.DataFrame]) -> LayerMapping:
    mapping = propose(layers, "town").mapping
    assert mapping is not None
    return mapping


def edited(rows: pd.DataFrame, column: str, **cells: object) -> pd.DataFrame:
    changed = rows.copy()
    for name, value in cells.items():
        changed.loc[changed["column"] == column, name] = value
    return changed


def test_a_mapping_written_as_toml_reads_as_the_same_mapping() -> None:
    mapping = parse_mapping(WRITTEN, "w")
    assert parse_mapping(mapping_toml(mapping), "again") == mapping


def test_a_proposal_has_a_row_per_column_with_how_sure_and_why() -> None:
    draft = propose(town(), "town")
    rows = column_rows(draft, draft.mapping.tables[0]).set_index("column")
    assert set(rows.index) == {column.name for column in TABLES["lines"].columns}
    assert rows.loc["length_m", ["source", "factor"]].tolist() == ["Laenge_km", 1000.0]
    assert rows.loc["type_id", "how_sure"] == "sure"
    assert "German" in rows.loc["type_id", "why"]
    assert rows.loc["vn_kv", "needed"] == "needed"


def test_a_table_decided_by_a_person_is_proposed_as_that_table() -> None:
    layers = town() | {"Unklar": town()["Trafos"]}
    draft = propose(layers, "town", {"Unklar": "generators", "Trafos": ""})
    assert {t.layer: t.table for t in draft.mapping.tables}["Unklar"] == "generators"
    assert ("Trafos", "left out by you") in draft.left


def test_unedited_rows_are_the_mapping_they_came_from() -> None:
    mapping = parse_mapping(WRITTEN, "w")
    draft = draft_of(mapping, {})
    assert with_rows(mapping.tables[0], column_rows(draft, mapping.tables[0])) == mapping.tables[0]


def test_edited_rows_change_source_factor_value_and_default() -> None:
    mapping = parse_mapping(WRITTEN, "w")
    rows = column_rows(draft_of(mapping, {}), mapping.tables[0])
    rows = edited(rows, "length_m", source="meter", factor=np.nan, value="5")
    rows = edited(rows, "x_ohm_per_km", value="0.2")
    rows = edited(rows, "line_id", source=None)
    columns = with_rows(mapping.tables[0], rows).columns
    assert (columns["length_m"].column, columns["length_m"].factor, columns["length_m"].default) == (
        "meter",
        None,
        5.0,
    )
    assert columns["x_ohm_per_km"].value == 0.2
    assert "line_id" not in columns
    assert columns["r_ohm_per_km"].divide == "km"


def test_entries_that_do_not_fit_are_refused_all_at_once() -> None:
    mapping = parse_mapping(WRITTEN, "w")
    rows = column_rows(draft_of(mapping, {}), mapping.tables[0])
    rows = edited(edited(rows, "vn_kv", value="high"), "in_service", value="perhaps")
    rows = edited(rows, "length_m", factor=0.0)
    with pytest.raises(gis.InputError) as refused:
        with_rows(mapping.tables[0], rows)
    told = "\n".join(refused.value.findings["message"])
    assert all(word in told for word in ("vn_kv: 'high'", "in_service: 'perhaps'", "length_m: a factor of 0"))


def test_sources_offered_are_columns_of_the_layer_of_joins_and_of_the_mapping() -> None:
    table = parse_mapping(WRITTEN, "w").tables[0]
    layers = {"kabel": pd.DataFrame({"nr": [1], "typ": [1]}), "Typen": pd.DataFrame({"nr": [1], "I": [1.0]})}
    assert source_columns(layers, table)[:4] == ["nr", "typ", "Typen.nr", "Typen.I"]
    assert "r; divide: km" in source_columns(layers, table)


def test_codes_show_every_value_with_its_count_and_meaning() -> None:
    layers = town()
    mapping = mapping_of(layers)
    loads = next(t for t in mapping.tables if t.table == "loads")
    assert coded_columns(layers, mapping, loads) == ["customer_class"]
    rows = code_rows(layers, mapping, loads, "customer_class").set_index("value")
    assert rows["rows"].to_dict() == {"Haushalt": 1, "Gewerbe": 1}
    assert rows.loc["Haushalt", "means"] == "residential"


def test_an_edited_code_is_mapped_and_a_value_without_meaning_is_set_aside() -> None:
    layers = town()
    mapping = mapping_of(layers)
    loads = next(t for t in mapping.tables if t.table == "loads")
    rows = pd.DataFrame({"value": ["Haushalt", "Gewerbe"], "rows": [1, 1], "means": ["public", None]})
    table = with_codes(mapping, loads, "customer_class", rows)
    assert table.columns["customer_class"].codes == {"Haushalt": "public"}
    mapped = apply_mapping(layers, mapping.model_copy(update={"tables": [table]}), "town")
    assert mapped.layers["loads"]["customer_class"].dropna().tolist() == ["public"]
    assert mapped.findings["rule"].tolist() == ["unknown_code"]


def test_values_that_mean_themselves_need_no_codes() -> None:
    raw = raw_layers(station())
    mapping = parse_mapping(
        '[[tables]]\ntable = "loads"\nlayer = "loads"\n'
        '[tables.columns]\ncustomer_class = "customer_class"\nin_service = "in_service"\n',
        "w",
    )
    table = mapping.tables[0]
    for column in ("customer_class", "in_service"):
        rows = code_rows(raw, mapping, table, column)
        assert rows["means"].notna().all()
        table = with_codes(mapping, table, column, rows)
    assert table == mapping.tables[0]


def test_what_a_network_needs_is_listed_until_it_is_there() -> None:
    layers = town()
    mapping = mapping_of(layers)
    assert lacking(layers, mapping) == []
    fewer = [t for t in mapping.tables if t.table != "sources"]
    bare = fewer[0].model_copy(update={"columns": {}})
    told = dict(lacking(layers, mapping.model_copy(update={"tables": [bare, *fewer[1:]]})))
    assert "a network needs one" in told["sources"]
    assert told["lines"].startswith("one of: type_id or ")
    assert [table for table, _ in lacking(layers, None)] == ["lines", "sources", "loads"]


def test_a_table_without_places_asks_for_coordinates_and_their_system() -> None:
    layers = town()
    loads = pd.DataFrame(layers["Hausanschluesse"].drop(columns="geometry")).assign(Ost=1.0, Nord=2.0)
    layers["Hausanschluesse"] = loads
    mapping = mapping_of(layers)
    number = next(n for n, t in enumerate(mapping.tables) if t.table == "loads")
    bare = mapping.model_copy(update={"tables": [with_coordinates(mapping.tables[number], None, None)]})
    assert any("a place" in told for _, told in lacking(layers, bare))
    placed = mapping.model_copy(update={"tables": [with_coordinates(bare.tables[0], "Ost", "Nord")]})
    assert not any("a place" in told for _, told in lacking(layers, placed))
    assert needs_crs(layers, placed) == ["Hausanschluesse"]


def test_canonical_layers_need_no_mapping_and_foreign_ones_do() -> None:
    assert is_canonical(raw_layers(station()))
    assert not is_canonical(town())


def test_a_layer_without_a_system_is_named() -> None:
    layers = town()
    layers["Kabel"] = layers["Kabel"].set_crs(None, allow_override=True)
    assert needs_crs(layers, mapping_of(layers)) == ["Kabel"]


def test_the_proposal_edited_in_one_column_gives_the_network_it_describes() -> None:
    layers = town()
    draft = propose(layers, "town")
    tables = []
    for table in draft.mapping.tables:
        rows = column_rows(draft, table)
        if table.table == "transformers":
            rows = edited(edited(rows, "vn_hv_kv", source="OS_kV"), "vn_lv_kv", source="US_kV")
        tables.append(with_rows(table, rows))
    mapping = draft.mapping.model_copy(update={"tables": tables})
    found = import_tables(apply_mapping(layers, mapping, "t").layers)
    network = require_network(found, Path("t"))
    assert network.quarantine.empty
    assert network.lines["length_m"].to_dict() == pytest.approx(station().lines["length_m"].to_dict())
    assert network.loads["customer_class"].to_dict() == station().loads["customer_class"].to_dict()


@pytest.mark.parametrize(
    ("table", "column", "text", "value"),
    [
        ("lines", "vn_kv", "0.4", 0.4),
        ("lines", "parallel", "2", 2),
        ("lines", "in_service", "No", False),
        ("lines", "type_id", " NAYY ", "NAYY"),
        ("loads", "customer_class", "public", "public"),
    ],
)
def test_a_value_is_read_in_the_kind_of_its_column(table: str, column: str, text: str, value: object) -> None:
    read = parse_cell(text, TABLES[table].column(column))
    assert read == value
    assert type(read) is type(value)
