"""Cables a measure may lay: sizes from the catalogue that fit the voltage, and what laying them costs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
import shapely

from capacity.costs.cost import Cost
from capacity.costs.items import CABLES
from capacity.measures.building_figures import building_figures
from capacity.measures.situation import Situation
from gis.voltage import LV_MAX_KV, MV_MAX_KV

M_PER_KM = 1000.0


@dataclass(frozen=True, eq=False)
class Way:
    """Where a new cable lies.

    Attributes
    ----------
    drawn
        Line on the map, from the supply to the end.
    length_m
        Length of the cable; wins over what is drawn.
    trench_m
        Length of the trench, weighted by what the surface over it costs.
    trenches
        Keys of trenches that other measures may lie in too, with their weighted length [m].
    """

    drawn: shapely.LineString
    length_m: float
    trench_m: float
    trenches: dict[str, float]


def cable_item(vn_kv: float) -> str:
    """Item of the cost table for a cable of this voltage; "" where none is meant for it."""
    if vn_kv <= LV_MAX_KV:
        return "lv_cable"
    return "mv_cable" if vn_kv <= MV_MAX_KV else ""


def no_price(situation: Situation, vn_kv: float) -> str:
    """Why no cable of this voltage can be proposed; "" where one can."""
    item = cable_item(vn_kv)
    if not item:
        return f"no item of a cost table is meant for cables of {vn_kv:g} kV"
    if not situation.costs.has(item) and not any(
        situation.costs.has(item, type_id) for type_id in situation.catalogue.lines.index
    ):
        return f"the cost table {situation.costs.name} has no price of {item}"
    if cables_for(situation, vn_kv).empty:
        return f"the catalogue has no cable for {vn_kv:g} kV"
    return ""


@lru_cache(maxsize=16)
def cables_for(situation: Situation, vn_kv: float) -> pd.DataFrame:
    """Cables that fit a voltage and have a price, those that another one beats at the same price left out.

    Returns
    -------
    DataFrame
        Indexed by type_id, cheapest first: r_ohm_per_km, x_ohm_per_km, i_max_a, z_ohm_per_km, per_km.
    """
    types, item = situation.catalogue.lines, cable_item(vn_kv)
    most = building_figures().cable.highest_kv_factor * vn_kv
    fits = (types["kind"] == "cable") & (types["vn_max_kv"] >= vn_kv) & (types["vn_max_kv"] <= most)
    found = types[fits]
    priced = [bool(item) and situation.costs.has(item, str(type_id)) for type_id in found.index]
    found = found[np.array(priced, dtype=bool)].copy()
    found["z_ohm_per_km"] = np.hypot(found["r_ohm_per_km"], found["x_ohm_per_km"])
    found["per_km"] = [situation.costs.cost(item, 1.0, str(type_id)).eur for type_id in found.index]
    found = found.sort_values(["per_km", "z_ohm_per_km", "c_nf_per_km"], kind="stable")
    return found[_unbeaten(found)]


def sizes_for(situation: Situation, vn_kv: float, current_a: float) -> pd.DataFrame:
    """Cables to compare for a current [A]: those that carry it and differ enough in price.

    Where none carries it the largest alone, which another measure may relieve.
    """
    cables = cables_for(situation, vn_kv)
    enough = cables[cables["i_max_a"] >= current_a]
    if enough.empty:
        return cables.nlargest(1, "i_max_a")
    return worth_comparing(enough)


def worth_comparing(cables: pd.DataFrame) -> pd.DataFrame:
    """Of some cables, cheapest first, the largest, the cheapest and those between that save enough.

    The trench is most of the price: a smaller cable that saves next to nothing is no alternative.
    """
    figures, per_km = building_figures().cable, cables["per_km"].to_numpy()
    kept = [len(cables) - 1]
    for row in range(len(cables) - 2, -1, -1):
        if per_km[row] <= (1.0 - figures.least_saving_share) * per_km[kept[-1]]:
            kept.append(row)
    if kept[-1] > 0:  # the cheapest in place of what saves next to nothing against it
        kept = [*kept[: max(len(kept) - 1, 1)], 0]
    spread = np.linspace(0, len(kept) - 1, min(figures.sizes, len(kept))).round().astype(int)
    return cables.iloc[np.array(kept[::-1])[np.unique(spread)]]


def laid_cost(situation: Situation, vn_kv: float, type_id: str, way: Way) -> Cost:
    """Cost of a cable laid in its own trench."""
    item, costs = cable_item(vn_kv), situation.costs
    if not costs.has(CABLES[item], type_id):  # the surface cannot be told apart
        return costs.cost(item, way.length_m / M_PER_KM, type_id)
    return costs.cable_cost(item, way.length_m, way.trench_m, type_id=type_id)


def trench_eur_per_m(situation: Situation, vn_kv: float) -> float:
    """Price of a metre of trench that is in `laid_cost`; 0 where the table does not tell it apart."""
    item = cable_item(vn_kv)
    if not (situation.costs.has(item) and situation.costs.has(CABLES[item])):
        return 0.0
    return max(situation.costs.trench_per_m(item), 0.0)


def _unbeaten(cables: pd.DataFrame) -> np.ndarray:
    """Flag the cables, cheapest first, that no cheaper or equally dear one beats in both figures."""
    z, i_max_a = cables["z_ohm_per_km"].to_numpy(), cables["i_max_a"].to_numpy()
    per_km = cables["per_km"].to_numpy()
    kept = np.ones(len(cables), dtype=bool)
    for row in range(len(cables)):
        rivals = kept & (per_km <= per_km[row]) & (z <= z[row]) & (i_max_a >= i_max_a[row])
        rivals[row] = False
        kept[row] = not rivals.any()
    return kept
