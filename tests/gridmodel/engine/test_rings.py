"""Loops cut off and seen from their top: the same answers as solving the whole grid."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from capacity.bounds import bounds_of
from gis import Network
from gridmodel import Scenario, build_model, find_scenario
from gridmodel.engine.bounds import Bounds
from gridmodel.engine.compiled import CompiledGrid
from gridmodel.engine.largest import largest_additions
from gridmodel.engine.linearised import reference_at
from gridmodel.engine.of_model import compiled, injection_pu
from gridmodel.engine.rings import Opened, hung_on, opened
from gridmodel.engine.wide import wide_headroom
from tests.capacity.grids import STATION_BUSES, demo_model, grid, yardstick_of

PER_KW = {"load": -(1.0 + 0.3286841j) / 1e3, "generation": 1.0 / 1e3}
LOADS = [("a2", "A2", 60.0, 6), ("c1", "C1", 20.0, 3), ("d1", "D1", 10.0, 2), ("e1", "E1", 25.0, 2)]
BUSES = (
    *STATION_BUSES, ("D1", 0.4, 1110.0, 100.0), ("E1", 0.4, 1210.0, 100.0), ("M3", 20.0, 2000.0, 0.0),
    ("M4", 20.0, 1500.0, 500.0),
)  # fmt: skip
RADIAL = [
    ("K1", "M1", "M2", 1000.0), ("L1", "B1", "A1", 100.0), ("L2", "A1", "A2", 100.0),
    ("L3", "B1", "C1", 200.0), ("L4", "A1", "D1", 80.0), ("L5", "D1", "E1", 120.0),
    ("K2", "M2", "M3", 900.0), ("K3", "M2", "M4", 700.0),
]  # fmt: skip


def ringed(*lines: tuple[str, str, str, float], **parts: object) -> Network:
    """The station, with lines that close rings.

    M1 --K1-- M2 ==T1== B1 --L1-- A1 --L2-- A2
              |         |         +---L4-- D1 --L5-- E1
         M3 --+-- M4    +---L3-- C1
    """
    rows = {"transformers": [("T1", "M2", "B1")], "loads": LOADS, **parts}
    return grid(BUSES, [*RADIAL, *lines], **rows)  # type: ignore[arg-type]


def _case(network: Network) -> tuple[CompiledGrid, Bounds, np.ndarray]:
    model = build_model(network)
    bounds = bounds_of(yardstick_of(network))
    free = dataclasses.replace(bounds, change_pu=np.full(len(network.buses), np.inf))
    return compiled(model), free, injection_pu(model, Scenario(generation_factor=1.0))


RINGS = {
    "behind a cable": [("R", "A2", "E1", 90.0)],
    "two at one top": [("R", "A2", "E1", 90.0), ("Q", "A1", "E1", 150.0)],
    "over two feeders": [("R", "A2", "C1", 150.0)],
    "in medium voltage": [("R", "M3", "M4", 800.0)],
    "through the source": [("R", "M1", "M3", 2500.0)],
    "at two places": [("R", "A2", "E1", 90.0), ("Q", "M3", "M4", 800.0)],
}


def _cut(grid_: CompiledGrid, bounds: Bounds) -> Opened:
    cut = opened(grid_, bounds)
    assert cut is not None
    return cut


@pytest.mark.parametrize("direction", ["load", "generation"])
@pytest.mark.parametrize("where", [name for name in RINGS if name != "through the source"])
def test_same_answers_as_whole_grid_solves(where: str, direction: str) -> None:
    network = ringed(
        *RINGS[where], generators=[("P", "E1", 40.0), ("P2", "C1", 20.0)], sources=[("S", "M1", 1.03)]
    )
    whole, bounds, injection = _case(network)
    assert opened(whole, bounds) is not None
    buses = np.arange(len(network.buses))
    asked = {"per_kw_pu": PER_KW[direction] / whole.sn_mva, "cap_kw": 8000, "threads": 1}
    fast = largest_additions(whole, injection, bounds, buses, **asked)  # type: ignore[arg-type]
    slow = wide_headroom(whole, injection, bounds, buses, **asked)  # type: ignore[arg-type]
    assert np.array_equal(fast.headroom_kw, slow.headroom_kw)
    assert np.array_equal(fast.status, slow.status)
    assert np.array_equal(fast.limit, slow.limit)


def test_rows_of_a_ring_and_what_hangs_on_it_are_cut_off_at_its_top() -> None:
    network = ringed(("R", "A2", "D1", 90.0))
    whole, bounds, _ = _case(network)
    cut = _cut(whole, bounds)
    names = list(network.buses.index)
    gone = [name for name in names if cut.grid.bus_row[names.index(name)] < 0]
    assert gone == ["A2", "D1", "E1"]
    assert [names[whole.row_bus[ring.top_row]] for ring in cut.rings] == ["A1"]


def test_what_a_ring_draws_is_what_flows_to_it() -> None:
    """At the base itself, and with the source 3 % lower, against solving all of the whole grid anew."""
    network = ringed(*RINGS["behind a cable"])
    whole, bounds, injection = _case(network)
    cut = _cut(whole, bounds)
    hung = hung_on(whole, cut, injection, reference_at(whole, injection).voltage_pu, bounds)
    assert hung is not None
    base = abs(reference_at(whole, injection).voltage_pu[cut.rings[0].top_row]) ** 2
    for volts in (1.0, 0.97):
        moved, _, injection = _case(ringed(*RINGS["behind a cable"], sources=[("S1", "M1", volts)]))
        voltage = reference_at(moved, injection).voltage_pu
        ring = _cut(moved, bounds).rings[0]
        flow = voltage[ring.top_row] * np.conj(
            ring.back @ voltage[ring.rows] + ring.own * voltage[ring.top_row]
        )
        w = abs(voltage[ring.top_row]) ** 2
        powers = (base / w - 1.0) ** np.arange(hung.series.shape[1] - 1)
        assert abs(hung.series[0, :-1] @ powers + hung.series[0, -1] * w - flow) < 1e-10


def test_a_ring_broken_before_is_left_to_the_whole_grid() -> None:
    loads = [*LOADS, ("e2", "E1", 250.0, 1)]
    whole, bounds, injection = _case(ringed(*RINGS["behind a cable"], loads=loads))
    voltage = reference_at(whole, injection).voltage_pu
    assert hung_on(whole, _cut(whole, bounds), injection, voltage, bounds) is None


def test_a_grid_that_is_mostly_loops_is_not_opened() -> None:
    whole, bounds, _ = _case(ringed(*RINGS["through the source"]))
    assert opened(whole, bounds) is None


def test_the_demo_area_has_one_ring_and_its_answers_hold() -> None:
    model = demo_model()
    bounds = bounds_of(yardstick_of(model.network))
    free = dataclasses.replace(bounds, change_pu=np.full(len(model.network.buses), np.inf))
    whole, injection = compiled(model), injection_pu(model, find_scenario(model.network))
    assert len(_cut(whole, free).rings) == 1
    buses = np.arange(0, len(model.network.buses), 40)
    asked = {"per_kw_pu": PER_KW["load"] / whole.sn_mva, "cap_kw": 20_000, "threads": 1}
    fast = largest_additions(whole, injection, free, buses, **asked)  # type: ignore[arg-type]
    slow = wide_headroom(whole, injection, free, buses, **asked)  # type: ignore[arg-type]
    assert np.array_equal(fast.headroom_kw, slow.headroom_kw)
    assert np.array_equal(fast.limit, slow.limit)
