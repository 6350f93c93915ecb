"""What we do not read is told by its first bytes, so that a person knows what to do."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import pytest

from gis.formats.sniff import what_is


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<OGRVRTDataSource/>", "VRT"),
        (b"\xef\xbb\xbf \n<VRTDataset/>", "VRT"),
        (b'{"type": "gdal_streamed_alg"}', "GDALG"),
        (b"<OGRWFSDataSource/>", "web service"),
        (b'<kml xmlns="http://www.opengis.net/kml/2.2"/>', "KML"),
        (b"<html><body>404", "web page"),
        (b"<!DOCTYPE x [<!ENTITY e 'x'>]><x/>", "document type"),
        (b"<x/>", "XML"),
        ("<x/>".encode("utf-16"), "XML"),
        (pickle.dumps({"a": 1}), "pickle"),
        (pickle.dumps(Path, protocol=0), "pickle"),
        (b"SQLite format 3\0", "SQLite"),
        (b"%PDF-1.7", "PDF"),
        (b"\xd0\xcf\x11\xe0", "Office"),
        (b"AC1027", "DWG"),
        (bytes(257) + b"ustar", "tar"),
        (b"\x1f\x8b", "gzip"),
        (b'{"a": 1}', "no GeoJSON"),
        (b'{"type": "Topology"}', "TopoJSON"),
        (b"\x7fELF", "program"),
        (b"", "empty"),
        (b"some words", ""),
    ],
)
def test_a_kind_is_told_by_its_first_bytes(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "town.gpkg"
    path.write_bytes(content)
    assert said in what_is(path)
    assert what_is(path) or not said


def test_folders_and_zips_are_told_too(tmp_path: Path) -> None:
    assert what_is(tmp_path) == "an empty folder"
    (tmp_path / "x").write_text("")
    assert "without any file" in what_is(tmp_path)
    with zipfile.ZipFile(tmp_path / "a.kmz", "w") as made:
        made.writestr("doc.kml", "")
    assert "KMZ" in what_is(tmp_path / "a.kmz")
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04")
    assert "nothing in it" in what_is(tmp_path / "broken.zip")


def test_a_cim_file_names_what_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "eq.xml"
    head = '<rdf:RDF xmlns:cim="http://iec.ch/TC57/2013/CIM-schema-cim16#">'
    path.write_text(head + '<cim:ACLineSegment rdf:ID="a"/><cim:Terminal rdf:ID="b"/>')
    said = what_is(path)
    assert "ConnectivityNode, EnergyConsumer, PowerTransformer (profile EQ)" in said
    assert "PositionPoint (profile GL)" in said and "Terminal," not in said
