"""pandapower's hosting capacity tutorial: solar plants by lot on mv_oberrhein until a limit breaks.

The tutorial (pandapower, tutorials/hosting_capacity.ipynb, BSD-3): scenario "generation", plants of
N(0.5, 0.05) MW at the bus of a load drawn by lot, limits 50 % of lines, 50 % of transformers, 1.04 pu, 50
draws; the plant that breaks the limit counts. Random numbers: one `default_rng(0)`, size first, then bus,
and none once a limit is broken, so the draws are stretches of one stream of plants.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandapower as pp
import pandapower.networks as networks
from machine import timed

from gridmodel.engine.batch import solve_batch, steady, with_additions
from gridmodel.engine.compiled import CompiledGrid, compile_grid
from gridmodel.engine.linearised import reference_at

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

DRAWS = 50
LINE_PERCENT, TRANSFORMER_PERCENT, VM_PU = 50.0, 50.0, 1.04
SIZE_MW = {"loc": 0.5, "scale": 0.05}
# The tutorial itself, all 50 draws with `runpp` (one minute): what must come out here.
MEAN_MW, FLOWS = 10.792662601235493, 1127
# Draws that pandapower repeats in this run.
PEER_DRAWS = 4
# Plants tried in one batch: most draws end before.
AT_ONCE = 31
RUNS = 3


def run() -> list[str]:
    """Time both ways, check that they draw the same, and return lines for RESULTS.md."""
    net = networks.mv_oberrhein(scenario="generation")
    ours_s, installed = timed(lambda: engine_draws(net), RUNS)
    flows = sum(plants + 1 for plants, _ in installed)
    mean_mw = float(np.mean([mw for _, mw in installed]))
    assert flows == FLOWS
    assert abs(mean_mw - MEAN_MW) < 1e-9
    loop_s, runpp_s, peer_flows, drawn = tutorial_draws(PEER_DRAWS)
    assert drawn == [plants for plants, _ in installed[:PEER_DRAWS]]
    ours_ms, loop_ms, runpp_ms = (
        1e3 * s for s in (ours_s / FLOWS, loop_s / peer_flows, runpp_s / peer_flows)
    )
    return [
        f"pandapower's hosting capacity tutorial on `mv_oberrhein`: {DRAWS} draws, {flows:,} load flows, "
        f"mean {mean_mw:.3f} MW, the same draws in both:",
        "",
        "| way | milliseconds a load flow | ratio |",
        "|---|---|---|",
        f"| the engine, {AT_ONCE} plants of a draw at once, compiling included | {ours_ms:.3f} | 1 |",
        f"| `runpp` alone ({peer_flows} load flows) | {runpp_ms:.1f} | {runpp_ms / ours_ms:.0f} |",
        f"| the tutorial's loop around it | {loop_ms:.1f} | {loop_ms / ours_ms:.0f} |",
    ]


def plants_by_lot(buses: np.ndarray) -> Iterator[tuple[float, int]]:
    """The stream of plants: size [MW] and bus."""
    lot = np.random.default_rng(0)
    while True:
        yield float(lot.normal(**SIZE_MW)), int(lot.choice(buses))


def engine_draws(net: pandapowerNet) -> list[tuple[int, float]]:
    """Plants until a limit breaks and their power [MW], per draw."""
    grid = compile_grid(net)
    row_of_bus = dict(zip(net.bus.index, grid.bus_row, strict=True))
    base = grid.injection_pu(net.load["scaling"].to_numpy(), net.sgen["scaling"].to_numpy())
    plants, waiting, drawn = plants_by_lot(net.load["bus"].to_numpy()), [], []
    for _ in range(DRAWS):
        last = None
        while last is None:
            waiting += [next(plants) for _ in range(max(0, AT_ONCE - len(waiting)) or AT_ONCE)]
            last = first_broken(grid, base, waiting, row_of_bus)
        drawn.append((last, sum(mw for mw, _ in waiting[:last])))
        waiting = waiting[last:]
    return drawn


def first_broken(
    grid: CompiledGrid, base: np.ndarray, plants: list[tuple[float, int]], row_of_bus: dict[int, int]
) -> int | None:
    """How many of the plants, one after the other, until a limit breaks; nothing when none does."""
    size_mw, buses = np.array(plants).T
    rows = np.array([row_of_bus[int(bus)] for bus in buses])
    scenario, plant = np.tril_indices(len(plants) + 1, -1)  # scenario n has the first n plants
    injections = with_additions(
        steady(base, len(plants) + 1), scenario, rows[plant], size_mw[plant] / grid.sn_mva
    )
    half = base.copy()
    np.add.at(half, rows, size_mw / grid.sn_mva / 2.0)
    batch = solve_batch(grid, injections, reference_at(grid, half))
    figures = batch.figures
    broken = (
        (figures.line_percent > LINE_PERCENT)
        | (figures.transformer_percent > TRANSFORMER_PERCENT)
        | (figures.vm_max > VM_PU)
        | ~batch.converged
    )
    return int(np.argmax(broken)) if broken.any() else None


def tutorial_draws(draws: int) -> tuple[float, float, int, list[int]]:
    """The tutorial's own way: seconds of all, of `runpp` alone, load flows, plants per draw."""
    pp.runpp(networks.mv_oberrhein(scenario="generation"))  # loads numba's compiled functions
    started, runpp_s, flows, drawn = time.perf_counter(), 0.0, 0, []
    plants = None
    for _ in range(draws):
        net = networks.mv_oberrhein(scenario="generation")
        plants = plants or plants_by_lot(net.load["bus"].to_numpy())
        drawn.append(0)
        while True:
            flow_started = time.perf_counter()
            pp.runpp(net)
            runpp_s, flows = runpp_s + time.perf_counter() - flow_started, flows + 1
            if (
                net.res_line["loading_percent"].max() > LINE_PERCENT
                or net.res_trafo["loading_percent"].max() > TRANSFORMER_PERCENT
                or net.res_bus["vm_pu"].max() > VM_PU
            ):
                break
            size_mw, bus = next(plants)
            pp.create_sgen(net, bus, p_mw=size_mw, q_mvar=0.0)
            drawn[-1] += 1
    return time.perf_counter() - started, runpp_s, flows, drawn


if __name__ == "__main__":
    print("\n".join(run()))
