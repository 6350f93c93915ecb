"""A small map of a plan for one page, as SVG: what is over its limit before; what is done, and left, after.

No names are in it, and nothing from outside.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import geopandas as gpd
import pandas as pd

from capacity.planning.plan_assets import assets_in_force, planned_assets
from capacity.planning.plan_report import PlanReport
from capacity.sketch import Frame, drawn, frame_around, panels, rows_in
from gis.voltage import LV_MAX_KV

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
    frame = frame_around(assets.total_bounds, air_share=_AIR_SHARE, least_air_m=_LEAST_AIR_M)
    before, after = assets.iloc[:0], assets
    return panels([_panel(report, before, frame, after=False), _panel(report, after, frame, after=True)])


def _assets(report: PlanReport) -> gpd.GeoDataFrame:
    parts = [
        rows.loc[assets_in_force(rows, None), ["status", "geometry"]].dropna(subset=["geometry"])
        for rows in planned_assets(report.plan).values()
        if isinstance(rows, gpd.GeoDataFrame)
    ]
    whole = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"status": [], "geometry": []})
    return gpd.GeoDataFrame(whole, geometry="geometry", crs=report.plan.network.crs)


def _panel(report: PlanReport, assets: gpd.GeoDataFrame, frame: Frame, *, after: bool) -> Iterator[str]:
    """Lines in grey, what the plan does, and what is over its limit on top."""
    network = report.plan.network
    lines = rows_in(network.lines, frame)
    low = (lines["vn_kv"] <= LV_MAX_KV).to_numpy()
    if low.sum() <= _MOST_LOW_LINES:
        yield drawn(lines.geometry[low], frame, _GREY, 0.6)
    yield drawn(lines.geometry[~low], frame, _GREY, 1.4)
    for status, rows in assets.groupby("status", sort=False):
        yield drawn(rows.geometry, frame, STATUS_COLOURS[str(status)], 3.0)
    yield drawn(_over(report, ("buses",), after=after), frame, _OUT_OF_BAND, 0.0)
    yield drawn(_over(report, ("lines", "transformers"), after=after), frame, _OVER, 2.4)


def _over(report: PlanReport, tables: tuple[str, ...], *, after: bool) -> gpd.GeoSeries:
    """Places of what is over its limit, or out of its band, in any year."""
    network, loading = report.plan.network, report.loading
    if loading is None:
        return network.lines.geometry.iloc[:0]
    over = loading[loading["used_after_percent" if after else "used_before_percent"] > 100.0 + 1e-6]
    ids = {table: set(over.loc[over["table"] == table, "element_id"]) for table in tables}
    frames = {table: network.table(table) for table in tables}
    return pd.concat([rows["geometry"][rows.index.isin(ids[table])] for table, rows in frames.items()])
