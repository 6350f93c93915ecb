"""Which single change would turn the answer: the same application with one thing different, judged again.

Tried are: charging points under management, heat from elsewhere (or by heat pump instead of direct electric
heating), fewer homes, another entry point, and a flexible supply. A change turns the answer when its verdict
is better; one that leaves the verdict and saves cost says so too.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
from shapely import affinity

from capacity.assumptions import Turning
from capacity.connection.assessment import Assessment, assess_all, assess_on
from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.flexible import FlexibleSupply, flexible_supply
from capacity.connection.option import SupplyOption
from capacity.connection.phasing import Phasing, homes_before_works
from capacity.connection.ranking import own_cost
from capacity.connection.site_cases import ConnectionConfig, with_assumptions
from capacity.demand.development import Development, heat_pump_count

# turned: the verdict is better, or a flexible supply waits for no works on the grid. saving_eur: of the best
# option's whole cost; missing where one of the two has none.
TURNING_COLUMNS = (
    "change", "text", "demand_kw", "verdict", "turned", "option", "cost_eur", "months", "saving_eur",
)  # fmt: skip
_ORDER = {"connect": 0, "connect_after_works": 1, "refuse": 2, "undetermined": 3}


def what_would_turn(
    grid: ConnectionGrid,
    development: Development,
    assessment: Assessment | None = None,
    config: ConnectionConfig | None = None,
    *,
    phasing: Phasing | None = None,
    flexible: FlexibleSupply | None = None,
) -> pd.DataFrame:
    """Judge a development again with one thing different at a time.

    Parameters
    ----------
    assessment
        Of the development as it is asked for, on the same grid.
    phasing, flexible
        Of it, where they are known already: how many homes are fewer, and what a flexible supply by
        `flexible_option` leaves out.

    Returns
    -------
    DataFrame
        Columns `TURNING_COLUMNS`; what turns the answer first, then what saves most. Changes that say nothing
        of this site (no charging points, no heat pumps) are left out.
    """
    known = grid if config is None else with_assumptions(grid, config)
    now = assessment or assess_on(known, development, config)
    parts = phasing or homes_before_works(known, development, config, assessment=now)
    tried = [
        *_managed(development),
        *_heated_otherwise(development),
        *_smaller(development, parts),
    ]
    moved = _moved(development, known.assumptions.turning)
    asked = [*(one for _, _, one in tried), *(one for _, _, one in moved)]
    answers = assess_all(known, asked, config)
    rows = [_row(*what[:2], answer, now) for what, answer in zip(tried, answers, strict=False)]
    best = _best_of(list(zip(moved, answers[len(tried) :], strict=True)))
    if best is not None:
        (change, text, _), answer = best
        rows.append(_row(change, text, answer, now))
    rows += _flexible(known, development, now, flexible)
    table = pd.DataFrame(rows, columns=list(TURNING_COLUMNS))
    order = np.lexsort((-table["saving_eur"].fillna(-math.inf), ~table["turned"].astype(bool)))
    return table.iloc[order].reset_index(drop=True)


_Tried = tuple[str, str, Development]


def _managed(development: Development) -> list[_Tried]:
    if not development.ev_points or development.managed_charging:
        return []
    text = (
        f"load management that holds its {development.ev_points} charging points to what control guarantees"
    )
    return [("load_management", text, _named(development, "managed", managed_charging=True))]


def _heated_otherwise(development: Development) -> list[_Tried]:
    tried: list[_Tried] = []
    pumps = heat_pump_count(development)
    direct = sum(group.count for group in development.homes if group.heating == "direct_electric")
    if direct:
        homes = tuple(
            replace(group, heating="heat_pump") if group.heating == "direct_electric" else group
            for group in development.homes
        )
        text = f"heat pumps instead of direct electric heating in {direct} homes"
        tried.append(("heat_pumps", text, _named(development, "pumps", homes=homes)))
    if pumps or direct:
        homes = tuple(replace(group, heating="other") for group in development.homes)
        text = f"heat from a network or a fuel instead of electricity ({pumps + direct} homes)"
        tried.append(("other_heating", text, _named(development, "heat", homes=homes, heat_pumps=0)))
    return tried


def _smaller(development: Development, parts: Phasing) -> list[_Tried]:
    """The most that needs no works, and the most that needs none on the grid beyond the connection."""
    tried: list[_Tried] = []
    for units in dict.fromkeys(parts.stages["units"].astype(int)):
        if not 0 < units < parts.total:
            continue
        words = f"{units} of {parts.total} homes" if parts.unit == "homes" else f"{units} % of the site"
        smaller = replace(development.share(units / parts.total), site_id=f"{development.site_id}~{units}")
        tried.append(("fewer_homes", words, smaller))
    return tried


def _moved(development: Development, turning: Turning) -> list[_Tried]:
    """The site so far away, in all directions; another place on the same plot's edge is such a move."""
    tried: list[_Tried] = []
    for number in range(turning.directions):
        angle = 2.0 * math.pi * number / turning.directions
        east, north = turning.distance_m * math.sin(angle), turning.distance_m * math.cos(angle)
        place = affinity.translate(development.place, east, north)
        text = f"an entry point {turning.distance_m:,.0f} m to the {_bearing(number, turning.directions)}"
        tried.append(("entry_point", text, _named(development, f"moved{number}", place=place)))
    return tried


