"""What a demand scenario makes of a network: the demand of any of its years, for any draw of lots.

`Outlook` holds what all years and draws share; a year adds growth, a draw adds where uptake lands. Only the
groups that a draw moves are computed again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from capacity.assumptions import read_assumptions
from capacity.coincidence import AsGiven, Coincidence, coincident_kva
from capacity.customers import CUSTOMER_COLUMNS, customers_of
from capacity.demand_scenario import CustomerClass, DemandScenario, Uptake
from capacity.generation import GENERATION_COLUMNS, generation_of
from capacity.phases import (
    SITE_PROFILES,
    SitePlan,
    site_customers,
    site_generation,
    site_methods,
    site_plans,
)
from capacity.uptake import Candidates, candidates_of, keys_of, luck_of, share_in
from capacity.year_demand import YearDemand
from gis import Network, read_sites
from gis.feeders import Supply
from gridmodel.demand_model import BusDemand
from gridmodel.profile_set import ProfileSet
from gridmodel.standard_profiles import standard_profiles


@dataclass(frozen=True, eq=False)
class Outlook:
    """A scenario laid over a network: what all its years and draws share.

    Attributes
    ----------
    customers, generation
        What the network has today (`customers.CUSTOMER_COLUMNS`, `generation.GENERATION_COLUMNS`).
    candidates
        Who may take up what, per uptake of the scenario.
    row_keys
        64 bits per row of customers, from its id: the same lot whatever else stands in the network.
    plans
        Developments, where each is connected and when.
    methods
        Coincidence per group, the same groups in all years.
    profiles
        A column per group and kind of generation.
    """

    network: Network
    supply: Supply
    scenario: DemandScenario
    customers: pd.DataFrame
    generation: pd.DataFrame
    candidates: Mapping[str, Candidates]
    row_keys: np.ndarray
    plans: tuple[SitePlan, ...]
    methods: Mapping[str, Coincidence]
    kinds: tuple[str, ...]
    profiles: ProfileSet

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
    customers = _without_left_out(customers_of(network), scenario)
    generation = generation_of(network)
    xy_m = network.loads.geometry.get_coordinates().to_numpy()
    candidates = {
        name: candidates_of(customers, block.customers, xy_m, _having(customers, generation, name, block))
        for name, block in scenario.uptake.items()
    }
    plans, of_sites = _sites(network, supply, scenario)
    methods = {**_methods(customers, scenario), **of_sites}
    fed = [block.technology for block in scenario.uptake.values() if block.feeds]
    roofs = ["pv" for plan in plans if plan.pv_kw]
    kinds = tuple(dict.fromkeys([*generation["kind"], *fed, *roofs]))
    return Outlook(
        network, supply, scenario, customers, generation, candidates, keys_of(customers["load_id"]), plans,
        methods, kinds, _profiles(scenario, tuple(methods), kinds),
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

    `units` has for each uptake a row per row of customers: what one unit there is; `known` for each that
    draws the rows of its group that stand whatever the lots say.
    """

    year: int
    customers: pd.DataFrame
    generation: pd.DataFrame
    demand: BusDemand
    shares: Mapping[str, float]
    units: Mapping[str, pd.DataFrame]
    known: Mapping[str, pd.DataFrame]


def _ground(outlook: Outlook, year: int) -> _Ground:
    scenario = outlook.scenario
    if year < scenario.base_year:
        raise ValueError(f"{year} lies before the scenario's base year, {scenario.base_year}")
    customers = _stacked([_grown(outlook.customers, scenario, year), site_customers(outlook.plans, year)])
    generation = _stacked([outlook.generation, site_generation(outlook.plans, year)])
    shares = {
        name: outlook.candidates[name].open_share(share_in(block, year, scenario.base_year))
        for name, block in scenario.uptake.items()
    }
    units = {
        name: (_feeding_units if block.feeds else _drawing_units)(outlook.customers, name, block)
        for name, block in scenario.uptake.items()
    }
    known = {name: _placed(customers, name) for name, block in scenario.uptake.items() if not block.feeds}
    kva = {
        group: coincident_kva(outlook.supply, _placed(customers, group), method)
        for group, method in outlook.methods.items()
        if group not in known
    }
    zeros = np.zeros(len(outlook.network.buses), dtype=complex)
    demand = BusDemand(
        groups=tuple(outlook.methods),
        kva=np.stack([kva.get(group, zeros) for group in outlook.methods], axis=1),
        kinds=outlook.kinds,
        feed_kw=_feed_kw(outlook, generation),
    )
    return _Ground(year, customers, generation, demand, shares, units, known)


def _drawn(outlook: Outlook, ground: _Ground, draw: int) -> YearDemand:
    """The year with the lots of one draw."""
    scenario = outlook.scenario
    taken = {name: _taken(outlook, ground, name, draw) for name in scenario.uptake}
    drawing = [rows for name, rows in taken.items() if not scenario.uptake[name].feeds]
    feeding = [rows for name, rows in taken.items() if scenario.uptake[name].feeds]
    customers = _stacked([ground.customers, *drawing])
    kva = ground.demand.kva.copy()
    for name, known in ground.known.items():
        rows = _stacked([known, taken[name]])
        kva[:, list(outlook.methods).index(name)] = coincident_kva(
            outlook.supply, rows, outlook.methods[name]
        )
    feed_kw = ground.demand.feed_kw
    for rows in feeding:
        feed_kw = feed_kw + _feed_kw(outlook, rows)
    return YearDemand(
        scenario_id=scenario.scenario_id,
        year=ground.year,
        draw=draw,
        customers=customers,
        methods=outlook.methods,
        demand=replace(ground.demand, kva=kva, feed_kw=feed_kw),
        profiles=outlook.profiles,
        generation=_stacked([ground.generation, *feeding]),
    )


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


