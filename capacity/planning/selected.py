"""`Selection`: which measures are in force in which year, what that costs, and how good it is known to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from capacity.measures.measure import Measure
from capacity.planning.plan import Taken

LEFT_COLUMNS = ("case_id", "year", "check", "table", "element_id", "excess_percent")
ROUND_COLUMNS = (
    "round", "what", "candidates", "states", "measures", "present_value_eur", "bound_eur", "broken",
    "worst_excess_percent", "seconds",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Selection:
    """Measures chosen, verified by load flow of every case.

    Attributes
    ----------
    years
        Years that were planned for, in order; (None,) where the cases have none.
    in_force
        Measures x years: in force in that year, in the order the measures were given.
    capital_eur, present_value_eur
        Of all that is in force, trenches that are shared once (`capacity.planning.worth`).
    bound_eur
        Present value below which the program has no answer, summed over its parts, its limits linear about
        the last plan that held; missing where a part was stopped before it had one, or the method has none.
        No proof, as limits are not linear; missing, too, where the plan found is cheaper.
    proved_eur
        The same by load flow of every cheaper combination; missing where there were too many.
    left
        Columns `LEFT_COLUMNS`: limits still broken. check "no_solution" stands for a case without load flow,
        "unsupplied" for one that leaves more customers without supply, "rings" for one with more
        closed rings, than the network as it is.
    rounds
        Columns `ROUND_COLUMNS`: what was tried, in order.
    status
        "resolved", "unresolved", or "cancelled": the best so far.
    stopped
        Why it ended before it was done ("time limit", "cancelled"); "" otherwise.
    """

    years: tuple[int | None, ...]
    in_force: np.ndarray
    capital_eur: float
    present_value_eur: float
    bound_eur: float | None
    proved_eur: float | None
    left: pd.DataFrame
    rounds: pd.DataFrame
    status: Literal["resolved", "unresolved", "cancelled"]
    stopped: str = ""

    def taken(self, measures: Sequence[Measure]) -> tuple[Taken, ...]:
        """Measures in force at some time, with the years from which and to which; first those first built.

        One that is stopped and taken up again is there once for each time.
        """
        spans = [
            Taken(measures[row], self.years[first], None if last == len(self.years) else self.years[last])
            for row in np.flatnonzero(self.in_force.any(axis=1)).tolist()
            for first, last in spans_of(self.in_force[row])
        ]
        order = {year: place for place, year in enumerate(self.years)}
        return tuple(sorted(spans, key=lambda one: order[one.year]))


def spans_of(in_force: np.ndarray) -> list[tuple[int, int]]:
    """Stretches of years in force: first, and the one after the last."""
    edges = np.diff(np.concatenate([[0], in_force.astype(np.int8), [0]]))
    return list(zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True))
