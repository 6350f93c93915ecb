"""The nearest bus by size and reach, on the station of one feeder each way."""

from __future__ import annotations

import dataclasses

import pytest
import shapely

from capacity.assumptions import read_assumptions
from capacity.connection.nearest_bus import nearest_bus
from gis.feeders import trace_supply
from tests.capacity.grids import EAST_M, NORTH_M, station, with_column


def asked(x: float, y: float, power_kw: float, network: object = None) -> str | None:
    known = network or station()
    place = shapely.Point(EAST_M + x, NORTH_M + y)
    return nearest_bus(
        known, trace_supply(known), place, power_kw=power_kw, assumptions=read_assumptions()  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("power_kw", "bus_id"), [(100.0, "A2"), (150.0, "B1"), (300.0, "M2"), (6000.0, None)]
)
def test_the_size_decides_the_level(power_kw: float, bus_id: str | None) -> None:
    assert asked(1200.0, 0.0, power_kw) == bus_id


def test_reach_is_counted_with_its_detour() -> None:
    assert asked(1210.0 + 349.0 / 1.3, 0.0, 50.0) == "A2"
    assert asked(1210.0 + 351.0 / 1.3, 0.0, 50.0) == "M2"
    assert asked(1000.0 + 3001.0 / 1.3, 0.0, 50.0) is None


def test_what_is_not_supplied_or_a_house_connection_is_passed_over() -> None:
    assert asked(1200.0, 0.0, 50.0, with_column(station(), "buses", "kind", {"A2": "service"})) == "A1"
    dark = with_column(station(), "lines", "in_service", {"L2": False})
    assert asked(1200.0, 0.0, 50.0, dark) == "A1"
    nothing = dataclasses.replace(station(), sources=station().sources.iloc[:0])
    assert asked(1200.0, 0.0, 50.0, nothing) is None
