"""A line cut in two: lengths and figures by hand, and the grid as it was, drawn or built."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from capacity.connection.line_split import cut_line
from gis.changes import NetworkChanges, apply_changes
from gridmodel.drawn_network import draw_network
from gridmodel.drawn_states import Step, flags_of, solve_steps
from gridmodel.power_cases import run_power_cases
from tests.capacity.connection.ring_town import town, town_grid

NOTHING = np.zeros(0, dtype=np.int64)


def cut(line_id: str, at_m: float, joints: tuple[str, str] = ("x", "x")) -> NetworkChanges:
    return cut_line(town(), line_id, at_m, joints=joints, prefix="new").changes()


def solved(changes: NetworkChanges) -> pd.Series:
    """Voltage per bus of the town with changes."""
    network, cases = apply_changes(town(), changes), town_grid().cases
    kva = np.zeros((1, len(network.buses)), dtype=complex)
    kva[:, network.buses.index.get_indexer(town().buses.index)] = cases.kva
    solution = run_power_cases(network, kva, cases.labels.index, cases.switching)
    return pd.Series(solution.vm_pu[0], network.buses.index)


def test_pieces_have_what_the_line_had_and_share_its_length_as_drawn() -> None:
    pieces = apply_changes(town(), cut("K3", 250.0)).lines.loc[["new|piece a", "new|piece b"]]
    drawn_m = np.hypot(1000.0, 1000.0)  # stated as 1,400 m
    assert pieces["length_m"].tolist() == pytest.approx(
        [1400.0 * 250.0 / drawn_m, 1400.0 * (1.0 - 250.0 / drawn_m)]
    )
    assert pieces[["from_bus_id", "to_bus_id"]].to_numpy().tolist() == [["M3", "x"], ["x", "M1"]]
    pieces = apply_changes(town(), cut("K1", 400.0)).lines.loc[["new|piece a", "new|piece b"]]
    assert pieces["parallel"].tolist() == [2, 2]
    assert pieces["installed_year"].tolist() == [1990, 1990]
    assert pieces.geometry.length.tolist() == pytest.approx([400.0, 600.0])


def test_a_switch_stays_at_its_end() -> None:
    switches = apply_changes(town(), cut("K3", 250.0)).switches
    assert (switches.loc["W", "element_id"], bool(switches.loc["W", "closed"])) == ("new|piece b", False)
    assert apply_changes(town(), cut("K1", 250.0)).switches.loc["V", "element_id"] == "new|piece b"


@pytest.mark.parametrize("line_id", ["K1", "K3"])
def test_a_line_that_is_cut_carries_what_it_carried(line_id: str) -> None:
    before, after = solved(NetworkChanges()), solved(cut(line_id, 300.0))
    assert after[before.index].to_numpy() == pytest.approx(before.to_numpy(), abs=1e-9)


def test_two_joints_leave_a_gap_for_a_station() -> None:
    gap = solved(cut("K1", 300.0, ("x", "y")))
    assert np.isfinite(gap["x"])
    assert gap[["y", "M2", "B"]].isna().all()


def test_drawn_in_the_switch_at_a_piece_follows_the_one_it_stands_for() -> None:
    drawn = draw_network(town(), [cut("K1", 300.0)])
    opened = drawn.turns_of(
        pd.DataFrame({"case_id": ["c"], "table": ["switches"], "element_id": ["V"], "state": ["open"]})
    )
    kva = np.zeros(len(drawn.network.buses), dtype=complex)
    supplied = [
        np.isfinite(next(solve_steps(drawn, flags_of(drawn), [step], kva, case=case)).vm_pu[0])
        for step in (Step(NOTHING, NOTHING), Step(NOTHING, np.array([0])))
        for case in (None, (opened, 0))
    ]
    buses = drawn.network.buses.index
    assert [bool(one[buses.get_loc("M2")]) for one in supplied] == [True, False, True, False]
    assert [bool(one[buses.get_loc("x")]) for one in supplied] == [False, False, True, True]
