"""Headroom at every bus of SimBench's 10,458-bus grid: the engine against bisections of its peers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pandapower as pp
import peer_pandapower
import peer_pgm
from machine import timed
from peer_pandapower import Limits
from simbench_year import CODE, simbench_net

from gridmodel.engine.answers import CAPPED, Answers
from gridmodel.engine.bounds import Bounds
from gridmodel.engine.compiled import CompiledGrid, compile_grid
from gridmodel.engine.largest import largest_additions
from gridmodel.engine.linearised import reference_at
from gridmodel.engine.proof import prove, whole_grid

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

LIMITS = Limits(vm_min_pu=0.90, loading_percent=100.0)
COS_PHI = 0.95
TAN_PHI = float(np.tan(np.arccos(COS_PHI)))
CAP_KW = 20_000
RUNS = 3
# Buses asked of the peers; all take pandapower three hours and power-grid-model eight minutes.
PANDAPOWER_BUSES, PGM_BUSES, PROVED_BUSES = 50, 200, 200


def run() -> list[str]:
    """Ask the radial and the meshed grid, compare on a sample, and return lines for RESULTS.md."""
    radial, meshed = simbench_net(), simbench_net()
    rings = close_rings(meshed)
    return [
        f"Load headroom at all {len(radial.bus):,} buses of SimBench `{CODE}`, one at a time, to 1 kW, "
        f"cos phi {COS_PHI}, every voltage over {LIMITS.vm_min_pu} pu, every line and transformer under "
        f"{LIMITS.loading_percent:.0f} %:",
        "",
        "| grid | way | seconds for all | microseconds a bus | ratio |",
        "|---|---|---|---|---|",
        *rows("radial", radial, with_loop=True),
        *rows(f"{rings} rings closed", meshed, with_loop=False),
        "",
        "The engine's time holds the operating point before any addition, not compiling the grid. The peers "
        f"solve {PGM_BUSES} and {PANDAPOWER_BUSES} buses drawn by lot, the rest is extrapolated: bisections "
        "from 16 kW up, power-grid-model (iterative_current) with one batch a round, pandapower with numba, "
        "kept matrix and the last solution as start. All gave the same kW at every bus they solved.",
    ]


def rows(name: str, net: pandapowerNet, *, with_loop: bool) -> list[str]:
    """Rows of the table for one grid."""
    pp.runpp(net)
    grid, count = compile_grid(net), len(net.bus)
    ours_s, answers = timed(lambda: engine_headroom(net, grid), RUNS)
    proof_s, proved = timed(lambda: prove_sample(net, grid, answers, PROVED_BUSES), 1)
    asked = np.random.default_rng(0).permutation(count)[:PGM_BUSES]
    pgm_s, theirs = timed(lambda: pgm_headroom(net, asked), 1)
    require_same(answers, asked, theirs)
    ways = [
        ("the engine", ours_s),
        (f"(solving {proved} answers again, and 1 kW above)", proof_s),
        ("power-grid-model, batched bisection", pgm_s / len(asked) * count),
    ]
    if with_loop:
        few = asked[:PANDAPOWER_BUSES]
        loop_s, loop = timed(lambda: loop_headroom(net, few), 1)
        require_same(answers, few, loop)
        ways.append(("pandapower, bisection", loop_s / len(few) * count))
    return [
        f"| {name} | {way} | {seconds:,.2f} | {1e6 * seconds / count:,.0f} | {seconds / ours_s:,.2f} |"
        for way, seconds in ways
    ]


def close_rings(net: pandapowerNet) -> int:
    """Close every open switch of a line; returns how many there were."""
    is_open = (net.switch["et"] == "l") & ~net.switch["closed"]
    net.switch.loc[is_open, "closed"] = True
    return int(is_open.sum())


def bounds_of(net: pandapowerNet) -> Bounds:
    """The limits as the engine takes them."""
    buses = len(net.bus)
    return Bounds(
        vm_min_pu=np.full(buses, LIMITS.vm_min_pu),
        vm_max_pu=np.full(buses, np.inf),
        reference=np.full(buses, -1),
        line_percent=np.full(len(net.line), LIMITS.loading_percent),
        transformer_percent=np.full(len(net.trafo), LIMITS.loading_percent),
        change_pu=np.full(buses, np.inf),
    )


def per_kw_pu(grid: CompiledGrid) -> complex:
    """Complex power injected per kW of load [pu]."""
    return complex(-1.0, -TAN_PHI) * 1e-3 / grid.sn_mva


def engine_headroom(net: pandapowerNet, grid: CompiledGrid) -> Answers:
    """All buses with the engine."""
    injection_pu = grid.injection_pu(net.load["scaling"].to_numpy(), net.sgen["scaling"].to_numpy())
    buses = np.arange(len(net.bus))
    return largest_additions(
        grid, injection_pu, bounds_of(net), buses, per_kw_pu=per_kw_pu(grid), cap_kw=CAP_KW
    )


def prove_sample(net: pandapowerNet, grid: CompiledGrid, answers: Answers, sample: int) -> int:
    """Solve answers drawn by lot on the whole grid, at the answer and 1 kW above; returns how many."""
    injection_pu = grid.injection_pu(net.load["scaling"].to_numpy(), net.sgen["scaling"].to_numpy())
    voltage_pu = reference_at(grid, injection_pu).voltage_pu
    whole = whole_grid(grid, injection_pu, voltage_pu, bounds_of(net))
    proof = prove(
        whole, np.arange(len(net.bus)), answers, per_kw_pu=per_kw_pu(grid), sample=sample,
        threads=os.cpu_count() or 1,
    )  # fmt: skip
    assert not proof.failed
    return len(proof.tried)


def pgm_headroom(net: pandapowerNet, buses: np.ndarray) -> np.ndarray:
    """Some buses by power-grid-model, all in step."""
    grid = peer_pgm.pgm_grid(net._ppc["internal"])
    nodes = net._pd2ppc_lookups["bus"][net.bus.index[buses]]
    percent = peer_pgm.percent_per_pu(net)
    return peer_pgm.headroom_kw(grid, nodes, LIMITS, percent=percent, tan_phi=TAN_PHI, cap_kw=CAP_KW)


def loop_headroom(net: pandapowerNet, buses: np.ndarray) -> np.ndarray:
    """Some buses by pandapower, one after the other."""
    found = [
        peer_pandapower.headroom_kw(net, bus, LIMITS, tan_phi=TAN_PHI, cap_kw=CAP_KW)
        for bus in net.bus.index[buses]
    ]
    return np.array(found)


def require_same(answers: Answers, asked: np.ndarray, theirs: np.ndarray) -> None:
    """Stop unless every bus got the same kW."""
    ours = answers.headroom_kw[asked]
    same = (ours == theirs) | ((answers.status[asked] == CAPPED) & (theirs == CAP_KW))
    assert same.all(), f"differ at {asked[~same]}: {ours[~same]} and {theirs[~same]}"


if __name__ == "__main__":
    print("\n".join(run()))
