"""A user's own profiles: one CSV or Parquet file, a row per hour of a year, a column per class or element.

Every fault of the file is told at once. What the file does not name keeps the scenario's factor.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from gis import InputError, Network
from gis.findings import join_findings, make_findings
from gis.schema import CUSTOMER_CLASSES, GENERATOR_KINDS
from gridmodel.profile_set import TECHNOLOGIES, ProfileSet

TIME = "time"
# "battery" is a kind of generation here, which discharges and charges.
_GROUPS = tuple(dict.fromkeys((*CUSTOMER_CLASSES, *(name for name in TECHNOLOGIES if name != "battery"))))
# A factor is 1 at the peak; above it by rounding only.
MOST_FACTOR = 1.0 + 1e-6
_SUFFIXES = (".csv", ".parquet")


def read_profiles(path: Path, network: Network, *, time_zone: str = "UTC") -> ProfileSet:
    """Read profiles of a network from a file.

    Parameters
    ----------
    path
        CSV or Parquet. Column `time`: beginning of each hour of one calendar year, UTC. Every other column is
        named after a customer class, a technology (`profile_set.TECHNOLOGIES`), a kind of generation ("other"
        is the class, "battery" the kind), a load_id or a generator_id and holds factors from 0 to 1: of the
        scenario's power of a load, of the rated power of a generator.
    time_zone
        Where hours of the day and seasons are counted.

    Raises
    ------
    InputError
        The file is no such table; every fault is named.
    """
    table = _table(path)
    faults = [_named_faults(table, network)]
    if TIME in table:
        time, told = _hours(table[TIME])
        faults.append(told)
    columns = [name for name in table.columns if name != TIME]
    figures = table[columns].apply(pd.to_numeric, errors="coerce").astype(float) if columns else table[[]]
    faults.append(_figure_faults(figures))
    found = join_findings(faults)
    if len(found):
        raise InputError(str(path), found)
    loads, generators = network.loads.index, network.generators.index
    elements = {name: name for name in columns if name in loads or name in generators}
    return ProfileSet(
        factors=figures.set_axis(time).sort_index(),
        of_class={name: name for name in columns if name in _GROUPS and name not in elements},
        of_kind={
            name: name
            for name in columns
            if name in GENERATOR_KINDS and name not in _GROUPS and name not in elements
        },
        of_element=elements,
        time_zone=time_zone,
        source=str(path),
    )


def require_time_zone(name: str) -> str:
    """Return the name of a time zone that is known.

    Raises
    ------
    InputError
        There is no such time zone.
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = "no such time zone; name one like Europe/Berlin, or UTC"
        raise InputError("time zone", _fault("unknown_time_zone", [name], message)) from error
    return name


def _fault(rule: str, ids: list[str], message: str | list[str]) -> pd.DataFrame:
    return make_findings(rule, "profiles", ids, message)


def _table(path: Path) -> pd.DataFrame:
    """The file's cells, names of columns as text."""
    if path.suffix.lower() not in _SUFFIXES or not path.is_file():
        message = "no such file, or not *.csv or *.parquet; or say `year` for the profiles that ship"
        raise InputError(str(path), _fault("unknown_profiles", [str(path)], message))
    try:
        if path.suffix.lower() == ".parquet":
            table = pd.read_parquet(path)
            table = table.reset_index() if table.index.name == TIME else table
        else:
            table = _csv(path)
    except (OSError, ValueError, pd.errors.ParserError, UnicodeDecodeError) as error:
        message = f"not readable as a table: {str(error).splitlines()[0]}"
        raise InputError(str(path), _fault("file_damaged", [""], message)) from error
    return table.set_axis([str(name).strip() for name in table.columns], axis=1)


def _csv(path: Path) -> pd.DataFrame:
    """Cells as text; of a file with semicolons, decimal commas as points."""
    with path.open(encoding="utf-8-sig") as file:
        semicolons = ";" in file.readline()
    table = pd.read_csv(path, dtype=str, encoding="utf-8-sig", sep=";" if semicolons else ",")
    return table.replace(",", ".", regex=True) if semicolons else table


