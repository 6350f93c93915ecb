"""`NetworkChanges`: what is to be built, removed or switched, in rows of the canonical tables; its inverse.

A plan, a switching order and a customer's connection are all such changes: applied to a `Network` they make
another one, that any study takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

import geopandas as gpd
import pandas as pd

from gis.conform import conform_table
from gis.errors import InputError
from gis.findings import errors_of, join_findings, make_findings
from gis.network import Network
from gis.schema import TABLES

CELL_COLUMNS = ("table", "element_id", "column", "value")


def typed_like(rows: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the types of a table that has the same columns.

    A further column of the file, of whole numbers or yes and no, stays empty where the rows have no value.
    """
    types = table.dtypes
    empty = [name for name, kind in types.items() if kind.kind in "iub" and rows[name].isna().any()]
    return rows.astype(types.drop(empty).to_dict())


def no_cells() -> pd.DataFrame:
    """Return a table of changed cells without rows."""
    return pd.DataFrame({column: pd.Series(dtype=object) for column in CELL_COLUMNS})


@dataclass(frozen=True, eq=False)
class NetworkChanges:
    """Rows added, cells changed and rows removed.

    Attributes
    ----------
    added
        New rows per canonical table, the id as an ordinary column, geometry in the CRS of the network.
        Columns left out get their default.
    cells
        Columns `CELL_COLUMNS`: a cell of a row that is there already, and its new value (None: empty).
    removed
        Ids per table.
    """

    added: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    cells: pd.DataFrame = field(default_factory=no_cells)
    removed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def touched(self) -> frozenset[tuple[str, str]]:
        """Table and id of every row changed or removed; two measures that share one exclude each other."""
        changed = zip(self.cells["table"], self.cells["element_id"], strict=True)
        gone = ((table, element_id) for table, ids in self.removed.items() for element_id in ids)
        return frozenset((str(table), str(element_id)) for table, element_id in (*changed, *gone))


def cells_of(*cells: tuple[str, str, str, object]) -> pd.DataFrame:
    """Table of changed cells from (table, element_id, column, value)."""
    return pd.DataFrame(list(cells), columns=list(CELL_COLUMNS), dtype=object) if cells else no_cells()


def join_changes(parts: Iterable[NetworkChanges]) -> NetworkChanges:
    """Put changes together, first to last; whether they contradict each other shows when they are applied."""
    every = list(parts)
    tables = {table for part in every for table in (*part.added, *part.removed)}
    added = {
        table: pd.concat([part.added[table] for part in every if table in part.added], ignore_index=True)
        for table in TABLES
        if table in tables and any(table in part.added for part in every)
    }
    filled = [part.cells for part in every if len(part.cells)]
    removed = {
        table: gone
        for table in TABLES
        if (gone := tuple(element_id for part in every for element_id in part.removed.get(table, ())))
    }
    return NetworkChanges(added, pd.concat(filled, ignore_index=True) if filled else no_cells(), removed)


def apply_changes(network: Network, changes: NetworkChanges) -> Network:
    """Make the network that the changes lead to; the one given stays as it is.

    Raises
    ------
    InputError
        A row or column that is changed or removed is not there, an id is added that is there already, a cell
        is told two values, or a row breaks its table's declaration; every fault is named.
    """
    faults = [*_cell_faults(network, changes), *_row_faults(network, changes)]
    frames: dict[str, pd.DataFrame] = {}
    for table in {*changes.added, *changes.removed, *changes.cells["table"]} & set(TABLES):
        frames[table], found = _changed_table(network, table, changes)
        faults.append(found)
    errors = errors_of(join_findings(faults))
    if len(errors):
        raise InputError("network changes", errors)
    return replace(network, **frames)  # type: ignore[arg-type]


def inverse_of(network: Network, changes: NetworkChanges) -> NetworkChanges:
    """The changes that lead from the changed network back to the one given.

    Raises
    ------
    KeyError
        The changes are not of this network.
    """
    before = [
        (table, element_id, column, network.table(table).loc[element_id, column])
        for table, element_id, column in changes.cells[["table", "element_id", "column"]].itertuples(
            index=False
        )
    ]
    added = {
        table: cast(pd.DataFrame, network.table(table).loc[list(ids)].reset_index())
        for table, ids in changes.removed.items()
    }
    removed = {
        table: tuple(str(element_id) for element_id in rows[TABLES[table].id_column])
        for table, rows in changes.added.items()
    }
    return NetworkChanges(added, cells_of(*before), removed)


def _changed_table(
    network: Network, table: str, changes: NetworkChanges
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One table with its changes, and what is wrong with the rows added."""
    frame = network.table(table)
    frame = frame.drop(index=list(changes.removed.get(table, ())), errors="ignore")
    cells = changes.cells[changes.cells["table"] == table]
    if len(cells):
        frame = frame.copy()
        for column, of_column in cells.groupby("column", sort=False):
            known = of_column[of_column["element_id"].isin(frame.index)]
            if column in frame.columns:
                frame[column] = _put(frame[column], known)
    rows = changes.added.get(table)
    if rows is None or rows.empty:
        return frame, join_findings([])
    declared = TABLES[table]
    raw = gpd.GeoDataFrame(rows, geometry="geometry", crs=network.crs) if declared.has_geometry else rows
    new, found = conform_table(raw, declared)
    whole = pd.concat([frame, typed_like(new.reindex(columns=frame.columns), frame)])
    return (
        gpd.GeoDataFrame(whole, geometry="geometry", crs=network.crs) if declared.has_geometry else whole
    ), found


def _put(column: pd.Series, cells: pd.DataFrame) -> pd.Series:
    """A column with new values, in its own dtype."""
    changed = column.astype(object)
    for element_id, value in zip(cells["element_id"], cells["value"], strict=True):
        changed.loc[element_id] = value
    return changed.astype(column.dtype)


def _cell_faults(network: Network, changes: NetworkChanges) -> list[pd.DataFrame]:
    faults = []
    told = changes.cells.groupby(["table", "element_id", "column"], sort=False)["value"]
    for (table, element_id, column), values in told:
        if table not in TABLES:
            message = f"no such table; there are: {', '.join(TABLES)}"
        elif element_id not in network.table(table).index:
            message = "is to be changed but is not in the network"
        elif column not in network.table(table).columns:
            message = f"no such column: {column}"
        elif len({repr(value) for value in values}) > 1:
            message = f"{column} is told two values: {', '.join(map(repr, values))}; keep one"
        else:
            continue
        faults.append(make_findings("changes", str(table), [element_id], message))
    return faults


def _row_faults(network: Network, changes: NetworkChanges) -> list[pd.DataFrame]:
    faults = []
    for table, rows in changes.added.items():
        if table not in TABLES:
            faults.append(
                make_findings("changes", table, [""], f"no such table; there are: {', '.join(TABLES)}")
            )
            continue
        ids = rows[TABLES[table].id_column]
        gone = changes.removed.get(table, ())
        there = ids[(ids.isin(network.table(table).index) & ~ids.isin(gone)) | ids.duplicated()]
        faults.append(make_findings("changes", table, there, "is to be added but is there already"))
    for table, gone in changes.removed.items():
        lost = pd.Index(gone).difference(network.table(table).index)
        faults.append(make_findings("changes", table, lost, "is to be removed but is not in the network"))
    return faults
