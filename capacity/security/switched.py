"""Switched states of a network solved and judged: which limits break that the normal state holds.

A state is a flag per cut of `sections.Sections`. Bands that count from a busbar count, in a part that is fed
from elsewhere, from the busbar that feeds it then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from capacity.checks import State, Yardstick, broken_limits, make_yardstick
from capacity.security.sections import Sections
from gis.changes import NetworkChanges, apply_changes, cells_of
from gridmodel import KEEP_ALL, GridModel, Keep, Scenario, TopologyResults, run_topologies

if TYPE_CHECKING:
    from gridmodel.engine.bounds import Bounds

# A limit that the normal state breaks already counts again when its excess grows by more than this [% of
# the limit]: half of what a meter of class 0.2 can tell. One that holds normally has no such room.
WORSE_PERCENT = 0.1
OK, LIMITS, NOT_RADIAL = "ok", "limits", "not_radial"


@dataclass(frozen=True, eq=False)
class Switched:
    """The normal state: what it breaks, how meshed it is, and which sections it feeds.

    `eased` are the limits moved to where the normal state breaks them; none where bands count from busbars,
    which change with the state.
    """

    sections: Sections
    closed: np.ndarray
    fed: np.ndarray
    excess_percent: pd.Series
    rings: int
    sources_in_parallel: int
    eased: Bounds | None


@dataclass(frozen=True)
class Judged:
    """One state: status ("ok", "limits", "not_radial" or why there is no solution), reason, key figures."""

    status: str
    reason: str
    figures: pd.Series
    new_violations: int
    radial: bool
    worst: tuple[str, str] | None


def base_of(model: GridModel, yardstick: Yardstick, scenario: Scenario, sections: Sections) -> Switched:
    """Solve the normal state.

    Raises
    ------
    InputError
        The network has no source, or something the engine cannot represent.
    """
    closed = sections.cuts["closed"].to_numpy()
    solved = _solve(model, scenario, sections, [closed])
    found = broken_limits(yardstick, _state(solved, 0))
    return Switched(
        sections,
        closed,
        sections.fed(closed),
        _excess(found),
        int(solved.base["rings"]),
        int(solved.base["sources_in_parallel"]),
        _eased(yardstick, _state(solved, 0)),
    )


def may_hold(
    model: GridModel, scenario: Scenario, base: Switched, states: Sequence[np.ndarray]
) -> np.ndarray:
    """Sort out quickly, in one batch, states that break a limit; who passes is still to be judged."""
    if base.eased is None or not states:
        return np.ones(len(states), dtype=bool)
    cases = _solve(model, scenario, base.sections, states, bounds=base.eased, keep=None).cases
    broken = cases[["undervoltages", "overvoltages", "line_overloads", "transformer_overloads"]]
    holds = (cases["status"] == "converged") & (broken.fillna(1).sum(axis=1) == 0)
    return np.asarray(holds.to_numpy(dtype=bool))


def judge_states(
    model: GridModel,
    yardstick: Yardstick,
    scenario: Scenario,
    base: Switched,
    states: Sequence[np.ndarray],
) -> list[Judged]:
    """Solve states and judge each against the normal one."""
    if not states:
        return []
    solved = _solve(model, scenario, base.sections, states)
    return [
        _judge(_yardstick_in(yardstick, base, closed), base, solved, row) for row, closed in enumerate(states)
    ]


def changes_to(base: Switched, closed: np.ndarray) -> NetworkChanges:
    """The changes that lead from the normal state to another."""
    rows = _turned(base.sections, closed)
    return NetworkChanges(
        cells=cells_of(
            *(
                (
                    row.table,
                    row.element_id,
                    "closed" if row.table == "switches" else "in_service",
                    bool(row.to),
                )
                for row in rows.itertuples()
            )
        )
    )


def _turned(sections: Sections, closed: np.ndarray) -> pd.DataFrame:
    """What a state turns, a row per switch, transformer or source: to (True: closed or in service)."""
    turned = np.flatnonzero(sections.cuts["closed"].to_numpy() != closed)
    rows = sections.cuts[["table", "element_id"]].iloc[turned].assign(to=closed[turned])
    return rows.drop_duplicates(["table", "element_id"])


def _solve(
    model: GridModel,
    scenario: Scenario,
    sections: Sections,
    states: Sequence[np.ndarray],
    *,
    bounds: Bounds | None = None,
    keep: Keep | None = KEEP_ALL,
) -> TopologyResults:
    rows = _switch_sets(sections, states)
    return run_topologies(model, rows, scenario, bounds=bounds, keep=keep)


def _switch_sets(sections: Sections, states: Sequence[np.ndarray]) -> pd.DataFrame:
    """States as switch sets, their numbers as case ids; one that turns nothing has a row without element."""
    cuts = sections.cuts
    first = ~cuts.duplicated(["table", "element_id"]).to_numpy()
    stacked = np.stack(states)
    case, row = np.nonzero((stacked != cuts["closed"].to_numpy()) & first)
    table = cuts["table"].to_numpy()[row]
    on, switch = stacked[case, row], table == "switches"
    words = np.where(switch, np.where(on, "closed", "open"), np.where(on, "in", "out"))
    columns = {"table": table, "element_id": cuts["element_id"].to_numpy()[row], "state": words}
    idle = np.setdiff1d(np.arange(len(states)), case)
    unturned = {"table": "switches", "element_id": None, "state": "open"}
    rows = pd.concat(
        [
            pd.DataFrame({"case": case, **columns}, dtype=object),
            pd.DataFrame({"case": idle, **unturned}, dtype=object),
        ],
        ignore_index=True,
    ).sort_values("case", kind="stable")
    return rows.assign(case_id=rows["case"].astype(str))


def _eased(yardstick: Yardstick, now: State) -> Bounds | None:
    """The limits, moved to where the normal state stands where it breaks them."""
    from capacity.bounds import bounds_of  # needs numba

    if yardstick.bands["from_busbar"].any():
        return None
    bounds, slack = bounds_of(yardstick), WORSE_PERCENT / 100.0
    return replace(
        bounds,
        vm_min_pu=np.fmin(bounds.vm_min_pu, now.vm_pu - slack),
        vm_max_pu=np.fmax(bounds.vm_max_pu, now.vm_pu + slack),
        line_percent=np.fmax(bounds.line_percent, now.line_loading_percent + slack),
        transformer_percent=np.fmax(bounds.transformer_percent, now.transformer_loading_percent + slack),
    )


def _yardstick_in(yardstick: Yardstick, base: Switched, closed: np.ndarray) -> Yardstick:
    """The limits in a switched state; the same where no band counts from a busbar."""
    if not yardstick.bands["from_busbar"].any():
        return yardstick
    return make_yardstick(apply_changes(yardstick.network, changes_to(base, closed)), yardstick.limits)


def _state(solved: TopologyResults, row: int) -> State:
    kept = (solved.vm_pu, solved.line_loading_percent, solved.transformer_loading_percent)
    return State(*(table.to_numpy()[row] for table in kept))


def _excess(found: pd.DataFrame) -> pd.Series:
    return found.set_index(["check", "table", "element_id"])["excess_percent"]


def _judge(yardstick: Yardstick, base: Switched, solved: TopologyResults, row: int) -> Judged:
    figures = solved.cases.iloc[row]
    radial = bool(
        figures["rings"] <= base.rings and figures["sources_in_parallel"] <= base.sources_in_parallel
    )
    if figures["status"] not in ("converged", "no_source"):
        return Judged(str(figures["status"]), str(figures["reason"]), figures, 0, radial, None)
    found = broken_limits(yardstick, _state(solved, row))
    before = base.excess_percent.reindex(pd.MultiIndex.from_frame(found[["check", "table", "element_id"]]))
    new = found[
        (found["excess_percent"].to_numpy() > before.to_numpy() + WORSE_PERCENT) | before.isna().to_numpy()
    ]
    if len(new):
        worst = new.loc[new["excess_percent"].idxmax()]
        reason = (
            f"{worst['check'].replace('_', ' ')} at {worst['element_id']}: {worst['value']:.4g} "
            f"{worst['unit']} (limit {worst['limit']:.4g})"
        )
        place = (str(worst["table"]), str(worst["element_id"]))
        return Judged(LIMITS, reason, figures, len(new), radial, place)
    if not radial:
        return Judged(NOT_RADIAL, "closes a ring or joins two sources", figures, 0, radial, None)
    return Judged(OK, "", figures, 0, radial, None)
