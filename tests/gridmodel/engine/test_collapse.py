"""The largest share a grid carries: closed forms of two buses, Newton's method on both sides, parts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from gis.examples import network_from_text
from gridmodel import Scenario, build_model
from gridmodel.engine.batch import solve_batch, steady
from gridmodel.engine.collapse import SHARE_WITHIN, Servable, servable_shares
from gridmodel.engine.compiled import CompiledGrid, compile_grid
from gridmodel.engine.kernels import COLLAPSED, CONVERGED
from gridmodel.engine.linearised import _newton, reference_at
from gridmodel.engine.of_model import compiled, injection_pu
from gridmodel.loadflow import apply_scenario, solve
from tests.gridmodel.zoo import GRIDS, model_of

E_KV, R_OHM, X_OHM = 0.4, 0.1, 0.075
TWO_BUS = f"bus A {E_KV}\nbus B {E_KV}\nsource S A\nline L A B 1000 i_max_a=200 "


def two_bus(r_ohm: float = R_OHM, x_ohm: float = X_OHM, more: str = "load H B 1 q_kvar=0") -> CompiledGrid:
    text = f"{TWO_BUS} r_ohm_per_km={r_ohm} x_ohm_per_km={x_ohm}\n{more}"
    return compile_grid(build_model(network_from_text(text)).net)


def shares(grid: CompiledGrid, drawn_kva: complex | np.ndarray) -> Servable:
    """Shares of a power drawn at each bus, one scenario per row of a column of powers."""
    each = np.atleast_1d(drawn_kva) / (1e3 * grid.sn_mva)
    demand = np.zeros((grid.row_count, len(each)), dtype=complex)
    demand[: grid.free_count] = each
    return servable_shares(grid, grid.fixed_pu, demand)


def drawn(grid: CompiledGrid, factor: float = 1.0) -> np.ndarray:
    return grid.at_rows(grid.load_row, factor * grid.load_pu)


@pytest.mark.parametrize("cos_phi", [1.0, 0.95, 0.8, -0.9])
def test_two_buses_carry_what_the_closed_form_says(cos_phi: float) -> None:
    """S = E^2 / (2 |Z| (1 + cos(theta - phi))), at the voltage E / (2 cos((theta - phi) / 2)).

    Kundur, Power System Stability and Control, 1994, 14.1; a negative cos phi here is a capacitive load.
    """
    z_ohm, phi = R_OHM + 1j * X_OHM, np.sign(cos_phi) * np.arccos(abs(cos_phi))
    apart = np.angle(z_ohm) - phi
    most_kva = 1e3 * E_KV**2 / (2 * abs(z_ohm) * (1 + np.cos(apart)))
    times = np.array([0.5, 1.001, 1.5, 40.0, 3000.0])
    found = shares(two_bus(), times * most_kva * np.exp(1j * phi))
    exact = np.minimum(1.0, 1.0 / times)
    assert (found.of_all <= exact * (1 + 1e-9)).all() and found.of_all[0] == 1.0
    np.testing.assert_allclose(found.of_all, exact, rtol=SHARE_WITHIN)
    # The voltage falls with the root of what is left: 1 % of the power is 10 % of the way to the nose.
    nose_pu = 1.0 / (2 * np.cos(apart / 2))
    assert (np.abs(found.voltage_pu[0, 1:]) >= nose_pu).all()
    np.testing.assert_allclose(np.abs(found.voltage_pu[0, 1:]), nose_pu, rtol=0.12)


def test_voltage_dependent_loads_carry_what_their_closed_form_says() -> None:
    """u + k (a / u + b + c u) = 1, k = R P0 on a resistance: a root until (1 - b k)^2 = 4 a k (1 + c k)."""
    a, b, c = 0.5, 0.3, 0.2
    model = build_model(
        network_from_text(f"{TWO_BUS} r_ohm_per_km={R_OHM} x_ohm_per_km=1e-7\nload H B 1 q_kvar=0")
    )
    for part in ("p", "q"):
        model.net.load[f"const_i_{part}_percent"], model.net.load[f"const_z_{part}_percent"] = (
            100 * b,
            100 * c,
        )
    k = min(root for root in np.roots([b**2 - 4 * a * c, -(2 * b + 4 * a), 1.0]).real if root > 0.0)
    most_kw = 1e3 * k * E_KV**2 / R_OHM
    assert shares(compile_grid(model.net), 2.0 * most_kw).of_all[0] == pytest.approx(0.5, rel=SHARE_WITHIN)


def test_generation_beside_the_load_raises_its_share_and_too_much_of_it_leaves_none() -> None:
    """Constant power fed in at the same bus is subtracted from the load: share x load - fed = most."""
    most_kw = 1e3 * E_KV**2 / (2 * (R_OHM + abs(R_OHM + 1j * X_OHM)))
    grid = two_bus()
    at_b = np.array([1.0, 0.0]) / (1e3 * grid.sn_mva)
    demand = 4.0 * most_kw * at_b[:, None] * np.ones(3)
    fed = np.array([0.0, 1.0, 60.0]) * most_kw * at_b[:, None]
    found = servable_shares(grid, fed, demand.astype(complex))
    np.testing.assert_allclose(found.of_all, [0.25, 0.5, 0.0], rtol=SHARE_WITHIN)
    assert found.solved.tolist() == [[True, True, False]] and np.isnan(found.voltage_pu[0, 2])


def test_parts_that_join_only_at_a_source_have_their_own_shares() -> None:
    more = f"bus C {E_KV}\nline K A C 500 r_ohm_per_km={R_OHM} x_ohm_per_km={X_OHM} i_max_a=200"
    grid = two_bus(more=more)
    assert grid.part_count == 2 and [last - first for first, last in pairwise(grid.part_start)] == [1, 1]
    most_kw = 1e3 * E_KV**2 / (2 * (R_OHM + abs(R_OHM + 1j * X_OHM)))
    found = shares(grid, np.array([1.5, 4.0]) * most_kw)
    expected = np.array([[2 / 3, 0.25], [1.0, 0.5]])  # C is fed over half the impedance
    order = np.argsort(found.share[:, 0])
    np.testing.assert_allclose(found.share[order], expected, rtol=SHARE_WITHIN)
    np.testing.assert_allclose(found.of_all, expected[0], rtol=SHARE_WITHIN)


@pytest.mark.parametrize("name", [name for name in GRIDS if name != "no branch in service"])
def test_a_smaller_share_solves_and_one_larger_by_1_percent_does_not(name: str) -> None:
    """By Newton's method on the whole grid, which knows nothing of parts and tangents; and by pandapower."""
    model, heavy = model_of(name), Scenario(load_factor=200.0, generation_factor=0.5)
    grid = compiled(model)
    fixed = grid.fixed_pu + grid.at_rows(grid.generator_row, 0.5 * grid.generator_pu)
    share = servable_shares(grid, fixed, drawn(grid, 200.0)[:, None]).of_all[0]
    assert 0.0 < share < 1.0
    for factor, solvable in ((0.3, True), (0.9, True), (1.0, True), (1.0101, False), (3.0, False)):
        found = reference_at(grid, fixed - factor * share * drawn(grid, 200.0))
        assert (found.outcome == CONVERGED) is solvable
        apply_scenario(model, heavy, share=factor * share)
        assert solve(model.net) is solvable or factor == 1.0  # there its own start may fail
    apply_scenario(model, Scenario())


