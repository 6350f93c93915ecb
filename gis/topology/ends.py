"""Buses where lines end: ends of one voltage within their tolerance are one bus.

Clusters go by distance, not by rounding to a grid: points 0.2 mm apart may lie in two grid cells.
A chain of ends must not creep: where a cluster grows too wide, or would join both ends of one line,
its ends are joined only as far as that does not happen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely

from gis.findings import make_findings
from gis.topology.options import SAID_FROM_M, WIDEST_CLUSTER_TOLERANCES, TopologyOptions
from gis.topology.step import (
    Given,
    Step,
    Tables,
    components,
    end_xy,
    join_near,
    make_buses,
    make_repairs,
    voltage_levels,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Ends:
    """Line ends with a place and a voltage: number of their line, their own bus id if any, their row.

    `line_ids` holds the id per number of a line.
    """

    line: np.ndarray
    line_ids: np.ndarray
    bus_id: np.ndarray
    has_id: np.ndarray
    vn_kv: np.ndarray
    xy: np.ndarray
    rows: np.ndarray


def build_buses(tables: Tables, given: Given) -> Step:
    """One bus per cluster of line ends; ids given for the ends are kept.

    A bus stands where most of its ends do, else in their middle; every end that does not is a repair.
    """
    if not given.built or tables["lines"].empty:
        return Step(tables)
    lines = tables["lines"]
    aside = lines.iloc[:0] if given.aside is None else given.aside
    ends = _line_ends(lines, aside)
    cluster, wide = _clusters(ends, given.options)
    code, bus_ids = _name_clusters(ends, cluster)
    first = _first_of(code, len(bus_ids))
    xy = _places(ends.xy, code, first)
    buses = make_buses(bus_ids, ends.vn_kv[first], xy, tables["buses"])
    own = int(np.searchsorted(ends.rows, 2 * len(lines)))  # ends of lines set aside come after them
    filled = np.concatenate([lines["from_bus_id"], lines["to_bus_id"]])
    filled[ends.rows[:own]] = bus_ids[code[:own]]
    filled = filled.reshape(2, -1)
    built = make_repairs(
        "bus_from_line_ends", "buses", buses.index, after=bus_ids, points=buses.geometry.to_numpy()
    )
    return Step(
        tables | {"buses": buses, "lines": lines.assign(from_bus_id=filled[0], to_bus_id=filled[1])},
        [built, _snapped(ends, code[:own], bus_ids, xy)],
        [_told_wide(ends, cluster, wide)],
    )


def _line_ends(lines: pd.DataFrame, aside: pd.DataFrame) -> Ends:
    """Ends of both: first and last of the lines, then of those set aside."""
    parts = (lines, aside)
    xy = np.concatenate([end_xy(part).transpose(1, 0, 2).reshape(-1, 2) for part in parts])
    vn_kv = np.concatenate([np.tile(part["vn_kv"].to_numpy(dtype=float), 2) for part in parts])
    numbers = (np.arange(len(lines)), len(lines) + np.arange(len(aside)))
    has_id = np.concatenate([part[end].notna() for part in parts for end in ("from_bus_id", "to_bus_id")])
    rows = np.flatnonzero(np.isfinite(xy).all(axis=1) & np.isfinite(vn_kv))
    bus_ids = [part[end].to_numpy(dtype=object) for part in parts for end in ("from_bus_id", "to_bus_id")]
    return Ends(
        line=np.concatenate([np.tile(part, 2) for part in numbers])[rows],
        line_ids=np.concatenate([part.index.to_numpy() for part in parts]),
        bus_id=np.concatenate(bus_ids)[rows],
        has_id=has_id[rows],
        vn_kv=vn_kv[rows],
        xy=xy[rows],
        rows=rows,
    )


def _clusters(ends: Ends, options: TopologyOptions) -> tuple[np.ndarray, np.ndarray]:
    """Label ends that belong together; and which labels came of clusters that crept too wide.

    The two ends of one line never count as a pair, nor ends whose ids differ.
    """
    first, second = _pairs(ends, options)
    apart_m = np.hypot(*(ends.xy[first] - ends.xy[second]).T)
    limit_m = np.full(len(ends.line), np.inf)
    crept = np.zeros(len(ends.line), dtype=bool)
    while True:
        near = apart_m <= np.minimum(limit_m[first], limit_m[second])
        cluster = components(first[near], second[near], len(ends.line))
        narrower = _narrower(ends, cluster, options)
        shrinks = narrower < limit_m
        if not shrinks.any():
            return cluster, crept
        crept |= shrinks
        limit_m = np.minimum(limit_m, narrower)


def _pairs(ends: Ends, options: TopologyOptions) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of ends of one voltage level within its tolerance that may be one bus."""
    tolerance_m = options.tolerance_m(ends.vn_kv)
    first, second = join_near(ends.xy, tolerance_m, voltage_levels(ends.vn_kv))
    has_id = ends.has_id
    may = ends.line[first] != ends.line[second]
    if has_id.any():
        may &= ~(has_id[first] & has_id[second] & (ends.bus_id[first] != ends.bus_id[second]))
    refused = ~options.allows("snapped", ends.line_ids)
    if refused.any():
        refused = refused[ends.line]
        apart_m = np.hypot(*(ends.xy[first] - ends.xy[second]).T)
        may &= (apart_m <= SAID_FROM_M) | ~(refused[first] | refused[second])
    return first[may], second[may]


