"""Limits that solved offers break, as columns of numbers: whole matrices of states, no loop over elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from capacity.connection.drawn_options import DrawnOptions
from capacity.connection.offer_states import (
    CHANGE,
    LINE,
    NO_SOLUTION,
    OVER,
    TABLES,
    TOLERANCE_KVA,
    TOLERANCE_PERCENT,
    TOLERANCE_PU,
    TRANSFORMER,
    UNDER,
    UNSUPPLIED,
    OfferStates,
    Today,
)
from capacity.impact import AFFECTED_SHARE, NOTICEABLE_KVA, NOTICEABLE_PU
from capacity.limits import Limits


class Breaks(NamedTuple):
    """Broken limits, one per place: number of the offer and case, check, drawn row, figures.

    `before` is the value today (NaN: new), `already` tells that it breaks the limit.
    """

    offer: np.ndarray
    case: np.ndarray
    check: np.ndarray
    row: np.ndarray
    value: np.ndarray
    limit: np.ndarray
    before: np.ndarray
    already: np.ndarray


def joined(parts: Sequence[Breaks]) -> Breaks:
    """All in one."""
    return Breaks(*(np.concatenate(columns) for columns in zip(_NONE, *parts, strict=True)))


def breaks_of(
    states: OfferStates,
    today: Today,
    options: DrawnOptions,
    ratings_kva: dict[str, np.ndarray],
    limits: Limits,
) -> list[Breaks]:
    """Limits of the grid that offers break, or that are broken and in which they take a real part."""
    loading = limits.loading
    return [
        _voltage(UNDER, states.under_percent, states, today, options),
        _voltage(OVER, states.over_percent, states, today, options),
        _loading(LINE, loading.line_percent, states, today, options, ratings_kva),
        _loading(TRANSFORMER, loading.transformer_percent, states, today, options, ratings_kva),
        _unsupplied(states, today, options),
        _unsolved(states, options),
    ]


def change_breaks(states: OfferStates, allowed_percent: np.ndarray) -> Breaks:
    """Offers that move the voltage of their supply point by more than one connection may."""
    value = 100.0 * states.change_pu
    over = np.flatnonzero(states.solved & (value > allowed_percent + 100.0 * TOLERANCE_PU))
    return _rows(states, CHANGE, over, states.change_at[over], value[over], allowed_percent[over])


def _voltage(
    check: int, over_percent: np.ndarray, states: OfferStates, today: Today, options: DrawnOptions
) -> Breaks:
    with np.errstate(invalid="ignore"):
        at, row = np.nonzero(over_percent > 100.0 * TOLERANCE_PU)
    towards = -1.0 if check == UNDER else 1.0
    value, place = states.vm_pu[at, row], options.today["buses"][row]
    case = states.case[at]
    known, before = place >= 0, today.vm_pu[case, place]
    already = known & today.broken[check][case, place]
    worse = towards * (value - before)
    counts = ~already | (worse >= np.maximum(AFFECTED_SHARE * states.change_pu[at], NOTICEABLE_PU))
    limit = value - towards * over_percent[at, row] / 100.0
    return _rows(states, check, at, row, value, limit, np.where(known, before, np.nan), already, counts)


def _loading(
    check: int,
    most_percent: float,
    states: OfferStates,
    today: Today,
    options: DrawnOptions,
    ratings_kva: dict[str, np.ndarray],
) -> Breaks:
    percent = states.percent[check]
    with np.errstate(invalid="ignore"):
        at, row = np.nonzero(percent > most_percent + TOLERANCE_PERCENT)
    value, place = percent[at, row], options.today[TABLES[check]][row]
    case = states.case[at]
    known, before = place >= 0, today.percent[check][case, place]
    already = known & today.broken[check][case, place]
    more_kva = (value - np.nan_to_num(before)) / 100.0 * ratings_kva[TABLES[check]][row]
    counts = ~already | (more_kva >= np.maximum(AFFECTED_SHARE * states.site_kva[at], NOTICEABLE_KVA))
    limit = np.full(len(at), most_percent)
    return _rows(states, check, at, row, value, limit, np.where(known, before, np.nan), already, counts)


def _unsupplied(states: OfferStates, today: Today, options: DrawnOptions) -> Breaks:
    """The site without supply, or customers of today who lose theirs."""
    site_at = options.site_at[states.offer]
    dark = states.solved & np.isnan(states.vm_pu[np.arange(len(site_at)), site_at])
    dark &= states.site_kva > TOLERANCE_KVA  # who draws nothing misses nothing
    lost_kva = np.maximum(states.lost_kva - today.lost_kva[states.case], 0.0) + np.where(
        dark, states.site_kva, 0.0
    )
    at = np.flatnonzero(dark | (states.solved & (lost_kva > TOLERANCE_KVA)))
    return _rows(states, UNSUPPLIED, at, site_at[at], lost_kva[at], np.zeros(len(at)))


def _unsolved(states: OfferStates, options: DrawnOptions) -> Breaks:
    at = np.flatnonzero(~states.solved)
    none = np.full(len(at), np.nan)
    return _rows(states, NO_SOLUTION, at, options.site_at[states.offer[at]], none, none)


def _rows(
    states: OfferStates,
    check: int,
    at: np.ndarray,
    row: np.ndarray,
    value: np.ndarray,
    limit: np.ndarray,
    before: np.ndarray | None = None,
    already: np.ndarray | None = None,
    counts: np.ndarray | None = None,
) -> Breaks:
    then = np.full(len(at), np.nan) if before is None else before
    was = np.zeros(len(at), dtype=bool) if already is None else already
    kept = slice(None) if counts is None else counts
    offers = states.offer[at][kept]
    return Breaks(
        offers,
        states.case[at][kept],
        np.full(len(offers), check),
        row[kept],
        value[kept],
        limit[kept],
        then[kept],
        was[kept],
    )


_NO_INT, _NO_FLOAT = np.zeros(0, dtype=np.int64), np.zeros(0)
_NONE = Breaks(_NO_INT, _NO_INT, _NO_INT, _NO_INT, _NO_FLOAT, _NO_FLOAT, _NO_FLOAT, np.zeros(0, dtype=bool))
