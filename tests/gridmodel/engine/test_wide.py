"""Headroom on any grid: against bisection on plain pandapower, and against the batch engine's own limits."""

from __future__ import annotations

import dataclasses
import math
from functools import cache

import numpy as np
import pandapower
import pytest

from gridmodel.engine.answers import (
    ALREADY_VIOLATED,
    CAPPED,
    LIMIT_KINDS,
    LINE_OVERLOAD,
    NO_LIMIT,
    NO_SOLUTION,
    OK,
    OVERVOLTAGE,
    TRANSFORMER_OVERLOAD,
    UNDERVOLTAGE,
    UNDETERMINED,
    VOLTAGE_CHANGE,
    Answers,
)
from gridmodel.engine.batch import solve_batch, steady, with_additions
from gridmodel.engine.bounds import Bounds
from gridmodel.engine.compiled import CompiledGrid, compile_grid
from gridmodel.engine.largest import joint_addition_kw, largest_additions
from gridmodel.engine.linearised import reference_at
from gridmodel.engine.wide import wide_headroom

COS_PHI = 0.95
CAP_KW = 20_000
Net = pandapower.pandapowerNet


@cache
def meshed(seed: int = 0) -> Net:
    """A ring of seven stations with two chords; behind each a short low-voltage loop.

    source --T-- M0 --- M1 --- M2 --- M3        M3 ==T== L0 --- L1
                 | \\           |      |                    \\    |
                 M6 --- M5 --- M4 ----+                      +- L2
    """
    rng = np.random.default_rng(seed)
    net = pandapower.create_empty_network(sn_mva=1.0)
    top = pandapower.create_bus(net, 110.0)
    middle = [pandapower.create_bus(net, 20.0) for _ in range(7)]
    pandapower.create_ext_grid(net, top, vm_pu=1.01)
    pandapower.create_transformer(net, top, middle[0], "25 MVA 110/20 kV")
    for first, second in ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 0), (2, 4), (0, 5)):
        km = rng.uniform(1.0, 6.0)
        pandapower.create_line(net, middle[first], middle[second], km, "NA2XS2Y 1x95 RM/25 12/20 kV")
    for bus in middle[1:]:
        low = [pandapower.create_bus(net, 0.4) for _ in range(3)]
        pandapower.create_transformer(net, bus, low[0], "0.4 MVA 20/0.4 kV")
        for first, second in ((0, 1), (1, 2), (2, 0)):
            km = rng.uniform(0.05, 0.3)
            pandapower.create_line(net, low[first], low[second], km, "NAYY 4x150 SE")
        for at in low[1:]:
            p_mw = rng.uniform(0.01, 0.06)
            pandapower.create_load(net, at, p_mw=p_mw, q_mvar=0.3 * p_mw)
        pandapower.create_load(net, bus, p_mw=rng.uniform(0.0, 0.6))
    return net


def bounds_of(net: Net, low: float = 0.9, high: float = 1.1, percent: float = 100.0) -> Bounds:
    buses = len(net.bus)
    return Bounds(
        np.full(buses, low), np.full(buses, high), np.full(buses, -1), np.full(len(net.line), percent),
        np.full(len(net.trafo), percent), np.full(buses, np.inf),
    )  # fmt: skip


def per_kw_pu(net: Net, *, generation: bool = False) -> complex:
    return (1.0 if generation else -complex(1.0, math.tan(math.acos(COS_PHI)))) * 1e-3 / net.sn_mva


def injection_of(grid: CompiledGrid, net: Net) -> np.ndarray:
    return grid.injection_pu(net.load["scaling"].to_numpy(), net.sgen["scaling"].to_numpy())


def answers_of(net: Net, bounds: Bounds, *, generation: bool = False, cap_kw: int = CAP_KW) -> Answers:
    grid = compile_grid(net)
    return wide_headroom(
        grid, injection_of(grid, net), bounds, np.arange(len(net.bus)),
        per_kw_pu=per_kw_pu(net, generation=generation), cap_kw=cap_kw,
    )  # fmt: skip


