"""What a file is, by its content: only GeoPackages and folders of FeatureCollections are opened."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import gis
from gis.formats import FORMATS, Format, write_layers
from tests.networks import raw_layers, station, write_raw

SECRET = "line_id,secret\nL,do not show\n"
VRT = (
    '<OGRVRTDataSource><OGRVRTLayer name="lines"><SrcDataSource>{secret}</SrcDataSource></OGRVRTLayer>'
    "</OGRVRTDataSource>"
)
GDALG = '{{"type": "gdal_streamed_alg", "command_line": "gdal vector pipeline ! read {secret}"}}'


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.csv"
    path.write_text(SECRET)
    return path


@pytest.mark.parametrize(
    "content", ["some text", "", VRT, GDALG, "\x00\x01\x02"], ids=["text", "empty", "VRT", "GDALG", "bytes"]
)
@pytest.mark.parametrize("name", ["town.gpkg", "town.geojson", "town"])
def test_a_file_that_is_no_geopackage_is_refused_unopened(
    content: str, name: str, secret: Path, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content.format(secret=secret) if "{secret}" in content else content)
    with pytest.raises(gis.InputError, match="not a GeoPackage") as caught:
        gis.read_network(tmp_path / name)
    assert "do not show" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        VRT,
        GDALG,
        GDALG.replace("{{", '{{"type": "FeatureCollection", "features": [], '),
        '{{"type": "Feature", "properties": {{}}, "geometry": null}}',
        '{{"type": "FeatureCollection"}}',
        '{{"type": "FeatureCollection", "features": 5}}',
        '{{"type": "FeatureCollection", "features": [{{"type": "Feature"',
        "[" * 100_000,
        "\udcff",
        "",
    ],
    ids=["VRT", "GDALG", "both", "Feature", "hollow", "number", "cut", "deep", "bytes", "empty"],
)  # fmt: skip
def test_a_folder_with_something_else_in_it_is_refused(content: str, secret: Path, tmp_path: Path) -> None:
    folder = write_raw(raw_layers(station()), tmp_path / "town")
    text = content.format(secret=secret) if "{{" in content or "{secret}" in content else content
    (folder / "lines.geojson").write_text(text, errors="surrogateescape")
    with pytest.raises(gis.InputError) as caught:
        gis.read_network(folder)
    assert "lines" in set(caught.value.findings["table"])
    assert "do not show" not in str(caught.value)


def test_every_bad_file_of_a_folder_is_named(tmp_path: Path) -> None:
    folder = write_raw(raw_layers(station()), tmp_path / "town")
    for name in ("lines", "loads"):
        (folder / f"{name}.geojson").write_text("{")
    (folder / "extra.geojson").mkdir()
    with pytest.raises(gis.InputError) as caught:
        gis.read_network(folder)
    assert set(caught.value.findings["table"]) == {"lines", "loads", "extra"}


def test_a_plain_sqlite_file_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "town.gpkg")) as connection:
        connection.execute("CREATE TABLE lines (line_id TEXT)")
        connection.commit()
    with pytest.raises(gis.InputError, match="not a GeoPackage"):
        gis.read_network(tmp_path / "town.gpkg")


@pytest.mark.parametrize("share", [0.001, 0.05, 0.3, 0.6, 0.9, 0.99])
def test_a_cut_geopackage_is_damaged(share: float, tmp_path: Path) -> None:
    whole = write_raw(raw_layers(station()), tmp_path / "town.gpkg").read_bytes()
    (tmp_path / "cut.gpkg").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(gis.InputError, match=r"damaged|not a GeoPackage"):
        gis.read_network(tmp_path / "cut.gpkg")


@pytest.mark.parametrize("page", range(1, 40, 6))
def test_a_geopackage_with_an_overwritten_page_never_gives_fewer_rows(page: int, tmp_path: Path) -> None:
    whole = bytearray(write_raw(raw_layers(station()), tmp_path / "town.gpkg").read_bytes())
    whole[page * 4096 : page * 4096 + 200] = bytes(len(whole[page * 4096 : page * 4096 + 200]))
    (tmp_path / "cut.gpkg").write_bytes(whole)
    try:
        network = gis.read_network(tmp_path / "cut.gpkg")
    except gis.InputError:
        return
    assert network.equals(station())


def test_a_view_in_a_geopackage_is_not_read(tmp_path: Path) -> None:
    path = write_raw(raw_layers(station()), tmp_path / "town.gpkg")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE VIEW sites AS SELECT * FROM loads")
        connection.execute("UPDATE gpkg_contents SET table_name = 'sites' WHERE table_name = 'generators'")
        connection.execute(
            "UPDATE gpkg_geometry_columns SET table_name = 'sites' WHERE table_name = 'generators'"
        )
        connection.commit()
    network = gis.read_network(path)
    assert network.sites.empty and network.generators.empty
    assert network.findings["rule"].to_list() == ["view_not_read"]


def test_no_file_at_all_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(gis.InputError, match="no such file or folder"):
        gis.read_network(tmp_path / "nothing.gpkg")


@pytest.mark.parametrize("form", [form for form in FORMATS if form.write], ids=lambda form: form.name)
def test_every_format_recognises_what_it_writes(form: Format, tmp_path: Path) -> None:
    path = tmp_path / f"town{form.suffix}"
    write_layers(raw_layers(station()), path)
    known = [other.name for other in FORMATS if other.recognises(path)]
    assert known[:1] == [form.name] and set(known[1:]) <= {"folder"}


def test_text_that_looks_like_something_else_stays_text_in_geojson(tmp_path: Path) -> None:
    network = station("line M D E 5 X name='[1, 2]'", "load Z E 1 residential name=2024-01-01")
    gis.write_network(network, tmp_path / "town")
    stored = json.loads((tmp_path / "town" / "lines.geojson").read_text())
    assert stored["features"][-1]["properties"]["name"] == "[1, 2]"
    assert gis.read_network(tmp_path / "town").loads.loc["Z", "name"] == "2024-01-01"


def test_bad_inputs_end_in_an_input_error(shared: Callable[[str], Path]) -> None:
    files = sorted(shared("10_bad_inputs").iterdir())
    assert len(files) > 50
    for path in files:
        with pytest.raises(gis.InputError):
            gis.read_network(path)
