"""Load allocation: customers scaled so that what flows, losses included, is what meters read.

    source --[m1]--+-- homes a          m1 reads 300 kW, m2 150 kW: homes b are scaled until m2 is met,
                   +--[m2]-- homes b    homes a until m1 is

Each meter scales the customers it sees first; those behind a further meter are that meter's. Holds where the
supply is radial. Meters that no customers of their own can meet are told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from capacity.demand.coincidence import Coincidence, coincident_demand, peaks_behind
from capacity.demand.generation import feed_kw, generation_of, kind_name
from gis import InputError, Network
from gis.feeders import Supply, roots_of
from gis.findings import make_findings
from gridmodel import Catalogue, GridModel, read_catalogue, transformer_figures
from gridmodel.demand_model import BusDemand, demand_model, solve_demand
from gridmodel.profile_set import ProfileSet

Rule = Literal["p_kw", "energy", "transformer_rating"]

METER_COLUMNS = (
    "meter_id", "table", "element_id", "time", "measured_kw", "before_kw", "after_kw", "factor", "customers",
    "status", "reason",
)  # fmt: skip
# A meter is met within this share of its reading.
MET_SHARE = 1e-6
# Rounds of Newton's method; a radial grid takes 3 to 8.
MOST_ROUNDS = 40
# Share by which sizes are moved to see how flows answer.
_STEP = 1e-4
_REASONS = {
    "met": "",
    "no_solution": "the load flow has no solution at its time",
    "no_customers": "no customers of its own whose size could be changed",
    "below_nested": "with none of its own customers drawing, more flows than it read",
    "not_met": f"not met within {MOST_ROUNDS} rounds",
}
# Stands for the peak of all customers where a reading has no time.
_PEAK = pd.Timestamp("2000-01-01", tz="UTC")


@dataclass(frozen=True, eq=False)
class Allocation:
    """Customers after the meters.

    Attributes
    ----------
    customers
        All rows, with new sizes; `meter_id` names the meter that scaled them, missing where none did.
    meters
        Columns `METER_COLUMNS`, one row per reading [kW at the end that feeds the element]: status "met",
        "no_customers" (none of its own, or none whose method follows their size), "below_nested" (meters
        behind it read more than it), "no_solution" (no load flow) or "not_met".
    rounds
        Rounds of load flow it took.
    """

    customers: pd.DataFrame
    meters: pd.DataFrame
    rounds: int


def allocate_peaks(
    network: Network,
    supply: Supply,
    customers: pd.DataFrame,
    methods: Mapping[str, Coincidence],
    readings: pd.DataFrame,
    *,
    by: Rule = "p_kw",
    profiles: ProfileSet | None = None,
    catalogue: Catalogue | None = None,
) -> Allocation:
    """Scale customers so that the coincident flow with losses meets every reading.

    Parameters
    ----------
    customers
        Rows of `customers.CUSTOMER_COLUMNS`.
    methods
        Coincidence per group.
    readings
        From `meter_peaks.read_meter_peaks`.
    by
        How the customers of a meter share what it reads: "p_kw" as their peaks stand to each other,
        "energy" as their annual energies, "transformer_rating" as the ratings of their stations, within a
        station as their peaks.
    profiles
        What groups draw and kinds feed at the time of a reading, by class and kind. Readings without a time
        are the peak of all customers without generation.

    Raises
    ------
    InputError
        A reading's time is not among the hours of the profiles, or a group has no profile; a customer has no
        energy to share by. Every fault is named.
    """
    _refuse_times(readings, profiles)
    _refuse_profiles(readings, profiles, customers, network)
    shared = _shared(network, supply, customers, by, catalogue or read_catalogue())
    grid = _grid(network, supply, methods, readings, profiles, shared)
    before_kw = _flows(grid, customers)
    scale, flow_kw, rounds = _search(grid, shared)
    met = grid.scaled(shared, scale)
    names = np.array([*readings["meter_id"], None], dtype=object)  # the last answers for -1
    moved = grid.owner[grid.at_bus(met)]
    told = met.assign(meter_id=np.where(_follows(met, methods), names[moved], None))
    table = _meter_table(grid, readings, scale, flow_kw).assign(before_kw=before_kw)
    table["factor"] = _growth(grid, customers, met)
    return Allocation(told, table[list(METER_COLUMNS)], rounds)


def allocated_network(network: Network, before: pd.DataFrame, found: Allocation) -> Network:
    """The network with the loads that the meters leave: p_kw and q_kvar by the change of each load's peak.

    Parameters
    ----------
    before
        The customers given to `allocate_peaks`, one row per load in the order of the network.
    """
    ratio = found.customers["peak_kw"].to_numpy(dtype=float) / before["peak_kw"].to_numpy(dtype=float)
    factor = np.where(found.customers["meter_id"].notna() & np.isfinite(ratio), ratio, 1.0)
    loads = network.loads
    return replace(network, loads=loads.assign(p_kw=loads["p_kw"] * factor, q_kvar=loads["q_kvar"] * factor))


@dataclass(frozen=True, eq=False)
class _Grid:
    """What stays the same while sizes change.

    `fed` is the bus position behind each meter, `owner` the first meter above each bus (-1 for none), `level`
    how many meters lie above each meter, `hours` the factors of groups and kinds per time.
    """

    network: Network
    supply: Supply
    model: GridModel
    methods: Mapping[str, Coincidence]
    feed_kw: dict[str, np.ndarray]
    fed: np.ndarray
    owner: np.ndarray
    level: np.ndarray
    hours: pd.DataFrame
    hour_of: np.ndarray
    measured_kw: np.ndarray
    own_count: np.ndarray

    def at_bus(self, customers: pd.DataFrame) -> np.ndarray:
        return self.supply.buses.index.get_indexer(customers["bus_id"])

    def scaled(self, customers: pd.DataFrame, scale: np.ndarray) -> pd.DataFrame:
        """Customers with sizes times the scale of their meter; energy too where the method goes by it."""
        factor = np.append(scale, 1.0)[self.owner[self.at_bus(customers)]]
        by_energy = customers["group"].map(
            {group: "annual_kwh" in method.needs for group, method in self.methods.items()}
        )
        return customers.assign(
            peak_kw=customers["peak_kw"] * factor,
            annual_kwh=customers["annual_kwh"] * np.where(by_energy.fillna(False).astype(bool), factor, 1.0),
        )


def _refuse_times(readings: pd.DataFrame, profiles: ProfileSet | None) -> None:
    timed = readings[readings["time"].notna()]
    known = pd.DatetimeIndex([]) if profiles is None else profiles.time
    lost = timed[~timed["time"].isin(known)]
    if len(lost):
        message = "its time is not among the hours of the profiles; give profiles of that year, or no time"
        faults = make_findings("bad_reading", "readings", lost["meter_id"], message, values=lost["time"])
        raise InputError("readings", faults)


def _refuse_profiles(
    readings: pd.DataFrame, profiles: ProfileSet | None, customers: pd.DataFrame, network: Network
) -> None:
    if profiles is None or readings["time"].isna().all():
        return
    kinds = network.generators["kind"].map(kind_name).unique()
    no_profile = {kind for kind in kinds if profiles.of_kind.get(kind, kind) not in profiles.factors}
    lost = [*(set(customers["group"]) - set(profiles.of_class)), *no_profile]
    if lost:
        message = "no profile of this group or kind, so nobody knows what it did at the time of a reading"
        raise InputError("readings", make_findings("profile_missing", "readings", sorted(lost), message))


def _shared(
    network: Network, supply: Supply, customers: pd.DataFrame, by: Rule, catalogue: Catalogue
) -> pd.DataFrame:
    """Customers with sizes in the ratio they share a reading by; sizes stay as they are by p_kw."""
    if by == "p_kw":
        return customers
    placed = (customers["status"] == "placed").to_numpy()
    if by == "energy":
        lost = customers.loc[placed & customers["annual_kwh"].isna().to_numpy(), "load_id"]
        if len(lost):
            message = "no annual_kwh to share by; give it, or share by p_kw"
            raise InputError("customers", make_findings("missing_value", "loads", lost, message))
        return customers.assign(peak_kw=customers["annual_kwh"] / 8760.0)
    rating = transformer_figures(network, catalogue)["sn_kva"] * network.transformers["parallel"]
    station = supply.buses["station_id"].reindex(customers["bus_id"]).to_numpy(dtype=object)
    kva = pd.Series(station, customers.index).map(rating)
    size = (customers["customers"] * customers["peak_kw"]).where(placed, 0.0)
    of_station = size.groupby(station, dropna=False).transform("sum")
    factor = (kva / of_station.where(of_station > 0.0)).astype(float).fillna(1.0)
    return customers.assign(peak_kw=customers["peak_kw"] * factor)


def _grid(
    network: Network,
    supply: Supply,
    methods: Mapping[str, Coincidence],
    readings: pd.DataFrame,
    profiles: ProfileSet | None,
    customers: pd.DataFrame,
) -> _Grid:
    fed_by = pd.MultiIndex.from_frame(supply.buses[["upstream_table", "upstream_id"]])
    fed = fed_by.get_indexer_for(pd.MultiIndex.from_frame(readings[["table", "element_id"]]))
    count = len(supply.buses)
    meter_at = np.full(count, -1)
    meter_at[fed] = np.arange(len(fed))
    up = np.where((supply.parents >= 0) & (meter_at < 0), supply.parents, np.arange(count))
    owner = meter_at[roots_of(up)]
    groups = {str(group): methods[str(group)] for group in customers["group"].unique()}
    generation = generation_of(network)
    kinds = [str(kind) for kind in generation["kind"].unique()]
    fed_kw = dict(zip(kinds, feed_kw(generation, network.buses.index, kinds).T, strict=True))
    times = readings["time"].fillna(_PEAK)
    hours = pd.DataFrame(
        [_factors(time, list(groups), kinds, profiles) for time in times.unique()],
        pd.DatetimeIndex(times.unique()),
        columns=[*groups, *kinds],
        dtype=float,
    )
    return _Grid(
        network, supply, demand_model(network, tuple(groups), kinds), groups, fed_kw, fed, owner,
        _levels(supply, fed, owner), hours, hours.index.get_indexer(times),
        readings["peak_kw"].to_numpy(dtype=float), _own_count(supply, customers, groups, owner, len(fed)),
    )  # fmt: skip


def _own_count(
    supply: Supply,
    customers: pd.DataFrame,
    methods: Mapping[str, Coincidence],
    owner: np.ndarray,
    meters: int,
) -> np.ndarray:
    """Customers per meter whose size can be changed, those of further meters behind it left out."""
    own = customers[_follows(customers, methods)]
    at = owner[supply.buses.index.get_indexer(own["bus_id"])]
    return np.bincount(at[at >= 0], own["customers"].to_numpy(dtype=float)[at >= 0], meters)


def _levels(supply: Supply, fed: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Meters above each meter."""
    above = np.where(supply.parents[fed] >= 0, owner[supply.parents[fed]], -1)
    level, up = np.zeros(len(fed), dtype=int), above.copy()
    while (up >= 0).any():
        level += up >= 0
        up = np.where(up >= 0, above[up], -1)
    return level


