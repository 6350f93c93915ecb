"""A mapping while somebody works on it: as rows of a table that can be edited, and back again.

A row says where one canonical column comes from. What rows cannot express (sums, quotients, joins,
filters of a mapping file) is shown as text and kept as it is. No screen code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from gis.conform import FALSE_WORDS, TRUE_WORDS, as_text
from gis.errors import InputError
from gis.findings import make_findings
from gis.mapping import LayerMapping, parse_mapping
from gis.mapping.grammar import Cell, ColumnSource, GeometrySource, TableSource
from gis.schema import TABLES, Column, Table

if TYPE_CHECKING:
    from gis.suggest import MappingSuggestion

# Different values of a column offered for a code table; more is no code (engineering judgement).
CODES_MOST = 60
Layers = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Draft:
    """A mapping with what is known about each part of it.

    Attributes
    ----------
    mapping
        None while no layer is taken for any table.
    sure
        How sure and why, by layer, table and column ("" for the table itself); nothing for a mapping file.
    left
        Layers that are not used, with the reason.
    """

    mapping: LayerMapping | None
    sure: Mapping[tuple[str, str, str], tuple[str, str]] = field(default_factory=dict)
    left: tuple[tuple[str, str], ...] = ()


def propose(layers: Layers, name: str, chosen: Mapping[str, str] | None = None) -> Draft:
    """Propose a mapping; `chosen` holds the table of layers a person has decided, "" to leave one out."""
    from gis.suggest import suggest_mapping, to_toml  # loads an optimiser no other page needs

    suggestion = suggest_mapping(layers, name, tables=chosen)
    mapping = parse_mapping(to_toml(suggestion), name) if suggestion.tables else None
    return Draft(mapping, _sureness(suggestion), suggestion.left)


def draft_of(mapping: LayerMapping, layers: Layers) -> Draft:
    """Take a mapping somebody wrote; says which layers it does not use."""
    used = _layers_named(mapping)
    left = tuple((name, "the mapping does not use it") for name in layers if name.casefold() not in used)
    return Draft(mapping, {}, left)


def is_canonical(layers: Layers) -> bool:
    """Tell whether a file is in the canonical tables already, ids included: it needs no mapping."""
    needed = [table for table in TABLES.values() if table.required]
    return all(t.name in layers and t.id_column in layers[t.name].columns for t in needed)


def column_rows(draft: Draft, table: TableSource) -> pd.DataFrame:
    """One row per canonical column of a table, ready to be edited: filled ones first, then those needed.

    Returns
    -------
    pandas.DataFrame
        column, needed, source, factor, value, how_sure, meaning (with unit), why. `value` stands in every
        row where there is no source, and in empty cells where there is one.
    """
    declared = TABLES[table.table]
    rows = []
    for column in declared.columns:
        source = table.columns.get(column.name)
        sure, why = draft.sure.get((table.layer, table.table, column.name), ("", ""))
        rows.append(
            {
                "column": column.name,
                "needed": _need(declared, column, set(table.columns)),
                "source": None if source is None else origin(source),
                "factor": None if source is None else source.factor,
                "value": None if source is None else _shown_value(source),
                "how_sure": sure,
                "meaning": column.meaning + (f" [{column.unit}]" if column.unit else ""),
                "why": why,
            }
        )
    frame = pd.DataFrame(rows).astype({"factor": float})
    idle = frame["source"].isna() & frame["value"].isna()
    ordered = frame.assign(idle=idle, optional=frame["needed"] == "")
    return ordered.sort_values(["idle", "optional"], kind="stable", ignore_index=True)[list(frame)]


def source_columns(layers: Layers, table: TableSource) -> list[str]:
    """What a row's source may be: columns of the layer and of joined ones, and what the mapping has."""
    by_name = {name.casefold(): frame for name, frame in layers.items()}
    own = _plain_columns(by_name.get(table.layer.casefold()))
    joined = [f"{j.layer}.{c}" for j in table.joins for c in _plain_columns(by_name.get(j.layer.casefold()))]
    present = [label for c in table.columns.values() if (label := origin(c)) is not None]
    return list(dict.fromkeys([*own, *joined, *present]))


def with_rows(table: TableSource, rows: pd.DataFrame) -> TableSource:
    """The table's mapping with the rows as they were edited.

    Raises
    ------
    InputError
        Values that do not fit their column; every one is named.
    """
    columns, faults = {}, []
    for row in rows.to_dict("records"):
        old = table.columns.get(row["column"])
        try:
            new = _edited(old, row, TABLES[table.table].column(row["column"]))
        except ValueError as error:
            faults.append(f"{row['column']}: {error}")
            continue
        if new is not None:
            columns[str(row["column"])] = new
    if faults:
        raise InputError(table.layer, make_findings("mapping", table.table, [""] * len(faults), faults))
    return table.model_copy(update={"columns": columns})


