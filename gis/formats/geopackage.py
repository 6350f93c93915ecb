"""GeoPackage in and out. Reads real tables only: a view or a trigger in a file is never run."""

from __future__ import annotations

import sqlite3
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
from gis.formats.whole import write_whole

_SQLITE_MAGIC = b"SQLite format 3\x00"
_APPLICATION_IDS = (b"GPKG", b"GP10", b"GP11", b"GP12")
# Views under the names of a GeoPackage's own tables would be run by whoever opens it, GDAL too.
_DISGUISED = "SELECT count(*) FROM sqlite_master WHERE name LIKE 'gpkg\\_%' ESCAPE '\\' AND type = 'view'"
# As QGIS itself makes the table; it looks for the row of a layer and geometry column with useAsDefault.
_STYLE_TABLE = """CREATE TABLE layer_styles (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, "f_table_catalog" TEXT(256), "f_table_schema" TEXT(256),
    "f_table_name" TEXT(256), "f_geometry_column" TEXT(256), "styleName" TEXT(30), "styleQML" TEXT,
    "styleSLD" TEXT, "useAsDefault" BOOLEAN, "description" TEXT, "owner" TEXT(30), "ui" TEXT(30),
    "update_time" DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')))"""
_STYLE_NAME_MAX = 30
# Where SQLite counts changes of a file, and says of which count its version is (sqlite.org/fileformat2.html).
_CHANGE_COUNTERS = (24, 92)
# A time that says nothing, in files of which the same content has the same bytes.
_NO_TIME = "2000-01-01T00:00:00.000Z"
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


def write_layers(
    layers: Mapping[str, pd.DataFrame],
    path: Path,
    *,
    styles: Mapping[str, str] | None = None,
    repeatable: bool = False,
) -> None:
    """Write the layers to a temporary file beside the target, sync it, and put it in place.

    Parameters
    ----------
    styles
        QML per layer that QGIS draws it with when it is opened (table `layer_styles`).
    repeatable
        Whether the file says nothing of when it was written: the same rows give the same bytes.
    """

    def write(draft: Path) -> None:
        for name, layer in layers.items():
            _write_layer(layer, draft, name)
        if styles:
            with closing(sqlite3.connect(draft)) as connection, connection:
                _write_styles(connection, styles)
        if repeatable:
            _forget_time(draft)

    write_whole(path, write)


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


def _write_styles(connection: sqlite3.Connection, styles: Mapping[str, str]) -> None:
    """Add the table QGIS reads styles of layers from."""
    connection.execute(_STYLE_TABLE)
    connection.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier) VALUES (?, 'attributes', ?)",
        ["layer_styles", "layer_styles"],
    )
    columns = dict(connection.execute("SELECT table_name, column_name FROM gpkg_geometry_columns"))
    connection.executemany(
        "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, "
        "styleName, styleQML, styleSLD, useAsDefault, description, owner, update_time) "
        "VALUES ('', '', ?, ?, ?, ?, '', 1, 'feederplan', '', ?)",
        [
            (name, columns[name], name[:_STYLE_NAME_MAX], qml, _NO_TIME)
            for name, qml in styles.items()
            if name in columns
        ],
    )


def _forget_time(path: Path) -> None:
    """Take out of a GeoPackage what depends on when and in how many steps it was written."""
    with closing(sqlite3.connect(path)) as connection:
        with connection:
            connection.execute("UPDATE gpkg_contents SET last_change = ?", [_NO_TIME])
        # Else free space keeps what GDAL wrote and changed again.
        connection.execute("VACUUM")
    with path.open("rb+") as stream:
        for offset in _CHANGE_COUNTERS:
            stream.seek(offset)
            stream.write((1).to_bytes(4, "big"))


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
