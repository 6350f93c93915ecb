"""Headroom by the path method: closed forms, plain pandapower, whole-grid solves, and properties."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandapower
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridmodel.engine.answers import (
    ALREADY_VIOLATED,
    CAPPED,
    LIMIT_KINDS,
    LINE_OVERLOAD,
    OK,
    OUT_OF_RANGE,
    OVERVOLTAGE,
    UNDERVOLTAGE,
    UNDETERMINED,
    VOLTAGE_CHANGE,
)
from gridmodel.engine.proof import blocking, prove
from gridmodel.engine.tree import radial_reason
from tests.gridmodel.engine.questions import (
    GENERATION,
    LOAD,
    bounds_of,
    question,
)
from tests.reference_grids import reference_net

LV_KV = 0.4


def feeder(*kw: float, kv: float = LV_KV, r_ohm: float = 0.1, x_ohm: float = 0.05, i_max_ka: float = 9.0):  # type: ignore[no-untyped-def]
    """A source and lines in a row, one bus with a load each; no capacitance.

    S ----- 0 ----- 1 ----- 2
    """
    net = pandapower.create_empty_network(sn_mva=1.0)
    above = pandapower.create_bus(net, kv)
    pandapower.create_ext_grid(net, above)
    for load_kw in kw:
        bus = pandapower.create_bus(net, kv)
        pandapower.create_line_from_parameters(
            net, above, bus, 1.0, r_ohm_per_km=r_ohm, x_ohm_per_km=x_ohm, c_nf_per_km=0.0, max_i_ka=i_max_ka
        )
        pandapower.create_load(net, bus, load_kw / 1e3)
        above = bus
    return net


THREE_KW_EACH = feeder(*[3.0] * 5, i_max_ka=0.1)


def power_at_voltage_kw(u_pu: float, *, r_ohm: float, x_ohm: float, kv: float = LV_KV) -> float:
    """Load of unity power factor at which a line's end has u: u_s^2 = (u + R P / u)^2 + (X P / u)^2."""
    r, x = r_ohm / kv**2, x_ohm / kv**2
    square = r**2 + x**2
    roots = np.roots([square / u_pu**2, 2 * r, u_pu**2 - 1.0])
    return float(1e3 * min(roots.real, key=abs))


def test_undervoltage_at_the_end_of_one_line_is_the_closed_form() -> None:
    net = feeder(0.0)
    expected = power_at_voltage_kw(0.9, r_ohm=0.1, x_ohm=0.05)
    found = question(net, bounds_of(net, 0.9, 1.1, 100.0), -1.0 + 0j).answers()
    assert found.headroom_kw[1] == np.floor(expected)
    assert (found.kind[1], found.position[1]) == (UNDERVOLTAGE, 1)


def test_the_current_of_one_line_is_the_closed_form() -> None:
    """|I| = P / u with I along u: u_s^2 = (u + R I)^2 + (X I)^2."""
    net = feeder(0.0, i_max_ka=0.05)
    base_ka = 1.0 / (np.sqrt(3) * LV_KV)
    current, r, x = 0.05 / base_ka, 0.1 / LV_KV**2, 0.05 / LV_KV**2
    end_pu = np.sqrt(1.0 - (x * current) ** 2) - r * current
    found = question(net, bounds_of(net, 0.5, 1.5, 100.0), -1.0 + 0j).answers()
    assert found.headroom_kw[1] == np.floor(1e3 * end_pu * current)
    assert (found.kind[1], found.position[1]) == (LINE_OVERLOAD, 0)


def test_the_first_break_of_a_highest_voltage_is_found_though_it_holds_again_beyond() -> None:
    """Behind a reactance the voltage of a generator rises, then falls: over 1.0007 pu from 8.3 to 17.3 kW."""
    r_ohm, x_ohm, limit = 0.02, 0.5, 1.0007
    r, x = r_ohm / LV_KV**2, x_ohm / LV_KV**2
    rises, falls = sorted(-1e3 * np.roots([(r**2 + x**2) / limit**2, 2 * r, limit**2 - 1.0]))
    net = feeder(0.0, r_ohm=r_ohm, x_ohm=x_ohm)
    asked = question(net, bounds_of(net, 0.9, limit, 100.0), GENERATION)
    found = asked.answers()
    assert falls > 2 * rises and not len(blocking(asked.whole, 1, np.ceil(falls) * asked.per_kw_pu))
    assert (found.headroom_kw[1], found.kind[1]) == (np.floor(rises), OVERVOLTAGE)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.lists(st.floats(0.0, 1.0), min_size=5, max_size=5), st.integers(0, 4), st.floats(0.05, 1.0))
