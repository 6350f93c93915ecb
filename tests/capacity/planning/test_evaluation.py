"""Plans on the drawn-in network against load flows of the network really changed, of two engines."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from capacity.checks import State, voltage_bounds
from capacity.costs.cost import Cost
from capacity.measures.measure import Measure
from capacity.planning.evaluation import IDLE_EXCESS, Evaluation
from capacity.planning.plan_cases import PlanCases
from capacity.planning.plan_grid import HIGH, LINES, LOW, NO_SOLUTION, RINGS, UNSUPPLIED, make_plan_grid
from gis import Network
from gis.changes import NetworkChanges, apply_changes, cells_of, join_changes
from gis.examples import network_from_text
from gridmodel import build_model
from gridmodel.bus_power import with_bus_power
from gridmodel.lean import pandapower
from gridmodel.power_cases import run_power_cases
from tests.capacity.planning.feeders import cases, parallels, replacements, yardstick


#    S ---T--- B ---L0--- N0 ---L1--- N1 ---o/o--- N2 ---L3--- B2 ---T2--- S
def ring() -> Network:
    """Two stations whose feeders meet at an open switch."""
    return network_from_text(
        """
        bus S 20
        bus B 0.4
        bus B2 0.4
        bus N0 0.4
        bus N1 0.4
        bus N2 0.4
        source G S 1.0
        transformer T S B "0.25 MVA 20/0.4 kV"
        transformer T2 S B2 "0.25 MVA 20/0.4 kV"
        line L0 B N0 120 "NAYY 4x50 SE"
        line L1 N0 N1 90 "NAYY 4x50 SE"
        line L2 N1 N2 60 "NAYY 4x50 SE"
        line L3 B2 N2 80 "NAYY 4x50 SE"
        load H0 N0 30 residential 3
        load H1 N1 22 residential 2
        load H2 N2 18 residential 2
        capacitor C N1 5
        switch W open N2 lines L2
        switch V closed N0 lines L1
        scenario base
        """
    )


def measure(name: str, *cells: tuple[str, str, str, object], **more: object) -> Measure:
    added = more.pop("added", {})
    changes = NetworkChanges(added=added, cells=cells_of(*cells))  # type: ignore[arg-type]
    return Measure(name, name, "lines", "L0", changes, Cost(eur=1.0), 1, name, **more)  # type: ignore[arg-type]


def every_kind_of_change(network: Network) -> list[Measure]:
    """One measure per way of drawing."""
    line = pd.DataFrame(network.lines.loc[["L0"]]).reset_index()
    bank = pd.DataFrame(network.capacitors).reset_index()
    return [
        *replacements(network)[:2],
        *parallels(network, ["L1"]),
        measure("tap", ("transformers", "T2", "tap_pos", -1)),
        measure("set_point", ("sources", "G", "vm_pu", 1.03)),
        measure("move", ("switches", "W", "closed", True), ("switches", "V", "closed", False)),
        measure("out", ("lines", "L3", "in_service", False), ("switches", "W", "closed", True)),
        measure("bank", added={"capacitors": bank.assign(capacitor_id="bank|C", q_kvar=12.0)}),
        measure("other_bank", ("capacitors", "C", "q_kvar", 9.0)),
        measure(
            "feeder",
            ("lines", "L1", "in_service", False),
            added={
                "lines": line.assign(
                    line_id="feeder|L", to_bus_id="N1", length_m=150.0, type_id="NAYY 4x150 SE"
                )
            },
        ),
        measure("battery", power_kva={"N1": np.array([-12.0 + 0j, -4.0 + 2.0j])}),
        measure("removed"),
    ]


def changed(network: Network, taken: list[Measure]) -> Network:
    return apply_changes(network, join_changes(one.changes for one in taken))


def with_power(network: Network, given: PlanCases, taken: list[Measure]) -> np.ndarray:
    """Cases x buses of the changed network."""
    kva = np.zeros((len(given.kva), len(network.buses)), dtype=complex)
    kva[:, : given.kva.shape[1]] = given.kva
    for one in taken:
        for bus, power in one.power_kva.items():
            kva[:, network.buses.index.get_loc(bus)] += power
    return kva


PLANS = {"en50160": ([], [0, 3, 4, 7, 10], [1, 2, 5, 8]), "dena": ([5], [1, 6, 7], [9, 2, 3])}


@pytest.mark.parametrize("profile", ["en50160", "dena"])
def test_a_plan_on_the_drawn_network_is_the_network_really_changed(profile: str) -> None:
    network = ring()
    measures, given = every_kind_of_change(network), cases(network, 1.0, 0.4)
    grid = make_plan_grid(yardstick(network, profile), given, measures)
    evaluation = Evaluation(grid, threads=1)
    for chosen in PLANS[profile]:
        taken = [measures[k] for k in chosen]
        other = changed(network, taken)
        measured = yardstick(other, profile)
        solved = run_power_cases(other, with_power(other, given, taken), given.labels.index, given.switching)
        for case in range(2):
            excess = evaluation.excess(case, np.array(chosen, dtype=np.int64))
            state = State(
                solved.vm_pu[case],
                solved.line_loading_percent[case],
                solved.transformer_loading_percent[case],
            )
            low, high = voltage_bounds(measured, state)
            buses = slice(0, len(network.buses))
            assert 100.0 * (low - state.vm_pu)[buses] == pytest.approx(
                excess[grid.kind == LOW][buses], abs=1e-5
            )
            assert 100.0 * (state.vm_pu - high)[buses] == pytest.approx(
                excess[grid.kind == HIGH][buses], abs=1e-5
            )
            assert excess[grid.kind == LINES].max() == pytest.approx(
                np.nanmax(state.line_loading_percent) - 100.0, abs=1e-4
            )


def test_plain_pandapower_agrees() -> None:
    network = ring()
    measures, given = every_kind_of_change(network), cases(network, 1.0, 0.4)
    chosen = [1, 2, 3, 5, 10]
    taken = [measures[k] for k in chosen]
    grid = make_plan_grid(yardstick(network), given, measures)
    excess = Evaluation(grid, threads=1).excess(0, np.array(chosen))
    other = changed(network, taken)
    net = build_model(with_bus_power(other, with_power(other, given, taken)[0])).net
    pandapower().runpp(net, calculate_voltage_angles=True, trafo_loading="current", tolerance_mva=1e-10)
    vm_pu = net.res_bus["vm_pu"].to_numpy()[1 : len(network.buses)]
    assert 100.0 * (0.9 - vm_pu) == pytest.approx(excess[grid.kind == LOW][1 : len(network.buses)], abs=1e-6)


def test_rings_and_customers_without_supply_are_told() -> None:
    network = ring()
    measures = [
        measure("ring", ("switches", "W", "closed", True)),
        measure("dark", ("lines", "L3", "in_service", False)),
    ]
    grid = make_plan_grid(yardstick(network), cases(network, 1.0), measures)
    evaluation = Evaluation(grid, threads=1)
    none, both = np.zeros(0, dtype=np.int64), np.array([0, 1])
    assert (evaluation.excess(0, none)[grid.kind >= UNSUPPLIED] == IDLE_EXCESS).all()
    assert evaluation.excess(0, np.array([0]))[grid.kind == RINGS][0] > 0.0
    lost = evaluation.excess(0, np.array([1]))[grid.kind == UNSUPPLIED][0]
    assert lost == pytest.approx(100.0 * 18.0 / 70.0, abs=1e-9)  # H2 of H0, H1 and H2
    assert (evaluation.excess(0, both)[grid.kind >= UNSUPPLIED] == IDLE_EXCESS).all()


def test_a_case_that_takes_a_line_out_takes_what_replaces_it_out() -> None:
    network = ring()
    given = cases(network, 1.0)
    rows = {"case_id": ["c0", "c0"], "table": ["lines", "switches"], "element_id": ["L3", "W"]}
    switching = pd.DataFrame(rows | {"state": ["out", "closed"]})
    given = PlanCases(given.labels, given.kva, switching)
    measures = [measure("thick", ("lines", "L3", "type_id", "NAYY 4x240 SE")), *replacements(network)[3:5]]
    evaluation = Evaluation(make_plan_grid(yardstick(network, "dena"), given, measures), threads=1)
    none, first = np.zeros(0, dtype=np.int64), np.array([0])
    assert evaluation.excess(0, first) == pytest.approx(evaluation.excess(0, none), abs=1e-7)
    assert evaluation.excess(0, none)[evaluation.grid.kind == NO_SOLUTION][0] == IDLE_EXCESS
