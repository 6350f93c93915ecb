"""Meter files as they are: which columns, which meters, which times, in which unit. No judgement of readings.

Every fault of a file is told at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from gis import InputError
from gis.findings import join_findings, make_findings

TIME, METER, LOAD = "time", "meter_id", "load_id"
UNITS = ("kw", "kwh")
_SUFFIXES = (".csv", ".parquet")
_LOCAL_FORMATS = ("%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S")
Unit = Literal["kw", "kwh"]


@dataclass(frozen=True, eq=False)
class MeterTable:
    """Readings, one after the other, as numbers that stand for meters and times.

    Attributes
    ----------
    meter, time
        Position per reading in `meter_ids` and in `times`.
    value
        Reading; NaN where the cell is empty.
    meter_ids, times
        Names of meters, and times as text or as they were stored, each once.
    unit
        "kw" (mean power of the step) or "kwh" (energy of the step).
    load_of
        Load per meter_id where the file itself says it.
    """

    meter: np.ndarray
    time: np.ndarray
    value: np.ndarray
    meter_ids: pd.Index
    times: pd.Index
    unit: Unit
    load_of: Mapping[str, str]


def read_meter_table(path: Path, unit: Unit | None) -> MeterTable:
    """Read a long (`meter_id,time,kwh`) or a wide table (`time` and a column per meter).

    Raises
    ------
    InputError
        The file is no such table; every fault is named.
    """
    table = _columns(path)
    return _long(path, table) if {METER, LOAD} & set(table) else _wide(path, table, unit)


def fault(rule: str, ids: list[str], message: str | list[str]) -> pd.DataFrame:
    return make_findings(rule, "meters", ids, message)


def _columns(path: Path) -> dict[str, pd.Series]:
    """Columns of the file by name; texts as categories."""
    if path.suffix.lower() not in _SUFFIXES or not path.is_file():
        raise InputError(
            str(path), fault("unknown_meters", [str(path)], "no such file, or not *.csv or *.parquet")
        )
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path) if path.suffix.lower() == ".parquet" else _csv(path)
    except (OSError, ValueError, pa.ArrowInvalid, UnicodeDecodeError) as error:
        message = f"not readable as a table: {str(error).splitlines()[0]}"
        raise InputError(str(path), fault("file_damaged", [""], message)) from error
    names = [name.strip().lower() if name.strip().lower() in (TIME, METER, LOAD, *UNITS) else name.strip()
             for name in table.column_names]  # fmt: skip
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(str(path), fault("column_twice", twice, "column stands twice; keep one"))
    columns = {}
    for name, column in zip(names, table.columns, strict=True):
        if name in (TIME, METER, LOAD) and (
            pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        ):
            column = column.dictionary_encode()
        columns[name] = column.to_pandas()
    return columns


def _csv(path: Path):  # type: ignore[no-untyped-def]
    """Cells of numbers as numbers where all are; of a file with semicolons, decimal commas as points."""
    import pyarrow as pa
    import pyarrow.csv as pc

    with path.open(encoding="utf-8-sig") as file:
        head = file.readline()
    semicolons = ";" in head
    names = [name.strip().strip('"') for name in head.strip().split(";" if semicolons else ",")]
    text = pa.dictionary(pa.int32(), pa.string())
    types = {name: text if name.lower() in (TIME, METER, LOAD) else pa.float64() for name in names if name}
    parse = pc.ParseOptions(delimiter=";" if semicolons else ",")
    point = "," if semicolons else "."
    try:
        return pc.read_csv(
            path, parse_options=parse,
            convert_options=pc.ConvertOptions(
                column_types=types, decimal_point=point, strings_can_be_null=True
            ),
        )  # fmt: skip
    except pa.ArrowInvalid:
        # Some cell is no number: as text, so that all of them can be named.
        loose = {name: text if name.lower() in (TIME, METER, LOAD) else pa.string() for name in names if name}
        table = pc.read_csv(path, parse_options=parse, convert_options=pc.ConvertOptions(column_types=loose))
        return _with_points(table) if semicolons else table


def _with_points(table):  # type: ignore[no-untyped-def]
    """Decimal commas of text cells as points."""
    import pyarrow as pa
    import pyarrow.compute as compute

    for number, column in enumerate(table.columns):
        if pa.types.is_string(column.type):
            points = compute.replace_substring(column, ",", ".")
            table = table.set_column(number, table.column_names[number], points)
    return table


def _long(path: Path, table: dict[str, pd.Series]) -> MeterTable:
    units = [name for name in UNITS if name in table]
    value, told = _numbers({name: table[name] for name in units})
    faults = [told, _no_time(table)]
    if len(units) != 1:
        faults.append(
            fault("meter_columns", units or [""], "give the readings in one column, named kw or kwh")
        )
    meter = table[METER if METER in table else LOAD]
    if meter.isna().any():
        message = f"{int(meter.isna().sum())} rows name no meter, the first is row {_first(meter.isna())}"
        faults.append(fault("missing_id", [""], message))
    codes, ids = _codes(meter)
    load_of, several = _loads_named(codes, ids, table[LOAD]) if {METER, LOAD} <= set(table) else ({}, [])
    faults.append(fault("meter_mapping", several, "belongs to several loads; name one"))
    raise_faults(path, faults)
    times, stamps = _codes(table[TIME])
    unit: Unit = "kw" if units == ["kw"] else "kwh"
    return MeterTable(codes, times, value[:, 0], ids.map(str), stamps, unit, load_of)


def _loads_named(codes: np.ndarray, ids: pd.Index, loads: pd.Series) -> tuple[dict[str, str], list[str]]:
    """The load each meter is said to belong to, and meters of several."""
    pairs = pd.DataFrame({"meter": codes, "load": loads.astype(object)}).drop_duplicates().dropna()
    several = ids[pairs["meter"][pairs["meter"].duplicated()].unique()]
    named = {str(ids[code]): str(load) for code, load in pairs.itertuples(index=False)}
    return named, sorted(map(str, several))


def _wide(path: Path, table: dict[str, pd.Series], unit: Unit | None) -> MeterTable:
    ids = [name for name in table if name != TIME]
    values, told = _numbers({name: table[name] for name in ids})
    faults = [told, _no_time(table)]
    if not ids:
        message = "no column of a meter; give meter_id, time and kwh, or a column per meter"
        faults.append(fault("meter_columns", [""], message))
    if unit is None:
        message = "the unit of a table with a column per meter is not in it: say kw or kwh"
        faults.append(fault("meter_unit", [""], message))
    raise_faults(path, faults)
    codes, stamps = _codes(table[TIME])
    meter, time = np.tile(np.arange(len(ids)), len(codes)), np.repeat(codes, len(ids))
    return MeterTable(meter, time, values.ravel(), pd.Index(ids), stamps, unit or "kw", {})


def _no_time(table: dict[str, pd.Series]) -> pd.DataFrame:
    return fault("no_time", [] if TIME in table else [TIME], "no column `time`")


def _first(wrong: pd.Series | np.ndarray) -> int:
    """Number of the first row that is wrong, counted from 1."""
    return int(np.argmax(np.asarray(wrong))) + 1


def _numbers(columns: dict[str, pd.Series]) -> tuple[np.ndarray, pd.DataFrame]:
    """Cells as numbers, and those that are none."""
    faults, numbers = [], []
    for name, cells in columns.items():
        values = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
        empty = cells.isna().to_numpy()
        if cells.dtype == object:
            empty = empty | (cells.astype(str).str.strip() == "").to_numpy()
        wrong = (np.isnan(values) & ~empty) | np.isinf(values)
        if wrong.any():
            message = f"{int(wrong.sum())} cells are no finite number, the first in row {_first(wrong)}"
            faults.append(fault("not_a_number", [name], message))
        numbers.append(values)
    return np.column_stack(numbers) if numbers else np.zeros((0, 0)), join_findings(faults)


def _codes(cells: pd.Series) -> tuple[np.ndarray, pd.Index]:
    """Position per row, and what stands there, each once; -1 for an empty cell."""
    if isinstance(cells.dtype, pd.CategoricalDtype):
        return cells.cat.codes.to_numpy(), pd.Index(cells.cat.categories)
    codes, unique = pd.factorize(cells, use_na_sentinel=True)
    return codes, pd.Index(unique)


def raise_faults(path: Path, faults: list[pd.DataFrame]) -> None:
    """Raise InputError with all faults, if there are any."""
    found = join_findings(faults)
    if len(found):
        raise InputError(str(path), found)


def utc_minutes(times: pd.Index, time_zone: str | None) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Minutes since 1970 UTC of each time, where it stands first and where second, and what is wrong.

    Both are the same but in the hour that clocks repeat in autumn. Times with an offset know which is which;
    those without need a zone.
    """
    stamps, naive = _stamps(times)
    unread = stamps.isna() | pd.isna(times)
    faults = []
    if unread.any():
        message = (
            f"{int(unread.sum())} times are not read; write them like 2025-01-01T00:15Z or 01.01.2025 00:15"
        )
        faults.append(fault("bad_time", [str(times[int(unread.argmax())])], message))
    if not naive:
        minutes = _minutes(stamps)
        return minutes, minutes, join_findings(faults)
    if time_zone is None:
        message = "times have no offset; say in which zone they are, like Europe/Berlin"
        faults.append(fault("hours_without_zone", [str(times[0])], message))
        return np.zeros(len(times), np.int64), np.zeros(len(times), np.int64), join_findings(faults)
    first, second = (
        stamps.tz_localize(time_zone, ambiguous=np.full(len(stamps), summer), nonexistent="NaT")
        for summer in (True, False)
    )
    skipped = first.isna() & ~unread
    if skipped.any():
        message = (
            f"{int(skipped.sum())} times do not exist in {time_zone}, where clocks skip them; if the meters "
            "keep winter time all year, name that zone (of Germany Etc/GMT-1)"
        )
        faults.append(fault("meter_clock", [str(times[int(skipped.argmax())])], message))
    return _minutes(first), _minutes(second), join_findings(faults)


def _stamps(times: pd.Index) -> tuple[pd.DatetimeIndex, bool]:
    """Times as read, and whether they lack an offset."""
    if isinstance(times, pd.DatetimeIndex):
        return (times, True) if times.tz is None else (times.tz_convert("UTC"), False)
    text = times.astype(str).str.strip()
    offset = text.str.contains(r"(?:[Zz]|[+-]\d{2}:?\d{2})$", regex=True)
    if offset.any():
        read = pd.to_datetime(text.where(offset), utc=True, errors="coerce", format="ISO8601")
        return pd.DatetimeIndex(read), False
    for form in ("ISO8601", *_LOCAL_FORMATS):
        read = pd.DatetimeIndex(pd.to_datetime(text, errors="coerce", format=form))
        if read.notna().mean() > 0.5:
            break
    return read, True


def _minutes(stamps: pd.DatetimeIndex) -> np.ndarray:
    """Whole minutes since 1970, 0 for no time; seconds make it a time off every grid."""
    seconds = stamps.as_unit("s").asi8
    minutes = np.where(seconds % 60 == 0, seconds // 60, seconds // 60 * 60 + 1)
    return np.where(stamps.isna(), 0, minutes)
