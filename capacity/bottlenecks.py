"""Bottlenecks: where demand cannot be served, what causes it, and how much and whom it concerns.

One row per overloaded element, one per feeder with voltages out of band, and one per group of
customers without supply. `unserved_kw` is the demand that has to come off there: of an overloaded
element the part above its limit (none where feed-in overloads it), of a voltage the customers below
the band, of an island all.
The least cut that clears every limit at once is a different question.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.checks import Yardstick, violations
from gis.feeders import islands_of
from gridmodel import LoadFlowResult

BOTTLENECK_COLUMNS = (
    "table", "element_id", "feeder_id", "scenario", "check", "loading_percent", "vm_pu", "unserved_kw",
    "customers_affected", "root_cause", "geometry",
)  # fmt: skip


def find_bottlenecks(yardstick: Yardstick, result: LoadFlowResult) -> gpd.GeoDataFrame:
    """Rank the places where the grid is too weak in one solved scenario.

    Returns
    -------
    GeoDataFrame
        Columns `BOTTLENECK_COLUMNS`, most unserved kW first, then most customers; no rows when every
        limit holds and everybody is supplied.
    """
    broken = violations(yardstick, result)
    parts = [
        _overloads(yardstick, result, broken[broken["table"].isin(["lines", "transformers"])]),
        _voltages(yardstick, result, broken[broken["table"] == "buses"]),
        _without_supply(yardstick, result),
    ]
    rows = [row for part in parts for row in part]
    table = pd.DataFrame(rows, columns=list(BOTTLENECK_COLUMNS))
    table = table.sort_values(
        ["unserved_kw", "customers_affected", "element_id"], ascending=[False, False, True], ignore_index=True
    )
    numeric = {"loading_percent": float, "vm_pu": float, "unserved_kw": float, "customers_affected": "int64"}
    return gpd.GeoDataFrame(table.astype(numeric), geometry="geometry", crs=yardstick.network.crs)


def _overloads(
    yardstick: Yardstick, result: LoadFlowResult, broken: pd.DataFrame
) -> list[tuple[object, ...]]:
    """Overloaded branches: what flows beyond the limit, and everybody behind them."""
    customers = yardstick.supply.sum_downstream(result.per_bus(yardstick.network, "customers"))
    rows: list[tuple[object, ...]] = []
    for fault in broken.itertuples():
        below = yardstick.supply.fed_bus(fault.table, fault.element_id)
        flow_kw = _demand_flow_kw(yardstick, result, fault.table, fault.element_id, below)
        behind = "" if below is None else f", {int(customers[below]):,} customers behind it"
        cause = (
            f"{fault.element_id} carries {fault.value:.1f} % of its rating (limit {fault.limit:g} %){behind}"
        )
        rows.append(
            (
                fault.table, fault.element_id, fault.feeder_id, fault.scenario, fault.check, fault.value,
                np.nan, flow_kw * (1.0 - fault.limit / fault.value),
                0 if below is None else int(customers[below]), cause,
                yardstick.network.table(fault.table).geometry[fault.element_id],
            )
        )  # fmt: skip
    return rows


def _voltages(yardstick: Yardstick, result: LoadFlowResult, broken: pd.DataFrame) -> list[tuple[object, ...]]:
    """Voltages out of band, one row per feeder and direction, at its worst bus."""
    demand_kw = result.per_bus(yardstick.network, "demand_kw")
    customers = result.per_bus(yardstick.network, "customers")
    rows: list[tuple[object, ...]] = []
    for (feeder_id, check), group in broken.groupby(["feeder_id", "check"], sort=False, dropna=False):
        worst = group.loc[group["excess_percent"].idxmax()]
        at = group["element_id"]
        low = check == "undervoltage"
        rows.append(
            (
                "buses", worst["element_id"], feeder_id, worst["scenario"], check, np.nan, worst["value"],
                float(demand_kw[at].sum()) if low else 0.0, int(customers[at].sum()),
                _voltage_cause(yardstick, result, worst),
                yardstick.network.buses.geometry[worst["element_id"]],
            )
        )  # fmt: skip
    return rows


def _voltage_cause(yardstick: Yardstick, result: LoadFlowResult, worst: pd.Series) -> str:
    """Name the element on the supply path that takes the largest share of the voltage change."""
    path = yardstick.supply.path_to_source(str(worst["element_id"]))
    said = f"{worst['value']:.4f} pu at {worst['element_id']} (limit {worst['limit']:.4f} pu)"
    if path.empty:
        return said
    vm_pu = result.buses["vm_pu"]
    change = vm_pu[path["upstream_bus_id"]].to_numpy() - vm_pu[path["bus_id"]].to_numpy()
    change = change if worst["check"] == "undervoltage" else -change
    largest = int(np.argmax(change))
    element = path["element_id"].iloc[largest]
    return f"{said}; {element} takes {100 * change[largest]:.2f} of {100 * change.sum():.2f} % on the way"


def _without_supply(yardstick: Yardstick, result: LoadFlowResult) -> list[tuple[object, ...]]:
    """Customers no source reaches, or all of them where the load flow has no solution."""
    loads = result.unsupplied
    if loads.empty:
        return []
    network = yardstick.network
    if not result.converged:
        share = f"{100 * result.servable_share:.0f} %"
        cause = f"the load flow has no solution; at most {share} of the demand can be served"
        return [_dead_row(yardstick, result, loads, "no_solution", cause)]
    island = network.loads.loc[loads.index, "bus_id"]
    groups = loads.groupby(islands_of(yardstick.network)[island].to_numpy(), sort=False)
    cause = "no source reaches these customers: an open switch, a line out of service or a gap in the data"
    return [_dead_row(yardstick, result, group, "no_supply", cause) for _, group in groups]


def _dead_row(
    yardstick: Yardstick, result: LoadFlowResult, loads: pd.DataFrame, check: str, cause: str
) -> tuple[object, ...]:
    first = yardstick.network.loads.loc[loads.index[0]]
    return (
        "loads", loads.index[0], None, result.scenario.scenario_id, check, np.nan, np.nan,
        float(loads["unserved_kw"].sum()), int(loads["customers"].sum()), cause, first.geometry,
    )  # fmt: skip


def _demand_flow_kw(
    yardstick: Yardstick, result: LoadFlowResult, table: str, element_id: str, below: str | None
) -> float:
    """Power [kW] an element carries towards the bus it feeds; 0 where generation flows back through it."""
    if table == "transformers":
        flow_kw, end = float(result.transformers.loc[element_id, "p_hv_kw"]), "lv_bus_id"
    else:
        flow_kw, end = float(result.lines.loc[element_id, "p_from_kw"]), "to_bus_id"
    if below is None:
        return abs(flow_kw)
    forward = yardstick.network.table(table).loc[element_id, end] == below
    return max(flow_kw if forward else -flow_kw, 0.0)
