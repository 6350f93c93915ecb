"""Cases of what a command or study names: scenarios of the network, worst cases, a demand scenario."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from capacity.demand.demand_scenario import DemandScenario
from capacity.limits import Limits
from capacity.planning.plan_cases import PlanCases, cases_of_scenarios, joined_cases
from capacity.planning.scenario_hours import ScenarioHours, year_cases
from capacity.planning.worst_cases import worst_cases
from gis import InputError, Network
from gis.findings import make_findings
from gridmodel import Scenario


@dataclass(frozen=True, eq=False)
class AskedCases:
    """The cases a plan begins with, and the years that all hours are proved of."""

    cases: PlanCases
    hours: ScenarioHours | None


def asked_cases(
    network: Network,
    limits: Limits,
    *,
    scenarios: Sequence[Scenario] = (),
    worst: Sequence[str] = (),
    demand: DemandScenario | None = None,
    years: Sequence[int] = (),
    told: Callable[[str], None] = lambda _: None,
) -> AskedCases:
    """Make the cases of all that is named; one plan holds in all of them.

    Parameters
    ----------
    scenarios
        Scenarios of the network, a case each.
    worst
        Worst cases by name.
    demand, years
        A demand scenario and the years of it; all of its years when none is named.

    Raises
    ------
    InputError
        Nothing is named, or no such worst case is there.
    """
    parts = []
    if scenarios:
        parts.append(cases_of_scenarios(network, list(scenarios)))
    if worst:
        parts.append(worst_cases(network, tuple(worst)))
    hours = None
    if demand is not None:
        hours = ScenarioHours(demand, tuple(years) or demand.years, limits)
        parts.append(year_cases(network, hours, told))
    if not parts:
        message = "a plan needs at least one scenario to hold in; name one"
        raise InputError("plan", make_findings("no_cases", "cases", [""], message))
    return AskedCases(joined_cases(parts), hours)
