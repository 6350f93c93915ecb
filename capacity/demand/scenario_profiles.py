"""Profiles of a scenario: a column per group and kind of generation, with its energy and its tariff.

shipped profile --energy per unit--> profile of the group --tariff--> profile under the tariff
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from capacity.demand.demand_scenario import DemandScenario, ProfileYear, TariffChoice
from capacity.demand.generation import kind_name
from capacity.demand.tariff import REPORT_COLUMNS, apply_tariff
from gis import InputError, Network
from gis.findings import join_findings, make_findings
from gridmodel.profile_file import read_profiles
from gridmodel.profile_set import ProfileSet
from gridmodel.standard_profiles import demand_profiles

# Exponents between which the shape of a profile is looked for, and how closely its energy is met.
_EXPONENTS = (1e-3, 1e3)
_HALVINGS = 60


@dataclass(frozen=True, eq=False)
class ScenarioProfiles:
    """Profiles by group and kind, and what the scenario's tariff does to them.

    Attributes
    ----------
    profiles
        A column per group and kind, named after it, never above 1.
    peak_factors
        Per group how many times its peak without tariff it reaches, at least 1; the profile is divided by it.
    report
        What the tariff moves (`tariff.REPORT_COLUMNS`); no rows without one.
    tariff_name
        "" without one.
    """

    profiles: ProfileSet
    peak_factors: Mapping[str, float]
    report: pd.DataFrame
    tariff_name: str

    def with_readings(self, factors: pd.DataFrame) -> ScenarioProfiles:
        """The same with groups that follow their own readings, which no tariff moves."""
        if factors.empty:
            return self
        profiles = replace(
            self.profiles,
            factors=pd.concat([self.profiles.factors, factors.set_axis(self.profiles.time)], axis=1),
            of_class={**self.profiles.of_class, **{group: group for group in factors}},
        )
        return replace(
            self, profiles=profiles, peak_factors={**self.peak_factors, **dict.fromkeys(factors, 1.0)}
        )


def scenario_profiles(
    network: Network, scenario: DemandScenario, profile_of: Mapping[str, str], kinds: tuple[str, ...]
) -> ScenarioProfiles:
    """Make the profiles of a scenario's year.

    Parameters
    ----------
    profile_of
        Name of the profile per group.
    kinds
        By the names that `generation.kind_name` gives them.

    Raises
    ------
    InputError
        The scenario's own profiles are no such file; or a group follows a profile that is not there, or one
        that cannot have the energy stated. Every such group is named.
    """
    known = _known_profiles(network, scenario.profile)
    column_of = {kind_name(kind): column for kind, column in known.of_kind.items()}
    _require_known(profile_of, known)
    shaped = {
        group: known.factors[known.of_class[profile]].to_numpy() for group, profile in profile_of.items()
    }
    for group, full_load_h in _full_load_hours(scenario).items():
        shaped[group] = with_energy(shaped[group], full_load_h, group)
    of_groups = replace(
        known,
        factors=pd.DataFrame(
            shaped | {kind: known.factors[column_of[kind]] for kind in kinds}, index=known.time
        ),
        of_class={group: group for group in profile_of},
        of_kind={kind: kind for kind in kinds},
    )
    if scenario.tariff is None:
        factors = dict.fromkeys(profile_of, 1.0)
        return ScenarioProfiles(of_groups, factors, pd.DataFrame(columns=list(REPORT_COLUMNS)), "")
    return _under_tariff(of_groups, scenario.tariff, profile_of)


def with_energy(factors: np.ndarray, full_load_h: float, group: str) -> np.ndarray:
    """Shape a profile so that it has an energy, by a power of it: factor^e, its peak stays 1.

    Above 1 the exponent makes peaks narrower, below 1 broader; hours keep their order.

    Parameters
    ----------
    factors
        Hours of a year, 0..1.
    full_load_h
        Energy over peak wanted [h].

    Raises
    ------
    InputError
        No power of the profile has that energy.

    Examples
    --------
    >>> with_energy(np.array([1.0, 0.5, 0.5]), 1.5, "ev").round(6)
    array([1.  , 0.25, 0.25])
    """
    low, high = _EXPONENTS
    most_h, least_h = (float((factors**exponent).sum()) for exponent in (low, high))
    if not least_h <= full_load_h <= most_h:
        message = (
            f"unit_kwh asks for {full_load_h:,.0f} h at its part of the peak of many; the profile can have "
            f"{least_h:,.0f} to {most_h:,.0f}: correct unit_kwh, or leave it out"
        )
        raise InputError(
            "scenario", make_findings("bad_demand_scenario", "demand scenario", [group], message)
        )
    for _ in range(_HALVINGS):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if (factors**middle).sum() > full_load_h else (low, middle)
    return np.asarray(factors**high)


def _known_profiles(network: Network, block: ProfileYear) -> ProfileSet:
    """The shipped profiles, and instead of them those of the scenario's own file."""
    shipped = demand_profiles(block.year, time_zone=block.time_zone)
    if block.file is None:
        return shipped
    own = read_profiles(block.file, network, time_zone=block.time_zone)
    faults = make_findings(
        "unknown_column",
        "profiles",
        own.of_element,
        "is one load or generator: give its readings in [meters]",
    )
    if own.time[0].year != block.year:
        message = f"its hours are of {own.time[0].year}: profile.year has to be the same, or leave file out"
        faults = join_findings(
            [faults, make_findings("bad_demand_scenario", "demand scenario", ["profile.year"], message)]
        )
    if len(faults):
        raise InputError(str(block.file), faults)
    return shipped.replaced_by(own)


def _full_load_hours(scenario: DemandScenario) -> dict[str, float]:
    """Energy of one unit over its part of the peak of very many [h], where a scenario states energy."""
    return {
        name: block.unit_kwh / (block.unit_kw * block.method.many_factor)
        for name, block in scenario.uptake.items()
        if block.unit_kwh and block.unit_kw and not block.feeds and block.method.follows_peak
    }


def _under_tariff(
    profiles: ProfileSet, choice: TariffChoice, profile_of: Mapping[str, str]
) -> ScenarioProfiles:
    tariff = choice.tariff()
    shifts = {group: tariff.groups[name] for group, name in profile_of.items() if name in tariff.groups}
    effect = apply_tariff(profiles, tariff.model_copy(update={"groups": shifts}))
    peaks = effect.report.set_index("group")["peak_after"].clip(lower=1.0)
    moved = effect.profiles
    columns = {group: moved.factors[moved.of_class[group]] / peaks[group] for group in profile_of}
    factors = profiles.factors.assign(**columns)
    return ScenarioProfiles(
        replace(moved, factors=factors, of_class=profiles.of_class),
        peaks.to_dict(),
        effect.report,
        tariff.name,
    )


def _require_known(profile_of: Mapping[str, str], known: ProfileSet) -> None:
    unknown = [group for group, profile in profile_of.items() if profile not in known.of_class]
    if unknown:
        message = f"no such profile; there are: {', '.join(known.of_class)}"
        raise InputError("scenario", make_findings("profile_unknown", "demand scenario", unknown, message))
