# mypy: check-untyped-defs=False
"""The compiled part of `collapse`: parts of many scenarios solved at a share, and their tangents."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from gridmodel.engine.factors import Stamps
from gridmodel.engine.kernels import CONVERGED, ROW, S_IM, S_RE, UNSETTLED, V_IM, V_RE, Y_IM, Y_RE
from gridmodel.engine.lanes import LANES, load, root, store
from gridmodel.engine.newton import newton, solve_lanes, workspace


class Probe(NamedTuple):
    """Parts x scenarios that were tried at a share: outcome, row that moved most, and what the tangent says.

    `reach` is the smallest |V| / |dV/dshare| of a part, `steepness` the sum of |dV/dshare|^2.
    """

    outcome: np.ndarray
    place: np.ndarray
    reach: np.ndarray
    steepness: np.ndarray
    voltage: np.ndarray
    tangent: np.ndarray


class Numbers(NamedTuple):
    """What the kernel needs of a grid."""

    stamps: Stamps
    pushed: np.ndarray
    shares: np.ndarray
    floor: np.ndarray
    part_start: np.ndarray


@njit(cache=True, nogil=True, error_model="numpy")
def probe_columns(columns, numbers, fixed, demand, share, start, open_, tolerance, probe):  # type: ignore[no-untyped-def]
    stamps, pushed, shares, floor, part_start = numbers
    state = np.zeros(len(fixed) * int(ROW))
    work = workspace(len(fixed), len(stamps.row))
    outcome, place = np.empty(LANES, dtype=np.int64), np.empty(LANES, dtype=np.int64)
    for begin in range(0, len(columns), LANES):
        column = np.full(LANES, columns[begin])  # lanes beyond the last scenario repeat one, and do not count
        column[: min(LANES, len(columns) - begin)] = columns[begin : begin + LANES]
        for part in range(len(part_start) - 1):
            first, last = part_start[part], part_start[part + 1]
            wanted = 0
            for k in range(LANES):
                alive = begin + k < len(columns) and open_[part, column[k]]
                outcome[k], place[k] = UNSETTLED if alive else CONVERGED, first
                wanted += alive
            if not wanted:
                continue
            _load(state, first, last, column, share[part], fixed, demand, start)
            newton(state, work, stamps, pushed, shares, floor, tolerance, first, last, outcome, place)
            _push_demand(state, first, last, column, demand, shares)
            solve_lanes(state, work, stamps, first, last)
            for k in range(min(LANES, len(columns) - begin)):
                if open_[part, column[k]]:
                    _keep(state, k, part, first, last, column[k], outcome[k], place[k], probe)


@njit(cache=True, nogil=True, error_model="numpy")
def _load(state, first, last, column, share, fixed, demand, start):  # type: ignore[no-untyped-def]
    for i in range(first, last):
        at = np.uint64(i) * ROW
        for k in range(LANES):
            lane = np.uint64(k)
            power = fixed[i, column[k]] - share[column[k]] * demand[i, column[k]]
            volts = start[i, column[k]]
            state[at + S_RE + lane], state[at + S_IM + lane] = power.real, power.imag
            state[at + V_RE + lane], state[at + V_IM + lane] = volts.real, volts.imag


@njit(cache=True, nogil=True, error_model="numpy")
def _push_demand(state, first, last, column, demand, shares):  # type: ignore[no-untyped-def]
    """Change of the injected current with the share, as right-hand side: its solution is the tangent."""
    drawn = np.empty(2 * LANES)
    for i in range(first, last):
        at = np.uint64(i) * ROW
        for k in range(LANES):
            drawn[k], drawn[LANES + k] = -demand[i, column[k]].real, -demand[i, column[k]].imag
        p, q = load(drawn, np.uint64(0)), load(drawn, np.uint64(LANES))
        re, im = load(state, at + V_RE), load(state, at + V_IM)
        square = re * re + im * im
        if len(shares):
            size = root(square)
            p = p * (1.0 - shares[i, 0] - shares[i, 1] + shares[i, 0] * size + shares[i, 1] * square)
            q = q * (1.0 - shares[i, 2] - shares[i, 3] + shares[i, 2] * size + shares[i, 3] * square)
        over = 1.0 / square
        store(state, at + Y_RE, (p * re + q * im) * over)
        store(state, at + Y_IM, (p * im - q * re) * over)


@njit(cache=True, nogil=True, error_model="numpy")
def _keep(state, k, part, first, last, column, outcome, place, probe):  # type: ignore[no-untyped-def]
    """Write one lane into the results."""
    lane = np.uint64(k)
    reach, steepness = np.inf, 0.0
    for i in range(first, last):
        at = np.uint64(i) * ROW + lane
        volts = complex(state[at + V_RE], state[at + V_IM])
        tangent = complex(state[at + Y_RE], state[at + Y_IM])
        probe.voltage[i, column], probe.tangent[i, column] = volts, tangent
        square = tangent.real**2 + tangent.imag**2
        steepness += square
        reach = min(reach, (volts.real**2 + volts.imag**2) / square)
    probe.outcome[part, column], probe.place[part, column] = outcome, place
    probe.reach[part, column], probe.steepness[part, column] = np.sqrt(reach), steepness
