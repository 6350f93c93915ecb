"""A folder of GeoJSON files, one per table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio

from gis.errors import InputError
from gis.findings import join_findings, make_findings
from gis.formats import geojson
from gis.formats.arrow import unpack
from gis.formats.gdal import storable
from gis.formats.whole import write_whole_folder


def recognises(path: Path) -> bool:
    """Tell whether the path is a folder with GeoJSON files in it."""
    return path.is_dir() and any(path.glob("*.geojson"))


def read_layers(path: Path) -> dict[str, pd.DataFrame]:
    """Read every `*.geojson` of the folder; the file's name is the table's.

    Raises
    ------
    InputError
        A file is no GeoJSON FeatureCollection; all such files are named.
    """
    layers: dict[str, pd.DataFrame] = {}
    faults = []
    for file in sorted(path.glob("*.geojson")):
        if not geojson.recognises(file):
            message = f"{file.name} is not a GeoJSON FeatureCollection"
            faults.append(make_findings("file_format", file.stem, [""], message))
            continue
        try:
            layers |= {name: unpack(table) for name, table in geojson.read_tables(file).items()}
        except InputError as error:
            faults.append(error.findings.assign(table=file.stem))
    if faults:
        raise InputError(str(path), join_findings(faults))
    return layers


def write_layers(layers: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Write one file per table into a temporary folder beside the target, then put it in place."""

    def write(draft: Path) -> None:
        for name, layer in layers.items():
            _write_layer(layer, draft / f"{name}.geojson")

    write_whole_folder(path, write, is_ours=lambda file: file.suffix == ".geojson")


def _write_layer(layer: pd.DataFrame, file: Path) -> None:
    # 17 significant figures give floats back, but GDAL drops a last digit after a dozen zeros.
    # Text that looks like JSON stays text.
    options = {"SIGNIFICANT_FIGURES": "17", "RFC7946": "NO", "AUTODETECT_JSON_STRINGS": "NO"}
    writable = storable(layer)
    if not isinstance(writable, gpd.GeoDataFrame):
        pyogrio.write_dataframe(writable, file, driver="GeoJSON", layer_options=options)
        return
    geometry_type = "Unknown" if writable.empty else None
    pyogrio.write_dataframe(
        writable, file, driver="GeoJSON", geometry_type=geometry_type, layer_options=options
    )
