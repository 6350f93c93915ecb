"""Which plan supplies a dark part again: candidates in rounds, all outages of a round in one batch.

First one tie for everything, then two ties with one cut between them, then all plans there are, most kW
first, so that the first to hold is the best. Where there are too many of them, ties grow into the dark part
piece by piece, the largest that holds first; that finds a plan no piece can be added to, not always the best.
Last, where one tie could supply all but for what is too weak on its way, room is made there (`relief`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from capacity.security.dark_part import (
    DARK,
    DarkPart,
    Plan,
    every_plan,
    plans_leaving_a_rest,
    plans_of_one_tie,
    plans_of_two_ties,
)
from capacity.security.judged import (
    NOTHING_BROKEN,
    Asked,
    Bench,
    Entry,
    Worst,
    entries_of,
    judge,
    worst_of,
)
from capacity.security.relief import Relief, entries_of_relief, moved_kw, reliefs_of
from gridmodel.results import BALANCE_KW

# Most plans of one dark part that are looked through, and most zones that lead to so few.
MOST_PLANS, MOST_ZONES = 1000, 60
# Plans per dark part in one batch when they are looked through in order.
ROUND = 64
# Attempts to supply everything that are looked at for what limits it.
MOST_ATTEMPTS = 16


@dataclass(frozen=True, eq=False)
class Lost:
    """A dark part and what the engine is told of the outage."""

    out: tuple[Entry, ...]
    part: DarkPart


@dataclass
class Search:
    """What is known so far of the restoration of one dark part.

    Attributes
    ----------
    tried
        Plans solved, and whether they hold.
    plan, loading_percent, lost_kw
        The best plan that holds, loading of its most loaded element, and demand without supply.
    relief
        What makes room for the plan in the part that has supply; none where it needs no room.
    attempts
        Ties that cannot supply everything, and the limit that each breaks most.
    """

    lost: Lost
    tried: dict[Plan, bool] = field(default_factory=dict)
    plan: Plan | None = None
    loading_percent: float = np.nan
    lost_kw: float = np.nan
    relief: Relief | None = None
    attempts: list[tuple[Plan, Worst]] = field(default_factory=list)

    @property
    def restored_kw(self) -> float:
        return 0.0 if self.plan is None else self.lost.part.restored_kw(self.plan)

    @property
    def is_full(self) -> bool:
        return self.plan is not None and DARK not in self.plan

    def asked(self, plan: Plan, bench: Bench, relief: Relief | None = None) -> Asked:
        entries = entries_of(bench, self.lost.out, self.lost.part, plan)
        if relief is not None:
            entries += entries_of_relief(bench, relief)
        return Asked(entries, self.lost.part, plan)


def find_restorations(bench: Bench, lost: Sequence[Lost], *, only_full: bool = False) -> list[Search]:
    """Find for each dark part the plan that supplies most of it and holds every limit.

    Parameters
    ----------
    only_full
        Look no further than one tie and two ties for everything: quick where nothing else is asked.
    """
    searches = [Search(one) for one in lost]
    for plans in (plans_of_one_tie, _most_even_plans_of_two):
        _try_all(bench, [(search, _with_room(search, plans)) for search in _open(searches)])
    if only_full:
        return [_supplying(search) for search in searches]
    queues = [(search, _queue(search)) for search in _open(searches)]
    _look_through(
        bench, _with_regions_that_hold(bench, [(s, queue) for s, queue in queues if queue is not None])
    )
    large = [search for search, queue in queues if queue is None]
    grow(bench, large)
    rests = [(search, _best_first(search, plans_leaving_a_rest(search.lost.part))) for search in large]
    _look_through(bench, [(search, queue[:MOST_PLANS]) for search, queue in rests if not search.is_full])
    make_room(bench, _open(searches))
    return [_supplying(search) for search in searches]


def _supplying(search: Search) -> Search:
    """The search without a plan that closes nothing but joints and idle cables."""
    if search.plan is not None and not search.lost.part.supplies(search.plan):
        search.plan = None
    return search


def limits_of_backfeed(bench: Bench, searches: Sequence[Search]) -> list[Worst]:
    """What stands in the way of supplying everything: the limit that the best attempt breaks most.

    An attempt with more power than the ratings on its way allow is not solved: the element that has least
    room is what limits it, by at least that much.
    """
    attempt(bench, [search for search in searches if not search.attempts])
    return [
        min(
            (worst for _, worst in search.attempts if worst.excess_percent > 0.0),
            key=lambda worst: worst.excess_percent,
            default=NOTHING_BROKEN,
        )
        for search in searches
    ]


def attempt(bench: Bench, searches: Sequence[Search]) -> None:
    """Find what keeps ties from supplying everything."""
    tried = [(search, plan) for search in searches for plan in _attempts(search)]
    solved = worst_of(bench, [search.asked(plan, bench) for search, plan in tried])
    for (search, plan), worst in zip(tried, solved, strict=True):
        search.attempts.append((plan, worst))
    for search in searches:
        search.attempts += _without_room(bench, search)


def make_room(bench: Bench, searches: Sequence[Search]) -> None:
    """Supply everything through one tie where that holds once what is too weak for it is relieved."""
    attempt(bench, searches)
    tried = [
        (search, plan, relief)
        for search in searches
        for plan, worst in search.attempts
        if len(set(plan)) == 1
        for relief in reliefs_of(bench, search.lost.part, plan[0], worst)
    ]
    verdicts = judge(bench, [search.asked(plan, bench, relief) for search, plan, relief in tried])
    always_kw = float(bench.kw[bench.found.place < 0].sum())
    least: dict[int, float] = {}
    for at, (search, plan, relief) in enumerate(tried):
        # Who is moved must keep supply, also where the tie led to what is behind the cut in another way.
        lost_kw, moved = float(verdicts.lost_kw[at]), moved_kw(bench, relief)
        if verdicts.holds[at] and lost_kw <= always_kw + BALANCE_KW and moved < least.get(id(search), np.inf):
            least[id(search)] = moved
            search.plan, search.relief, search.lost_kw = plan, relief, lost_kw
            search.loading_percent = float(verdicts.loading_percent[at])


def _attempts(search: Search) -> list[Plan]:
    """Plans to supply everything that have room for it, or what came nearest to that."""
    part = search.lost.part
    if plans := plans_of_one_tie(part):
        return [plan for plan in plans if part.has_room(plan)][:MOST_ATTEMPTS]
    return sorted(search.tried, key=lambda plan: -part.restored_kw(plan))[:MOST_ATTEMPTS]


def _without_room(bench: Bench, search: Search) -> list[tuple[Plan, Worst]]:
    """What limits ties that have no room for everything."""
    part, drawn_kw, found = search.lost.part, search.lost.part.net_before[-1], []
    for tie, (room_kw, edge) in enumerate(zip(part.room_kw, part.room_edge, strict=True)):
        if drawn_kw > room_kw and part.tie_kv[tie] >= part.kv.max():
            table, element_id = bench.found.element(edge)
            excess = 100.0 * (drawn_kw - room_kw) / bench.room_kw[edge]
            worst = Worst(excess, table, element_id, f"{table[:-1]}_overload")
            found.append(((tie,) * part.zones, worst))
    return found


def _with_room(search: Search, plans: Callable[[DarkPart], list[Plan]]) -> list[Plan]:
    return [plan for plan in plans(search.lost.part) if search.lost.part.has_room(plan)]


def _open(searches: Iterable[Search]) -> list[Search]:
    return [search for search in searches if not search.is_full]


def _most_even_plans_of_two(part: DarkPart) -> list[Plan]:
    plans = plans_of_two_ties(part)
    if len(plans) <= MOST_PLANS:
        return plans
    half = part.kw.sum() / 2.0
    shares = [abs(float(part.kw[np.asarray(plan) == plan[0]].sum()) - half) for plan in plans]
    return [plans[at] for at in np.argsort(shares, kind="stable")[:MOST_PLANS]]


def _try_all(bench: Bench, wanted: Sequence[tuple[Search, Sequence[Plan]]]) -> None:
    """Solve plans in one batch, and keep for each search the best that holds."""
    asked = [(search, plan) for search, plans in wanted for plan in plans]
    verdicts = judge(bench, [search.asked(plan, bench) for search, plan in asked])
    ranks: dict[int, tuple[float, int, float]] = {}
    for at, (search, plan) in enumerate(asked):
        search.tried[plan] = bool(verdicts.holds[at])
        if not verdicts.holds[at]:
            continue
        part, loading = search.lost.part, float(verdicts.loading_percent[at])
        rank = (-part.restored_kw(plan), part.operations(plan), loading)
        if -rank[0] >= search.restored_kw and rank < ranks.get(id(search), (np.inf, 0, 0.0)):
            ranks[id(search)] = rank
            search.plan, search.loading_percent = plan, loading
            search.lost_kw = float(verdicts.lost_kw[at])


def _queue(search: Search) -> list[Plan] | None:
    """All plans not tried yet, best first; nothing where they are too many."""
    part = search.lost.part
    plans = every_plan(part, MOST_PLANS) if part.zones <= MOST_ZONES else None
    return None if plans is None else _best_first(search, plans)


def _best_first(search: Search, plans: Iterable[Plan]) -> list[Plan]:
    """Plans that restore more than what is found, most kW first, then fewest operations."""
    part = search.lost.part
    better = [
        (-part.restored_kw(plan), part.operations(plan), plan) for plan in plans if plan not in search.tried
    ]
    return [plan for kw, _, plan in sorted(better) if -kw > search.restored_kw]


def _with_regions_that_hold(
    bench: Bench, queues: Sequence[tuple[Search, list[Plan]]]
) -> list[tuple[Search, list[Plan]]]:
    """Plans of which each tie holds with what it feeds, all others open; of many plans few regions are made.

    What a tie cannot feed alone it cannot beside others, that only add load; not so with generation, where
    all plans stay.
    """
    draws_only = [(search, queue) for search, queue in queues if search.lost.part.fed_kw == 0.0]
    _try_all(bench, [(search, _regions(search, queue)) for search, queue in draws_only])
    return [
        (search, _best_first(search, queue if search.lost.part.fed_kw else _of_regions(search, queue)))
        for search, queue in queues
    ]


def _regions(search: Search, queue: Iterable[Plan]) -> list[Plan]:
    """What single ties feed in some plans, each as a plan of its own that is not solved yet."""
    alone = dict.fromkeys(_alone(plan, tie) for plan in queue for tie in search.lost.part.closed(plan))
    return [plan for plan in alone if plan not in search.tried]


def _of_regions(search: Search, queue: Iterable[Plan]) -> list[Plan]:
    ties_of = search.lost.part.closed
    return [plan for plan in queue if all(search.tried[_alone(plan, tie)] for tie in ties_of(plan))]


def _alone(plan: Plan, tie: int) -> Plan:
    return tuple(label if label == tie else DARK for label in plan)


def _look_through(bench: Bench, queues: Sequence[tuple[Search, list[Plan]]]) -> None:
    """Solve plans in their order until one holds."""
    at = 0
    waiting = [(search, queue) for search, queue in queues if queue]
    while waiting:
        _try_all(bench, [(search, queue[at : at + ROUND]) for search, queue in waiting])
        at += ROUND
        waiting = [
            (search, queue)
            for search, queue in waiting
            if at < len(queue) and search.lost.part.restored_kw(queue[at]) > search.restored_kw
        ]


def grow(bench: Bench, searches: Sequence[Search]) -> None:
    """Let ties grow into each dark part: in each round the largest piece that holds is added."""
    growing = [_Growth(search, (DARK,) * search.lost.part.zones) for search in searches]
    while growing:
        wanted = [(growth, growth.pieces()) for growth in growing]
        asked = [(growth, piece) for growth, pieces in wanted for piece in pieces]
        verdicts = judge(
            bench, [growth.search.asked(growth.with_piece(piece), bench) for growth, piece in asked]
        )
        for at, (growth, piece) in enumerate(asked):
            growth.hear(
                piece, holds=bool(verdicts.holds[at]), loading=float(verdicts.loading_percent[at]),
                lost_kw=float(verdicts.lost_kw[at]),
            )  # fmt: skip
        growing = [growth for growth, pieces in wanted if pieces and growth.add()]


Piece = tuple[int, frozenset[int]]


@dataclass
class _Growth:
    """One dark part on its way: the plan so far, pieces that do not hold, and the best of this round."""

    search: Search
    plan: Plan
    refused: set[Piece] = field(default_factory=set)
    best: tuple[float, float, float, Piece] | None = None

    def pieces(self) -> list[Piece]:
        """A tie and zones it could feed next: a neighbour alone, and with all that is dark behind it."""
        found = dict.fromkeys(self._alone())
        for tie, zones in list(found):
            found[tie, self._reached(tie, next(iter(zones)))] = None
        return [piece for piece in found if piece not in self.refused and self._has_room(piece)]

    def _has_room(self, piece: Piece) -> bool:
        return self.search.lost.part.has_room(self.with_piece(piece))

    def with_piece(self, piece: Piece) -> Plan:
        tie, zones = piece
        return tuple(tie if zone in zones else label for zone, label in enumerate(self.plan))

    def hear(self, piece: Piece, *, holds: bool, loading: float, lost_kw: float) -> None:
        """Take in whether a piece holds; more load later makes none hold that does not now."""
        self.search.tried[self.with_piece(piece)] = holds
        if not holds:
            self.refused.add(piece)
            return
        kw = float(self.search.lost.part.kw[list(piece[1])].sum())
        if self.best is None or (-kw, loading) < self.best[:2]:
            self.best = (-kw, loading, lost_kw, piece)

    def add(self) -> bool:
        """Add the best piece; tells whether there was one."""
        if self.best is None:
            return False
        _, loading, lost_kw, piece = self.best
        self.plan, self.best = self.with_piece(piece), None
        search = self.search
        if search.lost.part.restored_kw(self.plan) >= search.restored_kw:
            search.plan, search.loading_percent, search.lost_kw = self.plan, loading, lost_kw
        return True

    def _alone(self) -> list[Piece]:
        part, plan = self.search.lost.part, self.plan
        used = set(plan)
        ends = [
            (tie, zone) for tie, zone in enumerate(part.tie_zone) if tie not in used and plan[zone] == DARK
        ]
        for zone, up in enumerate(part.parent):
            if up >= 0 and (plan[zone] == DARK) != (plan[up] == DARK):
                ends.append((plan[up], zone) if plan[zone] == DARK else (plan[zone], up))
        return [
            (tie, frozenset((zone,)))
            for tie, zone in ends
            if part.tie_kv[tie] >= part.kv[zone] and (tie, frozenset((zone,))) not in self.refused
        ]

    def _reached(self, tie: int, zone: int) -> frozenset[int]:
        """Dark zones that hang together with one, as far as the tie's voltage may feed."""
        part, plan, reached, waiting = self.search.lost.part, self.plan, {zone}, [zone]
        beside = part.beside
        while waiting:
            at = waiting.pop()
            for other in beside[at]:
                if other not in reached and plan[other] == DARK and part.kv[other] <= part.tie_kv[tie]:
                    reached.add(other)
                    waiting.append(other)
        return frozenset(reached)
