"""Switching states: every case is what pandapower makes of the network so switched, and leaves no trace."""

from __future__ import annotations

import copy
from functools import cache

import numpy as np
import pandapower
import pandas as pd
import pytest

from gis.errors import InputError
from gis.examples import network_from_text
from gridmodel import KEEP_ALL, GridModel, Keep, Scenario, build_model, find_scenario
from gridmodel.engine.bounds import Bounds
from gridmodel.switch_sets import STATES, SWITCH_SET_COLUMNS
from gridmodel.topologies import TopologyResults, run_topologies

CABLE, MV_CABLE = '"NAYY 4x150 SE"', '"NA2XS2Y 1x185 RM/25 12/20 kV"'
TABLES = {"switches": "switch", "lines": "line", "transformers": "trafo", "sources": "ext_grid"}

#   S, Q --K1-- A --T1-- B ==Y1== C ==Y2== D    B, C, D: sections of one busbar, both couplers closed
#                        |                 |
#                        L1                L2   Y3, open, joins B and D as well
#                        |                 |
#                        E ------L3---/W3- F    W3 open at F: L3 is charged from E
#
#   S2 (out of service), Q2 --K2-- G --T2 (out of service)-- D; H hangs at E by L4, out of service
TOWN = f"""
    bus Q 20
    bus A 20
    bus B 0.4
    bus C 0.4
    bus D 0.4
    bus E 0.4
    bus F 0.4
    bus G 20
    bus H 0.4
    bus Q2 20
    source S Q 1.02
    source S2 Q2 1.02 in_service=false
    transformer T1 A B "0.4 MVA 20/0.4 kV"
    transformer T2 G D "0.4 MVA 20/0.4 kV" in_service=false
    line K1 Q A 900 {MV_CABLE}
    line K2 Q2 G 700 {MV_CABLE}
    line L1 B E 150 {CABLE}
    line L2 D F 120 {CABLE}
    line L3 E F 200 {CABLE}
    line L4 E H 60 {CABLE} in_service=false
    load M1 C 20 residential 4
    load M2 E 25 residential 5
    load M3 F 30 commercial 1
    load M4 H 5 residential 1
    load M5 D 8 residential 2
    generator P1 F 12 pv
    switch Y1 closed C buses B
    switch Y2 closed C buses D
    switch Y3 open B buses D
    switch W1 closed B lines L1
    switch W2 closed E lines L3
    switch W3 open F lines L3
    switch V1 closed A transformers T1
    switch V2 closed B transformers T1
    scenario base
    scenario feed_in load_factor=0.1 generation_factor=0.85
"""
# Changes by name: "Y1-" opens or takes out, "Y1+" closes or puts in.
CASES = {
    "as it is": "",
    "line out": "L1-",
    "line out, its far part fed by a closed open point": "L1- W3+",
    "ring closed": "W3+",
    "line open at its other end as well": "W2-",
    "line open at one end only, the other one": "W2- W3+",
    "line put in": "L4+",
    "busbar cut in two": "Y1-",
    "busbar cut, its far section fed over the cables": "Y1- W3+",
    "section cut out between two couplers": "Y1- Y2-",
    "third coupler": "Y3+",
    "couplers in exchange": "Y3+ Y1-",
    "couplers in exchange, the other": "Y3+ Y2-",
    "couplers in exchange and a ring": "Y3+ Y2- W3+",
    "transformer open on its high side": "V1-",
    "transformer open on its low side": "V2-",
    "transformer open on both sides": "V1- V2-",
    "transformer out": "T1-",
    "second transformer from the dark side": "T2+",
    "second source alone": "S2+ S-",
    "second feeding instead of the first": "S2+ T2+ S-",
    "both feeding in parallel": "S2+ T2+",
    "both feeding in a ring, couplers changed": "S2+ T2+ W3+ Y3+ Y1-",
    "second feeding a section": "S2+ T2+ Y2-",
    "no source": "S-",
    "line of the source out": "K1-",
}


@cache
def model() -> GridModel:
    return build_model(network_from_text(TOWN))


def element(name: str) -> str:
    tables = model().network.tables()
    return next(table for table in STATES if name in tables[table].index)


def switch_set(case_id: str, changes: str) -> list[tuple[str, ...]]:
    rows = []
    for change in changes.split():
        name, table = change[:-1], element(change[:-1])
        state = next(word for word, on in STATES[table].items() if on == change.endswith("+"))
        rows.append((case_id, table, name, state))
    return rows or [(case_id, None, None, None)]


