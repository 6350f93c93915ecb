"""Bring the layers of a source into canonical tables by a mapping; cells stay as they were written.

Columns the mapping does not name keep their names behind the canonical ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gis.conform import as_text
from gis.crs import read_crs
from gis.errors import InputError
from gis.findings import empty_findings, join_findings, make_findings
from gis.mapping.grammar import ColumnSource, GeometrySource, Join, LayerMapping, TableSource
from gis.schema import TABLES

Layers = Mapping[str, pd.DataFrame]


@dataclass(frozen=True, eq=False)
class Mapped:
    """Canonical tables as they were written, and what was found: unknown codes by id, rows left out."""

    layers: dict[str, pd.DataFrame]
    findings: pd.DataFrame


def apply_mapping(layers: Layers, mapping: LayerMapping, source: str) -> Mapped:
    """Bring source layers into canonical tables.

    Returns
    -------
    Mapped
        A cell that is in no code table is empty and an error of its element; rows a filter leaves out
        are counted in a warning.

    Raises
    ------
    InputError
        The source lacks a layer or column the mapping names; every fault is named.
    """
    by_name = {name.casefold(): frame for name, frame in layers.items()}
    faults = join_findings([_absent(by_name, table) for table in mapping.tables])
    if len(faults):
        raise InputError(source, faults)
    mapped = [(table, *_map_table(by_name, table, mapping)) for table in mapping.tables]
    parts: dict[str, list[pd.DataFrame]] = {}
    for table, rows, _ in mapped:
        parts.setdefault(table.table, []).append(rows)
    found = [told for _, _, told in mapped]
    faults = _without_system([(table, rows) for table, rows, _ in mapped])
    if len(faults):
        raise InputError(source, faults)
    return Mapped({name: _stack(rows) for name, rows in parts.items()}, join_findings(found))


def _absent(layers: Layers, table: TableSource) -> pd.DataFrame:
    """Every layer and column the mapping names and the source lacks."""
    place = table.geometry
    joined = {f"{join.layer}.": join.layer for join in table.joins}
    wanted = _columns_used(table)
    own = [c for c in wanted if not c.startswith(tuple(joined))]
    needs = {table.layer: own}
    for join in table.joins:
        brought = [c.removeprefix(f"{join.layer}.") for c in wanted if c.startswith(f"{join.layer}.")]
        needs[join.layer] = [*needs.get(join.layer, []), join.key, *brought]
    if place is not None:
        needs[table.layer] += [c for c in (place.start, place.end, place.wkt) if c]
        at = [c for c in (place.x, place.y, place.key) if c]
        needs[place.layer or table.layer] = [*needs.get(place.layer or table.layer, []), *at]
    messages = [*_placeless(layers, place)]
    for layer, columns in needs.items():
        raw = layers.get(layer.casefold())
        if raw is None:
            seen = ", ".join(sorted(layers)) or "none"
            messages.append(f"the source has no layer {layer!r} (layers: {seen}); correct the mapping")
            continue
        has = ", ".join(map(str, raw.columns))
        lost = sorted({c for c in columns if c not in raw.columns})
        messages += [f"layer {layer!r} has no column {c!r} (columns: {has})" for c in lost]
    return make_findings("missing_column", table.table, [""] * len(messages), messages)


def _columns_used(table: TableSource) -> list[str]:
    """Source columns the table reads, those of joined layers as "layer.column"."""
    read = [c for column in table.columns.values() for c in column.columns]
    return [*read, *table.where, *(join.on for join in table.joins)]


def _placeless(layers: Layers, place: GeometrySource | None) -> list[str]:
    """A layer that shall lend its places has geometry, or columns of coordinates."""
    if place is None or place.layer is None or place.x is not None:
        return []
    if isinstance(layers.get(place.layer.casefold(), gpd.GeoDataFrame()), gpd.GeoDataFrame):
        return []
    return [f"layer {place.layer!r} has no geometry; name its columns x and y in the mapping's geometry"]


def _without_system(mapped: list[tuple[TableSource, pd.DataFrame]]) -> pd.DataFrame:
    """Layers without a CRS that shall be stacked on layers that have one."""
    located = [(t, rows.crs) for t, rows in mapped if isinstance(rows, gpd.GeoDataFrame)]
    known = {table.table for table, crs in located if crs is not None}
    lost = [table for table, crs in located if crs is None and table.table in known]
    messages = [
        f"layer {t.layer!r} has no coordinate reference system (CRS), other layers of {t.table} have; "
        "set it in the file or name it with crs"
        for t in lost
    ]
    return make_findings("crs_missing", "file", [""] * len(lost), messages)


def _map_table(
    layers: Layers, table: TableSource, mapping: LayerMapping
) -> tuple[pd.DataFrame, pd.DataFrame]:
    raw = layers[table.layer.casefold()].reset_index(drop=True)
    for join in table.joins:
        raw = _join(raw, layers[join.layer.casefold()], join, _columns_used(table))
    raw, left_out = _filter(raw, table)
    crs = None if mapping.crs is None else read_crs(mapping.crs)
    placed = _place(raw, layers, table, crs)
    rows, unknown = _map_columns(placed, table, mapping)
    return rows, join_findings([left_out, unknown])


def _filter(raw: pd.DataFrame, table: TableSource) -> tuple[pd.DataFrame, pd.DataFrame]:
    taken = pd.Series(True, raw.index)
    for column, values in table.where.items():
        taken &= as_text(raw[column]).isin(as_text(pd.Series([v])).iloc[0] for v in values)
    if taken.all():
        return raw, empty_findings()
    seen = [
        f"{column} {text} ({count})"
        for column in table.where
        for text, count in as_text(raw.loc[~taken, column]).fillna("empty").value_counts().head(5).items()
    ]
    message = (
        f"{int((~taken).sum())} of {len(raw)} rows of layer {table.layer!r} "
        f"are left out by the mapping's where: " + ", ".join(seen)
    )
    return raw[taken].reset_index(drop=True), make_findings(
        "filtered", table.table, [""], message, severity="warning"
    )


def _join(raw: pd.DataFrame, other: pd.DataFrame, join: Join, used: list[str]) -> pd.DataFrame:
    """Bring in the columns used of another layer; of several rows the first non-empty cell, or the sum."""
    keys, here = as_text(other[join.key]), as_text(raw[join.on])
    brought = {}
    for name in (c for c in dict.fromkeys(used) if c.startswith(f"{join.layer}.")):
        rows = other[name.removeprefix(f"{join.layer}.")].groupby(keys)
        summed = join.aggregate == "sum" and pd.api.types.is_numeric_dtype(rows.obj.dtype)
        brought[name] = here.map(rows.sum(min_count=1) if summed else rows.first())
    return raw.assign(**brought)


def _place(raw: pd.DataFrame, layers: Layers, table: TableSource, crs: CRS | None) -> pd.DataFrame:
    """Rows with their geometry, in the mapping's CRS where the layer declares none."""
    if table.geometry is not None:
        geometry, system = _geometry(raw, layers, table.geometry)
        raw = gpd.GeoDataFrame(
            pd.DataFrame(raw).drop(columns="geometry", errors="ignore"), geometry=geometry, crs=system
        )
    if isinstance(raw, gpd.GeoDataFrame) and raw.crs is None and crs is not None:
        return raw.set_crs(crs)
    return raw


