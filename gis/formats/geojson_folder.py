"""A folder of GeoJSON files, one per table. Reads FeatureCollections only, checked before GDAL sees them."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio

from gis.errors import InputError
from gis.findings import join_findings, make_findings
from gis.formats.geopackage import _storable


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
    files = sorted(path.glob("*.geojson"))
    faults = join_findings(_check_content(file) for file in files)
    if len(faults):
        raise InputError(str(path), faults)
    return {file.stem: pyogrio.read_dataframe(file) for file in files}


def write_layers(layers: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Write one file per table into a temporary folder beside the target, then put it in place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=".writing-"))
    try:
        for name, layer in layers.items():
            _write_layer(layer, folder / f"{name}.geojson")
        _replace_folder(folder, path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_content(file: Path) -> pd.DataFrame:
    try:
        content = json.loads(file.read_bytes())
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        return make_findings("file_damaged", file.stem, [""], f"{file.name} is not readable JSON: {error}")
    if isinstance(content, dict) and content.get("type") == "FeatureCollection":
        return join_findings([])
    return make_findings("file_format", file.stem, [""], f"{file.name} is not a GeoJSON FeatureCollection")


def _write_layer(layer: pd.DataFrame, file: Path) -> None:
    # 17 significant figures give every float back exactly.
    options = {"SIGNIFICANT_FIGURES": "17", "RFC7946": "NO"}
    writable = _storable(layer)
    if not isinstance(writable, gpd.GeoDataFrame):
        pyogrio.write_dataframe(writable, file, driver="GeoJSON")
        return
    geometry_type = "Unknown" if writable.empty else None
    pyogrio.write_dataframe(
        writable, file, driver="GeoJSON", geometry_type=geometry_type, layer_options=options
    )


def _replace_folder(draft: Path, target: Path) -> None:
    """Swap the finished folder in; the old one goes only when the new one stands."""
    for file in draft.iterdir():
        with file.open("rb+") as stream:
            os.fsync(stream.fileno())
    if not target.exists():
        draft.replace(target)
        return
    if not all(file.suffix == ".geojson" for file in target.iterdir()):
        message = "the target folder holds other files; choose an empty or new folder"
        raise InputError(str(target), make_findings("file_exists", "file", [""], message))
    old = Path(tempfile.mkdtemp(dir=target.parent, prefix=".old-"))
    target.replace(old)
    draft.replace(target)
    shutil.rmtree(old)
