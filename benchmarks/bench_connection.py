"""Connection of a development: one site with all its options, and many in one draw; the same in pandapower.

pandapower is given what it can do: each option as a load at its supply point, a load flow per case of normal
operation and per outage that bears on it, on the net as it is built. New cables and stations, routes, sizes,
costs and ranking are ours alone, so the comparison is of load flows.
"""

from __future__ import annotations

import copy
import os
import time
import warnings
from dataclasses import replace

import numpy as np
import pandapower as pp
from bench_security import simbench_network
from prove_connection import sites_by_lot

from capacity.assumptions import only_if_none_fits
from capacity.connection import (
    Assessment,
    ConnectionConfig,
    ConnectionGrid,
    assess_all,
    assess_on,
    connection_grid,
)
from capacity.connection.judging import judge
from capacity.connection.site_cases import site_of
from capacity.connection.supply_points import supply_options
from capacity.demo import demo_network_path
from gis import Network, read_network
from gridmodel import build_model
from gridmodel.bus_power import with_bus_power

LARGE = "1-MVLV-urban-all-0-sw"
SITES, RUNS, PANDAPOWER_RUNS = {"demo": 100, LARGE: 25}, 2, 3
MANY = 1000
HEAD = (
    "| grid | buses | cases | grid s | options | load flows | judging s | one site s | with works s "
    "| sites in one go | s | 1,000 sites s | pandapower s | ratio |",
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
)


def run() -> list[str]:
    """Measure both grids, and return lines for RESULTS.md."""
    warnings.filterwarnings("ignore")
    rows = [_row("demo", read_network(demo_network_path())), _row(LARGE, simbench_network(LARGE))]
    return [
        "One site of 60 kW with all options in all cases (`judge`), and its whole answer with routes, sizes, "
        "costs and ranking (`assess_on`): works on the grid looked for only if nothing fits (`one site`), "
        f"or wherever they may be cheapest (`with works`); warm, the best of {RUNS}. Many sites by lot, 0 to "
        "800 kW, in one go (`assess_all`, works only if nothing fits), once; "
        f"{MANY:,} sites extrapolated from them. pandapower, for the load flows of `judge`: the time of one "
        f"`runpp` of the net with a further load (the best of {PANDAPOWER_RUNS}, numba, started from the "
        "solution before) times their number, extrapolated, without building options, routes and costs. "
        "`grid s`: cases solved once for all sites, outages with their restoration among them. "
        f"Load of the machine at the end, with other work on its {os.cpu_count()} cores: "
        f"{os.getloadavg()[0]:.1f}.",
        "",
        *HEAD,
        *rows,
    ]


def _row(name: str, network: Network) -> str:
    start = time.perf_counter()
    grid = connection_grid(network)
    grid_s = time.perf_counter() - start
    quick = ConnectionConfig(limits=grid.yardstick.limits, assumptions=only_if_none_fits(grid.assumptions))
    lot = [replace(one, pv_kw=0.0) for one in sites_by_lot(network, SITES[name])]
    development = replace(lot[0], demand_kw=60.0)
    site = site_of(grid, development)
    options = [one for one in supply_options(grid, [site])[0].options if not one.problem]
    judged = judge(grid, [site], [options])[0]
    flows = sum(one.states for one in judged)
    judge_s = _best(lambda: judge(grid, [site], [options]))
    one_s = _best(lambda: assess_on(grid, development, quick))
    works_s = _best(lambda: assess_on(grid, development))
    start = time.perf_counter()
    answers: list[Assessment] = assess_all(grid, lot, quick)
    many_s = time.perf_counter() - start
    assert len(answers) == len(lot)
    peer_s = flows * _pandapower_s(grid)
    return (
        f"| {name} | {len(network.buses):,} | {len(grid.states)} | {grid_s:.2f} | {len(options)} | {flows:,} "
        f"| {judge_s:.2f} | {one_s:.2f} | {works_s:.2f} | {len(lot)} | {many_s:.1f} "
        f"| {MANY * many_s / len(lot):,.0f} | {peer_s:.1f} | {peer_s / judge_s:,.0f} |"
    )


def _best(work) -> float:  # type: ignore[no-untyped-def]
    taken = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken)


def _pandapower_s(grid: ConnectionGrid) -> float:
    """Seconds of one load flow of the network with a further load."""
    net = copy.deepcopy(build_model(with_bus_power(grid.network, grid.cases.kva[0])).net)
    load = pp.create_load(net, net.bus.index[len(net.bus) // 2], p_mw=0.06)
    pp.runpp(net, calculate_voltage_angles=True, init="auto")
    taken = []
    for run in range(PANDAPOWER_RUNS):
        net.load.loc[load, "p_mw"] = 0.06 + 0.001 * run
        start = time.perf_counter()
        pp.runpp(net, calculate_voltage_angles=True, init="results")
        taken.append(time.perf_counter() - start)
    return float(np.min(taken))
