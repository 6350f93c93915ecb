"""Import: one faulty element costs that element, a faulty layer the file, and nothing gets lost."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import gis
from gis.findings import make_findings
from gis.importer import Imported, import_tables, require_network
from gis.rules import RULES, Tables
from tests.networks import raw_layers, station


def imported(layers: dict[str, pd.DataFrame], **options: object) -> Imported:
    return import_tables(layers, **options)  # type: ignore[arg-type]


def changed(table: str, element_id: str, **cells: object) -> dict[str, pd.DataFrame]:
    layers = raw_layers(station())
    frame = layers[table].copy()
    for column, value in cells.items():
        frame[column] = frame[column].astype(object)
        frame.loc[frame.iloc[:, 0] == element_id, column] = value
    return layers | {table: frame}


def test_a_sound_source_keeps_every_row_and_sets_nothing_aside() -> None:
    network = require_network(imported(raw_layers(station())), Path("s"))
    assert network.equals(station())
    assert network.quarantine.empty


@pytest.mark.parametrize(
    ("table", "element_id", "cells", "rule"),
    [
        ("loads", "H", {"p_kw": "many"}, "unreadable_cell"),
        ("loads", "H", {"p_kw": None}, "missing_value"),
        ("loads", "H", {"bus_id": "nowhere"}, "unknown_reference"),
        ("loads", "H", {"geometry": None}, "geometry_missing"),
        ("loads", "H", {"geometry": shapely.Point(np.nan, np.nan)}, "geometry_not_finite"),
        ("lines", "N", {"to_bus_id": "D"}, "line_self_loop"),
        ("lines", "N", {"length_m": -3}, "out_of_range"),
        ("lines", "N", {"to_bus_id": "A"}, "line_voltage"),
        ("transformers", "T", {"hv_bus_id": "nowhere"}, "unknown_reference"),
    ],
)
def test_a_faulty_element_is_set_aside_by_id_with_its_reason(
    table: str, element_id: str, cells: dict[str, object], rule: str
) -> None:
    result = imported(changed(table, element_id, **cells))
    network = require_network(result, Path("s"))
    aside = network.quarantine.set_index(["table", "element_id"])
    assert aside.loc[(table, element_id), "rule"] == rule
    assert element_id not in network.table(table).index
    named = result.findings.query("severity == 'quarantine'")
    assert (table, element_id) in set(zip(named["table"], named["element_id"], strict=True))


def test_kilowatts_read_are_modelled_or_set_aside() -> None:
    network = require_network(imported(changed("loads", "J", bus_id="nowhere")), Path("s"))
    assert network.loads["p_kw"].sum() == 30.0
    assert network.quarantine["p_kw"].sum() == 20.0
    assert network.quarantine["customers"].sum() == 1


def test_what_hangs_on_an_element_set_aside_is_set_aside_after_it() -> None:
    network = require_network(imported(changed("buses", "E", vn_kv=None)), Path("s"))
    aside = set(zip(network.quarantine["table"], network.quarantine["element_id"], strict=True))
    assert aside == {("buses", "E"), ("lines", "N"), ("loads", "J"), ("generators", "G")}


def test_an_id_that_stands_twice_counts_once_and_its_second_row_keeps_its_kilowatts() -> None:
    layers = raw_layers(station())
    layers["loads"] = pd.concat([layers["loads"], layers["loads"].iloc[:1].assign(p_kw=7.0)])
    network = require_network(imported(layers), Path("s"))
    assert network.loads.loc["H", "p_kw"] == 30.0
    assert network.quarantine[["element_id", "rule", "p_kw"]].to_numpy().tolist() == [
        ["H", "duplicate_id", 7.0]
    ]


def test_a_row_without_an_id_is_set_aside_by_its_number() -> None:
    layers = changed("loads", "J", load_id=None)
    network = require_network(imported(layers), Path("s"))
    assert network.quarantine[["element_id", "rule"]].to_numpy().tolist() == [["row 2", "missing_id"]]


def test_a_row_set_aside_by_its_number_keeps_its_place_in_the_system_of_the_network() -> None:
    layers = {
        name: frame.to_crs(4326) if isinstance(frame, gpd.GeoDataFrame) else frame
        for name, frame in raw_layers(station()).items()
    }
    loads = layers["loads"].copy()
    loads.loc[1, "load_id"] = None
    network = require_network(imported(layers | {"loads": loads}), Path("s"))
    place = network.quarantine["geometry"].iloc[0]
    assert network.lines.union_all().distance(place) < 1.0


def test_a_source_that_feeds_nothing_any_more_refuses_the_file() -> None:
    result = imported(changed("sources", "S", bus_id="nowhere"))
    assert result.network is None
    with pytest.raises(gis.InputError, match="no source is in service"):
        require_network(result, Path("s"))


def test_a_layer_without_a_coordinate_system_is_refused_until_one_is_stated() -> None:
    layers = raw_layers(station())
    layers["loads"] = layers["loads"].set_crs(None, allow_override=True)
    assert imported(layers).network is None
    stated = imported(layers, crs=station().crs)
    assert require_network(stated, Path("s")).equals(station())


def test_the_record_survives_the_file(tmp_path: Path) -> None:
    network = require_network(imported(changed("loads", "J", bus_id="nowhere")), Path("s"))
    gis.write_network(network, tmp_path / "n.gpkg")
    again = gis.read_network(tmp_path / "n.gpkg")
    columns = ["table", "element_id", "rule", "message", "p_kw", "customers", "cells"]
    pd.testing.assert_frame_equal(again.quarantine[columns], network.quarantine[columns], check_dtype=False)
    assert '"p_kw": 20.0' in again.quarantine["cells"].iloc[0]


def test_importing_what_was_imported_changes_nothing(tmp_path: Path) -> None:
    network = require_network(imported(changed("loads", "J", bus_id="nowhere")), Path("s"))
    again = require_network(imported(raw_layers(network)), Path("s"))
    assert again.equals(network)


def test_an_error_of_a_piece_of_a_cut_line_costs_the_line_that_was_read() -> None:
    """A service line cuts N; the rule doubts its pieces; what stands at N's ends stays, without supply."""
    layers = raw_layers(station())
    del layers["buses"], layers["switches"]
    for name, frame in layers.items():
        layers[name] = frame.drop(columns=[c for c in frame if c.endswith("bus_id")])
    main = layers["lines"].geometry.iloc[2]
    middle = main.interpolate(0.5, normalized=True)
    service = shapely.LineString([middle, (middle.x, middle.y + 9.0)])
    rows = layers["lines"].iloc[[2]].assign(line_id="Z", geometry=[service])
    layers["lines"] = pd.concat([layers["lines"], rows], ignore_index=True)

    def pieces_are_wrong(tables: Tables) -> pd.DataFrame:
        pieces = [i for i in tables["lines"].index if i.startswith("N#")]
        return make_findings("wrong_piece", "lines", pieces, "it is wrong")

    sound = require_network(imported(layers), Path("s"))
    assert sound.lines.index.to_list() == ["K", "L", "N#1", "N#2", "Z"]
    network = require_network(imported(layers, rules=(*RULES, pieces_are_wrong)), Path("s"))
    assert network.lines.index.to_list() == ["K", "L", "Z"]
    assert network.quarantine[["table", "element_id", "rule"]].to_numpy().tolist() == [
        ["lines", "N", "wrong_piece"]
    ]
    assert network.loads.index.to_list() == ["H", "J"]
