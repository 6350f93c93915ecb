"""The switching plan after a fault: what trips, isolate, restore upstream, restore through open points.

        source ==[trips]== K1 ==o== K2 (fault) ==o== K3 ==open point== other feeder
        1 isolate K2 upstream   2 reclose   3 isolate K2 downstream   4 close the open point   5 repair

A switch opened so that an open point feeds only a part of what is dark is a step of the stage "divide".

Every step is a switching state that is solved: voltages, loadings, radial. What cannot be fed without a new
violation stays dark until the repair, with the reason. One crew moves by hand, one switch after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.checks import Yardstick
from capacity.security.open_points import restore
from capacity.security.practice import Practice, failure_figures
from capacity.security.protection import Trip, same_device, trip
from capacity.security.searched_order import searched_restoration
from capacity.security.sections import fault_sections, find_sections
from capacity.security.switched import base_of, judge_states
from capacity.security.switching_steps import (
    DARK,
    FAULTY,
    UNTOUCHED,
    left_of,
    loads_of,
    parts_of,
    steps_of,
)
from capacity.security.switching_work import (
    UPSTREAM,
    Move,
    Work,
    back_of,
    beyond,
    devices,
    lost_kwh,
    opened,
    section_load,
    states_of,
    worth_it,
)
from gridmodel import GridModel, Scenario

__all__ = ["DARK", "FAULTY", "UNTOUCHED", "SwitchingPlan", "plan_switching"]


@dataclass(frozen=True, eq=False)
class SwitchingPlan:
    """What is switched after a fault, in order, and whom it brings back.

    Attributes
    ----------
    table, element_id
        What failed.
    faulty
        Elements of the section that stays dead until the repair: table, element_id.
    devices
        What tripped (`protection.DEVICE_COLUMNS`).
    steps
        Columns `STEP_COLUMNS`. minute counts from the fault to the end of the step; customers_back and
        kw_back are what the step brings back, customers_off and kw_off who is still off after it. status:
        "ok", "limits" (new violations), "not_radial", or that of `TopologyResults` without a solution; "none"
        for the repair. new_violations: limits broken that the normal state holds.
    loads
        Indexed by load_id, the loads off supply: bus_id, customers, kw, step and minute that bring it back.
    parts
        table, element_id, part of every line, transformer and bus: number of the step that restored it,
        `UNTOUCHED`, `DARK` until the repair, or `FAULTY`.
    left
        Why load stays dark until the repair: customers, kw, reason, limiting element.
    """

    table: str
    element_id: str
    faulty: pd.DataFrame
    devices: pd.DataFrame
    steps: gpd.GeoDataFrame
    loads: pd.DataFrame
    parts: pd.DataFrame
    left: pd.DataFrame
    scenario: Scenario
    practice: Practice
    base_customers: int
    base_kw: float

    def figures(self) -> dict[str, Any]:
        """Key figures: customers and kW off at once, back by switching, left until repair; energy [kWh]."""
        loads, steps = self.loads, self.steps
        repaired = loads["step"] == int(steps["step"].iloc[-1])
        minutes = steps["minute"]
        return {
            "customers_off": int(loads["customers"].sum()),
            "kw_off": float(loads["kw"].sum()),
            "customers_restored": int(loads["customers"][~repaired].sum()),
            "kw_restored": float(loads["kw"][~repaired].sum()),
            "customers_left": int(loads["customers"][repaired].sum()),
            "kw_left": float(loads["kw"][repaired].sum()),
            "switching_minutes": float(minutes.iloc[-2]) if len(steps) > 1 else 0.0,
            "repair_minutes": float(minutes.iloc[-1]),
            "energy_not_supplied_kwh": float((loads["kw"] * loads["minute"]).sum() / 60.0),
            "customer_minutes": float((loads["customers"] * loads["minute"]).sum()),
            "limits_hold": bool(steps["status"].isin(["ok", "none"]).all()),
        }


def plan_switching(
    model: GridModel,
    yardstick: Yardstick,
    scenario: Scenario,
    fault: tuple[str, str],
    practice: Practice,
) -> SwitchingPlan:
    """Plan the switching after the fault of an element.

    Parameters
    ----------
    yardstick
        Limits over the model's network; a step may break none that the normal state holds.
    fault
        Table ("lines", "transformers", "buses", "sources", "switches") and id; `sections.fault_table` tells
        the table of an id.

    Raises
    ------
    InputError
        The engine cannot represent the network, or the practice has no figures for its elements.
    KeyError
        No such element.
    """
    network = model.network
    if fault[1] not in network.table(fault[0]).index:
        raise KeyError(f"the network has no {fault[0]} {fault[1]!r}")
    sections = find_sections(network)
    faulty = fault_sections(sections, *fault)
    kw, customers = section_load(sections, scenario)
    base = base_of(model, yardstick, scenario, sections)
    work = Work(model, yardstick, scenario, practice, sections, faulty, kw, customers, sections.kv(), base)
    tripped = trip(sections, practice, faulty)
    repair_minute = 60.0 * _repair_h(work, fault)
    return _plan(work, fault, tripped, _moves(work, fault, tripped, repair_minute), repair_minute)


def _moves(work: Work, fault: tuple[str, str], tripped: Trip, repair_minute: float) -> list[Move]:
    """All operations in order."""
    cuts, faulty = work.sections.cuts, work.faulty
    edge = work.sections.touching(faulty)
    closed = tripped.closed.copy()
    reclosing = cuts["closed"].to_numpy() & ~closed & ~same_device(cuts, edge)
    live = work.sections.fed(closed | reclosing, without=faulty)
    first = list(opened(cuts, closed, edge & live[beyond(cuts, faulty)]))
    for rows in devices(cuts, reclosing):
        closed[list(rows)] = True
        first.append(Move(UPSTREAM, rows, True))
    ways = [[*first, *way] for way in _ways(work, fault, closed, edge)]
    kept = [worth_it(work, tripped.closed, way, repair_minute) for way in ways]
    best = min(kept, key=lambda way: lost_kwh(work, tripped.closed, way, repair_minute))
    final = states_of(tripped.closed, best)[-1].copy()
    return [*best, *opened(cuts, final, edge)]


def _ways(work: Work, fault: tuple[str, str], closed: np.ndarray, edge: np.ndarray) -> Iterator[list[Move]]:
    """Ways to restore what is dark: one open point after the other, and what the search of N-1 found."""
    yield list(restore(work, closed.copy(), edge))
    if searched := searched_restoration(work, fault, closed, edge):
        yield [*searched, *restore(work, states_of(closed, searched)[-1].copy(), edge)]


def _plan(
    work: Work, fault: tuple[str, str], tripped: Trip, moves: list[Move], repair_minute: float
) -> SwitchingPlan:
    """Carry the operations out one by one, solve every state, and say who is back when."""
    states = states_of(tripped.closed, moves)
    judged = judge_states(work.model, work.yardstick, work.scenario, work.base, states)
    back = back_of(work, states)
    steps = steps_of(work, tripped, moves, judged, back, repair_minute)
    return SwitchingPlan(
        *fault,
        faulty=work.sections.elements(np.flatnonzero(work.faulty))[["table", "element_id"]],
        devices=tripped.devices,
        steps=steps,
        loads=loads_of(work, back, steps),
        parts=parts_of(work, back, len(states)),
        left=left_of(work, back, len(states), states[-1]),
        scenario=work.scenario,
        practice=work.practice,
        base_customers=int(work.customers[work.base.fed].sum()),
        base_kw=float(work.kw[work.base.fed].sum()),
    )


def _repair_h(work: Work, fault: tuple[str, str]) -> float:
    """Repair time [h] of what failed; of a switch the longest in the sections at both its sides."""
    figures = failure_figures(work.model.network, work.practice)
    own = figures[(figures["table"] == fault[0]) & (figures["element_id"] == fault[1])]
    faulty = work.sections.elements(np.flatnonzero(work.faulty))
    return float((own if len(own) else faulty.merge(figures, on=["table", "element_id"]))["repair_h"].max())
