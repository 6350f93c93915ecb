"""A selection by trying every combination, for tests of what goes around a selection.

Each year by itself, on the network that is really changed: slow, and right on tiny pools. What was built in
an earlier year stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pandas as pd

from capacity.checks import Yardstick
from capacity.measures.measure import Measure
from capacity.planning.plan import PlanTerms, Taken, years_of
from capacity.planning.plan_cases import PlanCases
from capacity.planning.rerun import part_of, run_again
from capacity.planning.selected import LEFT_COLUMNS, ROUND_COLUMNS, Selection
from capacity.planning.worth import worth_of


def select_measures(
    yardstick: Yardstick,
    cases: PlanCases,
    measures: Sequence[Measure],
    terms: PlanTerms,
    *,
    told: Callable[[Selection], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    **_: object,
) -> Selection:
    """Cheapest combination of each year that breaks least."""
    years = years_of(cases)
    in_force = np.zeros((len(measures), len(years)), dtype=bool)
    found = _selection(measures, in_force, years, terms)
    for place, year in enumerate(years):
        if cancelled is not None and cancelled():
            return _selection(measures, in_force, years, terms, stopped="cancelled")
        before = in_force[:, place - 1] if place else np.zeros(len(measures), dtype=bool)
        stay = tuple(np.flatnonzero(before))
        in_force[:, place] = _best(
            yardstick, part_of(cases, np.flatnonzero(cases.of_year(year))), measures, stay
        )
        in_force[:, place + 1 :] = in_force[:, [place]]
        found = _selection(measures, in_force, years, terms)
        if told is not None:
            told(found)
    return found


def _best(
    yardstick: Yardstick, cases: PlanCases, measures: Sequence[Measure], stay: tuple[int, ...]
) -> np.ndarray:
    rest = [row for row in range(len(measures)) if row not in stay]
    tries = []
    for size in range(len(rest) + 1):
        for more in combinations(rest, size):
            chosen = [measures[row] for row in (*stay, *more)]
            keys = [key for one in chosen for key in one.keys]
            if len(set(keys)) < len(keys):
                continue
            taken = tuple(Taken(one, None) for one in chosen)
            plain = PlanCases(cases.labels.assign(year=pd.array([None] * len(cases.labels), dtype="Int64")),
                              cases.kva, cases.switching)  # fmt: skip
            broken = run_again(yardstick.network, taken, plain, yardstick.limits).broken
            cost = sum(one.cost.eur for one in chosen)
            tries.append(
                (
                    len(broken),
                    round(float(broken["excess_percent"].sum()), 6),
                    cost,
                    len(tries),
                    (*stay, *more),
                )
            )
    flags = np.zeros(len(measures), dtype=bool)
    flags[list(min(tries)[-1])] = True
    return flags


def _selection(
    measures: Sequence[Measure],
    in_force: np.ndarray,
    years: Sequence[int | None],
    terms: PlanTerms,
    stopped: str = "",
) -> Selection:
    worth = worth_of(measures, in_force, years, terms)
    nothing = pd.DataFrame(columns=list(LEFT_COLUMNS))
    status = "cancelled" if stopped else "resolved"
    return Selection(
        tuple(years), in_force.copy(), worth.capital_eur, worth.present_value_eur, None, None, nothing,
        pd.DataFrame(columns=list(ROUND_COLUMNS)), status, stopped,
    )  # fmt: skip


def as_module() -> SimpleNamespace:
    """In place of the module `capacity.planning.selection`."""
    return SimpleNamespace(select_measures=select_measures)
