"""Bounds of the quality rules, read from `bounds.toml`: every figure beside its source, replaceable by a user."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

SHIPPED = Path(__file__).with_name("bounds.toml")

Span = tuple[float, float]


@dataclass(frozen=True)
class ColumnBound:
    """Where the median of a column lies, or of its quotient `by` another; and what it looks like outside."""

    table: str
    column: str
    low: float
    high: float
    slip_low: str
    factor_low: float
    slip_high: str
    factor_high: float
    source: str
    by: str = ""


@cache
def read_bounds(path: Path = SHIPPED) -> dict[str, dict[str, object]]:
    """Sections of a bounds file by name."""
    return cast("dict[str, dict[str, object]]", tomllib.loads(path.read_text(encoding="utf-8")))


def bound(section: str, name: str) -> float:
    """One figure."""
    return float(cast(float, read_bounds()[section][name]))


def span(section: str, name: str) -> Span:
    """A pair: lowest and highest."""
    low, high = cast("list[float]", read_bounds()[section][name])
    return float(low), float(high)


def figures(section: str, name: str) -> list[float]:
    """A row of figures."""
    return [float(value) for value in cast("list[float]", read_bounds()[section][name])]


def table_of(section: str, name: str) -> dict[str, float]:
    """Figures by name."""
    return cast("dict[str, float]", read_bounds()[section][name])


def source_of(section: str) -> str:
    """Where the figures of a section come from, on one line."""
    return " ".join(str(read_bounds()[section]["source"]).split())


def column_bounds() -> tuple[ColumnBound, ...]:
    """Bounds of whole columns and of quotients of two columns."""
    entries = cast("dict[str, list[dict[str, object]]]", read_bounds())
    return tuple(ColumnBound(**entry) for entry in entries["columns"] + entries["ratios"])  # type: ignore[arg-type]
