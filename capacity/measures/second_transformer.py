"""Measure `second_transformer`: more MV/LV transformers in a station, beside those that are there.

Only what may run in parallel is proposed: equal ratio and vector group, short-circuit voltages and rated
powers near each other (IEC 60076-8 clause 6). The same once more always may. One is proposed, and as many as
the load asks for.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from capacity.measures.building_figures import building_figures
from capacity.measures.measure import Measure
from capacity.measures.proposals import NotProposed
from capacity.measures.rows import NO_CELLS, added
from capacity.measures.situation import Situation
from capacity.measures.stations import (
    RATINGS,
    TAPS,
    Station,
    strained_stations,
    types_at,
    units_needed,
)
from gis.changes import NetworkChanges

KIND = "second_transformer"
SAME_AGAIN = "the same again"


def propose_second_transformer(situation: Situation) -> Iterator[Measure | NotProposed]:
    """Propose a further transformer for every station that is overloaded or drops too much."""
    for station in strained_stations(situation, "mv_lv_transformer"):
        yield from further_unit(situation, KIND, station)


def further_unit(situation: Situation, kind: str, station: Station) -> Iterator[Measure | NotProposed]:
    """Add transformers to a station: the same as its first, and larger ones that may run beside it."""
    if not situation.costs.has(station.item):
        reason = f"the cost table {situation.costs.name} has no price of {station.item}"
        yield NotProposed(kind, "transformers", station.first, reason)
        return
    own = station.units.iloc[0]
    name = str(own["type_id"]) if pd.notna(own["type_id"]) else ""
    further = [(own, SAME_AGAIN, name)]
    further += [(new, str(one), str(one)) for one, new in _beside(situation, station).iterrows()]
    present_kva = float((station.units["sn_kva"] * station.units["parallel"]).sum())
    for new, label, type_id in further:
        needed = units_needed(situation, station, float(new["sn_kva"]), beside_kva=present_kva)
        for count in sorted({1, needed, needed + (needed > 1)}):
            yield _measure(situation, kind, station, new, (count, label, type_id))


def _beside(situation: Situation, station: Station) -> pd.DataFrame:
    """Larger types that may run beside the station's first transformer."""
    figures, own = building_figures().transformer, station.units.iloc[0]
    types = types_at(situation, station.hv_kv, station.lv_kv, station.item)
    near = (types["vk_percent"] / own["vk_percent"] - 1.0).abs() <= figures.vk_tolerance
    ratio = types["sn_kva"] / own["sn_kva"]
    fits = types[near & (ratio > 1.0) & (ratio <= figures.ratio_max)]
    return fits.drop_duplicates("sn_kva").head(figures.sizes)


def _measure(
    situation: Situation, kind: str, station: Station, new: pd.Series, chosen: tuple[int, str, str]
) -> Measure:
    count, label, type_id = chosen
    units = "" if count == 1 else f"{count} x "
    measure_id = f"{kind}|{station.first}|beside|{units}{label}"
    row = _row(station, new, f"{measure_id}|transformer", type_id) | {"parallel": count}
    priced = _priced_as(situation, station, new, type_id)
    told = units + (type_id or f"{new['sn_kva']:,.0f} kVA")
    return Measure(
        measure_id=measure_id,
        kind=kind,
        table="transformers",
        element_id=f"{measure_id}|transformer",
        changes=NetworkChanges(added(transformers=[row | {"geometry": station.geometry}]), NO_CELLS),
        cost=situation.costs.cost(station.item, float(count), priced),
        months=situation.costs.months(station.item, priced),
        text=f"set up {told} beside {station.first} ({station.types})",
        from_type=station.types,
        to_type=told,
        excludes=frozenset({station.key}),
        geometry=station.geometry,
    )


def _priced_as(situation: Situation, station: Station, new: pd.Series, type_id: str) -> str:
    """Type whose price counts: its own, of one without type that of the next size."""
    if type_id in situation.catalogue.transformers.index:
        return type_id
    types = types_at(situation, station.hv_kv, station.lv_kv, station.item)
    enough = types[types["sn_kva"] >= new["sn_kva"]]
    return str(enough.index[0]) if len(enough) else ""


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
        "type_id": type_id or None, "in_service": True,
    }  # fmt: skip
