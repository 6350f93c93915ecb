"""Faults of files: the town in every format, whole, cut off, without members and in other encodings."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio

from tests.corpus.town import BadFile, Outcome, Surroundings, town
from tests.networks import write_raw

Make = Callable[[Path, Surroundings], object]

# A .dbf takes names of ten letters.
_SHORT = {
    "lines": {
        "line_id": "id",
        "from_bus_id": "from_id",
        "to_bus_id": "to_id",
        "vn_kv": "kv",
        "type_id": "type",
        "length_m": "len_m",
    },
    "transformers": {"transformer_id": "id", "hv_bus_id": "hv", "lv_bus_id": "lv", "type_id": "type"},
    "sources": {"source_id": "id", "bus_id": "bus", "vm_pu": "vm_pu"},
    "loads": {"load_id": "id", "name": "name", "bus_id": "bus", "customer_class": "class", "p_kw": "kw"},
}
SHAPE_MAPPING = 'name = "shapes"\n' + "\n".join(
    f'[[tables]]\ntable = "{table}"\nlayer = "{table}"\n[tables.columns]\n'
    + "\n".join(f'{ours} = "{short}"' for ours, short in names.items())
    for table, names in _SHORT.items()
)
CHINESE = ["城东变电站", "北京路一号", "人民路开闭所", "环城路配电室", "高新区一号楼", "滨河花园"]
GERMAN = ["Übergabe Süd", "Müllerstraße", "Große Bleiche", "Schönblick", "Am Rößle", "Grünfläche"]


def _tables() -> dict[str, pd.DataFrame]:
    return {name: layer for name, layer in town().items() if name in (*_SHORT, "buses")}


def shapes(
    folder: Path, *, names: list[str] | None = None, encoding: str = "UTF-8", cpg: str | None = ""
) -> None:
    """The town as Shapefiles; `cpg` is what the code page file says, None for none."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, columns in _SHORT.items():
        layer = town()[table]
        if table == "loads":
            layer["name"] = names or [f"house {n}" for n in range(len(layer))]
        layer = layer[[*columns, "geometry"]].rename(columns=columns)
        pyogrio.write_dataframe(layer, folder / f"{table}.shp", encoding=encoding)
        if cpg != "":
            (folder / f"{table}.cpg").unlink(missing_ok=True)
        if cpg:
            (folder / f"{table}.cpg").write_text(cpg)


