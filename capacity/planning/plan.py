"""`Plan`: what is built in which year, at what cost, and the proof that it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import geopandas as gpd
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from capacity.limits import Limits
from capacity.measures.measure import Measure
from capacity.planning.plan_cases import PlanCases
from gis import Network
from gis.changes import apply_changes, join_changes

PLAN_STEP_COLUMNS = (
    "step", "year", "measure", "table", "element_id", "from_type", "to_type", "length_m", "cost_low_eur",
    "cost_eur", "cost_high_eur", "yearly_eur", "months", "reason", "status", "geometry",
)  # fmt: skip
UNRESOLVED_COLUMNS = (
    "case_id", "scenario", "year", "hour", "outage", "check", "table", "element_id", "value", "limit", "unit",
    "excess_percent", "reason", "cost_so_far_eur",
)  # fmt: skip
# violations_before, violations_after: limits broken without the plan and with all that is in force in the
# year. unserved_kw: without supply. A case of all years has a row per year that the plan is of.
PLAN_CASE_COLUMNS = (
    "case_id", "scenario", "year", "hour", "outage", "violations_before", "violations_after", "demand_kw",
    "vm_min_before_pu", "vm_min_pu", "vm_max_before_pu", "vm_max_pu", "line_loading_before_percent",
    "line_loading_percent", "transformer_loading_before_percent", "transformer_loading_percent",
    "loss_before_kw", "loss_kw", "unserved_before_kw", "unserved_kw", "status", "engine",
)  # fmt: skip


class PlanTerms(BaseModel):
    """What a plan may use and how costs of several years compare; a block of a study file."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    measures: tuple[str, ...] | None = None  # kinds allowed; all when absent
    method: Literal["milp", "greedy"] = "milp"
    discount_rate_percent: float = Field(default=4.0, ge=0.0, le=30.0)
    horizon_years: int = Field(default=20, ge=1, le=80)  # yearly costs count so long from the first year
    budget_eur_per_year: float | None = Field(default=None, gt=0.0)
    time_limit_s: float = Field(default=300.0, gt=0.0)
    mip_gap_percent: float = Field(default=0.5, ge=0.0)


@dataclass(frozen=True, eq=False)
class Taken:
    """A measure that the plan takes, and from which year to which it is in force (None: for good).

    Attributes
    ----------
    round
        Measures of a later round stand on the network that those of the rounds before have made.
    """

    measure: Measure
    year: int | None
    until: int | None = None
    reason: str = ""
    round: int = 1


@dataclass(frozen=True, eq=False)
class Plan:
    """An expansion plan.

    Attributes
    ----------
    taken
        Measures in the order of their steps.
    steps
        Columns `PLAN_STEP_COLUMNS`, a row per measure taken.
    unresolved
        Columns `UNRESOLVED_COLUMNS`: limits still broken in the re-run of every case, and why.
    cases
        Columns `PLAN_CASE_COLUMNS`, the re-run: a row per case with the limits broken before and after, key
        figures and what solved it.
    status
        "resolved", "unresolved" or "cancelled" (the best plan so far).
    capital_eur, present_value_eur
        Sum over the steps, shared trenches once; present value with yearly costs, in the first year.
    bound_eur
        What the program of the last selection cannot go below; no proof, as its limits are linear. Missing
        where it has none.
    limits, terms, states
        What it was made for: limits, terms, and every case with its power per bus and switching.
    not_proposed
        Columns `capacity.measures.proposals.NOT_PROPOSED_COLUMNS`: what could not be proposed, and why.
    hours
        Columns `capacity.planning.scenario_hours.YEAR_PROOF_COLUMNS`: all hours of each year of a demand
        scenario solved on the network of the plan; none where it has no such years.
    security
        Columns `capacity.planning.outage_cases.PLAN_SECURITY_COLUMNS`: how outages end without and with the
        plan; none where N-1 was not asked for.
    asked
        What was asked for, by name, for files and pages.
    """

    network: Network
    taken: tuple[Taken, ...]
    steps: gpd.GeoDataFrame
    unresolved: pd.DataFrame
    cases: pd.DataFrame
    status: Literal["resolved", "unresolved", "cancelled"]
    capital_eur: float
    present_value_eur: float
    bound_eur: float | None
    seconds: float
    cost_table: str
    currency: str
    limits: Limits | None = None
    terms: PlanTerms = field(default_factory=PlanTerms)
    states: PlanCases | None = None
    not_proposed: pd.DataFrame | None = None
    hours: pd.DataFrame | None = None
    security: pd.DataFrame | None = None
    price_year: int | None = None
    asked: Mapping[str, object] | None = None

    @property
    def years(self) -> tuple[int | None, ...]:
        """Years it is proved in; only None where its cases are of no year."""
        return (None,) if self.states is None else years_of(self.states)

    def network_in(self, year: int | None) -> Network:
        """The network with all that is in force in a year; None: with everything."""
        return network_with(self.network, self.taken, year)


def years_of(cases: PlanCases) -> tuple[int | None, ...]:
    """Years that cases are of, in order; only None where they are of none."""
    return cases.years or (None,)


def network_with(
    network: Network, taken: Sequence[Taken], year: int | None, case_id: str | None = None
) -> Network:
    """The network with all measures that are in force in a year, round after round.

    Parameters
    ----------
    case_id
        With what controls set in that one case.
    """
    there = [one for one in taken if in_force(one, year)]
    for number in sorted({one.round for one in there}):
        parts = (one.measure for one in there if one.round == number)
        network = apply_changes(
            network,
            join_changes(part.changes if case_id is None else part.changes_in(case_id) for part in parts),
        )
    return network


def in_force(taken: Taken, year: int | None) -> bool:
    """Tell whether a measure counts in a year."""
    if year is None or taken.year is None:
        return taken.until is None
    return taken.year <= year and (taken.until is None or year < taken.until)
