"""Suggestions: columns by name in five languages and by value; what is not known is said, never invented."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pandas as pd
import pytest

from gis.importer import import_tables
from gis.mapping import apply_mapping, parse_mapping, read_mapping
from gis.suggest import suggest_mapping, to_toml
from tests.networks import raw_layers, station

NAMES = {
    "de": {
        "lines": ("Leitungen", "Nr", "von_Knoten", "nach_Knoten", "Nennspannung_V", "Laenge_km", "Kabeltyp"),
        "loads": ("Hausanschlüsse", "Nr", "Knoten", "Leistung_W", "Kundenart"),
        "cells": {"residential": "Haushalt", "commercial": "Gewerbe"},
    },
    "pt": {
        "lines": (
            "Trechos",
            "codigo",
            "barra_inicial",
            "barra_final",
            "tensao_V",
            "comprimento_km",
            "tipo_cabo",
        ),
        "loads": ("Consumidores", "codigo", "barra", "potencia_W", "classe"),
        "cells": {"residential": "Residencial", "commercial": "Comercial"},
    },
    "zh": {
        "lines": ("线路", "编号", "起点", "终点", "电压_V", "长度_km", "型号"),
        "loads": ("用户", "编号", "节点", "功率_W", "用户类别"),
        "cells": {"residential": "居民", "commercial": "商业"},
    },
}
LINES = ("line_id", "from_bus_id", "to_bus_id", "vn_kv", "length_m", "type_id")
LOADS = ("load_id", "bus_id", "p_kw", "customer_class")


def foreign(language: str) -> dict[str, pd.DataFrame]:
    """The station's lines and loads as a house of that language keeps them: V, W and km."""
    raw, words = raw_layers(station()), NAMES[language]
    lines = raw["lines"][[*LINES, "geometry"]]
    lines = lines.assign(vn_kv=lines["vn_kv"] * 1000.0, length_m=lines["length_m"] / 1000.0)
    loads = raw["loads"][[*LOADS, "geometry"]]
    loads = loads.assign(
        p_kw=loads["p_kw"] * 1000.0, customer_class=loads["customer_class"].map(words["cells"])
    )
    return {
        words["lines"][0]: lines.rename(columns=dict(zip(LINES, words["lines"][1:], strict=True))),
        words["loads"][0]: loads.rename(columns=dict(zip(LOADS, words["loads"][1:], strict=True))),
        "sources": raw["sources"],
        "transformers": raw["transformers"],
    }


@pytest.mark.parametrize("language", NAMES)
def test_columns_of_another_language_are_proposed_with_their_units(language: str) -> None:
    suggestion = suggest_mapping(foreign(language), "t")
    tables = {t.table: t for t in suggestion.tables}
    words = NAMES[language]
    for table, columns in (("lines", LINES), ("loads", LOADS)):
        got = [p.source if (p := tables[table].proposal(c)) else None for c in columns]
        assert got == list(words[table][1:])
    assert tables["lines"].proposal("length_m").factor == 1000
    assert tables["lines"].proposal("vn_kv").factor == 0.001
    assert tables["loads"].proposal("p_kw").factor == 0.001


@pytest.mark.parametrize("language", NAMES)
def test_a_suggested_mapping_imports_as_the_network_it_was_made_of(language: str, tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_text(to_toml(suggest_mapping(foreign(language), "t")), encoding="utf-8")
    network = import_tables(apply_mapping(foreign(language), read_mapping(path), "t").layers).network
    assert network is not None
    wanted = station()
    assert network.loads["p_kw"].to_list() == pytest.approx(wanted.loads["p_kw"].to_list())
    assert network.loads["customer_class"].to_list() == wanted.loads["customer_class"].to_list()
    assert network.lines["length_m"].to_list() == pytest.approx(wanted.lines["length_m"].to_list())
    assert network.lines["vn_kv"].to_list() == pytest.approx(wanted.lines["vn_kv"].to_list())


def test_what_is_required_and_not_there_is_listed() -> None:
    layers = foreign("de")
    del layers["sources"]
    layers["Leitungen"] = layers["Leitungen"].drop(columns=["Nennspannung_V"])
    text = to_toml(suggest_mapping(layers, 'a "b"\nc'))
    assert "MISSING: no layer looks like sources" in text
    assert "MISSING: vn_kv" in text
    assert tomllib.loads(text)["name"] == 'a "b"\nc'


def test_a_value_nothing_tells_is_called_an_assumption() -> None:
    layers = foreign("de")
    layers["Hausanschlüsse"] = layers["Hausanschlüsse"].drop(columns=["Kundenart"])
    loads = next(t for t in suggest_mapping(layers, "t").tables if t.table == "loads")
    assumed = loads.proposal("customer_class")
    assert assumed is not None
    assert assumed.value == "other" and assumed.confidence < 0.4


def test_a_layer_without_geometry_is_placed_by_its_buses() -> None:
    raw = raw_layers(station())
    buses = pd.DataFrame(raw["buses"].drop(columns="geometry")).assign(
        x=raw["buses"].geometry.x, y=raw["buses"].geometry.y
    )
    tables = raw | {"buses": buses, "loads": pd.DataFrame(raw["loads"].drop(columns="geometry"))}
    text = 'crs = "EPSG:25832"\n' + to_toml(suggest_mapping(tables, "t"))
    mapped = apply_mapping(tables, parse_mapping(text, "m"), "t").layers
    assert mapped["loads"].geometry.notna().all()
