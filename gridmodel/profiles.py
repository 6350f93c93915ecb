"""A year in hours: factors on loads and generators that change with time, solved all at once.

Nothing of the size hours x elements is made, but for the elements whose columns are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gis import InputError, Network
from gis.findings import join_findings, make_findings
from gridmodel.model import GridModel
from gridmodel.outcome import Keep, element_tables, failure_table, kept_tables, places_of, point_table
from gridmodel.points import Points, as_long_as, points_of_scenario
from gridmodel.scenario import Scenario
from gridmodel.solve_points import solve_points

if TYPE_CHECKING:
    from gridmodel.engine.bounds import Bounds

ENERGY = ("demand", "served", "unserved", "generation", "source", "loss")


@dataclass(frozen=True, eq=False)
class Profiles:
    """How loads and generators change with time: a factor multiplies the power of the scenario.

    Attributes
    ----------
    factors
        One row per hour, indexed by its beginning (a time with a zone, ascending); one column per profile.
    of_load, of_generator
        Profile per load_id and generator_id; none (NA) leaves the power as the scenario has it. Every load
        and generator of the network needs an entry; those of others do no harm.
    of_load_q
        Profile of the reactive power per load_id, where it is not that of the active power.
    step_h
        What one row stands for [h]: 1, or 0.25 for quarters of an hour.
    """

    factors: pd.DataFrame
    of_load: pd.Series
    of_generator: pd.Series
    of_load_q: pd.Series | None = None
    step_h: float = 1.0

    @property
    def hours(self) -> pd.DatetimeIndex:
        return pd.DatetimeIndex(self.factors.index, name="hour").tz_convert("UTC")


@dataclass(frozen=True, eq=False)
class ProfileResults:
    """Figures of every hour and of every element over all of them.

    Attributes
    ----------
    hours
        Indexed by hour (UTC), columns `outcome.POINT_COLUMNS`: status ("converged" or "not_converged"),
        reason, totals [kW, kvar], extreme voltages [pu] and loadings [%] with their element, and how many
        elements are outside their limits.
    buses
        status ("supplied", "no_supply"), vm_min_pu, vm_min_hour, vm_max_pu, vm_max_hour, hours_below,
        hours_above [h].
    lines, transformers
        loading_max_percent, loading_max_hour, hours_over [h], loss_kwh.
    energy_kwh
        demand, served, unserved, generation, source and loss over all hours [kWh]: demand = served +
        unserved; source + generation = served + loss.
    vm_pu, line_loading_percent, transformer_loading_percent
        Hours x elements kept.
    failures
        Per hour without solution: where it breaks, how much could be served and which load is to blame
        (`failures.explain_failures`); no rows unless asked for.
    engine
        What solved it, and why where it was not the batch engine.
    """

    hours: pd.DataFrame
    buses: pd.DataFrame
    lines: pd.DataFrame
    transformers: pd.DataFrame
    energy_kwh: pd.Series
    vm_pu: pd.DataFrame
    line_loading_percent: pd.DataFrame
    transformer_loading_percent: pd.DataFrame
    failures: pd.DataFrame
    engine: str


def profiles_by_class(
    network: Network,
    factors: pd.DataFrame,
    *,
    q_factors: pd.DataFrame | None = None,
    step_h: float = 1.0,
) -> Profiles:
    """Give every load the profile of its customer class and every generator that of its kind.

    Parameters
    ----------
    factors
        One row per hour; one column per customer class and generator kind of the network.
    q_factors
        The same for the reactive power of the classes it has columns of; as the active power when absent.
    """
    classes = network.loads["customer_class"]
    of_load_q = None
    if q_factors is not None:
        reactive = q_factors.add_suffix(" (reactive)")
        factors = pd.concat([factors, reactive], axis=1)
        own = classes.isin(q_factors.columns)
        of_load_q = classes.where(~own, classes.astype(str) + " (reactive)")
    return Profiles(factors, classes, network.generators["kind"], of_load_q, step_h)


def run_profiles(
    model: GridModel,
    profiles: Profiles,
    scenario: Scenario,
    *,
    bounds: Bounds | None = None,
    keep: Keep | None = None,
    explain: bool = False,
) -> ProfileResults:
    """Solve the scenario at every hour.

    Hours are independent of each other: taps, storage and control do not follow from one to the next.

    Parameters
    ----------
    scenario
        Its factors are multiplied with those of the profiles.
    bounds
        Limits to count against (`capacity.bounds.bounds_of`); nothing is broken without.
    keep
        Elements whose full columns are kept; none when absent.
    explain
        Whether hours without solution are explained in `failures`; takes a few load flows for each.

    Raises
    ------
    InputError
        The profiles do not fit the network (every fault is named), or no source is in service.
    KeyError
        An id to keep is not in the network.
    BalanceError
        An hour does not add up.
    """
    _refuse_faults(model.network, profiles)
    points = points_of_profiles(model, profiles, scenario)
    return results_of_hours(
        model, points, profiles.hours, profiles.step_h, bounds=bounds, keep=keep, explain=explain
    )


def results_of_hours(
    model: GridModel,
    points: Points,
    hours: pd.DatetimeIndex,
    step_h: float,
    *,
    bounds: Bounds | None,
    keep: Keep | None,
    explain: bool,
) -> ProfileResults:
    """Solve operating points that are hours; see `run_profiles`."""
    kept, network = places_of(model, keep), model.network
    outcome = solve_points(model, points, bounds=bounds, kept=kept, per_element=True)
    table = point_table(outcome, network, hours)
    buses, lines, transformers = element_tables(outcome, network, hours)
    vm_pu, line_percent, transformer_percent = kept_tables(outcome, network, hours, kept)
    return ProfileResults(
        hours=table,
        buses=_over_time(buses, step_h),
        lines=_over_time(lines, step_h),
        transformers=_over_time(transformers, step_h),
        energy_kwh=pd.Series({name: step_h * table[f"{name}_kw"].sum() for name in ENERGY}),
        vm_pu=vm_pu,
        line_loading_percent=line_percent,
        transformer_loading_percent=transformer_percent,
        failures=failure_table(model, points, outcome, hours, explain=explain),
        engine=outcome.engine,
    )


def points_of_profiles(model: GridModel, profiles: Profiles, scenario: Scenario) -> Points:
    """Operating points of the hours of profiles, on top of a scenario's factors."""
    network, net = model.network, model.net

    def columns(given: pd.Series, ids: pd.Index, count: int) -> np.ndarray:
        return as_long_as(profiles.factors.columns.get_indexer(given.reindex(ids)), count, -1)

    of_load_q = profiles.of_load if profiles.of_load_q is None else profiles.of_load_q
    return replace(
        points_of_scenario(model, scenario, len(profiles.factors)),
        load_p_profile=columns(profiles.of_load, network.loads.index, len(net.load)),
        load_q_profile=columns(of_load_q, network.loads.index, len(net.load)),
        generator_profile=columns(profiles.of_generator, network.generators.index, len(net.sgen)),
        profiles=profiles.factors.to_numpy(dtype=float),
    )


