"""Measures that build something: sound on a weak town and on random feeders, and right by hand."""

from __future__ import annotations

import dataclasses
import math
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capacity.checks import make_yardstick, violations
from capacity.limits import read_limits
from capacity.measures import BUILDING, propose_measures
from capacity.measures.cables import cables_for, worth_comparing
from capacity.measures.measure import Measure
from capacity.measures.strain import strain_of
from gis import Network
from gis.changes import apply_changes, join_changes
from gis.examples import network_from_text as _network_from_text
from gridmodel import Scenario, build_model, run_load_flow
from gridmodel.lean import pandapower
from tests.capacity.measures.building_checks import (
    assert_as_supplied,
    assert_sound,
    situation,
    taken_together,
    weak_town,
)

THIN = "NAYY 4x50 SE"
network_from_text = cache(_network_from_text)  # a network is never changed, so tests share it
seen = cache(situation)
FEED_IN = Scenario("feed_in", "little load, all the sun", None, 0.1, 1.0)


def proposed(
    of: Network | None = None, kinds: tuple[str, ...] = tuple(BUILDING), **options: object
) -> list[Measure]:
    situation_seen = weak_town() if of is None else seen(of, **options)  # type: ignore[arg-type]
    return list(propose_measures(situation_seen, kinds))


def vm_pu(network: Network, bus_id: str) -> float:
    """Voltage of a bus by plain pandapower."""
    net = build_model(network).net
    pandapower().runpp(net, init="auto", calculate_voltage_angles=True)
    return float(net.res_bus["vm_pu"].iloc[network.buses.index.get_loc(bus_id)])


def vm_behind(r_ohm: float, x_ohm: float, p_kw: float, q_kvar: float, vn_kv: float = 0.4) -> float:
    """Voltage [pu] at the end of one impedance with one load, source at 1 pu: the closed form."""
    scale = 1000.0 * vn_kv**2
    p, q = p_kw / scale, q_kvar / scale
    half = 0.5 - (p * r_ohm + q * x_ohm)
    return math.sqrt(half + math.sqrt(half**2 - (r_ohm**2 + x_ohm**2) * (p**2 + q**2)))


def one_line(more: str = "", p_kw: float = 100.0, line: str = f'"{THIN}"') -> Network:
    return network_from_text(f"""
        bus A 0.4
        bus B 0.4 200 0
        source S A 1.0
        line L A B 200 {line}
        load H B {p_kw} q_kvar=0
        {more}
    """)


# A feeder of four equal loads, 100 m apart.
FOUR = """
    bus A 0.4 0 0
    bus B 0.4 100 0
    bus C 0.4 200 0
    bus D 0.4 300 0
    bus E 0.4 400 0
    source S A 1.0
    line L1 A B 100 "NAYY 4x150 SE"
    line L2 B C 100 "NAYY 4x150 SE"
    line L3 C D 100 "NAYY 4x150 SE"
    line L4 D E 100 "NAYY 4x150 SE"
    load H1 B 60 q_kvar=0
    load H2 C 60 q_kvar=0
    load H3 D 60 q_kvar=0
    load H4 E 60 q_kvar=0
"""


@pytest.mark.parametrize("kind", [kind for kind in BUILDING if kind != "new_feeder"])
def test_every_kind_answers_the_weak_town_with_a_sound_measure(kind: str) -> None:
    found = proposed(kinds=(kind,))
    assert found and all(one.kind == kind for one in found)
    assert len({one.measure_id for one in found}) == len(found)
    build_model(assert_sound(weak_town().network, found[0]))


def test_measures_without_a_common_key_go_together() -> None:
    every = proposed()
    for order in (every, every[::-1]):
        together = taken_together(order)
        after = apply_changes(weak_town().network, join_changes(one.changes for one in together))
        assert_as_supplied(weak_town().network, after, [one.measure_id for one in together])
        build_model(after)


