"""The first look at what a grid has left, against load flows of the whole grid."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from capacity.checks import State, broken_limits
from capacity.connection.supply_room import supply_room
from capacity.planning.plan_cases import case_labels, joined_cases
from gridmodel.power_cases import run_power_cases
from tests.capacity.connection.ring_town import TEXT, town, town_grid

WEAK = TEXT + '\nbus E 0.4 1310 0\nline L3 D E 300 "NAYY 4x50 SE"\nload HE E 8'


@pytest.mark.parametrize(("bus_id", "kva"), [("D", 60 + 20j), ("C", 100.0), ("B", 150 + 50j), ("M3", 900j)])
def test_the_drop_is_that_of_a_load_flow(bus_id: str, kva: complex) -> None:
    grid = town_grid()
    row = np.array([grid.network.buses.index.get_loc(bus_id)])
    with_it = grid.cases.kva.copy()
    with_it[0, row] += kva
    state = grid.states[0]
    assert state is not None
    solved = run_power_cases(grid.network, with_it, grid.cases.labels.index, grid.cases.switching)
    exact = state.vm_pu[row] - solved.vm_pu[0, row]
    assert supply_room(grid).drop_pu(row, np.array([kva]))[0] == pytest.approx(exact, rel=0.05, abs=1e-5)


def test_what_is_left_is_the_least_on_the_way() -> None:
    grid = town_grid()
    room = dict(zip(grid.network.buses.index, supply_room(grid).room_kva, strict=True))
    # the transformer carries 30 kW of its 250 kVA; L1 30 kW of 270 A, L2 10 kW of them
    assert room["B"] == pytest.approx(220.0, rel=0.02)
    assert room["C"] == pytest.approx(np.sqrt(3.0) * 0.4 * 270.0 - 30.0, rel=0.03)
    assert room["D"] == room["C"]
    assert room["M3"] > room["B"]


def test_a_weak_end_speaks_against_the_points_on_its_way() -> None:
    grid = town_grid(town(text=WEAK), "dena")
    room, index = supply_room(grid), grid.network.buses.index
    end = index.get_loc("E")
    left_pu = room.down_pu[1][0, end]  # what the last bus may fall against its busbar
    assert room.down_pu[1][0, index.get_indexer(["C", "D", "E"])] == pytest.approx(left_pu)
    z = room.z_pu_per_kva - room.z_of_busbar
    most_kw = left_pu / z[index.get_loc("D")].real  # at D, of first order
    assert not room.holds(np.array([1.1 * most_kw + 0j]))[index.get_indexer(["D", "E"])].any()
    assert room.holds(np.array([0.8 * most_kw + 0j]))[index.get_indexer(["C", "D"])].all()


@pytest.mark.parametrize("limits", ["en50160", "dena"])
def test_what_seems_free_is_what_load_flows_say(limits: str) -> None:
    grid = town_grid(town(text=WEAK), limits)
    rows = np.flatnonzero(grid.network.buses.index.isin(["B", "C", "D", "E"]))
    for kw in (5.0, 60.0, 400.0):
        seems = supply_room(grid).seems_free(rows, np.array([kw + 0j]), np.zeros(len(rows), dtype=complex))
        kva = np.repeat(grid.cases.kva, len(rows), axis=0)
        kva[np.arange(len(rows)), rows] += kw
        solved = run_power_cases(grid.network, kva, pd.Index(rows.astype(str)), grid.cases.switching)
        for at, row in enumerate(rows):
            state = State(
                solved.vm_pu[at], solved.line_loading_percent[at], solved.transformer_loading_percent[at]
            )
            changed = abs(solved.vm_pu[at, row] - grid.states[0].vm_pu[row])  # type: ignore[union-attr]
            fits = broken_limits(grid.yardstick, state).empty and changed <= 0.03
            assert bool(seems[at]) == (fits and bool(solved.converged[at])), (kw, row)


def test_the_worst_of_the_cases_at_one_power_counts() -> None:
    grid = town_grid()
    state = grid.states[0]
    assert state is not None
    lower = dataclasses.replace(state, vm_pu=state.vm_pu - 0.05)
    cases = joined_cases([grid.cases, dataclasses.replace(grid.cases, labels=case_labels(["out"], ["all"]))])
    both = dataclasses.replace(grid, cases=cases, states=(state, lower))
    one, worst = supply_room(grid), supply_room(both)
    assert worst.power_of.tolist() == [0, 0]
    assert worst.below_pu == pytest.approx(one.below_pu - 0.05)
    assert worst.above_pu == pytest.approx(one.above_pu)
    assert worst.powers(np.array([10.0 + 0j, -40.0 + 0j])).tolist() == [-40.0 + 0j]
