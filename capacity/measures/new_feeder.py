"""Measure `new_feeder`: a direct cable from a busbar to the weak part of a feeder, which is opened above it.

It leaves the way of the old feeder: along corridors or straight across from its own busbar where that is
shorter, or from another station's in reach. Along the feeder itself it is `split_feeder`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from capacity.measures.building_figures import building_figures
from capacity.measures.cables import Way, no_price
from capacity.measures.measure import Measure
from capacity.measures.proposals import NotProposed
from capacity.measures.situation import Situation
from capacity.measures.split_feeder import points_of_second_cable, second_cables
from capacity.measures.strain import strain_of
from capacity.measures.ways import routed_way, trench_m
from capacity.measures.weak_feeders import WeakFeeder, weak_feeders
from gis.voltage import LV_MAX_KV, same_voltage

KIND = "new_feeder"


def propose_new_feeder(situation: Situation) -> Iterator[Measure | NotProposed]:
    """Propose direct cables to the points of each weak feeder at which they help most."""
    count = building_figures().new_feeder.nodes_per_feeder
    for feeder in weak_feeders(situation):
        reason = no_price(situation, feeder.vn_kv)
        if reason:
            yield NotProposed(KIND, "lines", feeder.feeder_id, reason)
            continue
        points = points_of_second_cable(situation, feeder, count)
        found = [(point, *way) for point in points for way in _ways(situation, feeder, point)]
        if not found:
            yield NotProposed(
                KIND, "lines", feeder.feeder_id, "no busbar in reach has a way beside the feeder"
            )
        for point, from_bus, way in found:
            yield from second_cables(situation, KIND, feeder, from_bus, point, way)


def _ways(situation: Situation, feeder: WeakFeeder, point: int) -> Iterator[tuple[int, Way]]:
    """Ways from the nearest busbars in reach; from its own one only if shorter than the feeder."""
    figures, tree = building_figures().new_feeder, strain_of(situation).tree
    reach_m = figures.reach_lv_m if feeder.vn_kv <= LV_MAX_KV else figures.reach_mv_m
    busbars = _busbars(situation, feeder.vn_kv)
    far = trench_m(situation, point, busbars)
    for at in np.argsort(far, kind="stable")[: figures.busbars]:
        from_bus = int(busbars[at])
        found = routed_way(situation, from_bus, point) if np.isfinite(far[at]) else None
        if found is None or found[0].length_m > reach_m:
            continue
        way, basis = found
        if from_bus != feeder.busbar or (
            basis != "existing_lines" and way.length_m < tree.from_root_m[point]
        ):
            yield from_bus, way


def _busbars(situation: Situation, vn_kv: float) -> np.ndarray:
    """Buses of a voltage that feeders start from."""
    tree, kv = strain_of(situation).tree, situation.network.buses["vn_kv"].to_numpy()
    fed = tree.order[tree.line[tree.order] >= 0]
    busbars = np.unique(tree.root[fed])
    return busbars[same_voltage(kv[busbars], vn_kv)]
