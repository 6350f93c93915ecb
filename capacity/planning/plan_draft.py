"""What a plan is asked for (`Question`) and how far it is (`Draft`); the walk is in `expansion`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from capacity.costs import CostTable
from capacity.limits import Limits
from capacity.planning.checkpoint import Checkpoint
from capacity.planning.outage_cases import OutageCases
from capacity.planning.plan import PlanTerms, Taken, years_of
from capacity.planning.plan_cases import PlanCases
from capacity.planning.plan_costs import step_costs
from capacity.planning.scenario_hours import ScenarioHours, YearProof
from gis import Network
from gridmodel import Catalogue

_STILL = "still broken after all rounds of measures on top of measures"


@dataclass(frozen=True)
class Progress:
    """How far a plan is, for people who wait.

    Attributes
    ----------
    stage
        What is being done.
    steps, cost_eur
        Measures taken so far and their capital.
    violations
        Limits broken in the last re-run; missing where none was made since.
    """

    stage: str
    steps: int = 0
    cost_eur: float = 0.0
    violations: int | None = None


@dataclass(frozen=True, eq=False)
class Question:
    """All that a plan is asked for, and how it may be stopped; see `plan_expansion`."""

    network: Network
    limits: Limits
    costs: CostTable
    catalogue: Catalogue
    terms: PlanTerms
    hours: ScenarioHours | None
    n_minus_1: bool
    cancelled: Callable[[], bool]
    told: Callable[[Progress], None]
    deadline: float

    @property
    def stopped(self) -> str:
        """Why nothing more may be selected; "" while it may."""
        if self.cancelled():
            return "cancelled before it was solved"
        if time.monotonic() >= self.deadline:
            return f"the time limit of {self.terms.time_limit_s:g} s was reached"
        return ""


@dataclass(frozen=True, eq=False)
class Draft:
    """A plan on its way.

    Attributes
    ----------
    number
        Selections made.
    proofs
        Proofs of all hours and outages made; `proof` and `security` are of the last.
    selected_cases
        How many of the cases the last selection on the network as it is knew.
    given_up
        Years in which nothing more is to be tried, and why.
    """

    cases: PlanCases
    checkpoint: Checkpoint
    taken: tuple[Taken, ...] = ()
    number: int = 0
    proofs: int = 0
    bound_eur: float | None = None
    selected_cases: int = 0
    given_up: Mapping[int | None, str] = field(default_factory=dict)
    not_proposed: pd.DataFrame | None = None
    proof: YearProof | None = None
    security: OutageCases | None = None

    @property
    def unselected(self) -> bool:
        """Whether there are cases that no selection has seen."""
        return len(self.cases.labels) > self.selected_cases

    def progress(self, stage: str, violations: int | None = None) -> Progress:
        """How far it is."""
        costs = step_costs(self.taken, PlanTerms(), years_of(self.cases))
        return Progress(stage, len(self.taken), float(costs["cost_eur"].sum()), violations)

    def reason_of(self, row: pd.Series, stopped: str) -> str:
        """Why a limit is still broken."""
        year = None if pd.isna(row["year"]) else int(row["year"])
        why = stopped or self.given_up.get(year, _STILL)
        if self.not_proposed is None:
            return why
        known = self.not_proposed
        of_element = known[(known["table"] == row["table"]) & (known["element_id"] == row["element_id"])]
        return "; ".join([why, *(f"{one.kind}: {one.reason}" for one in of_element.itertuples())])
