"""Measure `second_transformer`: one more MV/LV transformer in a station, beside those that are there.

Only what may run in parallel is proposed: equal ratio and vector group, short-circuit voltages and rated
powers near each other (IEC 60076-8 clause 6). The same once more always may.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from capacity.measures.building_figures import building_figures
from capacity.measures.measure import Measure
from capacity.measures.proposals import NotProposed
from capacity.measures.rows import added
from capacity.measures.situation import Situation
from capacity.measures.stations import RATINGS, TAPS, Station, strained_stations, types_at
from gis.changes import NetworkChanges

KIND = "second_transformer"
SAME_AGAIN = "the same again"


def propose_second_transformer(situation: Situation) -> Iterator[Measure | NotProposed]:
    """Propose a further transformer for every station that is overloaded or drops too much."""
    for station in strained_stations(situation, "mv_lv_transformer"):
        yield from further_unit(situation, KIND, station)


def further_unit(situation: Situation, kind: str, station: Station) -> Iterator[Measure | NotProposed]:
    """Add a transformer to a station: the same as its first, and larger ones that may run beside it."""
    most = building_figures().transformer.units_max
    reason = ""
    types = types_at(situation, station.hv_kv, station.lv_kv, station.item)
    if station.count >= most and (types["sn_kva"] > station.units["sn_kva"].min()).any():
        reason = f"{station.count} transformers stand there already; replace them by larger ones"
    elif not situation.costs.has(station.item):
        reason = f"the cost table {situation.costs.name} has no price of {station.item}"
    if reason:
        yield NotProposed(kind, "transformers", station.first, reason)
        return
    own = station.units.iloc[0]
    name = str(own["type_id"]) if pd.notna(own["type_id"]) else ""
    yield _measure(situation, kind, station, own, (SAME_AGAIN, name))
    for type_id, new in _beside(situation, station).iterrows():
        yield _measure(situation, kind, station, new, (str(type_id), str(type_id)))


def _beside(situation: Situation, station: Station) -> pd.DataFrame:
    """Larger types that may run beside the station's first transformer."""
    figures, own = building_figures().transformer, station.units.iloc[0]
    types = types_at(situation, station.hv_kv, station.lv_kv, station.item)
    near = (types["vk_percent"] / own["vk_percent"] - 1.0).abs() <= figures.vk_tolerance
    ratio = types["sn_kva"] / own["sn_kva"]
    fits = types[near & (ratio > 1.0) & (ratio <= figures.ratio_max)]
    return fits.drop_duplicates("sn_kva").head(figures.sizes)


def _measure(
    situation: Situation, kind: str, station: Station, new: pd.Series, names: tuple[str, str]
) -> Measure:
    label, type_id = names
    measure_id = f"{kind}|{station.first}|beside|{label}"
    row = _row(station, new, f"{measure_id}|transformer", type_id)
    priced = type_id if type_id and situation.costs.has(station.item, type_id) else ""
    told = type_id or f"{new['sn_kva']:,.0f} kVA"
    return Measure(
        measure_id=measure_id,
        kind=kind,
        table="transformers",
        element_id=f"{measure_id}|transformer",
        changes=NetworkChanges(added(transformers=[row | {"geometry": station.geometry}])),
        cost=situation.costs.cost(station.item, 1.0, priced),
        months=situation.costs.months(station.item, priced),
        text=f"set up {told} beside {station.first} ({station.types})",
        from_type=station.types,
        to_type=told,
        excludes=frozenset({f"second|{station.first}"}),
        geometry=station.geometry,
    )


def _row(station: Station, new: pd.Series, transformer_id: str, type_id: str) -> dict[str, object]:
    """A transformer of the ratio, vector group and taps of the station's first one."""
    own = station.units.iloc[0]
    kept = ("vn_hv_kv", "vn_lv_kv", "shift_degree", "tap_side", *TAPS, "tap_pos")
    row = {name: new[name] for name in RATINGS} | {name: own[name] for name in kept}
    row = {name: value for name, value in row.items() if pd.notna(value)}
    numbers = {
        name: float(value) if isinstance(value, int | float | np.number) else value
        for name, value in row.items()
    }
    return numbers | {
        "transformer_id": transformer_id, "hv_bus_id": own["hv_bus_id"], "lv_bus_id": own["lv_bus_id"],
        "type_id": type_id or None, "parallel": 1, "in_service": True,
    }  # fmt: skip
