"""Ways of new cables: beside a line, along a feeder, or the cheapest one by corridors (`gis.routing`).

A cable along existing lines is as long as they are by their stated lengths, whatever the map shows; so it
costs what it costs also where a network has no coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
import shapely

from capacity.measures.cables import Way
from capacity.measures.sections import trench_key
from capacity.measures.situation import Situation
from capacity.measures.strain import strain_of
from gis.routing import Basis, Router


def way_along(situation: Situation, line_id: str, length_m: float) -> Way:
    """The way beside a line."""
    drawn = situation.network.lines.geometry[line_id]
    return Way(drawn, length_m, length_m, {trench_key(line_id): length_m})


def way_of_feeder(situation: Situation, buses: Sequence[int]) -> Way:
    """The way along the lines that feed some buses, which follow each other down a feeder."""
    lines, tree = situation.network.lines, strain_of(situation).tree
    at = tree.line[list(buses)]
    lengths = tree.length_m[list(buses)]
    ids = [str(line_id) for line_id in lines.index[at]]
    trenches = {trench_key(line_id): float(m) for line_id, m in zip(ids, lengths, strict=True)}
    drawn = _joined(lines.geometry.to_numpy()[at], _place(situation, int(tree.parents[buses[0]])))
    return Way(drawn, float(lengths.sum()), float(lengths.sum()), trenches)


def routed_way(situation: Situation, from_bus: int, to_bus: int) -> tuple[Way, Basis] | None:
    """The cheapest way between two buses and what it follows; nothing where none can be told."""
    ids = situation.network.buses.index
    found = router_of(situation).ways(str(ids[from_bus]), [str(ids[to_bus])])[str(ids[to_bus])]
    if not found.found or found.geometry is None or not found.length_m > 0.0:
        return None
    return Way(found.geometry, found.length_m, found.weighted_m, dict(found.segments)), found.basis


def trench_m(situation: Situation, from_bus: int, to_buses: np.ndarray) -> np.ndarray:
    """Metres of trench from a bus to others, weighted by surface; infinite where no way can be told."""
    ids = situation.network.buses.index
    far = router_of(situation).weighted_m(str(ids[from_bus]), [str(one) for one in ids[to_buses]])
    return far.to_numpy(dtype=float)


@lru_cache(maxsize=2)
def router_of(situation: Situation) -> Router:
    """Ways for new cables of the network of a situation."""
    return Router(situation.network)


def _place(situation: Situation, bus: int) -> shapely.Point:
    return situation.network.buses.geometry.iloc[bus]


def _joined(lines: np.ndarray, start: shapely.Point) -> shapely.LineString:
    """Lines end to end as one, from where the first one is nearest to the start."""
    points: list[tuple[float, float]] = [(start.x, start.y)]
    for line in lines:
        x, y = points[-1]
        corners = shapely.get_coordinates(line)
        ends = np.hypot(corners[[0, -1], 0] - x, corners[[0, -1], 1] - y)
        points += [tuple(corner) for corner in (corners if ends[0] <= ends[1] else corners[::-1])]
    apart = [points[0], *(b for a, b in pairwise(points) if a != b)]
    return shapely.LineString(apart if len(apart) > 1 else [apart[0], apart[0]])
