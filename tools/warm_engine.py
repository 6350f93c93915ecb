"""Compile the engine for this machine, so that the first question in the map does not wait for it."""

from __future__ import annotations

import sys
import time

import capacity
from capacity.demand.demand_scenario import read_demand_scenario
from capacity.demand.scenario_demand import demand_in_year
from capacity.demo import demo_network_path
from capacity.unserved import unserved_demand
from capacity.years.year import study_year
from gis import read_network
from gridmodel import build_model, find_scenario, rules_for


def main() -> None:
    """Ask what the map asks, on the demo area: headroom, a year in hours, the least cut in one of them."""
    print("compiling the engine for this machine, once ...", file=sys.stderr, flush=True)
    started = time.perf_counter()
    model = build_model(read_network(demo_network_path(), rules=rules_for()))
    impact = capacity.study_impact(model, find_scenario(model.network), capacity.read_limits())
    capacity.find_headroom(impact)
    scenario = read_demand_scenario("today")
    demand = demand_in_year(model.network, impact.yardstick.supply, scenario, scenario.base_year)
    of_year = demand.model_on(model.network)
    study_year(of_year, impact.yardstick, demand)
    unserved_demand(of_year, impact.yardstick, demand, hours=[int(demand.total_kw().argmax())])
    print(f"compiled in {time.perf_counter() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
