"""Several sites planned together: one least-cost plan against one by one in order, the saving, who pays what.

    one by one   each site takes its best option on the grid that those before it leave, works as they come
    together     options are chosen for all sites at once, with the works that all of them together need

The plan together is never dearer: where the search finds nothing better, it is the best order of one by one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.connection.assessment import Assessment, assess_all
from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.cost_share import SHARE_RULES, ShareRule
from capacity.connection.joint_plan import (
    JointPlan,
    Taken,
    joined_plan,
    least_plan,
    plan_alone,
    plan_in_order,
)
from capacity.connection.outcome import outcome_of
from capacity.connection.plan_shares import refuse_large_groups, share_costs
from capacity.connection.queue import Told
from capacity.connection.queue_rule import in_order
from capacity.connection.shared_capacity import groups_of_pairs, hang_together
from capacity.connection.site_cases import ConnectionConfig
from capacity.demand.development import Development

PORTFOLIO_COLUMNS = (
    "site_id", "name", "state", "demand_kw", "alone_verdict", "alone_eur", "one_by_one_eur", "kind", "bus_id",
    "built", "own_eur", "balance_eur", "share_eur", "months", "reason", "geometry",
)  # fmt: skip
PORTFOLIO_WORKS_COLUMNS = (
    "measure_id", "kind", "table", "element_id", "text", "cost_eur", "months", "site_ids",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Portfolio:
    """Several sites on one grid.

    Attributes
    ----------
    sites
        Columns `PORTFOLIO_COLUMNS`, a row per site in the order they were given in: state "connected" or
        "not_connected"; own_eur of what is built for it, balance_eur what it pays beyond that (or less) by
        the rule, share_eur their sum: it adds up to what the plan costs.
    works
        Columns `PORTFOLIO_WORKS_COLUMNS`: works on the existing grid, and the sites that are supplied
        through them.
    together, one_by_one
        The plans; `one_by_one` in the order of the queue.
    rule
        Of the shares, by name; `SHARE_RULES` says it in words.
    """

    sites: gpd.GeoDataFrame
    works: pd.DataFrame
    together: JointPlan
    one_by_one: JointPlan
    alone: dict[str, Assessment] = field(repr=False)
    rule: ShareRule

    @property
    def cost_eur(self) -> float:
        return self.together.cost.eur

    @property
    def saving_eur(self) -> float:
        """What planning together saves against one by one; missing where they connect different numbers."""
        same = len(self.together.taken) == len(self.one_by_one.taken)
        return self.one_by_one.cost.eur - self.together.cost.eur if same else math.nan

    @property
    def sentence(self) -> str:
        """The outcome in one sentence."""
        connected, asked = len(self.together.taken), len(self.sites)
        said = f"{connected} of {asked} sites can be connected together for about {self.cost_eur:,.0f}"
        one_by_one = f"one by one, {len(self.one_by_one.taken)} for {self.one_by_one.cost.eur:,.0f}"
        saved = "" if math.isnan(self.saving_eur) else f": {self.saving_eur:,.0f} saved"
        return f"{said}; {one_by_one}{saved}; {self.together.words}."


def plan_portfolio(
    grid: ConnectionGrid,
    developments: Sequence[Development],
    config: ConnectionConfig,
    *,
    rule: ShareRule = "by_kw",
    told: Told | None = None,
) -> Portfolio:
    """Plan several sites together and compare with one by one.

    Parameters
    ----------
    developments
        All of them are to be connected, whatever their state; one by one they come in the order of the queue.
    rule
        How the cost is shared: a key of `SHARE_RULES`.

    Raises
    ------
    InputError
        Two sites have one id, or more hang on each other than the rule can be reckoned for.
    """
    say = told or (lambda _: None)
    ordered = in_order(developments)
    say(f"judging {len(ordered)} sites alone")
    answers = assess_all(grid, ordered, config)
    alone = dict(zip([one.site_id for one in ordered], answers, strict=True))
    say("one by one")
    one_by_one = plan_in_order(grid, ordered, config)
    numbers = groups_of_pairs(hang_together(grid, answers))
    groups = [[ordered[int(k)] for k in np.flatnonzero(numbers == group)] for group in np.unique(numbers)]
    refuse_large_groups([[one.site_id for one in group] for group in groups], rule)
    parts = [_together(grid, group, alone, config, say) for group in groups]
    together = joined_plan(grid, parts)
    say("who pays what")
    shares = share_costs(grid, parts, alone, config, rule=rule)
    return Portfolio(
        sites=_sites_table(grid, developments, alone, together, one_by_one, shares),
        works=_works_table(together),
        together=together,
        one_by_one=one_by_one,
        alone=alone,
        rule=rule,
    )


def _together(
    grid: ConnectionGrid,
    group: Sequence[Development],
    alone: Mapping[str, Assessment],
    config: ConnectionConfig,
    say: Told,
) -> JointPlan:
    """The least plan of sites that hang on each other; of a site by itself its best option."""
    if len(group) == 1:
        return plan_alone(grid, alone[group[0].site_id])
    say(f"together: {', '.join(one.site_id for one in group)}")
    orders = [plan_in_order(grid, order, config) for order in _orders(group, alone)]
    return least_plan(grid, group, alone, orders)


def _orders(ordered: Sequence[Development], alone: Mapping[str, Assessment]) -> list[list[Development]]:
    """Orders tried one by one: that of the queue, the largest first, the smallest first."""
    rising = sorted(ordered, key=lambda one: (alone[one.site_id].demand_kw, one.site_id))
    found: list[list[Development]] = []
    for order in (list(ordered), rising[::-1], rising):
        if [one.site_id for one in order] not in [[one.site_id for one in other] for other in found]:
            found.append(order)
    return found


def _sites_table(
    grid: ConnectionGrid,
    developments: Sequence[Development],
    alone: Mapping[str, Assessment],
    together: JointPlan,
    one_by_one: JointPlan,
    shares: Mapping[str, float],
) -> gpd.GeoDataFrame:
    by_site = {one.site_id: one for one in together.taken}
    before = {one.site_id: one for one in one_by_one.taken}
    rows = [
        _site_row(
            one, alone[one.site_id], by_site.get(one.site_id), before.get(one.site_id), together, shares
        )
        for one in developments
    ]
    table = pd.DataFrame(rows, columns=list(PORTFOLIO_COLUMNS))
    return gpd.GeoDataFrame(table, geometry="geometry", crs=grid.network.crs)


def _site_row(
    asked: Development,
    alone: Assessment,
    taken: Taken | None,
    before: Taken | None,
    plan: JointPlan,
    shares: Mapping[str, float],
) -> tuple[object, ...]:
    by_itself = outcome_of(alone)
    first = (
        asked.site_id, asked.name, "connected" if taken else "not_connected", alone.demand_kw,
        by_itself.verdict, by_itself.cost_eur if by_itself.connects else None,
        before.cost.eur if before else None,
    )  # fmt: skip
    if taken is None:
        nothing = (None,) * 7
        return (*first, *nothing, plan.not_connected[asked.site_id], asked.place)
    own_eur, share_eur = taken.own_cost.eur, shares[asked.site_id]
    return (
        *first, taken.option.kind, taken.option.bus_id, taken.option.text, own_eur, share_eur - own_eur,
        share_eur, plan.months_of(asked.site_id), "", taken.option.route.geometry or asked.place,
    )  # fmt: skip


def _works_table(plan: JointPlan) -> pd.DataFrame:
    rows = [
        (
            measure.measure_id, measure.kind, measure.table, measure.element_id, measure.text,
            measure.cost.eur, measure.months, "; ".join(sites),
        )
        for measure, sites in plan.works
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(PORTFOLIO_WORKS_COLUMNS))


def share_rule_words(rule: ShareRule) -> str:
    """A rule in words."""
    return SHARE_RULES[rule]
