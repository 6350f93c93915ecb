"""Two plans of one network beside each other: steps that only one of them has, and those of both."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from capacity.planning.plan import Plan
from capacity.planning.plan_assets import planned_assets
from capacity.planning.plan_report import PlanReport
from capacity.planning.plan_summary import plan_figures

DIFFERENCE_COLUMNS = ("within", "measure_id", "what", "year_a", "year_b", "cost_a_eur", "cost_b_eur")
# Where a step is: in both at the same time, in both in other years, in one alone.
WITHIN = ("both", "other year", "only A", "only B")


def differing_steps(a: Plan, b: Plan) -> pd.DataFrame:
    """Columns `DIFFERENCE_COLUMNS`: a row per measure of either plan, what differs first, dearest on top.

    Costs are those of the steps, shared trenches counted as each plan counts them; missing where a plan does
    not take the measure.
    """
    both = _steps(a).join(_steps(b), how="outer", lsuffix="_a", rsuffix="_b")
    both = both.rename(columns={"cost_a": "cost_a_eur", "cost_b": "cost_b_eur"})
    rows = pd.DataFrame(
        {
            "within": _within(both),
            "measure_id": both.index,
            "what": both["what_a"].where(both["what_a"].notna(), both["what_b"]),
            **{name: both[name] for name in ("year_a", "year_b", "cost_a_eur", "cost_b_eur")},
        }
    )
    cost = rows[["cost_a_eur", "cost_b_eur"]].max(axis=1)
    order = pd.DataFrame({"same": rows["within"] == "both", "cost": -cost, "id": rows["measure_id"]})
    return rows.loc[order.sort_values(["same", "cost", "id"]).index, list(DIFFERENCE_COLUMNS)].reset_index(
        drop=True
    )


def differing_assets(a: Plan, b: Plan) -> gpd.GeoDataFrame:
    """Places of what both plans touch: columns within (as of the step that touches it) and geometry."""
    within = differing_steps(a, b).set_index("measure_id")["within"]
    parts = [
        rows[["measure_id", "geometry"]].dropna(subset=["geometry"])
        for plan in (a, b)
        for rows in planned_assets(plan).values()
        if isinstance(rows, gpd.GeoDataFrame)
    ]
    crs = a.network.crs
    if not parts:
        return gpd.GeoDataFrame({"within": [], "geometry": []}, geometry="geometry", crs=crs)
    drawn = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), geometry="geometry", crs=crs)
    drawn = drawn[~(drawn["measure_id"] + drawn.geometry.to_wkt()).duplicated()]
    return drawn.assign(within=drawn["measure_id"].map(within))[["within", "geometry"]].reset_index(drop=True)


def figures_beside(a: PlanReport, b: PlanReport) -> pd.DataFrame:
    """Key figures of both as text: columns figure, a, b."""
    of_a, of_b = plan_figures(a), plan_figures(b)
    labels = list(dict.fromkeys([*of_a, *of_b]))
    return pd.DataFrame(
        {
            "figure": labels,
            "a": [of_a.get(label, "") for label in labels],
            "b": [of_b.get(label, "") for label in labels],
        }
    )


def _steps(plan: Plan) -> pd.DataFrame:
    """Year, cost and text by measure; of one that is taken twice the first."""
    rows = pd.DataFrame(
        {
            "what": [one.measure.text for one in plan.taken],
            "year": plan.steps["year"].to_numpy(),
            "cost_eur": plan.steps["cost_eur"].to_numpy(dtype=float),
        },
        index=pd.Index([one.measure.measure_id for one in plan.taken], name="measure_id", dtype=object),
    ).astype({"year": "Int64", "what": object})
    return rows[~rows.index.duplicated()].rename(columns={"cost_eur": "cost"})


def _within(both: pd.DataFrame) -> pd.Series:
    in_a, in_b = both["what_a"].notna(), both["what_b"].notna()
    same = (both["year_a"].fillna(-1) == both["year_b"].fillna(-1)).astype(bool)
    within = pd.Series("both", both.index, dtype=object)
    return within.mask(~same, "other year").mask(~in_b, "only A").mask(~in_a, "only B")
