"""GeoParquet, and Parquet without geometry: read and written by pyarrow, never by GDAL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyproj import CRS
from pyproj.exceptions import CRSError

from gis.errors import InputError
from gis.findings import make_findings
from gis.formats.arrow import label
from gis.formats.gdal import damaged, require_rows
from gis.formats.whole import write_whole

_MAGIC = b"PAR1"
# GeoParquet 1.1: where the file says nothing of a system, coordinates are longitude and latitude.
_SYSTEM_UNSAID = "OGC:CRS84"


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as GeoParquet, or as Parquet where it has no geometry; the index is not written."""
    write_whole(path, lambda draft: frame.to_parquet(draft, index=False))


def recognises(path: Path) -> bool:
    """Tell whether a file begins like Parquet; whether it is whole is told when it is read."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(4) == _MAGIC


def read_tables(path: Path) -> dict[str, pa.Table]:
    """Read the one table, named like the file.

    Raises
    ------
    InputError
        The file is damaged, has too many rows, or codes geometry in another way than WKB.
    """
    try:
        with pq.ParquetFile(path) as file:
            require_rows(path, file.metadata.num_rows)
            geo = json.loads((file.metadata.metadata or {}).get(b"geo", b"{}"))
            geometry, crs = _geometry(path, geo)
            return {path.stem: label(_whole(file.read()), geometry, crs)}
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, CRSError) as error:
        raise damaged(path, type(error).__name__) from error


def _geometry(path: Path, geo: dict[str, Any]) -> tuple[str | None, CRS | None]:  # Any: JSON of the file
    """Name and system of the geometry column, as the file's "geo" metadata states them."""
    if not geo:
        return None, None
    name = geo["primary_column"]
    column = geo["columns"][name]
    if column["encoding"] != "WKB":
        message = f"geometry is coded as {column['encoding']!r}; write it with the encoding WKB"
        raise InputError(str(path), make_findings("file_format", path.stem, [""], message))
    system = column.get("crs", _SYSTEM_UNSAID)
    return name, None if system is None else CRS.from_user_input(system)


def _whole(table: pa.Table) -> pa.Table:
    table.validate(full=True)  # text that is no UTF-8
    return table
