"""Which loads keep a grid from being solved: a static rule, the tangent at the limit, and leaving one out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gis.feeders import trace_supply
from gridmodel.bounds import bounds_of
from gridmodel.build import branch_ratings_kva
from gridmodel.model import GridModel
from gridmodel.scenario import Scenario
from gridmodel.servable import Carried, Carrier, demand_of, largest_share, load_power_pu, settle

SUSPECT_COLUMNS = (
    "load_id",
    "bus_id",
    "p_kw",
    "times_median",
    "rating_percent",
    "share_without",
    "solves_without",
    "reason",
)
# The tangent is the voltage lost over the last 2 % of the demand that can be served.
TANGENT_STEP = 0.02


def suspect_loads(model: GridModel, scenario: Scenario, carrier: Carrier, carried: Carried) -> pd.DataFrame:
    """Rank the loads that keep the grid from being solved, the likeliest first.

    The net holds the scenario. Only loads in parts that cannot be solved are looked at. A load is named
    when it is far out of its class or above what feeds it, or when without it the part can be solved or
    carries twice the share; in a grid that is overloaded as a whole none is.

    Returns
    -------
    DataFrame
        load_id, bus_id, p_kw, times_median (of its class), rating_percent (of the smallest rating that feeds
        it), share_without (of its part without it), solves_without, reason.
    """
    bounds, share = bounds_of("suspect"), carried.share[:, 0]
    loads = _stood_out(model, scenario).assign(
        part=_parts_of(model, carrier), pull=_pull(model, carrier, carried)
    )
    failing = (loads["part"] >= 0) & (share[loads["part"]] < 1.0) & (loads["p_kw"] > 0.0)
    tried = loads[failing].sort_values(["odd", "pull"], ascending=False)
    tried["rank"] = tried.groupby("part").cumcount()
    first = tried[tried["rank"] < bounds["tried_per_part"]]
    tried["share_without"] = _shares_without(model, carrier, first).reindex(tried.index)
    tried["solves_without"] = tried["share_without"] >= 1.0
    decides = tried["share_without"] >= bounds["share_gain_low"] * share[tried["part"]]
    # Many loads above what feeds them are a demand too high as a whole, not errors of single loads.
    few = tried["odd"].groupby(tried["part"]).transform("sum") <= bounds["tried_per_part"]
    named = tried[decides | tried["solves_without"] | tried["out_of_class"] | (tried["odd"] & few)]
    named = named.sort_values(["solves_without", "share_without", "pull"], ascending=False)
    figures = named[["times_median", "rating_percent", "share_without"]]
    reasons = [_reason(*row) for row in figures.itertuples(index=False, name=None)]
    return named.assign(reason=reasons).rename_axis("load_id").reset_index()[list(SUSPECT_COLUMNS)]


def solves_without(model: GridModel, carrier: Carrier, load_ids: pd.Series) -> bool:
    """Tell whether the scenario the net holds can be solved without some loads."""
    demand = demand_of(carrier, model.net) - _demand_of_loads(model, carrier, load_ids.to_numpy())
    return bool((largest_share(carrier, demand[:, None]).share >= 1.0).all())


def _stood_out(model: GridModel, scenario: Scenario) -> pd.DataFrame:
    """The static rule per load: p_kw, times_median, rating_percent, out_of_class, odd."""
    loads, bounds = model.network.loads, bounds_of("suspect")
    p_kw = scenario.demand_kw(loads)
    groups = p_kw.groupby(loads["customer_class"])
    few = groups.transform("size") < bounds["loads_to_compare"]
    median_kw = groups.transform("median").where(~few, p_kw.median()).replace(0.0, np.nan)
    times_median = p_kw / median_kw
    rating_percent = 100.0 * p_kw / loads["bus_id"].map(_smallest_rating_kva(model))
    out_of_class = times_median > bounds["times_median_high"]
    return pd.DataFrame(
        {
            "bus_id": loads["bus_id"],
            "p_kw": p_kw,
            "times_median": times_median,
            "rating_percent": rating_percent,
            "out_of_class": out_of_class,
            "odd": out_of_class | (rating_percent > 100.0 * bounds["share_of_rating_high"]),
        }
    )


def _smallest_rating_kva(model: GridModel) -> pd.Series:
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


def _rows_of_loads(model: GridModel, carrier: Carrier) -> np.ndarray:
    """Row of the carrier per load of the network; -1 at a source and without supply."""
    return carrier.places[model.net.load["bus"].to_numpy()[: len(model.network.loads)]]


def _parts_of(model: GridModel, carrier: Carrier) -> np.ndarray:
    rows = _rows_of_loads(model, carrier)
    return np.where(rows >= 0, carrier.parts[rows], -1)


def _pull(model: GridModel, carrier: Carrier, carried: Carried) -> np.ndarray:
    """kW times the voltage its bus loses over the last demand that can be served, per load."""
    demand = demand_of(carrier, model.net)[:, None]
    before = (1.0 - TANGENT_STEP) * carried.share[carrier.parts] * demand
    earlier, _ = settle(carrier, before, carried.voltage_pu)
    lost = np.abs(earlier[:, 0]) - np.abs(carried.voltage_pu[:, 0])
    rows = _rows_of_loads(model, carrier)
    power = load_power_pu(model.net)[: len(rows)].real
    return np.where(rows >= 0, power * np.nan_to_num(lost[rows]), 0.0)


def _shares_without(model: GridModel, carrier: Carrier, tried: pd.DataFrame) -> pd.Series:
    """Share of its part without a load. Parts do not feel each other: one case leaves one out in each."""
    demand = demand_of(carrier, model.net)
    cases = int(tried["rank"].max()) + 1 if len(tried) else 0
    columns = [
        demand - _demand_of_loads(model, carrier, tried.index[tried["rank"] == case].to_numpy())
        for case in range(cases)
    ]
    if not columns:
        return pd.Series(dtype=float)
    share = largest_share(carrier, np.stack(columns, axis=1)).share
    return pd.Series(share[tried["part"], tried["rank"]], tried.index)


def _demand_of_loads(model: GridModel, carrier: Carrier, load_ids: np.ndarray) -> np.ndarray:
    at = model.network.loads.index.get_indexer(load_ids)
    return carrier.at_rows(model.net.load["bus"].to_numpy()[at], load_power_pu(model.net)[at])


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
