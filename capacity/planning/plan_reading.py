"""A plan taken back from its GeoPackage: to be shown beside another one, on the network it was made for.

A file that is sent is content of unknown origin: it is read in a process of its own. What only a run knows
does not come back: the cases' power, and that of batteries and contracts.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import geopandas as gpd
import pandas as pd
from pydantic import ValidationError
from shapely import GeometryCollection
from shapely.geometry.base import BaseGeometry

from capacity.costs import Cost, CostTable
from capacity.measures.measure import Measure
from capacity.network_record import network_record
from capacity.planning.plan import (
    PLAN_CASE_COLUMNS,
    PLAN_STEP_COLUMNS,
    UNRESOLVED_COLUMNS,
    Plan,
    PlanTerms,
    Taken,
)
from capacity.planning.plan_assets import ASSET_COLUMNS, CHANGE_COLUMNS, CONTROL_COLUMNS, planned_assets
from capacity.planning.plan_benefit import Benefit
from capacity.planning.plan_loading import LOADING_COLUMNS
from capacity.planning.plan_report import PlanReport
from capacity.planning.plan_tables import ASKED, PLANNED
from gis import InputError, Network
from gis.changes import NetworkChanges, cells_of
from gis.findings import make_findings
from gis.formats.sandbox import read_untrusted
from gis.schema import TABLES, Kind

Layers = Mapping[str, pd.DataFrame]

_STEP_EXTRAS = ("measure_id", "text", "until", "round")
_NEEDED: dict[str, tuple[str, ...]] = {
    "plan_steps": (*(name for name in PLAN_STEP_COLUMNS if name != "geometry"), *_STEP_EXTRAS),
    "cases": PLAN_CASE_COLUMNS,
    "unresolved": UNRESOLVED_COLUMNS,
    "planned_changes": CHANGE_COLUMNS,
    "planned_controls": CONTROL_COLUMNS,
    "plan_costs": ("step", "item", "amount", "unit"),
    "plan_info": ("key", "value"),
}
_STATES = ("resolved", "unresolved", "cancelled")
_WHOLE = ("step", "year", "until", "round", "months")


def read_plan(path: Path, network: Network, *, title: str | None = None) -> PlanReport:
    """Read a plan that `write_plan` has written as a GeoPackage.

    Parameters
    ----------
    network
        The network that the plan was made for.
    title
        What people call the file, for messages.

    Raises
    ------
    InputError
        The file cannot be read, is no plan, or is one of another network; every fault is named.
    """
    name = title or path.name
    try:
        layers = read_untrusted(path).layers
    except InputError as error:  # the user's name for it, not a place on this server
        raise InputError(name, error.findings) from error
    faults = _faults(layers, network)
    if faults:
        raise InputError(name, make_findings("bad_plan", "plan", [""] * len(faults), faults))
    try:
        report = _report(layers, network)
        report.plan.network_in(None)
        planned_assets(report.plan)
    except InputError as error:  # what is to be changed is not there, or a row breaks its table
        raise InputError(name, error.findings) from error
    except (ValueError, KeyError, TypeError) as error:  # cells that are no figures or no names
        message = f"the file has been changed: a cell does not say what it should ({type(error).__name__})"
        raise InputError(name, make_findings("bad_plan", "plan", [""], message)) from error
    return report


def _faults(layers: Layers, network: Network) -> list[str]:
    lacking = [name for name in _NEEDED if name not in layers]
    if lacking:
        return [f"this is no plan of feederplan: layer {name} is missing" for name in lacking]
    faults = [
        f"layer {name} has no column {column}"
        for name, columns in _NEEDED.items()
        for column in columns
        if column not in layers[name].columns
    ]
    if faults:
        return faults
    info = _info(layers)
    if info.get("network_sha256") != network_record(network)["sha256"]:
        made_for = info.get("network") or "another network"
        faults.append(
            f"the plan was made for {made_for} with other rows than the network that is open; open that one"
        )
    if info.get("status") not in _STATES:
        faults.append(f"status must be one of {', '.join(_STATES)}")
    return faults


def _report(layers: Layers, network: Network) -> PlanReport:
    info = _info(layers)
    loading = layers.get("plan_loading")
    return PlanReport(
        plan=_plan(layers, network, info),
        costs=_costs(layers, info),
        loading=None if loading is None else _typed(loading[list(LOADING_COLUMNS)]),
        benefit=_benefit(info),
        asked={key.removeprefix(ASKED): text for key, text in info.items() if key.startswith(ASKED)},
    )


def _info(layers: Layers) -> dict[str, str]:
    rows = layers["plan_info"].dropna(subset=["key", "value"])
    return dict(zip(rows["key"].astype(str), rows["value"].astype(str), strict=True))


def _plan(layers: Layers, network: Network, info: dict[str, str]) -> Plan:
    steps = _typed(layers["plan_steps"])
    taken = tuple(_taken(layers, network, row) for row in steps.to_dict("records"))
    places = [one.measure.geometry for one in taken]
    columns = [name for name in PLAN_STEP_COLUMNS if name != "geometry"]
    return Plan(
        network=network,
        taken=taken,
        steps=gpd.GeoDataFrame(pd.DataFrame(steps[columns]), geometry=places, crs=network.crs),
        unresolved=_typed(layers["unresolved"][list(UNRESOLVED_COLUMNS)]),
        cases=_typed(layers["cases"][list(PLAN_CASE_COLUMNS)]),
        status=info["status"],  # type: ignore[arg-type]  # one of _STATES
        capital_eur=float(info["capital_eur"]),
        present_value_eur=float(info["present_value_eur"]),
        bound_eur=float(info["bound_eur"]) if "bound_eur" in info else None,
        seconds=float("nan"),
        cost_table=info.get("cost_table", ""),
        currency=info.get("currency", "EUR"),
        terms=_terms(info),
        not_proposed=layers.get("not_proposed"),
        hours=layers.get("plan_hours"),
        security=layers.get("plan_security"),
        price_year=int(info["price_year"]) if "price_year" in info else None,
    )


def _terms(info: dict[str, str]) -> PlanTerms:
    try:
        return PlanTerms.model_validate_json(info.get("terms", "{}"))
    except ValidationError as error:
        raise ValueError("terms") from error


def _taken(layers: Layers, network: Network, row: dict) -> Taken:
    year, until = (None if pd.isna(row[name]) else int(row[name]) for name in ("year", "until"))
    measure = Measure(
        measure_id=str(row["measure_id"]),
        kind=str(row["measure"]),
        table=str(row["table"]),
        element_id=str(row["element_id"]),
        changes=_changes(layers, row["step"]),
        cost=_cost(layers, row),
        months=int(row["months"]),
        cells_in=_controls(layers, row["step"]),
        text=_word(row["text"]),
        from_type=_word(row["from_type"]),
        to_type=_word(row["to_type"]),
        length_m=float(row["length_m"]),
        reversible=until is not None,
        geometry=_place(layers, row),
    )
    return Taken(measure, year, until, _word(row["reason"]), int(row["round"]))


def _changes(layers: Layers, step: int) -> NetworkChanges:
    cells = layers["planned_changes"]
    cells = cells[cells["step"] == step]
    told = [
        (table, element_id, column, _value(table, column, after))
        for table, element_id, column, after in cells[["table", "element_id", "column", "after"]].itertuples(
            index=False
        )
    ]
    set_out = set(zip(cells["table"], cells["element_id"], strict=True))
    added, removed = {}, {}
    for table, rows in _assets_of(layers, step):
        new = rows[rows["status"] == "new"]
        if len(new):
            added[table] = pd.DataFrame(new.drop(columns=list(ASSET_COLUMNS)))
        gone = rows.loc[rows["status"] == "removed", TABLES[table].id_column].astype(str)
        lost = tuple(element_id for element_id in gone if (table, element_id) not in set_out)
        if lost:
            removed[table] = lost
    return NetworkChanges(added, cells_of(*told), removed)


def _controls(layers: Layers, step: int) -> dict[str, pd.DataFrame]:
    rows = layers["planned_controls"]
    rows = rows[rows["step"] == step]
    told: dict[str, list[tuple[str, str, str, object]]] = {}
    for case_id, table, element_id, column, text in rows[list(CONTROL_COLUMNS[2:])].itertuples(index=False):
        told.setdefault(case_id, []).append((table, element_id, column, _value(table, column, text)))
    return {case_id: cells_of(*cells) for case_id, cells in told.items()}


def _assets_of(layers: Layers, step: int) -> list[tuple[str, pd.DataFrame]]:
    named = [(table, layers[f"{PLANNED}{table}"]) for table in TABLES if f"{PLANNED}{table}" in layers]
    return [(table, found) for table, rows in named if len(found := rows[rows["step"] == step])]


def _place(layers: Layers, row: dict) -> BaseGeometry | None:
    """The shapes of what the step builds or changes; the step's own point where they have none."""
    shapes = [
        shape
        for _, rows in _assets_of(layers, row["step"])
        if isinstance(rows, gpd.GeoDataFrame)
        for shape in rows.geometry.dropna()
    ]
    if len(shapes) > 1:
        return GeometryCollection(shapes)
    return cast("BaseGeometry | None", shapes[0] if shapes else row["geometry"])


