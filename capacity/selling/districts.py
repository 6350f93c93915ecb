"""Districts: areas of the user's own by which results are told, from the polygons of a file."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS

from gis import InputError
from gis.findings import make_findings
from gis.formats import read_source

OUTSIDE = "outside"


def read_districts(path: Path, crs: CRS, *, name_column: str = "name") -> gpd.GeoSeries:
    """Read areas with a name from a file of any format; the first layer of areas that has the column.

    Returns
    -------
    GeoSeries
        Areas in the CRS asked for, indexed by name, in the order of the file. Areas of one name are one
        district.

    Raises
    ------
    InputError
        The file cannot be read, or no layer of it has areas with that column.
    """
    layers = read_source(path).layers
    for layer in layers.values():
        if isinstance(layer, gpd.GeoDataFrame) and name_column in layer.columns and layer.crs is not None:
            areas = layer[layer.geom_type.isin(["Polygon", "MultiPolygon"])]
            names = areas[name_column]
            if len(areas) and names.notna().any():
                named = areas[names.notna()]
                geometry = named.geometry.make_valid().to_crs(crs)
                return gpd.GeoSeries(geometry.to_numpy(), named[name_column].astype(str), crs=crs)
    seen = ", ".join(sorted(layers)) or "none"
    message = f"no layer of areas with a coordinate system and a column '{name_column}' (layers: {seen})"
    raise InputError(str(path), make_findings("bad_districts", "districts", [""], message))


def district_of(points: gpd.GeoSeries, districts: gpd.GeoSeries) -> pd.Series:
    """Name of the district each point lies in, `OUTSIDE` where it lies in none.

    Where areas overlap the first of them counts; a point on the border between two lies in the first.
    """
    found = np.full(len(points), len(districts))
    if len(districts):
        point_rows, area_rows = districts.sindex.query(points.to_numpy(), predicate="intersects")
        np.minimum.at(found, point_rows, area_rows)
    names = np.array([*districts.index, OUTSIDE], dtype=object)
    return pd.Series(names[found], points.index, dtype=object)
