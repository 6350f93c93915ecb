"""The largest additions on any grid: whole-grid solves, all questions at once, until whole kW are settled.

A first-order step at 1 kW tells for every question how much of each margin a kW uses up, and so where the
first limit is met if all went on in proportion. From there on each round tries every open question at a
guess: addition / share used is again where the limit would be met, and the secant through two such answers
is right to second order. A question is settled when H holds and H + 1 kW does not, both solved exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridmodel.engine.answers import (
    ALREADY_VIOLATED,
    CAPPED,
    LIMIT_KINDS,
    NO_LIMIT,
    OK,
    Answers,
    undetermined,
)
from gridmodel.engine.bounds import Bounds
from gridmodel.engine.compiled import CompiledGrid
from gridmodel.engine.kernels import CONVERGED
from gridmodel.engine.linearised import Reference, reference_at
from gridmodel.engine.probes import Additions, Stage, Verdicts, probe, stage

# Rounds by secant; whoever is not settled by then is halved, which takes 15 more for 20 MW.
SECANT_ROUNDS = 8
# Slopes of (guess - addition) over the addition a secant is trusted with; -1 where all goes in proportion.
_STEEPEST, _FLATTEST = -1.9, -0.1


def wide_headroom(
    grid: CompiledGrid,
    injection_pu: np.ndarray,
    bounds: Bounds,
    buses: np.ndarray,
    *,
    per_kw_pu: complex,
    cap_kw: int,
    threads: int | None = None,
    reference: Reference | None = None,
) -> Answers:
    """Find the largest addition at each bus alone, by whole-grid solves.

    Parameters
    ----------
    injection_pu
        Complex power injected per row before any addition [pu].
    bounds
        Limits; `change_pu` infinite where the rule does not apply.
    buses
        Positions of the buses asked about.
    per_kw_pu
        Complex power injected per kW of the addition [pu].
    cap_kw
        Largest addition tried [kW].
    reference
        The solved operating point, where the caller has it.
    """
    point = reference or reference_at(grid, injection_pu)
    answers = undetermined(len(buses))
    rows = grid.bus_row[buses]
    if point.outcome != CONVERGED or not (rows >= 0).any():
        return answers
    alive = np.flatnonzero(rows >= 0)
    _, first, same = np.unique(rows[alive], return_index=True, return_inverse=True)
    asked = buses[alive[first]]
    staged = stage(grid, injection_pu, point, bounds)
    found = largest(staged, single_additions(grid, bounds, asked, per_kw_pu), cap_kw, threads=threads)
    for values, of_row in zip(answers, found, strict=True):
        values[alive] = of_row[same]
    own = (answers.limit[alive] >= 0) & (answers.position[alive] == asked[same])
    answers.limit[alive[own]] += (buses[alive] - asked[same])[own] * LIMIT_KINDS
    return answers


def single_additions(grid: CompiledGrid, bounds: Bounds, buses: np.ndarray, per_kw_pu: complex) -> Additions:
    """One question per bus: what fits there alone."""
    count = len(buses)
    return Additions(
        np.arange(count + 1), grid.bus_row[buses], np.full(count, per_kw_pu, dtype=complex),
        bounds.change_pu[buses], buses, np.zeros(count, dtype=complex),
    )  # fmt: skip


def joint_addition(grid: CompiledGrid, bounds: Bounds, buses: np.ndarray, per_kw_pu: complex) -> Additions:
    """One question for all buses: what fits at each if all get as much."""
    single = single_additions(grid, bounds, buses, per_kw_pu)
    return single._replace(start=np.array([0, len(buses)]))


def largest(staged: Stage, additions: Additions, cap_kw: int, *, threads: int | None = None) -> Answers:
    """Settle every question to whole kW.

    Questions in the order of their rows are solved fastest.
    """
    search = _begin(staged, additions, cap_kw, threads)
    for round_count in range(SECANT_ROUNDS + 2 * int(cap_kw).bit_length()):
        open_now = np.flatnonzero(search.high - search.low > 1)
        if not len(open_now):
            break
        p_kw = search.next_kw(open_now, halve=round_count >= SECANT_ROUNDS)
        verdicts = probe(staged, search.additions, open_now, p_kw, threads=threads)
        search.learn(open_now, p_kw, verdicts)
    return search.answers(cap_kw)


@dataclass(frozen=True, eq=False)
class _Search:
    """Brackets of all questions: `low` holds, `high` does not (or is beyond the cap)."""

    additions: Additions
    low: np.ndarray
    high: np.ndarray
    limit: np.ndarray
    takes: np.ndarray
    guess: np.ndarray
    last_kw: np.ndarray
    last_met: np.ndarray

    def next_kw(self, at: np.ndarray, *, halve: bool) -> np.ndarray:
        """Whole kW to try, strictly inside each bracket."""
        low, high = self.low[at], self.high[at]
        wanted = np.floor(np.clip(self.guess[at], low, high)).astype(np.int64)
        if halve:
            wanted = (low + high) // 2
        return np.clip(wanted, low + 1, high - 1)

    def learn(self, at: np.ndarray, p_kw: np.ndarray, verdicts: Verdicts) -> None:
        """Narrow the brackets and guess anew."""
        holds = verdicts.holds
        self.low[at[holds]] = p_kw[holds]
        blocked = at[~holds]
        self.high[blocked] = p_kw[~holds]
        self.limit[blocked], self.takes[blocked] = verdicts.limit[~holds], verdicts.takes[~holds]
        met = p_kw / np.maximum(verdicts.used, 1e-300)
        self.guess[at] = _secant(self.last_kw[at], self.last_met[at], p_kw, met)
        self.last_kw[at], self.last_met[at] = p_kw, met
        blind = (verdicts.takes != NO_LIMIT) | ~np.isfinite(verdicts.used)
        self.guess[at[blind]] = (self.low + self.high)[at[blind]] / 2.0

    def answers(self, cap_kw: int) -> Answers:
        """What is settled."""
        capped = self.low >= cap_kw
        already = (self.low == 0) & (self.takes != NO_LIMIT)
        limit = np.where(self.takes != NO_LIMIT, self.takes, self.limit)
        return Answers(
            self.low,
            np.select([capped, already], [CAPPED, ALREADY_VIOLATED], OK),
            np.where(capped, NO_LIMIT, limit),
        )


def _begin(staged: Stage, additions: Additions, cap_kw: int, threads: int | None) -> _Search:
    """Brackets as wide as they can be, and a first guess to first order from 1 kW."""
    count = len(additions.start) - 1
    one = np.ones(count, dtype=np.int64)
    first = probe(staged, additions, np.arange(count), one, most_steps=1, threads=threads)
    met = 1.0 / np.maximum(first.used, 1e-300)
    entry = additions.start[:-1]
    own = np.zeros(len(additions.row), dtype=complex)
    if len(entry) == len(own):
        volts = staged.voltage_pu[additions.row]
        own = first.moved_pu / np.conj(additions.per_kw_pu / volts)
    guess = np.where(first.takes != NO_LIMIT, 1.0, met)
    return _Search(
        additions=additions._replace(own=own),
        low=np.zeros(count, dtype=np.int64),
        high=np.full(count, cap_kw + 1),
        limit=np.full(count, NO_LIMIT),
        takes=np.full(count, NO_LIMIT),
        guess=guess,
        last_kw=np.zeros(count),
        last_met=met,
    )


def _secant(last_kw: np.ndarray, last_met: np.ndarray, p_kw: np.ndarray, met: np.ndarray) -> np.ndarray:
    """Where an addition meets the limit it guesses, from two tries; the guess itself where that is unsafe."""
    gap, last_gap = met - p_kw, last_met - last_kw
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        slope = (gap - last_gap) / (p_kw - last_kw)
        guess = p_kw - gap / slope
    safe = np.isfinite(guess) & (slope > _STEEPEST) & (slope < _FLATTEST)
    return np.where(safe, guess, met)
