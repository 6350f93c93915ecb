"""Which loads keep a grid from being solved: a static rule, the tangent at the limit, and leaving one out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from gis.feeders import trace_supply
from gridmodel.bounds import bounds_of
from gridmodel.build import branch_ratings_kva
from gridmodel.diagnosis import SUSPECT_COLUMNS
from gridmodel.engine.collapse import Servable, servable_shares
from gridmodel.engine.compiled import CompiledGrid
from gridmodel.model import GridModel
from gridmodel.servable import Demand


class Loads(NamedTuple):
    """What stays the same of loads from one scenario to the next: id, bus, customer class, smallest rating.

    `rating_kva` is the smallest one that feeds the load; missing where nothing is rated.
    """

    load_id: np.ndarray
    bus_id: np.ndarray
    customer_class: np.ndarray
    rating_kva: np.ndarray


def loads_of(model: GridModel, rating_kva: pd.Series) -> Loads:
    """The network's loads as suspects, with `smallest_rating_kva` per bus."""
    loads = model.network.loads
    return Loads(
        load_id=loads.index.to_numpy(dtype=object),
        bus_id=loads["bus_id"].to_numpy(dtype=object),
        customer_class=loads["customer_class"].to_numpy(dtype=object),
        rating_kva=loads["bus_id"].map(rating_kva).to_numpy(dtype=float),
    )


def suspect_loads(grid: CompiledGrid, loads: Loads, demand: Demand, carried: Servable) -> list[pd.DataFrame]:
    """Rank the loads that keep each scenario from being solved, the likeliest first.

    Only loads in parts that cannot be solved are looked at. A load is named when it is far out of its class
    or above what feeds it, or when without it the part can be solved or carries twice the share; in a grid
    that is overloaded as a whole none is.

    Returns
    -------
    list of DataFrame
        Per scenario: load_id, bus_id, p_kw, times_median (of its class), rating_percent (of the smallest
        rating that feeds it), share_without (of its part without it), solves_without, reason. The index is
        the position of the load.
    """
    tried = [_tried(grid, loads, demand, carried, scenario) for scenario in range(demand.scenarios)]
    without = _shares_without(grid, demand, tried)
    return [
        _named(frame.assign(share_without=share), carried.share[:, scenario])
        for scenario, (frame, share) in enumerate(zip(tried, without, strict=True))
    ]


def solves_without(grid: CompiledGrid, demand: Demand, scenario: int, load: np.ndarray) -> bool:
    """Tell whether a scenario can be solved without the loads at some positions."""
    drawn = demand.load_pu[:, scenario].copy()
    drawn[load] = 0.0
    share = servable_shares(
        grid, demand.fixed_pu[:, scenario], grid.at_rows(demand.row, drawn)[:, None]
    ).of_all
    return bool(share[0] >= 1.0)


def _tried(
    grid: CompiledGrid, loads: Loads, demand: Demand, carried: Servable, scenario: int
) -> pd.DataFrame:
    """Loads of failing parts in the order they are suspected in, with `rank` in their part."""
    power, row = demand.load_pu[:, scenario], demand.row
    # A load at a source (or without supply) is in no part; the appended entry answers for row -1.
    part = np.append(grid.row_part, -1)[row]
    lost_pu = np.append(np.maximum(-carried.slope[:, scenario], 0.0), 0.0)
    behind = np.where(part >= 0, row, grid.free_count)
    p_kw = 1e3 * grid.sn_mva * power.real
    overloaded = (carried.share[:, scenario] < 1.0) & carried.solved[:, scenario]
    failing = np.append(overloaded, False)[part] & (p_kw > 0.0)
    frame = pd.DataFrame(_stood_out(loads, p_kw)).assign(
        part=part, pull=power.real * np.nan_to_num(lost_pu[behind])
    )
    first = frame[failing].sort_values(["odd", "pull"], ascending=False, kind="stable")
    return first.assign(rank=first.groupby("part").cumcount())


