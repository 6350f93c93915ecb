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
from numba import njit

from gridmodel.engine.answers import (
    AFFECTED_SHARE,
    LIMIT_KINDS,
    NO_LIMIT,
    NO_SOLUTION,
    NOTICEABLE_KVA,
    NOTICEABLE_PU,
    VOLTAGE_CHANGE,
)
from gridmodel.engine.batch import MOST_STEPS, SETTLED_PU
from gridmodel.engine.bounds import Bounds
from gridmodel.engine.compiled import CompiledGrid
from gridmodel.engine.factors import Factors
from gridmodel.engine.kernels import (
    COLLAPSED,
    COLLAPSED_SHARE,
    CONVERGED,
    ROW,
    S_IM,
    S_RE,
    UNSETTLED,
    V_IM,
    V_RE,
    Y_IM,
    Y_RE,
    backward,
    forward,
)
from gridmodel.engine.lanes import LANES, same, store
from gridmodel.engine.linearised import Reference, injected_current
from gridmodel.engine.margins import (
    Currents,
    Voltages,
    currents_before,
    judge_broken_voltages,
    judge_currents,
    judge_overloads,
    judge_voltages,
    voltages_before,
)

# The current of an addition at a voltage that answers to it: rounds of substitution, each right to the
# voltage change as a share of the voltage.
_AGREEING_ROUNDS = 12


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
        floor=(COLLAPSED_SHARE * np.abs(grid.idle_pu)) ** 2,
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
        _probe_share(*share, staged, additions, which, p_kw, verdicts, SETTLED_PU, most_steps)

    if workers == 1:
        work(0)
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(work, range(workers)))
    return verdicts


@njit(cache=True, nogil=True, error_model="numpy")
def _probe_share(first, last, staged, additions, which, p_kw, verdicts, tolerance, most_steps):  # type: ignore[no-untyped-def]
    """Solve and judge questions first..last-1, a block at a time."""
    state = np.zeros(len(staged.voltage_pu) * int(ROW))
    power = staged.injection_pu
    for i in range(len(power)):
        store(state, np.uint64(i) * ROW + S_RE, same(power[i].real))
        store(state, np.uint64(i) * ROW + S_IM, same(power[i].imag))
    outcome = np.empty(LANES, dtype=np.int64)
    for begin in range(first, last, LANES):
        _settle(state, begin, last, staged, additions, which, p_kw, tolerance, most_steps, outcome)
        _judge(state, begin, last, staged, additions, which, p_kw, outcome, most_steps, verdicts)


@njit(cache=True, nogil=True, error_model="numpy")
def _settle(state, begin, last, staged, additions, which, p_kw, tolerance, most_steps, outcome):  # type: ignore[no-untyped-def]
    """From the operating point to the state with the additions of a block; `kernels.settle` with them."""
    start, row, low, up, inverse = staged.factors
    extremes = np.empty(2 * LANES)
    entries = 0
    for k in range(LANES):  # lanes beyond the last question repeat it
        question = which[min(begin + k, last - 1)]
        entries = max(entries, additions.start[question + 1] - additions.start[question])
    outcome[:] = UNSETTLED
    flowing = np.zeros((entries, LANES), dtype=np.complex128)
    volts, current = staged.voltage_pu, staged.current_pu
    for i in range(len(volts)):
        store(state, np.uint64(i) * ROW + V_RE, same(volts[i].real))
        store(state, np.uint64(i) * ROW + V_IM, same(volts[i].imag))
    for i in range(len(current)):
        store(state, np.uint64(i) * ROW + Y_RE, same(current[i].real))
        store(state, np.uint64(i) * ROW + Y_IM, same(current[i].imag))
    _add(state, begin, last, additions, which, p_kw, len(current), flowing)
    for _ in range(most_steps):
        forward(state, start, row, low)
        backward(
            state, start, row, up, inverse, staged.live, staged.slopes, staged.pushed, staged.shares,
            staged.floor, extremes,
        )  # fmt: skip
        _add(state, begin, last, additions, which, p_kw, len(current), flowing)
        if _all_ended(extremes, tolerance, outcome):
            break


