"""How much of its demand a model can carry in some scenarios, by the engine's compiled grid.

Who is to blame stands in `gridmodel.suspects`. Loads in the sense of this module are the network's loads,
in the order of their table, and after them what else is drawn (additions of cases).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridmodel.engine.collapse import Servable, servable_shares
from gridmodel.engine.compiled import CompiledGrid
from gridmodel.engine.kernels import CONVERGED
from gridmodel.engine.linearised import reference_at
from gridmodel.engine.of_model import compiled
from gridmodel.model import GridModel
from gridmodel.scenario import Scenario


@dataclass(frozen=True, eq=False)
class Demand:
    """What is drawn and what is fed in in some scenarios.

    Attributes
    ----------
    row
        Row of the grid per load; -1 without supply.
    load_pu
        Complex power drawn per load and scenario [pu].
    fixed_pu
        Complex power injected per row and scenario by all else (generation) [pu].
    """

    row: np.ndarray
    load_pu: np.ndarray
    fixed_pu: np.ndarray

    @property
    def scenarios(self) -> int:
        return self.load_pu.shape[1]

    def at_rows(self, grid: CompiledGrid) -> np.ndarray:
        """Complex power drawn per row and scenario [pu]."""
        sums = [grid.at_rows(self.row, self.load_pu[:, scenario]) for scenario in range(self.scenarios)]
        return np.stack(sums, axis=1)


def demand_in(model: GridModel, scenario: Scenario) -> Demand:
    """Demand and generation of one scenario."""
    grid, network = compiled(model), model.network
    factors = scenario.load_factors(network.loads["customer_class"]).to_numpy(dtype=float)
    fed = scenario.generation_factors(network.generators["kind"]).to_numpy(dtype=float)
    fixed = grid.fixed_pu + grid.at_rows(grid.generator_row, grid.generator_pu * fed)
    return Demand(grid.load_row, (grid.load_pu * factors)[:, None], fixed[:, None])


def largest_shares(grid: CompiledGrid, demand: Demand) -> Servable:
    """The largest share of the demand each part of the grid carries, scenario by scenario."""
    return servable_shares(grid, demand.fixed_pu, demand.at_rows(grid))


def voltages_at(grid: CompiledGrid, demand: Demand, share: float) -> np.ndarray | None:
    """Complex voltage per bus of the net [pu] at a share of the demand of the first scenario.

    NaN without supply; nothing where it has no solution.
    """
    found = reference_at(grid, demand.fixed_pu[:, 0] - share * demand.at_rows(grid)[:, 0])
    return np.append(found.voltage_pu, np.nan)[grid.bus_row] if found.outcome == CONVERGED else None


def compiled_or_none(model: GridModel) -> CompiledGrid | None:
    """The model's compiled grid; nothing where its matrix has no inverse (an impedance of zero).

    Raises
    ------
    InputError
        No source is in service.
    """
    try:
        return compiled(model)
    except (ZeroDivisionError, FloatingPointError):
        return None
