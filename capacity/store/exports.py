"""The project file for other programs: GeoPackage, workbook, copy of itself; each whole or not at all."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd
from pyproj import CRS

from capacity.output import with_lonlat
from capacity.result_files import layers_of, write_geopackage
from capacity.store import database
from capacity.store.faults import told_plainly
from gis.formats.spreadsheet import write_workbook
from gis.formats.whole import write_whole

if TYPE_CHECKING:
    from capacity.store.store import Store

_WGS84 = CRS("EPSG:4326")


def export_geopackage(store: Store, path: Path) -> None:
    """Write the register as layers (points, areas) and everything else as tables without places."""
    applications = _placed(store)
    crs = applications.crs if len(applications) else _WGS84
    layers = layers_of("applications", pd.DataFrame(applications), crs)
    write_geopackage(path, {**layers, **_tables(store)})


def export_workbook(store: Store, path: Path) -> None:
    """Write the register and everything else as sheets; no text is run as a formula."""
    write_workbook({"applications": with_lonlat(_placed(store)), **_tables(store)}, path)


def copy(store: Store, target: Path) -> None:
    """Write a copy of the project file as it stands at this moment."""

    def write(draft: Path) -> None:
        with (
            told_plainly(store.path),
            database.reading(store.path, store.wait_s) as connection,
            closing(sqlite3.connect(draft)) as other,
        ):
            connection.backup(other)
            other.execute("PRAGMA journal_mode = DELETE")

    write_whole(target, write)


def _placed(store: Store) -> gpd.GeoDataFrame:
    """The register with places: in their coordinate system where they share one, else in degrees."""
    applications, table = store.every_application(), store.applications()
    systems = {one.crs for one in applications}
    crs = systems.pop() if len(systems) == 1 else _WGS84
    places = [one.development_in(crs).place for one in applications]
    plain = table.assign(applied_on=table["applied_on"].map(_day))
    return gpd.GeoDataFrame(plain, geometry=places, crs=crs)


def _tables(store: Store) -> dict[str, pd.DataFrame]:
    history = store.history()
    told = history.assign(**{name: history[name].map(_text) for name in ("before", "after")})
    return {
        "assessments": store.assessments(),
        "decisions": store.decisions(),
        "studies": store.studies(),
        "history": told,
    }


def _day(value: object) -> str | None:
    return None if value is None or pd.isna(value) else str(value)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
