"""What a demand scenario makes of a network: the demand of any of its years, for any draw of lots.

`Outlook` holds what all years and draws share; a year adds growth, a draw adds where uptake lands. Only the
groups that a draw moves are computed again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from capacity.assumptions import read_assumptions
from capacity.demand.coincidence import Coincidence, coincident_kva
from capacity.demand.demand_scenario import DemandScenario, Uptake
from capacity.demand.generation import GENERATION_COLUMNS, feed_kw, generation_of, kind_name
from capacity.demand.phases import (
    SitePlan,
    site_customers,
    site_generation,
    site_methods,
    site_plans,
)
from capacity.demand.rebound import raised
from capacity.demand.scenario_meters import metered
from capacity.demand.scenario_profiles import ScenarioProfiles, scenario_profiles
from capacity.demand.scenario_today import (
    customers_today,
    having,
    methods_of,
    profile_names,
)
from capacity.demand.uptake import Candidates, candidates_of, keys_of, luck_of, share_in
from capacity.demand.year_demand import YearDemand
from gis import Network, read_sites
from gis.feeders import Supply
from gridmodel.demand_model import BusDemand


@dataclass(frozen=True, eq=False)
class Outlook:
    """A scenario laid over a network: what all its years and draws share.

    Attributes
    ----------
    customers, generation
        What the network has today (`customers.CUSTOMER_COLUMNS`, `generation.GENERATION_COLUMNS`).
    classes
        Class per row of customers, of those metered too.
    meters
        What became of readings, per load (`scenario_meters.METERED_COLUMNS`).
    candidates
        Who may take up what, per uptake of the scenario.
    row_keys
        64 bits per row of customers, from its id: the same lot whatever else stands in the network.
    plans
        Developments, where each is connected and when.
    methods
        Coincidence per group without tariff, the same groups in all years.
    profiles
        A column per group and kind of generation, and what the tariff does.
    """

    network: Network
    supply: Supply
    scenario: DemandScenario
    customers: pd.DataFrame
    classes: pd.Series
    meters: pd.DataFrame
    generation: pd.DataFrame
    candidates: Mapping[str, Candidates]
    row_keys: np.ndarray
    plans: tuple[SitePlan, ...]
    methods: Mapping[str, Coincidence]
    kinds: tuple[str, ...]
    profiles: ScenarioProfiles

    def demand(self, year: int, draw: int = 0) -> YearDemand:
        """Demand of one year and draw."""
        return next(self.draws(year, [draw]))

    def draws(self, year: int, draws: Iterator[int] | range | list[int]) -> Iterator[YearDemand]:
        """Demand of one year in many draws: what no draw moves is computed once."""
        ground = _ground(self, year)
        return (_drawn(self, ground, draw) for draw in draws)


def demand_in_year(
    network: Network, supply: Supply, scenario: DemandScenario, year: int, draw: int = 0
) -> YearDemand:
    """What a scenario draws and feeds in one year, all customers and units by row.

    Parameters
    ----------
    draw
        Number of the lot that says where uptake lands; 0 is as good as any other.

    Returns
    -------
    YearDemand
        With the same groups and kinds for every year and draw of a scenario on a network.

    Raises
    ------
    ValueError
        The year lies before the scenario's base year.
    """
    return outlook_of(network, supply, scenario).demand(year, draw)


def demands_of_draws(
    network: Network, supply: Supply, scenario: DemandScenario, year: int, draws: int | None = None
) -> Iterator[YearDemand]:
    """The demand of one year in draws 0, 1, ...: as many as the scenario says, or as asked."""
    return outlook_of(network, supply, scenario).draws(year, range(draws or scenario.draws))


def outlook_of(network: Network, supply: Supply, scenario: DemandScenario) -> Outlook:
    """Lay a scenario over a network."""
    customers, generation = customers_today(network, scenario), generation_of(network)
    meters = metered(customers, network, scenario)
    xy_m = network.loads.geometry.get_coordinates().to_numpy()
    candidates = {
        name: candidates_of(customers, block.customers, xy_m, having(customers, generation, name, block))
        for name, block in scenario.uptake.items()
    }
    plans, of_sites = _sites(network, supply, scenario)
    methods = {**methods_of(customers, scenario), **of_sites}
    fed = [kind_name(block.technology) for block in scenario.uptake.values() if block.feeds]
    kinds = tuple(dict.fromkeys([*generation["kind"], *fed, *("pv" for plan in plans if plan.pv_kw)]))
    made = scenario_profiles(network, scenario, profile_names(methods, scenario), kinds)
    return Outlook(
        network, supply, scenario, meters.customers, customers["group"], meters.loads, generation, candidates,
        keys_of(customers["load_id"]), plans, {**methods, **meters.methods}, kinds,
        made.with_readings(meters.factors),
    )  # fmt: skip


def _sites(
    network: Network, supply: Supply, scenario: DemandScenario
) -> tuple[tuple[SitePlan, ...], dict[str, Coincidence]]:
    """Plans of the scenario's sites, and the coincidence of their groups."""
    block = scenario.sites
    if block is None:
        return (), {}
    sites = network.sites if block.file is None else read_sites(block.file, network.crs)
    assumptions = read_assumptions(block.assumptions)
    plans = site_plans(network, supply, sites, states=block.states, assumptions=assumptions)
    return plans, site_methods(plans, assumptions)


