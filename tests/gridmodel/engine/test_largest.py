"""The method that answers: paths where the grid is radial, the whole grid else; and both say the same."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandapower
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gridmodel.engine.largest as largest
from gridmodel.engine.answers import CAPPED, NO_SOLUTION, OK, OVERVOLTAGE, UNDETERMINED, Answers
from gridmodel.engine.largest import largest_additions
from gridmodel.engine.wide import wide_headroom
from tests.gridmodel.engine.questions import CAP_KW, GENERATION, LOAD, Question, bounds_of, question
from tests.gridmodel.engine.test_wide import meshed
from tests.reference_grids import needs_simbench, reference_net

RADIAL = (
    "case33bw", "cigre_lv", "cigre_mv_pv_wind", "mv_oberrhein_load", "mv_oberrhein_generation",
    "kerber_landnetz_freileitung_1", pytest.param("1-MVLV-urban-5.303-0-sw", marks=needs_simbench),
)  # fmt: skip
BANDS = ((0.9, 1.1, 100.0), (0.95, 1.05, 50.0), (0.975, 1.02, 40.0, 0.02))


def by_whole_grid(asked: Question, buses: np.ndarray | None = None) -> Answers:
    return wide_headroom(
        asked.grid, asked.injection_pu, asked.bounds, asked.buses if buses is None else buses,
        per_kw_pu=asked.per_kw_pu, cap_kw=CAP_KW,
    )  # fmt: skip


def chosen(asked: Question) -> Answers:
    return largest_additions(
        asked.grid, asked.injection_pu, asked.bounds, asked.buses, per_kw_pu=asked.per_kw_pu, cap_kw=CAP_KW
    )


def refused(*_: object, **__: object) -> Answers:
    raise AssertionError("the other method was asked")


@pytest.mark.parametrize("addition", [LOAD, GENERATION], ids=["load", "generation"])
@pytest.mark.parametrize("grid", RADIAL)
def test_paths_and_the_whole_grid_give_the_same_answers(grid: str, addition: complex) -> None:
    """Light and heavy, with and without generation, limits of EN 50160 and tight ones broken before."""
    net = reference_net(grid)
    for load_factor, generation_factor in ((1.0, 0.0), (0.2, 1.2), (1.25, 0.3)):
        for band in BANDS:
            asked = question(
                net, bounds_of(net, *band), addition,
                load_factor=load_factor, generation_factor=generation_factor,
            )  # fmt: skip
            paths, wide = asked.answers(), by_whole_grid(asked)
            assert (paths.headroom_kw == wide.headroom_kw).all()
            assert (paths.status == wide.status).all()
            assert (paths.kind == wide.kind)[paths.status == OK].all()


@st.composite
def random_trees(draw: st.DrawFn) -> pandapower.pandapowerNet:
    """A transformer and up to twelve buses, each on a line from one before it, with loads and generators."""
    net = pandapower.create_empty_network(sn_mva=1.0)
    top, busbar = pandapower.create_bus(net, 20.0), pandapower.create_bus(net, 0.4)
    pandapower.create_ext_grid(net, top, vm_pu=draw(st.floats(0.97, 1.04)))
    pandapower.create_transformer(net, top, busbar, "0.4 MVA 20/0.4 kV")
    buses = [busbar]
    for _ in range(draw(st.integers(1, 12))):
        above = draw(st.sampled_from(buses))
        bus = pandapower.create_bus(net, 0.4)
        pandapower.create_line(net, above, bus, draw(st.floats(0.02, 0.3)), "NAYY 4x150 SE")
        p_mw = draw(st.floats(0.0, 0.02))
        pandapower.create_load(net, bus, p_mw=p_mw, q_mvar=0.3 * p_mw)
        pandapower.create_sgen(net, bus, p_mw=draw(st.floats(0.0, 0.02)))
        buses.append(bus)
    return net


@settings(max_examples=25, deadline=None)
@given(net=random_trees(), band=st.sampled_from(BANDS), addition=st.sampled_from([LOAD, GENERATION]))
def test_random_trees_get_the_same_answers_by_both(
    net: pandapower.pandapowerNet, band: tuple[float, ...], addition: complex
) -> None:
    asked = question(net, bounds_of(net, *band), addition)
    paths, wide = asked.answers(), by_whole_grid(asked)
    assert (paths.headroom_kw == wide.headroom_kw).all()
    assert (paths.status == wide.status).all()


@settings(max_examples=15, deadline=None)
@given(net=random_trees(), band=st.sampled_from(BANDS))
def test_more_load_never_leaves_more_room_for_load_where_no_generation_runs(
    net: pandapower.pandapowerNet, band: tuple[float, ...]
) -> None:
    light, heavy = (
        by_whole_grid(question(net, bounds_of(net, *band), LOAD, load_factor=factor, generation_factor=0.0))
        for factor in (1.0, 1.3)
    )
    assert (heavy.headroom_kw <= light.headroom_kw).all()


def test_the_whole_grid_finds_the_first_break_of_a_voltage_that_holds_again_beyond() -> None:
    """As the paths do: behind a reactance a generator's voltage rises, then falls."""
    net = pandapower.create_empty_network(sn_mva=1.0)
    above, bus = pandapower.create_bus(net, 0.4), pandapower.create_bus(net, 0.4)
    pandapower.create_ext_grid(net, above)
    pandapower.create_line_from_parameters(
        net, above, bus, 1.0, r_ohm_per_km=0.02, x_ohm_per_km=0.5, c_nf_per_km=0.0, max_i_ka=9.0
    )
    asked = question(net, bounds_of(net, 0.9, 1.0007, 100.0), GENERATION)
    wide = by_whole_grid(asked)
    assert wide.headroom_kw[1] == asked.answers().headroom_kw[1] == 8
    assert wide.kind[1] == OVERVOLTAGE


def test_a_radial_grid_is_answered_by_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    net = reference_net("cigre_lv")
    asked = question(net, bounds_of(net, 0.9, 1.1, 100.0), LOAD)
    monkeypatch.setattr(largest, "wide_headroom", refused)
    assert (chosen(asked).headroom_kw == asked.answers().headroom_kw).all()


@pytest.mark.parametrize("why", ["loops", "relative bands"])
def test_many_loops_and_relative_bands_are_answered_by_the_whole_grid(
    why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = meshed() if why == "loops" else reference_net("cigre_lv")
    bounds = bounds_of(net, 0.9, 1.1, 100.0)
    if why == "relative bands":
        bounds.reference[3:5], bounds.vm_min_pu[3:5], bounds.vm_max_pu[3:5] = 2, -0.05, 0.05
    asked = question(net, bounds, LOAD)
    expected = by_whole_grid(asked)
    monkeypatch.setattr(largest, "path_headroom", refused)
    assert (chosen(asked).headroom_kw == expected.headroom_kw).all()


def test_what_paths_leave_open_is_answered_by_the_whole_grid() -> None:
    """Without limits nothing binds before the solution is lost, far beyond what paths are exact at."""
    net = reference_net("kerber_dorfnetz")
    free = dataclasses.replace(
        bounds_of(net, -np.inf, np.inf, np.inf), change_pu=np.full(len(net.bus), np.inf)
    )
    asked = question(net, free, LOAD)
    paths, both, wide = asked.answers(), chosen(asked), by_whole_grid(asked)
    open_ones = paths.status == UNDETERMINED
    assert open_ones.any()
    assert (both.headroom_kw == wide.headroom_kw).all()
    assert set(both.status) <= {OK, CAPPED} and set(both.kind[both.status == OK]) == {NO_SOLUTION}
