"""The switching plan after a fault: what trips, isolate, restore upstream, restore through open points.

        source ==[trips]== K1 ==o== K2 (fault) ==o== K3 ==open point== other feeder
        1 isolate K2 upstream   2 reclose   3 isolate K2 downstream   4 close the open point   5 repair

A switch opened so that an open point feeds only a part of what is dark is a step of the stage "divide".

Every step is a switching state that is solved: voltages, loadings, radial. What cannot be fed without a new
violation stays dark until the repair, with the reason. One crew moves by hand, one switch after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.checks import Yardstick
from capacity.security.practice import Practice, failure_figures
from capacity.security.protection import Trip, same_device, trip
from capacity.security.sections import Sections, fault_sections, find_sections
from capacity.security.switched import OK, Judged, Switched, base_of, judge_states, may_hold
from gridmodel import GridModel, Scenario

STEP_COLUMNS = (
    "step", "stage", "action", "table", "element_id", "kind", "by", "minute", "customers_back", "kw_back",
    "customers_off", "kw_off", "status", "reason", "vm_min_pu", "vm_min_bus_id", "line_loading_max_percent",
    "line_id", "transformer_loading_max_percent", "transformer_id", "new_violations", "radial", "geometry",
)  # fmt: skip
TRIP, ISOLATE, UPSTREAM, DIVIDE, DOWNSTREAM, REPAIR = (
    "trip", "isolate", "restore_upstream", "divide", "restore_downstream", "repair",
)  # fmt: skip
# What an element is after the last step, beside the number of the step that restored it.
UNTOUCHED, DARK, FAULTY = 0, -1, -2
# Most open points closed for one fault; a feeder has a handful.
MOST_ROUNDS = 50
# Choices solved in one batch: the best are usually among the first.
TRIED_AT_ONCE = 128
JUDGED_AT_ONCE = 16


@dataclass(frozen=True)
class _Move:
    """Rows of the cuts that one operation moves."""

    stage: str
    rows: tuple[int, ...]
    close: bool


@dataclass(frozen=True)
class _Block:
    """Why an open point could not feed all that is dark behind it, and the element that breaks most."""

    reason: str
    element: tuple[str, str] | None


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

    def figures(self) -> dict[str, object]:
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


@dataclass(frozen=True, eq=False)
class _Work:
    """What every part of the planning needs."""

    model: GridModel
    yardstick: Yardstick
    scenario: Scenario
    practice: Practice
    sections: Sections
    faulty: np.ndarray
    kw: np.ndarray
    customers: np.ndarray
    base: Switched
    blocked: dict[int, _Block] = field(default_factory=dict)
    failed: set[tuple[object, ...]] = field(default_factory=set)


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
    work = _Work(model, yardstick, scenario, practice, sections, faulty, kw, customers, base)
    tripped = trip(sections, practice, faulty)
    moves = list(_moves(work, tripped))
    return _plan(work, fault, tripped, moves)


def section_load(sections: Sections, scenario: Scenario) -> tuple[np.ndarray, np.ndarray]:
    """Demand [kW] and customers per section, in one scenario."""
    loads = sections.network.loads
    at = sections.of("buses", loads["bus_id"])
    known = at >= 0
    customers = loads["customers"].where(loads["in_service"], 0).to_numpy(dtype=float)
    kw = scenario.demand_kw(loads).to_numpy()
    return tuple(  # type: ignore[return-value]
        np.bincount(at[known], weights[known], minlength=sections.count) for weights in (kw, customers)
    )


def _moves(work: _Work, tripped: Trip) -> Iterator[_Move]:
    """All operations in order; the state is carried along in `closed`."""
    cuts, faulty = work.sections.cuts, work.faulty
    edge = work.sections.touching(faulty)
    closed = tripped.closed.copy()
    reclosing = cuts["closed"].to_numpy() & ~closed & ~same_device(cuts, edge)
    live = work.sections.fed(closed | reclosing, without=faulty)
    outer = _outer(cuts, faulty)
    yield from _open(cuts, closed, edge & live[outer])
    for rows in _devices(cuts, reclosing):
        closed[list(rows)] = True
        yield _Move(UPSTREAM, rows, True)
    yield from _restore(work, closed, edge)
    yield from _open(cuts, closed, edge)


def _open(cuts: pd.DataFrame, closed: np.ndarray, flags: np.ndarray) -> Iterator[_Move]:
    """Open what is still closed of the flagged cuts."""
    for rows in _devices(cuts, flags & closed):
        closed[list(rows)] = False
        yield _Move(ISOLATE, rows, False)


def _devices(cuts: pd.DataFrame, flags: np.ndarray) -> list[tuple[int, ...]]:
    """Rows of the cuts per device of the flagged ones."""
    found = {}
    for row in np.flatnonzero(flags):
        table, element_id = cuts["table"].iloc[row], cuts["element_id"].iloc[row]
        if (table, element_id) not in found:
            own = ((cuts["table"] == table) & (cuts["element_id"] == element_id)).to_numpy()
            found[table, element_id] = tuple(np.flatnonzero(own).tolist())
    return list(found.values())


def _outer(cuts: pd.DataFrame, inside: np.ndarray) -> np.ndarray:
    """Section per cut beyond the flagged ones."""
    a, b = cuts["a"].to_numpy(), cuts["b"].to_numpy()
    return np.where(inside[a], b, a)


def _restore(work: _Work, closed: np.ndarray, edge: np.ndarray) -> Iterator[_Move]:
    """Close open points towards what is dead, the one that brings back most first, while the limits hold."""
    cuts = work.sections.cuts
    for _ in range(MOST_ROUNDS):
        choices = _choices(work, closed, edge)
        best = _best(work, choices)
        if best is None:
            return
        island = work.sections.islands(closed, without=work.faulty)
        near = edge & (island[_outer(cuts, work.faulty)] == island[best.dead])
        yield from _open(cuts, closed, near)
        if best.split:
            closed[list(best.split)] = False
            yield _Move(DIVIDE, best.split, False)
        closed[list(best.tie)] = True
        yield _Move(DOWNSTREAM, best.tie, True)


@dataclass(frozen=True, eq=False)
class _Choice:
    """One open point, what is opened before so that it feeds only a part, and what it would bring back."""

    tie: tuple[int, ...]
    split: tuple[int, ...]
    dead: int
    closed: np.ndarray
    kw: float
    customers: float
    by_hand: int

    @property
    def key(self) -> tuple[object, ...]:
        """What it would do: one that fails once fails later too, when more is fed from the same side."""
        return self.tie, self.split, round(self.kw, 3), self.customers


def _choices(work: _Work, closed: np.ndarray, edge: np.ndarray) -> list[_Choice]:
    """Every open point between what is fed and what is dead, whole or with one switch opened before."""
    sections, cuts, faulty = work.sections, work.sections.cuts, work.faulty
    fed = sections.fed(closed, without=faulty)
    island = sections.islands(closed, without=faulty)
    a, b = cuts["a"].to_numpy(), cuts["b"].to_numpy()
    usable = cuts["kind"].isin(work.practice.operation.under_load).to_numpy()
    lost = work.base.fed & ~fed & ~faulty
    ties = ~closed & ~edge & (a >= 0) & (b >= 0) & ((fed[a] & lost[b]) | (fed[b] & lost[a]))
    _note_blocked(work, ties & ~usable)
    apart = closed & ~edge
    found = []
    for rows in _devices(cuts, ties & usable):
        dead = int(b[rows[0]] if fed[a[rows[0]]] else a[rows[0]])
        within = apart & (island[a] == island[dead]) & (island[b] == island[dead]) & (a != b)
        within &= (cuts["vn_kv"] >= cuts["vn_kv"].iloc[rows[0]]).to_numpy()
        for split in [(), *_devices(cuts, within)]:
            found.append(_choice(work, closed & ~edge, rows, split, dead, fed))  # noqa: PERF401
    return [choice for choice in found if choice.kw > 0 or choice.customers > 0]


def _choice(
    work: _Work, closed: np.ndarray, tie: tuple[int, ...], split: tuple[int, ...], dead: int, fed: np.ndarray
) -> _Choice:
    state = closed.copy()
    state[list(split)] = False
    state[list(tie)] = True
    back = work.sections.fed(state, without=work.faulty) & ~fed
    rows = work.sections.cuts.iloc[[tie[0], *split[:1]]]
    by_hand = sum(not work.practice.operation.is_remote(row.kind, row.vn_kv) for row in rows.itertuples())
    return _Choice(tie, split, dead, state, work.kw[back].sum(), work.customers[back].sum(), by_hand)


def _best(work: _Work, choices: list[_Choice]) -> _Choice | None:
    """Of the choices that hold every limit the one that brings back most; where equal, fewest by hand."""
    untried = (one for one in choices if one.key not in work.failed)
    ranked = sorted(untried, key=lambda one: (-one.kw, -one.customers, len(one.split) > 0, one.by_hand))
    for start in range(0, len(ranked), TRIED_AT_ONCE):
        some = ranked[start : start + TRIED_AT_ONCE]
        holds = may_hold(work.model, work.scenario, work.base, [one.closed for one in some])
        # Those that feed all that is dark are judged even so: their reason is told.
        asked = [one for one, may in zip(some, holds, strict=True) if may or not one.split]
        work.failed.update(one.key for one in some if one not in asked)
        if (found := _first_that_holds(work, asked)) is not None:
            return found
    return None


def _first_that_holds(work: _Work, choices: list[_Choice]) -> _Choice | None:
    """The first choice that holds every limit, judged exactly, a few at once."""
    for start in range(0, len(choices), JUDGED_AT_ONCE):
        some = choices[start : start + JUDGED_AT_ONCE]
        for choice, one in zip(some, _judged(work, some), strict=True):
            if one.status == OK:
                return choice
            work.failed.add(choice.key)
    return None


def _judged(work: _Work, choices: list[_Choice]) -> list[Judged]:
    """Judge choices; where one of a whole dark part does not hold, keep the reason."""
    states = [choice.closed for choice in choices]
    judged = judge_states(work.model, work.yardstick, work.scenario, work.base, states)
    for choice, one in zip(choices, judged, strict=True):
        if one.status != OK and not choice.split:
            work.blocked[choice.tie[0]] = _Block(one.reason, one.worst)
    return judged


def _note_blocked(work: _Work, ties: np.ndarray) -> None:
    for row in np.flatnonzero(ties):
        kind = work.sections.cuts["kind"].iloc[row]
        work.blocked.setdefault(int(row), _Block(f"a {kind} must not be closed under load", None))


def _plan(work: _Work, fault: tuple[str, str], tripped: Trip, moves: list[_Move]) -> SwitchingPlan:
    """Carry the operations out one by one, solve every state, and say who is back when."""
    states = [tripped.closed]
    for move in moves:
        state = states[-1].copy()
        state[list(move.rows)] = move.close
        states.append(state)
    judged = judge_states(work.model, work.yardstick, work.scenario, work.base, states)
    back, part = _parts(work, states)
    figures = failure_figures(work.model.network, work.practice)
    own = figures[(figures["table"] == fault[0]) & (figures["element_id"] == fault[1])]
    # A switch is repaired in the time of what it stands at.
    repair_h = float(own["repair_h"].iloc[0]) if len(own) else _repair_h(work, figures)
    steps = _steps(work, tripped, moves, judged, back, repair_h)
    return SwitchingPlan(
        *fault,
        faulty=work.sections.elements(np.flatnonzero(work.faulty))[["table", "element_id"]],
        devices=tripped.devices,
        steps=steps,
        loads=_loads(work, back, steps),
        parts=part,
        left=_left(work, back, len(states), states[-1]),
        scenario=work.scenario,
        practice=work.practice,
        base_customers=int(work.customers[work.base.fed].sum()),
        base_kw=float(work.kw[work.base.fed].sum()),
    )


def _parts(work: _Work, states: list[np.ndarray]) -> tuple[np.ndarray, pd.DataFrame]:
    """Step that brings each section back (0: never off, number of states: the repair), and per element."""
    sections, count = work.sections, len(states)
    back = np.zeros(sections.count, dtype=int)
    back[work.base.fed] = count
    for step in range(count - 1, -1, -1):
        # What is fed in this state and in all later ones came back here at the latest.
        fed = sections.fed(states[step], without=work.faulty)
        back[fed & (back == step + 1)] = step
    part = np.where(back == count, DARK, back)
    part[work.faulty & work.base.fed] = FAULTY
    elements = sections.elements(range(sections.count))
    elements = elements[elements["table"] != "sources"]
    listed = elements.assign(part=part[elements["section"].to_numpy()])
    return back, listed[["table", "element_id", "part"]].reset_index(drop=True)


def _repair_h(work: _Work, figures: pd.DataFrame) -> float:
    """Longest repair time of what is in the faulty section."""
    faulty = work.sections.elements(np.flatnonzero(work.faulty))
    return float(faulty.merge(figures, on=["table", "element_id"])["repair_h"].max())


def _steps(
    work: _Work,
    tripped: Trip,
    moves: list[_Move],
    judged: list[Judged],
    back: np.ndarray,
    repair_h: float,
) -> gpd.GeoDataFrame:
    cuts, count = work.sections.cuts, len(moves) + 1
    minutes = _clock(work.practice)
    off = (back > 0) & work.base.fed
    rows, minute = [_trip_row(work, tripped, judged[0])], 0.0
    for move, one in zip(moves, judged[1:], strict=True):
        cut = cuts.iloc[move.rows[0]]
        remote = work.practice.operation.is_remote(cut["kind"], cut["vn_kv"])
        minute = minutes(remote)
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
    rows.append(_repair_row(work, max(60.0 * repair_h, minute)))
    steps = pd.DataFrame(rows)
    steps.insert(0, "step", range(count + 1))
    for name, weights in (("customers", work.customers), ("kw", work.kw)):
        brought = np.bincount(back[off], weights[off], minlength=count + 1)
        steps[f"{name}_back"] = brought
        steps[f"{name}_off"] = brought[::-1].cumsum()[::-1] - brought
    steps = steps.astype({"customers_back": int, "customers_off": int})
    return gpd.GeoDataFrame(steps[list(STEP_COLUMNS)], geometry="geometry", crs=work.model.network.crs)


def _clock(practice: Practice) -> Callable[[bool], float]:
    """Minutes from the fault to the end of the next operation, given whether it is remote."""
    minutes = practice.minutes
    now, on_site = minutes.notice + minutes.locate, False

    def after(remote: bool) -> float:
        nonlocal now, on_site
        if remote:
            now += minutes.remote
        else:
            now += minutes.manual + (0.0 if on_site else minutes.travel)
            on_site = True
        return now

    return after


def _action(table: str, *, close: bool) -> str:
    if table == "switches":
        return "close" if close else "open"
    return "switch on" if close else "switch off"


def _trip_row(work: _Work, tripped: Trip, judged: Judged) -> dict[str, object]:
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


def _repair_row(work: _Work, minute: float) -> dict[str, object]:
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


def _loads(work: _Work, back: np.ndarray, steps: pd.DataFrame) -> pd.DataFrame:
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


def _left(work: _Work, back: np.ndarray, count: int, closed: np.ndarray) -> pd.DataFrame:
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
    work: _Work, flags: np.ndarray, reason: str, element: tuple[str, str] | None
) -> dict[str, object]:
    table, element_id = element or (None, None)
    return {
        "customers": int(work.customers[flags].sum()), "kw": float(work.kw[flags].sum()), "reason": reason,
        "limited_by_table": table, "limited_by_id": element_id,
    }  # fmt: skip


def _why_dark(work: _Work, inside: np.ndarray) -> tuple[str, tuple[str, str] | None]:
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
