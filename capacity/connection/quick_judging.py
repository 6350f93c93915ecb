"""Judging step by step, for many sites: most states are outages, and few options need them to be told.

    1. options that no outage bears on, in their cases
    2. the others that cost less than one of these that holds, in normal operation alone
    3. of those that hold there, the cheapest in all cases, one, two, four at a time, until one holds
    4. where none does, all of them in all cases: what works have to cure

A dearer one is told among what is not offered: it is no candidate, whatever its load flows say. Of a cheaper
one that does not even hold in normal operation, outages are not told.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.judging import Judgement, bearing, judge, normal_cases
from capacity.connection.option import SupplyOption
from capacity.connection.ranking import own_cost
from capacity.connection.site import Site
from capacity.connection.supply_points import NOT_OFFERED_COLUMNS, SiteOptions

DEARER = "dearer than an option that holds; not judged"
Judged = dict[str, Judgement]


def judge_quickly(
    grid: ConnectionGrid, sites: Sequence[Site], offered: Sequence[SiteOptions]
) -> tuple[list[SiteOptions], list[Judged]]:
    """Judge the options that may be the cheapest of each site; the rest moves to `not_offered`.

    Returns
    -------
    Options and judgements by option_id, per site in their order.
    """
    outages = np.setdiff1d(np.arange(len(grid.states)), normal_cases(grid))
    felt = set(grid.network.buses.index[bearing(grid)[outages].any(axis=0)])
    calm = [_buildable(own, felt, wanted=False) for own in offered]
    whole = _by_id(calm, judge(grid, sites, calm))
    best_eur = [_cheapest_eur(options, judged) for options, judged in zip(calm, whole, strict=True)]
    asked = [
        sorted((one for one in _buildable(own, felt, wanted=True) if own_cost(one).eur < most), key=_by_cost)
        for own, most in zip(offered, best_eur, strict=True)
    ]
    _judge_cheapest(grid, sites, asked, whole)
    return [_judged_alone(own, judged) for own, judged in zip(offered, whole, strict=True)], whole


def _judge_cheapest(
    grid: ConnectionGrid, sites: Sequence[Site], asked: Sequence[list[SupplyOption]], whole: list[Judged]
) -> None:
    """Judge options, the cheapest first, until one of each site holds; puts them to what is judged."""
    normal = _by_id(asked, judge(grid, sites, asked, cases=normal_cases(grid)))
    holding = [
        [one for one in own if said[one.option_id].fits] for own, said in zip(asked, normal, strict=True)
    ]
    left, at_once = holding, 1
    while any(left):
        now = [own[:at_once] for own in left]
        found = _by_id(now, judge(grid, sites, now))
        for judged, more in zip(whole, found, strict=True):
            judged |= more
        left = [
            [] if any(one.fits for one in more.values()) else own[at_once:]
            for own, more in zip(left, found, strict=True)
        ]
        at_once *= 2
    nothing = [not any(one.fits for one in judged.values()) for judged in whole]
    rest = [
        [one for one in own if none and one.option_id not in judged]
        for own, none, judged in zip(asked, nothing, whole, strict=True)
    ]
    full = _by_id(rest, judge(grid, sites, rest))
    for own, judged, first, more in zip(asked, whole, normal, full, strict=True):
        most = min((own_cost(one).eur for one in own if _fits(judged, one)), default=math.inf)
        cheaper = {one.option_id for one in own if own_cost(one).eur < most}
        judged |= {name: said for name, said in first.items() if name in cheaper and name not in judged}
        judged |= more


def _fits(judged: Judged, option: SupplyOption) -> bool:
    return option.option_id in judged and judged[option.option_id].fits


def _by_cost(option: SupplyOption) -> tuple[float, float, str]:
    return own_cost(option).eur, option.route.length_m, option.option_id


def _buildable(offered: SiteOptions, felt: set[object], *, wanted: bool) -> list[SupplyOption]:
    """Options that can be built, outages bearing on them or not."""
    return [one for one in offered.options if not one.problem and (one.bus_id in felt) == wanted]


def _by_id(
    options: Sequence[Sequence[SupplyOption]], judgements: Sequence[Sequence[Judgement]]
) -> list[Judged]:
    return [
        {option.option_id: judged for option, judged in zip(own, said, strict=True)}
        for own, said in zip(options, judgements, strict=True)
    ]


def _cheapest_eur(options: Sequence[SupplyOption], judged: Judged) -> float:
    """Cost of the cheapest option that holds; infinite where none does."""
    return min((own_cost(one).eur for one in options if judged[one.option_id].fits), default=math.inf)


def _judged_alone(offered: SiteOptions, judged: Judged) -> SiteOptions:
    """Options that were judged or cannot be built; the others are not offered."""
    dearer = [one for one in offered.options if not one.problem and one.option_id not in judged]
    if not dearer:
        return offered
    rows = pd.DataFrame([(one.kind, one.bus_id, DEARER) for one in dearer], columns=list(NOT_OFFERED_COLUMNS))
    parts = [part for part in (offered.not_offered, rows) if len(part)]
    kept = tuple(one for one in offered.options if one.problem or one.option_id in judged)
    return replace(offered, options=kept, not_offered=pd.concat(parts, ignore_index=True))
