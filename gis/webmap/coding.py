"""Geometry as short text for the browser: quantised, delta coded, base64. No drawing, no colours.

Every vertex is rounded to 1e-6 degree (at most 0.06 m off), differences to the vertex before
it are written as zigzag varints (7 bits a byte, low bits first), longitude and latitude in turn:
about four bytes a vertex on a street network.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

QUANTUM_DEGREE: Final = 1e-6
_MAX_VARINT_BYTES: Final = 5
_WORLD_DEGREE: Final = (180.0, 90.0)


@dataclass(frozen=True)
class CodedGeometry:
    """Geometry ready to ship; `owner` is the row in the source for each drawn part.

    `counts` and `deltas` are base64 texts of varints: vertices in each part, and coordinate
    steps. `feature_count` is the number of rows of the source, drawn or not. Immutable: it may
    be cached and shared between sessions.
    """

    counts: str
    deltas: str
    owner: npt.NDArray[np.int64]
    feature_count: int
    bounds_lonlat: tuple[float, float, float, float] | None


def code_lines(geometry: gpd.GeoSeries) -> CodedGeometry:
    """Code lines for the map.

    Multi-part lines are drawn part by part in one colour; a missing or empty geometry and a
    vertex that is not on earth (NaN, metres declared as degrees) are left out, heights too.

    Parameters
    ----------
    geometry
        LineStrings or MultiLineStrings with a CRS.

    Returns
    -------
    CodedGeometry
        Parts in the order of the rows.

    Raises
    ------
    ValueError
        The geometry has no CRS, or holds something else than lines.
    """
    return _code(geometry, allowed=("LineString", "MultiLineString", "LinearRing"))


def code_points(geometry: gpd.GeoSeries) -> CodedGeometry:
    """Code points for the map; see `code_lines` for what is left out.

    Parameters
    ----------
    geometry
        Points or MultiPoints with a CRS.

    Returns
    -------
    CodedGeometry
        Points in the order of the rows.

    Raises
    ------
    ValueError
        The geometry has no CRS, or holds something else than points.
    """
    return _code(geometry, allowed=("Point", "MultiPoint"))


def decode(coded: CodedGeometry) -> list[npt.NDArray[np.float64]]:
    """Coordinates [degree] of each part, longitude and latitude; the inverse of the coding.

    Parameters
    ----------
    coded
        What `code_lines` or `code_points` gave.

    Returns
    -------
    list of numpy.ndarray
        One array (vertices x 2) a part.
    """
    counts = _unpack_varints(coded.counts)
    steps = _unpack_varints(coded.deltas)
    signed = (steps >> 1) ^ -(steps & 1)
    degrees = signed.reshape(-1, 2).cumsum(axis=0) * QUANTUM_DEGREE
    return np.split(degrees, counts.cumsum()[:-1]) if len(counts) else []


def _code(geometry: gpd.GeoSeries, *, allowed: tuple[str, ...]) -> CodedGeometry:
    _require(geometry, allowed)
    lonlat = geometry.to_crs(4326)
    parts, owner = shapely.get_parts(lonlat.to_numpy(), return_index=True)
    coordinates, part_of = shapely.get_coordinates(parts, return_index=True)
    # Also false for NaN. Metres declared as degrees would overflow the coding.
    on_earth = (np.abs(coordinates) <= _WORLD_DEGREE).all(axis=1)
    coordinates, part_of = coordinates[on_earth], part_of[on_earth]
    counts = np.bincount(part_of, minlength=len(parts))
    drawn = counts > 0
    return CodedGeometry(
        counts=_pack_varints(counts[drawn]),
        deltas=_pack_varints(_zigzag_steps(coordinates)),
        owner=owner[drawn],
        feature_count=len(geometry),
        bounds_lonlat=_bounds(coordinates),
    )


def _require(geometry: gpd.GeoSeries, allowed: tuple[str, ...]) -> None:
    if geometry.crs is None:
        raise ValueError("the map needs a geometry with a coordinate reference system (CRS)")
    found = set(geometry.geom_type.dropna()) - set(allowed)
    if found:
        raise ValueError(f"expected {' or '.join(allowed)}, found {', '.join(sorted(found))}")


def _bounds(
    coordinates: npt.NDArray[np.float64],
) -> tuple[float, float, float, float] | None:
    if len(coordinates) == 0:
        return None
    west, south = coordinates.min(axis=0).tolist()
    east, north = coordinates.max(axis=0).tolist()
    return west, south, east, north


def _zigzag_steps(coordinates: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    quantised = np.rint(coordinates / QUANTUM_DEGREE).astype(np.int64)
    steps = np.diff(quantised, axis=0, prepend=np.zeros((1, 2), dtype=np.int64)).ravel()
    # Zigzag puts small negative steps beside small positive ones: 0, -1, 1, -2, ...
    return (steps << 1) ^ (steps >> 63)


def _pack_varints(values: npt.NDArray[np.int64]) -> str:
    places = np.arange(_MAX_VARINT_BYTES)
    groups = (values[:, None] >> (7 * places)) & 0x7F
    last = (values[:, None] >= (1 << (7 * places[1:]))).sum(axis=1)
    goes_on = places < last[:, None]
    packed = (groups | (goes_on << 7))[places <= last[:, None]].astype(np.uint8)
    return base64.b64encode(packed.tobytes()).decode("ascii")


def _unpack_varints(text: str) -> npt.NDArray[np.int64]:
    packed = np.frombuffer(base64.b64decode(text), dtype=np.uint8).astype(np.int64)
    starts = np.flatnonzero(np.concatenate([[True], packed[:-1] < 0x80])[: len(packed)])
    if len(starts) == 0:
        return np.empty(0, dtype=np.int64)
    length = np.diff(np.append(starts, len(packed)))
    place = np.arange(len(packed)) - np.repeat(starts, length)
    return np.add.reduceat((packed & 0x7F) << (7 * place), starts)
