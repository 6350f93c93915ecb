"""CSV: one file, or a folder of them, each a layer of text cells; what they cannot say is told by content.

Ids like 007, NA and 1E5 stay what they are: cells are text until a table's declaration types them. Only
decimal commas are rewritten, column by column, in a file that has them.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pandas as pd

from gis.errors import InputError
from gis.findings import join_findings, make_findings
from gis.formats.encoding import decide_encoding, encoding_finding
from gis.formats.source import Dialect, Source

SUFFIXES = (".csv", ".tsv", ".txt")
# What is opened at all: 200 times the largest table of a utility we have seen as text (2.5 MB).
BYTES_MAX = 500_000_000
ROWS_MAX = 5_000_000
COLUMNS_MAX = 2_000
_DELIMITERS = (";", ",", "\t", "|")
# What begins so is another format, whatever its name says.
_OTHERS = ("{", "[", "<", "%", "new ", "clear", "redirect ", "set ", "!", "//")
_SAMPLE_LINES = 100
_COMMA_NUMBER = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+),\d+")
_POINT_NUMBER = re.compile(r"[+-]?\d+\.\d+(?:[eE][+-]?\d+)?")
_COMMA_OR_WHOLE = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+)(?:,\d+)?(?:[eE][+-]?\d+)?")


def recognises(path: Path) -> bool:
    """Tell whether the path is a text table with columns, or a folder of such files."""
    if path.is_dir():
        files = table_files(path)
        return bool(files) and _looks_like_table(files[0])
    return path.is_file() and path.suffix.lower() in SUFFIXES and _looks_like_table(path)


def table_files(folder: Path) -> list[Path]:
    """CSV files of a folder, in the order of their names."""
    return sorted(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in SUFFIXES)


def read(path: Path, dialect: Dialect) -> Source:
    """Read every table; the file's name is the layer's.

    Raises
    ------
    InputError
        A file is no readable table, or too large; every file is named.
    """
    files = table_files(path) if path.is_dir() else [path]
    layers, found, faults = {}, [], []
    for file in files:
        try:
            layers[file.stem], told = read_table(file, dialect)
            found.append(told)
        except InputError as error:
            faults.append(error.findings)
    if faults:
        raise InputError(str(path), join_findings(faults))
    return Source(layers, join_findings(found))


def read_table(file: Path, dialect: Dialect) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read one text table: cells as text, empty ones missing.

    Returns
    -------
    table, findings
        Doubts about its encoding and its decimal comma.
    """
    if file.stat().st_size > BYTES_MAX:
        raise _refusal(file, f"the file has more than {BYTES_MAX / 1e6:,.0f} MB; split it", "file_too_large")
    content = file.read_bytes()
    encoding = decide_encoding(content, dialect.encoding)
    try:
        text = content.decode(encoding.name)
    except UnicodeDecodeError as error:
        raise _refusal(file, f"the text cannot be read as {encoding.name}: {error.reason}") from error
    delimiter = dialect.delimiter or told_delimiter(text)
    frame = _parsed(file, text, delimiter)
    undivided = delimiter == "," and '"' not in text  # no cell can hold a comma
    decimal = dialect.decimal or ("." if undivided else told_decimal(frame))
    told = [encoding_finding(encoding, file.stem), _cut_off(text, delimiter, file.stem)]
    if decimal == ",":
        frame = with_decimal_points(frame)
        told += [_dialect_finding(file.stem, delimiter)] if dialect.decimal is None else []
    return frame, join_findings(told)


def told_delimiter(text: str) -> str:
    """What stands between cells: what cuts most lines into one number of columns, the more the better.

    Examples
    --------
    >>> told_delimiter("id;p\\na;1,5\\nb;2,0\\n")
    ';'
    """
    lines = io.StringIO(text, newline="")
    sample = [line for _, line in zip(range(_SAMPLE_LINES), lines, strict=False)]
    best, most = ",", (0.0, 0)
    for delimiter in _DELIMITERS:
        widths = [len(row) for row in csv.reader(sample, delimiter=delimiter) if row]
        if not widths or widths[0] < 2:
            continue
        share = sum(width == widths[0] for width in widths) / len(widths)
        if (share, widths[0]) > most:
            best, most = delimiter, (share, widths[0])
    return best