def _factors(
    time: pd.Timestamp, groups: list[str], kinds: list[str], profiles: ProfileSet | None
) -> dict[str, float]:
    """Factor of every group and kind at a time; all customers at their peak and no generation without one."""
    if time == _PEAK or profiles is None:
        return dict.fromkeys(groups, 1.0) | dict.fromkeys(kinds, 0.0)
    row = profiles.factors.loc[time]
    of_group = {group: float(row[profiles.of_class[group]]) for group in groups}
    return of_group | {kind: float(row[profiles.of_kind.get(kind, kind)]) for kind in kinds}


def _demand(grid: _Grid, customers: pd.DataFrame) -> BusDemand:
    return coincident_demand(grid.supply, customers, grid.methods, grid.feed_kw)


def _flows(grid: _Grid, customers: pd.DataFrame) -> np.ndarray:
    """Power into every metered element with all losses behind [kW]; NaN where there is no solution."""
    demand = _demand(grid, customers)
    flow_kw = np.full(len(grid.fed), np.nan)
    for number in range(len(grid.hours)):
        hour, here = grid.hours.iloc[[number]], grid.hour_of == number
        solved = solve_demand(grid.model, demand, hour)
        if solved.hours["status"].iloc[0] != "converged":
            continue
        drawn = demand.kva.real @ hour[list(demand.groups)].to_numpy()[0]
        drawn = drawn - demand.feed_kw @ hour[list(demand.kinds)].to_numpy()[0]
        at_bus = pd.Series(drawn + _losses(grid, solved.lines, solved.transformers), grid.supply.buses.index)
        flow_kw[here] = grid.supply.sum_downstream(at_bus).to_numpy()[grid.fed[here]]
    return flow_kw


