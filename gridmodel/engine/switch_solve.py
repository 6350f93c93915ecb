"""Compiled load flow of one switching state: sweeps over its factors, and Newton's method where they fail."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from gridmodel.engine.kernels import COLLAPSED, COLLAPSED_SHARE, CONVERGED, UNSETTLED
from gridmodel.engine.switch_kernels import factor_rows

# Steps of a chord near its solution gain a digit each or more; after these a fresh start is the faster way.
CHORD_STEPS = 25
SETTLED_PU = 1e-9
# As `linearised` has them.
NEWTON_STEPS = 25
NEWTON_SETTLED_PU = 1e-10
FIRST_SWEEPS = 3


class Drawn(NamedTuple):
    """Complex power injected per row [pu], and its shares as in `SwitchingGrid`."""

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
    everywhere = np.ones(len(state.volts), dtype=np.bool_)
    _idle(wiring, state, everywhere)
    _first_sweeps(wiring, state, drawn)
    outcome = UNSETTLED
    for _ in range(NEWTON_STEPS):
        set_slopes(state, drawn, state.supplied)
        factor_rows(wiring, state, everywhere)
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
    _idle(wiring, state, everywhere)
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
def _idle(wiring, state, everywhere):  # type: ignore[no-untyped-def]
    """Voltages without injection, and the factors of the matrix alone."""
    state.slopes[:], state.right[:] = 0.0, 0.0
    factor_rows(wiring, state, everywhere)
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
def set_slopes(state, drawn, chosen):  # type: ignore[no-untyped-def]
    """Slope of the current injected at chosen rows about their voltage, as `linearised.current_slopes`."""
    slopes, volts = state.slopes, state.volts
    power, shares = drawn
    for i in range(len(volts)):
        if not chosen[i] or power[i] == 0.0:
            continue
        back, size = volts[i].conjugate(), abs(volts[i])
        p, q, p_slope, q_slope = power[i].real, power[i].imag, 0.0, 0.0
        if len(shares):
            p, p_slope = answering(p, shares[i, 0], shares[i, 1], size)
            q, q_slope = answering(q, shares[i, 2], shares[i, 3], size)
        grown = complex(p_slope, -q_slope) / back
        turned = -complex(p, -q) / (back * back)
        by_re = grown * (volts[i].real / size) + turned
        by_im = grown * (volts[i].imag / size) - 1j * turned
        slopes[i, 0], slopes[i, 1] = by_re.real, by_im.real
        slopes[i, 2], slopes[i, 3] = by_re.imag, by_im.imag


@njit(cache=True, nogil=True, error_model="numpy")
def answering(power, current_share, impedance_share, size):  # type: ignore[no-untyped-def]
    """Active or reactive power at a magnitude of the voltage, and its change with it."""
    constant = 1.0 - current_share - impedance_share
    return (
        power * (constant + current_share * size + impedance_share * size * size),
        power * (current_share + 2.0 * impedance_share * size),
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _current(re, im, p, q, a, b, c, d):  # type: ignore[no-untyped-def]
    """Current of a power at a voltage, less its linear part a b c d."""
    over = 1.0 / (re * re + im * im)
    return complex((p * re + q * im) * over - a * re - b * im, (p * im - q * re) * over - c * re - d * im)


@njit(cache=True, nogil=True, error_model="numpy")
def _all_right_hand_sides(state, drawn):  # type: ignore[no-untyped-def]
    volts, slopes, right, fixed = state.volts, state.slopes, state.right, state.fixed
    power, shares = drawn
    for i in range(len(right)):
        right[i] = 0.0
        p, q = power[i].real, power[i].imag
        if (p != 0.0 or q != 0.0) and not fixed[i]:
            re, im = volts[i].real, volts[i].imag
            if len(shares):
                size = np.sqrt(re * re + im * im)
                p, q = (
                    answering(p, shares[i, 0], shares[i, 1], size)[0],
                    answering(q, shares[i, 2], shares[i, 3], size)[0],
                )
            a, b, c, d = slopes[i, 0], slopes[i, 1], slopes[i, 2], slopes[i, 3]
            right[i] = _current(re, im, p, q, a, b, c, d)


@njit(cache=True, nogil=True, error_model="numpy")
def _sweep(wiring, state, drawn, more):  # type: ignore[no-untyped-def]
    """One solve; with `more` the next right-hand side is left behind.

    Returns the largest square of a step, and whether a voltage collapsed (NaN is a collapse too).
    """
    _forward(wiring, state)
    # Arrays out of a tuple are counted references; taken out once, the loop is free of them.
    start, row, up, inverse = wiring.start, wiring.row, state.up, state.inverse
    volts, slopes, right, fixed = state.volts, state.slopes, state.right, state.fixed
    power, shares = drawn
    moved, collapsed = 0.0, False
    for i in range(len(start) - 2, -1, -1):
        re, im = right[i].real, right[i].imag
        new_re = inverse[i, 0] * re + inverse[i, 1] * im
        new_im = inverse[i, 2] * re + inverse[i, 3] * im
        for entry in range(start[i], start[i + 1]):
            re, im = volts[row[entry]].real, volts[row[entry]].imag
            new_re -= up[entry, 0] * re + up[entry, 1] * im
            new_im -= up[entry, 2] * re + up[entry, 3] * im
        free = not fixed[i]
        if free:
            re, im = new_re - volts[i].real, new_im - volts[i].imag
            step = re * re + im * im
            size = new_re * new_re + new_im * new_im
            moved = step if step > moved else moved
            collapsed |= not size > COLLAPSED_SHARE * COLLAPSED_SHARE
        volts[i] = complex(new_re, new_im)
        right[i] = 0.0
        p, q = power[i].real, power[i].imag
        if more and free and (p != 0.0 or q != 0.0):
            if len(shares):
                size = np.sqrt(new_re * new_re + new_im * new_im)
                p, q = (
                    answering(p, shares[i, 0], shares[i, 1], size)[0],
                    answering(q, shares[i, 2], shares[i, 3], size)[0],
                )
            a, b, c, d = slopes[i, 0], slopes[i, 1], slopes[i, 2], slopes[i, 3]
            right[i] = _current(new_re, new_im, p, q, a, b, c, d)
    return moved, collapsed


@njit(cache=True, nogil=True, error_model="numpy")
def _forward(wiring, state):  # type: ignore[no-untyped-def]
    start, row, low, right = wiring.start, wiring.row, state.low, state.right
    fixed, held = state.fixed, state.held
    for i in range(len(start) - 1):
        if fixed[i]:
            right[i] = held[i]  # whatever lower rows have added
        re, im = right[i].real, right[i].imag
        for entry in range(start[i], start[i + 1]):
            right[row[entry]] -= complex(
                low[entry, 0] * re + low[entry, 1] * im, low[entry, 2] * re + low[entry, 3] * im
            )


@njit(cache=True, nogil=True, error_model="numpy")
def _backward_plain(wiring, state):  # type: ignore[no-untyped-def]
    start, row, up, inverse = wiring.start, wiring.row, state.up, state.inverse
    volts, right = state.volts, state.right
    for i in range(len(start) - 2, -1, -1):
        re, im = right[i].real, right[i].imag
        new_re = inverse[i, 0] * re + inverse[i, 1] * im
        new_im = inverse[i, 2] * re + inverse[i, 3] * im
        for entry in range(start[i], start[i + 1]):
            re, im = volts[row[entry]].real, volts[row[entry]].imag
            new_re -= up[entry, 0] * re + up[entry, 1] * im
            new_im -= up[entry, 2] * re + up[entry, 3] * im
        volts[i] = complex(new_re, new_im)
