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
from pyproj.exceptions import CRSError

from gis.errors import InputError
from gis.findings import join_findings, make_findings

# How far [degree] coordinates may lie outside the area a CRS is made for. Utilities use a zone
# beyond its edge (up to about 3 degrees in Germany and Brazil) before they change zone.
AREA_MARGIN_DEGREE = 4.0


def is_metric(crs: CRS) -> bool:
    """Tell whether a CRS is projected and counts in metres."""
    return crs.is_projected and all(axis.unit_name == "metre" for axis in crs.axis_info[:2])


def parse_crs(name: object) -> CRS:
    """Read the name of a projected CRS in metres, like "EPSG:25832".

    Raises
    ------
    InputError
        There is no such CRS, or it is not projected in metres.
    """
    crs = read_crs(name)
    if not is_metric(crs):
        fault = make_findings("crs", "crs", [""], f"{crs.name} is not projected in metres; name one that is")
        raise InputError("crs", fault)
    return crs


def read_crs(name: object) -> CRS:
    """Read the name of any CRS, like "EPSG:4326".

    Raises
    ------
    InputError
        There is no such CRS.
    """
    try:
        return CRS.from_user_input(name)
    except CRSError as error:
        fault = make_findings("crs", "crs", [""], f"{name!r} names no CRS; write one like EPSG:25832")
        raise InputError("crs", fault) from error


def any_placed(layers: Mapping[str, gpd.GeoDataFrame]) -> bool:
    """Tell whether any layer has usable coordinates in a CRS at all."""
    return any(_placed(layer) for layer in layers.values())


def choose_crs(layers: Mapping[str, gpd.GeoDataFrame], wanted: CRS | None = None) -> CRS:
    """Choose the CRS of a network: the wanted one, else the lines' own if metric, else their UTM zone.

    At least one layer has usable coordinates (`any_placed`).
    """
    if wanted is not None:
        return wanted
    leading = next(
        layers[name] for name in ("lines", "buses", *layers) if name in layers and _placed(layers[name])
    )
    own = CRS.from_user_input(leading.crs)
    return own if is_metric(own) else CRS.from_user_input(leading.estimate_utm_crs())


def check_crs(layers: Mapping[str, gpd.GeoDataFrame]) -> pd.DataFrame:
    """Find layers without CRS, and layers whose coordinates cannot belong to theirs."""
    parts = []
    for name, layer in layers.items():
        if layer.crs is None or not _on_earth(CRS.from_user_input(layer.crs)):
            message = (
                "the layer has no coordinate reference system (CRS) on Earth; "
                "set it in the file (it is never guessed)"
            )
            parts.append(make_findings("crs_missing", name, [""], message))
        else:
            parts.append(_misplaced(layer, name))
    parts = [part for part in parts if len(part)]
    return join_findings(parts) if parts else _apart(layers)


def tell_mixed_crs(layers: Mapping[str, gpd.GeoDataFrame]) -> pd.DataFrame:
    """Note the layers that come in another system than the lines; they are reprojected."""
    if "lines" not in layers or layers["lines"].crs is None:
        return join_findings([])
    leading = layers["lines"].crs
    others = {
        name: layer.crs
        for name, layer in layers.items()
        if len(layer) and layer.crs is not None and not layer.crs.equals(leading)
    }
    parts = [
        make_findings(
            "crs_mixed",
            name,
            [""],
            f"the layer comes in {crs.to_string()}, the lines in {leading.to_string()}; it was reprojected",
            severity="warning",
        )
        for name, crs in others.items()
    ]
    return join_findings(parts)


def reproject(layers: Mapping[str, gpd.GeoDataFrame], crs: CRS) -> dict[str, gpd.GeoDataFrame]:
    """Bring every layer into one CRS."""
    return {name: layer.to_crs(crs) for name, layer in layers.items()}


def _on_earth(crs: CRS) -> bool:
    return bool(crs.is_geographic or crs.is_projected)


def _placed(layer: gpd.GeoDataFrame) -> bool:
    return layer.crs is not None and bool(np.isfinite(_extent(layer)).all())


