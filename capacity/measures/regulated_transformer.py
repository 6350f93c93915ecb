"""Measure `regulated_transformer`: MV/LV transformers with on-load taps in place of those of a station.

The control is told by the position it takes in each case: the one that keeps the low-voltage area furthest
from its limits. A band that counts from the station's own busbar is not helped by it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from capacity.measures.building_figures import building_figures
from capacity.measures.larger_transformer import type_cells
from capacity.measures.lifting import lifted_buses
from capacity.measures.measure import Measure
from capacity.measures.proposals import NotProposed
from capacity.measures.situation import Situation
from capacity.measures.stations import Station, next_sizes, strained_stations, types_at
from capacity.measures.strain import strain_of
from gis.changes import NetworkChanges, cells_of

KIND = "regulated_transformer"


def propose_regulated_transformer(situation: Situation) -> Iterator[Measure | NotProposed]:
    """Propose on-load taps for every station on the way to a broken voltage."""
    need = strain_of(situation).transformers["need_pu"]
    for station in strained_stations(situation, "mv_lv_transformer"):
        if need[station.units.index].max() <= 0.0:
            continue
        if not situation.costs.has(KIND):
            reason = f"the cost table {situation.costs.name} has no price of {KIND}"
            yield NotProposed(KIND, "transformers", station.first, reason)
            continue
        yield from _of_station(situation, station)


def _of_station(situation: Situation, station: Station) -> Iterator[Measure | NotProposed]:
    """Of the rating that is there, or where that is too small of the next one that carries."""
    lifts, positions = _steps()
    lifted = lifted_buses(situation, _area(situation, station))
    now, lift_now = lifted.margins(np.ones(1))[:, 0], _lift_now(station)
    rows = lifted.best(lifts / lift_now, 1.0)
    then = lifted.margins(lifts / lift_now)[np.arange(len(rows)), rows]
    if not (then > now).any():
        reason = "no position of its taps brings a voltage nearer to its band"
        yield NotProposed(KIND, "transformers", station.first, reason)
        return
    chosen = positions[rows]
    if not station.overloaded:
        yield _measure(situation, station, chosen, ("", cells_of()))
        return
    types = types_at(situation, station.hv_kv, station.lv_kv, station.item)
    usable = situation.yardstick.limits.loading.transformer_percent / 100.0
    for type_id, new in next_sizes(types, station.load_kva / usable / station.count, 1).iterrows():
        larger = type_cells(situation, station, str(type_id), new, count=station.count)
        yield _measure(situation, station, chosen, (str(type_id), larger))


def _steps() -> tuple[np.ndarray, np.ndarray]:
    """Lift of the low side per position of the taps, which are on the high side, and the positions."""
    figures = building_figures().regulated_transformer
    positions = np.arange(-figures.steps, figures.steps + 1)
    return 1.0 / (1.0 + positions * figures.step_percent / 100.0), positions


def _lift_now(station: Station) -> float:
    """Lift of the low side in the present position over the rated ratio."""
    own = station.units.iloc[0]
    if own[["tap_pos", "tap_neutral", "tap_step_percent"]].isna().any():
        return 1.0
    turns = 1.0 + (own["tap_pos"] - own["tap_neutral"]) * own["tap_step_percent"] / 100.0
    return float(turns if own["tap_side"] == "lv" else 1.0 / turns)


def _area(situation: Situation, station: Station) -> np.ndarray:
    """Buses that the station feeds."""
    busbar = situation.network.buses.index.get_indexer([station.units["lv_bus_id"].iloc[0]])[0]
    return strain_of(situation).tree.behind(int(busbar))


def _measure(
    situation: Situation, station: Station, positions: np.ndarray, larger: tuple[str, pd.DataFrame]
) -> Measure:
    figures, (type_id, cells) = building_figures().regulated_transformer, larger
    name = type_id or station.types
    taps = {
        "tap_side": "hv", "tap_neutral": 0.0, "tap_min": float(-figures.steps),
        "tap_max": float(figures.steps), "tap_step_percent": figures.step_percent,
    }  # fmt: skip
    resting = _resting(station)
    fixed = _cells(station, {**taps, "tap_pos": resting})
    case_ids = situation.cases.labels.index
    measure_id = f"{KIND}|{station.first}|{type_id or 'same rating'}"
    return Measure(
        measure_id=measure_id,
        kind=KIND,
        table="transformers",
        element_id=station.first,
        changes=NetworkChanges(cells=_last_of(cells, fixed)),
        cost=situation.costs.cost(KIND, float(station.count), type_id),
        months=situation.costs.months(KIND, type_id),
        text=f"replace {' and '.join(map(str, station.units.index))} ({station.types}) by {name} with "
        f"on-load taps of {2 * figures.steps + 1} x {figures.step_percent:g} %, in use from "
        f"{positions.min():+d} to {positions.max():+d}",
        from_type=station.types,
        to_type=f"{name}, regulated",
        cells_in={
            str(case_id): _cells(station, {"tap_pos": float(position)})
            for case_id, position in zip(case_ids, positions, strict=True)
            if position != resting
        },
        excludes=frozenset({station.key}),
        geometry=station.geometry,
    )


def _resting(station: Station) -> float:
    """Position nearest to the lift it has now, for cases that nobody has looked at."""
    lifts, positions = _steps()
    return float(positions[int(np.argmin(np.abs(lifts - _lift_now(station))))])


def _cells(station: Station, values: dict[str, object]) -> pd.DataFrame:
    return cells_of(
        *(
            ("transformers", str(transformer_id), column, value)
            for transformer_id in station.units.index
            for column, value in values.items()
        )
    )


def _last_of(first: pd.DataFrame, then: pd.DataFrame) -> pd.DataFrame:
    """Cells of two tables; where both tell one, the second."""
    both = pd.concat([first, then], ignore_index=True) if len(first) else then
    return both.drop_duplicates(["table", "element_id", "column"], keep="last", ignore_index=True)
