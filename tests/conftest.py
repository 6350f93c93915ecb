"""Shared fixtures: the demo area read once, and places of data that may be absent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import gis

if TYPE_CHECKING:
    from gridmodel import GridModel

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def demo_path() -> Path:
    return ROOT / "data" / "schutterwald.gpkg"


@pytest.fixture(scope="session")
def demo_network(demo_path: Path) -> gis.Network:
    from gridmodel import rules_for

    return gis.read_network(demo_path, rules=rules_for())


@pytest.fixture(scope="session")
def demo_model(demo_network: gis.Network) -> GridModel:
    """The demo model; a test that changes its net gives it back as it was."""
    from gridmodel import build_model

    return build_model(demo_network)


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """Give a folder of the shared data; skips where it is absent."""

    def folder(name: str) -> Path:
        if not (SHARED / name).is_dir():
            pytest.skip(f"shared data {name} is not here")
        return SHARED / name

    return folder
