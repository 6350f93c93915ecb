"""Findings: one row per doubt or fault, with fixed columns. Rules live elsewhere (`gis.rules`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
import pandas as pd

FINDING_COLUMNS = ("rule", "severity", "table", "element_id", "message", "value", "geometry")
REPAIR_COLUMNS = ("action", "table", "element_id", "before", "after", "distance_m", "geometry")


def empty_findings() -> pd.DataFrame:
    """Return a findings table without rows."""
    return _no_findings().copy()


def empty_repairs() -> pd.DataFrame:
    """Return a repairs table without rows."""
    repairs = pd.DataFrame({column: pd.Series(dtype=object) for column in REPAIR_COLUMNS})
    return repairs.astype({"distance_m": float})


def make_findings(
    rule: str,
    table: str,
    element_ids: Iterable[object],
    message: str | Sequence[str],
    *,
    severity: str = "error",
    values: Iterable[object] | None = None,
    geometry: Iterable[object] | None = None,
) -> pd.DataFrame:
    """Build findings rows of one rule for many elements.

    Parameters
    ----------
    rule
        Short name of the rule, stable over versions.
    table
        Canonical table the elements belong to.
    element_ids
        One id per row; "" where the fault is of the table, not of an element.
    message
        What is wrong and what to do; one text for all rows or one per row.
    severity
        "error" (the file cannot be used) or "warning".
    values
        The offending value per row.
    geometry
        Where it is, in the CRS of the network.
    """
    ids = ["" if _is_missing(i) else str(i) for i in element_ids]
    count = len(ids)
    if not count:
        return empty_findings()
    return pd.DataFrame(
        {
            "rule": [rule] * count,
            "severity": [severity] * count,
            "table": [table] * count,
            "element_id": ids,
            "message": [message] * count if isinstance(message, str) else list(message),
            "value": [None] * count if values is None else list(values),
            "geometry": [None] * count if geometry is None else list(geometry),
        },
        columns=list(FINDING_COLUMNS),
        dtype=object,
    )


def findings_of(rule: str, table: str, values: pd.Series, message: str | Sequence[str]) -> pd.DataFrame:
    """Build findings rows from offending values, indexed by the ids of their elements."""
    return make_findings(rule, table, values.index, message, values=values)


def join_findings(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Stack findings tables, keeping the columns when all are empty."""
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else empty_findings()


def join_repairs(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Stack repairs tables, keeping the columns when all are empty."""
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else empty_repairs()


def errors_of(findings: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that make a file unusable."""
    return findings[findings["severity"] == "error"]


def render_findings(findings: pd.DataFrame) -> str:
    """Write findings as text: one line per table, rule and message, naming every id."""
    lines = []
    keys = ["severity", "table", "rule", "message"]
    for (severity, table, rule, message), rows in findings.groupby(keys, sort=False):
        ids = ", ".join(_shown(row) for row in rows[["element_id", "value"]].itertuples(index=False))
        where = f"{table}: {ids}: " if ids else f"{table}: "
        lines.append(f"  {severity} [{rule}] {where}{message}")
    return "\n".join(lines)


@cache
def _no_findings() -> pd.DataFrame:
    return pd.DataFrame({column: pd.Series(dtype=object) for column in FINDING_COLUMNS})


def _shown(row: tuple[object, object]) -> str:
    element_id, value = row
    if not element_id:
        return "" if _is_missing(value) else f"({value})"
    return f"{element_id!r}" if _is_missing(value) else f"{element_id!r} ({value})"


def _is_missing(value: object) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and bool(np.isnan(value)))
