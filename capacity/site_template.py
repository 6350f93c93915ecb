"""Template of a file of sites: every column explained, and an example that reading leaves out.

A spreadsheet (`*.csv`) has the place in the columns lon and lat; its first row says what each column means.
A GeoPackage has points or polygons in the layer `sites`, and the explanations in the layer `columns`. Rows
whose site_id begins with # are notes (`gis.read_sites`).
"""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path

import geopandas as gpd
import pandas as pd

from capacity.assumptions import read_assumptions
from capacity.demand.development import Development, HomeGroup
from capacity.sites import site_row
from gis import InputError, Network
from gis.findings import make_findings
from gis.formats import write_layers
from gis.formats.whole import write_whole
from gis.schema import SITES, Column

EXPLAINED = ("column", "required", "unit", "allowed", "if_empty", "meaning")
_PLACE_COLUMNS = {"lon": "longitude of the site in degrees, like 7.8840", "lat": "latitude, like 48.4475"}


def template_columns() -> pd.DataFrame:
    """What each column of the table `sites` means: columns `EXPLAINED`, in the order of the table."""
    return pd.DataFrame([_explained(column) for column in SITES.columns], columns=list(EXPLAINED))


def template_sites(network: Network) -> gpd.GeoDataFrame:
    """The table `sites` with an example in the middle of a network, in its CRS."""
    middle = network.buses.union_all().centroid
    example = Development(
        place=middle,
        site_id="#example",
        name="Orchard Lane",
        dwellings=6,
        homes=(HomeGroup(12, 85.0, "heat_pump"),),
        floors=(("shop", 400.0),),
        ev_points=8,
        pv_kw=60.0,
        phases=((2027, 0.4), (2030, 0.6)),
        applied_on=date(2026, 3, 1),
    )
    names = [column.name for column in SITES.columns]
    return gpd.GeoDataFrame([site_row(example)], crs=network.crs)[[*names, "geometry"]]


def template_csv(network: Network) -> str:
    """The template as text of a spreadsheet."""
    sites = template_sites(network)
    place = sites.geometry.to_crs(4326).iloc[0]
    rows = pd.DataFrame(sites.drop(columns="geometry"))
    rows.insert(1, "lon", round(place.x, 6))
    rows.insert(2, "lat", round(place.y, 6))
    words = {**_PLACE_COLUMNS, **{column.name: _words(column) for column in SITES.columns}}
    notes = pd.DataFrame(
        [{name: words[name] for name in rows.columns} | {"site_id": f"# {words['site_id']}"}]
    )
    text = io.StringIO()
    pd.concat([notes, rows.astype(object)]).to_csv(text, index=False, lineterminator="\r\n")
    return text.getvalue()


def write_site_template(path: Path, network: Network) -> None:
    """Write the template: `*.csv` for a spreadsheet, `*.gpkg` for a GeoPackage.

    Raises
    ------
    InputError
        The name is neither.
    """
    if path.suffix.lower() == ".csv":
        # With a mark of its encoding, which spreadsheet programs go by.
        write_whole(
            path, lambda draft: draft.write_text(template_csv(network), encoding="utf-8-sig") and None
        )
    elif path.suffix.lower() == ".gpkg":
        write_layers({"sites": template_sites(network), "columns": template_columns()}, path)
    else:
        message = "name the template *.csv or *.gpkg"
        raise InputError(str(path), make_findings("file_format", "sites", [path.name], message))


def _explained(column: Column) -> tuple[str, str, str, str, str, str]:
    if_empty = "" if column.default is None else str(column.default)
    required = "yes" if column.required else "no"
    return column.name, required, column.unit, _allowed(column), if_empty, column.meaning


def _words(column: Column) -> str:
    """All that is to be said of a column in one cell."""
    _, required, unit, allowed, if_empty, meaning = _explained(column)
    said = [
        f"{meaning} [{unit}]" if unit else meaning,
        allowed,
        f"empty: {if_empty}" if if_empty else "",
        "required" if required == "yes" else "",
    ]
    return "; ".join(part for part in said if part)


def _allowed(column: Column) -> str:
    if column.name == "floors":
        return f"USE: {' or '.join(read_assumptions().floor_use)}"
    if column.choices:
        return " or ".join(column.choices)
    if column.kind == "boolean":
        return "true or false"
    if column.kind not in ("number", "integer"):
        return ""
    whole = "whole number" if column.kind == "integer" else "number"
    bounds = [(">=", column.low), (">", column.above), ("<=", column.high)]
    return " ".join([whole, *(f"{sign} {bound:g}" for sign, bound in bounds if bound is not None)])
