"""Measure `split_feeder`: a second cable along a feeder to one of its points, opened there.

busbar ----a----b--//--c----d       what c feeds leaves the old cable; the grid stays radial
       +~~~~~~~~~~~~~~~+
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from capacity.measures.building_figures import building_figures
from capacity.measures.cables import (
    Way,
    cable_item,
    cables_for,
    laid_cost,
    no_price,
    sizes_for,
    trench_eur_per_m,
)
from capacity.measures.measure import Measure
from capacity.measures.parallel_line import parallel_key
from capacity.measures.proposals import NotProposed
from capacity.measures.rows import added, line_row, opened, supply_key
from capacity.measures.situation import Situation
from capacity.measures.strain import strain_of
from capacity.measures.ways import way_of_feeder
from capacity.measures.weak_feeders import WeakFeeder, second_supply_points, weak_feeders
from gis.changes import NetworkChanges

KIND = "split_feeder"


def propose_split_feeder(situation: Situation) -> Iterator[Measure | NotProposed]:
    """Propose second cables to the points of each weak feeder at which they help most."""
    figures = building_figures().split_feeder
    for feeder in weak_feeders(situation):
        reason = no_price(situation, feeder.vn_kv)
        if reason:
            yield NotProposed(KIND, "lines", feeder.feeder_id, reason)
            continue
        points = points_of_second_cable(situation, feeder, figures.nodes_per_feeder)
        if not points:
            yield NotProposed(KIND, "lines", feeder.feeder_id, "no point behind its first one draws enough")
        for point in points:
            way = way_of_feeder(situation, strain_of(situation).tree.way(point)[::-1])
            yield from second_cables(situation, KIND, feeder, feeder.busbar, point, way)


def points_of_second_cable(situation: Situation, feeder: WeakFeeder, count: int) -> list[int]:
    """Points of a feeder to which its thickest cable helps most, best first."""
    return second_supply_points(
        situation,
        feeder,
        float(cables_for(situation, feeder.vn_kv)["z_ohm_per_km"].min()),
        least_moved_share=building_figures().split_feeder.least_moved_share,
        count=count,
    )


def second_cables(
    situation: Situation, kind: str, feeder: WeakFeeder, from_bus: int, point: int, way: Way
) -> Iterator[Measure]:
    """A cable of each size worth comparing from a busbar to a point of a feeder, which is opened above it."""
    usable = situation.yardstick.limits.loading.line_percent / 100.0
    moved_kva = float(np.abs(strain_of(situation).flows[:, point]).max())
    needed_a = moved_kva / (np.sqrt(3.0) * feeder.vn_kv) / usable
    for type_id in sizes_for(situation, feeder.vn_kv, needed_a).index:
        yield _measure(situation, kind, feeder, (from_bus, point), way, str(type_id))


def _measure(
    situation: Situation, kind: str, feeder: WeakFeeder, ends: tuple[int, int], way: Way, type_id: str
) -> Measure:
    network, tree = situation.network, strain_of(situation).tree
    start, point = (str(bus_id) for bus_id in network.buses.index[list(ends)])
    old = str(network.lines.index[tree.line[ends[1]]])
    measure_id = f"{kind}|{start}|{point}|{type_id}"
    row = line_row(f"{measure_id}|line", (start, point), feeder.vn_kv, type_id, way)
    return Measure(
        measure_id=measure_id,
        kind=kind,
        table="lines",
        element_id=str(row["line_id"]),
        changes=NetworkChanges(added(lines=[row]), opened(situation, old)),
        cost=laid_cost(situation, feeder.vn_kv, type_id, way),
        months=situation.costs.months(cable_item(feeder.vn_kv), type_id),
        text=f"lay {type_id} from {start} to {point} over {way.length_m:,.0f} m and open {old} there",
        to_type=type_id,
        length_m=way.length_m,
        excludes=frozenset({parallel_key(old), supply_key(point)}),
        geometry=way.drawn,
        shared_trench=way.trenches,
        trench_eur_per_m=trench_eur_per_m(situation, feeder.vn_kv),
    )
