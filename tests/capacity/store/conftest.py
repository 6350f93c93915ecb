"""A project file of each test's own, and an application with something in every field."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import shapely
from pyproj import CRS

from capacity.demand.development import Development, HomeGroup
from capacity.store import Ground, Store, open_store

METRIC = CRS("EPSG:25832")
GROUND = Ground("0" * 64, {"asked": 1}, {"python": "3"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "town.fplan"


@pytest.fixture
def store(path: Path) -> Store:
    return open_store(path, user="anna")


@pytest.fixture
def bea(store: Store) -> Store:
    """The same file, in the hands of another."""
    return open_store(store.path, user="bea")


def full(site_id: str = "site", **others: object) -> Development:
    """A development that says something in every field."""
    given: dict[str, object] = {
        "place": shapely.Point(417_000.1, 5_366_000.2).buffer(20.7, 3),
        "site_id": site_id, "name": "Mühlgrund 水", "dwellings": 4, "heat_pumps": 2, "ev_points": 3,
        "floor_area_m2": 120.5, "demand_kw": 0.1 + 0.2,
        "homes": (HomeGroup(12, 85.0, "heat_pump"), HomeGroup(1)),
        "floors": (("shop", 400.0), ("office", 1 / 3)), "pv_kw": 60.0, "battery_kw": 5.0, "battery_kwh": 10.0,
        "battery_use": "market", "managed_charging": True, "phases": ((2027, 0.4), (2030, 0.6)),
        "supply": "flexible", "voltage": "low", "status": "quoted", "applied_on": date(2026, 3, 1),
    }  # fmt: skip
    return Development(**{**given, **others})  # type: ignore[arg-type]  # fields of its own


def plain(site_id: str = "site", name: str = "the site") -> Development:
    return Development(shapely.Point(417_000.0, 5_366_000.0), site_id=site_id, name=name, dwellings=3)
