"""Measures by hand and a selection by rule: stand-ins for tests of what goes around them.

Against each overloaded line there are two larger cables and a second one beside it, all in one trench. The
selection takes, year after year, the first measure proposed for each element that breaks a limit then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace

import numpy as np
import pandas as pd

from capacity.checks import Yardstick
from capacity.costs.cost import Cost
from capacity.measures.measure import Measure
from capacity.measures.situation import Situation
from capacity.planning.plan import PlanTerms, Taken, years_of
from capacity.planning.plan_cases import PlanCases
from capacity.planning.rerun import part_of, run_again
from capacity.planning.selected import LEFT_COLUMNS, ROUND_COLUMNS, Selection
from capacity.planning.worth import worth_of
from gis.changes import NetworkChanges, cells_of

# Larger cables than the NAYY 4x150 of the station, and what a metre costs with its trench.
CABLES = {"NAYY 4x185 SE": 62.0, "NAYY 4x240 SE": 66.0}
SECOND_EUR_PER_M, TRENCH_EUR_PER_M = 60.0, 45.0


def larger(situation: Situation) -> Iterator[Measure]:
    """Each line that is overloaded as a larger cable."""
    lines = situation.network.lines
    for line_id in situation.ids_of("lines"):
        before = str(lines.loc[line_id, "type_id"])
        for type_id, eur_per_m in CABLES.items():
            if type_id <= before:
                continue
            metres = float(lines.loc[line_id, "length_m"])
            eur = eur_per_m * metres
            yield Measure(
                measure_id=f"larger|{line_id}|{type_id}", kind="larger", table="lines", element_id=line_id,
                changes=NetworkChanges(cells=cells_of(("lines", line_id, "type_id", type_id))),
                cost=Cost(0.8 * eur, eur, 1.2 * eur, 0.01 * eur, 0.01 * eur, 0.01 * eur), months=3,
                text=f"{type_id} instead of {before}", from_type=before, to_type=type_id, length_m=metres,
                geometry=lines.geometry[line_id], shared_trench={"street": metres},
                trench_eur_per_m=TRENCH_EUR_PER_M,
            )  # fmt: skip


def second(situation: Situation) -> Iterator[Measure]:
    """A second cable beside each line that is overloaded."""
    lines = situation.network.lines
    for line_id in situation.ids_of("lines"):
        row, name = lines.loc[[line_id]].reset_index(), f"second|{line_id}"
        metres = float(lines.loc[line_id, "length_m"])
        eur = SECOND_EUR_PER_M * metres
        yield Measure(
            measure_id=name, kind="second", table="lines", element_id=line_id,
            changes=NetworkChanges(added={"lines": row.assign(line_id=f"{name}|line")}),
            cost=Cost(0.9 * eur, eur, 1.1 * eur), months=3, text=f"a second cable beside {line_id}",
            to_type=str(lines.loc[line_id, "type_id"]), length_m=metres, geometry=lines.geometry[line_id],
            shared_trench={"street": metres}, trench_eur_per_m=TRENCH_EUR_PER_M,
        )  # fmt: skip


def select_measures(
    yardstick: Yardstick,
    cases: PlanCases,
    measures: Sequence[Measure],
    terms: PlanTerms,
    *,
    told: Callable[[Selection], None],
    cancelled: Callable[[], bool],
    deadline: float,
    **_: object,
) -> Selection:
    """The first measure for each element that breaks a limit, year after year."""
    years = years_of(cases)
    in_force = np.zeros((len(measures), len(years)), dtype=bool)
    for place, year in enumerate(years):
        if cancelled() or time.monotonic() > deadline:
            return _selection(measures, in_force, years, terms, "cancelled")
        rows = np.flatnonzero(cases.of_year(year))
        timeless = part_of(cases, rows)
        labels = timeless.labels.assign(year=pd.array([None] * len(rows), dtype="Int64"))
        taken = [Taken(measures[row], None) for row in np.flatnonzero(in_force[:, place])]
        stand = PlanCases(labels, timeless.kva, timeless.switching)
        broken = run_again(yardstick.network, taken, stand, yardstick.limits).broken
        for element_id in broken["element_id"].unique():
            offered = [row for row, one in enumerate(measures) if one.element_id == element_id]
            in_force[offered[:1], place:] = True
        told(_selection(measures, in_force, years, terms, ""))
    return _selection(measures, in_force, years, terms, "")


def _selection(
    measures: Sequence[Measure],
    in_force: np.ndarray,
    years: Sequence[int | None],
    terms: PlanTerms,
    stopped: str,
) -> Selection:
    worth = worth_of(measures, in_force, years, terms)
    nothing = pd.DataFrame(columns=list(LEFT_COLUMNS))
    return Selection(
        tuple(years), in_force.copy(), worth.capital_eur, worth.present_value_eur, None, None, nothing,
        pd.DataFrame(columns=list(ROUND_COLUMNS)), "cancelled" if stopped else "resolved", stopped,
    )  # fmt: skip


def as_module() -> SimpleNamespace:
    """In place of the module `capacity.planning.selection`."""
    return SimpleNamespace(select_measures=select_measures)
