"""Edges of a year's demand: grids without loads, without supply, of one bus; all demand is told in all."""

from __future__ import annotations

import numpy as np
import pytest

from capacity.checks import make_yardstick
from capacity.demand.demand_scenario import read_demand_scenario, scenario_names
from capacity.demand.scenario_demand import outlook_of
from capacity.demand.year_demand import demand_today
from capacity.limits import read_limits
from capacity.unserved import unserved_demand, unserved_now
from capacity.years.draws import study_draws
from capacity.years.root_cause import chains_of_year
from capacity.years.year import study_year
from gis import InputError
from gis.examples import network_from_text
from gis.feeders import trace_supply
from gridmodel import Scenario, build_model
from gridmodel.demand_model import solve_demand
from tests.gridmodel.zoo import GRIDS, LINE

AB = f"bus A 0.4\nbus B 0.4\nsource S A\nline L A B 50 {LINE}\n"
EDGES = {
    "oddities": GRIDS["oddities"],
    "ring": GRIDS["ring"],
    "no lines": GRIDS["no lines"],
    "no branch in service": GRIDS["no branch in service"],
    "one bus": "bus A 0.4\nsource S A\nload H A 5 residential 2",
    "a dead bus": "bus A 0.4\nbus B 0.4\nsource S B\nload H A 5 residential 2",
    "no loads": AB,
    "nothing drawn": f"{AB}load H B 0 residential 3",
    "a billion customers": f"{AB}load H B 5 residential 1000000000",
    "sun alone": f"{AB}load H B 1 residential 1\ngenerator G B 900 pv",
    "hopeless": f"{AB}load H B 50000 residential 3",
}
ONE_IN = 365  # hours: every hour of the day, all through the year


@pytest.mark.parametrize("edge", EDGES)
def test_a_year_of_today_adds_up_and_is_cut_only_where_a_limit_breaks(edge: str) -> None:
    network = network_from_text(EDGES[edge])
    demand, yardstick = demand_today(network, trace_supply(network)), make_yardstick(network, read_limits())
    model = demand.model_on(network)
    found = study_year(model, yardstick, demand)
    some = np.arange(0, len(found.hours), ONE_IN)
    unserved = unserved_demand(model, yardstick, demand, hours=some)
    hours, asked_kw = unserved.hours, demand.total_kw()[some]
    np.testing.assert_allclose(hours["demand_kw"], asked_kw, rtol=0, atol=1e-6)
    np.testing.assert_allclose(hours["served_kw"] + hours["unserved_kw"], asked_kw, rtol=1e-6, atol=1e-6)
    for table in (unserved.assets, unserved.customers):
        assert table["unserved_kwh"].sum() == pytest.approx(unserved.energy_kwh, rel=1e-6, abs=1e-6)
    at = found.hours.iloc[some]
    counts = ["undervoltages", "overvoltages", "line_overloads", "transformer_overloads"]
    broken = (at["status"] != "converged").to_numpy() | (at[counts].fillna(0).sum(axis=1) > 0).to_numpy()
    assert not (broken & (hours["status"] == "served").to_numpy()).any()
    assert not (~broken & (hours["status"] == "cut").to_numpy()).any()
    assert len(unserved.customers) == len(demand.customers)
    assert set(chains_of_year(model, yardstick, demand, found)["load_id"]) == set(network.loads.index)
    assert len(study_draws(model, yardstick, [demand]).draws) == 1


@pytest.mark.parametrize("edge", EDGES)
def test_the_least_cut_of_one_load_flow_adds_up(edge: str) -> None:
    network = network_from_text(EDGES[edge])
    unserved = unserved_now(build_model(network), make_yardstick(network, read_limits()), Scenario())
    hour = unserved.hours.iloc[0]
    assert hour["demand_kw"] == pytest.approx(network.loads.loc[network.loads["in_service"], "p_kw"].sum())
    assert hour["served_kw"] + hour["unserved_kw"] == pytest.approx(hour["demand_kw"], rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("edge", ["a dead bus", "no loads", "nothing drawn"])
@pytest.mark.parametrize("name", scenario_names())
def test_every_shipped_scenario_can_be_laid_over_an_edge(name: str, edge: str) -> None:
    network, scenario = network_from_text(EDGES[edge]), read_demand_scenario(name)
    outlook = outlook_of(network, trace_supply(network), scenario)
    model = outlook.demand(scenario.base_year).model_on(network)
    for year in (scenario.base_year, 2200):
        demand = outlook.demand(year)
        some, asked_kw = demand.factors.iloc[::ONE_IN], demand.total_kw()[::ONE_IN]
        hours = solve_demand(model, demand.demand, some).hours
        np.testing.assert_allclose(hours["demand_kw"], asked_kw, rtol=1e-9, atol=1e-6)
        np.testing.assert_allclose(hours["served_kw"] + hours["unserved_kw"], asked_kw, rtol=1e-6, atol=1e-6)


def test_a_billion_customers_are_a_slip_and_not_drawn_by_lot() -> None:
    network, scenario = (
        network_from_text(EDGES["a billion customers"]),
        read_demand_scenario("electrification"),
    )
    with pytest.raises(InputError, match=r"'H'.*1,000,000,000 customers"):
        outlook_of(network, trace_supply(network), scenario)


def test_a_year_before_the_first_is_refused() -> None:
    network, scenario = network_from_text(EDGES["one bus"]), read_demand_scenario("electrification")
    with pytest.raises(ValueError, match="before"):
        outlook_of(network, trace_supply(network), scenario).demand(scenario.base_year - 1)


def test_a_leap_year_has_8784_hours() -> None:
    network, scenario = network_from_text(EDGES["one bus"]), read_demand_scenario("electrification")
    leap = scenario.model_copy(update={"profile": scenario.profile.model_copy(update={"year": 2024})})
    demand = outlook_of(network, trace_supply(network), leap).demand(2045)
    found = study_year(demand.model_on(network), make_yardstick(network, read_limits()), demand)
    assert len(found.hours) == 8784
    assert demand.profiles.time[1416].strftime("%m-%d") == "02-29"
    assert not demand.factors.isna().any(axis=None)