def _losses(grid: _Grid, lines: pd.DataFrame, transformers: pd.DataFrame) -> np.ndarray:
    """Losses per bus [kW] of the elements that feed it; of those that feed none, at their first bus."""
    buses, network = grid.supply.buses, grid.network
    loss_kw = np.zeros(len(buses))
    for table, solved, end in (("lines", lines, "from_bus_id"), ("transformers", transformers, "hv_bus_id")):
        fed = buses[buses["upstream_table"] == table]
        at = pd.Series(buses.index.get_indexer(fed.index), fed["upstream_id"])
        here = at.reindex(solved.index)
        otherwise = buses.index.get_indexer(network.table(table)[end])
        place = here.fillna(pd.Series(otherwise, solved.index)).astype(int)
        np.add.at(loss_kw, place.to_numpy(), solved["loss_kwh"].fillna(0.0).to_numpy(dtype=float))
    return loss_kw


def _search(grid: _Grid, customers: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, int]:
    """Scale per meter by Newton's method, each meter's own slope: meters behind it are met before it is."""
    scale = np.ones(len(grid.fed))
    flow_kw = _flows(grid, customers)
    for done in range(1, MOST_ROUNDS + 1):
        gap_kw = grid.measured_kw - flow_kw
        slope_kw = _slopes(grid, customers, scale)
        open_ = (np.abs(gap_kw) > MET_SHARE / 10.0 * grid.measured_kw) & (slope_kw > 0.0)
        step = np.divide(gap_kw, slope_kw, out=np.zeros(len(scale)), where=open_)
        moved = np.maximum(scale + step, 0.0)
        if np.array_equal(moved, scale) or np.isnan(flow_kw).any():
            return scale, flow_kw, done
        scale = moved
        flow_kw = _flows(grid, grid.scaled(customers, scale))
    return scale, flow_kw, MOST_ROUNDS


