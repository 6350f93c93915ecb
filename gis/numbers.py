"""Numbers in text: decimal points, decimal commas and thousands separators, never guessed where both fit."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

_SPACES = "'’\u00a0\u202f "
# "12,5" and "1.234,5"; "12.5" alone is read before these are looked at.
_COMMA = re.compile(rf"[+-]?(?:\d+|\d{{1,3}}(?:[.{_SPACES}]\d{{3}})+),\d+(?:[eE][+-]?\d+)?")
# "1,234" and "1,234,567.8"
_GROUPED = re.compile(rf"[+-]?\d{{1,3}}(?:[,{_SPACES}]\d{{3}})+(?:\.\d+)?")


def read_numbers(source: pd.Series) -> tuple[pd.Series, np.ndarray]:
    """Read cells as numbers; what is none is missing.

    A text like "1,234" may be either number: it is read as a decimal where another cell of the column
    can only be one ("12,5"), otherwise not at all.

    Returns
    -------
    numbers, rewritten
        Floats, and which of them were written with a decimal comma or thousands separators.

    Examples
    --------
    >>> read_numbers(pd.Series(["12,5", "1.234,5", "7", "x"]))[0].to_list()
    [12.5, 1234.5, 7.0, nan]
    >>> read_numbers(pd.Series(["1,234", "7"]))[0].to_list()
    [nan, 7.0]
    """
    if pd.api.types.is_datetime64_any_dtype(source.dtype):
        source = source.astype(str)  # a date is no number, not even of nanoseconds
    numbers = pd.to_numeric(source, errors="coerce").astype(float)
    rewritten = np.zeros(len(source), dtype=bool)
    if pd.api.types.is_numeric_dtype(source.dtype) or not (numbers.isna() & source.notna()).any():
        return numbers, rewritten
    figures = numbers.to_numpy(copy=True)
    rows = np.flatnonzero(np.isnan(figures) & source.notna().to_numpy(dtype=bool))
    text = pd.Series([_stripped(cell) for cell in source.to_numpy(dtype=object)[rows]], rows, dtype=object)
    comma = text.map(lambda t: _COMMA.fullmatch(t) is not None).astype(bool)
    grouped = text.map(lambda t: _GROUPED.fullmatch(t) is not None).astype(bool)
    decimal = comma & (~grouped | bool((comma & ~grouped).any()))
    plain = pd.concat([text[decimal].map(_with_point), text[grouped & ~comma].map(_without_commas)])
    figures[plain.index] = plain.astype(float)
    rewritten[plain.index] = True
    return pd.Series(figures, source.index), rewritten


def _stripped(cell: object) -> str:
    return cell.strip() if isinstance(cell, str) else ""


def _with_point(text: str) -> str:
    return re.sub(rf"[.{_SPACES}]", "", text).replace(",", ".")


def _without_commas(text: str) -> str:
    return re.sub(rf"[,{_SPACES}]", "", text)
