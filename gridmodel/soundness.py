"""Does a network solve, and is its solution plausible: levels 5 and 6 of `feederplan check`.

Findings only, of severity "warning": what a solution looks like never refuses a file. Bounds stand in
`soundness.toml`; limits of operation are another thing (`capacity.limits`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from gis import Network
from gis.feeders import islands_of
from gis.findings import join_findings
from gis.quality.rule import QualityRule
from gridmodel.bounds import bounds_of, source_of
from gridmodel.catalogue import Catalogue
from gridmodel.causes import doubt, structural_causes
from gridmodel.diagnosis import Diagnosis, diagnose
from gridmodel.loadflow import run_load_flow
from gridmodel.model import GridModel
from gridmodel.results import LoadFlowResult
from gridmodel.scenario import Scenario

SOLVES, PLAUSIBLE = 5, 6


def findings_of_solution(model: GridModel, scenario: Scenario | str | None = None) -> pd.DataFrame:
    """Solve a scenario and say what is wrong with it: no solution and why, or an implausible one.

    Parameters
    ----------
    scenario
        A scenario, the id of one of the network's, or nothing for its first.

    Returns
    -------
    DataFrame
        Findings (severity "warning"), by the rules of `SOLUTION_RULES`. Empty: no doubt.
    """
    result = run_load_flow(model, scenario)
    if not result.converged:
        return findings_of_diagnosis(diagnose(model, result.scenario))
    return findings_of_result(model.network, model.catalogue, result)


def findings_of_result(network: Network, catalogue: Catalogue, result: LoadFlowResult) -> pd.DataFrame:
    """Say what is implausible about a load flow that converged; needs no model."""
    causes = structural_causes(network, catalogue, result.scenario)
    return join_findings([*(rule(network, result) for rule in DOUBTS_OF_RESULTS), causes])


def findings_of_diagnosis(diagnosis: Diagnosis) -> pd.DataFrame:
    """Level 5: that there is no solution, the loads to blame, and the causes in the structure."""
    weakest = [diagnosis.weakest_bus_id or ""]
    suspects = diagnosis.suspects
    return join_findings(
        [
            doubt(
                "does_not_solve",
                "buses",
                weakest,
                f"the load flow of scenario {diagnosis.scenario_id} has no solution: {diagnosis.sentence()}",
                [f"servable share {diagnosis.servable_share:.4g}"],
            ),
            doubt(
                "load_keeps_from_solving",
                "loads",
                suspects["load_id"],
                [
                    f"keeps the grid from being solved: {why}; check p_kw and its unit"
                    for why in suspects["reason"]
                ],
                [f"{p_kw:,.1f} kW" for p_kw in suspects["p_kw"]],
            ),
            diagnosis.causes,
        ]
    )


def customers_unserved(network: Network, result: LoadFlowResult) -> pd.DataFrame:
    """Tell that a solution converged without some customers; which ones, `island_without_source` says."""
    lost = result.unsupplied
    if lost.empty:
        return join_findings([])
    kw, customers = lost["unserved_kw"].sum(), lost["customers"].sum()
    message = f"{kw:,.1f} kW of {customers:,} customers are unserved although the grid converges"
    return doubt("unserved", "loads", [""], message)


def voltages_implausible(network: Network, result: LoadFlowResult) -> pd.DataFrame:
    """Find buses whose voltage no grid is operated at."""
    bounds, vm_pu = bounds_of("voltage"), result.buses["vm_pu"]
    off = vm_pu[(vm_pu < bounds["low_pu"]) | (vm_pu > bounds["high_pu"])]
    message = (
        "no grid is operated at this voltage; check loads, lengths and ratios on its way from the source"
    )
    return doubt("voltage_implausible", "buses", off.index, message, [f"{v:.3f} pu" for v in off])


def losses_implausible(network: Network, result: LoadFlowResult) -> pd.DataFrame:
    """Find losses no grid is built for, against what is served or fed in."""
    bounds = bounds_of("losses")
    through_kw = max(result.served_kw, result.generation_kw)
    if not result.loss_kw > max(bounds["low_kw"], bounds["share_of_demand_high"] * through_kw):
        return join_findings([])
    message = (
        f"{result.loss_kw:,.1f} kW are lost of {through_kw:,.1f} kW carried, more than any grid loses; "
        "check loads, lengths and conductors of the most loaded lines"
    )
    return doubt("losses_implausible", "lines", [""], message)


def loadings_implausible(network: Network, result: LoadFlowResult) -> pd.DataFrame:
    """Find equipment loaded beyond anything that is planned for."""
    parts = []
    for table, frame in (("lines", result.lines), ("transformers", result.transformers)):
        over = frame["loading_percent"][frame["loading_percent"] > bounds_of("loading")["high_percent"]]
        message = "no equipment is loaded like this; check its rating and the loads behind it"
        parts.append(doubt("loading_implausible", table, over.index, message, [f"{v:,.0f} %" for v in over]))
    return join_findings(parts)


def sources_circulate(network: Network, result: LoadFlowResult) -> pd.DataFrame:
    """Find sources of one island that drive power from one into another: their set-points do not fit."""
    bounds = bounds_of("circulation")
    islands = islands_of(network)
    at = network.sources["bus_id"].map(islands)
    demand = result.loads["demand_kw"].groupby(network.loads["bus_id"].map(islands)).sum()
    fed_in = network.generators["p_kw"] * result.scenario.generation_factors(network.generators["kind"])
    fed_in = fed_in.groupby(network.generators["bus_id"].map(islands)).sum()
    parts = []
    for island, power in result.sources[["p_kw", "q_kvar"]].groupby(at):
        returned = -power.clip(upper=0.0).sum()
        circling = np.minimum(power.clip(lower=0.0).sum(), returned)
        circling["p_kw"] = min(circling["p_kw"], returned["p_kw"] - fed_in.get(island, 0.0))
        served_kw = demand.get(island, 0.0)
        high_kw = max(bounds["low_kva"], bounds["active_share_of_demand_high"] * served_kw)
        high_kvar = max(bounds["low_kva"], bounds["reactive_share_of_demand_high"] * served_kw)
        if circling["p_kw"] > high_kw or circling["q_kvar"] > high_kvar:
            message = "sources of one island drive power in a circle; give them one vm_pu, or open the ring"
            values = [f"{p:,.0f} kW, {q:,.0f} kvar" for p, q in power.itertuples(index=False)]
            parts.append(doubt("slack_circulation", "sources", power.index, message, values))
    return join_findings(parts)


DOUBTS_OF_RESULTS: tuple[Callable[[Network, LoadFlowResult], pd.DataFrame], ...] = (
    customers_unserved,
    voltages_implausible,
    losses_implausible,
    loadings_implausible,
    sources_circulate,
)


def _rule(level: int, name: str, section: str, about: str, why: str, remedy: str) -> QualityRule:
    source = source_of(section) if section else "definition"
    return QualityRule(name, level, "warning", (), about, why, remedy, source, stage="solving")


# What is told here and nowhere else; rules over tables that a cause repeats stand in `gis.quality`.
SOLUTION_RULES: tuple[QualityRule, ...] = (
    _rule(SOLVES, "does_not_solve", "", "the load flow has no solution",
          "nobody can say what flows", "follow the causes and suspects named with it"),
    _rule(SOLVES, "load_keeps_from_solving", "suspect", "without this load far more demand can be served",
          "the whole grid has no result for one cell", "check p_kw and its unit"),
    _rule(SOLVES, "generation_not_carried", "", "generation cannot be carried away",
          "the whole grid has no result", "check p_kw of the generators named"),
    _rule(SOLVES, "zero_impedance", "impedance", "a line has no impedance", "solvers lose their digits",
          "merge its buses, or draw a switch"),
    _rule(SOLVES, "line_length_unit", "length", "a length is of another unit than the others'",
          "m taken for km has no solution", "check length_m"),
    _rule(SOLVES, "demand_above_ratings", "suspect", "all loads are many times all transformers",
          "the unit of a whole column is wrong", "check the unit of p_kw"),
    _rule(SOLVES, "shift_in_loop", "shift", "transformers of a loop turn the voltage by different angles",
          "power flows in a circle", "correct a shift_degree"),
    _rule(PLAUSIBLE, "unserved", "", "customers are without supply in a solution",
          "a grid that converges may still leave customers dark", "see island_without_source"),
    _rule(PLAUSIBLE, "voltage_implausible", "voltage", "a voltage no grid is operated at",
          "a solution of the equations, not of a grid", "check what feeds the bus"),
    _rule(PLAUSIBLE, "losses_implausible", "losses", "losses no grid is built for",
          "impedances or lengths are too large", "check their units"),
    _rule(PLAUSIBLE, "loading_implausible", "loading", "an element carries over ten times its rating",
          "its rating or what hangs on it is wrong", "check both"),
    _rule(PLAUSIBLE, "slack_circulation", "circulation", "sources drive power in a circle",
          "their set-points or ways differ", "give them one vm_pu, or open the ring"),
)  # fmt: skip
