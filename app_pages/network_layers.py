"""The network as layers and legends of the map: colours by loading or by voltage, widths by level."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from app_pages.study import Choice, Study
from capacity.checks import band_used_percent, state_of
from gis.voltage import LV_MAX_KV
from gis.webmap import Legend, LineLayer, PointLayer, Swatch, class_legend, classify, width_by_class

ColourBy = Literal["Loading", "Voltage"]

# Classes in percent of the limit; over the last one the limit is broken.
THRESHOLDS_PERCENT = (50.0, 75.0, 90.0, 100.0)
MV_WIDTH_PX, LV_WIDTH_PX = 3.0, 1.6


def network_layers(study: Study, choice: Choice, colour_by: ColourBy) -> list[LineLayer | PointLayer]:
    """Lines, stations and open points, classed by what is asked."""
    low = (study.network.lines["vn_kv"] <= LV_MAX_KV).to_numpy()
    if colour_by == "Loading":
        loading = choice.yardstick.limits.loading
        lines = classify(
            100.0 * choice.result.lines["loading_percent"] / loading.line_percent, THRESHOLDS_PERCENT
        )
        shares = 100.0 * choice.result.transformers["loading_percent"] / loading.transformer_percent
        stations = classify(shares, THRESHOLDS_PERCENT)
    else:
        lines, stations = _voltage_classes(study, choice)
    open_points = np.full(study.drawn["open_points"].feature_count, -1, dtype=np.int8)
    drawn = study.drawn
    low_width = width_by_class(lines[low], base_width_px=LV_WIDTH_PX)
    high_width = width_by_class(lines[~low], base_width_px=MV_WIDTH_PX)
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
    classes = class_legend(title, THRESHOLDS_PERCENT, unit="%", note=note)
    symbols = (Swatch("station", "#444444", "square"), Swatch("open point", "#808080", "triangle"))
    return [replace(classes, swatches=(*classes.swatches, *symbols))]


def _voltage_classes(study: Study, choice: Choice) -> tuple[np.ndarray, np.ndarray]:
    """Lines by the worse of their ends, stations by their busbar."""
    used = band_used_percent(choice.yardstick, state_of(choice.result))
    network = study.network
    rows = network.buses.index.get_indexer
    ends = used[rows(network.lines["from_bus_id"])], used[rows(network.lines["to_bus_id"])]
    busbars = used[rows(network.transformers["lv_bus_id"])]
    return classify(np.fmax(*ends), THRESHOLDS_PERCENT), classify(busbars, THRESHOLDS_PERCENT)
