"""`Tolerated`: how far each limit of a plan's grid may be exceeded in each case, as today's grid exceeds it.

    limit today           the site                         it may be exceeded by
    holds                 -                                nothing
    broken                takes a real part in it          as much as today, no more
    broken                does not (rule of `impact`)      as much as with the site, no more

So works have to cure what a connection breaks or makes worse, and may leave the rest as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd

from capacity.connection.connection_grid import ConnectionGrid
from capacity.impact import AFFECTED_SHARE, NOTICEABLE_KVA, NOTICEABLE_PU
from capacity.planning.evaluation import IDLE_EXCESS, TOLERANCE, Evaluation
from capacity.planning.plan_grid import (
    CHECKS,
    HIGH,
    LINES,
    LOW,
    TRANSFORMERS,
    PlanGrid,
    make_plan_grid,
)
from capacity.planning.references import Tracer
from gridmodel.drawn_states import flags_of, turned

_NOTHING = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class SitePower:
    """A site on the plan's grid.

    Attributes
    ----------
    bus, supply, near
        Rows of its bus, of its supply points (joints in a line that is cut), and of the bus of today that it
        is supplied from.
    kva
        Drawn per case [kVA].
    """

    bus: int
    near: int
    supply: np.ndarray
    kva: np.ndarray


@dataclass(frozen=True, eq=False)
class Tolerated:
    """What the limits of a plan's grid may be exceeded by in one case.

    Attributes
    ----------
    names
        Per constraint: check, table and element_id.
    excess
        Per constraint [%], as `capacity.planning.evaluation` counts.
    at_first
        The same with the sites and no works.
    """

    names: pd.MultiIndex
    excess: np.ndarray
    at_first: np.ndarray

    @property
    def over(self) -> np.ndarray:
        """Per constraint [%]: what has to be cured."""
        return np.asarray(np.maximum(self.at_first - self.excess, 0.0))

    def worse(self, violations: pd.DataFrame, tolerance_percent: float) -> pd.DataFrame:
        """Broken limits of the case (`capacity.measures.situation`) that are not tolerated."""
        at = self.names.get_indexer(pd.MultiIndex.from_frame(violations[["check", "table", "element_id"]]))
        allowed = np.where(at >= 0, self.excess[at], 0.0)
        over = (violations["value"] - violations["limit"]).abs().to_numpy(dtype=float)
        limit = np.where(violations["table"] == "buses", 1.0, violations["limit"].to_numpy(dtype=float))
        return violations[~(100.0 * over / np.abs(limit) <= allowed + tolerance_percent)]


class Tolerance:
    """Tells what a plan's grid may exceed, case by case.

    Parameters
    ----------
    plan
        The network with the sites' options, all of them drawing, works drawn in.
    positions
        Of the plan's cases in `grid`.
    pieces
        Line of the grid that a piece of it stands for.
    """

    def __init__(
        self,
        grid: ConnectionGrid,
        plan: PlanGrid,
        sites: Sequence[SitePower],
        *,
        positions: np.ndarray,
        pieces: Mapping[str, str],
    ) -> None:
        self._today, self._plan, self._sites, self._positions = _today(grid), plan, tuple(sites), positions
        self.names = names_of(plan)
        level = self.names.levels[2].map(lambda name: pieces.get(name, name))
        stood = self.names.set_levels(level, level=2, verify_integrity=False)
        self._at = self._today.names.get_indexer(stood)
        self._per_percent = _kva_per_percent(grid, plan, stood)
        self._alone: dict[int, Evaluation] = {}

    def of_case(self, case: int, first: np.ndarray) -> Tolerated:
        """What is tolerated in a case, from its excess with the sites and no works."""
        before = self._before(case)
        already = before > TOLERANCE
        least = np.zeros(len(first))
        if already.any():
            part = already & self._takes_part(case, before, first)
            least = np.where(part, before, np.where(already, np.maximum(before, first), 0.0))
        return Tolerated(self.names, least + TOLERANCE, first)

    def unfelt(self, case: int, asked_case: int, asked: Tolerated) -> Tolerated:
        """What is tolerated in a case that does not bear on the sites, from one that does.

        What is broken today may get worse by less than makes a site take part.
        """
        before = self._before(case)
        least_pu = AFFECTED_SHARE * min(
            self._moved(site, asked.at_first - self._before(asked_case)) for site in self._sites
        )
        least_kva = AFFECTED_SHARE * min(abs(site.kva[case]) for site in self._sites)
        with np.errstate(divide="ignore", invalid="ignore"):
            of_loading = np.nan_to_num(least_kva / self._per_percent, posinf=0.0)
        more = np.where(self._plan.kind <= HIGH, 100.0 * least_pu, of_loading)
        return Tolerated(self.names, np.where(before > TOLERANCE, before + more, 0.0) + TOLERANCE, before)

    def _before(self, case: int) -> np.ndarray:
        today = self._today.excess(int(self._positions[case]))
        return np.where(self._at >= 0, today[self._at], IDLE_EXCESS)

    def _moved(self, site: SitePower, change: np.ndarray) -> float:
        """How much a site moves the voltage of the bus it is supplied from [pu]."""
        at = (self._plan.kind == LOW) & (self._plan.place == site.near)
        return float(np.abs(change[at]).max(initial=0.0)) / 100.0

    def _takes_part(self, case: int, before: np.ndarray, first: np.ndarray) -> np.ndarray:
        """Flag per constraint: some site on its own moves it by its share at least (the rule of `impact`)."""
        plan, found = self._plan, np.zeros(len(before), dtype=bool)
        for number, site in enumerate(self._sites):
            change = (first if len(self._sites) == 1 else self._only(number, case)) - before
            least_pu = max(AFFECTED_SHARE * self._moved(site, change), NOTICEABLE_PU)
            least_kva = max(AFFECTED_SHARE * abs(site.kva[case]), NOTICEABLE_KVA)
            at_buses = plan.kind <= HIGH
            found |= np.where(at_buses, change / 100.0 >= least_pu, change * self._per_percent >= least_kva)
        return found

    def _only(self, number: int, case: int) -> np.ndarray:
        """Excess with one of the sites, the others drawing nothing."""
        if number not in self._alone:
            kva = self._plan.kva.copy()
            for other, site in enumerate(self._sites):
                if other != number:
                    kva[:, site.bus] -= site.kva
            self._alone[number] = Evaluation(replace(self._plan, kva=kva), threads=1)
        return self._alone[number].excess(case, _NOTHING)


def names_of(plan: PlanGrid) -> pd.MultiIndex:
    """Check, table and id per constraint; the last three kinds have no id."""
    network = plan.drawn.network
    ids = np.full(len(plan.kind), "", dtype=object)
    for kind, (_, table) in enumerate(CHECKS[: TRANSFORMERS + 1]):
        rows = plan.kind == kind
        ids[rows] = network.table(table).index.to_numpy()[plan.place[rows]]
    checks, tables = (np.array(column, dtype=object)[plan.kind] for column in zip(*CHECKS, strict=True))
    return pd.MultiIndex.from_arrays([checks, tables, ids])


class _Today:
    """Excess of the grid as it is, from the states it was solved in."""

    def __init__(self, grid: ConnectionGrid) -> None:
        self._grid = grid
        self._plan = make_plan_grid(grid.yardstick, grid.cases, (), grid.catalogue)
        self._tracer = Tracer(self._plan.drawn, grid.yardstick.limits)
        self._flags = flags_of(self._plan.drawn)
        self._normal = self._tracer.bounds(self._flags)
        self._known: dict[int, np.ndarray] = {}
        self.names = names_of(self._plan)

    def excess(self, case: int) -> np.ndarray:
        """Per constraint [%]; of the last three kinds there is none."""
        if case not in self._known:
            self._known[case] = self._excess(case)
        return self._known[case]

    def _excess(self, case: int) -> np.ndarray:
        grid, plan = self._grid, self._plan
        state = grid.states[case]
        found = np.full(len(plan.kind), IDLE_EXCESS)
        if state is None:
            return found
        rows = grid.cases.switching
        rows = rows[rows["case_id"] == str(grid.cases.labels.index[case])]
        bounds = self._normal
        if len(rows):
            bounds = self._tracer.bounds(turned(self._flags, plan.drawn.turns_of(rows), np.array([0])))
        vm_pu = np.full(len(plan.drawn.network.buses), np.nan)
        vm_pu[: len(state.vm_pu)] = state.vm_pu
        low, high = bounds.above(vm_pu)
        loading = plan.limits.loading
        line = 100.0 * (state.line_loading_percent / loading.line_percent - 1.0)
        transformer = 100.0 * (state.transformer_loading_percent / loading.transformer_percent - 1.0)
        for kind, values in enumerate((low, high, line, transformer)):
            rows = plan.kind == kind
            found[rows] = values[plan.place[rows]]
        return np.where(np.isnan(found), IDLE_EXCESS, found)


@lru_cache(maxsize=2)
def _today(grid: ConnectionGrid) -> _Today:
    return _Today(grid)


def _kva_per_percent(grid: ConnectionGrid, plan: PlanGrid, stood: pd.MultiIndex) -> np.ndarray:
    """Per constraint: what a percent of the loading limit is [kVA]; 0 for what has none today."""
    loading = plan.limits.loading
    found, ids = np.zeros(len(plan.kind)), stood.get_level_values(2)
    for kind, table, limit in (
        (LINES, "lines", loading.line_percent),
        (TRANSFORMERS, "transformers", loading.transformer_percent),
    ):
        rows = np.flatnonzero(plan.kind == kind)
        at = grid.network.table(table).index.get_indexer(ids[rows])
        found[rows] = np.where(at >= 0, grid.ratings_kva[table][at] * limit / 1e4, 0.0)
    return found
