"""The profiles that ship: a year of hours from BDEW's standard load profiles and a clear sky.

Tables and choices are data beside this file: `slp.csv` (made by `tools/make_profiles.py`) and `classes.toml`,
which names a source for each customer class and kind of generation.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from gridmodel.profile_set import ProfileSet
from gridmodel.solar import clear_sky_factors

Direction = Literal["load", "generation"]

# A year without a 29th of February: 8,760 hours.
YEAR = 2025
_FOLDER = Path(__file__).parent


def standard_profiles(direction: Direction, *, year: int = YEAR) -> ProfileSet:
    """Make the shipped profiles of a year, for one direction of headroom.

    Public holidays are not known: their hours count as those of their weekday.

    Parameters
    ----------
    direction
        "load" or "generation": classes nobody has a profile of are counted on the side that does not promise
        too much (`classes.toml`).

    Examples
    --------
    >>> profiles = standard_profiles("load")
    >>> len(profiles.factors), profiles.of_class["residential"]
    (8760, 'h25')
    """
    choices = _choices()
    place = choices["place"]
    hours = pd.date_range(
        f"{year}-01-01", f"{year + 1}-01-01", freq="h", tz="UTC", inclusive="left", name="time"
    )
    factors = _load_factors(hours.tz_convert(place["time_zone"]))
    sun = clear_sky_factors(
        hours, latitude_degree=place["latitude_degree"], longitude_degree=place["longitude_degree"]
    )
    factors = factors.set_axis(hours).assign(pv=sun, full=1.0, none=0.0)
    of_class, of_kind = (
        {name: str(row[direction]) for name, row in choices[part].items()} for part in ("classes", "kinds")
    )
    return ProfileSet(
        factors, of_class, of_kind, time_zone=place["time_zone"], source=_source(direction, year)
    )


def _load_factors(local: pd.DatetimeIndex) -> pd.DataFrame:
    """Factors per hour of local time, 1 in the largest hour of the year."""
    day = np.select([local.dayofweek == 5, local.dayofweek == 6], ["saturday", "sunday"], "workday")
    table = pd.read_csv(_FOLDER / "slp.csv", index_col=["month", "day", "hour_of_day"])
    power_kw = table.loc[pd.MultiIndex.from_arrays([local.month, day, local.hour])]
    power_kw = power_kw.set_axis([name.removesuffix("_kw") for name in table.columns], axis=1)
    power_kw["h25"] *= dynamisation(local.dayofyear.to_numpy())
    factors = (power_kw / power_kw.max()).reset_index(drop=True)
    both = factors[["h25", "g25"]]
    return factors.assign(mixed_high=both.max(axis=1), mixed_low=both.min(axis=1))


def dynamisation(day_of_year: np.ndarray) -> np.ndarray:
    """Factor on household profiles by the day of the year.

    References
    ----------
    BDEW, Standardlastprofile Strom 2025, as in demandlib 0.2.2 (`DynamicBDEW25Profile`).
    """
    t = day_of_year.astype(float)
    return np.asarray(-3.92e-10 * t**4 + 3.2e-7 * t**3 - 7.02e-5 * t**2 + 2.1e-3 * t + 1.24)


def _source(direction: Direction, year: int) -> str:
    return (
        f"feederplan's year {year} for {direction}: BDEW standard load profiles 2025 (demandlib 0.2.2, MIT), "
        "clear sky by computed sun; gridmodel/standard_profiles/classes.toml"
    )


@cache
def _choices() -> dict[str, dict[str, Any]]:  # tables of text and numbers
    return tomllib.loads((_FOLDER / "classes.toml").read_text(encoding="utf-8"))
