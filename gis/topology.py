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
from dataclasses import dataclass

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
from gis.voltage import LV_MAX_KV, MV_MAX_KV, same_voltage

# Line ends this close [m] are one bus: rounding of coordinates in GIS exports, well under the
# shortest real line (0.1 m segments are seen). Near misses are never joined silently.
END_TOLERANCE_M = 0.01
# A loose end this close [m] to another bus of its voltage is worth a look (engineering judgement: less
# than the width of a street); it is told, not joined.
NEAR_MISS_M = 2.0
# An end moved by less [m] stays unsaid: a tenth of a millimetre is the noise of coordinates.
SAID_FROM_M = 0.0001
# Longest distance [m] from a load, generator or source to its bus: a long service line.
SNAP_MAX_M = 100.0
# Voltages wanted that are no number of kV.
ANY_LEVEL, LOW_LEVEL, HIGH_LEVEL = -1.0, -2.0, -3.0
# Largest load [kW] that is looked for on a low-voltage bus: planning practice of German operators, who
# connect up to 0.2 MW at a low-voltage busbar and more at medium voltage.
LV_MAX_KW = 200.0

Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class TopologyOptions:
    """How far apart what belongs together may be drawn.

    Attributes
    ----------
    lv_tolerance_m, mv_tolerance_m, hv_tolerance_m
        Line ends of low, medium and high voltage this close become one bus [m].
    near_miss_m
        Loose ends this close to another bus of their voltage are named [m].
    """

    lv_tolerance_m: float = END_TOLERANCE_M
    mv_tolerance_m: float = END_TOLERANCE_M
    hv_tolerance_m: float = END_TOLERANCE_M
    near_miss_m: float = NEAR_MISS_M

    def tolerance_m(self, vn_kv: np.ndarray) -> np.ndarray:
        """Tolerance [m] per nominal voltage [kV]."""
        above = np.where(vn_kv <= MV_MAX_KV, self.mv_tolerance_m, self.hv_tolerance_m)
        return np.where(vn_kv <= LV_MAX_KV, self.lv_tolerance_m, above)


def connect(
    tables: Mapping[str, pd.DataFrame], options: TopologyOptions | None = None
) -> tuple[Tables, pd.DataFrame, pd.DataFrame]:
    """Fill missing bus references from geometry.

    Parameters
    ----------
    tables
        Typed canonical tables in one metric CRS, unique ids.
    options
        Tolerances; the defaults when absent.

    Returns
    -------
    tables, repairs, findings
        New tables with every bus reference filled that could be; one repair per decision;
        one error per element that found no bus, one warning per loose end
        near another bus and per crossing without a node.
    """
    connected = dict(tables)
    repairs: list[pd.DataFrame] = []
    findings: list[pd.DataFrame] = []
    if connected["buses"].empty and len(connected["lines"]):
        options = options or TopologyOptions()
        connected["buses"], connected["lines"], snapped = _buses_from_lines(connected["lines"], options)
        repairs += [_built_buses(connected["buses"]), snapped]
        findings += [_near_misses(connected, options), _crossings(connected["lines"])]
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
    wanted.append(("capacitors", "bus_id", tables["capacitors"]["vn_kv"].fillna(ANY_LEVEL)))
    return [entry for entry in wanted if tables[entry[0]][entry[1]].isna().any()]


def _buses_from_lines(
    lines: pd.DataFrame, options: TopologyOptions
) -> tuple[gpd.GeoDataFrame, pd.DataFrame, pd.DataFrame]:
    """One bus per cluster of line ends of one voltage; ids given for the ends are kept.

    A bus stands where most of its ends do; every end that does not is a repair.
    """
    ends = _line_ends(lines)
    placed = np.isfinite(ends[["x_m", "y_m", "vn_kv"]]).all(axis=1)
    named_ends = _name_ends(ends[placed], options)
    first = _most_common_place(named_ends)
    named = ends["bus_id"].where(~placed, named_ends["bus_id"]).to_numpy()
    raw = gpd.GeoDataFrame(
        {"bus_id": first["bus_id"].to_numpy(), "vn_kv": first["vn_kv"].to_numpy(), "kind": "node"},
        geometry=shapely.points(first[["x_m", "y_m"]].to_numpy()),
        crs=lines.crs,
    )
    half = len(lines)
    filled = lines.assign(from_bus_id=named[:half], to_bus_id=named[half:])
    return conform_table(raw, TABLES["buses"])[0], filled, _snapped(named_ends, first)


def _most_common_place(ends: pd.DataFrame) -> pd.DataFrame:
    """One row per bus, in the order of the ends: the end whose place most ends of the bus share."""
    place = ends[["x_m", "y_m"]].round(4)
    shared = ends.groupby([ends["bus_id"], place["x_m"], place["y_m"]])["x_m"].transform("size")
    ordered = ends.assign(shared=shared).sort_values("shared", ascending=False, kind="stable")
    best = ordered.drop_duplicates("bus_id").set_index("bus_id")
    return best.loc[ends["bus_id"].drop_duplicates()].reset_index()


