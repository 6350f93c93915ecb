"""One scenario alone, in complex numbers: what a grid of a million rows is solved with once."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def settle_alone(factors, pushed, power, shares, volts, floor, tolerance, most_steps):  # type: ignore[no-untyped-def]
    """Sweep until no voltage moves by more than `tolerance` [pu]; tells whether it settled, none collapsed.

    `volts` is where it starts and where it ends; `floor` is the square of the voltage of a collapse per row.
    """
    start, row, low, up, inverse = factors
    size = len(inverse)
    right = np.empty(size, dtype=np.complex128)
    for i in range(size):
        right[i] = _current(power[i], volts[i], shares, i) + pushed[i]
    for _ in range(most_steps):
        for i in range(size):
            re, im = right[i].real, right[i].imag
            for entry in range(start[i], start[i + 1]):
                right[row[entry]] -= _turned(low, entry, re, im)
        moved, collapsed = 0.0, False
        for i in range(size - 1, -1, -1):
            fresh = _turned(inverse, i, right[i].real, right[i].imag)
            for entry in range(start[i], start[i + 1]):
                to = volts[row[entry]]
                fresh -= _turned(up, entry, to.real, to.imag)
            step = fresh - volts[i]
            square = step.real * step.real + step.imag * step.imag
            moved = max(moved, square)
            collapsed |= not fresh.real * fresh.real + fresh.imag * fresh.imag > floor[i]
            volts[i] = fresh
            right[i] = _current(power[i], fresh, shares, i) + pushed[i]
        if collapsed:
            return False
        if moved <= tolerance * tolerance:
            return True
    return False


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _current(power, volt, shares, i):  # type: ignore[no-untyped-def]
    if power == 0j:
        return 0j
    square = volt.real * volt.real + volt.imag * volt.imag
    p, q = power.real, power.imag
    if len(shares):
        size = np.sqrt(square)
        p *= 1.0 - shares[i, 0] - shares[i, 1] + shares[i, 0] * size + shares[i, 1] * square
        q *= 1.0 - shares[i, 2] - shares[i, 3] + shares[i, 2] * size + shares[i, 3] * square
    return complex(p * volt.real + q * volt.imag, p * volt.imag - q * volt.real) / square


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _turned(blocks, at, re, im):  # type: ignore[no-untyped-def]
    return complex(blocks[at, 0] * re + blocks[at, 1] * im, blocks[at, 2] * re + blocks[at, 3] * im)
