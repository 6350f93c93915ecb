"""A plan of the demo area: heat pumps and 1.5 kW of charging in every home, undiversified, until all holds.

The power of the case is that of issue 5's proof (`tests/capacity/demand/demand_scenarios/ev_1500w.toml`): 8
transformers are over and 569 low-voltage buses below 0.90 pu. Every plan is proved by plain pandapower.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from capacity.costs import read_costs
from capacity.demand.demand_scenario import read_demand_scenario
from capacity.demand.scenario_demand import outlook_of
from capacity.demo import demo_network_path
from capacity.limits import read_limits
from capacity.measures import BUILDING
from capacity.planning import PlanCases, PlanTerms, plan_expansion
from capacity.planning.plan_cases import case_labels, cases_of_scenarios, no_switching
from capacity.planning.verify import verify_plan
from gis import Network, read_network
from gis.feeders import trace_supply
from gridmodel import rules_for
from gridmodel.bus_power import bus_power
from gridmodel.scenario import find_scenario

SCENARIO = Path(__file__).parents[1] / "tests/capacity/demand/demand_scenarios/ev_1500w.toml"
TARGET_S = 60.0
# So that a busy machine is slow and not wrong.
MOST_S = 1800.0


def run() -> list[str]:
    """Plan the demo area by each way and return lines for RESULTS.md."""
    network = read_network(demo_network_path(), rules=rules_for())
    cases, limits, costs = ev_case(network), read_limits("en50160"), read_costs()
    small = cases_of_scenarios(network, [find_scenario(network, "heat_pumps")])
    plan_expansion(network, small, limits, costs=costs)  # compiles
    rows = []
    for name, terms in (
        ("all measures", PlanTerms(time_limit_s=MOST_S)),
        ("build measures only", PlanTerms(measures=tuple(BUILDING), time_limit_s=MOST_S)),
        ("all measures, greedy", PlanTerms(method="greedy", time_limit_s=MOST_S)),
    ):
        began = time.perf_counter()
        plan = plan_expansion(network, cases, limits, costs=costs, terms=terms)
        seconds = time.perf_counter() - began
        proof = verify_plan(plan)
        assert plan.status == "resolved", plan.unresolved
        assert proof["agrees"].all()
        assert not proof["violations"].any()
        bound = "-" if plan.bound_eur is None else f"{plan.bound_eur:,.0f}"
        rows.append(
            f"| {name} | {seconds:.1f} | {len(plan.steps)} | {plan.capital_eur:,.0f} | "
            f"{plan.present_value_eur:,.0f} | {bound} |"
        )
    return [
        "The demo area (3,119 buses) with heat pumps and 1.5 kW of charging in every home, undiversified; "
        f"{int(plan.cases['violations_before'].sum())} limits broken before, none after, by the engine and "
        f"by plain pandapower; costs {plan.cost_table}; target {TARGET_S:g} s after compiling:",
        "",
        "| way | s | steps | capital EUR | present value EUR | bound of the program EUR |",
        "|---|---|---|---|---|---|",
        *rows,
    ]


def ev_case(network: Network) -> PlanCases:
    """The one hour of the proof: what the scenario draws at its peak, on top of nothing."""
    scenario = read_demand_scenario(SCENARIO)
    outlook = outlook_of(network, trace_supply(network), scenario)
    demand = outlook.demand(scenario.years[0]).demand
    kva = demand.kva.sum(axis=1)
    own = bus_power(network, find_scenario(network, "heat_pumps"))
    assert np.isfinite(kva).all()
    assert kva.real.sum() > own.real.sum()
    return PlanCases(case_labels(["ev_1500w"], ["ev_1500w"]), kva[None, :], no_switching())


if __name__ == "__main__":
    print("\n".join(run()))
