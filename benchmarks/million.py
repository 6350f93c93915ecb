"""One load flow of a generated radial system, in a process of its own: `million.py ENGINE BUSES FOLDER`.

Prints one JSON object: seconds to get ready, of every solve, and the peak memory of the process [GiB].
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

SOLVES = 3
TABLES = "tables.npz"
VOLTAGES = "voltages.npy"


def with_pandapower(buses: int, folder: Path) -> dict[str, object]:
    """`runpp`, and what the other processes need of it: power-grid-model's tables and the voltages."""
    import pandapower as pp

    from gridmodel.synthetic import radial_net, radial_system

    net = radial_net(radial_system(buses))
    seconds = timed(lambda: pp.runpp(net, numba=True), 2)
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
    """power-grid-model: its tables become a model, then its faster exact method."""
    import power_grid_model as pgm
    from peer_pgm import METHODS, TOLERANCE_PU, PgmGrid

    grid = PgmGrid(dict(np.load(folder / TABLES)), first_load=0)
    figures: dict[str, object] = {}
    for method in METHODS:
        started = time.perf_counter()
        model = grid.model()
        ready_s = time.perf_counter() - started
        solved: list[np.ndarray] = []

        def solve(model: pgm.PowerGridModel = model, method: pgm.CalculationMethod = method) -> None:
            wanted = {pgm.ComponentType.node: ["u_pu"], pgm.ComponentType.generic_branch: ["i_from", "i_to"]}
            solved[:] = [
                model.calculate_power_flow(
                    calculation_method=method,
                    error_tolerance=TOLERANCE_PU,
                    output_component_types=wanted,
                )[pgm.ComponentType.node]["u_pu"]
            ]

        seconds = timed(solve, SOLVES)
        figures[method.name] = {"ready_s": ready_s, "solves_s": seconds, "gib": peak_gib()}
        error = float(np.abs(solved[0] - np.load(folder / VOLTAGES)).max())
        assert error < 1e-7, f"power-grid-model differs by {error} pu"
    return figures


def timed(work: Callable[[], object], times: int) -> list[float]:
    """Seconds of each of some calls."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return seconds


def peak_gib() -> float:
    """Largest memory this process has held so far [GiB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


WAYS = {"pandapower": with_pandapower, "pgm": with_pgm}


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    print(json.dumps(WAYS[sys.argv[1]](int(sys.argv[2]), Path(sys.argv[3]))))
