"""Every limit of a grid as one number per solved state: by how much it is broken, and what moves it.

Voltages count in pu, loadings as a share of the rating; negative is what is left. Limits are numbered: lowest
voltage per bus, highest voltage per bus, loading per branch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gis import Network
from gridmodel.engine.batch import row_bounds
from gridmodel.engine.bounds import Bounds
from gridmodel.engine.compiled import LINE, CompiledGrid
from gridmodel.engine.reductions import RowBounds

CHECKS = ("undervoltage", "overvoltage", "line_overload", "transformer_overload")
_TABLES = ("buses", "buses", "lines", "transformers")


@dataclass(frozen=True, eq=False)
class LimitMargins:
    """Limits laid over the rows and branches of a grid."""

    grid: CompiledGrid
    limits: RowBounds

    @staticmethod
    def of(grid: CompiledGrid, bounds: Bounds) -> LimitMargins:
        """Lay limits over a grid; what has no supply has none."""
        return LimitMargins(grid, row_bounds(grid, bounds))

    def excess(self, voltage_pu: np.ndarray) -> np.ndarray:
        """By how much each limit is broken [pu, or share of the rating]; -inf where none applies."""
        limits, branches = self.limits, self.grid.branches
        size = np.abs(voltage_pu)
        counted = np.where(limits.reference >= 0, size[limits.reference], 0.0)
        change = size[limits.row] - counted
        one, two = self._currents(voltage_pu, slice(None))
        percent = np.fmax(np.abs(one) * branches.percent_from, np.abs(two) * branches.percent_to)
        return np.concatenate([limits.low - change, change - limits.high, (percent - limits.percent) / 100.0])

    def gradients(self, voltage_pu: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """How the excess of chosen limits moves: limits x rows, by Re(conj(gradient) dV)."""
        count = len(self.limits.row)
        gradients = np.zeros((len(chosen), self.grid.row_count), dtype=complex)
        of_bus = np.flatnonzero(chosen < 2 * count)
        entry, sign = chosen[of_bus] % count, np.where(chosen[of_bus] < count, -1.0, 1.0)
        unit = voltage_pu / np.abs(voltage_pu)
        row, reference = self.limits.row[entry], self.limits.reference[entry]
        gradients[of_bus, row] += sign * unit[row]
        has = reference >= 0
        gradients[of_bus[has], reference[has]] -= (sign * unit[reference])[has]
        of_branch = np.flatnonzero(chosen >= 2 * count)
        self._add_currents(gradients, voltage_pu, of_branch, chosen[of_branch] - 2 * count)
        return gradients

    def worst_nearby(self, excess: np.ndarray, hops: int) -> np.ndarray:
        """The largest excess of the same limit at buses within some branches of each; -inf for branches."""
        count, branches = len(self.limits.row), self.grid.branches
        most = np.full(len(excess), -np.inf)
        for part in (slice(0, count), slice(count, 2 * count)):
            at_row = np.full(self.grid.row_count, -np.inf)
            np.maximum.at(at_row, self.limits.row, excess[part])
            for _ in range(hops):
                beside = at_row.copy()
                np.maximum.at(beside, branches.from_row, at_row[branches.to_row])
                np.maximum.at(beside, branches.to_row, at_row[branches.from_row])
                at_row = beside
            most[part] = at_row[self.limits.row]
        return most

    def element(self, network: Network, number: int) -> tuple[str, str, str]:
        """Check, table and id of a limit."""
        count = len(self.limits.row)
        if number < 2 * count:
            check, position = number // count, int(self.limits.bus[number % count])
        else:
            branch = number - 2 * count
            check = 2 if self.grid.branches.kind[branch] == LINE else 3
            position = int(self.grid.branches.position[branch])
        table = _TABLES[check]
        return CHECKS[check], table, str(network.table(table).index[position])

    def drops(self, chosen: np.ndarray) -> np.ndarray:
        """Which of the limits are lowest voltages."""
        return np.asarray(chosen < len(self.limits.row))

    def buses(self, chosen: np.ndarray) -> np.ndarray:
        """Position of the bus of voltage limits."""
        return np.asarray(self.limits.bus[chosen % len(self.limits.row)])

    def _currents(self, voltage_pu: np.ndarray, at: np.ndarray | slice) -> tuple[np.ndarray, np.ndarray]:
        branches = self.grid.branches
        one, two = voltage_pu[branches.from_row[at]], voltage_pu[branches.to_row[at]]
        return (
            branches.yff[at] * one + branches.yft[at] * two,
            branches.ytf[at] * one + branches.ytt[at] * two,
        )

    def _add_currents(
        self, gradients: np.ndarray, voltage_pu: np.ndarray, place: np.ndarray, branch: np.ndarray
    ) -> None:
        """Gradient of the loading at the end that is loaded more: d|I| = Re(conj(I) dI) / |I|."""
        branches = self.grid.branches
        one, two = self._currents(voltage_pu, branch)
        per_from, per_to = branches.percent_from[branch], branches.percent_to[branch]
        at_from = np.abs(one) * per_from >= np.abs(two) * per_to
        current = np.where(at_from, one, two)
        share = np.where(at_from, per_from, per_to) / 100.0 * current / np.abs(current)
        by_from = np.where(at_from, branches.yff[branch], branches.ytf[branch])
        by_to = np.where(at_from, branches.yft[branch], branches.ytt[branch])
        gradients[place, branches.from_row[branch]] += np.conj(by_from) * share
        gradients[place, branches.to_row[branch]] += np.conj(by_to) * share