@st.composite
def feeders(draw: st.DrawFn) -> str:
    """A station with a low-voltage tree too weak for its loads."""
    size = draw(st.integers(3, 9))
    parents = [draw(st.integers(0, bus)) for bus in range(size)]
    rows = ["bus M 20 0 0", "bus B0 0.4 5 0", "source S M 1.0", 'transformer T M B0 "0.25 MVA 20/0.4 kV"']
    for bus, parent in enumerate(parents, start=1):
        metres = draw(st.sampled_from([0.1, 4.0, 60.0, 150.0]))
        rows.append(f"bus B{bus} 0.4 {60 * bus} {20 * parent}")
        rows.append(f'line L{bus} B{parent} B{bus} {metres} "{THIN}"')
        rows.append(f"load H{bus} B{bus} {draw(st.sampled_from([0, 15, 60]))}")
        if draw(st.booleans()):
            rows.append(f"switch W{bus} closed B{bus} lines L{bus}")
    return "\n".join(rows)


@settings(max_examples=2, deadline=None)
@given(feeders(), st.randoms(use_true_random=False))
def test_measures_for_any_feeder_are_sound_alone_and_together(text: str, lot: object) -> None:
    network = network_from_text(text)
    every = proposed(network)
    lot.shuffle(every)  # type: ignore[attr-defined]
    for one in every[:3]:
        assert_sound(network, one)
    together = taken_together(every)
    after = apply_changes(network, join_changes(one.changes for one in together))
    assert_as_supplied(network, after, [one.measure_id for one in together])


def test_a_cable_in_place_of_a_line_has_its_own_figures_only() -> None:
    network = one_line(p_kw=160.0)
    own = {"r_ohm_per_km": 0.9, "x_ohm_per_km": 0.1, "c_nf_per_km": 5.0, "i_max_a": 100.0, "parallel": 2}
    before = dataclasses.replace(network, lines=network.lines.assign(**own))
    after = assert_sound(before, proposed(before, ("replace_line",))[-1])
    row = after.lines.loc["L"]
    assert row["type_id"] == "NAYY 4x1x300 RM" and row["parallel"] == 1
    assert row[["r_ohm_per_km", "x_ohm_per_km", "c_nf_per_km", "i_max_a"]].isna().all()
    assert vm_pu(after, "B") == pytest.approx(vm_behind(0.1 * 0.2, 0.0877 * 0.2, 160.0, 0.0), abs=1e-5)


def test_a_parallel_cable_carries_beside_the_old_line() -> None:
    network = one_line()
    after = assert_sound(network, proposed(network, ("parallel_line",))[-1])
    old, new = (0.642 + 0.083j) * 0.2, (0.1 + 0.0877j) * 0.2
    both = old * new / (old + new)
    assert vm_pu(after, "B") == pytest.approx(vm_behind(both.real, both.imag, 100.0, 0.0), abs=1e-5)


def test_no_stack_of_parallels_is_proposed() -> None:
    stacked = one_line(f'line L9 A B 200 "{THIN}"', p_kw=250.0)
    found = propose_measures(situation(stacked), ("parallel_line",))
    assert not len(found) and found.not_proposed["reason"].str.contains("parallel line already").all()


def test_the_costs_are_those_of_the_length_in_the_table() -> None:
    found = proposed(one_line(), ("replace_line", "parallel_line"))
    cheapest = min(one.cost.eur for one in found)
    assert cheapest == pytest.approx(0.2 * 60_000)  # 200 m at 60 kEUR/km
    assert {one.months for one in found} == {3}
    assert all(one.shared_trench == {"lines L": 200.0} and one.trench_eur_per_m == 51.0 for one in found)


def test_of_equally_dear_cables_only_the_best_is_compared() -> None:
    cables = cables_for(weak_town(), 0.4)
    assert "NAYY 4x120 SE" not in cables.index and "NAYY 4x150 SE" in cables.index
    assert (cables["per_km"].diff().dropna() > 0.0).all()
    compared = worth_comparing(cables).index
    assert compared[0] == cables.index[0] and compared[-1] == "NAYY 4x1x300 RM"


