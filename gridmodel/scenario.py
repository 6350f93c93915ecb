"""`Scenario`: one design case, how much of every load and generator is drawn at once."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from gis import Network
from gis.errors import InputError
from gis.findings import make_findings
from gis.rules import parse_class_factors


@dataclass(frozen=True)
class Scenario:
    """Factors on the loads and generators of a network.

    Attributes
    ----------
    load_factor, generation_factor
        On all loads and all generators; the default is the load case of dena-Verteilnetzstudie 2012:
        loads 1.0, generation 0.
    class_factors
        Instead of them for a customer class or generator kind.
    """

    scenario_id: str = "base"
    name: str = "Load case: all loads, no generation"
    year: int | None = None
    load_factor: float = 1.0
    generation_factor: float = 0.0
    class_factors: Mapping[str, float] = field(default_factory=dict)

    def load_factors(self, classes: pd.Series) -> pd.Series:
        """Factor per load, from its customer class."""
        return self._factors(classes, self.load_factor)

    def demand_kw(self, loads: pd.DataFrame) -> pd.Series:
        """Demand per load [kW]; 0 out of service."""
        return (loads["p_kw"] * self.load_factors(loads["customer_class"])).where(loads["in_service"], 0.0)

    def generation_factors(self, kinds: pd.Series) -> pd.Series:
        """Factor per generator, from its kind."""
        return self._factors(kinds, self.generation_factor)

    def _factors(self, classes: pd.Series, otherwise: float) -> pd.Series:
        return classes.map(dict(self.class_factors)).astype(float).fillna(otherwise)


def scenarios_of(network: Network) -> dict[str, Scenario]:
    """Return the network's scenarios by id; the load case named `base` where the file has none."""
    if network.scenarios.empty:
        return {"base": Scenario()}
    rows = network.scenarios.reset_index().to_dict("records")
    return {str(row["scenario_id"]): _from_row(row) for row in rows}


def find_scenario(network: Network, scenario_id: str | None = None) -> Scenario:
    """Return one scenario of the network; its first when none is named.

    Raises
    ------
    InputError
        The network has no scenario of that id.
    """
    known = scenarios_of(network)
    if scenario_id is None:
        return next(iter(known.values()))
    if scenario_id not in known:
        message = f"no such scenario; the network has: {', '.join(known)}"
        raise InputError("scenario", make_findings("unknown_scenario", "scenarios", [scenario_id], message))
    return known[scenario_id]


def _from_row(row: Mapping[Hashable, Any]) -> Scenario:  # cells of a table have many types
    return Scenario(
        scenario_id=str(row["scenario_id"]),
        name=str(row["name"]),
        year=None if pd.isna(row["year"]) else int(row["year"]),
        load_factor=float(row["load_factor"]),
        generation_factor=float(row["generation_factor"]),
        class_factors=parse_class_factors(row["class_factors"]),
    )