def naive_kw(net: Net, bounds: Bounds, bus: int, *, generation: bool = False) -> int:
    """Largest whole kW by bisection with `runpp`; -1 when nothing fits, the cap when all does."""
    before = vm_pu_of(net)
    low, high = -1, CAP_KW + 1
    while high - low > 1:
        middle = (low + high) // 2
        fits = holds(net, bounds, {bus: middle}, before, generation=generation)
        low, high = (middle, high) if fits else (low, middle)
    return low


def vm_pu_of(net: Net) -> np.ndarray:
    pandapower.runpp(net, numba=False, calculate_voltage_angles=True)
    return net.res_bus["vm_pu"].to_numpy(copy=True)


def holds(
    net: Net, bounds: Bounds, added_kw: dict[int, float], before: np.ndarray, *, generation: bool = False
) -> bool:
    """Whether every limit holds in plain pandapower with additions; written without the engine."""
    loads, sgens = net.load, net.sgen
    net.load, net.sgen = loads.copy(), sgens.copy()  # pandapower adds rows in place
    try:
        for bus, kw in added_kw.items():
            if generation:
                pandapower.create_sgen(net, bus, p_mw=kw / 1e3)
            else:
                pandapower.create_load(
                    net, bus, p_mw=kw / 1e3, q_mvar=kw / 1e3 * math.tan(math.acos(COS_PHI))
                )
        pandapower.runpp(net, numba=False, calculate_voltage_angles=True, tolerance_mva=1e-10)
    except pandapower.LoadflowNotConverged:
        return False
    finally:
        net.load, net.sgen = loads, sgens
    volts = net.res_bus["vm_pu"].to_numpy()
    base = np.where(bounds.reference >= 0, volts[bounds.reference], 0.0)
    change = all(abs(volts[bus] - before[bus]) <= bounds.change_pu[bus] for bus in added_kw)
    return bool(
        change
        and ((volts - base >= bounds.vm_min_pu) & (volts - base <= bounds.vm_max_pu)).all()
        and (net.res_line["loading_percent"] <= bounds.line_percent).all()
        and (net.res_trafo["loading_percent"] <= bounds.transformer_percent).all()
    )


@pytest.mark.parametrize(("seed", "generation"), [(0, False), (1, False), (2, True)])
def test_meshed_headroom_equals_bisection_on_plain_pandapower(seed: int, generation: bool) -> None:
    net, bounds = meshed(seed), bounds_of(meshed(seed))
    found = answers_of(net, bounds, generation=generation)
    kinds = set(found.kind)
    assert kinds >= {LINE_OVERLOAD} and len(kinds) >= 2  # the test is worth its name
    before = vm_pu_of(net)
    for bus in range(len(net.bus)):
        kw, capped = int(found.headroom_kw[bus]), found.status[bus] == CAPPED
        assert holds(net, bounds, {bus: kw}, before, generation=generation), bus
        assert capped or not holds(net, bounds, {bus: kw + 1}, before, generation=generation), bus
        assert capped == (kw == CAP_KW) and found.status[bus] in (OK, CAPPED)
    for bus in (1, 5, 14, 25):
        assert found.headroom_kw[bus] == naive_kw(net, bounds, bus, generation=generation), bus


