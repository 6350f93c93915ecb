"""What is kept while scenarios are in the cache is what numpy makes of the full columns."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gridmodel import Scenario
from gridmodel.engine.batch import Batch, row_bounds, solve_batch, steady, with_additions
from gridmodel.engine.bounds import Bounds
from gridmodel.engine.compiled import LINE, TRANSFORMER, CompiledGrid
from gridmodel.engine.linearised import reference_at
from gridmodel.engine.of_model import compiled, injection_pu
from tests.gridmodel.engine.test_outcomes import tight_bounds
from tests.gridmodel.zoo import GRIDS, model_of

SCENARIOS = 37


def judged(name: str) -> tuple[CompiledGrid, Bounds, Batch, np.ndarray]:
    """Random additions of both signs; voltages per bus (not per row), NaN where a bus is dead."""
    model, drawn = model_of(name), np.random.default_rng(11)
    grid, bounds = compiled(model), tight_bounds(model)
    base = injection_pu(model, Scenario(load_factor=0.8, generation_factor=0.8))
    count = 4 * SCENARIOS
    power = drawn.normal(0.0, 0.02, count) + 1j * drawn.normal(0.0, 0.005, count)
    injections = with_additions(
        steady(base, SCENARIOS),
        drawn.integers(0, SCENARIOS, count),
        drawn.integers(0, grid.row_count, count),
        power,
    )
    batch = solve_batch(
        grid,
        injections,
        reference_at(grid, base),
        bounds=bounds,
        per_element=True,
        rows=np.arange(grid.row_count),
        branches=np.arange(len(grid.branches.kind)),
    )
    assert batch.converged.all()
    vm_pu = np.where(grid.bus_row >= 0, batch.vm_pu[:, grid.bus_row], np.nan)
    return grid, bounds, batch, vm_pu


@pytest.mark.parametrize("name", GRIDS)
def test_extreme_voltages_are_those_of_buses(name: str) -> None:
    _, _, batch, vm_pu = judged(name)
    figures, elements = batch.figures, batch.elements
    np.testing.assert_array_equal(figures.vm_min, np.nanmin(vm_pu, axis=1))
    np.testing.assert_array_equal(figures.vm_max, np.nanmax(vm_pu, axis=1))
    every = np.arange(SCENARIOS)
    np.testing.assert_array_equal(vm_pu[every, figures.vm_min_bus], figures.vm_min)
    np.testing.assert_array_equal(vm_pu[every, figures.vm_max_bus], figures.vm_max)
    alive = np.flatnonzero(~np.isnan(vm_pu[0]))
    np.testing.assert_array_equal(elements.vm_min[alive], vm_pu[:, alive].min(axis=0))
    np.testing.assert_array_equal(elements.vm_min_at[alive], vm_pu[:, alive].argmin(axis=0))
    np.testing.assert_array_equal(elements.vm_max[alive], vm_pu[:, alive].max(axis=0))
    np.testing.assert_array_equal(elements.vm_max_at[alive], vm_pu[:, alive].argmax(axis=0))


@pytest.mark.parametrize("name", GRIDS)
def test_what_is_left_of_the_bands_is_counted_from_the_bus_named(name: str) -> None:
    _, bounds, batch, vm_pu = judged(name)
    zero = np.where(bounds.reference >= 0, vm_pu[:, bounds.reference], 0.0)
    below, above = vm_pu - (bounds.vm_min_pu + zero), (bounds.vm_max_pu + zero) - vm_pu
    figures, every = batch.figures, np.arange(SCENARIOS)
    np.testing.assert_allclose(figures.drop_left, np.nanmin(below, axis=1), rtol=0, atol=1e-15)
    np.testing.assert_allclose(figures.rise_left, np.nanmin(above, axis=1), rtol=0, atol=1e-15)
    np.testing.assert_allclose(below[every, figures.drop_bus], figures.drop_left, rtol=0, atol=1e-15)
    np.testing.assert_allclose(above[every, figures.rise_bus], figures.rise_left, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(figures.broken[:, 0], (below < 0).sum(axis=1))
    np.testing.assert_array_equal(figures.broken[:, 1], (above < 0).sum(axis=1))
    np.testing.assert_array_equal(batch.elements.low_count, (below < 0).sum(axis=0))
    np.testing.assert_array_equal(batch.elements.high_count, (above < 0).sum(axis=0))


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("kind", [LINE, TRANSFORMER])
def test_loadings_are_those_of_branches(name: str, kind: int) -> None:
    grid, bounds, batch, _ = judged(name)
    figures, chosen = batch.figures, np.flatnonzero(grid.branches.kind == kind)
    parts = {
        LINE: (figures.line_percent, figures.line_branch, figures.line_used, bounds.line_percent, 2),
        TRANSFORMER: (
            figures.transformer_percent, figures.transformer_branch, figures.transformer_used,
            bounds.transformer_percent, 3,
        ),
    }  # fmt: skip
    most, branch, used, limits, column = parts[kind]
    percent = batch.percent[:, chosen]
    if not len(chosen):
        assert np.isnan(most).all() and (branch == -1).all() and not used.any()
        return
    np.testing.assert_array_equal(most, percent.max(axis=1))
    np.testing.assert_array_equal(branch, chosen[percent.argmax(axis=1)])
    limit = limits[grid.branches.position[chosen]]
    np.testing.assert_allclose(used, (percent / limit).max(axis=1), rtol=1e-12)
    np.testing.assert_array_equal(figures.broken[:, column], (percent > limit).sum(axis=1))
    elements = batch.elements
    np.testing.assert_array_equal(elements.percent_max[chosen], percent.max(axis=0))
    np.testing.assert_array_equal(elements.percent_max_at[chosen], percent.argmax(axis=0))
    np.testing.assert_array_equal(elements.over_count[chosen], (percent > limit).sum(axis=0))


@pytest.mark.parametrize("name", GRIDS)
def test_power_is_conserved(name: str) -> None:
    """What sources feed and rows inject is what lines and transformers lose, in every scenario."""
    grid, _, batch, _ = judged(name)
    figures = batch.figures
    np.testing.assert_allclose(figures.source.real + figures.injected, figures.loss, rtol=0, atol=1e-8)
    lossy = grid.branches.kind <= TRANSFORMER
    assert batch.elements.loss_sum[lossy].sum() == pytest.approx(figures.loss.sum(), rel=1e-9)


def test_a_band_that_counts_from_a_dead_bus_is_none() -> None:
    model = model_of("oddities")
    grid, bounds = compiled(model), tight_bounds(model)
    dead = int(model.position("buses", ["X"])[0])
    from_dead = dataclasses.replace(bounds, reference=np.full(len(bounds.reference), dead))
    found = row_bounds(grid, from_dead)
    assert np.isinf(found.low).all() and np.isinf(found.high).all() and (found.reference == -1).all()


def test_buses_of_one_row_keep_their_own_bands() -> None:
    """C and C2 are joined by a coupler: two buses, one voltage, two bands."""
    model = model_of("coupler")
    grid, bounds = compiled(model), tight_bounds(model)
    one, two = model.position("buses", ["C", "C2"])
    assert grid.bus_row[one] == grid.bus_row[two]
    bounds.vm_min_pu[one], bounds.vm_min_pu[two] = -9.0, 9.0
    bounds.reference[[one, two]] = -1
    base = injection_pu(model, Scenario())
    batch = solve_batch(grid, steady(base, 1), reference_at(grid, base), bounds=bounds, per_element=True)
    assert batch.figures.drop_bus[0] == two
    assert batch.elements.low_count[[one, two]].tolist() == [0, 1]
