"""Diversity on any tree: every branch carries the coincident peak of all behind it, whatever the method.

Sets of customers are collected here by walking up from every bus, without the project's sums.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from capacity.demand.coincidence import (
    METHODS,
    AsGiven,
    Coincidence,
    Rusck,
    coincident_demand,
    coincident_kva,
    peaks_behind,
)
from capacity.demand.customers import CUSTOMER_COLUMNS
from gis.examples import network_from_text
from gis.feeders import Supply, trace_supply
from gridmodel import Scenario, build_model, run_load_flow
from gridmodel.demand_model import network_with_demand
from tests.capacity.demand.coincidence_samples import sample_of

every_method = pytest.mark.parametrize(
    "method", [pytest.param(sample_of(kind), id=kind.__name__) for kind in METHODS]
)
SHARE = 1e-9  # of the largest figure: far above the rounding of sums, far below any customer


class Tree(NamedTuple):
    """Position of the feeding bus per bus (-1 at a source or without supply), and customers at buses."""

    parents: list[int]
    customers: pd.DataFrame

    def supply(self) -> Supply:
        parents = np.array(self.parents, dtype=np.int64)
        buses = pd.DataFrame(index=pd.Index([f"b{bus}" for bus in range(len(parents))], name="bus_id"))
        return Supply(buses, {}, np.arange(len(parents)), parents)

    def way_up(self, bus: int) -> list[int]:
        """The bus, the one that feeds it, and so on."""
        way = [bus]
        while self.parents[way[-1]] >= 0:
            way.append(self.parents[way[-1]])
        return way

    def behind(self, bus: int) -> pd.DataFrame:
        """Rows of the customers at the bus and at every bus it feeds."""
        fed = {f"b{other}" for other in range(len(self.parents)) if bus in self.way_up(other)}
        return self.customers[self.customers["bus_id"].isin(fed)]


def rows_of_customers(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Rows with every column of customers, placed."""
    known = {"group": "residential", "status": "placed", "reason": ""}
    table = pd.DataFrame([{"load_id": f"l{at}", **known, **row} for at, row in enumerate(rows)])
    return table.reindex(columns=list(CUSTOMER_COLUMNS))


@st.composite
def trees(draw: st.DrawFn, *, least: int = 1) -> Tree:
    """Up to 12 buses, one or several roots, unequal customers at some; bus numbers in no order."""
    size = draw(st.integers(1, 12))
    ordered = [draw(st.integers(-1, bus - 1)) for bus in range(size)]
    place = draw(st.permutations(range(size)))
    parents = [-1] * size
    for bus, above in enumerate(ordered):
        parents[place[bus]] = place[above] if above >= 0 else -1
    row = st.fixed_dictionaries(
        {
            "bus_id": st.integers(0, size - 1).map("b{}".format),
            "customers": st.sampled_from([0.0, 1.0, 1.0, 2.0, 5.0, 40.0, 0.5]),
            "peak_kw": st.floats(0.0, 50.0),
            "annual_kwh": st.floats(0.0, 2e5),
            "floor_area_m2": st.floats(20.0, 300.0),
            "tan_phi": st.floats(-0.3, 0.5),
        }
    )
    return Tree(parents, rows_of_customers(draw(st.lists(row, min_size=least, max_size=15))))


def peak_of(method: Coincidence, customers: pd.DataFrame) -> float:
    """Coincident peak of a set of customers [kW]; nothing for nobody."""
    if customers.empty:
        return 0.0
    return float(method.peak_kw(method.weights(customers).sum(axis=0, keepdims=True))[0])


def carried_kva(tree: Tree, method: Coincidence) -> np.ndarray:
    """What flows into each bus from above when buses draw what they are said to: sums over the ways up."""
    drawn, carried = (
        coincident_kva(tree.supply(), tree.customers, method),
        np.zeros(len(tree.parents), complex),
    )
    for bus, kva in enumerate(drawn):
        carried[tree.way_up(bus)] += kva
    return carried


def near(kw: float, scale_kw: float) -> object:
    return pytest.approx(kw, rel=SHARE, abs=SHARE * max(scale_kw, 1.0))


