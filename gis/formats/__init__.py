"""File formats: a registry. Each format reads raw layers by name; some write them too.

A format looks at bytes, not at file names: GDAL opens by content, and a text renamed `.gpkg` may make
it read other files. So a reader checks what a file is before GDAL sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd
import pyarrow as pa

from gis.errors import InputError
from gis.findings import empty_findings, make_findings
from gis.formats import (
    archive,
    collection,
    csv_tables,
    excel,
    filegdb,
    flatgeobuf,
    geojson,
    geojson_folder,
    geopackage,
    geoparquet,
    opendss,
    pandapower_json,
    shapefile,
    simbench,
)
from gis.formats.arrow import unpack
from gis.formats.sniff import what_is
from gis.formats.source import Dialect, Source

INFO_LAYER = "network_info"


def _nothing_beside(path: Path) -> Iterable[Path]:
    return ()


def _nothing_noted(path: Path) -> pd.DataFrame:
    return empty_findings()


@dataclass(frozen=True)
class Format:
    """One file format: its name (as `--format` takes it), how to recognise and how to read it.

    A format that is also written has `suffix` (of the target's name) and `write`. `beside` gives the files
    that belong to one and lie beside it. One whose layers come as Arrow has `tables` too, which spares a
    process in between the frames, and `notes`, which finds what is to be told of the file. A format with
    `own_process` reads in one by itself already.
    """

    name: str
    title: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path, Dialect], Source]
    suffix: str | None = None
    write: Callable[[Mapping[str, pd.DataFrame], Path], None] | None = None
    beside: Callable[[Path], Iterable[Path]] = _nothing_beside
    tables: Callable[[Path], dict[str, pa.Table]] | None = None
    notes: Callable[[Path], pd.DataFrame] = _nothing_noted
    own_process: bool = False


class _ArrowModule(Protocol):
    """A module that reads one format through Arrow."""

    def recognises(self, path: Path, /) -> bool: ...
    def read_tables(self, path: Path, /) -> dict[str, pa.Table]: ...


def _frames(tables: Mapping[str, pa.Table]) -> dict[str, pd.DataFrame]:
    return {name: unpack(table) for name, table in tables.items()}


def _arrow_format(name: str, title: str, module: _ArrowModule) -> Format:
    def read(path: Path, dialect: Dialect) -> Source:
        return Source(_frames(module.read_tables(path)))

    return Format(name, title, module.recognises, read, tables=module.read_tables)


def _parts() -> tuple[Format, ...]:
    """Formats that may lie in a folder or zip of several: all but those."""
    return tuple(form for form in FORMATS if form.name not in ("folder", "zip"))


def _read_zip(path: Path, dialect: Dialect) -> Source:
    return collection.read_zip(path, _parts(), dialect)


def _read_folder(path: Path, dialect: Dialect) -> Source:
    return collection.read_folder(path, _parts(), dialect)


def _is_folder_of_files(path: Path) -> bool:
    return collection.holds_files(path, _parts())


# Asked in this order; collections of other files last, since other formats are folders or zips too.
FORMATS: tuple[Format, ...] = (
    Format(
        "geopackage",
        "GeoPackage",
        geopackage.recognises,
        lambda path, dialect: Source(_frames(geopackage.read_tables(path)), geopackage.notes(path)),
        suffix=".gpkg",
        write=geopackage.write_layers,
        beside=geopackage.beside,
        tables=geopackage.read_tables,
        notes=geopackage.notes,
    ),
    Format(
        "geojson-folder",
        "folder of GeoJSON files",
        geojson_folder.recognises,
        lambda path, dialect: Source(geojson_folder.read_layers(path)),
        suffix="",
        write=geojson_folder.write_layers,
    ),
    Format(
        "opendss",
        "OpenDSS script",
        opendss.recognises,
        lambda path, dialect: opendss.read(path),
        own_process=True,
    ),
    Format("pandapower", "network of pandapower (JSON)", pandapower_json.recognises, pandapower_json.read),
    Format("simbench", "folder of SimBench tables, or its code", simbench.recognises, simbench.read),
    Format("csv", "CSV table or folder of them", csv_tables.recognises, csv_tables.read),
    Format("excel", "Excel workbook (.xlsx)", excel.recognises, excel.read),
    _arrow_format("geojson", "GeoJSON file", geojson),
    _arrow_format("flatgeobuf", "FlatGeobuf", flatgeobuf),
    _arrow_format("filegdb", "Esri File Geodatabase", filegdb),
    Format(
        "shapefile",
        "Shapefile or folder of them",
        shapefile.recognises,
        shapefile.read_source,
        beside=shapefile.beside,
    ),
    _arrow_format("geoparquet", "GeoParquet", geoparquet),
    Format("folder", "folder of these files", _is_folder_of_files, _read_folder),
    Format("zip", "zip archive of these", archive.recognises, _read_zip),
)


def read_source(path: Path, *, name: str | None = None, dialect: Dialect | None = None) -> Source:
    """Read the raw layers of a file in any format of the registry.

    Parameters
    ----------
    path
        File or folder.
    name
        Name of the format; recognised by content when absent.
    dialect
        How its text is to be read.

    Raises
    ------
    InputError
        Nothing there, in no known format, not in the one named, or damaged.
    """
    return format_of(path, name).read(path, dialect or Dialect())


def format_of(path: Path, name: str | None = None) -> Format:
    """Recognise the format of an existing file or folder by its content; `name` asks for one.

    Raises
    ------
    InputError
        Nothing there, or in no format of the registry, or not in the one asked for.
    """
    wanted = [form for form in FORMATS if name is None or form.name == name]
    try:
        found = next((form for form in wanted if form.recognises(path)), None)
        if found is None and not path.exists():  # a name without a file may be that of data a package ships
            raise InputError(str(path), make_findings("file_missing", "file", [""], "no such file or folder"))
        seen = "" if found else what_is(path)
    except OSError as error:
        message = f"it cannot be opened ({error.strerror})"
        raise InputError(str(path), make_findings("file_missing", "file", [""], message)) from error
    if found is not None:
        return found
    told = f"{path.name} is {seen}; " if seen else ""
    titles = " or ".join(form.title for form in wanted)
    message = f"{told}the content is not a {titles}, whatever its name says; convert it first"
    if not wanted:
        message = f"no format is called {name!r}; there are: {', '.join(form.name for form in FORMATS)}"
    raise InputError(str(path), make_findings("file_format", "file", [""], message))


def write_layers(layers: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Write raw layers in the format the target's name says: `*.gpkg`, or no suffix for a GeoJSON folder.

    Raises
    ------
    InputError
        The name fits no format that is written, or its folder holds other files.
    """
    for form in FORMATS:
        if form.write is not None and path.suffix.lower() == form.suffix:
            form.write(layers, path)
            return
    message = "name the target *.gpkg, or without a suffix for a folder of GeoJSON files"
    raise InputError(str(path), make_findings("file_format", "file", [""], message))
