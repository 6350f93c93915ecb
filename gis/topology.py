"""Connect elements: buses from line ends where a file has none, and points to their nearest bus.

Every automatic decision is a row of `repairs`; what cannot be connected is a finding, never dropped.
Ids given in the file always win over geometry.

        b1          b2                 * load without bus_id
   -----o-----------o------- line      : nearest bus of a fitting voltage, at most
                    :                    SNAP_MAX_M away
                    *
"""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from gis.conform import conform_table
from gis.findings import REPAIR_COLUMNS, empty_repairs, join_findings, make_findings
from gis.schema import TABLES
from gis.voltage import LV_MAX_KV, same_voltage

# Line ends this close [m] are one bus: rounding of coordinates in GIS exports, well under the
# shortest real line (0.1 m segments are seen). Near misses are never joined silently.
END_TOLERANCE_M = 0.01
# Longest distance [m] from a load, generator or source to its bus: a long service line.
SNAP_MAX_M = 100.0
# Voltages wanted that are no number of kV.
ANY_LEVEL, LOW_LEVEL, HIGH_LEVEL = -1.0, -2.0, -3.0
# Largest load [kW] that is looked for on a low-voltage bus: planning practice of German operators, who
# connect up to 0.2 MW at a low-voltage busbar and more at medium voltage.
LV_MAX_KW = 200.0

Tables = dict[str, pd.DataFrame]


def connect(tables: Mapping[str, pd.DataFrame]) -> tuple[Tables, pd.DataFrame, pd.DataFrame]:
    """Fill missing bus references from geometry.

    Parameters
    ----------
    tables
        Typed canonical tables in one metric CRS, unique ids.

    Returns
    -------
    tables, repairs, findings
        New tables with every bus reference filled that could be; one repair per decision;
        one error per element that found no bus.
    """
    connected = dict(tables)
    repairs: list[pd.DataFrame] = []
    findings: list[pd.DataFrame] = []
    if connected["buses"].empty and len(connected["lines"]):
        connected["buses"], connected["lines"] = _buses_from_lines(connected["lines"])
        repairs.append(_built_buses(connected["buses"]))
    for table, bus_column, voltage in _open_references(connected):
        filled, done, faults = _attach(connected, table, bus_column, voltage)
        connected[table] = filled
        repairs.append(done)
        findings.append(faults)
    return connected, _stack(repairs), join_findings(findings)


def _open_references(tables: Tables) -> list[tuple[str, str, pd.Series]]:
    """Every bus column with gaps, with the voltage wanted per row (NaN = by size of the load)."""
    lines, transformers = tables["lines"], tables["transformers"]
    wanted = [
        ("lines", "from_bus_id", lines["vn_kv"]),
        ("lines", "to_bus_id", lines["vn_kv"]),
        ("transformers", "hv_bus_id", transformers["vn_hv_kv"]),
        ("transformers", "lv_bus_id", transformers["vn_lv_kv"]),
    ]
    points = ("sources", "loads", "generators")
    wanted += [(name, "bus_id", pd.Series(np.nan, tables[name].index)) for name in points]
    return [entry for entry in wanted if tables[entry[0]][entry[1]].isna().any()]


def _buses_from_lines(lines: pd.DataFrame) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """One bus per cluster of line ends of one voltage; ids given for the ends are kept."""
    ends = _line_ends(lines)
    placed = np.isfinite(ends[["x_m", "y_m", "vn_kv"]]).all(axis=1)
    named_ends = _name_ends(ends[placed])
    first = named_ends.drop_duplicates("bus_id")
    named = ends["bus_id"].where(~placed, named_ends["bus_id"]).to_numpy()
    raw = gpd.GeoDataFrame(
        {"bus_id": first["bus_id"].to_numpy(), "vn_kv": first["vn_kv"].to_numpy(), "kind": "node"},
        geometry=shapely.points(first[["x_m", "y_m"]].to_numpy()),
        crs=lines.crs,
    )
    half = len(lines)
    filled = lines.assign(from_bus_id=named[:half], to_bus_id=named[half:])
    return conform_table(raw, TABLES["buses"])[0], filled


def _name_ends(ends: pd.DataFrame) -> pd.DataFrame:
    """Give every end its bus: its own id, else one given in its cluster, else a new one."""
    cluster = pd.Series(_clusters(ends), ends.index)
    given = ends["bus_id"].groupby(cluster).first()
    prefix = "bus-"
    while ends["bus_id"].str.startswith(prefix, na=False).any():  # never meet an id of the file
        prefix += "-"
    return ends.assign(bus_id=ends["bus_id"].fillna(cluster.map(given)).fillna(prefix + cluster.astype(str)))


def _line_ends(lines: pd.DataFrame) -> pd.DataFrame:
    geometry = lines.geometry.array
    points = np.concatenate([shapely.get_point(geometry, 0), shapely.get_point(geometry, -1)])
    return pd.DataFrame(
        {
            "bus_id": np.concatenate([lines["from_bus_id"], lines["to_bus_id"]]),
            "vn_kv": np.tile(lines["vn_kv"].to_numpy(), 2),
            "x_m": shapely.get_x(points),
            "y_m": shapely.get_y(points),
        }
    )


