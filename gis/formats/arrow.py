"""Layers as Arrow tables and as frames: whole numbers with gaps stay whole, geometry travels as WKB.

Geometry that is no geometry (a line of one vertex) is a missing one here; rules name its element later.
"""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from pyproj import CRS

from gis.parallel import in_parts

_CRS_KEY, _GEOMETRY_KEY, _JSON_KEY = b"crs_wkt", b"geometry_column", b"json_columns"


def to_frame(table: pa.Table, geometry: str | None = None, crs: object = None) -> pd.DataFrame:
    """Make a frame of a table.

    Parameters
    ----------
    table
        One layer; columns of lists, structures or bytes become text.
    geometry
        Name of its column of WKB; a frame without geometry comes out when None.
    crs
        What the layer declares: anything pyproj reads, or None.
    """
    plain = table if geometry is None else table.drop_columns([geometry])
    columns = dict(zip(_unlike(plain.column_names), map(_to_series, plain.columns), strict=True))
    frame = pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows))
    if geometry is None:
        return frame
    shapes = from_wkb(table.column(geometry))
    frame = frame.drop(columns="geometry", errors="ignore")
    return gpd.GeoDataFrame(frame, geometry=shapes, crs=None if crs is None else CRS.from_user_input(crs))


def from_wkb(column: pa.ChunkedArray) -> np.ndarray:
    """Geometries of a column of WKB; None where there is none or it is none."""
    if isinstance(column.type, pa.ExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)
    return in_parts(_read_wkb, column.to_numpy())


def _read_wkb(texts: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # a coordinate that is no number is a finding, not a warning
        return shapely.from_wkb(texts, on_invalid="ignore")


def label(table: pa.Table, geometry: str | None, crs: object, mixed: list[str] | None = None) -> pa.Table:
    """Note on a table what it takes to make its frame: column of WKB, system (or None), columns of JSON."""
    notes = {_JSON_KEY: json.dumps(mixed or []).encode()}
    if geometry is not None:
        notes[_GEOMETRY_KEY] = geometry.encode()
        notes |= {} if crs is None else {_CRS_KEY: CRS.from_user_input(crs).to_wkt().encode()}
    return table.replace_schema_metadata(notes)


def pack(frame: pd.DataFrame) -> pa.Table:
    """Make a table of a frame, to be unpacked as it was (`unpack`): geometry as WKB, its CRS as WKT."""
    columns: dict[str, pa.Array] = {}
    texts = []
    for position, name in enumerate(map(str, frame.columns)):
        series = frame.iloc[:, position]
        if isinstance(series, gpd.GeoSeries):
            columns[name] = pa.array(shapely.to_wkb(series.array), type=pa.binary())
            continue
        try:
            columns[name] = pa.array(series, from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):  # cells of several kinds
            columns[name] = pa.array(_as_json(series), type=pa.string())
            texts.append(name)
    if isinstance(frame, gpd.GeoDataFrame):
        return label(pa.table(columns), str(frame.geometry.name), frame.crs, texts)
    return label(pa.table(columns), None, None, texts)


def unpack(table: pa.Table) -> pd.DataFrame:
    """Make the frame of a packed or labelled table."""
    notes = table.schema.metadata or {}
    geometry, crs = notes.get(_GEOMETRY_KEY), notes.get(_CRS_KEY)
    frame = to_frame(table, None if geometry is None else geometry.decode(), crs and crs.decode())
    mixed = json.loads(notes.get(_JSON_KEY, b"[]"))
    return frame.assign(**{name: frame[name].map(json.loads, na_action="ignore") for name in mixed})


def _unlike(names: list[str]) -> list[str]:
    """Names of columns; what stands twice gets its number behind it."""
    return [name if name not in names[:at] else f"{name}_{at + 1}" for at, name in enumerate(names)]


def _as_json(series: pd.Series) -> list[str | None]:
    return [
        None if missing else json.dumps(cell, default=str)
        for cell, missing in zip(series, series.isna(), strict=True)
    ]


def _to_series(column: pa.ChunkedArray) -> pd.Series:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _to_series(column.cast(kind.value_type))
    if pa.types.is_integer(kind) and column.null_count:
        whole = pd.UInt64Dtype() if pa.types.is_unsigned_integer(kind) else pd.Int64Dtype()
        return column.to_pandas(types_mapper=lambda _: whole)
    if pa.types.is_date(kind) or pa.types.is_time(kind):  # a date may be an id: its text is kept
        return column.cast(pa.string()).to_pandas()
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return column.to_pandas().map(_written, na_action="ignore").astype(object)
    try:
        return column.to_pandas()
    except pa.ArrowException:  # a kind of column or a date that pandas has no room for: its text is kept
        return pd.Series([None if cell is None else str(cell) for cell in column.to_pylist()], dtype=object)


def _written(cell: object) -> str:
    if isinstance(cell, bytes):
        return cell.hex()
    return json.dumps(
        cell.tolist() if isinstance(cell, np.ndarray) else cell, ensure_ascii=False, default=str
    )
