"""T-joints: a line's end on another line of its voltage in mid-span splits that line, where a rule allows.

      o=========+=========o  main           the rule (`TopologyOptions.split_mains`): the end is that of a
                |                           service line; every other end on a line is told, not joined
                S  service line

Never across voltages, and never where lines only cross: without an end there is no joint.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from gis.findings import make_findings
from gis.parallel import query_pairs
from gis.topology.split import split_lines
from gis.topology.step import Given, Step, Tables, end_xy, make_repairs, point_xy, voltage_levels
from gis.voltage import LV_MAX_KV

# An end this close [m] to a transformer is the station's, however the lines around it are drawn.
_AT_STATION_M = 5.0


def join_services(tables: Tables, given: Given) -> Step:
    """Split mains at the ends of service lines; tell of every other end in mid-span of a line."""
    lines = tables["lines"]
    ends = bus_codes(tables)
    met = _ends_in_mid_span(tables, ends, given)
    if met.empty:
        return Step(tables)
    may = given.options.allows("t_joint", lines.index[met["by"]])
    if given.options.split_mains != "all":
        allowed = given.options.split_mains == "service"
        may &= allowed & _of_services(tables, ends)[met["bus"].to_numpy()]
    first = ~met["bus"].where(may, -1 - np.arange(len(met))).duplicated().to_numpy()
    joined, left = met[may & first], met[~(may & first)]
    bus_ids = tables["buses"].index.to_numpy()
    cuts = pd.DataFrame({"line": joined["line"], "bus_id": bus_ids[joined["bus"]], "at_m": joined["at_m"]})
    split = split_lines(tables, cuts)
    points = np.asarray(tables["buses"].geometry.array)
    repair = make_repairs(
        "t_joint", "lines", lines.index[joined["by"]], before=lines.index[joined["line"]].to_numpy(),
        after=bus_ids[joined["bus"]], distances_m=joined["distance_m"].to_numpy(),
        points=points[joined["bus"]],
    )  # fmt: skip
    return Step(split.tables, [repair, *split.repairs], [_told(lines, points, left)])


def bus_codes(tables: Tables) -> np.ndarray:
    """Positions of the buses at both ends of every line; -1 where there is none."""
    index, lines = tables["buses"].index, tables["lines"]
    return np.column_stack([index.get_indexer(lines[end]) for end in ("from_bus_id", "to_bus_id")])


def _ends_in_mid_span(tables: Tables, ends: np.ndarray, given: Given) -> pd.DataFrame:
    """Bare ends on a line they do not belong to: bus, line, by (positions), at_m, distance_m, best first."""
    lines, buses = tables["lines"], tables["buses"]
    bare = given.bare.reindex(lines.index, fill_value=True).to_numpy(dtype=bool) & (ends >= 0)
    at = point_xy(np.asarray(buses.geometry.array))
    is_end = np.zeros(len(buses), dtype=bool)
    is_end[ends[bare]] = True
    candidates = np.flatnonzero(is_end & np.isfinite(at).all(axis=1))
    at = at[candidates]
    reach_m = given.options.tolerance_m(buses["vn_kv"].to_numpy(dtype=float)[candidates])
    diagonals = shapely.linestrings(np.stack([at - reach_m[:, None], at + reach_m[:, None]], axis=1))
    geometry = np.asarray(lines.geometry.array)
    point, line = query_pairs(shapely.STRtree(geometry), diagonals)
    own = (ends[line] == candidates[point][:, None]).any(axis=1)
    point, line = point[~own], line[~own]
    levels = voltage_levels(np.concatenate([buses["vn_kv"].to_numpy(dtype=float), lines["vn_kv"].to_numpy()]))
    same = levels[candidates[point]] == levels[len(buses) + line]
    point, line = point[same], line[same]
    spot = shapely.points(at[point])
    distance_m = shapely.distance(spot, geometry[line])
    away_m = np.hypot(*(end_xy(lines)[line] - at[point][:, None, :]).transpose(2, 0, 1)).min(axis=1)
    inside = (distance_m <= reach_m[point]) & (away_m > reach_m[point])
    point, line = point[inside], line[inside]
    met = pd.DataFrame({"bus": candidates[point], "line": line, "by": _line_at(ends, candidates[point])})
    met["at_m"] = shapely.line_locate_point(geometry[line], spot[inside])
    met["distance_m"] = distance_m[inside]
    order = np.lexsort([lines.index.to_numpy()[line].astype(str), met["distance_m"].round(3), met["bus"]])
    return met.iloc[order].reset_index(drop=True)


def _line_at(ends: np.ndarray, buses: np.ndarray) -> np.ndarray:
    """First line that ends at each bus."""
    flat = ends.T.ravel()
    order = np.argsort(flat, kind="stable")
    return order[np.searchsorted(flat[order], buses)] % max(len(ends), 1)


def _of_services(tables: Tables, ends: np.ndarray) -> np.ndarray:
    """Tell per bus whether only service lines end there."""
    lines, buses = tables["lines"], tables["buses"]
    degree = np.bincount(ends[ends >= 0], minlength=len(buses))
    loose = (degree == 1) & ~_at_station(tables)
    low = lines["vn_kv"].to_numpy(dtype=float) <= LV_MAX_KV
    serving = (buses["kind"] == "service").to_numpy(dtype=bool)
    mains_at = np.zeros(len(buses), dtype=bool)
    for here, there in ((0, 1), (1, 0)):
        far = ends[:, there]
        is_service = (far >= 0) & (serving[far] | (low & loose[far]))
        main = ends[~is_service & (ends[:, here] >= 0), here]
        mains_at[main] = True
    return (degree > 0) & ~mains_at


def _at_station(tables: Tables) -> np.ndarray:
    """Tell which buses a transformer or source stands at, by id or by place."""
    buses, transformers, sources = tables["buses"], tables["transformers"], tables["sources"]
    named = pd.concat([transformers["hv_bus_id"], transformers["lv_bus_id"], sources["bus_id"]])
    rows = buses.index.get_indexer(named)
    known = np.zeros(len(buses), dtype=bool)
    known[rows[rows >= 0]] = True
    points = [point_xy(np.asarray(frame.geometry.array)) for frame in (transformers, sources)]
    stations = np.concatenate(points)
    stations = stations[np.isfinite(stations).all(axis=1)]
    at = point_xy(np.asarray(buses.geometry.array))
    placed = np.flatnonzero(np.isfinite(at).all(axis=1))
    if len(stations):
        known[placed] |= cKDTree(stations).query(at[placed], distance_upper_bound=_AT_STATION_M)[0] < np.inf
    return known


def _told(lines: pd.DataFrame, points: np.ndarray, left: pd.DataFrame) -> pd.DataFrame:
    """Ends in mid-span that were not joined, each with the line it lies on."""
    message = (
        "its end lies on another line of its voltage in mid-span and is not joined; split that line there"
    )
    message += " (or allow it: split_mains) if they meet"
    return make_findings(
        "t_joint", "lines", lines.index[left["by"]], message, severity="warning",
        values=lines.index[left["line"]], geometry=points[left["bus"]],
    )  # fmt: skip
