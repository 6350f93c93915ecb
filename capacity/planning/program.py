"""The mixed-integer program: least present value of measures over years under the linearised limits.

For one component. x[m, y] says that a measure is in force in a year; what is built stays. Of measures that
share a key one is in force; a trench that several lie in is dug once a year; a budget may hold per year.
Where the limits cannot be met the program first finds how near it can come, then the cheapest way there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array, hstack, identity, vstack

from capacity.planning.components import Component
from capacity.planning.linear_effects import EFFECT_PERCENT, LinearEffects
from capacity.planning.worth import Prices

# Status of scipy's `milp`.
_OPTIMAL, _STOPPED, _INFEASIBLE = 0, 1, 2
_LAZY_ROUNDS = 12


@dataclass(frozen=True, eq=False)
class Task:
    """What is the same for all components.

    Attributes
    ----------
    row_year
        Number of the year per row of the effects.
    reversible
        Flag per measure.
    cliques, cliques_at
        Sets of measures of which one can be in force; per measure the numbers of its sets.
    margin
        By how much [%] the linearised limits are kept.
    about, most_changes
        Measures x years of a plan that a component may differ from in so many measures; anything when absent.
    """

    effects: LinearEffects
    row_year: np.ndarray
    prices: Prices
    reversible: np.ndarray
    cliques: tuple[np.ndarray, ...]
    cliques_at: tuple[tuple[int, ...], ...]
    budget_eur: float | None
    margin: float
    gap: float
    about: np.ndarray | None = None
    most_changes: int = 0


@dataclass(frozen=True, eq=False)
class Answer:
    """Measures of the component x years in force; the bound (None: none proved); whether all rows hold.

    What was stopped before it had an answer stays as it is.
    """

    in_force: np.ndarray
    bound_eur: float | None
    meets_limits: bool


def solve_component(task: Task, component: Component, time_limit_s: float) -> Answer:
    """Choose measures of one component."""
    years = task.prices.start_eur.shape[1]
    if not len(component.measures):
        return Answer(np.zeros((0, years), dtype=bool), 0.0, meets_limits=False)
    measures = _undominated(task, component)
    part = _Program(task, Component(component.rows, measures))
    answer = part.solve(time_limit_s)
    in_force = np.zeros((len(component.measures), years), dtype=bool)
    in_force[np.searchsorted(component.measures, measures)] = answer.in_force
    return replace(answer, in_force=in_force)


def cliques_of(
    keys: Sequence[frozenset[object]],
) -> tuple[tuple[np.ndarray, ...], tuple[tuple[int, ...], ...]]:
    """Sets of measures that share a key, and per measure the numbers of its sets."""
    holders: dict[object, list[int]] = {}
    for row, own in enumerate(keys):
        for key in own:
            holders.setdefault(key, []).append(row)
    cliques = tuple({tuple(rows): np.array(rows) for rows in holders.values() if len(rows) > 1}.values())
    at: list[list[int]] = [[] for _ in keys]
    for number, rows in enumerate(cliques):
        for row in rows:
            at[row].append(number)
    return cliques, tuple(map(tuple, at))


def _undominated(task: Task, component: Component) -> np.ndarray:
    """Measures without those that another one of the very same clique beats in cost and in every effect."""
    measures = component.measures
    groups: dict[object, list[int]] = {}
    for m in measures:
        if task.cliques_at[m] and not task.prices.lies_in[m]:
            groups.setdefault((task.cliques_at[m], bool(task.reversible[m])), []).append(int(m))
    effect = task.effects.effect[component.rows].tocsc()
    gone: set[int] = set()
    for group in groups.values():
        gone |= _beaten(group, effect[:, group].toarray(), task.prices)
    kept = set() if task.about is None else set(np.flatnonzero(task.about.any(axis=1)).tolist())
    return np.setdiff1d(measures, list(gone - kept))


def _beaten(group: list[int], effect: np.ndarray, prices: Prices) -> set[int]:
    cost = np.concatenate([prices.start_eur[group], prices.year_eur[group]], axis=1)
    cost = np.concatenate([cost, prices.tie_eur[group][:, None]], axis=1)
    beaten: set[int] = set()
    for one in range(len(group)):
        better = (cost <= cost[one] + 1e-9).all(axis=1)
        better &= (effect <= effect[:, one : one + 1] + EFFECT_PERCENT / 2).all(axis=0)
        better[[k for k in range(len(group)) if k == one or group[k] in beaten]] = False
        if better.any():
            beaten.add(group[one])
    return beaten


class _Program:
    """The program of one component: columns x[m, y], then starts of reversible measures, then trenches."""

    def __init__(self, task: Task, component: Component) -> None:
        self.task, self.rows, self.measures = task, component.rows, component.measures
        self.years = task.prices.start_eur.shape[1]
        self.count = len(self.measures) * self.years
        self.keys = sorted({key for m in self.measures for key in task.prices.lies_in[m]})
        self.paid_starts = [
            k for k, m in enumerate(self.measures)
            if task.reversible[m] and self.years > 1 and task.prices.start_eur[m].any()
        ]  # fmt: skip
        self.limits = self._limits()
        self.right = -(task.effects.base[self.rows] + task.margin)
        near, near_right = self._near()
        self.fixed = vstack(
            [self._stays(), self._cliques(), self._starts(), self._digs(), self._budget(), near]
        )
        self.fixed_right = np.concatenate([self._zeros(), self._budget_right(), near_right])

    @property
    def width(self) -> int:
        return self.count + (len(self.paid_starts) + len(self.keys)) * self.years

    def solve(self, time_limit_s: float) -> Answer:
        slack = np.zeros(len(self.rows))
        found = self._solve_lazily(self._costs(), slack, time_limit_s)
        meets = found.status != _INFEASIBLE
        if not meets:
            slack = self._least_slack(time_limit_s)
            found = self._solve_lazily(self._costs(), slack, time_limit_s)
        if found.x is None:
            return Answer(self.task.effects.about[self.measures], None, meets_limits=False)
        in_force = found.x[: self.count].reshape(-1, self.years) > 0.5
        ties = float((self.task.prices.tie_eur[self.measures] @ in_force).sum())
        bound = None if found.mip_dual_bound is None or not meets else float(found.mip_dual_bound) - ties
        return Answer(in_force, bound, meets)

    def _solve_lazily(self, costs, slack, time_limit_s):  # type: ignore[no-untyped-def]
        """Solve with few rows, and again with those that the answer breaks."""
        chosen = self._first_rows()
        for _ in range(_LAZY_ROUNDS):
            found = self._solve(costs, self.limits[chosen], self.right[chosen] + slack[chosen], time_limit_s)
            if found.x is None:
                return found
            over = self.limits @ found.x - self.right - slack
            broken = np.flatnonzero(over > 1e-6)
            fresh = np.setdiff1d(broken, chosen)
            if not len(fresh):
                return found
            worst = fresh[np.argsort(-over[fresh])][:200]
            chosen = np.union1d(chosen, worst)
        return self._solve(costs, self.limits, self.right + slack, time_limit_s)

    def _first_rows(self) -> np.ndarray:
        """The hardest row of each set of measures that have a say in it."""
        limits = self.limits
        seen: dict[tuple[int, ...], int] = {}
        for row in np.argsort(self.right, kind="stable"):
            support = tuple(limits.indices[limits.indptr[row] : limits.indptr[row + 1]].tolist())
            seen.setdefault(support, int(row))
        return np.array(sorted(seen.values()), dtype=np.int64)

    def _solve(self, costs, limits, right, time_limit_s, more=0):  # type: ignore[no-untyped-def]
        whole = vstack([limits, _wider(self.fixed, more)]) if more else vstack([limits, self.fixed])
        high = np.concatenate([right, self.fixed_right])
        integer = np.concatenate([np.ones(self.count), np.zeros(self.width - self.count + more)])
        upper = np.concatenate([self._upper(), np.full(self.width - self.count, 1.0), np.full(more, np.inf)])
        return milp(
            costs,
            integrality=integer,
            bounds=Bounds(0.0, upper),
            constraints=LinearConstraint(csr_array(whole), -np.inf, high),
            options={"time_limit": max(time_limit_s, 0.1), "mip_rel_gap": self.task.gap},
        )

    def _least_slack(self, time_limit_s: float) -> np.ndarray:
        """The least sum of excess [%] that the rows cannot do without."""
        rows = len(self.rows)
        costs = np.concatenate([self._costs() * 1e-9, np.ones(rows)])
        limits = hstack([self.limits, -identity(rows)])
        found = self._solve(costs, limits, self.right, time_limit_s, more=rows)
        if found.x is None:
            return np.full(rows, np.inf)
        taken = np.round(found.x[: self.count])
        needed = self.limits[:, : self.count] @ taken - self.right
        return np.asarray(np.maximum(needed, 0.0) + 1e-4)

    def _upper(self) -> np.ndarray:
        """Measures whose effect in a year is unknown are not taken in it."""
        usable = np.ones((len(self.measures), self.years))
        years = self.task.row_year
        for run in np.unique(self.task.effects.run[self.rows]):
            year = years[self.task.effects.run == run][0]
            usable[:, year] = np.minimum(usable[:, year], self.task.effects.usable[run][self.measures])
        return usable.ravel()

    def _limits(self) -> csr_array:
        part = self.task.effects.effect[self.rows][:, self.measures].tocoo()
        column = part.col * self.years + self.task.row_year[self.rows][part.row]
        return csr_array(coo_array((part.data, (part.row, column)), shape=(len(self.rows), self.width)))

    def _costs(self) -> np.ndarray:
        prices, task = self.task.prices, self.task
        start, year = prices.start_eur[self.measures], prices.year_eur[self.measures]
        later = np.concatenate([start[:, 1:], np.zeros((len(start), 1))], axis=1)
        own = start - later
        own[self.paid_starts] = 0.0
        ties = prices.tie_eur[self.measures][:, None]
        costs = [(own + year + ties).ravel(), start[self.paid_starts].ravel()]
        costs.append(np.outer(task.prices.trench_eur[self.keys], task.prices.discount).ravel())
        return np.concatenate(costs)

    def _stays(self) -> csr_array:
        """What is built stays: x[m, y-1] - x[m, y] <= 0."""
        built = np.flatnonzero(~self.task.reversible[self.measures])
        before = (built[:, None] * self.years + np.arange(self.years - 1)).ravel()
        return self._differences(before, before + 1)

    def _cliques(self) -> csr_array:
        """Of measures that share a key one a year."""
        place = np.full(len(self.task.reversible), -1)
        place[self.measures] = np.arange(len(self.measures))
        rows, columns, count = [], [], 0
        numbers = sorted({number for m in self.measures for number in self.task.cliques_at[m]})
        for number in numbers:
            at = place[self.task.cliques[number]]
            at = at[at >= 0]
            if len(at) < 2:
                continue
            for year in range(self.years):
                rows.append(np.full(len(at), count))
                columns.append(at * self.years + year)
                count += 1
        self._clique_count = count
        if not count:
            return csr_array((0, self.width))
        row, column = np.concatenate(rows), np.concatenate(columns)
        return csr_array(coo_array((np.ones(len(row)), (row, column)), shape=(count, self.width)))

    def _starts(self) -> csr_array:
        """Starts of reversible measures that cost: x[m, y] - x[m, y-1] <= s[m, y]."""
        pairs = [(k, self.count + place * self.years) for place, k in enumerate(self.paid_starts)]
        return self._begins(pairs)

    def _digs(self) -> csr_array:
        """A trench is dug in the year that a measure in it starts."""
        offset = self.count + len(self.paid_starts) * self.years
        number = {key: offset + place * self.years for place, key in enumerate(self.keys)}
        pairs = [(k, number[key]) for k, m in enumerate(self.measures) for key in self.task.prices.lies_in[m]]
        return self._begins(pairs)

    def _begins(self, pairs: list[tuple[int, int]]) -> csr_array:
        entries = []
        for row, (k, first) in enumerate(pairs):
            for year in range(self.years):
                at = row * self.years + year
                entries.append((at, k * self.years + year, 1.0))
                entries.append((at, first + year, -1.0))
                if year:
                    entries.append((at, k * self.years + year - 1, -1.0))
        row_at, column, value = np.array(entries, dtype=float).reshape(-1, 3).T
        shape = (len(pairs) * self.years, self.width)
        return csr_array(coo_array((value, (row_at.astype(int), column.astype(int))), shape=shape))

    def _budget(self) -> csr_array:
        """Capital that starts in a year; what is reversible counts in every year it is in force."""
        if self.task.budget_eur is None:
            return csr_array((0, self.width))
        capital = self.task.prices.capital_eur[self.measures]
        offset = self.count + len(self.paid_starts) * self.years
        rows = np.zeros((self.years, self.width))
        for year in range(self.years):
            rows[year, np.arange(len(capital)) * self.years + year] = capital
            if year:
                stays = np.where(self.task.reversible[self.measures], 0.0, -capital)
                rows[year, np.arange(len(capital)) * self.years + year - 1] = stays
            rows[year, offset + np.arange(len(self.keys)) * self.years + year] = self.task.prices.trench_eur[
                self.keys
            ]
        return csr_array(rows)

    def _budget_right(self) -> np.ndarray:
        budget = self.task.budget_eur
        return np.zeros(0) if budget is None else np.full(self.years, budget)

    def _near(self) -> tuple[csr_array, np.ndarray]:
        """At most so many measures differ from the plan that the effects were taken about, in each year."""
        if self.task.about is None:
            return csr_array((0, self.width)), np.zeros(0)
        about = self.task.about[self.measures]
        rows = np.zeros((self.years, self.width))
        for year in range(self.years):
            columns = np.arange(len(about)) * self.years + year
            rows[year, columns] = np.where(about[:, year], -1.0, 1.0)
        return csr_array(rows), self.task.most_changes - about.sum(axis=0).astype(float)

    def _zeros(self) -> np.ndarray:
        stays, starts, digs = self._stays().shape[0], self._starts().shape[0], self._digs().shape[0]
        return np.concatenate([np.zeros(stays), np.ones(self._clique_count), np.zeros(starts + digs)])

    def _differences(self, plus: np.ndarray, minus: np.ndarray) -> csr_array:
        row = np.arange(len(plus))
        value = np.concatenate([np.ones(len(plus)), -np.ones(len(minus))])
        where = (np.concatenate([row, row]), np.concatenate([plus, minus]))
        return csr_array(coo_array((value, where), shape=(len(plus), self.width)))


def _wider(matrix: csr_array, more: int) -> csr_array:
    return csr_array(hstack([matrix, csr_array((matrix.shape[0], more))]))
