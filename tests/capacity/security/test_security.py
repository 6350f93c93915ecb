"""N-1 with restoration: by hand, by brute force over all switchings, and as plain pandapower has it."""

from __future__ import annotations

from itertools import product

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from capacity.bounds import bounds_of
from capacity.checks import make_yardstick, violations
from capacity.limits import read_limits
from capacity.security import SECURE, SecurityResults
from capacity.security.judged import make_bench
from capacity.security.outage_study import study_outages
from capacity.security.outages import outages_of
from capacity.security.security_tables import (
    OUTAGE_COLUMNS,
    STATUSES,
    STEP_COLUMNS,
    outage_table,
    step_table,
)
from capacity.security.switchable import make_switchable
from gis.examples import network_from_text
from gridmodel import GridModel, Scenario, build_model, find_scenario, run_load_flow, run_topologies
from gridmodel.outcome import POINT_COLUMNS
from gridmodel.switch_sets import SWITCH_SET_COLUMNS
from tests.capacity.grids import demo, demo_model, with_column
from tests.capacity.security.rings import CABLE, lot, ready, ring, study
from tests.gridmodel.test_topologies import switched

AMPS_PER_KW = 1.0 / (np.sqrt(3.0) * 20.0)


def rows_of(results: SecurityResults, case_id: str) -> list[tuple[str, str]]:
    steps = results.steps[results.steps["case_id"] == case_id]
    return list(zip(steps["element_id"], steps["state"], strict=True))


def test_a_feeder_is_taken_over_at_its_open_point() -> None:
    """All 12 MW on K3: 346 A of 362 A, and a little for losses and voltage drop."""
    results = study(ring())
    outage = results.outages.loc["lines K1"]
    assert outage["status"] == "restored"
    assert (outage["lost_kw"], outage["restored_kw"], outage["left_kw"]) == (5000.0, 5000.0, 0.0)
    assert (outage["lost_customers"], outage["restored_customers"], outage["left_customers"]) == (50, 50, 0)
    assert (outage["steps"], outage["open_points"]) == (1, "K5")
    by_hand = 100.0 * 12_000.0 * AMPS_PER_KW / 362.0
    assert outage["loading_max_percent"] == pytest.approx(by_hand, rel=0.02)
    assert rows_of(results, "lines K1") == [("K1", "out"), ("W1", "open"), ("W5", "closed")]
    assert results.secure is False  # the source has no second one
    assert results.outages.loc["sources S", "status"] == "no_backfeed"
    assert results.outages.loc["lines K5", "status"] == "no_loss"


def test_what_a_feeder_cannot_carry_stays_dark() -> None:
    """13 MW are 375 A, too much for K3; without B, at 11 MW, it is 318 A."""
    results = study(ring(5000.0))
    outage = results.outages.loc["lines K1"]
    assert outage["status"] == "partly"
    assert (outage["restored_kw"], outage["left_kw"], outage["left_customers"]) == (3000.0, 2000.0, 20)
    assert (outage["limiting_table"], outage["limiting_id"]) == ("lines", "K3")
    assert outage["limiting_check"] == "line_overload"
    over = 100.0 * 13_000.0 * AMPS_PER_KW / 362.0 - 100.0
    assert outage["limiting_excess_percent"] == pytest.approx(over, abs=1.5)
    steps = rows_of(results, "lines K1")
    assert steps == [("K1", "out"), ("W1", "open"), ("W2", "open"), ("W5", "closed")]


def test_a_second_open_point_takes_its_share() -> None:
    """E has a tie to a third feeder of its own; B and C, too much for K3 together, are shared."""
    third = (
        f"bus F 20 1500 1500\nline K6 A F 1000 {CABLE}\nload LF F 9000 commercial 5 q_kvar=0\n"
        f"line K7 F B 1000 {CABLE}\nswitch W7 open F lines K7"
    )
    outage = study(ring(5000.0, third)).outages.loc["lines K1"]
    assert outage["status"] == "restored"
    assert (outage["restored_kw"], outage["steps"]) == (5000.0, 3)
    assert set(outage["open_points"].split(", ")) == {"K5", "K7"}


