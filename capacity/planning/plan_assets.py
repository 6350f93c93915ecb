"""Planned assets: what a plan builds, replaces, removes, switches, sets, in rows of the canonical tables.

So a utility's GIS takes a plan as it takes a network. The steps of the plan are `Plan.steps`; here is what
each of them does to each element.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, cast

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.planning.plan import Plan, Taken
from gis import Network
from gis.changes import apply_changes, join_changes
from gis.conform import conform_table
from gis.errors import InputError
from gis.findings import errors_of
from gis.schema import TABLES

AssetStatus = Literal["new", "replaced", "removed", "switched", "moved", "adjusted"]
# Beside the canonical columns of each planned asset.
ASSET_COLUMNS = ("status", "step", "year", "until", "measure_id", "measure", "step_cost_eur")
CONTROL_COLUMNS = ("step", "measure_id", "case_id", "table", "element_id", "column", "value")
POWER_COLUMNS = ("step", "measure_id", "case_id", "bus_id", "p_kw", "q_kvar")
_CELL = ["table", "element_id", "column", "value"]
CHANGE_COLUMNS = ("step", "year", "measure_id", "table", "element_id", "column", "before", "after")
# What a change of a column is to the asset; the first one that any of its changes is. All else adjusts it.
_OF_COLUMN: tuple[tuple[AssetStatus, tuple[str, ...]], ...] = (
    ("replaced", ("type_id", "sn_kva", "r_ohm_per_km", "x_ohm_per_km", "i_max_a", "parallel", "vk_percent")),
    ("moved", ("from_bus_id", "to_bus_id", "hv_bus_id", "lv_bus_id", "bus_id")),
    ("switched", ("closed",)),
)


def planned_assets(plan: Plan) -> dict[str, pd.DataFrame]:
    """Rows per canonical table that the plan touches, each as it is once its step is done.

    Returns
    -------
    dict
        Per table the canonical columns, the id as an ordinary column, and `ASSET_COLUMNS`: status ("new",
        "replaced", "removed", "switched", "moved", "adjusted"), step, year, until (Int64; missing: for good),
        measure_id, measure (its kind), step_cost_eur (of its whole step: rows of one step share it). What is
        removed is as it was.

    Raises
    ------
    InputError
        A row that is built breaks the declaration of its table.
    """
    before = _networks_before(plan)
    assets = {table: _planned(plan, before, table) for table in TABLES}
    return {table: rows for table, rows in assets.items() if rows is not None}


def planned_changes(plan: Plan) -> pd.DataFrame:
    """Every cell that the plan changes: columns `CHANGE_COLUMNS`, values before and after as text.

    Cells that a control sets in single cases only are those of `planned_controls`.
    """
    before = _networks_before(plan)
    rows = [
        (step, taken.year, taken.measure.measure_id, table, element_id, column,
         _text(before[taken.round].table(table).loc[element_id, column]), _text(value))
        for step, taken in zip(plan.steps["step"], plan.taken, strict=True)
        for table, element_id, column, value in taken.measure.changes.cells.itertuples(index=False)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(CHANGE_COLUMNS)).astype({"step": "Int64", "year": "Int64"})


def planned_controls(plan: Plan) -> pd.DataFrame:
    """What controls of the plan set in single cases: columns `CONTROL_COLUMNS`, values as text."""
    rows = [
        (step, one.measure.measure_id, case_id, table, element_id, column, _text(value))
        for step, one in zip(plan.steps["step"], plan.taken, strict=True)
        for case_id, cells in one.measure.cells_in.items()
        for table, element_id, column, value in cells[_CELL].itertuples(index=False)
    ]
    return pd.DataFrame(rows, columns=list(CONTROL_COLUMNS)).astype({"step": "Int64"})


def planned_power(plan: Plan) -> pd.DataFrame:
    """What batteries and contracts do in each case: columns `POWER_COLUMNS`, drawn is positive [kW, kvar].

    Cases in which one does nothing have no row; so has a plan that does not carry its cases.
    """
    if plan.states is None:
        return pd.DataFrame(columns=list(POWER_COLUMNS)).astype({"step": "Int64"})
    case_ids = plan.states.labels.index.astype(str).to_numpy(dtype=object)
    parts = [
        pd.DataFrame(
            {"step": step, "measure_id": one.measure.measure_id, "case_id": case_ids[at], "bus_id": bus_id,
             "p_kw": kva[at].real, "q_kvar": kva[at].imag}
        )
        for step, one in zip(plan.steps["step"], plan.taken, strict=True)
        for bus_id, power in one.measure.power_kva.items()
        if len(at := np.flatnonzero(kva := np.asarray(power, dtype=complex)))
    ]  # fmt: skip
    rows = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(POWER_COLUMNS))
    return rows.astype({"step": "Int64"})


def _networks_before(plan: Plan) -> dict[int, Network]:
    """The network that the measures of each round stand on."""
    rounds = sorted({taken.round for taken in plan.taken})
    networks, network = {}, plan.network
    for number in rounds:
        networks[number] = network
        stay = [one.measure.changes for one in plan.taken if one.round == number and one.until is None]
        network = apply_changes(network, join_changes(stay)) if number != rounds[-1] else network
    return networks


def _planned(plan: Plan, before: dict[int, Network], table: str) -> pd.DataFrame | None:
    parts = [
        _marked(rows, taken, status, step, cost_eur)
        for step, cost_eur, taken in zip(plan.steps["step"], plan.steps["cost_eur"], plan.taken, strict=True)
        for status, rows in _touched(before[taken.round], taken, table)
    ]
    if not parts:
        return None
    rows = pd.concat(parts, ignore_index=True).astype({"step": "Int64", "year": "Int64", "until": "Int64"})
    if not TABLES[table].has_geometry:
        return rows
    return gpd.GeoDataFrame(rows, geometry="geometry", crs=plan.network.crs)


def _touched(network: Network, taken: Taken, table: str) -> Iterator[tuple[str | pd.Series, pd.DataFrame]]:
    """Rows of a table that one measure builds, changes and removes, each with what becomes of them."""
    changes, there = taken.measure.changes, network.table(table)
    added = changes.added.get(table)
    if added is not None and len(added):
        yield "new", _built(network, table, added)
    cells = changes.cells[changes.cells["table"] == table]
    if len(cells):
        rows = there.loc[list(dict.fromkeys(cells["element_id"]))].astype(object)
        for element_id, column, value in cells[["element_id", "column", "value"]].itertuples(index=False):
            rows.loc[element_id, column] = value
        yield _status_of(cells).reindex(rows.index), rows.astype(there.dtypes.to_dict())
    gone = changes.removed.get(table, ())
    if gone:
        yield "removed", there.loc[list(gone)]
    steered = _steered(taken, table) - set(cells["element_id"])
    if steered:
        yield "adjusted", there.loc[sorted(steered)]


def _steered(taken: Taken, table: str) -> set[str]:
    """Elements of a table whose cells a control sets in single cases."""
    every = taken.measure.cells_in.values()
    return {str(name) for cells in every for name in cells.loc[cells["table"] == table, "element_id"]}


def _built(network: Network, table: str, added: pd.DataFrame) -> pd.DataFrame:
    declared, there = TABLES[table], network.table(table)
    placed = declared.has_geometry
    raw = gpd.GeoDataFrame(added, geometry="geometry", crs=network.crs) if placed else added
    rows, found = conform_table(raw, declared)
    errors = errors_of(found)
    if len(errors):
        raise InputError("planned assets", errors)
    return cast(pd.DataFrame, rows.reindex(columns=there.columns).astype(there.dtypes.to_dict()))


def _status_of(cells: pd.DataFrame) -> pd.Series:
    """What becomes of each element whose cells change."""
    told = cells.groupby("element_id", sort=False)
    return pd.Series({element_id: _status(of_element) for element_id, of_element in told}, dtype=object)


def _status(cells: pd.DataFrame) -> AssetStatus:
    told = dict(zip(cells["column"], cells["value"], strict=True))
    if told.get("in_service") is False:
        return "removed"
    return next((status for status, columns in _OF_COLUMN if any(c in told for c in columns)), "adjusted")


def _marked(
    rows: pd.DataFrame, taken: Taken, status: str | pd.Series, step: int, cost_eur: float
) -> pd.DataFrame:
    plain = pd.DataFrame(rows)
    if "geometry" in plain:  # places of one CRS, whether or not a table still says so
        plain["geometry"] = plain["geometry"].astype(object)
    marked = plain.assign(
        status=status, step=step, year=taken.year, until=taken.until,
        measure_id=taken.measure.measure_id, measure=taken.measure.kind, step_cost_eur=cost_eur,
    )  # fmt: skip
    return marked.reset_index()


def _text(value: object) -> str:
    """A cell as people read it and `capacity.planning.plan_reading` takes it back; "" for none."""
    if value is None or pd.isna(value):
        return ""
    return str(value).lower() if isinstance(value, bool) or type(value).__name__ == "bool_" else str(value)


def assets_in_force(rows: pd.DataFrame, year: int | None) -> np.ndarray:
    """Flag per planned asset: its step is done in that year and not undone; None: in the end."""
    if year is None:
        return rows["until"].isna().to_numpy(dtype=bool)
    begun = (rows["year"] <= year).fillna(True)
    ended = (rows["until"] <= year).fillna(False)
    return (begun & ~ended).to_numpy(dtype=bool)