def test_relative_bands_and_voltage_change_equal_bisection_on_plain_pandapower() -> None:
    net = meshed(0)
    buses = np.arange(len(net.bus))
    low_voltage = buses >= 8
    reference = np.where(low_voltage, 8 + 3 * ((buses - 8) // 3), -1)
    reference[reference == buses] = -1
    bounds = dataclasses.replace(
        bounds_of(net),
        reference=reference,
        vm_min_pu=np.where(reference >= 0, -0.03, 0.9),
        vm_max_pu=np.where(reference >= 0, 0.02, 1.1),
        change_pu=np.where(buses % 3 == 0, 0.02, np.inf),
    )
    found = answers_of(net, bounds)
    assert {UNDERVOLTAGE, VOLTAGE_CHANGE} <= set(found.kind[low_voltage])
    before = vm_pu_of(net)
    for bus in buses[8:]:
        kw = int(found.headroom_kw[bus])
        assert holds(net, bounds, {bus: kw}, before) and not holds(net, bounds, {bus: kw + 1}, before), bus
    for bus in (9, 13):
        assert found.headroom_kw[bus] == naive_kw(net, bounds, bus), bus


def test_a_constant_power_is_added_beside_voltage_dependent_loads() -> None:
    net = pandapower.from_json_string(pandapower.to_json(meshed(1)))
    net.load["const_z_p_percent"] = net.load["const_z_q_percent"] = 60.0
    net.load["const_i_p_percent"] = net.load["const_i_q_percent"] = 20.0
    bounds, before = bounds_of(net), vm_pu_of(net)
    found = answers_of(net, bounds)
    for bus in (8, 11, 14, 17):  # without a load: where there is one, pandapower averages the shares of both
        kw = int(found.headroom_kw[bus])
        assert holds(net, bounds, {bus: kw}, before) and not holds(net, bounds, {bus: kw + 1}, before), bus


@pytest.mark.parametrize("generation", [False, True])
def test_every_answer_holds_and_one_kw_more_breaks_what_it_names(generation: bool) -> None:
    """By the batch engine's own limits, which share no code with the search."""
    net = meshed(3)
    grid, bounds = compile_grid(net), bounds_of(net)
    found = answers_of(net, bounds, generation=generation)
    asked = np.flatnonzero(found.status == OK)
    base = injection_of(grid, net)
    for more, broken in ((0, False), (1, True)):
        power = (found.headroom_kw[asked] + more) * per_kw_pu(net, generation=generation)
        injections = with_additions(
            steady(base, len(asked)), np.arange(len(asked)), grid.bus_row[asked], power
        )
        batch = solve_batch(grid, injections, reference_at(grid, base), bounds=bounds)
        assert batch.converged.all()
        assert ((batch.figures.broken.sum(axis=1) > 0) == broken).all()
    kinds = np.array([UNDERVOLTAGE, OVERVOLTAGE, LINE_OVERLOAD, TRANSFORMER_OVERLOAD])
    at = np.searchsorted(kinds, found.kind[asked])
    assert (batch.figures.broken[np.arange(len(asked)), at] > 0).all()


def test_an_overload_from_before_forbids_only_what_takes_part_in_it() -> None:
    """Two stubs hang on a busbar; the first line of the longer one is overloaded."""
    net = stubs()
    grid, bounds = compile_grid(net), bounds_of(net)
    bounds.line_percent[0] = 1.0
    found = answers_of(net, bounds)
    overload = 0 * LIMIT_KINDS + LINE_OVERLOAD
    assert list(found.status[2:5]) == [ALREADY_VIOLATED] * 3
    assert list(found.limit[2:5]) == [overload] * 3 and not found.headroom_kw[2:5].any()
    assert found.status[5] == OK and found.headroom_kw[5] > 0 and found.limit[5] != overload
    free = answers_of(net, bounds_of(net))
    assert found.headroom_kw[5] == free.headroom_kw[5]
    assert grid.stamps.is_forest


def test_a_voltage_too_low_before_forbids_what_lowers_it_and_not_what_raises_it() -> None:
    net, bounds = stubs(), bounds_of(stubs(), low=0.5)
    bounds.vm_min_pu[4] = vm_pu_of(net)[4] + 1e-3
    load, generation = answers_of(net, bounds), answers_of(net, bounds, generation=True)
    assert list(load.status[2:5]) == [ALREADY_VIOLATED] * 3
    assert set(load.kind[2:5]) == {UNDERVOLTAGE} and set(load.position[2:5]) == {4}
    assert load.status[5] == OK  # takes less than a tenth of its own part in it
    assert list(generation.status[2:6]) == [OK] * 4


def stubs() -> Net:
    """0 ==== 1 --L0-- 2 --L1-- 3 --L2-- 4   and   1 ---------L3--------- 5, far; a load at 4."""
    net = pandapower.create_empty_network(sn_mva=1.0)
    top, busbar = pandapower.create_bus(net, 20.0), pandapower.create_bus(net, 0.4)
    pandapower.create_ext_grid(net, top)
    pandapower.create_transformer(net, top, busbar, "0.63 MVA 20/0.4 kV")
    at = [busbar, *(pandapower.create_bus(net, 0.4) for _ in range(4))]
    for first, second, km in ((0, 1, 0.1), (1, 2, 0.1), (2, 3, 0.1), (0, 4, 1.0)):
        pandapower.create_line(net, at[first], at[second], km, "NAYY 4x150 SE")
    pandapower.create_load(net, at[3], p_mw=0.02)
    return net


def test_symmetric_feeders_get_the_same_answer() -> None:
    """Two equal stubs on one busbar, one of them built the other way round."""
    net = pandapower.create_empty_network()
    top, busbar = pandapower.create_bus(net, 20.0), pandapower.create_bus(net, 0.4)
    pandapower.create_ext_grid(net, top)
    pandapower.create_transformer(net, top, busbar, "0.4 MVA 20/0.4 kV")
    left, right = (pandapower.create_bus(net, 0.4) for _ in range(2))
    pandapower.create_line(net, busbar, left, 0.2, "NAYY 4x150 SE")
    pandapower.create_line(net, right, busbar, 0.2, "NAYY 4x150 SE")
    found = answers_of(net, bounds_of(net))
    assert found.headroom_kw[left] == found.headroom_kw[right] > 0
    assert {int(found.position[bus]) for bus in (left, right)} in ({0, 1}, {left, right})


def test_buses_of_one_row_get_one_answer_and_are_asked_in_any_order() -> None:
    net = pandapower.from_json_string(pandapower.to_json(meshed(0)))
    twin = pandapower.create_bus(net, 0.4)
    pandapower.create_switch(net, 9, twin, et="b", closed=True)
    dead = pandapower.create_bus(net, 0.4)
    grid, bounds = compile_grid(net), bounds_of(net)
    asked = np.array([twin, 20, dead, 9, 9])
    found = largest_additions(
        grid, injection_of(grid, net), bounds, asked, per_kw_pu=per_kw_pu(net), cap_kw=CAP_KW, threads=1
    )
    alone = answers_of(meshed(0), bounds_of(meshed(0)))
    assert (
        found.headroom_kw.tolist()
        == [alone.headroom_kw[at] for at in (9, 20)] + [0] + [alone.headroom_kw[9]] * 2
    )
    assert found.status.tolist() == [OK, OK, UNDETERMINED, OK, OK]
    assert found.limit[2] == NO_LIMIT


def test_no_limit_is_the_cap_and_no_solution_names_the_bus() -> None:
    net = meshed(0)
    free = dataclasses.replace(
        bounds_of(net, low=-np.inf, high=np.inf),
        line_percent=np.full(len(net.line), np.inf),
        transformer_percent=np.full(len(net.trafo), np.nan),
    )
    found = answers_of(net, free)
    assert found.status[1] == CAPPED and found.headroom_kw[1] == CAP_KW and found.limit[1] == NO_LIMIT
    assert found.status[9] == OK and found.limit[9] == 9 * LIMIT_KINDS + NO_SOLUTION
    assert found.headroom_kw[9] > 400


def test_joint_headroom_equals_bisection_on_plain_pandapower() -> None:
    net = meshed(1)
    grid, bounds, group = compile_grid(net), bounds_of(net), [9, 10, 16, 22]
    found = joint_addition_kw(
        grid, injection_of(grid, net), bounds, np.array(group), per_kw_pu=per_kw_pu(net), cap_kw=CAP_KW
    )
    before, kw = vm_pu_of(net), int(found.headroom_kw[0])
    assert found.status.tolist() == [OK]
    assert holds(net, bounds, dict.fromkeys(group, kw), before)
    assert not holds(net, bounds, dict.fromkeys(group, kw + 1), before)
    assert kw <= answers_of(net, bounds).headroom_kw[group].min()


def test_a_grid_without_solution_answers_nothing() -> None:
    net = pandapower.from_json_string(pandapower.to_json(meshed(0)))
    net.load["scaling"] = 500.0
    assert set(answers_of(net, bounds_of(net)).status) == {UNDETERMINED}


@pytest.mark.parametrize("cap_kw", [1, 2, 17])
def test_a_cap_is_met_exactly(cap_kw: int) -> None:
    found = answers_of(meshed(0), bounds_of(meshed(0)), cap_kw=cap_kw)
    assert (found.headroom_kw <= cap_kw).all()
    assert ((found.status == CAPPED) == (found.headroom_kw == cap_kw)).all()
