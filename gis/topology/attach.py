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
        frame, buses = tables[table], tables["buses"]
        if frame["bus_id"].isna().any():
            xy = point_xy(np.asarray(frame.geometry.array))
            found = (
                _source_buses(buses, frame, xy) if table == "sources" else _by_size(buses, frame, xy, given)
            )
            limit_m = np.full(len(frame), given.options.attach_max_m)
            more = fill(done.tables, given, table, "bus_id", xy, found, limit_m)
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
    """Fill the gaps of one bus column with the nearest bus of the level wanted, within a limit per row."""
    wanted = np.where(tables[table][column].isna(), levels, np.nan)
    return fill(tables, given, table, column, xy, nearest_buses(tables["buses"], xy, wanted), limit_m)


def fill(
    tables: Tables,
    given: Given,
    table: str,
    column: str,
    xy: np.ndarray,
    found: tuple[np.ndarray, np.ndarray],
    limit_m: np.ndarray,
) -> Step:
    """Fill the gaps of one bus column with the bus found per row, within a limit per row.

    Rows without a place are left to the geometry rules.
    """
    frame, (bus_ids, distances_m) = tables[table], found
    todo = frame[column].isna().to_numpy() & np.isfinite(xy).all(axis=1)
    todo &= given.options.allows("nearest_bus", frame.index)
    near, far = (
        np.flatnonzero(todo & (distances_m <= limit_m)),
        np.flatnonzero(todo & ~(distances_m <= limit_m)),
    )
    filled = frame[column].to_numpy(dtype=object, copy=True)
    filled[near] = bus_ids[near]
    done = make_repairs(
        "nearest_bus", table, frame.index[near], after=bus_ids[near], distances_m=distances_m[near],
        points=shapely.points(xy[near]),
    )  # fmt: skip
    faults = _far(table, column, frame.index[far], distances_m[far], xy[far])
    return Step(tables | {table: frame.assign(**{column: filled})}, [done], [faults])


def _far(table: str, column: str, ids: pd.Index, distances_m: np.ndarray, xy: np.ndarray) -> pd.DataFrame:
    far = [f"{d:,.1f} m away" if np.isfinite(d) else "none at all" for d in distances_m]
    message = f"{column} is missing and no bus of a fitting voltage is near enough; give the id or move it"
    points = shapely.points(xy) if len(xy) else []
    return make_findings("nearer_to_nothing", table, ids, message, values=far, geometry=points)


def _source_buses(buses: pd.DataFrame, frame: pd.DataFrame, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nearest bus of the voltage a source states, else of the highest."""
    stated = frame["vn_kv"].to_numpy(dtype=float)
    return nearest_buses(buses, xy, np.where(np.isnan(stated), buses["vn_kv"].max(), stated).astype(float))


def _by_size(
    buses: pd.DataFrame, frame: pd.DataFrame, xy: np.ndarray, given: Given
) -> tuple[np.ndarray, np.ndarray]:
    """Nearest bus per load, generator or capacitor of the voltage it states, else of the level of its size.

    What size wants and is not in reach, or is further than a bus of the other level drawn at the same
    place, is looked for at the other level.
    """
    options, stated = given.options, frame["vn_kv"].to_numpy(dtype=float)
    free = np.isnan(stated)
    ids, away_m = nearest_buses(buses, xy, stated)
    low_ids, low_m = nearest_buses(buses, xy, np.where(free, LOW_LEVEL, np.nan))
    high_ids, high_m = nearest_buses(buses, xy, np.where(free, HIGH_LEVEL, np.nan))
    low = frame["q_kvar" if "p_kw" not in frame else "p_kw"].abs().to_numpy() <= LV_MAX_KW
    at_low, at_high = low_m <= options.lv_tolerance_m, high_m <= options.mv_tolerance_m
    reach_m = options.attach_max_m
    takes_low = np.where(
        low,
        (low_m <= reach_m) & (at_low | ~at_high) | (high_m > reach_m),
        (low_m <= reach_m) & (at_low & ~at_high | (high_m > reach_m)),
    )
    by_size = np.where(takes_low, low_ids, high_ids), np.where(takes_low, low_m, high_m)
    return np.where(free, by_size[0], ids), np.where(free, by_size[1], away_m)
