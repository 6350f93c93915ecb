"""Seam of the batch engine: cases a second and headroom a bus, solved one by one with pandapower."""

from __future__ import annotations

import time

import pandapower as pp

from capacity.demo import demo_network_path
from capacity.headroom import headroom
from capacity.impact import additions, study_impact
from capacity.limits import read_limits
from gis import read_network
from gridmodel import build_model, find_scenario, rules_for, run_cases

CASES = 20
BUSES = 5


def run() -> list[str]:
    """Time cases and headroom beside plain runpp on the same net; return lines for RESULTS.md."""
    model = build_model(read_network(demo_network_path(), rules=rules_for()))
    scenario = find_scenario(model.network, "base")
    bus_ids = list(model.network.buses.index[500 :: len(model.network.buses) // CASES][:CASES])
    started = time.perf_counter()
    run_cases(model, additions(bus_ids, [10.0] * len(bus_ids), cos_phi=0.95), scenario)
    case_s = (time.perf_counter() - started) / len(bus_ids)
    pp.runpp(model.net)  # loads numba's compiled functions
    started = time.perf_counter()
    for _ in range(CASES):
        pp.runpp(model.net)
    runpp_s = (time.perf_counter() - started) / CASES
    impact = study_impact(model, scenario, read_limits())
    started = time.perf_counter()
    headroom(impact, bus_ids[:BUSES])
    headroom_s = (time.perf_counter() - started) / BUSES
    return [
        f"Cases and headroom on the demo area ({len(model.network.buses):,} buses), by pandapower until the "
        "batch engine takes over behind `run_cases`:",
        "",
        "| work | milliseconds | against runpp |",
        "|---|---|---|",
        f"| `pp.runpp` with numba | {1e3 * runpp_s:.0f} | 1 |",
        f"| one case of `run_cases` | {1e3 * case_s:.0f} | {case_s / runpp_s:.2f} |",
        f"| headroom at one bus, exact to 1 kW | {1e3 * headroom_s:.0f} | {headroom_s / runpp_s:.1f} |",
    ]


if __name__ == "__main__":
    print("\n".join(run()))