def told_decimal(frame: pd.DataFrame) -> str:
    """A comma where cells are numbers with one and none is a number with a point.

    Examples
    --------
    >>> told_decimal(pd.DataFrame({"p": ["1,5", "x"]})), told_decimal(pd.DataFrame({"p": ["1.5", "1,5"]}))
    (',', '.')
    """
    commas = points = 0
    for column in frame.columns:
        text = frame[column].dropna()
        commas += int(text.str.fullmatch(_COMMA_NUMBER).sum())
        points += int(text.str.fullmatch(_POINT_NUMBER).sum())
    return "," if commas and not points else "."


def with_decimal_points(frame: pd.DataFrame) -> pd.DataFrame:
    """Rewrite the columns that hold only numbers, some with a decimal comma: "1.234,5" becomes "1234.5"."""
    rewritten = {}
    for column in frame.columns:
        text = frame[column].dropna()
        if text.str.contains(",").any() and text.str.fullmatch(_COMMA_OR_WHOLE).all():
            plain = text.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
            rewritten[column] = plain.reindex(frame.index)
    return frame.assign(**rewritten)


def without_blanks(frame: pd.DataFrame) -> pd.DataFrame:
    """Names and cells without surrounding blanks; empty cells missing, empty columns and rows left out."""
    named = frame.rename(columns=lambda name: str(name).strip().lstrip("\ufeff"))
    text = named.apply(lambda cells: cells.str.strip())
    filled = text.mask(text == "").astype(object)
    kept = [c for c in filled.columns if not (c.startswith("Unnamed:") and filled[c].isna().all())]
    return filled[kept].dropna(how="all").reset_index(drop=True)


def _looks_like_table(file: Path) -> bool:
    with file.open("rb") as stream:
        head = stream.read(65_536)
    if not head or (b"\x00" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff"))):
        return False
    text = head.decode(decide_encoding(head).name, errors="replace").lstrip("\ufeff \t\r\n")
    if text.lower().startswith(_OTHERS):
        return False
    return any(delimiter in text.splitlines()[0] for delimiter in _DELIMITERS)


def _parsed(file: Path, text: str, delimiter: str) -> pd.DataFrame:
    try:
        frame = pd.read_csv(
            io.StringIO(text), sep=delimiter, dtype=str, keep_default_na=False, na_filter=False,
            index_col=False, nrows=ROWS_MAX + 1, skipinitialspace=True,
        )  # fmt: skip
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        message = f"{file.name} is no readable table ({str(error).strip()}); write it again"
        raise _refusal(file, message) from error
    if len(frame) > ROWS_MAX or len(frame.columns) > COLUMNS_MAX:
        message = f"{file.name} has more than {ROWS_MAX:,} rows or {COLUMNS_MAX:,} columns; split it"
        raise _refusal(file, message, "file_too_large")
    return without_blanks(frame)


def _cut_off(text: str, delimiter: str, layer: str) -> pd.DataFrame:
    """Say that the last row is shorter than the first: a full disk leaves a file that reads well."""
    lines = (text[: text.find("\n") + 1], text.rstrip()[text.rstrip().rfind("\n") + 1 :])
    header, last = (len(next(csv.reader([line], delimiter=delimiter), [])) for line in lines)
    short = '"' not in lines[1] and last < header
    message = (
        f"the last row has {last} cells, the header {header}: the file may be cut off; take a fresh copy"
    )
    return make_findings("cut_off", layer, [""] * short, message, severity="warning")


def _dialect_finding(layer: str, delimiter: str) -> pd.DataFrame:
    shown = {"\t": "tab"}.get(delimiter, delimiter)
    message = (
        f"dialect: read with {shown!r} between cells and a decimal comma, as its content looks; "
        'if numbers look wrong, write decimal = "." under [source] in the mapping'
    )
    return make_findings("dialect", layer, [""], message, severity="warning")


def _refusal(file: Path, message: str, rule: str = "file_damaged") -> InputError:
    return InputError(str(file), make_findings(rule, file.stem, [""], message))
