"""Metered customers of a scenario: each follows its own readings, in a group of its own."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from capacity.demand.coincidence import Coincidence, Measured
from capacity.demand.demand_scenario import METER_PREFIX, DemandScenario
from gis import Network
from gridmodel.meter_file import read_meters

METERED_COLUMNS = ("load_id", "group", "status", "reason", "peak_kw", "energy_kwh")


@dataclass(frozen=True, eq=False)
class Metered:
    """What the meters of a scenario say about the customers of a network.

    Attributes
    ----------
    customers
        With the group, the peak and the energy of those who follow their readings.
    methods
        Coincidence per such group.
    factors
        Hours of the scenario's year x such groups, 1 at each one's peak.
    loads
        Columns `METERED_COLUMNS`, every load of the network: "measured", "by_class" (it has readings, but is
        not among the largest), "no_meter", "set_aside" or "not_placed"; no rows without meters.
    """

    customers: pd.DataFrame
    methods: dict[str, Coincidence]
    factors: pd.DataFrame
    loads: pd.DataFrame


def metered(customers: pd.DataFrame, network: Network, scenario: DemandScenario) -> Metered:
    """Give the largest customers that have readings a group of their own.

    Raises
    ------
    InputError
        The readings are no such file; every fault is named.
    """
    block = scenario.meters
    if block is None:
        return Metered(customers, {}, pd.DataFrame(), pd.DataFrame(columns=list(METERED_COLUMNS)))
    read = read_meters(
        block.file,
        network,
        unit=block.unit,
        time_zone=block.time_zone,
        stamp=block.stamp,
        mapping=block.mapping,
    ).in_year(scenario.profile.year)
    placed = set(customers.loc[customers["status"] == "placed", "load_id"])
    known = read.peak_kw[[load_id for load_id in read.kw if load_id in placed]]
    largest = known.sort_values(ascending=False, kind="stable").index[: block.largest]
    group_of = {str(load_id): f"{METER_PREFIX}{load_id}" for load_id in largest}
    source = f"{block.source}; {read.source}"
    loads = read.loads.assign(
        peak_kw=read.peak_kw, energy_kwh=read.kw.sum(), group=pd.Series(group_of, dtype=object)
    ).rename_axis("load_id")
    return Metered(
        _regrouped(customers, group_of, loads),
        {group: Measured(source=source) for group in group_of.values()},
        read.factors[list(group_of)].rename(columns=group_of),
        _told(loads, placed, block.largest),
    )


def _regrouped(customers: pd.DataFrame, group_of: dict[str, str], loads: pd.DataFrame) -> pd.DataFrame:
    own = customers["load_id"].isin(list(group_of))
    peak_kw, energy_kwh = (customers["load_id"].map(loads[name]) for name in ("peak_kw", "energy_kwh"))
    return customers.assign(
        group=customers["load_id"].map(group_of).fillna(customers["group"]),
        peak_kw=customers["peak_kw"].where(~own, peak_kw / customers["customers"]),
        annual_kwh=customers["annual_kwh"].where(~own, energy_kwh / customers["customers"]),
    )


def _told(loads: pd.DataFrame, placed: set[str], largest: int) -> pd.DataFrame:
    """Every load with what became of its readings."""
    small = (loads["status"] == "measured") & loads["group"].isna()
    away = small & ~loads.index.isin(placed)
    status = loads["status"].mask(small, "by_class").mask(away, "not_placed")
    reason = loads["reason"].mask(small, f"not among the {largest} largest: it follows its class")
    reason = reason.mask(away, "it draws nothing in this scenario")
    return loads.assign(status=status, reason=reason).reset_index()[list(METERED_COLUMNS)]
