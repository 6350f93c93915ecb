"""`WorksBench`: works on a grid with sites built, each set of them solved exactly, by what it leaves to cure.

A set of works holds when every case keeps what is tolerated (`tolerated`) and no site moves the voltage of its
supply point by more than it may (`Limits.voltage_change`, against the same grid without that site).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from capacity.checks import make_yardstick
from capacity.connection.built_sites import BuiltSites, supply_points
from capacity.connection.tolerated import SitePower, Tolerated, tolerated_on
from capacity.measures.measure import Measure
from capacity.planning.evaluation import Evaluation
from capacity.planning.plan_grid import make_plan_grid
from capacity.planning.tried import weights_of
from gis.voltage import LV_MAX_KV
from gridmodel.drawn_states import Step, solve_steps

WorksSet = tuple[int, ...]
# What two engines may differ by [% of nominal voltage].
_CHANGE_TOLERANCE = 1e-5
_NOTHING = np.zeros(0, dtype=np.int64)


class Looked(NamedTuple):
    """Sets of works that were solved.

    Attributes
    ----------
    lacking
        Sum of all excess over what is tolerated [%]; 0 where a set holds.
    needs
        Sets x limits that the sites break: what is left of each [%].
    """

    lacking: np.ndarray
    needs: np.ndarray


@dataclass(frozen=True, eq=False)
class WorksBench:
    """Works drawn into a grid with sites."""

    built: BuiltSites
    measures: tuple[Measure, ...]
    evaluation: Evaluation
    sites: tuple[SitePower, ...]
    tolerated: Tolerated

    @property
    def case_count(self) -> int:
        return len(self.built.cases.kva)

    @cached_property
    def conflicts(self) -> tuple[frozenset[int], ...]:
        """Per measure those that exclude it."""
        return tuple(frozenset(others.tolist()) for others in self.evaluation.grid.conflicts)

    @cached_property
    def needed(self) -> tuple[np.ndarray, np.ndarray]:
        """Case and constraint of every limit to be cured."""
        case, constraint = np.nonzero(self.tolerated.over)
        return case, constraint

    @cached_property
    def change_at_first(self) -> np.ndarray:
        """Cases x sites: excess of the voltage change without works [%]."""
        return np.stack([self._change(case, [()])[0] for case in range(self.case_count)])

    @property
    def first(self) -> Looked:
        return self.look([()], self.broken_cases)

    @cached_property
    def broken_cases(self) -> np.ndarray:
        """Cases in which something has to be cured."""
        broken = (self.tolerated.over > 0.0).any(axis=1) | (self.change_at_first > 0.0).any(axis=1)
        return np.flatnonzero(broken)

    def look(self, sets: Sequence[WorksSet], cases: np.ndarray) -> Looked:
        """Solve sets of works in some cases."""
        case_of, constraint_of = self.needed
        lacking = np.zeros(len(sets))
        needs = np.zeros((len(sets), len(case_of)))
        changes = []
        for case in cases.tolist():
            own = np.flatnonzero(case_of == case)
            for first, over in self._over(case, sets):
                rows = slice(first, first + len(over))
                lacking[rows] += over @ self._weights
                needs[rows, own] = over[:, constraint_of[own]]
            if self._changes_asked(case):
                over_change = np.maximum(self._change(case, sets), 0.0)
                lacking += over_change.sum(axis=1)
                changes.append(over_change)
        return Looked(lacking, np.concatenate([needs, *changes], axis=1))

    def holds(self, sets: Sequence[WorksSet]) -> np.ndarray:
        """Flag per set: it holds in every case, and so does its voltage change."""
        every = np.arange(self.case_count)
        fine = self.look(sets, every).lacking == 0.0
        for row in np.flatnonzero(fine):
            fine[row] = all((self._change(case, [sets[row]]) <= 0.0).all() for case in every)
        return fine

    @cached_property
    def _weights(self) -> np.ndarray:
        return weights_of(self.evaluation.grid)

    def _over(self, case: int, sets: Sequence[WorksSet]):  # type: ignore[no-untyped-def]
        standing = self.evaluation.standing(case, _NOTHING)
        steps = [(_NOTHING, np.array(one, dtype=np.int64)) for one in sets]
        for first, excess in self.evaluation.steps(standing, steps):
            yield first, np.maximum(excess - self.tolerated.excess[case], 0.0)

    def _changes_asked(self, case: int) -> bool:
        return bool((self.change_at_first[case] > 0.0).any())

    def _change(self, case: int, sets: Sequence[WorksSet]) -> np.ndarray:
        """Sets x sites: by how much the voltage change is over what is allowed [%]; outages are not asked."""
        found = np.full((len(sets), len(self.sites)), -1.0)
        if self.built.cases.labels["outage"].iloc[case]:
            return found
        kva = self.evaluation.grid.power_kva(case)
        with_all = self._voltages(case, sets, kva)
        change = self.built.grid.yardstick.limits.voltage_change
        for number, (site, (option, _)) in enumerate(zip(self.sites, self.built.options, strict=True)):
            without = kva.copy()
            without[site.bus] -= site.kva[case]
            moved = np.abs(with_all - self._voltages(case, sets, without))[:, site.supply]
            allowed = change.lv_percent if option.voltage_kv <= LV_MAX_KV else change.mv_percent
            over = 100.0 * np.nan_to_num(moved).max(axis=1) - allowed - _CHANGE_TOLERANCE
            found[:, number] = over
        return found

    def _voltages(self, case: int, sets: Sequence[WorksSet], kva: np.ndarray) -> np.ndarray:
        grid = self.evaluation.grid
        flags = self.evaluation.standing(case, _NOTHING).flags
        steps = [Step(_NOTHING, grid.option[case][np.array(one, dtype=np.int64)]) for one in sets]
        parts = solve_steps(grid.drawn, flags, steps, kva, case=grid.case_turns(case))
        return np.concatenate([part.vm_pu for part in parts])


def make_bench(built: BuiltSites, measures: Sequence[Measure]) -> WorksBench:
    """Draw works into a grid with sites built."""
    grid = built.grid
    yardstick = make_yardstick(built.network, grid.yardstick.limits)
    evaluation = Evaluation(make_plan_grid(yardstick, built.cases, measures, grid.catalogue))
    at = built.network.buses.index.get_indexer
    sites = tuple(
        SitePower(
            int(at([option.site_bus_id])[0]),
            at(supply_points(grid.network, option)),
            np.asarray(kva)[built.positions],
        )
        for option, kva in built.options
    )
    tolerated = tolerated_on(grid, evaluation, built.positions, sites, built.pieces)
    return WorksBench(built, tuple(measures), evaluation, sites, tolerated)
