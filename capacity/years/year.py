"""One year of one scenario in all its hours: what every element carries, how long and how far too much.

What it means for customers is `capacity.bottlenecks` and `capacity.years.root_cause`; many draws of the same
year are `capacity.years.draws`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from capacity.bounds import bounds_of
from capacity.checks import Yardstick
from capacity.demand.year_demand import YearDemand
from gis import Network
from gridmodel import GridModel
from gridmodel.demand_model import solve_demand
from gridmodel.outcome import Keep
from gridmodel.profile_set import ProfileSet
from gridmodel.profiles import ProfileResults

BRANCHES = ("lines", "transformers")
# Hours x elements kept at once: 32 MB of figures.
MOST_KEPT = 4_000_000


@dataclass(frozen=True, eq=False)
class YearFindings:
    """What one year of one scenario does to every element.

    Attributes
    ----------
    hours
        A row per hour (UTC), those without solution too: `gridmodel.ProfileResults.hours`.
    buses
        Per bus: feeder_id, status ("supplied", "no_supply"), vm_min_pu, vm_min_hour, vm_max_pu, vm_max_hour,
        hours_below, hours_above [h].
    lines, transformers
        Per element: feeder_id, limit_percent, loading_max_percent, loading_max_hour, hours_over [h],
        kwh_over [kWh], loss_kwh. Of hours without solution nothing counts.
    energy_kwh
        demand, served, unserved, generation, source and loss over the year [kWh]; of hours without solution
        all demand is unserved.
    step_h
        What one row of `hours` stands for [h].
    engine
        What solved it.
    """

    scenario_id: str
    year: int
    draw: int
    hours: pd.DataFrame
    buses: pd.DataFrame
    lines: pd.DataFrame
    transformers: pd.DataFrame
    energy_kwh: pd.Series
    step_h: float
    engine: str

    @property
    def label(self) -> str:
        """Name in the column `scenario` of result tables."""
        return f"{self.scenario_id}@{self.year}"

    @property
    def without_solution(self) -> pd.DataFrame:
        """Rows of `hours` that have no solution."""
        return self.hours[self.hours["status"] != "converged"]

    def branches(self, table: str) -> pd.DataFrame:
        """`lines` or `transformers`."""
        return self.lines if table == "lines" else self.transformers

    def over(self, table: str) -> pd.DataFrame:
        """Rows of lines or transformers that are over their limit in some hour, largest loading first."""
        rows = self.branches(table)
        return rows[rows["hours_over"] > 0].sort_values("loading_max_percent", ascending=False, kind="stable")


def study_year(model: GridModel, yardstick: Yardstick, demand: YearDemand) -> YearFindings:
    """Solve every hour of a year and lay the limits over it.

    Parameters
    ----------
    model
        From `demand.model_on(yardstick.network)`; the same serves every year and draw of a scenario.

    Notes
    -----
    kwh_over of an element: sum over the hours of sqrt(3) x V x (I - I_limit) x cos phi x step. V is the
    voltage at the end that feeds it, I_limit its rated current times its limit, cos phi that of what is drawn
    less what is fed behind it (of an element that closes a loop, of the whole network).

    Raises
    ------
    ValueError
        The demand does not belong to the model.
    BalanceError
        An hour does not add up.
    """
    step = step_h(demand.profiles)
    results = solve_demand(model, demand.demand, demand.factors, step_h=step, bounds=bounds_of(yardstick))
    beyond_kwh = _kwh_over(model, yardstick, demand, results)
    limits, feeders = yardstick.limits.loading, yardstick.supply.feeders
    percent = {"lines": limits.line_percent, "transformers": limits.transformer_percent}
    found = {
        table: getattr(results, table).assign(
            feeder_id=feeders[table],
            limit_percent=percent[table],
            kwh_over=beyond_kwh[table].reindex(getattr(results, table).index, fill_value=0.0),
        )
        for table in BRANCHES
    }
    return YearFindings(
        scenario_id=demand.scenario_id,
        year=demand.year,
        draw=demand.draw,
        hours=results.hours,
        buses=results.buses.assign(feeder_id=yardstick.supply.buses["feeder_id"]),
        lines=found["lines"],
        transformers=found["transformers"],
        energy_kwh=results.energy_kwh,
        step_h=step,
        engine=results.engine,
    )


def step_h(profiles: ProfileSet) -> float:
    """What one row of profiles stands for [h]: the shortest time between two; 1 with a single row."""
    time = profiles.time
    return float((time[1:] - time[:-1]).min() / pd.Timedelta(hours=1)) if len(time) > 1 else 1.0


def _kwh_over(
    model: GridModel, yardstick: Yardstick, demand: YearDemand, results: ProfileResults
) -> dict[str, pd.Series]:
    """Energy beyond the limit per element over its limit [kWh]; see `study_year`."""
    over = {table: _over(getattr(results, table)) for table in BRANCHES}
    ends = pd.concat([_feeding_ends(yardstick, table, over[table]) for table in BRANCHES])
    broken = results.hours["line_overloads"].fillna(0) + results.hours["transformer_overloads"].fillna(0)
    hours = np.flatnonzero(broken.to_numpy(dtype=int) > 0)
    keep = Keep(list(pd.unique(ends["upstream_bus_id"])), list(over["lines"]), list(over["transformers"]))
    rated_kva, power = _rated_kva(model, ends), _power_behind(yardstick, demand, ends)
    limit_percent = _limit_percent(yardstick, ends)
    sums = np.zeros(len(ends))
    size = max(1, MOST_KEPT // max(1, 2 * len(ends)))
    for chunk in np.array_split(hours, -(-len(hours) // size)) if len(hours) else ():
        factors = demand.factors.iloc[chunk]
        solved = solve_demand(model, demand.demand, factors, keep=keep)
        percent = np.hstack([solved.line_loading_percent, solved.transformer_loading_percent])
        vm_pu = solved.vm_pu[ends["upstream_bus_id"]].to_numpy()
        excess_kva = rated_kva * vm_pu * np.maximum(percent - limit_percent, 0.0) / 100.0
        sums += np.nansum(excess_kva * _cos_phi(factors.to_numpy(dtype=float) @ power), axis=0)
    sums *= step_h(demand.profiles)
    return {table: pd.Series(sums[ends["table"] == table], over[table]) for table in BRANCHES}


def _over(rows: pd.DataFrame) -> pd.Index:
    return rows.index[rows["hours_over"] > 0]


def _feeding_ends(yardstick: Yardstick, table: str, ids: pd.Index) -> pd.DataFrame:
    """Per element: table, the bus that feeds it, and the position of the bus it feeds (-1 in a loop)."""
    frame = yardstick.network.table(table)
    start, end = ("from_bus_id", "to_bus_id") if table == "lines" else ("hv_bus_id", "lv_bus_id")
    fed = fed_positions(yardstick, table).reindex(ids, fill_value=-1)
    at_end = frame.loc[ids, end].to_numpy() == _ids_at(yardstick.network, fed.to_numpy())
    forward = at_end | (fed.to_numpy() < 0)
    upstream = np.where(forward, frame.loc[ids, start], frame.loc[ids, end])
    columns = {"table": table, "fed": fed.to_numpy(), "upstream_bus_id": upstream.astype(object)}
    return pd.DataFrame(columns, index=ids)


def fed_positions(yardstick: Yardstick, table: str) -> pd.Series:
    """Position of the bus that each line or transformer of the supply tree feeds, by the element's id."""
    buses = yardstick.supply.buses
    at = np.flatnonzero((buses["upstream_table"] == table).to_numpy())
    return pd.Series(at, index=buses["upstream_id"].iloc[at].to_numpy(dtype=object), dtype=np.int64)