@every_method
@settings(max_examples=60, deadline=None)
@given(tree=trees())
def test_every_branch_carries_the_peak_of_all_behind_it(method: Coincidence, tree: Tree) -> None:
    carried = carried_kva(tree, method)
    whole_kw = np.abs(carried).max()
    for bus in range(len(tree.parents)):
        behind = tree.behind(bus)
        assert carried[bus].real == near(peak_of(method, behind), whole_kw)
        size = method.weights(behind)[:, 0] if len(behind) else np.zeros(0)
        if size.sum() > 0.0:
            tan_phi = (size * behind["tan_phi"]).sum() / size.sum()
            assert carried[bus].imag == near(carried[bus].real * tan_phi, whole_kw)


@every_method
@settings(max_examples=60, deadline=None)
@given(tree=trees())
def test_a_bus_has_at_least_each_part_and_at_most_their_sum(method: Coincidence, tree: Tree) -> None:
    peaks_kw = peaks_behind(tree.supply(), tree.customers, method).real
    slack_kw = SHARE * max(peaks_kw.max(), 1.0)
    for bus in range(len(tree.parents)):
        here = tree.customers[tree.customers["bus_id"] == f"b{bus}"]
        fed = [other for other, above in enumerate(tree.parents) if above == bus]
        parts_kw = [peak_of(method, here), *peaks_kw[fed]]
        assert peaks_kw[bus] >= max(parts_kw) - slack_kw
        assert peaks_kw[bus] <= sum(parts_kw) + slack_kw


@every_method
@settings(max_examples=40, deadline=None)
@given(tree=trees())
def test_all_that_is_drawn_is_the_peak_of_each_supply_area(method: Coincidence, tree: Tree) -> None:
    drawn_kw = coincident_kva(tree.supply(), tree.customers, method).real
    roots = [bus for bus, above in enumerate(tree.parents) if above < 0]
    expected_kw = sum(peak_of(method, tree.behind(root)) for root in roots)
    assert drawn_kw.sum() == near(expected_kw, expected_kw)


@every_method
@settings(max_examples=40, deadline=None)
@given(tree=trees(least=2))
def test_one_customer_more_lowers_no_flow_and_adds_at_most_its_own_peak(
    method: Coincidence, tree: Tree
) -> None:
    one = tree.customers.iloc[-1:]
    without = tree._replace(customers=tree.customers.iloc[:-1])
    more = carried_kva(tree, method).real - carried_kva(without, method).real
    slack_kw = SHARE * max(np.abs(carried_kva(tree, method)).max(), 1.0)
    assert (more >= -slack_kw).all()
    assert (more <= peak_of(method, one) + slack_kw).all()


@every_method
@settings(max_examples=40, deadline=None)
@given(tree=trees(least=2), data=st.data())
def test_order_of_rows_and_names_of_buses_change_nothing(
    method: Coincidence, tree: Tree, data: st.DataObject
) -> None:
    drawn = coincident_kva(tree.supply(), tree.customers, method)
    scale_kw = np.abs(drawn).max()
    shuffled = tree.customers.iloc[data.draw(st.permutations(range(len(tree.customers))))]
    np.testing.assert_allclose(
        coincident_kva(tree.supply(), shuffled, method), drawn, rtol=0, atol=SHARE * max(scale_kw, 1.0)
    )
    to = data.draw(st.permutations(range(len(tree.parents))))
    parents = [-1] * len(to)
    for bus, above in enumerate(tree.parents):
        parents[to[bus]] = to[above] if above >= 0 else -1
    renamed = tree.customers.assign(bus_id=[f"b{to[int(bus_id[1:])]}" for bus_id in tree.customers["bus_id"]])
    moved = coincident_kva(Tree(parents, renamed).supply(), renamed, method)[list(to)]
    np.testing.assert_allclose(moved, drawn, rtol=0, atol=SHARE * max(scale_kw, 1.0))


