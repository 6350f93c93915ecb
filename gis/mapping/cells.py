"""Cells of one column as a mapping asks for them: from columns, through codes, in the canonical unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd

from gis.conform import as_text
from gis.mapping.grammar import ColumnSource, named_in
from gis.numbers import read_numbers


def expand(names: Iterable[str], columns: Iterable[object]) -> list[str]:
    """Columns a list of names and patterns (`ENE_*`) stands for, as far as they are there."""
    known = [str(c) for c in columns]
    found: list[str] = []
    for name in names:
        pattern = "*" in name or "?" in name
        found += [c for c in known if c == name or (pattern and fnmatchcase(c, name))]
    return list(dict.fromkeys(found))


def read_cells(
    raw: pd.DataFrame, source: ColumnSource, codes: Mapping[str, object]
) -> tuple[pd.Series, pd.Series]:
    """Cells of one column, and those no code table knows (missing where all is well)."""
    unknown = pd.Series(None, raw.index, dtype=object)
    if source.value is not None:
        return pd.Series(source.value, raw.index), unknown
    cells = _origin(raw, source)
    if codes:
        cells, unknown = _decoded(as_text(cells), codes)
    if source.minus or source.multiply or source.divide or source.factor is not None:
        cells = _calculated(raw, source, cells)
    if source.default is not None:
        cells = cells.astype(object).where(cells.notna() | unknown.notna(), source.default)
    if source.prefix:
        cells = as_text(cells).map(lambda text: source.prefix + text, na_action="ignore")
    return cells, unknown


def rewritten_cells(raw: pd.DataFrame, source: ColumnSource) -> pd.Series:
    """Cells of a calculated column that were no plain numbers, like "12,5", by row."""
    if not (source.minus or source.multiply or source.divide or source.factor is not None):
        return pd.Series(dtype=object)  # told where the column is typed
    parts = [raw[c][read_numbers(raw[c])[1]] for c in expand(source.columns, raw.columns)]
    filled = [part for part in parts if len(part)]
    return pd.concat(filled).groupby(level=0).first() if filled else pd.Series(dtype=object)


def _origin(raw: pd.DataFrame, source: ColumnSource) -> pd.Series:
    if source.column or source.first:
        return _first_filled(raw, [source.column] if source.column else source.first, source.empty)
    if source.text:
        return _written(raw, source.text)
    names = expand([*source.sum, *source.max, *source.hypot], raw.columns)
    numbers = pd.DataFrame({name: read_numbers(_filled(raw[name], source.empty))[0] for name in names})
    if source.sum:
        return numbers.sum(axis=1, min_count=1)
    if source.max:
        return numbers.max(axis=1)
    return np.sqrt(numbers.pow(2).sum(axis=1, skipna=False))


def _written(raw: pd.DataFrame, text: str) -> pd.Series:
    """The text with the cells of the columns it names; missing where any of them is."""
    cells = pd.Series(text, raw.index, dtype=object)
    for name in named_in(text):
        own = as_text(raw[name])
        parts = cells.str.split(f"{{{name}}}", n=1, regex=False)
        cells = parts.str[0] + own + parts.str[1]
    return cells


def _first_filled(raw: pd.DataFrame, names: list[str], empty: Iterable[object]) -> pd.Series:
    """The first of several columns, row by row, that says something."""
    columns = [_filled(raw[name], empty) for name in expand(names, raw.columns)]
    cells = columns[0]
    for other in columns[1:]:
        cells = cells.astype(object).where(as_text(cells).notna(), other)
    return cells


def _filled(cells: pd.Series, empty: Iterable[object]) -> pd.Series:
    """Cells without those that stand for nothing."""
    nothing = [text for value in empty for text in as_text(pd.Series([value]))]
    return cells.mask(as_text(cells).isin(nothing)) if nothing else cells


def _decoded(text: pd.Series, codes: Mapping[str, object]) -> tuple[pd.Series, pd.Series]:
    exact = {code: value for code, value in codes.items() if not code.endswith("*")}
    cells = text.map(exact).astype(object)
    known = text.isna() | text.isin(list(exact))
    for code, value in codes.items():
        if code.endswith("*"):
            meant = ~known & text.str.startswith(code[:-1], na=False)
            cells, known = cells.mask(meant, value), known | meant
    return cells, text.mask(known)


def _calculated(raw: pd.DataFrame, source: ColumnSource, cells: pd.Series) -> pd.Series:
    numbers = read_numbers(cells)[0] * (1.0 if source.factor is None else source.factor)
    factor = 1.0 if source.factor is None else source.factor
    if source.minus:
        numbers = numbers - _other(raw, source.minus, source) * factor
    if source.multiply:
        numbers = numbers * _other(raw, source.multiply, source)
    if source.divide:
        numbers = numbers / _other(raw, source.divide, source).replace(0.0, np.nan)
    unread = cells.notna() & read_numbers(cells)[0].isna()
    return numbers.astype(object).where(~unread, cells)  # what is no number is told later


def _other(raw: pd.DataFrame, name: str, source: ColumnSource) -> pd.Series:
    return read_numbers(_filled(raw[name], source.empty))[0]
