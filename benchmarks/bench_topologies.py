"""A line out, an open point closed, on SimBench's 10,458-bus grid: the engine against its peers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pandapower as pp
import peer_pgm
import power_grid_model as pgm
from machine import timed
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order
from simbench_year import CODE, simbench_net

from gridmodel.engine.matrix import LINE
from gridmodel.engine.states import TURN_EDGE, TURN_SWITCH, Changes, StateResults, solve_states
from gridmodel.engine.switching import SwitchingGrid, compile_switching

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

CASES, PGM_CASES, PANDAPOWER_CASES, RUNS = 1000, 100, 10, 3


def run() -> list[str]:
    """Solve radial and meshed cases, compare on a sample, and return lines for RESULTS.md."""
    net = simbench_net()
    lots = np.random.default_rng(1)
    points, out = restorations(net, lots)
    compile_s, grid = timed(lambda: compile_switching(net, np.zeros(len(net.switch), dtype=bool)), 1)
    return [
        f"Switching states of SimBench `{CODE}`: an open point closed, and in the radial cases a line of the "
        f"ring taken out; voltages, loadings, losses and who is dark, {os.cpu_count()} cores for the engine "
        "and power-grid-model, whose time holds voltages and currents alone:",
        "",
        "| cases | way | ms a case | ratio |",
        "|---|---|---|---|",
        *rows("radial", net, grid, points, out),
        *rows("with a ring", net, grid, points, np.full(len(points), -1)),
        "",
        f"The engine solves {CASES:,} cases after {compile_s:.2f} s to compile the grid; of the peers "
        f"{PGM_CASES} (one batch, Newton) and {PANDAPOWER_CASES} (loop with numba).",
    ]


def rows(
    name: str, net: pandapowerNet, grid: SwitchingGrid, points: np.ndarray, out: np.ndarray
) -> list[str]:
    """Rows of the table for one kind of case."""
    ours_s, results = timed(lambda: engine(net, grid, points, out), RUNS)
    pgm_s, pgm_pu = power_grid_model(net, points[:PGM_CASES], out[:PGM_CASES])
    pp_s, pp_pu = pandapower_loop(net, points[:PANDAPOWER_CASES], out[:PANDAPOWER_CASES])
    assert (results.outcome == 0).all()
    lowest = results.figures.vm_min
    assert np.abs(lowest[: len(pp_pu)] - pp_pu).max() < 1e-8
    assert np.abs(lowest[: len(pgm_pu)] - pgm_pu).max() < 1e-6
    per_case = [ours_s / len(points), pgm_s / len(pgm_pu), pp_s / len(pp_pu)]
    ways = ("engine", "power-grid-model batch", "pandapower loop")
    return [
        f"| {name} | {way} | {1e3 * seconds:.2f} | {seconds / per_case[0]:.1f} |"
        for way, seconds in zip(ways, per_case, strict=True)
    ]


def restorations(net: pandapowerNet, lots: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Open switches of lines by lot, and for each a line of the ring it closes."""
    pp.runpp(net)
    dead = net.switch.loc[(net.switch["et"] == "l") & ~net.switch["closed"], "element"]
    coupled = (net.switch["et"] == "b") & net.switch["closed"]
    tables = (
        net.line.drop(index=dead)[["from_bus", "to_bus"]],
        net.trafo[["hv_bus", "lv_bus"]],
        net.switch.loc[coupled, ["bus", "element"]],
    )
    one, two = np.concatenate([table.to_numpy(dtype=int) for table in tables]).T
    graph = coo_array((np.ones(len(one)), (one, two)), shape=(net.bus.index.max() + 1,) * 2).tocsr()
    before = breadth_first_order(graph, net.ext_grid["bus"].iloc[0], directed=False)[1]
    ends = {
        frozenset(pair): line for line, pair in net.line[["from_bus", "to_bus"]].T.to_dict("list").items()
    }
    switches = np.flatnonzero((net.switch["et"] == "l") & ~net.switch["closed"])
    points = lots.choice(switches, CASES)
    out = []
    for line in net.switch["element"].to_numpy()[points]:
        ways = [_way(before, bus) for bus in net.line.loc[line, ["from_bus", "to_bus"]]]
        ring = [ends[step] for step in ways[0] ^ ways[1] if step in ends]
        out.append(lots.choice(ring))
    return points, np.array(out)


def _way(before: np.ndarray, bus: int) -> set[frozenset[int]]:
    """Steps from a bus to the source."""
    steps = set()
    while before[bus] >= 0:
        steps.add(frozenset((bus, int(before[bus]))))
        bus = int(before[bus])
    return steps


def engine(net: pandapowerNet, grid: SwitchingGrid, points: np.ndarray, out: np.ndarray) -> StateResults:
    edges = np.where(out >= 0, grid.edge_of[LINE][out], -1)
    count = len(points)
    changes = Changes(
        start=2 * np.arange(count + 1),
        what=np.tile([TURN_SWITCH, TURN_EDGE], count),
        at=np.column_stack([points, edges]).ravel(),
        on=np.tile([True, False], count),
    )
    power = grid.injection_pu(net.load["scaling"].to_numpy(), net.sgen["scaling"].to_numpy())
    return solve_states(grid, changes, power)


def power_grid_model(net: pandapowerNet, points: np.ndarray, out: np.ndarray) -> tuple[float, np.ndarray]:
    """Seconds for the cases, and the lowest voltage of each."""
    switch = net.switch.copy()
    opened = switch[(switch["et"] == "l") & ~switch["closed"]]
    net.switch.loc[opened.index, "closed"] = True
    pp.runpp(net)
    inner = net._ppc["internal"]
    net.switch = switch
    tables = peer_pgm.pgm_grid(inner)
    branches = tables.tables["generic_branch"]
    at_from = opened["bus"].to_numpy() == net.line.loc[opened["element"], "from_bus"].to_numpy()
    branches["from_status"][opened["element"]] = ~at_from
    branches["to_status"][opened["element"]] = at_from
    model = tables.model()
    changed = pgm.initialize_array(pgm.DatasetType.update, pgm.ComponentType.generic_branch, (len(points), 2))
    closed = net.switch["element"].to_numpy()[points]
    changed["id"] = branches["id"][np.column_stack([closed, np.where(out >= 0, out, closed)])]
    for status in ("from_status", "to_status"):
        changed[status] = np.column_stack([np.ones(len(points)), out < 0])
    method = pgm.CalculationMethod.newton_raphson
    seconds, solved = timed(lambda: peer_pgm.batch(model, {"generic_branch": changed}, method), 1)
    return seconds, solved["node"]["u_pu"].min(axis=1)


def pandapower_loop(net: pandapowerNet, points: np.ndarray, out: np.ndarray) -> tuple[float, np.ndarray]:
    """Seconds for the cases, and the lowest voltage of each."""
    pp.runpp(net)
    lowest = []

    def loop() -> None:
        for point, line in zip(points, out, strict=True):
            net.switch.iloc[point, net.switch.columns.get_loc("closed")] = True
            if line >= 0:
                net.line.loc[line, "in_service"] = False
            pp.runpp(net, tolerance_mva=1e-9)
            lowest.append(net.res_bus["vm_pu"].min())
            net.switch.iloc[point, net.switch.columns.get_loc("closed")] = False
            net.line["in_service"] = True

    return timed(loop, 1)[0], np.array(lowest)


if __name__ == "__main__":
    print("\n".join(run()))
