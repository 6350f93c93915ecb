"""A studied year as the map shows it: how much of their limits elements use at their worst hour."""

from __future__ import annotations

from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.checks import State, Yardstick, band_used_percent, loading_used_percent
from capacity.years.year import YearFindings

# Class of an element whose limit is broken in one scenario or the other, from the cold to the hot end.
COMPARED = ("only the first", "neither", "both", "only the second")


def worst_used_percent(
    yardstick: Yardstick, findings: YearFindings, by: Literal["Loading", "Voltage"]
) -> tuple[np.ndarray, np.ndarray]:
    """How much of its limit each line and each transformer uses at its worst hour [%]; over 100 it is broken.

    By voltage: of a line the worse of its ends, of a station its busbar, at their lowest and their highest
    voltage of the year, whichever uses more of the band. Where a band counts from a busbar, both are the
    extremes of the year, which may be of different hours.
    """
    loading = [
        findings.branches(table)["loading_max_percent"].to_numpy() for table in ("lines", "transformers")
    ]
    if by == "Loading":
        return loading_used_percent(yardstick, State(np.zeros(0), *loading))
    low, high = (
        band_used_percent(yardstick, State(findings.buses[name].to_numpy(dtype=float), *loading))
        for name in ("vm_min_pu", "vm_max_pu")
    )
    used, rows, network = np.fmax(low, high), yardstick.network.buses.index.get_indexer, yardstick.network
    ends = (used[rows(network.lines[end])] for end in ("from_bus_id", "to_bus_id"))
    return np.fmax(*ends), used[rows(network.transformers["lv_bus_id"])]


def compared_classes(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Position in `COMPARED` per element, by what it uses of its limit [%]; -1 where not known."""
    unknown = np.isnan(first) | np.isnan(second)
    over_first, over_second = first > 100.0, second > 100.0
    classes = np.select([over_first & over_second, over_first, over_second], [2, 0, 3], 1)
    return np.where(unknown, -1, classes)


def customers_behind(found: gpd.GeoDataFrame) -> int:
    """Customers behind the bottleneck that concerns most: bottlenecks nest, so they are not added up."""
    return int(found["customers_affected"].max()) if len(found) else 0


def growth(summary: pd.DataFrame) -> pd.DataFrame:
    """Coincident kW per year and group, of what draws, from `demand_summary`; groups of nothing left out."""
    drawn = summary[(summary["direction"] == "load") & (summary["coincident_kw"] > 0.0)]
    return drawn[["year", "group", "coincident_kw"]].reset_index(drop=True)
