"""Who feeds whom, on drawn topologies, and against networkx on random trees."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from gis.examples import network_from_text
from gis.feeders import islands_of, trace_supply
from tests.capacity.grids import STATION_BUSES, STATION_LINES, demo, grid, station, with_column

LV = 0.4


def test_feeder_and_station_of_every_bus_of_a_station() -> None:
    supply = trace_supply(station())
    assert supply.buses["station_id"].to_dict() == {
        "M1": "S1", "M2": "S1", "B1": "T1", "A1": "T1", "A2": "T1", "C1": "T1"
    }  # fmt: skip
    assert supply.buses["feeder_id"].to_dict() == {
        "M1": "S1", "M2": "K1", "B1": "T1", "A1": "L1", "A2": "L1", "C1": "L3"
    }  # fmt: skip
    assert supply.feeders["lines"].to_dict() == {"K1": "K1", "L1": "L1", "L2": "L1", "L3": "L3"}
    assert supply.feeders["transformers"].to_dict() == {"T1": "K1"}


def test_path_to_source_lists_what_feeds_a_bus_nearest_first() -> None:
    path = trace_supply(station()).path_to_source("A2")
    assert path[["table", "element_id", "bus_id", "upstream_bus_id"]].values.tolist() == [
        ["lines", "L2", "A2", "A1"],
        ["lines", "L1", "A1", "B1"],
        ["transformers", "T1", "B1", "M2"],
        ["lines", "K1", "M2", "M1"],
    ]


def test_the_source_bus_has_an_empty_path_with_columns() -> None:
    path = trace_supply(station()).path_to_source("M1")
    assert path.empty and list(path.columns) == ["table", "element_id", "bus_id", "upstream_bus_id"]


@pytest.mark.parametrize("end", ["A1", "A2"])
def test_an_open_switch_at_either_end_cuts_the_line(end: str) -> None:
    supply = trace_supply(station(switches=[("X", False, end, "lines", "L2")]))
    assert supply.buses.loc["A2"].isna().all()
    assert supply.path_to_source("A2").empty


def test_a_closed_switch_cuts_nothing() -> None:
    supply = trace_supply(station(switches=[("X", True, "A1", "lines", "L2")]))
    assert supply.buses.loc["A2", "feeder_id"] == "L1"


def test_an_open_switch_at_a_transformer_leaves_its_station_without_supply() -> None:
    supply = trace_supply(station(switches=[("X", False, "M2", "transformers", "T1")]))
    assert supply.buses["station_id"].isna().tolist() == [False, False, True, True, True, True]


@pytest.mark.parametrize(
    ("table", "element_id"), [("lines", "L1"), ("transformers", "T1"), ("sources", "S1")]
)
def test_what_is_out_of_service_feeds_nobody(table: str, element_id: str) -> None:
    supply = trace_supply(with_column(station(), table, "in_service", {element_id: False}))
    assert pd.isna(supply.buses.loc["A2", "station_id"])


def test_an_open_ring_is_fed_from_both_ends() -> None:
    """B1 --L1-- A1 --L2-- A2 -/ L4 -- C1 --L3-- B1: the open point separates two feeders."""
    lines = [*STATION_LINES, ("L4", "A2", "C1", 150.0)]
    open_ring = grid(
        STATION_BUSES, lines, transformers=[("T1", "M2", "B1")], switches=[("X", False, "A2", "lines", "L4")]
    )
    supply = trace_supply(open_ring)
    assert supply.buses["feeder_id"].loc[["A1", "A2", "C1"]].tolist() == ["L1", "L1", "L3"]


def test_in_a_closed_loop_the_fewest_hops_count_and_every_bus_has_one_feeder() -> None:
    lines = [*STATION_LINES, ("L4", "A2", "C1", 150.0)]
    supply = trace_supply(grid(STATION_BUSES, lines, transformers=[("T1", "M2", "B1")]))
    assert supply.buses.loc["C1", "upstream_id"] == "L3"
    assert supply.buses.loc["A2", "upstream_id"] in {"L2", "L4"}
    assert supply.buses["feeder_id"].notna().all()
    assert len(supply.order) == len(set(supply.order)) == 6


def test_a_bus_coupler_hands_the_busbar_on() -> None:
    """B1 =X= B1' --L9-- D1: the feeder starts behind the coupler, named after its line."""
    buses = [*STATION_BUSES, ("B1b", LV, 1010.0, -5.0), ("D1", LV, 1100.0, -5.0)]
    lines = [*STATION_LINES, ("L9", "B1b", "D1", 90.0)]
    network = grid(
        buses, lines, transformers=[("T1", "M2", "B1")], switches=[("X", True, "B1", "buses", "B1b")]
    )
    supply = trace_supply(network)
    assert supply.buses.loc[["B1b", "D1"], "feeder_id"].tolist() == ["T1", "L9"]
    assert supply.buses.loc[["B1b", "D1"], "station_id"].tolist() == ["T1", "T1"]
    assert supply.buses.loc["B1b", ["upstream_table", "upstream_id"]].tolist() == ["switches", "X"]


