"""Measure `tap_change`: off-load taps of MV/LV transformers, set once for all cases.

A lower voltage of the low side helps against feed-in, a higher one against load; where both break a limit
every position is proposed, since another measure may take the other side.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from capacity.measures.measure import Measure
from capacity.measures.proposals import NotProposed
from capacity.measures.situation import Situation
from capacity.measures.strain import strain_of
from capacity.measures.taps import Taps, groups_of, positions_for, taps_of
from gis.changes import NetworkChanges, cells_of
from gis.voltage import LV_MAX_KV

KIND = "tap_change"
UP, DOWN = 1, -1


def propose_tap_change(situation: Situation) -> Iterator[Measure | NotProposed]:
    """Propose every position that could help the low-voltage area or the station of a transformer."""
    taps = taps_of(situation.network, situation.catalogue)
    asked = _asked(situation, taps)
    for group in groups_of(situation.network):
        sides = set().union(*(asked.get(one, set()) for one in group))
        if not sides:
            continue
        leader = next((one for one in group if one in taps), None)
        if leader is None:
            yield NotProposed(KIND, "transformers", group[0], "neither the table nor its type tells its taps")
        elif not situation.costs.has(KIND):
            yield NotProposed(KIND, "transformers", leader, f"{situation.costs.name} has no price of {KIND}")
        else:
            yield from _of_group(situation, taps, [leader, *(one for one in group if one != leader)], sides)


def _of_group(
    situation: Situation, taps: dict[str, Taps], group: list[str], sides: set[int]
) -> Iterator[Measure | NotProposed]:
    own = taps[group[0]]
    for lift in own.lift:
        if np.isclose(lift, 1.0) or np.sign(lift - 1.0) not in sides:
            continue
        positions = positions_for(taps, group, float(lift))
        if isinstance(positions, str):
            yield NotProposed(KIND, "transformers", group[0], positions)
        else:
            yield _measure(situation, taps, positions, float(lift))


def _measure(
    situation: Situation, taps: dict[str, Taps], positions: dict[str, float], lift: float
) -> Measure:
    transformers = situation.network.transformers
    first, position = next(iter(positions.items()))
    units = float(transformers["parallel"][list(positions)].sum())
    change = f"{abs(lift - 1.0):.1%} {'higher' if lift > 1.0 else 'lower'}"
    return Measure(
        measure_id=f"{KIND}|{first}|{position:+g}",
        kind=KIND,
        table="transformers",
        element_id=first,
        changes=NetworkChanges(
            cells=cells_of(*(("transformers", one, "tap_pos", at) for one, at in positions.items()))
        ),
        cost=situation.costs.cost(KIND, units),
        months=situation.costs.months(KIND),
        text=f"set the tap of {' and '.join(positions)} to {position:+g}: low voltage {change}",
        from_type=f"tap {taps[first].now:+g}",
        to_type=f"tap {position:+g}",
        reversible=True,
        geometry=transformers.geometry[first],
    )


def _asked(situation: Situation, taps: dict[str, Taps]) -> dict[str, set[int]]:
    """Sides to which the low voltage of each transformer should go."""
    network, supply = situation.network, situation.supply
    station = supply.buses["station_id"]
    transformers = network.transformers
    low = transformers["lv_bus_id"].map(network.buses["vn_kv"]) <= LV_MAX_KV
    high = transformers["hv_bus_id"].map(network.buses["vn_kv"]) > LV_MAX_KV
    distribution = set(transformers.index[low & high])
    found: dict[str, set[int]] = {}
    for rows in (_voltages(situation, station, taps), _currents(situation, station, taps)):
        for transformer_id, side in rows.itertuples(index=False, name=None):
            if transformer_id in distribution:
                found.setdefault(str(transformer_id), set()).add(int(side))
    return found


def _voltages(situation: Situation, station: pd.Series, taps: dict[str, Taps]) -> pd.DataFrame:
    """Transformer and side for every low-voltage bus out of band that a tap can move.

    Within a band that counts from the busbar the tap moves the busbar too; what is left is the drop itself,
    which falls with the square of a higher voltage.
    """
    yardstick = situation.yardstick
    broken = strain_of(situation).broken
    rows = broken[broken["table"] == "buses"]
    bus = situation.network.buses.index.get_indexer(rows["element_id"])
    transformer = station.to_numpy()[bus]
    side = np.where(rows["check"] == "undervoltage", UP, DOWN)
    at_busbar = situation.supply.buses["upstream_table"].to_numpy()[bus] == "transformers"
    inside = yardstick.bands["from_busbar"].to_numpy()[bus] & ~at_busbar
    value, limit = rows["value"].to_numpy(dtype=float), rows["limit"].to_numpy(dtype=float)
    bands = yardstick.bands.iloc[bus]
    allowed = np.where(rows["check"] == "undervoltage", bands["min_pu"], bands["max_pu"])
    excess = (allowed + value - limit) / allowed
    helps = ~inside | (excess <= _largest_lift(transformer, taps) ** 2)
    low = situation.network.buses["vn_kv"].to_numpy()[bus] <= LV_MAX_KV
    found = pd.DataFrame({"transformer_id": transformer, "side": np.where(inside, UP, side)})
    return found[helps & low].dropna().drop_duplicates()


def _currents(situation: Situation, station: pd.Series, taps: dict[str, Taps]) -> pd.DataFrame:
    """Transformer and side for every overload of a low-voltage line that a higher voltage ends."""
    lines = situation.network.lines
    broken = strain_of(situation).broken
    rows = broken[broken["table"] == "lines"]
    ends = lines.reindex(rows["element_id"])
    fed = station.reindex(ends["from_bus_id"]).to_numpy()
    other = station.reindex(ends["to_bus_id"]).to_numpy()
    transformer = np.where(pd.isna(fed), other, fed)
    within = rows["excess_percent"].to_numpy() <= 100.0 * (_largest_lift(transformer, taps) - 1.0)
    low = ends["vn_kv"].to_numpy() <= LV_MAX_KV
    found = pd.DataFrame({"transformer_id": transformer, "side": UP})
    return found[within & low].dropna().drop_duplicates()


def _largest_lift(transformers: np.ndarray, taps: dict[str, Taps]) -> np.ndarray:
    """Largest lift each transformer's taps allow; 1 where it has none."""
    lifts = {one: float(of.lift.max()) for one, of in taps.items()}
    return np.array([lifts.get(one, 1.0) for one in transformers], dtype=float)