def coded_columns(layers: Layers, mapping: LayerMapping, table: TableSource) -> list[str]:
    """Canonical columns whose cells are words with a meaning: choices, yes or no, and whatever has codes."""
    frame = _layer(layers, table)
    return [
        name
        for name, source in table.columns.items()
        if source.column is not None
        and frame is not None
        and source.column in frame.columns
        and (TABLES[table.table].column(name).kind in ("choice", "boolean") or mapping.codes_of(source))
        and as_text(frame[source.column]).nunique() <= CODES_MOST
    ]


def code_rows(layers: Layers, mapping: LayerMapping, table: TableSource, column: str) -> pd.DataFrame:
    """The values of a coded column, how many rows have each, and what it means (None: not known)."""
    source = table.columns[column]
    frame = _layer(layers, table)
    assert frame is not None  # `coded_columns` has looked
    counts = as_text(frame[str(source.column)]).value_counts()
    codes, declared = mapping.codes_of(source), TABLES[table.table].column(column)
    means = [_cell_text(codes[v]) if v in codes else _as_written(v, declared, codes) for v in counts.index]
    return pd.DataFrame({"value": counts.index, "rows": counts.to_numpy(), "means": means}).astype(
        {"value": object, "means": object}
    )


def meanings(table: TableSource, column: str) -> list[str]:
    """What a code of this column may mean; empty where it is any number or text."""
    declared = TABLES[table.table].column(column)
    return ["true", "false"] if declared.kind == "boolean" else list(declared.choices)


def with_codes(mapping: LayerMapping, table: TableSource, column: str, rows: pd.DataFrame) -> TableSource:
    """The table's mapping with the meanings as they were edited; none where every value means itself."""
    source, declared = table.columns[column], TABLES[table.table].column(column)
    told = rows[rows["means"].notna() & (rows["means"] != "")]
    edited = {str(v): parse_cell(str(m), declared) for v, m in zip(told["value"], told["means"], strict=True)}
    before = mapping.codes_of(source)
    seen = set(rows["value"])
    codes = {k: v for k, v in before.items() if k not in seen} | edited
    itself = not before and all(_as_written(k, declared, {}) == _cell_text(v) for k, v in edited.items())
    if codes == before or itself:
        return table
    return table.model_copy(
        update={"columns": table.columns | {column: source.model_copy(update={"codes": codes})}}
    )


def without_place(layers: Layers, table: TableSource) -> bool:
    """Tell whether a layer has no geometry of its own: its places come from columns."""
    frame = _layer(layers, table)  # one the mapping itself makes is not here, and has its places
    placeless = frame is not None and not isinstance(frame, gpd.GeoDataFrame)
    return TABLES[table.table].has_geometry and placeless


def with_coordinates(table: TableSource, x: str | None, y: str | None) -> TableSource:
    """The table's mapping with the columns of its coordinates; none while one is missing."""
    place = GeometrySource(x=x, y=y) if x is not None and y is not None else None
    return table.model_copy(update={"geometry": place})


def lacking(layers: Layers, mapping: LayerMapping | None) -> list[tuple[str, str]]:
    """What a network needs and the mapping does not give: table and words, tables first."""
    tables = () if mapping is None else mapping.tables
    present = {table.table for table in tables}
    absent = [
        (name, f"no layer is used as {name} ({declared.meaning}); a network needs one")
        for name, declared in TABLES.items()
        if declared.required and name not in present
    ]
    return absent + [(t.table, told) for t in tables for told in _lacking_columns(layers, t)]


def needs_crs(layers: Layers, mapping: LayerMapping | None) -> list[str]:
    """Layers with places whose coordinate system the file does not say."""
    asked = {name.casefold() for name in layers} if mapping is None else _layers_named(mapping)
    silent = [
        name
        for name, frame in layers.items()
        if name.casefold() in asked and isinstance(frame, gpd.GeoDataFrame) and frame.crs is None
    ]
    tables = () if mapping is None else mapping.tables
    by_columns = [t.layer for t in tables if without_place(layers, t) and _own_coordinates(layers, t)]
    return list(dict.fromkeys([*silent, *by_columns]))


def parse_cell(text: str, column: Column) -> Cell:
    """A value as a person writes it, in the kind of its column.

    Raises
    ------
    ValueError
        It does not fit; the message says what would.

    Examples
    --------
    >>> from gis import TABLES
    >>> parse_cell("0.4", TABLES["lines"].column("vn_kv"))
    0.4
    """
    text = text.strip()
    if column.kind == "boolean":
        if text.lower() not in TRUE_WORDS | FALSE_WORDS:
            raise ValueError(f"{text!r} is neither true nor false")
        return text.lower() in TRUE_WORDS
    if column.kind in ("number", "integer"):
        return _number(text, column)
    if column.choices and text not in column.choices:
        raise ValueError(f"{text!r} is none of {', '.join(column.choices)}")
    return text


