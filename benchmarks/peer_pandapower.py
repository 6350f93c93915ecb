"""pandapower as peer, at its fastest fair setting: numba, started at the last solution, matrix kept."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandapower as pp

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet
    from simbench_year import Year

# Only powers change from solve to solve: pandapower keeps its admittance matrix then.
KEPT = {"trafo": False, "gen": False, "bus_pq": True}
FIRST_KW = 16


@dataclass(frozen=True)
class Limits:
    """What an addition must keep: lowest voltage [pu] and largest loading [%] anywhere."""

    vm_min_pu: float
    loading_percent: float


def solve_near(net: pandapowerNet) -> None:
    """Solve from the last solution with the last matrix; the first solve must be a plain `runpp`."""
    pp.runpp(net, numba=True, init="results", recycle=KEPT)


def year_seconds(net: pandapowerNet, year: Year, steps: int) -> float:
    """Seconds of so many hours spread over the year, solved one by one."""
    hours = np.linspace(0, len(year.load_p) - 1, steps).astype(int)
    points = [year.power(net, slice(hour, hour + 1)) for hour in hours]
    pp.runpp(net)
    started = time.perf_counter()
    for load_mw, load_mvar, plant_mw in points:
        net.load["p_mw"], net.load["q_mvar"], net.sgen["p_mw"] = load_mw[0], load_mvar[0], plant_mw[0]
        solve_near(net)
    return time.perf_counter() - started


def headroom_kw(net: pandapowerNet, bus: int, limits: Limits, *, tan_phi: float, cap_kw: int) -> int:
    """Headroom of a bus by bisection to 1 kW.

    Doubles from 16 kW until a limit breaks, then halves: about ten load flows at a low-voltage bus.
    """
    probe = pp.create_load(net, bus, 0.0)
    pp.runpp(net)
    held, broken = 0, 0
    while held < cap_kw and broken - held != 1:
        tried = next_kw(held, broken, cap_kw)
        if _holds(net, probe, tried, limits, tan_phi):
            held = tried
        else:
            broken = tried
    net.load = net.load.drop(probe)
    return held


def next_kw(held: int, broken: int, cap_kw: int) -> int:
    """Next addition to try [kW]: twice as much while none broke a limit (`broken` 0), then half way."""
    return (held + broken) // 2 if broken else min(max(2 * held, FIRST_KW), cap_kw)


def _holds(net: pandapowerNet, probe: int, addition_kw: int, limits: Limits, tan_phi: float) -> bool:
    net.load.loc[probe, ["p_mw", "q_mvar"]] = addition_kw / 1e3, addition_kw / 1e3 * tan_phi
    try:
        solve_near(net)
    except pp.LoadflowNotConverged:
        net.load.loc[probe, ["p_mw", "q_mvar"]] = 0.0, 0.0
        pp.runpp(net)
        return False
    return bool(
        net.res_bus["vm_pu"].min() >= limits.vm_min_pu
        and net.res_line["loading_percent"].max() <= limits.loading_percent
        and net.res_trafo["loading_percent"].max() <= limits.loading_percent
    )
