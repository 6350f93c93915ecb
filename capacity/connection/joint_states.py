"""Whether a grid carries sets of options of several sites: each set a state of one drawn network, per case.

The same limits as for one option (`judging`), the voltage change of a single connection left out: it is the
option's own. A limit broken before counts against a set from the share on that counts against its smallest
site.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.drawn_options import CaseBounds, DrawnOptions, Offer, draw_options
from capacity.connection.n_minus_1 import turns_of_case, turns_with_piece_out
from capacity.connection.offer_states import (
    LINE,
    OVER,
    TABLES,
    TOLERANCE_KVA,
    TOLERANCE_PERCENT,
    TOLERANCE_PU,
    TRANSFORMER,
    UNDER,
    Today,
    today_of,
)
from capacity.impact import AFFECTED_SHARE, NOTICEABLE_KVA, NOTICEABLE_PU
from gridmodel import branch_ratings_kva
from gridmodel.drawn_network import Turns
from gridmodel.drawn_states import SolvedStates, Step, flags_of, solve_steps, turned

_NOTHING = np.zeros(0, dtype=np.int64)


class JointBench:
    """Options of several sites drawn into one network; answers for sets of them."""

    def __init__(self, grid: ConnectionGrid, offers: Sequence[Offer]) -> None:
        self._grid, self._options = grid, draw_options(grid, offers)
        self._nothing = flags_of(self._options.drawn)
        self._bounds = CaseBounds(grid, self._options)
        self._ratings = branch_ratings_kva(self._options.drawn.network, grid.catalogue)

    def carries(self, offers: Sequence[int]) -> bool:
        """Whether all cases hold with these offers built and their sites drawing."""
        taken = np.array(sorted(offers), dtype=np.int64)
        cases = np.flatnonzero([state is not None for state in self._grid.states])
        return all(self._holds(int(case), taken) for case in cases)

    def _holds(self, case: int, taken: np.ndarray) -> bool:
        options, loading = self._options, self._grid.yardstick.limits.loading
        turns = _turns_of(self._grid, options, case, taken)
        kva = options.power_kva(self._grid, case)
        weights = np.where(np.arange(len(kva)) < options.drawn.bus_count, np.abs(kva), 0.0)
        known = None if turns is None else turned(self._nothing, turns[0], np.array([turns[1]]))
        bounds = self._bounds.of(known)
        steps = [Step(_NOTHING, _NOTHING), Step(_NOTHING, taken)]
        solved = next(solve_steps(options.drawn, self._nothing, steps, kva, case=turns, weights=weights))
        if not solved.solved[1] or self._leaves_dark(solved, taken):
            return False
        today = today_of(solved, bounds, self._grid.yardstick.limits)
        sites_kva = np.array([abs(options.offers[one].site.kva[case]) for one in taken])
        least_kva = float(sites_kva[sites_kva > 0.0].min(initial=np.inf))
        low, high = (over[1] for over in bounds.above(solved.vm_pu))
        return not (
            self._voltage_broken(UNDER, low, solved.vm_pu[1], today)
            or self._voltage_broken(OVER, high, solved.vm_pu[1], today)
            or self._overloaded(LINE, solved.line_percent[1], loading.line_percent, today, least_kva)
            or self._overloaded(
                TRANSFORMER,
                solved.transformer_percent[1],
                loading.transformer_percent,
                today,
                least_kva,
            )
        )

    def _leaves_dark(self, solved: SolvedStates, taken: np.ndarray) -> bool:
        dark = np.isnan(solved.vm_pu[1, self._options.site_at[taken]]).any()
        return bool(dark or solved.lost[1] - solved.lost[0] > TOLERANCE_KVA)

    def _voltage_broken(self, check: int, over_percent: np.ndarray, vm_pu: np.ndarray, today: Today) -> bool:
        with np.errstate(invalid="ignore"):
            row = np.flatnonzero(over_percent > 100.0 * TOLERANCE_PU)
        place = self._options.today["buses"][row]
        already = (place >= 0) & today.broken[check][place]
        towards = -1.0 if check == UNDER else 1.0
        worse = towards * (vm_pu[row] - today.vm_pu[place]) > NOTICEABLE_PU
        return bool((~already | worse).any())

    def _overloaded(
        self, check: int, percent: np.ndarray, most_percent: float, today: Today, least_kva: float
    ) -> bool:
        with np.errstate(invalid="ignore"):
            row = np.flatnonzero(percent > most_percent + TOLERANCE_PERCENT)
        place = self._options.today[TABLES[check]][row]
        before = np.where(place >= 0, today.percent[check][place], np.nan)
        already = (place >= 0) & today.broken[check][place]
        more_kva = (percent[row] - np.nan_to_num(before)) / 100.0 * self._ratings[TABLES[check]][row]
        return bool((~already | (more_kva >= max(AFFECTED_SHARE * least_kva, NOTICEABLE_KVA))).any())


def _turns_of(
    grid: ConnectionGrid, options: DrawnOptions, case: int, taken: np.ndarray
) -> tuple[Turns, int] | None:
    """What a case switches; of a line that an offer has cut, its piece nearer to the source is out."""
    case_id = str(grid.cases.labels.index[case])
    line_id = str(grid.cases.labels["outage"].iloc[case]).removeprefix("lines ")
    buses = options.drawn.network.buses.index
    for piece in options.pieces:
        own = options.offers[piece.offer].option
        cut = piece.offer in taken and line_id in own.changes.removed.get("lines", ())
        if cut and buses[piece.end] == own.bus_id:
            piece_id = str(options.drawn.network.lines.index[piece.row])
            return turns_with_piece_out(options.drawn, grid.cases, case_id, own, piece_id)
    return turns_of_case(options.drawn, grid.cases, case_id)