@every_method
@settings(max_examples=40, deadline=None)
@given(tree=trees())
def test_a_row_of_many_is_many_rows_of_one(method: Coincidence, tree: Tree) -> None:
    whole = tree.customers[tree.customers["customers"] >= 1.0]
    single = whole.loc[whole.index.repeat(whole["customers"].astype(int))].assign(customers=1.0)
    together = coincident_kva(tree.supply(), whole, method)
    np.testing.assert_allclose(
        coincident_kva(tree.supply(), single, method), together, rtol=0,
        atol=SHARE * max(np.abs(together).max(initial=0.0), 1.0),
    )  # fmt: skip


@every_method
@settings(max_examples=40, deadline=None)
@given(peak_kw=st.floats(0.5, 50.0), annual_kwh=st.floats(100.0, 1e5), area_m2=st.floats(20.0, 300.0))
def test_equal_customers_draw_more_in_all_and_never_more_each(
    method: Coincidence, peak_kw: float, annual_kwh: float, area_m2: float
) -> None:
    """P(n) rises and P(n) / n does not, from 1 to 100,000."""
    home = {"bus_id": "b0", "peak_kw": peak_kw, "annual_kwh": annual_kwh, "floor_area_m2": area_m2}
    counts = np.array([1, 2, 3, 4, 5, 7, 10, 20, 21, 40, 100, 200, 1_000, 10_000, 100_000], dtype=float)
    rows = [rows_of_customers([{**home, "tan_phi": 0.0, "customers": count}]) for count in counts]
    drawn_kw = np.array([peak_of(method, row) for row in rows])
    assert (np.diff(drawn_kw) >= -SHARE * drawn_kw[1:]).all()
    assert (np.diff(drawn_kw / counts) <= SHARE * drawn_kw[0]).all()


@settings(max_examples=60, deadline=None)
@given(tree=trees())
def test_as_given_every_bus_draws_its_loads(tree: Tree) -> None:
    drawn = coincident_kva(tree.supply(), tree.customers, AsGiven())
    kw = tree.customers["customers"] * tree.customers["peak_kw"]
    own_kw = kw.groupby(tree.customers["bus_id"]).sum().reindex(tree.supply().buses.index, fill_value=0.0)
    np.testing.assert_allclose(drawn.real, own_kw, rtol=0, atol=SHARE * max(own_kw.max(), 1.0))


@settings(max_examples=60, deadline=None)
@given(count=st.integers(1, 100_000), peak_kw=st.floats(0.1, 50.0), g_inf=st.floats(0.05, 1.0))
def test_rusck_of_equal_customers_is_his_formula(count: int, peak_kw: float, g_inf: float) -> None:
    home = rows_of_customers([{"bus_id": "b0", "customers": count, "peak_kw": peak_kw, "tan_phi": 0.0}])
    expected_kw = count * peak_kw * (g_inf + (1.0 - g_inf) / np.sqrt(count))
    assert peak_of(Rusck(g_inf=g_inf, source="test"), home) == pytest.approx(expected_kw, rel=1e-12)


def test_nobody_draws_nothing() -> None:
    tree = Tree([-1, 0, 0], rows_of_customers([{"bus_id": "b1"}]).iloc[:0])
    for kind in METHODS:
        assert (coincident_kva(tree.supply(), tree.customers, sample_of(kind)) == 0.0).all()


def test_customers_of_a_group_without_method_are_not_lost() -> None:
    rows = rows_of_customers(
        [{"bus_id": "b0", "group": "ev", "customers": 1.0, "peak_kw": 11.0, "tan_phi": 0.0}]
    )
    with pytest.raises(ValueError, match="ev"):
        coincident_demand(Tree([-1], rows).supply(), rows, {"residential": AsGiven()})


def test_customers_at_a_bus_nobody_knows_are_named() -> None:
    rows = rows_of_customers([{"bus_id": "b7", "customers": 1.0, "peak_kw": 11.0, "tan_phi": 0.0}])
    with pytest.raises(ValueError, match="b7"):
        coincident_kva(Tree([-1], rows).supply(), rows, AsGiven())


