"""A layer of the nodes that rows of other layers join, for sources that name nodes and do not list them.

UNTRMT a-b      SSDBT b-c, c-d        RAMLIG d-e (no geometry)
  a (=) b ------- c ------- d - - - e          e stands where d stands, told as a warning
"""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from gis.conform import as_text
from gis.findings import make_findings
from gis.mapping.grammar import Ends, NodesSource
from gis.mapping.places import points_of

# How much a line's other end counts as the place of a node against its own: digitised in the wrong
# direction a line names its nodes the wrong way round, and the other lines of the node outvote it.
OTHER_END_WEIGHT = 0.9
# Distance between nodes of a network without places: about 110 m.
SCHEMATIC_DEGREE = 0.001


def make_nodes(
    layers: Mapping[str, pd.DataFrame], source: NodesSource
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Make the layer of nodes; layers that are not there name none.

    Returns
    -------
    nodes, findings
        Columns `id`, those kept (the first value named), geometry; a warning for every node that stands
        where another does because nothing says where it is.
    """
    there = [ends for ends in source.ends if ends.layer.casefold() in layers]
    rows = pd.concat(
        [_named_nodes(layers[ends.layer.casefold()], ends, source.kept) for ends in there], ignore_index=True
    )
    crs = next((f.crs for f in (layers[e.layer.casefold()] for e in there) if _is_placed(f)), None)
    rows = rows[rows["id"].notna()]
    nodes = rows.groupby("id", sort=False)[source.kept].first().reset_index()
    points = pd.Series(_voted(rows), dtype=object).reindex(nodes["id"])
    if source.places is not None:
        other = layers[source.places.layer.casefold()]
        known = pd.Series(points_of(other, source.places), as_text(other[source.places.key]))
        known = known[~known.index.duplicated()].reindex(nodes["id"])
        points = known.where(known.notna(), points)
        crs = other.crs if isinstance(other, gpd.GeoDataFrame) else crs
    if source.schematic and points.isna().all():
        points, told = _schematic(points)
    else:
        points, told = _lent(points, rows)
    return gpd.GeoDataFrame(nodes, geometry=points.to_numpy(), crs=crs), told


def _is_placed(frame: pd.DataFrame) -> bool:
    return isinstance(frame, gpd.GeoDataFrame) and frame.crs is not None


def _named_nodes(frame: pd.DataFrame, ends: Ends, kept: list[str]) -> pd.DataFrame:
    """A row per node a row names: its id, the node it is joined with, and where both ends are."""
    geometry = np.asarray(frame.geometry.array) if isinstance(frame, gpd.GeoDataFrame) else None
    first, last = _line_ends(geometry, len(frame))
    start = as_text(frame[ends.start])
    end = as_text(frame[ends.end]) if ends.end else pd.Series(None, frame.index, dtype=object)
    keep = {name: frame[ends.keep[name]] if name in ends.keep else None for name in kept}
    sides = [(start, end, first, last), (end, start, last, first)]
    return pd.concat(
        [pd.DataFrame({"id": a, "other": b, "own": p, "far": q, **keep}) for a, b, p, q in sides],
        ignore_index=True,
    ).astype(object)


def _line_ends(geometry: np.ndarray | None, count: int) -> tuple[np.ndarray, np.ndarray]:
    if geometry is None:
        return np.full(count, None, dtype=object), np.full(count, None, dtype=object)
    parts = shapely.get_num_geometries(geometry)
    first, last = shapely.get_geometry(geometry, 0), shapely.get_geometry(geometry, parts - 1)
    is_line = np.isin(shapely.get_type_id(geometry), (1, 5))
    starts, ends = shapely.get_point(first, 0), shapely.get_point(last, -1)
    return np.where(is_line, starts, first), np.where(is_line, ends, first)


def _voted(rows: pd.DataFrame) -> dict[object, object]:
    """The place most line ends of a node share; a point that names it where there is no line."""
    own = pd.DataFrame({"id": rows["id"], "place": rows["own"], "weight": 1.0})
    far = pd.DataFrame({"id": rows["id"], "place": rows["far"], "weight": OTHER_END_WEIGHT})
    same = shapely.equals_exact(rows["own"].to_numpy(), rows["far"].to_numpy(), tolerance=0.0)
    own.loc[same, "weight"] = 0.01  # a point stands for both its nodes: any line end tells better
    votes = pd.concat([own, far[~same]], ignore_index=True).dropna(subset=["place"])
    if votes.empty:
        return {}
    at = shapely.get_coordinates(votes["place"].to_numpy(), include_z=False)
    votes = votes.assign(x=at[:, 0].round(7), y=at[:, 1].round(7))
    counted = votes.groupby(["id", "x", "y"], sort=False).agg(
        place=("place", "first"), weight=("weight", "sum")
    )
    best = counted.sort_values("weight", ascending=False, kind="stable").groupby(level="id").head(1)
    return dict(zip(best.index.get_level_values("id"), best["place"], strict=True))


def _schematic(points: pd.Series) -> tuple[pd.Series, pd.DataFrame]:
    """Rows of nodes, in the order they are named; in degrees, so that any system can be made of them."""
    width = int(np.ceil(np.sqrt(len(points))))
    row, column = np.divmod(np.arange(len(points)), max(width, 1))
    drawn = pd.Series(
        shapely.points(column * SCHEMATIC_DEGREE, -row * SCHEMATIC_DEGREE), points.index, dtype=object
    )
    message = (
        f"no node has a place: {len(points)} buses are drawn in rows, near 0 degrees north and east; "
        "nothing can be told from the map"
    )
    return drawn, make_findings("schematic", "buses", [""], message, severity="warning")


def _lent(points: pd.Series, rows: pd.DataFrame) -> tuple[pd.Series, pd.DataFrame]:
    """Nodes without a place take that of the placed node the fewest rows away."""
    bare = points.isna().to_numpy()
    if not bare.any() or bare.all():
        return points, make_findings("place_lent", "buses", [], "")
    joined = rows[rows["other"].isin(points.index)]
    first, second = (points.index.get_indexer(joined[c]) for c in ("id", "other"))
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(len(points), len(points))).tocsr()
    _, _, nearest = dijkstra(
        graph, directed=False, unweighted=True, indices=np.flatnonzero(~bare), min_only=True,
        return_predecessors=True,
    )  # fmt: skip
    reached = bare & (nearest >= 0)
    places = points.copy()
    places.iloc[np.flatnonzero(reached)] = points.to_numpy()[nearest[reached]]
    lenders = points.index.to_numpy()[nearest[reached]]
    message = "nothing says where the bus is; it is drawn at the nearest bus along its lines that has a place"
    ids = points.index.to_numpy()[reached]
    return places, make_findings("place_lent", "buses", ids, message, severity="warning", values=lenders)
