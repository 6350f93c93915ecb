"""Headroom: the largest addition a bus can take, alone, before any limit is hit. Exact to 1 kW.

The answer H holds every limit and H + 1 kW breaks one, both solved on the whole grid, or found by a method
that is proved against that (`prove_headroom` repeats the proof for a sample). Headroom is stated per
direction: load makes room for generation, and generation for load.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.bounds import bounds_of
from capacity.impact import Impact
from capacity.limits import Limits
from gis import InputError
from gis.findings import make_findings

if TYPE_CHECKING:
    from gridmodel.engine.answers import Answers
    from gridmodel.engine.bounds import Bounds
    from gridmodel.engine.compiled import CompiledGrid

Direction = Literal["load", "generation"]

HEADROOM_COLUMNS = (
    "bus_id", "direction", "headroom_kw", "binding_check", "binding_table", "binding_id", "scenario",
    "status", "geometry",
)  # fmt: skip
JOINT_COLUMNS = (
    "buses", "direction", "headroom_kw", "total_kw", "binding_check", "binding_table", "binding_id",
    "scenario", "status",
)  # fmt: skip

# Largest addition tried [kW]; more is status "capped". Planning practice of German operators: 20 MW is
# the most a medium-voltage busbar takes, so no distribution bus is worth asking for more.
CAP_KW = 20_000


@dataclass(frozen=True)
class Question:
    """What is added, and which rules it must hold beside voltage bands and ratings.

    Attributes
    ----------
    direction
        "load" (drawn, at `cos_phi` inductive) or "generation" (injected at unity power factor).
    cap_kw
        Largest addition tried [kW].
    voltage_change
        Whether the addition may change the voltage at its own bus only by the limits' share.
    n1_reserve
        Whether medium-voltage lines and the transformers that feed them keep the limits' reserve for
        the loss of another.
    """

    direction: Direction = "load"
    cos_phi: float = 0.95
    cap_kw: int = CAP_KW
    voltage_change: bool = False
    n1_reserve: bool = False

    def require_figures(self, limits: Limits) -> None:
        """Refuse a rule that the limits have no figures of.

        Raises
        ------
        InputError
            The reserve for the loss of an element is asked for and the limits have none.
        """
        if self.n1_reserve and limits.n1_reserve is None:
            message = "the limits have no reserve for the loss of an element; add a table [n1_reserve]"
            raise InputError(limits.name, make_findings("limits_gap", "limits", ["n1_reserve"], message))

    def per_kw_pu(self, sn_mva: float) -> complex:
        """Complex power injected per kW of the addition [pu]."""
        per_kw = 1e-3 / sn_mva
        if self.direction == "generation":
            return complex(per_kw)
        return -per_kw * complex(1.0, np.tan(np.arccos(self.cos_phi)))


def find_headroom(
    impact: Impact,
    bus_ids: Iterable[str] | None = None,
    *,
    direction: Direction = "load",
    cos_phi: float = 0.95,
    cap_kw: int = CAP_KW,
    voltage_change: bool = False,
    n1_reserve: bool = False,
) -> gpd.GeoDataFrame:
    """Find the headroom of each bus, one bus at a time.

    Parameters
    ----------
    impact
        The scenario and limits it comes on top of.
    bus_ids
        Buses asked for, all when none are named; none of the network's tables is changed.
    direction, cos_phi, cap_kw, voltage_change, n1_reserve
        See `Question`.

    Returns
    -------
    GeoDataFrame
        Columns `HEADROOM_COLUMNS`, a row per bus asked for. Status: "ok"; "already_violated" (0 kW: a
        limit this bus takes part in is broken before); "capped" (at least `cap_kw`); "undetermined" (the
        bus has no supply or the scenario no solution).

    Raises
    ------
    KeyError
        A bus_id is not in the network.
    InputError
        A reserve is asked for that the limits have no figures of.
    """
    question = Question(direction, cos_phi, cap_kw, voltage_change, n1_reserve)
    return answer_at_buses(impact, bus_ids, question)


def answer_at_buses(impact: Impact, bus_ids: Iterable[str] | None, question: Question) -> gpd.GeoDataFrame:
    """Answer one question at each bus; see `find_headroom`."""
    from gridmodel.engine.largest import largest_additions

    buses = impact.model.network.buses
    ids = list(buses.index if bus_ids is None else bus_ids)
    at = impact.model.position("buses", ids)
    grid, injection_pu = operating_point(impact)
    answers = largest_additions(
        grid, injection_pu, bounds_for(impact, question), at,
        per_kw_pu=question.per_kw_pu(grid.sn_mva), cap_kw=question.cap_kw,
    )  # fmt: skip
    return headroom_table(impact, at, answers, question)


def joint_headroom(
    impact: Impact,
    bus_ids: Iterable[str],
    *,
    direction: Direction = "load",
    cos_phi: float = 0.95,
    cap_kw: int = CAP_KW,
    voltage_change: bool = False,
    n1_reserve: bool = False,
) -> pd.DataFrame:
    """Find the largest equal increase over a group of buses: all of them at once.

    Parameters
    ----------
    bus_ids
        The group; a bus named twice counts once.
    direction, cos_phi, cap_kw, voltage_change, n1_reserve
        See `Question`; the cap is that of one bus.

    Returns
    -------
    DataFrame
        Columns `JOINT_COLUMNS`, one row: headroom_kw per bus and total_kw together; status as in
        `headroom`. A group with a bus without supply is "undetermined" and names it.

    Raises
    ------
    KeyError
        A bus_id is not in the network.
    """
    question = Question(direction, cos_phi, cap_kw, voltage_change, n1_reserve)
    return joint_answer(impact, bus_ids, question)


def joint_answer(impact: Impact, bus_ids: Iterable[str], question: Question) -> pd.DataFrame:
    """Answer one question for a group of buses at once; see `joint_headroom`."""
    from gridmodel.engine.largest import joint_addition_kw

    ids = list(dict.fromkeys(bus_ids))
    at = impact.model.position("buses", ids)
    grid, injection_pu = operating_point(impact)
    answers = joint_addition_kw(
        grid, injection_pu, bounds_for(impact, question), at,
        per_kw_pu=question.per_kw_pu(grid.sn_mva), cap_kw=question.cap_kw,
    )  # fmt: skip
    row = headroom_table(impact, at[:1], answers, question).iloc[:1] if ids else _no_rows(impact)
    table = pd.DataFrame(row.drop(columns=["bus_id", "geometry"]))
    dead = at[grid.bus_row[at] < 0]
    if len(dead) and len(table):
        named = ("no_supply", "buses", impact.model.network.buses.index[dead[0]])
        table[["binding_check", "binding_table", "binding_id"]] = named
    table = table.assign(buses=len(ids), total_kw=table["headroom_kw"] * len(ids))
    return table[list(JOINT_COLUMNS)]


def prove_headroom(
    impact: Impact, found: pd.DataFrame, question: Question, *, sample: int, seed: int = 0
) -> tuple[int, list[str]]:
    """Solve a random sample of answers again on the whole grid, and 1 kW above.

    Parameters
    ----------
    found
        Answers to that question (`answer_at_buses`).
    sample
        How many to draw; all if there are no more.

    Returns
    -------
    tuple
        How many were tried, and the bus_ids whose answer breaks a limit or whose answer + 1 kW breaks none.
    """
    from gridmodel.engine.answers import Answers
    from gridmodel.engine.linearised import reference_at
    from gridmodel.engine.proof import prove, whole_grid

    grid, injection_pu = operating_point(impact)
    at = impact.model.position("buses", found["bus_id"])
    status = pd.Index(_STATUSES).get_indexer(found["status"])
    answers = Answers(found["headroom_kw"].fillna(0).to_numpy(dtype=np.int64), status, np.full(len(at), -1))
    voltage_pu = reference_at(grid, injection_pu).voltage_pu
    whole = whole_grid(grid, injection_pu, voltage_pu, bounds_for(impact, question))
    proof = prove(
        whole, at, answers, per_kw_pu=question.per_kw_pu(grid.sn_mva), sample=sample, seed=seed,
        threads=os.cpu_count() or 1,
    )  # fmt: skip
    wrong = np.union1d(proof.too_high, proof.too_low).astype(np.int64)
    return len(proof.tried), [str(bus_id) for bus_id in found["bus_id"].iloc[wrong]]


def bounds_for(impact: Impact, question: Question) -> Bounds:
    """The limits of a question as numbers.

    Raises
    ------
    InputError
        A reserve is asked for that the limits have no figures of.
    """
    question.require_figures(impact.yardstick.limits)
    bounds = bounds_of(impact.yardstick, n1_reserve=question.n1_reserve)
    if question.voltage_change:
        return bounds
    return replace(bounds, change_pu=np.full(len(bounds.change_pu), np.inf))


def headroom_table(impact: Impact, at: np.ndarray, answers: Answers, question: Question) -> gpd.GeoDataFrame:
    """Answers of the engine as a table with ids, `HEADROOM_COLUMNS`.

    Parameters
    ----------
    at
        Positions of the buses asked about.
    """
    from gridmodel.engine.answers import UNDETERMINED

    buses = impact.model.network.buses
    known = answers.status != UNDETERMINED
    check, table, element_id = named_limits(impact, answers.limit, question)
    columns = {
        "bus_id": buses.index[at],
        "direction": question.direction,
        "headroom_kw": np.where(known, answers.headroom_kw.astype(float), np.nan),
        "binding_check": check,
        "binding_table": table,
        "binding_id": element_id,
        "scenario": impact.scenario.scenario_id,
        "status": _STATUSES[answers.status],
        "geometry": buses.geometry.to_numpy()[at],
    }
    frame = pd.DataFrame(columns, index=range(len(at)))[list(HEADROOM_COLUMNS)]
    return gpd.GeoDataFrame(frame, geometry="geometry", crs=impact.model.network.crs)


_STATUSES = np.array(["ok", "already_violated", "capped", "undetermined"], dtype=object)
# Check and table of a limit, in the order the engine numbers its kinds in.
_CHECKS = np.array(
    ["undervoltage", "overvoltage", "line_overload", "transformer_overload", "voltage_change", "no_solution"],
    dtype=object,
)
_TABLES = np.array(["buses", "buses", "lines", "transformers", "buses", "buses"], dtype=object)


def named_limits(
    impact: Impact, limit: np.ndarray, question: Question | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Check, table and element_id of limits the engine numbers; None where there is none.

    A rating that only the N-1 reserve of the question lowers is told as "n1_reserve".
    """
    from gridmodel.engine.answers import LIMIT_KINDS, NO_LIMIT

    bound = limit != NO_LIMIT
    kind, position = np.where(bound, limit % LIMIT_KINDS, 0), np.where(bound, limit // LIMIT_KINDS, 0)
    check, table = _CHECKS[kind], _TABLES[kind]
    check[~bound] = table[~bound] = None
    element_id = np.full(len(bound), None, dtype=object)
    for name in ("buses", "lines", "transformers"):
        rows = table == name
        element_id[rows] = impact.model.network.table(name).index.to_numpy()[position[rows]]
    if question is not None and question.n1_reserve:
        plain, reserved = bounds_of(impact.yardstick), bounds_for(impact, question)
        for name in ("line", "transformer"):
            rows = table == f"{name}s"
            less = getattr(reserved, f"{name}_percent") < getattr(plain, f"{name}_percent")
            check[rows] = np.where(less[position[rows]], "n1_reserve", check[rows])
    return check, table, element_id


def operating_point(impact: Impact) -> tuple[CompiledGrid, np.ndarray]:
    """The compiled grid of the model, and what the scenario injects per row [pu]."""
    from gridmodel.engine.of_model import compiled, injection_pu

    return compiled(impact.model), injection_pu(impact.model, impact.scenario)


def _no_rows(impact: Impact) -> gpd.GeoDataFrame:
    frame = pd.DataFrame({column: pd.Series(dtype=object) for column in HEADROOM_COLUMNS})
    return gpd.GeoDataFrame(frame, geometry="geometry", crs=impact.model.network.crs)
