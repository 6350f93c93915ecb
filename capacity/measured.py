"""Customers with meters in a year's demand: each follows its own readings, and they simply add up."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from capacity.coincidence import Measured, coincident_demand
from capacity.year_demand import YearDemand
from gis.feeders import Supply
from gis.schema import CUSTOMER_CLASSES
from gridmodel.meter_readings import MeterReadings
from gridmodel.profile_set import ProfileSet


def with_readings(demand: YearDemand, supply: Supply, readings: MeterReadings) -> YearDemand:
    """Let every measured customer draw what its meter read, and all others what they did.

    A measured customer becomes a group of its own ("meter LOAD_ID") of the method "measured": its largest
    hour as peak, its readings over it as profile. What was assumed of it, growth too, is replaced;
    technologies that a scenario adds to it stay. Every group is a load at every bus of the model: for more
    than some dozens of meters lay the readings over the network instead (`MeterReadings.peaks_on` and `over`)
    and run its profiles.

    Parameters
    ----------
    demand
        Of today, or of a year of a scenario; readings are moved to its year, weekday by weekday.
    supply
        Of the network the demand was made on.
    """
    customers = demand.customers
    measured = (
        customers["load_id"].isin(readings.kw.columns)
        & customers["group"].isin(CUSTOMER_CLASSES)
        & (customers["status"] == "placed")
        & ~customers.duplicated(["load_id", "group"])
    )
    loads = customers["load_id"][measured]
    rows = customers[measured].assign(
        group="meter " + loads, customers=1.0, peak_kw=loads.map(readings.peak_kw).astype(float),
        annual_kwh=loads.map(readings.kw.sum()).astype(float),
    )  # fmt: skip
    changed = pd.concat([customers[~measured], rows]).sort_index()
    methods = {**demand.methods, **{group: Measured(source=readings.source) for group in rows["group"]}}
    kinds = demand.demand.kinds
    feed_kw = {kind: demand.demand.feed_kw[:, number] for number, kind in enumerate(kinds)}
    return replace(
        demand,
        customers=changed,
        methods=methods,
        demand=coincident_demand(supply, changed, methods, feed_kw),
        profiles=_profiles(demand.profiles, readings, list(loads)),
    )


def _profiles(profiles: ProfileSet, readings: MeterReadings, loads: list[str]) -> ProfileSet:
    """The profiles of the demand, and a column per measured customer, named as its group."""
    factors = readings.in_year(int(profiles.time.year[0])).factors[loads].add_prefix("meter ")
    return replace(
        profiles,
        factors=pd.concat([profiles.factors, factors.reindex(profiles.time)], axis=1),
        of_class={**profiles.of_class, **{str(group): str(group) for group in factors}},
        source=f"{profiles.source}; readings {readings.source}",
    )
