"""Sensitivities are what two load flows of a small difference say."""

from __future__ import annotations

import numpy as np
import pytest

from gridmodel.engine.adjoint import change_per_power
from gridmodel.engine.compiled import compile_grid
from gridmodel.engine.linearised import reference_at
from tests.engine_checks import own_point
from tests.reference_grids import BASE, reference_net

STEP_PU = 1e-5


@pytest.mark.parametrize("name", ["case33bw", "mv_oberrhein_generation", "cigre_lv"])
def test_the_change_of_a_voltage_with_power_anywhere(name: str) -> None:
    grid = compile_grid(reference_net(name, BASE))
    own = own_point(reference_net(name, BASE))
    injection = grid.injection_pu(own.load[0], own.generation[0])
    state = reference_at(grid, injection)
    row = int(np.abs(state.voltage_pu).argmin())
    gradient = np.zeros((1, grid.row_count), dtype=complex)
    gradient[0, row] = state.voltage_pu[row] / abs(state.voltage_pu[row])
    change = change_per_power(grid, state, gradient)[0]
    for place in {row, 0, grid.free_count // 2, grid.free_count - 1}:
        for direction in (1.0, 1.0j):
            size = []
            for sign in (1.0, -1.0):
                moved = injection.copy()
                moved[place] += sign * STEP_PU * direction
                size.append(abs(reference_at(grid, moved).voltage_pu[row]))
            slope = (size[0] - size[1]) / (2.0 * STEP_PU)
            assert (change[place] * direction).real == pytest.approx(slope, rel=1e-5, abs=1e-7)


def test_sources_hold_their_voltage_whatever_is_injected() -> None:
    grid = compile_grid(reference_net("case33bw", BASE))
    state = reference_at(grid, np.zeros(grid.row_count, dtype=complex))
    gradient = np.ones((1, grid.row_count), dtype=complex)
    assert not change_per_power(grid, state, gradient)[0, grid.free_count :].any()