def _over_time(table: pd.DataFrame, step_h: float) -> pd.DataFrame:
    """Points become hours: labels are hours, counts durations [h], sums of power energy [kWh]."""
    names = {name: name.removesuffix("_at") + "_hour" for name in table.columns if name.endswith("_at")}
    counts = {name: f"hours_{name}" for name in ("below", "above", "over") if name in table.columns}
    scaled = [name for name in (*counts, "loss_kw") if name in table.columns]
    return table.assign(**{name: table[name] * step_h for name in scaled}).rename(
        columns={**names, **counts, "loss_kw": "loss_kwh"}
    )


def _refuse_faults(network: Network, profiles: Profiles) -> None:
    faults = [
        *_faults_of_hours(profiles),
        *_faults_of_factors(profiles.factors),
        *_faults_of_elements(profiles, "loads", profiles.of_load, network.loads.index),
        *_faults_of_elements(profiles, "generators", profiles.of_generator, network.generators.index),
    ]
    if profiles.of_load_q is not None:
        faults += _faults_of_elements(profiles, "loads", profiles.of_load_q, network.loads.index)
    if faults:
        raise InputError("profiles", join_findings(faults))


def _faults_of_hours(profiles: Profiles) -> list[pd.DataFrame]:
    hours = profiles.factors.index
    if not len(hours):
        return [make_findings("profiles_empty", "profiles", [""], "there is no hour; give one row per hour")]
    if not isinstance(hours, pd.DatetimeIndex) or hours.tz is None:
        message = "rows are not times of a time zone; index them by a DatetimeIndex in UTC"
        return [make_findings("hours_without_zone", "profiles", [""], message)]
    found = []
    if hours.has_duplicates:
        twice = hours[hours.duplicated()].unique()
        found.append(_of_rows("hours_duplicated", twice, "this hour is there more than once"))
    late = hours[1:][hours[1:] < hours[:-1]]
    if len(late):
        found.append(_of_rows("hours_unsorted", late, "this hour comes after a later one; sort the rows"))
    if not profiles.step_h > 0.0:
        message = f"a step of {profiles.step_h} h is none; give what one row stands for in hours"
        found.append(make_findings("step_not_positive", "profiles", [""], message))
    return found


def _faults_of_factors(factors: pd.DataFrame) -> list[pd.DataFrame]:
    found = []
    if factors.columns.has_duplicates:
        twice = factors.columns[factors.columns.duplicated()].unique()
        found.append(_of_rows("profile_duplicated", twice, "this profile is there more than once"))
    values = factors.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
    gaps = (~np.isfinite(values)).sum(axis=0)
    for profile, count in zip(factors.columns[gaps > 0], gaps[gaps > 0], strict=True):
        message = f"{count} of its {len(factors)} factors are no number; fill the gaps"
        found.append(_of_rows("profile_gap", [profile], message))
    return found


def _faults_of_elements(
    profiles: Profiles, table: str, given: pd.Series, ids: pd.Index
) -> list[pd.DataFrame]:
    found = []
    if given.index.has_duplicates:
        twice = given.index[given.index.duplicated()].unique()
        return [make_findings("profile_ambiguous", table, list(twice), "has more than one profile")]
    absent = ids[~ids.isin(given.index)]
    if len(absent):
        message = "has no entry; name its profile, or NA for none"
        found.append(make_findings("profile_missing", table, list(absent), message))
    named = given.reindex(ids).dropna()
    unknown = named[~named.isin(profiles.factors.columns)]
    for profile, members in unknown.groupby(unknown):
        message = f"its profile {profile!r} is not among the factors: {', '.join(map(str, profiles.factors))}"
        found.append(make_findings("profile_unknown", table, list(members.index), message))
    return found


def _of_rows(rule: str, labels: Iterable[object], message: str) -> pd.DataFrame:
    return make_findings(rule, "profiles", [str(label) for label in labels], message)
