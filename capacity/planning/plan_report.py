"""`PlanReport`: a plan with what people are shown of it: prices, loading before and after, what it unlocks.

What stands in a file of a plan is a report; `capacity.planning.plan_reading` gives it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from capacity.costs import CostTable
from capacity.network_record import network_record
from capacity.planning.plan import Plan
from capacity.planning.plan_benefit import Benefit, plan_benefit
from capacity.planning.plan_loading import plan_loading
from gridmodel import Catalogue

_METHODS = {"milp": "mixed-integer program with exact load flows", "greedy": "greedy with exact load flows"}
INDICATIVE = "Indicative, not an offer: prices of the cost table; routes and equipment need a check on site."


@dataclass(frozen=True, eq=False)
class PlanReport:
    """A plan and what is told of it.

    Attributes
    ----------
    costs
        The cost table it was made with; nothing where it is not at hand.
    loading
        Columns `capacity.planning.plan_loading.LOADING_COLUMNS`; nothing where the plan carries no cases.
    benefit
        Nothing where nobody has looked.
    asked
        What was asked of the planner, in words: limits, cases, measures, budget.
    """

    plan: Plan
    costs: CostTable | None = None
    loading: pd.DataFrame | None = None
    benefit: Benefit | None = None
    asked: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def network_sha256(self) -> str:
        """Of the rows of the network that the plan is of."""
        return str(network_record(self.plan.network)["sha256"])

    @property
    def price_year(self) -> int | None:
        """Of the cost table."""
        return self.plan.price_year if self.costs is None else self.costs.price_year


def report_of(
    plan: Plan, costs: CostTable | None = None, *, catalogue: Catalogue | None = None
) -> PlanReport:
    """Solve what people are shown of a plan: every case in the normal state twice, and a few least cuts."""
    return PlanReport(
        plan=plan,
        costs=costs,
        loading=plan_loading(plan, catalogue=catalogue),
        benefit=plan_benefit(plan, catalogue=catalogue),
        asked=asked_of(plan),
    )


def asked_of(plan: Plan) -> dict[str, str]:
    """What was asked of the planner, in words."""
    terms, budget, told = plan.terms, plan.terms.budget_eur_per_year, plan.asked or {}
    asked = {
        "limits": "" if plan.limits is None else plan.limits.name,
        "cases": cases_in_words(plan.cases),
        "measures allowed": "all kinds" if terms.measures is None else ", ".join(terms.measures),
        "N-1": _yes_no(told.get("n_minus_1")),
        "method": _METHODS[terms.method],
        "discount rate": f"{terms.discount_rate_percent:g} % a year",
        "horizon": f"{terms.horizon_years} years",
        "budget": "none" if budget is None else f"{budget:,.0f} {plan.currency} a year",
    }
    return {name: value for name, value in asked.items() if value}


def _yes_no(answer: object) -> str:
    return "" if answer is None else "yes" if answer else "no"


def cases_in_words(cases: pd.DataFrame) -> str:
    """Which states of affairs a plan was proved in.

    Examples
    --------
    >>> rows = pd.DataFrame({"case_id": ["a", "a|L1"], "scenario": "cold", "year": [2030, 2030],
    ...                      "outage": ["", "lines L1"]})
    >>> cases_in_words(rows)
    '2 cases: cold; 2030; 1 with an outage'
    """
    outages = int((cases["outage"].fillna("") != "").sum())
    years = sorted({str(int(year)) for year in cases["year"].dropna()})
    parts = [
        ", ".join(dict.fromkeys(cases["scenario"].astype(str))),
        ", ".join(years),
        f"{outages} with an outage" if outages else "",
    ]
    count = len(cases)
    return f"{count} case{'' if count == 1 else 's'}: " + "; ".join(part for part in parts if part)
