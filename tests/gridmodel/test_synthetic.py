"""Radial systems drawn by lot: the size asked for, one tree, solvable, the same for the same seed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandapower as pp
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order

from gridmodel.synthetic import RadialSystem, radial_net, radial_system


def branches(system: RadialSystem) -> tuple[np.ndarray, np.ndarray]:
    """Upper and lower bus of every line and transformer."""
    return (
        np.concatenate([system.line_from, system.transformer_hv]),
        np.concatenate([system.line_to, system.transformer_lv]),
    )


@pytest.mark.parametrize("buses", [6, 7, 103, 104, 105, 8162, 8163, 8166, 20_000])
def test_a_system_is_one_tree_of_the_size_asked_for(buses: int) -> None:
    system = radial_system(buses)
    upper, lower = branches(system)
    assert len(system.vn_kv) == buses
    assert sorted(lower) == list(range(1, buses))  # every bus but the source has one branch to the source
    graph = coo_array((np.ones(len(upper)), (upper, lower)), shape=(buses, buses))
    assert len(breadth_first_order(graph, 0, return_predecessors=False)) == buses


def test_lines_join_one_voltage_and_transformers_those_of_their_type() -> None:
    system = radial_system(20_000)
    kv = system.vn_kv
    assert (kv[system.line_from] == kv[system.line_to]).all()
    types = system.transformer_types.iloc[system.transformer_type]
    assert (kv[system.transformer_hv] == types["vn_hv_kv"]).all()
    assert (kv[system.transformer_lv] == types["vn_lv_kv"]).all()
    assert (types["shift_degree"] == 150.0).all()


def test_a_full_station_is_solvable_and_loaded_as_a_grid_that_needs_planning() -> None:
    net = radial_net(radial_system(9_000))
    pp.runpp(net, numba=False)
    assert net.res_bus["vm_pu"].notna().all()
    assert 0.90 < net.res_bus["vm_pu"].min() < 0.95
    assert 70.0 < net.res_trafo["loading_percent"].max() < 100.0
    served_mw = net.res_load["p_mw"].sum() + net.res_line["pl_mw"].sum() + net.res_trafo["pl_mw"].sum()
    assert net.res_ext_grid["p_mw"].sum() == pytest.approx(served_mw, rel=1e-9)


def test_the_same_seed_draws_the_same_system_and_another_seed_another() -> None:
    first, again, other = radial_system(500, seed=3), radial_system(500, seed=3), radial_system(500, seed=4)
    for field in dataclasses.fields(RadialSystem)[:-2]:
        np.testing.assert_array_equal(getattr(first, field.name), getattr(again, field.name))
    assert not np.array_equal(first.load_kw, other.load_kw)
    assert not np.array_equal(first.line_m, other.line_m)


def test_a_system_too_small_for_its_levels_is_refused() -> None:
    with pytest.raises(ValueError, match="buses = 5"):
        radial_system(5)
