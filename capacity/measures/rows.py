"""Rows of what measures build, as `gis.changes.NetworkChanges` adds them."""

from __future__ import annotations

from functools import lru_cache

import pandas as pd
from shapely.geometry.base import BaseGeometry

from capacity.measures.cables import Way
from capacity.measures.situation import Situation
from gis.changes import cells_of, no_cells

NO_CELLS = no_cells()  # shared: a table of changes is never changed in place


def line_row(line_id: str, ends: tuple[str, str], vn_kv: float, type_id: str, way: Way) -> dict[str, object]:
    """A cable between two buses."""
    return {
        "line_id": line_id, "from_bus_id": ends[0], "to_bus_id": ends[1], "vn_kv": vn_kv, "type_id": type_id,
        "length_m": way.length_m, "parallel": 1, "in_service": True, "geometry": way.drawn,
    }  # fmt: skip


def bus_row(bus_id: str, vn_kv: float, place: BaseGeometry, kind: str = "node") -> dict[str, object]:
    """A bus."""
    return {"bus_id": bus_id, "vn_kv": vn_kv, "kind": kind, "geometry": place}


def added(**tables: list[dict[str, object]]) -> dict[str, pd.DataFrame]:
    """Rows per table, tables without rows left out."""
    return {table: pd.DataFrame(rows) for table, rows in tables.items() if rows}


def opened(situation: Situation, line_id: str) -> pd.DataFrame:
    """Cells that take a line out of the supply: its switch opened where it has one, else the line itself."""
    switch_id = _switch_of_line(situation).get(line_id)
    if switch_id is None:
        return cells_of(("lines", line_id, "in_service", False))
    return cells_of(("switches", switch_id, "closed", False))


@lru_cache(maxsize=2)
def _switch_of_line(situation: Situation) -> dict[str, str]:
    """The first switch of each line that has any."""
    switches = situation.network.switches
    own = switches[switches["element_table"] == "lines"]
    return dict(zip(own["element_id"].to_numpy()[::-1], own.index.to_numpy()[::-1], strict=True))


def supply_key(bus_id: str) -> str:
    """Key of what feeds a bus: of measures that change it one can be taken, or a part would be left dark."""
    return f"supply|{bus_id}"
