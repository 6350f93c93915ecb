"""Plans that connect several sites: one by one in an order, or all at once for the least cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Literal, NamedTuple

import numpy as np

from capacity.connection.assessment import Assessment
from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.joint_search import Found, least_set
from capacity.connection.lead_times import total_months
from capacity.connection.option import SupplyOption, WorkLine
from capacity.connection.outcome import option_taken
from capacity.connection.queue import walk
from capacity.connection.ranking import own_cost
from capacity.connection.reinforcement import reinforce_together
from capacity.connection.site_cases import ConnectionConfig, site_power_kva
from capacity.costs import Cost, total_cost
from capacity.demand.development import Development
from capacity.measures.measure import Measure
from gis import Network
from gis.changes import NetworkChanges, apply_changes, join_changes
from gis.feeders import trace_supply

# Options of a site that a search chooses among, the cheapest by themselves: those past them cost more than
# what works on the grid usually do.
OPTIONS_TRIED = 12
# Sets of options that are solved, with the works that each needs: some tenths of a second each.
MOST_LOOKS = 40
# Sums of costs that differ by less are the same.
CENT_EUR = 0.01

PlanStatus = Literal["least", "best_found", "one_by_one"]
_STRENGTH: tuple[PlanStatus, ...] = ("least", "best_found", "one_by_one")


class Taken(NamedTuple):
    """A site with its option, and the works on the grid that it brings about where sites come one by one."""

    development: Development
    option: SupplyOption
    kva: np.ndarray
    measures: tuple[Measure, ...] = ()

    @property
    def site_id(self) -> str:
        return self.development.site_id

    @property
    def own_cost(self) -> Cost:
        """Of its option."""
        return own_cost(self.option)

    @property
    def cost(self) -> Cost:
        """With the works it brings about."""
        return total_cost([self.own_cost, *(measure.cost for measure in self.measures)])


class Step(NamedTuple):
    """Changes made in one go, and the sites that draw once they are."""

    changes: NetworkChanges
    taken: tuple[Taken, ...]


@dataclass(frozen=True, eq=False)
class JointPlan:
    """Sites connected, and the works on the grid that they need.

    Attributes
    ----------
    steps
        What is built, in order: each stands on those before it.
    measures
        Works on the existing grid, each once.
    not_connected
        Reason per site that the plan leaves out.
    status
        "least": proved among the options tried; "best_found": the search stopped before; "one_by_one": an
        order of one by one that nothing better was found for. Of groups of sites the weakest.
    bound_eur
        What no choice of the options tried costs less than; 0 where nothing is proved.
    """

    grid: ConnectionGrid
    steps: tuple[Step, ...]
    measures: tuple[Measure, ...]
    not_connected: Mapping[str, str]
    status: PlanStatus
    bound_eur: float = 0.0

    @property
    def taken(self) -> tuple[Taken, ...]:
        return tuple(one for step in self.steps for one in step.taken)

    @property
    def cost(self) -> Cost:
        own = [one.own_cost for one in self.taken]
        return total_cost([*own, *(measure.cost for measure in self.measures)])

    @property
    def words(self) -> str:
        """How far the plan is proved."""
        return {
            "least": "no choice of the options tried costs less",
            "best_found": f"the search stopped; no choice costs less than {self.bound_eur:,.0f}",
            "one_by_one": "found one by one, in the best of several orders",
        }[self.status]

    @cached_property
    def network(self) -> Network:
        """The network with all that is built."""
        return reduce(apply_changes, (step.changes for step in self.steps), self.grid.network)

    def built(self) -> ConnectionGrid:
        """The grid with all that is built and every site drawing, solved in every case."""
        grid = self.grid
        for step in self.steps:
            for at, one in enumerate(step.taken):
                changes = step.changes if at == 0 else NetworkChanges()
                grid = grid.connected(changes, one.option.site_bus_id, one.kva)
        return grid

    @cached_property
    def works(self) -> tuple[tuple[Measure, tuple[str, ...]], ...]:
        """Each measure with the sites that are supplied through its element; all of them where none is."""
        supply = trace_supply(self.network)
        ways = {
            one.site_id: set(
                supply.path_to_source(one.option.site_bus_id)[["table", "element_id"]].itertuples(
                    index=False, name=None
                )
            )
            for one in self.taken
        }
        every = tuple(ways)
        return tuple(
            (measure, tuple(site for site, way in ways.items() if _elements(measure) & way) or every)
            for measure in self.measures
        )

    def months_of(self, site_id: str) -> int:
        """Months until a site is supplied: its own works and those it needs on the grid."""
        one = next(one for one in self.taken if one.site_id == site_id)
        needed = [measure for measure, sites in self.works if site_id in sites]
        lines = [*one.option.lines, *(_line_of(measure) for measure in needed)]
        return total_months(lines, self.grid.assumptions.stages)


def _elements(measure: Measure) -> set[tuple[str, str]]:
    """Elements a measure acts on or builds."""
    added = {
        (table, str(element_id))
        for table in ("lines", "transformers")
        if table in measure.changes.added
        for element_id in measure.changes.added[table][f"{table[:-1]}_id"]
    }
    return added | {(measure.table, measure.element_id)} | set(measure.changes.touched)


def _line_of(measure: Measure) -> WorkLine:
    return WorkLine(measure.kind, measure.text, 1.0, "", "shared", measure.cost, measure.months)


def plan_in_order(grid: ConnectionGrid, order: Sequence[Development], config: ConnectionConfig) -> JointPlan:
    """Connect sites one by one, each by its best option on the grid that those before it leave."""
    places = walk(grid, order, [True] * len(order), config)
    steps, left = [], {}
    for place in places:
        step = _step_of(place.grid, place.assessment)
        if step is None:
            left[place.development.site_id] = place.assessment.sentence
        else:
            steps.append(step)
    measures = tuple(measure for step in steps for one in step.taken for measure in one.measures)
    return JointPlan(grid, tuple(steps), measures, left, "one_by_one")


def plan_alone(grid: ConnectionGrid, answer: Assessment) -> JointPlan:
    """The plan of one site: its best option."""
    step = _step_of(grid, answer)
    if step is None:
        return JointPlan(grid, (), (), {answer.development.site_id: answer.sentence}, "least")
    measures = step.taken[0].measures
    plan = JointPlan(grid, (step,), measures, {}, "least")
    return replace(plan, bound_eur=plan.cost.eur)


def _step_of(grid: ConnectionGrid, answer: Assessment) -> Step | None:
    """The best option of a site as a step; None where none fits."""
    judged = option_taken(answer)
    if judged is None:
        return None
    kva = site_power_kva(answer.development, grid.cases, grid.assumptions)
    return Step(judged.changes, (Taken(answer.development, judged.option, kva, judged.measures),))


def joined_plan(grid: ConnectionGrid, parts: Sequence[JointPlan]) -> JointPlan:
    """Plans of groups of sites that do not hang on each other, as one."""
    weakest: PlanStatus = _STRENGTH[max((_STRENGTH.index(part.status) for part in parts), default=0)]
    bounds = [part.bound_eur for part in parts]
    return JointPlan(
        grid=grid,
        steps=tuple(step for part in parts for step in part.steps),
        measures=tuple(measure for part in parts for measure in part.measures),
        not_connected={site: why for part in parts for site, why in part.not_connected.items()},
        status=weakest,
        bound_eur=sum(bounds),
    )


def least_plan(
    grid: ConnectionGrid,
    sites: Sequence[Development],
    alone: Mapping[str, Assessment],
    orders: Sequence[JointPlan],
    *,
    most_looks: int = MOST_LOOKS,
) -> JointPlan:
    """Find the plan that connects most sites, for the least cost.

    Parameters
    ----------
    alone
        Assessment per site on the grid: its options.
    orders
        Plans one by one; the best of them is what the search has to beat.
    most_looks
        Sets of options that are solved at most.
    """
    known = min(orders, key=lambda plan: (-len(plan.taken), plan.cost.eur))
    able = [one for one in sites if option_taken(alone[one.site_id]) is not None]
    if len(able) < max(len(known.taken), 1):
        return known
    choice = _Choice.of(grid, able, alone)
    below = known.cost.eur if len(known.taken) == len(able) else math.inf
    found = least_set(
        choice.costs_eur,
        choice.works_eur,
        starts=choice.starts(alone),
        below_eur=below,
        most_looks=most_looks,
    )
    if found.picks:
        return choice.plan(found, sites, alone)
    proved = found.bound_eur >= known.cost.eur - CENT_EUR
    return replace(known, status="least" if proved else known.status, bound_eur=found.bound_eur)


@dataclass(frozen=True, eq=False)
class _Choice:
    """Options per site that a search chooses among, and what sets of them need."""

    grid: ConnectionGrid
    sites: tuple[Development, ...]
    kva: tuple[np.ndarray, ...]
    options: tuple[tuple[SupplyOption, ...], ...]
    seen: dict[tuple[int, ...], tuple[Measure, ...]]

    @classmethod
    def of(
        cls, grid: ConnectionGrid, sites: Sequence[Development], alone: Mapping[str, Assessment]
    ) -> _Choice:
        options = tuple(_options_tried(alone[one.site_id]) for one in sites)
        kva = tuple(site_power_kva(one, grid.cases, grid.assumptions) for one in sites)
        return cls(grid, tuple(sites), kva, options, {})

    @property
    def costs_eur(self) -> list[list[float]]:
        return [[_own_eur(option) for option in options] for options in self.options]

    def starts(self, alone: Mapping[str, Assessment]) -> list[tuple[int, ...]]:
        """The options that are best alone; the cheapest."""
        best = []
        for one, options in zip(self.sites, self.options, strict=True):
            taken = option_taken(alone[one.site_id])
            ids = [option.option_id for option in options]
            best.append(ids.index(taken.option.option_id) if taken else 0)
        return [tuple(best), (0,) * len(self.sites)]

    def works_eur(self, picks: tuple[int, ...], most_eur: float) -> float:
        """What the works cost that a set of options needs; inf where it cannot be built together."""
        chosen = [options[pick] for options, pick in zip(self.options, picks, strict=True)]
        if _clash(chosen):
            return math.inf
        works = reinforce_together(self.grid, list(zip(chosen, self.kva, strict=True)), most_eur=most_eur)
        self.seen[picks] = tuple(works.measures)
        return works.cost.eur if works.status == "found" else math.inf

    def plan(self, found: Found, sites: Sequence[Development], alone: Mapping[str, Assessment]) -> JointPlan:
        taken = tuple(
            Taken(one, options[pick], kva)
            for one, options, pick, kva in zip(self.sites, self.options, found.picks, self.kva, strict=True)
        )
        connected = {one.site_id for one in taken}
        left = {one.site_id: alone[one.site_id].sentence for one in sites if one.site_id not in connected}
        status: PlanStatus = "least" if found.status == "least" else "best_found"
        measures = self.seen[found.picks]
        parts = [one.option.changes for one in taken]
        step = Step(join_changes([*parts, *(measure.changes for measure in measures)]), taken)
        return JointPlan(self.grid, (step,), measures, left, status, found.bound_eur)


def _options_tried(assessment: Assessment) -> tuple[SupplyOption, ...]:
    """Options that can be built, the cheapest by themselves, and the best with its works.

    Not those that move the voltage by more than one connection may: others there do not cure that.
    """
    able = [
        judged.option
        for judged in assessment.ranked
        if judged.fits or not (judged.option.problem or (judged.blocked["check"] == "voltage_change").any())
    ]
    able.sort(key=lambda option: (_own_eur(option), option.option_id))
    best = option_taken(assessment)
    kept = able[:OPTIONS_TRIED]
    if best is not None and best.option.option_id not in {option.option_id for option in kept}:
        kept.append(best.option)
    return tuple(kept)


def _own_eur(option: SupplyOption) -> float:
    return own_cost(option).eur


def _clash(options: Sequence[SupplyOption]) -> bool:
    """Whether two options change one row: a line that both cut."""
    touched = [key for option in options for key in option.changes.touched]
    return len(touched) != len(set(touched))
