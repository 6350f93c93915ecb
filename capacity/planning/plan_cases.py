"""`PlanCases`: every state of affairs that a plan must hold in: power per bus, and what is out of service.

A case comes from a scenario of the network, from an hour of a year of a demand scenario, or from an outage
with the switching that restores supply. All that a plan needs of it is the same: one complex power per bus of
the network, the switching state, and the year from which on it counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gis import Network
from gridmodel import Scenario
from gridmodel.bus_power import bus_power
from gridmodel.switch_sets import SWITCH_SET_COLUMNS

CASE_COLUMNS = ("scenario", "year", "hour", "outage")


@dataclass(frozen=True, eq=False)
class PlanCases:
    """Cases a plan must hold in.

    Attributes
    ----------
    labels
        Indexed by case_id, columns `CASE_COLUMNS`: scenario, year (Int64, missing: all years), hour (UTC,
        missing: none), outage ("lines L1"; "" for the normal state).
    kva
        Cases x buses of the network: complex power drawn [kVA], what feeds is negative.
    switching
        Columns `gridmodel.switch_sets.SWITCH_SET_COLUMNS`: what is out and what is switched in cases with an
        outage.
    """

    labels: pd.DataFrame
    kva: np.ndarray
    switching: pd.DataFrame

    def __post_init__(self) -> None:
        """Keep the power as it is: whoever sums in place must take a copy."""
        held = self.kva.view()
        held.setflags(write=False)
        object.__setattr__(self, "kva", held)

    @property
    def years(self) -> tuple[int, ...]:
        """Years that cases are of, in order."""
        return tuple(sorted(int(year) for year in self.labels["year"].dropna().unique()))

    def of_year(self, year: int | None) -> np.ndarray:
        """Flag per case: it counts in that year (its own year, or all years)."""
        years = self.labels["year"]
        return np.asarray(years.isna() if year is None else years.isna() | (years == year), dtype=bool)


def no_switching() -> pd.DataFrame:
    """Return a table of switching without rows."""
    return pd.DataFrame({column: pd.Series(dtype=object) for column in SWITCH_SET_COLUMNS})


def cases_of_scenarios(network: Network, scenarios: Sequence[Scenario]) -> PlanCases:
    """A case per scenario of the network; one with a year counts in that year alone.

    Raises
    ------
    ValueError
        No scenario is given.
    """
    if not scenarios:
        raise ValueError("a plan needs at least one scenario")
    ids = [one.scenario_id for one in scenarios]
    years = pd.array([one.year for one in scenarios], dtype="Int64")
    labels = case_labels(ids, ids).assign(year=years)
    return PlanCases(labels, np.stack([bus_power(network, one) for one in scenarios]), no_switching())


def case_labels(
    case_ids: Sequence[str],
    scenarios: Sequence[str],
    *,
    year: int | None = None,
    hours: Sequence[pd.Timestamp] | None = None,
) -> pd.DataFrame:
    """Labels of cases in the normal state."""
    count = len(case_ids)
    labels = pd.DataFrame(
        {
            "scenario": list(scenarios),
            "year": pd.array([year] * count, dtype="Int64"),
            "hour": pd.to_datetime(pd.Series([pd.NaT] * count if hours is None else list(hours)), utc=True),
            "outage": "",
        }
    )
    labels.index = pd.Index(list(case_ids), name="case_id")
    return labels


def joined_cases(parts: Sequence[PlanCases]) -> PlanCases:
    """Cases one below the other; of two with one case_id the first stays."""
    labels = pd.concat([part.labels for part in parts])
    first = ~labels.index.duplicated()
    kva = np.concatenate([part.kva for part in parts])
    turned = [part.switching for part in parts if len(part.switching)]
    switching = pd.concat(turned, ignore_index=True) if turned else no_switching()
    return PlanCases(labels[first], kva[first], switching.drop_duplicates(ignore_index=True))
