"""Tables of the years of a study: a row per scenario and year, one per element, and who was not placed."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.data_quality import WeakFeeders
from capacity.demand.customers import people_of
from capacity.years.year_bottlenecks import StudiedYear
from gis import Network
from gis.quality.score import TOO_WEAK

YEAR_COLUMNS = (
    "scenario", "year", "draw", "status", "hours", "hours_without_solution", "demand_kwh", "served_kwh",
    "without_supply_kwh", "generation_kwh", "loss_kwh", "peak_kw", "peak_hour", "vm_min_pu", "vm_max_pu",
    "line_loading_max_percent", "transformer_loading_max_percent", "lines_over", "transformers_over",
    "buses_out_of_band", "customers", "customers_not_placed", "engine",
)  # fmt: skip
ELEMENT_COLUMNS = (
    "scenario", "year", "table", "element_id", "feeder_id", "status", "loading_max_percent",
    "loading_max_hour", "hours_over", "kwh_over", "vm_min_pu", "vm_min_hour", "vm_max_pu", "vm_max_hour",
    "hours_below", "hours_above", "geometry",
)  # fmt: skip
NOT_PLACED_COLUMNS = (
    "scenario", "year", "load_id", "bus_id", "group", "customers", "peak_kw", "status", "reason",
)  # fmt: skip
# So that a table of buses and one of lines can be stacked.
_HOURS = ("loading_max_hour", "vm_min_hour", "vm_max_hour")
_FIGURES = (
    "loading_max_percent", "hours_over", "kwh_over", "vm_min_pu", "vm_max_pu", "hours_below", "hours_above",
)  # fmt: skip
_ELEMENT_DTYPES = {**dict.fromkeys(_HOURS, "datetime64[ns, UTC]"), **dict.fromkeys(_FIGURES, "float64")}
_NO_SUPPLY = "no_supply"


def year_table(runs: Sequence[StudiedYear], network: Network) -> pd.DataFrame:
    """Columns `YEAR_COLUMNS`, one row per scenario and year.

    status: "within_limits" (in every hour), "limits_violated", "no_solution" (an hour has none). Energies and
    extremes are of the hours that have a solution.
    """
    return pd.DataFrame([_year_row(run, network) for run in runs], columns=list(YEAR_COLUMNS))


def element_table(
    runs: Sequence[StudiedYear], network: Network, weak: WeakFeeders = MappingProxyType({})
) -> gpd.GeoDataFrame:
    """Columns `ELEMENT_COLUMNS`: every bus, line and transformer in every scenario and year.

    status: "ok", "over" (out of its limit in some hour), "no_supply", or "data too weak for results", then
    without figures.
    """
    parts = [_elements(run, table, network) for run in runs for table in ("buses", "lines", "transformers")]
    nothing = pd.DataFrame(columns=list(ELEMENT_COLUMNS))
    table = pd.concat(parts, ignore_index=True)[list(ELEMENT_COLUMNS)] if parts else nothing
    lost = table["feeder_id"].isin(weak)
    table = table.assign(
        status=table["status"].where(~lost, TOO_WEAK),
        **{name: table[name].mask(lost) for name in (*_HOURS, *_FIGURES)},
    )
    return gpd.GeoDataFrame(table, geometry="geometry", crs=network.crs)


def not_placed_table(runs: Sequence[StudiedYear]) -> pd.DataFrame:
    """Columns `NOT_PLACED_COLUMNS`: customers that draw nothing in a year, each with the reason."""
    parts = [
        run.demand.customers[run.demand.customers["status"] != "placed"].assign(
            scenario=run.demand.scenario_id, year=run.demand.year
        )
        for run in runs
    ]
    rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return rows.reindex(columns=list(NOT_PLACED_COLUMNS))


def out_of_band(buses: pd.DataFrame) -> pd.Series:
    """Whether each bus is outside its band in some hour."""
    return (buses["hours_below"] > 0) | (buses["hours_above"] > 0)


def _year_row(run: StudiedYear, network: Network) -> dict[str, object]:
    found, hours = run.findings, run.findings.hours
    people = people_of(run.demand.customers, network)
    counts = {
        "lines_over": int((found.lines["hours_over"] > 0).sum()),
        "transformers_over": int((found.transformers["hours_over"] > 0).sum()),
        "buses_out_of_band": int(out_of_band(found.buses).sum()),
    }
    unsolved = len(found.without_solution)
    status = "no_solution" if unsolved else "limits_violated" if any(counts.values()) else "within_limits"
    demand_kw = hours["demand_kw"]
    return {
        "scenario": found.scenario_id, "year": found.year, "draw": found.draw, "status": status,
        "hours": len(hours), "hours_without_solution": unsolved,
        **{f"{name}_kwh": found.energy_kwh[name] for name in ("demand", "served", "generation", "loss")},
        "without_supply_kwh": found.energy_kwh["unserved"],
        "peak_kw": demand_kw.max(), "peak_hour": demand_kw.idxmax(),
        "vm_min_pu": hours["vm_min_pu"].min(), "vm_max_pu": hours["vm_max_pu"].max(),
        "line_loading_max_percent": hours["line_loading_max_percent"].max(),
        "transformer_loading_max_percent": hours["transformer_loading_max_percent"].max(),
        **counts,
        "customers": float(people.loc[people["placed"], "customers"].sum()),
        "customers_not_placed": float(people.loc[~people["placed"], "customers"].sum()),
        "engine": found.engine,
    }  # fmt: skip


def _elements(run: StudiedYear, table: str, network: Network) -> pd.DataFrame:
    rows = getattr(run.findings, table)
    over = out_of_band(rows) if table == "buses" else rows["hours_over"] > 0
    status = np.where(over, "over", "ok").astype(object)
    if table == "buses":
        status[(rows["status"] == _NO_SUPPLY).to_numpy()] = _NO_SUPPLY
    return rows.reindex(columns=list(ELEMENT_COLUMNS)).assign(
        scenario=run.demand.scenario_id, year=run.demand.year, table=table, element_id=rows.index,
        status=status, geometry=network.table(table).geometry.reindex(rows.index),
    ).astype(_ELEMENT_DTYPES)  # fmt: skip