def _snapped(ends: pd.DataFrame, buses: pd.DataFrame) -> pd.DataFrame:
    """A repair per line end that was drawn off its bus."""
    at = buses.set_index("bus_id").loc[ends["bus_id"]]
    distances_m = np.hypot(*(at[["x_m", "y_m"]].to_numpy() - ends[["x_m", "y_m"]].to_numpy()).T)
    off = distances_m > SAID_FROM_M
    moved = ends[off]
    before = [f"{x:.4f} {y:.4f}" for x, y in zip(moved["x_m"], moved["y_m"], strict=True)]
    points = shapely.points(moved[["x_m", "y_m"]].to_numpy())
    rows = _repairs(
        "snapped", "lines", pd.Index(moved["line_id"]), moved["bus_id"].to_numpy(), distances_m[off], points
    )
    return rows.assign(before=before)


def _near_misses(tables: Tables, options: TopologyOptions) -> pd.DataFrame:
    """Loose ends with another bus of their voltage close by: told with both, never joined."""
    buses, lines = tables["buses"], tables["lines"]
    ends = pd.concat([lines["from_bus_id"], lines["to_bus_id"]])
    degree = ends.value_counts()
    buses = buses[buses.index.isin(ends)]
    xy = np.column_stack([buses.geometry.x, buses.geometry.y])
    levels = 1000.0 * options.near_miss_m * buses["vn_kv"].rank(method="dense").to_numpy()
    pairs = cKDTree(np.column_stack([xy, levels])).query_pairs(options.near_miss_m, output_type="ndarray")
    ids = buses.index.to_numpy()
    both = pd.DataFrame({"a": ids[pairs[:, 0]], "b": ids[pairs[:, 1]]})
    both["distance_m"] = np.hypot(*(xy[pairs[:, 0]] - xy[pairs[:, 1]]).T)
    swapped = both.rename(columns={"a": "b", "b": "a"})
    loose = pd.concat([both, swapped], ignore_index=True)
    loose = loose[loose["a"].map(degree) == 1]
    line_of = pd.Series(ends.index.to_numpy(), ends.to_numpy()).groupby(level=0).first()
    loose["line_id"], loose["other_id"] = loose["a"].map(line_of), loose["b"].map(line_of)
    loose = loose[loose["line_id"] != loose["other_id"]].sort_values(["line_id", "distance_m"])
    values = [f"{d:.3f} m from {o}" for d, o in zip(loose["distance_m"], loose["other_id"], strict=True)]
    message = "a loose end stops just short of another line; join them with a larger tolerance if they meet"
    points = buses.geometry.loc[loose["a"]].to_numpy()
    ids = loose["line_id"].to_numpy()
    return make_findings(
        "near_miss", "lines", ids, message, severity="warning", values=values, geometry=points
    )


def _crossings(lines: pd.DataFrame) -> pd.DataFrame:
    """Lines of one voltage that cross without a node: told, never joined, since cables do cross."""
    geometry = np.asarray(lines.geometry.array)
    first, second = shapely.STRtree(geometry).query(geometry, predicate="crosses")
    voltages = lines["vn_kv"].to_numpy()
    once = (first < second) & (voltages[first] == voltages[second])
    first, second = first[once], second[once]
    ids = lines.index.to_numpy()
    points = shapely.point_on_surface(shapely.intersection(geometry[first], geometry[second]))
    message = "the line crosses another of its voltage without a joint; draw a node there if they meet"
    return make_findings(
        "crossing", "lines", ids[first], message, severity="warning", values=ids[second], geometry=points
    )


def _name_ends(ends: pd.DataFrame, options: TopologyOptions) -> pd.DataFrame:
    """Give every end its bus: its own id, else one given in its cluster, else a new one."""
    cluster = pd.Series(_clusters(ends, options), ends.index)
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
            "line_id": np.tile(lines.index.to_numpy(), 2),
            "bus_id": np.concatenate([lines["from_bus_id"], lines["to_bus_id"]]),
            "vn_kv": np.tile(lines["vn_kv"].to_numpy(), 2),
            "x_m": shapely.get_x(points),
            "y_m": shapely.get_y(points),
        }
    )


def _clusters(ends: pd.DataFrame, options: TopologyOptions) -> np.ndarray:
    """Label ends that lie within the tolerance of each other and have one voltage.

    By distance, not by rounding to a grid: points 0.2 mm apart may lie in two grid cells. The two ends
    of one line never count as a pair, nor ends whose ids differ.
    """
    voltages = ends["vn_kv"].to_numpy()
    tolerance_m = options.tolerance_m(voltages)
    widest = float(tolerance_m.max(initial=0.0))
    levels = ends["vn_kv"].rank(method="dense").to_numpy()
    apart = 1000.0 * max(widest, 1.0)  # a third coordinate keeps voltage levels apart
    points = np.column_stack([ends["x_m"], ends["y_m"], levels * apart])
    pairs = cKDTree(points).query_pairs(widest, output_type="ndarray")
    first, second = pairs[:, 0], pairs[:, 1]
    near = np.hypot(*(points[first, :2] - points[second, :2]).T) <= tolerance_m[first]
    line, named = ends["line_id"].to_numpy(), ends["bus_id"].to_numpy()
    differ = ends["bus_id"].notna().to_numpy()
    near &= line[first] != line[second]
    near &= ~(differ[first] & differ[second] & (named[first] != named[second]))
    first, second = first[near], second[near]
    count = len(points)
    graph = coo_array((np.ones(len(first), dtype=bool), (first, second)), shape=(count, count))
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
