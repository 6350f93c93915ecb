"""Bounds of the quality rules, read from `bounds.toml`: figures with sources, replaceable by a user."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

from gis.errors import InputError
from gis.findings import make_findings

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


Bounds = dict[str, dict[str, object]]

_in_use: ContextVar[Bounds | None] = ContextVar("bounds_in_use", default=None)


@contextmanager
def use_bounds(path: Path | None) -> Iterator[None]:
    """Judge by the bounds of a user's file within this block; by the shipped ones without a file.

    Raises
    ------
    InputError
        The file is no TOML, or has a section or figure the shipped one does not.
    """
    token = _in_use.set(None if path is None else read_bounds(path))
    try:
        yield
    finally:
        _in_use.reset(token)


@cache
def shipped_bounds() -> Bounds:
    """Sections of the shipped file by name."""
    return cast(Bounds, tomllib.loads(SHIPPED.read_text(encoding="utf-8")))


def read_bounds(path: Path) -> Bounds:
    """Sections by name: the shipped figures, with those of a user's file over them.

    Raises
    ------
    InputError
        The file is no TOML, or has a section or figure the shipped one does not.
    """
    shipped = shipped_bounds()
    try:
        own = cast(Bounds, tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"not readable as TOML: {error}"
        raise InputError(str(path), make_findings("bad_bounds", "bounds", [""], message)) from error
    lost = [name for name in own if not isinstance(own[name], type(shipped.get(name)))]
    lost += [
        f"{section}.{name}"
        for section, entries in own.items()
        if section not in lost and isinstance(entries, dict)
        for name, value in entries.items()
        if not _is_like(value, shipped[section].get(name))
    ]
    if lost:
        message = "no such bound, or of another form than in gis/quality/bounds.toml"
        raise InputError(str(path), make_findings("bad_bounds", "bounds", lost, message))
    return {name: _merged(shipped[name], own.get(name)) for name in shipped}


def bound(section: str, name: str) -> float:
    """One figure."""
    return float(cast(float, _now()[section][name]))


def span(section: str, name: str) -> Span:
    """A pair: lowest and highest."""
    low, high = cast("list[float]", _now()[section][name])
    return float(low), float(high)


def figures(section: str, name: str) -> list[float]:
    """A row of figures."""
    return [float(value) for value in cast("list[float]", _now()[section][name])]


def table_of(section: str, name: str) -> dict[str, float]:
    """Figures by name."""
    return cast("dict[str, float]", _now()[section][name])


def source_of(section: str) -> str:
    """Where the figures of a section come from, on one line."""
    return " ".join(str(_now()[section]["source"]).split())


def column_bounds() -> tuple[ColumnBound, ...]:
    """Bounds of whole columns and of quotients of two columns."""
    entries = cast("dict[str, list[dict[str, object]]]", _now())
    return tuple(ColumnBound(**entry) for entry in entries["columns"] + entries["ratios"])  # type: ignore[arg-type]


def _now() -> Bounds:
    return _in_use.get() or shipped_bounds()


def _is_like(value: object, shipped: object) -> bool:
    """A figure for a figure, a row for a row of the same length."""
    if isinstance(shipped, int | float):
        return isinstance(value, int | float)
    if isinstance(shipped, list):
        return isinstance(value, list) and len(value) == len(shipped)
    return shipped is not None and isinstance(value, type(shipped))


def _merged(shipped: dict[str, object], own: dict[str, object] | None) -> dict[str, object]:
    """Figures of a section, the user's over the shipped; a list of columns is replaced as a whole."""
    if own is None or not isinstance(shipped, dict):
        return shipped if own is None else own
    return {**shipped, **own}
