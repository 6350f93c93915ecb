"""Tables of a switching plan: steps with their load flow, loads with their minute, what stays dark."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.security.protection import Trip
from capacity.security.switched import Judged
from capacity.security.switching_work import REPAIR, TRIP, Move, Work, minutes_of

STEP_COLUMNS = (
    "step", "stage", "action", "table", "element_id", "kind", "by", "minute", "customers_back", "kw_back",
    "customers_off", "kw_off", "status", "reason", "vm_min_pu", "vm_min_bus_id", "line_loading_max_percent",
    "line_id", "transformer_loading_max_percent", "transformer_id", "new_violations", "radial", "geometry",
)  # fmt: skip
# What an element is after the last step, beside the number of the step that restored it.
UNTOUCHED, DARK, FAULTY = 0, -1, -2


def parts_of(work: Work, back: np.ndarray, count: int) -> pd.DataFrame:
    """Part per line, transformer and bus; `count` is the number of the repair."""
    part = np.where(back == count, DARK, back)
    part[work.faulty & work.base.fed] = FAULTY
    elements = work.sections.elements(range(work.sections.count))
    elements = elements[elements["table"] != "sources"]
    listed = elements.assign(part=part[elements["section"].to_numpy()])
    return listed[["table", "element_id", "part"]].reset_index(drop=True)


def steps_of(
    work: Work,
    tripped: Trip,
    moves: list[Move],
    judged: list[Judged],
    back: np.ndarray,
    repair_minute: float,
) -> gpd.GeoDataFrame:
    cuts, count = work.sections.cuts, len(moves) + 1
    minutes = minutes_of(work, moves)
    off = (back > 0) & work.base.fed
    rows = [_trip_row(work, tripped, judged[0])]
    for move, one, minute in zip(moves, judged[1:], minutes, strict=True):
        cut = cuts.iloc[move.rows[0]]
        remote = work.practice.operation.is_remote(cut["kind"], cut["vn_kv"])
        rows.append(
            {
                "stage": move.stage,
                "action": _action(cut["table"], close=move.close),
                **{name: cut[name] for name in ("table", "element_id", "kind")},
                "by": "remote" if remote else "by hand",
                "minute": minute,
                "geometry": work.model.network.table(cut["table"]).geometry[cut["element_id"]],
                **_solved(one),
            }
        )
    rows.append(_repair_row(work, max([repair_minute, *minutes])))
    steps = pd.DataFrame(rows)
    steps.insert(0, "step", range(count + 1))
    for name, weights in (("customers", work.customers), ("kw", work.kw)):
        brought = np.bincount(back[off], weights[off], minlength=count + 1)
        steps[f"{name}_back"] = brought
        steps[f"{name}_off"] = brought[::-1].cumsum()[::-1] - brought
    steps = steps.astype({"customers_back": int, "customers_off": int})
    return gpd.GeoDataFrame(steps[list(STEP_COLUMNS)], geometry="geometry", crs=work.model.network.crs)


def _action(table: str, *, close: bool) -> str:
    if table == "switches":
        return "close" if close else "open"
    return "switch on" if close else "switch off"


def _trip_row(work: Work, tripped: Trip, judged: Judged) -> dict[str, object]:
    devices = tripped.devices
    if devices.empty:
        what = {"table": "", "element_id": "", "kind": "", "geometry": None}
    else:
        first = devices.iloc[0]
        place = work.model.network.table(first["table"]).geometry[first["element_id"]]
        what = {
            **{name: ", ".join(devices[name].astype(str)) for name in ("element_id", "kind")},
            "table": first["table"],
            "geometry": place,
        }
    return {
        "stage": TRIP, "action": "trips", **what, "by": "automatic", "minute": 0.0, **_solved(judged),
    }  # fmt: skip


def _repair_row(work: Work, minute: float) -> dict[str, object]:
    blank = dict.fromkeys(("vm_min_bus_id", "line_id", "transformer_id"))
    numbers = ("vm_min_pu", "line_loading_max_percent", "transformer_loading_max_percent")
    return {
        "stage": REPAIR, "action": "repair, back to normal", "table": "", "element_id": "", "kind": "",
        "by": "by hand", "minute": minute, "status": "none", "reason": "", **blank,
        **dict.fromkeys(numbers, np.nan), "new_violations": 0, "radial": True, "geometry": None,
    }  # fmt: skip


def _solved(judged: Judged) -> dict[str, object]:
    names = (
        "vm_min_pu", "vm_min_bus_id", "line_loading_max_percent", "line_id",
        "transformer_loading_max_percent", "transformer_id",
    )  # fmt: skip
    return {
        "status": judged.status, "reason": judged.reason, **{name: judged.figures[name] for name in names},
        "new_violations": judged.new_violations, "radial": judged.radial,
    }  # fmt: skip


def loads_of(work: Work, back: np.ndarray, steps: pd.DataFrame) -> pd.DataFrame:
    """Loads off supply, and when they are back."""
    loads = work.model.network.loads
    section = work.sections.of("buses", loads["bus_id"])
    off = (section >= 0) & (np.append(back, 0)[section] > 0) & np.append(work.base.fed, False)[section]
    off &= loads["in_service"].to_numpy(dtype=bool)
    step = back[section[off]]
    return pd.DataFrame(
        {
            "bus_id": loads["bus_id"][off],
            "customers": loads["customers"][off].astype(int),
            "kw": work.scenario.demand_kw(loads)[off],
            "step": step,
            "minute": steps["minute"].to_numpy()[step],
        },
        index=loads.index[off],
    )


def left_of(work: Work, back: np.ndarray, count: int, closed: np.ndarray) -> pd.DataFrame:
    """Why load stays dark: in the faulty section, or behind it without an open point that could feed it."""
    island = work.sections.islands(closed, without=work.faulty)
    dark = (back == count) & work.base.fed
    rows = [_left_row(work, dark & work.faulty, "in the faulty section", None)]
    for number in np.unique(island[dark & ~work.faulty]):
        inside = dark & (island == number) & ~work.faulty
        rows.append(_left_row(work, inside, *_why_dark(work, inside)))
    columns = ["customers", "kw", "reason", "limited_by_table", "limited_by_id"]
    filled = [row for row in rows if row["customers"] or row["kw"]]
    return pd.DataFrame(filled, columns=columns)


def _left_row(
    work: Work, flags: np.ndarray, reason: str, element: tuple[str, str] | None
) -> dict[str, object]:
    table, element_id = element or (None, None)
    return {
        "customers": int(work.customers[flags].sum()), "kw": float(work.kw[flags].sum()), "reason": reason,
        "limited_by_table": table, "limited_by_id": element_id,
    }  # fmt: skip


def _why_dark(work: Work, inside: np.ndarray) -> tuple[str, tuple[str, str] | None]:
    cuts = work.sections.cuts
    a, b = cuts["a"].to_numpy(), cuts["b"].to_numpy()
    said = [
        (f"open point {cuts['element_id'].iloc[row]} cannot feed it: {block.reason}", block.element)
        for row, block in work.blocked.items()
        if inside[a[row]] or inside[b[row]]
    ]
    if not said:
        return "no open point leads to a part with supply", None
    return "; ".join(text for text, _ in said), next((one for _, one in said if one), None)
