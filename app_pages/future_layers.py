"""A year of a scenario, or two scenarios compared, as layers and legends of the map."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from app_pages.map_frame import asset_url
from app_pages.network_layers import (
    THRESHOLDS_PERCENT,
    ColourBy,
    at_elements,
    class_layers,
    network_legends,
    with_symbols,
)
from app_pages.study import Study
from capacity.checks import Yardstick
from capacity.study.future_comparison import BREAKS, FutureComparison
from capacity.study.future_year import FutureYear, loading_used_of_year
from gis.webmap import PALETTE, Legend, NetworkMap, Swatch, class_legend, classify, network_map

CompareBy = Literal["Broken limits", "Difference of loading"]

# Percentage points of loading; within the middle ones the difference is of no account in planning.
THRESHOLDS_POINTS = (-20.0, -5.0, 5.0, 20.0)
# Class of the width per class of the difference, and of no data: what differs is wide.
_DIFFERENCE_WIDTHS = (4, 3, 0, 3, 4, 0)
# Class of the palette per way in which limits are broken (`BREAKS`).
_BREAK_CLASSES = (1, 2, 3, 4)


def future_map(study: Study, yardstick: Yardstick, future: FutureYear, colour_by: ColourBy) -> NetworkMap:
    """The network coloured by the worst hour of a year."""
    if colour_by == "Loading":
        used = loading_used_of_year(future, yardstick)
    else:
        used = at_elements(study.network, future.band_used_percent.to_numpy())
    lines, stations = (classify(percent, THRESHOLDS_PERCENT) for percent in used)
    legends = network_legends(colour_by, f"{future.year}, worst hour; {yardstick.limits.name}")
    return _map(study, lines, stations, legends)


def comparison_map(study: Study, compared: FutureComparison, compare_by: CompareBy) -> NetworkMap:
    """The network coloured by which scenario is worse."""
    if compare_by == "Difference of loading":
        lines, stations = (
            classify(points, THRESHOLDS_POINTS) for points in compared.loading_difference(study.network)
        )
        widths = np.array(_DIFFERENCE_WIDTHS, dtype=np.int8)[lines]
        return _map(study, lines, stations, [_difference_legend(compared)], widths)
    ways = compared.broken(study.network)
    lines, stations = (np.array(_BREAK_CLASSES, dtype=np.int8)[way] for way in ways)
    return _map(study, lines, stations, [_broken_legend(compared)])


def _map(
    study: Study,
    lines: np.ndarray,
    stations: np.ndarray,
    legends: list[Legend],
    widths: np.ndarray | None = None,
) -> NetworkMap:
    return network_map(
        class_layers(study, lines, stations, widths=widths),
        legends=legends,
        bounds_lonlat=None,
        asset_url=asset_url(),
        attribution=study.network.info.get("attribution"),
    )


def _broken_legend(compared: FutureComparison) -> Legend:
    labels = {"neither": "in neither", "a": "only in A", "b": "only in B", "both": "in both"}
    rows = [Swatch(labels[way], PALETTE[number]) for way, number in zip(BREAKS, _BREAK_CLASSES, strict=True)]
    note = (
        f"{_names(compared)}. Lines count with the voltage at their ends, stations with that of their busbar."
    )
    return with_symbols(Legend(f"A limit is broken in {compared.a.year}", tuple(rows), note=note))


def _difference_legend(compared: FutureComparison) -> Legend:
    low, little = THRESHOLDS_POINTS[0], THRESHOLDS_POINTS[1]
    labels = (
        f"B lower by more than {-low:g}", f"B lower by {-little:g} to {-low:g}", "nearly the same",
        f"B higher by {-little:g} to {-low:g}", f"B higher by more than {-low:g}",
    )  # fmt: skip
    note = f"In percentage points. {_names(compared)}"
    rows = class_legend("Highest loading, B less A", THRESHOLDS_POINTS, unit="%", note=note)
    worded = [
        replace(row, label=label, width_px=2.0 + width)
        for row, label, width in zip(rows.swatches[:-1], labels, _DIFFERENCE_WIDTHS[:-1], strict=True)
    ]
    return with_symbols(replace(rows, swatches=(*worded, rows.swatches[-1])))


def _names(compared: FutureComparison) -> str:
    return f"A: {compared.a.scenario.name}. B: {compared.b.scenario.name}"