def test_more_load_never_gives_more_headroom_for_load_where_no_generation_runs(
    shares: list[float], place: int, more: float
) -> None:
    light = np.array(shares)
    heavy = light + more * (np.arange(5) == place)
    before, after = (
        question(
            THREE_KW_EACH, bounds_of(THREE_KW_EACH, 0.9, 1.1, 100.0), LOAD, load_factor=factors
        ).answers()
        for factors in (light, heavy)
    )
    assert (before.headroom_kw[1:] > 0).any() and (after.headroom_kw <= before.headroom_kw).all()


def test_a_symmetric_pair_of_feeders_has_symmetric_answers() -> None:
    net = feeder(5.0, 5.0)
    for above in (0, 3):
        bus = pandapower.create_bus(net, LV_KV)
        pandapower.create_line_from_parameters(net, above, bus, 1.0, 0.1, 0.05, 0.0, max_i_ka=9.0)
        pandapower.create_load(net, bus, 5e-3)
    found = question(net, bounds_of(net, 0.9, 1.1, 100.0), LOAD).answers()
    np.testing.assert_array_equal(found.headroom_kw[[1, 2]], found.headroom_kw[[3, 4]])


def test_each_status_says_what_it_means() -> None:
    net = feeder(60.0, 60.0)
    dead = pandapower.create_bus(net, LV_KV)
    asked = question(net, bounds_of(net, 0.9, 1.1, 100.0), LOAD)
    found = asked.answers(np.array([dead, 0, 2]), cap_kw=5)
    assert asked.whole.too_low[2]
    np.testing.assert_array_equal(found.status, [UNDETERMINED, CAPPED, ALREADY_VIOLATED])
    np.testing.assert_array_equal(found.headroom_kw, [0, 5, 0])
    np.testing.assert_array_equal(found.position, [-1, -1, 2])


def test_a_generator_may_relieve_a_line_that_is_overloaded_until_it_loads_it_the_other_way() -> None:
    net = feeder(60.0, i_max_ka=0.05)
    asked = question(net, bounds_of(net, 0.5, 1.5, 100.0), GENERATION)
    found = asked.answers()
    assert (asked.whole.branch_before > 100.0).all()
    assert found.status[1] == OK and found.headroom_kw[1] > 100 and found.kind[1] == LINE_OVERLOAD
    assert prove(asked.whole, asked.buses, found, per_kw_pu=asked.per_kw_pu, sample=9).failed == 0


@pytest.mark.parametrize(("r_ohm", "status"), [(0.09, ALREADY_VIOLATED), (0.02, OK)])
def test_an_overloaded_line_beside_the_path_counts_if_its_current_takes_a_tenth(
    r_ohm: float, status: int
) -> None:
    """Line 1 feeds the load at bus 2; an addition at bus 1 lowers its voltage, the more the longer line 0."""
    net = feeder(0.0, 130.0, i_max_ka=0.15, r_ohm=r_ohm)
    net.line.loc[0, "max_i_ka"] = 0.35
    asked = question(net, bounds_of(net, 0.4, 1.5, 100.0), -1.0 + 0j)
    found = asked.answers()
    assert asked.whole.branch_before.max() > 100.0 and found.status[1] == status
    assert (found.limit[1] == LIMIT_KINDS + LINE_OVERLOAD) == (status == ALREADY_VIOLATED)
    assert prove(asked.whole, asked.buses, found, per_kw_pu=asked.per_kw_pu, sample=9).failed == 0