def _bearing(number: int, directions: int) -> str:
    """Direction in words where there are eight, else in degrees from north."""
    words = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")
    eighth = 8 * number / directions
    return words[int(eighth)] if eighth == int(eighth) else f"bearing of {45.0 * eighth:.0f} degrees"


def _named(development: Development, suffix: str, **changed: object) -> Development:
    """The development with something changed, under an id of its own: all are drawn at once."""
    return replace(development, site_id=f"{development.site_id}~{suffix}", **changed)  # type: ignore[arg-type]


def _best_of(answers: list[tuple[_Tried, Assessment]]) -> tuple[_Tried, Assessment] | None:
    return min(answers, key=lambda one: (_ORDER[one[1].verdict], _cost(one[1])), default=None)


def _cost(answer: Assessment) -> float:
    """Whole cost of the best option; endless where none fits."""
    return answer.ranked[0].cost.eur if answer.ranked and answer.ranked[0].fits else math.inf


def _row(change: str, text: str, answer: Assessment, now: Assessment) -> tuple[object, ...]:
    best = answer.ranked[0] if answer.ranked and answer.ranked[0].fits else None
    saving = _cost(now) - _cost(answer)
    return (
        change,
        text,
        answer.demand_kw,
        answer.verdict,
        _ORDER[answer.verdict] < _ORDER[now.verdict],
        None if best is None else best.option.option_id,
        np.nan if best is None else best.cost.eur,
        None if best is None else best.months,
        saving if math.isfinite(saving) else np.nan,
    )


def _flexible(
    grid: ConnectionGrid, development: Development, now: Assessment, known: FlexibleSupply | None
) -> list[tuple[object, ...]]:
    """A flexible supply by the cheapest option that waits for no works; with what it leaves out."""
    option = flexible_option(now)
    if option is None:
        return []
    found = known or flexible_supply(grid, development, option)
    cost, allowed = own_cost(option).eur, grid.assumptions.turning.flexible_share
    enough = found.share <= allowed and found.feed_curtailed_kwh <= allowed * found.fed_kwh
    station = option.kind not in ("lv_feeder", "lv_busbar")
    verdict = ("connect_after_works" if station else "connect") if enough else now.verdict
    text = (
        f"flexible supply: {found.hours:,} hours a year with {found.curtailed_kwh:,.0f} kWh "
        f"({100.0 * found.share:.2g} %) not delivered"
    )
    months = next(one.months for one in now.ranked if one.option.option_id == option.option_id)
    saving = _cost(now) - cost
    return [
        (
            "flexible_supply",
            text,
            now.demand_kw,
            verdict,
            enough and (_ORDER[verdict] < _ORDER[now.verdict] or bool(now.ranked[0].measures)),
            option.option_id,
            cost,
            months,
            saving if math.isfinite(saving) else np.nan,
        )
    ]


def flexible_option(assessment: Assessment) -> SupplyOption | None:
    """The option a flexible supply would go by: the cheapest that can be built but does not fit alone.

    None where the best option costs no more than it: then nothing has to be flexible.
    """
    held = [one.option for one in assessment.ranked if not one.option.problem and len(one.blocked)]
    alive = [one for one in held if not _never(assessment, one) and own_cost(one).eur < _cost(assessment)]
    return min(alive, key=lambda one: (own_cost(one).eur, one.option_id), default=None)


def _never(assessment: Assessment, option: SupplyOption) -> bool:
    """An option that leaves somebody without supply helps at no hour."""
    blocked = next(one.blocked for one in assessment.ranked if one.option.option_id == option.option_id)
    return bool(blocked["check"].isin(["unsupplied"]).any())
