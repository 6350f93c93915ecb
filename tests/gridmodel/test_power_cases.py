"""Cases of power per bus, some of them switched, against pandapower on the changed network."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from gis.changes import NetworkChanges, apply_changes, cells_of
from gridmodel import Scenario, build_model
from gridmodel.bus_power import bus_power, with_bus_power
from gridmodel.lean import pandapower
from gridmodel.power_cases import run_power_cases
from tests.networks import station

SWITCHED = pd.DataFrame(
    [("feeds", "lines", "N", "out"), ("cut", "switches", "W", "open")],
    columns=["case_id", "table", "element_id", "state"],
)
IDS = pd.Index(["full", "half", "feeds", "cut", "huge"], name="case_id")


def _kva() -> np.ndarray:
    full = bus_power(station(), Scenario())
    feeds = bus_power(station(), Scenario("feed", "feed-in", None, 0.1, 0.85))
    return np.stack([full, 0.5 * full, feeds, full, 1000.0 * full])


def test_every_case_is_what_pandapower_finds_on_its_own_network() -> None:
    solved = run_power_cases(station(), _kva(), IDS, SWITCHED)
    assert solved.converged.tolist() == [True, True, True, True, False]
    changes = {
        "feeds": NetworkChanges(cells=cells_of(("lines", "N", "in_service", False))),
        "cut": NetworkChanges(cells=cells_of(("switches", "W", "closed", False))),
    }
    for row, case_id in enumerate(IDS[:4]):
        network = apply_changes(station(), changes.get(case_id, NetworkChanges()))
        net = build_model(with_bus_power(network, _kva()[row])).net
        pandapower().runpp(net, init="auto")
        np.testing.assert_allclose(solved.vm_pu[row], net.res_bus["vm_pu"], atol=1e-8)
        expected = np.nan_to_num(net.res_line["loading_percent"].to_numpy())
        np.testing.assert_allclose(np.nan_to_num(solved.line_loading_percent[row]), expected, atol=1e-5)
        expected = net.res_trafo["loading_percent"].to_numpy()
        np.testing.assert_allclose(solved.transformer_loading_percent[row], expected, atol=1e-5)


def test_a_case_without_solution_leaves_nan_and_all_demand_unserved() -> None:
    solved = run_power_cases(station(), _kva(), IDS, SWITCHED)
    assert np.isnan(solved.vm_pu[4]).all()
    assert solved.unserved_kw[4] == pytest.approx(_kva()[4].real.sum())


def test_own_loads_and_generators_count_nothing() -> None:
    doubled = dataclasses.replace(station(), loads=station().loads.assign(p_kw=999.0))
    both = [run_power_cases(one, _kva()[:1], IDS[:1], SWITCHED.iloc[:0]) for one in (station(), doubled)]
    np.testing.assert_array_equal(both[0].vm_pu, both[1].vm_pu)
