"""Peak/valley tariff: how a price moves load into valley hours, and the new peak it makes there.

It changes profiles, not customers: factors stay shares of the group's peak without tariff. Above 1 after the
shift they are the rebound peak, when many timers start at once, and are kept as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from capacity.toml_file import read_figures
from gis import BalanceError
from gridmodel.profile_set import ProfileSet

SHIPPED = Path(__file__).parent / "tariff.toml"
# Energies of a year of factors add up to this share.
BALANCE_SHARE = 1e-9
REPORT_COLUMNS = (
    "group", "moved_share", "before_h", "peak_h", "moved_h", "out_of_reach_h", "rebound_h", "after_h",
    "peak_before", "peak_after", "peak_time", "status", "reason",
)  # fmt: skip


class _Figures(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    source: str = Field(min_length=1)


class Habit(_Figures):
    """Share of peak load that people move by themselves: intercept + slope x ln(price ratio)."""

    intercept: float = Field(ge=0.0, le=1.0)
    slope: float = Field(ge=0.0, le=1.0)


class Shift(_Figures):
    """What of a group's load in peak hours is moved, how far, and what more comes back."""

    shiftable_share: float = Field(ge=0.0, le=1.0)
    response: Literal["automatic", "by_habit"]
    earlier_h: int = Field(ge=0, le=23)
    later_h: int = Field(ge=0, le=23)
    spread_h: int = Field(ge=1, le=24)
    rebound_share: float = Field(ge=0.0, le=1.0)


class Tariff(_Figures):
    """A price for valley hours and one for all others; fields as in `tariff.toml`."""

    name: str = Field(min_length=1)
    valley_hours: tuple[int, ...] = Field(min_length=1, max_length=24)
    day_from_hour: int = Field(ge=0, le=23)
    price_ratio: float = Field(gt=0.0)
    participation_share: float = Field(ge=0.0, le=1.0)
    habit: Habit
    groups: Mapping[str, Shift]

    @model_validator(mode="after")
    def _hours_are_hours(self) -> Tariff:
        if len(set(self.valley_hours)) < len(self.valley_hours) or not set(self.valley_hours) <= set(
            range(24)
        ):
            raise ValueError("valley_hours are hours of the day from 0 to 23, each once")
        return self

    def moved_share(self, group: str) -> float:
        """Share of the group's load in peak hours that leaves them; 0 where valley is not cheaper."""
        shift = self.groups.get(group)
        if shift is None or self.price_ratio <= 1.0:
            return 0.0
        by_habit = self.habit.intercept + self.habit.slope * float(np.log(self.price_ratio))
        share = shift.shiftable_share
        return self.participation_share * (min(share, by_habit) if shift.response == "by_habit" else share)


@dataclass(frozen=True, eq=False)
class TariffEffect:
    """Profiles under a tariff, and what it moved.

    Attributes
    ----------
    profiles
        As before, but the columns of the groups that respond.
    report
        Columns `REPORT_COLUMNS`, a row per group of `profiles.of_class`. Energies are hours at the group's
        peak without tariff [kWh per kW]: of the year before and after, in peak hours before, moved, not
        moved for want of a valley hour in reach, and come back beyond what was moved. status: "moved",
        "unmoved", or "not_in_tariff".
    """

    profiles: ProfileSet
    report: pd.DataFrame


def read_tariff(path: Path = SHIPPED) -> Tariff:
    """Read a tariff from a TOML file like `capacity/demand/tariff.toml`.

    Raises
    ------
    InputError
        The file is not readable or a figure makes no sense; every fault is named.
    """
    return read_figures(path, Tariff, subject="tariff", rule="bad_figure")


def apply_tariff(profiles: ProfileSet, tariff: Tariff) -> TariffEffect:
    """Move what a tariff moves from peak hours into valley hours.

    Of the load of each peak hour a share lands in the nearest valley hours in reach, within one day from
    `day_from_hour` on; where there is none it stays. Only load moves: hours in which a profile feeds in stay
    as they are.

    Parameters
    ----------
    profiles
        Rows of equal steps of an hour or a part of it; gaps between (weeks of a year) are not bridged.

    Raises
    ------
    BalanceError
        Energy after is not energy before + rebound share x energy moved.

    Examples
    --------
    >>> from gridmodel.standard_profiles import demand_profiles
    >>> effect = apply_tariff(demand_profiles(2030), read_tariff())
    >>> cars = effect.report.set_index("group").loc["ev"]
    >>> bool(cars["after_h"].round(6) == cars["before_h"].round(6)), bool(cars["peak_after"] > 1.0)
    (True, True)
    """
    hours = _Hours(profiles, tariff)
    columns, of_class, rows = {}, dict(profiles.of_class), []
    for group, column in profiles.of_class.items():
        before = profiles.factors[column].to_numpy(dtype=float)
        share, shift = tariff.moved_share(group), tariff.groups.get(group)
        moved, after = np.zeros(len(before)), before
        if shift is not None and share > 0.0:
            moved = share * hours.movable(before, shift)
            after = before - moved + (1.0 + shift.rebound_share) * hours.landed(moved, shift)
            own = column if _is_own(profiles, column) else f"{group} under {tariff.name}"
            columns[own], of_class[group] = after, own
        rows.append(_row(group, share, shift, hours, before, moved, after))
    shifted = replace(
        profiles,
        factors=profiles.factors.assign(**columns),
        of_class=of_class,
        source=f"{profiles.source}; tariff {tariff.name}",
    )
    report = pd.DataFrame(rows, columns=list(REPORT_COLUMNS))
    return TariffEffect(shifted, report)


