"""Results as files: one folder with a GeoPackage that QGIS opens drawn, a CSV per table, and one JSON file.

The same tables give the same bytes: rows in the order they come, figures rounded, no time of writing. The
folder is there whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.output import placed_layer, plain_values, require_folder, with_lonlat
from capacity.result_styles import Shape, layer_style
from gis.formats import geopackage
from gis.formats.spreadsheet import write_csv
from gis.formats.whole import require_own_folder, write_whole_folder

if TYPE_CHECKING:
    from pyproj import CRS

GEOPACKAGE, RECORD = "results.gpkg", "study.json"
# Decimals of every figure: 0.1 mW, 0.1 mWh, 1e-7 pu. A load flow is exact to 1e-8 pu, so what differs beyond
# says nothing, and a sum of a few columns still holds to 1e-6.
DECIMALS = 7
_SHAPES: dict[Shape, tuple[str, ...]] = {
    "points": ("Point", "MultiPoint"),
    "lines": ("LineString", "MultiLineString", "LinearRing"),
    "areas": ("Polygon", "MultiPolygon"),
}


def write_results(
    folder: Path, tables: Mapping[str, pd.DataFrame], record: Mapping[str, object], *, crs: CRS
) -> None:
    """Write result tables and what they rest on into a folder of their own.

    Parameters
    ----------
    tables
        Result tables by name. One with places becomes a layer per shape, "NAME_points", "NAME_lines" or
        "NAME_areas", each with its style; one without a table "NAME".
    record
        What goes into `study.json`, beside the list of tables with their rows, layers and sha256.
    crs
        Of the places.

    Raises
    ------
    InputError
        The folder holds files that are no results.
    """
    settled = {name: settle(table) for name, table in tables.items()}
    layers = {name: layers_of(name, table, crs) for name, table in settled.items()}

    def write(draft: Path) -> None:
        for name, table in settled.items():
            write_csv(with_lonlat(placed_layer(table, crs)), draft / f"{name}.csv")
        write_geopackage(draft / GEOPACKAGE, {k: v for parts in layers.values() for k, v in parts.items()})
        listed = [_listed(draft, name, settled[name], list(layers[name])) for name in settled]
        write_json(draft / RECORD, {**record, "tables": listed})

    write_whole_folder(folder, write, is_ours=_is_result)


def require_results_folder(folder: Path) -> None:
    """Refuse a folder that results cannot be written to, before any work is done.

    Raises
    ------
    InputError
        It is a file, or holds files that are no results.
    """
    require_folder(folder)
    require_own_folder(folder, is_ours=_is_result)


def write_geopackage(path: Path, layers: Mapping[str, pd.DataFrame]) -> None:
    """Write layers, each of one shape with its style; the same rows give the same bytes."""
    shapes = {name: _shape_of(layer) for name, layer in layers.items()}
    styles = {name: layer_style(layers[name], shape) for name, shape in shapes.items() if shape is not None}
    geopackage.write_layers(layers, path, styles=styles, repeatable=True)


def write_json(path: Path, values: Mapping[str, object]) -> None:
    """Write one JSON object for people and machines, in the order given."""
    path.write_text(
        json.dumps(plain_values(dict(values)), ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )


def settle(table: pd.DataFrame) -> pd.DataFrame:
    """A table as files hold it: figures rounded, times as text in UTC, no index.

    Examples
    --------
    >>> settle(pd.DataFrame({"vm_pu": [1.00000000049], "hour": [pd.Timestamp("2030-01-01", tz="UTC")]}))
       vm_pu               hour
    0    1.0  2030-01-01T00:00Z
    """
    settled = table.reset_index(drop=True)
    return settled.assign(**{
        name: _settled(settled[name]) for name in settled.columns.drop("geometry", errors="ignore")
    })  # fmt: skip


def _settled(column: pd.Series) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        text = pd.to_datetime(column, utc=True).dt.strftime("%Y-%m-%dT%H:%MZ")
        return text.astype(object).where(column.notna(), None)
    if pd.api.types.is_float_dtype(column.dtype):
        # Adding 0.0 takes the sign off a zero.
        return column.replace([np.inf, -np.inf], np.nan).round(DECIMALS) + 0.0
    return column


def layers_of(name: str, table: pd.DataFrame, crs: CRS) -> dict[str, pd.DataFrame]:
    """Layers of a table: one per shape of its places; rows without a place go with the points."""
    placed = placed_layer(table, crs)
    if not isinstance(placed, gpd.GeoDataFrame):
        return {name: placed}
    kinds = placed.geom_type.fillna("Point")
    parts = {f"{name}_{shape}": placed[kinds.isin(names)] for shape, names in _SHAPES.items()}
    return {key: part.reset_index(drop=True) for key, part in parts.items() if len(part)}


def sha256_of(path: Path) -> str:
    """Sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _listed(folder: Path, name: str, table: pd.DataFrame, layers: list[str]) -> dict[str, object]:
    csv = folder / f"{name}.csv"
    return {
        "table": name, "rows": len(table), "csv": csv.name, "sha256": sha256_of(csv), "layers": layers,
    }  # fmt: skip


def _shape_of(layer: pd.DataFrame) -> Shape | None:
    """The one shape all places of a layer have; nothing where they differ or there are none."""
    kinds = set(layer.geom_type.dropna()) if isinstance(layer, gpd.GeoDataFrame) else set()
    return next((shape for shape, names in _SHAPES.items() if kinds and kinds <= set(names)), None)


def _is_result(file: Path) -> bool:
    """Whether a file is one of results; where they are, their record is too."""
    known = file.name == RECORD or file.name == GEOPACKAGE or file.suffix == ".csv"
    return known and (file.parent / RECORD).is_file()
