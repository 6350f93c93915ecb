"""Headroom over a year: firm kW that hold in every hour, and what each season, day and hour of day holds.

The addition draws or feeds its full power in every hour it is asked for. Firm is the least of all hours; a block
(season, workday or weekend, hour of day) has the least of its own hours, so that off-peak capacity can be sold.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.bounds import bounds_of
from capacity.checks import Yardstick, make_yardstick
from capacity.headroom import CAP_KW, Direction
from capacity.limits import Limits
from gridmodel import GridModel, Scenario
from gridmodel.profiles import Profiles

if TYPE_CHECKING:
    from gridmodel.engine.year import YearAnswers, YearQuestion

YEAR_COLUMNS = (
    "bus_id", "direction", "firm_kw", "firm_hour", "binding_check", "binding_table", "binding_id", "scenario",
    "status", "geometry",
)  # fmt: skip
BLOCK_COLUMNS = ("bus_id", "season", "day", "hour_of_day", "headroom_kw", "status")

_STATUSES = np.array(["ok", "already_violated", "capped", "undetermined"], dtype=object)
_CHECKS = np.array(
    ["undervoltage", "overvoltage", "line_overload", "transformer_overload", "voltage_change", "no_solution"],
    dtype=object,
)
_TABLES = ("buses", "buses", "lines", "transformers", "buses", "buses")


@dataclass(frozen=True, eq=False)
class Blocks:
    """How hours are sorted.

    Attributes
    ----------
    number
        Block per hour.
    table
        Indexed by block: season ("winter", "transition", "summer"), day ("workday", "weekend"), hour_of_day (of
        local time) and hours, how many it has.
    """

    number: np.ndarray
    table: pd.DataFrame


@dataclass(frozen=True, eq=False)
class YearHeadroom:
    """Headroom of a year.

    Attributes
    ----------
    firm
        A row per bus, columns `YEAR_COLUMNS`; firm_hour is the hour (UTC) that binds.
    kw
        Blocks x buses: headroom [kW]; NaN where undetermined.
    status
        Blocks x buses, as in `headroom`.
    unsolved
        Hours (UTC) in which the scenario has no solution before any addition.
    hours, hours_solved, probes, method
        Hours of the year, hours that had to be looked at, pairs of hour and bus judged, and how.
    """

    firm: gpd.GeoDataFrame
    blocks: Blocks
    kw: np.ndarray
    status: np.ndarray
    unsolved: pd.DatetimeIndex
    hours: int
    hours_solved: int
    probes: int
    method: str

    def of_blocks(self) -> pd.DataFrame:
        """One row per bus and block, columns `BLOCK_COLUMNS`; a row for every bus asked for."""
        count = len(self.blocks.table)
        bus_ids = pd.Categorical(self.firm["bus_id"], categories=self.firm["bus_id"].unique())
        columns = {name: np.tile(self.blocks.table[name], len(self.firm)) for name in BLOCK_COLUMNS[1:4]}
        return pd.DataFrame(
            {"bus_id": bus_ids.repeat(count), **columns, "headroom_kw": self.kw.T.ravel(),
             "status": self.status.T.ravel()}
        )  # fmt: skip


def blocks_of(profiles: Profiles) -> Blocks:
    """Sort the hours of profiles into blocks, by their local time."""
    local, rules = profiles.local_time, _rules()
    starts = rules["seasons"]["starts"]
    edges = [int(start["from"].replace("-", "")) for start in starts]
    season_of = np.array([starts[-1]["season"], *(start["season"] for start in starts)], dtype=object)
    season = season_of[np.searchsorted(edges, local.month * 100 + local.day, side="right")]
    day = np.where(np.isin(local.dayofweek, rules["days"]["weekend"]), "weekend", "workday")
    keys = pd.DataFrame({"season": season, "day": day, "hour_of_day": local.hour})
    grouped = keys.groupby(["season", "day", "hour_of_day"], sort=True)
    table = grouped.size().rename("hours").reset_index()
    return Blocks(grouped.ngroup().to_numpy(), table)


def off_peak(blocks: Blocks) -> np.ndarray:
    """Tell which blocks lie in the night."""
    night, hour = _rules()["night"], blocks.table["hour_of_day"].to_numpy()
    return np.asarray((hour >= night["from_hour"]) | (hour < night["to_hour"]))


def headroom_year(
    model: GridModel,
    profiles: Profiles,
    scenario: Scenario,
    limits: Limits,
    bus_ids: Iterable[str] | None = None,
    *,
    direction: Direction = "load",
    cos_phi: float = 0.95,
    cap_kw: int = CAP_KW,
    yardstick: Yardstick | None = None,
    told: Callable[[int, int], None] | None = None,
) -> YearHeadroom:
    """Find the headroom of buses over the hours of profiles, one bus at a time, exact to 1 kW.

    Parameters
    ----------
    scenario
        Its power of loads is what the profiles' factors stand on.
    bus_ids
        Buses asked for; all when absent.
    direction
        "load" (drawn, at `cos_phi` inductive) or "generation" (injected at unity power factor).
    cap_kw
        Largest addition tried [kW].
    yardstick
        The limits laid over the network, where the caller has them.
    told
        Called with blocks done and blocks in all.

    Raises
    ------
    KeyError
        A bus_id is not in the network.
    """
    from gridmodel.engine.year import year_headroom

    chosen = list(model.network.buses.index if bus_ids is None else bus_ids)
    blocks = blocks_of(profiles)
    ruler = yardstick or make_yardstick(model.network, limits)
    question = _question(model, profiles, scenario, ruler, chosen, blocks, (direction, cos_phi, cap_kw))
    answers = year_headroom(question, told=told)
    status = _STATUSES[answers.status]
    return YearHeadroom(
        firm=_firm_rows(model, question, answers, chosen, (direction, scenario.scenario_id), profiles),
        blocks=blocks,
        kw=np.where(status == "undetermined", np.nan, answers.headroom_kw),
        status=status,
        unsolved=profiles.time[answers.unsolved],
        hours=len(profiles.time),
        hours_solved=answers.hours_solved,
        probes=answers.probes,
        method=answers.method,
    )


def _question(
    model: GridModel,
    profiles: Profiles,
    scenario: Scenario,
    yardstick: Yardstick,
    bus_ids: list[str],
    blocks: Blocks,
    asked: tuple[Direction, float, int],
) -> YearQuestion:
    from dataclasses import replace

    from gridmodel.engine.of_model import compiled
    from gridmodel.engine.of_profiles import hourly_injections
    from gridmodel.engine.year import YearQuestion

    direction, cos_phi, cap_kw = asked
    grid, bounds = compiled(model), bounds_of(yardstick)
    drawn = 1.0 + 1j * np.tan(np.arccos(cos_phi)) if direction == "load" else -1.0
    return YearQuestion(
        grid=grid,
        injections=hourly_injections(model, profiles, scenario),
        # the change of voltage is a rule for connections, not part of headroom
        bounds=replace(bounds, change_pu=np.full(len(bounds.change_pu), np.inf)),
        buses=model.position("buses", bus_ids),
        per_kw_pu=complex(-drawn / 1e3 / grid.sn_mva),
        cap_kw=cap_kw,
        block_of_hour=blocks.number,
    )


def _firm_rows(
    model: GridModel,
    question: YearQuestion,
    answers: YearAnswers,
    bus_ids: list[str],
    named: tuple[str, str],
    profiles: Profiles,
) -> gpd.GeoDataFrame:
    """The least of all blocks per bus; undetermined where one of them is."""
    direction, scenario_id = named
    unknown = _STATUSES[answers.status] == "undetermined"
    worst = np.where(unknown, -1, answers.headroom_kw).argmin(axis=0), np.arange(len(bus_ids))
    status, hour = _STATUSES[answers.status[worst]], answers.hour[worst]
    check, table, element_id = _binding(model, answers.limit[worst], question.buses)
    firm = pd.DataFrame(
        {
            "bus_id": np.array(bus_ids, dtype=object),
            "direction": direction,
            "firm_kw": np.where(status == "undetermined", np.nan, answers.headroom_kw[worst]).astype(float),
            "firm_hour": pd.Series(profiles.time[np.maximum(hour, 0)]).where(hour >= 0),
            "binding_check": check,
            "binding_table": table,
            "binding_id": element_id,
            "scenario": scenario_id,
            "status": status,
        }
    )
    places = model.network.buses.geometry.iloc[question.buses].to_numpy()
    return gpd.GeoDataFrame(firm, geometry=places, crs=model.network.crs)


def _binding(
    model: GridModel, limit: np.ndarray, buses: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Check, table and element of the limits that bind; nothing where none does."""
    from gridmodel.engine.answers import LIMIT_KINDS, NO_LIMIT, VOLTAGE_CHANGE

    kind = np.where(limit == NO_LIMIT, NO_LIMIT, limit % LIMIT_KINDS)
    position = np.where(kind >= VOLTAGE_CHANGE, buses, limit // LIMIT_KINDS)
    named = np.full((3, len(limit)), None, dtype=object)
    for number, (check, table) in enumerate(zip(_CHECKS, _TABLES, strict=True)):
        at = kind == number
        named[0, at], named[1, at] = check, table
        named[2, at] = model.network.table(table).index.to_numpy()[position[at]]
    return named[0], named[1], named[2]


@cache
def _rules() -> dict[str, Any]:  # tables of text and numbers
    path = Path(__file__).with_name("year_blocks.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))
