"""One operating point solved by Newton's method, and the matrix linearised about it.

The current conj(S / V) of a power changes with the conjugate of the voltage. Its slope as a real 2 x 2 block
goes onto the diagonal of the matrix; then one sweep is a Newton step at the operating point, and a good
step near it (chord method).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridmodel.engine.alone import settle_alone
from gridmodel.engine.collapse import servable_shares
from gridmodel.engine.compiled import CompiledGrid
from gridmodel.engine.factors import Factors, factorise
from gridmodel.engine.kernels import COLLAPSED, CONVERGED, UNSETTLED, one_layout

# Newton's method doubles the right digits a step: one that moved no voltage by more than this [pu] has left
# an error of about its square.
SETTLED_PU = 1e-6
MOST_STEPS = 25
# Plain sweeps that bring the voltages near the solution, where Newton's method is safe and needs few steps:
# sweeping is cheaper than factorising. Below half its idle voltage a bus is past the largest power.
FIRST_SWEEPS = 12
NEAR_PU = 1e-6
NEAR_SHARE = 0.5


@dataclass(frozen=True, eq=False)
class Reference:
    """An operating point.

    Attributes
    ----------
    voltage_pu
        Complex voltage per row; idle voltages when the point has no solution.
    slopes
        Slope of the injected current per row, 2 x 2 blocks.
    factors
        Of the free part of the matrix less the slopes.
    outcome
        CONVERGED, COLLAPSED or UNSETTLED.
    """

    voltage_pu: np.ndarray
    slopes: np.ndarray
    factors: Factors
    outcome: int


def reference_at(grid: CompiledGrid, injection_pu: np.ndarray) -> Reference:
    """Solve one operating point; where it has no solution the reference is the grid without injections.

    Newton's method from where sweeps lead; where that ends nowhere, all power is raised from nothing step by
    step (`collapse`). A state beyond a collapse, of low voltage, is no solution (`newton`).

    Parameters
    ----------
    injection_pu
        Complex power injected per row [pu].
    """
    injection_pu = one_layout(injection_pu, complex)
    found = _newton(grid, injection_pu, _swept(grid, injection_pu))
    if found.outcome != CONVERGED:
        raised = servable_shares(grid, np.zeros(grid.row_count), -injection_pu[:, None])
        if (raised.share >= 1.0).all():
            free, sources = raised.voltage_pu[:, 0], grid.idle_pu[grid.free_count :]
            found = _newton(grid, injection_pu, np.concatenate([free, sources]))
    if found.outcome == CONVERGED:
        return found
    return Reference(grid.idle_pu, np.zeros((grid.row_count, 4)), grid.factors, found.outcome)


def _newton(grid: CompiledGrid, injection_pu: np.ndarray, volts: np.ndarray) -> Reference:
    """Iterate from some voltages; the last factors are those of the last step but one voltages."""
    free, outcome = slice(0, grid.free_count), UNSETTLED
    for _ in range(MOST_STEPS):
        slopes = current_slopes(injection_pu, volts, grid.shares)
        factors = factorise(grid.stamps, slopes[free])
        if not _is_sound(factors):
            outcome = COLLAPSED
            break
        current = injected_current(injection_pu, volts, grid.shares)[free]
        fresh = factors.solve(current - _times(slopes[free], volts[free]) + grid.pushed_pu)
        moved = np.abs(fresh - volts[free]).max(initial=0.0)
        volts = np.concatenate([fresh, volts[grid.free_count :]])
        if not (np.abs(fresh) > grid.floor_pu[free]).all():
            outcome = COLLAPSED
            break
        if moved <= SETTLED_PU:
            outcome = CONVERGED
            break
    return Reference(volts, slopes, factors, outcome)


def _is_sound(factors: Factors) -> bool:
    """Whether every pivot has a positive determinant (`newton`): that of its inverse has the same sign."""
    a, b, c, d = factors.inverse.T
    return bool((a * d - b * c > 0.0).all())


def injected_current(injection_pu: np.ndarray, volts: np.ndarray, shares: np.ndarray | None) -> np.ndarray:
    """Current per row [pu] of a power injected at a voltage."""
    return np.conj(_power_at(injection_pu, np.abs(volts), shares) / volts)


def current_slopes(injection_pu: np.ndarray, volts: np.ndarray, shares: np.ndarray | None) -> np.ndarray:
    """Change of the injected current with the real and imaginary part of the voltage, 2 x 2 blocks.

    With S(u) the power at magnitude u, I = conj(S(u)) / conj(V), so that
    dI = conj(S'(u)) / conj(V) du - conj(S) / conj(V)^2 conj(dV) and du = (re dre + im dim) / u.
    """
    size = np.abs(volts)
    power = np.conj(_power_at(injection_pu, size, shares))
    grown = np.conj(_power_slope(injection_pu, size, shares)) / np.conj(volts)
    turned = -power / np.conj(volts) ** 2
    by_re = grown * volts.real / size + turned
    by_im = grown * volts.imag / size - 1j * turned
    return np.stack([by_re.real, by_im.real, by_re.imag, by_im.imag], axis=1)


def _power_at(power: np.ndarray, size: np.ndarray, shares: np.ndarray | None) -> np.ndarray:
    if shares is None:
        return power
    i_p, z_p, i_q, z_q = shares.T
    real = power.real * (1.0 - i_p - z_p + i_p * size + z_p * size**2)
    return np.asarray(real + 1j * power.imag * (1.0 - i_q - z_q + i_q * size + z_q * size**2))


def _power_slope(power: np.ndarray, size: np.ndarray, shares: np.ndarray | None) -> np.ndarray:
    if shares is None:
        return np.zeros(len(power))
    i_p, z_p, i_q, z_q = shares.T
    return np.asarray(power.real * (i_p + 2 * z_p * size) + 1j * power.imag * (i_q + 2 * z_q * size))


def _swept(grid: CompiledGrid, injection_pu: np.ndarray) -> np.ndarray:
    """Voltages after plain sweeps, or the idle ones where those lead nowhere."""
    volts, free = grid.idle_pu.copy(), slice(0, grid.free_count)
    floor = (NEAR_SHARE * np.abs(grid.idle_pu)) ** 2
    shares = np.zeros((0, 4)) if grid.shares is None else grid.shares
    settle_alone(grid.factors, grid.pushed_pu, injection_pu, shares, volts, floor, NEAR_PU, FIRST_SWEEPS)
    good = np.isfinite(volts).all() and (np.abs(volts[free]) ** 2 > floor[free]).all()
    return volts if good else grid.idle_pu.copy()


def _times(blocks: np.ndarray, values: np.ndarray) -> np.ndarray:
    a, b, c, d = blocks.T
    return np.asarray(a * values.real + b * values.imag + 1j * (c * values.real + d * values.imag))