def switch_sets(cases: dict[str, str]) -> pd.DataFrame:
    rows = [row for case_id, changes in cases.items() for row in switch_set(case_id, changes)]
    return pd.DataFrame(rows, columns=list(SWITCH_SET_COLUMNS))


def run(
    cases: dict[str, str], scenario: str = "base", bounds: Bounds | None = None, on: GridModel | None = None
) -> TopologyResults:
    grid = on or model()
    chosen = find_scenario(grid.network, scenario)
    return run_topologies(grid, switch_sets(cases), chosen, bounds=bounds, keep=KEEP_ALL)


def switched(grid: GridModel, rows: pd.DataFrame, scenario: Scenario) -> pandapower.pandapowerNet:
    """The net after the changes of one case, solved by pandapower; it raises where it cannot."""
    net, network = copy.deepcopy(grid.net), grid.network
    net.load["scaling"] = scenario.load_factors(network.loads["customer_class"]).to_numpy()
    net.sgen["scaling"] = scenario.generation_factors(network.generators["kind"]).to_numpy()
    for row in rows.dropna().itertuples():
        column = "closed" if row.table == "switches" else "in_service"
        at = network.table(row.table).index.get_loc(row.element_id)
        net[TABLES[row.table]].loc[at, column] = STATES[row.table][row.state]
    pandapower.runpp(net, calculate_voltage_angles=True, numba=False, tolerance_mva=1e-10)
    return net


def assert_agrees(results: TopologyResults, grid: GridModel, sets: pd.DataFrame, scenario: Scenario) -> None:
    """Every converged case of `results` is pandapower's, dark buses and all."""
    for case_id, figures in results.cases[results.cases["status"] == "converged"].iterrows():
        net = switched(grid, sets[sets["case_id"] == case_id], scenario)
        vm_pu = net.res_bus["vm_pu"].to_numpy()
        np.testing.assert_allclose(results.vm_pu.loc[case_id], vm_pu, rtol=0, atol=1e-8, err_msg=case_id)
        for ours, table in (
            (results.line_loading_percent, "res_line"),
            (results.transformer_loading_percent, "res_trafo"),
        ):
            theirs = net[table]["loading_percent"].to_numpy()
            np.testing.assert_allclose(ours.loc[case_id], theirs, rtol=1e-6, atol=1e-7, err_msg=case_id)
        loss_kw = 1e3 * (net.res_line["pl_mw"].sum() + net.res_trafo["pl_mw"].sum())
        source_kva = 1e3 * net.res_ext_grid[["p_mw", "q_mvar"]].sum()
        assert figures["loss_kw"] == pytest.approx(loss_kw, rel=1e-6, abs=1e-6)
        assert [figures["source_kw"], figures["source_kvar"]] == pytest.approx(
            source_kva.tolist(), rel=1e-6, abs=1e-5
        )
        assert figures["unsupplied_buses"] == np.isnan(vm_pu).sum()
        dark = np.isnan(vm_pu)[net.load["bus"].to_numpy()]
        loads = grid.network.loads
        assert figures["unserved_kw"] == pytest.approx(scenario.demand_kw(loads)[dark].sum())
        assert figures["unsupplied_customers"] == loads["customers"][dark & loads["in_service"]].sum()


@pytest.mark.parametrize("scenario", ["base", "feed_in"])
def test_every_kind_of_change_is_as_in_pandapower(scenario: str) -> None:
    results = run(CASES, scenario)
    assert results.cases.index.tolist() == list(CASES)
    expected = {name: "no_source" if name == "no source" else "converged" for name in CASES}
    assert results.cases["status"].to_dict() == expected
    assert_agrees(results, model(), switch_sets(CASES), find_scenario(model().network, scenario))


def test_base_and_a_case_without_changes_are_the_network_as_it_is() -> None:
    results = run({"nothing": "", "what is so anyway": "Y1+ W3- S+"})
    for case_id in results.cases.index:
        pd.testing.assert_series_equal(results.cases.loc[case_id], results.base, check_names=False)


def test_no_case_leaves_a_trace_in_another() -> None:
    forwards = run(CASES)
    backwards = run(dict(reversed(CASES.items())))
    pd.testing.assert_frame_equal(forwards.cases, backwards.cases.loc[forwards.cases.index], check_exact=True)
    pd.testing.assert_frame_equal(forwards.vm_pu, backwards.vm_pu.loc[forwards.vm_pu.index], check_exact=True)


