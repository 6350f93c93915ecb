"""Whole columns: a slip of a thousand converges and looks like a result, so the median is judged.

Single rows that stand out of a sound column are judged by the rules of their table.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from gis.findings import join_findings, make_findings
from gis.quality.bounds import ColumnBound, bound, column_bounds, span
from gis.quality.grid import Grid
from gis.rules import Tables

# Columns no load flow looks at: a slip there spoils no result.
NOT_SOLVED = ("annual_kwh", "service_kw", "s_sc_mva")


def columns_have_their_unit(tables: Tables) -> pd.DataFrame:
    """Columns as a whole are of the size of their unit."""
    grid = Grid.of(tables)
    parts = [_judge(grid, entry) for entry in column_bounds()]
    further = (lengths_have_their_unit, demand_fits_the_transformers)
    return join_findings([*parts, *(check(grid) for check in further)])


def lengths_have_their_unit(tables: Tables) -> pd.DataFrame:
    """`length_m` as a whole is of the size of what is drawn."""
    grid = Grid.of(tables)
    share = _median(_quotient(grid["lines"]["length_m"], grid.drawn_m))
    if share < bound("length", "column_low"):
        return _slip("lines", "length_m", share, "the lengths look like km", 1000.0)
    if share > bound("length", "column_high"):
        return _slip("lines", "length_m", share, "the lengths look like mm", 0.001)
    return join_findings([])


def demand_fits_the_transformers(tables: Tables) -> pd.DataFrame:
    """All loads together are of the size of all transformers together."""
    grid = Grid.of(tables)
    ratings_kva = grid.transformer_rating_kva
    loads_kw = grid["loads"]["p_kw"].to_numpy(dtype=float)
    demand_kw = np.nansum(loads_kw)
    if not len(ratings_kva) or np.isnan(ratings_kva).any() or not demand_kw > 0.0:
        return join_findings([])
    low, high = span("load", "demand_share")
    share = float(demand_kw / ratings_kva.sum())
    if share < low:
        return _slip("loads", "p_kw", share, "the loads look like MW", 1000.0)
    # A single load that is most of all demand is that load, not the column.
    if share > high and not np.nanmax(loads_kw) > 0.5 * demand_kw:
        return _slip("loads", "p_kw", share, "the loads look like W", 0.001)
    return join_findings([])


def voltages_are_in_kv(tables: Tables) -> pd.DataFrame:
    """No voltage is given in volts: customers of a few kW hang on no grid of 400 kV."""
    grid = Grid.of(tables)
    at_kv = grid.bus_kv[grid.at_bus["loads"]]
    homes = (tables["loads"]["customer_class"] == "residential").to_numpy() & ~np.isnan(at_kv)
    if homes.any() and np.median(at_kv[homes]) >= bound("rows", "homes_max_kv"):
        message = (
            "homes hang on a grid of that voltage: vn_kv looks like V; map the column with factor = 0.001"
        )
        value = f"{np.median(at_kv[homes]):g} kV"
        return make_findings("voltage_unit", "buses", [""], message, values=[value])
    return join_findings([])


def _judge(tables: Tables, entry: ColumnBound) -> pd.DataFrame:
    values = tables[entry.table][entry.column]
    if entry.by:
        values = pd.Series(_quotient(values, tables[entry.table][entry.by].to_numpy(dtype=float)))
        if (values > 0.0).sum() < bound("rows", "quotient_least"):
            return join_findings([])
    median = _median(values.where(values > 0.0).to_numpy(dtype=float))
    what = f"median {entry.column}" + (f" / {entry.by}" if entry.by else "")
    between = f"{what} is outside {entry.low:g}..{entry.high:g}"
    if median < entry.low:
        return _slip(
            entry.table,
            entry.column,
            median,
            f"{between}, the values look like {entry.slip_low}",
            entry.factor_low,
        )
    if median > entry.high:
        return _slip(
            entry.table,
            entry.column,
            median,
            f"{between}, the values look like {entry.slip_high}",
            entry.factor_high,
        )
    return join_findings([])


def _quotient(values: pd.Series, by: np.ndarray) -> np.ndarray:
    return values.to_numpy(dtype=float) / np.where(by > 0.0, by, np.nan)


def _median(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else np.nan


def _slip(table: str, column: str, value: float, what: str, factor: float) -> pd.DataFrame:
    message = f"{column}: {what}; map the column with factor = {factor:g} if so"
    rule = "unit_doubt" if column in NOT_SOLVED else "unit_slip"
    return make_findings(rule, table, [""], message, severity="warning", values=[f"{value:.3g}"])
