"""The map of a letter: the grid around the site today and with the connection, lines coloured by loading.

A vector picture without names and without text: the words stand beside it, in the letter's language.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from capacity.checks import State
from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.option import JudgedOption
from capacity.letter.figures import MapClasses, read_letter_figures
from capacity.sketch import PANEL_WIDTH, Frame, drawn, frame_around, panels, ring, rows_in
from gis import Network
from gis.voltage import LV_MAX_KV
from gis.webmap.palette import PALETTE, classify

_AIR_SHARE, _LEAST_AIR_M = 0.2, 120.0
NO_SUPPLY_COLOUR: Final = "#9a9a9a"
NEW_COLOUR: Final = "#008837"
SITE_COLOUR: Final = "#111111"
_NO_SUPPLY_DASH: Final = "4 3"
# What is told apart by colour is told apart by width too, for readers who cannot tell the colours.
_WIDTHS: Final = (1.2, 1.6, 2.2, 3.0, 4.0)
_MV_FACTOR: Final = 1.5
_NEW_WIDTH, _NEW_DASH = 3.2, "7 3"
# A line that was cut keeps its place to rounding.
_SAME_PLACE_M: Final = 0.01


@dataclass(frozen=True)
class Picture:
    """The map as SVG: today and, beside it, with the connection where there is one.

    Attributes
    ----------
    width_m
        Ground that each panel is wide [m].
    classes_percent
        Loadings at which the colour changes; the colours are `gis.webmap.palette.PALETTE`.
    """

    svg: str
    width_m: float
    panel_count: int
    classes_percent: tuple[float, ...]


def picture_of(
    grid: ConnectionGrid,
    place: BaseGeometry,
    judged: JudgedOption | None,
    kva: np.ndarray,
    classes: MapClasses | None = None,
) -> Picture:
    """Draw the grid around a site before and after a way of connection, solved in every case.

    Parameters
    ----------
    place
        Of the site: point or polygon in the CRS of the network.
    judged
        The way of connection, with its works; nothing where none is offered: one panel, today.
    kva
        What the site draws per case [kVA].
    """
    percent = (classes or read_letter_figures().map).loading_percent
    shown = [place, *_ways(grid, judged)]
    frame = frame_around(
        shapely.total_bounds(np.array(shown, dtype=object)), air_share=_AIR_SHARE, least_air_m=_LEAST_AIR_M
    )
    site = list(_site_drawn(place, _supply_point(grid, judged), frame))
    shows = [[*_grid_drawn(grid, frame, percent), *site]]
    if judged is not None:
        after = grid.connected(judged.changes, judged.option.site_bus_id, kva)
        new = drawn(
            _new_places(grid.network, after.network, judged), frame, NEW_COLOUR, _NEW_WIDTH, dash=_NEW_DASH
        )
        shows.append([*_grid_drawn(after, frame, percent), new, *site])
    return Picture(panels(shows), PANEL_WIDTH / frame.scale, len(shows), percent)


def _ways(grid: ConnectionGrid, judged: JudgedOption | None) -> list[BaseGeometry]:
    """What must be in the picture beside the site: the way of the cable and its supply point."""
    route = None if judged is None else judged.option.route.geometry
    return [one for one in (route, _supply_point(grid, judged)) if one is not None]


def _supply_point(grid: ConnectionGrid, judged: JudgedOption | None) -> shapely.Point | None:
    """Where the cable begins, on a line that is cut too; without a way the bus."""
    if judged is None:
        return None
    if judged.option.route.geometry is not None:
        return shapely.get_point(judged.option.route.geometry, 0)
    return grid.network.buses.geometry.get(judged.option.bus_id)


def _grid_drawn(grid: ConnectionGrid, frame: Frame, percent: tuple[float, ...]) -> Iterator[str]:
    """Lines by the class of their loading, the worst on top."""
    network = grid.network
    lines = rows_in(network.lines, frame)
    at = network.lines.index.get_indexer(lines.index)
    classes = classify(_highest_loading(grid.states, len(network.lines))[at], percent)
    low = (lines["vn_kv"] <= LV_MAX_KV).to_numpy()
    for number in range(-1, len(PALETTE)):
        colour = NO_SUPPLY_COLOUR if number < 0 else PALETTE[number]
        width, dash = _WIDTHS[max(number, 0)], _NO_SUPPLY_DASH if number < 0 else ""
        for level, factor in ((low, 1.0), (~low, _MV_FACTOR)):
            rows = lines.geometry[(classes == number) & level]
            yield drawn(rows, frame, colour, width * factor, dash=dash)


def _site_drawn(place: BaseGeometry, point: shapely.Point | None, frame: Frame) -> Iterator[str]:
    if point is not None:
        yield ring(point, frame, SITE_COLOUR, 5.0)
    yield drawn(gpd.GeoSeries([place]), frame, SITE_COLOUR, 3.5 if place.geom_type == "Point" else 1.2)


def _new_places(before: Network, after: Network, judged: JudgedOption) -> gpd.GeoSeries:
    """Lines and stations that are new or get a new type; the parts of a line that was cut are not new."""
    cells = judged.changes.cells
    types = cells.loc[(cells["table"] == "lines") & (cells["column"] == "type_id"), "element_id"]
    lines = after.lines
    added = lines[~lines.index.isin(before.lines.index)]
    stations = after.transformers[~after.transformers.index.isin(before.transformers.index)]
    parts = [
        added.geometry[~_lie_on(added, _taken_out(before, judged))],
        lines.geometry[lines.index.isin(types)],
        stations.geometry,
    ]
    return pd.concat([part for part in parts if len(part)] or [lines.geometry.iloc[:0]])


def _taken_out(before: Network, judged: JudgedOption) -> gpd.GeoDataFrame:
    """Lines that are removed or set out of service: those that are cut among them."""
    cells = judged.changes.cells
    out = cells.loc[(cells["table"] == "lines") & (cells["column"] == "in_service"), "element_id"]
    gone = [*judged.changes.removed.get("lines", ()), *out]
    return before.lines[before.lines.index.isin(gone)]


def _lie_on(lines: gpd.GeoDataFrame, others: gpd.GeoDataFrame) -> np.ndarray:
    """Flag per line: its middle lies on one of the others."""
    middles = shapely.line_interpolate_point(lines.geometry.to_numpy(), 0.5, normalized=True)
    near = others.sindex.query(shapely.buffer(middles, _SAME_PLACE_M), predicate="intersects")[0]
    return np.isin(np.arange(len(lines)), near)


def _highest_loading(states: tuple[State | None, ...], count: int) -> np.ndarray:
    """Per line over every case that has a solution [%]; NaN where it is dead in all."""
    solved = [state.line_loading_percent for state in states if state is not None]
    return np.fmax.reduce(solved) if solved else np.full(count, np.nan)
