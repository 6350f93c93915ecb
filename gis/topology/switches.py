"""Put switches that are given as points on their line's end, into a gap between two ends, or into mid-span.

    --K--o/ L---   at the end of the line nearest to it     ----o   /  o----   in a gap between two loose
    --L1--o/ L2--  in mid-span: the line is cut there                          ends: a coupler of both

Which line: the one the file names, else one the switch lies on (within its tolerance), else one whose end
is in reach, else the nearest, else the one of higher voltage, else the one whose end is nearest, else the
lowest id. An open switch opens exactly the line's end it is put on.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from gis.findings import make_findings
from gis.topology.joints import bus_codes
from gis.topology.options import SAID_FROM_M
from gis.topology.split import split_lines
from gis.topology.step import (
    Given,
    Step,
    Tables,
    add_buses,
    end_xy,
    fresh_ids,
    make_buses,
    make_repairs,
    point_xy,
    voltage_levels,
)  # fmt: skip

_FILLED = ["bus_id", "element_table", "element_id"]


def place_switches(tables: Tables, given: Given) -> Step:
    """Fill bus and element of every switch that lacks one of them."""
    switches = tables["switches"]
    open_rows = switches[_FILLED].isna().any(axis=1).to_numpy()
    open_rows &= np.isfinite(point_xy(np.asarray(switches.geometry.array))).all(axis=1)
    todo = switches[open_rows & given.options.allows("switch_placed", switches.index)]
    if todo.empty:
        return Step(tables)
    of_transformers = (todo["element_table"] == "transformers").to_numpy()
    done = _on_transformers(tables, todo[of_transformers], given)
    todo, reach_m = todo[~of_transformers], given.options.switch_max_m
    near = _lines_near(tables, todo, given)
    gaps = _in_gaps(tables, todo, near, reach_m)
    best = near[~near["switch_id"].isin(gaps["switch_id"])].drop_duplicates("switch_id")
    in_span = (best["end_m"] > reach_m).to_numpy()
    done = _fill(done, gaps)
    done = _fill(done, _at_line_ends(tables, best[~in_span]))
    done = _cut_lines(done, best[in_span])
    lost = todo.index[~todo.index.isin(near["switch_id"])]
    doubts = [_told(switches, lost), _unsure(todo, near, best[~in_span], tables["lines"])]
    return Step(done.tables, done.repairs, [*done.findings, *doubts])


def _lines_near(tables: Tables, todo: pd.DataFrame, given: Given) -> pd.DataFrame:
    """Lines each switch may stand on, best first: switch_id, line, end, distance_m, at_m, end_m, place."""
    lines = tables["lines"]
    geometry, points = np.asarray(lines.geometry.array), np.asarray(todo.geometry.array)
    reach_m = given.options.switch_max_m
    row, line = shapely.STRtree(geometry).query(points, predicate="dwithin", distance=reach_m)
    named = np.flatnonzero((todo["element_table"] == "lines") & todo["element_id"].isin(lines.index))
    free = ~np.isin(row, named)
    row = np.concatenate([row[free], named])
    line = np.concatenate([line[free], lines.index.get_indexer(todo["element_id"].iloc[named])])
    fits = _fits(tables, todo, row, line)
    row, line = row[fits], line[fits]
    end_m = np.hypot(*(end_xy(lines)[line] - point_xy(points[row])[:, None, :]).transpose(2, 0, 1))
    near = pd.DataFrame({"switch_id": todo.index.to_numpy()[row], "line": line, "end": end_m.argmin(axis=1)})
    near["distance_m"] = shapely.distance(points[row], geometry[line])
    near["at_m"] = shapely.line_locate_point(geometry[line], points[row])
    near["end_m"] = end_m.min(axis=1)
    given_bus = todo["bus_id"].to_numpy()[row]
    at_bus = np.array(lines[["from_bus_id", "to_bus_id"]])[line] == given_bus[:, None]
    has_bus = at_bus.any(axis=1)
    near.loc[has_bus, "end"] = at_bus[has_bus].argmax(axis=1)
    near.loc[has_bus, "end_m"] = 0.0  # the file says at which end
    near["place"] = points[row]
    order = np.lexsort(
        [
            lines.index.to_numpy()[line].astype(str),
            near["end_m"].round(3),
            -lines["vn_kv"].to_numpy()[line],
            near["distance_m"].round(3),
            near["end_m"] > reach_m,
            near["distance_m"] > given.options.tolerance_m(lines["vn_kv"].to_numpy(dtype=float))[line],
            near["switch_id"].astype(str),
        ]
    )
    return near.iloc[order].reset_index(drop=True)


def _fits(tables: Tables, todo: pd.DataFrame, row: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Tell which lines are of the switch's own bus and voltage, where it states them."""
    lines = tables["lines"]
    bus_id = todo["bus_id"].to_numpy()[row]
    at_bus = (np.array(lines[["from_bus_id", "to_bus_id"]])[line] == bus_id[:, None]).any(axis=1)
    fits = pd.isna(bus_id) | at_bus
    stated = todo["vn_kv"].to_numpy(dtype=float)[row]
    pairs = voltage_levels(np.concatenate([stated, lines["vn_kv"].to_numpy(dtype=float)[line]]))
    return np.asarray(fits & (np.isnan(stated) | (pairs[: len(row)] == pairs[len(row) :])))


