"""Solved states of offers, each taken alone in one case, and all cases without any offer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.drawn_options import CaseBounds, DrawnOptions
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
    """All cases without any offer: cases x rows of the network, NaN in a case without solution.

    Attributes
    ----------
    percent
        Loading, by LINE and TRANSFORMER.
    broken
        Flags by check: the limit is broken already.
    lost_kva
        Without supply, per case.
    """

    vm_pu: np.ndarray
    percent: dict[int, np.ndarray]
    broken: dict[int, np.ndarray]
    lost_kva: np.ndarray


@dataclass(frozen=True, eq=False)
class OfferStates:
    """States, a row each; what has no solution is NaN.

    Attributes
    ----------
    case, offer
        Numbers per state.
    site_kva
        Apparent power of the site in the case.
    change_pu, change_at
        How much the voltage of the supply point is moved, of two joints the one that moves more; its drawn
        bus.
    under_percent, over_percent
        By how much each drawn bus is outside its band [% of nominal]; less than nothing: inside.
    """

    case: np.ndarray
    offer: np.ndarray
    solved: np.ndarray
    vm_pu: np.ndarray
    percent: dict[int, np.ndarray]
    lost_kva: np.ndarray
    site_kva: np.ndarray
    change_pu: np.ndarray
    change_at: np.ndarray
    under_percent: np.ndarray
    over_percent: np.ndarray

    def take(self, rows: np.ndarray) -> OfferStates:
        """Some of them."""
        return OfferStates(
            self.case[rows], self.offer[rows], self.solved[rows], self.vm_pu[rows],
            {check: percent[rows] for check, percent in self.percent.items()},
            self.lost_kva[rows], self.site_kva[rows], self.change_pu[rows], self.change_at[rows],
            self.under_percent[rows], self.over_percent[rows],
        )  # fmt: skip


def today_of(grid: ConnectionGrid, bounds: CaseBounds, drawn_buses: int) -> Today:
    """The cases of a grid as they stand."""
    network, limits = grid.network, grid.yardstick.limits
    vm_pu = _stacked(grid, "vm_pu", len(network.buses))
    percent = {
        LINE: _stacked(grid, "line_loading_percent", len(network.lines)),
        TRANSFORMER: _stacked(grid, "transformer_loading_percent", len(network.transformers)),
    }
    padded = np.full((len(vm_pu), drawn_buses), np.nan)
    padded[:, : vm_pu.shape[1]] = vm_pu
    low, high = (over[:, : vm_pu.shape[1]] for over in bounds.above(np.arange(len(vm_pu)), padded))
    with np.errstate(invalid="ignore"):
        broken = {
            UNDER: low > 100.0 * TOLERANCE_PU,
            OVER: high > 100.0 * TOLERANCE_PU,
            LINE: percent[LINE] > limits.loading.line_percent + TOLERANCE_PERCENT,
            TRANSFORMER: percent[TRANSFORMER] > limits.loading.transformer_percent + TOLERANCE_PERCENT,
        }
    lost_kva = np.where(np.isnan(vm_pu), np.abs(grid.cases.kva), 0.0).sum(axis=1)
    return Today(vm_pu, percent, broken, lost_kva)


def _stacked(grid: ConnectionGrid, figure: str, count: int) -> np.ndarray:
    none = np.full(count, np.nan)
    return np.array([none if state is None else getattr(state, figure) for state in grid.states])


def states_of(
    options: DrawnOptions,
    today: Today,
    bounds: CaseBounds,
    solved: SolvedStates,
    case: np.ndarray,
    offer: np.ndarray,
) -> OfferStates:
    """Read solved states, of the cases and offers given."""
    known = solved.solved
    vm_pu, line, transformer = (
        figures if known.all() else np.where(known[:, None], figures, np.nan)
        for figures in (solved.vm_pu, solved.line_percent, solved.transformer_percent)
    )
    change_pu, change_at = _change(options, today, case, offer, vm_pu)
    under, over = bounds.above(case, vm_pu)
    return OfferStates(
        case=case,
        offer=offer,
        solved=known,
        vm_pu=vm_pu,
        percent={LINE: line, TRANSFORMER: transformer},
        lost_kva=solved.lost,
        site_kva=np.abs(options.site_kva[case, offer]),
        change_pu=change_pu,
        change_at=change_at,
        under_percent=under,
        over_percent=over,
    )


def _change(
    options: DrawnOptions, today: Today, case: np.ndarray, offer: np.ndarray, vm_pu: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Largest voltage change at the supply points of each offer [pu], and the drawn bus it is at."""
    supply, every = options.supply, np.arange(len(offer))
    first = np.searchsorted(supply.offer, offer)
    last = np.searchsorted(supply.offer, offer, side="right") - 1  # an offer has one supply point or two
    moved = np.stack([_moved(options, today, case, vm_pu, at) for at in (first, last)])
    larger = np.argmax(moved, axis=0)
    return moved[larger, every], supply.bus[np.where(larger == 0, first, last)]


def _moved(
    options: DrawnOptions, today: Today, case: np.ndarray, vm_pu: np.ndarray, at: np.ndarray
) -> np.ndarray:
    supply = options.supply
    before, beyond = today.vm_pu[case, supply.first[at]], today.vm_pu[case, supply.second[at]]
    then = before + supply.share[at] * (beyond - before)
    return np.nan_to_num(np.abs(vm_pu[np.arange(len(at)), supply.bus[at]] - then))
