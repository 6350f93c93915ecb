"""What a scenario finds in a network: its customers and generation today, and which group is what.

Here a scenario's blocks meet the network's tables; years and draws are `capacity.demand.scenario_demand`.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from capacity.demand.coincidence import AsGiven, Coincidence
from capacity.demand.customers import CUSTOMER_COLUMNS, customers_of
from capacity.demand.demand_scenario import DemandScenario, Uptake
from capacity.demand.generation import kind_name
from capacity.demand.phases import SITE_PROFILES
from gis import Network


def customers_today(network: Network, scenario: DemandScenario) -> pd.DataFrame:
    """The network's customers by the scenario's sizes, and those that it leaves out told so."""
    sizes = {name: block.size for name, block in scenario.classes.items() if block.size is not None}
    return _without_left_out(customers_of(network, sizes, _class_methods(scenario)), scenario)


def having(customers: pd.DataFrame, generation: pd.DataFrame, name: str, block: Uptake) -> pd.Series:
    """Units of a technology per bus that the network has already."""
    table, column, count = (generation, "kind", "units") if block.feeds else (customers, "group", "customers")
    own = kind_name(block.technology) if block.feeds else block.technology
    known = table[table[column].isin([own, name]) & (table["status"] == "placed")]
    return known.groupby("bus_id")[count].sum()


def methods_of(customers: pd.DataFrame, scenario: DemandScenario) -> dict[str, Coincidence]:
    """Coincidence per group: classes of the network, then technologies that draw."""
    known = _class_methods(scenario)
    drawing = [name for name, block in scenario.uptake.items() if not block.feeds]
    groups = dict.fromkeys([*customers["group"].unique(), *drawing])
    return {str(group): known.get(str(group), AsGiven()) for group in groups}


def profile_names(groups: Iterable[str], scenario: DemandScenario) -> dict[str, str]:
    """Profile that each group follows: the one named, or that of its class or technology."""
    of_class = {name: block.profile or name for name, block in scenario.classes.items()}
    of_uptake = {
        name: block.profile or block.technology for name, block in scenario.uptake.items() if not block.feeds
    }
    named = {**SITE_PROFILES, **of_class, **of_uptake}
    return {group: named.get(group, group) for group in groups}


def _without_left_out(customers: pd.DataFrame, scenario: DemandScenario) -> pd.DataFrame:
    """Customers with the status of those whose class the scenario leaves out."""
    none = [name for name, block in scenario.classes.items() if block.factor == 0.0]
    left_out = customers["group"].isin(none) & (customers["status"] == "placed")
    reason = "classes." + customers["group"].astype(str) + ".factor is 0"
    return customers.assign(
        status=customers["status"].where(~left_out, "left_out"),
        reason=customers["reason"].where(~left_out, reason),
    )[list(CUSTOMER_COLUMNS)]


def _class_methods(scenario: DemandScenario) -> dict[str, Coincidence]:
    return {
        **{name: block.coincidence for name, block in scenario.classes.items()},
        **{name: block.method for name, block in scenario.uptake.items() if not block.feeds},
    }
