"""What each site of a joint plan pays, by a rule of `cost_share`."""

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

# Sets of options that are solved per group of sites: a group of eight has 247 of two or more.
LOOKS_PER_GROUP = 12


def share_costs(
    grid: ConnectionGrid,
    plan: JointPlan,
    alone: Mapping[str, Assessment],
    config: ConnectionConfig,
    *,
    rule: ShareRule,
) -> dict[str, float]:
    """What each connected site pays; the sum is what the plan costs.

    Raises
    ------
    InputError
        More sites hang on each other than the rule can be reckoned for.
    """
    if rule == "by_kw":
        return _by_kw(plan, alone)
    groups = groups_of(plan, alone)
    _refuse_large(groups)
    return {
        site: share for group in groups for site, share in _shapley(grid, plan, group, alone, config).items()
    }


def groups_of(plan: JointPlan, alone: Mapping[str, Assessment]) -> list[list[str]]:
    """Sites that hang on each other: they share works, or cost another amount than alone.

    Those of another cost are one group, with the groups that share works with one of them; every other site
    is a group of its own.
    """
    sites = [one.site_id for one in plan.taken]
    own = {one.site_id: one.own_cost.eur for one in plan.taken}
    changed = [site for site in sites if abs(own[site] - outcome_of(alone[site]).cost_eur) > 0.01]
    joined: list[set[str]] = [{site} for site in sites]
    for together in (changed, *(shared for _, shared in plan.works)):
        hit = [group for group in joined if group & set(together)]
        joined = [group for group in joined if group not in hit] + ([set().union(*hit)] if hit else [])
    return [[site for site in sites if site in group] for group in joined]


def _by_kw(plan: JointPlan, alone: Mapping[str, Assessment]) -> dict[str, float]:
    paid = {one.site_id: one.own_cost.eur for one in plan.taken}
    for measure, sites in plan.works:
        kw = {site: alone[site].demand_kw for site in sites}
        for site, part in shares_by_kw(measure.cost.eur, kw).items():
            paid[site] += part
    return paid


def _shapley(
    grid: ConnectionGrid,
    plan: JointPlan,
    group: Sequence[str],
    alone: Mapping[str, Assessment],
    config: ConnectionConfig,
) -> dict[str, float]:
    by_id = {one.site_id: one.development for one in plan.taken}
    whole = _cost_in_plan(plan, group)

    def least_eur(some: frozenset[str]) -> float:
        if len(some) == len(group):
            return whole
        if len(some) == 1:
            return outcome_of(alone[next(iter(some))]).cost_eur
        sites = [by_id[site] for site in group if site in some]
        orders = [plan_in_order(grid, sites, config)]
        return least_plan(grid, sites, alone, orders, most_looks=LOOKS_PER_GROUP).cost.eur

    return shapley_shares(group, least_eur)


def _cost_in_plan(plan: JointPlan, group: Sequence[str]) -> float:
    own = sum(one.own_cost.eur for one in plan.taken if one.site_id in group)
    return own + sum(measure.cost.eur for measure, sites in plan.works if set(sites) <= set(group))


def _refuse_large(groups: Sequence[Sequence[str]]) -> None:
    large = [group for group in groups if len(group) > MOST_SITES_SHAPLEY]
    if large:
        messages = [
            f"{len(group)} sites hang on each other, more than the {MOST_SITES_SHAPLEY} that all orders of "
            "arrival are reckoned for; use by_kw"
            for group in large
        ]
        ids = [", ".join(group) for group in large]
        raise InputError("portfolio", make_findings("too_many_sites", "sites", ids, messages))
