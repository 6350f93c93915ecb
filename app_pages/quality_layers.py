"""Faults, doubts and repairs of a network's data as layers and legend of the map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import geopandas as gpd
import numpy as np

from app_pages.map_frame import asset_url
from capacity.data_issues import DOUBT, REPAIRED, SET_ASIDE, DataIssues
from gis.webmap import (
    PALETTE,
    CodedGeometry,
    Legend,
    LineLayer,
    NetworkMap,
    PointLayer,
    Swatch,
    network_map,
)
from gis.webmap.layers import Shape


class Look(NamedTuple):
    """How issues of a level are drawn: class of the palette, shape, size [px], zoom they show from."""

    name: str
    class_index: int
    shape: Shape
    radius_px: float
    min_zoom: int = 0


# Colour and shape both tell the level, for readers who cannot tell the colours apart.
LOOKS: Mapping[str, Look] = {
    REPAIRED: Look("Repaired", 2, "circle", 4.0, 14),
    DOUBT: Look("Doubts", 3, "triangle", 6.0),
    SET_ASIDE: Look("Set aside", 4, "square", 6.0),
}
MV_CLASS, LV_CLASS = 0, 1
MV_WIDTH_PX, LV_WIDTH_PX = 2.4, 1.4


def quality_view(
    issues: DataIssues, drawn: Mapping[str, CodedGeometry], shown: gpd.GeoDataFrame
) -> NetworkMap:
    """The network in plain colours with the issues shown on top."""
    network = issues.network
    lines = [
        LineLayer("Low-voltage lines", drawn["lv_lines"], _same(drawn["lv_lines"], LV_CLASS), LV_WIDTH_PX),
        LineLayer("Medium-voltage lines", drawn["mv_lines"], _same(drawn["mv_lines"], MV_CLASS), MV_WIDTH_PX),
    ]
    placed = shown[shown.geometry.notna()]
    symbols = [_layer(placed[placed["level"] == level], look) for level, look in LOOKS.items()]
    return network_map(
        [*lines, *symbols],
        legends=[_legend(shown)],
        bounds_lonlat=None,
        asset_url=asset_url(),
        attribution=network.info.get("attribution"),
    )


def _layer(issues: gpd.GeoDataFrame, look: Look) -> PointLayer:
    classes = np.full(len(issues), look.class_index, dtype=np.int8)
    return PointLayer(look.name, issues.geometry, classes, look.radius_px, look.shape, min_zoom=look.min_zoom)


def _legend(shown: gpd.GeoDataFrame) -> Legend:
    counts = shown["level"].value_counts()
    symbols = [
        Swatch(f"{look.name}: {counts.get(level, 0):,}", PALETTE[look.class_index], look.shape)
        for level, look in reversed(list(LOOKS.items()))
    ]
    lines = [
        Swatch("medium voltage", PALETTE[MV_CLASS], width_px=MV_WIDTH_PX + 1),
        Swatch("low voltage", PALETTE[LV_CLASS], width_px=LV_WIDTH_PX + 1),
    ]
    nowhere = int(shown.geometry.isna().sum())
    note = "Repairs show when you zoom in." + (
        f" Without a place on the map: {nowhere:,}." if nowhere else ""
    )
    return Legend("Data quality", (*symbols, *lines), note=note)


def _same(geometry: CodedGeometry, class_index: int) -> np.ndarray:
    return np.full(geometry.feature_count, class_index, dtype=np.int8)
