"""Mapping files: which layers and columns of a source are which canonical tables and columns (TOML).

    name = "town GIS"
    crs = "EPSG:27700"                                # of layers that declare none

    [[tables]]
    table = "lines"
    layer = "cables"
    where = { status = ["in use"] }                   # rows to take; all when absent
    [tables.columns]
    line_id = "id"                                    # as it stands
    length_m = { column = "length_km", factor = 1000 }
    in_service = { column = "state", codes = { closed = "true", open = "false" } }
    vn_kv = { value = 0.4 }                           # the same in every row

Columns the mapping does not name keep their names behind the canonical ones.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import geopandas as gpd
import pandas as pd

from gis.errors import InputError
from gis.findings import join_findings, make_findings
from gis.schema import TABLES


@dataclass(frozen=True)
class ColumnSource:
    """Where a canonical column comes from: a column of the source or one value, and how it is read."""

    column: str | None = None
    factor: float | None = None
    codes: Mapping[str, object] = field(default_factory=dict)
    value: object = None


@dataclass(frozen=True)
class TableSource:
    """Where a canonical table comes from."""

    table: str
    layer: str
    columns: Mapping[str, ColumnSource]
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class LayerMapping:
    """A mapping file, read and checked."""

    name: str
    tables: tuple[TableSource, ...]
    crs: str | None = None


def read_mapping(path: Path) -> LayerMapping:
    """Read a mapping file.

    Raises
    ------
    InputError
        It is no TOML, or names unknown tables, columns or words; every fault is named.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _refusal(path, [f"the file is no readable TOML: {error}"]) from error
    faults = [f"unknown word {key!r}" for key in content if key not in ("name", "crs", "tables")]
    entries = content.get("tables")
    if not isinstance(entries, list) or not entries:
        raise _refusal(path, [*faults, "it maps no table; add a [[tables]] with table, layer and columns"])
    tables = [_read_table(entry, number, faults) for number, entry in enumerate(entries, start=1)]
    crs = content.get("crs")
    if faults:
        raise _refusal(path, faults)
    return LayerMapping(str(content.get("name", path.stem)), tuple(tables), None if crs is None else str(crs))


def apply_mapping(
    layers: Mapping[str, pd.DataFrame], mapping: LayerMapping, source: str
) -> dict[str, pd.DataFrame]:
    """Bring source layers into canonical tables, cells still as they were written.

    Raises
    ------
    InputError
        The source lacks a layer or column the mapping names, or a cell is in no code table;
        every fault is named.
    """
    faults: list[pd.DataFrame] = []
    parts: dict[str, list[pd.DataFrame]] = {}
    for table in mapping.tables:
        rows, found = _map_table(layers, table)
        faults.append(found)
        if rows is not None:
            parts.setdefault(table.table, []).append(rows)
    if len(join_findings(faults)):
        raise InputError(source, join_findings(faults))
    return {name: _stack(rows) for name, rows in parts.items()}


def _read_table(entry: object, number: int, faults: list[str]) -> TableSource:
    where = f"table {number}"
    if not isinstance(entry, dict):
        faults.append(f"{where} is no table of words")
        return TableSource("", "", {})
    faults += [
        f"{where}: unknown word {k!r}" for k in entry if k not in ("table", "layer", "columns", "where")
    ]
    name, layer = str(entry.get("table", "")), str(entry.get("layer", ""))
    if name not in TABLES:
        faults.append(f"{where}: table {name!r} is none of {', '.join(TABLES)}")
    if not layer:
        faults.append(f"{where}: layer is missing; name the layer of the source")
    known = {column.name for column in TABLES[name].columns} if name in TABLES else set()
    columns = entry.get("columns")
    columns = columns if isinstance(columns, dict) else {}
    faults += [f"{where}: {name} has no column {c!r}" for c in columns if known and c not in known]
    read = {str(c): _read_column(given, f"{where}: {c}", faults) for c, given in columns.items()}
    kept = entry.get("where", {})
    kept = {str(k): tuple(str(v) for v in (vs if isinstance(vs, list) else [vs])) for k, vs in kept.items()}
    return TableSource(name, layer, read, kept)