def zip_folder(folder: Path, target: Path, within: str = "") -> None:
    """Pack a folder's files."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, within + str(file.relative_to(folder)))


def _work(path: Path) -> Path:
    """A folder to prepare things in, away from what is read."""
    place = path.parent / f".{path.name}-parts"
    place.mkdir(exist_ok=True)
    return place


def _zipped_shapes(
    spoil: Callable[[Path], object] = lambda folder: None, within: str = "", **options: object
) -> Make:
    def make(path: Path, around: Surroundings) -> None:
        folder = _work(path)
        shapes(folder, **options)  # type: ignore[arg-type]
        spoil(folder)
        zip_folder(folder, path, within)

    return make


def _folder_of_shapes(spoil: Callable[[Path], object] = lambda folder: None) -> Make:
    def make(path: Path, around: Surroundings) -> None:
        shapes(path)
        spoil(path)

    return make


def _zipped(suffix: str, spoil: Callable[[Path], object] = lambda folder: None) -> Make:
    """The town in a format of one layer a file, packed."""

    def make(path: Path, around: Surroundings) -> None:
        folder = _work(path)
        for name, layer in _tables().items():
            target = folder / f"{name}.{suffix}"
            layer.to_parquet(target) if suffix == "parquet" else pyogrio.write_dataframe(layer, target)
        spoil(folder)
        zip_folder(folder, path)

    return make


def geodatabase(path: Path) -> None:
    """The town as a geodatabase."""
    for name, layer in _tables().items():
        filled = layer.dropna(axis=1, how="all")
        pyogrio.write_dataframe(filled, path, layer=name, driver="OpenFileGDB", append=path.exists())


def _geodatabase(spoil: Callable[[Path], object] = lambda folder: None, *, packed: bool = False) -> Make:
    def make(path: Path, around: Surroundings) -> None:
        folder = _work(path) / "town.gdb" if packed else path
        geodatabase(folder)
        spoil(folder)
        if packed:
            zip_folder(folder, path, "export/town.gdb/")

    return make


def cut(share: float, *endings: str) -> Callable[[Path], None]:
    """Cut off the largest file of these endings in a folder, or a file itself."""

    def spoil(place: Path) -> None:
        files = [place] if place.is_file() else [f for f in place.rglob("*") if f.name.endswith(endings)]
        file = max(files, key=lambda f: f.stat().st_size)
        whole = file.read_bytes()
        file.write_bytes(whole[: int(len(whole) * share)])

    return spoil


def _remove(*names: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        for name in names:
            for file in folder.glob(name):
                file.unlink()

    return spoil


def _cut_geopackage(share: float) -> Make:
    def make(path: Path, around: Surroundings) -> None:
        cut(share)(write_raw(town(), path))

    return make


def _open_elsewhere(path: Path, around: Surroundings) -> None:
    write_raw(town(), path)
    path.with_name(path.name + "-wal").write_bytes(b"\x37\x7f\x06\x82" + bytes(100))


def _overwritten(path: Path, around: Surroundings) -> None:
    """Pages of rows filled with nothing."""
    content = bytearray(write_raw(town(), path).read_bytes())
    start = len(content) // 2 // 4096 * 4096
    content[start : start + 8 * 4096] = bytes(8 * 4096)
    path.write_bytes(content)


def _plain_database(path: Path, around: Surroundings) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE lines (line_id TEXT)")
        connection.commit()


def _fewer_rows(folder: Path) -> None:
    """The attributes of one load are gone, the geometries all there."""
    file = folder / "loads.dbf"
    content = bytearray(file.read_bytes())
    content[4:8] = (5).to_bytes(4, "little")
    file.write_bytes(content)


def _single_vertex(path: Path, around: Surroundings) -> None:
    """A zip of GeoJSON files in which one line has one vertex, which geopandas alone loses the file over."""
    folder = write_raw(_tables(), _work(path) / "town")
    content = json.loads((folder / "lines.geojson").read_text())
    content["features"][4]["geometry"]["coordinates"] = content["features"][4]["geometry"]["coordinates"][:1]
    (folder / "lines.geojson").write_text(json.dumps(content))
    zip_folder(folder, path)


def _metres_in_geojson(path: Path, around: Surroundings) -> None:
    """Metres without a system: GeoJSON says they are degrees."""
    tables = {
        name: gpd.GeoDataFrame(layer, geometry=layer.geometry.array.copy())
        for name, layer in _tables().items()
    }
    folder = write_raw(tables, _work(path) / "town")
    for file in folder.glob("*.geojson"):
        content = json.loads(file.read_text())
        content.pop("crs", None)
        file.write_text(json.dumps(content))
    zip_folder(folder, path)


def _text(text: str | bytes) -> Make:
    content = text.encode() if isinstance(text, str) else text
    return lambda path, around: path.write_bytes(content)


def _entry(
    name: str,
    faults: tuple[int, ...],
    outcome: Outcome,
    names: tuple[str, ...],
    make: Make,
    mapping: str = "",
) -> BadFile:
    return BadFile(name, faults, outcome, names, make, mapping=mapping)


_COLLECTION = '{"type": "FeatureCollection", "features": ['
_FEATURE = '{"type": "Feature", "properties": {"line_id": "L"}, "geometry": null}'
_OTHER_ENCODING = '[source]\nencoding = "utf-8"\n'
_CIM = (
    '<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    'xmlns:cim="http://iec.ch/TC57/2013/CIM-schema-cim16#"><cim:ACLineSegment rdf:ID="a"/></rdf:RDF>'
)

WHOLE = (
    _entry("sound_shapes.zip", (), "ACCEPT", (), _zipped_shapes(), SHAPE_MAPPING),
    _entry("sound_shapes", (), "ACCEPT", (), _folder_of_shapes(), SHAPE_MAPPING),
    _entry(
        "shapes_in_sub_folder.zip",
        (45, 46),
        "ACCEPT",
        (),
        _zipped_shapes(within="export/2026/"),
        SHAPE_MAPPING,
    ),
    _entry("sound_flatgeobufs.zip", (), "ACCEPT", (), _zipped("fgb")),
    _entry("sound_geojsons.zip", (), "ACCEPT", (), _zipped("geojson")),
    _entry("sound_parquets.zip", (), "ACCEPT", (), _zipped("parquet")),
    _entry("sound.gdb", (), "ACCEPT", (), _geodatabase()),
    _entry("sound_gdb.zip", (), "ACCEPT", (), _geodatabase(packed=True)),
)

ENCODINGS = (
    _entry(
        "gbk_declared.zip",
        (40,),
        "ACCEPT",
        (),
        _zipped_shapes(names=CHINESE, encoding="GBK", cpg="GBK"),
        SHAPE_MAPPING,
    ),
    _entry(
        "gbk_undeclared.zip",
        (40,),
        "WARN",
        ("loads", "encoding", "GB18030"),
        _zipped_shapes(names=CHINESE, encoding="GBK", cpg=None),
        SHAPE_MAPPING,
    ),
    _entry(
        "gbk_declared_utf8.zip",
        (41,),
        "WARN",
        ("loads", "encoding", "GB18030", "UTF-8"),
        _zipped_shapes(names=CHINESE, encoding="GBK", cpg="UTF-8"),
        SHAPE_MAPPING,
    ),
    _entry(
        "utf8_undeclared.zip",
        (42,),
        "WARN",
        ("loads", "encoding", "UTF-8"),
        _zipped_shapes(names=CHINESE, cpg=None),
        SHAPE_MAPPING,
    ),
    _entry(
        "latin_undeclared.zip",
        (40,),
        "WARN",
        ("loads", "encoding", "CP1252"),
        _zipped_shapes(names=GERMAN, encoding="CP1252", cpg=None),
        SHAPE_MAPPING,
    ),
    _entry(
        "latin_declared_utf8.zip",
        (41,),
        "WARN",
        ("loads", "encoding", "CP1252"),
        _zipped_shapes(names=GERMAN, encoding="CP1252", cpg="UTF-8"),
        SHAPE_MAPPING,
    ),
    _entry(
        "encoding_of_mapping_wrong.zip",
        (41,),
        "REJECT",
        ("encoding", "utf-8", "GB18030"),
        _zipped_shapes(names=CHINESE, encoding="GBK", cpg=None),
        SHAPE_MAPPING.replace("[[", _OTHER_ENCODING + "[[", 1),
    ),
)

DAMAGED = (
    _entry("cut_5.gpkg", (34,), "REJECT", ("cut_5.gpkg", "damaged"), _cut_geopackage(0.05)),
    _entry("cut_60.gpkg", (34,), "REJECT", ("cut_60.gpkg", "damaged"), _cut_geopackage(0.6)),
    _entry("cut_99.gpkg", (34,), "REJECT", ("cut_99.gpkg", "damaged"), _cut_geopackage(0.99)),
    _entry("overwritten.gpkg", (34,), "REJECT", ("overwritten.gpkg", "damaged"), _overwritten),
    _entry("open_elsewhere.gpkg", (34,), "REJECT", ("-wal", "close"), _open_elsewhere),
    _entry("no_geopackage.gpkg", (34,), "REJECT", ("SQLite",), _plain_database),
    _entry("cut_30_fgb.zip", (35,), "REJECT", (".fgb", "damaged"), _zipped("fgb", cut(0.3, ".fgb"))),
    _entry("cut_98_fgb.zip", (35,), "REJECT", (".fgb", "damaged"), _zipped("fgb", cut(0.98, ".fgb"))),
    _entry("shp_cut.zip", (36,), "REJECT", ("lines.shp", "cut off"), _zipped_shapes(cut(0.6, "lines.shp"))),
    _entry("shx_cut.zip", (36,), "REJECT", ("lines.sh",), _zipped_shapes(cut(0.7, "lines.shx"))),
    _entry("dbf_cut.zip", (36,), "REJECT", ("lines.dbf", "cut off"), _zipped_shapes(cut(0.6, "lines.dbf"))),
    _entry(
        "dbf_fewer_rows.zip",
        (36,),
        "REJECT",
        ("loads.shp", "loads.dbf", "6", "5"),
        _zipped_shapes(_fewer_rows),
    ),
    _entry("dbf_missing.zip", (37,), "REJECT", ("loads.dbf",), _zipped_shapes(_remove("loads.dbf"))),
    _entry("shx_missing", (38,), "REJECT", ("loads.shx",), _folder_of_shapes(_remove("loads.shx"))),
    _entry("shp_missing", (38,), "REJECT", ("loads.shp",), _folder_of_shapes(_remove("loads.shp"))),
    _entry(
        "prj_missing.zip",
        (39,),
        "REJECT",
        ("CRS", "lines", "loads"),
        _zipped_shapes(_remove("*.prj")),
        SHAPE_MAPPING,
    ),
    _entry("one_vertex.zip", (33,), "QUARANTINE", ("lines", "L3"), _single_vertex),
    _entry("metres_in_geojson.zip", (2, 8), "REJECT", ("4326", "lines"), _metres_in_geojson),
    _entry(
        "parquet_cut.zip", (35,), "REJECT", (".parquet", "damaged"), _zipped("parquet", cut(0.7, ".parquet"))
    ),
    _entry("gdb_cut.gdb", (34,), "REJECT", ("damaged",), _geodatabase(cut(0.5, ".gdbtable"))),
    _entry(
        "geojson_cut.geojson",
        (34,),
        "REJECT",
        ("geojson_cut.geojson", "damaged"),
        _text(_COLLECTION + _FEATURE),
    ),
    _entry(
        "geojson_number.geojson",
        (34,),
        "REJECT",
        ("damaged",),
        _text('{"type": "FeatureCollection", "features": 5}'),
    ),
    _entry(
        "zip_cut.zip",
        (34,),
        "REJECT",
        ("zip_cut.zip", "damaged"),
        lambda path, around: (_zipped("fgb")(path, around), cut(0.8)(path)),
    ),
    _entry("empty.gpkg", (34,), "REJECT", ("empty",), _text("")),
    _entry("letter.txt", (34,), "REJECT", ("letter.txt",), _text("Dear planner, the data follow.")),
    _entry(
        "web_page.geojson", (34,), "REJECT", ("web page",), _text("<!DOCTYPE html><html>error 404</html>")
    ),
    _entry(
        "lines_only.xml", (75,), "REJECT", ("lines_only.xml", "Terminal", "EnergyConsumer", "GL"), _text(_CIM)
    ),
)

ENTRIES = (*WHOLE, *ENCODINGS, *DAMAGED)
