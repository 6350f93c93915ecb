"""Measured peaks of feeder heads and transformers: read from CSV, judged all at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from gis import InputError, Network
from gis.feeders import Supply
from gis.findings import join_findings, make_findings

# meter_id: name of the meter; table, element_id: the line or transformer it measures, at the end that feeds
# it; peak_kw: active power [kW], losses behind it included; time: when (optional, with a time zone).
READING_COLUMNS = ("meter_id", "table", "element_id", "peak_kw", "time")


def read_meter_peaks(path: Path, network: Network, supply: Supply) -> pd.DataFrame:
    """Read measured peaks.

    Parameters
    ----------
    path
        CSV with the columns meter_id, table ("lines" or "transformers"), element_id, peak_kw [kW] and
        optionally time, like 2025-01-15T17:00Z; without it, the peak of all customers.

    Returns
    -------
    DataFrame
        Columns `READING_COLUMNS`; time in UTC, NaT where not given.

    Raises
    ------
    InputError
        The file is no such table, or a reading cannot be used; every fault is named.
    """
    try:
        raw = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        message = f"not CSV or not readable as CSV: {error}"
        raise InputError(str(path), make_findings("file_damaged", "readings", [""], message)) from error
    return meter_peaks_of(raw, network, supply, name=str(path))


def meter_peaks_of(
    raw: pd.DataFrame, network: Network, supply: Supply, *, name: str = "readings"
) -> pd.DataFrame:
    """Turn text cells into readings; see `read_meter_peaks`."""
    lacking = [column for column in READING_COLUMNS[:-1] if column not in raw.columns]
    if lacking:
        message = f"columns are missing; the file has {', '.join(READING_COLUMNS)}"
        raise InputError(name, make_findings("missing_column", "readings", lacking, message))
    text = raw.reindex(columns=list(READING_COLUMNS), fill_value="").astype(str)
    text = text.apply(lambda column: column.str.strip())
    kw = pd.to_numeric(text["peak_kw"], errors="coerce")
    times = [_time(cell) for cell in text["time"]]
    no_time = pd.Series([time is None for time in times], text.index)
    faults = _faults(text, kw, no_time, network, supply)
    if len(faults):
        raise InputError(name, faults)
    return text.assign(peak_kw=kw.astype(float), time=pd.to_datetime(times, utc=True))


def _time(text: str) -> pd.Timestamp | None:
    """Time of a cell in UTC; NaT of an empty one, nothing where it is no time or has no zone."""
    if not text:
        return pd.NaT  # type: ignore[return-value]  # NaT is a Timestamp to pandas, not to its stubs
    try:
        time = pd.Timestamp(text)
    except ValueError:
        return None
    return None if time.tz is None else time.tz_convert("UTC")


def _faults(
    text: pd.DataFrame, kw: pd.Series, no_time: pd.Series, network: Network, supply: Supply
) -> pd.DataFrame:
    ids, table, element = text["meter_id"], text["table"], text["element_id"]
    known = pd.Series(False, text.index)
    for name in ("lines", "transformers"):
        known |= (table == name) & element.isin(network.table(name).index)
    fed = pd.MultiIndex.from_frame(supply.buses[["upstream_table", "upstream_id"]])
    carries = pd.MultiIndex.from_arrays([table, element]).isin(fed)
    judged = (
        (ids == "", "the reading has no meter_id; give it one"),
        ((ids != "") & ids.duplicated(keep=False), "the meter_id is there more than once; keep one row"),
        (~table.isin(["lines", "transformers"]), "table must be lines or transformers"),
        (
            table.isin(["lines", "transformers"]) & ~known,
            "no such element in the network; correct element_id",
        ),
        (known & ~carries, "the element feeds nothing in the normal switching state; move the meter"),
        (known & pd.DataFrame([table, element]).T.duplicated(), "a second meter of one element; keep one"),
        (~(kw > 0.0) | ~np.isfinite(kw), "peak_kw must be a number above 0 [kW]"),
        (no_time, "not a time with a zone; write it like 2025-01-15T17:00Z"),
    )
    rows = [
        make_findings("bad_reading", "readings", _labels(ids)[at], message, values=element[at])
        for at, message in judged
        if at.any()
    ]
    return join_findings(rows)


def _labels(meter_ids: pd.Series) -> pd.Series:
    """Name of a reading: its id, or its row where it has none."""
    rows = pd.Series([f"row {number}" for number in range(1, len(meter_ids) + 1)], meter_ids.index)
    return meter_ids.where(meter_ids != "", rows)