@pytest.mark.parametrize("together", [1, 16, 300])
def test_scenarios_beside_each_other_do_not_feel_each_other(together: int) -> None:
    grid = compiled(model_of("ring"))
    factors = np.geomspace(1.0, 1e4, together)
    many = servable_shares(grid, grid.fixed_pu, factors * drawn(grid)[:, None])
    for number in (0, together // 2, together - 1):
        alone = servable_shares(grid, grid.fixed_pu, drawn(grid, factors[number])[:, None])
        np.testing.assert_allclose(many.share[:, number], alone.share[:, 0], rtol=1e-12)
        assert (many.weakest_row[:, number] == alone.weakest_row[:, 0]).all()
    assert (np.diff(many.of_all) <= 0.0).all()


def test_the_slope_of_a_voltage_is_its_difference_quotient() -> None:
    grid = compiled(model_of("station"))
    found = servable_shares(grid, grid.fixed_pu, drawn(grid, 100.0)[:, None])
    share, step = found.of_all[0], 1e-7
    less = reference_at(grid, grid.fixed_pu - (share - step) * drawn(grid, 100.0)).voltage_pu[
        : grid.free_count
    ]
    quotient = (np.abs(found.voltage_pu[:, 0]) - np.abs(less)) / step
    np.testing.assert_allclose(found.slope[:, 0], quotient, rtol=0.02)


def test_no_scenarios_and_no_rows_are_answered() -> None:
    grid = two_bus()
    assert servable_shares(grid, grid.fixed_pu, np.zeros((grid.row_count, 0))).share.shape == (1, 0)
    alone = compile_grid(build_model(network_from_text("bus A 0.4\nsource S A\nload H A 5")).net)
    assert servable_shares(alone, alone.fixed_pu, drawn(alone)[:, None]).of_all.tolist() == [1.0]


def test_a_state_of_low_voltage_is_no_solution() -> None:
    """Half the largest power has the voltages (1 +/- sqrt(1/2)) / 2 on a resistance; 0.146 is none."""
    grid = two_bus(x_ohm=1e-9)
    most_pu = 0.25 * E_KV**2 / R_OHM / grid.sn_mva
    injection = -np.array([0.5, 0.0]) * most_pu + 0j
    for sign, outcome in ((1, CONVERGED), (-1, COLLAPSED)):
        start = np.array([(1.0 + sign * np.sqrt(0.5)) / 2.0, 1.0], dtype=complex)
        assert _newton(grid, injection, start).outcome == outcome


@pytest.mark.parametrize("name", ["station", "ring", "sources"])
def test_a_batch_finds_what_is_solvable_up_to_the_largest_load_and_generation(name: str) -> None:
    """Sweeps about a light load do not settle there; from no load Newton's method loses the generation."""
    model = model_of(name)
    grid = compiled(model)
    fed = grid.at_rows(grid.generator_row, grid.generator_pu)
    light = reference_at(grid, injection_pu(model, Scenario(load_factor=0.1)))
    for injected in (-drawn(grid), fed):
        most = 1e5 * servable_shares(grid, np.zeros(grid.row_count), -1e5 * injected[:, None]).of_all[0]
        for share, outcome in ((0.5, CONVERGED), (0.99, CONVERGED), (0.9999, CONVERGED), (1.02, COLLAPSED)):
            batch = solve_batch(
                grid, steady(share * most * injected, 3), light, rows=np.arange(grid.free_count)
            )
            assert (batch.outcome == outcome).all()
            alone = reference_at(grid, share * most * injected)
            assert alone.outcome == outcome
            if outcome == CONVERGED:
                expected = np.abs(alone.voltage_pu[: grid.free_count])
                np.testing.assert_allclose(batch.vm_pu[0], expected, rtol=0, atol=1e-7)


def test_the_bus_that_collapses_is_the_weakest_one_at_the_limit() -> None:
    grid = compiled(model_of("station"))
    light = reference_at(grid, 0.0 * grid.fixed_pu)
    for load, factor in ((0, 60.0), (1, 60.0), (0, 1e4), (1, 1e4)):
        power = np.zeros(len(grid.load_pu), dtype=complex)
        power[load] = factor * grid.load_pu[load]
        demand = grid.at_rows(grid.load_row, power)
        batch = solve_batch(grid, steady(-demand, 1), light)
        weakest = servable_shares(grid, grid.fixed_pu, demand[:, None]).weakest_row[0, 0]
        assert batch.outcome[0] == COLLAPSED
        vm_idle = np.abs(grid.idle_pu[[weakest, batch.worst_row[0]]])
        assert batch.worst_row[0] == weakest or vm_idle[0] == pytest.approx(vm_idle[1], rel=1e-3)