def _drawing_units(customers: pd.DataFrame, name: str, block: Uptake) -> pd.DataFrame:
    return customers.assign(
        group=name,
        customers=block.units_per_customer,
        peak_kw=_unit_kw(customers, block),
        annual_kwh=np.nan if block.unit_kwh is None else block.unit_kwh,
        floor_area_m2=np.nan,
        tan_phi=block.tan_phi,
    )


def _feeding_units(customers: pd.DataFrame, name: str, block: Uptake) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "unit_id": [f"{load_id}|{name}" for load_id in customers["load_id"]],
            "bus_id": customers["bus_id"],
            "kind": block.technology,
            "units": block.units_per_customer,
            "rated_kw": _unit_kw(customers, block),
            "status": "placed",
            "reason": "",
        }
    )[list(GENERATION_COLUMNS)]


def _unit_kw(customers: pd.DataFrame, block: Uptake) -> np.ndarray:
    if block.unit_kw is not None:
        return np.full(len(customers), block.unit_kw)
    assert block.unit_share_of_peak is not None  # the model demands one of the two
    return block.unit_share_of_peak * customers["peak_kw"].to_numpy(dtype=float)


def _feed_kw(outlook: Outlook, rows: pd.DataFrame) -> np.ndarray:
    """Rated power per bus and kind [kW] of the rows that are placed."""
    placed = rows[rows["status"] == "placed"]
    at = outlook.network.buses.index.get_indexer(placed["bus_id"])
    power_kw = (placed["units"] * placed["rated_kw"]).to_numpy(dtype=float)
    feed_kw = np.zeros((len(outlook.network.buses), len(outlook.kinds)))
    column = pd.Index(outlook.kinds).get_indexer(placed["kind"])
    np.add.at(feed_kw, (at, column), power_kw)
    return feed_kw


def _stacked(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Rows of tables with the same columns, one below the other."""
    filled = [table for table in tables if len(table)] or tables[:1]
    return pd.DataFrame(
        {name: np.concatenate([table[name].to_numpy() for table in filled]) for name in tables[0].columns}
    )


def _placed(customers: pd.DataFrame, group: str) -> pd.DataFrame:
    return customers[((customers["group"] == group) & (customers["status"] == "placed")).to_numpy()]


def _grown(customers: pd.DataFrame, scenario: DemandScenario, year: int) -> pd.DataFrame:
    """Today's customers with the figures of a year."""
    years = year - scenario.base_year
    factor_of = {
        name: block.factor * (1.0 + block.growth_percent / 100.0) ** years
        for name, block in scenario.classes.items()
    }
    factor = customers["group"].map(factor_of).fillna(1.0).to_numpy(dtype=float)
    return customers.assign(
        peak_kw=customers["peak_kw"] * factor, annual_kwh=customers["annual_kwh"] * factor
    )


def _without_left_out(customers: pd.DataFrame, scenario: DemandScenario) -> pd.DataFrame:
    """Customers with the status of those whose class the scenario leaves out."""
    none = [name for name, block in scenario.classes.items() if block.factor == 0.0]
    left_out = customers["group"].isin(none) & (customers["status"] == "placed")
    reason = "classes." + customers["group"].astype(str) + ".factor is 0"
    return customers.assign(
        status=customers["status"].where(~left_out, "left_out"),
        reason=customers["reason"].where(~left_out, reason),
    )[list(CUSTOMER_COLUMNS)]


def _having(customers: pd.DataFrame, generation: pd.DataFrame, name: str, block: Uptake) -> pd.Series:
    """Units of a technology per bus that the network has already."""
    table, column, count = (generation, "kind", "units") if block.feeds else (customers, "group", "customers")
    known = table[table[column].isin([block.technology, name]) & (table["status"] == "placed")]
    return known.groupby("bus_id")[count].sum()


def _methods(customers: pd.DataFrame, scenario: DemandScenario) -> dict[str, Coincidence]:
    """Coincidence per group: classes of the network, then technologies that draw."""
    as_given = CustomerClass(source="the network")
    of_class = {
        str(group): scenario.classes.get(str(group), as_given).coincidence or AsGiven()
        for group in customers["group"].unique()
    }
    of_uptake = {name: block.coincidence for name, block in scenario.uptake.items() if not block.feeds}
    return {**of_class, **of_uptake}


def _profiles(scenario: DemandScenario, groups: tuple[str, ...], kinds: tuple[str, ...]) -> ProfileSet:
    known = standard_profiles("load", year=scenario.profile.year)
    column_of = {**{name: name for name in (*groups, *kinds)}, **_named_profiles(scenario)}
    used = {**known.of_class, **known.of_kind}
    factors = pd.DataFrame(
        {name: known.factors[used.get(column_of[name], "full")] for name in (*groups, *kinds)}
    )
    return ProfileSet(
        factors, {name: name for name in groups}, {name: name for name in kinds},
        time_zone=scenario.profile.time_zone, source=known.source,
    )  # fmt: skip


def _named_profiles(scenario: DemandScenario) -> dict[str, str]:
    """Profile per group where it is not the group's own name."""
    of_class = {name: block.profile or name for name, block in scenario.classes.items()}
    of_uptake = {
        name: block.profile or block.technology for name, block in scenario.uptake.items() if not block.feeds
    }
    return {**SITE_PROFILES, **of_class, **of_uptake}
