"""Judging in two steps, for many sites: options that no outage bears on, then those that are cheaper.

An option that outages bear on, as a rule one of medium voltage, is solved only if it costs less than one that
holds and that none bears on. The others are told among what is not offered: they are no candidates, whatever
their load flows say.
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
    first = _by_id(calm, judge(grid, sites, calm))
    best_eur = [_cheapest_eur(options, judged) for options, judged in zip(calm, first, strict=True)]
    asked = [
        [option for option in _buildable(own, felt, wanted=True) if own_cost(option).eur < most]
        for own, most in zip(offered, best_eur, strict=True)
    ]
    second = _by_id(asked, judge(grid, sites, asked))
    whole = [one | other for one, other in zip(first, second, strict=True)]
    return [_judged_alone(own, judged) for own, judged in zip(offered, whole, strict=True)], whole


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
