"""Coordinate reference systems: choose one projected CRS in metres and bring every layer into it.

Lengths are never measured in degrees and a CRS is never guessed: a layer without one, or with
coordinates that cannot belong to the one it declares, is a fault.
"""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS, Transformer

from gis.errors import InputError
from gis.findings import join_findings, make_findings

# How far [degree] coordinates may lie outside the area a CRS is made for. Utilities use a zone
# beyond its edge (up to about 3 degrees in Germany and Brazil) before they change zone.
AREA_MARGIN_DEGREE = 4.0


def is_metric(crs: CRS) -> bool:
    """Tell whether a CRS is projected and counts in metres."""
    return crs.is_projected and all(axis.unit_name == "metre" for axis in crs.axis_info[:2])


def choose_crs(layers: Mapping[str, gpd.GeoDataFrame], wanted: CRS | None = None) -> CRS:
    """Choose the CRS of a network: the wanted one, else the lines' own if metric, else their UTM zone.

    Raises
    ------
    InputError
        The wanted CRS is not projected in metres.
    """
    if wanted is not None:
        if not is_metric(wanted):
            fault = make_findings("crs", "", [""], f"{wanted.name} is not projected in metres; name one that is")
            raise InputError("--crs", fault)
        return wanted
    leading = next(
        layers[name]
        for name in ("lines", "buses", *layers)
        if name in layers and len(layers[name]) and layers[name].crs is not None
    )
    own = CRS.from_user_input(leading.crs)
    return own if is_metric(own) else CRS.from_user_input(leading.estimate_utm_crs())


def check_crs(layers: Mapping[str, gpd.GeoDataFrame]) -> pd.DataFrame:
    """Find layers without CRS, and layers whose coordinates cannot belong to theirs."""
    parts = []
    for name, layer in layers.items():
        if layer.crs is None:
            message = "the layer has no coordinate reference system; set it in the file (it is never guessed)"
            parts.append(make_findings("crs_missing", name, [""], message))
        elif len(layer) and (message := _misplaced(layer)):
            parts.append(make_findings("crs_mismatch", name, [""], message))
    return join_findings(parts) if parts else _apart(layers)


def reproject(layers: Mapping[str, gpd.GeoDataFrame], crs: CRS) -> dict[str, gpd.GeoDataFrame]:
    """Bring every layer into one CRS."""
    return {name: layer.to_crs(crs) for name, layer in layers.items()}


def _misplaced(layer: gpd.GeoDataFrame) -> str:
    """Say why the layer's coordinates cannot belong to its CRS, or nothing."""
    crs = CRS.from_user_input(layer.crs)
    x_low, y_low, x_high, y_high = _extent(layer)
    if not np.isfinite([x_low, y_low, x_high, y_high]).all():
        return ""  # no usable geometry at all: reported by the geometry rules
    small = max(abs(x_low), abs(x_high)) <= 180 and max(abs(y_low), abs(y_high)) <= 90
    if crs.is_geographic and not small:
        return (
            f"declared as {crs.name} (degrees), but coordinates go up to {max(x_high, y_high):,.0f}: "
            "they look like metres; declare the projected system they are in"
        )
    if crs.is_projected and small:
        return (
            f"declared as {crs.name} (metres), but all coordinates lie within +/-180 and +/-90: "
            "they look like degrees; declare the geographic system they are in"
        )
    return _outside_area(crs, (x_low, y_low, x_high, y_high))


def _outside_area(crs: CRS, extent: tuple[float, float, float, float]) -> str:
    area = crs.area_of_use
    if area is None:
        return ""
    to_degrees = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    west, south, east, north = to_degrees.transform_bounds(*extent)
    margin = AREA_MARGIN_DEGREE
    inside = (
        np.isfinite([west, south, east, north]).all()
        and west >= area.west - margin
        and east <= area.east + margin
        and south >= area.south - margin
        and north <= area.north + margin
    )
    if inside:
        return ""
    return (
        f"coordinates lie outside the area {crs.name} is made for ({area.name}); "
        "check the zone and the order of the coordinates"
    )


def _apart(layers: Mapping[str, gpd.GeoDataFrame]) -> pd.DataFrame:
    """Find layers whose extent does not meet the lines' at all, and say when they look swapped."""
    if "lines" not in layers or layers["lines"].empty:
        return join_findings([])
    leading = layers["lines"].to_crs(4326)
    base = _extent(leading)
    parts = []
    for name, layer in layers.items():
        extent = _extent(layer.to_crs(4326)) if len(layer) else base
        if not np.isfinite([*extent, *base]).all() or _meet(base, extent):
            continue
        swapped = (extent[1], extent[0], extent[3], extent[2])
        hint = "; they look swapped (latitude and longitude)" if _meet(base, swapped) else ""
        message = f"the layer lies nowhere near the lines{hint}; check its coordinates and its system"
        parts.append(make_findings("crs_mismatch", name, [""], message))
    return join_findings(parts)


def _meet(first: tuple[float, ...], second: tuple[float, ...]) -> bool:
    near = 0.5  # degrees, about 50 km: a layer this far from the lines belongs to another place
    return (
        first[0] - near <= second[2]
        and second[0] - near <= first[2]
        and first[1] - near <= second[3]
        and second[1] - near <= first[3]
    )


def _extent(layer: gpd.GeoDataFrame) -> tuple[float, float, float, float]:
    usable = layer.geometry[layer.geometry.notna() & ~layer.geometry.is_empty & layer.geometry.is_valid]
    west, south, east, north = usable.total_bounds
    return float(west), float(south), float(east), float(north)
