"""Bounds of a sound model and a plausible result, with their sources (`soundness.toml`)."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path


@cache
def bounds_of(section: str) -> dict[str, float]:
    """Bounds of one section, units in their names."""
    text = Path(__file__).with_name("soundness.toml").read_text(encoding="utf-8")
    return {name: value for name, value in tomllib.loads(text)[section].items() if name != "source"}
