"""From profiles to numbers: what every hour of a year injects into a compiled grid."""

from __future__ import annotations

import numpy as np

from gridmodel.engine.batch import Injections, steady, with_profiles
from gridmodel.engine.of_model import compiled
from gridmodel.model import GridModel
from gridmodel.profile_set import ProfileSet
from gridmodel.scenario import Scenario


def hourly_injections(model: GridModel, profiles: ProfileSet, scenario: Scenario) -> Injections:
    """Injections per hour: loads at the scenario's power, generators at their rated one, times their profile.

    What follows no profile stays at the scenario's factor in all hours.
    """
    grid, network = compiled(model), model.network
    loads = scenario.load_factors(network.loads["customer_class"]).to_numpy(dtype=float)
    generators = scenario.generation_factors(network.generators["kind"]).to_numpy(dtype=float)
    of_load, of_generator = profiles.column_of_loads(network), profiles.column_of_generators(network)
    base_pu = grid.injection_pu(
        np.where(of_load < 0, loads, 0.0), np.where(of_generator < 0, generators, 0.0)
    )
    row = np.concatenate([grid.load_row[of_load >= 0], grid.generator_row[of_generator >= 0]])
    drawn, fed = (-grid.load_pu * loads)[of_load >= 0], grid.generator_pu[of_generator >= 0]
    column = np.concatenate([of_load[of_load >= 0], of_generator[of_generator >= 0]])
    return with_profiles(
        steady(base_pu, len(profiles.factors)), row, np.concatenate([drawn, fed]), column,
        profiles.factors.to_numpy(dtype=float),
    )  # fmt: skip


def injection_of_hour(injections: Injections, hour: int) -> np.ndarray:
    """Complex power injected per row in one hour [pu]."""
    power = injections.term_pu * injections.factors[hour, injections.term_profile]
    rows = np.repeat(np.arange(len(injections.base_pu)), np.diff(injections.term_start))
    summed = np.bincount(rows, power.real, len(injections.base_pu)) + 1j * np.bincount(
        rows, power.imag, len(injections.base_pu)
    )
    added = slice(injections.added_start[hour], injections.added_start[hour + 1])
    np.add.at(summed, injections.added_row[added], injections.added_pu[added])
    return np.asarray(injections.base_pu + summed)
