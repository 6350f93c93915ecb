"""Years of few hours for tests: a network's own loads under factors that are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from capacity.checks import Yardstick
from capacity.demand.coincidence import Coincidence
from capacity.demand.year_demand import YearDemand, demand_today
from capacity.years.year import YearFindings, study_year
from gis import Network
from tests.capacity.grids import station, with_column, yardstick_of

FIRST_HOUR = "2030-01-07T00:00Z"


def town(**changes: object) -> Network:
    """The station of `grids.station`, its loads at cos phi 0.95 as stated in the file."""
    network = station(**changes)  # type: ignore[arg-type]
    return with_column(network, "loads", "cos_phi", dict.fromkeys(network.loads.index, 0.95))


def year_of(
    network: Network,
    factors: Mapping[str, Sequence[float]],
    *,
    year: int = 2030,
    scenario_id: str = "test",
    draw: int = 0,
    freq: str = "h",
    methods: Mapping[str, Coincidence] | None = None,
) -> YearDemand:
    """The network's own loads and generators under factors per group and kind, an hour each."""
    today = demand_today(network, yardstick_of(network).supply, methods)
    hours = pd.date_range(FIRST_HOUR, periods=len(next(iter(factors.values()))), freq=freq)
    table = pd.DataFrame({name: list(values) for name, values in factors.items()}, index=hours)
    return replace(
        today,
        scenario_id=scenario_id,
        year=year,
        draw=draw,
        profiles=replace(today.profiles, factors=table),
    )


def findings_of(
    network: Network, demand: YearDemand, profile: str = "en50160"
) -> tuple[Yardstick, YearFindings]:
    """Limits over the network, and what the year finds."""
    yardstick = yardstick_of(network, profile)
    return yardstick, study_year(demand.model_on(network), yardstick, demand)
