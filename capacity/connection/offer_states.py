"""Solved states of one case: the network as it is, and with each offer taken alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from capacity.connection.drawn_options import DrawnOptions
from capacity.limits import Limits
from capacity.planning.references import VoltageBounds
from gridmodel.drawn_states import SolvedStates

CHECKS = (
    "undervoltage", "overvoltage", "line_overload", "transformer_overload", "voltage_change", "unsupplied",
    "no_solution",
)  # fmt: skip
UNDER, OVER, LINE, TRANSFORMER, CHANGE, UNSUPPLIED, NO_SOLUTION = range(len(CHECKS))
TABLES = ("buses", "buses", "lines", "transformers", "buses", "buses", "buses")
UNITS = ("pu", "pu", "%", "%", "%", "kVA", "")
# What two engines may differ by at a limit.
TOLERANCE_PU, TOLERANCE_PERCENT, TOLERANCE_KVA = 1e-7, 1e-5, 1e-3


@dataclass(frozen=True, eq=False)
class Today:
    """A case without any offer.

    Attributes
    ----------
    vm_pu
        Per drawn bus.
    percent
        Loading per drawn row, by LINE and TRANSFORMER.
    broken
        Flag per drawn row, by check: the limit is broken already.
    lost_kva
        Without supply.
    """

    vm_pu: np.ndarray
    percent: dict[int, np.ndarray]
    broken: dict[int, np.ndarray]
    lost_kva: float


@dataclass(frozen=True, eq=False)
class OfferStates:
    """States of some offers in one case, rows in their order; what has no solution is NaN.

    Attributes
    ----------
    offers
        Numbers of the offers.
    site_kva
        Apparent power of their sites in the case.
    change_pu
        How much each moves the voltage of its supply point; of two joints the one that moves more.
    """

    case: int
    offers: np.ndarray
    solved: np.ndarray
    vm_pu: np.ndarray
    percent: dict[int, np.ndarray]
    lost_kva: np.ndarray
    site_kva: np.ndarray
    change_pu: np.ndarray
    change_at: np.ndarray


def today_of(solved: SolvedStates, bounds: VoltageBounds, limits: Limits) -> Today:
    """Read the first of the states, in which nothing is taken."""
    vm_pu = solved.vm_pu[0]
    percent = {LINE: solved.line_percent[0], TRANSFORMER: solved.transformer_percent[0]}
    low, high = bounds.above(vm_pu)
    with np.errstate(invalid="ignore"):
        broken = {
            UNDER: low > 100.0 * TOLERANCE_PU,
            OVER: high > 100.0 * TOLERANCE_PU,
            LINE: percent[LINE] > limits.loading.line_percent + TOLERANCE_PERCENT,
            TRANSFORMER: percent[TRANSFORMER] > limits.loading.transformer_percent + TOLERANCE_PERCENT,
        }
    return Today(vm_pu, percent, broken, float(solved.lost[0]))


def states_of(
    options: DrawnOptions,
    today: Today,
    solved: SolvedStates,
    rows: slice,
    offers: np.ndarray,
    case: int,
) -> OfferStates:
    """Read states with an offer each."""
    known = solved.solved[rows]
    vm_pu, line, transformer = (
        np.where(known[:, None], figures[rows], np.nan)
        for figures in (solved.vm_pu, solved.line_percent, solved.transformer_percent)
    )
    kva = np.array([abs(options.offers[offer].site.kva[case]) for offer in offers])
    change_pu, change_at = _change(options, today, offers, vm_pu)
    return OfferStates(
        case=case,
        offers=offers,
        solved=known,
        vm_pu=vm_pu,
        percent={LINE: line, TRANSFORMER: transformer},
        lost_kva=solved.lost[rows],
        site_kva=kva,
        change_pu=change_pu,
        change_at=change_at,
    )


def _change(
    options: DrawnOptions, today: Today, offers: np.ndarray, vm_pu: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Largest voltage change at the supply points of each offer [pu], and the drawn bus it is at."""
    supply, row_of = options.supply, np.full(len(options.offers), -1)
    row_of[offers] = np.arange(len(offers))
    at = np.flatnonzero(row_of[supply.offer] >= 0)
    row, bus = row_of[supply.offer[at]], supply.bus[at]
    moved = np.nan_to_num(np.abs(vm_pu[row, bus] - supply.today(today.vm_pu)[at]))
    order = np.lexsort((-bus, moved, row))  # the last of each row is the largest
    last = np.searchsorted(row[order], np.arange(len(offers)), side="right") - 1
    return moved[order][last], bus[order][last]
