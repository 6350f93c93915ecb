"""What every format read and written through GDAL shares: reading one layer, and what can be stored.

GDAL opens by content: its other drivers read server files and fetch from the network. So a format looks at
the bytes first, and what opened the file is checked before a row is read.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyogrio
from pyproj.exceptions import CRSError

from gis.errors import InputError
from gis.findings import make_findings
from gis.formats.arrow import label, pack

# The drivers that may open a file; the child process that reads foreign files loads no others.
DRIVERS = frozenset({"GPKG", "GeoJSON", "FlatGeobuf", "ESRI Shapefile", "OpenFileGDB"})
# Rows of a file: the largest utilities have about 4 million customers in one; 80 kB can expand to 20 million.
MAX_ROWS = 5_000_000
# WKB codes 8 to 12 are arcs and what holds them (ISO 13249-3); plain ones end at 7, 3D adds 1000 to 3000.
_FIRST_CURVE, _LAST_CURVE = 8, 12

# What GDAL and Arrow say of a file they cannot read.
UNREADABLE = (
    pyogrio.errors.DataSourceError,
    pyogrio.errors.DataLayerError,
    pyogrio.errors.FeatureError,
    pyogrio.errors.FieldError,
    pyogrio.errors.GeometryError,
    pa.ArrowException,
    OSError,
    UnicodeDecodeError,
    CRSError,
)


def read_table(
    path: Path, *, driver: str, layer: str | None = None, whole: bool = True, **options: str
) -> pa.Table:
    """Read one layer through Arrow into a labelled table (`gis.formats.arrow.unpack` makes its frame).

    Parameters
    ----------
    path
        A file on disk that has been recognised by its bytes.
    driver
        The one that must open it.
    layer
        Its name; the first when absent.
    whole
        Whether the count of rows the file states must come out.
    options
        Of `pyogrio.read_arrow` and of the driver.

    Raises
    ------
    InputError
        Another driver would open it, it has too many rows, or fewer come out than it states.
    """
    if layer is None and not layer_names(path):
        raise damaged(path, "no layer is left in it")
    with quiet():
        try:
            info = pyogrio.read_info(path, layer=layer, **options)
        except UnboundLocalError as error:  # pyogrio 0.13 stumbles over a system that is no text
            raise damaged(path, "its coordinate system is unreadable") from error
        _check(path, info, driver)
        meta, table = pyogrio.raw.read_arrow(path, layer=layer, **options)
    table.validate(full=True)  # text that is no UTF-8
    if whole and 0 <= info["features"] != table.num_rows:
        raise damaged(path, f"it states {info['features']} rows, {table.num_rows} could be read")
    geometry = (meta["geometry_name"] or "wkb_geometry") if meta["geometry_type"] is not None else None
    geometry = geometry if geometry in table.column_names else None
    if geometry is not None and _has_curves(table.column(geometry)):
        with quiet():  # the way around Arrow draws arcs as lines
            return pack(pyogrio.read_dataframe(path, layer=layer, **options))
    return label(table, geometry, meta["crs"])


def layer_names(path: Path) -> list[str]:
    """Names of the layers of a file, in its order."""
    with quiet():
        return [str(name) for name in pyogrio.list_layers(path)[:, 0]]


def damaged(path: Path, reason: str) -> InputError:
    """The refusal of a file that is not whole."""
    message = f"the file {path.name} is damaged or cut off and cannot be read ({reason}); take a fresh copy"
    return InputError(str(path), make_findings("file_damaged", "file", [""], message))


def require_rows(path: Path, count: int) -> None:
    """Refuse a file with more rows than anything is made for.

    Raises
    ------
    InputError
        It has more.
    """
    if count > MAX_ROWS:
        message = f"{path.name} has {count:,} rows; at most {MAX_ROWS:,} are read: cut the area into parts"
        raise InputError(str(path), make_findings("file_size", "file", [""], message))


@contextmanager
def quiet() -> Iterator[None]:
    """Keep GDAL's own remarks out of the program's output: what they mean is found by rules."""
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        warnings.simplefilter("ignore", UserWarning)
        yield


def _check(path: Path, info: dict[str, object], driver: str) -> None:
    if info["driver"] != driver:
        message = f"{path.name} would be opened as {info['driver']}, not as {driver}; write it again"
        raise InputError(str(path), make_findings("file_format", "file", [""], message))
    require_rows(path, int(str(info["features"])))


def _has_curves(column: pa.ChunkedArray) -> bool:
    """Tell whether any geometry is an arc, by the first two bytes of the kind in its WKB."""
    kinds = pc.unique(pc.binary_slice(column, 1, 3).drop_null()).to_pylist()
    codes = [int.from_bytes(kind, "little") % 1000 for kind in kinds]
    return any(_FIRST_CURVE <= code <= _LAST_CURVE for code in codes)


def storable(layer: pd.DataFrame) -> pd.DataFrame:
    """Columns as a file can hold them: one without any value, or with values of several kinds, is text."""
    plain = [c for c in layer.columns if c != "geometry" and layer[c].dtype == object]
    mixed = [c for c in plain if pd.api.types.infer_dtype(layer[c], skipna=True).startswith("mixed")]
    layer = layer.assign(**{column: layer[column].map(str, na_action="ignore") for column in mixed})
    return layer.astype(dict.fromkeys((c for c in plain if layer[c].isna().all()), "string"))
