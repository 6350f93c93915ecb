"""Bottlenecks: where demand cannot be served, what causes it, and how much and whom it concerns.

One row per overloaded element, one per feeder with voltages out of band, and one per group of customers
without supply: of one load flow here, of the years of scenarios in `capacity.years.year_bottlenecks`.
`unserved_kw` is the least demand that has to be cut so that every limit holds (`capacity.unserved`), each kW
at what asks for it; so the rows add up to all that cannot be served. None is where feed-in breaks a limit.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.checks import Yardstick, violations
from gis import InputError
from gis.feeders import islands_of
from gridmodel import GridModel, LoadFlowResult, build_model

BOTTLENECK_COLUMNS = (
    "table", "element_id", "feeder_id", "scenario", "check", "loading_percent", "vm_pu", "unserved_kw",
    "customers_affected", "root_cause", "geometry",
)  # fmt: skip
# Checks of voltage: their rows stand for a feeder.
VOLTAGE_CHECKS = ("undervoltage", "overvoltage")
UNSERVED = ("unserved_kw", "unserved_kwh")


def find_bottlenecks(
    yardstick: Yardstick, result: LoadFlowResult, *, model: GridModel | None = None
) -> gpd.GeoDataFrame:
    """Rank the places where the grid is too weak in one solved scenario.

    Parameters
    ----------
    model
        What the result was solved on; when absent it is built anew wherever a limit is broken.

    Returns
    -------
    GeoDataFrame
        Columns `BOTTLENECK_COLUMNS`, most unserved kW first, then most customers; no rows when every
        limit holds and everybody is supplied. unserved_kw is missing where the engine, which finds the least
        cut, does not know an element of the network.
    """
    broken = violations(yardstick, result)
    rows = [
        *_overloads(yardstick, result, broken[broken["table"].isin(["lines", "transformers"])]),
        *_voltages(yardstick, result, broken[broken["table"] == "buses"]),
        *_without_supply(yardstick, result),
    ]
    table = pd.DataFrame(rows, columns=[*BOTTLENECK_COLUMNS[:-1], "unserved_kwh", "geometry"])
    if len(table):
        table = with_unserved(table, yardstick, _assets_now(yardstick, result, model))
    table = table.sort_values(
        ["unserved_kw", "customers_affected", "element_id"], ascending=[False, False, True], ignore_index=True
    )
    return as_places(table[list(BOTTLENECK_COLUMNS)], yardstick)


def with_unserved(table: pd.DataFrame, yardstick: Yardstick, assets: pd.DataFrame | None) -> pd.DataFrame:
    """Bottlenecks of one load flow or year with what each asks of the least cut.

    Parameters
    ----------
    table
        Rows of one scenario and year.
    assets
        `UnservedDemand.assets`; none where nobody has asked, which leaves the figures missing. An asset that
        asks for a cut and has no row yet gets one: it breaks its limit only where another one would hold.
    """
    if assets is None:
        return table.assign(unserved_kw=np.nan, unserved_kwh=np.nan)
    places = zip(assets["table"], assets["element_id"], strict=True)
    feeders = [_feeder_of(yardstick, table, element_id) for table, element_id in places]
    asked = assets.assign(feeder_id=pd.Series(feeders, assets.index, dtype=object))
    asked["key"] = _keys(asked, yardstick)
    sums = asked.groupby("key", sort=False)[list(UNSERVED)].sum()
    keys = _keys(table, yardstick)
    found = table.assign(**{name: keys.map(sums[name]).fillna(0.0).astype(float) for name in UNSERVED})
    more = asked[~asked["key"].isin(set(keys)) & (asked["unserved_kw"] > 0.0)]
    if more.empty:
        return found
    base = {name: table[name].iloc[0] for name in ("scenario", "year") if name in table}
    rows = [{**base, **_further_row(yardstick, asset)} for _, asset in more.iterrows()]
    return pd.concat([found, pd.DataFrame(rows).reindex(columns=found.columns)], ignore_index=True)


def as_places(table: pd.DataFrame, yardstick: Yardstick) -> gpd.GeoDataFrame:
    """The table with its dtypes and places."""
    numeric: dict[str, str | type] = {
        "loading_percent": float, "vm_pu": float, "unserved_kw": float, "customers_affected": "int64",
    }  # fmt: skip
    return gpd.GeoDataFrame(table.astype(numeric), geometry="geometry", crs=yardstick.network.crs)


def largest_change(yardstick: Yardstick, bus_id: str, vm_pu: pd.Series, *, low: bool) -> str:
    """Name the element on the supply path that takes the largest share of the voltage change."""
    path = yardstick.supply.path_to_source(bus_id)
    if path.empty:
        return ""
    change = vm_pu[path["upstream_bus_id"]].to_numpy() - vm_pu[path["bus_id"]].to_numpy()
    change = change if low else -change
    largest = int(np.argmax(change))
    element = path["element_id"].iloc[largest]
    return f"; {element} takes {100 * change[largest]:.2f} of {100 * change.sum():.2f} % on the way"


def _assets_now(yardstick: Yardstick, result: LoadFlowResult, model: GridModel | None) -> pd.DataFrame | None:
    """What asks for the least cut; nothing where the engine does not know the network."""
    from capacity.unserved import unserved_now  # needs numba

    try:
        found = unserved_now(model or build_model(yardstick.network), yardstick, result.scenario)
    except InputError:
        return None
    return found.assets


def _keys(rows: pd.DataFrame, yardstick: Yardstick) -> pd.Series:
    """What makes a row: check and feeder of a voltage, check and island without supply, else the element."""
    islands = islands_of(yardstick.network)

    def key(check: str, table: str, element_id: str, feeder_id: object) -> tuple[str, object]:
        if check in VOLTAGE_CHECKS:
            return check, feeder_id if isinstance(feeder_id, str) else ""
        if check == "no_supply":
            return check, islands[_bus_of(yardstick, table, element_id)]
        return check, "" if check == "no_solution" else element_id

    columns = (rows[name] for name in ("check", "table", "element_id", "feeder_id"))
    return pd.Series([key(*row) for row in zip(*columns, strict=True)], rows.index, dtype=object)


def _bus_of(yardstick: Yardstick, table: str, element_id: str) -> str:
    return str(yardstick.network.loads.loc[element_id, "bus_id"]) if table == "loads" else element_id


def _feeder_of(yardstick: Yardstick, table: str, element_id: str) -> object:
    feeders = yardstick.supply.feeders
    known = yardstick.supply.buses["feeder_id"] if table == "buses" else feeders.get(table, pd.Series())
    return known.get(element_id)


def _further_row(yardstick: Yardstick, asset: pd.Series) -> dict[str, object]:
    """A bottleneck that shows only in the least cut: at full demand nothing solves, or another hides it."""
    where = yardstick.network.table(asset["table"])
    return {
        **{name: asset[name] for name in ("table", "element_id", "feeder_id", "check", *UNSERVED)},
        "customers_affected": asset["customers"],
        "root_cause": f"{asset['element_id']} asks for {asset['unserved_kw']:,.1f} kW of the least cut",
        "geometry": where.geometry[asset["element_id"]],
    }


def _overloads(yardstick: Yardstick, result: LoadFlowResult, broken: pd.DataFrame) -> list[dict[str, object]]:
    """Overloaded branches, and everybody behind them."""
    customers = yardstick.supply.sum_downstream(result.per_bus(yardstick.network, "customers"))
    rows = []
    for fault in broken.to_dict("records"):
        element_id, table = fault["element_id"], fault["table"]
        below = yardstick.supply.fed_bus(table, element_id)
        behind = "" if below is None else f", {int(customers[below]):,} customers behind it"
        share = f"{fault['value']:.1f} % of its rating (limit {fault['limit']:g} %)"
        rows.append(
            {
                **{name: fault[name] for name in ("table", "element_id", "feeder_id", "scenario", "check")},
                "loading_percent": fault["value"],
                "customers_affected": 0 if below is None else int(customers[below]),
                "root_cause": f"{element_id} carries {share}{behind}",
                "geometry": yardstick.network.table(table).geometry[element_id],
            }
        )
    return rows


def _voltages(yardstick: Yardstick, result: LoadFlowResult, broken: pd.DataFrame) -> list[dict[str, object]]:
    """Voltages out of band, one row per feeder and direction, at its worst bus."""
    customers, vm_pu = result.per_bus(yardstick.network, "customers"), result.buses["vm_pu"]
    rows = []
    for (feeder_id, check), group in broken.groupby(["feeder_id", "check"], sort=False, dropna=False):
        worst = group.loc[group["excess_percent"].idxmax()]
        bus_id = str(worst["element_id"])
        said = f"{worst['value']:.4f} pu at {bus_id} (limit {worst['limit']:.4f} pu)"
        rows.append(
            {
                "table": "buses",
                "element_id": bus_id,
                "feeder_id": feeder_id,
                "scenario": worst["scenario"],
                "check": check,
                "vm_pu": worst["value"],
                "customers_affected": int(customers[group["element_id"]].sum()),
                "root_cause": said + largest_change(yardstick, bus_id, vm_pu, low=check == "undervoltage"),
                "geometry": yardstick.network.buses.geometry[bus_id],
            }
        )
    return rows


def _without_supply(yardstick: Yardstick, result: LoadFlowResult) -> list[dict[str, object]]:
    """Customers no source reaches, or all of them where the load flow has no solution."""
    loads = result.unsupplied
    if loads.empty:
        return []
    network = yardstick.network
    if not result.converged:
        share = f"{100 * result.servable_share:.0f} %"
        cause = f"the load flow has no solution; at most {share} of the demand can be served, all alike"
        return [_dead_row(yardstick, result, loads, "no_solution", cause)]
    island = network.loads.loc[loads.index, "bus_id"]
    groups = loads.groupby(islands_of(yardstick.network)[island].to_numpy(), sort=False)
    cause = "no source reaches these customers: an open switch, a line out of service or a gap in the data"
    return [_dead_row(yardstick, result, group, "no_supply", cause) for _, group in groups]


def _dead_row(
    yardstick: Yardstick, result: LoadFlowResult, loads: pd.DataFrame, check: str, cause: str
) -> dict[str, object]:
    return {
        "table": "loads",
        "element_id": loads.index[0],
        "scenario": result.scenario.scenario_id,
        "check": check,
        "customers_affected": int(loads["customers"].sum()),
        "root_cause": cause,
        "geometry": yardstick.network.loads.geometry[loads.index[0]],
    }
