"""A plan as tables: what its files hold, and what `capacity.planning.plan_reading` takes back.

    planned_lines, planned_transformers, ...   the assets, in canonical columns, each with what becomes of it
    plan_steps                                 a row and a place per step
    unresolved, cases, plan_loading            the re-run of every case
    plan_hours, plan_security, not_proposed    all hours of its years, outages, what could not be proposed
    planned_changes, _controls, _power         cells changed, what controls, batteries and contracts do
    plan_costs, cost_table                     items bought, prices with their sources
    plan_info                                  what it comes to and rests on

The same plan gives the same rows. How long it took is in none of them.
"""

from __future__ import annotations

import json
from dataclasses import asdict

import geopandas as gpd
import pandas as pd

from capacity.planning.plan import Plan
from capacity.planning.plan_assets import planned_assets, planned_changes, planned_controls, planned_power
from capacity.planning.plan_money import cost_items
from capacity.planning.plan_report import INDICATIVE, PlanReport
from capacity.result_files import settle

PLANNED = "planned_"
# Keys of `info_of` that stand before what was asked, which is named "asked: ...".
ASKED = "asked: "
_MONEY_DECIMALS = 2


def plan_layers(report: PlanReport) -> dict[str, pd.DataFrame]:
    """Layers of the plan's GeoPackage, in the order they are written."""
    plan = report.plan
    tables: dict[str, pd.DataFrame | None] = {
        **{f"{PLANNED}{table}": rows for table, rows in planned_assets(plan).items()},
        "plan_steps": placed_steps(plan),
        "unresolved": _plain(plan.unresolved),
        "cases": plan.cases,
        "plan_hours": plan.hours,
        "plan_security": None if plan.security is None else _plain(plan.security),
        "not_proposed": plan.not_proposed,
        "plan_loading": report.loading,
        "planned_changes": planned_changes(plan),
        "planned_controls": planned_controls(plan),
        "planned_power": planned_power(plan),
        "plan_costs": cost_items(plan, report.costs),
        "cost_table": price_rows(report),
        "plan_info": info_table(report),
    }
    return {name: settled(rows) for name, rows in tables.items() if rows is not None}


def placed_steps(plan: Plan) -> gpd.GeoDataFrame:
    """The steps, each at one point: what they build or change has its own shape in the planned assets."""
    taken = plan.taken
    steps = pd.DataFrame(plan.steps.drop(columns="geometry")).assign(
        measure_id=[one.measure.measure_id for one in taken],
        text=[one.measure.text for one in taken],
        until=pd.array([one.until for one in taken], dtype="Int64"),
        round=pd.array([one.round for one in taken], dtype="Int64"),
    )
    places = gpd.GeoSeries(plan.steps.geometry, crs=plan.network.crs).representative_point()
    return gpd.GeoDataFrame(steps, geometry=places, crs=plan.network.crs)


def info_of(report: PlanReport) -> dict[str, object]:
    """What the plan comes to and rests on: a word or figure by name."""
    plan, benefit = report.plan, report.benefit
    return {
        "network": plan.network.info.get("name", ""),
        "network_sha256": report.network_sha256,
        "status": plan.status,
        "capital_eur": round(plan.capital_eur, _MONEY_DECIMALS),
        "present_value_eur": round(plan.present_value_eur, _MONEY_DECIMALS),
        "bound_eur": None if plan.bound_eur is None else round(plan.bound_eur, _MONEY_DECIMALS),
        "cost_table": plan.cost_table,
        "currency": plan.currency,
        "price_year": report.price_year,
        "terms": json.dumps(plan.terms.model_dump(mode="json"), sort_keys=True),
        **({} if benefit is None else {f"benefit_{name}": value for name, value in asdict(benefit).items()}),
        **{f"{ASKED}{name}": value for name, value in report.asked.items()},
        "note": INDICATIVE,
    }


def info_table(report: PlanReport) -> pd.DataFrame:
    """`info_of` as a table: columns key, value (text; missing where unknown)."""
    told = info_of(report)
    values = [None if value is None else str(value) for value in told.values()]
    return pd.DataFrame({"key": list(told), "value": pd.Series(values, dtype=object)})


def _plain(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows without places."""
    return pd.DataFrame(rows.drop(columns="geometry", errors="ignore"))


def price_rows(report: PlanReport) -> pd.DataFrame | None:
    """The cost table, where the report has it."""
    return None if report.costs is None else report.costs.rows.rename_axis("item").reset_index()


def settled(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows as files hold them: figures rounded, money to the cent."""
    money = [name for name in rows.columns if str(name).endswith("_eur")]
    rounded = {name: rows[name].astype(float).round(_MONEY_DECIMALS) for name in money}
    return settle(rows.assign(**rounded))