def test_a_tie_that_ends_nowhere_and_a_cable_alone_restore_nothing() -> None:
    results = study(ring(4000.0, f"bus G 20 0 900\nline K8 B G 500 {CABLE}\nload LG G 100 commercial 1"))
    outage = results.outages.loc["lines K8"]
    assert (outage["status"], outage["left_kw"], outage["left_customers"]) == ("no_backfeed", 100.0, 1)
    assert rows_of(results, "lines K8") == [("K8", "out")]


PARALLEL = f"""
    bus H 110 0 0
    bus M 20 10 0
    bus N 20 1000 0
    source S H 1.0
    transformer T1 H M "25 MVA 110/20 kV"
    transformer T2 H M "25 MVA 110/20 kV"
    line K1 M N 200 {CABLE}
    line K2 M N 200 {CABLE}
    load L N {{kw}} commercial 9 q_kvar=0
    scenario base
"""


def test_the_loss_of_one_of_two_may_overload_the_other() -> None:
    light, heavy = (study(ready(network_from_text(PARALLEL.format(kw=kw)))) for kw in (11_000.0, 14_000.0))
    assert light.outages.loc["lines K1", "status"] == "no_loss"
    outage = heavy.outages.loc["lines K1"]
    assert (outage["status"], outage["lost_kw"]) == ("overload_without_loss", 0.0)
    assert (outage["limiting_id"], outage["limiting_check"]) == ("K2", "line_overload")
    assert heavy.outages.loc["transformers T1", "status"] == "no_loss"
    assert not heavy.secure


def test_firm_capacity_is_what_the_smaller_transformer_carries() -> None:
    firm = study(ready(network_from_text(PARALLEL.format(kw=11_000.0)))).firm.loc["T1"]
    assert (firm["transformers"], firm["count"]) == ("T1, T2", 2)
    assert firm["firm_kw"] == pytest.approx(25_000.0)
    assert (firm["transfer_kw"], firm["demand_kw"], firm["status"]) == (0.0, 11_000.0, "secured")


def test_a_limit_broken_already_counts_only_where_it_gets_worse() -> None:
    overloaded = study(ready(network_from_text(PARALLEL.format(kw=26_000.0))))
    assert overloaded.broken_now == 2  # both cables: 13 MW each
    assert overloaded.outages.loc["lines K1", "status"] == "overload_without_loss"


#    S --A--K1--B--K2--C --/-K5-- E --K4--D--K3-- F-- Q        A held at 1.05 pu, F at 0.99
TWO_BUSBARS = f"""
    bus A 20
    bus B 20
    bus C 20
    bus D 20
    bus E 20
    bus F 20
    source S A 1.05
    source Q F 0.99
    line K1 A B 1000 {CABLE}
    line K2 B C 1000 {CABLE}
    line K3 F D 1000 {CABLE}
    line K4 D E 1000 {CABLE}
    line K5 C E 1000 {CABLE}
    switch W2 closed B lines K2
    switch W4 closed D lines K4
    switch W5 open E lines K5
    load LB B 1000 commercial 20 q_kvar=0
    load LC C 500 commercial 30 q_kvar=0
    load LE E 1000 commercial 30 q_kvar=0
    scenario base
"""


def test_bands_count_from_the_busbar_that_feeds_after_switching() -> None:
    """B at 0.985 pu is 6.5 % under its own busbar, which the limits forbid, and 0.5 % under the other one."""
    grid = ready(network_from_text(TWO_BUSBARS), "dena")
    results = study(grid, tables=("lines",))
    assert (results.outages.loc[["lines K1", "lines K3"], "status"] == "restored").all()
    for case_id in results.outages.index[results.outages["restored_kw"] > 0]:
        network = grid[0].network
        for row in results.switching(case_id).itertuples():
            column, value = (
                ("closed", row.state == "closed") if row.table == "switches" else ("in_service", False)
            )
            network = with_column(network, row.table, column, {row.element_id: value})
        solved = run_load_flow(build_model(network), Scenario("s", "s"))
        assert violations(make_yardstick(network, read_limits("dena")), solved).empty, case_id
        assert solved.unserved_kw == results.outages.loc[case_id, "left_kw"]


def test_transfers_of_the_ring_are_whole_feeders_until_a_cable_is_full() -> None:
    transfers = study(ring(5000.0)).transfers.set_index(["from_feeder_id", "to_feeder_id"])
    one = transfers.loc[("K1", "K3")]
    assert (one["status"], one["transfer_kw"], one["opened_id"], one["limiting_id"]) == (
        "part",
        3000.0,
        "K2",
        "K3",
    )
    other = transfers.loc[("K3", "K1")]  # 8 MW more on K1, which has 5: full; E alone is 10 MW
    assert (other["status"], other["transfer_kw"], other["opened_id"]) == ("part", 5000.0, "K4")


