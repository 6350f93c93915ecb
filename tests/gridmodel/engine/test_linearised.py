"""One operating point: slopes are derivatives, the point solves the equations, a collapse is told."""

from __future__ import annotations

import numpy as np
import pytest

from gridmodel import Scenario
from gridmodel.engine.kernels import CONVERGED
from gridmodel.engine.linearised import current_slopes, injected_current, reference_at
from gridmodel.engine.of_model import compiled, injection_pu
from tests.gridmodel.zoo import GRIDS, model_of

STEP_PU = 1e-6
SCENARIO = Scenario(load_factor=1.0, generation_factor=0.4)


def points(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    drawn = np.random.default_rng(3)
    power = drawn.normal(size=count) + 1j * drawn.normal(size=count)
    volts = drawn.uniform(0.8, 1.1, count) * np.exp(1j * drawn.uniform(-3.0, 3.0, count))
    return power, volts, drawn.uniform(0.0, 0.5, (count, 4))


@pytest.mark.parametrize("depends_on_voltage", [False, True])
def test_slopes_are_the_differences_of_the_current(depends_on_voltage: bool) -> None:
    power, volts, drawn = points(50)
    shares = drawn if depends_on_voltage else None
    a, b, c, d = current_slopes(power, volts, shares).T
    for step, by in ((STEP_PU, a + 1j * c), (1j * STEP_PU, b + 1j * d)):
        ahead = injected_current(power, volts + step, shares)
        behind = injected_current(power, volts - step, shares)
        np.testing.assert_allclose((ahead - behind) / (2 * STEP_PU), by, rtol=0, atol=1e-8)


def test_loads_of_constant_impedance_are_an_admittance() -> None:
    """I = conj(S) V: the current turns with the voltage, so its slope is conj(S) itself."""
    power, volts, _ = points(20)
    shares = np.tile([0.0, 1.0, 0.0, 1.0], (20, 1))
    np.testing.assert_allclose(injected_current(power, volts, shares), np.conj(power) * volts)
    a, b, c, d = current_slopes(power, volts, shares).T
    np.testing.assert_allclose(a + 1j * c, np.conj(power), atol=1e-12)
    np.testing.assert_allclose(b + 1j * d, 1j * np.conj(power), atol=1e-12)


@pytest.mark.parametrize("grid", GRIDS)
def test_a_reference_solves_the_equations_of_the_whole_matrix(grid: str) -> None:
    model = model_of(grid)
    compiled_grid, power = compiled(model), injection_pu(model, SCENARIO)
    reference = reference_at(compiled_grid, power)
    assert reference.outcome == CONVERGED
    into_grid = reference.voltage_pu * np.conj(compiled_grid.matrix @ reference.voltage_pu)
    free = slice(0, compiled_grid.free_count)
    np.testing.assert_allclose(into_grid[free], power[free], rtol=0, atol=1e-9)


def test_a_point_without_solution_leaves_the_idle_grid() -> None:
    grid = compiled(model_of("station"))
    reference = reference_at(grid, 200.0 * injection_pu(model_of("station"), SCENARIO))
    assert reference.outcome != CONVERGED
    np.testing.assert_array_equal(reference.voltage_pu, grid.idle_pu)
    assert not reference.slopes.any() and reference.factors is grid.factors


def test_idle_voltages_are_those_without_injection() -> None:
    grid = compiled(model_of("ring"))
    reference = reference_at(grid, np.zeros(grid.row_count, dtype=complex))
    np.testing.assert_allclose(reference.voltage_pu, grid.idle_pu, rtol=0, atol=1e-12)
