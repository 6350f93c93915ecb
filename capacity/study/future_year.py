"""One year of one demand scenario as people look at it: figures, elements, bottlenecks, chains, assumptions.

Everything here is a finished table; the models it was solved on are gone. Nothing is found here that
`capacity.years`, `unserved`, `year_bottlenecks`, `root_cause` and `comparison` do not find.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.checks import State, Yardstick, band_used_percent, loading_used_percent
from capacity.data_quality import WeakFeeders, hold_back_bottlenecks, hold_back_chains
from capacity.demand.demand_scenario import DemandScenario
from capacity.demand.demand_summary import demand_summary
from capacity.demand.scenario_demand import outlook_of
from capacity.demand.year_demand import YearDemand
from capacity.output import with_lonlat
from capacity.study.opened_study import hardest_hours
from capacity.study.study_tables import element_table, year_table
from capacity.study.study_year_steps import unserved_row
from capacity.unserved import unserved_demand
from capacity.years.root_cause import chains_of_year
from capacity.years.year import BRANCHES, YearFindings, study_year
from capacity.years.year_bottlenecks import StudiedYear, bottlenecks_of_years
from gis import Network
from gis.feeders import Supply
from gis.formats.spreadsheet import neutralise
from gridmodel import GridModel
from gridmodel.demand_model import solve_demand
from gridmodel.outcome import Keep

# Hours whose voltages are kept at once.
_HOURS_KEPT = 500
# More than any year has hours: all in which a limit is broken.
EVERY_HOUR = 10_000
TOGETHER = "all together"


@dataclass(frozen=True, eq=False)
class FutureYear:
    """What one year of a demand scenario does to a network.

    Attributes
    ----------
    figures
        `study_tables.YEAR_COLUMNS` and, of the hours asked, `study_year_steps.UNSERVED_COLUMNS`.
    elements
        `study_tables.ELEMENT_COLUMNS`: every bus, line and transformer.
    band_used_percent
        Largest share of its voltage band that each bus uses in any hour [%].
    bottlenecks
        `year_bottlenecks.YEAR_BOTTLENECK_COLUMNS` with status.
    chains
        `root_cause.CHAIN_COLUMNS`.
    hours_broken
        Hours in which a limit is broken; the least cut was looked for in `figures["hours_asked"]` of them.
    """

    scenario: DemandScenario
    year: int
    figures: pd.Series
    elements: gpd.GeoDataFrame
    band_used_percent: pd.Series
    bottlenecks: gpd.GeoDataFrame
    chains: pd.DataFrame
    hours_broken: int

    @property
    def whole_cut(self) -> bool:
        """Whether the least cut was looked for in every hour that breaks a limit."""
        return bool(self.figures["hours_asked"] >= self.hours_broken)


def study_future(
    yardstick: Yardstick, scenario: DemandScenario, year: int, *, cut_hours: int, weak: WeakFeeders
) -> FutureYear:
    """Study one year of a scenario on a model of its own.

    Parameters
    ----------
    cut_hours
        In how many hours at most the least cut is looked for: those with most demand that break a limit.

    Raises
    ------
    ValueError
        The year lies before the scenario's base year.
    InputError
        The engine does not know an element of the network.
    """
    network = yardstick.network
    demand = outlook_of(network, yardstick.supply, scenario).demand(year)
    model = demand.model_on(network)
    findings = study_year(model, yardstick, demand)
    broken, hours = (hardest_hours(findings, count) for count in (EVERY_HOUR, cut_hours))
    cut = unserved_demand(model, yardstick, demand, hours=hours, step_h=findings.step_h)
    run = StudiedYear(model, demand, findings, cut)
    told = pd.Series(unserved_row(run, cut, network)).drop("status")
    used = band_used_of_year(model, yardstick, demand, findings)
    return FutureYear(
        scenario=scenario,
        year=year,
        figures=pd.concat([year_table([run], network).iloc[0], told.drop(["scenario", "year"])]),
        elements=element_table([run], network, weak),
        band_used_percent=used.mask(yardstick.supply.buses["feeder_id"].isin(weak)),
        bottlenecks=hold_back_bottlenecks(bottlenecks_of_years(yardstick, [run]), weak),
        chains=hold_back_chains(chains_of_year(model, yardstick, demand, findings), weak),
        hours_broken=0 if broken is None else len(broken),
    )


def band_used_of_year(
    model: GridModel, yardstick: Yardstick, demand: YearDemand, findings: YearFindings
) -> pd.Series:
    """Largest share of its voltage band that each bus uses in any hour [%]; missing where it is dead.

    Where bands count from nominal voltage, the hours of lowest and highest voltage tell; a band that counts
    from a busbar moves with it, and every hour is looked at.
    """
    buses = findings.buses
    if not yardstick.bands["from_busbar"].any():
        extremes = (buses[name].to_numpy(dtype=float) for name in ("vm_min_pu", "vm_max_pu"))
        return pd.Series(np.fmax(*(_used(yardstick, vm_pu) for vm_pu in extremes)), buses.index)
    used = np.full(len(buses), np.nan)
    for start in range(0, len(demand.factors), _HOURS_KEPT):
        chunk = demand.factors.iloc[start : start + _HOURS_KEPT]
        solved = solve_demand(model, demand.demand, chunk, keep=Keep(buses="all"))
        for vm_pu in solved.vm_pu.to_numpy():
            used = np.fmax(used, _used(yardstick, vm_pu))
    return pd.Series(used, buses.index)


def loading_used_of_year(future: FutureYear, yardstick: Yardstick) -> tuple[np.ndarray, np.ndarray]:
    """How much of its loading limit each line and each transformer uses in its worst hour [%]."""
    lines, transformers = (
        column_of(future.elements, table, "loading_max_percent", yardstick.network).to_numpy(dtype=float)
        for table in BRANCHES
    )
    return loading_used_percent(yardstick, State(np.zeros(0), lines, transformers))


def column_of(elements: pd.DataFrame, table: str, column: str, network: Network) -> pd.Series:
    """One column of an element table at every bus, line or transformer of the network, by its id."""
    rows = elements[elements["table"] == table]
    return pd.Series(rows[column].array, rows["element_id"]).reindex(network.table(table).index)


def peak_by_group(network: Network, supply: Supply, scenario: DemandScenario) -> pd.DataFrame:
    """Peak of every group in every year of a scenario, before losses.

    Returns
    -------
    DataFrame
        year, direction ("load", "generation"), group, units, peak_kw: each group in its own hour of most, and
        `TOGETHER` all that draw in one hour. What draws comes first, then by peak, largest first; groups
        that nobody is in are left out.
    """
    outlook, parts = outlook_of(network, supply, scenario), []
    for year in scenario.years:
        demand = outlook.demand(year)
        rows = demand_summary([demand]).rename(columns={"coincident_kw": "peak_kw"})
        total_kw = demand.total_kw()
        together = {
            "year": year, "direction": "load", "group": TOGETHER, "units": np.nan,
            "peak_kw": total_kw.max() if len(total_kw) else 0.0,
        }  # fmt: skip
        parts.append(pd.concat([pd.DataFrame([together]), rows[list(together)]]))
    peaks = pd.concat(parts)
    peaks = peaks[peaks["peak_kw"] > 0.0]
    return peaks.sort_values(
        ["direction", "peak_kw"], ascending=[False, False], kind="stable", ignore_index=True
    )


def assumptions_of(scenario: DemandScenario) -> pd.DataFrame:
    """What a scenario assumes, a row per block of its file: what, assumed, source."""
    rows = [
        (
            "scenario",
            f"{scenario.name}; base year {scenario.base_year}, seed {scenario.seed}",
            scenario.source,
        )
    ]
    single = {part: getattr(scenario, part) for part in ("profile", "tariff", "sites", "meters")}
    named = {part: block for part, block in single.items() if block is not None} | {
        f"{part}.{name}": block
        for part in ("classes", "uptake")
        for name, block in getattr(scenario, part).items()
    }
    rows += [(place, _stated(block), block.source) for place, block in named.items()]
    return pd.DataFrame(rows, columns=["block", "assumed", "source"])


def csv_of(rows: pd.DataFrame) -> bytes:
    """A result table as a file for spreadsheets; places as lon, lat, and no cell is a formula."""
    return neutralise(with_lonlat(rows)).to_csv(index=False).encode("utf-8-sig")


def _stated(block: object) -> str:
    """What the file says of a block, in its own words."""
    values = block.model_dump(exclude={"source"}, exclude_defaults=True)  # type: ignore[attr-defined]  # pydantic
    return "; ".join(f"{name} = {_value(value)}" for name, value in values.items())


def _value(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {inner}" for key, inner in value.items() if key != "source")
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _used(yardstick: Yardstick, vm_pu: np.ndarray) -> np.ndarray:
    return band_used_percent(yardstick, State(vm_pu, np.zeros(0), np.zeros(0)))
