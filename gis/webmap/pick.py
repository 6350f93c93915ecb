"""Picking on the server: which asset lies at a clicked coordinate. No attributes in the browser."""

from __future__ import annotations

import geopandas as gpd
import shapely


def nearest_asset(geometry: gpd.GeoSeries, *, lon: float, lat: float, max_distance_m: float) -> str | None:
    """Id of the asset nearest to a clicked coordinate.

    With several at the same distance the first row wins, so that a click has one answer.

    Parameters
    ----------
    geometry
        Geometry with asset ids as index, in a projected metric CRS.
    lon, lat
        Clicked coordinate, WGS 84 [degree].
    max_distance_m
        How far the asset may lie [m]; a click's `metres_per_pixel` times 8 px reads well.

    Returns
    -------
    str or None
        None when nothing lies near enough.

    Raises
    ------
    ValueError
        The CRS is missing or not projected: degrees are never measured.
    """
    if geometry.crs is None or not geometry.crs.is_projected:
        raise ValueError("picking needs a geometry in a projected metric CRS")
    click = gpd.GeoSeries(gpd.points_from_xy([lon], [lat]), crs=4326).to_crs(geometry.crs)
    if not shapely.is_valid(click.iloc[0]) or max_distance_m <= 0:
        return None
    _, rows = geometry.sindex.nearest(click, max_distance=max_distance_m)
    return str(geometry.index[rows.min()]) if len(rows) else None
