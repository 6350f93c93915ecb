"""Where a load flow starts: the voltages of the net without any load, for nets a flat start does not suit.

Newton's method from 1 pu everywhere fails behind regulators off their neutral tap whose impedance is
nearly zero: a step of 4 % over 0.001 % is a thousand times the load. Without load the net is linear, and
its solution has every ratio and shift in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse.linalg import splu

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

# From here [pu] the no-load voltages are another start than the flat one (engineering judgement: less
# than two steps of a regulator).
FAR_FROM_FLAT_PU = 0.01
_BUS_TYPE, _ISOLATED = 1, 4


def no_load_start(net: pandapowerNet) -> dict[str, np.ndarray] | None:
    """Voltages without load, after a solve that failed; nothing where a flat start is as good.

    Returns
    -------
    dict or None
        Options of pandapower's `runpp`: init_vm_pu and init_va_degree per bus.
    """
    case = net._ppc or {}
    inner = case.get("internal", {})
    if not {"Ybus", "ref", "V"} <= set(inner):
        return None
    alive = case["bus"][:, _BUS_TYPE] != _ISOLATED
    if inner["Ybus"].shape[0] != alive.sum():
        return None
    admittance, fixed = inner["Ybus"].tocsc(), np.asarray(inner["ref"], dtype=int)
    volts = np.asarray(inner["V"], dtype=complex).copy()
    free = np.setdiff1d(np.arange(len(volts)), fixed)
    try:
        solver = splu(admittance[free][:, free])
    except RuntimeError:  # exactly singular
        return None
    volts[free] = solver.solve(-(admittance[free][:, fixed] @ volts[fixed]))
    if not np.isfinite(volts).all() or (np.abs(np.abs(volts) - 1.0) < FAR_FROM_FLAT_PU).all():
        return None
    everywhere = np.ones(len(alive), dtype=complex)
    everywhere[alive] = volts
    at_bus = everywhere[net._pd2ppc_lookups["bus"][net.bus.index]]
    return {"init_vm_pu": np.abs(at_bus), "init_va_degree": np.angle(at_bus, deg=True)}
