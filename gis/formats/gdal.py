"""What every format read and written through GDAL shares: reading one layer, and what can be stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyogrio

# What GDAL says of a file it cannot read.
UNREADABLE = (
    pyogrio.errors.DataSourceError,
    pyogrio.errors.DataLayerError,
    pyogrio.errors.FeatureError,
    pyogrio.errors.FieldError,
    pyogrio.errors.GeometryError,
)


def read_layer(path: Path, **options: str) -> pd.DataFrame:
    """Read one layer; options are those of `pyogrio.read_dataframe` and of the driver."""
    with np.errstate(invalid="ignore"):  # a coordinate that is no number is a finding, not a warning
        return pyogrio.read_dataframe(path, **options)


def storable(layer: pd.DataFrame) -> pd.DataFrame:
    """Columns as a file can hold them: one without any value, or with values of several kinds, is text."""
    plain = [c for c in layer.columns if c != "geometry" and layer[c].dtype == object]
    mixed = [c for c in plain if pd.api.types.infer_dtype(layer[c], skipna=True).startswith("mixed")]
    layer = layer.assign(**{column: layer[column].map(str, na_action="ignore") for column in mixed})
    return layer.astype(dict.fromkeys((c for c in plain if layer[c].isna().all()), "string"))
