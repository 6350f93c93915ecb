"""Uploads are content, never places: harmless names, limits, a private folder, the import of the command."""

from __future__ import annotations

import stat
from pathlib import Path

import pandas as pd
import pytest

import gis
from capacity.import_session import (
    UPLOAD_MOST_MB,
    ImportChoices,
    PrivateFolder,
    harmless_name,
    keep_upload,
    layer_table,
    mapping_text,
    preview,
    read_upload,
    run_import,
    with_tolerances,
)
from capacity.launch import server_command
from capacity.mapping_draft import propose
from gis.importer import import_file, require_network
from tests.capacity.test_mapping_draft import town
from tests.networks import raw_layers, station, write_raw

USUAL = with_tolerances(0.01, 0.01, 0.01)
GEOJSON = (
    b'{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"a": 1}, '
    b'"geometry": {"type": "Point", "coordinates": [8.0, 48.0]}}]}'
)
EVIL = "<img src=x onerror=alert(1)>${alert(2)}`"


@pytest.fixture
def folder():
    made = PrivateFolder()
    yield made
    made.close()


def sent(layers: dict[str, pd.DataFrame], tmp_path: Path, name: str = "town.gpkg") -> tuple[str, bytes]:
    return name, write_raw(layers, tmp_path / "sent.gpkg").read_bytes()


def test_the_folder_is_private_and_gone_when_its_session_is() -> None:
    made = PrivateFolder()
    path = made.path
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    del made
    assert not path.exists()


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd.zip", "/etc/cron.d/x.zip", "..\\..\\x.zip", "...zip", "\x00\n.zip", "a/../.zip"],
)
def test_a_name_never_leaves_the_folder(folder: PrivateFolder, name: str) -> None:
    path = keep_upload(folder, [(name, b"x")]) if harmless_name(name).endswith(".zip") else None
    assert path is None or path.resolve().parent.parent == folder.path.resolve()
    assert "/" not in harmless_name(name) and harmless_name(name) not in ("", ".", "..")


def test_several_files_are_a_folder_with_the_names_they_have(folder: PrivateFolder) -> None:
    path = keep_upload(folder, [("lines.csv", b"a"), ("Häuser 2.csv", b"b")])
    assert {file.name for file in path.iterdir()} == {"lines.csv", "Häuser 2.csv"}


def test_uploads_that_cannot_be_taken_are_refused_with_every_reason(folder: PrivateFolder) -> None:
    files = [("a.exe", b""), ("b.vrt", b""), ("c.csv", b""), ("C.csv", b"")]
    files.append(("big.zip", bytes(int(UPLOAD_MOST_MB * 1e6) + 1)))
    with pytest.raises(gis.InputError) as refused:
        keep_upload(folder, files)
    told = "\n".join(refused.value.findings["message"])
    assert "a.exe, b.vrt: names must end in one of" in told
    assert "several files of one name" in told
    assert "MB are more than 50 MB" in told
    assert list(folder.path.iterdir()) == []


def test_the_limit_of_an_upload_is_the_one_of_the_server() -> None:
    assert f"--server.maxUploadSize={UPLOAD_MOST_MB}" in server_command(1, headless=True)


def test_a_file_of_no_known_content_is_refused_without_its_place(folder: PrivateFolder) -> None:
    with pytest.raises(gis.InputError) as refused:
        read_upload(folder, [("town.gpkg", b"<OGRVRTDataSource/>")], None)
    assert str(folder.path) not in gis.render_findings(refused.value.findings)


def test_a_new_upload_takes_the_place_of_the_one_before(folder: PrivateFolder, tmp_path: Path) -> None:
    first = read_upload(folder, [sent(town(), tmp_path)], None)
    read_upload(folder, [sent(town(), tmp_path)], None)
    assert not first.path.exists()


def test_every_upload_has_a_key_of_its_own(folder: PrivateFolder, tmp_path: Path) -> None:
    one, several = [sent(town(), tmp_path)], [("a.geojson", GEOJSON), ("b.geojson", GEOJSON)]
    keys = [read_upload(folder, files, None).key for files in (one, one, several, several)]
    assert len(set(keys)) == 4


def test_layers_are_told_with_rows_geometry_system_and_columns(folder: PrivateFolder, tmp_path: Path) -> None:
    layers = town()
    layers["Kabel"][EVIL] = "x"
    upload = read_upload(folder, [sent(layers, tmp_path)], None)
    cables = layer_table(upload.source).set_index("layer").loc["Kabel"]
    assert (cables["rows"], cables["geometry"]) == (3, "3 LineString")
    assert "EPSG:" in cables["crs"]
    assert EVIL in cables["columns"]
    assert "geometry" not in preview(upload.source.layers["Kabel"])


def test_an_import_is_the_one_of_the_command(folder: PrivateFolder, tmp_path: Path) -> None:
    upload = read_upload(folder, [sent(town(), tmp_path)], None)
    choices = ImportChoices(propose(upload.source.layers, "town").mapping, None, USUAL)
    outcome = run_import(folder, upload, choices)
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(str(mapping_text(upload, choices)), encoding="utf-8")
    same = require_network(import_file(tmp_path / "sent.gpkg", mapping=mapping), tmp_path)
    assert outcome.network.equals(same)
    assert outcome.network.info["name"] == "town.gpkg"
    assert gis.read_network(outcome.path).lines.index.tolist() == same.lines.index.tolist()


def test_canonical_tables_are_imported_without_a_mapping(folder: PrivateFolder, tmp_path: Path) -> None:
    upload = read_upload(folder, [sent(raw_layers(station()), tmp_path)], None)
    choices = ImportChoices(None, None, USUAL)
    assert run_import(folder, upload, choices).network.equals(station())
    assert mapping_text(upload, choices) is None


def test_the_mapping_taken_home_holds_the_system_and_the_encoding_chosen(
    folder: PrivateFolder, tmp_path: Path
) -> None:
    upload = read_upload(folder, [sent(town(), tmp_path)], "cp1252")
    choices = ImportChoices(propose(upload.source.layers, "town").mapping, "EPSG:25832", USUAL)
    text = str(mapping_text(upload, choices))
    assert 'crs = "EPSG:25832"' in text
    assert 'encoding = "cp1252"' in text


def test_a_refused_file_leaves_no_network(folder: PrivateFolder, tmp_path: Path) -> None:
    layers = {name: frame for name, frame in raw_layers(station()).items() if name != "sources"}
    upload = read_upload(folder, [sent(layers, tmp_path)], None)
    with pytest.raises(gis.InputError, match="sources"):
        run_import(folder, upload, ImportChoices(None, None, USUAL))
    assert not list(folder.path.glob("**/network.gpkg"))
