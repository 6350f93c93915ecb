"""What holds of every measure that builds something, and the weak town that all kinds have an answer to."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from capacity.costs import read_costs
from capacity.limits import read_limits
from capacity.measures.measure import Measure
from capacity.measures.situation import Situation, situation_of
from capacity.planning.plan_cases import cases_of_scenarios
from gis import TABLES, Network
from gis.changes import apply_changes
from gis.examples import network_from_text
from gis.feeders import conducting_edges, trace_supply
from gridmodel import Scenario, read_catalogue

# 110 kV  H
#         T0 25 MVA, overloaded                       load X 27 MW at M
# 20 kV   M ------------K1 1 km------------ N
#                                           T1 100 kVA, overloaded
# 0.4 kV                                    B --L1-- A1 --L2-- A2 --L3-- A3 --L4-- A4    30 kW each
TOWN = """
    bus H 110 0 0
    bus M 20 10 0
    bus N 20 1010 0
    bus B 0.4 1020 0
    bus A1 0.4 1120 0
    bus A2 0.4 1120 100
    bus A3 0.4 1020 100
    bus A4 0.4 1020 150
    source S H 1.0
    transformer T0 H M "25 MVA 110/20 kV"
    transformer T1 N B "100 kVA 20/0.4 kV EU tier 1"
    line K1 M N 1000 "NA2XS2Y 1x185 RM/25 12/20 kV"
    line L1 B A1 100 "NAYY 4x50 SE"
    line L2 A1 A2 100 "NAYY 4x50 SE"
    line L3 A2 A3 100 "NAYY 4x50 SE"
    line L4 A3 A4 50 "NAYY 4x50 SE"
    load X M 27000 industrial 1
    load H1 A1 30 residential 10
    load H2 A2 30 residential 10
    load H3 A3 30 residential 10
    load H4 A4 30 residential 10
"""


@cache
def weak_town() -> Situation:
    """The town in its design case, after EN 50160."""
    return situation(network_from_text(TOWN))


def situation(
    network: Network,
    scenarios: tuple[Scenario, ...] = (Scenario(),),
    *,
    limits: str = "en50160",
    costs: str = "dena_2012_rural",
) -> Situation:
    """A network in some scenarios, with a shipped cost table."""
    return situation_of(
        network,
        cases_of_scenarios(network, scenarios),
        read_limits(limits),
        catalogue=read_catalogue(),
        costs=read_costs(costs),
    )


def assert_sound(network: Network, measure: Measure) -> Network:
    """A measure applies cleanly, can be taken back, and its new ids are its own; returns what it makes."""
    after = apply_changes(network, measure.changes)
    assert apply_changes(after, measure.inverse(network)).equals(network), measure.measure_id
    assert_as_supplied(network, after, measure.measure_id)
    for table, rows in measure.changes.added.items():
        assert rows[TABLES[table].id_column].str.startswith(measure.measure_id).all(), measure.measure_id
    assert measure.cost.low_eur <= measure.cost.eur <= measure.cost.high_eur and measure.cost.eur > 0.0
    assert measure.months > 0 and measure.text and measure.geometry is not None
    return after


def assert_as_supplied(before: Network, after: Network, what: object) -> None:
    """Everybody who had supply has it, and there is no ring that was not there."""
    dark = trace_supply(after).buses["station_id"].isna()
    had_none = trace_supply(before).buses["station_id"].isna()
    assert not dark[~had_none.reindex(dark.index, fill_value=False)].any(), what
    assert ring_count(after) == ring_count(before), what


def ring_count(network: Network) -> int:
    """Independent rings, elements between the same two buses being one."""
    ends = np.unique(np.sort(conducting_edges(network)[["u", "v"]].to_numpy(dtype=int), axis=1), axis=0)
    count = len(network.buses)
    graph = csr_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(count, count))
    return len(ends) - count + int(connected_components(graph, directed=False)[0])


def taken_together(measures: Iterable[Measure]) -> list[Measure]:
    """Measures in their order, those left out that share a key with one taken."""
    taken: list[Measure] = []
    keys: set[object] = set()
    for one in measures:
        if not keys & one.keys:
            taken.append(one)
            keys |= one.keys
    return taken
