"""Esri File Geodatabase: a folder of tables, read by GDAL's OpenFileGDB."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from gis.formats.gdal import UNREADABLE, damaged, layer_names, read_table

# The catalogue of tables; every geodatabase has it under this name, and its first word is the version.
_CATALOGUE = "a00000001.gdbtable"
_VERSIONS = ((3).to_bytes(4, "little"), (4).to_bytes(4, "little"))


def recognises(path: Path) -> bool:
    """Tell whether the folder holds the catalogue of a geodatabase."""
    catalogue = path / _CATALOGUE
    if not catalogue.is_file():
        return False
    with catalogue.open("rb") as stream:
        return stream.read(4) in _VERSIONS


def read_tables(path: Path) -> dict[str, pa.Table]:
    """Read every table, with geometry or without.

    Raises
    ------
    InputError
        A table is damaged, or holds fewer rows than it states.
    """
    opened = path if path.suffix.lower() == ".gdb" else path / _CATALOGUE
    try:
        return {name: read_table(opened, driver="OpenFileGDB", layer=name) for name in layer_names(opened)}
    except UNREADABLE as error:
        raise damaged(path, type(error).__name__) from error
