"""Bottlenecks by hand: how much cannot be served, whom it concerns, what causes it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capacity.bottlenecks import BOTTLENECK_COLUMNS, find_bottlenecks
from capacity.checks import make_yardstick, violations
from capacity.limits import read_limits
from gis import Network
from gis.examples import network_from_text
from gridmodel import LoadFlowResult, build_model, run_load_flow
from gridmodel.lean import pandapower
from tests.capacity.grids import STATION_BUSES, STATION_LINES, demo, demo_model, grid, station, yardstick_of


def _found(network, profile="en50160"):  # type: ignore[no-untyped-def]
    result = run_load_flow(build_model(network))
    return result, find_bottlenecks(yardstick_of(network, profile), result).set_index("element_id")


def _largest_kw(network_of: Callable[[float], Network], most_kw: float) -> float:
    """Largest load that breaks no limit, by halving with pandapower; the least cut is the rest of it."""
    low, high = 0.0, most_kw
    while high - low > 1e-3:
        middle = 0.5 * (low + high)
        network = network_of(middle)
        broken = violations(yardstick_of(network), run_load_flow(build_model(network)))
        low, high = (middle, high) if broken.empty else (low, middle)
    return low


def test_a_grid_within_its_limits_has_no_bottlenecks_but_all_columns() -> None:
    network = station()
    found = find_bottlenecks(yardstick_of(network), run_load_flow(build_model(network)))
    assert found.empty
    assert tuple(found.columns) == BOTTLENECK_COLUMNS
    assert found.crs == network.crs


def test_overloaded_transformer_by_hand() -> None:
    """All three loads at the busbar, 300 kW: nothing else is overloaded.

    Loading = I / I_rated with I_rated = 250 kVA / (sqrt 3 20 kV) on the high side.
    """
    loads = [("a", "B1", 200.0, 7), ("b", "B1", 100.0, 4)]
    network = station(loads=loads)
    result, found = _found(network)
    assert found.index.tolist() == ["T1"]
    row = found.loc["T1"]
    p_kw, s_kva = result.transformers.loc["T1", ["p_hv_kw", "s_kva"]]
    vm_pu = result.buses.loc["M2", "vm_pu"]
    high_side_percent = 100.0 * s_kva / vm_pu / 250.0
    assert row["loading_percent"] >= high_side_percent - 1e-6
    served_kw = _largest_kw(lambda kw: station(loads=[("a", "B1", kw, 11)]), 300.0)
    assert row["unserved_kw"] == pytest.approx(300.0 - served_kw, rel=2e-3)  # least within 0.1 %
    assert 300.0 < p_kw < 310.0
    assert row["customers_affected"] == 11
    assert "11 customers behind it" in row["root_cause"]
    assert row.geometry.equals(network.transformers.geometry["T1"])


def test_overloaded_line_by_hand() -> None:
    """L1 carries A1 (20 kW) and A2 (180 kW) at cos phi 0.95 on a cable of 270 A."""
    result, found = _found(station(a2_kw=180.0))
    row = found.loc["L1"]
    p_kw, q_kvar = result.lines.loc["L1", ["p_from_kw", "q_from_kvar"]]
    current_a = np.hypot(p_kw, q_kvar) / (np.sqrt(3.0) * 0.4 * result.buses.loc["B1", "vm_pu"])
    assert 200.0 < p_kw < 220.0
    assert row["loading_percent"] == pytest.approx(100.0 * current_a / 270.0, rel=1e-3)
    served_kw = _largest_kw(lambda kw: station(a2_kw=kw), 180.0)  # the far end loses most on its way
    assert row["unserved_kw"] == pytest.approx(180.0 - served_kw, rel=2e-3)  # least within 0.1 %
    assert row["customers_affected"] == 11
    assert row["feeder_id"] == "L1"


def test_feed_in_that_overloads_a_line_leaves_no_demand_unserved() -> None:
    network = station(
        generators=[("pv-A2", "A2", 230.0)], scenarios=[("pv", "sun", 0.1, 1.0)]
    )  # L1 and L2 carry about 225 kW back
    _, found = _found(network)
    lines = found[found["table"] == "lines"]
    assert {"L1", "L2"} >= set(lines.index) and len(lines)
    assert (lines["unserved_kw"] == 0.0).all()
    assert (lines["customers_affected"] > 0).all()


def test_undervoltage_is_one_row_per_feeder_and_names_the_branch_with_the_largest_drop() -> None:
    """L2 is 900 m long, L1 and L3 stay short: A2 falls under 0.9 pu because of L2 alone."""
    lines = [line if line[0] != "L2" else ("L2", "A1", "A2", 900.0) for line in STATION_LINES]

    def with_a2(kw: float) -> Network:
        loads = [("a", "A1", 20.0, 5), ("b", "A2", kw, 6), ("c", "C1", 10.0, 3)]
        return grid(STATION_BUSES, lines, transformers=[("T1", "M2", "B1")], loads=loads)

    result, found = _found(with_a2(70.0))
    assert found.index.tolist() == ["A2"]
    row = found.loc["A2"]
    vm_pu = result.buses["vm_pu"]
    assert vm_pu["A2"] < 0.9 < vm_pu["A1"]
    assert (row["customers_affected"], row["feeder_id"]) == (6, "L1")
    assert row["unserved_kw"] == pytest.approx(70.0 - _largest_kw(with_a2, 70.0), rel=2e-3)
    drops = {
        "L2": vm_pu["A1"] - vm_pu["A2"],
        "L1": vm_pu["B1"] - vm_pu["A1"],
        "T1": vm_pu["M2"] - vm_pu["B1"],
    }
    assert max(drops, key=lambda name: drops[name]) == "L2"
    total = 100 * (vm_pu["M1"] - vm_pu["A2"])
    assert f"L2 takes {100 * drops['L2']:.2f} of {total:.2f} %" in row["root_cause"]


def test_two_weak_feeders_are_two_rows() -> None:
    network = station(source_pu=0.9, a2_kw=60.0, c1_kw=60.0)
    _, found = _found(network)
    weak = found[found["check"] == "undervoltage"]
    assert {"L1", "L3"} <= set(weak["feeder_id"])
    assert weak["feeder_id"].is_unique


def test_customers_of_an_island_are_one_row_and_complete() -> None:
    """L1 is open: A1 and A2 are one island, C1 stays supplied."""
    network = station(switches=[("X", False, "B1", "lines", "L1")])
    result, found = _found(network)
    assert found["check"].tolist() == ["no_supply"]
    assert found["unserved_kw"].tolist() == [50.0] == [result.unserved_kw]
    assert found["customers_affected"].tolist() == [11]


def test_two_islands_are_two_rows_that_add_up() -> None:
    network = station(switches=[("X", False, "B1", "lines", "L1"), ("Y", False, "B1", "lines", "L3")])
    result, found = _found(network)
    assert sorted(found["unserved_kw"]) == [10.0, 50.0]
    assert found["unserved_kw"].sum() == result.unserved_kw == 60.0
    assert found["customers_affected"].sum() == result.summary()["unserved_customers"] == 14


def test_a_grid_without_solution_says_so_and_what_asks_for_the_least_cut() -> None:
    network = station(a2_kw=5000.0)
    result, found = _found(network)
    assert not result.converged
    assert found["check"].tolist() == ["line_overload", "no_solution"]
    assert found.index.tolist() == ["L1", "home-A1"]
    served_kw = _largest_kw(lambda kw: station(a2_kw=kw), 300.0)
    assert found.loc["L1", "unserved_kw"] == pytest.approx(5000.0 - served_kw, rel=2e-3)
    assert found.loc["home-A1", ["unserved_kw", "customers_affected"]].tolist() == [0.0, 14]
    assert "at most" in found.loc["home-A1", "root_cause"]
    assert "asks for" in found.loc["L1", "root_cause"]


def test_an_element_that_the_engine_does_not_know_leaves_the_cut_open() -> None:
    """A model with a voltage-controlled generator is solved by pandapower alone."""
    network = station(a2_kw=250.0)
    model = build_model(network)
    pandapower().create_gen(model.net, 5, p_mw=0.0, vm_pu=1.0)
    found = find_bottlenecks(yardstick_of(network), run_load_flow(model), model=model)
    assert len(found) and found["unserved_kw"].isna().all()


def test_most_unserved_comes_first() -> None:
    _, found = _found(station(a2_kw=250.0, switches=[("Y", False, "B1", "lines", "L3")]))
    assert len(found) >= 3
    assert found["unserved_kw"].is_monotonic_decreasing


@settings(max_examples=6, deadline=None)
@given(a2_kw=st.floats(0.0, 400.0), source_pu=st.floats(0.92, 1.08))
def test_demand_is_unserved_only_where_a_limit_is_broken(a2_kw: float, source_pu: float) -> None:
    network = station(a2_kw=a2_kw, source_pu=source_pu)
    result = run_load_flow(build_model(network))
    yardstick = yardstick_of(network)
    found = find_bottlenecks(yardstick, result)
    broken = violations(yardstick, result)
    assert bool(len(found)) == bool(len(broken))
    assert (found["unserved_kw"] >= 0.0).all()
    assert set(found["element_id"]) <= set(broken["element_id"]) | set(network.loads.index)
    if result.converged:
        assert (found["unserved_kw"] <= result.demand_kw + result.loss_kw).all()


def _demo_result(scenario: str) -> LoadFlowResult:
    return run_load_flow(demo_model(), scenario)


def test_demo_area_has_no_bottleneck_today() -> None:
    assert find_bottlenecks(yardstick_of(demo()), _demo_result("base")).empty


def test_demo_area_with_heat_pumps_has_one_overloaded_transformer() -> None:
    found = find_bottlenecks(yardstick_of(demo()), _demo_result("heat_pumps"))
    assert found[["table", "element_id", "check"]].values.tolist() == [
        ["transformers", "T_idx_35", "transformer_overload"]
    ]
    assert found["loading_percent"].iloc[0] == pytest.approx(140.98, abs=0.01)


def test_customers_without_supply_are_named_even_when_they_draw_nothing() -> None:
    network = network_from_text(
        'bus A 0.4\nbus B 0.4\nsource grid A\nline L A B 20 "NAYY 4x150 SE"\n'
        "switch S open A lines L\nload empty_home B 0 residential 3"
    )
    result = run_load_flow(build_model(network))
    assert result.summary()["unserved_customers"] == 3
    found = find_bottlenecks(make_yardstick(network, read_limits()), result)
    assert found[["element_id", "check", "unserved_kw", "customers_affected"]].to_numpy().tolist() == [
        ["empty_home", "no_supply", 0.0, 3]
    ]
