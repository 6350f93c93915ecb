"""Ways of new cables: beside a line, along a feeder, or straight across where the map can be trusted.

A cable along existing lines is as long as they are by their stated lengths, whatever the map shows; so it
costs what it costs also where a network has no coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import shapely

from capacity.measures.building_figures import building_figures
from capacity.measures.cables import Way
from capacity.measures.sections import trench_key
from capacity.measures.situation import Situation
from capacity.measures.strain import strain_of
from gis.tracing import line_lengths_m


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


def straight_way(situation: Situation, from_bus: int, to_bus: int) -> Way:
    """The straight line between two buses, longer by the detour of a route."""
    ends = [_place(situation, bus) for bus in (from_bus, to_bus)]
    drawn = shapely.LineString(ends)
    length_m = float(drawn.length) * building_figures().new_feeder.detour_factor
    return Way(drawn, length_m, length_m, {})


def is_drawn_true(situation: Situation, buses: Sequence[int]) -> bool:
    """Tell whether the map shows the lines that feed some buses about as long as they are.

    Only then does a distance between buses mean anything.
    """
    figures, tree = building_figures().new_feeder, strain_of(situation).tree
    at = tree.line[list(buses)]
    lines = situation.network.lines.iloc[at]
    stated, drawn = float(line_lengths_m(lines).sum()), float(lines.geometry.length.sum())
    return stated > 0.0 and figures.drawn_low <= drawn / stated <= figures.drawn_high


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
