"""Result files: one truth in three formats, the same bytes each time, drawn when QGIS opens them."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from itertools import pairwise
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
import shapely
from pyproj import CRS

from capacity.output import write_layer
from capacity.result_files import (
    GEOPACKAGE,
    RECORD,
    layers_of,
    require_results_folder,
    settle,
    sha256_of,
    write_results,
)
from capacity.result_styles import STYLES, ByValue, Shape, layer_style
from gis import InputError
from gis.formats.spreadsheet import FORMULA_STARTS
from gis.webmap.palette import NO_DATA_COLOUR, PALETTE

METRIC = CRS("EPSG:25832")
# As QGIS makes it (QgsOgrProviderMetadata::saveStyle): names are looked up as they stand.
STYLE_COLUMNS = (
    "id", "f_table_catalog", "f_table_schema", "f_table_name", "f_geometry_column", "styleName", "styleQML",
    "styleSLD", "useAsDefault", "description", "owner", "ui", "update_time",
)  # fmt: skip


def _tables() -> dict[str, pd.DataFrame]:
    """A cable, a transformer and an island without a place; and a table without any places."""
    places = [
        shapely.LineString([(417_000.0, 5_367_000.0), (417_100.0, 5_367_050.0)]),
        shapely.Point(417_050.0, 5_367_000.0),
        None,
    ]
    rows = {
        "element_id": ["=cmd()", "T1", "island"],
        "loading_percent": [141.000000049, 88.0, float("inf")],
        "hour": pd.to_datetime(["2030-01-07T17:00Z", "2030-01-07T18:00Z", None], utc=True),
        "customers": pd.array([3, 17, None], dtype="Int64"),
    }
    return {
        "bottlenecks": pd.DataFrame({**rows, "geometry": places}),
        "years": pd.DataFrame({"scenario": ["base"], "unserved_kw": [-0.0]}),
    }


def _renderer(qml: str) -> Element:
    renderer = fromstring(qml.split("\n", 1)[1]).find("renderer-v2")
    assert renderer is not None
    return renderer


def _hashes(folder: Path) -> dict[str, str]:
    return {file.name: sha256_of(file) for file in sorted(folder.iterdir())}


def test_the_same_tables_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_results(tmp_path / "a", _tables(), {"seed": 0}, crs=METRIC)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OGR_CURRENT_DATE", "2031-05-06T00:00:00.000Z")  # as if written years later
    write_results(Path("elsewhere"), _tables(), {"seed": 0}, crs=METRIC)
    assert _hashes(tmp_path / "a") == _hashes(tmp_path / "elsewhere")


def test_csv_geopackage_and_record_agree(tmp_path: Path) -> None:
    write_results(tmp_path / "out", _tables(), {"seed": 3}, crs=METRIC)
    record = json.loads((tmp_path / "out" / RECORD).read_text(encoding="utf-8"))
    assert record["seed"] == 3
    assert [row["table"] for row in record["tables"]] == ["bottlenecks", "years"]
    for row in record["tables"]:
        file = tmp_path / "out" / row["csv"]
        assert sha256_of(file) == row["sha256"]
        cells = pd.read_csv(file, encoding="utf-8-sig")
        layers = [pyogrio.read_dataframe(tmp_path / "out" / GEOPACKAGE, layer=name) for name in row["layers"]]
        assert len(cells) == row["rows"] == sum(map(len, layers))
        for column in set(cells.columns) - {"lon", "lat"}:
            stored = pd.concat([layer[column] for layer in layers]).dropna().astype(str)
            written = cells[column].dropna().astype(str).str.lstrip("'")
            assert sorted(stored) == sorted(written), column


def test_figures_are_rounded_times_are_text_and_nothing_is_infinite() -> None:
    table = settle(_tables()["bottlenecks"])
    assert table["loading_percent"].to_list()[:2] == [141.0, 88.0]
    assert pd.isna(table["loading_percent"].iloc[2])
    assert table["hour"].to_list() == ["2030-01-07T17:00Z", "2030-01-07T18:00Z", None]
    assert str(settle(_tables()["years"])["unserved_kw"].iloc[0]) == "0.0"


def test_no_cell_of_a_csv_is_a_formula(tmp_path: Path) -> None:
    write_results(tmp_path / "out", _tables(), {}, crs=METRIC)
    cells = pd.read_csv(tmp_path / "out" / "bottlenecks.csv", dtype=str, encoding="utf-8-sig")
    assert cells["element_id"].iloc[0] == "'=cmd()"
    assert not cells["element_id"].str.startswith(FORMULA_STARTS).any()


def test_a_layer_has_one_shape_and_loses_no_row() -> None:
    layers = layers_of("bottlenecks", _tables()["bottlenecks"], METRIC)
    assert {name: len(layer) for name, layer in layers.items()} == {
        "bottlenecks_points": 2,  # the row without a place is with them
        "bottlenecks_lines": 1,
    }


def test_a_table_without_rows_keeps_its_columns(tmp_path: Path) -> None:
    nothing = {"bottlenecks": _tables()["bottlenecks"].iloc[:0]}
    write_results(tmp_path / "out", nothing, {}, crs=METRIC)
    layer = pyogrio.read_dataframe(tmp_path / "out" / GEOPACKAGE, layer="bottlenecks")
    assert len(layer) == 0
    assert "loading_percent" in layer.columns


# --- styles -------------------------------------------------------------------------------------------


def test_qgis_finds_a_default_style_per_layer(tmp_path: Path) -> None:
    write_results(tmp_path / "out", _tables(), {}, crs=METRIC)
    with sqlite3.connect(tmp_path / "out" / GEOPACKAGE) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(layer_styles)")]
        styles = connection.execute(
            "SELECT f_table_name, f_geometry_column, styleQML FROM layer_styles "
            "WHERE f_table_catalog = '' AND f_table_schema = '' AND useAsDefault"
        ).fetchall()
        features = dict(connection.execute("SELECT table_name, column_name FROM gpkg_geometry_columns"))
        registered = connection.execute(
            "SELECT data_type FROM gpkg_contents WHERE table_name = 'layer_styles'"
        ).fetchall()
    assert tuple(columns) == STYLE_COLUMNS
    assert {name: column for name, column, _ in styles} == features
    assert registered == [("attributes",)]
    kinds = {name: {s.get("type") for s in _renderer(qml).iter("symbol")} for name, _, qml in styles}
    assert kinds == {"bottlenecks_points": {"marker"}, "bottlenecks_lines": {"line"}}


@pytest.mark.parametrize("shape", ["points", "lines", "areas"])
@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.column)
def test_every_style_names_each_symbol_and_uses_the_palette(style: object, shape: Shape) -> None:
    column = style.column  # type: ignore[attr-defined]
    known = 1.0 if isinstance(style, ByValue) else style.classes[0][0]  # type: ignore[attr-defined]
    renderer = _renderer(layer_style(pd.DataFrame({column: [known]}), shape))
    symbols = {symbol.get("name") for symbol in renderer.iter("symbol")}
    used = {part.get("symbol") for part in (*renderer.iter("range"), *renderer.iter("category"))}
    assert used == symbols
    colours = {
        tuple(map(int, option.get("value", "").split(",")[:3]))
        for option in renderer.iter("Option")
        if option.get("name") in ("color", "line_color")
    }
    classes = len(PALETTE) if isinstance(style, ByValue) else len(style.classes)  # type: ignore[attr-defined]
    assert len(colours) == classes + 1
    assert colours <= {tuple(int(c[at : at + 2], 16) for at in (1, 3, 5)) for c in (*PALETTE, NO_DATA_COLOUR)}


@pytest.mark.parametrize("style", [s for s in STYLES if isinstance(s, ByValue)], ids=lambda s: s.column)
def test_classes_leave_no_gap_and_the_worst_is_drawn_last(style: ByValue) -> None:
    renderer = _renderer(layer_style(pd.DataFrame({style.column: [1.0]}), "lines"))
    ends = [(float(r.get("lower", "")), float(r.get("upper", ""))) for r in renderer.iter("range")]
    assert all(above[0] == below[1] for below, above in pairwise(ends[1:]))
    order = renderer.find("orderby/orderByClause")
    assert order is not None
    assert order.get("asc") == str(int(style.rising))


def test_a_single_table_is_written_with_its_style_too(tmp_path: Path) -> None:
    rows = gpd.GeoDataFrame({"headroom_kw": [12.0]}, geometry=[shapely.Point(417_000, 5_367_000)], crs=METRIC)
    write_layer(rows, tmp_path / "room.gpkg", "headroom", crs=METRIC)
    assert set(pyogrio.list_layers(tmp_path / "room.gpkg")[:, 0]) == {"headroom", "layer_styles"}


# --- whole or not at all ------------------------------------------------------------------------------


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letters.csv").write_text("dear")
    with pytest.raises(InputError, match="holds other files"):
        require_results_folder(tmp_path / "mine")
    with pytest.raises(InputError, match="holds other files"):
        write_results(tmp_path / "mine", _tables(), {}, crs=METRIC)
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["letters.csv"]


def test_a_target_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(InputError, match="this is a file"):
        require_results_folder(tmp_path / "taken")


def test_results_replace_older_ones_whole(tmp_path: Path) -> None:
    write_results(tmp_path / "out", {**_tables(), "more": _tables()["years"]}, {}, crs=METRIC)
    write_results(tmp_path / "out", _tables(), {}, crs=METRIC)
    assert set(_hashes(tmp_path / "out")) == {"bottlenecks.csv", "years.csv", GEOPACKAGE, RECORD}
    assert [folder.name for folder in tmp_path.iterdir()] == ["out"]


def test_a_fault_while_writing_leaves_what_stood_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_results(tmp_path / "out", _tables(), {"seed": 1}, crs=METRIC)
    before = _hashes(tmp_path / "out")
    monkeypatch.setattr("capacity.result_files.write_json", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_results(tmp_path / "out", _tables(), {"seed": 2}, crs=METRIC)
    assert _hashes(tmp_path / "out") == before
    assert [folder.name for folder in tmp_path.iterdir()] == ["out"]


def test_killed_in_the_middle_nothing_half_written_stands_in_the_place(tmp_path: Path) -> None:
    write_results(tmp_path / "out", _tables(), {"seed": 1}, crs=METRIC)
    before = _hashes(tmp_path / "out")
    code = f"""
        import os, signal, capacity.result_files as files
        from tests.capacity.test_result_files import METRIC, _tables
        from pathlib import Path
        files.write_json = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        for name in ("out", "new"):
            if os.fork():
                os.wait()
            else:
                files.write_results(Path({str(tmp_path)!r}) / name, _tables(), {{"seed": 2}}, crs=METRIC)
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], env=environment, check=False)
    assert done.returncode in (0, -signal.SIGKILL)
    assert _hashes(tmp_path / "out") == before
    assert not (tmp_path / "new").exists()
    assert any(folder.name.startswith(".writing-") for folder in tmp_path.iterdir())  # it was in the middle
