"""Expansion planning: what to build, where, when and at what cost, proved by load flow in every case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capacity.planning.plan import Plan, PlanTerms, Taken
from capacity.planning.plan_cases import PlanCases, cases_of_scenarios, joined_cases

if TYPE_CHECKING:
    from capacity.planning.expansion import plan_expansion

__all__ = [
    "Plan",
    "PlanCases",
    "PlanTerms",
    "Taken",
    "cases_of_scenarios",
    "joined_cases",
    "plan_expansion",
]


def __getattr__(name: str) -> object:
    """`plan_expansion` when it is asked for: it needs the measures, which need this package's cases."""
    if name == "plan_expansion":
        from capacity.planning.expansion import plan_expansion

        return plan_expansion
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