def test_an_open_bus_coupler_does_not() -> None:
    buses = [*STATION_BUSES, ("B1b", LV, 1010.0, -5.0)]
    network = grid(
        buses,
        STATION_LINES,
        transformers=[("T1", "M2", "B1")],
        switches=[("X", False, "B1", "buses", "B1b")],
    )
    assert pd.isna(trace_supply(network).buses.loc["B1b", "station_id"])


def test_two_sources_share_the_grid_by_the_open_point() -> None:
    """S1: M1 --K1-- M2 -/K2-- M3 :S2"""
    buses = [("M1", 20.0, 0.0, 0.0), ("M2", 20.0, 1000.0, 0.0), ("M3", 20.0, 2000.0, 0.0)]
    network = grid(
        buses,
        [("K1", "M1", "M2", 1000.0), ("K2", "M2", "M3", 1000.0)],
        switches=[("X", False, "M2", "lines", "K2")],
        sources=[("S1", "M1", 1.0), ("S2", "M3", 1.0)],
    )
    assert trace_supply(network).buses["station_id"].tolist() == ["S1", "S1", "S2"]


def test_parallel_lines_feed_a_bus_once() -> None:
    lines = [*STATION_LINES, ("L1b", "B1", "A1", 100.0)]
    supply = trace_supply(grid(STATION_BUSES, lines, transformers=[("T1", "M2", "B1")]))
    counts = supply.sum_downstream(pd.Series(1.0, supply.buses.index))
    assert counts["M1"] == 6.0
    assert counts["B1"] == 4.0
    assert supply.buses.loc["A1", "upstream_id"] in {"L1", "L1b"}


def test_a_parallel_line_belongs_to_the_feeder_of_its_twin() -> None:
    lines = [*STATION_LINES, ("L1b", "B1", "A1", 100.0)]
    feeders = trace_supply(grid(STATION_BUSES, lines, transformers=[("T1", "M2", "B1")])).feeders["lines"]
    assert feeders["L1"] == feeders["L1b"]


def test_islands_are_counted_with_and_without_source() -> None:
    network = station(switches=[("X", False, "B1", "lines", "L1"), ("Y", False, "B1", "lines", "L3")])
    islands = islands_of(network)
    assert islands["M1"] == islands["M2"] == islands["B1"]
    assert islands["A1"] == islands["A2"]
    assert islands.nunique() == 3


@pytest.mark.parametrize("seed", range(5))
def test_sum_downstream_equals_brute_force_on_random_trees(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = 40
    names = [f"b{i}" for i in range(count)]
    parents = [int(rng.integers(0, i)) for i in range(1, count)]
    buses = [(name, 20.0, *rng.uniform(0, 1000, 2)) for name in names]
    ends = [
        (names[p], names[i]) if rng.random() < 0.5 else (names[i], names[p]) for i, p in enumerate(parents, 1)
    ]
    network = grid(
        buses, [(f"l{i}", u, v, 10.0) for i, (u, v) in enumerate(ends)], sources=[("S1", "b0", 1.0)]
    )
    values = pd.Series(rng.uniform(0, 10, count), names)
    tree = nx.bfs_tree(nx.Graph(ends), "b0")
    expected = {name: values[[name, *nx.descendants(tree, name)]].sum() for name in names}
    pd.testing.assert_series_equal(
        trace_supply(network).sum_downstream(values), pd.Series(expected), check_names=False
    )


@pytest.mark.parametrize("seed", range(5))
def test_supply_and_islands_agree_with_networkx_on_random_meshes(seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    names = [f"b{i}" for i in range(30)]
    buses = [(name, 20.0, *rng.uniform(0, 1000, 2)) for name in names]
    pairs = {tuple(sorted(rng.choice(30, 2, replace=False))) for _ in range(32)}
    lines = [(f"l{i}", names[u], names[v], 10.0) for i, (u, v) in enumerate(sorted(pairs))]
    network = grid(buses, lines, sources=[("S1", "b0", 1.0), ("S2", "b1", 1.0)])
    graph = nx.Graph([(u, v) for _, u, v, _ in lines])
    graph.add_nodes_from(names)
    near = nx.multi_source_dijkstra_path_length(graph, {"b0", "b1"}, weight=None)
    supply = trace_supply(network)
    assert set(supply.buses.index[supply.buses["station_id"].notna()]) == set(near)
    assert all(len(supply.path_to_source(name)) == hops for name, hops in near.items())
    groups = islands_of(network).groupby(islands_of(network)).groups.values()
    assert {frozenset(group) for group in groups} == {
        frozenset(part) for part in nx.connected_components(graph)
    }


def test_demo_area_is_supplied_as_a_whole() -> None:
    network = demo()
    supply = trace_supply(network)
    at_loads = supply.buses["station_id"].reindex(network.loads["bus_id"])
    assert at_loads.notna().all()
    total = supply.sum_downstream(network.loads.groupby("bus_id")["p_kw"].sum())
    assert total[network.sources["bus_id"]].sum() == pytest.approx(network.loads["p_kw"].sum())


def test_a_network_without_any_line_has_supply_at_its_source_only() -> None:
    network = network_from_text("bus A 20\nbus B 20\nsource grid A\nload x B 3")
    supply = trace_supply(network)
    assert supply.buses["station_id"].fillna("none").tolist() == ["grid", "none"]
    assert supply.feeders["lines"].empty
    assert islands_of(network).nunique() == 2
