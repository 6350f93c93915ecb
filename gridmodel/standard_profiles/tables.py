"""The tables beside this file, looked up by the clock and the date of local time."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

_FOLDER = Path(__file__).parent


def year_hours(year: int) -> pd.DatetimeIndex:
    """Beginnings of the hours of a calendar year, UTC: 8,760, or 8,784 in a leap year."""
    return pd.date_range(
        f"{year}-01-01", f"{year + 1}-01-01", freq="h", tz="UTC", inclusive="left", name="time"
    )


def bdew_factors(local: pd.DatetimeIndex) -> pd.DataFrame:
    """BDEW's profiles h25, g25 and l25 per hour of local time, 1 in the largest hour of the year."""
    table = _bdew_kw()
    power_kw = table.loc[pd.MultiIndex.from_arrays([local.month, kind_of_day(local), local.hour])]
    power_kw = power_kw.set_axis([name.removesuffix("_kw") for name in table.columns], axis=1)
    power_kw = power_kw.assign(h25=power_kw["h25"] * dynamisation(local.dayofyear.to_numpy()))
    return (power_kw / power_kw.max()).reset_index(drop=True)


def dynamisation(day_of_year: np.ndarray) -> np.ndarray:
    """Factor on household profiles by the day of the year.

    References
    ----------
    BDEW, Standardlastprofile Strom 2025, as in demandlib 0.2.2 (`DynamicBDEW25Profile`).
    """
    t = day_of_year.astype(float)
    return np.asarray(-3.92e-10 * t**4 + 3.2e-7 * t**3 - 7.02e-5 * t**2 + 2.1e-3 * t + 1.24)


def hours_column(name: str, local: pd.DatetimeIndex) -> np.ndarray:
    """A column of the tables by kind of day and hour of the day."""
    keys = pd.MultiIndex.from_arrays([kind_of_day(local), local.hour])
    return np.asarray(_hours()[name].loc[keys].to_numpy())


def days_column(name: str, local: pd.DatetimeIndex) -> np.ndarray:
    """A column of the table by date."""
    return np.asarray(_days()[name].loc[pd.MultiIndex.from_arrays([local.month, local.day])].to_numpy())


def wind_column(local: pd.DatetimeIndex) -> np.ndarray:
    """Wind by date and hour of the day."""
    keys = pd.MultiIndex.from_arrays([local.month, local.day, local.hour])
    return np.asarray(_wind()["wind"].loc[keys].to_numpy())


def kind_of_day(local: pd.DatetimeIndex) -> np.ndarray:
    """Give "workday", "saturday" or "sunday"; public holidays are not known and count as their weekday."""
    return np.select([local.dayofweek == 5, local.dayofweek == 6], ["saturday", "sunday"], "workday")


@cache
def choices(name: str) -> dict[str, dict[str, Any]]:  # tables of text and numbers
    """A TOML file beside this one."""
    return tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


@cache
def _bdew_kw() -> pd.DataFrame:
    return pd.read_csv(_FOLDER / "slp.csv", index_col=["month", "day", "hour_of_day"])


@cache
def _hours() -> pd.DataFrame:
    files = [_FOLDER / name for name in ("demandlib_hours.csv", "simbench_hours.csv")]
    return pd.concat([pd.read_csv(file, index_col=["day", "hour_of_day"]) for file in files], axis=1)


@cache
def _days() -> pd.DataFrame:
    return pd.read_csv(_FOLDER / "simbench_days.csv", index_col=["month", "day_of_month"])


@cache
def _wind() -> pd.DataFrame:
    return pd.read_csv(_FOLDER / "simbench_wind.csv", index_col=["month", "day_of_month", "hour_of_day"])
