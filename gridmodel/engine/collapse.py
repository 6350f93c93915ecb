"""How much of its demand a grid can carry: many scenarios at once, each part of the grid for itself.

A part is followed from no demand towards the largest one by Newton's method, always from the last point that
was solved. How fast voltages fall on the way tells where it ends: near the largest share L they go as
V = V_L + c sqrt(L - share), so that the square of the tangent grows as 1 / (L - share) (Ajjarapu and Christy
1992, doi:10.1109/59.141737, follow the same tangent). The answer is proved on both sides: the share returned
was solved, a share SHARE_WITHIN above it was not.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from gridmodel.engine.compiled import CompiledGrid
from gridmodel.engine.kernels import (
    CONVERGED,
    UNSETTLED,
)
from gridmodel.engine.lanes import LANES
from gridmodel.engine.share_kernels import Numbers, Probe, probe_columns

# The share is told within 1 % of itself, down to a millionth of the demand.
SHARE_WITHIN = 0.01
LEAST_SHARE = 1e-6
# Voltages settled [pu]; the step after the last one is its square.
SETTLED_PU = 1e-6
MOST_ROUNDS = 60
# Scenarios searched at a time: bounds the memory (rows x scenarios complex numbers, five times).
TOGETHER = 256


@dataclass(frozen=True, eq=False)
class Servable:
    """The largest share of its demand each part carries in each scenario.

    Attributes
    ----------
    share
        Parts x scenarios [0..1, within SHARE_WITHIN of itself]; 0 where there is no solution even without
        demand, or only for less than LEAST_SHARE of it.
    solved
        Parts x scenarios: whether there is a solution without demand.
    weakest_row
        Parts x scenarios: row of the lowest voltage at that share; where the share is 0 the row that moved
        most when the solution was lost.
    voltage_pu
        Free rows x scenarios: complex voltages at that share, each part at its own; NaN at a share of 0
        without solution.
    slope
        Free rows x scenarios: change of the voltage magnitude with the share there [pu].
    """

    share: np.ndarray
    solved: np.ndarray
    weakest_row: np.ndarray
    voltage_pu: np.ndarray
    slope: np.ndarray

    @property
    def of_all(self) -> np.ndarray:
        """Share per scenario of all demand alike: the smallest of its parts."""
        return np.asarray(self.share.min(axis=0, initial=1.0))


def servable_shares(
    grid: CompiledGrid, fixed_pu: np.ndarray, demand_pu: np.ndarray, *, threads: int | None = None
) -> Servable:
    """Find the largest share of the demand each part of the grid carries, scenario by scenario.

    Shares scale the demand alone, up to 1; what is fixed (generation) stays. A share is reached from no
    demand without crossing a collapse.

    Parameters
    ----------
    fixed_pu
        Complex power injected per row at every share [pu], rows x scenarios or rows.
    demand_pu
        Complex power drawn per row at a share of 1 [pu], rows x scenarios.
    """
    scenarios = demand_pu.shape[1]
    fixed = np.broadcast_to(fixed_pu if fixed_pu.ndim == 2 else fixed_pu[:, None], demand_pu.shape)
    together = [slice(first, first + TOGETHER) for first in range(0, scenarios, TOGETHER)]
    with np.errstate(divide="ignore", invalid="ignore"):  # what has no solution is NaN
        found = [_search(grid, fixed[:, at], demand_pu[:, at], threads) for at in together]
    if not found:
        nothing = np.zeros((grid.free_count, 0))
        none = np.zeros((grid.part_count, 0))
        return Servable(none, none.astype(bool), none.astype(np.int64), nothing.astype(complex), nothing)
    return Servable(
        *(np.concatenate([getattr(f, name) for f in found], axis=1) for name in Servable.__dataclass_fields__)
    )


@dataclass(eq=False)
class _Bracket:
    """Where a search stands, parts x scenarios: a share solved, one that was not, the last tangent."""

    low: np.ndarray
    high: np.ndarray
    steepness: np.ndarray
    estimate: np.ndarray
    place: np.ndarray


def _search(grid: CompiledGrid, fixed: np.ndarray, demand: np.ndarray, threads: int | None) -> Servable:
    """Try all of the demand, then none, then follow the tangent from the last share that was solved."""
    free = grid.free_count
    fixed, demand = (np.array(power[:free], dtype=complex, order="C") for power in (fixed, demand))
    shape = (grid.part_count, demand.shape[1])
    idle = np.repeat(grid.idle_pu[:free, None], shape[1], axis=1)
    row_part = grid.row_part[:free]

    def tried(share: np.ndarray, start: np.ndarray, open_: np.ndarray) -> Probe:
        return _probe(grid, fixed, demand, share, start, open_, threads)

    whole = tried(np.ones(shape), idle, np.ones(shape, dtype=bool))
    solved = whole.outcome == CONVERGED
    none = tried(np.zeros(shape), idle, ~solved)
    carried = ~solved & (none.outcome == CONVERGED)
    voltage = np.where(solved[row_part], whole.voltage, np.where(carried[row_part], none.voltage, np.nan))
    tangent = np.where(solved[row_part], whole.tangent, np.where(carried[row_part], none.tangent, np.nan))
    state = _Bracket(
        low=np.where(solved, 1.0, 0.0),
        high=np.full(shape, 1.0 + SHARE_WITHIN),  # 1 failed from afar, which is no proof
        steepness=none.steepness,
        estimate=_reach_of_one(np.zeros(shape), none.reach),
        place=np.where(solved, whole.place, none.place),
    )
    for count in range(MOST_ROUNDS):
        open_ = carried & _is_open(state)
        if not open_.any():
            break
        trial = _next_share(state, count)
        probe = tried(trial, voltage, open_)
        won = open_ & (probe.outcome == CONVERGED)
        _close_in(state, trial, probe, won, open_ & ~won)
        voltage[won[row_part]], tangent[won[row_part]] = (
            probe.voltage[won[row_part]],
            probe.tangent[won[row_part]],
        )
    return Servable(
        state.low,
        solved | carried,
        _weakest(grid, state, voltage),
        voltage,
        _magnitude_slope(voltage, tangent),
    )


def _is_open(state: _Bracket) -> np.ndarray:
    wide = state.high - state.low > SHARE_WITHIN * state.low
    return np.asarray((state.low < 1.0) & wide & (state.high > LEAST_SHARE))


def _reach_of_one(share: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Largest share told by one tangent: exact for one load at unity power factor behind a resistance.

    There V = (1 + r) / 2 with r = sqrt(1 - share / L), so that reach = |V| / |dV/dshare| = 2 L r (1 + r).
    """
    r = reach / (reach + 2.0 * share)
    return np.asarray(share + 0.5 * reach * r / (1.0 + r))