def _clusters(ends: pd.DataFrame) -> np.ndarray:
    """Label ends that lie within the tolerance of each other and have one voltage.

    By distance, not by rounding to a grid: points 0.2 mm apart may lie in two grid cells.
    """
    levels = ends["vn_kv"].rank(method="dense").to_numpy()
    apart = 1000.0 * END_TOLERANCE_M  # a third coordinate keeps voltage levels apart
    points = np.column_stack([ends["x_m"], ends["y_m"], levels * apart])
    pairs = cKDTree(points).query_pairs(END_TOLERANCE_M, output_type="ndarray")
    count = len(points)
    graph = coo_array((np.ones(len(pairs), dtype=bool), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1])


def _attach(
    tables: Tables, table: str, bus_column: str, voltage: pd.Series
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Fill the gaps of one bus column with the nearest bus of a fitting voltage."""
    frame = tables[table]
    todo = frame[frame[bus_column].isna() & _has_point(_points_of(frame, table, bus_column))]
    points = _points_of(todo, table, bus_column)
    bus_ids, distances_m = _nearest(tables["buses"], points, _level(tables["buses"], todo, voltage, table))
    near = distances_m <= (END_TOLERANCE_M if table == "lines" else SNAP_MAX_M)
    filled = frame[bus_column].copy()
    filled.loc[todo.index[near]] = bus_ids[near]
    far = [f"{d:,.1f} m away" if np.isfinite(d) else "none at all" for d in distances_m[~near]]
    message = (
        f"{bus_column} is missing and no bus of a fitting voltage is near enough; give the id or move it"
    )
    faults = make_findings(
        "nearer_to_nothing", table, todo.index[~near], message, values=far, geometry=points[~near]
    )
    done = _repairs("nearest_bus", table, todo.index[near], bus_ids[near], distances_m[near], points[near])
    return frame.assign(**{bus_column: filled}), done, faults


def _points_of(frame: pd.DataFrame, table: str, bus_column: str) -> np.ndarray:
    geometry = np.asarray(frame.geometry.array)
    if table == "lines":
        return np.asarray(shapely.get_point(geometry, 0 if bus_column == "from_bus_id" else -1))
    return geometry


def _has_point(points: np.ndarray) -> np.ndarray:
    """Tell which are points with finite coordinates; the others are faults of the geometry rules."""
    return np.asarray(np.isfinite(shapely.get_x(points)) & np.isfinite(shapely.get_y(points)))


def _level(buses: pd.DataFrame, frame: pd.DataFrame, voltage: pd.Series, table: str) -> np.ndarray:
    """Boolean matrix rows x buses would be large: return per row the class of bus wanted.

    ANY_LEVEL, LOW_LEVEL (<= 1 kV), HIGH_LEVEL (above), otherwise the nominal voltage in kV.
    """
    wanted = voltage.loc[frame.index].to_numpy(dtype=float)
    if table in ("loads", "generators"):
        low = frame["p_kw"].to_numpy() <= LV_MAX_KW
        has_low = bool((buses["vn_kv"] <= LV_MAX_KV).any())
        otherwise = HIGH_LEVEL if (buses["vn_kv"] > LV_MAX_KV).any() else ANY_LEVEL
        return np.where(low & has_low, LOW_LEVEL, otherwise)
    if table == "sources":
        return np.full(len(frame), float(buses["vn_kv"].max()))
    return wanted


def _nearest(buses: pd.DataFrame, points: np.ndarray, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nearest bus per point among those of the wanted level; ties go to the lowest id."""
    bus_ids = np.full(len(points), None, dtype=object)
    distances_m = np.full(len(points), np.inf)
    ordered = buses[_has_point(np.asarray(buses.geometry.array))].sort_index()
    voltages = ordered["vn_kv"].to_numpy()
    for level in np.unique(levels[~np.isnan(levels)]):
        fitting = ordered[_fits(voltages, level)]
        rows = np.flatnonzero(levels == level)
        if len(fitting) and len(rows):
            bus_ids[rows], distances_m[rows] = _nearest_of(fitting, points[rows])
    return bus_ids, distances_m


def _fits(voltages: np.ndarray, level: float) -> np.ndarray:
    if level == ANY_LEVEL:
        return np.ones(len(voltages), dtype=bool)
    if level == LOW_LEVEL:
        return voltages <= LV_MAX_KV
    if level == HIGH_LEVEL:
        return voltages > LV_MAX_KV
    return same_voltage(voltages, level)


def _nearest_of(fitting: pd.DataFrame, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    xy = np.column_stack([fitting.geometry.x, fitting.geometry.y])
    among = min(8, len(xy))  # as many equidistant buses as a station can have
    at = np.column_stack([shapely.get_x(points), shapely.get_y(points)])
    distances_m, positions = cKDTree(xy).query(at, k=among)
    distances_m, positions = distances_m.reshape(len(at), among), positions.reshape(len(at), among)
    tied = distances_m <= distances_m[:, :1] + 0.001
    chosen = np.where(tied, positions, len(xy)).min(axis=1)
    return fitting.index.to_numpy()[chosen], distances_m[:, 0]


def _built_buses(buses: pd.DataFrame) -> pd.DataFrame:
    zeros = np.zeros(len(buses))
    return _repairs("bus_from_line_ends", "buses", buses.index, buses.index, zeros, buses.geometry.array)


def _repairs(
    action: str, table: str, ids: pd.Index, after: np.ndarray, distances_m: np.ndarray, points: np.ndarray
) -> pd.DataFrame:
    columns = (action, table, ids.to_numpy(), "", np.asarray(after), distances_m, np.asarray(points))
    return pd.DataFrame(dict(zip(REPAIR_COLUMNS, columns, strict=True)), index=range(len(ids)))


def _stack(repairs: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [part for part in repairs if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else empty_repairs()
