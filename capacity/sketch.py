"""Small maps as SVG: panels beside each other, lines and dots in them. Nothing from outside, no names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

# One panel, and the gap between two, in dots.
PANEL_WIDTH: Final = 480
PANEL_HEIGHT: Final = 300
_GAP = 20
_GROUND: Final = "#f7f7f5"


class Frame(NamedTuple):
    """What a panel shows: its west and north edge [m], and dots per metre."""

    west_m: float
    north_m: float
    scale: float

    @property
    def box(self) -> shapely.Polygon:
        """The ground that the panel shows, in the CRS of the network."""
        wide_m, high_m = PANEL_WIDTH / self.scale, PANEL_HEIGHT / self.scale
        return shapely.box(self.west_m, self.north_m - high_m, self.west_m + wide_m, self.north_m)


def frame_around(bounds: Sequence[float], *, air_share: float, least_air_m: float) -> Frame:
    """The panel with all of a box in its middle and air around it.

    Parameters
    ----------
    bounds
        West, south, east and north [m].
    air_share, least_air_m
        Air on each side: this share of the box, at least so many metres.
    """
    west, south, east, north = (float(side) for side in bounds)
    wide, high = (side + 2 * max(air_share * side, least_air_m) for side in (east - west, north - south))
    scale = min(PANEL_WIDTH / wide, PANEL_HEIGHT / high)
    middle_x, middle_y = (west + east) / 2, (south + north) / 2
    return Frame(middle_x - PANEL_WIDTH / 2 / scale, middle_y + PANEL_HEIGHT / 2 / scale, scale)


def rows_in(rows: gpd.GeoDataFrame, frame: Frame) -> gpd.GeoDataFrame:
    """Rows that a panel shows something of, in their order."""
    return rows.iloc[np.sort(rows.sindex.query(frame.box))]


def panels(pictures: Sequence[Iterable[str]]) -> str:
    """Put panels beside each other into one picture."""
    step = PANEL_WIDTH + _GAP
    inner = "".join(
        f'<svg x="{number * step}" y="0" width="{PANEL_WIDTH}" height="{PANEL_HEIGHT}">'
        f'<rect width="{PANEL_WIDTH}" height="{PANEL_HEIGHT}" fill="{_GROUND}"/>{"".join(panel)}</svg>'
        for number, panel in enumerate(pictures)
    )
    wide = len(pictures) * step - _GAP
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {PANEL_HEIGHT}">{inner}</svg>'


def drawn(places: gpd.GeoSeries, frame: Frame, colour: str, width: float, *, dash: str = "") -> str:
    """All places of one look: lines as one path, areas as another, points as dots."""

    def move(xy: np.ndarray) -> np.ndarray:
        return np.column_stack([xy[:, 0] - frame.west_m, frame.north_m - xy[:, 1]]) * frame.scale

    moved = shapely.transform(places.dropna().to_numpy(), move)
    parts = shapely.get_parts(shapely.simplify(moved, 0.5))
    paths = "".join(_path(part) for part in parts if part.geom_type == "LineString")
    areas = "".join(f"{_path(part.exterior)}Z" for part in parts if part.geom_type == "Polygon")
    dots = "".join(_dot(part, width) for part in parts if part.geom_type == "Point")
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    look = f'stroke="{colour}" stroke-width="{width}"{dashes}/>'
    line = f'<path d="{paths}" fill="none" {look}' if paths else ""
    area = f'<path d="{areas}" fill="{colour}" fill-opacity="0.25" {look}' if areas else ""
    return area + line + (f'<g fill="{colour}">{dots}</g>' if dots else "")


def ring(place: shapely.Point, frame: Frame, colour: str, radius: float) -> str:
    """A circle around a place."""
    x, y = (place.x - frame.west_m) * frame.scale, (frame.north_m - place.y) * frame.scale
    circle = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}"'
    return f'{circle} fill="#ffffff" stroke="{colour}" stroke-width="2.5"/>'


def _path(line: BaseGeometry) -> str:
    points = [f"{x:.1f} {y:.1f}" for x, y in shapely.get_coordinates(line)]
    return f"M{'L'.join(points)}"


def _dot(point: BaseGeometry, width: float) -> str:
    x, y = shapely.get_coordinates(point)[0]
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{width + 1.5:.1f}"/>'
