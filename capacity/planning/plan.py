"""`Plan`: what is built in which year, at what cost, and the proof that it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import geopandas as gpd
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from capacity.measures.measure import Measure
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
    """A measure that the plan takes, and from which year to which it is in force (None: for good)."""

    measure: Measure
    year: int | None
    until: int | None = None
    reason: str = ""


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
        The re-run: a row per case with the limits broken before and after, key figures and what solved it.
    status
        "resolved", "unresolved" or "cancelled" (the best plan so far).
    capital_eur, present_value_eur
        Sum over the steps, shared trenches once; present value with yearly costs, in the first year.
    bound_eur
        Lower bound of the present value that the selection proved; missing where it proved none.
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

    def network_in(self, year: int | None) -> Network:
        """The network with all that is in force in a year; None: with everything."""
        return apply_changes(
            self.network, join_changes(one.measure.changes for one in self.taken if in_force(one, year))
        )


def in_force(taken: Taken, year: int | None) -> bool:
    """Tell whether a measure counts in a year."""
    if year is None or taken.year is None:
        return taken.until is None
    return taken.year <= year and (taken.until is None or year < taken.until)
