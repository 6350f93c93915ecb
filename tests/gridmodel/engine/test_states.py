"""Switching states by lot on grids of others: pandapower's voltages, dark buses and loadings in every one."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandapower
import pytest

from gridmodel import Scenario, run_load_flow
from gridmodel.engine.kernels import CONVERGED
from gridmodel.engine.matrix import LINE, TRANSFORMER
from gridmodel.engine.states import (
    NO_SOURCE,
    TURN_EDGE,
    TURN_SOURCE,
    TURN_SWITCH,
    Changes,
    StateResults,
    solve_states,
)
from gridmodel.engine.switching import SwitchingGrid, compile_switching
from tests.reference_grids import BASE, needs_simbench, reference_net, solve_closely

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

    from gridmodel import GridModel


class Change(NamedTuple):
    table: str
    position: int
    on: bool


COLUMN = {"switch": "closed", "line": "in_service", "trafo": "in_service", "ext_grid": "in_service"}


def drawn_changes(net: pandapowerNet, states: int, seed: int) -> list[list[Change]]:
    """Sets of one to five changes: mostly switches, also elements, and now and then a source."""
    lot = np.random.default_rng(seed)
    tables = ("switch", "line", "trafo", "ext_grid")
    return [
        [
            Change(table, int(lot.integers(len(net[table]))), bool(lot.random() < 0.5))
            for table in lot.choice(tables, lot.integers(1, 6), p=(0.6, 0.25, 0.12, 0.03))
        ]
        for _ in range(states)
    ]


def compiled_for(net: pandapowerNet, states: list[list[Change]]) -> tuple[SwitchingGrid, Changes]:
    joints = np.zeros(len(net.switch), dtype=bool)
    for change in (change for state in states for change in state if change.table == "switch"):
        joints[change.position] = net.switch["et"].iloc[change.position] == "b"
    grid = compile_switching(net, joints)
    flat = [change for state in states for change in state]
    what = {"switch": TURN_SWITCH, "ext_grid": TURN_SOURCE}
    edges = {"line": grid.edge_of[LINE], "trafo": grid.edge_of[TRANSFORMER]}
    return grid, Changes(
        start=np.concatenate([[0], np.cumsum([len(state) for state in states])]).astype(np.int64),
        what=np.array([what.get(c.table, TURN_EDGE) for c in flat], dtype=np.int64),
        at=np.array([edges[c.table][c.position] if c.table in edges else c.position for c in flat]),
        on=np.array([c.on for c in flat], dtype=bool),
    )


def solved(net: pandapowerNet, grid: SwitchingGrid, changes: Changes, threads: int = 2) -> StateResults:
    return solve_states(
        grid,
        changes,
        grid.injection_pu(net.load["scaling"].to_numpy(), net.sgen["scaling"].to_numpy()),
        buses=np.arange(len(net.bus)),
        edges=np.concatenate([grid.edge_of[LINE], grid.edge_of[TRANSFORMER]]),
        threads=threads,
    )


def changed(net: pandapowerNet, state: list[Change]) -> pandapowerNet:
    switched = copy.deepcopy(net)
    for table, position, on in state:
        switched[table].iloc[position, switched[table].columns.get_loc(COLUMN[table])] = on
    return switched


def assert_like_pandapower(
    net: pandapowerNet, states: list[list[Change]], grid: SwitchingGrid, results: StateResults
) -> None:
    for number, state in enumerate(states):
        switched = changed(net, state)
        if results.outcome[number] == NO_SOURCE:
            assert not switched.ext_grid["in_service"].any()
            continue
        if results.outcome[number] != CONVERGED:
            with pytest.raises(pandapower.LoadflowNotConverged):
                solve_closely(switched)
            continue
        solve_closely(switched)
        vm_pu = switched.res_bus["vm_pu"].to_numpy()
        np.testing.assert_allclose(results.vm_pu[number], vm_pu, rtol=0, atol=1e-8, err_msg=str(state))
        percent = np.concatenate([switched[t]["loading_percent"] for t in ("res_line", "res_trafo")])
        np.testing.assert_allclose(results.percent[number], percent, rtol=1e-6, atol=1e-6, err_msg=str(state))
        loss_mw = switched.res_line["pl_mw"].sum() + switched.res_trafo["pl_mw"].sum()
        assert results.figures.loss[number] * grid.sn_mva == pytest.approx(loss_mw, rel=1e-6, abs=1e-9)
        source = switched.res_ext_grid["p_mw"].sum() + 1j * switched.res_ext_grid["q_mvar"].sum()
        assert results.figures.source[number] * grid.sn_mva == pytest.approx(source, rel=1e-6, abs=1e-7)
        assert results.figures.dark[number] == np.isnan(vm_pu).sum()


def with_zip_loads(net: pandapowerNet) -> pandapowerNet:
    """Loads that answer to their voltage; switches between buses stay, see `SwitchingGrid.out_of_scope`."""
    net.load["const_z_p_percent"], net.load["const_i_p_percent"] = 30.0, 20.0
    net.load["const_z_q_percent"], net.load["const_i_q_percent"] = 50.0, 10.0
    return net


@pytest.mark.parametrize(
    ("name", "case", "states"),
    [
        ("cigre_mv", BASE, 60),
        ("mv_oberrhein_load", BASE, 25),
        ("mv_oberrhein_generation", BASE, 15),
        pytest.param("1-MV-urban--0-sw", "hL", 25, marks=needs_simbench),
        pytest.param("1-MV-urban--0-sw", "lPV", 15, marks=needs_simbench),
    ],
)
def test_states_by_lot_are_pandapowers(name: str, case: str, states: int) -> None:
    net = reference_net(name, case)
    drawn = [[], *drawn_changes(net, states, seed=len(name))]
    grid, changes = compiled_for(net, drawn)
    assert_like_pandapower(net, drawn, grid, solved(net, grid, changes))


def test_loads_that_answer_to_the_voltage_are_pandapowers() -> None:
    net = with_zip_loads(reference_net("mv_oberrhein_load", BASE))
    drawn = [[], *drawn_changes(net, 8, seed=2)]
    grid, changes = compiled_for(net, drawn)
    assert grid.out_of_scope == ()
    assert_like_pandapower(net, drawn, grid, solved(net, grid, changes))


def test_one_thread_and_many_agree_to_the_last_bit_in_any_order() -> None:
    net = reference_net("mv_oberrhein_load", BASE)
    drawn = drawn_changes(net, 40, seed=9)
    grid, changes = compiled_for(net, drawn)
    one, three = solved(net, grid, changes, threads=1), solved(net, grid, changes, threads=3)
    backwards = solved(net, *compiled_for(net, drawn[::-1]), threads=2)
    for values, others in zip(one.figures, three.figures, strict=True):
        np.testing.assert_array_equal(values, others)
    np.testing.assert_array_equal(one.vm_pu, three.vm_pu)
    np.testing.assert_array_equal(one.vm_pu, backwards.vm_pu[::-1])


def test_the_demo_area_with_lines_out_and_open_points_closed(demo_model: GridModel) -> None:
    net, scenario = demo_model.net, Scenario()
    run_load_flow(demo_model, scenario)
    drawn = [[], *drawn_changes(net, 6, seed=5)]
    grid, changes = compiled_for(net, drawn)
    assert_like_pandapower(net, drawn, grid, solved(net, grid, changes))


def test_what_a_joint_cannot_be_is_named() -> None:
    net = with_zip_loads(reference_net("cigre_mv", BASE))
    at = pandapower.create_switch(net, 3, 4, et="b", closed=False, z_ohm=0.1)
    joints = (net.switch.index == at).astype(bool)
    reasons = compile_switching(net, joints).out_of_scope
    assert len(reasons) == 2 and "impedance" in reasons[0] and "answer to the voltage" in reasons[1]


def test_a_compiled_grid_is_its_own_master() -> None:
    net = reference_net("mv_oberrhein_load", BASE)
    drawn = drawn_changes(net, 5, seed=1)
    grid, changes = compiled_for(net, drawn)
    before = solved(net, grid, changes)
    net.switch.loc[:, "closed"] = True
    for table in ("line", "trafo", "ext_grid"):
        net[table].loc[:, "in_service"] = False
    np.testing.assert_array_equal(solved(net, grid, changes).vm_pu, before.vm_pu)