def _in_gaps(tables: Tables, todo: pd.DataFrame, near: pd.DataFrame, reach_m: float) -> pd.DataFrame:
    """Switches that name nothing and stand between two loose ends of one voltage: the buses of both."""
    ends = bus_codes(tables)
    degree = np.bincount(ends[ends >= 0], minlength=len(tables["buses"]))
    bus = ends[near["line"], near["end"]]
    nameless = near["switch_id"].isin(todo.index[todo[["bus_id", "element_id"]].isna().all(axis=1)])
    loose = nameless.to_numpy() & (bus >= 0) & (degree[bus] == 1) & (near["end_m"] <= reach_m).to_numpy()
    level = voltage_levels(tables["lines"]["vn_kv"].to_numpy(dtype=float))[near["line"]]
    found = near.assign(bus=bus, level=level)[loose].drop_duplicates(["switch_id", "bus"])
    number = found.groupby("switch_id").cumcount()
    first, second = (found[number == k].set_index("switch_id") for k in (0, 1))
    more = found["switch_id"][number == 2]
    pairs = first.join(second[["bus", "level"]], rsuffix="_2", how="inner")
    pairs = pairs[(pairs["level"] == pairs["level_2"]) & ~pairs.index.isin(more)]
    bus_ids = tables["buses"].index.to_numpy()
    return _placed(
        pairs.reset_index(), bus_ids[pairs["bus"]], "buses", bus_ids[pairs["bus_2"].astype(int)], "end_m"
    )


def _at_line_ends(tables: Tables, near: pd.DataFrame) -> pd.DataFrame:
    lines = tables["lines"]
    ends = np.array(lines[["from_bus_id", "to_bus_id"]], dtype=object)
    line = near["line"].to_numpy()
    return _placed(near, ends[line, near["end"]], "lines", lines.index.to_numpy()[line], "end_m")


def _on_transformers(tables: Tables, todo: pd.DataFrame, given: Given) -> Step:
    """Switches that belong to a transformer: on the high side of the one named, else of the nearest."""
    transformers = tables["transformers"]
    if todo.empty or transformers.empty:
        return Step(tables, findings=[_told(todo, todo.index)])
    at = point_xy(np.asarray(transformers.geometry.array))
    usable = np.flatnonzero(np.isfinite(at).all(axis=1))
    points = np.asarray(todo.geometry.array)
    distance_m, nearest = cKDTree(at[usable]).query(point_xy(points))
    own = transformers.index.get_indexer(todo["element_id"])
    row = np.where(own >= 0, own, usable[nearest])
    near = (distance_m <= given.options.transformer_max_m) | (own >= 0)
    sides = transformers["hv_bus_id"].to_numpy()[row]
    bus_ids = np.where(todo["bus_id"].notna(), todo["bus_id"], sides)
    found = pd.DataFrame({"switch_id": todo.index, "distance_m": distance_m, "place": points})
    placed = _placed(found, bus_ids, "transformers", transformers.index.to_numpy()[row], "distance_m")
    done = _fill(Step(tables), placed[near & pd.notna(bus_ids)])
    return Step(done.tables, done.repairs, [_told(todo, todo.index[~near])])


