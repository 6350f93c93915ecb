"""Headroom by pandapower alone: one bus, one load flow a question, halving until 1 kW is left.

Shares no code with the engine: limits are looked up in pandapower's result tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandapower

from gridmodel.engine.bounds import Bounds
from tests.reference_grids import solve_closely

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

# EN 50160's band, and ratings in full.
VM_MIN_PU, VM_MAX_PU, MOST_PERCENT = 0.9, 1.1, 100.0
CAP_KW = 20_000
COS_PHI = 0.95
# Drawn per kW of an addition [MVA].
DRAWN_MVA = {
    "load": 1e-3 * complex(1.0, np.tan(np.arccos(COS_PHI))),
    "generation": complex(-1e-3),
}
# Of its own power or voltage change an addition must add so much to what is broken before.
AFFECTED_SHARE, NOTICEABLE_PU = 0.1, 1e-8


def bounds_of(net: pandapowerNet) -> Bounds:
    """The limits as the engine takes them."""
    buses = len(net.bus)
    return Bounds(
        vm_min_pu=np.full(buses, VM_MIN_PU),
        vm_max_pu=np.full(buses, VM_MAX_PU),
        reference=np.full(buses, -1),
        line_percent=np.full(len(net.line), MOST_PERCENT),
        transformer_percent=np.full(len(net.trafo), MOST_PERCENT),
        change_pu=np.full(buses, np.inf),
    )


@dataclass(frozen=True, eq=False)
class Before:
    """A net solved before any addition, with a load of 0 MW at every bus that additions go into.

    Attributes
    ----------
    probes
        Indices of those loads, in the order of the buses.
    vm_pu, percent, rating_mva
        Voltages, and loadings and ratings by table, before.
    start
        Options of `runpp` that start from this solution; none where it takes none.
    """

    net: pandapowerNet
    probes: np.ndarray
    vm_pu: np.ndarray
    percent: dict[str, np.ndarray]
    rating_mva: dict[str, np.ndarray]
    start: dict[str, np.ndarray]


def before(net: pandapowerNet) -> Before:
    """Solve a net with a probe at every bus."""
    probes = pandapower.create_loads(net, net.bus.index, 0.0)
    solve_closely(net)
    # pandapower takes no start with middles of transformers of three windings, and none with dead buses.
    from_here = not len(net.trafo3w) and not net.res_bus["vm_pu"].isna().any()
    line, trafo = net.line, net.trafo
    line_kv = net.bus["vn_kv"].loc[line["from_bus"]].to_numpy()
    return Before(
        net,
        np.asarray(probes),
        net.res_bus["vm_pu"].to_numpy(copy=True),
        {table: net[f"res_{table}"]["loading_percent"].to_numpy(copy=True) for table in ("line", "trafo")},
        {
            "line": (np.sqrt(3.0) * line_kv * line["max_i_ka"] * line["df"] * line["parallel"]).to_numpy(),
            "trafo": (trafo["sn_mva"] * trafo["df"] * trafo["parallel"]).to_numpy(),
        },
        {
            f"init_{name}": net.res_bus[name].to_numpy(copy=True)
            for name in ("vm_pu", "va_degree")
            if from_here
        },
    )


def blocking(state: Before, bus: int, drawn_mva: complex, *, fast: bool = False) -> set[tuple[str, int]]:
    """Check and position of every limit that speaks against power drawn at a bus (by position).

    See `_solves` for what is fast.
    """
    power = ["p_mw", "q_mvar"]
    state.net.load.loc[state.probes[bus], power] = drawn_mva.real, drawn_mva.imag
    solved = _solves(state, fast=fast)
    state.net.load.loc[state.probes[bus], power] = 0.0
    if solved:
        return _voltages(state, bus) | _overloads(state, abs(drawn_mva))
    if fast:  # what pandapower has kept of a failure spoils all that follow
        _solves(state, fast=False)
    return {("no_solution", bus)}


def _solves(state: Before, *, fast: bool) -> bool:
    """Solve the net as it stands; fast is pandapower with numba on the matrix it has kept."""
    kept = {"numba": True, "recycle": {"bus_pq": True, "trafo": False, "gen": False}} if fast else {}
    options = {"numba": False, "tolerance_mva": 1e-10, "max_iteration": 12} | kept
    try:
        pandapower.runpp(state.net, **options, **state.start)
    except pandapower.LoadflowNotConverged:
        return False
    return True


def _voltages(state: Before, bus: int) -> set[tuple[str, int]]:
    was, now = state.vm_pu, state.net.res_bus["vm_pu"].to_numpy()
    enough = max(AFFECTED_SHARE * abs(now[bus] - was[bus]), NOTICEABLE_PU)
    under = (now < VM_MIN_PU) & ((was >= VM_MIN_PU) | (was - now >= enough))
    over = (now > VM_MAX_PU) & ((was <= VM_MAX_PU) | (now - was >= enough))
    found = {"undervoltage": under, "overvoltage": over}
    return {(check, int(at)) for check, broken in found.items() for at in np.flatnonzero(broken)}


def _overloads(state: Before, added_mva: float) -> set[tuple[str, int]]:
    found = set()
    for table, check in (("line", "line_overload"), ("trafo", "transformer_overload")):
        was, now = state.percent[table], state.net[f"res_{table}"]["loading_percent"].to_numpy()
        grown_mva = (now - was) / 100.0 * state.rating_mva[table]
        broken = (now > MOST_PERCENT) & ((was <= MOST_PERCENT) | (grown_mva >= AFFECTED_SHARE * added_mva))
        found |= {(check, int(at)) for at in np.flatnonzero(broken)}
    return found


def holds(state: Before, bus: int, p_kw: int, direction: str, *, fast: bool = False) -> bool:
    """Whether so much more fits at a bus; nothing more always does."""
    return p_kw <= 0 or not blocking(state, bus, p_kw * DRAWN_MVA[direction], fast=fast)


def naive_headroom_kw(state: Before, bus: int, direction: str, *, fast: bool = False) -> int:
    """Largest addition in whole kW by halving, 0 to the cap."""
    low, high = 0, CAP_KW + 1
    while high - low > 1:
        middle = (low + high) // 2
        fits = holds(state, bus, middle, direction, fast=fast)
        low, high = (middle, high) if fits else (low, middle)
    return low
