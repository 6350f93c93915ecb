"""GeoJSON: one FeatureCollection in a file, checked before GDAL sees it."""

from __future__ import annotations

import mmap
import re
from pathlib import Path

import pyarrow as pa

from gis.formats.gdal import UNREADABLE, damaged, read_table

_COLLECTION = re.compile(rb'"type"\s*:\s*"FeatureCollection"')
# A recipe GDAL runs when it meets these words in JSON: it reads other files and writes some.
_RECIPE = b"gdal_streamed_alg"
_BLANKS = b"\xef\xbb\xbf \t\r\n"


def recognises(path: Path) -> bool:
    """Tell whether a file is JSON that calls itself a FeatureCollection and nothing else."""
    if not path.is_file() or not path.stat().st_size:
        return False
    with path.open("rb") as stream:
        if not stream.read(64).lstrip(_BLANKS).startswith(b"{"):
            return False
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return _COLLECTION.search(content) is not None and content.find(_RECIPE) < 0


def read_tables(path: Path) -> dict[str, pa.Table]:
    """Read the one layer, named like the file.

    Raises
    ------
    InputError
        The file is damaged.
    """
    try:
        # Text that looks like a date stays text: ids are text.
        return {path.stem: read_table(path, driver="GeoJSON", DATE_AS_STRING="YES")}
    except UNREADABLE as error:
        raise damaged(path, f"{error}".rpartition("; ")[2] or type(error).__name__) from error
