"""Tracing: every asset has its feeder or a reason, ways run both directions, loops are named."""

from __future__ import annotations

import numpy as np
import pytest

from gis import Network
from gis.examples import network_from_text, synthetic_network
from gis.feeders import conducting_edges, trace_supply
from gis.tracing import assign_feeders, find_loops, sum_to_source, trace_downstream, trace_upstream
from tests.networks import station

# S                       ring C-D-E, closed by R
# A ---K--- B (T) C --L-- D --N-- E
#                 +-------R-------+
RING = 'line R C E 150 "NAYY 4x150 SE"'


def test_every_asset_of_a_sound_network_is_fed_and_named() -> None:
    assigned = assign_feeders(station())
    assert assigned["loads"].to_numpy().tolist() == [["L", "T", "fed"], ["L", "T", "fed"]]
    assert assigned["lines"]["feeder_id"].to_list() == ["K", "L", "L"]
    assert assigned["lines"]["station_id"].to_list() == ["S", "T", "T"]
    assert assigned["transformers"]["feeder_id"].to_list() == ["K"]


def test_unfed_and_switched_off_assets_carry_their_reason() -> None:
    network = station("switch X open D lines N", "load Y D 5 residential in_service=false")
    loads = assign_feeders(network)["loads"]
    assert loads["supply_status"].to_dict() == {
        "H": "fed",
        "J": "no closed way to a source",
        "Y": "out of service",
    }
    assert loads["feeder_id"].isna().to_dict() == {"H": False, "J": True, "Y": False}


@pytest.mark.parametrize("network", [station(), station(RING), synthetic_network(300, seed=3)])
def test_all_tables_keep_every_row(network: Network) -> None:
    for table, frame in assign_feeders(network).items():
        assert frame.index.equals(network.table(table).index)
        assert frame["supply_status"].notna().all()


def test_the_way_up_is_nearest_first_with_lengths() -> None:
    way = trace_upstream(station(), "E")
    assert way["element_id"].to_list() == ["N", "L", "T", "K"]
    assert way["length_m"].to_list() == [80.0, 120.0, 0.0, 800.0]
    assert trace_upstream(station(), "A").empty


def test_the_way_down_holds_what_a_bus_feeds_and_its_demand() -> None:
    below = trace_downstream(station(), "C")
    assert below.index.to_list() == ["C", "D", "E"]
    assert below["load_kw"].to_list() == [0.0, 30.0, 20.0]
    assert below["customers"].to_list() == [0, 6, 1]
    assert trace_downstream(station(), "E").index.to_list() == ["E"]


def test_a_bus_that_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(KeyError, match="no bus 'Z'"):
        trace_upstream(station(), "Z")


def test_a_bus_is_below_exactly_those_on_its_way_up() -> None:
    network = synthetic_network(120, seed=2)
    for bus_id in network.buses.index[::17]:
        above = trace_upstream(network, bus_id)["upstream_bus_id"]
        assert all(bus_id in trace_downstream(network, up).index for up in above)


def test_a_radial_network_has_no_loop() -> None:
    assert find_loops(station()).empty
    assert find_loops(synthetic_network(200, seed=1)).empty


def test_a_loop_names_its_closing_line_and_its_buses() -> None:
    loop = find_loops(station(RING)).iloc[0]
    assert (loop["table"], loop["element_id"], loop["bus_count"]) == ("lines", "N", 3)
    assert set(loop["bus_ids"].split(" - ")) == {"C", "D", "E"}
    assert loop["feeder_id"] == "L, R"


def test_an_open_switch_opens_the_loop() -> None:
    assert find_loops(station(RING, "switch X open E lines R")).empty


def test_lines_side_by_side_are_a_loop_of_two_buses() -> None:
    loops = find_loops(station('line N2 D E 80 "NAYY 4x150 SE"'))
    assert loops["bus_count"].to_list() == [2]
    assert loops["element_id"].iloc[0] in ("N", "N2")


def test_a_way_between_two_sources_counts_as_a_loop() -> None:
    loops = find_loops(station("source S2 B 1.0"))
    assert loops["element_id"].to_list() == ["K"]


@pytest.mark.parametrize("seed", range(5))
def test_loops_are_as_many_as_edges_less_buses_fed(seed: int) -> None:
    lot = np.random.default_rng(seed)
    buses = [f"bus B{n} 0.4" for n in range(12)]
    ends = {tuple(sorted(lot.choice(12, 2, replace=False))) for _ in range(18)}
    lines = [f'line L{k} B{a} B{b} 50 "NAYY 4x150 SE"' for k, (a, b) in enumerate(sorted(ends))]
    network = network_from_text("\n".join([*buses, "source S B0", *lines]))
    supply = trace_supply(network)
    fed = np.isin(np.arange(12), supply.order)
    edges = conducting_edges(network)
    live = int(fed[edges["u"]].sum())
    loops = find_loops(network)
    assert len(loops) == live - (int(fed.sum()) - 1)
    for row in loops.itertuples():
        assert len(set(row.bus_ids.split(" - "))) == row.bus_count >= 2


def test_sums_to_the_source_follow_the_path() -> None:
    assert sum_to_source(np.array([9.0, 1.0, 2.0, 4.0]), np.array([-1, 0, 1, 2])).tolist() == [0, 1, 3, 7]
