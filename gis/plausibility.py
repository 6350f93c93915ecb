"""Doubts about figures that are readable and still look wrong: a registry of rules over the tables.

A slip of a thousand converges and looks like a result, so a whole column is judged, not its cells;
rules that refuse a network stand in `gis.rules`. Bounds are engineering judgement, far outside what is
built: real columns lie a factor of ten or more inside them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely

from gis.findings import join_findings, make_findings
from gis.rules import Rule, Tables

# Median length given against length drawn: schematic maps reach 0.15 to 196 (SimBench), so only a median
# beyond a hundred is a unit.
LENGTH_SHARE_LOW, LENGTH_SHARE_HIGH = 0.01, 300.0
# Median rated current of a column [A]: the thinnest service cable carries 50 A, 5 is no cable.
LINE_RATING_LOW_A = 5.0
# Median rated power [kVA]: the smallest pole transformer has 5 kVA.
TRANSFORMER_RATING_LOW_KVA = 3.0
# All loads against all transformers that feed low voltage: 0.1 to 1.5 in real networks.
DEMAND_SHARE_LOW, DEMAND_SHARE_HIGH = 0.005, 50.0
# A load this many times the median of its class stands out; found 73 of 73 loads wrong by a thousand.
LOAD_TIMES_MEDIAN = 100.0
LOADS_TO_COMPARE = 5
# A load further [m] from the bus it names is at another place: ten times the longest low-voltage feeder.
LOAD_AWAY_MAX_M = 10_000.0


def lengths_fit_the_map(tables: Tables) -> pd.DataFrame:
    """`length_m` as a whole is of the size of what is drawn."""
    lines = tables["lines"]
    share = _median((lines["length_m"] / shapely.length(lines.geometry.array)).replace(np.inf, np.nan))
    if share < LENGTH_SHARE_LOW:
        return _column("lines", "length_m", share, "the lengths look like km", 1000.0)
    if share > LENGTH_SHARE_HIGH:
        return _column("lines", "length_m", share, "the lengths look like mm", 0.001)
    return join_findings([])


def ratings_are_of_equipment(tables: Tables) -> pd.DataFrame:
    """Rated currents and powers as a whole are of a size that is built."""
    parts = []
    for table, column, low, unit in (
        ("lines", "i_max_a", LINE_RATING_LOW_A, "kA"),
        ("transformers", "sn_kva", TRANSFORMER_RATING_LOW_KVA, "MVA"),
    ):
        median = _median(tables[table][column])
        if median < low:
            parts.append(_column(table, column, median, f"the ratings look like {unit}", 1000.0))
    return join_findings(parts)


def demand_fits_the_transformers(tables: Tables) -> pd.DataFrame:
    """All loads together are of the size of all transformers together."""
    ratings = tables["transformers"]["sn_kva"]
    loads = tables["loads"]["p_kw"]
    if ratings.empty or ratings.isna().any() or not loads.sum() > 0.0:
        return join_findings([])
    share = loads.sum() / ratings.sum()
    if share < DEMAND_SHARE_LOW:
        return _column("loads", "p_kw", share, "the loads look like MW", 1000.0)
    if share > DEMAND_SHARE_HIGH and not _one_is_most(loads):
        return _column("loads", "p_kw", share, "the loads look like W", 0.001)
    return join_findings([])


def loads_fit_their_class(tables: Tables) -> pd.DataFrame:
    """No load stands far out of its class: a thousand times too much ends in no solution at all."""
    loads = tables["loads"]
    groups = loads.groupby("customer_class")["p_kw"]
    times = loads["p_kw"] / groups.transform("median").replace(0.0, np.nan)
    far = (times > LOAD_TIMES_MEDIAN) & (groups.transform("size") >= LOADS_TO_COMPARE)
    values = [
        f"{p:g} kW, {t:,.0f} times the median" for p, t in zip(loads["p_kw"][far], times[far], strict=True)
    ]
    message = "p_kw stands far out of its customer_class; check its unit"
    return make_findings(
        "load_outlier", "loads", loads.index[far], message, severity="warning", values=values
    )


def loads_stand_near_their_bus(tables: Tables) -> pd.DataFrame:
    """A load is drawn in the place its bus id says: far off, the id or the place is another customer's."""
    loads, buses = tables["loads"], tables["buses"]
    if loads.empty or buses.empty:
        return join_findings([])
    at = buses.geometry.reindex(loads["bus_id"]).to_numpy()
    away_m = shapely.distance(np.asarray(loads.geometry.array), at)
    far = away_m > LOAD_AWAY_MAX_M
    values = [f"{distance / 1000.0:,.1f} km" for distance in away_m[far]]
    message = "the load is drawn that far from the bus it names; correct bus_id or the place"
    return make_findings("load_away", "loads", loads.index[far], message, values=values)


def lines_are_drawn_once(tables: Tables) -> pd.DataFrame:
    """No line lies on another of its voltage between the same buses, in either direction."""
    lines = tables["lines"]
    geometry = np.asarray(lines.geometry.array)
    pair = np.sort(lines[["from_bus_id", "to_bus_id"]].astype(str).to_numpy(), axis=1)
    with np.errstate(invalid="ignore"):  # a coordinate that is no number has a rule of its own
        drawn = shapely.normalize(shapely.set_precision(geometry, 0.001))
    shape = pd.Series(shapely.to_wkb(drawn), lines.index)
    keys = pd.DataFrame({"a": pair[:, 0], "b": pair[:, 1], "shape": shape}, lines.index)
    twice = keys.duplicated(keep=False) & shape.notna()
    others = lines.index.to_series()[twice].groupby([keys[c][twice] for c in keys]).transform(", ".join)
    message = "the line is drawn more than once; remove it, or say parallel=2 in one row"
    return make_findings("duplicate_line", "lines", others.index, message, severity="warning", values=others)


def parallel_transformers_agree(tables: Tables) -> pd.DataFrame:
    """Transformers between the same two buses have one phase shift: others drive a current in a circle."""
    transformers = tables["transformers"].query("in_service")
    shifts = transformers["shift_degree"].fillna(0.0) % 360.0
    ends = transformers[["hv_bus_id", "lv_bus_id"]].dropna()
    parts = []
    for buses, rows in shifts.loc[ends.index].groupby([ends["hv_bus_id"], ends["lv_bus_id"]]):
        if (rows != rows.iloc[0]).any():
            named = ", ".join(f"{i} {s:g} degree" for i, s in rows.items())
            message = f"parallel transformers with different shift_degree between {buses[0]} and {buses[1]}"
            parts.append(
                make_findings("parallel_shift", "transformers", [""], f"{message}: {named}; correct one")
            )
    return join_findings(parts)


DOUBTS: tuple[Rule, ...] = (
    lengths_fit_the_map,
    ratings_are_of_equipment,
    demand_fits_the_transformers,
    loads_fit_their_class,
    loads_stand_near_their_bus,
    lines_are_drawn_once,
    parallel_transformers_agree,
)


def _median(values: pd.Series) -> float:
    known = values.dropna()
    return float(known.median()) if len(known) else np.nan


def _one_is_most(loads: pd.Series) -> bool:
    """Tell whether a single load is most of all demand: then it is that load, not the column."""
    return bool(loads.max() > 0.5 * loads.sum())


def _column(table: str, column: str, value: float, what: str, factor: float) -> pd.DataFrame:
    message = f"{column}: {what}; map the column with factor = {factor:g} if so"
    return make_findings("unit_slip", table, [""], message, severity="warning", values=[f"{value:.3g}"])
