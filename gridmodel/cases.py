"""Many operating points of one model: tables in, tables out.

`run_cases` is the one interface for "what if this much more is drawn there".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gis import InputError
from gis.findings import make_findings
from gridmodel.model import GridModel
from gridmodel.outcome import Keep, element_tables, failure_table, kept_tables, places_of, point_table
from gridmodel.points import Points, points_of_scenario
from gridmodel.scenario import Scenario
from gridmodel.solve_points import solve_points

if TYPE_CHECKING:
    from gridmodel.engine.bounds import Bounds

CASE_COLUMNS = ("case_id", "bus_id", "p_kw", "q_kvar")
NO_SUPPLY = "a bus of the case has no supply: its part is unserved"


@dataclass(frozen=True, eq=False)
class CaseResults:
    """Figures of every case; full columns and figures per element only where they were asked for.

    Attributes
    ----------
    cases
        Indexed by case_id, columns `outcome.POINT_COLUMNS`: status ("converged" or "not_converged"), reason,
        totals [kW, kvar], extreme voltages [pu] and loadings [%] with their element, and how many elements
        are outside their limits. Source + generation = served + losses in every row.
    vm_pu
        Cases x buses kept [pu]; NaN where a bus is dead or the case did not converge.
    line_loading_percent, transformer_loading_percent
        Cases x lines kept, cases x transformers kept [%].
    buses, lines, transformers
        Per element over all cases that converged: extremes with the case_id, and in how many cases its limit
        is broken (`outcome.element_tables`); no rows unless asked for.
    failures
        Per case without solution: where it breaks, how much could be served and which load is to blame
        (`failures.explain_failures`); no rows unless asked for.
    engine
        What solved it, and why where it was not the batch engine.
    """

    cases: pd.DataFrame
    vm_pu: pd.DataFrame
    line_loading_percent: pd.DataFrame
    transformer_loading_percent: pd.DataFrame
    buses: pd.DataFrame
    lines: pd.DataFrame
    transformers: pd.DataFrame
    failures: pd.DataFrame
    engine: str


def run_cases(
    model: GridModel,
    cases: pd.DataFrame,
    scenario: Scenario,
    *,
    bounds: Bounds | None = None,
    keep: Keep | None = None,
    per_element: bool = False,
    explain: bool = False,
) -> CaseResults:
    """Solve the scenario with additional loads, all cases at once.

    Loads are of constant power unless the net says otherwise; an addition follows the voltage as the loads
    of its bus do.

    Parameters
    ----------
    cases
        Columns case_id, bus_id, p_kw, q_kvar: power drawn on top of the scenario (negative =
        injected). Several rows of one case_id act together; a case with p_kw 0 is the scenario itself.
    scenario
        The design case they come on top of.
    bounds
        Limits to count against (`capacity.bounds.bounds_of`); nothing is broken without.
    keep
        Elements whose full columns are kept; none when absent.
    per_element
        Whether the tables per element get rows.
    explain
        Whether cases without solution are explained in `failures`; takes a few load flows for each.

    Raises
    ------
    KeyError
        A bus_id or an id to keep is not in the network.
    InputError
        A power is no number, or no source is in service.
    BalanceError
        A case does not add up.
    """
    _refuse_gaps(cases)
    case_ids = pd.Index(cases["case_id"].unique(), name="case_id")
    kept = places_of(model, keep)
    points = _points(model, cases, scenario, case_ids)
    outcome = solve_points(model, points, bounds=bounds, kept=kept, per_element=per_element)
    table = point_table(outcome, model.network, case_ids)
    dead = points.added_point[~outcome.supplied[points.added_bus]]
    unheard = table.index.isin(case_ids[dead]) & outcome.converged
    return CaseResults(
        table.assign(reason=table["reason"].mask(unheard, NO_SUPPLY)),
        *kept_tables(outcome, model.network, case_ids, kept),
        *element_tables(outcome, model.network, case_ids),
        failures=failure_table(model, points, outcome, case_ids, explain=explain),
        engine=outcome.engine,
    )


def _refuse_gaps(cases: pd.DataFrame) -> None:
    power = cases[["p_kw", "q_kvar"]].to_numpy(dtype=float)
    gaps = ~np.isfinite(power).all(axis=1)
    if gaps.any():
        ids = cases["case_id"][gaps].unique()
        message = "p_kw or q_kvar of this case is no number"
        raise InputError("cases", make_findings("not_a_number", "cases", ids, message))


def _points(model: GridModel, cases: pd.DataFrame, scenario: Scenario, case_ids: pd.Index) -> Points:
    power_kva = cases["p_kw"].to_numpy(dtype=float) + 1j * cases["q_kvar"].to_numpy(dtype=float)
    drawing = power_kva != 0
    known = model.position("buses", cases["bus_id"]) if len(cases) else np.zeros(0, dtype=np.int64)
    return replace(
        points_of_scenario(model, scenario, len(case_ids)),
        added_point=case_ids.get_indexer(cases["case_id"])[drawing],
        added_bus=known[drawing],
        added_kva=power_kva[drawing],
    )
