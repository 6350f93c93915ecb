"""N-1 on the map: lines and stations coloured by what their failure leaves without supply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import geopandas as gpd
import numpy as np

from app_pages.map_frame import asset_url
from app_pages.network_layers import class_layers, with_symbols
from app_pages.study import Study
from gis.webmap import NetworkMap, class_legend, classify, network_map

ColourOf = Literal["kW", "Customers", "Minutes of SAIDI"]


@dataclass(frozen=True)
class _Colour:
    """A column of the elements, its classes and unit."""

    column: str
    thresholds: tuple[float, ...]
    unit: str
    title: str


# The lowest class is next to nothing; the last threshold is where an outage becomes news.
COLOURS: dict[ColourOf, _Colour] = {
    "kW": _Colour("kw_left", (1.0, 50.0, 500.0, 2000.0), "kW", "Left without supply"),
    "Customers": _Colour("customers_left", (1.0, 10.0, 50.0, 200.0), "customers", "Left without supply"),
    "Minutes of SAIDI": _Colour("saidi_minutes", (0.001, 0.01, 0.1, 1.0), "min/a", "Adds to SAIDI"),
}


def security_map(study: Study, elements: gpd.GeoDataFrame, colour_of: ColourOf) -> NetworkMap:
    """The network coloured by what the failure of each line and station leaves."""
    colour = COLOURS[colour_of]
    lines, stations = (
        classify(_values(study, elements, table, colour.column), colour.thresholds)
        for table in ("lines", "transformers")
    )
    note = "When this line or station alone fails, until it is repaired. Wide lines: medium voltage."
    legend = class_legend(colour.title, colour.thresholds, unit=colour.unit, note=note)
    return network_map(
        class_layers(study, lines, stations),
        legends=[with_symbols(legend)],
        bounds_lonlat=None,
        asset_url=asset_url(),
        attribution=study.network.info.get("attribution"),
    )


def _values(study: Study, elements: gpd.GeoDataFrame, table: str, column: str) -> np.ndarray:
    own = elements[elements["table"] == table].set_index("element_id")[column]
    return own.reindex(study.network.table(table).index).to_numpy(dtype=float)
