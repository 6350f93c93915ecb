"""Coordinates that are a drawing, not places: told by a network that spans more than its lines are long."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import Geod

from gis.findings import make_findings

_EARTH = Geod(ellps="WGS84")


def fit_drawing(
    nodes: gpd.GeoDataFrame, lines: gpd.GeoDataFrame, ends: tuple[pd.Series, pd.Series], lengths_m: pd.Series
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, pd.DataFrame]:
    """Shrink a drawing in degrees to the size its lines allow, around its middle.

    Lines that hang together cannot span more than their total length: coordinates that do are a drawing.
    Places that can be real, and coordinates that are no degrees, are left alone.

    Parameters
    ----------
    nodes
        Points, with their id in column `index`.
    ends
        Ids of the nodes at both ends of each line.
    lengths_m
        Length of each line [m].

    Returns
    -------
    nodes, lines, findings
        With a warning when they were shrunk.
    """
    nothing = make_findings("schematic", "buses", [], "")
    bounds = nodes.total_bounds
    total_m = float(lengths_m.sum())
    degrees = (
        np.isfinite(bounds).all()
        and np.abs(bounds[::2]).max() <= 180.0
        and np.abs(bounds[1::2]).max() <= 90.0
    )
    if not degrees or not total_m > 0.0 or _EARTH.inv(*bounds)[2] <= total_m:
        return nodes, lines, nothing
    drawn_m = _drawn_m(nodes, ends)
    scale = total_m / drawn_m if drawn_m > 0.0 else 1.0
    message = (
        f"the coordinates span {_EARTH.inv(*bounds)[2] / 1000.0:,.1f} km, more than all lines together are "
        f"long ({total_m / 1000.0:,.1f} km): they are a drawing, shrunk to {scale:.3g} of its size; "
        "nothing can be measured on the map"
    )
    middle = np.array([bounds[::2].mean(), bounds[1::2].mean()])
    shrunk = [
        frame.set_geometry(
            shapely.transform(frame.geometry.to_numpy(), lambda xy: middle + (xy - middle) * scale)
        )
        for frame in (nodes, lines)
    ]
    return shrunk[0], shrunk[1], make_findings("schematic", "buses", [""], message, severity="warning")


def _drawn_m(nodes: gpd.GeoDataFrame, ends: tuple[pd.Series, pd.Series]) -> float:
    """Straight length [m] of all lines between their nodes, as the coordinates are."""
    at = nodes.set_index("index").geometry
    first, last = (np.column_stack([at.x.reindex(e), at.y.reindex(e)]) for e in ends)
    known = np.isfinite(first).all(axis=1) & np.isfinite(last).all(axis=1)
    return float(np.sum(_EARTH.inv(*first[known].T, *last[known].T)[2]))
