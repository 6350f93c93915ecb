"""`Points`: many operating points of one model as numbers, and what is demanded and generated at each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridmodel.model import GridModel
from gridmodel.scenario import Scenario


@dataclass(frozen=True, eq=False)
class Points:
    """A factor on every load and generator, profiles that some of them follow, and additions.

    Loads and generators are in the order of the net's tables; those a caller has put behind the network's own
    stay at their stated power.

    Attributes
    ----------
    load_factor, generator_factor
        Factor of the scenario per element, the same at every point.
    load_p_profile, load_q_profile, generator_profile
        Column of `profiles` per element whose factor multiplies its active or reactive power (of a generator
        both); -1 for none.
    profiles
        Points x profiles.
    load_q_factor
        Factor on the reactive power per load, where it is not that of the active power.
    added_point, added_bus, added_kva
        Additions: point, position of the bus, complex power drawn [kVA]; negative is injected.
    """

    load_factor: np.ndarray
    generator_factor: np.ndarray
    load_p_profile: np.ndarray
    load_q_profile: np.ndarray
    generator_profile: np.ndarray
    profiles: np.ndarray
    added_point: np.ndarray
    added_bus: np.ndarray
    added_kva: np.ndarray
    load_q_factor: np.ndarray | None = None

    @property
    def reactive_factor(self) -> np.ndarray:
        """Factor on the reactive power per load."""
        return self.load_factor if self.load_q_factor is None else self.load_q_factor

    @property
    def count(self) -> int:
        return len(self.profiles)

    def load_factors(self, point: int) -> tuple[np.ndarray, np.ndarray]:
        """Factors on active and on reactive power per load at one point."""
        return (
            self.load_factor * self._at(point, self.load_p_profile),
            self.reactive_factor * self._at(point, self.load_q_profile),
        )

    def generator_factors(self, point: int) -> np.ndarray:
        """Factor per generator at one point."""
        return self.generator_factor * self._at(point, self.generator_profile)

    def load_kw(self, power_kw: np.ndarray) -> np.ndarray:
        """Active power of loads of the powers given [kW], summed per point."""
        return self._summed(power_kw * self.load_factor, self.load_p_profile)

    def generator_kw(self, power_kw: np.ndarray) -> np.ndarray:
        """Active power of generators of the powers given [kW], summed per point."""
        return self._summed(power_kw * self.generator_factor, self.generator_profile)

    def added_kw(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Power drawn and power injected by the additions flagged [kW], summed per point."""
        power = np.where(counts, self.added_kva.real, 0.0)
        drawn, fed = np.maximum(power, 0.0), np.maximum(-power, 0.0)
        return (
            np.bincount(self.added_point, drawn, minlength=self.count),
            np.bincount(self.added_point, fed, minlength=self.count),
        )

    def _at(self, point: int, profile: np.ndarray) -> np.ndarray:
        return np.append(self.profiles[point], 1.0)[profile]  # -1 takes the last

    def _summed(self, power_kw: np.ndarray, profile: np.ndarray) -> np.ndarray:
        follows = profile >= 0
        of_profile = np.bincount(profile[follows], power_kw[follows], minlength=self.profiles.shape[1])
        return np.asarray(power_kw[~follows].sum() + self.profiles @ of_profile)


def points_of_scenario(model: GridModel, scenario: Scenario, count: int) -> Points:
    """The scenario, as many times as asked, without profiles and additions."""
    load_factor, generator_factor = factors_of(model, scenario)
    none = np.zeros(0, dtype=np.int64)
    return Points(
        load_factor=load_factor,
        generator_factor=generator_factor,
        load_p_profile=np.full(len(load_factor), -1),
        load_q_profile=np.full(len(load_factor), -1),
        generator_profile=np.full(len(generator_factor), -1),
        profiles=np.zeros((count, 0)),
        added_point=none,
        added_bus=none,
        added_kva=np.zeros(0, dtype=complex),
    )


def factors_of(model: GridModel, scenario: Scenario) -> tuple[np.ndarray, np.ndarray]:
    """Factor of a scenario per load and per static generator of the net."""
    network, net = model.network, model.net
    loads = scenario.load_factors(network.loads["customer_class"]).to_numpy(dtype=float)
    generators = scenario.generation_factors(network.generators["kind"]).to_numpy(dtype=float)
    return as_long_as(loads, len(net.load), 1.0), as_long_as(generators, len(net.sgen), 1.0)


def as_long_as(values: np.ndarray, count: int, rest: float) -> np.ndarray:
    """Values of the network's elements, with one for each that a caller has put behind them in the net."""
    return np.concatenate([values, np.full(count - len(values), rest, dtype=values.dtype)])


def demand_kw(model: GridModel, points: Points) -> np.ndarray:
    """Demand per point [kW], served or not: loads in service and what additions draw."""
    everywhere = np.ones(len(model.net.bus), dtype=bool)
    drawn_kw, _ = points.added_kw(np.ones(len(points.added_bus), dtype=bool))
    return np.asarray(points.load_kw(in_service_kw(model, "load", everywhere)) + drawn_kw)


def unserved_kw(model: GridModel, points: Points, supplied: np.ndarray) -> np.ndarray:
    """Demand per point at buses without supply [kW]."""
    drawn_kw, _ = points.added_kw(~supplied[points.added_bus])
    return np.asarray(points.load_kw(in_service_kw(model, "load", ~supplied)) + drawn_kw)


def in_service_kw(model: GridModel, table: str, supplied: np.ndarray) -> np.ndarray:
    """Power per row of the net's loads or static generators [kW]; 0 out of service or where not supplied."""
    rows = model.net[table]
    counts = rows["in_service"].to_numpy(dtype=bool) & supplied[rows["bus"].to_numpy(dtype=np.int64)]
    return np.where(counts, 1e3 * rows["p_mw"].to_numpy(dtype=float), 0.0)
