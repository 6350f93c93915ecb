"""Measure `new_station`: an MV/LV station in the load centre of the far part of a weak low-voltage feeder.

20 kV  ---o-----------~~~~~~~~~~~~~~~~~~~~+
          T1                              T new        the far part c, d, e hangs on the new station at d;
0.4 kV ---o----a----b----//----c----------d----e       the line b-c is opened
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from capacity.costs.cost import Cost
from capacity.measures.building_figures import building_figures
from capacity.measures.cables import Way, cable_item, laid_cost, no_price, sizes_for, trench_eur_per_m
from capacity.measures.measure import Measure
from capacity.measures.parallel_line import parallel_key
from capacity.measures.proposals import NotProposed
from capacity.measures.rows import added, bus_row, line_row, opened, supply_key
from capacity.measures.situation import Situation
from capacity.measures.stations import Station, like, next_sizes, station_of, types_at
from capacity.measures.strain import strain_of
from capacity.measures.ways import routed_way, trench_m, way_of_feeder
from capacity.measures.weak_feeders import WeakFeeder, second_supply_points, weak_feeders
from gis.changes import NetworkChanges
from gis.voltage import LV_MAX_KV, MV_MAX_KV, same_voltage

KIND = "new_station"
_TRANSFORMER, _STATION = "mv_lv_transformer", "mv_lv_station"


def propose_new_station(situation: Situation) -> Iterator[Measure | NotProposed]:
    """Propose stations of their own for the far parts of each weak low-voltage feeder."""
    for feeder in weak_feeders(situation):
        if feeder.vn_kv > LV_MAX_KV:
            continue
        old = _station_above(situation, feeder)
        reason = _obstacle(situation, old)
        if reason or old is None:
            yield NotProposed(KIND, "lines", feeder.feeder_id, reason)
            continue
        cuts = _cuts(situation, feeder, old)
        if not cuts:
            least = building_figures().new_station.least_kva
            yield NotProposed(KIND, "lines", feeder.feeder_id, f"no far part of it draws {least:g} kVA")
        for cut in cuts:
            yield from _at(situation, feeder, old, cut)


def _station_above(situation: Situation, feeder: WeakFeeder) -> Station | None:
    """The transformers that feed the busbar of a feeder."""
    tree, transformers = strain_of(situation).tree, situation.network.transformers
    feeding = int(tree.transformer[feeder.busbar])
    if feeding < 0:
        return None
    ends = transformers[["hv_bus_id", "lv_bus_id"]]
    same = (ends == ends.iloc[feeding]).all(axis=1) & transformers["in_service"]
    first = transformers.index[[feeding]]
    return station_of(situation, first.append(transformers.index[same].difference(first)))


def _obstacle(situation: Situation, old: Station | None) -> str:
    """Why no station can be proposed; "" where one can."""
    if old is None or not LV_MAX_KV < old.hv_kv <= MV_MAX_KV:
        return "no transformer from medium voltage feeds it"
    lacking = situation.costs.lacks((_STATION,))
    if lacking:
        return f"the cost table {situation.costs.name} has no price of {' and '.join(lacking)}"
    if types_at(situation, old.hv_kv, old.lv_kv, _TRANSFORMER).empty:
        return "the catalogue or the cost table has no transformer for its voltages"
    return no_price(situation, old.hv_kv)


def _cuts(situation: Situation, feeder: WeakFeeder, old: Station) -> list[int]:
    """Points from which on the feeder may be taken over, best first."""
    figures, flows = building_figures().new_station, strain_of(situation).flows
    cable = situation.costs.cost(cable_item(old.hv_kv), 1.0).eur / 1000.0
    fixed = situation.costs.cost(_STATION, 1.0).eur
    cuts = second_supply_points(
        situation,
        feeder,
        0.0,
        least_moved_share=building_figures().split_feeder.least_moved_share,
        count=figures.cuts_per_feeder,
        beside_m=fixed / cable,
    )
    return [cut for cut in cuts if np.abs(flows[:, cut]).max() >= figures.least_kva]


def _at(situation: Situation, feeder: WeakFeeder, old: Station, cut: int) -> Iterator[Measure | NotProposed]:
    """Stations of the sizes worth comparing for what hangs behind one cut."""
    figures, inside = building_figures().new_station, _way_to_centre(situation, cut)
    load_kva = float(np.abs(strain_of(situation).flows[:, cut]).max())
    from_bus, way = _shortest_way(situation, inside[-1], old)
    if way.length_m > figures.reach_m:
        reason = f"the nearest medium voltage is {way.length_m:,.0f} m away, over {figures.reach_m:,.0f} m"
        yield NotProposed(KIND, "buses", str(situation.network.buses.index[inside[-1]]), reason)
        return
    types = types_at(situation, old.hv_kv, old.lv_kv, _TRANSFORMER)
    cable = str(sizes_for(situation, old.hv_kv, 0.0).index[0])
    for type_id, new in next_sizes(types, load_kva / figures.load_share_max, figures.sizes).iterrows():
        yield _measure(situation, old, (inside, from_bus, way), (str(type_id), new), cable)


def _way_to_centre(situation: Situation, cut: int) -> list[int]:
    """Buses from a cut to the load centre of what it feeds: on as long as most of it lies beyond."""
    strain = strain_of(situation)
    power = np.abs(strain.flows).max(axis=0)
    kind = situation.network.buses["kind"].to_numpy()
    way = [cut]
    while True:
        below = np.flatnonzero(strain.tree.parents == way[-1])
        below = below[(power[below] > power[cut] / 2.0) & (kind[below] != "service")]
        if not len(below):
            return way
        way.append(int(below[np.argmax(power[below])]))


def _shortest_way(situation: Situation, centre: int, old: Station) -> tuple[int, Way]:
    """The medium-voltage bus with the cheapest way to a load centre, and the way from there.

    Where no other way can be told it is along the feeder, from the station that feeds it.
    """
    buses, tree = situation.network.buses, strain_of(situation).tree
    fed = np.zeros(len(buses), dtype=bool)
    fed[tree.order] = True
    alike = np.flatnonzero(same_voltage(buses["vn_kv"], old.hv_kv).to_numpy() & fed)
    far = trench_m(situation, centre, alike)
    nearest = int(alike[np.argmin(far)])
    found = routed_way(situation, nearest, centre) if np.isfinite(far.min()) else None
    if found is not None:
        return nearest, found[0]
    own = int(buses.index.get_indexer([old.units["hv_bus_id"].iloc[0]])[0])
    return own, way_of_feeder(situation, tree.way(centre)[::-1])


def _measure(
    situation: Situation,
    old: Station,
    place: tuple[list[int], int, Way],
    transformer: tuple[str, pd.Series],
    cable: str,
) -> Measure:
    (inside, from_bus, way), (type_id, new) = place, transformer
    buses, tree = situation.network.buses, strain_of(situation).tree
    centre, start = str(buses.index[inside[-1]]), str(buses.index[from_bus])
    cut = str(situation.network.lines.index[tree.line[inside[0]]])
    measure_id = f"{KIND}|{cut}|{centre}|{type_id}"
    mv_bus = f"{measure_id}|bus"
    rows = added(
        buses=[bus_row(mv_bus, old.hv_kv, buses.geometry.iloc[inside[-1]])],
        lines=[line_row(f"{measure_id}|line", (start, mv_bus), old.hv_kv, cable, way)],
        transformers=[
            {
                "transformer_id": f"{measure_id}|transformer", "hv_bus_id": mv_bus, "lv_bus_id": centre,
                "type_id": type_id, "geometry": buses.geometry.iloc[inside[-1]], **like(old, new),
            }
        ],
    )  # fmt: skip
    return Measure(
        measure_id=measure_id,
        kind=KIND,
        table="transformers",
        element_id=f"{measure_id}|transformer",
        changes=NetworkChanges(rows, opened(situation, cut)),
        cost=_cost(situation, old, way, type_id, cable),
        months=_months(situation, old, type_id, cable),
        text=f"set up a station of {type_id} at {centre}, {way.length_m:,.0f} m of {cable} from {start}, "
        f"and open {cut}",
        to_type=type_id,
        length_m=way.length_m,
        excludes=frozenset({parallel_key(cut), *(supply_key(str(buses.index[bus])) for bus in inside)}),
        geometry=way.drawn,
        shared_trench=way.trenches,
        trench_eur_per_m=trench_eur_per_m(situation, old.hv_kv),
    )


def _cost(situation: Situation, old: Station, way: Way, type_id: str, cable: str) -> Cost:
    building = situation.costs.cost(_STATION, 1.0)
    return (
        building
        + situation.costs.cost(_TRANSFORMER, 1.0, type_id)
        + laid_cost(situation, old.hv_kv, cable, way)
    )


def _months(situation: Situation, old: Station, type_id: str, cable: str) -> int:
    items = ((_STATION, ""), (_TRANSFORMER, type_id), (cable_item(old.hv_kv), cable))
    return max(situation.costs.months(*item) for item in items)
