"""Results of load flows in our units: kW, kvar, A, per unit, percent. Ids as index, nobody left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gis import Network
from gis.errors import BalanceError
from gridmodel.scenario import Scenario

# Balance tolerance: share of the demand, and an absolute part in kW. pandapower solves to 1e-8 MVA a
# bus, so a grid of 10,000 buses may be off by 1e-4 MW in all.
BALANCE_SHARE = 1e-6
BALANCE_KW = 0.1


@dataclass(frozen=True, eq=False)
class LoadFlowResult:
    """One solved operating point.

    Attributes
    ----------
    status
        "converged", or "not_converged": then every table stands, figures are missing and all demand
        counts as unserved.
    servable_share
        Largest share of all demand that can be solved for [0..1, within 0.01]; 1 when converged.
    buses
        vm_pu, va_degree, supplied.
    lines
        i_a, loading_percent, p_from_kw, q_from_kvar, loss_kw.
    transformers
        s_kva, p_hv_kw, loading_percent, loss_kw.
    loads
        demand_kw, served_kw, unserved_kw, customers, status ("served", "no_supply", "out_of_service",
        "not_solved").
    sources
        p_kw, q_kvar drawn from the upstream grid.
    generation_kw, loss_kw
        Totals [kW]; missing without a solution.
    engine
        What solved it, with its version.
    """

    scenario: Scenario
    status: str
    servable_share: float
    buses: pd.DataFrame
    lines: pd.DataFrame
    transformers: pd.DataFrame
    loads: pd.DataFrame
    sources: pd.DataFrame
    generation_kw: float
    loss_kw: float
    engine: str

    @property
    def converged(self) -> bool:
        return self.status == "converged"

    @property
    def demand_kw(self) -> float:
        return float(self.loads["demand_kw"].sum())

    @property
    def served_kw(self) -> float:
        return float(self.loads["served_kw"].sum())

    @property
    def unserved_kw(self) -> float:
        return float(self.loads["unserved_kw"].sum())

    @property
    def unsupplied(self) -> pd.DataFrame:
        """Rows of `loads` that draw nothing for want of supply or solution: customers, or demand, or both."""
        lost = self.loads["status"].isin(["no_supply", "not_solved"])
        return self.loads[lost & ((self.loads["unserved_kw"] > 0) | (self.loads["customers"] > 0))]

    def per_bus(self, network: Network, column: str) -> pd.Series:
        """Sum a column of `loads` over each bus of the network it was solved on."""
        sums = self.loads[column].groupby(network.loads["bus_id"]).sum()
        return sums.reindex(network.buses.index, fill_value=0)

    def summary(self) -> dict[str, object]:
        """Key figures under the names of `feederplan loadflow --json`."""
        return {
            "scenario": self.scenario.scenario_id,
            "converged": self.converged,
            "servable_share": round(self.servable_share, 4),
            "buses": len(self.buses),
            "lines": len(self.lines),
            "transformers": len(self.transformers),
            "customers": int(self.loads["customers"].sum()),
            "demand_kw": self.demand_kw,
            "served_kw": self.served_kw,
            "unserved_kw": self.unserved_kw,
            "unserved_customers": int(self.unsupplied["customers"].sum()),
            "generation_kw": _figure(self.generation_kw),
            "source_kw": _figure(self.sources["p_kw"].sum(min_count=1)),
            "loss_kw": _figure(self.loss_kw),
            "vm_min_pu": _figure(self.buses["vm_pu"].min()),
            "vm_max_pu": _figure(self.buses["vm_pu"].max()),
            "line_loading_max_percent": _figure(self.lines["loading_percent"].max()),
            "transformer_loading_max_percent": _figure(self.transformers["loading_percent"].max()),
            "engine": self.engine,
        }


def check_balance(result: LoadFlowResult) -> LoadFlowResult:
    """Return the result if it adds up: demand = served + unserved, source + generation = served + losses.

    Raises
    ------
    BalanceError
        It does not; the number is never shown.
    """
    tolerance_kw = BALANCE_SHARE * abs(result.demand_kw) + BALANCE_KW
    gap_kw = result.demand_kw - result.served_kw - result.unserved_kw
    if not abs(gap_kw) <= tolerance_kw:
        raise BalanceError(f"demand - served - unserved = {gap_kw:.3f} kW, allowed {tolerance_kw:.3f} kW")
    if result.converged:
        source_kw = float(result.sources["p_kw"].sum()) + result.generation_kw
        gap_kw = source_kw - result.served_kw - result.loss_kw
        if not abs(gap_kw) <= tolerance_kw:
            raise BalanceError(f"source - served - losses = {gap_kw:.3f} kW, allowed {tolerance_kw:.3f} kW")
    return result


def _figure(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