def _reach_of_two(state: _Bracket, share: np.ndarray, steepness: np.ndarray) -> np.ndarray:
    """Largest share told by the tangents of two: steepness x (L - share) is the same at both."""
    return np.asarray(share + state.steepness * (share - state.low) / (steepness - state.steepness))


def _next_share(state: _Bracket, count: int) -> np.ndarray:
    """Just below the estimate; just above the last solved share where that is there already; else between."""
    low, high = state.low, state.high
    step = 0.9 * SHARE_WITHIN * low
    below = (1.0 - 0.4 * SHARE_WITHIN) * state.estimate
    aimed = np.where(state.estimate > low + step, below, low + step)
    between = np.where(high > 8.0 * low, np.sqrt(high * np.maximum(low, 0.01 * high)), 0.5 * (low + high))
    bad = ~((aimed > low) & (aimed < high)) | (count % 6 == 5)
    return np.asarray(np.minimum(np.where(bad, between, aimed), 1.0))


def _close_in(state: _Bracket, trial: np.ndarray, probe: Probe, won: np.ndarray, lost: np.ndarray) -> None:
    """Move the solved or the failed end of the brackets, and what the tangents tell of the largest share."""
    two = _reach_of_two(state, trial, probe.steepness)
    one = _reach_of_one(trial, probe.reach)
    told = np.where(two > trial, 0.5 * (one + two), one)  # the first tells too little, the second too much
    state.estimate = np.where(won, told, state.estimate)
    state.low, state.steepness = (
        np.where(won, trial, state.low),
        np.where(won, probe.steepness, state.steepness),
    )
    state.high = np.where(lost, trial, state.high)


def _weakest(grid: CompiledGrid, state: _Bracket, voltage: np.ndarray) -> np.ndarray:
    """Row of the lowest voltage per part and scenario; where nothing is solved the one that moved most."""
    weakest = state.place.copy()
    for part in range(grid.part_count):
        rows = slice(grid.part_start[part], grid.part_start[part + 1])
        size = np.abs(voltage[rows])
        known = ~np.isnan(size[0])
        weakest[part, known] = grid.part_start[part] + size[:, known].argmin(axis=0)
    return weakest


def _magnitude_slope(voltage: np.ndarray, tangent: np.ndarray) -> np.ndarray:
    return np.asarray((np.conj(voltage) * tangent).real / np.abs(voltage))


def _probe(
    grid: CompiledGrid, fixed: np.ndarray, demand: np.ndarray, share: np.ndarray, start: np.ndarray,
    open_: np.ndarray, threads: int | None,
) -> Probe:  # fmt: skip
    """Solve the open parts of all scenarios at their shares, on all cores."""
    columns = np.flatnonzero(open_.any(axis=0))
    shape = share.shape
    probe = Probe(
        np.full(shape, UNSETTLED), np.full(shape, -1), np.full(shape, np.nan), np.full(shape, np.nan),
        np.empty_like(start), np.empty_like(start),
    )  # fmt: skip
    numbers = Numbers(
        stamps=grid.stamps,
        pushed=grid.pushed_pu,
        shares=np.zeros((0, 4)) if grid.shares is None else grid.shares,
        floor=grid.floor_pu**2,
        part_start=grid.part_start,
    )
    blocks = -(-len(columns) // LANES)
    workers = max(1, min(threads or os.cpu_count() or 1, blocks))
    edges = np.linspace(0, blocks, workers + 1).astype(np.int64) * LANES

    def work(k: int) -> None:
        chosen = columns[edges[k] : edges[k + 1]]
        probe_columns(chosen, numbers, fixed, demand, share, start, open_, SETTLED_PU, probe)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, range(workers)))
    return probe
