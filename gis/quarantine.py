"""Quarantine: rows that cannot be modelled are set aside with their reason, their kW and all their cells.

Nothing is dropped: rows read = rows modelled + rows set aside, and kW likewise (`require_balance`).
What is wrong with a row is said by rules (`gis.rules`, `gis.quality`); here it is only moved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pandas as pd

from gis.errors import BalanceError
from gis.findings import errors_of
from gis.schema import TABLES

QUARANTINE_COLUMNS = (
    "table",
    "element_id",
    "rule",
    "message",
    "p_kw",
    "customers",
    "cells",
    "geometry",
)
BALANCE_TOLERANCE_KW = 1e-6

Tables = dict[str, pd.DataFrame]


def empty_quarantine() -> pd.DataFrame:
    """Return a quarantine table without rows."""
    table = pd.DataFrame({column: pd.Series(dtype=object) for column in QUARANTINE_COLUMNS})
    return table.astype({"p_kw": float, "customers": float})


def set_aside_unnamed(frame: pd.DataFrame, table: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Set aside rows without an id, and all rows of an id but its first: they cannot be told apart.

    Returns
    -------
    kept, quarantine
        The frame with unique ids; one quarantine row per row set aside.
    """
    absent = frame.index.isna()
    again = frame.index.duplicated() & ~absent
    numbers = np.arange(1, len(frame) + 1)
    parts = []
    for mask, rule, message in (
        (absent, "missing_id", "the row has no id; give it one of its own"),
        (again, "duplicate_id", "the id stands in a row before this one, which is the one counted"),
    ):
        rows = frame[mask]
        ids = [f"row {n}" for n in numbers[mask]] if rule == "missing_id" else rows.index.to_numpy()
        parts.append(_quarantined(rows, table, ids, rule, message))
    return frame[~(absent | again)], join_quarantine(parts)


def set_aside(tables: Mapping[str, pd.DataFrame], findings: pd.DataFrame) -> tuple[Tables, pd.DataFrame]:
    """Set aside every element an error names; the first error of an element is its reason.

    Parameters
    ----------
    tables
        Typed tables with unique ids.
    findings
        Findings; only errors that name an element of a table count.

    Returns
    -------
    tables, quarantine
        Tables without those elements, and what was taken out.
    """
    errors = errors_of(findings).drop_duplicates(["table", "element_id"])
    kept, parts = dict(tables), []
    for name, rows in errors.groupby("table", sort=False):
        frame = tables.get(str(name))
        if frame is None:
            continue
        reasons = rows[rows["element_id"].isin(frame.index)].set_index("element_id")
        taken = frame.loc[reasons.index]
        parts.append(_quarantined(taken, str(name), taken.index, reasons["rule"], reasons["message"]))
        kept[str(name)] = frame[~frame.index.isin(reasons.index)]
    return kept, join_quarantine(parts)


def join_quarantine(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Stack quarantine tables, keeping the columns when all are empty."""
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else empty_quarantine()


def require_balance(
    read: Mapping[str, pd.DataFrame], modelled: Mapping[str, pd.DataFrame], quarantine: pd.DataFrame
) -> None:
    """Assert that no row and no kW of the loads read got lost or counted twice.

    Raises
    ------
    BalanceError
        They do not add up: a defect of feederplan.
    """
    for name in ("loads", "generators", "sources", "capacitors"):
        aside = quarantine[quarantine["table"] == name]
        rows = len(read[name]) - len(modelled[name]) - len(aside)
        if rows:
            raise BalanceError(f"{name}: {rows} rows are neither modelled nor set aside")
    aside_kw = quarantine.loc[quarantine["table"] == "loads", "p_kw"].sum()
    lost_kw = read["loads"]["p_kw"].sum() - modelled["loads"]["p_kw"].sum() - aside_kw
    if abs(lost_kw) > BALANCE_TOLERANCE_KW * max(1.0, len(read["loads"])):
        raise BalanceError(f"loads: {lost_kw:.6f} kW are neither modelled nor set aside")


def _quarantined(
    rows: pd.DataFrame, table: str, ids: object, rule: str | pd.Series, message: str | pd.Series
) -> pd.DataFrame:
    if rows.empty:
        return empty_quarantine()
    has_load = table == "loads"
    columns = {
        "table": table,
        "element_id": np.asarray(ids, dtype=object),
        "rule": rule if isinstance(rule, str) else rule.to_numpy(),
        "message": message if isinstance(message, str) else message.to_numpy(),
        "p_kw": rows["p_kw"].to_numpy(dtype=float) if has_load else np.nan,
        "customers": rows["customers"].to_numpy(dtype=float) if has_load else np.nan,
        "cells": _cells(rows),
        "geometry": np.asarray(rows["geometry"], dtype=object) if TABLES[table].has_geometry else None,
    }
    return pd.DataFrame(columns, index=range(len(rows)))


def _cells(rows: pd.DataFrame) -> list[str]:
    """Every cell of each row as JSON, so that the row can be put back by hand."""
    plain = rows.drop(columns="geometry", errors="ignore")
    records = plain.astype(object).where(plain.notna(), None).to_dict("records")
    return [
        json.dumps({k: v for k, v in row.items() if v is not None}, ensure_ascii=False, default=str)
        for row in records
    ]
