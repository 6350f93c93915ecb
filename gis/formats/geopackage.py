"""GeoPackage in and out. Reads real tables only: a view or a trigger in a file is never run."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyogrio

from gis.errors import InputError
from gis.findings import make_findings
from gis.formats.gdal import UNREADABLE, damaged, read_table, storable

_SQLITE_MAGIC = b"SQLite format 3\x00"
_APPLICATION_IDS = (b"GPKG", b"GP10", b"GP11", b"GP12")
# Views under the names of a GeoPackage's own tables would be run by whoever opens it, GDAL too.
_DISGUISED = "SELECT count(*) FROM sqlite_master WHERE name LIKE 'gpkg\\_%' ESCAPE '\\' AND type = 'view'"
_TABLES = (
    "SELECT c.table_name FROM gpkg_contents c JOIN sqlite_master m ON m.name = c.table_name "
    "WHERE c.data_type IN ('features', 'attributes') AND m.type = 'table' "
    "AND m.sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY c.table_name"
)


def recognises(path: Path) -> bool:
    """Tell whether the file's first bytes are those of a GeoPackage."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        head = stream.read(72)
    return head.startswith(_SQLITE_MAGIC) and head[68:72] in _APPLICATION_IDS


def read_tables(path: Path) -> dict[str, pa.Table]:
    """Read every feature and attribute table.

    Raises
    ------
    InputError
        The file is damaged.
    """
    _require_closed(path)
    try:
        # The count of rows a GeoPackage states is a note that other programs forget to update.
        return {name: read_table(path, driver="GPKG", layer=name, whole=False) for name in _table_names(path)}
    except (sqlite3.DatabaseError, *UNREADABLE) as error:
        raise damaged(path, type(error).__name__) from error


def write_layers(layers: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Write the layers to a temporary file beside the target, sync it, and put it in place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-") as folder:
        draft = Path(folder) / path.name
        for name, layer in layers.items():
            _write_layer(layer, draft, name)
        with draft.open("rb+") as stream:
            os.fsync(stream.fileno())
        draft.replace(path)


def beside(path: Path) -> list[Path]:
    """Files beside it with changes that are not yet in it."""
    files = [path.with_name(path.name + end) for end in ("-wal", "-journal")]
    return [file for file in files if file.is_file() and file.stat().st_size]


def _require_closed(path: Path) -> None:
    """Refuse a file whose last changes still lie beside it: they would be missing without a word."""
    left = [file.name for file in beside(path)]
    if left:
        message = f"{left[0]} beside it holds changes not yet in the file; close it in the other program"
        raise InputError(str(path), make_findings("file_open", "file", [""], message))


def notes(path: Path) -> pd.DataFrame:
    """Layers that are no tables: a view is never run, so they are told instead of read."""
    with _opened(path) as connection:
        query = "SELECT table_name FROM gpkg_contents WHERE data_type IN ('features', 'attributes')"
        named = [name for (name,) in connection.execute(query)]
        views = sorted(set(named) - {name for (name,) in connection.execute(_TABLES)})
    messages = [f"{name} is a view, which is never run; export it as a table" for name in views]
    return make_findings("view_not_read", "file", [""] * len(views), messages, severity="warning")


def _table_names(path: Path) -> list[str]:
    with _opened(path) as connection:
        # GDAL returns the rows before a damaged page without a word.
        damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if damage != "ok":
            raise sqlite3.DatabaseError(damage)
        return [name for (name,) in connection.execute(_TABLES)]


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        connection.execute("PRAGMA trusted_schema = OFF")
        if connection.execute(_DISGUISED).fetchone()[0]:
            raise sqlite3.DatabaseError("its own tables are views")
        yield connection


def _write_layer(layer: pd.DataFrame, path: Path, name: str) -> None:
    writable = storable(layer)
    if isinstance(writable, gpd.GeoDataFrame):
        kinds = set(writable.geom_type.dropna())
        geometry_type = kinds.pop() if len(kinds) == 1 else "Unknown"
        pyogrio.write_dataframe(
            writable, path, layer=name, driver="GPKG", geometry_type=geometry_type, append=False
        )
    else:
        pyogrio.write_dataframe(writable, path, layer=name, driver="GPKG")
