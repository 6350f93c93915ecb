"""Proposers yield measures and reasons; the registry sorts them."""

from __future__ import annotations

import pandas as pd

from capacity.costs.cost import Cost
from capacity.measures.measure import Measure
from capacity.measures.proposals import NOT_PROPOSED_COLUMNS, NotProposed, gathered
from gis.changes import NetworkChanges, cells_of

CELLS = cells_of(("sources", "S1", "vm_pu", 1.02))


def _measure(**more: object) -> Measure:
    plain = {"changes": NetworkChanges(cells=CELLS), "cost": Cost(), "months": 0, "text": "a set-point"}
    return Measure("setpoint|S1", "oltc", "sources", "S1", **{**plain, **more})  # type: ignore[arg-type]


def test_measures_and_reasons_are_told_apart_and_a_reason_once() -> None:
    reason = NotProposed("tap_change", "transformers", "T1", "no taps")
    found = gathered([reason, _measure(), reason])
    assert [one.measure_id for one in found] == ["setpoint|S1"] and len(found) == 1
    assert found.not_proposed.to_dict("records") == [
        dict(zip(NOT_PROPOSED_COLUMNS, ("tap_change", "transformers", "T1", "no taps"), strict=True))
    ]


def test_cells_of_a_case_win_over_those_of_the_measure() -> None:
    measure = _measure(cells_in={"peak": CELLS.assign(value=1.05)})
    assert measure.changes_in("peak").cells["value"].tolist() == [1.05]
    assert measure.changes_in("valley").cells["value"].tolist() == [1.02]


def test_a_control_excludes_another_measure_on_its_element() -> None:
    control = _measure(changes=NetworkChanges(), cells_in={"peak": pd.DataFrame(CELLS)})
    assert control.keys & _measure().keys
    assert control.keys == {("sources", "S1")}
