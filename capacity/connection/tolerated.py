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
from capacity.planning.evaluation import TOLERANCE, Evaluation
from capacity.planning.plan_grid import CHECKS, HIGH, LINES, TRANSFORMERS, PlanGrid, make_plan_grid

_NOTHING = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Tolerated:
    """What limits may be exceeded by.

    Attributes
    ----------
    names
        Per constraint of the plan's grid: check, table and element_id.
    excess
        Cases x constraints [%], as `capacity.planning.evaluation` counts.
    at_first
        The same with the sites and nothing else.
    """

    case_ids: pd.Index
    names: pd.MultiIndex
    excess: np.ndarray
    at_first: np.ndarray

    @property
    def over(self) -> np.ndarray:
        """Cases x constraints [%]: what has to be cured."""
        return np.asarray(np.maximum(self.at_first - self.excess, 0.0))

    def worse(self, violations: pd.DataFrame, tolerance_percent: float) -> pd.DataFrame:
        """Rows of broken limits (`capacity.measures.situation`) that are not tolerated."""
        at = self.names.get_indexer(pd.MultiIndex.from_frame(violations[["check", "table", "element_id"]]))
        case = self.case_ids.get_indexer(violations["case_id"])
        allowed = np.where((at >= 0) & (case >= 0), self.excess[case, at], 0.0)
        loading = (violations["table"] != "buses").to_numpy()
        over = (violations["value"] - violations["limit"]).abs().to_numpy(dtype=float)
        limit = violations["limit"].to_numpy(dtype=float)
        percent = 100.0 * np.where(loading, over / np.abs(limit), over)
        return violations[~(percent <= allowed + tolerance_percent)]


@dataclass(frozen=True, eq=False)
class SitePower:
    """A site on the plan's grid: rows of its bus and of its supply points, and what it draws per case [kVA]."""

    bus: int
    supply: np.ndarray
    kva: np.ndarray


def tolerated_on(
    grid: ConnectionGrid,
    evaluation: Evaluation,
    cases: np.ndarray,
    sites: Sequence[SitePower],
    pieces: Mapping[str, str],
) -> Tolerated:
    """What a plan's grid may exceed.

    Parameters
    ----------
    evaluation
        Of the network with the sites' options, all of them drawing.
    cases
        Positions in `grid` of the cases of the plan.
    pieces
        Line of the grid that a piece of it stands for.
    """
    plan = evaluation.grid
    names = names_of(plan)
    known, today = _today(grid)
    stood = names.set_levels(
        names.levels[2].map(lambda name: pieces.get(name, name)), level=2, verify_integrity=False
    )
    at = known.get_indexer(stood)
    before = np.where(at >= 0, today[cases][:, at], -np.inf)
    first = np.stack([evaluation.excess(case, _NOTHING) for case in range(len(cases))])
    already = before > TOLERANCE
    part = _take_part(grid, evaluation, before, first, sites, stood) if already.any() else already
    least = np.where(already & part, before, np.where(already, np.maximum(before, first), 0.0))
    return Tolerated(plan.case_ids, names, least + TOLERANCE, first)


def names_of(plan: PlanGrid) -> pd.MultiIndex:
    """Check, table and id per constraint; the last three kinds have no id."""
    network = plan.drawn.network
    ids = np.full(len(plan.kind), "", dtype=object)
    for kind, (_, table) in enumerate(CHECKS[: TRANSFORMERS + 1]):
        rows = plan.kind == kind
        ids[rows] = network.table(table).index.to_numpy()[plan.place[rows]]
    checks, tables = (np.array(column, dtype=object)[plan.kind] for column in zip(*CHECKS, strict=True))
    return pd.MultiIndex.from_arrays([checks, tables, ids])


@lru_cache(maxsize=2)
def _today(grid: ConnectionGrid) -> tuple[pd.MultiIndex, np.ndarray]:
    """Constraints of the grid as it is, and cases x constraints: their excess [%]; cases without solution NaN."""
    evaluation = Evaluation(make_plan_grid(grid.yardstick, grid.cases, (), grid.catalogue))
    excess = np.full((len(grid.states), len(evaluation.grid.kind)), np.nan)
    for case, state in enumerate(grid.states):
        if state is not None:
            excess[case] = evaluation.excess(case, _NOTHING)
    return names_of(evaluation.grid), excess


def _take_part(
    grid: ConnectionGrid,
    evaluation: Evaluation,
    before: np.ndarray,
    first: np.ndarray,
    sites: Sequence[SitePower],
    stood: pd.MultiIndex,
) -> np.ndarray:
    """Cases x constraints: some site on its own moves it by its share at least (the rule of `impact`)."""
    plan = evaluation.grid
    found = np.zeros(before.shape, dtype=bool)
    per_percent = _kva_per_percent(grid, plan, stood)
    low = np.flatnonzero(plan.kind == 0)
    for number, site in enumerate(sites):
        with_site = first if len(sites) == 1 else _alone(plan, sites, number)
        change = with_site - before
        supply = low[np.isin(plan.place[low], site.supply)]
        moved = np.abs(np.where(np.isfinite(change[:, supply]), change[:, supply], 0.0)).max(
            axis=1, initial=0.0
        )
        least_pu = np.maximum(AFFECTED_SHARE * moved / 100.0, NOTICEABLE_PU)
        least_kva = np.maximum(AFFECTED_SHARE * np.abs(site.kva), NOTICEABLE_KVA)
        at_buses = plan.kind <= HIGH
        found |= np.where(
            at_buses, change / 100.0 >= least_pu[:, None], change * per_percent >= least_kva[:, None]
        )
    return found


def _alone(plan: PlanGrid, sites: Sequence[SitePower], number: int) -> np.ndarray:
    """Excess with one of the sites, the others drawing nothing."""
    kva = plan.kva.copy()
    for other, site in enumerate(sites):
        if other != number:
            kva[:, site.bus] -= site.kva
    alone = Evaluation(replace(plan, kva=kva))
    return np.stack([alone.excess(case, _NOTHING) for case in range(len(kva))])


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
