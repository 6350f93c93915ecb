"""A plan as tables: what its files hold, and what `capacity.planning.plan_reading` takes back.

    planned_lines, planned_transformers, ...   the assets, in canonical columns, each with what becomes of it
    plan_steps                                 a row and a place per step
    unresolved, cases, plan_loading            the re-run of every case
    planned_changes, plan_costs, plan_info     cells changed, items bought, what it all rests on

The same plan gives the same rows. How long it took is in none of them.
"""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import pandas as pd

from capacity.costs import CostTable
from capacity.planning.plan import Plan
from capacity.planning.plan_assets import planned_assets, planned_changes
from capacity.planning.plan_money import cost_items
from capacity.result_files import settle
from capacity.study.study_record import network_record

PLANNED = "planned_"
INDICATIVE = (
    "indicative, not an offer: prices are those of the cost table, routes and equipment need a site check"
)
_MONEY_DECIMALS = 2


def plan_layers(plan: Plan, costs: CostTable | None = None) -> dict[str, pd.DataFrame]:
    """Layers of the plan's GeoPackage, in the order they are written."""
    assets = {f"{PLANNED}{table}": rows for table, rows in planned_assets(plan).items()}
    tables: dict[str, pd.DataFrame] = {
        "plan_steps": placed_steps(plan),
        "unresolved": plan.unresolved,
        "cases": _with_id(plan.cases),
        "planned_changes": planned_changes(plan),
        "plan_costs": cost_items(plan, costs),
        "plan_info": info_table(plan, costs),
    }
    loading = loading_of(plan)
    if loading is not None:
        tables["plan_loading"] = loading
    return {name: settled(rows) for name, rows in {**assets, **tables}.items()}


def placed_steps(plan: Plan) -> gpd.GeoDataFrame:
    """The steps, each at one point: what they build or change has its own shape in the planned assets."""
    steps = plan.steps.assign(
        measure_id=[taken.measure.measure_id for taken in plan.taken],
        text=[taken.measure.text for taken in plan.taken],
        until=pd.array([taken.until for taken in plan.taken], dtype="Int64"),
    )
    places = gpd.GeoSeries(steps.geometry, crs=plan.network.crs).representative_point()
    return gpd.GeoDataFrame(steps.drop(columns="geometry"), geometry=places, crs=plan.network.crs)


def info_of(plan: Plan, costs: CostTable | None = None) -> dict[str, object]:
    """What the plan comes to and rests on: a word or figure by name."""
    return {
        "network": plan.network.info.get("name", ""),
        "network_sha256": network_record(plan.network)["sha256"],
        "status": plan.status,
        "capital_eur": round(plan.capital_eur, _MONEY_DECIMALS),
        "present_value_eur": round(plan.present_value_eur, _MONEY_DECIMALS),
        "bound_eur": None if plan.bound_eur is None else round(plan.bound_eur, _MONEY_DECIMALS),
        "cost_table": plan.cost_table,
        "currency": plan.currency,
        "price_year": None if costs is None else costs.price_year,
        "note": INDICATIVE,
        **asked_of(plan),
    }


def asked_of(plan: Plan) -> Mapping[str, object]:
    """What was asked of the planner, as far as the plan says."""
    asked = getattr(plan, "asked", None)
    return {} if asked is None else dict(asked)


def info_table(plan: Plan, costs: CostTable | None = None) -> pd.DataFrame:
    """`info_of` as a table: columns key, value (text; missing where unknown)."""
    told = info_of(plan, costs)
    values = [None if value is None else str(value) for value in told.values()]
    return pd.DataFrame({"key": list(told), "value": pd.Series(values, dtype=object)})


def loading_of(plan: Plan) -> pd.DataFrame | None:
    """Loading of every element before and after, where the plan has it."""
    loading: pd.DataFrame | None = getattr(plan, "loading", None)
    return loading


def settled(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows as files hold them: figures rounded, money to the cent."""
    money = [name for name in rows.columns if name.endswith("_eur")]
    return settle(rows.assign(**{name: rows[name].astype(float).round(_MONEY_DECIMALS) for name in money}))


def _with_id(cases: pd.DataFrame) -> pd.DataFrame:
    """Cases with their id as a column."""
    return cases if "case_id" in cases.columns else cases.rename_axis("case_id").reset_index()