def _geometry(raw: pd.DataFrame, layers: Layers, given: GeometrySource) -> tuple[np.ndarray, object]:
    if given.wkt is not None:
        return shapely.from_wkt(as_text(raw[given.wkt]).to_numpy(), on_invalid="ignore"), None
    if given.layer is None:
        return _points(raw, given), None
    other = layers[given.layer.casefold()]
    own = isinstance(other, gpd.GeoDataFrame) and given.x is None
    points = np.asarray(other.geometry.array) if own else _points(other, given)
    places = pd.Series(points, as_text(other[str(given.key)]))
    places = places[~places.index.duplicated()]
    at = [as_text(raw[c]) for c in (given.start, given.end) if c is not None]
    found = np.concatenate([places.to_numpy(), np.array([None])])  # the last stands for an id that is nowhere
    ends = [found[places.index.get_indexer(pd.Index(ids))] for ids in at]
    system = other.crs if own else None
    if len(ends) == 1:
        return ends[0], system
    xy = np.stack([np.column_stack([shapely.get_x(e), shapely.get_y(e)]) for e in ends], axis=1)
    known = np.isfinite(xy).all(axis=(1, 2))
    lines = np.full(len(raw), None, dtype=object)
    lines[known] = shapely.linestrings(xy[known])
    return lines, system


