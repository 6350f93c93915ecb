"""What geometry leaves open is told, never joined: near misses, crossings, lines drawn as a point."""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from gis.findings import make_findings
from gis.parallel import query_pairs
from gis.topology.joints import bus_codes
from gis.topology.options import END_TOLERANCE_M
from gis.topology.step import Given, Step, Tables, end_xy, point_xy, voltage_levels

# A line drawn shorter [m] is a point: a millimetre is finer than any survey.
SHORTEST_M = 0.001


def tell_doubts(tables: Tables, given: Given) -> Step:
    """Loose ends near another bus and crossings where topology came from geometry."""
    found = [_points_for_lines(tables, given)]
    if given.built and len(tables["lines"]):
        ends = bus_codes(tables)
        found += [_near_misses(tables, ends, given), _crossings(tables["lines"], ends)]
    return Step(tables, findings=found)


def _near_misses(tables: Tables, ends: np.ndarray, given: Given) -> pd.DataFrame:
    """Loose ends with another bus of their voltage close by: told with both, never joined."""
    buses, lines, reach_m = tables["buses"], tables["lines"], given.options.near_miss_m
    flat = ends.T.ravel()
    degree = np.bincount(flat[flat >= 0], minlength=len(buses)) + _couplers_at(tables)
    first, second, apart_m = _close_pairs(buses, degree, reach_m)
    line_of = np.zeros(len(buses), dtype=np.intp)
    line_of[flat[::-1]] = (np.arange(len(flat)) % len(lines))[::-1]
    ids = lines.index.to_numpy()
    told = pd.DataFrame(
        {"line_id": ids[line_of[first]], "other_id": ids[line_of[second]], "apart_m": apart_m}
    )
    told = told.assign(bus=first)[told["line_id"] != told["other_id"]].sort_values(["line_id", "apart_m"])
    values = [f"{d:.3f} m from {o}" for d, o in zip(told["apart_m"], told["other_id"], strict=True)]
    message = "a loose end stops just short of another line; join them with a larger tolerance if they meet"
    return make_findings(
        "near_miss", "lines", told["line_id"].to_numpy(), message, severity="warning", values=values,
        geometry=buses.geometry.to_numpy()[told["bus"].to_numpy()],
    )  # fmt: skip


def _couplers_at(tables: Tables) -> np.ndarray:
    """Number of couplers per bus: an end at one is not loose."""
    switches, index = tables["switches"], tables["buses"].index
    couplers = switches[switches["element_table"] == "buses"]
    at = index.get_indexer(pd.concat([couplers["bus_id"], couplers["element_id"]]))
    return np.bincount(at[at >= 0], minlength=len(index))


def _close_pairs(
    buses: pd.DataFrame, degree: np.ndarray, reach_m: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Loose buses, each other bus of their level within reach, and the distance [m]."""
    xy, levels = (
        point_xy(np.asarray(buses.geometry.array)),
        voltage_levels(buses["vn_kv"].to_numpy(dtype=float)),
    )
    parts = [np.empty((0, 2), dtype=np.intp)]
    usable = (degree > 0) & np.isfinite(xy).all(axis=1)
    for level in range(levels.max(initial=-1) + 1):
        here = np.flatnonzero(usable & (levels == level))
        ends = here[degree[here] == 1]
        if not len(ends):
            continue
        trees = [cKDTree(xy[at], balanced_tree=False, compact_nodes=False) for at in (ends, here)]
        near = trees[0].sparse_distance_matrix(trees[1], reach_m, output_type="ndarray")
        parts.append(np.column_stack([ends[near["i"]], here[near["j"]]]))
    first, second = np.concatenate(parts).T
    first, second = first[first != second], second[first != second]
    return first, second, np.hypot(*(xy[first] - xy[second]).T)


def _crossings(lines: pd.DataFrame, ends: np.ndarray) -> pd.DataFrame:
    """Lines of one voltage that cross without a node: told, never joined, since cables do cross.

    Lines that share a bus are joined already.
    """
    geometry, levels = np.asarray(lines.geometry.array), voltage_levels(lines["vn_kv"].to_numpy(dtype=float))
    first, second = query_pairs(shapely.STRtree(geometry), geometry)
    once = (first < second) & (levels[first] == levels[second])
    first, second = first[once], second[once]
    for k in (0, 1):
        apart = (ends[first, k][:, None] != ends[second]).all(axis=1)
        first, second = first[apart], second[apart]
    crossing = shapely.crosses(geometry[first], geometry[second])
    first, second = first[crossing], second[crossing]
    ids = lines.index.to_numpy()
    message = "the line crosses another of its voltage without a joint; draw a node there if they meet"
    return make_findings(
        "crossing", "lines", ids[first], message, severity="warning", values=ids[second],
        geometry=shapely.point_on_surface(shapely.intersection(geometry[first], geometry[second])),
    )  # fmt: skip


def _points_for_lines(tables: Tables, given: Given) -> pd.DataFrame:
    """Lines drawn as a point where that tells no place of a bus, or a wrong one, whatever length_m says.

    Between two buses of a file's own that stand at that place it is right: schematic maps draw so.
    """
    lines, buses = tables["lines"], tables["buses"]
    with np.errstate(invalid="ignore"):
        rows = np.flatnonzero(shapely.length(np.asarray(lines.geometry.array)) < SHORTEST_M)
    if not len(rows):
        return make_findings("line_drawn_as_point", "lines", [], "")
    xy = end_xy(lines.iloc[rows])
    at = np.vstack([point_xy(np.asarray(buses.geometry.array)), [[np.nan, np.nan]]])  # the last for no bus
    stands = at[bus_codes({"lines": lines.iloc[rows], "buses": buses})]
    off_m = np.hypot(*(stands - xy).transpose(2, 0, 1)).max(axis=1)
    wrong = given.built | (off_m > END_TOLERANCE_M)  # a bus without a place contradicts nothing
    message = "it is drawn as a point: where its ends are cannot be told; draw it between its buses"
    values = [f"{d:.1f} m from its bus" for d in off_m[wrong]]
    return make_findings("line_drawn_as_point", "lines", lines.index[rows[wrong]], message, values=values)
