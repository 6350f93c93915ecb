"""A weak station with a handful of measures against it, and a selection that tries all of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

import capacity.measures
from capacity.costs.cost import Cost
from capacity.measures.measure import Measure
from capacity.measures.situation import Situation
from gis.changes import NetworkChanges, cells_of
from tests.capacity.planning import brute_selection

# Larger cables than the NAYY 4x150 of the station, and what a metre of them costs with its trench.
CABLES = {"NAYY 4x240 SE": 66.0, "NAYY 4x185 SE": 62.0}
TRENCH_EUR_PER_M = 45.0


def replacements(situation: Situation) -> Iterator[Measure]:
    """Each line that is overloaded as a larger cable."""
    lines = situation.network.lines
    for line_id in situation.ids_of("lines"):
        for type_id, eur_per_m in CABLES.items():
            if type_id == lines.at[line_id, "type_id"]:
                continue
            metres = float(lines.at[line_id, "length_m"])
            eur = eur_per_m * metres
            yield Measure(
                measure_id=f"larger|{line_id}|{type_id}", kind="larger", table="lines", element_id=line_id,
                changes=NetworkChanges(cells=cells_of(("lines", line_id, "type_id", type_id))),
                cost=Cost(0.8 * eur, eur, 1.2 * eur, 0.01 * eur, 0.01 * eur, 0.01 * eur), months=3,
                text=f"{type_id} instead of {lines.at[line_id, 'type_id']}",
                from_type=str(lines.at[line_id, "type_id"]), to_type=type_id, length_m=metres,
                geometry=lines.geometry[line_id], shared_trench={f"street of {line_id}": metres},
                trench_eur_per_m=TRENCH_EUR_PER_M,
            )  # fmt: skip


def parallels(situation: Situation) -> Iterator[Measure]:
    """A second cable beside each line that is overloaded, in the same trench as its replacement."""
    lines = situation.network.lines
    for line_id in situation.ids_of("lines"):
        row = lines.loc[[line_id]].reset_index()
        name = f"second|{line_id}"
        metres = float(lines.at[line_id, "length_m"])
        eur = 60.0 * metres
        yield Measure(
            measure_id=name, kind="second", table="lines", element_id=line_id,
            changes=NetworkChanges(added={"lines": row.assign(line_id=f"{name}|line")}),
            cost=Cost(0.9 * eur, eur, 1.1 * eur), months=3, text=f"A second cable beside {line_id}",
            to_type=str(lines.at[line_id, "type_id"]), length_m=metres, geometry=lines.geometry[line_id],
            shared_trench={f"street of {line_id}": metres}, trench_eur_per_m=TRENCH_EUR_PER_M,
        )  # fmt: skip


@pytest.fixture(autouse=True)
def brute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measures by hand and their selection by brute force: what goes around them is tested here."""
    monkeypatch.setattr(capacity.measures, "OPERATING", {})
    monkeypatch.setattr(capacity.measures, "BUILDING", {"larger": replacements, "second": parallels})
    monkeypatch.setitem(sys.modules, "capacity.planning.selection", brute_selection.as_module())
