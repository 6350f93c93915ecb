"""A small map of a plan for one page, as SVG: what is over its limit before; what is done, and left, after.

No names are in it, and nothing from outside.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from capacity.planning.plan_assets import assets_in_force, planned_assets
from capacity.planning.plan_report import PlanReport
from gis.voltage import LV_MAX_KV

# One panel, and the gap between the two.
_WIDTH, _HEIGHT, _GAP = 480, 300, 20
_AIR_SHARE, _LEAST_AIR_M = 0.12, 150.0
# So many lines of low voltage are a grey cloud on 480 dots: beyond, medium voltage alone is drawn.
_MOST_LOW_LINES: Final = 4_000
_OVER: Final = "#a50026"
_OUT_OF_BAND: Final = "#f46d43"
_GREY: Final = "#b0b0b0"
# As on the page's map.
STATUS_COLOURS: Final = {
    "new": "#008837", "replaced": "#7b3294", "removed": "#111111", "switched": "#e7298a",
    "moved": "#e7298a", "adjusted": "#00a5c8",
}  # fmt: skip
LEGEND: Final = (
    ("over its limit", _OVER), ("voltage out of its band", _OUT_OF_BAND), ("new", "#008837"),
    ("replaced", "#7b3294"), ("switched or moved", "#e7298a"), ("set anew", "#00a5c8"),
    ("taken out", "#111111"),
)  # fmt: skip


def plan_sketch(report: PlanReport) -> str:
    """Two panels beside each other, before and after; "" for a plan that touches nothing."""
    assets = _assets(report)
    if assets.empty:
        return ""
    frame = _frame(assets)
    panels = (_panel(report, assets.iloc[:0], frame, after=False), _panel(report, assets, frame, after=True))
    width = 2 * _WIDTH + _GAP
    drawn = "".join(
        f'<svg x="{number * (_WIDTH + _GAP)}" y="0" width="{_WIDTH}" height="{_HEIGHT}">'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#f7f7f5"/>{"".join(panel)}</svg>'
        for number, panel in enumerate(panels)
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_HEIGHT}">{drawn}</svg>'


def _assets(report: PlanReport) -> gpd.GeoDataFrame:
    parts = [
        rows.loc[assets_in_force(rows, None), ["status", "geometry"]].dropna(subset=["geometry"])
        for rows in planned_assets(report.plan).values()
        if isinstance(rows, gpd.GeoDataFrame)
    ]
    whole = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"status": [], "geometry": []})
    return gpd.GeoDataFrame(whole, geometry="geometry", crs=report.plan.network.crs)


def _frame(assets: gpd.GeoDataFrame) -> tuple[float, float, float]:
    """West and north edge [m], and dots per metre, of a panel with all assets in it."""
    west, south, east, north = assets.total_bounds
    wide, high = (
        side + 2 * max(_AIR_SHARE * side, _LEAST_AIR_M) for side in (float(east - west), float(north - south))
    )
    scale = min(_WIDTH / wide, _HEIGHT / high)
    middle_x, middle_y = (west + east) / 2, (south + north) / 2
    return float(middle_x - _WIDTH / 2 / scale), float(middle_y + _HEIGHT / 2 / scale), scale


def _panel(
    report: PlanReport, assets: gpd.GeoDataFrame, frame: tuple[float, float, float], *, after: bool
) -> Iterator[str]:
    """Lines in grey, what the plan does, and what is over its limit on top."""
    network = report.plan.network
    box = shapely.box(frame[0], frame[1] - _HEIGHT / frame[2], frame[0] + _WIDTH / frame[2], frame[1])
    lines = network.lines.iloc[np.sort(network.lines.sindex.query(box))]
    low = (lines["vn_kv"] <= LV_MAX_KV).to_numpy()
    if low.sum() <= _MOST_LOW_LINES:
        yield _drawn(lines.geometry[low], frame, _GREY, 0.6)
    yield _drawn(lines.geometry[~low], frame, _GREY, 1.4)
    for status, rows in assets.groupby("status", sort=False):
        yield _drawn(rows.geometry, frame, STATUS_COLOURS[str(status)], 3.0)
    yield _drawn(_over(report, ("buses",), after=after), frame, _OUT_OF_BAND, 0.0)
    yield _drawn(_over(report, ("lines", "transformers"), after=after), frame, _OVER, 2.4)


def _over(report: PlanReport, tables: tuple[str, ...], *, after: bool) -> gpd.GeoSeries:
    """Places of what is over its limit, or out of its band, in any year."""
    network, loading = report.plan.network, report.loading
    if loading is None:
        return network.lines.geometry.iloc[:0]
    over = loading[loading["used_after_percent" if after else "used_before_percent"] > 100.0 + 1e-6]
    ids = {table: set(over.loc[over["table"] == table, "element_id"]) for table in tables}
    frames = {table: network.table(table) for table in tables}
    return pd.concat([rows["geometry"][rows.index.isin(ids[table])] for table, rows in frames.items()])


def _drawn(places: gpd.GeoSeries, frame: tuple[float, float, float], colour: str, width: float) -> str:
    """All places of one look: lines as one path, points as dots."""
    west, north, scale = frame

    def move(xy: np.ndarray) -> np.ndarray:
        return np.column_stack([xy[:, 0] - west, north - xy[:, 1]]) * scale

    moved = shapely.transform(places.dropna().to_numpy(), move)
    parts = shapely.get_parts(shapely.simplify(moved, 0.5))
    paths = "".join(_path(part) for part in parts if part.geom_type == "LineString")
    dots = "".join(_dot(part, width) for part in parts if part.geom_type == "Point")
    line = f'<path d="{paths}" fill="none" stroke="{colour}" stroke-width="{width}"/>' if paths else ""
    return line + (f'<g fill="{colour}">{dots}</g>' if dots else "")


def _path(line: BaseGeometry) -> str:
    points = [f"{x:.1f} {y:.1f}" for x, y in shapely.get_coordinates(line)]
    return f"M{'L'.join(points)}"


def _dot(point: BaseGeometry, width: float) -> str:
    x, y = shapely.get_coordinates(point)[0]
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{width + 1.5:.1f}"/>'
