"""The profiles that ship: a year of hours from published load profiles, weather and a computed sun.

Two sets: `standard_profiles` on the side that does not promise too much, for headroom; `demand_profiles` as
the best estimate, for planning of demand. Tables and choices are data beside this file: tables made by
`tools/make_profiles.py`, and `classes.toml` and `technologies.toml`, which name a source for each profile.
"""

from __future__ import annotations

from typing import Literal

import pandas as pd

from gridmodel.profile_set import ProfileSet
from gridmodel.solar import clear_sky_factors
from gridmodel.standard_profiles import tables
from gridmodel.standard_profiles.best_estimate import battery_factors, demand_profiles
from gridmodel.standard_profiles.tables import dynamisation

__all__ = ["YEAR", "Direction", "battery_factors", "demand_profiles", "dynamisation", "standard_profiles"]

Direction = Literal["load", "generation"]

# A year without a 29th of February: 8,760 hours.
YEAR = 2025


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
    choices = tables.choices("classes")
    place = choices["place"]
    hours = tables.year_hours(year)
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
    factors = tables.bdew_factors(local)
    both = factors[["h25", "g25"]]
    return factors.assign(mixed_high=both.max(axis=1), mixed_low=both.min(axis=1))


def _source(direction: Direction, year: int) -> str:
    return (
        f"feederplan's year {year} for {direction}: BDEW standard load profiles 2025 (demandlib 0.2.2, MIT), "
        "clear sky by computed sun; gridmodel/standard_profiles/classes.toml"
    )
