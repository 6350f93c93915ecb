"""The switching plan of an open ring, by hand and against pandapower on the switched network."""

from __future__ import annotations

import pytest

from capacity.security.practice import read_practice
from capacity.security.protection import trip
from capacity.security.sections import fault_sections, fault_table, find_sections
from capacity.security.switching_plan import DARK, FAULTY, UNTOUCHED
from gis import InputError
from gis.changes import NetworkChanges, apply_changes, cells_of
from gis.examples import network_from_text
from gridmodel import build_model, run_load_flow
from tests.capacity.security.open_ring import plan, ring, studied
from tests.networks import STATION


def test_steps_of_a_fault_in_the_middle_of_a_feeder() -> None:
    found = plan("lines", "K2", practice="european_cable")
    steps = found.steps
    assert steps["element_id"].tolist() == ["CB1", "W2", "CB1", "W3", "Z", ""]
    assert steps["action"].tolist()[:5] == ["trips", "open", "close", "open", "close"]
    assert steps["customers_back"].tolist() == [0, 0, 10, 0, 50, 0]
    assert steps["customers_off"].tolist() == [60, 60, 50, 50, 0, 0]
    # notice 5 + locate 30; travel 30 + 10 by hand; breaker remote 2; 10 for each further switch; repair 10 h
    assert steps["minute"].tolist() == [0.0, 75.0, 77.0, 87.0, 97.0, 600.0]
    assert steps["radial"].all() and set(steps["status"]) == {"ok", "none"}
    figures = found.figures()
    assert figures["energy_not_supplied_kwh"] == pytest.approx((100 * 77 + 500 * 97) / 60)
    assert figures["customers_left"] == 0 and found.left.empty


def test_every_step_is_the_load_flow_of_the_network_so_switched() -> None:
    found = plan("lines", "K2")
    network, (_, _, scenario) = ring(), studied()
    turned: dict[str, bool] = {}
    for step in found.steps.iloc[:-1].itertuples():
        turned[step.element_id] = step.action == "close"
        cells = cells_of(*(("switches", switch, "closed", to) for switch, to in turned.items()))
        result = run_load_flow(build_model(apply_changes(network, NetworkChanges(cells=cells))), scenario)
        assert step.vm_min_pu == pytest.approx(result.buses["vm_pu"].min(), abs=1e-8)
        assert step.line_loading_max_percent == pytest.approx(result.lines["loading_percent"].max(), abs=1e-5)
        assert step.kw_off == pytest.approx(result.unserved_kw, abs=1e-6)


@pytest.mark.parametrize(
    ("table", "element_id", "off", "left"),
    [("lines", "K1", 60, 0), ("lines", "K3", 60, 0), ("lines", "K4", 40, 0), ("lines", "K5", 40, 0),
     ("buses", "C", 60, 20), ("buses", "A", 100, 100), ("sources", "S", 100, 100),
     ("switches", "W4", 60, 20)],
)  # fmt: skip
def test_customers_off_and_left_by_hand(table: str, element_id: str, off: int, left: int) -> None:
    found = plan(table, element_id)
    figures = found.figures()
    assert (figures["customers_off"], figures["customers_left"]) == (off, left)
    assert figures["customers_off"] == figures["customers_restored"] + figures["customers_left"]
    assert found.steps["kw_back"].sum() == pytest.approx(figures["kw_off"])
    assert found.left["customers"].sum() == left


def test_parts_say_what_becomes_of_every_element() -> None:
    parts = plan("lines", "K2").parts.set_index(["table", "element_id"])["part"]
    assert parts["lines", "K2"] == FAULTY
    assert parts["lines", "K4"] == UNTOUCHED
    assert (parts["lines", "K1"], parts["lines", "K3"]) == (2, 4)
    assert plan("buses", "A").parts.set_index(["table", "element_id"])["part"]["buses", "C"] == DARK


def test_what_a_limit_forbids_stays_dark_with_the_element_that_limits() -> None:
    # K4 carries 12.5 MVA at most: with 8.0 MW of E it takes D (0.3 MW), but not C (5.0 MW) too.
    found = plan("lines", "K2", c_kw=5_000.0, e_kw=8_000.0)
    assert found.figures()["customers_left"] == 20
    assert found.steps["stage"].tolist().count("divide") == 1
    row = found.left.iloc[0]
    assert "line overload at K4" in row["reason"] and row["limited_by_id"] == "K4"
    assert found.figures()["limits_hold"]


def test_a_disconnector_is_not_closed_under_load() -> None:
    found = plan("lines", "K2", practice="european_cable", tie="disconnector")
    assert found.figures()["customers_left"] == 50
    assert "a disconnector must not be closed under load" in found.left["reason"].iloc[0]


def test_without_breaker_the_station_trips_and_without_switch_its_whole_section_waits() -> None:
    network = network_from_text(STATION)
    sections, practice = find_sections(network), read_practice()
    tripped = trip(sections, practice, fault_sections(sections, "lines", "N"))
    assert tripped.devices["element_id"].tolist() == ["T"]
    assert "no circuit breaker or fuse" in tripped.devices["reason"].iloc[0]
    dark = ~sections.fed(tripped.closed)
    assert dark[sections.of("buses", ["C", "D", "E"])].all()
    assert not dark[sections.of("buses", ["A", "B"])].any()


def test_an_element_that_cannot_fail_is_refused() -> None:
    with pytest.raises(InputError, match="is in none of"):
        fault_table(ring(), "nothing")
    assert fault_table(ring(), "K1") == "lines"
    with pytest.raises(KeyError):
        plan("lines", "nothing")