def _misplaced(layer: gpd.GeoDataFrame, name: str) -> pd.DataFrame:
    """Find out whether the layer's coordinates can belong to its CRS at all, and which cannot."""
    crs = CRS.from_user_input(layer.crs)
    extent = _extent(layer)
    if not np.isfinite(extent).all():
        return join_findings([])  # no usable geometry at all: reported by the geometry rules
    x_far, y_far = np.abs(extent[::2]).max(), np.abs(extent[1::2]).max()
    small = x_far <= 180 and y_far <= 90
    message = ""
    if crs.is_geographic and not small:
        message = (
            f"declared as {crs.name} ({crs.to_string()}, degrees), but coordinates go up to "
            f"{max(x_far, y_far):,.0f}: they look like metres; declare the projected system they are in"
        )
    elif crs.is_projected and small:
        message = (
            f"declared as {crs.name} ({crs.to_string()}, metres), but all coordinates lie within +/-180 and "
            "+/-90: they look like degrees; declare the geographic system they are in"
        )
    if message:
        return make_findings("crs_mismatch", name, [""], message)
    return _outside_area(layer, crs, name)


def _outside_area(layer: gpd.GeoDataFrame, crs: CRS, name: str) -> pd.DataFrame:
    """Find the elements outside the area a CRS is made for: by id, unless the whole layer is."""
    area = crs.area_of_use
    if area is None:
        return join_findings([])
    to_degrees = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    margin = AREA_MARGIN_DEGREE
    west, south, east, north = to_degrees.transform_bounds(*_extent(layer))
    if (
        area.west - margin <= west <= east <= area.east + margin
        and area.south - margin <= south <= north <= area.north + margin
    ):
        return join_findings([])
    usable = _usable(layer)
    bounds = usable.bounds.to_numpy()
    width = (area.east - area.west) % 360.0 or 360.0  # an area may span the date line
    inside = np.ones(len(usable), dtype=bool)
    for x, y in (bounds[:, :2].T, bounds[:, 2:].T):
        longitude, latitude = to_degrees.transform(x, y)
        inside &= (
            np.isfinite(longitude) & (latitude >= area.south - margin) & (latitude <= area.north + margin)
        )
        eastwards = (np.where(inside, longitude, area.west) - area.west + margin) % 360.0
        inside &= eastwards <= width + 2.0 * margin
    message = (
        f"coordinates lie outside the area {crs.name} is made for ({area.name}); "
        "check the zone and the order of the coordinates"
    )
    outside = usable.index[~inside]
    return make_findings(
        "crs_mismatch", name, outside if inside.any() else [""] * min(1, len(outside)), message
    )


def _apart(layers: Mapping[str, gpd.GeoDataFrame]) -> pd.DataFrame:
    """Find layers whose extent does not meet the lines' at all, and say when they look swapped."""
    if "lines" not in layers or layers["lines"].empty:
        return join_findings([])
    base = _extent_in_degrees(layers["lines"])
    parts = []
    for name, layer in layers.items():
        extent = _extent_in_degrees(layer) if len(layer) else base
        if not np.isfinite([*extent, *base]).all() or _meet(base, extent):
            continue
        swapped = (extent[1], extent[0], extent[3], extent[2])
        hint = "; they look swapped (latitude and longitude)" if _meet(base, swapped) else ""
        message = f"the layer lies nowhere near the lines{hint}; check its coordinates and its system"
        parts.append(make_findings("crs_mismatch", name, [""], message))
    return join_findings(parts)


def _extent_in_degrees(layer: gpd.GeoDataFrame) -> tuple[float, ...]:
    extent = _extent(layer)
    if not np.isfinite(extent).all():
        return extent
    to_degrees = Transformer.from_crs(layer.crs, "EPSG:4326", always_xy=True)
    return tuple(to_degrees.transform_bounds(*extent))


def _meet(first: tuple[float, ...], second: tuple[float, ...]) -> bool:
    near = 0.5  # degrees, about 50 km: a layer this far from the lines belongs to another place
    return (
        first[0] - near <= second[2]
        and second[0] - near <= first[2]
        and first[1] - near <= second[3]
        and second[1] - near <= first[3]
    )


def _extent(layer: gpd.GeoDataFrame) -> tuple[float, float, float, float]:
    usable = _usable(layer)
    if usable.empty:
        return (np.nan, np.nan, np.nan, np.nan)
    west, south, east, north = usable.total_bounds
    return float(west), float(south), float(east), float(north)


def _usable(layer: gpd.GeoDataFrame) -> gpd.GeoSeries:
    """Geometries that are there, with finite coordinates."""
    return layer.geometry[np.isfinite(layer.bounds.to_numpy()).all(axis=1)]
