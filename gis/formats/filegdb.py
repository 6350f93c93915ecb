"""Esri File Geodatabase: a folder of tables, read by GDAL's OpenFileGDB."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from gis.errors import InputError
from gis.findings import make_findings
from gis.formats.gdal import UNREADABLE, damaged, layer_names, read_table

# The catalogue of tables; every geodatabase has it under this name, and its first word is the version.
_CATALOGUE = "a00000001.gdbtable"
# Headers (github.com/rouault/dump_gdbtable, wiki page FGDB-Spec): of a table with the size of the file at
# byte 24, of its index with the count of blocks at byte 4 and the size of an entry at byte 12.
_HEAD_BYTES, _INDEX_HEAD_BYTES = 40, 16
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
    cut = _cut_off(path)
    if cut:
        raise damaged(path, f"{', '.join(cut)} shorter than stated")
    if path.suffix.lower() != ".gdb":  # GDAL goes by it
        message = f"the folder {path.name} is a geodatabase without its ending; rename it to {path.name}.gdb"
        raise InputError(str(path), make_findings("file_format", "file", [""], message))
    try:
        return {name: read_table(path, driver="OpenFileGDB", layer=name) for name in layer_names(path)}
    except UNREADABLE as error:
        raise damaged(path, type(error).__name__) from error


def _cut_off(folder: Path) -> list[str]:
    """Files shorter than their header says: GDAL reads such a table as one without rows, without a word."""
    tables = [file.name for file in sorted(folder.glob("*.gdbtable")) if _is_short(file, _table_bytes)]
    return tables + [file.name for file in sorted(folder.glob("*.gdbtablx")) if _is_short(file, _index_bytes)]


def _is_short(file: Path, stated: Callable[[bytes], int]) -> bool:
    with file.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    return len(head) < _INDEX_HEAD_BYTES or file.stat().st_size < stated(head)


def _table_bytes(head: bytes) -> int:
    return int.from_bytes(head[24:32], "little")


def _index_bytes(head: bytes) -> int:
    """Header, then blocks of 1,024 places of rows."""
    blocks, place = int.from_bytes(head[4:8], "little"), int.from_bytes(head[12:16], "little")
    return _INDEX_HEAD_BYTES + blocks * 1024 * place
