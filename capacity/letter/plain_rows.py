"""Rows of tables as plain values: numbers and flags of numpy as Python's, what is missing as None."""

from __future__ import annotations

import math

import pandas as pd


def record_of(row: pd.Series) -> dict[str, object]:
    """A row as plain values."""
    return {str(name): value.item() if hasattr(value, "item") else value for name, value in row.items()}


def plain_rows(table: pd.DataFrame) -> list[dict[str, object]]:
    """Rows of a table without places, as JSON takes them."""
    plain = pd.DataFrame(table).drop(columns="geometry", errors="ignore")
    return [{name: finite(value) for name, value in record_of(row).items()} for _, row in plain.iterrows()]


def finite(value: object) -> object:
    """JSON has no infinity and no missing number: null stands for both."""
    if value is None or value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value