@dataclass(frozen=True, eq=False)
class _Ground:
    """A year before lots are drawn.

    Attributes
    ----------
    shares
        Per uptake, of those who do not have it yet.
    units
        Per uptake a row per row of customers: what one unit there is.
    together
        Demand and coincidence of the groups that no lot moves.
    known
        Rows of each other group that stand whatever the lots say.
    """

    year: int
    customers: pd.DataFrame
    generation: pd.DataFrame
    feed_kw: np.ndarray
    shares: Mapping[str, float]
    units: Mapping[str, pd.DataFrame]
    together: Mapping[str, tuple[np.ndarray, Coincidence]]
    known: Mapping[str, pd.DataFrame]


def _ground(outlook: Outlook, year: int) -> _Ground:
    scenario = outlook.scenario
    if year < scenario.base_year:
        raise ValueError(f"{year} lies before the scenario's base year, {scenario.base_year}")
    customers = _stacked([_grown(outlook, year), site_customers(outlook.plans, year)])
    generation = _stacked([outlook.generation, site_generation(outlook.plans, year)])
    placed = {group: _placed(customers, group) for group in outlook.methods}
    moved = {name for name, block in scenario.uptake.items() if not block.feeds}
    return _Ground(
        year, customers, generation, feed_kw(generation, outlook.network.buses.index, outlook.kinds),
        shares={
            name: outlook.candidates[name].open_share(share_in(block, year, scenario.base_year))
            for name, block in scenario.uptake.items()
        },
        units={name: _units(outlook.customers, name, block) for name, block in scenario.uptake.items()},
        together={group: _together(outlook, group, placed[group]) for group in placed if group not in moved},
        known={group: placed[group] for group in placed if group in moved},
    )  # fmt: skip


def _drawn(outlook: Outlook, ground: _Ground, draw: int) -> YearDemand:
    """The year with the lots of one draw."""
    scenario = outlook.scenario
    taken = {name: _taken(outlook, ground, name, draw) for name in scenario.uptake}
    feeding = [rows for name, rows in taken.items() if scenario.uptake[name].feeds]
    drawing = {name: rows for name, rows in taken.items() if not scenario.uptake[name].feeds}
    moved = {
        name: _together(outlook, name, _stacked([ground.known[name], rows])) for name, rows in drawing.items()
    }
    together = {group: moved.get(group) or ground.together[group] for group in outlook.methods}
    demand = BusDemand(
        groups=tuple(together),
        kva=np.stack([kva for kva, _ in together.values()], axis=1)
        if together
        else np.zeros((len(outlook.network.buses), 0), dtype=complex),
        kinds=outlook.kinds,
        feed_kw=sum(
            (feed_kw(rows, outlook.network.buses.index, outlook.kinds) for rows in feeding), ground.feed_kw
        ),
    )
    return YearDemand(
        scenario_id=scenario.scenario_id,
        year=ground.year,
        draw=draw,
        customers=_stacked([ground.customers, *drawing.values()]),
        methods={group: method for group, (_, method) in together.items()},
        demand=demand,
        profiles=outlook.profiles.profiles,
        generation=_stacked([ground.generation, *feeding]),
    )


