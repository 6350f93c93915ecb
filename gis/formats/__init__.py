"""File formats: a registry. Each format reads raw layers by name; some write them too.

A format looks at bytes, not at file names: GDAL opens by content, and a text renamed `.gpkg` may make
it read other files. So a reader checks what a file is before GDAL sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from gis.errors import InputError
from gis.findings import make_findings
from gis.formats import geojson_folder, geopackage, opendss
from gis.formats.source import Dialect, Source

INFO_LAYER = "network_info"


@dataclass(frozen=True)
class Format:
    """One file format: its name (as `--format` takes it), how to recognise and how to read it.

    A format that is also written has `suffix` (of the target's name) and `write`.
    """

    name: str
    title: str
    recognises: Callable[[Path], bool]
    read: Callable[[Path, Dialect], Source]
    suffix: str | None = None
    write: Callable[[Mapping[str, pd.DataFrame], Path], None] | None = None


FORMATS: tuple[Format, ...] = (
    Format(
        "geopackage",
        "GeoPackage",
        geopackage.recognises,
        lambda path, dialect: Source(geopackage.read_layers(path)),
        ".gpkg",
        geopackage.write_layers,
    ),
    Format(
        "geojson-folder",
        "folder of GeoJSON files",
        geojson_folder.recognises,
        lambda path, dialect: Source(geojson_folder.read_layers(path)),
        "",
        geojson_folder.write_layers,
    ),
    Format(
        "opendss",
        "OpenDSS script",
        opendss.recognises,
        lambda path, dialect: opendss.read(path),
    ),
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
    if not path.exists():
        raise InputError(str(path), make_findings("file_missing", "file", [""], "no such file or folder"))
    for form in FORMATS:
        if (name is None or form.name == name) and form.recognises(path):
            return form
    titles = " or ".join(form.title for form in FORMATS if name is None or form.name == name)
    message = f"the content is not a {titles}, whatever its name says; convert it first"
    if not titles:
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