def _ids_at(network: Network, positions: np.ndarray) -> np.ndarray:
    return network.buses.index.to_numpy(dtype=object)[positions]


def _limit_percent(yardstick: Yardstick, ends: pd.DataFrame) -> np.ndarray:
    limits = yardstick.limits.loading
    return np.where(ends["table"] == "lines", limits.line_percent, limits.transformer_percent)


def _rated_kva(model: GridModel, ends: pd.DataFrame) -> np.ndarray:
    """Apparent power at rated current and nominal voltage of the feeding bus [kVA], as pandapower rates."""
    buses = model.network.buses["vn_kv"]
    rated = []
    for table, name in (("lines", "line"), ("transformers", "trafo")):
        ids = ends.index[ends["table"] == table]
        rows = model.net[name].iloc[model.position(table, list(ids)) if len(ids) else []]
        vn_kv = buses[ends.loc[ends["table"] == table, "upstream_bus_id"]].to_numpy()
        if name == "line":
            kva = np.sqrt(3.0) * vn_kv * 1e3 * rows["max_i_ka"].to_numpy()
        else:
            from_high = (
                model.network.transformers.loc[ids, "hv_bus_id"].to_numpy()
                == ends.loc[ends["table"] == table, "upstream_bus_id"].to_numpy()
            )
            own_kv = np.where(from_high, rows["vn_hv_kv"], rows["vn_lv_kv"])
            kva = 1e3 * rows["sn_mva"].to_numpy() * vn_kv / own_kv
        rated.append(kva * (rows["df"] * rows["parallel"]).to_numpy(dtype=float))
    return np.concatenate(rated)


def _power_behind(yardstick: Yardstick, demand: YearDemand, ends: pd.DataFrame) -> np.ndarray:
    """Columns of the demand x elements: complex power behind each at factor 1 [kVA]; fed is negative."""
    power, supply = demand.demand, yardstick.supply
    of_bus = np.concatenate([power.kva, -power.feed_kw], axis=1)
    fed = ends["fed"].to_numpy()
    behind = np.empty((of_bus.shape[1], len(ends)), dtype=complex)
    for column, values in enumerate(of_bus.T):
        real, imaginary = (
            supply.sum_downstream(pd.Series(part, supply.buses.index)).to_numpy()
            for part in (values.real, values.imag)
        )
        behind[column] = np.where(fed >= 0, (real + 1j * imaginary)[fed], values.sum())
    return behind


def _cos_phi(kva: np.ndarray) -> np.ndarray:
    """Share of active power; 1 where nothing flows."""
    size = np.abs(kva)
    return np.divide(np.abs(kva.real), size, out=np.ones(size.shape), where=size > 0.0)