def origin(source: ColumnSource) -> str | None:
    """Where a column comes from, as one text: a source column, or what is computed of several.

    Examples
    --------
    >>> origin(ColumnSource(column="r", divide="km")), origin(ColumnSource(sum=["day", "night"]))
    ('r; divide: km', 'sum: day, night')
    """
    words = source.model_dump(
        exclude_defaults=True, exclude={"column", "codes", "factor", "default", "value"}
    )
    told = [f"{k}: {', '.join(map(str, v)) if isinstance(v, list) else v}" for k, v in words.items()]
    return "; ".join([*([source.column] if source.column else []), *told]) or None


def _number(text: str, column: Column) -> Cell:
    try:
        number = float(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no number; write it with a decimal point") from error
    whole = column.kind == "integer" and number == int(number)
    return int(number) if whole else number


def _edited(old: ColumnSource | None, row: Mapping[str, object], column: Column) -> ColumnSource | None:
    """A row as a source; the old one with changes where it still comes from the same place."""
    label = None if pd.isna(row["source"]) else str(row["source"])
    text = "" if pd.isna(row["value"]) else str(row["value"]).strip()
    value = parse_cell(text, column) if text else None
    if label is None:
        return None if value is None else ColumnSource(value=value)
    factor = None if pd.isna(row["factor"]) else float(str(row["factor"]))
    if factor == 0.0:
        raise ValueError("a factor of 0 makes every value 0; leave it empty")
    changes = {"factor": factor, "default": value}
    if old is not None and origin(old) == label:
        return old.model_copy(update=changes)
    return ColumnSource(column=label).model_copy(update=changes)


def _lacking_columns(layers: Layers, table: TableSource) -> list[str]:
    # A column of the canonical name is taken as it is.
    given = {*table.columns, *_plain_columns(_layer(layers, table))}
    told = TABLES[table.table].lacking(given)
    if without_place(layers, table) and table.geometry is None:
        told.append("a place: the layer has no geometry; choose the columns of its coordinates")
    return told


def _need(table: Table, column: Column, given: set[str]) -> str:
    if column.required:
        return "needed"
    settled = any(set(group) <= given for group in table.one_of)
    return "one set needed" if not settled and any(column.name in group for group in table.one_of) else ""


def _shown_value(source: ColumnSource) -> str | None:
    value = source.value if source.value is not None else source.default
    return None if value is None else _cell_text(value)


def _cell_text(value: Cell) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _as_written(value: str, column: Column, codes: Mapping[str, Cell]) -> str | None:
    """What a value means by itself; nothing where there are codes and it is none of them."""
    if codes:
        return None
    try:
        return _cell_text(parse_cell(value, column))
    except ValueError:
        return None


def _own_coordinates(layers: Layers, table: TableSource) -> bool:
    """Tell whether places come as bare numbers: of the layer, or of one that lends them."""
    place = table.geometry
    if place is None or place.layer is None:
        return place is not None
    lender = {name.casefold(): frame for name, frame in layers.items()}.get(place.layer.casefold())
    return not isinstance(lender, gpd.GeoDataFrame)


def _sureness(suggestion: MappingSuggestion) -> dict[tuple[str, str, str], tuple[str, str]]:
    from gis.suggest import how_sure

    told = {}
    for table in suggestion.tables:
        told[table.layer, table.table, ""] = (how_sure(table.confidence), table.reason)
        for column in table.columns:
            told[table.layer, table.table, column.column] = (how_sure(column.confidence), column.reason)
    return told


def _layers_named(mapping: LayerMapping) -> set[str]:
    """Every layer a mapping reads, in small letters: of tables, joins and places."""
    named: set[str] = set()
    parts: list[object] = [mapping.model_dump(by_alias=True, exclude_defaults=True)]
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            named |= {str(part["layer"]).casefold()} if isinstance(part.get("layer"), str) else set()
            parts += part.values()
        elif isinstance(part, list):
            parts += part
    return named


def _layer(layers: Layers, table: TableSource) -> pd.DataFrame | None:
    return next((f for name, f in layers.items() if name.casefold() == table.layer.casefold()), None)


def _plain_columns(frame: pd.DataFrame | None) -> list[str]:
    if frame is None:
        return []
    shape = frame.geometry.name if isinstance(frame, gpd.GeoDataFrame) else None
    return [str(c) for c in frame.columns if c != shape]
