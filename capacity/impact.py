"""What one additional load or generator does: the limits it breaks, and broken ones it makes worse.

A grid that already breaks a limit somewhere must not forbid a connection everywhere. A limit broken
before counts against a connection only if the connection takes a real part in it (`AFFECTED_SHARE`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from capacity.checks import State, Yardstick, broken_limits, make_yardstick, state_of_case
from capacity.limits import Limits
from gis.feeders import Supply
from gridmodel import KEEP_ALL, CaseResults, GridModel, Scenario, branch_ratings_kva, run_cases

# A connection takes part in an overload if at least this share of its own power flows there, and in
# a voltage if it moves it by at least this share of what it does at its own bus. Upstream elements
# of a radial grid get all of it, neighbours' elements only losses: engineering judgement.
AFFECTED_SHARE = 0.1
# Changes under these are rounding of the solver (tolerance 1e-8 MVA), not the connection's doing.
NOTICEABLE_PU = 1e-8
NOTICEABLE_KVA = 1e-3


@dataclass(frozen=True, eq=False)
class Impact:
    """One scenario of one model, ready to judge additions.

    Attributes
    ----------
    base
        The solved scenario without addition, or nothing when it has no solution.
    broken
        Limits broken in it.
    """

    model: GridModel
    scenario: Scenario
    yardstick: Yardstick
    base: State | None
    broken: pd.DataFrame
    ratings_kva: dict[str, np.ndarray]


def study_impact(
    model: GridModel, scenario: Scenario, limits: Limits, *, supply: Supply | None = None
) -> Impact:
    """Solve a scenario as it is and lay the limits over it."""
    yardstick = make_yardstick(model.network, limits, supply)
    bus_id = str(model.network.buses.index[0])
    results = run_cases(model, additions([bus_id], [0.0], cos_phi=1.0), scenario, keep=KEEP_ALL)
    solved = results.cases["status"].iloc[0] == "converged"
    base = state_of_case(results, 0) if solved else None
    broken = (
        broken_limits(yardstick, base) if base else pd.DataFrame(columns=["check", "table", "element_id"])
    )
    return Impact(
        model, scenario, yardstick, base, broken, branch_ratings_kva(model.network, model.catalogue)
    )


def additions(bus_ids: list[str], p_kw: list[float], *, cos_phi: float) -> pd.DataFrame:
    """Cases of one addition each [kW]: consumed when positive (inductive), injected when negative."""
    power = np.asarray(p_kw, dtype=float)
    q_kvar = np.maximum(power, 0.0) * np.tan(np.arccos(cos_phi))
    return pd.DataFrame({"case_id": range(len(power)), "bus_id": bus_ids, "p_kw": power, "q_kvar": q_kvar})


def blocked_by(impact: Impact, results: CaseResults, row: int, bus_id: str, s_kva: float) -> pd.DataFrame:
    """Limits that speak against the addition of one case, worst first; no rows when it fits.

    Parameters
    ----------
    results
        Cases on top of the scenario, all elements kept (`gridmodel.KEEP_ALL`).
    s_kva
        Apparent power of the addition [kVA].

    Returns
    -------
    DataFrame
        check, table, element_id, value, limit, unit, excess_percent, already (broken before it).
    """
    if impact.base is None or results.cases["status"].iloc[row] != "converged":
        nothing = {
            "check": "no_solution",
            "table": "buses",
            "element_id": bus_id,
            "value": np.nan,
            "limit": np.nan,
        }
        return pd.DataFrame(
            [{**nothing, "unit": "", "excess_percent": np.inf, "already": impact.base is None}]
        )
    state = state_of_case(results, row)
    found = broken_limits(impact.yardstick, state)
    keys = ["check", "table", "element_id"]
    known = pd.MultiIndex.from_frame(impact.broken[keys])
    found["already"] = pd.MultiIndex.from_frame(found[keys]).isin(known)
    position = int(impact.model.position("buses", [bus_id])[0])
    counts = ~found["already"] | _takes_part(impact, state, found, position, s_kva)
    return found[counts].sort_values("excess_percent", ascending=False, kind="stable", ignore_index=True)


def _takes_part(impact: Impact, state: State, found: pd.DataFrame, bus: int, s_kva: float) -> pd.Series:
    """Tell per broken limit whether the addition moves it by its share at least."""
    base = impact.base
    assert base is not None  # callers have ruled it out
    network = impact.model.network
    part = pd.Series(False, found.index)
    own_change = abs(state.vm_pu[bus] - base.vm_pu[bus])
    for table, before, after in (
        ("lines", base.line_loading_percent, state.line_loading_percent),
        ("transformers", base.transformer_loading_percent, state.transformer_loading_percent),
        ("buses", base.vm_pu, state.vm_pu),
    ):
        rows = found.index[found["table"] == table]
        at = network.table(table).index.get_indexer(found.loc[rows, "element_id"])
        change = after[at] - before[at]
        if table == "buses":
            worse = np.where(found.loc[rows, "check"] == "undervoltage", -change, change)
            part[rows] = worse >= max(AFFECTED_SHARE * own_change, NOTICEABLE_PU)
        else:
            more_kva = change / 100.0 * impact.ratings_kva[table][at]
            part[rows] = more_kva >= max(AFFECTED_SHARE * s_kva, NOTICEABLE_KVA)
    return part