def _cost(layers: Layers, row: dict) -> Cost:
    bought = layers["plan_costs"]
    bought = bought[bought["step"] == row["step"]]
    items = tuple(
        (str(item), float(amount), str(unit))
        for item, amount, unit in bought[["item", "amount", "unit"]].itertuples(index=False)
    )
    low, mid, high = (float(row[name]) for name in ("cost_low_eur", "cost_eur", "cost_high_eur"))
    yearly = float(row["yearly_eur"])
    return Cost(low, mid, high, yearly, yearly, yearly, items)


def _costs(layers: Layers, info: dict[str, str]) -> CostTable | None:
    rows = layers.get("cost_table")
    if rows is None or "price_year" not in info:
        return None
    prices = pd.DataFrame(rows.fillna({"type_id": ""})).set_index("item")
    return CostTable(info["cost_table"], info.get("currency", "EUR"), int(info["price_year"]), prices)


def _benefit(info: dict[str, str]) -> Benefit | None:
    if "benefit_cut_before_kw" not in info:
        return None
    return Benefit(
        case_id=info.get("benefit_case_id", ""),
        cut_before_kw=float(info["benefit_cut_before_kw"]),
        cut_after_kw=float(info["benefit_cut_after_kw"]),
        customers_before=int(info["benefit_customers_before"]),
        customers_after=int(info["benefit_customers_after"]),
    )


def _value(table: str, column: str, text: object) -> object:
    """A cell from its text, by the kind of its column."""
    if not isinstance(text, str) or text == "":
        return None
    kind: Kind = TABLES[table].column(column).kind if table in TABLES else "text"
    if kind == "boolean":
        return text == "true"
    if kind == "integer":
        return int(float(text))
    return float(text) if kind == "number" else text


def _typed(rows: pd.DataFrame) -> pd.DataFrame:
    """Years and the like as whole numbers that may be missing."""
    whole = [name for name in _WHOLE if name in rows.columns]
    return rows.reset_index(drop=True).astype(dict.fromkeys(whole, "Int64"))


def _word(cell: object) -> str:
    return cell if isinstance(cell, str) else ""
