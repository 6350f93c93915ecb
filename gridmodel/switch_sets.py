"""Switch sets: what each switching state changes of a network, in ids and as the engine takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gis.errors import InputError
from gis.findings import make_findings
from gridmodel.model import GridModel

if TYPE_CHECKING:
    from gridmodel.engine.states import Changes
    from gridmodel.engine.switching import SwitchingGrid

SWITCH_SET_COLUMNS = ("case_id", "table", "element_id", "state")
# What an element may be told, and whether that connects it.
STATES = {
    "switches": {"open": False, "closed": True},
    "lines": {"out": False, "in": True},
    "transformers": {"out": False, "in": True},
    "sources": {"out": False, "in": True},
}


def orders_of(model: GridModel, switch_sets: pd.DataFrame) -> pd.DataFrame:
    """Read switch sets.

    Parameters
    ----------
    switch_sets
        Columns `SWITCH_SET_COLUMNS`; a row without element_id changes nothing.

    Returns
    -------
    DataFrame
        One row per change: those columns, position (row in the network's table) and on.

    Raises
    ------
    InputError
        A row names no such table, element or state, or a case tells one element two things; all are named.
    """
    rows = switch_sets.loc[switch_sets["element_id"].notna(), list(SWITCH_SET_COLUMNS)]
    position, on = np.full(len(rows), -1), np.full(len(rows), -1)
    for table, states in STATES.items():
        at = (rows["table"] == table).to_numpy()
        position[at] = model.network.table(table).index.get_indexer(rows["element_id"][at])
        on[at] = rows["state"][at].map(states).fillna(-1).astype(int)
    known = np.isin(rows["table"], list(STATES))
    orders = rows.assign(position=position, on=on)
    said = orders.groupby(["case_id", "table", "element_id"], sort=False)["on"].transform("nunique")
    faults = [
        _faults(orders[~known], "no such table; give " + ", ".join(STATES)),
        _faults(orders[known & (position < 0)], "is not in the network"),
        _faults(orders[known & (on < 0)], "no such state; a switch is open or closed, others are out or in"),
        _faults(orders[(said > 1).to_numpy()], "is told two things in one case"),
    ]
    if any(len(fault) for fault in faults):
        raise InputError("switch sets", pd.concat([fault for fault in faults if len(fault)]))
    return orders.assign(on=on == 1)


def _faults(rows: pd.DataFrame, message: str) -> pd.DataFrame:
    texts = [
        f"case {row.case_id}: {row.table} {row.element_id} {row.state}: {message}"
        for row in rows.itertuples()
    ]
    return make_findings("switch_set", "switch_sets", rows["element_id"].astype(str).tolist(), texts)


def joints_of(model: GridModel, orders: pd.DataFrame) -> np.ndarray:
    """Flag per switch of the net: one between buses that a case turns."""
    turned = np.zeros(len(model.net.switch), dtype=bool)
    turned[orders["position"][orders["table"] == "switches"]] = True
    return turned & (model.net.switch["et"] == "b").to_numpy()


def changes_of(grid: SwitchingGrid, orders: pd.DataFrame, case_ids: pd.Index) -> Changes:
    """Changes per case; first those of the network as it is (none)."""
    from gridmodel.engine.matrix import LINE, TRANSFORMER
    from gridmodel.engine.states import TURN_EDGE, TURN_SOURCE, TURN_SWITCH, Changes

    case = case_ids.get_indexer(orders["case_id"]) + 1
    order = np.argsort(case, kind="stable")
    table, at = orders["table"].to_numpy(), orders["position"].to_numpy().copy()
    for name, kind in (("lines", LINE), ("transformers", TRANSFORMER)):
        at[table == name] = grid.edge_of[kind][at[table == name]]
    what = np.select([table == "switches", table == "sources"], [TURN_SWITCH, TURN_SOURCE], TURN_EDGE)
    sizes = np.bincount(case, minlength=len(case_ids) + 1)
    start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return Changes(start, what[order].astype(np.int64), at[order], orders["on"].to_numpy(dtype=bool)[order])
