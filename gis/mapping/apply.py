"""Bring the layers of a source into canonical tables by a mapping; cells stay as they were written.

    layers of the source -> layers made of them -> nodes -> tables

Columns the mapping does not name keep their names behind the canonical ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import geopandas as gpd
import pandas as pd
from pyproj import CRS

from gis.conform import as_text, decimal_comma_findings
from gis.crs import read_crs
from gis.errors import InputError
from gis.findings import empty_findings, join_findings, make_findings
from gis.mapping.cells import expand, read_cells, rewritten_cells
from gis.mapping.grammar import Join, LayerMapping, LayerSource, NodesSource, Rows, TableSource
from gis.mapping.needs import absent, absent_of_nodes
from gis.mapping.nodes import make_nodes
from gis.mapping.places import placed
from gis.numbers import read_numbers
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
    known = {name.casefold(): frame for name, frame in layers.items()}
    found = [_left_out(known, mapping)]
    steps: list[LayerSource | NodesSource] = [*mapping.layers, *mapping.nodes]
    for made in steps:
        _refuse(
            source, absent_of_nodes(known, made) if isinstance(made, NodesSource) else absent(known, made)
        )
        frame, told = _make_layer(known, made, mapping)
        known[made.name.casefold()] = frame
        found.append(told)
    tables = [table for table in mapping.tables if not table.optional or table.layer.casefold() in known]
    _refuse(source, join_findings([absent(known, table) for table in tables]))
    mapped = [(table, *_map_table(known, table, mapping)) for table in tables]
    _refuse(source, _without_system([(table, rows) for table, rows, _ in mapped]))
    parts: dict[str, list[pd.DataFrame]] = {}
    for table, rows, told in mapped:
        parts.setdefault(table.table, []).append(rows)
        found.append(told)
    return Mapped({name: _stack(rows) for name, rows in parts.items()}, join_findings(found))


def _refuse(source: str, faults: pd.DataFrame) -> None:
    if len(faults):
        raise InputError(source, faults)


def _left_out(layers: Layers, mapping: LayerMapping) -> pd.DataFrame:
    """Say which layers with rows the mapping knowingly does not read, and why."""
    there = {n: len(layers[n.casefold()]) for n in mapping.left_out if n.casefold() in layers}
    messages = [
        f"{count} rows of layer {name!r} are not modelled: {mapping.left_out[name]}"
        for name, count in there.items()
        if count
    ]
    return make_findings("not_modelled", "file", [""] * len(messages), messages, severity="warning")


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


def _make_layer(
    layers: Layers, made: LayerSource | NodesSource, mapping: LayerMapping
) -> tuple[pd.DataFrame, pd.DataFrame]:
    if isinstance(made, NodesSource):
        return make_nodes(layers, made)
    if made.layer.casefold() not in layers:  # optional: an empty one, so that joins find its columns
        return pd.DataFrame(columns=list(made.columns)), empty_findings()
    raw, told = _read_rows(layers, made, "file")
    cells = {name: read_cells(raw, column, mapping.codes_of(column)) for name, column in made.columns.items()}
    lost = {name: bad.dropna() for name, (_, bad) in cells.items()}
    messages = [
        f"{name} of layer {made.layer!r}: {', '.join(map(repr, bad.unique()[:10]))} in {len(bad)} rows "
        "is in no code table; add it to the codes of the mapping"
        for name, bad in lost.items()
        if len(bad)
    ]
    unknown = make_findings("unknown_code", "file", [""] * len(messages), messages, severity="warning")
    return pd.DataFrame({n: column for n, (column, _) in cells.items()}), join_findings([told, unknown])


def _map_table(
    layers: Layers, table: TableSource, mapping: LayerMapping
) -> tuple[pd.DataFrame, pd.DataFrame]:
    raw, left_out = _read_rows(layers, table, table.table)
    crs = None if mapping.crs is None else read_crs(mapping.crs)
    raw, lost = placed(raw, layers, table.geometry, crs)
    rows, told = _map_columns(raw, table, mapping)
    id_column = TABLES[table.table].id_column
    ids = as_text(rows[id_column])[lost.index] if id_column in rows else lost.index.map(str)
    message = (
        f"nothing of that id is in layer {table.geometry.layer!r}, where its place is looked up"
        if table.geometry
        else ""
    )
    unplaced = make_findings("unknown_reference", table.table, ids, message, values=lost)
    return rows, join_findings([left_out, unplaced, told])


def _read_rows(layers: Layers, rows: Rows, name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of a layer with what is joined to them, without those the mapping does not want."""
    raw = layers[rows.layer.casefold()].reset_index(drop=True)
    used = [column for names in rows.needs for column in names]
    for join in rows.joins:
        raw = _join(raw, layers[join.layer.casefold()], join, used)
    raw, left_out = _filter(raw, rows, name)
    if rows.distinct is not None:
        raw = raw[~as_text(raw[rows.distinct]).duplicated()].reset_index(drop=True)
    return _high_first(raw, rows.high_first), left_out


