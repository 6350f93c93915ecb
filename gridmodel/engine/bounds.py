"""Limits as numbers: what a batch of load flows is judged by while it runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Bounds:
    """Limits per bus, line and transformer, in the order of the net's tables; infinite where none applies.

    Attributes
    ----------
    vm_min_pu, vm_max_pu
        Lowest and highest voltage per bus [pu]; where `reference` names a bus, the change against that bus.
    reference
        Position of the bus the band counts from; -1 for the nominal voltage.
    line_percent, transformer_percent
        Largest loading [%].
    change_pu
        Largest change [pu] of the voltage at the bus of an addition.
    """

    vm_min_pu: np.ndarray
    vm_max_pu: np.ndarray
    reference: np.ndarray
    line_percent: np.ndarray
    transformer_percent: np.ndarray
    change_pu: np.ndarray
