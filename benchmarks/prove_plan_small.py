"""Proof of the planner on small grids: selections against the optimum by brute force, on 20 random feeders.

Every combination of one cable size per section (or none) and a larger transformer is solved by load flow; the
cheapest that holds is the optimum. "searched" is the plan before the selection itself, as it does on small
tasks, solves every cheaper combination. Run: PYTHONPATH=. python benchmarks/prove_plan_small.py
"""

from __future__ import annotations

import time

from capacity.planning.plan import PlanTerms
from capacity.planning.selected import Selection
from capacity.planning.selection import select_measures
from gis.changes import apply_changes, join_changes
from gridmodel import build_model
from gridmodel.bus_power import with_bus_power
from gridmodel.lean import pandapower
from tests.capacity.planning.feeders import (
    best_by_force,
    cases,
    larger_transformer,
    random_feeder,
    replacements,
    yardstick,
)

FEEDERS, SECTIONS = 20, 5
LARGEST_GAP_PERCENT = 2.0


def searched_eur(found: Selection) -> float:
    """Least present value of the plans that held before every cheaper combination was solved."""
    rounds = found.rounds[found.rounds["what"] != "every cheaper combination"]
    return float(rounds.loc[rounds["broken"] == 0, "present_value_eur"].min())


def main() -> None:
    """Plan 20 feeders; the gap to the optimum and the voltages of plain pandapower are asserted."""
    print("seed  optimum EUR  searched EUR  gap %  selected EUR  gap %", end="  ")
    print("greedy EUR  gap %  bound EUR  lowest pu  seconds")
    proved, seed, gaps = 0, 0, []
    while proved < FEEDERS:
        seed += 1
        network = random_feeder(seed, SECTIONS)
        measures = [*replacements(network), larger_transformer(network)]
        given = cases(network, 1.4, 0.3)
        optimum = best_by_force(network, measures, given)
        if optimum is None or optimum == 0.0:
            continue  # nothing to find: no combination holds, or all does
        began = time.perf_counter()
        terms = PlanTerms(mip_gap_percent=0.0)
        found = select_measures(yardstick(network), given, measures, terms)
        seconds = time.perf_counter() - began
        greedy = select_measures(
            yardstick(network), given, measures, terms.model_copy(update={"method": "greedy"})
        )
        changed = apply_changes(network, join_changes(one.measure.changes for one in found.taken(measures)))
        net = build_model(with_bus_power(changed, given.kva[0])).net
        pandapower().runpp(net, calculate_voltage_angles=True)
        searched = searched_eur(found)
        values = (searched, found.present_value_eur, greedy.present_value_eur)
        own_gap, gap, greedy_gap = (100.0 * (value / optimum - 1.0) for value in values)
        gaps.append(own_gap)
        print(
            f"{seed:4d}  {optimum:11,.0f}  {searched:12,.0f}  {own_gap:5.2f}"
            f"  {found.present_value_eur:12,.0f}  {gap:5.2f}"
            f"  {greedy.present_value_eur:10,.0f}  {greedy_gap:5.2f}  {found.bound_eur or 0.0:9,.0f}"
            f"  {net.res_bus['vm_pu'].min():9.4f}  {seconds:7.2f}"
        )
        assert found.status == "resolved", f"feeder {seed} is left {found.status}"
        assert net.res_bus["vm_pu"].min() >= 0.9, f"feeder {seed}: pandapower finds a voltage below the band"
        assert net.res_line["loading_percent"].max() <= 100.0, f"feeder {seed}: a line is overloaded"
        assert net.res_trafo["loading_percent"].max() <= 100.0, (
            f"feeder {seed}: the transformer is overloaded"
        )
        proved += 1
    print(f"{proved} feeders, largest gap of the search {max(gaps):.2f} %")
    assert max(gaps) <= LARGEST_GAP_PERCENT, "a selection is further from the optimum than allowed"


if __name__ == "__main__":
    main()
