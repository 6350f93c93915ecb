"""`MeterReadings`: what the meters of customers read over a year, ready to be used as profiles."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from gis import Network
from gridmodel.profile_set import ProfileSet
from gridmodel.standard_profiles.tables import year_hours


@dataclass(frozen=True, eq=False)
class MeterReadings:
    """Readings of a year by load.

    Attributes
    ----------
    kw
        Hours of the year (UTC) x load_id: mean power of each hour [kW], gaps filled.
    meters
        Index meter_id: load_id (NA for none), status ("used", "set_aside", "unmatched"), reason, step_min,
        missing_h (hours not read or not true), peak_kw, energy_kwh (NaN where it is not used).
    loads
        Index load_id, every load of the network: status ("measured", "no_meter", "set_aside"), reason,
        meters.
    report
        Columns meter_id, from, to, hours, kind, action: every doubt and what was done.
    time_zone
        Where people live by the clock.
    source
        The file.
    """

    kw: pd.DataFrame
    meters: pd.DataFrame
    loads: pd.DataFrame
    report: pd.DataFrame
    time_zone: str
    source: str

    @property
    def peak_kw(self) -> pd.Series:
        """Largest hour of each measured load [kW]."""
        return self.kw.max().rename("peak_kw")

    @property
    def factors(self) -> pd.DataFrame:
        """Hours x load_id, 1 at the load's own peak; 0 throughout for one that draws nothing."""
        peak_kw = self.peak_kw
        return self.kw / peak_kw.where(peak_kw > 0.0, 1.0)

    def in_year(self, year: int) -> MeterReadings:
        """The same readings as those of another year.

        Every day takes the readings of the day of the same weekday nearest to its date, hour by hour of the
        local clock: workdays stay workdays, and winter stays winter.
        """
        own = int(pd.DatetimeIndex(self.kw.index).year[0])
        if year == own:
            return self
        hours = year_hours(year)
        local = hours.tz_convert(self.time_zone).tz_localize(None).floor("h")
        rows = _row_of_local_hour(self.kw, self.time_zone, own)
        wanted = _like_days(local.normalize(), own) + pd.to_timedelta(local.hour, unit="h")
        return replace(self, kw=self.kw.iloc[rows.loc[wanted].to_numpy()].set_axis(hours))

    def over(self, profiles: ProfileSet) -> ProfileSet:
        """Profiles in which every measured load follows its own readings, and all others what they did.

        Factors stand on the load's `peak_kw`: give the network that figure (`peaks_on`).
        """
        year = int(profiles.time.year[0])
        factors = self.in_year(year).factors.reindex(profiles.time).add_prefix("meter ")
        return replace(
            profiles,
            factors=pd.concat([profiles.factors, factors], axis=1),
            of_element={**profiles.of_element, **{str(load): f"meter {load}" for load in self.kw}},
            source=f"{profiles.source}; readings {self.source}",
        )

    def peaks_on(self, network: Network) -> Network:
        """The network whose measured loads have the largest hour of their readings as p_kw.

        Reactive power keeps its ratio to active power.
        """
        loads = network.loads
        peak_kw = self.peak_kw.reindex(loads.index)
        p_kw = peak_kw.fillna(loads["p_kw"])
        ratio = (p_kw / loads["p_kw"].where(loads["p_kw"] > 0.0)).fillna(1.0)
        return replace(network, loads=loads.assign(p_kw=p_kw, q_kvar=loads["q_kvar"] * ratio))


def _row_of_local_hour(kw: pd.DataFrame, time_zone: str, year: int) -> pd.Series:
    """Row per hour of the clock of a year.

    Of an hour that stands twice the first; one that is skipped, or that a year of UTC lacks at an end, takes
    its neighbour's.
    """
    clock = pd.DatetimeIndex(kw.index).tz_convert(time_zone).tz_localize(None).floor("h")
    rows = pd.Series(np.arange(len(kw)), clock)
    whole = pd.date_range(f"{year}-01-01", f"{year + 1}-01-01", freq="h", inclusive="left")
    return rows[~clock.duplicated()].reindex(whole).ffill().bfill().astype(int)


def _like_days(days: pd.DatetimeIndex, year: int) -> pd.DatetimeIndex:
    """Per day the day of another year of the same weekday nearest to its date.

    What lies before its first or after its last day has its like on its other end.
    """
    leap_day = (days.month == 2) & (days.day == 29)
    date = {"year": [year] * len(days), "month": days.month, "day": np.where(leap_day, 28, days.day)}
    dates = pd.DatetimeIndex(pd.to_datetime(date))
    like = dates + pd.to_timedelta((days.dayofweek - dates.dayofweek + 3) % 7 - 3, unit="D")
    like = like.where(like.year >= year, like + pd.Timedelta(weeks=52))
    return like.where(like.year <= year, like - pd.Timedelta(weeks=52))
