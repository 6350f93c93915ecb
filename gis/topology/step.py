"""What every step of topology takes and gives, and how a decision is written down."""

from __future__ import annotations

from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from gis.findings import REPAIR_COLUMNS, empty_repairs
from gis.topology.options import TopologyOptions
from gis.voltage import SAME_VOLTAGE_SHARE

Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True, eq=False)
class Given:
    """What the steps look at beside the tables.

    Attributes
    ----------
    built
        The file has no buses: they are built where lines end.
    bare
        Per line_id, from_bus_id and to_bus_id: the file names no bus for that end.
    transformer_types
        vn_hv_kv and vn_lv_kv [kV] by type_id, for transformers that state no voltages.
    aside
        Lines set aside: their ends stay buses that other elements may stand at.
    """

    options: TopologyOptions
    built: bool
    bare: pd.DataFrame
    transformer_types: pd.DataFrame | None = None
    aside: pd.DataFrame | None = None


@dataclass(frozen=True, eq=False)
class Step:
    """Tables after a step, its decisions and its doubts."""

    tables: Tables
    repairs: list[pd.DataFrame] = field(default_factory=list)
    findings: list[pd.DataFrame] = field(default_factory=list)


def make_repairs(
    action: str,
    table: str,
    element_ids: pd.Index | np.ndarray,
    *,
    after: np.ndarray,
    points: np.ndarray,
    before: np.ndarray | list[str] | str = "",
    distances_m: np.ndarray | float = 0.0,
) -> pd.DataFrame:
    """One row per decision; the distance [m] is how far something was moved or taken from."""
    count = len(element_ids)
    if not count:
        return empty_repairs()
    cells = (action, table, np.asarray(element_ids), before, after, distances_m, np.asarray(points))
    return pd.DataFrame(dict(zip(REPAIR_COLUMNS, cells, strict=True)), index=range(count))


def make_buses(
    bus_ids: np.ndarray, vn_kv: np.ndarray, xy: np.ndarray, like: pd.DataFrame
) -> gpd.GeoDataFrame:
    """Buses of kind node in the columns of a canonical table."""
    index = pd.Index(bus_ids, dtype=object, name=like.index.name)
    columns = {"vn_kv": vn_kv.astype(float), "kind": np.full(len(index), "node", dtype=object)}
    plain = pd.DataFrame(columns, index).reindex(columns=[c for c in like.columns if c != "geometry"])
    plain = plain.astype({c: like[c].dtype for c in plain.columns})
    plain = plain.assign(name=np.full(len(index), None, dtype=object))
    return gpd.GeoDataFrame(plain, geometry=shapely.points(xy), crs=like.crs)[list(like.columns)]


def add_buses(buses: pd.DataFrame, more: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Buses with further ones behind them."""
    return gpd.GeoDataFrame(pd.concat([buses, more]), geometry="geometry", crs=buses.crs)


def fresh_ids(wanted: np.ndarray, taken: pd.Index) -> np.ndarray:
    """Ids that no row of the table has: the wanted ones, marked where one is taken."""
    ids = np.asarray(wanted, dtype=object)
    while (again := taken.get_indexer(ids) >= 0).any():
        ids = np.where(again, ids + "'", ids)
    return ids


def join_near(xy: np.ndarray, reach_m: np.ndarray, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of points of one level within the reach [m] of that level, by position."""
    parts = [np.empty((0, 2), dtype=np.intp)]
    for level in range(levels.max(initial=-1) + 1):
        at = np.flatnonzero(levels == level)
        tree = cKDTree(xy[at], balanced_tree=False, compact_nodes=False)
        parts.append(at[tree.query_pairs(float(reach_m[at].max()), output_type="ndarray")])
    first, second = np.concatenate(parts).T
    return first, second


def components(first: np.ndarray, second: np.ndarray, count: int) -> np.ndarray:
    """Label per point: equal where pairs join them."""
    graph = coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1])


def end_xy(lines: pd.DataFrame) -> np.ndarray:
    """First and last vertex per line [m], as rows x ends x coordinates; NaN where it is no line."""
    geometry = np.asarray(lines.geometry.array)
    xy = np.full((len(lines), 2, 2), np.nan)
    usable = np.flatnonzero((shapely.get_type_id(geometry) == 1) & ~shapely.is_empty(geometry))
    coordinates, owner = shapely.get_coordinates(geometry[usable], return_index=True)
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    last = np.append(first[1:], len(owner)) - 1
    if len(usable):
        xy[usable, 0], xy[usable, 1] = coordinates[first], coordinates[last]
    return xy


def point_xy(points: np.ndarray) -> np.ndarray:
    """Coordinates [m] per point; NaN where it is no point."""
    with np.errstate(invalid="ignore"):
        return np.column_stack([shapely.get_x(points), shapely.get_y(points)])


def voltage_levels(vn_kv: np.ndarray) -> np.ndarray:
    """Number the levels of nominal voltages [kV]: 10 and 10.5 kV are one, 0.4 and 0.69 kV are not."""
    position, known = pd.factorize(vn_kv, sort=True, use_na_sentinel=False)
    level, lowest = np.zeros(len(known), dtype=int), np.nan
    for k, voltage in enumerate(known):
        is_new = not voltage <= lowest * (1.0 + SAME_VOLTAGE_SHARE)
        level[k] = (level[k - 1] if k else -1) + is_new
        lowest = voltage if is_new else lowest
    return level[position]