def test_short_pieces_are_renewed_with_their_neighbour() -> None:
    network = network_from_text(f"""
        bus A 0.4
        bus B 0.4
        bus C 0.4
        bus D 0.4
        source S A 1.0
        line L1 A B 0.4 "{THIN}"
        line L2 B C 120 "{THIN}"
        line L3 C D 120 "{THIN}"
        load H D 100
    """)
    names = {one.element_id: one.length_m for one in proposed(network, ("replace_line",))}
    assert names == {"L1": pytest.approx(120.4), "L3": 120.0}


def test_a_split_moves_what_lies_behind_it_to_a_cable_of_its_own() -> None:
    #   A--4--B--3--C--2--D--1--E   loads carried; with D and E on their own cable: A--2--B--1--C
    network = network_from_text(FOUR)
    split = next(
        one for one in proposed(network, ("split_feeder",), limits="dena") if "|D|" in one.measure_id
    )
    after = assert_sound(network, split)
    assert split.length_m == 300.0 and not after.lines.loc["L3", "in_service"]
    r, x = (
        float(cables_for(weak_town(), 0.4).loc[split.to_type, name])
        for name in ("r_ohm_per_km", "x_ohm_per_km")
    )
    at_d = vm_behind(0.3 * r, 0.3 * x, 120.0, 0.0)
    drop = 1.0 - vm_pu(after, "D")
    assert drop == pytest.approx(1.0 - at_d, rel=0.02)  # the losses of D-E are not in the closed form
    stays = 1.0 - vm_pu(after, "C")
    before = 1.0 - vm_pu(network, "C")
    assert stays / before == pytest.approx((2 + 1) / (4 + 3), rel=0.06)  # higher voltage, less current


def test_a_cable_costs_its_length_where_the_map_shows_none() -> None:
    shown = "\n".join(
        " ".join([*line.split()[:3], "0", "0"]) if line.split()[:1] == ["bus"] else line
        for line in FOUR.splitlines()
    )
    found = proposed(network_from_text(shown), ("split_feeder", "replace_line", "new_feeder"), limits="dena")
    assert found and all(one.length_m >= 100.0 for one in found)
    assert {one.length_m for one in found if one.kind == "split_feeder"} <= {200.0, 300.0, 400.0}


def test_a_new_feeder_takes_the_short_way_across() -> None:
    #  A -- B -- C -- D -- E runs round a square; E is 50 m from A
    square = FOUR.replace("bus C 0.4 200 0", "bus C 0.4 100 100").replace(
        "bus D 0.4 300 0", "bus D 0.4 0 100"
    )
    network = network_from_text(square.replace("bus E 0.4 400 0", "bus E 0.4 0 50"))
    found = [one for one in proposed(network, ("new_feeder",), limits="dena") if "|E|" in one.measure_id]
    assert found and found[0].length_m == pytest.approx(50.0 * 1.3)
    assert_sound(network, found[0])


def test_a_station_of_its_own_takes_over_the_far_part() -> None:
    found = proposed(kinds=("new_station",))
    after = assert_sound(weak_town().network, found[0])
    result = run_load_flow(build_model(after))
    new = result.transformers.loc[found[0].element_id]
    assert new["loading_percent"] > 0.0 and found[0].cost.eur > 35_000 + 10_000
    before = run_load_flow(build_model(weak_town().network))
    old = [flow.transformers.loc["T1", "loading_percent"] for flow in (before, result)]
    assert old[1] < old[0]
    assert result.buses["vm_pu"]["A4"] > before.buses["vm_pu"]["A4"]


STATION = """
    bus M 20
    bus B 0.4
    source S M 1.0
    transformer T M B "0.25 MVA 20/0.4 kV" tap_pos=-1
    load H B 420 q_kvar=0
"""