def _points(frame: pd.DataFrame, given: GeometrySource) -> np.ndarray:
    xy = np.column_stack([pd.to_numeric(frame[str(c)], errors="coerce") for c in (given.x, given.y)])
    points = np.full(len(frame), None, dtype=object)
    known = np.isfinite(xy).all(axis=1)
    points[known] = shapely.points(xy[known])
    return points


def _map_columns(
    raw: pd.DataFrame, table: TableSource, mapping: LayerMapping
) -> tuple[pd.DataFrame, pd.DataFrame]:
    taken = {c for column in table.columns.values() for c in column.columns}
    covered = {c for c in table.columns if c != "geometry"}
    kept = raw.drop(columns=[c for c in raw.columns if c in taken or c in covered])
    mapped, unknown = {}, {}
    for name, column in table.columns.items():
        mapped[name], unknown[name] = _cells(raw, column, mapping.codes_of(column))
    id_column = TABLES[table.table].id_column
    ids = as_text(mapped[id_column] if id_column in mapped else raw.get(id_column, pd.Series("", raw.index)))
    faults = []
    for name, bad in unknown.items():
        message = f"{name}: the value is in no code table; add it to the codes of the mapping"
        values = bad[bad.notna()]
        faults.append(make_findings("unknown_code", table.table, ids[values.index], message, values=values))
    frame = kept.assign(**mapped)
    return frame[[*mapped, *(c for c in frame.columns if c not in mapped)]], join_findings(faults)


def _cells(
    raw: pd.DataFrame, source: ColumnSource, codes: Mapping[str, object]
) -> tuple[pd.Series, pd.Series]:
    """Cells of one column, and those no code table knows (missing where all is well)."""
    unknown = pd.Series(None, raw.index, dtype=object)
    if source.value is not None:
        return pd.Series(source.value, raw.index), unknown
    cells = raw[source.column] if source.column is not None else _combined(raw, source)
    if codes:
        text = as_text(cells)
        unknown = text.where(~text.isin(list(codes)))
        cells = text.map(dict(codes))
    if source.divide is not None or source.factor is not None:
        numbers = pd.to_numeric(cells, errors="coerce") * (source.factor or 1.0)
        if source.divide is not None:
            numbers /= pd.to_numeric(raw[source.divide], errors="coerce").replace(0.0, np.nan)
        cells = numbers.astype(object).where(numbers.notna(), cells)  # what is no number is told later
    if source.default is not None:
        cells = cells.astype(object).where(cells.notna() | unknown.notna(), source.default)
    return cells, unknown


def _combined(raw: pd.DataFrame, source: ColumnSource) -> pd.Series:
    numbers = raw[source.sum or source.hypot].apply(pd.to_numeric, errors="coerce")
    if source.sum:
        return numbers.sum(axis=1, min_count=1)
    return np.sqrt(numbers.pow(2).sum(axis=1, skipna=False))


def _stack(rows: list[pd.DataFrame]) -> pd.DataFrame:
    """Rows of several layers under each other, in the system of the first that declares one."""
    if len(rows) == 1:
        return rows[0]
    placed = [r for r in rows if isinstance(r, gpd.GeoDataFrame)]
    if not placed:
        return pd.concat(rows, ignore_index=True)
    crs = placed[0].crs  # all have one, or none has (`_without_system`)
    known = [_in_system(r, crs) for r in rows]
    return gpd.GeoDataFrame(pd.concat(known, ignore_index=True), geometry="geometry", crs=crs)


def _in_system(rows: pd.DataFrame, crs: CRS | None) -> pd.DataFrame:
    if not isinstance(rows, gpd.GeoDataFrame):
        return pd.DataFrame(rows).assign(geometry=None)
    return pd.DataFrame(rows if rows.crs is None else rows.to_crs(crs))
