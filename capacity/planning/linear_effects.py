"""Linear effects: what each measure alone does to every limit, about one plan, by exact load flow.

Measures that act in different low-voltage areas alone are tried together, one of each area in a state: what
an area sees is then the effect of its own measure. So a grid of a hundred areas costs as many load flows as
its largest area has measures.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csc_array, csr_array, vstack

from capacity.planning.evaluation import Evaluation, Standing
from capacity.planning.plan_grid import EVERYWHERE, LINES, NO_SOLUTION, PlanGrid

# An effect smaller than this [%] is none; limits further away than this are not in danger [%].
EFFECT_PERCENT = 0.005
NEAR_VOLTAGE, NEAR_LOADING = 3.0, 40.0

Try = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class LinearEffects:
    """Excess of every limit in every run as a linear function of the measures in force in its year.

    excess = base + effect @ in_force

    Attributes
    ----------
    run, constraint
        Run and constraint per row.
    at_plan
        Excess per row at the plan they were taken about [%].
    base
        Excess per row without any measure, as the linear function has it [%].
    effect
        Rows x measures [%].
    usable
        Runs x measures: the measure's own state had a load flow, so that its effect is known.
    about
        Measures x years of the plan.
    """

    run: np.ndarray
    constraint: np.ndarray
    at_plan: np.ndarray
    base: np.ndarray
    effect: csr_array
    usable: np.ndarray
    about: np.ndarray

    @property
    def helping(self) -> np.ndarray:
        """Flag per measure: it lowers the excess of a limit that is broken at the plan."""
        broken = csr_array(self.effect[np.flatnonzero(self.at_plan > 0.0)])
        return np.asarray(broken.min(axis=0).toarray().ravel() < 0.0)

    @cached_property
    def effect_by_measure(self) -> csc_array:
        """The effects, measure by measure."""
        return csc_array(self.effect)


def linear_effects(
    evaluation: Evaluation, in_force: np.ndarray, allowed: np.ndarray, runs: np.ndarray | None = None
) -> LinearEffects:
    """Find the effects about a plan.

    Parameters
    ----------
    in_force
        Measures x years.
    allowed
        Flag per measure: it is tried; measures in force are anyway.
    runs
        Runs to be looked at; all when absent.
    """
    grid = evaluation.grid
    chosen = np.arange(len(grid.run_case)) if runs is None else runs
    parts = []
    for run in chosen:
        taken = np.flatnonzero(in_force[:, grid.run_year[run]])
        standing = evaluation.standing(int(grid.run_case[run]), taken)
        parts.append((run, _about(evaluation, standing, np.flatnonzero(allowed | in_force.any(axis=1)))))
    usable = np.ones((len(grid.run_case), grid.measure_count), dtype=bool)
    for run, part in parts:
        usable[run] = part.usable
    return LinearEffects(
        run=np.concatenate([np.full(len(part.rows), run) for run, part in parts]),
        constraint=np.concatenate([part.rows for _, part in parts]),
        at_plan=np.concatenate([part.at_plan for _, part in parts]),
        base=np.concatenate([part.base for _, part in parts]),
        effect=csr_array(vstack([part.effect for _, part in parts])),
        usable=usable,
        about=in_force,
    )


@dataclass(frozen=True, eq=False)
class _Part:
    rows: np.ndarray
    at_plan: np.ndarray
    base: np.ndarray
    effect: csr_array
    usable: np.ndarray


def _about(evaluation: Evaluation, standing: Standing, measures: np.ndarray) -> _Part:
    """Effects in one case."""
    grid = evaluation.grid
    tries = {int(measure): _try(grid, standing, int(measure)) for measure in measures}
    stacks = stacked(grid, measures)
    nothing = np.zeros(0, dtype=np.int64)
    states = [(nothing, nothing), *(_together([tries[one] for one in stack]) for stack in stacks)]
    at_plan, found, usable = np.zeros(0), _Entries(), np.ones(grid.measure_count, dtype=bool)
    areas = _rows_by_area(grid)
    near = np.zeros(0, dtype=bool)
    no_solution = int(np.flatnonzero(grid.kind == NO_SOLUTION)[0])
    for first, excess in evaluation.steps(standing, states):
        for row in range(len(excess)):
            if first + row == 0:
                at_plan, near = excess[0], _near(grid, excess[0])
                continue
            stack = stacks[first + row - 1]
            if excess[row, no_solution] > 0.0 and at_plan[no_solution] <= 0.0 and len(stack) > 1:
                usable[stack] = False  # one of them; another round, about another plan, may tell
                continue
            for measure in stack:
                _take(found, grid, areas, excess[row], at_plan, near, int(measure))
                usable[measure] = excess[row, no_solution] <= 0.0
    return _as_part(grid, standing, tries, found, at_plan, near, usable)


def stacked(grid: PlanGrid, measures: np.ndarray) -> list[np.ndarray]:
    """Measures to be tried together: one of each area; those that act everywhere alone."""
    area = grid.measure_area[measures]
    alone = [np.array([measure]) for measure in measures[area == EVERYWHERE]]
    local = measures[area != EVERYWHERE]
    order = np.argsort(grid.measure_area[local], kind="stable")
    local = local[order]
    own = grid.measure_area[local]
    starts = np.searchsorted(own, own)
    rank = np.arange(len(local)) - starts
    return alone + [local[rank == k] for k in range(int(rank.max()) + 1 if len(rank) else 0)]


def _try(grid: PlanGrid, standing: Standing, measure: int) -> Try:
    """What is given up and taken: a measure in force is given up, another replaces those it excludes."""
    nothing = np.zeros(0, dtype=np.int64)
    if measure in standing.taken:
        return np.array([measure]), nothing
    return np.intersect1d(grid.conflicts[measure], standing.taken), np.array([measure])


def _together(tries: list[Try]) -> Try:
    given_up, taken = (np.unique(np.concatenate([one[k] for one in tries])) for k in (0, 1))
    return given_up.astype(np.int64), taken.astype(np.int64)


class _Entries:
    """Sparse entries as they are found: constraints, differences, their measure."""

    def __init__(self) -> None:
        self.rows: list[np.ndarray] = []
        self.values: list[np.ndarray] = []
        self.measures: list[int] = []


def _rows_by_area(grid: PlanGrid) -> dict[int, np.ndarray]:
    order = np.argsort(grid.area, kind="stable")
    areas, starts = np.unique(grid.area[order], return_index=True)
    found = dict(zip(areas.tolist(), np.split(order, starts[1:]), strict=True))
    return found | {EVERYWHERE: np.arange(len(grid.area))}


def _near(grid: PlanGrid, excess: np.ndarray) -> np.ndarray:
    return np.asarray(excess > np.where(grid.kind >= LINES, -NEAR_LOADING, -NEAR_VOLTAGE))


def _take(
    found: _Entries,
    grid: PlanGrid,
    areas: dict[int, np.ndarray],
    excess: np.ndarray,
    at_plan: np.ndarray,
    near: np.ndarray,
    measure: int,
) -> None:
    """Keep the effects on limits that are in danger with or without the measure."""
    rows = areas.get(int(grid.measure_area[measure]), np.zeros(0, dtype=np.int64))
    difference = excess[rows] - at_plan[rows]
    told = (np.abs(difference) > EFFECT_PERCENT) & (near[rows] | (excess[rows] > 0.0))
    found.rows.append(rows[told])
    found.values.append(difference[told])
    found.measures.append(measure)


def _as_part(
    grid: PlanGrid,
    standing: Standing,
    tries: dict[int, Try],
    found: _Entries,
    at_plan: np.ndarray,
    near: np.ndarray,
    usable: np.ndarray,
) -> _Part:
    """Effects of being in force: of measures given up the negative; what replaces others beyond these."""
    told = [near.nonzero()[0], *found.rows]
    rows = np.unique(np.concatenate(told))
    sizes = [len(one) for one in found.rows]
    entries = np.concatenate(found.values) if sizes else np.zeros(0)
    at = np.searchsorted(rows, np.concatenate(found.rows)) if sizes else np.zeros(0, dtype=np.int64)
    measure = np.repeat(np.array(found.measures, dtype=np.int64), sizes)
    shape = (len(rows), grid.measure_count)
    difference = csc_array((entries, (at, measure)), shape=shape)
    sign = np.ones(grid.measure_count)
    sign[standing.taken] = -1.0
    effect = csc_array(difference * sign[None, :])
    replaced = [(int(one), int(m)) for m, (given_up, _) in tries.items() for one in given_up if one != m]
    if replaced:
        out, into = np.array(replaced).T
        mixing = csc_array((np.ones(len(out)), (out, into)), shape=(shape[1], shape[1]))
        effect = csc_array(effect + effect @ mixing)
    base = at_plan[rows] - effect[:, standing.taken].sum(axis=1)
    return _Part(rows, at_plan[rows], np.asarray(base), csr_array(effect), usable)
