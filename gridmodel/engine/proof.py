"""Proof of headroom by solving the whole grid: the answer breaks no limit, and one kW more breaks one.

Nothing here knows how the answers were found; every bus, line and transformer is looked at.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gridmodel.engine.alone import settle_alone
from gridmodel.engine.answers import (
    AFFECTED_SHARE,
    CAPPED,
    LIMIT_KINDS,
    LINE_OVERLOAD,
    NO_SOLUTION,
    NOTICEABLE_PU,
    OVERVOLTAGE,
    TRANSFORMER_OVERLOAD,
    UNDERVOLTAGE,
    UNDETERMINED,
    VOLTAGE_CHANGE,
    Answers,
)
from gridmodel.engine.bounds import Bounds
from gridmodel.engine.compiled import LINE, CompiledGrid
from gridmodel.engine.tree import branch_limits, branch_loadings

# A step of the voltages [pu] small against what 1 kW does at the stiffest bus (1e-7 at 110 kV).
_SETTLED_PU = 1e-12
_MOST_STEPS = 500


class Proof(NamedTuple):
    """What solving the whole grid said of a sample.

    Attributes
    ----------
    tried
        Places in the question that were tried.
    too_high
        Those whose answer breaks a limit.
    too_low
        Those where one kW more breaks none.
    """

    tried: np.ndarray
    too_high: np.ndarray
    too_low: np.ndarray

    @property
    def failed(self) -> int:
        """How many answers are wrong."""
        return len(np.union1d(self.too_high, self.too_low))


@dataclass(frozen=True, eq=False)
class WholeGrid:
    """A solved grid and its limits, before any addition.

    Attributes
    ----------
    branch_limit, branch_before
        Largest loading and loading before per branch [%].
    too_low, too_high
        Whether a bus is under or over its band before.
    """

    grid: CompiledGrid
    injection_pu: np.ndarray
    voltage_pu: np.ndarray
    bounds: Bounds
    branch_limit: np.ndarray
    branch_before: np.ndarray
    too_low: np.ndarray
    too_high: np.ndarray


def prove(
    whole: WholeGrid,
    buses: np.ndarray,
    answers: Answers,
    *,
    per_kw_pu: complex,
    sample: int,
    seed: int = 0,
    threads: int | None = None,
) -> Proof:
    """Solve the whole grid at the answer and at one kW more, for a random sample of what was asked.

    Undetermined answers say nothing and are not drawn; of a capped one only the cap itself is tried.

    Parameters
    ----------
    buses, answers
        Positions in the net's bus table, and the answers in their order.
    per_kw_pu
        Complex power injected per kW of the addition [pu], as it was asked with.
    sample
        How many to draw, without repetition; all if there are no more.
    threads
        One per core when absent.
    """
    known = np.flatnonzero(np.asarray(answers.status) != UNDETERMINED)
    drawn = np.random.default_rng(seed).permutation(known)[:sample]

    def holds(at: int, more_kw: int) -> bool:
        kw = int(answers.headroom_kw[at]) + more_kw
        return kw == 0 or not len(blocking(whole, int(buses[at]), kw * per_kw_pu))

    def verdict(at: int) -> tuple[bool, bool]:
        return not holds(at, 0), answers.status[at] != CAPPED and holds(at, 1)

    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        wrong = np.array(list(pool.map(verdict, drawn)), dtype=bool).reshape(-1, 2)
    return Proof(drawn, drawn[wrong[:, 0]], drawn[wrong[:, 1]])


def whole_grid(
    grid: CompiledGrid, injection_pu: np.ndarray, voltage_pu: np.ndarray, bounds: Bounds
) -> WholeGrid:
    """Lay limits over a solved grid."""
    before, limit = branch_loadings(grid.branches, voltage_pu), branch_limits(grid.branches, bounds)
    vm_pu = _at_buses(grid, voltage_pu)
    low, high = _band(bounds, vm_pu)
    with np.errstate(invalid="ignore"):
        return WholeGrid(grid, injection_pu, voltage_pu, bounds, limit, before, vm_pu < low, vm_pu > high)


def blocking(whole: WholeGrid, bus: int, added_pu: complex) -> np.ndarray:
    """Numbers of the limits (`answers`) that speak against a power injected at a bus; empty when it fits.

    A limit broken before speaks against an addition only that takes part in it (`answers.AFFECTED_SHARE`).
    """
    grid = whole.grid
    injected = whole.injection_pu.copy()
    injected[grid.bus_row[bus]] += added_pu
    volts = _solved(whole, injected)
    if volts is None:
        return np.array([bus * LIMIT_KINDS + NO_SOLUTION])
    return np.concatenate([_voltages(whole, volts, bus), _overloads(whole, volts, abs(added_pu))])


def _solved(whole: WholeGrid, injected: np.ndarray) -> np.ndarray | None:
    grid, volts = whole.grid, whole.voltage_pu.copy()
    floor = grid.floor_pu**2
    shares = np.zeros((0, 4)) if grid.shares is None else grid.shares
    settled = settle_alone(
        grid.factors, grid.pushed_pu, injected, shares, volts, floor, _SETTLED_PU, _MOST_STEPS
    )
    return volts if settled else None


def _voltages(whole: WholeGrid, volts: np.ndarray, bus: int) -> np.ndarray:
    """Voltage limits that speak against an addition at a bus."""
    before, after = _at_buses(whole.grid, whole.voltage_pu), _at_buses(whole.grid, volts)
    change, own = after - before, abs(after[bus] - before[bus])
    low, high = _band(whole.bounds, after)
    enough = max(AFFECTED_SHARE * own, NOTICEABLE_PU)
    with np.errstate(invalid="ignore"):
        under = np.flatnonzero((after < low) & (~whole.too_low | (-change >= enough)))
        over = np.flatnonzero((after > high) & (~whole.too_high | (change >= enough)))
    found = [under * LIMIT_KINDS + UNDERVOLTAGE, over * LIMIT_KINDS + OVERVOLTAGE]
    if own > whole.bounds.change_pu[bus]:
        found.append(np.array([bus * LIMIT_KINDS + VOLTAGE_CHANGE]))
    return np.concatenate(found)


def _overloads(whole: WholeGrid, volts: np.ndarray, added_pu: float) -> np.ndarray:
    """Overloads that speak against an addition of that size."""
    branches = whole.grid.branches
    after = branch_loadings(branches, volts)
    enough = AFFECTED_SHARE * added_pu * np.maximum(branches.percent_from, branches.percent_to)
    already = whole.branch_before > whole.branch_limit
    at = np.flatnonzero((after > whole.branch_limit) & (~already | (after - whole.branch_before >= enough)))
    kind = np.where(branches.kind[at] == LINE, LINE_OVERLOAD, TRANSFORMER_OVERLOAD)
    return branches.position[at] * LIMIT_KINDS + kind


def _band(bounds: Bounds, vm_pu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest voltage per bus [pu]; relative bands count from another bus."""
    from_pu = np.where(bounds.reference >= 0, vm_pu[bounds.reference], 0.0)
    return bounds.vm_min_pu + from_pu, bounds.vm_max_pu + from_pu


def _at_buses(grid: CompiledGrid, volts: np.ndarray) -> np.ndarray:
    """Voltage per bus [pu]; NaN without supply."""
    return np.where(grid.bus_row >= 0, np.abs(volts)[grid.bus_row], np.nan)
