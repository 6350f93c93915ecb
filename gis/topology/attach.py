"""Connect points and bare line ends to their nearest bus of a fitting voltage within a distance limit.

     b1          b2                 * load without bus_id
-----o-----------o------- line      : nearest bus of a fitting voltage, at most
                 :                    `attach_max_m` away
                 *
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely

from gis.findings import make_findings
from gis.topology.nearest import HIGH_LEVEL, LOW_LEVEL, nearest_buses
from gis.topology.step import Given, Step, Tables, end_xy, make_repairs, point_xy

# Largest load [kW] that is looked for on a low-voltage bus: planning practice of German operators, who
# connect up to 0.2 MW at a low-voltage busbar and more at medium voltage.
LV_MAX_KW = 200.0


def attach_line_ends(tables: Tables, given: Given) -> Step:
    """Give bare line ends the bus of a file's own buses that lies within the tolerance."""
    done = Step(tables)
    for place, column in enumerate(("from_bus_id", "to_bus_id")):
        lines = done.tables["lines"]
        if not lines[column].isna().any():
            continue
        voltage = lines["vn_kv"].to_numpy(dtype=float)
        limit_m = given.options.tolerance_m(voltage)
        more = attach(done.tables, given, "lines", column, end_xy(lines)[:, place], voltage, limit_m)
        done = Step(more.tables, done.repairs + more.repairs, done.findings + more.findings)
    return done


def attach_points(tables: Tables, given: Given) -> Step:
    """Give sources, loads, generators and capacitors their nearest bus of a fitting voltage."""
    done = Step(tables)
    for table in ("sources", "loads", "generators", "capacitors"):
        frame = tables[table]
        if frame["bus_id"].isna().any():
            xy = point_xy(np.asarray(frame.geometry.array))
            limit_m = np.full(len(frame), given.options.attach_max_m)
            levels = _levels(tables["buses"], frame, table, xy, given)
            more = attach(done.tables, given, table, "bus_id", xy, levels, limit_m)
            done = Step(more.tables, done.repairs + more.repairs, done.findings + more.findings)
    return done


def attach(
    tables: Tables,
    given: Given,
    table: str,
    column: str,
    xy: np.ndarray,
    levels: np.ndarray,
    limit_m: np.ndarray,
) -> Step:
    """Fill the gaps of one bus column with the nearest bus of the level wanted, within a limit per row.

    Rows without a place are left to the geometry rules.
    """
    frame = tables[table]
    open_rows = frame[column].isna().to_numpy() & np.isfinite(xy).all(axis=1)
    todo = np.flatnonzero(open_rows & given.options.allows("nearest_bus", frame.index))
    if not len(todo):
        return Step(tables)
    bus_ids, distances_m = nearest_buses(tables["buses"], xy[todo], levels[todo])
    near = distances_m <= limit_m[todo]
    filled = frame[column].to_numpy(dtype=object, copy=True)
    filled[todo[near]] = bus_ids[near]
    found = todo[near]
    done = make_repairs(
        "nearest_bus", table, frame.index[found], after=bus_ids[near], distances_m=distances_m[near],
        points=shapely.points(xy[found]),
    )  # fmt: skip
    faults = _far(table, column, frame.index[todo[~near]], distances_m[~near], xy[todo[~near]])
    return Step(tables | {table: frame.assign(**{column: filled})}, [done], [faults])


def _far(table: str, column: str, ids: pd.Index, distances_m: np.ndarray, xy: np.ndarray) -> pd.DataFrame:
    far = [f"{d:,.1f} m away" if np.isfinite(d) else "none at all" for d in distances_m]
    message = f"{column} is missing and no bus of a fitting voltage is near enough; give the id or move it"
    points = shapely.points(xy) if len(xy) else []
    return make_findings("nearer_to_nothing", table, ids, message, values=far, geometry=points)


def _levels(buses: pd.DataFrame, frame: pd.DataFrame, table: str, xy: np.ndarray, given: Given) -> np.ndarray:
    """Level of bus wanted per row: a source stands at the highest voltage, what draws or injects goes by size.

    What size wants and is not in reach, or is further than a bus of the other level drawn at the same
    place, is looked for at the other level. A voltage stated wins.
    """
    stated = frame["vn_kv"].to_numpy(dtype=float)
    if table == "sources":
        return np.where(np.isnan(stated), buses["vn_kv"].max(), stated).astype(float)
    options = given.options
    both_m = [nearest_buses(buses, xy, np.full(len(xy), level))[1] for level in (LOW_LEVEL, HIGH_LEVEL)]
    low = frame["q_kvar" if table == "capacitors" else "p_kw"].abs().to_numpy() <= LV_MAX_KW
    own_m, other_m = np.where(low, both_m, both_m[::-1])
    levels = np.array([options.lv_tolerance_m, options.mv_tolerance_m])
    own_at, other_at = np.where(low, levels[:, None], levels[::-1, None])
    elsewhere = (own_m > options.attach_max_m) | ((own_m > own_at) & (other_m <= other_at))
    elsewhere &= other_m <= options.attach_max_m
    return np.where(np.isnan(stated), np.where(low ^ elsewhere, LOW_LEVEL, HIGH_LEVEL), stated)
