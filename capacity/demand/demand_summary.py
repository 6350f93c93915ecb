"""Demand of scenarios in figures: per year, draw and group how many units, how large, and what they draw."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from capacity.demand.year_demand import YearDemand

# direction: "load" or "generation"; connections: rows that are placed; units: what they stand for;
# not_placed: units that are not, each with its reason in the customers' table; installed_kw: sum of the peaks
# each has alone, or of rated power; coincident_kw: at the source at the peak of the profile; annual_kwh: over
# the hours of the profile, as the load flow serves it; stated_kwh: what the rows say of a year, if they do.
SUMMARY_COLUMNS = (
    "scenario", "year", "draw", "direction", "group", "connections", "units", "not_placed", "installed_kw",
    "coincident_kw", "annual_kwh", "stated_kwh",
)  # fmt: skip


def demand_summary(demands: Iterable[YearDemand], *, step_h: float = 1.0) -> pd.DataFrame:
    """Tell what each demand is made of.

    Returns
    -------
    DataFrame
        Columns `SUMMARY_COLUMNS`, a row per demand and group or kind of generation. Over the rows of
        direction "load", annual_kwh adds up to the demand that the load flow is given, before losses.
    """
    rows = [row for demand in demands for row in (*_load_rows(demand, step_h), *_feed_rows(demand, step_h))]
    return pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))


def _load_rows(demand: YearDemand, step_h: float) -> list[tuple[object, ...]]:
    customers = demand.customers
    placed = (customers["status"] == "placed").to_numpy()
    units, group_of = customers["customers"].to_numpy(dtype=float), customers["group"].to_numpy(dtype=object)
    peak_kw, stated_kwh = units * customers["peak_kw"], units * customers["annual_kwh"]
    source_kw = demand.demand.kva.real.sum(axis=0)
    rows: list[tuple[object, ...]] = []
    for column, group in enumerate(demand.demand.groups):
        own = group_of == group
        full_load_h = float(demand.profiles.factors[group].sum()) * step_h
        rows.append(
            (
                demand.scenario_id, demand.year, demand.draw, "load", group, int((own & placed).sum()),
                units[own & placed].sum(), units[own & ~placed].sum(), peak_kw[own & placed].sum(),
                source_kw[column], source_kw[column] * full_load_h,
                stated_kwh[own & placed].sum(min_count=1),
            )
        )  # fmt: skip
    return rows


def _feed_rows(demand: YearDemand, step_h: float) -> list[tuple[object, ...]]:
    generation = demand.generation
    placed = (generation["status"] == "placed").to_numpy()
    units, kind_of = generation["units"].to_numpy(dtype=float), generation["kind"].to_numpy(dtype=object)
    rated_kw = demand.demand.feed_kw.sum(axis=0)
    rows: list[tuple[object, ...]] = []
    for column, kind in enumerate(demand.demand.kinds):
        own = kind_of == kind
        full_load_h = float(demand.profiles.factors[kind].sum()) * step_h
        rows.append(
            (
                demand.scenario_id, demand.year, demand.draw, "generation", kind, int((own & placed).sum()),
                units[own & placed].sum(), units[own & ~placed].sum(), rated_kw[column], rated_kw[column],
                rated_kw[column] * full_load_h, np.nan,
            )
        )  # fmt: skip
    return rows
