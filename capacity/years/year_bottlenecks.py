"""Bottlenecks of the years of scenarios: when each begins, how long and how far it is over, and how surely.

The rows are those of one load flow (`capacity.bottlenecks`) with what a year adds. Nothing is solved here but
the hours of the worst voltages, to name the element that takes most of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.bottlenecks import as_places, largest_change, with_unserved
from capacity.checks import Yardstick
from capacity.demand.customers import people_per_bus
from capacity.demand.scenario_demand import Outlook
from capacity.demand.year_demand import YearDemand
from capacity.unserved import UnservedDemand
from capacity.years.draws import DrawFindings
from capacity.years.year import BRANCHES, YearFindings, study_year
from gis.feeders import islands_of
from gridmodel import GridModel
from gridmodel.demand_model import solve_demand
from gridmodel.outcome import Keep

# loading_percent, vm_pu: the worst hour's; hours_over [h]: over the limit or outside the band (of a feeder
# its worst bus); kwh_over: `years.study_year`; first_year: in which the limit is broken first in that
# scenario; probability: share of the draws in which it is broken in some hour; unserved_kw: least cut in the
# worst hour; unserved_kwh: over the year. The figures of a year are those of its draw 0.
YEAR_BOTTLENECK_COLUMNS = (
    "table", "element_id", "feeder_id", "scenario", "year", "check", "loading_percent", "vm_pu", "hours_over",
    "kwh_over", "first_year", "probability", "unserved_kw", "unserved_kwh", "customers_affected",
    "root_cause", "geometry",
)  # fmt: skip
_CHECKS = {"lines": "line_overload", "transformers": "transformer_overload"}


@dataclass(frozen=True, eq=False)
class StudiedYear:
    """One year of one scenario, solved: what bottlenecks are told from.

    Attributes
    ----------
    model
        What the demand was solved on.
    demand, findings
        Of draw 0.
    unserved
        Least cut of the same demand; figures of unserved demand are missing without, and energy not served
        where it was not looked for in every hour.
    draws
        Many draws of the year; the probability is missing without.
    """

    model: GridModel
    demand: YearDemand
    findings: YearFindings
    unserved: UnservedDemand | None = None
    draws: DrawFindings | None = None

    @property
    def unserved_kwh(self) -> float | None:
        """Energy not served over the year; nothing where it was not looked for in every hour."""
        whole = self.unserved is not None and len(self.unserved.hours) == len(self.findings.hours)
        return self.unserved.energy_kwh if self.unserved is not None and whole else None


def solved_years(
    outlook: Outlook, yardstick: Yardstick, years: Iterable[int], *, told: Callable[[str], None]
) -> Iterator[StudiedYear]:
    """Solve years of a demand scenario one after the other, draw 0, on one model.

    Parameters
    ----------
    told
        Takes what is being done, for people who wait.
    """
    model: GridModel | None = None
    for year in years:
        demand = outlook.demand(year)
        if model is None:
            told(f"building the model of {demand.scenario_id}")
            model = demand.model_on(yardstick.network)
        told(f"solving {demand.label}")
        yield StudiedYear(model, demand, study_year(model, yardstick, demand))


def bottlenecks_of_years(yardstick: Yardstick, years: Iterable[StudiedYear]) -> gpd.GeoDataFrame:
    """Rank the places where the grid is too weak in each year of each scenario.

    Returns
    -------
    GeoDataFrame
        Columns `YEAR_BOTTLENECK_COLUMNS`, by scenario and year as given; within a year most unserved first,
        then most kWh and hours over. An element that only breaks its limit in other draws than draw 0 has
        its row too, with its probability. No rows where every limit holds in every hour and everybody is
        supplied.
    """
    parts = [_bottlenecks_of_year(yardstick, studied) for studied in years]
    filled = [part for part in parts if len(part)]
    columns = list(YEAR_BOTTLENECK_COLUMNS)
    table = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=columns)
    table["first_year"] = _first_years(table)
    numeric = {
        "year": "int64",
        **dict.fromkeys(("hours_over", "kwh_over", "probability", "unserved_kwh"), float),
    }
    return as_places(table[columns].astype(numeric), yardstick)


def worst_hours_of(findings: YearFindings) -> np.ndarray:
    """Positions of the hours in which an element over its limit is at its worst, and of those unsolved."""
    buses = findings.buses
    worst = [
        *(findings.over(table)["loading_max_hour"] for table in BRANCHES),
        buses.loc[buses["hours_below"] > 0, "vm_min_hour"],
        buses.loc[buses["hours_above"] > 0, "vm_max_hour"],
    ]
    index = findings.hours.index
    at_worst = index.isin(pd.DatetimeIndex(np.concatenate([hours.to_numpy(dtype=object) for hours in worst])))
    return np.flatnonzero(at_worst | (findings.hours["status"] != "converged").to_numpy())


def _bottlenecks_of_year(yardstick: Yardstick, studied: StudiedYear) -> pd.DataFrame:
    rows = [
        *(row for table in BRANCHES for row in _overloads(yardstick, studied, table)),
        *_voltages(yardstick, studied),
        *_without_supply(yardstick, studied),
        *_without_solution(yardstick, studied),
    ]
    if not rows:
        return pd.DataFrame()
    found = studied.findings
    table = pd.DataFrame(rows).assign(scenario=found.scenario_id, year=found.year)
    table = table.reindex(columns=list(YEAR_BOTTLENECK_COLUMNS))
    unserved = studied.unserved
    table = with_unserved(table, yardstick, None if unserved is None else unserved.assets)
    if studied.unserved_kwh is None:
        table["unserved_kwh"] = np.nan
    order = ["unserved_kwh", "unserved_kw", "kwh_over", "hours_over", "customers_affected", "probability"]
    return table.sort_values(
        [*order, "element_id"], ascending=[False] * len(order) + [True], ignore_index=True
    )


def _overloads(yardstick: Yardstick, studied: StudiedYear, table: str) -> list[dict[str, object]]:
    """Lines or transformers over their limit in some hour, of draw 0 or of another."""
    rows, surely = studied.findings.branches(table), _probability(studied, table)
    chosen = rows[(rows["hours_over"] > 0) | (surely.reindex(rows.index) > 0.0)]
    behind = yardstick.supply.sum_downstream(people_per_bus(studied.demand.customers, yardstick.network))
    fed_bus = pd.Series(
        yardstick.supply.buses.index, index=pd.Index(yardstick.supply.buses["upstream_id"], dtype=object)
    )[(yardstick.supply.buses["upstream_table"] == table).to_numpy()]
    found = []
    for element_id, row in chosen.iterrows():
        below = fed_bus.get(element_id)
        customers = 0 if below is None else round(behind[below])
        found.append(
            {
                "table": table,
                "element_id": element_id,
                "feeder_id": row["feeder_id"],
                "check": _CHECKS[table],
                "loading_percent": row["loading_max_percent"],
                "hours_over": row["hours_over"],
                "kwh_over": row["kwh_over"],
                "probability": surely.get(element_id, np.nan),
                "customers_affected": customers,
                "root_cause": _overload_cause(str(element_id), row, studied, customers if below else None),
                "geometry": yardstick.network.table(table).geometry[element_id],
            }
        )
    return found


def _overload_cause(element_id: str, row: pd.Series, studied: StudiedYear, customers: int | None) -> str:
    behind = "" if customers is None else f", {customers:,} customers behind it"
    worst = f"{row['loading_max_percent']:.1f} % of its rating (limit {row['limit_percent']:g} %)"
    if not row["hours_over"] > 0:
        return f"{element_id} carries up to {worst} in draw 0, more in other draws{behind}"
    hour = _said(row["loading_max_hour"])
    return f"{element_id} carries up to {worst}, {row['hours_over']:,g} h over it, most at {hour}{behind}"


def _voltages(yardstick: Yardstick, studied: StudiedYear) -> list[dict[str, object]]:
    """Voltages out of band, one row per feeder and direction, at the bus that is out for most hours."""
    buses, customers = studied.findings.buses, people_per_bus(studied.demand.customers, yardstick.network)
    found = []
    for check, extreme, hours in (
        ("undervoltage", "vm_min", "hours_below"),
        ("overvoltage", "vm_max", "hours_above"),
    ):
        surely = _probability(studied, "buses", hours.replace("hours", "probability"))
        chosen = (buses[hours] > 0) | (surely.reindex(buses.index) > 0.0)
        out = buses[chosen].assign(feeder_id=lambda rows: rows["feeder_id"].fillna(""))
        for feeder_id, group in out.groupby("feeder_id", sort=False):
            farthest = group[f"{extreme}_pu"] * (1.0 if check == "undervoltage" else -1.0)
            worst = group.assign(farthest=farthest).sort_values([hours, "farthest"], ascending=[False, True])
            bus_id, row = str(worst.index[0]), worst.iloc[0]
            found.append(
                {
                    "table": "buses",
                    "element_id": bus_id,
                    "feeder_id": feeder_id or None,
                    "check": check,
                    "vm_pu": row[f"{extreme}_pu"],
                    "hours_over": row[hours],
                    "probability": surely.reindex(group.index).max(),
                    "customers_affected": round(customers[group.index].sum()),
                    "root_cause": _voltage_cause(yardstick, studied, bus_id, check, extreme, hours),
                    "geometry": yardstick.network.buses.geometry[bus_id],
                }
            )
    return found


def _voltage_cause(
    yardstick: Yardstick, studied: StudiedYear, bus_id: str, check: str, extreme: str, hours: str
) -> str:
    row = studied.findings.buses.loc[bus_id]
    hour = row[f"{extreme}_hour"]
    said = f"{row[f'{extreme}_pu']:.4f} pu at {bus_id} at {_said(hour)}, {row[hours]:,g} h outside its band"
    factors = studied.demand.factors
    place = np.flatnonzero(studied.findings.hours.index == hour)
    solved = solve_demand(studied.model, studied.demand.demand, factors.iloc[place], keep=Keep(buses="all"))
    return said + largest_change(yardstick, bus_id, solved.vm_pu.iloc[0], low=check == "undervoltage")


def _without_supply(yardstick: Yardstick, studied: StudiedYear) -> list[dict[str, object]]:
    """Customers no source reaches, a row per island."""
    dead = studied.findings.buses["status"] == "no_supply"
    customers = people_per_bus(studied.demand.customers, yardstick.network)
    drawn = pd.Series((studied.demand.demand.kva != 0.0).any(axis=1), dead.index)
    buses = dead.index[(dead & ((customers > 0) | drawn)).to_numpy()]
    islands = islands_of(yardstick.network)[buses]
    hours = len(studied.findings.hours) * studied.findings.step_h
    cause = "no source reaches these customers: an open switch, a line out of service or a gap in the data"
    return [
        {
            "table": "buses",
            "element_id": group.index[0],
            "check": "no_supply",
            "hours_over": hours,
            "customers_affected": round(customers[group.index].sum()),
            "root_cause": cause,
            "geometry": yardstick.network.buses.geometry[group.index[0]],
        }
        for _, group in islands.groupby(islands, sort=False)
    ]


def _without_solution(yardstick: Yardstick, studied: StudiedYear) -> list[dict[str, object]]:
    """Hours in which the load flow has no solution, one row."""
    unsolved, network = studied.findings.without_solution, yardstick.network
    if unsolved.empty:
        return []
    first = f"{_said(unsolved.index[0])}: {unsolved['reason'].iloc[0]}"
    source = network.sources.index[0]
    return [
        {
            "table": "sources",
            "element_id": source,
            "check": "no_solution",
            "hours_over": len(unsolved) * studied.findings.step_h,
            "customers_affected": round(people_per_bus(studied.demand.customers, yardstick.network).sum()),
            "root_cause": f"the load flow has no solution in {len(unsolved):,} hours, first {first}",
            "geometry": network.sources.geometry[source],
        }
    ]


def _probability(studied: StudiedYear, table: str, column: str = "probability") -> pd.Series:
    """Share of the draws in which each element breaks its limit; nothing without draws."""
    if studied.draws is None:
        return pd.Series(dtype=float)
    rows = studied.draws.buses if table == "buses" else studied.draws.branches(table)
    return rows[column]


def _first_years(table: pd.DataFrame) -> pd.Series:
    """First year in which each row's element breaks its limit in draw 0 of its scenario; missing if never."""
    if table.empty:
        return pd.Series(dtype="Int64")
    voltage = table["table"] == "buses"
    what = table["element_id"].where(~voltage | table["feeder_id"].isna(), table["feeder_id"])
    broken = table["year"].where(table["hours_over"] > 0).astype("Int64")
    return broken.groupby([table["scenario"], table["check"], what]).transform("min")


def _said(hour: object) -> str:
    """Day and hour; the year is that of the profiles, which a scenario's years share."""
    return str(pd.Timestamp(hour).strftime("%d %b %H:%M UTC"))  # type: ignore[arg-type]  # a time
