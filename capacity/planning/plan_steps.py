"""A plan's tables: steps with their cost and why, what is left, and cases before and after."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.planning.plan import (
    PLAN_CASE_COLUMNS,
    PLAN_STEP_COLUMNS,
    UNRESOLVED_COLUMNS,
    PlanTerms,
    Taken,
)
from capacity.planning.plan_cases import PlanCases
from capacity.planning.plan_costs import step_costs
from capacity.planning.rerun import Rerun
from gis import Network

_LABELS = ["scenario", "hour", "outage"]
# Figures that a case has before and after: column of the re-run, and those of the plan's table.
_FIGURES = (
    ("vm_min_pu", "vm_min_before_pu"),
    ("vm_max_pu", "vm_max_before_pu"),
    ("line_loading_percent", "line_loading_before_percent"),
    ("transformer_loading_percent", "transformer_loading_before_percent"),
    ("loss_kw", "loss_before_kw"),
    ("unserved_kw", "unserved_before_kw"),
    ("violations", "violations_before"),
)


def steps_table(
    network: Network, taken: Sequence[Taken], terms: PlanTerms, years: Sequence[int | None], before: Rerun
) -> gpd.GeoDataFrame:
    """Columns `PLAN_STEP_COLUMNS`, a row per measure in the order given.

    status: "planned", or "until YEAR" for one that is stopped again.
    """
    costs = step_costs(taken, terms, years)
    worst = _worst_by_element(before)
    rows = [
        {
            "step": number,
            "year": one.year,
            "measure": one.measure.kind,
            **{name: getattr(one.measure, name) for name in _OF_MEASURE},
            "reason": _reason(one, worst),
            "status": "planned" if one.until is None else f"until {one.until}",
            "geometry": one.measure.geometry,
        }
        for number, one in enumerate(taken, start=1)
    ]
    table = pd.DataFrame(rows, columns=[name for name in PLAN_STEP_COLUMNS if name not in costs])
    whole = pd.concat([table, costs[["cost_low_eur", "cost_eur", "cost_high_eur", "yearly_eur"]]], axis=1)
    numeric = {"step": "int64", "year": "Int64", "length_m": float, "months": "int64"}
    return gpd.GeoDataFrame(
        whole[list(PLAN_STEP_COLUMNS)].astype(numeric), geometry="geometry", crs=network.crs
    )


_OF_MEASURE = ("table", "element_id", "from_type", "to_type", "length_m", "months")


def unresolved_table(
    after: Rerun, cases: PlanCases, capital_eur: float, reason: Callable[[pd.Series], str]
) -> pd.DataFrame:
    """Columns `UNRESOLVED_COLUMNS`: a row per limit that is still broken, each with its reason."""
    rows = after.broken.merge(cases.labels[_LABELS], left_on="case_id", right_index=True, how="left").rename(
        columns={"run_year": "year"}
    )
    rows = rows.assign(
        reason=[reason(row) for _, row in rows.iterrows()] if len(rows) else pd.Series(dtype=object),
        cost_so_far_eur=capital_eur,
    )
    numeric = dict.fromkeys(("value", "limit", "excess_percent", "cost_so_far_eur"), float)
    table = rows.reindex(columns=list(UNRESOLVED_COLUMNS)).astype({"year": "Int64", **numeric})
    return table.reset_index(drop=True)


def case_table(before: Rerun, after: Rerun, cases: PlanCases) -> pd.DataFrame:
    """Columns `PLAN_CASE_COLUMNS`: every case in every year it is run in, before and after."""
    keys = ["case_id", "run_year"]
    old = before.runs.set_index(keys)
    new = after.runs.set_index(keys)
    figures = {was: old[name].reindex(new.index).to_numpy() for name, was in _FIGURES}
    table = new.assign(**figures, violations_after=new["violations"]).reset_index()
    table = table.merge(cases.labels[_LABELS], left_on="case_id", right_index=True, how="left")
    return table.rename(columns={"run_year": "year"})[list(PLAN_CASE_COLUMNS)]


def _worst_by_element(before: Rerun) -> dict[tuple[str, str], pd.Series]:
    """The limit that each element breaks most in the network as it is."""
    rows = before.broken.sort_values("excess_percent", ascending=False, kind="stable", na_position="first")
    firsts = rows.drop_duplicates(["table", "element_id"])
    return {(row["table"], row["element_id"]): row for _, row in firsts.iterrows()}


def _reason(one: Taken, worst: dict[tuple[str, str], pd.Series]) -> str:
    """What is done, and what the element acted on breaks without."""
    row = worst.get((one.measure.table, one.measure.element_id))
    if one.reason:
        return f"{one.measure.text}: {one.reason}"
    if row is None or not np.isfinite(row["value"]):
        return one.measure.text
    figure = f"{row['value']:.1f} %" if row["unit"] == "%" else f"{row['value']:.4f} {row['unit']}"
    return f"{one.measure.text}: {figure} of {row['limit']:.4g} in {row['case_id']}"
