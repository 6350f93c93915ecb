"""Developments from outside: a typed coordinate, or the `sites` layer of a file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from pyproj import CRS

from capacity.connection import place_at
from capacity.demand.development import Development
from gis import InputError, read_sites
from gis.findings import make_findings


def development_at(text: str, crs: CRS) -> Development:
    """Place a development by `LON,LAT` in degrees.

    Raises
    ------
    InputError
        The text is no such pair, or no place on Earth.
    """
    try:
        parts = text.split(",")
        if len(parts) != 2:
            raise ValueError(f"two numbers with one comma between them are wanted, not {len(parts)}")
        longitude, latitude = map(float, parts)
        if not (-180.0 <= longitude <= 180.0 and -90.0 <= latitude <= 90.0):
            raise ValueError("longitude must lie within +/-180 and latitude within +/-90")
        return Development(place=place_at(crs, longitude, latitude))
    except ValueError as error:
        message = f"not a place: {error}; write LON,LAT in degrees, like 7.8840,48.4475"
        raise InputError("--site", make_findings("bad_place", "sites", [text], message)) from error


def read_developments(path: Path, crs: CRS) -> list[Development]:
    """Read every site of a file.

    Raises
    ------
    InputError
        The file has no usable sites; every fault is named.
    """
    return developments_of(read_sites(path, crs))


def developments_of(sites: pd.DataFrame) -> list[Development]:
    """Turn rows of the canonical `sites` table into developments."""
    rows = sites.reset_index().to_dict("records")
    return [
        Development(
            place=row["geometry"],
            site_id=row["site_id"],
            name=row["name"],
            dwellings=_whole(row["dwellings"]),
            heat_pumps=_whole(row["heat_pumps"]),
            ev_points=_whole(row["ev_points"]),
            floor_area_m2=_number(row["floor_area_m2"]),
            demand_kw=_number(row["demand_kw"]),
        )
        for row in rows
    ]


def _whole(value: object) -> int:
    return 0 if pd.isna(value) else int(value)  # type: ignore[call-overload]  # a table cell


def _number(value: object) -> float:
    return 0.0 if pd.isna(value) else float(value)  # type: ignore[arg-type]  # a table cell
