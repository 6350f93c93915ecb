"""Profiles of a scenario: the shipped year, what its tariff moves, and the column each group follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from capacity.demand_scenario import DemandScenario
from capacity.tariff import REPORT_COLUMNS, apply_tariff
from gis import InputError
from gis.findings import make_findings
from gridmodel.profile_set import ProfileSet
from gridmodel.standard_profiles import demand_profiles


@dataclass(frozen=True, eq=False)
class ScenarioProfiles:
    """Profiles by name, under the scenario's tariff.

    Attributes
    ----------
    known
        Profiles of classes, technologies and kinds of generation, never above 1.
    report
        What the tariff moves (`tariff.REPORT_COLUMNS`); no rows without one.
    tariff_name
        "" without one.
    """

    known: ProfileSet
    report: pd.DataFrame
    tariff_name: str

    def peak_factor(self, profile: str) -> float:
        """How many times its peak without tariff a profile reaches, at least 1."""
        return max(1.0, float(self.report["peak_after"].get(profile, 1.0)))

    def over(self, profile_of: Mapping[str, str], kinds: tuple[str, ...]) -> ProfileSet:
        """A column per group and kind, named after it.

        Parameters
        ----------
        profile_of
            Name of the profile per group.

        Raises
        ------
        InputError
            A group follows a profile that is not there; every such group is named.
        """
        of_class = self.known.of_class
        unknown = [group for group, profile in profile_of.items() if profile not in of_class]
        if unknown:
            message = f"no such profile; there are: {', '.join(of_class)}"
            raise InputError(
                "scenario", make_findings("profile_unknown", "demand scenario", unknown, message)
            )
        columns = {group: self.known.factors[of_class[profile]] for group, profile in profile_of.items()}
        columns |= {kind: self.known.factors[kind] for kind in kinds}
        return replace(
            self.known,
            factors=pd.DataFrame(columns, index=self.known.time),
            of_class={group: group for group in profile_of},
            of_kind={kind: kind for kind in kinds},
        )


def profiles_of(scenario: DemandScenario) -> ScenarioProfiles:
    """Profiles of the scenario's year, moved by its tariff.

    A profile that the tariff raises above 1 is divided by its new peak, which goes into the coincidence
    (`capacity.rebound`).
    """
    profiles = demand_profiles(scenario.profile.year, time_zone=scenario.profile.time_zone)
    if scenario.tariff is None:
        return ScenarioProfiles(profiles, pd.DataFrame(columns=list(REPORT_COLUMNS[1:])), "")
    tariff = scenario.tariff.tariff()
    effect = apply_tariff(profiles, tariff)
    report = effect.report.set_index("group")
    moved = effect.profiles
    peaks = {moved.of_class[group]: max(1.0, float(peak)) for group, peak in report["peak_after"].items()}
    factors = moved.factors.assign(**{column: moved.factors[column] / peak for column, peak in peaks.items()})
    return ScenarioProfiles(replace(moved, factors=factors), report, tariff.name)
