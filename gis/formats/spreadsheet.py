"""Tables written for a spreadsheet program: workbooks and CSV in which no cell is run as a formula.

A name like `=HYPERLINK(...)` comes from files we do not know; in a workbook it is a text cell, in a CSV
it gets an apostrophe before it. Numbers stay numbers. Reading tables is in `gis.formats.tables`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import shapely
import xlsxwriter  # type: ignore[import-untyped]
from xlsxwriter.format import Format  # type: ignore[import-untyped]
from xlsxwriter.utility import xl_range  # type: ignore[import-untyped]
from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]

from gis.formats.whole import write_whole

# First characters a spreadsheet program takes for the start of a formula, or skips before one
# (OWASP, "CSV Injection").
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
# Limits of the xlsx format (Microsoft, "Excel specifications and limits").
ROWS_MAX = 1_048_576
CELL_MAX = 32_767
# A time that says nothing, in files of which the same content has the same bytes.
_NO_TIME = datetime(2000, 1, 1)
# Width of a column in characters: long messages are cut off on screen, not in the cell.
WIDTH_MIN, WIDTH_MAX = 8, 60


def write_workbook(
    tables: Mapping[str, pd.DataFrame],
    path: Path,
    *,
    totals: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> None:
    """Write tables as sheets of one workbook (xlsx), the header frozen and filters on it.

    Text is written as text, whatever it begins with; places as well-known text. A table longer than a
    sheet goes on in further ones. The same tables give the same bytes. Written to a temporary file, synced
    and renamed.

    Parameters
    ----------
    tables
        Sheets by name, in order; the index is not written.
    totals
        Columns by sheet under which a row of sums stands, as formulas; of each sheet that a long table takes.
    """
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}

    def write(draft: Path) -> None:
        with xlsxwriter.Workbook(str(draft), {"constant_memory": True, **options}) as book:
            book.set_properties({"created": _NO_TIME})
            bold = book.add_format({"bold": True})
            for name, table in tables.items():
                for number, rows in enumerate(_pieces(table), start=1):
                    sheet, plain = book.add_worksheet(_sheet_name(name, number)), _plain(rows)
                    _write_sheet(sheet, plain, bold)
                    _write_totals(sheet, plain, totals.get(name, ()), bold)

    write_whole(path, write)


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV in UTF-8 (with the mark Excel asks for), no cell of it a formula.

    The index is not written. Written to a temporary file, synced and renamed.
    """
    safe = neutralise(_plain(frame))
    write_whole(path, lambda draft: safe.to_csv(draft, index=False, encoding="utf-8-sig"))


def neutralise(frame: pd.DataFrame) -> pd.DataFrame:
    """Put an apostrophe before every text, column names too, that a spreadsheet would run as a formula.

    Examples
    --------
    >>> neutralise(pd.DataFrame({"a": ["=1+1", -2]}))["a"].to_list()
    ["'=1+1", -2]
    """
    text = [c for c in frame.columns if not pd.api.types.is_numeric_dtype(frame[c].dtype)]
    safe = frame.assign(**{str(c): frame[c].astype(object).map(_neutral) for c in text})
    return safe.rename(columns=_neutral)


def _neutral(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Cells a spreadsheet can hold: places as text, lists and the like as text, no infinite number."""
    columns = {}
    for name in frame.columns:
        cells = frame[name]
        if not pd.api.types.is_numeric_dtype(cells.dtype):
            cells = cells.astype(object).map(_as_cell)
        columns[str(name)] = cells.astype(object).where(cells.notna() & ~cells.isin([np.inf, -np.inf]), None)
    return pd.DataFrame(columns, index=frame.index)


def _as_cell(value: object) -> object:
    if isinstance(value, shapely.Geometry):
        return shapely.to_wkt(value, rounding_precision=3)
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return None if value is pd.NA or value is pd.NaT else str(value)


def _pieces(table: pd.DataFrame) -> list[pd.DataFrame]:
    size = ROWS_MAX - 2  # a row of headings, and one of sums
    return [table.iloc[start : start + size] for start in range(0, max(len(table), 1), size)]


def _sheet_name(name: str, number: int) -> str:
    """A name a sheet may have: 31 characters, none of them one of a reference."""
    plain = "".join("_" if c in "[]:*?/\\'" else c for c in name) or "table"
    return plain[:31] if number == 1 else f"{plain[:26]} {number}"


def _write_sheet(sheet: Worksheet, rows: pd.DataFrame, bold: Format) -> None:
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, len(rows), max(len(rows.columns) - 1, 0))
    for column, name in enumerate(rows.columns):
        sheet.set_column(column, column, _width(rows[name], str(name)))
        sheet.write_string(0, column, str(name)[:CELL_MAX], bold)
    for row, cells in enumerate(rows.itertuples(index=False, name=None), start=1):
        for column, cell in enumerate(cells):
            if cell is not None:
                sheet.write(row, column, cell[:CELL_MAX] if isinstance(cell, str) else cell)


def _write_totals(sheet: Worksheet, rows: pd.DataFrame, summed: Sequence[str], bold: Format) -> None:
    """A row of sums beneath the filter's rows, with their values for programs that do not calculate."""
    below = len(rows) + 1
    for column, name in enumerate(rows.columns):
        if name in summed and len(rows):
            cells = xl_range(1, column, len(rows), column)
            value = float(pd.to_numeric(rows[name]).sum())
            sheet.write_formula(below, column, f"=SUM({cells})", bold, value)
        elif name in summed:
            sheet.write_number(below, column, 0, bold)
        elif column == 0 and summed:
            sheet.write_string(below, column, "total", bold)


def _width(cells: pd.Series, name: str) -> int:
    longest = cells.dropna().astype(str).str.len().quantile(0.95) if cells.notna().any() else 0
    return int(min(max(longest, len(name), WIDTH_MIN), WIDTH_MAX)) + 2
