"""Open points moved: the ring stays radial and whole, and loadings follow the power moved."""

from __future__ import annotations

import numpy as np
import pytest

from capacity.measures.measure import Measure
from capacity.measures.move_open_point import propose_move_open_point
from capacity.measures.proposals import NotProposed
from gis.changes import apply_changes
from tests.capacity.grids import grid
from tests.capacity.measures.weak_grids import by_pandapower, is_radial_and_whole, of_kind, ring, situation

RATED_KVA = np.sqrt(3) * 20.0 * 421.0


def test_what_is_moved_leaves_one_way_and_loads_the_other() -> None:
    seen = situation(ring())
    (move,) = propose_move_open_point(seen)
    assert move.measure_id == "move_open_point|W|K2" and move.cost.eur == 200.0 and move.reversible
    before, after = by_pandapower(seen, "base"), by_pandapower(seen, "base", move)
    assert before["K1"] > 100.0 > after["K1"]
    # By hand: 8 MW at cos phi 0.90 leave A and hang behind B with its 2 MW; 3 % for losses and low voltage.
    assert after["K4"] == pytest.approx(100.0 * 10_000.0 / 0.9 / RATED_KVA, rel=0.04)
    assert after["K3"] == pytest.approx(100.0 * 8_000.0 / 0.9 / RATED_KVA, rel=0.04)
    assert after["K2"] == pytest.approx(0.0, abs=1e-9) or np.isnan(after["K2"])


def test_every_move_is_radial_and_supplies_everybody() -> None:
    #  A1..A6 on one way, B1, B2 on the other; W open between A6 and B2
    buses = [("M1", 20.0, 0.0, 0.0)]
    buses += [(f"A{k}", 20.0, 1000.0 * k, 0.0) for k in range(1, 7)]
    buses += [(f"B{k}", 20.0, 1000.0 * k, 1000.0) for k in (1, 2)]
    ways = [
        ("M1", "A1"),
        *((f"A{k}", f"A{k + 1}") for k in range(1, 6)),
        ("M1", "B1"),
        ("B1", "B2"),
        ("B2", "A6"),
    ]
    network = grid(
        buses,
        [(f"{u}-{v}", u, v, 1000.0) for u, v in ways],
        switches=[("W", False, "B2", "lines", "B2-A6"), ("V", True, "A3", "lines", "A3-A4")],
        loads=[(f"shop-A{k}", f"A{k}", 2500.0, 1) for k in range(1, 7)],
    )
    seen = situation(network)
    moves = [one for one in propose_move_open_point(seen) if isinstance(one, Measure)]
    assert 3 <= len(moves) <= 6
    for move in moves:
        assert is_radial_and_whole(apply_changes(network, move.changes))
    assert of_kind(moves, "move_open_point|W|V").changes.cells["table"].tolist() == ["switches", "switches"]
    # Six equal loads: open in the middle, both ways carry three.
    best = min(
        moves, key=lambda move: by_pandapower(situation(network), "base", move)[["M1-A1", "M1-B1"]].max()
    )
    assert best.to_type == "open at V"


def test_two_moves_of_one_feeder_exclude_each_other() -> None:
    (move,) = propose_move_open_point(situation(ring()))
    assert {"feeder K1", "feeder K4"} <= move.keys


def test_a_ring_that_is_better_nowhere_is_told() -> None:
    (reason,) = set(propose_move_open_point(situation(ring(b1_kw=16_000.0))))
    assert isinstance(reason, NotProposed) and "no less loaded" in reason.reason
