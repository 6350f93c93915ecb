"""Search for the cheapest set of works that holds, bounded by counts: the same answer on every machine.

    one work after the other, the most for its money   an answer, if there is one
    each of them given up again that is not needed     a bound
    every cheaper set, cheapest first                  the least, if the sets run out before the count does

A set is solved only where the works in it, each alone, take away what is needed within `INTERPLAY`.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from capacity.connection.works_bench import Looked, WorksBench, WorksSet
from capacity.measures.measure import Measure

# Works taken one after the other, sets solved, and sets thought of, at most.
GREEDY_STEPS, SETS_SOLVED, SETS_THOUGHT_OF = 12, 384, 20_000
_AT_ONCE = 32
# Cost of a set in the making, in terms of the most that is wanted, at which it is given up.
DEARER = 1.5
# Works that are combined, at most: those that give most for their money, and those that give most.
MOST_FOR_MONEY, MOST_HELP = 32, 16
# A work that takes away less than this share of what the best one does is no step.
FAIR_SHARE = 0.1
# Works together may take away so much more than the sum of each alone: cables share what they carry.
INTERPLAY = 1.5
# A work that takes away less [%] is of no use.
_OF_USE = 1e-4


@dataclass(frozen=True)
class Cheapest:
    """A set of works.

    Attributes
    ----------
    works
        None: nothing was found.
    cost_eur
        Trenches that works share once.
    proved
        Every cheaper set was ruled out.
    """

    works: WorksSet | None
    cost_eur: float
    proved: bool


@dataclass(frozen=True, eq=False)
class _Search:
    bench: WorksBench
    costs_eur: np.ndarray
    least_eur: np.ndarray  # of each, its shared trenches for nothing
    first: Looked
    alone: Looked
    useful: tuple[int, ...]
    every: bool  # nothing that helps was left out

    @property
    def solvable(self) -> bool:
        """Whether the grid with the sites has a load flow in every case that counts."""
        return bool(self.first.lacking[0] < 100.0 * 1e4)


def cheapest_works(bench: WorksBench, *, most_eur: float = math.inf) -> Cheapest:
    """Find the cheapest set of works that holds, at most so dear; a dearer one where only that was found."""
    if not len(bench.asked):
        return Cheapest((), 0.0, True)
    if not bench.measures:
        return Cheapest(None, math.inf, True)
    search = _made(bench)
    if search.solvable and _cannot_be_cheaper_than(search) > most_eur:
        return Cheapest(None, math.inf, search.every)
    tries = [one for eager in (True, False) if (one := _greedy(search, most_eur, eager=eager)) is not None]
    known = min(tries, key=lambda works: _rank(search, works), default=None)
    known_eur = math.inf if known is None else works_eur(bench.measures, known)
    best, exhausted = _cheaper(search, min(known_eur, most_eur), at_most=most_eur < known_eur)
    if best is not None:
        return Cheapest(best, works_eur(bench.measures, best), exhausted and search.every)
    proved = exhausted and search.every and (known is not None or most_eur == math.inf)
    return Cheapest(known, known_eur, proved)


def _cannot_be_cheaper_than(search: _Search) -> float:
    """Cost under which no set takes away any one need, works bought by the share; see `INTERPLAY`."""
    rows = np.array(search.useful, dtype=np.int64)
    needs, costs = search.first.needs[0] / INTERPLAY, search.least_eur[rows]
    gains = np.maximum(search.first.needs[0] - search.alone.needs[rows], 0.0)
    return max((_bought(need - _OF_USE, gains[:, at], costs) for at, need in enumerate(needs)), default=0.0)


def _bought(need: float, gains: np.ndarray, costs: np.ndarray) -> float:
    """Least cost of shares of works that gain what is needed; infinite where all of them do not."""
    order = np.argsort(costs / np.maximum(gains, 1e-12), kind="stable")
    total, spent = np.cumsum(gains[order]), np.cumsum(costs[order])
    if need <= 0.0:
        return 0.0
    last = int(np.searchsorted(total, need))
    if last == len(total):
        return math.inf
    over = (total[last] - need) / gains[order][last]
    return float(spent[last] - over * costs[order][last])


def works_eur(measures: Sequence[Measure], works: Sequence[int]) -> float:
    """Cost of a set of works, each trench paid once."""
    return float(sum(one.cost.eur for one in paid_once([measures[row] for row in works])))


def paid_once(measures: Sequence[Measure]) -> list[Measure]:
    """Works at what each costs beside those before it: a trench dug already is not paid again."""
    dug: dict[str, float] = {}
    found = []
    for one in measures:
        saved = 0.0
        for key, metres in one.shared_trench.items():
            own = metres * one.trench_eur_per_m
            saved += min(own, dug.get(key, 0.0))
            dug[key] = max(own, dug.get(key, 0.0))
        factor = 1.0 - min(saved / one.cost.eur, 1.0) if one.cost.eur > 0.0 else 1.0
        cost = replace(
            one.cost,
            low_eur=one.cost.low_eur * factor,
            eur=one.cost.eur * factor,
            high_eur=one.cost.high_eur * factor,
        )
        found.append(replace(one, cost=cost) if factor < 1.0 else one)
    return found


def _made(bench: WorksBench) -> _Search:
    first, alone = bench.look([()]), bench.look([(row,) for row in range(len(bench.measures))])
    costs = np.array([one.cost.eur for one in bench.measures], dtype=float)
    helps = (first.needs - alone.needs > _OF_USE).any(axis=1) | (alone.lacking < first.lacking - _OF_USE)
    whole = _undominated(bench, np.flatnonzero(helps).tolist(), costs, alone)
    useful = _best_of(whole, costs, first.lacking[0] - alone.lacking)
    least = costs - _shared_eur(bench, useful)
    every = len(useful) == len(whole)
    return _Search(bench, costs, np.maximum(least, 0.0), first, alone, tuple(useful), every)


def _best_of(works: Sequence[int], costs: np.ndarray, gained: np.ndarray) -> list[int]:
    """Those worth combining, in their order."""
    rows = np.array(works, dtype=np.int64)
    for_money = rows[np.argsort(-gained[rows] / (costs[rows] + 1.0), kind="stable")][:MOST_FOR_MONEY]
    most = rows[np.argsort(-gained[rows], kind="stable")][:MOST_HELP]
    kept = {*for_money.tolist(), *most.tolist()}
    return [row for row in works if row in kept]


def _undominated(bench: WorksBench, helping: list[int], costs: np.ndarray, alone: Looked) -> list[int]:
    """Works of use, the cheapest first, without those that one in the same place does not cost more than.

    What is dearer and takes away no more than another that excludes the same works is of no use beside it.
    """
    kept: list[int] = []
    for row in sorted(helping, key=lambda row: (costs[row], row)):
        rivals = (one for one in kept if one in bench.conflicts[row])
        if not any(
            bench.conflicts[one] | {one} <= bench.conflicts[row] | {row}
            and (alone.needs[one] <= alone.needs[row] + _OF_USE).all()
            and alone.lacking[one] <= alone.lacking[row] + _OF_USE
            for one in rivals
        ):
            kept.append(row)
    return kept


def _shared_eur(bench: WorksBench, useful: Sequence[int]) -> np.ndarray:
    """Per work what its trenches cost that another one may lie in, too, beside it."""
    found = np.zeros(len(bench.measures))
    for row in useful:
        own = bench.measures[row]
        for key, metres in own.shared_trench.items():
            if any(
                key in bench.measures[one].shared_trench and one != row and one not in bench.conflicts[row]
                for one in useful
            ):
                found[row] += metres * own.trench_eur_per_m
    return found


def _greedy(search: _Search, most_eur: float, *, eager: bool) -> WorksSet | None:
    """One work after the other, then without those that are not needed; none where that leads nowhere.

    It ends, too, where what is chosen costs `DEARER` times what is wanted: giving up works mends no more.

    Parameters
    ----------
    eager
        Take a work that cures all that is left as soon as there is one; else what gives most for its money.
    """
    bench, left = search.bench, float(search.first.lacking[0])
    chosen: WorksSet = ()
    for _ in range(GREEDY_STEPS):
        tried = [_with(search, chosen, row) for row in search.useful if row not in chosen]
        if not tried:
            return None
        looked = bench.look(tried)
        ready = sorted(
            np.flatnonzero(looked.lacking == 0.0).tolist(), key=lambda at: _rank(search, tried[at])
        )
        for at in ready[:_AT_ONCE] if eager else ():
            if bench.holds(tried[at]):
                return _without_needless(search, tried[at])
        gained = left - looked.lacking
        spent = np.array([works_eur(bench.measures, one) for one in tried]) - works_eur(
            bench.measures, chosen
        )
        fair = gained > max(_OF_USE, FAIR_SHARE * float(gained.max()))
        if eager:
            fair[ready] = False  # it cures all here and breaks something in another case
        if not fair.any():
            return None
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.where(fair, (np.maximum(spent, 0.0) + 1.0) / gained, np.inf)
        best = int(np.argmin(rate))
        chosen, left = tried[best], float(looked.lacking[best])
        if works_eur(bench.measures, chosen) > DEARER * most_eur:
            return None
        if left == 0.0:
            return _without_needless(search, chosen) if bench.holds(chosen) else None
    return None


def _with(search: _Search, chosen: WorksSet, row: int) -> WorksSet:
    """A set with one more work, without those that it excludes."""
    return tuple(sorted({row, *(one for one in chosen if one not in search.bench.conflicts[row])}))


def _rank(search: _Search, works: WorksSet) -> tuple[float, int, WorksSet]:
    return works_eur(search.bench.measures, works), len(works), works


def _without_needless(search: _Search, works: WorksSet) -> WorksSet:
    """A set without works that it holds without, the dearest given up first."""
    for row in sorted(works, key=lambda one: (-search.costs_eur[one], one)):
        less = tuple(one for one in works if one != row)
        if search.bench.holds(less):
            works = less
    return works


def _cheaper(search: _Search, below_eur: float, *, at_most: bool) -> tuple[WorksSet | None, bool]:
    """The cheapest set that holds under a cost, and whether no set under its cost is unknown.

    Parameters
    ----------
    at_most
        Sets of just that cost count, too.
    """
    bench, best, best_eur = search.bench, None, below_eur
    sets = _sets(search, below_eur, at_most)
    for _ in range(0, SETS_SOLVED, _AT_ONCE):
        part, thought_out = _next(search, sets)
        if not part:
            return best, thought_out
        looked = bench.look(part)
        ready = sorted(np.flatnonzero(looked.lacking == 0.0).tolist(), key=lambda at: _rank(search, part[at]))
        for at in ready:
            cost = works_eur(bench.measures, part[at])
            if (cost < best_eur or (at_most and best is None and cost <= best_eur)) and bench.holds(part[at]):
                best, best_eur = part[at], cost
        if best is not None and _least(search, part[-1]) >= best_eur:
            return best, True
    return best, False


@dataclass
class _Sets:
    """Sets thought of so far; the rest come cheapest first."""

    rest: Iterator[WorksSet]
    count: int = 0


def _next(search: _Search, sets: _Sets) -> tuple[list[WorksSet], bool]:
    """Some more sets that may do, and whether there are no more for good."""
    found: list[WorksSet] = []
    while len(found) < _AT_ONCE:
        if sets.count >= SETS_THOUGHT_OF:
            return found, False
        part = list(islice(sets.rest, 1))
        if not part:
            return found, True
        sets.count += 1
        if _may_do(search, part[0]):
            found.append(part[0])
    return found, False


def _may_do(search: _Search, works: WorksSet) -> bool:
    """Whether works may be taken together and promise enough together."""
    conflicts = search.bench.conflicts
    if any(other in conflicts[one] for one in works for other in works):
        return False
    if not search.solvable:
        return True
    needs = search.first.needs[0]
    taken = np.maximum(needs - search.alone.needs[list(works)], 0.0).sum(axis=0)
    return bool((INTERPLAY * taken >= needs - _OF_USE).all())


def _least(search: _Search, works: WorksSet) -> float:
    return float(search.least_eur[list(works)].sum())


def _sets(search: _Search, below_eur: float, at_most: bool) -> _Sets:
    return _Sets(_by_cost(search, below_eur, at_most))


def _by_cost(search: _Search, below_eur: float, at_most: bool) -> Iterator[WorksSet]:
    """Sets of useful works under a cost, the cheapest first; of equal ones the smaller."""
    order = sorted(search.useful, key=lambda row: (search.least_eur[row], row))
    least = [float(search.least_eur[row]) for row in order]
    heap: list[tuple[float, int, tuple[int, ...]]] = [(least[0], 1, (0,))] if order else []
    while heap:
        cost, size, places = heapq.heappop(heap)
        if cost > below_eur or (cost == below_eur and not at_most):
            return
        yield tuple(sorted(order[place] for place in places))
        last = places[-1] + 1
        if last < len(order):
            heapq.heappush(heap, (cost + least[last], size + 1, (*places, last)))
            swapped = cost - least[last - 1] + least[last]
            heapq.heappush(heap, (swapped, size, (*places[:-1], last)))
