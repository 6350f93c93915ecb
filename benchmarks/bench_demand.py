"""A year of demand in 30 draws on the demo area, beside pandapower's loop; spread and unserved demand too."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandapower
from machine import timed

from capacity.bounds import bounds_of
from capacity.checks import Yardstick, make_yardstick
from capacity.demand.demand_scenario import read_demand_scenario
from capacity.demand.scenario_demand import Outlook, outlook_of
from capacity.demand.year_demand import YearDemand
from capacity.limits import read_limits
from capacity.unserved import unserved_demand
from capacity.years.draws import DrawFindings, study_draws
from gis import Network, read_network
from gis.feeders import trace_supply
from gridmodel import KEEP_ALL, GridModel, ProfileResults, build_model, rules_for
from gridmodel.demand_model import network_with_demand, solve_demand
from tests.reference_grids import DEMO

SCENARIO, YEAR = "electrification", 2045
DRAWS, MANY_DRAWS = 30, 200
# pandapower takes a quarter of an hour a draw; 40 hours of one draw stand for 30 years of hours.
PANDAPOWER_HOURS = 40
DAY_H = 24
SAME_PU = 1e-8


@dataclass(frozen=True, eq=False)
class Case:
    """The demo area, a scenario laid over it, and the model all its years are solved on."""

    network: Network
    outlook: Outlook
    yardstick: Yardstick
    model: GridModel


def run() -> list[str]:
    """Time the year, check some hours by pandapower, and return lines for RESULTS.md."""
    case = case_of()
    first = case.outlook.demand(YEAR)
    solve_demand(case.model, first.demand, first.factors.iloc[:48])  # compiles what is compiled once
    made_s, demands = timed(lambda: list(case.outlook.draws(YEAR, range(DRAWS))), 1)
    ours_s, solved = timed(lambda: solve_draws(case, demands), 1)
    loop_s = pandapower_seconds(case, first, solved[0]) * len(first.factors) * DRAWS
    spread_s, spread = timed(lambda: many_draws(case), 1)
    day = peak_day(first)
    unserved_s, unserved = timed(lambda: unserved_demand(case.model, case.yardstick, first, hours=day), 1)
    hours, groups = len(first.factors), len(first.demand.groups) + len(first.demand.kinds)
    cut = unserved.hours["unserved_kw"]
    return [
        f"{DRAWS} draws of the year {YEAR} of the scenario `{SCENARIO}` on the demo area "
        f"({len(case.network.buses):,} buses), {hours:,} hours each, {groups} profiles, limits of EN 50160, "
        "all cores:",
        "",
        "| way | seconds | ratio |",
        "|---|---|---|",
        f"| feederplan: lots drawn, coincidence, {DRAWS * hours:,} load flows, extremes and hours over "
        f"limits of every element | {made_s + ours_s:.1f} | 1 |",
        f"| pandapower, numba, last solution as start, load flows alone, {PANDAPOWER_HOURS} hours, "
        f"extrapolated | {loop_s:,.0f} | {loop_s / (made_s + ours_s):,.0f} |",
        "",
        f"Of feederplan's time {made_s:.1f} s are lots and coincident peaks of every bus. The two agree in "
        f"the hours compared: {SAME_PU:g} pu. P10, P50 and P90 of every element over {MANY_DRAWS} draws, "
        f"from {spread.draws['hours_solved'].mean():,.0f} of {hours:,} hours a draw: {spread_s:.1f} s. The "
        f"least cut in every hour about the peak of one draw, {int((cut > 0.0).sum())} of {DAY_H} hours with "
        f"one, {unserved.energy_kwh:,.0f} kWh in all: {unserved_s:.1f} s.",
    ]


def case_of() -> Case:
    """The demo area and the scenario, read."""
    network = read_network(DEMO, rules=rules_for())
    outlook = outlook_of(network, trace_supply(network), read_demand_scenario(SCENARIO))
    model = outlook.demand(YEAR).model_on(network)
    return Case(network, outlook, make_yardstick(network, read_limits("en50160")), model)


def solve_draws(case: Case, demands: Iterable[YearDemand]) -> list[ProfileResults]:
    """Every hour of every draw."""
    bounds = bounds_of(case.yardstick)
    return [solve_demand(case.model, one.demand, one.factors, bounds=bounds) for one in demands]


def many_draws(case: Case) -> DrawFindings:
    """What is likely over many draws, in the hours that can be the worst."""
    return study_draws(case.model, case.yardstick, case.outlook.draws(YEAR, range(MANY_DRAWS)))


def peak_day(demand: YearDemand) -> np.ndarray:
    """Positions of the day about the hour of the largest demand."""
    hours = len(demand.factors)
    begin = min(max(int(demand.total_kw().argmax()) - DAY_H // 2, 0), hours - DAY_H)
    return np.arange(begin, begin + DAY_H)


def pandapower_seconds(case: Case, demand: YearDemand, solved: ProfileResults) -> float:
    """Seconds an hour of pandapower's loop over the plain network of one draw; stops unless it agrees."""
    net = build_model(network_with_demand(case.network, demand.demand)).net
    load_mw, load_mvar, feed_mw = (net[table][column].copy() for table, column in
                                   (("load", "p_mw"), ("load", "q_mvar"), ("sgen", "p_mw")))  # fmt: skip
    hours = demand.factors.iloc[:: len(demand.factors) // PANDAPOWER_HOURS].iloc[:PANDAPOWER_HOURS]
    spent, apart = 0.0, 0.0
    exact = solve_demand(case.model, demand.demand, hours, keep=KEEP_ALL)
    for number, (hour, row) in enumerate(hours.iterrows()):
        of_load = net.load["type"].map(row).to_numpy(dtype=float)
        net.load["p_mw"], net.load["q_mvar"] = load_mw * of_load, load_mvar * of_load
        net.sgen["p_mw"] = feed_mw * net.sgen["type"].map(row).to_numpy(dtype=float)
        started = time.perf_counter()
        pandapower.runpp(net, calculate_voltage_angles=True, numba=True, init="results" if number else "auto")
        spent += time.perf_counter() - started if number else 0.0
        found = net.res_bus["vm_pu"].to_numpy()
        apart = max(apart, float(np.nanmax(np.abs(exact.vm_pu.loc[hour].to_numpy() - found))))
        assert abs(solved.hours.loc[hour, "vm_min_pu"] - np.nanmin(found)) < SAME_PU
    assert apart < SAME_PU, f"voltages differ by {apart} pu"
    return spent / (len(hours) - 1)


if __name__ == "__main__":
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    print("\n".join(run()))
