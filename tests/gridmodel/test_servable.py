"""The fixed point on pandapower's matrix is pandapower's solution, and its limit that of closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from gis.examples import network_from_text, synthetic_network
from gridmodel import GridModel, Scenario, build_model
from gridmodel.loadflow import apply_scenario, solve
from gridmodel.servable import Carrier, carrier_of, demand_of, largest_share, settle
from tests.networks import station

PLAIN = "r_ohm_per_km=0.4 x_ohm_per_km=0.3 i_max_a=200"


def carrier(model: GridModel, scenario: Scenario) -> Carrier:
    """The model's carrier; the net holds the scenario afterwards."""
    apply_scenario(model, scenario, share=0.0)
    assert solve(model.net)
    made = carrier_of(model.net)
    assert made is not None
    apply_scenario(model, scenario)
    return made


@pytest.mark.parametrize("scenario", [Scenario(), Scenario(load_factor=0.4, generation_factor=0.85)])
def test_voltages_are_those_of_pandapower(scenario: Scenario) -> None:
    """Also pins the private `_ppc["internal"]` that the matrix is read from."""
    model = build_model(synthetic_network(200))
    grid = carrier(model, scenario)
    voltage, settled = settle(grid, demand_of(grid, model.net)[:, None], grid.idle_pu[:, None])
    assert settled.all() and solve(model.net)
    rows = grid.places[model.net.bus.index]
    expected = model.net.res_bus["vm_pu"].to_numpy()[rows >= 0]
    np.testing.assert_allclose(np.abs(voltage[rows[rows >= 0], 0]), expected, rtol=0, atol=1e-6)


def test_the_largest_share_is_that_of_the_closed_form_in_each_case_and_part() -> None:
    """At unity power factor U^2/(2 (R + |Z|)) is the largest power of a two-bus grid."""
    limit_kw = 1000 * 0.4**2 / (2 * (0.1 + 0.125))
    text = f"bus A 0.4\nbus B 0.4\nbus C 0.4\nsource S A\nline L A B 250 {PLAIN}\nline K A C 250 {PLAIN}\n"
    model = build_model(network_from_text(f"{text}load H B {4 * limit_kw} q_kvar=0\nload J C 10 q_kvar=0"))
    grid = carrier(model, Scenario())
    demand = demand_of(grid, model.net)[:, None] * np.array([1.0, 0.5, 0.1])
    share = largest_share(grid, demand).share
    assert share.shape == (2, 3)
    assert sorted(share[:, 0]) == pytest.approx([0.25, 1.0], rel=0.01)
    assert sorted(share[:, 1]) == pytest.approx([0.5, 1.0], rel=0.01)
    assert (share[:, 0] <= [0.25, 1.0]).any() and (share[:, 2] == 1.0).all()


def test_a_grid_of_sources_alone_has_no_carrier() -> None:
    model = build_model(network_from_text("bus A 0.4\nsource S A\nload H A 5"))
    assert solve(model.net) and carrier_of(model.net) is None


def test_dead_buses_carry_nothing() -> None:
    model = build_model(station("bus X 0.4", "load Z X 900"))
    grid = carrier(model, Scenario())
    assert grid.places[model.position("buses", ["X", "A"])].tolist() == [-1, -1]
    assert largest_share(grid, demand_of(grid, model.net)[:, None]).share.tolist() == [[1.0]]
