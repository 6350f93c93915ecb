"""Limits as plain numbers, element by element."""

from __future__ import annotations

import numpy as np

from capacity.bounds import bounds_of
from tests.capacity.grids import grid, station, yardstick_of

# 110 kV over 20 kV to 0.4 kV.
LEVELS = grid(
    [("H1", 110.0, 0.0, 0.0), ("M1", 20.0, 10.0, 0.0), ("M2", 20.0, 900.0, 0.0), ("B1", 0.4, 910.0, 0.0)],
    [("K1", "M1", "M2", 900.0)],
    transformers=[("T0", "H1", "M1"), ("T1", "M2", "B1")],
    sources=[("S1", "H1", 1.0)],
)


def test_bounds_are_those_of_the_profile_in_the_order_of_the_tables() -> None:
    network = station()
    bounds = bounds_of(yardstick_of(network))
    assert bounds.vm_min_pu.tolist() == [0.9] * 6 and bounds.vm_max_pu.tolist() == [1.1] * 6
    assert bounds.reference.tolist() == [-1] * 6
    assert bounds.line_percent.tolist() == [100.0] * 4 and bounds.transformer_percent.tolist() == [100.0]
    assert bounds.change_pu.tolist() == [0.02, 0.02, 0.03, 0.03, 0.03, 0.03]


def test_relative_bands_name_the_bus_they_count_from() -> None:
    network = station()
    bounds = bounds_of(yardstick_of(network, "dena"))
    at = network.buses.index.get_indexer(["M1", "M2", "B1", "B1"])
    rows = network.buses.index.get_indexer(["M2", "B1", "A2", "C1"])
    assert bounds.reference[rows].tolist() == at.tolist()
    assert bounds.vm_min_pu[rows].tolist() == [-0.015, -0.02, -0.065, -0.065]


def test_the_reserve_lowers_medium_voltage_and_what_feeds_it() -> None:
    yardstick = yardstick_of(LEVELS)
    plain, reserved = bounds_of(yardstick), bounds_of(yardstick, n1_reserve=True)
    assert reserved.line_percent.tolist() == [50.0]
    assert reserved.transformer_percent.tolist() == [50.0, 100.0]
    assert plain.transformer_percent.tolist() == [100.0, 100.0]
    low = bounds_of(yardstick_of(station()), n1_reserve=True)
    assert low.line_percent.tolist() == [50.0, 100.0, 100.0, 100.0]
    assert np.array_equal(low.vm_min_pu, bounds_of(yardstick_of(station())).vm_min_pu)
