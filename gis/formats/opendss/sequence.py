"""Balanced equivalents: what a three-phase balanced model puts in the place of one to three conductors.

A balanced model spreads a power P over three phases: each carries P / 3 where the n loaded conductors of
the real line carry P / n. With z_eff the impedance a loaded conductor sees (its own, and its share of the
currents beside it), the drop on it is z_eff I and the loss of the line n |I|^2 Re(z_eff). Both are kept, per
unit and in kW, by one and the same

    z_eq = (3 / n) z_eff        z_eff = u* Z u / n        u = exp(j angle) of the conductors' voltages

For three phases z_eff = Zs - Zm, the positive sequence; for one phase Z; for two phases 120 degrees apart
Zs - Zm / 2; for the two legs of a split-phase service, 180 degrees apart, Zs - Zm. What is lost is the
unbalance: the voltages of the phases not loaded.
"""

from __future__ import annotations

import numpy as np

# Phases stand at multiples of 60 degrees to each other: 120 in three, 180 in split phase. Angles of a
# solution lie a few degrees off.
STEP_RAD = np.pi / 3.0


def directions(volts: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """Unit phasor per conductor [rows, conductors], from a solution; of three phases as they are numbered.

    Parameters
    ----------
    volts
        Complex voltages [rows, conductors]; 0 where unknown.
    nodes
        Node numbers of the conductors.
    """
    standard = np.exp(-2j * np.pi / 3.0 * (nodes - nodes[:, :1]))
    if nodes.shape[1] == 3:
        return standard
    known = (np.abs(volts) > 0.0).all(axis=1, keepdims=True)
    reference = np.where(known, volts[:, :1], 1.0)
    angles = np.angle(np.where(known, volts, 1.0) / reference)
    rounded = STEP_RAD * np.round(angles / STEP_RAD)
    return np.where(known, np.exp(1j * rounded), standard)


def effective(matrices: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """What a loaded conductor sees of a matrix [rows, n, n] when all n are loaded alike: u* Z u / n."""
    return np.einsum("ri,rij,rj->r", unit.conj(), matrices, unit) / unit.shape[1]


def series_equivalent(impedances: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Impedance of the balanced line that keeps the loss and the drop, in the unit of the matrix.

    Examples
    --------
    One conductor of 2 ohm that carries 10 A loses 200 W; three conductors with a third of it lose
    3 * (10 / 3)^2 * 6 = 200 W.

    >>> float(series_equivalent(np.array([[[2.0 + 0.0j]]]), np.array([[1.0 + 0.0j]]))[0].real)
    6.0
    """
    return 3.0 / unit.shape[1] * effective(impedances, unit)


def shunt_equivalent(capacitances: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Capacitance of the balanced line that gives the same reactive power: u* C u / 3."""
    return unit.shape[1] / 3.0 * effective(capacitances, unit).real


def without_neutral(matrices: np.ndarray) -> np.ndarray:
    """Matrices [rows, n, n] of more than three conductors, the further ones earthed at both ends (Kron)."""
    if matrices.shape[1] <= 3:
        return matrices
    phases, mutual, back = matrices[:, :3, :3], matrices[:, :3, 3:], matrices[:, 3:, :3]
    reduced: np.ndarray = phases - mutual @ np.linalg.solve(matrices[:, 3:, 3:], back)
    return reduced