def test_the_change_of_voltage_at_the_bus_is_a_limit_of_its_own() -> None:
    net = feeder(0.0)
    found = question(net, bounds_of(net, 0.8, 1.2, 100.0, 0.03), -1.0 + 0j).answers()
    expected = power_at_voltage_kw(0.97, r_ohm=0.1, x_ohm=0.05)
    assert (found.headroom_kw[1], found.kind[1]) == (np.floor(expected), VOLTAGE_CHANGE)
    assert found.position[1] == 1


def test_of_parallel_branches_the_one_that_breaks_is_named() -> None:
    net = feeder(0.0, i_max_ka=0.3)
    pandapower.create_line_from_parameters(net, 0, 1, 1.0, 0.1, 0.05, 0.0, max_i_ka=0.1)
    asked = question(net, bounds_of(net, 0.5, 1.5, 100.0), LOAD)
    found = asked.answers()
    assert (found.kind[1], found.position[1]) == (LINE_OVERLOAD, 1)
    assert prove(asked.whole, asked.buses, found, per_kw_pu=asked.per_kw_pu, sample=9).failed == 0


def test_loads_that_follow_the_voltage_and_shunts_are_part_of_the_answer() -> None:
    net = feeder(8.0, 8.0, 8.0)
    net.load["const_z_p_percent"], net.load["const_i_p_percent"] = [20.0, 0.0, 60.0], [30.0, 100.0, 0.0]
    net.load["const_z_q_percent"], net.load["const_i_q_percent"] = [10.0, 0.0, 50.0], [20.0, 80.0, 0.0]
    net.load["q_mvar"] = 3e-3
    pandapower.create_shunt(net, 2, q_mvar=-5e-3)
    for addition in (LOAD, GENERATION):
        asked = question(net, bounds_of(net, 0.85, 1.1, 100.0), addition)
        found = asked.answers()
        assert asked.grid.shares is not None and (found.headroom_kw[1:] > 5).all()
        assert prove(asked.whole, asked.buses, found, per_kw_pu=asked.per_kw_pu, sample=9).failed == 0


def test_buses_joined_by_a_closed_switch_obey_the_tighter_of_their_limits() -> None:
    net = feeder(5.0)
    pandapower.create_switch(net, 1, pandapower.create_bus(net, LV_KV), "b", closed=True)
    bounds = bounds_of(net, 0.9, 1.1, 100.0)
    bounds.vm_min_pu[2] = 0.93
    found = question(net, bounds, LOAD).answers()
    assert found.headroom_kw[1] == found.headroom_kw[2] and found.position[1] == 2


def test_an_answer_beyond_the_range_of_the_series_is_left_to_the_general_method() -> None:
    net = feeder(5.0)
    found = question(net, bounds_of(net, np.nan, np.nan, np.inf), LOAD).answers()
    assert (found.status[1], found.kind[1]) == (UNDETERMINED, OUT_OF_RANGE)


def test_threads_share_the_work_and_change_nothing() -> None:
    net = reference_net("kerber_vorstadtnetz_kabel_1")
    asked = question(net, bounds_of(net, 0.9, 1.1, 100.0), LOAD)
    for one, many in zip(asked.answers(), asked.answers(threads=2), strict=True):
        np.testing.assert_array_equal(one, many)


def test_what_is_not_radial_says_why() -> None:
    net = feeder(5.0, 5.0)
    bounds = bounds_of(net, 0.9, 1.1, 100.0)
    assert radial_reason(question(net, bounds, LOAD).grid, bounds) == ""
    relative = replace(bounds, reference=np.array([-1, -1, 1]))
    with pytest.raises(ValueError, match="relative bands"):
        question(net, relative, LOAD).answers()
    pandapower.create_line_from_parameters(net, 0, 2, 1.0, 0.1, 0.05, 0.0, max_i_ka=1.0)
    with pytest.raises(ValueError, match=r"one source twice|loops"):
        question(net, bounds, LOAD).answers()
    net.line.loc[0, "in_service"] = False
    assert radial_reason(question(net, bounds, LOAD).grid, bounds) == ""
    pandapower.create_ext_grid(net, 1)
    assert "more than one source" in radial_reason(question(net, bounds, LOAD).grid, bounds)
