"""An application said in words: cells of the table `sites`, as a spreadsheet or a command line has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import geopandas as gpd
import pandas as pd

from capacity.sites import developments_of, site_row
from capacity.store.application import Application
from gis import InputError
from gis.conform import conform_table
from gis.findings import errors_of, make_findings
from gis.schema import TABLES

# What is said of an application beside the columns of `sites`.
OWN_CELLS = ("applicant", "note")
# The id names the application, its state goes by decisions, its place is no cell.
_FIXED = ("site_id", "status")


def with_cells(application: Application, cells: Mapping[str, str]) -> Application:
    """The application with some cells of the table `sites`, or `applicant` or `note`, said anew.

    Raises
    ------
    InputError
        There is no such column, or a cell is not what its column holds; every one is named.
    """
    _refuse_unknown(application, cells)
    own = {name: text for name, text in cells.items() if name in OWN_CELLS}
    said = {name: text or None for name, text in cells.items() if name not in OWN_CELLS}
    if said:
        own_row = {**site_row(application.development), **said}
        rows = gpd.GeoDataFrame([own_row], geometry="geometry", crs=application.crs)
        sites, faults = conform_table(rows, TABLES["sites"])
        if len(errors_of(faults)):
            raise InputError("--set", errors_of(faults))
        development = developments_of(pd.DataFrame(sites))[0]
        application = replace(application, development=development)
    return replace(application, **own)  # type: ignore[arg-type]  # texts, of its own names


def _refuse_unknown(application: Application, cells: Mapping[str, str]) -> None:
    known = [column.name for column in TABLES["sites"].columns if column.name not in _FIXED]
    bad = [name for name in cells if name not in (*known, *OWN_CELLS)]
    if bad:
        message = f"no such column; it is one of {', '.join([*known, *OWN_CELLS])}"
        ids = [application.application_id] * len(bad)
        raise InputError("--set", make_findings("unknown_column", "sites", ids, message, values=bad))
