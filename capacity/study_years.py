"""The years of a study solved: one row per scenario and year, one per element, and who was not placed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.checks import Yardstick
from capacity.demand_scenario import DemandScenario
from capacity.scenario_demand import Outlook, outlook_of
from capacity.year_demand import YearDemand
from capacity.years import YearFindings, study_year
from gis import Network
from gridmodel import GridModel

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
_ELEMENT_DTYPES = {
    **dict.fromkeys(("loading_max_hour", "vm_min_hour", "vm_max_hour"), "datetime64[ns, UTC]"),
    **dict.fromkeys(
        (
            "loading_max_percent",
            "hours_over",
            "kwh_over",
            "vm_min_pu",
            "vm_max_pu",
            "hours_below",
            "hours_above",
        ),
        "float64",
    ),
}
_NO_SUPPLY = "no_supply"
# Counts per hour of what breaks a limit; missing in one without solution.
_BROKEN = ("undervoltages", "overvoltages", "line_overloads", "transformer_overloads")


@dataclass(frozen=True, eq=False)
class YearRun:
    """One year of one scenario: what is assumed, and what it does.

    Attributes
    ----------
    outlook
        The scenario laid over the network, for other draws of the year.
    model
        Serves every year and draw of the scenario.
    demand
        Of draw 0.
    """

    outlook: Outlook
    model: GridModel
    demand: YearDemand
    findings: YearFindings

    def hardest_hours(self, count: int | None) -> np.ndarray | None:
        """Positions of the hours with most demand in which a limit is broken, in order; none for all hours."""
        if count is None:
            return None
        hours = self.findings.hours
        broken = np.flatnonzero((hours[list(_BROKEN)].fillna(1).sum(axis=1) > 0).to_numpy())
        largest = np.argsort(-hours["demand_kw"].to_numpy()[broken], kind="stable")[:count]
        return np.sort(broken[largest])


def run_years(
    yardstick: Yardstick, scenario: DemandScenario, told: Callable[[str], None]
) -> Iterator[YearRun]:
    """Solve all years of a scenario, draw 0, on one model."""
    network = yardstick.network
    outlook = outlook_of(network, yardstick.supply, scenario)
    model: GridModel | None = None
    for year in scenario.years:
        demand = outlook.demand(year)
        if model is None:
            told(f"building the model of {scenario.scenario_id}")
            model = demand.model_on(network)
        told(f"solving {demand.label}")
        yield YearRun(outlook, model, demand, study_year(model, yardstick, demand))


def year_table(runs: Sequence[YearRun]) -> pd.DataFrame:
    """Columns `YEAR_COLUMNS`, one row per scenario and year.

    status: "ok" (every limit holds in every hour), "too_weak" (one is broken), "no_solution" (an hour has
    none). Energies and extremes are of the hours that have a solution.
    """
    return pd.DataFrame([_year_row(run) for run in runs], columns=list(YEAR_COLUMNS))


def element_table(runs: Sequence[YearRun], network: Network) -> gpd.GeoDataFrame:
    """Columns `ELEMENT_COLUMNS`: every bus, line and transformer in every scenario and year.

    status: "ok", "over" (out of its limit in some hour), "no_supply".
    """
    parts = [_elements(run, table, network) for run in runs for table in ("buses", "lines", "transformers")]
    nothing = pd.DataFrame(columns=list(ELEMENT_COLUMNS))
    table = pd.concat(parts, ignore_index=True)[list(ELEMENT_COLUMNS)] if parts else nothing
    return gpd.GeoDataFrame(table, geometry="geometry", crs=network.crs)


def not_placed_table(runs: Sequence[YearRun]) -> pd.DataFrame:
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


def _year_row(run: YearRun) -> dict[str, object]:
    found, hours, customers = run.findings, run.findings.hours, run.demand.customers
    placed = customers["status"] == "placed"
    people = customers.drop_duplicates("load_id")  # what they take up has rows of its own, after theirs
    counts = {
        "lines_over": int((found.lines["hours_over"] > 0).sum()),
        "transformers_over": int((found.transformers["hours_over"] > 0).sum()),
        "buses_out_of_band": int(out_of_band(found.buses).sum()),
    }
    unsolved = len(found.without_solution)
    status = "no_solution" if unsolved else "too_weak" if any(counts.values()) else "ok"
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
        "customers": float(people.loc[placed[people.index], "customers"].sum()),
        "customers_not_placed": float(people.loc[~placed[people.index], "customers"].sum()),
        "engine": found.engine,
    }  # fmt: skip


def _elements(run: YearRun, table: str, network: Network) -> pd.DataFrame:
    rows = getattr(run.findings, table)
    over = out_of_band(rows) if table == "buses" else rows["hours_over"] > 0
    status = np.where(over, "over", "ok").astype(object)
    if table == "buses":
        status[(rows["status"] == _NO_SUPPLY).to_numpy()] = _NO_SUPPLY
    return rows.reindex(columns=list(ELEMENT_COLUMNS)).assign(
        scenario=run.demand.scenario_id, year=run.demand.year, table=table, element_id=rows.index,
        status=status, geometry=network.table(table).geometry.reindex(rows.index),
    ).astype(_ELEMENT_DTYPES)  # fmt: skip
