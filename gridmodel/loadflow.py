"""Load flow of one operating point by pandapower, in our units, checked for balance."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.sparse.linalg import MatrixRankWarning

from gis.errors import InputError
from gis.findings import make_findings
from gridmodel.lean import pandapower
from gridmodel.model import GridModel
from gridmodel.results import LoadFlowResult, check_balance
from gridmodel.scenario import Scenario, find_scenario
from gridmodel.start import no_load_start

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet


def run_load_flow(model: GridModel, scenario: Scenario | str | None = None) -> LoadFlowResult:
    """Solve one scenario of the model.

    A grid that cannot be solved is a result, not an exception: its status says so, all demand counts
    as unserved, and `servable_share` says how much of it could be served at most.

    Parameters
    ----------
    scenario
        A scenario, the id of one of the network's, or nothing for its first.

    Raises
    ------
    InputError
        The network has no scenario of that id.
    BalanceError
        The result does not add up.
    """
    chosen = scenario if isinstance(scenario, Scenario) else find_scenario(model.network, scenario)
    apply_scenario(model, chosen)
    converged = solve(model.net)
    share = 1.0 if converged else servable_share(model, chosen)
    return check_balance(collect(model, chosen, converged=converged, servable_share=share))


def apply_scenario(model: GridModel, scenario: Scenario, share: float = 1.0) -> None:
    """Set the factors of a scenario on the net's loads and generators; `share` scales all demand."""
    network = model.network
    load_factors = scenario.load_factors(network.loads["customer_class"]).to_numpy()
    model.net.load["scaling"] = np.concatenate([load_factors * share, np.ones(_probes(model))])
    model.net.sgen["scaling"] = scenario.generation_factors(network.generators["kind"]).to_numpy()


def solve(net: pandapowerNet, init: str = "auto") -> bool:
    """Run pandapower, from the voltages without load where its own start fails; tells if it converged.

    Without numba: loading its compiled functions takes 2.8 s, one solve of 3,000 buses 0.06 s.
    """
    try:
        if _converges(net, init=init):
            return True
        better = no_load_start(net)
        return better is not None and _converges(net, **better)
    except UserWarning as missing_source:
        # pandapower raises a bare UserWarning when no source is in service.
        fault = make_findings("no_source", "sources", [""], str(missing_source))
        raise InputError("network", fault) from missing_source


def _converges(net: pandapowerNet, **start: object) -> bool:
    package = pandapower()
    try:
        with warnings.catch_warnings():
            # Newton's matrix has no inverse on its way from some starts: it does not converge then.
            warnings.simplefilter("ignore", MatrixRankWarning)
            package.runpp(net, numba=False, calculate_voltage_angles=True, **start)
    except (package.LoadflowNotConverged, FloatingPointError):  # the latter: an impedance of zero
        return False
    return bool(net.converged)


def collect(
    model: GridModel, scenario: Scenario, *, converged: bool, servable_share: float
) -> LoadFlowResult:
    """Gather the solved net's tables into a result in our units."""
    net, network = model.net, model.network
    loads = _loads(model, scenario, converged)
    lines, transformers = _lines(model, converged), _transformers(model, converged)
    sources = pd.DataFrame(
        {
            "p_kw": _column(net, "ext_grid", "p_mw", 1e3, converged),
            "q_kvar": _column(net, "ext_grid", "q_mvar", 1e3, converged),
        },
        network.sources.index,
    )
    generation = _column(net, "sgen", "p_mw", 1e3, converged)
    return LoadFlowResult(
        scenario=scenario,
        status="converged" if converged else "not_converged",
        servable_share=servable_share,
        buses=_buses(model, converged),
        lines=lines,
        transformers=transformers,
        loads=loads,
        sources=sources,
        generation_kw=float(np.nansum(generation)) if converged else float("nan"),
        loss_kw=float(lines["loss_kw"].sum() + transformers["loss_kw"].sum()) if converged else float("nan"),
        engine=f"pandapower {pandapower().__version__}",
    )


def servable_share(model: GridModel, scenario: Scenario) -> float:
    """Find the largest share of all demand that solves, within 0.01; 0 when none does.

    Found by `gridmodel.servable` and confirmed by pandapower, whose solution of that share stands in the
    net afterwards; the scenario is set again.
    """
    # The engine needs numba, which takes a second to import: what solves goes without.
    from gridmodel.servable import compiled_or_none, demand_in, largest_shares

    grid = compiled_or_none(model)
    share = 0.0
    if grid is not None:
        demand = demand_in(model, scenario)
        share = confirmed_share(model, scenario, float(largest_shares(grid, demand).of_all[0]))
    apply_scenario(model, scenario)
    return share


