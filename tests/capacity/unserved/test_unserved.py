"""Unserved demand of one load flow: the least there is, whole, and nothing where nothing is violated.

The demand of years is tested in `test_unserved_year`, the parts in `test_least_cut` and `test_cuttable`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from capacity.checks import Yardstick, make_yardstick, violations
from capacity.limits import read_limits
from capacity.unserved import UnservedDemand, unserved_now
from capacity.unserved.least_cut import CUT_WITHIN_KW, WITHIN_SHARE
from gis import Network
from gis.examples import network_from_text
from gridmodel import GridModel, Scenario, build_model, run_load_flow
from tests.capacity.unserved.brute_cut import feeder_of, least_cut_kw
from tests.networks import station

# Load factor at which each feeder breaks limits.
HEAVY = 2.4
CABLES = ("NAYY 4x50 SE", "NAYY 4x95 SE", "NAYY 4x150 SE")


def feeder(seed: int, *, ring: bool = False) -> Network:
    """A random feeder of 0.4 kV with three or four loads of unequal power factor; a ring of the same."""
    lot = np.random.default_rng(seed)
    count = int(lot.integers(3, 5))
    text = ["bus B0 0.4", "source S B0 1.0"]
    for bus in range(1, count + 1):
        fed_from = int(lot.integers(0, bus)) if bus > 1 else 0
        text += [
            f"bus B{bus} 0.4",
            f'line L{bus} B{fed_from} B{bus} {lot.uniform(90, 320):.1f} "{CABLES[lot.integers(3)]}"',
            f"load D{bus} B{bus} {lot.uniform(15, 45):.2f} residential 4 q_kvar={lot.uniform(0, 15):.2f}",
        ]
    if ring:
        text.append(f'line R B0 B{count} {lot.uniform(100, 300):.1f} "{CABLES[0]}"')
    return network_from_text("\n".join([*text, "scenario base"]))


@cache
def prepared(network: Network, limits: str = "en50160") -> tuple[GridModel, Yardstick]:
    return build_model(network), make_yardstick(network, read_limits(limits))


def unserved(network: Network, **factors: float) -> UnservedDemand:
    model, yardstick = prepared(network)
    return unserved_now(model, yardstick, Scenario(**factors))


def after_the_cut(network: Network, found: UnservedDemand, load_factor: float, more: float = 0.0) -> Network:
    """The network with what is served; `more` of the cut is served after all."""
    cut_kw = found.customers.set_index("load_id")["unserved_kw"].reindex(network.loads.index).fillna(0.0)
    drawn_kw = load_factor * network.loads["p_kw"]
    share = 1.0 - (1.0 - more) * cut_kw / drawn_kw
    factor = (share * load_factor).to_numpy()
    loads = network.loads.assign(p_kw=network.loads["p_kw"] * factor, q_kvar=network.loads["q_kvar"] * factor)
    return replace(network, loads=loads)


def broken_in_pandapower(network: Network, scenario: Scenario) -> int:
    model, yardstick = build_model(network), make_yardstick(network, read_limits("en50160"))
    return len(violations(yardstick, run_load_flow(model, scenario)))


@pytest.mark.parametrize("seed", range(6))
def test_a_radial_feeder_has_no_smaller_cut(seed: int) -> None:
    assert_is_least(feeder(seed))


@pytest.mark.parametrize("seed", range(2))
def test_a_ring_has_no_smaller_cut(seed: int) -> None:
    assert_is_least(feeder(seed, ring=True))


def assert_is_least(network: Network, load_factor: float = HEAVY) -> None:
    """Against trying and sequential quadratic programs; below what they find is as wrong as above."""
    found = unserved(network, load_factor=load_factor)
    tried_kw = least_cut_kw(feeder_of(prepared(network)[0], load_factor), min_pu=0.9)
    cut_kw = found.energy_kwh
    tolerance_kw = CUT_WITHIN_KW + WITHIN_SHARE * tried_kw
    assert tried_kw > 5.0, "a feeder that needs no cut proves nothing"
    assert cut_kw == pytest.approx(tried_kw, abs=tolerance_kw)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("ring", [False, True])
def test_pandapower_alone_finds_every_limit_held_at_the_cut_and_broken_a_little_before(
    seed: int, ring: bool
) -> None:
    network = feeder(seed, ring=ring)
    full = Scenario(load_factor=HEAVY)
    found = unserved(network, load_factor=HEAVY)
    assert broken_in_pandapower(network, full) > 0
    assert broken_in_pandapower(after_the_cut(network, found, HEAVY), Scenario()) == 0
    assert broken_in_pandapower(after_the_cut(network, found, HEAVY, more=0.01), Scenario()) > 0


@pytest.mark.parametrize("seed", range(4))
def test_unserved_is_zero_exactly_when_nothing_is_violated_and_never_less_with_more_load(seed: int) -> None:
    network = feeder(seed)
    before_kw = 0.0
    for load_factor in (0.2, 0.5, 0.8, 1.0, 1.3, 1.6, 2.0, 3.0):
        broken = broken_in_pandapower(network, Scenario(load_factor=load_factor))
        found = unserved(network, load_factor=load_factor)
        assert (found.energy_kwh == 0.0) == (broken == 0)
        assert found.hours["status"].tolist() == ["cut" if broken else "served"]
        assert found.energy_kwh >= before_kw - CUT_WITHIN_KW - WITHIN_SHARE * before_kw
        before_kw = found.energy_kwh


@pytest.mark.parametrize("seed", range(4))
def test_every_table_adds_up_to_the_same_and_demand_is_served_or_unserved(seed: int) -> None:
    network = feeder(seed)
    found = unserved(network, load_factor=HEAVY)
    (hour,) = found.hours.itertuples()
    assert hour.demand_kw == pytest.approx(HEAVY * network.loads["p_kw"].sum(), abs=1e-6)
    assert hour.demand_kw == pytest.approx(hour.served_kw + hour.unserved_kw, abs=1e-6)
    for table in (found.assets, found.customers):
        assert table["unserved_kwh"].sum() == pytest.approx(found.energy_kwh, abs=1e-6)
    assert len(found.customers) == len(network.loads)
    assert (found.customers["unserved_kw"] >= 0.0).all()
    blocked = found.customers[found.customers["unserved_kwh"] > 0.0]
    assert set(blocked["blocking_id"]) <= set(found.assets["element_id"])


def test_by_hand_an_overloaded_line_cuts_what_flows_above_its_rating() -> None:
    # Two equal homes behind one short cable of unity power factor: I = P / (sqrt(3) V), 0.27 A a kVA.
    network = network_from_text("""
        bus A 0.4
        bus B 0.4
        bus C 0.4
        source S A 1.0
        line L A B 1 "NAYY 4x150 SE"
        line M B C 1 "NAYY 4x150 SE"
        load H B 150 residential 1 q_kvar=0
        load J C 150 residential 1 q_kvar=0
        scenario base
    """)
    model, _ = prepared(network)
    rating_kva = float(np.sqrt(3.0) * 400.0 * model.net.line["max_i_ka"].iloc[0])
    found = unserved(network)
    assert found.energy_kwh == pytest.approx(300.0 - rating_kva, rel=2e-3)
    assert found.assets[["table", "element_id", "check"]].to_numpy().tolist() == [
        ["lines", "L", "line_overload"]
    ]


def test_what_feed_in_breaks_is_told_and_no_customer_cut_for_it() -> None:
    network = station("generator X E 400 pv")
    found = unserved(network, load_factor=0.1, generation_factor=1.0)
    assert found.hours["status"].tolist() == ["not_by_demand"]
    assert found.hours["limits_left"].iloc[0] > 0
    assert found.energy_kwh == 0.0
    assert (found.assets["hours_left"] > 0.0).all()


def test_a_cut_cures_what_it_can_beside_what_feed_in_breaks() -> None:
    network = station(
        "bus F 0.4", "bus G 0.4", 'line P C F 100 "NAYY 4x50 SE"', 'line Q C G 100 "NAYY 4x50 SE"',
        "load Y F 200 residential 9", "generator X G 300 pv",
    )  # fmt: skip
    found = unserved(network, load_factor=1.0, generation_factor=1.0)
    assert found.hours["status"].tolist() == ["not_by_demand"]
    assert found.energy_kwh > 10.0
    assert set(found.assets["element_id"][found.assets["unserved_kwh"] > 0.0]) <= {"P", "F"}


def test_who_has_no_supply_is_unserved_whole_and_named() -> None:
    network = station("switch V open D lines N")
    found = unserved(network, load_factor=1.0)
    assert found.hours["status"].tolist() == ["no_supply"]
    assert found.energy_kwh == pytest.approx(20.0, abs=1e-9)
    lost = found.customers[found.customers["status"] == "no_supply"]
    assert lost[["load_id", "unserved_kw", "blocking_check"]].to_numpy().tolist() == [
        ["J", pytest.approx(20.0), "no_supply"]
    ]
    assert found.assets["check"].tolist() == ["no_supply"]


@pytest.mark.parametrize("load_factor", [20.0, 100.0])
def test_a_grid_without_load_flow_is_cut_until_it_holds(load_factor: float) -> None:
    network = station()
    assert not run_load_flow(prepared(network)[0], Scenario(load_factor=load_factor)).converged
    found = unserved(network, load_factor=load_factor)
    assert found.hours["status"].tolist() == ["cut"]
    assert broken_in_pandapower(after_the_cut(network, found, load_factor), Scenario()) == 0


def test_relative_bands_count_from_the_voltage_the_cut_leaves() -> None:
    network = station()
    model, yardstick = prepared(network, "dena")
    scenario = Scenario(load_factor=4.0)
    found = unserved_now(model, yardstick, scenario)
    served = after_the_cut(network, found, 4.0)
    assert len(violations(yardstick, run_load_flow(model, scenario)))
    result = run_load_flow(build_model(served), Scenario())
    assert not len(violations(make_yardstick(served, yardstick.limits), result))
    assert found.hours["status"].tolist() == ["cut"]