@njit(cache=True, nogil=True, error_model="numpy")
def _add(state, begin, last, additions, which, p_kw, free, flowing):  # type: ignore[no-untyped-def]
    """Add the currents of a block's additions to the right-hand side; `flowing` keeps them."""
    for k in range(LANES):
        lane = np.uint64(k)
        scenario = min(begin + k, last - 1)
        question = which[scenario]
        for j in range(additions.start[question + 1] - additions.start[question]):
            entry = additions.start[question] + j
            i = additions.row[entry]
            if i >= free:
                continue
            at = np.uint64(i) * ROW
            volts = complex(state[at + V_RE + lane], state[at + V_IM + lane])
            power = additions.per_kw_pu[entry] * p_kw[scenario]
            current, own = flowing[j, k], additions.own[entry]
            without = volts - own * current
            for _ in range(_AGREEING_ROUNDS):
                current = np.conj(power / (without + own * current))
            flowing[j, k] = current
            state[at + Y_RE + lane] += current.real
            state[at + Y_IM + lane] += current.imag


@njit(cache=True, nogil=True, error_model="numpy")
def _all_ended(extremes, tolerance, outcome):  # type: ignore[no-untyped-def]
    """Note after a sweep which lanes have settled or collapsed; tell whether all have."""
    ended = True
    for k in range(LANES):
        if outcome[k] == COLLAPSED or not extremes[LANES + k] > 0.0:  # NaN is a collapse too
            outcome[k] = COLLAPSED
        elif extremes[k] <= tolerance * tolerance:
            outcome[k] = CONVERGED
        else:
            outcome[k] = UNSETTLED
            ended = False
    return ended


@njit(cache=True, nogil=True, error_model="numpy")
def _judge(state, begin, last, staged, additions, which, p_kw, outcome, most_steps, verdicts):  # type: ignore[no-untyped-def]
    """Judge a solved block; after one step only, what is right to first order counts as solved."""
    used, taken = np.zeros(LANES), np.zeros(LANES)
    limit, takes = np.full(LANES, float(NO_LIMIT)), np.full(LANES, float(NO_LIMIT))
    added_pu, least_pu = np.empty(LANES), np.empty(LANES)
    judge_voltages(state, staged.voltages, used, limit)
    _judge_own(state, begin, last, staged, additions, which, p_kw, used, limit, added_pu, least_pu)
    judge_currents(state, staged.currents, used, limit)
    judge_overloads(state, staged.currents, added_pu, taken, takes)
    judge_broken_voltages(state, staged.voltages, least_pu, taken, takes)
    for k in range(min(LANES, last - begin)):
        scenario, lane = begin + k, np.uint64(k)
        entry = additions.start[which[scenario]]
        at = np.uint64(additions.row[entry]) * ROW
        volts = complex(state[at + V_RE + lane], state[at + V_IM + lane])
        verdicts.moved_pu[scenario] = volts - staged.voltage_pu[additions.row[entry]]
        if outcome[k] == COLLAPSED or (outcome[k] == UNSETTLED and most_steps > 1):
            verdicts.used[scenario] = np.inf
            verdicts.limit[scenario] = additions.bus[entry] * LIMIT_KINDS + NO_SOLUTION
            continue
        verdicts.used[scenario], verdicts.limit[scenario] = used[k], int(limit[k])
        if taken[k] >= 1.0:
            verdicts.takes[scenario] = int(takes[k])
        verdicts.holds[scenario] = used[k] <= 1.0 and taken[k] < 1.0


@njit(cache=True, nogil=True, error_model="numpy")
def _judge_own(state, begin, last, staged, additions, which, p_kw, used, limit, added_pu, least_pu):  # type: ignore[no-untyped-def]
    """Change of the voltage where something is added, and what counts as taking part, per lane."""
    share, noticeable_pu, noticeable_power_pu = staged.noticeable
    for k in range(LANES):
        scenario = min(begin + k, last - 1)
        question = which[scenario]
        power, furthest = 0.0, 0.0
        for entry in range(additions.start[question], additions.start[question + 1]):
            i = additions.row[entry]
            power += abs(additions.per_kw_pu[entry]) * p_kw[scenario]
            moved = abs(state[np.uint64(i) * ROW + Y_RE + np.uint64(k)] - staged.voltages.before_pu[i])
            furthest = max(furthest, moved)
            if moved / additions.change_pu[entry] > used[k]:
                used[k] = moved / additions.change_pu[entry]
                limit[k] = additions.bus[entry] * LIMIT_KINDS + VOLTAGE_CHANGE
        added_pu[k] = max(share * power, noticeable_power_pu)
        least_pu[k] = max(share * furthest, noticeable_pu)
