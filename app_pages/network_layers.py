"""The network as layers and legends of the map: colours by loading or by voltage, widths by level."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from app_pages.map_frame import asset_url
from app_pages.study import Choice, Study
from capacity.checks import band_used_percent, loading_used_percent, state_of
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
    network_map,
    width_by_class,
)

ColourBy = Literal["Loading", "Voltage"]

# Classes in percent of the limit; over the last one the limit is broken.
THRESHOLDS_PERCENT = (50.0, 75.0, 90.0, 100.0)
MV_WIDTH_PX, LV_WIDTH_PX = 3.0, 1.6


def network_view(
    study: Study,
    choice: Choice,
    colour_by: ColourBy,
    bounds_lonlat: Bounds | None = None,
    *,
    draw_label: str = "",
) -> NetworkMap:
    """The map of the network: where each page starts from. Opens on the bounds, or on everything.

    With a label, it has a tool of that name to draw an area.
    """
    return network_map(
        network_layers(study, choice, colour_by),
        legends=network_legends(colour_by, choice.yardstick.limits.name),
        bounds_lonlat=bounds_lonlat,
        asset_url=asset_url(),
        attribution=study.network.info.get("attribution"),
        draw_label=draw_label,
    )


def network_layers(study: Study, choice: Choice, colour_by: ColourBy) -> list[LineLayer | PointLayer]:
    """Lines, stations and open points, classed by what is asked."""
    state = state_of(choice.result)
    if colour_by == "Loading":
        used = loading_used_percent(choice.yardstick, state)
    else:
        used = at_elements(study.network, band_used_percent(choice.yardstick, state))
    return percent_layers(study, *used)


def percent_layers(
    study: Study, lines_percent: np.ndarray, stations_percent: np.ndarray
) -> list[LineLayer | PointLayer]:
    """Lines, stations and open points, classed by percent of a limit, in the order of the tables."""
    lines, stations = (classify(percent, THRESHOLDS_PERCENT) for percent in (lines_percent, stations_percent))
    return class_layers(study, lines, stations)


def class_layers(
    study: Study, lines: np.ndarray, stations: np.ndarray, *, widths: np.ndarray | None = None
) -> list[LineLayer | PointLayer]:
    """Lines, stations and open points; a class per line and per station of the network.

    `widths` are classes of the lines' widths where these are not those of their colours.
    """
    wide = lines if widths is None else widths
    low = (study.network.lines["vn_kv"] <= LV_MAX_KV).to_numpy()
    open_points = np.full(study.drawn["open_points"].feature_count, -1, dtype=np.int8)
    drawn = study.drawn
    low_width = width_by_class(wide[low], base_width_px=LV_WIDTH_PX)
    high_width = width_by_class(wide[~low], base_width_px=MV_WIDTH_PX)
    return [
        LineLayer("Low-voltage lines", drawn["lv_lines"], lines[low], low_width),
        LineLayer("Medium-voltage lines", drawn["mv_lines"], lines[~low], high_width),
        PointLayer("Open points", drawn["open_points"], open_points, 4.0, "triangle", min_zoom=14),
        PointLayer("Stations", drawn["stations"], stations, 7.0, "square"),
    ]


def network_legends(colour_by: ColourBy, limits_name: str) -> list[Legend]:
    """What the colours and symbols mean, with units."""
    title = "Loading, of the limit" if colour_by == "Loading" else "Voltage band used"
    note = f"{limits_name}; over 100 % the limit is broken. Wide lines: medium voltage."
    return [with_symbols(class_legend(title, THRESHOLDS_PERCENT, unit="%", note=note))]


def with_symbols(legend: Legend) -> Legend:
    """A legend of classes with what the symbols of `class_layers` mean."""
    symbols = (Swatch("station", "#444444", "square"), Swatch("open point", "#808080", "triangle"))
    return replace(legend, swatches=(*legend.swatches, *symbols))


def at_elements(network: Network, of_buses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A figure of buses at lines (the larger one of their ends) and at stations (that of their busbar)."""
    rows = network.buses.index.get_indexer
    ends = of_buses[rows(network.lines["from_bus_id"])], of_buses[rows(network.lines["to_bus_id"])]
    return np.fmax(*ends), of_buses[rows(network.transformers["lv_bus_id"])]
