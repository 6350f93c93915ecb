"""Compiled load flow of one switching state: sweeps over its factors, and Newton's method where they fail."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from gridmodel.engine.kernels import COLLAPSED, COLLAPSED_SHARE, CONVERGED, UNSETTLED
from gridmodel.engine.switch_kernels import factor_row

# Steps of a chord near its solution gain a digit each or more; after these a fresh start is the faster way.
CHORD_STEPS = 25
SETTLED_PU = 1e-9
# As `linearised` has them.
NEWTON_STEPS = 25
NEWTON_SETTLED_PU = 1e-10
FIRST_SWEEPS = 3


class Drawn(NamedTuple):
    """Complex power injected per row [pu], its shares of constant current and impedance (rows x 4, or none)."""

    power: np.ndarray
    shares: np.ndarray


@njit(cache=True, nogil=True, error_model="numpy")
def settle_state(wiring, state, drawn):  # type: ignore[no-untyped-def]
    """Iterate with the factors there are, from the voltages there are; returns outcome and steps."""
    _all_right_hand_sides(state, drawn)
    for step in range(1, CHORD_STEPS + 1):
        moved, collapsed = _sweep(wiring, state, drawn, True)
        if collapsed:
            return COLLAPSED, step
        if moved <= SETTLED_PU * SETTLED_PU:
            return CONVERGED, step
    return UNSETTLED, CHORD_STEPS


@njit(cache=True, nogil=True, error_model="numpy")
def solve_anew(wiring, state, drawn):  # type: ignore[no-untyped-def]
    """Solve by Newton's method from the voltages without injection; leaves the last factors behind.

    Where there is no solution the idle voltages, the factors of the matrix alone and no slopes are left.
    Returns the outcome and the row whose voltage was lowest when it failed (-1: it did not).
    """
    _idle(wiring, state)
    _first_sweeps(wiring, state, drawn)
    outcome = UNSETTLED
    for _ in range(NEWTON_STEPS):
        for i in range(len(state.volts)):
            set_slopes(state, drawn, i)
            factor_row(wiring, state, i)
        _all_right_hand_sides(state, drawn)
        moved, collapsed = _sweep(wiring, state, drawn, False)
        if collapsed:
            outcome = COLLAPSED
            break
        if moved <= NEWTON_SETTLED_PU * NEWTON_SETTLED_PU:
            outcome = CONVERGED
            break
    if outcome == CONVERGED:
        return outcome, -1
    worst = _lowest_row(state)
    _idle(wiring, state)
    return outcome, worst


@njit(cache=True, nogil=True, error_model="numpy")
def _lowest_row(state):  # type: ignore[no-untyped-def]
    """Row whose voltage is lowest; NaN is lowest of all."""
    worst, least = -1, np.inf
    for i in range(len(state.volts)):
        size = abs(state.volts[i])
        if not state.fixed[i] and not size >= least:
            worst, least = i, size
            if np.isnan(size):
                break
    return worst


@njit(cache=True, nogil=True, error_model="numpy")
def _idle(wiring, state):  # type: ignore[no-untyped-def]
    """Voltages without injection, and the factors of the matrix alone."""
    state.slopes[:] = 0.0
    for i in range(len(state.volts)):
        factor_row(wiring, state, i)
        state.right[i] = 0.0
    _forward(wiring, state)
    _backward_plain(wiring, state)


@njit(cache=True, nogil=True, error_model="numpy")
def _first_sweeps(wiring, state, drawn):  # type: ignore[no-untyped-def]
    """Plain sweeps that bring the voltages near the solution, unless they head for a collapse."""
    idle, before = state.volts.copy(), state.volts.copy()
    for _ in range(FIRST_SWEEPS):
        before[:] = state.volts
        _all_right_hand_sides(state, drawn)
        _sweep(wiring, state, drawn, False)
        for i in range(len(idle)):
            if not abs(state.volts[i]) >= 0.5 * abs(idle[i]):
                state.volts[:] = before
                return


@njit(cache=True, nogil=True, error_model="numpy")
def set_slopes(state, drawn, i):  # type: ignore[no-untyped-def]
    """Slope of the current injected at row i about its voltage, as `linearised.current_slopes`."""
    state.slopes[i] = 0.0
    if state.fixed[i] or drawn.power[i] == 0.0:
        return
    volts, size = state.volts[i], abs(state.volts[i])
    p, q, p_slope, q_slope = power_at(drawn, i, size)
    grown = complex(p_slope, -q_slope) / volts.conjugate()
    turned = -complex(p, -q) / volts.conjugate() ** 2
    by_re = grown * (volts.real / size) + turned
    by_im = grown * (volts.imag / size) - 1j * turned
    state.slopes[i, 0], state.slopes[i, 1] = by_re.real, by_im.real
    state.slopes[i, 2], state.slopes[i, 3] = by_re.imag, by_im.imag


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def power_at(drawn, i, size):  # type: ignore[no-untyped-def]
    """Power injected at a magnitude of the voltage, and its change with it."""
    p, q = drawn.power[i].real, drawn.power[i].imag
    if len(drawn.shares) == 0:
        return p, q, 0.0, 0.0
    i_p, z_p, i_q, z_q = drawn.shares[i]
    return (
        p * (1.0 - i_p - z_p + i_p * size + z_p * size * size),
        q * (1.0 - i_q - z_q + i_q * size + z_q * size * size),
        p * (i_p + 2.0 * z_p * size),
        q * (i_q + 2.0 * z_q * size),
    )


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _right_hand_side(state, drawn, i):  # type: ignore[no-untyped-def]
    """What row i is to balance: its current less the linear part."""
    if state.fixed[i] or drawn.power[i] == 0.0:
        return 0j
    re, im = state.volts[i].real, state.volts[i].imag
    square = re * re + im * im
    p, q = drawn.power[i].real, drawn.power[i].imag
    if len(drawn.shares):
        p, q, _, _ = power_at(drawn, i, np.sqrt(square))
    over = 1.0 / square
    a, b, c, d = state.slopes[i, 0], state.slopes[i, 1], state.slopes[i, 2], state.slopes[i, 3]
    return complex((p * re + q * im) * over - a * re - b * im, (p * im - q * re) * over - c * re - d * im)


@njit(cache=True, nogil=True, error_model="numpy")
def _all_right_hand_sides(state, drawn):  # type: ignore[no-untyped-def]
    for i in range(len(state.right)):
        state.right[i] = _right_hand_side(state, drawn, i)


@njit(cache=True, nogil=True, error_model="numpy")
def _sweep(wiring, state, drawn, more):  # type: ignore[no-untyped-def]
    """One solve; with `more` the next right-hand side is left behind.

    Returns the largest square of a step, and whether a voltage collapsed (NaN is a collapse too).
    """
    _forward(wiring, state)
    start, row, up, inverse = wiring.start, wiring.row, state.up, state.inverse
    moved, collapsed = 0.0, False
    for i in range(len(start) - 2, -1, -1):
        re, im = state.right[i].real, state.right[i].imag
        new_re = inverse[i, 0] * re + inverse[i, 1] * im
        new_im = inverse[i, 2] * re + inverse[i, 3] * im
        for entry in range(start[i], start[i + 1]):
            re, im = state.volts[row[entry]].real, state.volts[row[entry]].imag
            new_re -= up[entry, 0] * re + up[entry, 1] * im
            new_im -= up[entry, 2] * re + up[entry, 3] * im
        if not state.fixed[i]:
            re, im = new_re - state.volts[i].real, new_im - state.volts[i].imag
            step = re * re + im * im
            size = new_re * new_re + new_im * new_im
            moved = step if step > moved else moved
            collapsed |= not size > COLLAPSED_SHARE * COLLAPSED_SHARE
        state.volts[i] = complex(new_re, new_im)
        if more:
            state.right[i] = _right_hand_side(state, drawn, i)
    return moved, collapsed


@njit(cache=True, nogil=True, error_model="numpy")
def _forward(wiring, state):  # type: ignore[no-untyped-def]
    start, row, low, right = wiring.start, wiring.row, state.low, state.right
    for i in range(len(start) - 1):
        if state.fixed[i]:
            right[i] = state.held[i]  # whatever lower rows have added
        re, im = right[i].real, right[i].imag
        for entry in range(start[i], start[i + 1]):
            right[row[entry]] -= complex(
                low[entry, 0] * re + low[entry, 1] * im, low[entry, 2] * re + low[entry, 3] * im
            )


@njit(cache=True, nogil=True, error_model="numpy")
def _backward_plain(wiring, state):  # type: ignore[no-untyped-def]
    start, row, up, inverse = wiring.start, wiring.row, state.up, state.inverse
    for i in range(len(start) - 2, -1, -1):
        re, im = state.right[i].real, state.right[i].imag
        new_re = inverse[i, 0] * re + inverse[i, 1] * im
        new_im = inverse[i, 2] * re + inverse[i, 3] * im
        for entry in range(start[i], start[i + 1]):
            re, im = state.volts[row[entry]].real, state.volts[row[entry]].imag
            new_re -= up[entry, 0] * re + up[entry, 1] * im
            new_im -= up[entry, 2] * re + up[entry, 3] * im
        state.volts[i] = complex(new_re, new_im)
