"""Representative weeks of a year: fewer hours to solve, each standing for many, and what that misses."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from capacity.headroom_year import blocks_of
from gridmodel.profile_set import ProfileSet

WEEK_H = 168


@dataclass(frozen=True, eq=False)
class YearWeeks:
    """Weeks of a year that stand for all of it.

    Attributes
    ----------
    profiles
        The hours of the chosen weeks, at their true times.
    weight_h
        Per hour of `profiles` how many hours of the year it stands for; together the whole year.
    weeks
        Per week: name ("winter", "transition", "summer", "peak"), start (UTC), weight (weeks it stands for).
    energy_ratio
        Per profile: weighted sum over the weeks over the sum of the year.
    """

    profiles: ProfileSet
    weight_h: pd.Series
    weeks: pd.DataFrame
    energy_ratio: pd.Series

    def of_year(self, per_hour: pd.Series) -> float:
        """What a figure of each hour (kWh, or 1 for an hour over a limit) adds up to over the year."""
        return float((per_hour * self.weight_h.reindex(per_hour.index)).sum())


def representative_weeks(profiles: ProfileSet) -> YearWeeks:
    """Choose the usual week of each season, and the week of the largest load.

    Weeks are whole (Monday to Sunday, local time). The peak week has the largest hour of all loads, each as a
    share of its peak, and stands for itself; the week of a season lies in it, and stands for all of its
    other hours. Of all choices of one week a season that is taken whose energies over the year are nearest,
    over all profiles. They are close, not equal: `energy_ratio` says how close. Extremes of single profiles
    may lie in other weeks: firm answers need the year.

    Raises
    ------
    ValueError
        A season of the hours has no whole week beside the peak week.

    Examples
    --------
    >>> from gridmodel.standard_profiles import demand_profiles
    >>> weeks = representative_weeks(demand_profiles(2025))
    >>> len(weeks.profiles.factors), float(weeks.weight_h.sum())
    (672, 8760.0)
    """
    season, week = _seasons(profiles), _weeks(profiles)
    loads = profiles.factors[list(dict.fromkeys(profiles.of_class.values()))].mean(axis=1).to_numpy()
    peak = int(week[np.argmax(np.where(week >= 0, loads, -np.inf))])
    names = [str(name) for name in np.unique(season)]
    stands_for_h = {name: float(((season == name) & (week != peak)).sum()) for name in names}
    chosen = _nearest(profiles, season, week, peak, stands_for_h)
    chosen["peak"], stands_for_h["peak"] = peak, float((week == peak).sum())
    weight = np.zeros(len(week))
    for name, number in chosen.items():
        weight[week == number] = stands_for_h[name] / (week == number).sum()
    rows = weight > 0.0
    factors = profiles.factors[rows]
    weight_h = pd.Series(weight[rows], factors.index, name="weight_h")
    table = {
        "name": list(chosen),
        "start": [profiles.time[np.argmax(week == number)] for number in chosen.values()],
        "weight": [stands_for_h[name] / WEEK_H for name in chosen],
    }
    year = profiles.factors.sum()
    return YearWeeks(
        profiles=replace(profiles, factors=factors, source=f"{profiles.source}; representative weeks"),
        weight_h=weight_h,
        weeks=pd.DataFrame(table),
        energy_ratio=(factors.mul(weight_h, axis=0).sum() / year.where(year != 0.0)).fillna(1.0),
    )


def _seasons(profiles: ProfileSet) -> np.ndarray:
    blocks = blocks_of(profiles)
    return blocks.table["season"].to_numpy(dtype=object)[blocks.number]


def _weeks(profiles: ProfileSet) -> np.ndarray:
    """Number of each hour's week from Monday to Sunday, local time; -1 of a week that is not whole."""
    days = profiles.local_time.tz_localize(None).normalize()
    monday = days - pd.to_timedelta(days.dayofweek, unit="D")
    number = pd.factorize(monday)[0]
    of_week = pd.Series(days).groupby(number).nunique().to_numpy()
    hours = np.bincount(number)
    whole = (of_week == 7) & (hours >= WEEK_H - 1)  # 167 where clocks go forward
    return np.where(whole[number], number, -1)


def _nearest(
    profiles: ProfileSet, season: np.ndarray, week: np.ndarray, peak: int, stands_for_h: dict[str, float]
) -> dict[str, int]:
    """The week of each season, so that energies of the year are nearest over all profiles."""
    factors = profiles.factors / profiles.factors.sum().abs().where(lambda total: total > 0.0, 1.0)
    of_week = factors.groupby(week).mean()
    free = [number for number in of_week.index if number not in (-1, peak)]
    candidates = [
        [number for number in free if (season[week == number] == name).all()] for name in stands_for_h
    ]
    if peak < 0 or not all(candidates):
        raise ValueError("a season has no whole week of its own to stand for it: give a whole year of hours")
    # missing[i, j, k]: what is missing of each energy with week i of the first season, j of the second, ...
    missing = factors.sum().to_numpy() - factors[week == peak].sum().to_numpy()
    for numbers, hours in zip(candidates, stands_for_h.values(), strict=True):
        missing = missing[..., None, :] - hours * of_week.loc[numbers].to_numpy()
    best = np.unravel_index(int((missing**2).sum(axis=-1).argmin()), missing.shape[:-1])
    return {name: int(candidates[k][int(best[k])]) for k, name in enumerate(stands_for_h)}
