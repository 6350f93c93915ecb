"""Set-points of a busbar, fixed and following its load, against plain pandapower."""

from __future__ import annotations

import numpy as np
import pytest

from capacity.measures.setpoint import propose_line_drop_compensation, propose_oltc_setpoint
from capacity.measures.voltage_controls import controls_of
from gridmodel import Scenario
from tests.capacity.grids import grid
from tests.capacity.measures.weak_grids import FEED_IN, FULL, by_pandapower, of_kind, ring, situation

HALF = Scenario("half", "half the load", None, 0.5)


def test_the_busbar_is_held_at_the_set_point() -> None:
    seen = situation(ring())
    found = list(propose_oltc_setpoint(seen))
    assert [one.to_type for one in found] == [f"1.0{k}0 pu" for k in range(1, 7)]
    for one in found[::5]:
        assert by_pandapower(seen, "base", one)["M1"] == pytest.approx(float(one.to_type[:-3]))


def test_bands_from_the_busbar_ask_for_no_set_point() -> None:
    seen = situation(ring(), profile="dena")
    assert "undervoltage" in set(seen.violations["check"])
    assert [*propose_oltc_setpoint(seen), *propose_line_drop_compensation(seen)] == []


def test_compensation_follows_the_load_along_a_line() -> None:
    seen = situation(ring(g_kw=300.0), [FULL, FEED_IN, HALF])
    found = of_kind(list(propose_line_drop_compensation(seen)), "line_drop_compensation|S1|0.970-1.030")
    drawn_kw = seen.cases.kva.real.sum(axis=1)
    share = (drawn_kw[2] - drawn_kw.min()) / np.ptp(drawn_kw)
    expected = {"base": 1.03, "feed_in": 0.97, "half": 0.97 + 0.06 * share}
    for case_id, set_pu in expected.items():
        assert by_pandapower(seen, case_id, found)["M1"] == pytest.approx(set_pu, abs=1e-6)


def test_cases_of_one_load_need_no_compensation() -> None:
    (reason,) = propose_line_drop_compensation(situation(ring()))
    assert "a fixed set-point does as much" in reason.reason  # type: ignore[union-attr]


def test_a_transformer_to_medium_voltage_is_set_by_its_taps_and_the_grid_above_is_not() -> None:
    network = grid(
        [("U", 110.0, 0.0, 0.0), ("M", 20.0, 10.0, 0.0), ("F", 20.0, 9010.0, 0.0)],
        [("K", "M", "F", 9000.0)],
        transformers=[("HM", "U", "M")],
        transformer_type="25 MVA 110/20 kV",
        sources=[("S", "U", 0.95)],
        loads=[("works", "F", 11000.0, 1)],
    )
    seen = situation(network)
    (control,) = controls_of(seen)
    assert (control.table, control.ids) == ("transformers", ("HM",))
    found = list(propose_oltc_setpoint(seen))
    assert found and all(set(one.changes_in("base").cells["column"]) == {"tap_pos"} for one in found)
    before = by_pandapower(seen, "base")["M"]
    for one in found[::3]:
        wanted, got = float(one.to_type[:-3]), by_pandapower(seen, "base", one)["M"]
        assert got > before and abs(got - wanted) < 0.6 * 0.015  # half a tap of 1.5 %