def _narrower(ends: Ends, cluster: np.ndarray, options: TopologyOptions) -> np.ndarray:
    """Largest distance [m] per end at which its cluster may join: less where it crept or folds a line."""
    limit_m = np.full(cluster.max(initial=-1) + 1, np.inf)
    wide = _width_m(ends.xy, cluster) > WIDEST_CLUSTER_TOLERANCES * _highest(
        options.tolerance_m(ends.vn_kv), cluster
    )
    limit_m[wide] = SAID_FROM_M
    order = np.argsort(ends.line, kind="stable")
    a, b = order[:-1], order[1:]
    folded = (ends.line[a] == ends.line[b]) & (cluster[a] == cluster[b])
    a, b = a[folded], b[folded]
    chord_m = np.hypot(*(ends.xy[a] - ends.xy[b]).T)
    drawn = chord_m > SAID_FROM_M  # a line drawn as a point has no two ends to keep apart
    np.minimum.at(limit_m, cluster[a[drawn]], 0.49 * chord_m[drawn])
    return limit_m[cluster]


def _width_m(xy: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    """Larger side of the box around each cluster."""
    sides = [_highest(xy[:, k], cluster) + _highest(-xy[:, k], cluster) for k in (0, 1)]
    return np.maximum(*sides)


def _highest(values: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    highest = np.full(cluster.max(initial=-1) + 1, -np.inf)
    np.maximum.at(highest, cluster, values)
    return highest


def _name_clusters(ends: Ends, cluster: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number of its bus per end, and the ids: an end's own, else one given in its cluster, else a new one."""
    has_id = ends.has_id
    prefix = "bus-"
    given = pd.Series(ends.bus_id[has_id], dtype=object)
    while given.str.startswith(prefix).any():  # never meet one of the file
        prefix += "-"
    names = np.array([f"{prefix}{k}" for k in range(cluster.max(initial=-1) + 1)], dtype=object)
    if given.empty:
        return cluster, names
    holders = np.flatnonzero(has_id)[::-1]  # the first of a cluster is written last
    names[cluster[holders]] = ends.bus_id[holders]
    return pd.factorize(np.where(has_id, ends.bus_id, names[cluster]))


def _first_of(code: np.ndarray, count: int) -> np.ndarray:
    first = np.empty(count, dtype=np.intp)
    first[code[::-1]] = np.arange(len(code))[::-1]
    return first


def _places(xy: np.ndarray, code: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Place per bus: where more than half of its ends are, else the middle of them."""
    places = xy[first].copy()
    off = np.hypot(*(xy - places[code]).T) > SAID_FROM_M
    odd = np.zeros(len(first), dtype=bool)
    odd[code[off]] = True
    rows = np.flatnonzero(odd[code])
    if not len(rows):
        return places
    ends = pd.DataFrame({"bus": code[rows], "x": xy[rows, 0], "y": xy[rows, 1]})
    same = [ends["bus"], ends["x"].round(4), ends["y"].round(4)]
    shared = ends.groupby(same)["x"].transform("size") * 2 > ends.groupby("bus")["x"].transform("size")
    middle = ends.groupby("bus")[["x", "y"]].mean()
    middle.update(ends[shared].drop_duplicates("bus").set_index("bus"))
    places[middle.index] = middle.to_numpy()
    return places


def _snapped(ends: Ends, code: np.ndarray, bus_ids: np.ndarray, places: np.ndarray) -> pd.DataFrame:
    """A repair per line end that was drawn off its bus, of the first ends that `code` tells."""
    distances_m = np.hypot(*(places[code] - ends.xy[: len(code)]).T)
    off = np.flatnonzero(distances_m > SAID_FROM_M)
    return make_repairs(
        "snapped",
        "lines",
        ends.line_ids[ends.line[off]],
        before=[f"{x:.4f} {y:.4f}" for x, y in ends.xy[off]],
        after=bus_ids[code[off]],
        distances_m=distances_m[off],
        points=shapely.points(ends.xy[off]),
    )


def _told_wide(ends: Ends, cluster: np.ndarray, crept: np.ndarray) -> pd.DataFrame:
    """Ends of clusters that were not joined as far as the tolerance would have."""
    rows = np.flatnonzero(crept)
    ids, at = np.unique(ends.line_ids[ends.line[rows]].astype(str), return_index=True)
    message = (
        "its ends lie in a chain of ends, each within the tolerance of the next, that is too wide for one "
        "node or would fold a short line; they were joined only where they lie closer: lower the tolerance"
    )
    points = shapely.points(ends.xy[rows[at]]) if len(rows) else []
    return make_findings("end_chain", "lines", ids, message, severity="warning", geometry=points)