def test_the_net_is_as_before() -> None:
    before = {table: model().net[table].copy() for table in TABLES.values()}
    keys = set(model().net)
    run(CASES)
    assert set(model().net) == keys
    for table, frame in before.items():
        pd.testing.assert_frame_equal(model().net[table], frame)


def test_rings_islands_and_sources_in_parallel_are_told() -> None:
    results = run(CASES)
    facts = results.cases[["rings", "islands", "sources_in_parallel"]].T.to_dict("list")
    assert facts["as it is"] == [0, 1, 0]
    assert facts["ring closed"] == [1, 1, 0]
    assert facts["third coupler"] == [0, 1, 0]  # couplers alone make no ring of lines
    assert facts["couplers in exchange and a ring"] == [1, 1, 0]
    assert facts["second source alone"] == [0, 1, 0]
    assert facts["both feeding in parallel"] == [0, 1, 1]
    assert facts["second feeding a section"] == [0, 2, 0]
    assert facts["both feeding in a ring, couplers changed"] == [1, 1, 1]
    assert facts["no source"] == [0, 0, 0]


def test_a_switch_beside_a_closed_one_changes_nothing() -> None:
    twin = build_model(network_from_text(TOWN + "switch Y4 open B buses C\nswitch Y5 closed B buses C\n"))
    sets = pd.DataFrame(
        [("closed", "switches", "Y4", "closed"), ("opened", "switches", "Y5", "open")],
        columns=list(SWITCH_SET_COLUMNS),
    )
    results = run_topologies(twin, sets, Scenario(), keep=Keep("all"))
    for case_id in sets["case_id"]:
        assert (results.cases.loc[case_id].dropna() == results.base.dropna()).all()
        np.testing.assert_allclose(results.vm_pu.loc[case_id], run({"0": ""}).vm_pu.loc["0"], atol=1e-12)


def test_two_sources_of_different_voltage_at_one_node_are_a_conflict() -> None:
    grid = build_model(
        network_from_text(
            TOWN.replace("source S2 Q2 1.02", "source S2 Q2 1.01") + "switch Z open Q buses Q2\n"
        )
    )
    sets = pd.DataFrame(
        [
            ("joined", "sources", "S2", "in"),
            ("joined", "switches", "Z", "closed"),
            ("apart", "sources", "S2", "in"),
        ],
        columns=list(SWITCH_SET_COLUMNS),
    )
    results = run_topologies(grid, sets, Scenario(), keep=KEEP_ALL)
    assert results.cases["status"].to_dict() == {"joined": "source_conflict", "apart": "converged"}
    assert "different voltage" in results.cases.loc["joined", "reason"]
    assert results.cases.loc["joined", "unserved_kw"] == results.base["demand_kw"]
    assert_agrees(results, grid, sets, Scenario())
    with pytest.raises(UserWarning, match="different setpoints"):
        switched(grid, sets[sets["case_id"] == "joined"], Scenario())


def test_sources_of_one_voltage_may_be_joined() -> None:
    grid = build_model(network_from_text(TOWN + "switch Z open Q buses Q2\n"))
    sets = pd.DataFrame(
        [
            ("joined", "sources", "S2", "in"),
            ("joined", "switches", "Z", "closed"),
            ("one for both", "switches", "Z", "closed"),
            ("the other for both", "switches", "Z", "closed"),
            ("the other for both", "sources", "S2", "in"),
            ("the other for both", "sources", "S", "out"),
        ],
        columns=list(SWITCH_SET_COLUMNS),
    )
    results = run_topologies(grid, sets, Scenario(), keep=KEEP_ALL)
    assert (results.cases["status"] == "converged").all()
    assert results.cases["sources_in_parallel"].tolist() == [1, 0, 0]
    assert_agrees(results, grid, sets, Scenario())


#   S --K-- A --L1 (300 m)-- B --L2 (900 m)-- C /W-- D --K3-- A      load at B and D
WEAK = f"""
    bus Q 0.4
    bus A 0.4
    bus B 0.4
    bus C 0.4
    bus D 0.4
    source S Q
    line K Q A 20 {CABLE}
    line L1 A B 300 {CABLE}
    line L2 B C 900 {CABLE}
    line L3 C D 10 {CABLE}
    line K3 A D 30 {CABLE}
    load M1 B %d residential 5
    load M2 D 90 residential 5
    switch W closed C lines L2
    switch V open D lines L3
"""


