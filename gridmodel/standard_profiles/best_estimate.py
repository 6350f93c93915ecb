"""`demand_profiles`: what classes, technologies and generation most likely do, hour by hour of any year.

Where headroom takes the side that does not promise too much (`standard_profiles`), planning of demand takes
the best estimate. All choices, with their sources, are data: `technologies.toml`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from gis.schema import CUSTOMER_CLASSES
from gridmodel.home_battery import home_battery
from gridmodel.profile_file import require_time_zone
from gridmodel.profile_set import TECHNOLOGIES, ProfileSet
from gridmodel.solar import clear_sky_factors
from gridmodel.standard_profiles import tables

_QUARTERS_MIN = (0, 15, 30, 45)
_DEGREES_PER_HOUR = 15.0


def demand_profiles(
    year: int,
    *,
    time_zone: str | None = None,
    latitude_degree: float | None = None,
    longitude_degree: float | None = None,
) -> ProfileSet:
    """Give the profiles of a year: of customer classes, technologies and kinds of generation.

    Habits go by the local clock, so that a day has 23 or 25 hours where clocks change; weather goes by the
    date, that of SimBench's year 2016, and is the same for heat, sun, wind and water of one day. Public
    holidays count as their weekday. Winter is that of the northern hemisphere.

    Parameters
    ----------
    year
        Calendar year, UTC: 8,760 hours, 8,784 in a leap year.
    time_zone
        Where people live by the clock; Europe/Berlin if not given.
    latitude_degree, longitude_degree
        Where the sun shines, north and east positive. If not given: the middle of Germany, and in another
        time zone the middle of that zone at the same latitude.

    Returns
    -------
    ProfileSet
        Factors, 1 in the largest hour. `of_class` names the column of each customer class and of each of
        `TECHNOLOGIES`, `of_kind` that of each kind of generation. "battery" is positive while it charges.

    Raises
    ------
    InputError
        There is no such time zone.

    Examples
    --------
    >>> profiles = demand_profiles(2028)
    >>> len(profiles.factors), profiles.of_class["heat_pump"], profiles.of_kind["battery"]
    (8784, 'heat_pump', 'battery_feed')
    """
    place = tables.choices("classes")["place"]
    zone = place["time_zone"] if time_zone is None else require_time_zone(time_zone)
    hours = tables.year_hours(year)
    local = hours.tz_convert(zone)
    longitude = place["longitude_degree"] if zone == place["time_zone"] else _middle_of_zone_degree(local)
    sun = clear_sky_factors(
        hours,
        latitude_degree=place["latitude_degree"] if latitude_degree is None else latitude_degree,
        longitude_degree=longitude if longitude_degree is None else longitude_degree,
        roofs="mixed",
    )
    choices = tables.choices("technologies")
    factors = _factors(choices["profiles"], local, sun).set_axis(hours)
    battery = battery_factors(factors["residential"], factors["pv"])
    return ProfileSet(
        factors=factors.assign(battery=battery, battery_feed=-battery),
        of_class={name: name for name in (*CUSTOMER_CLASSES, *TECHNOLOGIES)},
        of_kind={str(kind): str(column) for kind, column in choices["kinds"].items()},
        time_zone=zone,
        source=f"feederplan's best estimate for {year}: BDEW and VDEW profiles (demandlib 0.2.2, MIT), "
        "SimBench (ODbL 1.0), computed sun; gridmodel/standard_profiles/technologies.toml",
    )


def battery_factors(load: pd.Series, pv: pd.Series) -> pd.Series:
    """Give what the usual home battery draws, as a share of its largest power; negative when it gives back.

    Parameters
    ----------
    load, pv
        Profiles of the household and of its roof, 1 at the peak, an hour a row.
    """
    usual = tables.choices("technologies")["battery"]
    years = len(load) / 8760.0
    drawn_kw = home_battery(
        (load / load.sum() * usual["load_kwh_per_year"] * years).to_numpy(),
        (pv * usual["pv_kwp"]).to_numpy(),
        energy_kwh=usual["energy_kwh"],
        power_kw=usual["power_kw"],
        round_trip_efficiency=usual["round_trip_efficiency"],
    )
    return pd.Series(drawn_kw / np.abs(drawn_kw).max(), load.index)


def _factors(
    profiles: Mapping[str, Mapping[str, Any]], local: pd.DatetimeIndex, sun: np.ndarray
) -> pd.DataFrame:
    clocks = _clocks(local)
    bdew = [tables.bdew_factors(clock) for clock in clocks]
    columns = {}
    for name, parts in profiles.items():
        shape = np.mean([_shape(parts, *pair) for pair in zip(clocks, bdew, strict=True)], axis=0)
        shape = shape * sun if parts.get("sun") else shape
        columns[name] = shape / shape.max()
    return pd.DataFrame(columns)


def _shape(parts: Mapping[str, Any], clock: pd.DatetimeIndex, bdew: pd.DataFrame) -> np.ndarray:
    """The product of what a profile has, but for the sun, which knows no clock."""
    shape = np.ones(len(clock))
    if "bdew" in parts:
        shape = shape * bdew[parts["bdew"]].mean(axis=1).to_numpy()
    if isinstance(parts.get("hours"), str):
        shape = shape * tables.hours_column(parts["hours"], clock)
    elif "hours" in parts:
        shape = shape * np.array(parts["hours"], dtype=float)[clock.hour]
    if "months" in parts:
        shape = shape * np.array(parts["months"], dtype=float)[clock.month - 1]
    if "days" in parts:
        shape = shape * tables.days_column(parts["days"], clock)
    return shape * tables.wind_column(clock) if parts.get("wind") else shape


def _clocks(local: pd.DatetimeIndex) -> list[pd.DatetimeIndex]:
    """Times whose mean an hour is: its beginning, or its quarters where it lies in two hours of the clock."""
    if not local.minute.any():
        return [local]
    return [local + pd.Timedelta(minutes=minute) for minute in _QUARTERS_MIN]


def _middle_of_zone_degree(local: pd.DatetimeIndex) -> float:
    """Longitude where the sun is highest at noon of standard time, the least offset of the year."""
    clock, world = local.tz_localize(None), local.tz_convert("UTC").tz_localize(None)
    return float((clock - world).min() / pd.Timedelta(hours=1)) * _DEGREES_PER_HOUR