def _filter(raw: pd.DataFrame, rows: Rows, name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    taken = pd.Series(True, raw.index)
    for column, values in rows.where.items():
        taken &= as_text(raw[column]).isin(as_text(pd.Series([v])).iloc[0] for v in values)
    if taken.all():
        return raw, empty_findings()
    seen = [
        f"{column} {text} ({count})"
        for column in rows.where
        for text, count in as_text(raw.loc[~taken, column]).fillna("empty").value_counts().head(5).items()
    ]
    message = (
        f"{int((~taken).sum())} of {len(raw)} rows of layer {rows.layer!r} "
        f"are left out by the mapping's where: " + ", ".join(seen)
    )
    return raw[taken].reset_index(drop=True), make_findings(
        "filtered", name, [""], message, severity="warning"
    )


def _join(raw: pd.DataFrame, other: pd.DataFrame, join: Join, used: list[str]) -> pd.DataFrame:
    """Bring in the columns used of another layer, of several rows the one the join asks for."""
    keys, here = as_text(other[join.key]), as_text(raw[join.on])
    wanted = [name.removeprefix(join.prefix) for name in used if name.startswith(join.prefix)]
    brought = {}
    for name in expand(wanted, other.columns):
        numbers = _all_numbers(other[name]) if join.aggregate != "first" else None
        if numbers is None:
            one = other[name].groupby(keys).first()
        elif join.aggregate == "sum":
            one = numbers.groupby(keys).sum(min_count=1)
        else:
            one = numbers.groupby(keys).max()
        brought[join.prefix + name] = here.map(one)
    return raw.assign(**brought)


def _all_numbers(cells: pd.Series) -> pd.Series | None:
    """Cells as numbers; None where any is something else, true and false included."""
    if pd.api.types.infer_dtype(cells, skipna=True) == "boolean":
        return None
    numbers = read_numbers(cells)[0]
    return numbers if (numbers.notna() == cells.notna()).all() else None


def _high_first(raw: pd.DataFrame, pairs: list[list[str]]) -> pd.DataFrame:
    """Exchange the cells of all pairs of columns in rows where the first pair rises."""
    if not pairs:
        return raw
    first, second = (read_numbers(raw[c])[0] for c in pairs[0])
    rises = first < second
    exchanged = {}
    for high, low in pairs:
        exchanged[high], exchanged[low] = raw[high].mask(rises, raw[low]), raw[low].mask(rises, raw[high])
    return raw.assign(**exchanged)


def _map_columns(
    raw: pd.DataFrame, table: TableSource, mapping: LayerMapping
) -> tuple[pd.DataFrame, pd.DataFrame]:
    taken = set(expand([n for c in table.columns.values() for n in c.columns], raw.columns))
    covered = {c for c in table.columns if c != "geometry"}
    kept = raw.drop(columns=[c for c in raw.columns if c in taken or c in covered])
    mapped, unknown = {}, {}
    for name, column in table.columns.items():
        mapped[name], unknown[name] = read_cells(raw, column, mapping.codes_of(column))
    id_column = TABLES[table.table].id_column
    ids = as_text(mapped[id_column] if id_column in mapped else raw.get(id_column, pd.Series("", raw.index)))
    found = [_doubts(raw, table, ids)]
    for name, bad in unknown.items():
        message = f"{name}: the value is in no code table; add it to the codes of the mapping"
        values = bad[bad.notna()]
        found.append(make_findings("unknown_code", table.table, ids[values.index], message, values=values))
    for name, column in table.columns.items():
        commas = rewritten_cells(raw, column)
        found.append(decimal_comma_findings(commas.set_axis(ids[commas.index]), name, table.table))
    frame = kept.assign(**mapped)
    return frame[[*mapped, *(c for c in frame.columns if c not in mapped)]], join_findings(found)


def _doubts(raw: pd.DataFrame, table: TableSource, ids: pd.Series) -> pd.DataFrame:
    parts = []
    for doubt in table.doubts:
        text = as_text(raw[doubt.column])
        if doubt.unless is None:
            values = text[text.isna()]
        else:
            values = text[~text.isin(as_text(pd.Series(doubt.unless, dtype=object))) & text.notna()]
        named = ids[values.index]
        parts.append(
            make_findings(doubt.rule, table.table, named, doubt.message, severity="warning", values=values)
        )
    return join_findings(parts)


def _stack(rows: list[pd.DataFrame]) -> pd.DataFrame:
    """Rows of several layers under each other, in the system of the first that declares one."""
    if len(rows) == 1:
        return rows[0]
    located = [r for r in rows if isinstance(r, gpd.GeoDataFrame)]
    if not located:
        return _under_each_other(rows)
    crs = located[0].crs  # all have one, or none has (`_without_system`)
    known = [_in_system(r, crs) for r in rows]
    return gpd.GeoDataFrame(_under_each_other(known), geometry="geometry", crs=crs)


def _under_each_other(rows: list[pd.DataFrame]) -> pd.DataFrame:
    """Concatenated with the union of the columns; a column without any cell decides no dtype."""
    columns = list(dict.fromkeys(column for frame in rows for column in frame.columns))
    filled = [frame.dropna(axis=1, how="all") for frame in rows if len(frame)]
    return pd.concat(filled, ignore_index=True).reindex(columns=columns) if filled else rows[0]


def _in_system(rows: pd.DataFrame, crs: CRS | None) -> pd.DataFrame:
    if not isinstance(rows, gpd.GeoDataFrame):
        return pd.DataFrame(rows).assign(geometry=None)
    return pd.DataFrame(rows if rows.crs is None else rows.to_crs(crs))
