"""`WorksBench`: works on a grid with sites built, each set of them solved exactly: what it leaves to cure.

A set of works holds when every case keeps what is tolerated (`tolerated`) and no site moves the voltage of
its supply point by more than it may (`Limits.voltage_change`, against the same grid without that site).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from capacity.checks import make_yardstick
from capacity.connection.built_sites import BuiltSites, supply_points
from capacity.connection.tolerated import SitePower, Tolerance, Tolerated
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


class WorksBench:
    """Works drawn into a grid with sites built.

    Attributes
    ----------
    asked
        Cases that a set is solved in at first; when it holds in them it is in `cases`.
    """

    def __init__(self, built: BuiltSites, measures: Sequence[Measure], asked: np.ndarray, cases: np.ndarray):
        grid = built.grid
        yardstick = make_yardstick(built.network, grid.yardstick.limits)
        plan = make_plan_grid(yardstick, built.cases, measures, grid.catalogue)
        self.built, self.measures, self.asked, self.cases = built, tuple(measures), asked, cases
        self._plan, self._evaluation = plan, Evaluation(plan, threads=None if len(measures) else 1)
        self.sites = _sites_on(built)
        self._tolerance = Tolerance(grid, plan, self.sites, positions=built.positions, pieces=built.pieces)
        self._tolerated: dict[int, Tolerated] = {}
        self._changes_at_first: dict[int, np.ndarray] = {}
        self._weights = weights_of(plan)

    @cached_property
    def conflicts(self) -> tuple[frozenset[int], ...]:
        """Per measure those that exclude it."""
        return tuple(frozenset(others.tolist()) for others in self._plan.conflicts)

    def tolerated(self, case: int) -> Tolerated:
        """What is tolerated in a case; one outside of `cases` is not solved for it."""
        if case not in self._tolerated and case not in self.cases:
            asked = int(self.asked[0])
            return self._tolerance.unfelt(case, asked, self.tolerated(asked))
        if case not in self._tolerated:
            self._excess(case, [])
        return self._tolerated[case]

    def changes_at_first(self, case: int) -> np.ndarray:
        """Per site: by how much its voltage change is over what is allowed without works [%]."""
        if case not in self._changes_at_first:
            self._changes_at_first[case] = self._change(case, [()])[0]
        return self._changes_at_first[case]

    @cached_property
    def needed(self) -> tuple[np.ndarray, np.ndarray]:
        """Case and constraint of every limit to be cured in the cases asked."""
        own = [(case, np.flatnonzero(self.tolerated(case).over)) for case in self.asked.tolist()]
        cases = np.concatenate([_NOTHING, *(np.full(len(rows), case) for case, rows in own)])
        return cases, np.concatenate([_NOTHING, *(rows for _, rows in own)])

    def worst_cases(self) -> np.ndarray:
        """Of the cases asked those in which some limit to be cured is exceeded most."""
        case, constraint = self.needed
        over = np.array([self.tolerated(c).over[k] for c, k in zip(case, constraint, strict=True)])
        order = np.lexsort((case, -over, constraint))
        first = np.unique(constraint[order], return_index=True)[1]
        changed = [one for one in self.asked.tolist() if (self.changes_at_first(one) > 0.0).any()]
        return np.union1d(case[order][first], np.array(changed, dtype=np.int64))

    def look(self, sets: Sequence[WorksSet], cases: np.ndarray | None = None) -> Looked:
        """Solve sets of works in the cases asked, or others."""
        case_of, constraint_of = self.needed
        lacking, needs = np.zeros(len(sets)), np.zeros((len(sets), len(case_of)))
        changes = []
        for case in (self.asked if cases is None else cases).tolist():
            own, tolerated = np.flatnonzero(case_of == case), self.tolerated(case)
            over = np.maximum(self._excess(case, sets) - tolerated.excess, 0.0)
            lacking += over @ self._weights
            needs[:, own] = over[:, constraint_of[own]]
            if (self.changes_at_first(case) > 0.0).any():
                changes.append(np.maximum(self._change(case, sets), 0.0))
                lacking += changes[-1].sum(axis=1)
        return Looked(lacking, np.concatenate([needs, *changes], axis=1))

    def holds(self, works: WorksSet) -> bool:
        """Whether a set holds in every case, and so does its voltage change."""
        rest = [*self.asked.tolist(), *np.setdiff1d(self.cases, self.asked).tolist()]
        for case in rest:
            if self.look([works], np.array([case])).lacking[0] > 0.0:
                return False
        return all((self._change(case, [works]) <= 0.0).all() for case in rest)

    def _excess(self, case: int, sets: Sequence[WorksSet]) -> np.ndarray:
        """Sets x constraints [%]; the first time also without works, which tells what is tolerated."""
        known = case in self._tolerated
        every = list(sets) if known else [(), *sets]
        standing = self._evaluation.standing(case, _NOTHING)
        steps = [(_NOTHING, np.array(one, dtype=np.int64)) for one in every]
        excess = np.concatenate([part for _, part in self._evaluation.steps(standing, steps)])
        if not known:
            self._tolerated[case] = self._tolerance.of_case(case, excess[0])
        return excess if known else excess[1:]

    def _change(self, case: int, sets: Sequence[WorksSet]) -> np.ndarray:
        """Sets x sites: by how much the voltage change is over what is allowed [%]; outages are not asked."""
        found = np.full((len(sets), len(self.sites)), -1.0)
        if self.built.cases.labels["outage"].iloc[case]:
            return found
        kva = self._plan.power_kva(case)
        with_all = self._voltages(case, sets, kva)
        change = self.built.grid.yardstick.limits.voltage_change
        for number, (site, (option, _)) in enumerate(zip(self.sites, self.built.options, strict=True)):
            without = kva.copy()
            without[site.bus] -= site.kva[case]
            moved = np.abs(with_all - self._voltages(case, sets, without))[:, site.supply]
            allowed = change.lv_percent if option.voltage_kv <= LV_MAX_KV else change.mv_percent
            found[:, number] = 100.0 * np.nan_to_num(moved).max(axis=1) - allowed - _CHANGE_TOLERANCE
        return found

    def _voltages(self, case: int, sets: Sequence[WorksSet], kva: np.ndarray) -> np.ndarray:
        plan = self._plan
        flags = self._evaluation.standing(case, _NOTHING).flags
        steps = [Step(_NOTHING, plan.option[case][np.array(one, dtype=np.int64)]) for one in sets]
        parts = solve_steps(plan.drawn, flags, steps, kva, case=plan.case_turns(case))
        return np.concatenate([part.vm_pu for part in parts])


def _sites_on(built: BuiltSites) -> tuple[SitePower, ...]:
    at = built.network.buses.index.get_indexer
    return tuple(
        SitePower(
            bus=int(at([option.site_bus_id])[0]),
            near=int(at([option.bus_id])[0]),
            supply=at(supply_points(built.grid.network, option)),
            kva=np.asarray(kva)[built.positions],
        )
        for option, kva in built.options
    )
