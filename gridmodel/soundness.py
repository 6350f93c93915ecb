"""Does a network solve, and is its solution plausible: levels 5 and 6 of `feederplan check`.

Findings only, of severity "warning": what a solution looks like never refuses a file. Bounds stand in
`soundness.toml`; limits of operation are another thing (`capacity.limits`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from gis.feeders import islands_of
from gis.findings import join_findings
from gridmodel.bounds import bounds_of
from gridmodel.causes import doubt, islands_without_source, structural_causes
from gridmodel.diagnosis import Diagnosis, diagnose
from gridmodel.loadflow import run_load_flow
from gridmodel.model import GridModel
from gridmodel.results import LoadFlowResult
from gridmodel.scenario import Scenario

SOLVES, PLAUSIBLE = 5, 6
# Level of every rule told here.
LEVEL_OF_RULE = {
    "does_not_solve": SOLVES,
    "load_keeps_from_solving": SOLVES,
    "generation_not_carried": SOLVES,
    "zero_impedance": SOLVES,
    "line_length_unit": SOLVES,
    "transformer_ratio": SOLVES,
    "demand_above_ratings": SOLVES,
    "shift_in_loop": SOLVES,
    "island_without_source": PLAUSIBLE,
    "unserved": PLAUSIBLE,
    "voltage_implausible": PLAUSIBLE,
    "losses_implausible": PLAUSIBLE,
    "loading_implausible": PLAUSIBLE,
    "slack_circulation": PLAUSIBLE,
}


def findings_of_solution(model: GridModel, scenario: Scenario | str | None = None) -> pd.DataFrame:
    """Solve a scenario and say what is wrong with it: no solution and why, or an implausible one.

    Parameters
    ----------
    scenario
        A scenario, the id of one of the network's, or nothing for its first.

    Returns
    -------
    DataFrame
        Findings (severity "warning"); `LEVEL_OF_RULE` has the level of each rule. Empty: no doubt.
    """
    result = run_load_flow(model, scenario)
    if not result.converged:
        return findings_of_diagnosis(diagnose(model, result.scenario))
    return join_findings(
        [*(rule(model, result) for rule in DOUBTS_OF_RESULTS), structural_causes(model, result.scenario)]
    )


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


def customers_unserved(model: GridModel, result: LoadFlowResult) -> pd.DataFrame:
    """Find loads without supply in a solution that converged without them."""
    lost = result.unsupplied
    if lost.empty or len(
        islands_without_source(model, result.scenario)
    ):  # the island says it, with its way out
        return join_findings([])
    kw, customers = lost["unserved_kw"].sum(), lost["customers"].sum()
    message = f"{kw:,.1f} kW of {customers:,} customers are unserved although the grid converges"
    return doubt("unserved", "loads", lost.index, message, [f"{p:,.1f} kW" for p in lost["unserved_kw"]])


def voltages_implausible(model: GridModel, result: LoadFlowResult) -> pd.DataFrame:
    """Find buses whose voltage no grid is operated at."""
    bounds, vm_pu = bounds_of("voltage"), result.buses["vm_pu"]
    off = vm_pu[(vm_pu < bounds["low_pu"]) | (vm_pu > bounds["high_pu"])]
    message = (
        "no grid is operated at this voltage; check loads, lengths and ratios on its way from the source"
    )
    return doubt("voltage_implausible", "buses", off.index, message, [f"{v:.3f} pu" for v in off])


def losses_implausible(model: GridModel, result: LoadFlowResult) -> pd.DataFrame:
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


def loadings_implausible(model: GridModel, result: LoadFlowResult) -> pd.DataFrame:
    """Find equipment loaded beyond anything that is planned for."""
    parts = []
    for table, frame in (("lines", result.lines), ("transformers", result.transformers)):
        over = frame["loading_percent"][frame["loading_percent"] > bounds_of("loading")["high_percent"]]
        message = "no equipment is loaded like this; check its rating and the loads behind it"
        parts.append(doubt("loading_implausible", table, over.index, message, [f"{v:,.0f} %" for v in over]))
    return join_findings(parts)


def sources_circulate(model: GridModel, result: LoadFlowResult) -> pd.DataFrame:
    """Find sources of one island that drive power from one into another: their set-points do not fit."""
    network, bounds = model.network, bounds_of("circulation")
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


DOUBTS_OF_RESULTS: tuple[Callable[[GridModel, LoadFlowResult], pd.DataFrame], ...] = (
    customers_unserved,
    voltages_implausible,
    losses_implausible,
    loadings_implausible,
    sources_circulate,
)
