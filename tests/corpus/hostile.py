"""Files made to do something: read other files, call home, run code, fill memory or disk, or never end."""

from __future__ import annotations

import json
import os
import pickle
import sqlite3
import struct
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.corpus.files import Make, shapes, zip_folder
from tests.corpus.town import BadFile, Outcome, Surroundings, town, with_cells
from tests.networks import write_raw

VRT = (
    '<OGRVRTDataSource><OGRVRTLayer name="lines"><SrcDataSource>{secret}</SrcDataSource>'
    "<SrcLayer>secret</SrcLayer></OGRVRTLayer></OGRVRTDataSource>"
)
VRT_URL = VRT.replace("{secret}", "/vsicurl/{url}")
GDALG = (
    '{{"type": "gdal_streamed_alg", "command_line": "gdal vector pipeline ! read {secret} ! write {trace}"}}'
)
COLLECTION_GDALG = '{{"type": "FeatureCollection", "features": [], ' + GDALG[2:]
WFS = "<OGRWFSDataSource><URL>{url}</URL></OGRWFSDataSource>"
XXE = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file://{secret}">]><x xmlns="http://www.opengis.net/gml">&e;</x>'
XML_DTD = '<?xml version="1.0"?><!DOCTYPE x SYSTEM "{url}"><x/>'
XML_BOMB = (
    '<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a0 "ha">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    + ']><kml xmlns="http://www.opengis.net/kml/2.2">&a9;</kml>'
)
DSS = "Clear\nNew Circuit.c\nRedirect {secret}\nshell touch {trace}\nExport voltages {trace}\nSolve\n"
PANDAPOWER = (
    '{{"_module": "pandapower.auxiliary", "_class": "pandapowerNet", "_object": {{"bus": {{"_module": "os", '
    '"_class": "system", "_object": "touch {trace}"}}, "hook": {{"_module": "builtins", '
    '"_class": "function", "_object": "eval"}}, "file": "{secret}"}}}}'
)
# Names that a page, a spreadsheet or a shell would run; they are names and stay what they are.
NAMES = [
    "<img src=x onerror=alert(1)>",
    "${alert(1)}",
    '=HYPERLINK("http://x")',
    "@SUM(1)",
    "'; DROP TABLE loads;--",
    "`id`",
]