def confirmed_share(model: GridModel, scenario: Scenario, share: float) -> float:
    """Return a share, or the next lower one that pandapower solves too; its solution stands in the net.

    pandapower starts from the engine's voltages: close to the limit its own start fails.
    """
    from gridmodel.servable import compiled_or_none, demand_in, voltages_at

    grid = compiled_or_none(model)
    for fallback in (1.0, 0.995, 0.98, 0.95, 0.9, 0.75, 0.5, 0.25, 0.1):
        volts = None if grid is None else voltages_at(grid, demand_in(model, scenario), fallback * share)
        if volts is None:
            continue
        at_bus = np.where(np.isnan(volts), 1.0, volts)
        apply_scenario(model, scenario, share=fallback * share)
        start = {"init_vm_pu": np.abs(at_bus), "init_va_degree": np.angle(at_bus, deg=True)}
        if _converges(model.net, **start) or solve(model.net):
            return fallback * share
    return 0.0


def _buses(model: GridModel, converged: bool) -> pd.DataFrame:
    vm_pu = _column(model.net, "bus", "vm_pu", 1.0, converged)
    angles = _column(model.net, "bus", "va_degree", 1.0, converged)
    columns = {"vm_pu": vm_pu, "va_degree": angles, "supplied": ~np.isnan(vm_pu)}
    return pd.DataFrame(columns, model.network.buses.index)


def _lines(model: GridModel, converged: bool) -> pd.DataFrame:
    net = model.net
    columns = {
        "i_a": _column(net, "line", "i_ka", 1e3, converged),
        "loading_percent": _column(net, "line", "loading_percent", 1.0, converged),
        "p_from_kw": _column(net, "line", "p_from_mw", 1e3, converged),
        "q_from_kvar": _column(net, "line", "q_from_mvar", 1e3, converged),
        "loss_kw": _column(net, "line", "pl_mw", 1e3, converged),
    }
    return pd.DataFrame(columns, model.network.lines.index)


def _transformers(model: GridModel, converged: bool) -> pd.DataFrame:
    net = model.net
    p_kw = _column(net, "trafo", "p_hv_mw", 1e3, converged)
    q_kvar = _column(net, "trafo", "q_hv_mvar", 1e3, converged)
    columns = {
        "s_kva": np.hypot(p_kw, q_kvar),
        "p_hv_kw": p_kw,
        "loading_percent": _column(net, "trafo", "loading_percent", 1.0, converged),
        "loss_kw": _column(net, "trafo", "pl_mw", 1e3, converged),
    }
    return pd.DataFrame(columns, model.network.transformers.index)


def _loads(model: GridModel, scenario: Scenario, converged: bool) -> pd.DataFrame:
    loads = model.network.loads
    demand_kw = scenario.demand_kw(loads)
    vm_pu = _column(model.net, "bus", "vm_pu", 1.0, converged)
    supplied = ~np.isnan(vm_pu[model.net.load["bus"].to_numpy()[: len(loads)]])
    served_kw = demand_kw.where(supplied & converged, 0.0)
    if converged:
        solved_kw = 1e3 * model.net.res_load["p_mw"].to_numpy()[: len(loads)]
        served_kw = pd.Series(np.where(supplied, solved_kw, 0.0), loads.index)
    status = np.select(
        [~loads["in_service"], not converged, ~supplied],
        ["out_of_service", "not_solved", "no_supply"],
        "served",
    )
    return pd.DataFrame(
        {
            "demand_kw": demand_kw,
            "served_kw": served_kw,
            "unserved_kw": (demand_kw - served_kw).where(status != "served", 0.0),
            "customers": loads["customers"].where(loads["in_service"], 0).astype("int64"),
            "status": status,
        }
    )


def _column(net: pandapowerNet, table: str, column: str, factor: float, converged: bool) -> np.ndarray:
    """A column of a result table, missing throughout where nothing converged."""
    if not converged:
        return np.full(len(net[table]), np.nan)
    return factor * net[f"res_{table}"][column].to_numpy(dtype=float)


def _probes(model: GridModel) -> int:
    """Loads in the net beyond the network's own, put there by a caller; they stay as they are."""
    return len(model.net.load) - len(model.network.loads)
