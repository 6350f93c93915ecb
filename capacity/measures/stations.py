"""`Station`: strained transformers between two busbars, and types that may take their place or run beside.

Strained is what is overloaded or on the way to a broken voltage.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from shapely.geometry.base import BaseGeometry

from capacity.measures.building_figures import building_figures
from capacity.measures.situation import Situation
from capacity.measures.strain import strain_of
from gis.voltage import LV_MAX_KV, MV_MAX_KV, same_voltage
from gridmodel import transformer_figures

RATINGS = ("sn_kva", "vk_percent", "vkr_percent", "pfe_kw", "i0_percent")
TAPS = ("tap_neutral", "tap_min", "tap_max", "tap_step_percent")
SAME_FIGURE_SHARE = 1e-6  # figures that differ by less are one
ROUNDING = 1e-9
OWN_FIGURES = (*RATINGS, "tap_side", *TAPS)


@dataclass(frozen=True, eq=False)
class Station:
    """Transformers in service between the same two buses, at least one of which is strained.

    Attributes
    ----------
    units
        Their figures as the model has them, indexed by transformer_id (`gridmodel.transformer_figures`), with
        parallel, hv_bus_id, lv_bus_id and type_id.
    hv_kv, lv_kv
        Voltages of its buses.
    load_kva
        Most that they carry together.
    overloaded
        One of them breaks its loading limit.
    geometry
        Where it is.
    """

    units: pd.DataFrame
    hv_kv: float
    lv_kv: float
    load_kva: float
    overloaded: bool
    geometry: BaseGeometry

    @property
    def first(self) -> str:
        """The transformer that names it."""
        return str(self.units.index[0])

    @property
    def key(self) -> str:
        """Key of its set of transformers: one measure changes it, the next would not fit what it left."""
        return f"units|{self.first}"

    @property
    def count(self) -> int:
        """Number of transformers that run in parallel."""
        return int(self.units["parallel"].sum())

    @property
    def item(self) -> str:
        """Item of the cost table for a transformer here; "" where none is meant for it."""
        if self.hv_kv <= MV_MAX_KV and self.lv_kv <= LV_MAX_KV:
            return "mv_lv_transformer"
        return "hv_mv_transformer" if self.hv_kv > MV_MAX_KV and self.lv_kv > LV_MAX_KV else ""

    @property
    def types(self) -> str:
        """What stands there, in words."""
        told = [
            str(unit["type_id"]) if pd.notna(unit["type_id"]) else f"{unit['sn_kva']:,.0f} kVA"
            for _, unit in self.units.iterrows()
        ]
        return " + ".join(dict.fromkeys(told))


def strained_stations(situation: Situation, item: str) -> tuple[Station, ...]:
    """Stations whose transformers are of an item of the cost table and strained.

    One on the way to a broken voltage counts if its own drop matters to it.
    """
    return tuple(station for station in _all_strained(situation) if station.item == item)


@lru_cache(maxsize=2)
def _all_strained(situation: Situation) -> tuple[Station, ...]:
    network, strain = situation.network, strain_of(situation)
    share = building_figures().section.least_drop_share
    weak = strain.weak_transformers
    weak = weak[weak["overloaded"] | (weak["drop_pu"] >= share * weak["need_pu"])]
    live = network.transformers[network.transformers["in_service"]]
    ends = live["hv_bus_id"].astype(str) + "|" + live["lv_bus_id"].astype(str)
    pairs = dict.fromkeys(ends.reindex(weak.index).dropna())
    return tuple(station_of(situation, ends.index[ends == pair]) for pair in pairs)


def station_of(situation: Situation, ids: pd.Index) -> Station:
    """Transformers between the same two buses as one."""
    network, strain = situation.network, strain_of(situation)
    rows = network.transformers.loc[ids]
    figures = _figures(situation).loc[ids]
    units = figures.join(rows[["parallel", "hv_bus_id", "lv_bus_id", "type_id"]])
    kv = network.buses["vn_kv"]
    at = network.transformers.index.get_indexer(ids)
    carried = np.nan_to_num(situation.transformer_kva[:, at]).sum(axis=1).max(initial=0.0)
    fed = np.flatnonzero(np.isin(strain.tree.transformer, at))
    unsolved = np.isnan(situation.vm_pu).all(axis=1)
    linear = np.abs(strain.flows[np.ix_(unsolved, fed)]).max(initial=0.0)
    return Station(
        units=units,
        hv_kv=float(kv[rows["hv_bus_id"].iloc[0]]),
        lv_kv=float(kv[rows["lv_bus_id"].iloc[0]]),
        load_kva=float(max(carried, linear)),
        overloaded=bool(strain.transformers["overloaded"][ids].any()),
        geometry=rows.geometry.iloc[0],
    )


def needed_kva(situation: Situation, station: Station) -> float:
    """Rated power that the load of a station asks for [kVA]."""
    return station.load_kva / (situation.yardstick.limits.loading.transformer_percent / 100.0)


def units_needed(situation: Situation, station: Station, unit_kva: float, *, beside_kva: float = 0.0) -> int:
    """Number of transformers of a size that the load of a station asks for beside others, at least one."""
    short_kva = needed_kva(situation, station) - beside_kva
    return max(1, int(np.ceil(short_kva / unit_kva - ROUNDING)))


@lru_cache(maxsize=2)
def _figures(situation: Situation) -> pd.DataFrame:
    return transformer_figures(situation.network, situation.catalogue)


@lru_cache(maxsize=16)
def types_at(situation: Situation, hv_kv: float, lv_kv: float, item: str) -> pd.DataFrame:
    """Transformer types between two voltages that have a price, smallest first."""
    types = situation.catalogue.transformers
    fits = same_voltage(types["vn_hv_kv"], hv_kv) & same_voltage(types["vn_lv_kv"], lv_kv)
    if item == "mv_lv_transformer":
        fits &= types["sn_kva"] <= building_figures().transformer.largest_station_kva
    found = types[fits]
    priced = np.array([situation.costs.has(item, str(type_id)) for type_id in found.index], dtype=bool)
    return found[priced].sort_values(["sn_kva", "pfe_kw"], kind="stable")


def next_sizes(types: pd.DataFrame, least_kva: float, count: int) -> pd.DataFrame:
    """The next sizes from a power on, one type a size, that of the least no-load loss; else the largest."""
    sizes = types.drop_duplicates("sn_kva")
    enough = sizes[sizes["sn_kva"] >= least_kva]
    return enough.head(count) if len(enough) else sizes.tail(1)


def like(station: Station, new: pd.Series) -> dict[str, object]:
    """Figures that give a new transformer of a type the ratio and vector group of a station's first one."""
    own, position = station.units.iloc[0], tap_for(station, new)
    kept: dict[str, object] = {
        name: float(own[name])
        for name in ("vn_hv_kv", "vn_lv_kv", "shift_degree")
        if abs(own[name] - new[name]) > SAME_FIGURE_SHARE * abs(own[name])
    }
    return kept if position is None else {**kept, "tap_pos": position}


def tap_for(station: Station, types: pd.Series) -> float | None:
    """Position in which a type has the ratio that the station's first transformer has; None for none."""
    old = station.units.iloc[0]
    if pd.isna(old["tap_pos"]) or old[list(TAPS)].isna().any() or pd.isna(types["tap_neutral"]):
        return None
    off_percent = (old["tap_pos"] - old["tap_neutral"]) * old["tap_step_percent"]
    off_percent = off_percent if old["tap_side"] == types["tap_side"] else -off_percent
    position = types["tap_neutral"] + round(off_percent / types["tap_step_percent"])
    return float(np.clip(position, types["tap_min"], types["tap_max"]))
