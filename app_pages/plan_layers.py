"""A plan on the map: the network before or after it, what is new, and a band on all that it touches."""

from __future__ import annotations

from dataclasses import dataclass, replace

import folium
import geopandas as gpd
import numpy as np
import pandas as pd

from app_pages.map_frame import asset_url
from app_pages.network_layers import (
    LV_WIDTH_PX,
    MV_WIDTH_PX,
    THRESHOLDS_PERCENT,
    ColourBy,
    at_elements,
    class_layers,
)
from app_pages.study import Study
from capacity.planning.plan_assets import assets_in_force
from capacity.planning.plan_loading import used_percent
from capacity.planning.plan_report import PlanReport
from capacity.planning.plan_sketch import STATUS_COLOURS
from gis import Network
from gis.voltage import LV_MAX_KV
from gis.webmap import (
    Bounds,
    Legend,
    LineLayer,
    NetworkMap,
    PointLayer,
    Swatch,
    class_legend,
    classify,
    halo_group,
    network_map,
    width_by_class,
)

_STATUS_WORDS = {
    "new": "new", "replaced": "replaced by a larger one", "removed": "taken out",
    "switched": "switched or moved", "adjusted": "set anew",
}  # fmt: skip
# Order in which shapes lie on each other.
_DRAWN = ("lines", "transformers", "buses", "switches", "capacitors", "generators", "loads", "sources")


@dataclass(frozen=True)
class View:
    """What the map shows of a plan."""

    year: int | None
    after: bool
    colour_by: ColourBy


@dataclass(frozen=True, eq=False)
class PlannedShapes:
    """What a plan touches, as shapes; made once a plan.

    Attributes
    ----------
    assets
        Planned assets of all tables with their places: status, year, until, geometry.
    network
        The network with all of the plan; `lines` and `transformers` are those of it that are new.
    """

    assets: gpd.GeoDataFrame
    network: Network
    lines: gpd.GeoDataFrame
    transformers: gpd.GeoDataFrame


def plan_map(study: Study, report: PlanReport, shapes: PlannedShapes, view: View) -> NetworkMap:
    """The network in one year, before or after the plan; what is not built then is grey and dashed."""
    lines, stations = (
        classify(percent, THRESHOLDS_PERCENT) for percent in _used(study.network, report, view, known=True)
    )
    return network_map(
        [*class_layers(study, lines, stations), *_new_layers(report, shapes, view)],
        legends=[_percent_legend(view), _status_legend(shapes.assets)],
        bounds_lonlat=bounds_with_air(shapes.assets) or study.homes_lonlat,
        asset_url=asset_url(),
        attribution=study.network.info.get("attribution"),
    )


def view_in_words(report: PlanReport, view: View) -> str:
    """What the map shows: with or without the plan, when, against which limits."""
    when = f" in {view.year}" if view.year else ""
    limits = report.asked.get("limits", "")
    return f"{'With' if view.after else 'Without'} the plan{when}, worst case in the normal state; {limits}."


def touched_group(shapes: PlannedShapes, view: View) -> folium.FeatureGroup:
    """A band on each asset that the plan has changed by that year; on none before it."""
    rows = shapes.assets[assets_in_force(shapes.assets, view.year) & view.after]
    return halo_group(rows.geometry, rows["status"].map(STATUS_COLOURS).to_list())


def planned_shapes(report: PlanReport, assets: dict[str, pd.DataFrame]) -> PlannedShapes:
    """Shapes of planned assets, by `capacity.planning.plan_assets.planned_assets`."""
    columns = ["status", "year", "until", "geometry"]
    parts = [
        rows[columns].dropna(subset=["geometry"])
        for table in _DRAWN
        if isinstance(rows := assets.get(table), gpd.GeoDataFrame)
    ]
    plan, crs = report.plan, report.plan.network.crs
    empty = gpd.GeoDataFrame({name: [] for name in columns}, geometry="geometry", crs=crs)
    drawn = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=crs) if parts else empty
    return PlannedShapes(drawn, plan.network_in(None), _new(assets, "lines"), _new(assets, "transformers"))


def _new(assets: dict[str, pd.DataFrame], table: str) -> gpd.GeoDataFrame:
    rows = assets.get(table)
    if not isinstance(rows, gpd.GeoDataFrame):
        return gpd.GeoDataFrame({"geometry": []}, geometry="geometry", crs=4326)
    new = rows[rows["status"] == "new"]
    return new.set_index(new.columns[0])


def _new_layers(report: PlanReport, shapes: PlannedShapes, view: View) -> list[LineLayer | PointLayer]:
    """New lines and stations, in the class of their loading once they are built."""
    layers: list[LineLayer | PointLayer] = []
    if len(shapes.lines):
        classes = _classes_of_new(report, shapes, shapes.lines, "lines", view)
        low = (shapes.lines["vn_kv"] <= LV_MAX_KV).to_numpy()
        widths = np.where(
            low,
            width_by_class(classes, base_width_px=LV_WIDTH_PX),
            width_by_class(classes, base_width_px=MV_WIDTH_PX),
        )
        layers.append(LineLayer("Planned lines", shapes.lines.geometry, classes, widths))
    if len(shapes.transformers):
        classes = _classes_of_new(report, shapes, shapes.transformers, "transformers", view)
        layers.append(PointLayer("Planned stations", shapes.transformers.geometry, classes, 7.0, "square"))
    return layers


def _classes_of_new(
    report: PlanReport, shapes: PlannedShapes, rows: gpd.GeoDataFrame, table: str, view: View
) -> np.ndarray:
    lines, stations = _used(shapes.network, report, view, known=False)
    percent = pd.Series(
        lines if table == "lines" else stations, shapes.network.table(table).index, dtype=float
    ).reindex(rows.index)
    built = assets_in_force(rows, view.year) & view.after
    return classify(np.where(built, percent, np.nan), THRESHOLDS_PERCENT)


def _used(network: Network, report: PlanReport, view: View, *, known: bool) -> tuple[np.ndarray, np.ndarray]:
    """Percent of the limit used by lines and stations; of what is only planned, with the plan."""
    after = view.after or not known
    if view.colour_by == "Loading":
        lines, stations = (
            used_percent(report.loading, view.year, table, network.table(table).index, after=after)
            for table in ("lines", "transformers")
        )
        return lines, stations
    of_buses = used_percent(report.loading, view.year, "buses", network.buses.index, after=after)
    return at_elements(network, of_buses)


def _percent_legend(view: View) -> Legend:
    """Classes alone: what the symbols mean stands on the page of the network, and the map needs its room."""
    title = "Loading, of the limit" if view.colour_by == "Loading" else "Voltage band used"
    legend = class_legend(title, THRESHOLDS_PERCENT, unit="%")
    *classes, missing = legend.swatches
    return replace(legend, swatches=(*classes, replace(missing, label="no data, or not built")))


def _status_legend(assets: gpd.GeoDataFrame) -> Legend:
    found = set(assets["status"].replace("moved", "switched"))
    rows = [
        Swatch(words, STATUS_COLOURS[status], "line", 9.0)
        for status, words in _STATUS_WORDS.items()
        if status in found
    ]
    return Legend("Done by the plan", tuple(rows))


def bounds_with_air(places: gpd.GeoDataFrame) -> Bounds | None:
    """West, south, east, north [degree] of places with a little air, also around a single point."""
    if places.empty:
        return None
    west, south, east, north = places.to_crs(4326).total_bounds
    air = max(0.1 * (east - west), 0.1 * (north - south), 0.002)
    return float(west - air), float(south - air), float(east + air), float(north + air)
