"""`Site`: a development with what it draws in every case of a `ConnectionGrid`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from capacity.demand.development import Development


@dataclass(frozen=True, eq=False)
class Site:
    """One application on one grid.

    Attributes
    ----------
    kva
        Complex power drawn per case of the grid [kVA]; what it feeds is negative.
    demand_kw
        Coincident demand of the whole site [kW]: what the voltage level is chosen by.
    """

    development: Development
    kva: np.ndarray
    demand_kw: float

    @property
    def site_id(self) -> str:
        return self.development.site_id

    @property
    def most_kva(self) -> float:
        """Largest apparent power in any case [kVA]."""
        return float(np.abs(self.kva).max(initial=0.0))
