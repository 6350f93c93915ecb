"""`Situation`: what measures are proposed for: a network, where its cases break limits, what may be used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from capacity.checks import Yardstick
from capacity.costs import CostTable
from capacity.planning.plan_cases import PlanCases
from gis import Network
from gis.feeders import Supply
from gridmodel import Catalogue


@dataclass(frozen=True, eq=False)
class Situation:
    """A weak grid as measures see it.

    Attributes
    ----------
    violations
        Limits broken over all cases: case_id, check, table, element_id, value, limit, unit, excess_percent.
    line_kva, transformer_kva
        Cases x elements: apparent power carried [kVA] in the network as it stands; NaN where unsolved.
    vm_pu
        Cases x buses [pu].
    """

    yardstick: Yardstick
    cases: PlanCases
    violations: pd.DataFrame
    vm_pu: np.ndarray
    line_kva: np.ndarray
    transformer_kva: np.ndarray
    catalogue: Catalogue
    costs: CostTable

    @property
    def network(self) -> Network:
        return self.yardstick.network

    @property
    def supply(self) -> Supply:
        return self.yardstick.supply

    def ids_of(self, table: str) -> pd.Index:
        """Elements of a table that break a limit in some case."""
        rows = self.violations
        return pd.Index(rows.loc[rows["table"] == table, "element_id"].unique())
