"""Many operating points of one model: tables in, tables out.

`run_cases` is the one interface for "what if this much more is drawn there". It solves case by case
with pandapower; a batch engine takes its place behind the same signature.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gridmodel.lean import pandapower
from gridmodel.loadflow import apply_scenario, solve
from gridmodel.model import GridModel
from gridmodel.scenario import Scenario

CASE_COLUMNS = ("case_id", "bus_id", "p_kw", "q_kvar")


@dataclass(frozen=True, eq=False)
class CaseResults:
    """Figures of every case, one row of each array per case.

    Attributes
    ----------
    cases
        Indexed by case_id: status ("converged" or "not_converged"), loss_kw.
    vm_pu
        Cases x buses; NaN where a bus is dead or the case did not converge.
    line_loading_percent, transformer_loading_percent
        Cases x lines, cases x transformers.
    """

    cases: pd.DataFrame
    vm_pu: np.ndarray
    line_loading_percent: np.ndarray
    transformer_loading_percent: np.ndarray
    engine: str


def run_cases(model: GridModel, cases: pd.DataFrame, scenario: Scenario) -> CaseResults:
    """Solve the scenario with additional loads, case by case.

    Parameters
    ----------
    cases
        Columns case_id, bus_id, p_kw, q_kvar: power drawn on top of the scenario (negative =
        injected). Several rows of one case_id act together; a case with p_kw 0 is the scenario itself.
    scenario
        The design case they come on top of.

    Raises
    ------
    KeyError
        A bus_id is not in the network.
    """
    case_ids = pd.Index(cases["case_id"].unique(), name="case_id")
    probes = pd.Index(cases["bus_id"].unique())
    power = _power_by_probe(cases, case_ids, probes)
    own, own_sgen = model.net.load, model.net.sgen
    try:
        _add_probes(model, model.position("buses", list(probes)))
        model.net.sgen = own_sgen.copy()
        apply_scenario(model, scenario)
        solved = [_solve_case(model, len(own), *power[case]) for case in range(len(case_ids))]
    finally:
        model.net.load, model.net.sgen = own, own_sgen
    status, losses, voltages, lines, transformers = zip(*solved, strict=True) if solved else ((),) * 5
    return CaseResults(
        cases=pd.DataFrame(
            {"status": np.array(status, dtype=object), "loss_kw": np.array(losses, dtype=float)},
            index=case_ids,
        ),
        vm_pu=_stacked(voltages, len(model.net.bus)),
        line_loading_percent=_stacked(lines, len(model.net.line)),
        transformer_loading_percent=_stacked(transformers, len(model.net.trafo)),
        engine=f"pandapower {pandapower().__version__}",
    )


def _stacked(rows: tuple[np.ndarray, ...], width: int) -> np.ndarray:
    return np.array(rows, dtype=float).reshape(len(rows), width)


def _power_by_probe(cases: pd.DataFrame, case_ids: pd.Index, probes: pd.Index) -> np.ndarray:
    """Array cases x 2 x probes: active power [kW] and reactive power [kvar]."""
    power = np.zeros((len(case_ids), 2, len(probes)))
    rows, columns = case_ids.get_indexer(cases["case_id"]), probes.get_indexer(cases["bus_id"])
    np.add.at(power[:, 0], (rows, columns), cases["p_kw"].to_numpy(dtype=float))
    np.add.at(power[:, 1], (rows, columns), cases["q_kvar"].to_numpy(dtype=float))
    return power


def _add_probes(model: GridModel, buses: np.ndarray) -> None:
    """Append one load of 0 kW per bus, so that cases only change numbers."""
    own = model.net.load
    template = own.iloc[:0].reindex(range(len(own), len(own) + len(buses)))
    zeros = [c for c in own.columns if own[c].dtype.kind == "f" and c not in ("sn_mva", "scaling")]
    template = template.assign(**dict.fromkeys(zeros, 0.0), bus=buses, in_service=True, scaling=1.0)
    template["type"] = "probe"
    model.net.load = pd.concat([own, template.astype(own.dtypes.to_dict())])


def _solve_case(
    model: GridModel, first: int, p_kw: np.ndarray, q_kvar: np.ndarray
) -> tuple[str, float, np.ndarray, np.ndarray, np.ndarray]:
    net = model.net
    p_mw, q_mvar = net.load["p_mw"].to_numpy(copy=True), net.load["q_mvar"].to_numpy(copy=True)
    p_mw[first:], q_mvar[first:] = p_kw / 1e3, q_kvar / 1e3
    net.load["p_mw"], net.load["q_mvar"] = p_mw, q_mvar
    if not solve(net):
        nothing = [np.full(len(net[table]), np.nan) for table in ("bus", "line", "trafo")]
        return ("not_converged", np.nan, nothing[0], nothing[1], nothing[2])
    return (
        "converged",
        1e3 * float(net.res_line["pl_mw"].sum() + net.res_trafo["pl_mw"].sum()),
        net.res_bus["vm_pu"].to_numpy(copy=True),
        net.res_line["loading_percent"].to_numpy(copy=True),
        net.res_trafo["loading_percent"].to_numpy(copy=True),
    )