def _stood_out(loads: Loads, p_kw: np.ndarray) -> dict[str, np.ndarray]:
    """The static rule per load: p_kw, times_median, rating_percent, out_of_class, odd."""
    bounds = bounds_of("suspect")
    power = pd.Series(p_kw)
    groups = power.groupby(loads.customer_class)
    few = groups.transform("size") < bounds["loads_to_compare"]
    median_kw = groups.transform("median").where(~few, power.median()).replace(0.0, np.nan)
    times_median = (power / median_kw).to_numpy()
    rating_percent = 100.0 * p_kw / loads.rating_kva
    out_of_class = times_median > bounds["times_median_high"]
    return {
        "load_id": loads.load_id,
        "bus_id": loads.bus_id,
        "p_kw": p_kw,
        "times_median": times_median,
        "rating_percent": rating_percent,
        "out_of_class": out_of_class,
        "odd": out_of_class | (rating_percent > 100.0 * bounds["share_of_rating_high"]),
    }


def _named(tried: pd.DataFrame, share: np.ndarray) -> pd.DataFrame:
    """Those of the loads tried that are to blame."""
    bounds = bounds_of("suspect")
    tried = tried.assign(solves_without=tried["share_without"] >= 1.0)
    decides = tried["share_without"] >= bounds["share_gain_low"] * share[tried["part"]]
    # Many loads above what feeds them are a demand too high as a whole, not errors of single loads.
    few = tried["odd"].groupby(tried["part"]).transform("sum") <= bounds["tried_per_part"]
    named = tried[decides | tried["solves_without"] | tried["out_of_class"] | (tried["odd"] & few)]
    named = named.sort_values(["solves_without", "share_without", "pull"], ascending=False)
    figures = named[["times_median", "rating_percent", "share_without"]]
    reasons = [_reason(*row) for row in figures.itertuples(index=False, name=None)]
    return named.assign(reason=np.array(reasons, dtype=object))[list(SUSPECT_COLUMNS)]


def _shares_without(grid: CompiledGrid, demand: Demand, tried: list[pd.DataFrame]) -> list[np.ndarray]:
    """Share of its part without a load, missing for those not tried; per scenario and row of `tried`.

    Parts do not feel each other: one case leaves one load out in each.
    """
    most = bounds_of("suspect")["tried_per_part"]
    first = [frame[frame["rank"] < most] for frame in tried]
    cases = [int(frame["rank"].max()) + 1 if len(frame) else 0 for frame in first]
    scenario = np.repeat(np.arange(len(tried)), cases)
    drawn = demand.load_pu[:, scenario]
    begin = np.concatenate([[0], np.cumsum(cases)]).astype(np.int64)
    for number, frame in enumerate(first):
        drawn[frame.index, begin[number] + frame["rank"]] = 0.0
    alone = Demand(demand.row, drawn, demand.fixed_pu[:, scenario])
    share = servable_shares(grid, alone.fixed_pu, alone.at_rows(grid)).share if len(scenario) else None
    found = []
    for number, frame in enumerate(tried):
        known = (frame["rank"] < most).to_numpy()
        values = np.full(len(frame), np.nan)
        if share is not None:
            values[known] = share[frame["part"][known], begin[number] + frame["rank"][known]]
        found.append(values)
    return found


def smallest_rating_kva(model: GridModel) -> pd.Series:
    """Smallest rating on the way from the source per bus; missing where nothing is rated."""
    supply, ratings = trace_supply(model.network), branch_ratings_kva(model.network, model.catalogue)
    own = np.full(len(supply.buses), np.inf)
    for table, values in ratings.items():
        fed = (supply.buses["upstream_table"] == table).to_numpy()
        own[fed] = values[model.position(table, supply.buses["upstream_id"][fed])]
    smallest = np.where(np.isnan(own), np.inf, own)
    up = np.where(supply.parents >= 0, supply.parents, np.arange(len(own)))
    while not np.array_equal(further := up[up], up):  # pointer jumping: each round doubles the way seen
        smallest = np.minimum(smallest, smallest[up])
        up = further
    smallest = np.minimum(smallest, smallest[up])
    return pd.Series(np.where(np.isinf(smallest), np.nan, smallest), supply.buses.index)


def _reason(times_median: float, rating_percent: float, share_without: float) -> str:
    bounds = bounds_of("suspect")
    said = []
    if times_median > bounds["times_median_high"]:
        said.append(f"{times_median:,.0f} times the median of its class")
    if rating_percent > 100.0 * bounds["share_of_rating_high"]:
        said.append(f"{rating_percent:,.0f} % of the smallest rating that feeds it")
    if share_without >= 1.0:
        said.append("without it there is a solution")
    elif share_without > 0.0:
        said.append(f"without it {share_without:.1%} of the demand could be served")
    return "; ".join(said)