def test_without_restoration_all_that_is_lost_stays_so() -> None:
    results = study(ring(), restore=False)
    assert results.outages.loc["lines K1", "status"] == "lost"
    assert (results.outages["left_kw"] == results.outages["lost_kw"]).all()
    assert results.transfers.empty
    assert results.firm.empty


def test_every_element_has_its_row() -> None:
    results = study(
        ring(4000.0, f"bus Z 20\nbus Y 20\nline K9 Z Y 50 {CABLE}\nline KX B C 9 {CABLE} in_service=false")
    )
    assert len(results.outages) == 8
    assert list(results.outages.columns) == list(OUTAGE_COLUMNS)
    assert results.outages.loc["lines K9", "status"] == "no_supply"
    assert results.outages.loc["lines KX", "status"] == "out_of_service"
    assert set(results.outages["status"]) <= set(STATUSES)
    assert list(results.steps.columns) == list(STEP_COLUMNS)
    assert set(SECURE) <= set(STATUSES)


@pytest.mark.parametrize("seed", range(4))
def test_no_switching_of_the_dark_part_restores_more(seed: int) -> None:
    """Every state of its switches is solved: none that is radial and within limits supplies more."""
    model, yardstick = lot(seed)
    results = study((model, yardstick), tables=("lines",))
    network, supply = model.network, yardstick.supply
    for case_id in results.outages.index[results.outages["lost_kw"] > 0]:
        out = results.outages.loc[case_id, "element_id"]
        dark = dark_buses(network.lines, supply.buses, out)
        ends = network.lines.loc[network.switches["element_id"], ["from_bus_id", "to_bus_id"]].isin(dark)
        free = network.switches.index[ends.any(axis=1).to_numpy() & (network.switches["element_id"] != out)]
        states = list(product(("open", "closed"), repeat=len(free)))
        rows = [
            (str(number), "switches", switch_id, state)
            for number, one in enumerate(states)
            for switch_id, state in zip(free, one, strict=True)
        ]
        rows += [(str(number), "lines", out, "out") for number in range(len(states))]
        sets = pd.DataFrame(rows, columns=list(SWITCH_SET_COLUMNS))
        cases = run_topologies(model, sets, Scenario("s", "s"), bounds=bounds_of(yardstick)).cases
        counted = list(POINT_COLUMNS[-4:])
        holds = (cases["status"] == "converged") & (cases["rings"] == 0) & (cases[counted].sum(axis=1) == 0)
        least_kw = cases.loc[holds, "unserved_kw"].min()
        if (
            results.steps.loc[results.steps["case_id"] == case_id, "reason"]
            .str.startswith("makes room")
            .any()
        ):
            assert results.outages.loc[case_id, "left_kw"] == 0.0 < least_kw
            continue
        assert results.outages.loc[case_id, "left_kw"] == pytest.approx(least_kw, abs=1e-6), case_id


def test_room_is_made_on_the_feeder_that_helps() -> None:
    """N00 hangs on N10 by its tie only when N12 goes to the third feeder; pandapower agrees."""
    model, yardstick = lot(0)
    results = study((model, yardstick), tables=("lines",))
    assert rows_of(results, "lines KN00") == [
        ("KN00", "out"), ("UN00", "open"), ("UN12", "open"), ("XN12N21", "closed"), ("XN00N10", "closed"),
    ]  # fmt: skip
    assert results.outages.loc["lines KN00", "status"] == "restored"
    restored = results.outages.index[results.outages["restored_kw"] > 0]
    assert_as_pandapower(model, results.outages, results.steps, restored, Scenario("s", "s"))


def dark_buses(lines: pd.DataFrame, buses: pd.DataFrame, out: str) -> set[str]:
    """Buses that lose supply with a line of a radial network."""
    dark = set(buses.index[buses["upstream_id"] == out])
    while len(more := set(buses.index[buses["upstream_bus_id"].isin(dark)]) - dark):
        dark |= more
    assert dark <= set(lines["from_bus_id"]) | set(lines["to_bus_id"])
    return dark


