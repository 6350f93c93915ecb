"""Tables of outages: one row an outage, and the switching steps in their order."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.security.dark_part import DarkPart, Plan
from capacity.security.judged import Bench, switch_to_open
from capacity.security.outage_study import OutageFacts
from capacity.security.outages import feeders_of
from capacity.security.relief import Relief, moved_kw

OUTAGE_COLUMNS = (
    "table", "element_id", "feeder_id", "status", "lost_kw", "lost_customers", "restored_kw",
    "restored_customers", "left_kw", "left_customers", "steps", "open_points", "loading_max_percent",
    "limiting_table", "limiting_id", "limiting_check", "limiting_excess_percent", "reason", "geometry",
)  # fmt: skip
Step = tuple[str, str, str, str]
STEP_COLUMNS = ("case_id", "step", "table", "element_id", "state", "reason")
# Statuses of outages, and what each means.
STATUSES = {
    "no_loss": "nobody loses supply, every limit holds",
    "restored": "all is supplied again by switching, every limit holds",
    "partly": "a part is supplied again; more would break a limit",
    "not_restored": "open points reach the dark part, but no part of it holds the limits",
    "no_backfeed": "no open point leads to the dark part",
    "lost": "supply is lost; restoration was not asked for",
    "overload_without_loss": "nobody loses supply, but what is left breaks a limit",
    "no_solution": "nobody is cut off, but the load flow has no solution",
    "out_of_service": "is out of service anyway",
    "no_supply": "carries no supply anyway",
}


def outage_table(bench: Bench, facts: Sequence[OutageFacts]) -> gpd.GeoDataFrame:
    """One row per outage, most kW left without supply first; columns `OUTAGE_COLUMNS`."""
    network = bench.model.network
    lost, restored = (
        np.array([getattr(one, name) for one in facts]).reshape(-1, 2) for name in ("lost", "restored")
    )
    customers = [np.rint(part[:, 1]).astype("int64") for part in (lost, restored)]
    answers = [(_plan_of(one), _relief_of(one)) for one in facts]
    columns = {
        "table": [one.outage.table for one in facts],
        "element_id": [one.outage.element_id for one in facts],
        "feeder_id": feeders_of(bench.found, [one.outage for one in facts]).to_numpy(),
        "status": [one.status for one in facts],
        "lost_kw": lost[:, 0],
        "lost_customers": customers[0],
        "restored_kw": restored[:, 0],
        "restored_customers": customers[1],
        "left_kw": lost[:, 0] - restored[:, 0],
        "left_customers": customers[0] - customers[1],
        "steps": np.array([_operations(bench, *both) for both in answers], dtype="int64"),
        "open_points": [", ".join(_open_points(bench, *both)) for both in answers],
        "loading_max_percent": np.array([one.loading_percent for one in facts], dtype=float),
        "limiting_table": [one.worst.table or None for one in facts],
        "limiting_id": [one.worst.element_id or None for one in facts],
        "limiting_check": [one.worst.check or None for one in facts],
        "limiting_excess_percent": [
            one.worst.excess_percent if np.isfinite(one.worst.excess_percent) and one.worst.check else np.nan
            for one in facts
        ],
        "reason": [_reason(one) for one in facts],
    }  # fmt: skip
    index = pd.Index([one.outage.case_id for one in facts], name="case_id", dtype=object)
    places = [network.table(one.outage.table).geometry.iloc[_row(bench, one)] for one in facts]
    rows = gpd.GeoDataFrame(columns, index=index, geometry=places, crs=network.crs)
    return rows.sort_values(["left_kw", "lost_kw"], ascending=False, kind="stable")[list(OUTAGE_COLUMNS)]


def step_table(bench: Bench, facts: Sequence[OutageFacts]) -> pd.DataFrame:
    """Steps of every outage: the element out, its switches opened, cuts opened, open points closed."""
    rows = [
        (one.outage.case_id, number, *step)
        for one in facts
        if not one.outage.idle
        for number, step in enumerate(_steps(bench, one), start=1)
    ]
    return pd.DataFrame(rows, columns=list(STEP_COLUMNS)).astype({"step": "int64"})


def _row(bench: Bench, one: OutageFacts) -> int:
    outage = one.outage
    return outage.source if outage.source >= 0 else int(bench.found.edges.position[outage.edge])


def _plan_of(one: OutageFacts) -> tuple[DarkPart, Plan] | None:
    if one.search is None or one.search.plan is None:
        return None
    return one.search.lost.part, one.search.plan


def _relief_of(one: OutageFacts) -> Relief | None:
    return None if one.search is None or one.search.plan is None else one.search.relief


def _operations(bench: Bench, plan: tuple[DarkPart, Plan] | None, relief: Relief | None) -> int:
    """Switches turned to restore supply."""
    count = 0 if plan is None else plan[0].operations(plan[1])
    return count if relief is None else count + 1 + len(bench.found.open_switches(relief.tie_edge))


def _open_points(bench: Bench, plan: tuple[DarkPart, Plan] | None, relief: Relief | None) -> list[str]:
    """Ids of the elements whose open switches are closed."""
    if plan is None:
        return []
    part, labels = plan
    closed = [part.tie_edge[tie] for tie in part.closed(labels)]
    return [bench.found.element(edge)[1] for edge in ([relief.tie_edge] if relief else []) + closed]


def _steps(bench: Bench, one: OutageFacts) -> list[Step]:
    outage, found = one.outage, bench.found
    steps = [(outage.table, outage.element_id, "out", "the outage")]
    if outage.edge >= 0:
        steps += [
            ("switches", found.switch_id(row), "open", f"isolates {outage.element_id}")
            for row in found.closed_switches(outage.edge)
        ]
    if (relief := _relief_of(one)) is not None:
        steps += _relieving_steps(bench, relief)
    return steps + ([] if (plan := _plan_of(one)) is None else restoring_steps(bench, *plan))


def _relieving_steps(bench: Bench, relief: Relief) -> list[Step]:
    """Steps that make room where supply is; radial at each, so what is moved is off in between."""
    kw = moved_kw(bench, relief)
    into = bench.found.element(relief.tie_edge)[1]
    opened = _opening_step(
        bench, relief.cut, from_above=True, reason=f"makes room: moves {kw:,.1f} kW to {into}"
    )
    return [opened, *_closing_steps(bench, relief.tie_edge, relief.bus, f"takes over {kw:,.1f} kW")]


def restoring_steps(bench: Bench, part: DarkPart, plan: Plan) -> list[Step]:
    """Table, id, state and reason of a plan's steps: first all that opens, then all that closes."""
    found = bench.found
    steps = []
    for cut, from_above in part.opened(plan):
        reason = f"divides the dark part at {found.element(int(found.cut_edge[cut]))[1]}"
        steps.append(_opening_step(bench, cut, from_above=from_above, reason=reason))
    for tie in part.closed(plan):
        kw = float(part.kw[np.asarray(plan) == tie].sum())
        reason = f"supplies {kw:,.1f} kW through {found.element(part.tie_edge[tie])[1]}"
        steps += _closing_steps(bench, part.tie_edge[tie], part.tie_bus[tie], reason)
    return steps


def _opening_step(bench: Bench, cut: int, *, from_above: bool, reason: str) -> Step:
    found, edge = bench.found, int(bench.found.cut_edge[cut])
    row = switch_to_open(found, edge, from_above=from_above)
    if row is None:
        return (*found.element(edge), "out", reason)
    return "switches", found.switch_id(row), "open", reason


def _closing_steps(bench: Bench, edge: int, bus: int, reason: str) -> list[Step]:
    """The end in the part to be fed first: the last switch closed is the one that brings the voltage."""
    found = bench.found
    at = found.network.switches["bus_id"].to_numpy()
    inside = str(found.network.buses.index[bus])
    rows = sorted(found.open_switches(edge), key=lambda row: str(at[row]) != inside)
    return [("switches", found.switch_id(row), "closed", reason) for row in rows]


def _reason(one: OutageFacts) -> str:
    text = STATUSES[one.status]
    if not one.worst.check:
        return text
    what = f"{one.worst.check} of {one.worst.table} {one.worst.element_id}".rstrip()
    if one.worst.check == "no_solution":
        return f"{text}; without solution, the voltage collapses at {one.worst.element_id}"
    return f"{text}; {what}, {one.worst.excess_percent:.1f} % over the limit"
