"""FlatGeobuf: every row its header states must come out, since GDAL reads a cut file without a word."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from gis.formats.gdal import UNREADABLE, damaged, read_table

# FlatGeobuf specification, file layout: magic bytes, major version 3.
_MAGIC = b"fgb\x03fgb"


def recognises(path: Path) -> bool:
    """Tell whether the file's first bytes are those of a FlatGeobuf."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(len(_MAGIC)) == _MAGIC


def read_tables(path: Path) -> dict[str, pa.Table]:
    """Read the one layer, named like the file.

    Raises
    ------
    InputError
        The file is damaged, or holds fewer rows than its header states.
    """
    try:
        return {path.stem: read_table(path, driver="FlatGeobuf")}
    except UNREADABLE as error:
        raise damaged(path, type(error).__name__) from error