def _cut_lines(done: Step, near: pd.DataFrame) -> Step:
    """Cut lines where switches stand in mid-span: each stands at the end of the piece before its cut."""
    if near.empty:
        return done
    near = near.sort_values(["line", "at_m"], kind="stable")
    # Switches at one place share the cut.
    new = (near["line"].diff() != 0) | (near["at_m"].diff() > SAID_FROM_M)
    cuts = near[new]
    lines, buses = done.tables["lines"], done.tables["buses"]
    line = cuts["line"].to_numpy()
    ids = fresh_ids("bus-" + cuts["switch_id"].to_numpy(dtype=object), buses.index)
    spots = shapely.line_interpolate_point(np.asarray(lines.geometry.array)[line], cuts["at_m"].to_numpy())
    built = make_buses(ids, lines["vn_kv"].to_numpy(dtype=float)[line], point_xy(spots), buses)
    tables = done.tables | {"buses": add_buses(buses, built)}
    split = split_lines(tables, pd.DataFrame({"line": line, "bus_id": ids, "at_m": cuts["at_m"]}))
    ends = split.tables["lines"]
    piece = pd.Series(ends.index.to_numpy(), ends["to_bus_id"].to_numpy())[ids]
    number = np.cumsum(new.to_numpy()) - 1
    placed = _placed(near, ids[number], "lines", piece.to_numpy()[number], "distance_m")
    return _fill(Step(split.tables, done.repairs + split.repairs, done.findings), placed)


def _placed(
    near: pd.DataFrame, bus_ids: np.ndarray, table: str, element_ids: np.ndarray, distance: str
) -> pd.DataFrame:
    columns = {"bus_id": bus_ids, "element_table": table, "element_id": element_ids}
    return near[["switch_id", "place"]].assign(**columns, distance_m=near[distance].to_numpy())


def _fill(done: Step, placed: pd.DataFrame) -> Step:
    """Write bus and element of the switches placed, and a repair for each."""
    if placed.empty:
        return done
    switches = done.tables["switches"]
    rows = switches.index.get_indexer(placed["switch_id"])
    filled = {}
    for column in _FILLED:
        cells = switches[column].to_numpy(dtype=object, copy=True)
        cells[rows] = placed[column].to_numpy()
        filled[column] = cells
    after = placed["element_table"] + " " + placed["element_id"] + " at " + placed["bus_id"]
    repair = make_repairs(
        "switch_placed", "switches", placed["switch_id"].to_numpy(), after=after.to_numpy(),
        distances_m=placed["distance_m"].to_numpy(), points=placed["place"].to_numpy(),
    )  # fmt: skip
    tables = done.tables | {"switches": switches.assign(**filled)}
    return Step(tables, [*done.repairs, repair], done.findings)


def _unsure(todo: pd.DataFrame, near: pd.DataFrame, best: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """Open switches that stand alike at the ends of several lines: which of them is open cannot be told."""
    alike = ["switch_id", "distance_m", "end_m"]
    rounded = near.assign(vn_kv=lines["vn_kv"].to_numpy()[near["line"]]).round({"distance_m": 3, "end_m": 3})
    chosen = rounded.loc[best.index]
    pairs = rounded.merge(chosen, on=[*alike, "vn_kv"], suffixes=("", "_chosen"))
    opened = pairs["switch_id"].isin(todo.index[~todo["closed"].to_numpy(dtype=bool)])
    pairs = pairs[opened & (pairs["line"] != pairs["line_chosen"])]
    others = pd.Series(lines.index.to_numpy()[pairs["line"]], pairs["switch_id"].to_numpy(), dtype=object)
    named = others.groupby(level=0).agg(", ".join)
    message = (
        "the switch is open and stands alike at the ends of several lines; it was put on the first by id: "
        "name its element_id, or draw it on its line"
    )
    return make_findings(
        "switch_unsure",
        "switches",
        named.index,
        message,
        severity="warning",
        values="or on " + named if len(named) else [],
        geometry=todo.geometry.loc[named.index].to_numpy(),
    )


def _told(switches: pd.DataFrame, lost: pd.Index) -> pd.DataFrame:
    message = (
        "it names no bus and element, and stands on no line; give their ids or move it to its line's end"
    )
    points = switches.geometry.loc[lost].to_numpy()
    return make_findings("nearer_to_nothing", "switches", lost, message, geometry=points)
