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
from gis.topology.nearest import ANY_LEVEL, HIGH_LEVEL, LOW_LEVEL, fits_level, nearest_buses
from gis.topology.step import Given, Step, Tables, end_xy, make_repairs, point_xy
from gis.voltage import LV_MAX_KV

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
    """Give sources, loads and generators their nearest bus of a fitting voltage."""
    done = Step(tables)
    for table in ("sources", "loads", "generators"):
        frame = tables[table]
        if frame["bus_id"].isna().any():
            levels = _levels(tables["buses"], frame, table)
            limit_m = np.full(len(frame), given.options.attach_max_m)
            xy = point_xy(np.asarray(frame.geometry.array))
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


def _levels(buses: pd.DataFrame, frame: pd.DataFrame, table: str) -> np.ndarray:
    """Level of bus wanted per load, generator or source: by its size, a source at the highest voltage."""
    voltages = buses["vn_kv"].to_numpy(dtype=float)
    if table == "sources":
        return np.full(len(frame), float(np.nanmax(voltages)) if len(voltages) else np.nan)
    low = frame["p_kw"].to_numpy() <= LV_MAX_KW
    has_low = bool((voltages <= LV_MAX_KV).any())
    otherwise = HIGH_LEVEL if fits_level(voltages, HIGH_LEVEL).any() else ANY_LEVEL
    return np.where(low & has_low, LOW_LEVEL, otherwise)