def _together(outlook: Outlook, group: str, rows: pd.DataFrame) -> tuple[np.ndarray, Coincidence]:
    """What a group draws per bus [kVA], and by which coincidence."""
    method = raised(
        outlook.methods[group], rows, outlook.profiles.peak_factors[group], outlook.profiles.tariff_name
    )
    return coincident_kva(outlook.supply, rows, method), method


def _taken(outlook: Outlook, ground: _Ground, name: str, draw: int) -> pd.DataFrame:
    """Rows of one uptake in one draw: every customer who takes it up, with how many units."""
    candidates, block, units = outlook.candidates[name], outlook.scenario.uptake[name], ground.units[name]
    luck = luck_of(
        candidates, outlook.row_keys, block, seed=outlook.scenario.seed, draw=draw, lot=block.lot or name
    )
    takers = np.bincount(candidates.rows[luck < ground.shares[name]], minlength=len(outlook.customers))
    rows = np.flatnonzero(takers)
    count_column = "units" if block.feeds else "customers"
    return units.iloc[rows].assign(**{count_column: takers[rows] * block.units_per_customer})


def _units(customers: pd.DataFrame, name: str, block: Uptake) -> pd.DataFrame:
    """One unit at every row of customers, as a row of generation or of customers."""
    if block.feeds:
        columns = {
            "unit_id": [f"{load_id}|{name}" for load_id in customers["load_id"]],
            "bus_id": customers["bus_id"],
            "kind": kind_name(block.technology),
            "units": block.units_per_customer,
            "rated_kw": _unit_kw(customers, block),
            "status": "placed",
            "reason": "",
        }
        return pd.DataFrame(columns)[list(GENERATION_COLUMNS)]
    return customers.assign(
        group=name,
        customers=block.units_per_customer,
        peak_kw=_unit_kw(customers, block),
        annual_kwh=np.nan if block.unit_kwh is None else block.unit_kwh,
        floor_area_m2=np.nan,
        tan_phi=block.tan_phi,
    )


def _unit_kw(customers: pd.DataFrame, block: Uptake) -> np.ndarray:
    if block.unit_kw is not None:
        return np.full(len(customers), block.unit_kw)
    assert block.unit_share_of_peak is not None  # the model demands one of the two
    return block.unit_share_of_peak * customers["peak_kw"].to_numpy(dtype=float)


def _stacked(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Rows of tables with the same columns, one below the other."""
    filled = [table for table in tables if len(table)] or tables[:1]
    return pd.DataFrame(
        {name: np.concatenate([table[name].to_numpy() for table in filled]) for name in tables[0].columns}
    )


def _placed(customers: pd.DataFrame, group: str) -> pd.DataFrame:
    return customers[((customers["group"] == group) & (customers["status"] == "placed")).to_numpy()]


def _grown(outlook: Outlook, year: int) -> pd.DataFrame:
    """Today's customers with the figures of a year."""
    customers, scenario = outlook.customers, outlook.scenario
    years = year - scenario.base_year
    factor_of = {
        name: block.factor * (1.0 + block.growth_percent / 100.0) ** years
        for name, block in scenario.classes.items()
    }
    factor = outlook.classes.map(factor_of).fillna(1.0).to_numpy(dtype=float)
    return customers.assign(
        peak_kw=customers["peak_kw"] * factor, annual_kwh=customers["annual_kwh"] * factor
    )
