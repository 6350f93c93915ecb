"""Where mapped rows stand: their own geometry, coordinates in columns, or another layer's row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gis.conform import as_text
from gis.mapping.grammar import GeometrySource
from gis.numbers import read_numbers


class _Coordinates(Protocol):
    @property
    def x(self) -> str | None: ...
    @property
    def y(self) -> str | None: ...


def placed(
    raw: pd.DataFrame, layers: Mapping[str, pd.DataFrame], given: GeometrySource | None, crs: CRS | None
) -> tuple[pd.DataFrame, pd.Series]:
    """Rows with their geometry, in the mapping's CRS where the layer declares none.

    Returns
    -------
    rows, lost
        The rows, and by row the id of another layer's row that is not there.
    """
    lost = pd.Series(dtype=object)
    if given is not None:
        geometry, system, lost = _geometry(raw, layers, given)
        if isinstance(raw, gpd.GeoDataFrame):  # what is drawn stays as it is drawn
            own = np.asarray(raw.geometry.array)
            system = raw.crs or system
            geometry = np.where(shapely.is_missing(own) | shapely.is_empty(own), geometry, own)
        plain = pd.DataFrame(raw).drop(columns="geometry", errors="ignore")
        raw = gpd.GeoDataFrame(plain, geometry=geometry, crs=system)
    if isinstance(raw, gpd.GeoDataFrame) and raw.crs is None and crs is not None:
        return raw.set_crs(crs), lost
    return raw, lost


def points_of(frame: pd.DataFrame, given: _Coordinates) -> np.ndarray:
    """Points of a layer: its geometry, or its columns of coordinates; None where there is none."""
    if isinstance(frame, gpd.GeoDataFrame) and given.x is None:
        return np.asarray(frame.geometry.array)
    xy = np.column_stack([read_numbers(frame[str(c)])[0] for c in (given.x, given.y)])
    points = np.full(len(frame), None, dtype=object)
    known = np.isfinite(xy).all(axis=1)
    points[known] = shapely.points(xy[known])
    return points


def _geometry(
    raw: pd.DataFrame, layers: Mapping[str, pd.DataFrame], given: GeometrySource
) -> tuple[np.ndarray, object, pd.Series]:
    none_lost = pd.Series(dtype=object)
    if given.wkt is not None:
        return shapely.from_wkt(as_text(raw[given.wkt]).to_numpy(), on_invalid="ignore"), None, none_lost
    if given.layer is None:
        return points_of(raw, given), None, none_lost
    other = layers[given.layer.casefold()]
    places = pd.Series(points_of(other, given), as_text(other[str(given.key)]))
    places = places[~places.index.duplicated()]
    at = [as_text(raw[c]) for c in (given.start, given.end) if c is not None]
    found = np.concatenate([places.to_numpy(), np.array([None])])  # the last stands for an id that is nowhere
    ends = [found[places.index.get_indexer(pd.Index(ids))] for ids in at]
    lost = pd.concat([ids[ids.notna() & ~ids.isin(places.index)] for ids in at]).groupby(level=0).first()
    system = other.crs if isinstance(other, gpd.GeoDataFrame) and given.x is None else None
    return (ends[0] if len(ends) == 1 else _straight_lines(*ends)), system, lost


def _straight_lines(first: np.ndarray, last: np.ndarray) -> np.ndarray:
    xy = np.stack([np.column_stack([shapely.get_x(e), shapely.get_y(e)]) for e in (first, last)], axis=1)
    known = np.isfinite(xy).all(axis=(1, 2))
    lines = np.full(len(first), None, dtype=object)
    lines[known] = shapely.linestrings(xy[known])
    return lines
