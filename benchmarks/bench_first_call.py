"""The engine's first calls in a fresh process: what compiled functions on disk leave to load."""

from __future__ import annotations

import statistics
import tempfile

from machine import in_process

BUSES = 10_000
RUNS = 5


def run() -> list[str]:
    """Start processes one after the other and return lines for RESULTS.md."""
    with tempfile.TemporaryDirectory() as folder:
        in_process("first", BUSES, folder)  # compiles and keeps what it compiled
        runs = [in_process("first", BUSES, folder) for _ in range(RUNS)]
    seconds = {name: statistics.median(figures[name] for figures in runs) for name in runs[0]}
    calls = sum(seconds[name] for name in ("compile_s", "batch_s", "headroom_s"))
    return [
        f"First calls of the engine in a fresh process, radial system of {BUSES:,} buses, numba's compiled "
        f"functions on disk, median of {RUNS}:",
        "",
        "| step | seconds |",
        "|---|---|",
        f"| imports (pandapower, numba) and making the net | {seconds['imports_s']:.2f} |",
        f"| compiling the grid | {seconds['compile_s']:.2f} |",
        f"| 100 load flows | {seconds['batch_s']:.2f} |",
        f"| headroom at all buses | {seconds['headroom_s']:.2f} |",
        f"| all calls | {calls:.2f} |",
    ]


if __name__ == "__main__":
    print("\n".join(run()))
