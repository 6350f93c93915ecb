"""`ProfileSet`: profiles of a year by customer class and kind of generation, for any network.

A factor stands on the power a load has in the scenario (its planning peak) or on the rated power of a
generator. What follows no profile keeps the scenario's factor in every hour. Reading a user's own file is
`gridmodel.profile_file`, the profiles that ship are `gridmodel.standard_profiles`; what `run_profiles` solves
is a set laid over one network (`ProfileSet.over`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from gis import Network
from gridmodel.profiles import Profiles

# Groups of customers by what they use, beside the customer classes (`gis.schema.CUSTOMER_CLASSES`); "ev" and
# "heat_pump" are both.
TECHNOLOGIES = (
    "ev", "heat_pump", "cooking", "water_heating", "electric_boiler", "storage_heating", "cooling", "battery",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class ProfileSet:
    """Factors per hour, and what follows which of them.

    Attributes
    ----------
    factors
        Index time (beginning of the hour, UTC), a column per profile, 1 at the peak.
    of_class, of_kind
        Column per customer class or technology, and per kind of generator; one not named keeps the
        scenario's factor.
    of_element
        Column per load_id or generator_id; wins over class and kind.
    time_zone
        Where hours of the day and seasons are counted.
    source
        Where the figures come from.
    """

    factors: pd.DataFrame
    of_class: Mapping[str, str] = field(default_factory=dict)
    of_kind: Mapping[str, str] = field(default_factory=dict)
    of_element: Mapping[str, str] = field(default_factory=dict)
    time_zone: str = "UTC"
    source: str = ""

    @property
    def time(self) -> pd.DatetimeIndex:
        """Beginning of every hour, UTC."""
        return pd.DatetimeIndex(self.factors.index)

    @property
    def local_time(self) -> pd.DatetimeIndex:
        """Beginning of every hour where people live by it."""
        return self.time.tz_convert(self.time_zone)

    def column_of_loads(self, network: Network) -> np.ndarray:
        """Position per load of its column; -1 for none."""
        return self._columns(network.loads["customer_class"], self.of_class)

    def column_of_generators(self, network: Network) -> np.ndarray:
        """Position per generator of its column; -1 for none."""
        return self._columns(network.generators["kind"], self.of_kind)

    def over(self, network: Network) -> Profiles:
        """The profile of each load and generator of a network, as `run_profiles` takes them.

        There the scenario's factor on a generator is multiplied with its profile's: take a scenario whose
        generation factor is 1.
        """
        names = np.array([*self.factors.columns, None], dtype=object)  # the last answers for -1
        loads, generators = self.column_of_loads(network), self.column_of_generators(network)
        return Profiles(
            factors=self.factors,
            of_load=pd.Series(names[loads], network.loads.index, dtype=object),
            of_generator=pd.Series(names[generators], network.generators.index, dtype=object),
        )

    def replaced_by(self, own: ProfileSet) -> ProfileSet:
        """These profiles, but one's own for the classes, technologies, kinds and elements that it names.

        Raises
        ------
        ValueError
            The two are not of the same hours.
        """
        if not self.time.equals(own.time):
            raise ValueError(
                f"profiles of other hours: {own.time[0]} to {own.time[-1]}, {len(own.time)} rows"
            )
        named = {column: f"own {column}" for column in own.factors}
        users = [{of: named[column] for of, column in part.items()} for part in own._users()]
        mine = [{**part, **new} for part, new in zip(self._users(), users, strict=True)]
        return replace(
            self,
            factors=pd.concat([self.factors, own.factors.rename(columns=named)], axis=1),
            of_class=mine[0],
            of_kind=mine[1],
            of_element=mine[2],
            source=f"{self.source}; {own.source}",
        )

    def without_profile(self, network: Network) -> list[str]:
        """Customer classes and generator kinds of the network some of whose elements follow no profile."""
        loads = network.loads["customer_class"][self.column_of_loads(network) < 0]
        generators = network.generators["kind"][self.column_of_generators(network) < 0]
        return sorted({*map(str, loads), *map(str, generators)})

    def _users(self) -> tuple[Mapping[str, str], Mapping[str, str], Mapping[str, str]]:
        return self.of_class, self.of_kind, self.of_element

    def _columns(self, groups: pd.Series, column_of: Mapping[str, str]) -> np.ndarray:
        own = groups.index.to_series().map(dict(self.of_element)).to_numpy(dtype=object)
        by_group = groups.map(dict(column_of)).to_numpy(dtype=object)
        return np.asarray(self.factors.columns.get_indexer(np.where(pd.isna(own), by_group, own)))
