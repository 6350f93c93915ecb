# mypy: check-untyped-defs=False
"""What sweeps did not settle is solved anew by Newton's method, and what that does not solve is raised.

From the voltages without injection Newton's method finds what loads draw. With strong generation it may leave
for a state of low voltage: then all power is raised from nothing, in steps that are halved where one fails.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gridmodel.engine.kernels import COLLAPSED, CONVERGED, ROW, S_IM, S_RE, UNSETTLED, V_IM, V_RE, settle
from gridmodel.engine.lanes import LANES
from gridmodel.engine.newton import newton

# The first steps of a raise, as a share of the power; below the smallest one there is no solution.
FIRST_STEP, LEAST_STEP = 0.5, 1.0 / 64.0


@njit(cache=True, nogil=True, error_model="numpy")
def retry(state, work, plan, tolerance, outcome, place):  # type: ignore[no-untyped-def]
    """Solve anew the lanes that did not converge, from the voltages without injection, part by part.

    `place` gets the row of a lost lane that would drop most, were the grid linear: the bus that collapses.
    """
    failed = np.zeros(LANES, dtype=np.bool_)
    pending, row = np.empty(LANES, dtype=np.int64), np.empty(LANES, dtype=np.int64)
    lost = np.zeros((len(plan.part_start) - 1, LANES), dtype=np.bool_)
    for k in range(LANES):
        failed[k], outcome[k], place[k] = outcome[k] != CONVERGED, CONVERGED, -1
    for part in range(len(plan.part_start) - 1):
        first, last = plan.part_start[part], plan.part_start[part + 1]
        for k in range(LANES):
            pending[k] = UNSETTLED if failed[k] else CONVERGED
            if failed[k]:
                _start(state, k, first, last, plan.idle)
        _newton(state, work, plan, tolerance, first, last, pending, row)
        if _choose_fed(state, first, last, pending):
            _raise(state, work, plan, tolerance, first, last, pending, row)
        for k in range(LANES):
            lost[part, k] = failed[k] and pending[k] != CONVERGED
            if lost[part, k]:
                outcome[k] = COLLAPSED
    if lost.any():
        _name_places(state, plan, lost, place)


@njit(cache=True, nogil=True, error_model="numpy")
def _name_places(state, plan, lost, place):  # type: ignore[no-untyped-def]
    """Find the largest drop of one sweep from the idle voltages, in the parts a lane was lost in.

    At the largest power the voltage is lowest there too: of 760 random overloads of reference grids the two
    are the same row in 694; the row that moves most when Newton's method fails is not.
    """
    size = len(plan.pushed)
    sketch = state.copy()
    for k in range(LANES):
        _start(sketch, k, 0, size, plan.idle)
    settle(
        sketch, plan.idle_factors, np.ones(size, dtype=np.bool_), np.zeros((size, 4)), plan.pushed,
        plan.shares, plan.floor, 0.0, 1, np.empty(LANES, dtype=np.int64),
    )  # fmt: skip
    for k in range(LANES):
        least = np.inf
        for part in range(len(lost)):
            if not lost[part, k]:
                continue
            for i in range(plan.part_start[part], plan.part_start[part + 1]):
                at = np.uint64(i) * ROW + np.uint64(k)
                share = (complex(sketch[at + V_RE], sketch[at + V_IM]) / plan.idle[i]).real
                if share < least:
                    least, place[k] = share, i


@njit(cache=True, nogil=True, error_model="numpy")
def _newton(state, work, plan, tolerance, first, last, pending, row):  # type: ignore[no-untyped-def]
    newton(
        state, work, plan.stamps, plan.pushed, plan.shares, plan.floor, tolerance, first, last, pending, row
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _start(state, k, first, last, volts):  # type: ignore[no-untyped-def]
    lane = np.uint64(k)
    for i in range(first, last):
        at = np.uint64(i) * ROW
        state[at + V_RE + lane], state[at + V_IM + lane] = volts[i].real, volts[i].imag


@njit(cache=True, nogil=True, error_model="numpy")
def _choose_fed(state, first, last, pending):  # type: ignore[no-untyped-def]
    """Mark lanes without solution that feed power in as UNSETTLED; tells if there are any."""
    count = 0
    for k in range(LANES):
        if pending[k] != CONVERGED:
            pending[k], lane = COLLAPSED, np.uint64(k)
            for i in range(first, last):
                if state[np.uint64(i) * ROW + S_RE + lane] > 0.0:
                    pending[k] = UNSETTLED
                    count += 1
                    break
    return count > 0


@njit(cache=True, nogil=True, error_model="numpy")
def _raise(state, work, plan, tolerance, first, last, pending, row):  # type: ignore[no-untyped-def]
    """Raise all power of the UNSETTLED lanes from nothing; the injections are whole afterwards."""
    raised, going = pending == UNSETTLED, pending == UNSETTLED
    solved, step, tried = np.zeros(LANES), np.full(LANES, FIRST_STEP), np.ones(LANES)
    before, outcome = np.empty((last - first, LANES), dtype=np.complex128), np.empty(LANES, dtype=np.int64)
    for i in range(first, last):
        before[i - first, :] = plan.idle[i]
    while going.any():
        for k in range(LANES):
            outcome[k] = UNSETTLED if going[k] else CONVERGED
            if going[k]:
                _put(state, k, first, before)
                trial = min(solved[k] + step[k], 1.0)
                _scale(state, k, first, last, trial / tried[k])
                tried[k] = trial
        _newton(state, work, plan, tolerance, first, last, outcome, row)
        for k in range(LANES):
            if going[k] and outcome[k] == CONVERGED:
                solved[k] = tried[k]
                _take(state, k, first, before)
            elif going[k]:
                step[k] *= 0.5
            going[k] &= solved[k] < 1.0 and step[k] >= LEAST_STEP
    for k in range(LANES):
        if raised[k]:
            _scale(state, k, first, last, 1.0 / tried[k])
            pending[k] = CONVERGED if solved[k] == 1.0 else COLLAPSED


@njit(cache=True, nogil=True, error_model="numpy")
def _scale(state, k, first, last, factor):  # type: ignore[no-untyped-def]
    lane = np.uint64(k)
    for i in range(first, last):
        at = np.uint64(i) * ROW
        state[at + S_RE + lane] *= factor
        state[at + S_IM + lane] *= factor


@njit(cache=True, nogil=True, error_model="numpy")
def _take(state, k, first, volts):  # type: ignore[no-untyped-def]
    lane = np.uint64(k)
    for i in range(len(volts)):
        at = np.uint64(first + i) * ROW
        volts[i, k] = complex(state[at + V_RE + lane], state[at + V_IM + lane])


@njit(cache=True, nogil=True, error_model="numpy")
def _put(state, k, first, volts):  # type: ignore[no-untyped-def]
    lane = np.uint64(k)
    for i in range(len(volts)):
        at = np.uint64(first + i) * ROW
        state[at + V_RE + lane], state[at + V_IM + lane] = volts[i, k].real, volts[i, k].imag