def _slopes(grid: _Grid, customers: pd.DataFrame, scale: np.ndarray) -> np.ndarray:
    """Change of each meter's flow, before losses, with its own scale [kW]."""
    slope_kw = np.zeros(len(scale))
    now = _coincident(grid, grid.scaled(customers, scale))
    for level in np.unique(grid.level):
        here = grid.level == level
        more = np.where(here, scale + _STEP * np.maximum(scale, 1.0), scale)
        then = _coincident(grid, grid.scaled(customers, more))
        slope_kw[here] = ((then - now) / np.where(here, more - scale, 1.0))[here]
    return slope_kw


def _coincident(grid: _Grid, customers: pd.DataFrame) -> np.ndarray:
    """Coincident demand behind every meter at its time, before losses and generation [kW]."""
    placed = customers[customers["status"] == "placed"]
    behind = np.zeros((len(grid.fed), len(grid.hours)))
    for group, method in grid.methods.items():
        kw = peaks_behind(grid.supply, placed[placed["group"] == group], method).real[grid.fed]
        behind += np.outer(kw, grid.hours[group].to_numpy())
    return np.asarray(behind[np.arange(len(grid.fed)), grid.hour_of])


def _follows(customers: pd.DataFrame, methods: Mapping[str, Coincidence]) -> np.ndarray:
    """Whether a customer draws, by a method that follows its size."""
    sized = {group: bool(method.needs) for group, method in methods.items()}
    own = customers["group"].map(sized).fillna(False).astype(bool)
    return np.asarray(own & (customers["status"] == "placed"))


def _growth(grid: _Grid, before: pd.DataFrame, after: pd.DataFrame) -> np.ndarray:
    """Sizes of each meter's own customers after over before; NaN where they had none."""
    sums = []
    for customers in (before, after):
        at = grid.owner[grid.at_bus(customers)]
        own = (at >= 0) & _follows(customers, grid.methods)
        size = (customers["customers"] * customers["peak_kw"]).fillna(0.0).to_numpy(dtype=float)
        sums.append(np.bincount(at[own], size[own], len(grid.fed)))
    return np.divide(sums[1], sums[0], out=np.full(len(grid.fed), np.nan), where=sums[0] > 0.0)


def _meter_table(grid: _Grid, readings: pd.DataFrame, scale: np.ndarray, flow_kw: np.ndarray) -> pd.DataFrame:
    count = grid.own_count
    met = np.abs(flow_kw - grid.measured_kw) <= MET_SHARE * grid.measured_kw
    cases = [np.isnan(flow_kw), met, count == 0, (scale == 0.0) & (flow_kw > grid.measured_kw)]
    status = np.select(cases, ["no_solution", "met", "no_customers", "below_nested"], "not_met")
    columns = {
        **{name: readings[name].array for name in ("meter_id", "table", "element_id", "time")},
        "measured_kw": grid.measured_kw, "after_kw": flow_kw, "customers": count.astype(int),
        "status": status.astype(object), "reason": np.array([_REASONS[one] for one in status], dtype=object),
    }  # fmt: skip
    return pd.DataFrame(columns)
