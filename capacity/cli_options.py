"""Options and exit codes that commands share."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

DONE, VIOLATED, BAD_INPUT, DEFECT = 0, 1, 2, 3


def finite(value: float) -> float:
    """Refuse `nan` and `inf`, which every bound lets pass."""
    if not math.isfinite(value):
        raise typer.BadParameter("must be a finite number")
    return value


def finite_or_none(value: float | None) -> float | None:
    return None if value is None else finite(value)


SitePlace = Annotated[
    str | None, typer.Option(help="LON,LAT in degrees, like 7.8840,48.4475; three or more: an area.")
]
SitesFile = Annotated[
    Path | None, typer.Option(help="File with a layer `sites`, or a table with lon and lat.")
]
NetworkFile = Annotated[
    Path, typer.Argument(help="GeoPackage, or folder of GeoJSON files, in the canonical tables.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
ScenarioId = Annotated[
    str | None, typer.Option("--scenario", help="Scenario of the network; its first if absent.")
]
LimitsName = Annotated[str, typer.Option("--limits", help="Limit profile by name, or a TOML file.")]
Out = Annotated[Path | None, typer.Option("--out", help="GeoPackage to write.")]
# Files a result table can be written to.
TABLE_SUFFIXES = (".gpkg", ".csv", ".parquet")
TableOut = Annotated[Path | None, typer.Option("--out", help="GeoPackage, *.csv or *.parquet file to write.")]
