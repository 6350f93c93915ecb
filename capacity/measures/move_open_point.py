"""Measure `move_open_point`: the open point of a ring closed, another opened; radial, all supplied.

Places are chosen by the linear load flow of the ring: the best by the highest loading in it and the best by
the largest drop along it. Of measures that open or feed one feeder only one can be taken, for two moves of
one feeder may cut off what lies between them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import shapely

from capacity.measures.measure import Measure
from capacity.measures.operating_figures import operating_figures
from capacity.measures.proposals import NotProposed
from capacity.measures.relief import limits_kva
from capacity.measures.rings import Cell, Ring, opening_at, rings_of, tie_impedance
from capacity.measures.situation import Situation
from capacity.measures.strain import Strain, strain_of
from gis.changes import NetworkChanges, cells_of

KIND, ITEM = "move_open_point", "switching_change"


def propose_move_open_point(situation: Situation) -> Iterator[Measure | NotProposed]:
    """Propose other open points for rings with an overloaded line, a weak voltage or a weak station."""
    strain = strain_of(situation)
    weak = _weak_buses(situation, strain)
    for ring in rings_of(situation):
        sides = [
            side
            for side in (0, 1)
            if weak[ring.ways[side]].any() or _station_weak(situation, strain, ring, side)
        ]
        sides += [
            side for side in (0, 1) if side not in sides and _station_weak(situation, strain, ring, side)
        ]
        if sides and not situation.costs.has(ITEM):
            reason = f"the cost table {situation.costs.name} has no price of {ITEM}"
            yield NotProposed(KIND, "switches", ring.name, reason)
            continue
        for side in sides:
            yield from _of_side(situation, strain, ring, side)


def _of_side(situation: Situation, strain: Strain, ring: Ring, side: int) -> Iterator[Measure | NotProposed]:
    way = ring.ways[side]
    openings = {step: opening for step, bus in enumerate(way) if (opening := opening_at(situation, bus))}
    loading, drop = _estimates(situation, strain, ring, side)
    count, found = operating_figures().move_open_point.positions, set[int]()
    for score in (loading, drop):
        better = [step for step in openings if score[step + 1] < score[0]]
        found.update(sorted(better, key=score[1:].__getitem__)[:count])
    for step in sorted(found):
        yield _measure(situation, ring, side, step, openings[step])
    if not openings:
        yield NotProposed(KIND, "switches", ring.name, "nothing else in the ring can be opened")
    elif not found:
        yield NotProposed(KIND, "switches", ring.name, "elsewhere open, the ring would be no less loaded")


def _estimates(situation: Situation, strain: Strain, ring: Ring, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Highest loading [share of the limit] and largest drop [pu] of a ring over all cases.

    As it is, then with each step of the way opened.
    """
    own, other = ring.ways[side], ring.ways[1 - side]
    flows, z = strain.flows, strain.tree.z_pu_per_kva
    lines, rated = limits_kva(situation)["lines"], _rated_kva(situation, strain)
    tie_rated = lines[ring.line] if ring.line >= 0 else np.inf
    tie_z = tie_impedance(situation, ring)
    loading, drop = [], []
    for step in range(-1, len(own)):
        moved = flows[:, own[step]] if step >= 0 else np.zeros(len(flows), dtype=complex)
        left = flows[:, own[step + 1 :]] - moved[:, None]
        turned = moved[:, None] - flows[:, own[: max(step, 0)]]
        more = flows[:, other] + moved[:, None]
        parts = [(left, own[step + 1 :]), (turned, own[: max(step, 0)]), (more, other)]
        loads = [np.abs(flow) / rated[buses] for flow, buses in parts] + [np.abs(moved)[:, None] / tie_rated]
        loading.append(max(float(np.nanmax(one, initial=0.0)) for one in loads))
        drops = [_drop(flow, z[buses]) for flow, buses in parts]
        # What is moved hangs on the other way, the open point and the part that is fed the other way round.
        there = drops[2] + (moved * np.conj(tie_z)).real + drops[1]
        drop.append(float(np.abs([drops[0], there]).max(initial=0.0)))
    return np.array(loading), np.array(drop)


def _drop(flow: np.ndarray, z: np.ndarray) -> np.ndarray:
    return np.asarray((flow * np.conj(z)).real.sum(axis=1))


def _rated_kva(situation: Situation, strain: Strain) -> np.ndarray:
    """Power that what feeds each bus may carry [kVA]; no bound where it is no line."""
    lines = np.append(limits_kva(situation)["lines"], np.inf)  # the last answers for -1
    return np.asarray(lines[strain.tree.line])


def _weak_buses(situation: Situation, strain: Strain) -> np.ndarray:
    """Flag per bus: the line that feeds it is overloaded or on the way to a broken voltage."""
    weak = np.zeros(len(situation.network.lines) + 1, dtype=bool)  # the last answers for -1
    weak[:-1] = situation.network.lines.index.isin(strain.weak_lines.index)
    return np.asarray(weak[strain.tree.line])


def _station_weak(situation: Situation, strain: Strain, ring: Ring, side: int) -> bool:
    """Tell whether what feeds the busbar of a side is overloaded, and the other side has another."""
    ends = [way[-1] if way else -1 for way in ring.ways]
    station = situation.supply.buses["station_id"].to_numpy()
    if min(ends) < 0 or station[ends[0]] == station[ends[1]]:
        return False
    overloaded = strain.transformers.index[strain.transformers["overloaded"]]
    return station[ends[side]] in set(overloaded)


def _measure(
    situation: Situation, ring: Ring, side: int, step: int, opening: tuple[str, tuple[Cell, ...]]
) -> Measure:
    name, cells = opening
    table = cells[0][0]
    moved = situation.network.buses.index[ring.ways[side][step]]
    return Measure(
        measure_id=f"{KIND}|{ring.name}|{name}",
        kind=KIND,
        table="switches",
        element_id=ring.name,
        changes=NetworkChanges(cells=cells_of(*ring.closing, *cells)),
        cost=situation.costs.cost(ITEM, 1.0),
        months=situation.costs.months(ITEM),
        text=f"close {ring.name} and open {name}{'' if table == 'switches' else ' at one end'}: "
        f"{moved} and what lies between are then fed over {ring.name}",
        from_type=f"open at {ring.name}",
        to_type=f"open at {name}",
        excludes=frozenset(f"feeder {feeder}" for feeder in _feeders(situation, ring)),
        reversible=True,
        geometry=_between(situation, ring.name, table, name),
    )


def _feeders(situation: Situation, ring: Ring) -> set[str]:
    feeder: pd.Series = situation.supply.buses["feeder_id"]
    return {str(feeder.iloc[way[0]]) for way in ring.ways if way}


def _between(situation: Situation, closed: str, table: str, opened: str) -> shapely.MultiPoint:
    """Both places, for the map."""
    network = situation.network
    there = network.table(table).geometry[opened]
    return shapely.MultiPoint([network.switches.geometry[closed], there.interpolate(0.5, normalized=True)
                               if table == "lines" else there])  # fmt: skip
