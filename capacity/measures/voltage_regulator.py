"""Measure `voltage_regulator`: a regulator in a long line, ahead of the part that is out of band.

    busbar ----a----b--(R)--c----d       a transformer of one to one with taps at the head of the line b-c

It is told by one position for all cases: what holds with a fixed ratio holds with one that follows the
voltage.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from capacity.measures.building_figures import building_figures
from capacity.measures.lifting import lifted_buses
from capacity.measures.measure import Measure
from capacity.measures.parallel_line import parallel_key
from capacity.measures.proposals import NotProposed
from capacity.measures.rows import added, bus_row
from capacity.measures.situation import Situation
from capacity.measures.strain import strain_of
from capacity.measures.weak_feeders import WeakFeeder, weak_feeders
from gis.changes import NetworkChanges, cells_of
from gis.voltage import LV_MAX_KV, MV_MAX_KV

KIND = "voltage_regulator"


def propose_voltage_regulator(situation: Situation) -> Iterator[Measure | NotProposed]:
    """Propose regulators in feeders whose voltage is out of band."""
    for feeder in weak_feeders(situation):
        if feeder.need_pu.max() <= 0.0 or feeder.vn_kv > MV_MAX_KV:
            continue
        level = "lv" if feeder.vn_kv <= LV_MAX_KV else "mv"
        if not situation.costs.has(KIND, level):
            reason = f"the cost table {situation.costs.name} has no price of a regulator of type {level}"
            yield NotProposed(KIND, "lines", feeder.feeder_id, reason)
            continue
        found = [one for place in _places(situation, feeder) for one in _at(situation, feeder, place, level)]
        if not found:
            reason = "no position and size at a free end of its lines brings a voltage nearer to its band"
            yield NotProposed(KIND, "lines", feeder.feeder_id, reason)
        yield from found


def _places(situation: Situation, feeder: WeakFeeder) -> list[int]:
    """Buses on the way to the worst one ahead of which a regulator may stand.

    The last bus still in band leads out; so the first one out of band is taken, and one half way to it.
    """
    figures, tree = building_figures().voltage_regulator, strain_of(situation).tree
    number = {int(bus): at for at, bus in enumerate(feeder.buses)}
    way = [bus for bus in tree.way(feeder.worst)[::-1] if _free_end(situation, bus)]
    drop = np.array([feeder.drop_pu[number[bus]] for bus in way])
    late = [at for at, share in enumerate(drop / feeder.drop_pu.max()) if share >= figures.least_way_share]
    if not late:
        return []
    out = [at for at in late if feeder.need_pu[number[way[at]]] > 0.0]
    first = out[0] if out else late[-1]
    half = min(late, key=lambda at: abs(drop[at] - drop[first] / 2.0))
    return [way[at] for at in dict.fromkeys([first, half])][: figures.nodes_per_feeder]


def _free_end(situation: Situation, bus: int) -> bool:
    """Tell whether no switch stands at the upper end of the line that feeds a bus."""
    network, tree = situation.network, strain_of(situation).tree
    line, upper = network.lines.index[tree.line[bus]], network.buses.index[tree.parents[bus]]
    switches = network.switches
    there = (switches["element_table"] == "lines") & (switches["element_id"] == line)
    return not (there & (switches["bus_id"] == upper)).any()


def _at(situation: Situation, feeder: WeakFeeder, place: int, level: str) -> Iterator[Measure]:
    figures, strain = building_figures().voltage_regulator, strain_of(situation)
    usable = situation.yardstick.limits.loading.transformer_percent / 100.0
    needed_kva = float(np.abs(strain.flows[:, place]).max()) / usable
    sizes = figures.sizes_lv_kva if level == "lv" else figures.sizes_mv_kva
    enough = [size for size in sizes if size >= needed_kva]
    position = _position(situation, strain.tree.behind(place))
    if enough and position:
        yield _measure(situation, feeder, place, (level, min(enough), position))


def _position(situation: Situation, buses: np.ndarray) -> int:
    """Position that leaves the buses behind least out of band over all cases; 0 where none is better."""
    figures = building_figures().voltage_regulator
    positions = np.arange(-figures.steps, figures.steps + 1)
    margins = lifted_buses(situation, buses).margins(1.0 + positions * figures.step_percent / 100.0)
    worst = np.where(np.isnan(margins), np.inf, margins).min(axis=0, initial=np.inf)
    if not np.isfinite(worst).all():
        return 0
    best = int(np.argmax(worst))
    return int(positions[best]) if worst[best] > worst[figures.steps] else 0


def _measure(situation: Situation, feeder: WeakFeeder, place: int, chosen: tuple[str, float, int]) -> Measure:
    network, tree, (level, sn_kva, position) = situation.network, strain_of(situation).tree, chosen
    line, upper = str(network.lines.index[tree.line[place]]), str(network.buses.index[tree.parents[place]])
    point = network.buses.geometry.iloc[tree.parents[place]]
    measure_id = f"{KIND}|{line}|{sn_kva:g} kVA|{position:+d}"
    behind = f"{measure_id}|bus"
    end = "from_bus_id" if network.lines.loc[line, "from_bus_id"] == upper else "to_bus_id"
    row = _row(measure_id, (upper, behind), feeder.vn_kv, sn_kva, position)
    figures = building_figures().voltage_regulator
    return Measure(
        measure_id=measure_id,
        kind=KIND,
        table="transformers",
        element_id=str(row["transformer_id"]),
        changes=NetworkChanges(
            added(
                buses=[bus_row(behind, feeder.vn_kv, point)],
                transformers=[row | {"geometry": point}],
            ),
            cells_of(("lines", line, end, behind)),
        ),
        cost=situation.costs.cost(KIND, 1.0, level),
        months=situation.costs.months(KIND, level),
        text=f"set up a regulator of {sn_kva:,.0f} kVA at {upper} in {line}, "
        f"{position * figures.step_percent:+.1f} %",
        to_type=f"regulator {sn_kva:,.0f} kVA",
        excludes=frozenset({f"regulator|{feeder.feeder_id}", parallel_key(line)}),
        geometry=point,
    )


def _row(
    measure_id: str, ends: tuple[str, str], vn_kv: float, sn_kva: float, position: int
) -> dict[str, object]:
    figures = building_figures().voltage_regulator
    return {
        "transformer_id": f"{measure_id}|transformer", "hv_bus_id": ends[0], "lv_bus_id": ends[1],
        "sn_kva": sn_kva, "vn_hv_kv": vn_kv, "vn_lv_kv": vn_kv, "vk_percent": figures.vk_percent,
        "vkr_percent": figures.vkr_percent, "shift_degree": 0.0, "tap_side": "lv", "tap_neutral": 0.0,
        "tap_min": float(-figures.steps), "tap_max": float(figures.steps),
        "tap_step_percent": figures.step_percent, "tap_pos": float(position), "parallel": 1,
        "in_service": True,
    }  # fmt: skip
