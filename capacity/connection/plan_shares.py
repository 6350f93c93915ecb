"""What each site of a portfolio pays, by a rule of `cost_share`, group by group that hangs together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from capacity.connection.assessment import Assessment
from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.cost_share import (
    MOST_SITES_SHAPLEY,
    ShareRule,
    shapley_shares,
    shares_by_kw,
)
from capacity.connection.joint_plan import JointPlan, least_plan, plan_in_order
from capacity.connection.outcome import outcome_of
from capacity.connection.site_cases import ConnectionConfig
from gis import InputError
from gis.findings import make_findings

# Sets of options that are solved per set of sites: a group of eight has 247 sets of two or more.
LOOKS_PER_SET = 12


def share_costs(
    grid: ConnectionGrid,
    parts: Sequence[JointPlan],
    alone: Mapping[str, Assessment],
    config: ConnectionConfig,
    *,
    rule: ShareRule,
) -> dict[str, float]:
    """What each connected site pays; the sum is what the plans cost.

    Parameters
    ----------
    parts
        A plan per group of sites that hang together.
    """
    split = _by_kw if rule == "by_kw" else _shapley
    return {site: share for part in parts for site, share in split(grid, part, alone, config).items()}


def refuse_large_groups(groups: Sequence[Sequence[str]], rule: ShareRule) -> None:
    """Refuse groups that a rule cannot be reckoned for, before anything is planned.

    Raises
    ------
    InputError
        More sites hang together than all orders of arrival are reckoned for; every such group is named.
    """
    large = [group for group in groups if rule == "shapley" and len(group) > MOST_SITES_SHAPLEY]
    if large:
        messages = [
            f"{len(group)} sites hang on each other, more than the {MOST_SITES_SHAPLEY} that all orders of "
            "arrival are reckoned for; use by_kw"
            for group in large
        ]
        ids = [", ".join(group) for group in large]
        raise InputError("portfolio", make_findings("too_many_sites", "sites", ids, messages))


def _by_kw(
    _grid: ConnectionGrid, part: JointPlan, alone: Mapping[str, Assessment], _config: ConnectionConfig
) -> dict[str, float]:
    by_itself = {one.site_id: _alone_eur(part, one.site_id, alone) for one in part.taken}
    kw = {site: alone[site].demand_kw for site in by_itself}
    return shares_by_kw(part.cost.eur, by_itself, kw)


def _shapley(
    grid: ConnectionGrid, part: JointPlan, alone: Mapping[str, Assessment], config: ConnectionConfig
) -> dict[str, float]:
    by_id = {one.site_id: one.development for one in part.taken}

    def least_eur(some: frozenset[str]) -> float:
        if len(some) == len(by_id):
            return part.cost.eur
        if len(some) == 1:
            return _alone_eur(part, next(iter(some)), alone)
        sites = [asked for site, asked in by_id.items() if site in some]
        orders = [plan_in_order(grid, sites, config)]
        return least_plan(grid, sites, alone, orders, most_looks=LOOKS_PER_SET).cost.eur

    return shapley_shares(list(by_id), least_eur)


def _alone_eur(part: JointPlan, site: str, alone: Mapping[str, Assessment]) -> float:
    """What a site costs alone; one that cannot be connected alone, what its own option costs."""
    by_itself = outcome_of(alone[site])
    if by_itself.connects:
        return by_itself.cost_eur
    return next(one.own_cost.eur for one in part.taken if one.site_id == site)
