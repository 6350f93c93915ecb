"""Taps against plain pandapower and by hand: a step of 2.5 % at the high side."""

from __future__ import annotations

import pytest

from capacity.measures.tap_change import propose_tap_change
from capacity.measures.taps import positions_for, taps_of
from gridmodel import Scenario, read_catalogue
from tests.capacity.grids import grid, with_column
from tests.capacity.measures.weak_grids import FEED_IN, FULL, by_pandapower, of_kind, ring, situation


def test_a_tap_lifts_the_low_side_by_its_steps() -> None:
    seen = situation(ring())
    found = list(propose_tap_change(seen))
    assert [one.to_type for one in found] == ["tap -2", "tap -1"]  # only what lifts: nothing is too high
    assert found[0].cost.eur == 100.0 and found[0].from_type == "tap +0"
    idle = situation(ring(), [Scenario("idle", "no load", None, 1e-6)])
    lifted = by_pandapower(idle, "idle", found[0])["N"] / by_pandapower(idle, "idle")["N"]
    assert lifted == pytest.approx(1.0 / (1.0 - 2 * 0.025), rel=1e-6)


def test_load_and_feed_in_ask_for_both_sides() -> None:
    found = list(propose_tap_change(situation(ring(g_kw=300.0), [FULL, FEED_IN])))
    assert [one.to_type for one in found] == ["tap -2", "tap -1", "tap +1", "tap +2"]
    assert "lower" in found[-1].text and "higher" in found[0].text


def test_a_drop_far_beyond_a_band_from_the_busbar_is_not_mended_by_taps() -> None:
    # N stays within its station band at 150 kW less load in the grid, H does not within its own.
    deep = situation(with_column(ring(), "lines", "length_m", {"L1": 600.0}), profile="dena")
    at_n = deep.violations["element_id"] == "N"
    alone = type(deep)(**{**deep.__dict__, "violations": deep.violations[~at_n]})
    assert "H" in set(alone.violations["element_id"])
    assert list(propose_tap_change(alone)) == []


def test_transformers_on_one_busbar_move_together_or_not_at_all() -> None:
    rows = [("T1", "A1", "N"), ("T2", "A1", "N")]
    twin = _twin(rows)
    found = of_kind(list(propose_tap_change(situation(twin))), "tap_change|T1|-2")
    assert set(found.changes.cells["element_id"]) == {"T1", "T2"} and found.cost.eur == 200.0
    stiff = with_column(twin, "transformers", "tap_step_percent", {"T2": 0.0})
    reasons = list(propose_tap_change(situation(stiff)))
    assert {one.kind for one in reasons} == {"tap_change"} and "no taps" in reasons[0].reason  # type: ignore[union-attr]
    coarse = with_column(twin, "transformers", "tap_step_percent", {"T2": 4.0})
    taps = taps_of(coarse, read_catalogue())
    assert "would not run in parallel" in str(positions_for(taps, ["T1", "T2"], 1.0 / 0.95))


def _twin(transformers: list[tuple[str, str, str]]):  # type: ignore[no-untyped-def]
    return grid(
        [("M1", 20.0, 0.0, 0.0), ("A1", 20.0, 3000.0, 0.0), ("N", 0.4, 3010.0, 0.0), ("H", 0.4, 3410.0, 0.0)],
        [("K1", "M1", "A1", 3000.0), ("L1", "N", "H", 400.0)],
        transformers=transformers,
        loads=[("home", "H", 160.0, 20)],
    )