def _named_faults(table: pd.DataFrame, network: Network) -> pd.DataFrame:
    names = [name for name in table.columns if name != TIME]
    known = [*_GROUPS, *GENERATOR_KINDS, *network.loads.index, *network.generators.index]
    faults = []
    if TIME not in table:
        faults.append(_fault("no_time", [TIME], "no column `time`: name the beginning of each hour so, UTC"))
    if not names:
        message = "no column of factors; name one after a customer class, like residential"
        faults.append(_fault("no_profiles", [""], message))
    twice = sorted({name for name in names if names.count(name) > 1})
    faults.append(_fault("column_twice", twice, "column stands twice; keep one"))
    strange = sorted(set(names) - set(known))
    faults.append(_fault("unknown_column", strange, [_unknown(name, known) for name in strange]))
    both = sorted(set(names) & set(network.loads.index) & set(network.generators.index))
    message = "is the id of a load and of a generator; give one of them another id"
    faults.append(_fault("ambiguous_column", both, message))
    return join_findings(faults)


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    nearest = f"; nearest: {', '.join(near)}" if near else ""
    return (
        f"no customer class, technology, kind of generation, load_id or generator_id of the network{nearest}"
    )


def _hours(cells: pd.Series) -> tuple[pd.DatetimeIndex, pd.DataFrame]:
    """Hours of the file, and what is wrong with them."""
    parsed = pd.to_datetime(cells, utc=True, errors="coerce", format="ISO8601")
    unread = parsed.isna()
    if unread.any():
        rows = [f"row {row + 1}" for row in np.flatnonzero(unread)[:3]]
        message = f"{int(unread.sum())} times are not read; write them like 2025-01-01T00:00Z"
        return pd.DatetimeIndex([]), _fault("bad_time", [", ".join(rows)], message)
    time = pd.DatetimeIndex(parsed, name=TIME)
    faults = []
    twice = time[time.duplicated()].unique().sort_values()
    if len(twice):
        faults.append(
            _fault("time_twice", [_said(twice[0])], f"{len(twice)} hours stand twice; keep one row an hour")
        )
    year = int(time.year[0]) if len(time) else 1970
    wanted = pd.date_range(f"{year}-01-01", f"{year + 1}-01-01", freq="h", tz="UTC", inclusive="left")
    lost, beyond = wanted.difference(time), time.difference(wanted)
    if len(lost):
        message = f"{len(lost)} hours of {year} are missing, this first; a year has {len(wanted)} rows"
        faults.append(_fault("hour_missing", [_said(lost[0])], message))
    if len(beyond):
        message = f"{len(beyond)} times are not full hours of {year} (UTC), this first; average to hours"
        faults.append(_fault("not_an_hour", [_said(beyond[0])], message))
    return time, join_findings(faults)


def _said(time: pd.Timestamp) -> str:
    return str(time.strftime("%Y-%m-%dT%H:%MZ"))


def _figure_faults(figures: pd.DataFrame) -> pd.DataFrame:
    faults = []
    values = figures.to_numpy(dtype=float)
    for rule, wrong, message in (
        (
            "not_a_number",
            ~np.isfinite(values),
            "{} cells are no finite number, the first in row {}; fill every hour",
        ),
        ("negative", values < 0.0, "{} factors are negative, the first in row {}; factors go from 0 to 1"),
        (
            "above_peak",
            np.isfinite(values) & (values > MOST_FACTOR),
            "{} factors are above 1, the first in row {}; divide the column by its peak, which p_kw of the "
            "network stands for",
        ),
    ):
        at = np.flatnonzero(wrong.any(axis=0))
        texts = [message.format(int(wrong[:, k].sum()), int(wrong[:, k].argmax()) + 1) for k in at]
        faults.append(_fault(rule, [str(figures.columns[k]) for k in at], texts))
    return join_findings(faults)
