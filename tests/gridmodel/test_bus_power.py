"""Power per bus: by hand, and the network that draws it solves as the scenario it is of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gis import Network
from gridmodel import Scenario, build_model, run_load_flow
from gridmodel.bus_power import bus_power, with_bus_power, without_power
from tests.capacity.grids import station, with_column


@pytest.fixture(scope="module")
def network() -> Network:
    return station()


def test_power_is_the_sum_of_what_is_in_service_times_its_factor(network: Network) -> None:
    first = network.loads.index[0]
    off = with_column(network, "loads", "in_service", {first: False})
    half = Scenario("half", load_factor=0.5)
    drawn = bus_power(off, half)
    expected = 0.5 * network.loads["p_kw"].drop(first).groupby(network.loads["bus_id"]).sum()
    by_bus = dict(zip(network.buses.index, drawn.real, strict=True))
    assert {bus: by_bus[bus] for bus in expected.index} == pytest.approx(expected.to_dict())
    assert drawn.real.sum() == pytest.approx(expected.sum())


def test_the_network_that_draws_it_solves_as_the_scenario(network: Network) -> None:
    scenario = Scenario("most", load_factor=0.9)
    asked = run_load_flow(build_model(network), scenario)
    same = with_bus_power(network, bus_power(network, scenario))
    given = run_load_flow(build_model(same), Scenario())
    assert np.abs(given.buses["vm_pu"].to_numpy() - asked.buses["vm_pu"].to_numpy()).max() < 1e-9


def test_nothing_is_left_without_power(network: Network) -> None:
    bare = without_power(network)
    assert not len(bare.loads) and not len(bare.generators)
    assert bare.lines.equals(network.lines)
    assert replace(bare, loads=network.loads, generators=network.generators).equals(network)


def test_a_further_column_of_whole_numbers_stays_empty(network: Network) -> None:
    level = network.loads.assign(voltLvl=7)
    given = with_bus_power(replace(network, loads=level), bus_power(network, Scenario()))
    assert given.loads["voltLvl"].isna().all()
    assert given.loads["customers"].dtype == network.loads["customers"].dtype
