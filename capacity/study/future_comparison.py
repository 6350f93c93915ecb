"""Two scenarios in one year: figures side by side, and what each line and station is to the eye of a map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from capacity.study.comparison import compare_elements, compare_years
from capacity.study.future_year import FutureYear, column_of
from capacity.years.year import BRANCHES
from gis import Network

# Which scenario breaks a limit at a line or station: position in this list.
BREAKS = ("neither", "a", "b", "both")


@dataclass(frozen=True, eq=False)
class FutureComparison:
    """Scenario A and scenario B in one year.

    Attributes
    ----------
    a, b
        The two studied years.
    figures
        `comparison.YEAR_DIFFERENCE_COLUMNS`.
    elements
        `comparison.ELEMENT_DIFFERENCE_COLUMNS`.
    """

    a: FutureYear
    b: FutureYear
    figures: pd.DataFrame
    elements: pd.DataFrame

    def loading_difference(self, network: Network) -> tuple[np.ndarray, np.ndarray]:
        """Highest loading in B less that in A, per line and per transformer [percentage points]."""
        lines, transformers = (
            column_of(self.elements, table, "difference", network).to_numpy(dtype=float) for table in BRANCHES
        )
        return lines, transformers

    def broken(self, network: Network) -> tuple[np.ndarray, np.ndarray]:
        """In which scenario each line and transformer is out of a limit: positions in `BREAKS`.

        Of a line the voltages of its ends count too, of a transformer that of its busbar.
        """
        in_a, in_b = (_broken_in(future, network) for future in (self.a, self.b))
        lines, transformers = (a + 2 * b for a, b in zip(in_a, in_b, strict=True))
        return lines, transformers


def compare_futures(a: FutureYear, b: FutureYear) -> FutureComparison:
    """Compare two studied years, B with A."""
    years = [pd.DataFrame([future.figures]).infer_objects() for future in (a, b)]
    return FutureComparison(a, b, compare_years(years[0], years[1]), compare_elements(a.elements, b.elements))


def _broken_in(future: FutureYear, network: Network) -> tuple[np.ndarray, np.ndarray]:
    """Whether each line and each transformer is out of a limit or without supply, 1 or 0."""
    buses, lines, transformers = (
        column_of(future.elements, table, "status", network).isin(["over", "no_supply"])
        for table in ("buses", *BRANCHES)
    )
    at_ends = [buses.reindex(network.lines[end]).to_numpy() for end in ("from_bus_id", "to_bus_id")]
    at_busbar = buses.reindex(network.transformers["lv_bus_id"]).to_numpy()
    return (
        (lines.to_numpy() | at_ends[0] | at_ends[1]).astype(np.int8),
        (transformers.to_numpy() | at_busbar).astype(np.int8),
    )
