"""Additions tried out: a block of them solved at once on the whole grid and judged by the margins.

An addition is a constant power at a few rows. Its current is kept out of the injections of the grid: with
the voltage it moves at its own row by a unit of current (`Additions.own`) known, each sweep is given the
current that agrees with the voltage it is going to find, and only the other loads are left to settle.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from gridmodel.engine.answers import AFFECTED_SHARE, NO_LIMIT, NOTICEABLE_KVA, NOTICEABLE_PU
from gridmodel.engine.batch import MOST_STEPS, SETTLED_PU
from gridmodel.engine.bounds import Bounds
from gridmodel.engine.compiled import CompiledGrid
from gridmodel.engine.factors import Factors
from gridmodel.engine.lanes import LANES
from gridmodel.engine.linearised import Reference, injected_current
from gridmodel.engine.margins import Currents, Voltages, currents_before, voltages_before
from gridmodel.engine.probe_kernels import probe_share


class Additions(NamedTuple):
    """Questions: what is added per kW asked for.

    Attributes
    ----------
    start, row
        Rows of question t: entries start[t]..start[t+1]-1; the first is the one it is asked at.
    per_kw_pu
        Complex power injected there per kW of the question [pu].
    change_pu
        Largest change of each entry's voltage [pu]; infinite where the rule does not apply.
    bus
        Position of the bus of each entry.
    own
        Voltage at a row per current injected there [pu]; 0 while unknown.
    """

    start: np.ndarray
    row: np.ndarray
    per_kw_pu: np.ndarray
    change_pu: np.ndarray
    bus: np.ndarray
    own: np.ndarray


class Stage(NamedTuple):
    """A grid at an operating point with limits laid over it: all that probes read.

    Attributes
    ----------
    live
        Rows whose current depends on their voltage.
    current_pu
        Right-hand side at the operating point.
    """

    factors: Factors
    live: np.ndarray
    slopes: np.ndarray
    pushed: np.ndarray
    shares: np.ndarray
    floor: np.ndarray
    injection_pu: np.ndarray
    voltage_pu: np.ndarray
    current_pu: np.ndarray
    voltages: Voltages
    currents: Currents
    noticeable: np.ndarray

    @property
    def broken(self) -> np.ndarray:
        """Numbers of the limits broken before any addition."""
        currents, voltages = self.currents, self.voltages
        return np.concatenate(
            [voltages.under_limit, voltages.over_limit, currents.limit[currents.growth >= 0.0]]
        )


class Verdicts(NamedTuple):
    """What a probe found.

    Attributes
    ----------
    holds
        Whether every limit does.
    used, limit
        Largest share of a margin used up, and its limit.
    takes
        Limit broken before that the addition takes part in; NO_LIMIT for none.
    moved_pu
        Change of the complex voltage at the first row of each question [pu].
    """

    holds: np.ndarray
    used: np.ndarray
    limit: np.ndarray
    takes: np.ndarray
    moved_pu: np.ndarray


def stage(grid: CompiledGrid, injection_pu: np.ndarray, reference: Reference, bounds: Bounds) -> Stage:
    """Lay limits over an operating point that has been solved."""
    free, volts = grid.free_count, reference.voltage_pu
    slopes = reference.slopes[:free]
    linear = slopes[:, 0] * volts.real[:free] + slopes[:, 1] * volts.imag[:free]
    linear = linear + 1j * (slopes[:, 2] * volts.real[:free] + slopes[:, 3] * volts.imag[:free])
    current = injected_current(injection_pu, volts, grid.shares)[:free]
    return Stage(
        factors=reference.factors,
        live=(injection_pu != 0) | reference.slopes.any(axis=1),
        slopes=reference.slopes,
        pushed=grid.pushed_pu,
        shares=np.zeros((0, 4)) if grid.shares is None else grid.shares,
        floor=grid.floor_pu**2,
        injection_pu=np.ascontiguousarray(injection_pu, dtype=complex),
        voltage_pu=volts,
        current_pu=current - linear + grid.pushed_pu,
        voltages=voltages_before(grid, volts, bounds),
        currents=currents_before(grid, volts, bounds),
        noticeable=np.array([AFFECTED_SHARE, NOTICEABLE_PU, NOTICEABLE_KVA / (1e3 * grid.sn_mva)]),
    )


def probe(
    staged: Stage,
    additions: Additions,
    which: np.ndarray,
    p_kw: np.ndarray,
    *,
    most_steps: int = MOST_STEPS,
    threads: int | None = None,
) -> Verdicts:
    """Try an addition [kW] for each of the questions named.

    Parameters
    ----------
    which
        Questions asked; neighbours in the order of elimination side by side are solved fastest.
    most_steps
        Sweeps at most; after one a state is right to first order.
    threads
        One per core when absent.
    """
    count = len(which)
    verdicts = Verdicts(
        np.zeros(count, dtype=bool), np.zeros(count), np.full(count, NO_LIMIT), np.full(count, NO_LIMIT),
        np.zeros(count, dtype=complex),
    )  # fmt: skip
    blocks = -(-count // LANES)
    workers = max(1, min(threads or os.cpu_count() or 1, blocks))
    edges = np.linspace(0, blocks, workers + 1).astype(np.int64) * LANES
    which, p_kw = np.asarray(which, dtype=np.int64), np.asarray(p_kw, dtype=float)

    def work(k: int) -> None:
        share = (int(edges[k]), min(int(edges[k + 1]), count))
        probe_share(*share, staged, additions, which, p_kw, verdicts, SETTLED_PU, most_steps)

    if workers == 1:
        work(0)
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(work, range(workers)))
    return verdicts
