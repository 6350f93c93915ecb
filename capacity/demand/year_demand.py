"""`YearDemand`: all that one year of one scenario draws and feeds, ready to be solved.

The one value between what is assumed (scenario, customers, methods, profiles) and what is found (bottlenecks,
unserved demand, room to sell).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from capacity.demand.coincidence import AsGiven, Coincidence, coincident_demand
from capacity.demand.customers import customers_of
from capacity.demand.generation import GENERATION_COLUMNS, feed_kw, generation_of
from gis import Network
from gis.feeders import Supply
from gridmodel import GridModel
from gridmodel.demand_model import BusDemand, demand_model, network_with_demand
from gridmodel.profile_set import ProfileSet
from gridmodel.standard_profiles import YEAR, demand_profiles


@dataclass(frozen=True, eq=False)
class YearDemand:
    """What one year of one scenario draws and feeds.

    Attributes
    ----------
    scenario_id, year, draw
        Draw 0, 1, ...: where uptake lands by lot; the same seed gives the same draw.
    customers
        All rows (`customers.CUSTOMER_COLUMNS`), those not placed too.
    methods
        Coincidence per group.
    demand
        Power per bus, group and kind of generation.
    profiles
        Hours of the year: `factors` has a column per group and kind, 1 at the peak.
    generation
        Rows `generation.GENERATION_COLUMNS`: what feeds in, and what could not be placed.
    """

    scenario_id: str
    year: int
    draw: int
    customers: pd.DataFrame
    methods: Mapping[str, Coincidence]
    demand: BusDemand
    profiles: ProfileSet
    generation: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(GENERATION_COLUMNS)))

    @property
    def label(self) -> str:
        """Name in the column `scenario` of result tables."""
        return f"{self.scenario_id}@{self.year}"

    @property
    def factors(self) -> pd.DataFrame:
        """Hours x columns of the demand."""
        return self.profiles.factors[list(self.demand.columns)]

    def model_on(self, network: Network) -> GridModel:
        """A model that this and every demand with the same groups and kinds can be solved on."""
        return demand_model(network, self.demand.groups, self.demand.kinds)

    def network_on(self, network: Network) -> Network:
        """The network of that year: for headroom, connection and any other study of one year."""
        return network_with_demand(network, self.demand)

    def total_kw(self) -> np.ndarray:
        """Demand per hour [kW], all groups, before losses and generation."""
        groups = list(self.demand.groups)
        return np.asarray(self.profiles.factors[groups].to_numpy() @ self.demand.kva.real.sum(axis=0))


def demand_today(
    network: Network, supply: Supply, methods: Mapping[str, Coincidence] | None = None
) -> YearDemand:
    """What a network's own loads and generators draw and feed over a year, by the best estimate of profiles.

    Parameters
    ----------
    methods
        Coincidence per customer class; those not named draw their figures as they stand.
    """
    customers, generation = customers_of(network, methods=methods), generation_of(network)
    named = {str(group): (methods or {}).get(str(group), AsGiven()) for group in customers["group"].unique()}
    fed = rated_kw(network)
    profiles = demand_profiles(YEAR)
    columns = {group: profiles.factors[profiles.of_class[group]] for group in named}
    own = replace(
        profiles,
        factors=pd.DataFrame(columns | {kind: profiles.factors[kind] for kind in fed}, index=profiles.time),
        of_class={group: group for group in named},
        of_kind={kind: kind for kind in fed},
    )
    return YearDemand(
        "today", YEAR, 0, customers, named, coincident_demand(supply, customers, named, fed), own, generation
    )


def rated_kw(network: Network) -> dict[str, np.ndarray]:
    """Rated power in service per bus [kW], per kind of generation as `generation.kind_name` has them."""
    generation = generation_of(network)
    kinds = [str(kind) for kind in generation["kind"].unique()]
    return dict(zip(kinds, feed_kw(generation, network.buses.index, kinds).T, strict=True))