@pytest.mark.parametrize(
    ("load_kw", "status"), [(60, "converged"), (175, "converged"), (400, "not_converged")]
)
def test_a_case_far_from_the_base_is_solved_or_tells_where_it_collapses(load_kw: int, status: str) -> None:
    grid = build_model(network_from_text(WEAK % load_kw))
    sets = pd.DataFrame(
        [("fed the long way", "lines", "L1", "out"), ("fed the long way", "switches", "V", "closed"),
         ("near", "switches", "V", "closed")],
        columns=list(SWITCH_SET_COLUMNS),
    )  # fmt: skip
    results = run_topologies(grid, sets, Scenario(), keep=KEEP_ALL)
    assert results.cases["status"].tolist() == [status, "converged"]
    far = results.cases.loc["fed the long way"]
    assert_agrees(results, grid, sets, Scenario())
    if status == "converged":
        assert far["reason"] == "" and far["vm_min_pu"] < 0.93
    else:
        assert far["reason"] == "the voltage collapses at B"
        assert far["unserved_kw"] == far["demand_kw"] == load_kw + 90.0
        assert pd.isna(far["line_overloads"]) and np.isnan(results.vm_pu.iloc[0]).all()
        with pytest.raises(pandapower.LoadflowNotConverged):
            switched(grid, sets[sets["case_id"] == "fed the long way"], Scenario())


def test_limits_broken_are_counted_per_element() -> None:
    buses, lines = len(model().network.buses), len(model().network.lines)
    reference, low = np.full(buses, -1), np.full(buses, 1.009)
    at = {bus_id: position for position, bus_id in enumerate(model().network.buses.index)}
    reference[at["E"]], low[at["E"]] = at["B"], -0.02
    bounds = Bounds(low, np.full(buses, 1.0195), reference, np.full(lines, 20.0), np.full(2, 12.0), low)
    results = run(CASES, bounds=bounds)
    volts = results.vm_pu.copy()
    volts["E"] -= volts["B"]
    expected = pd.DataFrame(
        {
            "undervoltages": (volts < low).sum(axis=1),
            "overvoltages": (volts > 1.0195).sum(axis=1),
            "line_overloads": (results.line_loading_percent > 20.0).sum(axis=1),
            "transformer_overloads": (results.transformer_loading_percent > 12.0).sum(axis=1),
        }
    )[results.cases["status"] == "converged"]
    counted = results.cases.loc[expected.index, list(expected)]
    assert (expected.max() > expected.min()).all()
    pd.testing.assert_frame_equal(counted.astype("int64"), expected, check_names=False)


def test_extremes_are_those_of_the_full_columns() -> None:
    results = run(CASES)
    solved = results.cases[results.cases["status"] == "converged"]
    for value, place, columns in (
        ("vm_min_pu", "vm_min_bus_id", -results.vm_pu),
        ("vm_max_pu", "vm_max_bus_id", results.vm_pu),
        ("line_loading_max_percent", "line_id", results.line_loading_percent),
        ("transformer_loading_max_percent", "transformer_id", results.transformer_loading_percent),
    ):
        largest = columns.loc[solved.index].max(axis=1)
        np.testing.assert_allclose(solved[value].abs(), largest.abs(), rtol=1e-12)
        for case_id in solved.index[solved[place].notna()]:
            assert columns.loc[case_id, solved.loc[case_id, place]] == pytest.approx(
                largest[case_id], rel=1e-12
            )


def test_every_fault_of_the_switch_sets_is_named_at_once() -> None:
    sets = pd.DataFrame(
        [
            ("a", "switches", "W1", "open"),
            ("a", "switches", "W1", "closed"),
            ("b", "lines", "L1", "open"),
            ("b", "lines", "nowhere", "out"),
            ("c", "loads", "M1", "out"),
        ],
        columns=list(SWITCH_SET_COLUMNS),
    )
    with pytest.raises(InputError) as refused:
        run_topologies(model(), sets, Scenario())
    findings = refused.value.findings
    assert sorted(findings["element_id"]) == ["L1", "M1", "W1", "W1", "nowhere"]
    with pytest.raises(KeyError, match="nowhere"):
        run_topologies(model(), sets.iloc[:1], Scenario(), keep=Keep(["nowhere"]))


def test_no_cases_give_empty_tables() -> None:
    results = run({})
    assert results.cases.empty and len(results.vm_pu) == 0
    assert results.base["status"] == "converged"
