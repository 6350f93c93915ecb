"""Batches: what lies beside a scenario, how many there are and on how many cores, changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from gridmodel import Scenario
from gridmodel.engine.alone import settle_alone
from gridmodel.engine.batch import Batch, Injections, solve_batch, steady, with_additions, with_profiles
from gridmodel.engine.blocks import solve_share
from gridmodel.engine.compiled import CompiledGrid
from gridmodel.engine.kernels import CONVERGED
from gridmodel.engine.lanes import LANES
from gridmodel.engine.linearised import reference_at
from gridmodel.engine.of_model import compiled, injection_pu
from tests.gridmodel.zoo import GRIDS, model_of

SCENARIO = Scenario(load_factor=0.7, generation_factor=0.5)
SAME = {"rtol": 0.0, "atol": 1e-8}


def grid_of(name: str) -> CompiledGrid:
    return compiled(model_of(name))


def loads_by_profile(grid: CompiledGrid, factors: np.ndarray) -> Injections:
    """Every load follows its own column of the factors."""
    profile = np.arange(len(grid.load_row))
    fixed = steady(grid.fixed_pu, len(factors))
    return with_profiles(fixed, grid.load_row, -grid.load_pu, profile, factors)


def solved(grid: CompiledGrid, injections: Injections, **more: object) -> Batch:
    reference = reference_at(grid, injections.base_pu)
    every = {"rows": np.arange(grid.row_count), "branches": np.arange(len(grid.branches.kind))}
    return solve_batch(grid, injections, reference, **{**every, **more})  # type: ignore[arg-type]


def factors_for(grid: CompiledGrid, scenarios: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.1, 1.5, (scenarios, len(grid.load_row)))


@pytest.mark.parametrize("grid", GRIDS)
def test_every_scenario_is_its_own_newton_solution(grid: str) -> None:
    compiled_grid = grid_of(grid)
    factors = factors_for(compiled_grid, 5)
    batch = solved(compiled_grid, loads_by_profile(compiled_grid, factors))
    for number in range(5):
        drawn = compiled_grid.at_rows(compiled_grid.load_row, compiled_grid.load_pu * factors[number])
        alone = reference_at(compiled_grid, compiled_grid.fixed_pu - drawn)
        np.testing.assert_allclose(batch.vm_pu[number], np.abs(alone.voltage_pu), **SAME)


@pytest.mark.parametrize("scenarios", [1, 15, 16, 17, 33])
def test_the_number_of_scenarios_changes_none_of_them(scenarios: int) -> None:
    grid = grid_of("sources")
    factors = factors_for(grid, 40)
    whole = solved(grid, loads_by_profile(grid, factors))
    part = solved(grid, loads_by_profile(grid, factors[:scenarios]))
    assert part.vm_pu.shape == (scenarios, grid.row_count) and part.converged.all()
    np.testing.assert_allclose(part.vm_pu, whole.vm_pu[:scenarios], **SAME)
    np.testing.assert_allclose(part.figures.loss, whole.figures.loss[:scenarios], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_the_number_of_threads_changes_nothing(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridmodel.engine.batch.ROWS_A_THREAD", 1)
    grid = grid_of("coupler")
    injections = loads_by_profile(grid, factors_for(grid, 100))
    one, many = (solved(grid, injections, threads=count, per_element=True) for count in (1, threads))
    np.testing.assert_allclose(many.vm_pu, one.vm_pu, **SAME)
    for name in one.figures._fields:
        ours, theirs = getattr(many.figures, name), getattr(one.figures, name)
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-8, err_msg=name)
    for name in one.elements._fields:
        ours, theirs = getattr(many.elements, name), getattr(one.elements, name)
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-8, err_msg=name)


def test_a_collapse_does_not_disturb_its_neighbours() -> None:
    grid = grid_of("station")
    factors = factors_for(grid, 50)
    calm = solved(grid, loads_by_profile(grid, factors), per_element=True)
    lost = np.array([0, 3, 17, 18, 49])
    factors[lost] = 500.0
    batch = solved(grid, loads_by_profile(grid, factors), per_element=True)
    kept = np.setdiff1d(np.arange(50), lost)
    assert (batch.outcome[lost] != CONVERGED).all() and batch.converged[kept].all()
    np.testing.assert_allclose(batch.vm_pu[kept], calm.vm_pu[kept], **SAME)
    assert np.isnan(batch.vm_pu[lost]).all() and np.isnan(batch.figures.loss[lost]).all()
    assert (batch.worst_row[lost] >= 0).all() and (batch.worst_row[kept] == -1).all()
    assert not np.isin(batch.elements.vm_min_at, lost).any()
    loss = grid.sn_mva * batch.elements.loss_sum[grid.branches.kind <= 1].sum()
    assert loss == pytest.approx(grid.sn_mva * np.nansum(batch.figures.loss), rel=1e-9)


@pytest.mark.parametrize("lane", range(LANES))
def test_what_is_no_number_any_more_hides_no_extreme_beside_it(lane: int) -> None:
    """Overflow in one lane, a calm scenario in the others: its figures are the extremes of all buses."""
    grid = grid_of("station")
    factors = np.ones((LANES, len(grid.load_row)))
    factors[lane] = 1e200
    batch = solved(grid, loads_by_profile(grid, factors), per_element=True)
    assert batch.converged.sum() == LANES - 1
    row = batch.vm_pu[(lane + 1) % LANES, grid.bus_row]
    np.testing.assert_allclose(batch.elements.vm_min, row, **SAME)
    np.testing.assert_allclose(batch.elements.vm_max, row, **SAME)
    assert (batch.elements.percent_max_at >= 0).all() and np.isfinite(batch.elements.loss_sum).all()


def test_the_order_of_scenarios_is_theirs() -> None:
    grid = grid_of("ring")
    factors = factors_for(grid, 40)
    turned = np.random.default_rng(1).permutation(40)
    one, other = (solved(grid, loads_by_profile(grid, f)) for f in (factors, factors[turned]))
    np.testing.assert_allclose(other.vm_pu, one.vm_pu[turned], **SAME)


def test_additions_at_one_row_add_up_and_none_reach_dead_rows() -> None:
    model, grid = model_of("oddities"), grid_of("oddities")
    base, row = injection_pu(model, SCENARIO), int(grid.bus_row[model.position("buses", ["E"])[0]])
    power = np.array([-0.01 - 0.002j, -0.02, 0.005, -0.5])
    mixed = with_additions(steady(base, 3), np.array([2, 0, 2, 1]), np.array([row, row, row, -1]), power)
    batch = solved(grid, mixed)
    assert mixed.added_start.tolist() == [0, 1, 1, 3]
    for number, total in enumerate([-0.02, 0.0, -0.005 - 0.002j]):
        alone = base.copy()
        alone[row] += total
        expected = np.abs(reference_at(grid, alone).voltage_pu)
        np.testing.assert_allclose(batch.vm_pu[number], expected, **SAME)


def test_no_scenarios_are_no_rows() -> None:
    grid = grid_of("station")
    batch = solved(grid, loads_by_profile(grid, factors_for(grid, 0)), per_element=True)
    assert batch.vm_pu.shape == (0, grid.row_count) and len(batch.figures.loss) == 0
    assert (batch.elements.vm_min_at == -1).all()


def test_kernels_are_compiled_once_whatever_the_arrays_look_like() -> None:
    """A second compilation would cost ten seconds in somebody's session."""
    grid = grid_of("station")
    first = solved(grid, loads_by_profile(grid, factors_for(grid, 20)), per_element=True)
    kernels = (solve_share, settle_alone)
    known = [len(kernel.signatures) for kernel in kernels]
    frozen = factors_for(grid, 20)
    frozen.setflags(write=False)
    odd = (frozen, np.asfortranarray(frozen), np.repeat(frozen, 2, axis=1)[:, ::2])
    rows = np.arange(grid.row_count, dtype=np.int32)
    rows.setflags(write=False)
    for factors in odd:
        profile = np.arange(len(grid.load_row), dtype=np.int32)
        fixed = steady(grid.fixed_pu, len(factors))
        injections = with_profiles(fixed, grid.load_row, -grid.load_pu, profile, factors)
        again = solved(grid, injections, rows=rows, per_element=True)
        np.testing.assert_allclose(again.vm_pu, first.vm_pu, **SAME)
    strided = np.repeat(injection_pu(model_of("station"), SCENARIO), 2)[::2]
    strided.setflags(write=False)
    assert reference_at(grid, strided).outcome == CONVERGED
    assert [len(kernel.signatures) for kernel in kernels] == known
