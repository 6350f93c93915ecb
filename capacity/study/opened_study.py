"""`Study`: a study file with all that it names read, and what several steps need solved once.

Reading is `capacity.study.study_file`, the steps are `capacity.study.study_steps`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np

from capacity.checks import Yardstick
from capacity.costs import CostTable
from capacity.demand.demand_scenario import DemandScenario
from capacity.demand.scenario_demand import Outlook, outlook_of
from capacity.limits import Limits
from capacity.terminal import TerminalStandard
from capacity.unserved import UnservedDemand, unserved_demand
from capacity.years.draws import DrawFindings, study_draws
from capacity.years.year import YearFindings
from capacity.years.year_bottlenecks import StudiedYear, solved_years
from gis import Network
from gridmodel import GridModel, Scenario, build_model

if TYPE_CHECKING:
    from capacity.study.study_file import StudyFile

# Counts per hour of what breaks a limit; missing in one without solution.
_BROKEN = ("undervoltages", "overvoltages", "line_overloads", "transformer_overloads")


@dataclass(frozen=True, eq=False)
class Study:
    """A study file with all that it names read and checked.

    Attributes
    ----------
    scenarios
        Demand scenarios with the study's years, draws and seed.
    cases
        Scenarios of the network.
    standards
        The one that is named, or none.
    districts
        Areas by name that room to sell is summed over; feeders where there are none.
    costs
        Prices of the plan; none where no plan is asked for.
    weak
        Feeders whose data are too weak for results, with the reason.
    told
        Takes what is being done, for people who wait.
    """

    path: Path
    file: StudyFile
    network: Network
    yardstick: Yardstick
    scenarios: tuple[DemandScenario, ...]
    cases: tuple[Scenario, ...]
    standards: tuple[TerminalStandard, ...]
    districts: gpd.GeoSeries | None
    costs: CostTable | None
    weak: dict[str, str]
    told: Callable[[str], None]

    @property
    def limits(self) -> Limits:
        """The limits it holds the network against."""
        return self.yardstick.limits

    @property
    def out(self) -> Path:
        """Folder of the results when none is named."""
        return self.path.parent / self.file.out if self.file.out else self.path.with_suffix(".study")

    @cached_property
    def model(self) -> GridModel:
        """The network's own model, built once."""
        self.told("building the model")
        return build_model(self.network)

    @cached_property
    def outlooks(self) -> dict[str, Outlook]:
        """Each demand scenario laid over the network, by scenario_id."""
        supply = self.yardstick.supply
        return {one.scenario_id: outlook_of(self.network, supply, one) for one in self.scenarios}

    @cached_property
    def years(self) -> tuple[StudiedYear, ...]:
        """Every year of every demand scenario, draw 0, solved in all its hours once for all steps."""
        return tuple(
            year
            for outlook in self.outlooks.values()
            for year in solved_years(outlook, self.yardstick, outlook.scenario.years, told=self.told)
        )

    def cut_of(self, year: StudiedYear) -> UnservedDemand:
        """The least cut of a year, found once for all steps."""
        label = year.findings.label
        if label not in self._cuts:
            self.told(f"least cut of {label}")
            hours = hardest_hours(year.findings, self.file.unserved.hours)
            self._cuts[label] = unserved_demand(
                year.model, self.yardstick, year.demand, hours=hours, step_h=year.findings.step_h
            )
        return self._cuts[label]

    def draws_of(self, year: StudiedYear) -> DrawFindings:
        """The draws of a year that the study asks for, solved once for all steps.

        One where the scenario draws no lots: all would be the same.
        """
        label = year.findings.label
        if label not in self._draws:
            outlook = self.outlooks[year.findings.scenario_id]
            count = self.file.draws if outlook.scenario.uptake else 1
            self.told(f"draws of {label}: {count}")
            demands = outlook.draws(year.findings.year, range(count))
            self._draws[label] = study_draws(year.model, self.yardstick, demands)
        return self._draws[label]

    @cached_property
    def _cuts(self) -> dict[str, UnservedDemand]:
        return {}

    @cached_property
    def _draws(self) -> dict[str, DrawFindings]:
        return {}


def hardest_hours(findings: YearFindings, count: int | None) -> np.ndarray | None:
    """Positions of the hours with most demand in which a limit is broken; nothing for all hours.

    Parameters
    ----------
    count
        How many at most; none for all hours of the year, also those in which every limit holds.
    """
    if count is None:
        return None
    broken = np.flatnonzero((findings.hours[list(_BROKEN)].fillna(1).sum(axis=1) > 0).to_numpy())
    largest = np.argsort(-findings.hours["demand_kw"].to_numpy()[broken], kind="stable")[:count]
    return np.asarray(np.sort(broken[largest]))
