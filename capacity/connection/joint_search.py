"""The least cost of supplying several sites together: which option each takes, and the works that are left.

First one site's option after the other is changed as long as it pays. Then best first: sets of options in
the order of what the options alone cost, which is the least that a set can cost. A set is looked at by a load
flow with all its options, and the works that it needs are added; once the next set costs as much by its
options alone as the best one with its works, the best one is the least.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

# Options in the order of the sites -> cost of the works they need together [currency of the cost table]; inf
# where nothing makes them fit for less than the second argument.
Look = Callable[[tuple[int, ...], float], float]
SearchStatus = Literal["least", "best_found", "none"]


@dataclass(frozen=True)
class Found:
    """The best set of options found.

    Attributes
    ----------
    picks
        Option per site; () where nothing was found.
    cost_eur
        With works.
    bound_eur
        What no set that was not looked at can cost less than; cost_eur where it is the least.
    status
        "least": proved; "best_found": the search stopped at its limit; "none": no set fits.
    """

    picks: tuple[int, ...]
    cost_eur: float
    bound_eur: float
    looks: int
    status: SearchStatus


def least_set(
    costs_eur: Sequence[Sequence[float]],
    look: Look,
    *,
    starts: Iterable[tuple[int, ...]] = (),
    below_eur: float = math.inf,
    most_looks: int = 60,
) -> Found:
    """Find the set of options, one a site, of the least cost with the works it needs.

    Parameters
    ----------
    costs_eur
        Per site, of its options in rising order.
    starts
        Sets that are looked at first.
    below_eur
        Only what costs less is looked for.
    most_looks
        After so many sets the search stops.
    """
    search = _Search(costs_eur, look, below_eur, most_looks)
    for picks in starts:
        search.try_set(picks)
    search.descend(most_looks // 2)
    first = (0,) * len(costs_eur)
    heap, seen = [(search.own_eur(first), first)], {first}
    while heap:
        bound, picks = heapq.heappop(heap)
        if bound >= search.best_eur:
            return search.found(bound_eur=search.best_eur)
        if search.looks >= most_looks:
            return search.found(bound_eur=bound)
        search.try_set(picks)
        for following in _followers(picks, costs_eur):
            if following not in seen:
                seen.add(following)
                heapq.heappush(heap, (search.own_eur(following), following))
    return search.found(bound_eur=search.best_eur)


@dataclass
class _Search:
    """What is known while sets are looked at."""

    costs_eur: Sequence[Sequence[float]]
    look: Look
    best_eur: float
    most_looks: int
    best: tuple[int, ...] = ()
    looks: int = 0

    def __post_init__(self) -> None:
        """Remember what was looked at."""
        self.done: set[tuple[int, ...]] = set()

    def own_eur(self, picks: tuple[int, ...]) -> float:
        return float(sum(costs[pick] for costs, pick in zip(self.costs_eur, picks, strict=True)))

    def try_set(self, picks: tuple[int, ...]) -> None:
        """Look at one set, unless its options alone cost too much."""
        own_eur = self.own_eur(picks)
        if picks in self.done or own_eur >= self.best_eur:
            return
        self.done.add(picks)
        self.looks += 1
        cost_eur = own_eur + self.look(picks, self.best_eur - own_eur)
        if cost_eur < self.best_eur:
            self.best_eur, self.best = cost_eur, picks

    def descend(self, most_looks: int) -> None:
        """Change one site's option at a time as long as it pays."""
        at, unchanged = 0, 0
        while self.best and unchanged < len(self.costs_eur) and self.looks < most_looks:
            before = self.best
            for pick in range(len(self.costs_eur[at])):
                if self.looks < most_looks:
                    self.try_set((*before[:at], pick, *before[at + 1 :]))
            unchanged = unchanged + 1 if self.best == before else 0
            at = (at + 1) % len(self.costs_eur)

    def found(self, *, bound_eur: float) -> Found:
        if not self.best:
            return Found((), math.inf, bound_eur, self.looks, "none")
        proved = bound_eur >= self.best_eur
        status: SearchStatus = "least" if proved else "best_found"
        return Found(self.best, self.best_eur, bound_eur, self.looks, status)


def _followers(picks: tuple[int, ...], costs_eur: Sequence[Sequence[float]]) -> Iterable[tuple[int, ...]]:
    """Sets with the next dearer option at one site."""
    for at, pick in enumerate(picks):
        if pick + 1 < len(costs_eur[at]):
            yield (*picks[:at], pick + 1, *picks[at + 1 :])
