"""How far voltages may be lifted: the position of a tap changer that keeps the buses behind it in band."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from capacity.checks import State, voltage_bounds
from capacity.measures.situation import Situation


@dataclass(frozen=True, eq=False)
class Lifted:
    """Voltages behind a tap changer and their bands: cases x buses [pu]; NaN where a case has no solution.

    A band that counts from a bus behind the tap changer moves with it and bounds nothing: its limits are
    infinite.
    """

    vm_pu: np.ndarray
    low_pu: np.ndarray
    high_pu: np.ndarray

    def margins(self, lifts: np.ndarray) -> np.ndarray:
        """Least distance to a limit [pu] per case and lift, negative beyond it; NaN without solution."""
        lifted = self.vm_pu[:, None, :] * lifts[None, :, None]
        least = np.minimum(lifted - self.low_pu[:, None, :], self.high_pu[:, None, :] - lifted)
        known = np.where(np.isnan(least), np.inf, least).min(axis=2, initial=np.inf)
        return np.where(np.isnan(self.vm_pu).all(axis=1)[:, None], np.nan, known)

    def best(self, lifts: np.ndarray, wanted: float) -> np.ndarray:
        """Row of the lift of the largest margin per case; where none bounds, the one nearest to `wanted`."""
        margins = self.margins(lifts)
        nearest = int(np.argmin(np.abs(lifts - wanted)))
        bounded = np.isfinite(margins).all(axis=1)
        return np.where(bounded, np.argmax(np.where(np.isnan(margins), -np.inf, margins), axis=1), nearest)


def lifted_buses(situation: Situation, buses: np.ndarray) -> Lifted:
    """Voltages and bands of buses that a tap changer would lift together."""
    yardstick, vm_pu = situation.yardstick, situation.vm_pu
    bounds = [voltage_bounds(yardstick, State(row, np.empty(0), np.empty(0))) for row in vm_pu]
    low, high = (np.stack([bound[side] for bound in bounds])[:, buses] for side in (0, 1))
    along = yardstick.bands["from_busbar"].to_numpy(dtype=bool)[buses]
    along &= np.isin(yardstick.busbar[buses], buses)
    return Lifted(vm_pu[:, buses], np.where(along, -np.inf, low), np.where(along, np.inf, high))
