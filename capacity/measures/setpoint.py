"""Measures `oltc_setpoint` and `line_drop_compensation`: the voltage a busbar is held at.

A set-point is one voltage for all cases; compensation lets it follow the load of the busbar along a straight
line between its least and its largest load. Neither moves a band that counts from the busbar.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from capacity.measures.measure import Measure
from capacity.measures.operating_figures import operating_figures
from capacity.measures.proposals import NotProposed
from capacity.measures.situation import Situation, switching_groups
from capacity.measures.strain import strain_of
from capacity.measures.voltage_controls import (
    Cells,
    Control,
    control_of_buses,
    controls_of,
    untapped,
)
from gis.changes import NetworkChanges, apply_changes, cells_of
from gis.feeders import trace_supply

SETPOINT, COMPENSATION = "oltc_setpoint", "line_drop_compensation"
ITEM = "setpoint_change"
UP, DOWN = 1, -1
# Voltages are told with so many digits.
_DIGITS = 4


def propose_oltc_setpoint(situation: Situation) -> Iterator[Measure | NotProposed]:
    """Propose every step of the set-point towards which some voltage in an absolute band asks."""
    for control, sides in _asked(situation):
        if not situation.costs.has(ITEM):
            yield _no_price(situation, SETPOINT, control)
            continue
        known: set[tuple[Cells, ...]] = set()
        for set_pu in _steps(control, sides):
            cells = _cells(control, np.full(len(control.vm_pu), set_pu))
            if isinstance(cells, str):
                yield NotProposed(SETPOINT, control.table, control.ids[0], cells)
            elif cells not in known and not all(control.is_now(one) for one in cells):
                known.add(cells)
                yield _setpoint(situation, control, set_pu, cells)
    if len(_voltages(situation)):
        yield from untapped(situation, SETPOINT)


def propose_line_drop_compensation(situation: Situation) -> Iterator[Measure | NotProposed]:
    """Propose set-points that follow the load, where cases of different load are given."""
    for control, sides in _asked(situation):
        load_kw = _loads_kw(situation, control.bus)
        if not situation.costs.has(ITEM):
            yield _no_price(situation, COMPENSATION, control)
        elif np.ptp(load_kw) <= 0.0:
            reason = "all cases draw the same from its busbar, a fixed set-point does as much"
            yield NotProposed(COMPENSATION, control.table, control.ids[0], reason)
        else:
            for least_pu, most_pu in _slopes(control, sides):
                yield _compensation(situation, control, load_kw, (least_pu, most_pu))


def _asked(situation: Situation) -> Iterator[tuple[Control, set[int]]]:
    """Controls with the sides to which voltages in absolute bands ask them to go."""
    controls = controls_of(situation)
    held = control_of_buses(situation, controls)
    rows = _voltages(situation)
    bus = situation.network.buses.index.get_indexer(rows["element_id"])
    sides = np.where(rows["check"] == "undervoltage", UP, DOWN)
    for number, control in enumerate(controls):
        own = {int(side) for side in sides[held[bus] == number]}
        if own:
            yield control, own


def _voltages(situation: Situation) -> pd.DataFrame:
    """Voltages out of a band that counts from the nominal voltage."""
    broken = strain_of(situation).broken
    rows = broken[broken["table"] == "buses"]
    bus = situation.network.buses.index.get_indexer(rows["element_id"])
    return rows[~situation.yardstick.bands["from_busbar"].to_numpy(dtype=bool)[bus]]


def _steps(control: Control, sides: set[int]) -> list[float]:
    """Set-points within reach, nearest first [pu]."""
    figures = operating_figures().oltc_setpoint
    most = int(np.ceil((figures.highest_pu - figures.lowest_pu) / figures.step_pu))
    steps = [side * k * figures.step_pu for k in range(1, most + 1) for side in sorted(sides)]
    # A busbar outside the range already may be brought towards it.
    low, high = min(figures.lowest_pu, control.now_pu), max(figures.highest_pu, control.now_pu)
    within = (control.now_pu + step for step in steps)
    return [round(one, _DIGITS) for one in within if low - 1e-9 <= one <= high + 1e-9]


def _slopes(control: Control, sides: set[int]) -> list[tuple[float, float]]:
    """Set-points at the least and at the largest load [pu]."""
    figures, found = operating_figures(), []
    for span in figures.line_drop_compensation.spans_pu:
        lifts = {0.5 * span, *([span] if UP in sides else []), *([0.0] if DOWN in sides else [])}
        found += [(control.now_pu + lift - span, control.now_pu + lift) for lift in sorted(lifts)]
    reach = figures.oltc_setpoint
    return [
        (round(low, _DIGITS), round(high, _DIGITS))
        for low, high in found
        if reach.lowest_pu - 1e-9 <= low and high <= reach.highest_pu + 1e-9
    ]


def _loads_kw(situation: Situation, bus: int) -> np.ndarray:
    """Active power that each case draws from a busbar [kW], in its own switching state, without losses."""
    network, kva = situation.network, situation.cases.kva
    found = np.zeros(len(kva))
    for rows, changes in switching_groups(situation.cases):
        supply = trace_supply(apply_changes(network, changes)) if len(changes.cells) else situation.supply
        for row in rows:
            drawn = pd.Series(kva[row].real, network.buses.index)
            found[row] = supply.sum_downstream(drawn).iloc[bus]
    return found


def _cells(control: Control, set_pu: np.ndarray) -> tuple[Cells, ...] | str:
    """Cells per case for a set-point per case, or why there are none."""
    found = []
    for case, one in enumerate(set_pu):
        cells = control.cells(float(one), case)
        if isinstance(cells, str):
            return cells
        found.append(cells)
    return tuple(found)


def _setpoint(situation: Situation, control: Control, set_pu: float, cells: tuple[Cells, ...]) -> Measure:
    """A voltage for all cases: of a source one cell, of a transformer the tap that holds it in each case."""
    ids = situation.cases.labels.index
    fixed = cells[0] if len(set(cells)) == 1 else ()
    return Measure(
        measure_id=f"{SETPOINT}|{control.ids[0]}|{set_pu:.3f}",
        kind=SETPOINT,
        table=control.table,
        element_id=control.ids[0],
        changes=NetworkChanges(cells=cells_of(*fixed)),
        cost=situation.costs.cost(ITEM, 1.0),
        months=situation.costs.months(ITEM),
        text=f"hold the busbar {_busbar(situation, control)} at {set_pu:.3f} pu, now {control.now_pu:.3f}",
        from_type=f"{control.now_pu:.3f} pu",
        to_type=f"{set_pu:.3f} pu",
        cells_in={} if fixed else {str(case): cells_of(*one) for case, one in zip(ids, cells, strict=True)},
        reversible=True,
        geometry=situation.network.table(control.table).geometry[control.ids[0]],
    )


def _compensation(
    situation: Situation, control: Control, load_kw: np.ndarray, set_pu: tuple[float, float]
) -> Measure | NotProposed:
    """Set-point per case on the line from the least to the largest load; the network keeps that of today."""
    first, ends_kw = control.ids[0], (float(load_kw.min()), float(load_kw.max()))
    cells = _cells(control, np.interp(load_kw, ends_kw, set_pu))
    if isinstance(cells, str):
        return NotProposed(COMPENSATION, control.table, first, cells)
    rule = f"{set_pu[0]:.3f} pu at {ends_kw[0]:,.0f} kW to {set_pu[1]:.3f} pu at {ends_kw[1]:,.0f} kW"
    ids = situation.cases.labels.index
    return Measure(
        measure_id=f"{COMPENSATION}|{first}|{set_pu[0]:.3f}-{set_pu[1]:.3f}",
        kind=COMPENSATION,
        table=control.table,
        element_id=first,
        changes=NetworkChanges(),
        cost=situation.costs.cost(ITEM, 1.0),
        months=situation.costs.months(ITEM),
        text=f"let the set-point of busbar {_busbar(situation, control)} follow its load: {rule}",
        from_type=f"{control.now_pu:.3f} pu",
        to_type=f"{set_pu[0]:.3f}-{set_pu[1]:.3f} pu",
        cells_in={str(case): cells_of(*one) for case, one in zip(ids, cells, strict=True)},
        reversible=True,
        geometry=situation.network.table(control.table).geometry[first],
    )


def _no_price(situation: Situation, kind: str, control: Control) -> NotProposed:
    reason = f"the cost table {situation.costs.name} has no price of {ITEM}"
    return NotProposed(kind, control.table, control.ids[0], reason)


def _busbar(situation: Situation, control: Control) -> str:
    return str(situation.network.buses.index[control.bus])
