"""Measure `larger_transformer`: MV/LV transformers of the next sizes in place of those of a station.

Where several run in parallel all are replaced by equal ones, so that they share the load by their rating: by
as many as there are, by one that carries it all, or by as many of the largest as the load asks for.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from capacity.measures.building_figures import building_figures
from capacity.measures.measure import Measure
from capacity.measures.proposals import NotProposed
from capacity.measures.situation import Situation
from capacity.measures.stations import (
    OWN_FIGURES,
    Station,
    like,
    needed_kva,
    next_sizes,
    strained_stations,
    types_at,
    units_needed,
)
from gis.changes import NetworkChanges, cells_of

KIND = "larger_transformer"


def propose_larger_transformer(situation: Situation) -> Iterator[Measure | NotProposed]:
    """Propose the next sizes for every station that is overloaded or drops too much."""
    for station in strained_stations(situation, "mv_lv_transformer"):
        yield from larger_units(situation, KIND, station)


def larger_units(situation: Situation, kind: str, station: Station) -> Iterator[Measure | NotProposed]:
    """Replace all transformers of a station by equal ones: as many, a single one, or as many as needed."""
    types = types_at(situation, station.hv_kv, station.lv_kv, station.item)
    larger = types[types["sn_kva"] > station.units["sn_kva"].min()]
    if larger.empty:
        reason = f"the catalogue or the cost table {situation.costs.name} has no larger one for its voltages"
        yield NotProposed(kind, "transformers", station.first, reason)
        return
    largest_kva = float(larger["sn_kva"].max())
    needed = max(units_needed(situation, station, largest_kva), station.count)
    # The load is an estimate once it is far over the rating: one more than that is compared too.
    for count in sorted({1, station.count, needed, needed + (needed > station.count)}):
        least_kva = needed_kva(situation, station) / count
        if count < station.count and largest_kva < least_kva:
            continue  # no single one carries it
        for type_id, new in next_sizes(larger, least_kva, building_figures().transformer.sizes).iterrows():
            yield _measure(situation, kind, station, count, (str(type_id), new))


def _measure(
    situation: Situation, kind: str, station: Station, count: int, chosen: tuple[str, pd.Series]
) -> Measure:
    type_id, new = chosen
    units = "" if count == 1 else f"{count} x "
    names = " and ".join(map(str, station.units.index))
    return Measure(
        measure_id=f"{kind}|{station.first}|{units}{type_id}",
        kind=kind,
        table="transformers",
        element_id=station.first,
        changes=NetworkChanges(cells=type_cells(situation, station, type_id, new, count=count)),
        cost=situation.costs.cost(station.item, float(count), type_id),
        months=situation.costs.months(station.item, type_id),
        text=f"replace {names} ({station.types}) by {units}{type_id}",
        from_type=station.types,
        to_type=f"{units}{type_id}",
        excludes=frozenset({station.key}),
        geometry=station.geometry,
    )


def type_cells(
    situation: Situation, station: Station, type_id: str, new: pd.Series, *, count: int
) -> pd.DataFrame:
    """Cells that make the transformers of a station so many of a type.

    Where their number changes they stand as one row, the other rows out of service.

    The type counts once the row's own figures are empty; ratio and vector group stay as they were.
    """
    cells: list[tuple[str, str, str, object]] = []
    transformers, kept = situation.network.transformers, like(station, new)
    kept_units = station.units.index if count == station.count else station.units.index[:1]
    spare = station.units.index.difference(kept_units, sort=False)
    cells += [("transformers", str(one), "in_service", False) for one in spare]
    if count != station.count and transformers["parallel"][station.first] != count:
        cells.append(("transformers", station.first, "parallel", count))
    for transformer_id in kept_units:
        key, row = str(transformer_id), transformers.loc[transformer_id]
        cells.append(("transformers", key, "type_id", type_id))
        cells += [("transformers", key, name, None) for name in OWN_FIGURES if pd.notna(row[name])]
        # What the row says itself of ratio and vector group stays; what its type said is written down.
        told = {name: value for name, value in kept.items() if name == "tap_pos" or pd.isna(row[name])}
        cells += [("transformers", key, name, value) for name, value in told.items() if row[name] != value]
    return cells_of(*cells)