class _Touch:
    """A pickle of it runs a command."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self.trace}",)


def _text(template: str) -> Make:
    def make(path: Path, around: Surroundings) -> None:
        path.write_text(template.format(secret=around.secret, url=around.url, trace=around.trace))

    return make


def _plain(text: str) -> Make:
    return lambda path, around: path.write_text(text)


def _zip(*members: tuple[str | zipfile.ZipInfo, str | bytes]) -> Make:
    def make(path: Path, around: Surroundings) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members:
                text = (
                    content
                    if isinstance(content, bytes)
                    else content.replace("{secret}", str(around.secret)).encode()
                )
                archive.writestr(name, text)

    return make


def _zipped_vrt(path: Path, around: Surroundings) -> None:
    _zip(("roads.shp", VRT), ("roads.shx", ""), ("roads.dbf", ""), ("lines.geojson", VRT))(path, around)


def _database(*statements: str) -> Make:
    """The town with further SQL run over its GeoPackage."""

    def make(path: Path, around: Surroundings) -> None:
        write_raw(town(), path)
        with closing(sqlite3.connect(path)) as connection:
            for statement in statements:
                connection.executescript(statement.format(secret=around.secret, trace=around.trace))

    return make


_ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS {column} FROM n"
_REGISTER = (
    "INSERT INTO gpkg_contents (table_name, data_type, identifier) VALUES ('sites', 'attributes', 'sites');"
)
_VIEW_OF_LOADS = "CREATE VIEW sites AS SELECT * FROM loads;" + _REGISTER
_ENDLESS_VIEW = f"CREATE VIEW sites AS {_ENDLESS.format(column='site_id')};" + _REGISTER
_ENDLESS_CONTENTS = (
    "ALTER TABLE gpkg_contents RENAME TO kept; CREATE VIEW gpkg_contents AS "
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT k.* FROM n, kept k;"
)
_TRIGGER = "CREATE TRIGGER t AFTER INSERT ON loads BEGIN DELETE FROM lines; END;"
# A virtual table cannot be made without its module, but its declaration can be written by hand.
_VIRTUAL = (
    "PRAGMA writable_schema = ON; INSERT INTO sqlite_master VALUES ('table', 'sites', 'sites', 0, "
    "'CREATE VIRTUAL TABLE sites USING VirtualOGR(''{secret}'')');" + _REGISTER
)


def _link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return info


def _bomb(path: Path, around: Surroundings) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("loads.csv", b"0" * 60_000_000)


def _lying_bomb(path: Path, around: Surroundings) -> None:
    """The table of contents states a small size; 60 MB come out."""
    _bomb(path, around)
    content = path.read_bytes()
    stated, lie = struct.pack("<I", 60_000_000), struct.pack("<I", 1_000)
    path.write_bytes(content.replace(stated, lie))


def _many(path: Path, around: Surroundings) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(300):
            archive.writestr(f"{number}.geojson", "{}")


def _encrypted(path: Path, around: Surroundings) -> None:
    _zip(("lines.geojson", "{}"))(path, around)
    content = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + at] |= 1
    path.write_bytes(content)


def _nested(path: Path, around: Surroundings) -> None:
    inner = path.with_name(".inner.zip")
    _zip(("lines.geojson", "{}"))(inner, around)
    _zip(("inner.zip", inner.read_bytes()))(path, around)
    inner.unlink()


def _pickled(path: Path, around: Surroundings) -> None:
    path.write_bytes(pickle.dumps(_Touch(around.trace)))


def _zipped_pickle(path: Path, around: Surroundings) -> None:
    _zip(("net.p", pickle.dumps(_Touch(around.trace))))(path, around)


def _parquet_bomb(path: Path, around: Surroundings) -> None:
    """A few kilobytes that are 20 million rows."""
    zeros = pa.DictionaryArray.from_arrays(pa.array(np.zeros(1_000_000, dtype=np.int8)), pa.array(["0"]))
    table = pa.table({"load_id": zeros})
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for _ in range(20):
            writer.write_table(table)


def _flatgeobuf_of_lies(path: Path, around: Surroundings) -> None:
    path.write_bytes(b"fgb\x03fgb\x01" + struct.pack("<I", 0x7FFFFFF0) + bytes(64))


def _table_of_lies(path: Path, around: Surroundings) -> None:
    """A .dbf that states four thousand million rows."""
    folder = path.with_name(".lies")
    shapes(folder)
    file = folder / "loads.dbf"
    content = bytearray(file.read_bytes())
    content[4:8] = b"\xff\xff\xff\xff"
    file.write_bytes(content)
    zip_folder(folder, path)


def _folder_with_a_link(path: Path, around: Surroundings) -> None:
    write_raw(town(), path)
    (path / "sites.geojson").symlink_to(around.secret)


def _pipe(path: Path, around: Surroundings) -> None:
    os.mkfifo(path)


def _named(layers: Callable[[list[str]], Callable[[Path], object]]) -> Make:
    return lambda path, around: layers(NAMES)(path)


def _spoken_names(names: list[str]) -> Callable[[Path], object]:
    def make(path: Path) -> object:
        layers = town()
        layers["loads"]["name"] = names
        return write_raw(layers, path)

    return make


def _entry(
    name: str, outcome: Outcome, names: tuple[str, ...], make: Make, *, walled: bool = True
) -> BadFile:
    return BadFile(name, (0,), outcome, names, make, walled)


def _deep(path: Path, around: Surroundings) -> None:
    path.write_text('{"type": "FeatureCollection", "features": ' + "[" * 2_000_000)


def _long_name(path: Path, around: Surroundings) -> object:
    return write_raw(with_cells("loads", "H3", name="x" * 2_000_000), path)


def _huge_numbers(path: Path, around: Surroundings) -> None:
    feature = {"type": "Feature", "properties": {"load_id": 10**400, "p_kw": 1e308}, "geometry": None}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))


# Refused by their first bytes, before any process is started.
UNOPENED = (
    _entry("vrt.gpkg", "REJECT", ("vrt.gpkg", "VRT"), _text(VRT)),
    _entry("vrt.geojson", "REJECT", ("VRT",), _text(VRT)),
    _entry("vrt.vrt", "REJECT", ("VRT",), _text(VRT)),
    _entry("vrt.shp", "REJECT", ("VRT",), _text(VRT)),
    _entry("vrt_url.gpkg", "REJECT", ("VRT",), _text(VRT_URL)),
    _entry("recipe.geojson", "REJECT", ("GDALG",), _text(GDALG)),
    _entry("recipe.gdalg.json", "REJECT", ("GDALG",), _text(GDALG)),
    _entry("recipe_in_a_collection.geojson", "REJECT", ("GDALG",), _text(COLLECTION_GDALG)),
    _entry("wfs.gpkg", "REJECT", ("web service",), _text(WFS)),
    _entry("entity.gml", "REJECT", ("entity.gml",), _text(XXE)),
    _entry("dtd.xml", "REJECT", ("dtd.xml",), _text(XML_DTD)),
    _entry("bomb.kml", "REJECT", ("KML",), _plain(XML_BOMB)),
    _entry("net.p", "REJECT", ("net.p", "pickle"), _pickled),
    _entry("pickle.gpkg", "REJECT", ("pickle",), _pickled),
    _entry("script.dss", "REJECT", ("script.dss",), _text(DSS)),
    _entry("hooks.json", "REJECT", ("hooks.json",), _text(PANDAPOWER)),
    _entry("pipe.gpkg", "REJECT", ("pipe.gpkg",), _pipe),
)

# No file at all: what GDAL would take for one.
UNREAL = (
    "/vsicurl/{url}",
    "/vsizip/vsicurl/{url}/x.zip",
    "{url}",
    "WFS:{url}",
    "PG:host=127.0.0.1 dbname=x",
    "/vsizip/{secret}",
    "GeoJSON:{secret}",
    '{{"type": "FeatureCollection", "features": []}}',
)

ARCHIVES = (
    _entry("vrt_in_a_zip.zip", "REJECT", ("lines.geojson",), _zipped_vrt),
    _entry("slip.zip", "REJECT", ("../../escaped.geojson",), _zip(("../../escaped.geojson", "{}"))),
    _entry("absolute.zip", "REJECT", ("/tmp/escaped",), _zip(("/tmp/escaped.geojson", "{}")), walled=False),
    _entry("drive.zip", "REJECT", ("C:",), _zip(("C:/escaped.geojson", "{}")), walled=False),
    _entry("link.zip", "REJECT", ("link",), _zip((_link("lines.geojson"), "{secret}"))),
    _entry("twice.zip", "REJECT", ("twice",), _zip(("a.geojson", "{}"), ("A.geojson", "{}")), walled=False),
    _entry("bomb.zip", "REJECT", ("times its size",), _bomb),
    _entry("lying_bomb.zip", "REJECT", ("lying_bomb.zip",), _lying_bomb),
    _entry("many.zip", "REJECT", ("300 members",), _many, walled=False),
    _entry("encrypted.zip", "REJECT", ("encrypted",), _encrypted, walled=False),
    _entry("nested.zip", "REJECT", ("inner.zip", "archive"), _nested, walled=False),
    _entry("pickle.zip", "REJECT", ("net.p",), _zipped_pickle),
    _entry("letter.zip", "REJECT", ("letter.txt",), _zip(("letter.txt", "Dear planner"))),
)

OPENED = (
    _entry("view.gpkg", "WARN", ("sites", "view"), _database(_VIEW_OF_LOADS)),
    _entry("endless_view.gpkg", "WARN", ("sites", "view"), _database(_ENDLESS_VIEW)),
    _entry("endless_contents.gpkg", "REJECT", ("endless_contents.gpkg",), _database(_ENDLESS_CONTENTS)),
    _entry("trigger.gpkg", "ACCEPT", (), _database(_TRIGGER)),
    _entry("virtual_table.gpkg", "WARN", ("sites",), _database(_VIRTUAL)),
    _entry("rows.parquet", "REJECT", ("20,000,000 rows",), _parquet_bomb),
    _entry("lies.fgb", "REJECT", ("lies.fgb",), _flatgeobuf_of_lies),
    _entry("lies.zip", "REJECT", ("loads.dbf",), _table_of_lies),
    _entry("linked", "ACCEPT", (), _folder_with_a_link),
    _entry("deep.geojson", "REJECT", ("deep.geojson",), _deep),
    _entry("numbers.geojson", "REJECT", (), _huge_numbers),
    _entry("spoken_names.gpkg", "ACCEPT", (), _named(_spoken_names)),
    _entry("long_name.gpkg", "WARN", ("text_long", "H3"), _long_name),
)

ENTRIES = (*UNOPENED, *ARCHIVES, *OPENED)
