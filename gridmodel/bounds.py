"""Bounds of a sound model and a plausible result, with their sources (`soundness.toml`)."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path


def bounds_of(section: str) -> dict[str, float]:
    """Bounds of one section, units in their names."""
    return {name: float(value) for name, value in _sections()[section].items() if name != "source"}


def source_of(section: str) -> str:
    """Where the bounds of a section come from."""
    return str(_sections()[section]["source"])


@cache
def _sections() -> dict[str, dict[str, float | str]]:
    return tomllib.loads(Path(__file__).with_name("soundness.toml").read_text(encoding="utf-8"))
