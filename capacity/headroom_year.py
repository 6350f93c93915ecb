"""Headroom over a year: firm kW that hold in every hour, and what each season, day and hour of day holds.

The addition draws or feeds its full power in every hour it is asked for. Firm is the least of all hours; a
block (season, workday or weekend, hour of day) has the least of its own hours, so that off-peak capacity can
be sold.
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

from capacity.headroom import Question, bounds_for, named_limits
from capacity.impact import Impact
from gridmodel.profile_set import ProfileSet

if TYPE_CHECKING:
    from gridmodel.engine.year import YearAnswers, YearQuestion

YEAR_COLUMNS = (
    "bus_id", "direction", "firm_kw", "off_peak_kw", "firm_hour", "binding_check", "binding_table",
    "binding_id", "scenario", "status", "geometry",
)  # fmt: skip
BLOCK_COLUMNS = ("bus_id", "season", "day", "hour_of_day", "headroom_kw", "status")

_STATUSES = np.array(["ok", "already_violated", "capped", "undetermined"], dtype=object)


@dataclass(frozen=True, eq=False)
class Blocks:
    """How hours are sorted.

    Attributes
    ----------
    number
        Block per hour.
    table
        Indexed by block: season ("winter", "transition", "summer"), day ("workday", "weekend"),
        hour_of_day (of local time) and hours, how many it has.
    """

    number: np.ndarray
    table: pd.DataFrame


@dataclass(frozen=True, eq=False)
class YearHeadroom:
    """Headroom of a year.

    Attributes
    ----------
    firm
        A row per bus, columns `YEAR_COLUMNS`: firm_kw of all hours, off_peak_kw of all nights, and an hour
        (UTC) in which firm_kw is all there is. Status as in `headroom`; "undetermined" also where the
        scenario has no solution in one of the hours.
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


def blocks_of(profiles: ProfileSet) -> Blocks:
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
    impact: Impact,
    profiles: ProfileSet,
    question: Question,
    bus_ids: Iterable[str] | None = None,
    *,
    every_hour: bool = False,
    told: Callable[[int, int], None] | None = None,
) -> YearHeadroom:
    """Find the headroom of buses over the hours of profiles, one bus at a time, exact to 1 kW.

    Parameters
    ----------
    impact
        The scenario and limits it comes on top of: its power of loads is what the factors stand on.
    question
        What is added, and by which rules.
    bus_ids
        Buses asked for; all when absent.
    every_hour
        Judge hours too that another one outweighs (`gridmodel.engine.year`); for generation all are anyway.
    told
        Called with blocks done and blocks in all.

    Raises
    ------
    KeyError
        A bus_id is not in the network.
    InputError
        A reserve is asked for that the limits have no figures of.
    """
    from gridmodel.engine.year import year_headroom

    buses = impact.model.network.buses.index
    at = impact.model.position("buses", list(buses if bus_ids is None else bus_ids))
    blocks = blocks_of(profiles)
    answers = year_headroom(_asked(impact, profiles, question, at, blocks, every_hour), told=told)
    status = _STATUSES[answers.status]
    kw = np.where(status == "undetermined", np.nan, answers.headroom_kw)
    return YearHeadroom(
        firm=_firm_rows(impact, question, answers, at, profiles).assign(
            off_peak_kw=_least(kw[off_peak(blocks)])
        )[list(YEAR_COLUMNS)],
        blocks=blocks,
        kw=kw,
        status=status,
        unsolved=profiles.time[answers.unsolved],
        hours=len(profiles.time),
        hours_solved=answers.hours_solved,
        probes=answers.probes,
        method=answers.method,
    )


def _least(kw: np.ndarray) -> np.ndarray:
    """Least of some blocks per bus; missing where one is, or where there are none."""
    return np.asarray(kw.min(axis=0)) if len(kw) else np.full(kw.shape[1], np.nan)


def _asked(
    impact: Impact, profiles: ProfileSet, question: Question, at: np.ndarray, blocks: Blocks, every_hour: bool
) -> YearQuestion:
    from gridmodel.engine.of_model import compiled
    from gridmodel.engine.of_profiles import hourly_injections
    from gridmodel.engine.year import YearQuestion

    grid = compiled(impact.model)
    return YearQuestion(
        grid=grid,
        injections=hourly_injections(impact.model, profiles, impact.scenario),
        bounds=bounds_for(impact, question),
        buses=at,
        per_kw_pu=question.per_kw_pu(grid.sn_mva),
        cap_kw=question.cap_kw,
        block_of_hour=blocks.number,
        every_hour=every_hour,
    )


def _firm_rows(
    impact: Impact, question: Question, answers: YearAnswers, at: np.ndarray, profiles: ProfileSet
) -> gpd.GeoDataFrame:
    """The least of all blocks per bus; undetermined where one of them is."""
    from gridmodel.engine.answers import UNDETERMINED, Answers

    known = np.where(answers.status == UNDETERMINED, -1, answers.headroom_kw)
    worst = known.argmin(axis=0), np.arange(len(at))
    firm = Answers(answers.headroom_kw[worst], answers.status[worst], answers.limit[worst])
    check, table, element_id = named_limits(impact, firm.limit, question)
    hour, buses = answers.hour[worst], impact.model.network.buses
    columns = {
        "bus_id": buses.index[at],
        "direction": question.direction,
        "firm_kw": np.where(firm.status == UNDETERMINED, np.nan, firm.headroom_kw.astype(float)),
        "firm_hour": pd.Series(profiles.time[np.maximum(hour, 0)]).where(hour >= 0),
        "binding_check": check,
        "binding_table": table,
        "binding_id": element_id,
        "scenario": impact.scenario.scenario_id,
        "status": _STATUSES[firm.status],
    }
    frame = pd.DataFrame(columns, index=range(len(at)))
    return gpd.GeoDataFrame(frame, geometry=buses.geometry.to_numpy()[at], crs=impact.model.network.crs)


@cache
def _rules() -> dict[str, Any]:  # tables of text and numbers
    path = Path(__file__).with_name("year_blocks.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))
