"""What planning a switching order carries along: the state of the cuts, who is dark, the operations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from capacity.checks import Yardstick
from capacity.security.practice import Practice
from capacity.security.sections import Sections
from capacity.security.switched import Switched
from gridmodel import GridModel, Scenario

TRIP, ISOLATE, UPSTREAM, DIVIDE, DOWNSTREAM, REPAIR = (
    "trip", "isolate", "restore_upstream", "divide", "restore_downstream", "repair",
)  # fmt: skip


@dataclass(frozen=True)
class Move:
    """Rows of the cuts that one operation moves."""

    stage: str
    rows: tuple[int, ...]
    close: bool


@dataclass(frozen=True)
class Block:
    """Why an open point could not feed all that is dark behind it, and the element that breaks most."""

    reason: str
    element: tuple[str, str] | None


@dataclass(frozen=True, eq=False)
class Work:
    """What every part of the planning needs."""

    model: GridModel
    yardstick: Yardstick
    scenario: Scenario
    practice: Practice
    sections: Sections
    faulty: np.ndarray
    kw: np.ndarray
    customers: np.ndarray
    kv: np.ndarray
    base: Switched
    blocked: dict[int, Block] = field(default_factory=dict)
    failed: set[tuple[object, ...]] = field(default_factory=set)


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


def opened(cuts: pd.DataFrame, closed: np.ndarray, flags: np.ndarray) -> Iterator[Move]:
    """Open what is still closed of the flagged cuts."""
    for rows in devices(cuts, flags & closed):
        closed[list(rows)] = False
        yield Move(ISOLATE, rows, False)


def devices(cuts: pd.DataFrame, flags: np.ndarray) -> list[tuple[int, ...]]:
    """Rows of the cuts per device of the flagged ones."""
    found = {}
    for row in np.flatnonzero(flags):
        table, element_id = cuts["table"].iloc[row], cuts["element_id"].iloc[row]
        if (table, element_id) not in found:
            own = ((cuts["table"] == table) & (cuts["element_id"] == element_id)).to_numpy()
            found[table, element_id] = tuple(np.flatnonzero(own).tolist())
    return list(found.values())


def beyond(cuts: pd.DataFrame, inside: np.ndarray) -> np.ndarray:
    """Section per cut beyond the flagged ones."""
    a, b = cuts["a"].to_numpy(), cuts["b"].to_numpy()
    return np.where(inside[a], b, a)


def states_of(closed: np.ndarray, moves: Sequence[Move]) -> list[np.ndarray]:
    """State of the cuts before the first operation and after each."""
    states = [closed]
    for move in moves:
        state = states[-1].copy()
        state[list(move.rows)] = move.close
        states.append(state)
    return states


def back_of(work: Work, states: Sequence[np.ndarray]) -> np.ndarray:
    """Step that brings each section back: 0 never off, the number of states where only the repair does."""
    back = np.where(work.base.fed, len(states), 0)
    for step in range(len(states) - 1, -1, -1):
        fed = work.sections.fed(states[step], without=work.faulty)
        back[fed & (back == step + 1)] = step
    return np.asarray(back)


def minutes_of(work: Work, moves: Sequence[Move]) -> list[float]:
    """Minutes from the fault to the end of each operation; one crew moves by hand, switch after switch."""
    minutes, cuts = work.practice.minutes, work.sections.cuts
    now, on_site, ends = minutes.notice + minutes.locate, False, []
    for move in moves:
        row = move.rows[0]
        if work.practice.operation.is_remote(cuts["kind"].iloc[row], cuts["vn_kv"].iloc[row]):
            now += minutes.remote
        else:
            now += minutes.manual + (0.0 if on_site else minutes.travel)
            on_site = True
        ends.append(now)
    return ends


def worth_it(work: Work, closed: np.ndarray, moves: Sequence[Move], repair_minute: float) -> list[Move]:
    """The operations up to the last that brings anybody back before the repair does."""
    back = back_of(work, states_of(closed, moves))
    used = set(back[(work.kw > 0) | (work.customers > 0)].tolist())
    minutes = minutes_of(work, moves)
    last = max(
        (n for n, minute in enumerate(minutes, start=1) if n in used and minute < repair_minute), default=0
    )
    return list(moves[:last])


def lost_kwh(work: Work, closed: np.ndarray, moves: Sequence[Move], repair_minute: float) -> float:
    """Energy not supplied until the repair [kWh]."""
    back = back_of(work, states_of(closed, moves))
    minutes = np.array([0.0, *minutes_of(work, moves), repair_minute])
    return float((work.kw * minutes[back]).sum() / 60.0)