def test_customers_that_feed_keep_their_reactive_power() -> None:
    """A load of -5 kW and -1 kvar, given as it stands."""
    rows = rows_of_customers([{"bus_id": "b0", "customers": 1.0, "peak_kw": -5.0, "tan_phi": 0.2}])
    assert coincident_kva(Tree([-1], rows).supply(), rows, AsGiven())[0] == pytest.approx(-5.0 - 1.0j)


# A ring behind a radial section, and a radial spur behind the ring:
#
#     S --k-- A --r1-- B --s-- E        1 home each at B, C, D, 3 homes at E
#             |        |
#             r4       r2               fewest hops: A feeds B and D, one of them C; r2 or r3 closes the ring
#             |        |
#             D --r3-- C
RING = """
    bus S 0.4
    bus A 0.4
    bus B 0.4
    bus C 0.4
    bus D 0.4
    bus E 0.4
    source Q S
    line k S A 100 "NAYY 4x150 SE"
    line r1 A B 40 "NAYY 4x150 SE"
    line r2 B C 60 "NAYY 4x150 SE"
    line r3 C D 50 "NAYY 4x150 SE"
    line r4 D A 70 "NAYY 4x150 SE"
    line s B E 30 "NAYY 4x50 SE"
"""


def test_in_a_ring_totals_and_all_that_is_radial_are_exact() -> None:
    """What holds in the ring itself: both ways in carry together the peak of all behind the ring."""
    network, rusck = network_from_text(RING), Rusck(g_inf=0.2, source="Rusck 1956")
    counts = {"B": 1.0, "C": 1.0, "D": 1.0, "E": 3.0}
    rows = rows_of_customers(
        [
            {"bus_id": bus, "customers": count, "peak_kw": 10.0, "tan_phi": 0.3}
            for bus, count in counts.items()
        ]
    )
    demand = coincident_demand(trace_supply(network), rows, {"residential": rusck})
    result = run_load_flow(build_model(network_with_demand(network, demand)), Scenario())
    lines, peak_kw = result.lines, {n: 2.0 * n + 8.0 * np.sqrt(n) for n in (1, 3, 6)}
    assert demand.kva.real.sum() == pytest.approx(peak_kw[6], rel=1e-12)
    assert lines.loc["s", "p_from_kw"] - lines.loc["s", "loss_kw"] == pytest.approx(peak_kw[3], abs=1e-4)
    assert lines.loc["k", "p_from_kw"] - lines["loss_kw"].sum() == pytest.approx(peak_kw[6], abs=1e-4)
    into_ring_kw = lines.loc["r1", "p_from_kw"] - (lines.loc["r4", "p_from_kw"] - lines.loc["r4", "loss_kw"])
    behind_kw = lines.loc[["r1", "r2", "r3", "r4", "s"], "loss_kw"].sum()
    drawn_at_a = demand.kva[network.buses.index.get_loc("A"), 0].real
    assert into_ring_kw - behind_kw == pytest.approx(peak_kw[6] - drawn_at_a, abs=1e-4)


@settings(max_examples=40, deadline=None)
@given(tree=trees(least=2))
def test_a_traced_network_draws_as_its_tree(tree: Tree) -> None:
    """The same tree as lines of a network, their ends in any order, traced from its sources."""
    rows = tree.customers[tree.customers["customers"] * tree.customers["peak_kw"] > 0.0]
    assume(len(rows))
    lines = [
        f'line l{bus} b{max(bus, above)} b{min(bus, above)} 20 "NAYY 4x150 SE"'
        for bus, above in enumerate(tree.parents)
        if above >= 0
    ]
    sources = [f"source s{bus} b{bus}" for bus, above in enumerate(tree.parents) if above < 0]
    buses = [f"bus b{bus} 0.4" for bus in range(len(tree.parents))]
    network = network_from_text("\n".join([*buses, *sources, *lines[::-1]]))
    rusck = Rusck(g_inf=0.15, source="test")
    traced, drawn = (coincident_kva(one, rows, rusck) for one in (trace_supply(network), tree.supply()))
    np.testing.assert_allclose(traced, drawn, rtol=0, atol=SHARE * max(np.abs(drawn).max(), 1.0))
