"""The record of an import, kept in the network's file: quarantine, repairs and findings as layers."""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd

from gis.crs import is_metric
from gis.findings import FINDING_COLUMNS, REPAIR_COLUMNS, empty_findings, empty_repairs
from gis.network import Network
from gis.quarantine import QUARANTINE_COLUMNS, empty_quarantine

RECORDS = ("quarantine", "repairs", "findings")


def record_layers(network: Network) -> dict[str, pd.DataFrame]:
    """Layers of a network's record that have rows, ready to be written."""
    filled = {name: rows for name in RECORDS if len(rows := getattr(network, name))}
    return {name: as_layer(rows, network.crs) for name, rows in filled.items()}


def read_record(layers: Mapping[str, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Quarantine and repairs of a file; tables without rows where it has none.

    Findings are not read: rules find them again in the data as they are now.
    """
    quarantine = _columns(layers.get("quarantine"), QUARANTINE_COLUMNS, empty_quarantine())
    repairs = _columns(layers.get("repairs"), REPAIR_COLUMNS, empty_repairs())
    return quarantine, repairs


def recorded_findings(layers: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Findings a file records, as they were when it was written; a table without rows where it has none."""
    rows = _columns(layers.get("findings"), FINDING_COLUMNS, empty_findings())
    return rows.assign(element_id=rows["element_id"].fillna(""))


def as_layer(rows: pd.DataFrame, crs: object) -> pd.DataFrame:
    """A result table as a layer: with geometry where any row has one, values as text."""
    texts = [c for c in ("value", "before", "after") if c in rows]
    rows = rows.assign(**{c: rows[c].map(str, na_action="ignore") for c in texts})
    if rows["geometry"].notna().any():
        return gpd.GeoDataFrame(rows, geometry="geometry", crs=crs)
    return rows.drop(columns="geometry")


def _columns(layer: pd.DataFrame | None, columns: tuple[str, ...], empty: pd.DataFrame) -> pd.DataFrame:
    """The declared columns of a layer that may hold others, or lack some."""
    if layer is None or layer.empty:
        return empty
    rows = pd.DataFrame(layer).reindex(columns=list(columns)).astype(object)
    if isinstance(layer, gpd.GeoDataFrame) and (layer.crs is None or not is_metric(layer.crs)):
        rows["geometry"] = None
    numbers = [c for c in columns if empty[c].dtype == np.float64]
    return rows.assign(**{c: pd.to_numeric(rows[c], errors="coerce") for c in numbers})
