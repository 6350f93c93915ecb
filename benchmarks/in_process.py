"""What is measured in a process of its own, on a generated radial system: `in_process.py WAY BUSES FOLDER`.

Prints one JSON object: seconds to get ready, of every solve, and the peak memory of the process [GiB].
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from machine import peak_gib

if TYPE_CHECKING:
    import power_grid_model as pgm

SOLVES = 3
PGM_TOLERANCE_PU = 1e-8  # largest change of a voltage in the last step, power-grid-model's default
TABLES = "tables.npz"
PROVED_BUSES = 10
VOLTAGES = "voltages.npy"


def with_pandapower(buses: int, folder: Path) -> dict[str, object]:
    """`runpp`, and what the other processes need of it: power-grid-model's tables and the voltages."""
    import pandapower as pp

    from gridmodel.synthetic import radial_net, radial_system

    net = radial_net(radial_system(buses))
    seconds = each(lambda: pp.runpp(net, numba=True), 2)
    figures: dict[str, object] = {
        "ready_s": 0.0,
        "solves_s": seconds,
        "solver_s": float(net._ppc["et"]),
        "gib": peak_gib(),
        "vm_min_pu": float(net.res_bus["vm_pu"].min()),
        "loss_mw": float(net.res_line["pl_mw"].sum() + net.res_trafo["pl_mw"].sum()),
    }
    from peer_pgm import pgm_grid

    inner = net._ppc["internal"]
    np.savez(folder / TABLES, **pgm_grid(inner).tables)
    np.save(folder / VOLTAGES, np.abs(inner["V"]))
    return figures


def with_pgm(buses: int, folder: Path) -> dict[str, object]:
    """power-grid-model: its tables become a model, then both exact methods; pandapower is not loaded."""
    import power_grid_model as pgm

    tables = {pgm.ComponentType[name]: rows for name, rows in np.load(folder / TABLES).items()}
    expected_pu = np.load(folder / VOLTAGES)
    methods = (pgm.CalculationMethod.newton_raphson, pgm.CalculationMethod.iterative_current)
    return {method.name: _pgm_figures(tables, method, expected_pu) for method in methods}


def _pgm_figures(
    tables: dict[pgm.ComponentType, np.ndarray], method: pgm.CalculationMethod, expected_pu: np.ndarray
) -> dict[str, object]:
    import power_grid_model as pgm

    wanted = {pgm.ComponentType.node: ["u_pu"], pgm.ComponentType.generic_branch: ["i_from", "i_to"]}
    started = time.perf_counter()
    model = pgm.PowerGridModel(tables)
    ready_s = time.perf_counter() - started

    def solve() -> dict[pgm.ComponentType, np.ndarray]:
        return model.calculate_power_flow(
            calculation_method=method, error_tolerance=PGM_TOLERANCE_PU, output_component_types=wanted
        )

    seconds = each(solve, SOLVES)
    error = float(np.abs(solve()[pgm.ComponentType.node]["u_pu"] - expected_pu).max())
    assert error < 1e-7, f"power-grid-model differs by {error} pu"
    return {"ready_s": ready_s, "solves_s": seconds, "gib": peak_gib()}


def with_engine(buses: int, folder: Path) -> dict[str, object]:
    """The engine: compiled from the net, then one operating point."""
    from gridmodel.engine.compiled import compile_grid
    from gridmodel.engine.linearised import reference_at
    from gridmodel.synthetic import radial_net, radial_system

    compile_grid(radial_net(radial_system(100)))  # loads numba's compiled functions
    net = radial_net(radial_system(buses))
    net_gib = peak_gib()
    started = time.perf_counter()
    grid = compile_grid(net)
    ready_s = time.perf_counter() - started
    injection = grid.injection_pu(net.load["scaling"].to_numpy(), net.sgen["scaling"].to_numpy())
    seconds = each(lambda: reference_at(grid, injection), SOLVES)
    volts = np.abs(reference_at(grid, injection).voltage_pu)[grid.bus_row]
    error = float(np.abs(volts - np.load(folder / VOLTAGES)).max())
    assert error < 1e-7, f"the engine differs by {error} pu"
    return {"ready_s": ready_s, "solves_s": seconds, "gib": peak_gib(), "net_gib": net_gib, "error_pu": error}


def with_headroom(buses: int, folder: Path) -> dict[str, object]:
    """The engine: load headroom at every bus, and a proof by solving a sample on the whole grid."""
    from bench_headroom import engine_headroom, prove_sample

    from gridmodel.engine.compiled import compile_grid
    from gridmodel.synthetic import radial_net, radial_system

    small = radial_net(radial_system(100))
    engine_headroom(small, compile_grid(small))  # loads numba's compiled functions
    net = radial_net(radial_system(buses))
    started = time.perf_counter()
    grid = compile_grid(net)
    ready_s = time.perf_counter() - started
    seconds = each(lambda: engine_headroom(net, grid), SOLVES)
    gib = peak_gib()
    proved = prove_sample(net, grid, engine_headroom(net, grid), PROVED_BUSES)
    return {"ready_s": ready_s, "solves_s": seconds, "gib": gib, "proved": proved}


def with_first_calls(buses: int, folder: Path) -> dict[str, object]:
    """The engine's first calls: what they take above the imports, with numba's compiled functions on disk."""
    started = time.perf_counter()
    from bench_headroom import engine_headroom

    from gridmodel.engine.batch import solve_batch, steady
    from gridmodel.engine.compiled import compile_grid
    from gridmodel.engine.linearised import reference_at
    from gridmodel.synthetic import radial_net, radial_system

    net = radial_net(radial_system(buses))
    marks = [time.perf_counter()]
    grid = compile_grid(net)
    marks.append(time.perf_counter())
    injection = grid.injection_pu(net.load["scaling"].to_numpy(), net.sgen["scaling"].to_numpy())
    solve_batch(grid, steady(injection, 100), reference_at(grid, injection))
    marks.append(time.perf_counter())
    engine_headroom(net, grid)
    marks.append(time.perf_counter())
    steps = dict(zip(("compile_s", "batch_s", "headroom_s"), np.diff(marks).tolist(), strict=True))
    return {"imports_s": marks[0] - started, **steps}


def each(work: Callable[[], object], times: int) -> list[float]:
    """Seconds of each of some calls."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return seconds


WAYS = {
    "pandapower": with_pandapower,
    "pgm": with_pgm,
    "engine": with_engine,
    "headroom": with_headroom,
    "first": with_first_calls,
}


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    print(json.dumps(WAYS[sys.argv[1]](int(sys.argv[2]), Path(sys.argv[3]))))
