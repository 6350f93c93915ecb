"""What an option strains on its way to the source per case: figures today, with the site, and the limit.

On the way is what carries a real part of the site's power (`capacity.impact.AFFECTED_SHARE`). Of outages the
one that strains most is kept per option and check.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from capacity.connection.drawn_options import DrawnOptions
from capacity.connection.offer_states import (
    CHANGE,
    LINE,
    OVER,
    TABLES,
    TRANSFORMER,
    UNDER,
    OfferStates,
    Today,
)
from capacity.impact import AFFECTED_SHARE, NOTICEABLE_KVA
from capacity.limits import Limits


class WayFacts(NamedTuple):
    """Columns: offer, case, check, drawn row, figure today (NaN: new) and with the site, limit."""

    offer: np.ndarray
    case: np.ndarray
    check: np.ndarray
    row: np.ndarray
    today: np.ndarray
    with_site: np.ndarray
    limit: np.ndarray

    def take(self, rows: np.ndarray) -> WayFacts:
        return WayFacts(*(column[rows] for column in self))

    @property
    def used_share(self) -> np.ndarray:
        """How near each is to its limit: 1 at the limit, more beyond it."""
        of_bus = np.isin(self.check, (UNDER, OVER))
        away = np.where(self.check == UNDER, self.with_site - self.limit, self.limit - self.with_site)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(of_bus, 1.0 - away, self.with_site / self.limit))


def way_facts(
    states: OfferStates,
    today: Today,
    options: DrawnOptions,
    ratings_kva: dict[str, np.ndarray],
    limits: Limits,
) -> list[WayFacts]:
    """The most loaded line and transformer on the way, and the voltage at the site."""
    return [
        _most_loaded(LINE, limits.loading.line_percent, states, today, options, ratings_kva),
        _most_loaded(TRANSFORMER, limits.loading.transformer_percent, states, today, options, ratings_kva),
        _site_voltage(states, options),
    ]


def change_facts(states: OfferStates, allowed_percent: np.ndarray) -> WayFacts:
    """The voltage change at the supply point."""
    at = np.flatnonzero(states.solved)
    return _facts(
        states, CHANGE, at, states.change_at[at], np.zeros(len(at)), 100.0 * states.change_pu[at],
        allowed_percent[at],
    )  # fmt: skip


def joined(parts: Sequence[WayFacts]) -> WayFacts:
    """All in one."""
    return WayFacts(*(np.concatenate(columns) for columns in zip(_NONE, *parts, strict=True)))


def worst_outages(facts: WayFacts, normal: np.ndarray) -> WayFacts:
    """Of cases with an outage only the one that strains most, per offer and check; ordered by them.

    Parameters
    ----------
    normal
        Flag per case.
    """
    group = np.where(normal[facts.case], facts.case, len(normal))
    used = np.nan_to_num(facts.used_share, nan=-np.inf)
    order = np.lexsort((facts.case, -used, facts.check, group, facts.offer))
    ordered = facts.take(order)
    keys = np.stack([ordered.offer, group[order], ordered.check])
    first = np.ones(len(order), dtype=bool)
    first[1:] = (keys[:, 1:] != keys[:, :-1]).any(axis=0)
    return ordered.take(np.flatnonzero(first))


def _most_loaded(
    check: int,
    most_percent: float,
    states: OfferStates,
    today: Today,
    options: DrawnOptions,
    ratings_kva: dict[str, np.ndarray],
) -> WayFacts:
    percent, before = states.percent[check], options.today[TABLES[check]]
    if not percent.shape[1]:
        return _NONE
    known = np.where(before >= 0, np.nan_to_num(today.percent[check][states.case][:, before]), 0.0)
    with np.errstate(invalid="ignore"):
        more_kva = np.abs(percent - known) / 100.0 * ratings_kva[TABLES[check]]
        on_way = more_kva >= np.maximum(AFFECTED_SHARE * states.site_kva, NOTICEABLE_KVA)[:, None]
    loaded = np.where(on_way, np.nan_to_num(percent), -1.0)
    row = np.argmax(loaded, axis=1)
    every = np.arange(len(row))
    at = np.flatnonzero(loaded[every, row] >= 0.0)
    row = row[at]
    then = np.where(before[row] >= 0, today.percent[check][states.case[at], before[row]], np.nan)
    return _facts(states, check, at, row, then, percent[at, row], np.full(len(at), most_percent))


def _site_voltage(states: OfferStates, options: DrawnOptions) -> WayFacts:
    """The voltage where the site draws, against the nearer bound."""
    site_at = options.site_at[states.offer]
    vm_pu = states.vm_pu[np.arange(len(site_at)), site_at]
    every = np.arange(len(site_at))
    low, high = states.under_percent[every, site_at], states.over_percent[every, site_at]
    at = np.flatnonzero(~np.isnan(vm_pu) & ~np.isnan(low))
    under = low[at] >= high[at]
    limit = np.where(under, vm_pu[at] + low[at] / 100.0, vm_pu[at] - high[at] / 100.0)
    facts = _facts(states, UNDER, at, site_at[at], np.full(len(at), np.nan), vm_pu[at], limit)
    return facts._replace(check=np.where(under, UNDER, OVER))


def _facts(
    states: OfferStates,
    check: int,
    at: np.ndarray,
    row: np.ndarray,
    today: np.ndarray,
    with_site: np.ndarray,
    limit: np.ndarray,
) -> WayFacts:
    count = len(at)
    return WayFacts(states.offer[at], states.case[at], np.full(count, check), row, today, with_site, limit)


_NO_INT, _NO_FLOAT = np.zeros(0, dtype=np.int64), np.zeros(0)
_NONE = WayFacts(_NO_INT, _NO_INT, _NO_INT, _NO_INT, _NO_FLOAT, _NO_FLOAT, _NO_FLOAT)
