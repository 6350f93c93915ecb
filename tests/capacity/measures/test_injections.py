"""Capacitors, batteries, contracts and tariffs against plain pandapower and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from capacity.measures.battery import propose_battery
from capacity.measures.capacitor import propose_capacitor
from capacity.measures.flexibility import propose_flexibility, propose_valley_tariff
from capacity.measures.measure import Measure
from capacity.measures.operating_figures import operating_figures
from gridmodel import Scenario
from tests.capacity.grids import with_column
from tests.capacity.measures.weak_grids import (
    FEED_IN,
    FULL,
    at_hours,
    by_pandapower,
    of_kind,
    ring,
    situation,
)

WINTER_DAY = (("2030-01-15 17:00", 1.0), ("2030-01-15 18:00", 0.9), ("2030-01-16 02:00", 0.2))


def _measures(found: object) -> list[Measure]:
    return [one for one in found if isinstance(one, Measure)]  # type: ignore[attr-defined]


def test_a_capacitor_lifts_by_its_power_times_the_reactance() -> None:
    seen = situation(ring())
    found = of_kind(_measures(propose_capacitor(seen)), "capacitor|H|50")
    idle = situation(ring(), [Scenario("idle", "no load", None, 1e-6)])
    rise = by_pandapower(idle, "idle", found)["H"] - by_pandapower(idle, "idle")["H"]
    # Q X / V^2: 400 m at 0.08 ohm/km, 250 kVA of vk 6 %, vkr 1.44 %, 3 km at 0.112 ohm/km.
    reactance = 0.4 * 0.08 / 160.0 + np.sqrt(0.06**2 - 0.0144**2) / 250.0 + 3 * 0.112 / 400_000.0
    assert rise == pytest.approx(50.0 * reactance, rel=0.05)
    assert found.cost.eur == 50 * 20.0


def test_capacitors_reach_the_reactive_power_behind_the_bus_and_no_further() -> None:
    found = _measures(propose_capacitor(situation(ring())))
    drawn_kvar = 200.0 * np.tan(np.arccos(0.95))  # 65.7
    sizes = [one.to_type for one in found if one.measure_id.startswith("capacitor|H")]
    assert sizes == ["50 kvar", "75 kvar"] and 50.0 < drawn_kvar < 75.0


def test_an_overload_that_reactive_power_alone_makes_is_ended_by_a_capacitor() -> None:
    inductive = with_column(ring(h_kw=150.0), "loads", "cos_phi", {"home": 0.75})
    short = with_column(inductive, "lines", "length_m", {"L1": 30.0})
    seen = situation(short)
    found = [one for one in _measures(propose_capacitor(seen)) if one.measure_id.startswith("capacitor|H")]
    smallest = min(found, key=lambda one: one.cost.eur)
    assert by_pandapower(seen, "base")["L1"] > 100.0 > by_pandapower(seen, "base", smallest)["L1"]
    assert len({one.measure_id for one in found}) == len(found) == operating_figures().capacitor.sizes


def test_a_battery_of_full_size_brings_the_line_to_its_limit() -> None:
    seen = situation(with_column(ring(), "lines", "length_m", {"L1": 30.0}))
    found = _measures(propose_battery(seen))
    full = max((one for one in found if "|H|" in one.measure_id), key=lambda one: one.cost.eur)
    half = min((one for one in found if "|H|" in one.measure_id), key=lambda one: one.cost.eur)
    assert by_pandapower(seen, "base", half)["L1"] > 100.0 > by_pandapower(seen, "base", full)["L1"]
    at_limit = {"H": full.power_kva["H"] / operating_figures().battery.shares[-1]}
    exact = Measure(**{**full.__dict__, "power_kva": at_limit})
    assert by_pandapower(seen, "base", exact)["L1"] == pytest.approx(100.0, abs=1.0)


def test_a_battery_feeds_under_load_and_draws_under_the_sun() -> None:
    seen = situation(ring(g_kw=300.0), [FULL, FEED_IN])
    found = [one for one in _measures(propose_battery(seen)) if "|H|" in one.measure_id]
    assert all(one.power_kva["H"][0].real < 0.0 < one.power_kva["H"][1].real for one in found)
    before, after = (by_pandapower(seen, "feed_in", one)["H"] for one in (None, found[-1]))
    assert after < 1.1 < before


def test_a_battery_stores_what_the_hours_of_a_day_ask_for() -> None:
    network = with_column(ring(), "lines", "length_m", {"L1": 30.0})
    evening = [(f"2030-01-15 {hour:02d}:00", 1.0) for hour in range(9, 23)]
    one, many = (situation(network, cases=at_hours(network, hours)) for hours in (evening[:1], evening))
    alone, together = (
        [m for m in _measures(propose_battery(seen)) if "|H|" in m.measure_id][-1] for seen in (one, many)
    )
    power_kw = -alone.power_kva["H"][0].real
    assert alone.to_type.split(",")[0] == together.to_type.split(",")[0]
    assert together.cost.eur == pytest.approx(500.0 * np.ceil(14 * power_kw))


def test_contracts_hold_back_their_share_and_cost_power_and_energy() -> None:
    seen = situation(ring())
    found = of_kind(_measures(propose_flexibility(seen)), "flexibility|transformers T1|10%")
    assert found.power_kva["H"][0] == pytest.approx(-0.1 * 200.0 * (1 + 1j * np.tan(np.arccos(0.95))))
    hours = operating_figures().flexibility.full_load_hours[1]
    assert found.cost.eur == 0.0 and found.reversible and not len(found.changes.cells)
    assert found.cost.yearly_eur == pytest.approx(20.0 * 10.0 + 20.0 * hours * 0.1)
    before, after = (by_pandapower(seen, "base", one)["T1"] for one in (None, found))
    assert before > 100.0 > after


def test_contracts_cut_nothing_where_limits_hold_and_no_feed_in() -> None:
    seen = situation(ring(g_kw=300.0), [FULL, FEED_IN])
    for one in _measures(propose_flexibility(seen)):
        assert all(kva[1] == 0.0 for kva in one.power_kva.values())


def test_feed_in_is_no_reason_for_a_contract() -> None:
    found = list(propose_flexibility(situation(ring(h_kw=10.0, g_kw=300.0, b1_kw=10.0), [FEED_IN])))
    assert found and all("feed-in" in one.reason for one in found)  # type: ignore[union-attr]


def test_a_tariff_moves_the_energy_it_takes_into_the_valley_of_the_day() -> None:
    network = ring(h_kw=150.0)
    seen = situation(network, cases=at_hours(network, WINTER_DAY))
    found = _measures(propose_valley_tariff(seen))
    assert found
    for one in found:
        for kva in one.power_kva.values():
            assert kva.sum() == pytest.approx(0.0, abs=1e-9) and kva[2].real > 0.0 > kva[0].real
    moved_kwh = sum(kva[2].real for kva in found[0].power_kva.values())
    assert found[0].cost.yearly_eur == pytest.approx(0.1 * 365.0 * moved_kwh)


def test_a_tariff_whose_valley_no_case_shows_is_not_proposed() -> None:
    found = list(propose_valley_tariff(situation(ring())))
    assert found and all("valley" in one.reason for one in found)  # type: ignore[union-attr]
