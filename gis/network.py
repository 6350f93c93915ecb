"""`Network`: the geometry and data of one grid, the first of the four frozen values.

Holds canonical tables in one projected metric CRS. It does not read, check or solve.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import geopandas as gpd
import pandas as pd
from pyproj import CRS

from gis.conform import conform_table, empty_table
from gis.crs import parse_crs
from gis.errors import InputError
from gis.findings import empty_findings, empty_repairs, errors_of, join_findings, make_findings
from gis.quarantine import empty_quarantine
from gis.schema import TABLES

_UNKNOWN = f"no table of this name is declared; the tables are: {', '.join(TABLES)}"


@dataclass(frozen=True, eq=False)
class Network:
    """Canonical tables of one grid; string ids as index, one projected CRS in metres.

    Never changed in place: make another with `dataclasses.replace`.

    Attributes
    ----------
    info
        What the file says about itself: name, attribution, schema_version, f_hz (frequency, where it is
        not the one assumed).
    findings, repairs
        Doubts about the data, and every automatic decision taken while reading it.
    quarantine
        Rows of the source that could not be modelled, each with its reason, kW and cells.
    """

    crs: CRS
    buses: gpd.GeoDataFrame
    lines: gpd.GeoDataFrame
    transformers: gpd.GeoDataFrame
    switches: gpd.GeoDataFrame
    sources: gpd.GeoDataFrame
    loads: gpd.GeoDataFrame
    generators: gpd.GeoDataFrame
    capacitors: gpd.GeoDataFrame
    routes: gpd.GeoDataFrame
    sites: gpd.GeoDataFrame
    scenarios: pd.DataFrame
    info: Mapping[str, str] = field(default_factory=dict)
    findings: pd.DataFrame = field(default_factory=empty_findings)
    repairs: pd.DataFrame = field(default_factory=empty_repairs)
    quarantine: pd.DataFrame = field(default_factory=empty_quarantine)

    def table(self, name: str) -> pd.DataFrame:
        """Return one canonical table by name."""
        return cast(pd.DataFrame, getattr(self, name))

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return all canonical tables by name."""
        return {name: self.table(name) for name in TABLES}

    def equals(self, other: Network) -> bool:
        """Tell whether two networks hold the same rows, columns, geometry and CRS."""
        return self.crs == other.crs and all(
            _same_rows(self.table(name), other.table(name)) for name in TABLES
        )


def make_network(
    tables: Mapping[str, pd.DataFrame],
    crs: object,
    *,
    info: Mapping[str, str] | None = None,
) -> Network:
    """Assemble a network from raw frames made in memory (ids as ordinary columns).

    Does not check what spans tables; `gis.read_network` and `gis.check_network` do.

    Raises
    ------
    InputError
        A table breaks its declaration; every fault is named.
    """
    metric = parse_crs(crs)
    frames: dict[str, pd.DataFrame] = {}
    faults = [make_findings("unknown_table", name, [""], _UNKNOWN) for name in tables if name not in TABLES]
    for name, table in TABLES.items():
        raw = tables.get(name)
        if raw is None:
            frames[name] = empty_table(table, metric)
        elif table.has_geometry and not (isinstance(raw, gpd.GeoDataFrame) and raw.crs == metric):
            message = f"the table needs {table.geometry} geometry in {metric.name}; reproject it first"
            faults.append(make_findings("crs_mismatch", name, [""], message))
        else:
            frames[name], found = conform_table(raw, table)
            faults.append(found)
    errors = errors_of(join_findings(faults))
    if len(errors):
        raise InputError("network", errors)
    return Network(crs=metric, info=dict(info or {}), **frames)  # type: ignore[arg-type]


def _same_rows(left: pd.DataFrame, right: pd.DataFrame) -> bool:
    if list(left.columns) != list(right.columns) or not left.index.equals(right.index):
        return False
    plain = [column for column in left.columns if column != "geometry"]
    same = left[plain].equals(right[plain])
    if "geometry" in left.columns:
        same = same and bool(left.geometry.geom_equals_exact(right.geometry, tolerance=0.0).all())
    return same
