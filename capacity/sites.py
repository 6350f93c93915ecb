"""Developments from outside: a typed coordinate, or the `sites` layer of a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import shapely
from pyproj import CRS

from capacity.connection import place_at
from capacity.demand.development import Development
from capacity.demand.development_text import (
    parse_floors,
    parse_homes,
    parse_phases,
    write_floors,
    write_homes,
    write_phases,
)
from gis import InputError, read_sites
from gis.findings import join_findings, make_findings


def development_at(text: str, crs: CRS) -> Development:
    """Place a development by `LON,LAT` in degrees, or by the corners of its plot with blanks between them.

    Raises
    ------
    InputError
        The text is no such pair, or no place on Earth, or fewer than three corners or corners that cross.
    """
    try:
        corners = [place_at(crs, *_pair(pair)) for pair in _blanks_at_commas(text).split() or [""]]
        return Development(place=corners[0] if len(corners) == 1 else _plot(corners))
    except ValueError as error:
        message = f"not a place: {error}; write LON,LAT in degrees, like 7.8840,48.4475"
        raise InputError("--site", make_findings("bad_place", "sites", [text], message)) from error


def _blanks_at_commas(text: str) -> str:
    return re.sub(r"\s*,\s*", ",", text.strip())


def _pair(text: str) -> tuple[float, float]:
    parts = text.split(",")
    if len(parts) != 2:
        raise ValueError(f"two numbers with one comma between them are wanted, not {len(parts)}")
    longitude, latitude = map(float, parts)
    if not (-180.0 <= longitude <= 180.0 and -90.0 <= latitude <= 90.0):
        raise ValueError("longitude must lie within +/-180 and latitude within +/-90")
    return longitude, latitude


def _plot(corners: list[shapely.Point]) -> shapely.Polygon:
    if len(corners) < 3:
        raise ValueError("a plot has at least three corners")
    plot = shapely.Polygon(corners)
    if not plot.is_valid or plot.is_empty or not plot.area:
        raise ValueError("the corners make no plot; name them in turn around it")
    return plot


def read_developments(path: Path, crs: CRS) -> list[Development]:
    """Read every site of a file.

    Raises
    ------
    InputError
        The file has no usable sites; every fault is named.
    """
    return developments_of(read_sites(path, crs))


def developments_of(sites: pd.DataFrame, *, phased: bool = True) -> list[Development]:
    """Turn rows of the canonical `sites` table into developments.

    Parameters
    ----------
    phased
        With their phases; without, all of each at once.

    Raises
    ------
    InputError
        A cell holds no homes, floor area, phases or day, or a figure is out of range; every such cell of
        every row is named.
    """
    made: list[Development] = []
    faults: list[pd.DataFrame] = []
    for row in sites.reset_index().to_dict("records"):
        cells, wrong = _read_cells(row, phased=phased)
        if wrong:
            faults.append(_faults_of(row, wrong))
            continue
        try:
            made.append(Development(place=row["geometry"], **cells))
        except InputError as error:
            faults.append(error.findings)
    if faults:
        raise InputError("sites", join_findings(faults))
    return made


# How a cell is read; what is missing leaves the default.
_READ: dict[str, Callable[[Any], object]] = {
    **dict.fromkeys(("site_id", "name", "status", "battery_use", "supply", "voltage"), str),
    **dict.fromkeys(("dwellings", "heat_pumps", "ev_points"), int),
    **dict.fromkeys(("floor_area_m2", "demand_kw", "pv_kw", "battery_kw", "battery_kwh"), float),
    "managed_charging": bool,
    "homes": parse_homes,
    "floors": parse_floors,
    "applied_on": date.fromisoformat,
}


def _read_cells(row: Mapping[str, Any], *, phased: bool) -> tuple[dict[str, Any], dict[str, str]]:
    """Attributes of a development from a row, and what is wrong per column."""
    cells: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for name, read in _READ.items():
        value = row.get(name)
        if value is None or pd.isna(value):
            continue
        try:
            cells[name] = read(value)
        except ValueError as error:
            wrong[name] = str(error)
    if phased:
        text, year = (None if pd.isna(row.get(name)) else row[name] for name in ("phases", "year"))
        try:
            cells["phases"] = tuple(parse_phases(text, year).items()) if text or year else ()
        except ValueError as error:
            wrong["phases"] = f"{error}; write YEAR=SHARE like 2027=0.4; 2030=0.6"
    return cells, wrong


def _faults_of(row: Mapping[str, Any], wrong: Mapping[str, str]) -> pd.DataFrame:
    messages = [f"{column}: {said}" for column, said in wrong.items()]
    ids = [row["site_id"]] * len(messages)
    return make_findings("unreadable_cell", "sites", ids, messages, values=[row[name] for name in wrong])


def site_row(development: Development) -> dict[str, object]:
    """Row of the canonical `sites` table that `developments_of` turns into the development again."""
    phases = development.phases
    return {
        **{name: getattr(development, name) for name in _READ},
        "homes": write_homes(development.homes) or None,
        "floors": write_floors(development.floors) or None,
        "applied_on": development.applied_on and development.applied_on.isoformat(),
        "year": phases[0][0] if phases else None,
        "phases": write_phases(phases) if len(phases) > 1 else None,
        "geometry": development.place,
    }
