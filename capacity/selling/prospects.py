"""Customers who do not heat or charge with electricity yet: whom capacity can be sold to.

Known only as far as the network's loads or the scenario tell heat pumps and charging points apart: where
nothing does, nobody can say, and the answer is missing, not 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gis.schema import CUSTOMER_CLASSES
from gridmodel.profile_set import TECHNOLOGIES

if TYPE_CHECKING:
    from capacity.demand.demand_scenario import DemandScenario
    from capacity.demand.year_demand import YearDemand
    from gis import Network

PROSPECT_COLUMNS = ("customers", "without_heating", "without_charging")
# Groups, or technologies of groups, that heat or charge; those of developments (`phases.SITE_PROFILES`) are
# named after their part.
HEATING = ("heat_pump", "storage_heating", "electric_boiler", "site_heat_pump", "site_direct_heating")
CHARGING = ("ev", "site_ev", "site_managed_ev")
# Groups that are people or firms; the others are what they use.
PEOPLE = (*(name for name in CUSTOMER_CLASSES if name not in TECHNOLOGIES), "site_home")


def technologies_of(scenario: DemandScenario) -> dict[str, str]:
    """Technology of each group that a scenario adds under a name of its own."""
    return {name: block.technology for name, block in scenario.uptake.items() if not block.feeds}


def prospects_at_buses(
    network: Network, demand: YearDemand, technology_of: Mapping[str, str] = MappingProxyType({})
) -> pd.DataFrame:
    """Count customers per bus, and those of them without electric heating and without charging.

    A heat pump or charging point is one customer's at its bus, whichever; what is more than the bus has
    customers counts as none. Customers that are not placed are not counted.

    Parameters
    ----------
    technology_of
        Technology per group, where the group is not named after it (`technologies_of`).

    Returns
    -------
    DataFrame
        Indexed by bus_id, every bus of the network; columns `PROSPECT_COLUMNS`, whole numbers. Missing where
        no group of the demand heats, or charges.
    """
    rows = demand.customers[(demand.customers["status"] == "placed").to_numpy()]
    used = rows["group"].map(lambda group: technology_of.get(str(group), str(group)))
    buses = network.buses.index
    people = _counted(rows[used.isin(PEOPLE).to_numpy()], buses)
    known = {technology_of.get(group, group) for group in demand.methods}
    columns = {"customers": people}
    for name, kinds in (("without_heating", HEATING), ("without_charging", CHARGING)):
        having = _counted(rows[used.isin(kinds).to_numpy()], buses)
        without = np.maximum(people - having, 0.0)
        columns[name] = without if known & set(kinds) else np.full(len(buses), np.nan)
    return pd.DataFrame(columns, index=buses)


def prospects_of(at_buses: pd.DataFrame, group_of_bus: pd.Series) -> pd.DataFrame:
    """Sum over groups of buses: columns `PROSPECT_COLUMNS` as whole numbers, missing where not known."""
    sums = at_buses.groupby(group_of_bus.reindex(at_buses.index)).sum(min_count=1)
    return sums.round().astype("Int64")


def _counted(rows: pd.DataFrame, buses: pd.Index) -> np.ndarray:
    return rows.groupby("bus_id")["customers"].sum().reindex(buses, fill_value=0.0).to_numpy(dtype=float)