@pytest.mark.parametrize("seed", range(3))
def test_more_load_never_leaves_a_larger_part_supplied(seed: int) -> None:
    shares = []
    for factor in (0.2, 0.6, 1.0, 1.4, 2.0, 3.0):
        outages = study(lot(seed), factor, tables=("lines",)).outages.sort_index()
        np.testing.assert_allclose(outages["restored_kw"] + outages["left_kw"], outages["lost_kw"])
        assert (outages["restored_customers"] + outages["left_customers"] == outages["lost_customers"]).all()
        shares.append(outages["restored_kw"].to_numpy() / factor)
    assert (np.diff(shares, axis=0) <= 1e-6).all()


def assert_as_pandapower(
    model: GridModel, outages: pd.DataFrame, every_step: pd.DataFrame, cases: pd.Index, scenario: Scenario
) -> None:
    """Every step is radial, and the end supplies what the row says, within limits, with that loading."""
    loads, band = model.network.loads, read_limits("en50160")
    kw, customers = scenario.demand_kw(loads), loads["customers"].where(loads["in_service"], 0)
    for case_id in cases:
        row, steps = outages.loc[case_id], every_step[every_step["case_id"] == case_id]
        rings = [rings_of(model, steps.iloc[:count]) for count in range(len(steps) + 1)]
        assert max(rings) == rings[0], case_id  # low voltage of the demo area has some anyway
        net = switched(model, steps[list(SWITCH_SET_COLUMNS)], scenario)
        dark = np.isnan(net.res_bus["vm_pu"].to_numpy())[net.load["bus"].to_numpy()]
        assert kw[dark].sum() == pytest.approx(row["left_kw"], abs=1e-6), case_id
        assert customers[dark].sum() == row["left_customers"], case_id
        loading = pd.concat([net.res_line["loading_percent"], net.res_trafo["loading_percent"]])
        assert loading.max() <= band.loading.line_percent + 1e-4, case_id
        assert net.res_bus["vm_pu"].between(0.9, 1.1)[net.res_bus["vm_pu"].notna()].all(), case_id
        if row["restored_kw"] > 0:
            assert row["loading_max_percent"] == pytest.approx(loading.max(), rel=1e-6), case_id


def rings_of(model: GridModel, steps: pd.DataFrame) -> int:
    """Independent rings among what is closed, in plain networkx."""
    out = set(steps.loc[steps["state"] == "out", "element_id"])
    turned = steps[steps["table"] == "switches"].set_index("element_id")["state"] == "closed"
    switches = model.network.switches
    closed = switches["closed"].where(~switches.index.isin(turned.index), turned.reindex(switches.index) == 1)
    opened = switches[~closed]
    graph = nx.MultiGraph()
    for table, ends in (
        ("lines", ("from_bus_id", "to_bus_id")),
        ("transformers", ("hv_bus_id", "lv_bus_id")),
    ):
        frame = model.network.table(table)
        broken = set(opened.loc[opened["element_table"] == table, "element_id"]) | out
        frame = frame[frame["in_service"] & ~frame.index.isin(broken)]
        graph.add_edges_from(zip(frame[ends[0]], frame[ends[1]], strict=True))
    couplers = switches[(switches["element_table"] == "buses") & closed]
    graph.add_edges_from(zip(couplers["bus_id"], couplers["element_id"], strict=True))
    return graph.number_of_edges() - graph.number_of_nodes() + nx.number_connected_components(graph)


def test_medium_voltage_of_the_demo_area_is_as_in_pandapower() -> None:
    """A sample of all outcomes; `benchmarks/bench_security.py` holds every outage of a grid to it."""
    model, scenario, yardstick = (
        demo_model(),
        find_scenario(demo(), "base"),
        make_yardstick(demo(), read_limits()),
    )
    bench = make_bench(model, yardstick, scenario, make_switchable(yardstick))
    medium = set(demo().lines.index[demo().lines["vn_kv"] > 1.0][::29])
    outages = [one for one in outages_of(bench.found, ["lines"]) if one.element_id in medium]
    facts = study_outages(bench, outages)
    table, steps = outage_table(bench, facts), step_table(bench, facts)
    cases = table.groupby("status", sort=False).head(1).index
    assert {"restored", "partly"} <= set(table.loc[cases, "status"])
    assert_as_pandapower(model, table, steps, cases, scenario)
