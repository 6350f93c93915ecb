"""Headroom is real: pandapower alone finds the same whole kW, and what may be said of it whoever finds it.

All reference grids with 200 buses each stand in benchmarks/prove_headroom.py; here a few of each kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridmodel.engine.answers import ALREADY_VIOLATED, CAPPED, OK, UNDETERMINED, Answers
from gridmodel.engine.compiled import compile_grid
from gridmodel.engine.largest import largest_additions
from tests.engine_checks import own_point
from tests.headroom_checks import (
    CAP_KW,
    DRAWN_MVA,
    before,
    blocking,
    bounds_of,
    holds,
    naive_headroom_kw,
)
from tests.odd_grids import ODD
from tests.random_grids import Grid, built, grids
from tests.reference_grids import BASE, needs_simbench, reference_net

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

CHECKS = ("undervoltage", "overvoltage", "line_overload", "transformer_overload", "voltage_change",
          "no_solution")  # fmt: skip
MANY = settings(max_examples=15, deadline=None)
# Buses tried a grid: at headroom and 1 kW above; and by halving from nothing to the cap.
TRIED, HALVED = 4, 1
ODDITIES = ("two_sources", "closed_ring", "phase_shifter", "capacitors", "parallel_units", "dead_island",
            "unlike_shifts", "three_windings", "derated")  # fmt: skip
SAMPLE = (
    ("cigre_mv_pv_wind", BASE), ("cigre_lv", BASE), ("case33bw", BASE), ("kerber_dorfnetz", BASE),
    ("mv_oberrhein_generation", BASE), ("demo", BASE),
    pytest.param("1-LV-semiurb4--2-sw", "lW", marks=needs_simbench),
    pytest.param("1-MV-semiurb--2-sw", "hL", marks=needs_simbench),
)  # fmt: skip


def engine_answers(net: pandapowerNet, direction: str = "load") -> Answers:
    grid, own = compile_grid(net), own_point(net)
    return largest_additions(
        grid, grid.injection_pu(own.load[0], own.generation[0]), bounds_of(net), np.arange(len(net.bus)),
        per_kw_pu=-DRAWN_MVA[direction] / grid.sn_mva, cap_kw=CAP_KW,
    )  # fmt: skip


@pytest.mark.parametrize("direction", DRAWN_MVA)
@pytest.mark.parametrize(("grid", "case"), SAMPLE)
def test_headroom_is_what_pandapower_finds_by_halving(grid: str, case: str, direction: str) -> None:
    net = reference_net(grid, case)
    answers, state = engine_answers(net, direction), before(net)
    np.testing.assert_array_equal(answers.status == UNDETERMINED, np.isnan(state.vm_pu))
    for number, bus in enumerate(np.random.default_rng(1).permutation(len(net.bus))[:TRIED].tolist()):
        headroom_kw = int(answers.headroom_kw[bus])
        assert holds(state, bus, headroom_kw, direction)
        if answers.status[bus] != CAPPED:
            broken = blocking(state, bus, (headroom_kw + 1) * DRAWN_MVA[direction])
            assert (CHECKS[answers.kind[bus]], answers.position[bus]) in broken
        if number < HALVED:
            assert naive_headroom_kw(state, bus, direction) == headroom_kw


@pytest.mark.parametrize("name", ODDITIES)
@pytest.mark.parametrize("direction", DRAWN_MVA)
def test_headroom_of_an_oddity_is_real(name: str, direction: str) -> None:
    net = ODD[name]()
    answers, state = engine_answers(net, direction), before(net)
    for bus in np.flatnonzero(answers.status != UNDETERMINED)[[3, 6]].tolist():
        assert holds(state, bus, int(answers.headroom_kw[bus]), direction)
        if answers.status[bus] != CAPPED:
            assert not holds(state, bus, int(answers.headroom_kw[bus]) + 1, direction)


def test_a_bus_without_supply_is_undetermined_and_a_source_takes_anything() -> None:
    answers = engine_answers(ODD["dead_island"]())
    assert (answers.status[0], answers.status[3]) == (CAPPED, UNDETERMINED)
    assert answers.headroom_kw[0] == CAP_KW


@pytest.mark.parametrize("wrong_kw", [-2, 2])
def test_an_answer_off_by_2_kw_is_seen(wrong_kw: int) -> None:
    """The proof can fail."""
    net = ODD["plain"]()
    answers, state = engine_answers(net), before(net)
    headroom_kw = int(answers.headroom_kw[6]) + wrong_kw
    assert answers.status[6] == OK
    assert holds(state, 6, headroom_kw, "load") == (wrong_kw < 0)
    assert holds(state, 6, headroom_kw + 1, "load") == (wrong_kw < 0)


@MANY
@given(grids(), st.floats(1.0, 1.5))
def test_more_load_never_gives_more_headroom_for_load(grid: Grid, factor: float) -> None:
    """Where no generation runs and lines have no charging: all that flows flows outwards."""
    heavier = grid._replace(p_mw=[factor * p for p in grid.p_mw])
    first, then = engine_answers(built(grid)), engine_answers(built(heavier))
    assert (then.headroom_kw <= first.headroom_kw).all()


@MANY
@given(grids())
def test_twin_feeders_have_the_same_headroom(grid: Grid) -> None:
    shift = grid.size
    both = Grid(
        grid.parents + [parent + shift * (parent > 0) for parent in grid.parents],
        *(values * 2 for values in grid[1:]),
    )
    found = engine_answers(built(both)).headroom_kw
    np.testing.assert_array_equal(found[1 : shift + 1], found[shift + 1 :])


@MANY
@given(grids(), st.data())
def test_further_along_a_feeder_there_is_no_more_headroom(grid: Grid, data: st.DataObject) -> None:
    """What fits at a bus fits at the one that feeds it: every limit is used no more, losses are less."""
    found = engine_answers(built(grid))
    for bus, parent in enumerate(grid.parents, start=1):
        if found.status[bus] != ALREADY_VIOLATED:
            assert found.headroom_kw[bus] <= found.headroom_kw[parent]
