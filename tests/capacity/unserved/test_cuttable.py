"""What a cut takes off every level: by hand, and whole when all is cut."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from capacity.demand.coincidence import Rusck, coincident_demand
from capacity.demand.customers import customers_of
from capacity.demand.year_demand import YearDemand
from capacity.unserved.cuttable import Cuttable, cuttable, drawn_in_scenario, drawn_in_year
from gis import Network
from gis.examples import network_from_text
from gis.feeders import trace_supply
from gridmodel import Scenario
from gridmodel.demand_model import network_with_demand
from gridmodel.engine.of_model import compiled
from gridmodel.profile_set import ProfileSet

#    source S - A - B (1 home), C (1 home), of 10 kW alone
FORK = """
    bus S 0.4
    bus A 0.4
    bus B 0.4
    bus C 0.4
    source Q S 1.0
    line K S A 50 "NAYY 4x150 SE"
    line L A B 50 "NAYY 4x150 SE"
    line M A C 50 "NAYY 4x150 SE"
    load H B 10 residential 1 q_kvar=2
    load J C 10 residential 1 q_kvar=2
    scenario base
"""
RUSCK = Rusck(g_inf=0.2, source="Rusck 1956")


def year_of(network: Network, method: Rusck = RUSCK, factor: float = 1.0) -> YearDemand:
    """One hour of the network's loads, at a factor."""
    supply, customers = trace_supply(network), customers_of(network)
    methods = {str(group): method for group in customers["group"].unique()}
    demand = coincident_demand(supply, customers, methods)
    hours = pd.date_range("2030-01-01", periods=1, freq="h", tz="UTC")
    factors = pd.DataFrame(factor, index=hours, columns=list(demand.columns))
    return YearDemand("test", 2030, 0, customers, methods, demand, ProfileSet(factors))


def laid_out(network: Network, factor: float = 1.0) -> tuple[Cuttable, np.ndarray, np.ndarray]:
    """What can be cut, power freed per bus of the network and bus cut, and the most that can be cut."""
    demand, supply = year_of(network, factor=factor), trace_supply(network)
    grid = compiled(demand.model_on(network))
    drawn = drawn_in_year(demand, supply)
    what = cuttable(supply, drawn, grid)
    freed, most_kw = what.at(drawn.factors[0], grid.row_count)
    return what, freed.toarray()[grid.bus_row], most_kw


def test_by_hand_a_home_cut_by_half_takes_its_share_off_every_level() -> None:
    what, freed_kva, most_kw = laid_out(network_from_text(FORK))
    together_kw = 0.2 * 20.0 + 0.8 * np.sqrt(200.0)  # 15.3 kW
    passed = together_kw / 20.0
    assert what.bus.tolist() == [2, 3]
    assert most_kw == pytest.approx([together_kw / 2, together_kw / 2])
    half = 0.5 * freed_kva[:, 0]
    assert half.real == pytest.approx([0.0, -5.0 * (1.0 - passed), 5.0, 0.0])
    assert half.imag == pytest.approx(0.2 * half.real)


@pytest.mark.parametrize("factor", [1.0, 0.3])
def test_cutting_all_leaves_nothing_at_any_level(factor: float) -> None:
    network = network_from_text(FORK + "\n    bus D 0.4\n    load E A 7 residential 3 q_kvar=0")
    demand = year_of(network, factor=factor)
    _, freed_kva, most_kw = laid_out(network, factor)
    assert freed_kva.sum(axis=1) == pytest.approx(factor * demand.demand.kva[:, 0], abs=1e-9)
    assert most_kw.sum() == pytest.approx(demand.total_kw()[0], abs=1e-9)


def test_what_is_fed_is_not_cut() -> None:
    _, freed_kva, most_kw = laid_out(network_from_text(FORK), factor=-0.5)
    assert not freed_kva.any()
    assert not most_kw.any()


def test_the_network_of_a_year_is_cut_as_the_year_is() -> None:
    network = network_from_text(FORK)
    demand, supply = year_of(network), trace_supply(network)
    model = demand.model_on(network)
    whole = network_with_demand(network, demand.demand)
    from gridmodel import build_model

    plain = build_model(whole)
    one = cuttable(supply, drawn_in_year(demand, supply), compiled(model))
    two = cuttable(supply, drawn_in_scenario(plain, Scenario()), compiled(plain))
    assert one.bus.tolist() == two.bus.tolist()
    assert one.most_kw.sum(axis=1) == pytest.approx(two.most_kw.sum(axis=1))
