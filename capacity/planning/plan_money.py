"""What a plan costs, as the people who pay look at it: by voltage level and year, as a cash flow, by item.

Present values are the planner's (`Plan.present_value_eur`); here nothing is chosen, only added up.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from capacity.costs import CostTable
from capacity.planning.plan import Plan
from capacity.planning.plan_assets import planned_assets
from gis.voltage import LV_MAX_KV, MV_MAX_KV

LEVEL_COLUMNS = (
    "level", "year", "steps", "length_m", "cost_low_eur", "cost_eur", "cost_high_eur", "yearly_eur",
)  # fmt: skip
CASH_COLUMNS = ("year", "capital_eur", "yearly_eur", "total_eur", "discount_factor", "present_value_eur")
ITEM_COLUMNS = ("step", "year", "measure_id", "item", "amount", "unit", "source")
# From the lowest to the highest; a station belongs to the level below it and the one above.
LEVELS: Final = ("LV", "MV/LV", "MV", "HV/MV", "HV", "none")
# Tables whose elements stand at a voltage.
_AT_VOLTAGE: Final = (
    "buses", "lines", "transformers", "switches", "sources", "loads", "generators", "capacitors",
)  # fmt: skip
_COSTS: Final = ("cost_low_eur", "cost_eur", "cost_high_eur", "yearly_eur")


def level_of_steps(plan: Plan) -> pd.Series:
    """Voltage level of each step: that of the element it acts on, "none" where it stands at no voltage."""
    levels = _level_of_elements(plan)
    places = pd.MultiIndex.from_frame(plan.steps[["table", "element_id"]].astype(str))
    return pd.Series(levels.reindex(places).fillna("none").to_numpy(), plan.steps.index, dtype=object)


def cost_by_level_and_year(plan: Plan) -> pd.DataFrame:
    """Columns `LEVEL_COLUMNS`, a row per level and year in which something is done; sums are the plan's."""
    rows = pd.DataFrame(plan.steps.drop(columns="geometry")).assign(level=level_of_steps(plan))
    rows["level"] = pd.Categorical(rows["level"], LEVELS, ordered=True)
    summed = rows.groupby(["year", "level"], observed=True, dropna=False, sort=True).agg(
        steps=("step", "size"), length_m=("length_m", "sum"), **{name: (name, "sum") for name in _COSTS}
    )
    told = summed.reset_index().astype({"level": object, "year": "Int64", "steps": "Int64"})
    return told[list(LEVEL_COLUMNS)]


def cash_flow(plan: Plan) -> pd.DataFrame:
    """Payments year by year over the horizon: columns `CASH_COLUMNS`, a row per year.

    Capital is paid in the year of its step, yearly costs from that year on until the measure ends. Steps
    without a year are paid in the first one; a plan without any year begins in year 0. Renewal at the end of
    an asset's life is not paid here.
    """
    terms, first = plan.terms, _first_year(plan)
    years = np.arange(first, first + terms.horizon_years)
    start = plan.steps["year"].fillna(first).to_numpy(dtype=int)
    until = np.array(
        [years[-1] + 1 if taken.until is None else taken.until for taken in plan.taken], dtype=int
    )
    capital = _by_year(plan.steps["cost_eur"], years[:, None] == start)
    yearly = _by_year(plan.steps["yearly_eur"], (years[:, None] >= start) & (years[:, None] < until))
    factor = (1 + terms.discount_rate_percent / 100) ** -(years - first).astype(float)
    total = capital + yearly
    rows = (years, capital, yearly, total, factor, total * factor)
    return pd.DataFrame(dict(zip(CASH_COLUMNS, rows, strict=True)))


def cost_items(plan: Plan, costs: CostTable | None = None) -> pd.DataFrame:
    """What each step buys: columns `ITEM_COLUMNS`, sources those of the cost table, where given."""
    bought = [
        (step, taken.year, taken.measure.measure_id, *item)
        for step, taken in zip(plan.steps["step"], plan.taken, strict=True)
        for item in taken.measure.cost.items
    ]
    rows = pd.DataFrame(bought, columns=list(ITEM_COLUMNS[:-1]))
    sources = {} if costs is None else _sources(costs)
    rows["source"] = pd.Series([sources.get(item) for item in rows["item"]], rows.index, dtype=object)
    return rows.astype({"step": "Int64", "year": "Int64", "amount": float})


def _sources(costs: CostTable) -> dict[str, str]:
    """Sources by item; of one priced by type all of them."""
    told = costs.rows["source"].astype(str).groupby(level=0, sort=False).unique()
    return {str(item): "; ".join(texts) for item, texts in told.items()}


def _by_year(eur: pd.Series, counts: np.ndarray) -> np.ndarray:
    return np.asarray(counts @ eur.fillna(0.0).to_numpy(dtype=float))


def _first_year(plan: Plan) -> int:
    """The first year that the plan knows of: of a step, or of a case; 0 where it knows none."""
    years = [*plan.steps["year"].dropna(), *plan.cases["year"].dropna()]
    return min(map(int, years), default=0)


def _level_of_elements(plan: Plan) -> pd.Series:
    """Level by table and id, of all that is there and all that is planned."""
    planned = planned_assets(plan)
    buses = _with_planned(plan, planned, "buses")["vn_kv"]
    parts = {
        table: _level_of(rows, buses, table)
        for table in (
            "buses",
            "lines",
            "transformers",
            "switches",
            "sources",
            "loads",
            "generators",
            "capacitors",
        )
        if len(rows := _with_planned(plan, planned, table))
    }
    return pd.concat(parts)


def _with_planned(plan: Plan, planned: dict[str, pd.DataFrame], table: str) -> pd.DataFrame:
    there = pd.DataFrame(plan.network.table(table))
    if table not in planned:
        return there
    new = pd.DataFrame(planned[table]).set_index(there.index.name)[list(there.columns)]
    new = new[~new.index.isin(there.index) & ~new.index.duplicated()]
    return pd.concat([there, new]) if len(new) else there


def _level_of(rows: pd.DataFrame, buses: pd.Series, table: str) -> pd.Series:
    if table == "transformers":
        high = rows["hv_bus_id"].map(buses).fillna(rows["vn_hv_kv"])
        low = rows["lv_bus_id"].map(buses).fillna(rows["vn_lv_kv"])
        names = np.where(low <= LV_MAX_KV, "MV/LV", np.where(high <= MV_MAX_KV, "MV", "HV/MV"))
        return pd.Series(names, rows.index, dtype=object)
    at_bus = rows["bus_id"].map(buses) if "bus_id" in rows else rows["vn_kv"]
    known = at_bus.fillna(rows["vn_kv"]) if "vn_kv" in rows else at_bus
    names = np.select([known <= LV_MAX_KV, known <= MV_MAX_KV, known > MV_MAX_KV], ["LV", "MV", "HV"], "none")
    return pd.Series(names, rows.index, dtype=object)
