"""The summary adds up to what the load flow is given, hour by hour."""

from __future__ import annotations

from pathlib import Path

import pytest

from capacity.demand.demand_summary import SUMMARY_COLUMNS, demand_summary
from capacity.demand.scenario_demand import outlook_of
from gis.feeders import trace_supply
from gridmodel.demand_model import solve_demand
from tests.capacity.demand.scenario_text import EV, PV, scenario_of
from tests.capacity.grids import demo
from tests.networks import station

RUSCK = "coincidence = { method = 'rusck', g_inf = 0.2, source = 'a test' }\n"


def test_figures_of_a_small_grid_by_hand(tmp_path: Path) -> None:
    """6 homes with a car each: 66 kW installed; 66 x (0.2 + 0.8 / sqrt(6)) = 34.76 kW together."""
    scenario = scenario_of(tmp_path, EV + RUSCK + "unit_kwh = 2000.0\n", PV.replace("0.5", "1.0"))
    demand = outlook_of(station(), trace_supply(station()), scenario).demand(2035)
    summary = demand_summary([demand])
    assert list(summary.columns) == list(SUMMARY_COLUMNS)
    cars = summary.set_index("group").loc["ev"]
    assert (cars["connections"], cars["units"], cars["not_placed"], cars["installed_kw"]) == (
        1,
        6.0,
        0.0,
        66.0,
    )
    assert cars["coincident_kw"] == pytest.approx(66.0 * (0.2 + 0.8 / 6.0**0.5))
    assert cars["annual_kwh"] == pytest.approx(cars["coincident_kw"] * demand.factors["ev"].sum())
    assert cars["stated_kwh"] == 12_000.0
    roofs = summary[summary["direction"] == "generation"].iloc[0]
    assert (roofs["group"], roofs["connections"], roofs["installed_kw"]) == ("pv", 2, 12.0 + 48.0)


def test_who_is_left_out_is_counted_as_not_placed(tmp_path: Path) -> None:
    scenario = scenario_of(tmp_path, "[classes.residential]\nfactor = 0.0\nsource = 'a test'")
    demand = outlook_of(station(), trace_supply(station()), scenario).demand(2025)
    homes = demand_summary([demand]).set_index("group").loc["residential"]
    assert (homes["connections"], homes["units"], homes["not_placed"], homes["coincident_kw"]) == (
        0,
        0.0,
        6.0,
        0.0,
    )


def test_totals_are_the_demand_of_the_load_flow(tmp_path: Path) -> None:
    network = demo()
    scenario = scenario_of(tmp_path, EV + RUSCK, PV, "[sites]\nsource = 'a test'")
    demand = outlook_of(network, trace_supply(network), scenario).demand(2030)
    week = demand.factors.iloc[:168]
    solved = solve_demand(demand.model_on(network), demand.demand, week)
    assert solved.hours["demand_kw"].to_numpy() == pytest.approx(demand.total_kw()[:168], rel=1e-9)
    summary = demand_summary([demand]).query("direction == 'load'").set_index("group")
    share = week[list(summary.index)].sum() / demand.factors[list(summary.index)].sum()
    assert solved.energy_kwh["demand"] == pytest.approx((summary["annual_kwh"] * share).sum(), rel=1e-9)
