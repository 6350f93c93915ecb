"""Moves about a plan that save money: a measure given up or deferred, one or two exchanged for a cheaper one.

The linear effects rule out what cannot be; load flow tells the rest (`capacity.planning.search`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from capacity.planning.linear_effects import LinearEffects
from capacity.planning.plan_grid import EVERYWHERE, LINES, PlanGrid
from capacity.planning.tried import Tried
from capacity.planning.worth import Prices

# The linear effects rule a move out when they break a limit by more: of voltage, of loading [%].
DOUBT_VOLTAGE, DOUBT_LOADING = 0.25, 3.0
# Among more measures in force than these two are not exchanged for one.
MOST_PAIRED = 40


@dataclass(frozen=True, eq=False)
class Move:
    """New rows of the plan for some measures, and what that saves [EUR]."""

    measures: tuple[int, ...]
    in_force: np.ndarray
    saving_eur: float
    area: int


def give_ups(grid: PlanGrid, prices: Prices, plan: Tried, reversible: np.ndarray) -> Iterator[Move]:
    """Each measure given up, started later, or stopped for a year where it can be."""
    for one in np.flatnonzero(plan.in_force.any(axis=1)):
        row = plan.in_force[one]
        before = value_of(prices, plan.in_force, int(one), row)
        for rows in _less(row, bool(reversible[one])):
            saving = before - value_of(prices, plan.in_force, int(one), rows)
            yield Move((int(one),), rows[None], saving, int(grid.measure_area[one]))


def exchanges(
    grid: PlanGrid,
    prices: Prices,
    plan: Tried,
    effects: LinearEffects,
    *,
    allowed: np.ndarray,
    reversible: np.ndarray,
) -> Iterator[Move]:
    """One or two measures in force exchanged for a cheaper one, where the linear effects allow it."""
    in_force, by_measure = plan.in_force, effects.effect_by_measure
    taken = np.flatnonzero(in_force.any(axis=1))
    value = {int(one): value_of(prices, in_force, int(one), in_force[one]) for one in taken}
    current = plan.excess[effects.run, effects.constraint]
    kinds = grid.kind[effects.constraint]
    room = np.maximum(current, 0.0) - current + np.where(kinds >= LINES, DOUBT_LOADING, DOUBT_VOLTAGE)
    year_of_row = grid.run_year[effects.run]
    partners = _partners(grid, taken)
    for one in np.flatnonzero(allowed & ~in_force.any(axis=1)):
        must = tuple(int(k) for k in grid.conflicts[one][np.isin(grid.conflicts[one], taken)])
        cost = value_of(prices, in_force, int(one), np.ones(in_force.shape[1], dtype=bool))
        others = [int(k) for k in partners.get(int(grid.measure_area[one]), taken) if int(k) not in must]
        sets = _sets(must, others, value, cost if in_force.shape[1] == 1 else 0.0)
        if not sets:
            continue
        involved = sorted({k for given_up in sets for k in given_up})
        rows = np.unique(by_measure[:, [int(one), *involved]].indices)
        removal = effects.effect[rows][:, involved].toarray() * in_force[involved][:, year_of_row[rows]].T
        gain = effects.effect[rows][:, [int(one)]].toarray()[:, 0]
        place = {k: at for at, k in enumerate(involved)}
        for given_up in sets:
            new = np.asarray(in_force[list(given_up)].any(axis=0))
            if not reversible[one]:
                new = np.logical_or.accumulate(new)
            after = gain * new[year_of_row[rows]] - removal[:, [place[k] for k in given_up]].sum(axis=1)
            if (after > room[rows]).any():
                continue
            saving = sum(value[k] for k in given_up) - value_of(prices, in_force, int(one), new)
            if saving > 0.0:
                state = np.zeros((len(given_up) + 1, len(new)), dtype=bool)
                state[-1] = new
                move = (*given_up, int(one))
                yield Move(move, state, float(saving), _area(grid, move))


def value_of(prices: Prices, in_force: np.ndarray, one: int, rows: np.ndarray) -> float:
    """Present value of one measure in some years; a trench counts where no other in force lies in it."""
    if not rows.any():
        return 0.0
    first = int(np.flatnonzero(rows)[0])
    own = (prices.start_eur[one] * (rows & ~np.concatenate([[False], rows[:-1]]))).sum()
    digs = 0.0
    if prices.lies_in[one]:
        held: dict[int, int] = defaultdict(int)
        for other in np.flatnonzero(in_force.any(axis=1)):
            for key in prices.lies_in[other] if other != one else ():
                held[key] += 1
        digs = sum(prices.trench_eur[key] for key in prices.lies_in[one] if not held[key])
    own += prices.tie_eur[one]
    return float(own + (prices.year_eur[one] * rows).sum() + digs * prices.discount[first])


def _sets(
    must: tuple[int, ...], others: list[int], value: dict[int, float], cost: float
) -> list[tuple[int, ...]]:
    """Sets of measures that another may replace and save: those it excludes must go, one or two more may."""
    found: list[tuple[int, ...]] = [must] if must else []
    found += [(*must, k) for k in others]
    if not must and len(others) <= MOST_PAIRED:
        found += [(first, second) for at, first in enumerate(others) for second in others[at + 1 :]]
    return [given_up for given_up in found if sum(value[k] for k in given_up) > cost]


def _partners(grid: PlanGrid, taken: np.ndarray) -> dict[int, np.ndarray]:
    """Measures in force per area, with those that act everywhere."""
    area = grid.measure_area[taken]
    areas = np.unique(grid.measure_area[grid.measure_area >= 0])
    return {int(one): taken[(area == one) | (area == EVERYWHERE)] for one in areas}


def _less(rows: np.ndarray, reversible: bool) -> Iterator[np.ndarray]:
    """Fewer years in force: never, and starting later, or without a year where it can stop."""
    yield np.zeros_like(rows)
    years = np.flatnonzero(rows)
    if len(years) > 1:
        later = rows.copy()
        later[years[0]] = False
        yield later
    if reversible:
        for year in years[1:]:
            without = rows.copy()
            without[year] = False
            yield without


def _area(grid: PlanGrid, measures: Iterable[int]) -> int:
    areas = {int(grid.measure_area[one]) for one in measures}
    return areas.pop() if len(areas) == 1 else EVERYWHERE
