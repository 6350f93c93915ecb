"""A switching plan on the map: what is back by which step, what stays dark, and the switches in order."""

from __future__ import annotations

import folium
import geopandas as gpd

from app_pages.map_frame import asset_url
from app_pages.network_layers import class_layers, with_symbols
from app_pages.study import Study
from capacity.security.fault_location import Location
from capacity.security.outage_report import PART_WORDS, part_classes, step_labels
from capacity.security.switching_plan import SwitchingPlan
from gis.webmap import PALETTE, Legend, NetworkMap, Swatch, network_map, step_group

# More labels than these hide each other.
CANDIDATES_DRAWN = 8
OPENED_COLOUR, CLOSED_COLOUR = "#7b3294", "#008837"


def outage_map(study: Study, plan: SwitchingPlan | None) -> NetworkMap:
    """The network by what becomes of its parts; as it is where nothing has failed yet."""
    if plan is None:
        untouched = [
            (study.network.table(table)["in_service"].to_numpy(dtype=bool) - 1).astype("int8")
            for table in ("lines", "transformers")
        ]
        lines, stations = untouched
    else:
        lines, stations = part_classes(study.network, plan)
    rows = tuple(
        Swatch(word, colour, "line", 3.0 + number)
        for number, (word, colour) in enumerate(zip(PART_WORDS, PALETTE, strict=True))
    )
    switches = (
        Swatch("step that opens", OPENED_COLOUR, "circle"),
        Swatch("step that closes", CLOSED_COLOUR, "circle"),
    )
    note = "Steps are numbered in their order. Wide lines: medium voltage."
    return network_map(
        class_layers(study, lines, stations),
        legends=[with_symbols(Legend("After the fault", (*rows, *switches), note=note))],
        bounds_lonlat=None,
        asset_url=asset_url(),
        attribution=study.network.info.get("attribution"),
    )


def switching_group(plan: SwitchingPlan) -> folium.FeatureGroup:
    """The switches of a plan with the numbers of their steps."""
    steps = step_labels(plan)
    colours = [CLOSED_COLOUR if closes else OPENED_COLOUR for closes in steps["closes"]]
    return step_group(steps.geometry, steps["label"].tolist(), colours)


def candidate_group(study: Study, location: Location) -> folium.FeatureGroup:
    """The first candidate sections with their ranks."""
    first = location.candidates.head(CANDIDATES_DRAWN)
    places = gpd.GeoSeries(first["geometry"].to_numpy(), crs=study.network.crs)
    middles = gpd.GeoSeries(places.representative_point(), crs=study.network.crs)
    labels = [f"candidate {rank}" for rank in first["rank"]]
    return step_group(middles, labels, [PALETTE[-1]] * len(labels), name="candidates")
