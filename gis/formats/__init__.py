"""File formats of networks: a registry. Each format reads and writes raw layers by table name.

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
from gis.formats import geojson_folder, geopackage

INFO_LAYER = "network_info"


@dataclass(frozen=True)
class Format:
    """One file format: how to recognise it on disk and by target name, how to read and write it."""

    name: str
    recognises: Callable[[Path], bool]
    fits_target: Callable[[Path], bool]
    read: Callable[[Path], dict[str, pd.DataFrame]]
    write: Callable[[Mapping[str, pd.DataFrame], Path], None]


FORMATS: tuple[Format, ...] = (
    Format(
        "GeoPackage",
        geopackage.recognises,
        lambda path: path.suffix.lower() == ".gpkg",
        geopackage.read_layers,
        geopackage.write_layers,
    ),
    Format(
        "GeoJSON folder",
        geojson_folder.recognises,
        lambda path: path.suffix == "",
        geojson_folder.read_layers,
        geojson_folder.write_layers,
    ),
)


def format_of(path: Path) -> Format:
    """Recognise the format of an existing file or folder by its content.

    Raises
    ------
    InputError
        Nothing there, or in no format of the registry.
    """
    if not path.exists():
        raise InputError(str(path), make_findings("file_missing", "file", [""], "no such file or folder"))
    for form in FORMATS:
        if form.recognises(path):
            return form
    names = " or ".join(form.name for form in FORMATS)
    message = f"the content is not a {names}, whatever its name says; convert it first"
    raise InputError(str(path), make_findings("file_format", "file", [""], message))


def format_for_target(path: Path) -> Format:
    """Choose the format to write by the target's name: `.gpkg`, or no suffix for a GeoJSON folder."""
    for form in FORMATS:
        if form.fits_target(path):
            return form
    message = "name the target *.gpkg, or without a suffix for a folder of GeoJSON files"
    raise InputError(str(path), make_findings("file_format", "file", [""], message))
