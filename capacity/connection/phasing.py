"""How many homes can be live before which works: a site in parts, on its way to the whole.

The way to the whole is the best option with its works, in their order:

    as it is        from low voltage, with no new station and no works on the grid
    the connection  the option itself, works on the grid not yet there
    works 1, 2 ...  with the works done so far
    the whole       with all of them

Of each stage the largest number of homes that fits is found by load flow in every case of the grid; all
else of the site grows in proportion. Sites without homes are counted in hundredths.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from capacity.connection.assessment import Assessment, assess_on
from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.judging import judge
from capacity.connection.option import JudgedOption, SupplyOption
from capacity.connection.site_cases import ConnectionConfig, site_of, with_assumptions
from capacity.connection.supply_points import supply_options
from capacity.connection.words import limit_words
from capacity.demand.development import Development
from gis.changes import join_changes

# units: homes, or hundredths of a site without homes. next_works: what has to be done before more are live;
# limit: why no more fit before it.
STAGE_COLUMNS = ("stage", "units", "share", "demand_kw", "done", "next_works", "limit", "cost_eur", "months")
# stage: the one that has to be reached by the year; missing where no stage carries the site.
PHASE_COLUMNS = ("year", "share", "units", "demand_kw", "stage", "works", "cost_eur", "months", "start_by")
_HUNDREDTHS = 100
# Sizes of a site that are drawn into one network at once.
_AT_ONCE = 7
_LOW = ("lv_feeder", "lv_busbar")


@dataclass(frozen=True, eq=False)
class Phasing:
    """A site in parts.

    Attributes
    ----------
    unit, total
        "homes" or "hundredths", and how many the whole site has.
    stages
        Columns `STAGE_COLUMNS`, the smallest first.
    phases
        Columns `PHASE_COLUMNS`, a row per phase of the application: what has to be done by then. start_by:
        first day of the month in which the works have to be ordered.
    """

    unit: str
    total: int
    stages: pd.DataFrame
    phases: pd.DataFrame

    @property
    def sentence(self) -> str:
        """The answer in one sentence."""
        first = self.stages.iloc[0]
        amount = self._amount(int(first["units"]))
        if first["units"] >= self.total:
            return f"All of it ({amount}) can be live without a new station and without works on the grid."
        more = self.stages[self.stages["units"].diff() > 0]
        steps = [f"{self._amount(int(row.units))} after: {row.done}" for row in more.itertuples()]
        start = f"{amount} can be live" if first["units"] else "None can be live"
        return f"{start} before a new station or works on the grid; {'; '.join(steps) or 'no more fit'}."

    def _amount(self, units: int) -> str:
        return f"{units} of {self.total} homes" if self.unit == "homes" else f"{units} % of the site"


def homes_before_works(
    grid: ConnectionGrid,
    development: Development,
    config: ConnectionConfig | None = None,
    *,
    assessment: Assessment | None = None,
) -> Phasing:
    """Find how many homes of a development can be live at each stage of its connection.

    Parameters
    ----------
    assessment
        Of the whole development on the same grid, where it is known already.
    """
    known = grid if config is None else with_assumptions(grid, config)
    whole = assessment or assess_on(known, development, config)
    sizes = _Sizes(known, development)
    rows = [_as_it_is(sizes), *_with_option(sizes, _way(whole))]
    stages = pd.DataFrame(rows, columns=list(STAGE_COLUMNS))
    stages["units"] = stages["units"].cummax()  # what stood before still stands
    stages["share"] = stages["units"] / sizes.total
    stages["demand_kw"] = [sizes.demand_kw(int(units)) for units in stages["units"]]
    return Phasing(sizes.unit, sizes.total, stages, _phases(sizes, stages))


class _Sizes:
    """A development by the number of its homes."""

    def __init__(self, grid: ConnectionGrid, development: Development) -> None:
        self.grid, self.development = grid, development
        self.unit = "homes" if development.home_count else "hundredths"
        self.total = development.home_count or _HUNDREDTHS

    def of(self, units: int, site_id: str | None = None) -> Development:
        part = self.development if units >= self.total else self.development.share(units / self.total)
        return part if site_id is None else replace(part, site_id=site_id)

    def demand_kw(self, units: int) -> float:
        return site_of(self.grid, self.of(units)).demand_kw

    def most(self, fits: Callable[[Sequence[int]], list[bool]]) -> int:
        """Largest number of units that fits, more never fitting where fewer do not; 0 where none does."""
        low, high = 0, self.total + 1
        while high - low > 1:
            tried = np.unique(np.linspace(low, high, min(_AT_ONCE, high - low - 1) + 2).astype(int))[1:-1]
            held = dict(zip(tried.tolist(), fits(tried.tolist()), strict=True))
            bound = [units for units, holds in held.items() if not holds]
            high = min(bound, default=high)
            low = max((units for units, holds in held.items() if holds and units < high), default=low)
        return low


def _way(whole: Assessment) -> JudgedOption | None:
    """The option the whole site goes by: the best, or the cheapest that can be built where none fits."""
    return next((one for one in whole.ranked if one.fits or not one.option.problem), None)


def _as_it_is(sizes: _Sizes) -> tuple[object, ...]:
    """From low voltage, by any option of the part itself."""

    def fits(units: Sequence[int]) -> list[bool]:
        parts = [sizes.of(count, f"{sizes.development.site_id}~{count}") for count in units]
        sites = [site_of(sizes.grid, part) for part in parts]
        options = [
            [one for one in own.options if one.kind in _LOW and not one.problem]
            for own in supply_options(sizes.grid, sites)
        ]
        return [any(one.fits for one in own) for own in judge(sizes.grid, sites, options)]

    units = sizes.most(fits)
    limit = "" if units == sizes.total else "no supply point of low voltage carries more"
    return "as it is", units, np.nan, np.nan, "no station and no works", "", limit, 0.0, 0


def _with_option(sizes: _Sizes, way: JudgedOption | None) -> list[tuple[object, ...]]:
    """With the option, then with its works one after the other."""
    if way is None:
        return []
    rows: list[tuple[object, ...]] = []
    for count in range(len(way.measures) + 1):
        done = way.measures[:count]
        changes = join_changes([way.option.changes, *(measure.changes for measure in done)])
        built = replace(way.option, changes=changes)
        units = sizes.total if way.fits and count == len(way.measures) else _most_with(sizes, built)
        lines = [*(line.cost for line in way.option.lines), *(measure.cost for measure in done)]
        rows.append(
            (
                "connection" if not count else f"works {count}",
                units,
                np.nan,
                np.nan,
                done[-1].text if done else way.option.text,
                way.measures[count].text if count < len(way.measures) else "",
                _limit(sizes, built, units),
                sum(cost.eur for cost in lines),
                _months(way, count),
            )
        )
    return rows


def _months(way: JudgedOption, count: int) -> int:
    """Until the works so far are done; those of all of them are known, of a part the longest of its lines."""
    if count == len(way.measures):
        return way.months
    lines = [*(line.months for line in way.option.lines), *(one.months for one in way.measures[:count])]
    return max(lines, default=0)


def _most_with(sizes: _Sizes, option: SupplyOption) -> int:
    def fits(units: Sequence[int]) -> list[bool]:
        return [_judged(sizes, option, count).empty for count in units]

    low, high = 0, sizes.total + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits([middle])[0] else (low, middle)
    return low


def _judged(sizes: _Sizes, option: SupplyOption, units: int) -> pd.DataFrame:
    site = site_of(sizes.grid, sizes.of(units))
    return judge(sizes.grid, [site], [[option]])[0][0].blocked


def _limit(sizes: _Sizes, option: SupplyOption, units: int) -> str:
    if units >= sizes.total:
        return ""
    blocked = _judged(sizes, option, units + 1)
    return limit_words(blocked.iloc[0], sizes.development.site_id) if len(blocked) else ""


def _phases(sizes: _Sizes, stages: pd.DataFrame) -> pd.DataFrame:
    rows, reached = [], 0.0
    for year, share in sizes.development.phases:
        reached = min(reached + share, 1.0)
        units = round(reached * sizes.total)
        enough = stages[stages["units"] >= units]
        at = enough.iloc[0] if len(enough) else None
        rows.append(
            (
                year,
                reached,
                units,
                sizes.demand_kw(units),
                None if at is None else at["stage"],
                "no stage carries so many" if at is None else at["done"],
                np.nan if at is None else at["cost_eur"],
                None if at is None else int(at["months"]),
                None if at is None else _start_by(year, int(at["months"])),
            )
        )
    return pd.DataFrame(rows, columns=list(PHASE_COLUMNS))


def _start_by(year: int, months: int) -> str:
    """First day of the month to order in, so that all is done as the year begins."""
    month = year * 12 - months
    return f"{month // 12:04d}-{month % 12 + 1:02d}-01"