def test_a_larger_transformer_keeps_the_ratio_of_the_old_one() -> None:
    network = network_from_text(STATION)
    found = proposed(network, ("larger_transformer",))
    assert [one.to_type.split()[0] for one in found] == [
        "630",
        "800",
        "1000",
    ]
    row = assert_sound(network, found[0]).transformers.loc["T"]
    assert row["tap_pos"] == -1 and row["type_id"] == "630 kVA 20/0.4 kV EU tier 1"


def test_a_second_transformer_shares_the_load_equally() -> None:
    network = network_from_text(STATION)
    same = proposed(network, ("second_transformer",))[0]
    after = run_load_flow(build_model(assert_sound(network, same)))
    loading = after.transformers["loading_percent"]
    before = run_load_flow(build_model(network)).transformers["loading_percent"]["T"]
    assert loading["T"] == pytest.approx(loading[same.element_id], rel=1e-9)
    assert loading["T"] == pytest.approx(before / 2.0, rel=0.05)  # less drop, so less than half


def test_several_transformers_give_way_to_one_that_carries_all() -> None:
    network = network_from_text(
        STATION + '\n transformer T2 M B "0.25 MVA 20/0.4 kV" tap_pos=-1\n load J B 200'
    )
    single = [one for one in proposed(network, ("larger_transformer",)) if " x " not in one.to_type]
    after = assert_sound(network, single[0])
    assert after.transformers["in_service"].to_dict() == {"T": True, "T2": False}
    assert single[0].cost.eur < max(one.cost.eur for one in proposed(network, ("larger_transformer",)))


LONG = """
    bus M 20
    bus B 0.4
    bus C 0.4
    source S M 1.0
    transformer T M B "0.25 MVA 20/0.4 kV"
    line L B C 800 "NAYY 4x150 SE"
    load H C {load}
    generator G C 130
"""


def test_a_regulated_transformer_holds_the_band_in_load_and_feed_in() -> None:
    network = network_from_text(LONG.format(load=90))
    weak = situation(network, (Scenario(), FEED_IN))
    assert {"undervoltage", "overvoltage"} <= set(weak.violations["check"])
    one = next(iter(propose_measures(weak, ("regulated_transformer",))))
    assert_sound(network, one)
    for scenario in (Scenario(), FEED_IN):
        after = apply_changes(network, one.changes_in(scenario.scenario_id))
        result = run_load_flow(build_model(after), scenario)
        assert violations(make_yardstick(after, read_limits("en50160")), result).empty


def test_a_regulator_lifts_by_its_taps_and_is_no_busbar() -> None:
    network = network_from_text(LONG.format(load=90))
    one = proposed(network, ("voltage_regulator",))[0]
    after = assert_sound(network, one)
    lift = float(after.transformers["tap_pos"].dropna().iloc[0]) * 0.015
    assert lift > 0.0
    assert vm_pu(after, "C") - vm_pu(network, "C") == pytest.approx(lift, abs=0.015)
    ends = make_yardstick(after, read_limits("dena"))
    busbar = pd.Series(after.buses.index[ends.busbar], after.buses.index)
    assert busbar["C"] == "B" and busbar[one.changes.added["buses"]["bus_id"].iloc[0]] == "B"


def test_looking_for_strain_leaves_the_cases_as_they_are() -> None:
    weak = situation(network_from_text(FOUR))
    before = weak.cases.kva.copy()
    strain_of(weak)
    assert np.array_equal(weak.cases.kva, before)


def test_measures_are_proposed_where_the_load_flow_has_no_solution() -> None:
    weak = situation(network_from_text(FOUR), (Scenario("huge", "", None, 20.0),))
    assert list(weak.violations["check"]) == ["no_solution"]
    kinds = {one.kind for one in propose_measures(weak, tuple(BUILDING))}
    assert {"replace_line", "parallel_line", "split_feeder"} <= kinds
