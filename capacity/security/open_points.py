"""Open points one by one: the one that brings back most, whole or a part, while every limit holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from capacity.security.switched import OK, Judged, judge_states, may_hold
from capacity.security.switching_work import DIVIDE, DOWNSTREAM, Block, Move, Work, beyond, devices, opened

# Most open points closed for one fault; a feeder has a handful.
MOST_ROUNDS = 50
# Choices solved in one batch: the best are usually among the first.
TRIED_AT_ONCE = 128
JUDGED_AT_ONCE = 16


def restore(work: Work, closed: np.ndarray, edge: np.ndarray) -> Iterator[Move]:
    """Close open points towards what is dead, the one that brings back most first, while the limits hold."""
    cuts = work.sections.cuts
    for _ in range(MOST_ROUNDS):
        choices = _choices(work, closed, edge)
        best = _best(work, choices)
        if best is None:
            return
        island = work.sections.islands(closed, without=work.faulty)
        near = edge & (island[beyond(cuts, work.faulty)] == island[best.dead])
        yield from opened(cuts, closed, near)
        if best.split:
            closed[list(best.split)] = False
            yield Move(DIVIDE, best.split, False)
        closed[list(best.tie)] = True
        yield Move(DOWNSTREAM, best.tie, True)


@dataclass(frozen=True, eq=False)
class _Choice:
    """One open point, what is opened before so that it feeds only a part, and what it would bring back."""

    tie: tuple[int, ...]
    split: tuple[int, ...]
    dead: int
    closed: np.ndarray
    kw: float
    customers: float
    by_hand: int

    @property
    def key(self) -> tuple[object, ...]:
        """What it would do: one that fails once fails later too, when more is fed from the same side."""
        return self.tie, self.split, round(self.kw, 3), self.customers


def _choices(work: Work, closed: np.ndarray, edge: np.ndarray) -> list[_Choice]:
    """Every open point between what is fed and what is dead, whole or with one switch opened before."""
    sections, cuts, faulty = work.sections, work.sections.cuts, work.faulty
    fed = sections.fed(closed, without=faulty)
    island = sections.islands(closed, without=faulty)
    a, b = cuts["a"].to_numpy(), cuts["b"].to_numpy()
    usable = cuts["kind"].isin(work.practice.operation.under_load).to_numpy()
    lost = work.base.fed & ~fed & ~faulty
    ties = ~closed & ~edge & (a >= 0) & (b >= 0) & ((fed[a] & lost[b]) | (fed[b] & lost[a]))
    _note_blocked(work, ties & ~usable)
    found = []
    for rows in devices(cuts, ties & usable):
        dead = int(b[rows[0]] if fed[a[rows[0]]] else a[rows[0]])
        splits = _splits(work, closed & ~edge, island == island[dead], dead, cuts["vn_kv"].iloc[rows[0]])
        found += [_choice(work, closed & ~edge, rows, split, dead, fed) for split in splits]
    return [choice for choice in found if choice.kw > 0 or choice.customers > 0]


def _splits(
    work: Work, closed: np.ndarray, inside: np.ndarray, dead: int, tie_kv: float
) -> list[tuple[int, ...]]:
    """What may be opened so that a tie feeds a part only; nothing is fed above the voltage of the tie."""
    sections, cuts = work.sections, work.sections.cuts
    a, b = cuts["a"].to_numpy(), cuts["b"].to_numpy()
    above = inside & (work.kv > tie_kv)
    level = sections.islands(closed, without=work.faulty | above)
    own = inside & (level == level[dead]) & (level >= 0)
    if not own.any():
        return []
    within = closed & (own[a] | own[b]) & (a != b) & (cuts["vn_kv"] >= tie_kv).to_numpy()
    way_up = devices(cuts, closed & (own[a] != own[b]) & (above[a] | above[b]))
    if len(way_up) > 1:
        return []
    return way_up or [(), *devices(cuts, within)]


def _choice(
    work: Work, closed: np.ndarray, tie: tuple[int, ...], split: tuple[int, ...], dead: int, fed: np.ndarray
) -> _Choice:
    state = closed.copy()
    state[list(split)] = False
    state[list(tie)] = True
    back = work.sections.fed(state, without=work.faulty) & ~fed
    rows = work.sections.cuts.iloc[[tie[0], *split[:1]]]
    by_hand = sum(not work.practice.operation.is_remote(row.kind, row.vn_kv) for row in rows.itertuples())
    return _Choice(tie, split, dead, state, work.kw[back].sum(), work.customers[back].sum(), by_hand)


def _best(work: Work, choices: list[_Choice]) -> _Choice | None:
    """Of the choices that hold every limit the one that brings back most; where equal, fewest by hand."""
    untried = (one for one in choices if one.key not in work.failed)
    ranked = sorted(untried, key=lambda one: (-one.kw, -one.customers, len(one.split) > 0, one.by_hand))
    for start in range(0, len(ranked), TRIED_AT_ONCE):
        some = ranked[start : start + TRIED_AT_ONCE]
        holds = may_hold(work.model, work.scenario, work.base, [one.closed for one in some])
        # Those that feed all that is dark are judged even so: their reason is told.
        asked = [one for one, may in zip(some, holds, strict=True) if may or not one.split]
        work.failed.update(one.key for one in some if one not in asked)
        if (found := _first_that_holds(work, asked)) is not None:
            return found
    return None


def _first_that_holds(work: Work, choices: list[_Choice]) -> _Choice | None:
    """The first choice that holds every limit, judged exactly, a few at once."""
    for start in range(0, len(choices), JUDGED_AT_ONCE):
        some = choices[start : start + JUDGED_AT_ONCE]
        for choice, one in zip(some, _judged(work, some), strict=True):
            if one.status == OK:
                return choice
            work.failed.add(choice.key)
    return None


def _judged(work: Work, choices: list[_Choice]) -> list[Judged]:
    """Judge choices; where one of a whole dark part does not hold, keep the reason."""
    states = [choice.closed for choice in choices]
    judged = judge_states(work.model, work.yardstick, work.scenario, work.base, states)
    for choice, one in zip(choices, judged, strict=True):
        if one.status != OK and not choice.split:
            work.blocked[choice.tie[0]] = Block(one.reason, one.worst)
    return judged


def _note_blocked(work: Work, ties: np.ndarray) -> None:
    for row in np.flatnonzero(ties):
        kind = work.sections.cuts["kind"].iloc[row]
        work.blocked.setdefault(int(row), Block(f"a {kind} must not be closed under load", None))
