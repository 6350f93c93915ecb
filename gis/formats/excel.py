"""Excel workbooks (xlsx): each sheet a layer of text cells, read as data only.

The archive is looked at before a reader sees it: size, entries, no DTD. Formulas are read as the values
stored with them, links to other files are ignored, macros are never looked at.
"""

from __future__ import annotations

import datetime
import mimetypes
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import cast

import pandas as pd

from gis.errors import InputError
from gis.findings import join_findings, make_findings
from gis.formats import csv_tables
from gis.formats.source import Dialect, Source

_ZIP_MAGIC = b"PK\x03\x04"
_OLE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_WORKBOOK = "xl/workbook.xml"
# What is opened at all: a sheet of 150,000 rows and ten columns takes 20 s; more is better sent as CSV.
ENTRIES_MAX = 1_000
EXPANDED_MAX = 150_000_000
RATIO_MAX = 100.0
CELLS_MAX = 1_500_000
_CHUNK = 1 << 20
_CODES = ("ascii", "utf-16-le", "utf-16-be")
_DTD = tuple(mark.encode(code) for mark in ("<!DOCTYPE", "<!ENTITY") for code in _CODES)


def recognises(path: Path) -> bool:
    """Tell whether the file is a workbook, also one of the old kind that is refused with words."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        head = stream.read(8)
    if head == _OLE_MAGIC:
        return True
    if not head.startswith(_ZIP_MAGIC):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return _WORKBOOK in archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError):
        return False


def read(path: Path, dialect: Dialect) -> Source:
    """Read every sheet with rows; the sheet's name is the layer's, its first row names the columns.

    Raises
    ------
    InputError
        An old or encrypted workbook, a damaged one, or one that expands beyond all measure.
    """
    with path.open("rb") as stream:
        if stream.read(8) == _OLE_MAGIC:
            message = "an old (.xls) or encrypted workbook is not read; save it as .xlsx without a password"
            raise InputError(str(path), make_findings("file_format", "file", [""], message))
    _check_archive(path)
    try:
        sheets = dict(_sheets(path))
    except (ValueError, LookupError, TypeError, AttributeError, SyntaxError, zipfile.BadZipFile) as error:
        message = f"the workbook is damaged and cannot be read ({type(error).__name__}); save it again"
        raise InputError(str(path), make_findings("file_damaged", "file", [""], message)) from error
    if not sheets:
        message = "the workbook is damaged or empty: no sheet has a row of column names"
        raise InputError(str(path), make_findings("file_damaged", "file", [""], message))
    layers, found = {}, []
    for name, sheet in sheets.items():
        decimal = dialect.decimal or csv_tables.told_decimal(sheet)
        layers[name] = csv_tables.with_decimal_points(sheet) if decimal == "," else sheet
        if decimal == "," and dialect.decimal is None:
            message = "dialect: text cells are read with a decimal comma, as they look"
            found.append(make_findings("dialect", name, [""], message, severity="warning"))
    return Source(layers, join_findings(found))


def _check_archive(path: Path) -> None:
    """Expand the archive once, counting, before anything is read from it."""
    fault = ""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            size = sum(entry.file_size for entry in entries)
            if (
                len(entries) > ENTRIES_MAX
                or size > EXPANDED_MAX
                or size > RATIO_MAX * path.stat().st_size + _CHUNK
            ):
                fault = (
                    f"the workbook expands to {size / 1e6:,.0f} MB in {len(entries)} parts, which is refused"
                )
            elif any(_has_dtd(archive, entry) for entry in entries):
                fault = "the workbook declares a document type or entities, which none needs; it is refused"
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        fault = f"the workbook is damaged or encrypted ({type(error).__name__}); save it again"
    if fault:
        raise InputError(str(path), make_findings("file_damaged", "file", [""], fault))


def _has_dtd(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bool:
    if not entry.filename.endswith((".xml", ".rels", ".vml")):
        return False
    last = b""
    with archive.open(entry) as stream:
        while chunk := stream.read(_CHUNK):
            if any(mark in last + chunk for mark in _DTD):
                return True
            last = chunk[-32:]
    return False


def _openpyxl() -> ModuleType:
    """openpyxl, imported when it is used; its import would read the system's table of file types.

    It needs none of it, and a process behind walls may not read it.
    """
    known, inited = mimetypes.knownfiles, mimetypes.inited
    mimetypes.knownfiles = []
    try:
        import openpyxl  # type: ignore[import-untyped]
    finally:
        mimetypes.knownfiles, mimetypes.inited = known, inited
    return cast(ModuleType, openpyxl)


def _sheets(path: Path) -> Iterator[tuple[str, pd.DataFrame]]:
    book = _openpyxl().load_workbook(path, read_only=True, data_only=True, keep_links=False)
    try:
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # what the file says of its size may be wrong
            table = _table(_counted(sheet.iter_rows(values_only=True), path))
            if len(table.columns):
                yield str(sheet.title), table
    finally:
        book.close()


def _counted(rows: Iterable[tuple[object, ...]], path: Path) -> Iterator[tuple[object, ...]]:
    """Rows with cells, as long as there are not too many: a cell at the far end makes a row long."""
    count = 0
    for row in rows:
        count += len(row) + 1
        if count > CELLS_MAX:
            message = f"a sheet has more than {CELLS_MAX:,} cells; save its sheets as CSV"
            raise InputError(str(path), make_findings("file_too_large", "file", [""], message))
        if row.count(None) < len(row):
            yield row


def _table(rows: Iterator[tuple[object, ...]]) -> pd.DataFrame:
    """Rows below the first one, as wide as that."""
    header = next(rows, ())
    width = max((n for n, cell in enumerate(header, start=1) if cell is not None), default=0)
    cells = [[_text(cell) for cell in row[:width]] + [""] * (width - len(row)) for row in rows]
    names = [_text(cell) or f"Unnamed: {n}" for n, cell in enumerate(header[:width])]
    return csv_tables.without_blanks(pd.DataFrame(cells, columns=_unique(names), dtype=str))


def _unique(names: list[str]) -> list[str]:
    """Column names, a second one of the same name with a number behind it, as in CSV."""
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        number = seen.get(name, 0)
        seen[name] = number + 1
        unique.append(f"{name}.{number}" if number else name)
    return unique


def _text(cell: object) -> str:
    """A cell as it would stand in a CSV file: whole numbers without a decimal point."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, datetime.datetime | datetime.date | datetime.time):
        return cell.isoformat()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2.0**53 else repr(cell)
    return str(cell)