def _read_column(given: object, where: str, faults: list[str]) -> ColumnSource:
    if isinstance(given, str):
        return ColumnSource(given)
    words = given if isinstance(given, dict) else {}
    column, factor, codes = words.get("column"), words.get("factor"), words.get("codes", {})
    if (column is None) == ("value" not in words):
        faults.append(f"{where}: give either column or value")
    if factor is not None and (
        isinstance(factor, bool) or not isinstance(factor, int | float) or factor == 0
    ):
        faults.append(f"{where}: factor must be a number other than 0")
        factor = None
    if not isinstance(codes, dict):
        faults.append(f"{where}: codes must be a table of text = value")
        codes = {}
    faults += [
        f"{where}: unknown word {w!r}" for w in words if w not in ("column", "factor", "codes", "value")
    ]
    return ColumnSource(None if column is None else str(column), factor, codes, words.get("value"))


def _map_table(
    layers: Mapping[str, pd.DataFrame], table: TableSource
) -> tuple[pd.DataFrame | None, pd.DataFrame]:
    raw = layers.get(table.layer)
    if raw is None:
        seen = ", ".join(sorted(layers)) or "none"
        message = f"the source has no layer {table.layer!r} (layers: {seen}); correct the mapping"
        return None, make_findings("missing_layer", table.table, [""], message)
    wanted = [c.column for c in table.columns.values() if c.column is not None] + list(table.where)
    absent = sorted({c for c in wanted if c not in raw.columns})
    if absent:
        columns = ", ".join(str(c) for c in raw.columns)
        messages = [f"layer {table.layer!r} has no column {c!r} (columns: {columns})" for c in absent]
        return None, make_findings("missing_column", table.table, [""] * len(absent), messages)
    for column, values in table.where.items():
        raw = raw[raw[column].map(str, na_action="ignore").isin(values)]
    return _map_columns(raw, table)


def _map_columns(raw: pd.DataFrame, table: TableSource) -> tuple[pd.DataFrame, pd.DataFrame]:
    taken = {c.column for c in table.columns.values()}
    kept = raw.drop(
        columns=[c for c in raw.columns if c in taken or (c in table.columns and c != "geometry")]
    )
    ids = table.columns.get(TABLES[table.table].id_column)
    names = raw[ids.column] if ids is not None and ids.column is not None else pd.Series("", raw.index)
    mapped, faults = {}, []
    for name, source in table.columns.items():
        mapped[name], unknown = _map_cells(raw, source)
        message = f"{name}: the value is in no code table; add it to the codes of the mapping"
        faults.append(
            make_findings(
                "unknown_code", table.table, names[unknown], message, values=raw[source.column][unknown]
            )
            if unknown.any()
            else join_findings([])
        )
    frame = kept.assign(**mapped)
    return frame[[*mapped, *(c for c in frame.columns if c not in mapped)]], join_findings(faults)


def _map_cells(raw: pd.DataFrame, source: ColumnSource) -> tuple[pd.Series, pd.Series]:
    """Cells of one column, and which of them no code table knows."""
    if source.column is None:
        return pd.Series(source.value, raw.index), pd.Series(False, raw.index)
    cells = raw[source.column]
    unknown = pd.Series(False, raw.index)
    if source.codes:
        text = cells.map(str, na_action="ignore")
        unknown = text.notna() & ~text.isin(list(source.codes))
        cells = text.map(dict(source.codes))
    if source.factor is not None:
        numbers = pd.to_numeric(cells, errors="coerce") * source.factor
        cells = numbers.astype(object).where(numbers.notna(), cells)  # what is no number is told later
    return cells, unknown


def _stack(rows: list[pd.DataFrame]) -> pd.DataFrame:
    """Rows of several layers under each other, in the system of the first."""
    if len(rows) == 1:
        return rows[0]
    crs = next((r.crs for r in rows if isinstance(r, gpd.GeoDataFrame) and r.crs is not None), None)
    placed = [r.to_crs(crs) if isinstance(r, gpd.GeoDataFrame) and r.crs is not None else r for r in rows]
    return pd.concat(placed, ignore_index=True)


def _refusal(path: Path, faults: list[str]) -> InputError:
    return InputError(str(path), make_findings("mapping", "mapping", [""] * len(faults), faults))
