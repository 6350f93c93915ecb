"""How a figure of a solved state changes with power anywhere: one transposed solve per figure, none per bus.

Where the state answers to currents by A dV = dI (the matrix less the slopes of the currents, in real 2 x 2
blocks), a figure of gradient g changes by g dV = (A^-T g) dI. Holds for radial and meshed grids alike.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gridmodel.engine.compiled import CompiledGrid
from gridmodel.engine.factors import Factors
from gridmodel.engine.linearised import Reference


def change_per_power(grid: CompiledGrid, state: Reference, gradients: np.ndarray) -> np.ndarray:
    """Change of figures with complex power injected at each row.

    Parameters
    ----------
    state
        A solved operating point; power is taken to be constant, whatever the voltage.
    gradients
        Figures x rows, complex: the figure changes by Re(conj(gradient) dV).

    Returns
    -------
    ndarray
        Figures x rows, complex: power dS injected at a row changes the figure by Re(change x dS); 0 at
        sources, which hold their voltage.
    """
    free = slice(0, grid.free_count)
    changes = np.zeros_like(gradients, dtype=complex)
    changes[:, free] = gradients[:, free]
    solve_transposed(state.factors, changes)
    return np.asarray(changes / state.voltage_pu)  # dI = conj(dS / V)


@njit(cache=True, nogil=True)
def _sweep(start, row, low, up, inverse, right):  # type: ignore[no-untyped-def]
    size = len(inverse)
    for k in range(len(right)):
        y = right[k]
        for i in range(size):
            re, im = y[i].real, y[i].imag
            if re == 0.0 and im == 0.0:
                continue
            for entry in range(start[i], start[i + 1]):
                y[row[entry]] -= complex(
                    up[entry, 0] * re + up[entry, 2] * im, up[entry, 1] * re + up[entry, 3] * im
                )
            y[i] = complex(inverse[i, 0] * re + inverse[i, 2] * im, inverse[i, 1] * re + inverse[i, 3] * im)
        for i in range(size - 1, -1, -1):
            re, im = y[i].real, y[i].imag
            for entry in range(start[i], start[i + 1]):
                x_re, x_im = y[row[entry]].real, y[row[entry]].imag
                re -= low[entry, 0] * x_re + low[entry, 2] * x_im
                im -= low[entry, 1] * x_re + low[entry, 3] * x_im
            y[i] = complex(re, im)


def solve_transposed(factors: Factors, right: np.ndarray) -> None:
    """Solve with the transposed matrix, in place: a right-hand side per row of the array."""
    _sweep(*factors, right)
