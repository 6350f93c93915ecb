"""What an assessment comes to: the option taken, the grid once it is built, whether two are the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pandas as pd

from capacity.connection.assessment import Assessment
from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.option import JudgedOption
from capacity.connection.site_cases import site_power_kva

WORKS_COLUMNS = ("site_id", "measure_id", "kind", "table", "element_id", "text", "cost_eur", "months")


class Outcome(NamedTuple):
    """What an answer is compared by: two that differ in nothing of it are the same answer.

    Attributes
    ----------
    option_id
        Option taken; "" where none fits.
    works
        Ids of the works on the existing grid, in order.
    cost_eur
        Of all that is built for it; 0 where nothing is.
    """

    verdict: str
    option_id: str
    works: tuple[str, ...]
    cost_eur: float
    months: int

    @property
    def connects(self) -> bool:
        return bool(self.option_id)


def option_taken(assessment: Assessment) -> JudgedOption | None:
    """The best option that fits; None where none does."""
    return next((judged for judged in assessment.ranked if judged.fits), None)


def outcome_of(assessment: Assessment) -> Outcome:
    """What an assessment comes to."""
    taken = option_taken(assessment)
    if taken is None:
        return Outcome(assessment.verdict, "", (), 0.0, 0)
    works = tuple(sorted(measure.measure_id for measure in taken.measures))
    return Outcome(assessment.verdict, taken.option.option_id, works, round(taken.cost.eur, 2), taken.months)


def connect_site(grid: ConnectionGrid, assessment: Assessment) -> ConnectionGrid:
    """The grid once the best option of a site is built; the grid itself where none fits."""
    taken = option_taken(assessment)
    if taken is None:
        return grid
    kva = site_power_kva(assessment.development, grid.cases, grid.assumptions)
    return grid.connected(taken.changes, taken.option.site_bus_id, kva)


def works_triggered(assessments: Iterable[Assessment]) -> pd.DataFrame:
    """Works on the existing grid that sites bring about by the options taken.

    Returns
    -------
    DataFrame
        Columns `WORKS_COLUMNS`, a row per measure: cost_eur [currency of the cost table], months.
    """
    rows = [
        (
            one.development.site_id, measure.measure_id, measure.kind, measure.table, measure.element_id,
            measure.text, measure.cost.eur, measure.months,
        )
        for one in assessments
        if (taken := option_taken(one)) is not None
        for measure in taken.measures
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(WORKS_COLUMNS))


def words_of_works(assessment: Assessment) -> str:
    """Works on the existing grid in words; "" for none."""
    taken = option_taken(assessment)
    return "; ".join(measure.text for measure in taken.measures) if taken else ""


def total_eur(outcomes: Sequence[Outcome]) -> float:
    """What all that is built costs."""
    return float(sum(one.cost_eur for one in outcomes))