class _Hours:
    """The steps of profiles: which are valley, and where the load of one may land."""

    def __init__(self, profiles: ProfileSet, tariff: Tariff) -> None:
        self.time, local = profiles.time, profiles.local_time
        self.step_h = float(np.diff(self.time.asi8).min() / 3.6e12) if len(self.time) > 1 else 1.0
        self.valley = np.isin(local.hour, tariff.valley_hours)
        clock = local.tz_localize(None) - pd.Timedelta(hours=tariff.day_from_hour)
        self.day = clock.normalize().asi8

    def movable(self, factors: np.ndarray, shift: Shift) -> np.ndarray:
        """Load of peak hours that has a valley hour in reach."""
        reachable = self._landings(shift) > 0
        return np.where(reachable & ~self.valley, np.maximum(factors, 0.0), 0.0)

    def landed(self, moved: np.ndarray, shift: Shift) -> np.ndarray:
        """What lands in each hour of what is moved from all of them."""
        total = self._landings(shift)
        each = np.divide(moved, total, out=np.zeros(len(moved)), where=total > 0)
        taken, landed = np.zeros(len(moved), dtype=int), np.zeros(len(moved))
        for offset in self._offsets(shift):
            open_to = self._is_open(offset) & (taken < total)
            at = np.flatnonzero(open_to)
            landed[at + offset] += each[at]
            taken += open_to
        return landed

    def _landings(self, shift: Shift) -> np.ndarray:
        """In how many valley steps the load of each step lands."""
        most = round(shift.spread_h / self.step_h)
        count = sum((self._is_open(offset).astype(int) for offset in self._offsets(shift)), np.zeros(1, int))
        return np.minimum(np.broadcast_to(count, len(self.time)), most)

    def _offsets(self, shift: Shift) -> list[int]:
        """Steps to move by, the nearest first, of two the later."""
        earlier, later = (round(hours / self.step_h) for hours in (shift.earlier_h, shift.later_h))
        steps = [offset for offset in range(-earlier, later + 1) if offset]
        return sorted(steps, key=lambda offset: (abs(offset), -offset))

    def _is_open(self, offset: int) -> np.ndarray:
        """Tell of each step whether that many steps on is a valley hour of the same day."""
        count = len(self.time)
        at = np.arange(count)
        to = np.clip(at + offset, 0, count - 1)
        apart_h = (self.time.asi8[to] - self.time.asi8[at]) / 3.6e12
        there = np.abs(apart_h - offset * self.step_h) < 1e-6
        return np.asarray(there & self.valley[to] & (self.day[to] == self.day))


def _is_own(profiles: ProfileSet, column: str) -> bool:
    """Tell whether nothing else follows the column."""
    users = [*profiles.of_class.values(), *profiles.of_kind.values(), *profiles.of_element.values()]
    return users.count(column) == 1


def _row(
    group: str, share: float, shift: Shift | None, hours: _Hours,
    before: np.ndarray, moved: np.ndarray, after: np.ndarray,
) -> tuple[object, ...]:  # fmt: skip
    before_h, after_h, moved_h = (float(values.sum()) * hours.step_h for values in (before, after, moved))
    rebound_h = moved_h * shift.rebound_share if shift is not None else 0.0
    missed_h = abs(after_h - before_h - rebound_h)
    if missed_h > BALANCE_SHARE * max(1.0, float(np.abs(before).sum()) * hours.step_h):
        raise BalanceError(f"{group}: {before_h} h before, {after_h} h after a tariff, {missed_h} h missing")
    peak_h = float(np.maximum(before, 0.0)[~hours.valley].sum()) * hours.step_h
    if shift is None:
        status, reason = "not_in_tariff", "the tariff names no share of this group"
    elif moved_h == 0.0:
        status, reason = "unmoved", _why_unmoved(share, peak_h)
    else:
        status, reason = "moved", ""
    return (
        group, share, before_h, peak_h, moved_h, share * peak_h - moved_h, rebound_h, after_h,
        float(before.max()), float(after.max()), hours.time[int(after.argmax())], status, reason,
    )  # fmt: skip


def _why_unmoved(share: float, peak_h: float) -> str:
    if share == 0.0:
        return "nothing of it can be moved, nobody takes the tariff, or valley is not cheaper"
    return "no load in peak hours" if peak_h == 0.0 else "no valley hour is in reach"
