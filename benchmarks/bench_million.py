"""A radial system of a million buses: one load flow by three engines, each in a process of its own, and headroom."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

BUSES = 1_000_000
PROGRAM = Path(__file__).with_name("million.py")


def run() -> list[str]:
    """Start the processes one after the other and return lines for RESULTS.md."""
    with tempfile.TemporaryDirectory() as folder:
        loop, pgm, ours, headroom = (
            process(way, BUSES, folder) for way in ("pandapower", "pgm", "engine", "headroom")
        )
    method = min(pgm, key=lambda name: median(pgm[name]))
    ours_s = median(ours)
    return [
        f"One load flow of a generated radial 110/20/0.4 kV system of {BUSES:,} buses (lowest voltage "
        f"{loop['vm_min_pu']:.3f} pu), each engine in a process of its own; the same voltages to 1e-7 pu:",
        "",
        "| way | ready [s] | first solve [s] | later solves [s] | ratio | peak memory [GiB] |",
        "|---|---|---|---|---|---|",
        row("the engine", ours, ours_s),
        row(f"power-grid-model {method}", pgm[method], ours_s),
        row("pandapower with numba", loop, ours_s),
        "",
        f"Ready: the engine compiles the net, of which pandapower's own conversion takes most; power-grid-model "
        f"takes tables made from pandapower's branches (making them does not count); pandapower converts in every "
        f"solve, of which its solver takes {loop['solver_s']:.1f} s. The net alone holds {ours['net_gib']:.1f} GiB.",
        "",
        f"Load headroom at all {BUSES:,} buses takes {median(headroom):.1f} s and {headroom['gib']:.1f} GiB after "
        f"{headroom['ready_s']:.1f} s of compiling; {headroom['proved']} answers drawn by lot were solved on the "
        "whole grid, at the answer and 1 kW above.",
    ]


def process(way: str, buses: int, folder: str) -> dict[str, Any]:
    """Figures of one process."""
    command = [sys.executable, "-W", "ignore", str(PROGRAM), way, str(buses), folder]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def median(figures: dict[str, Any]) -> float:
    """Median of the solves after the first [s]."""
    return statistics.median(figures["solves_s"][1:])


def row(way: str, figures: dict[str, Any], ours_s: float) -> str:
    """A row of the table."""
    first_s, later_s = figures["solves_s"][0], median(figures)
    return (
        f"| {way} | {figures['ready_s']:.1f} | {first_s:.2f} | {later_s:.2f} | {later_s / ours_s:.2f} "
        f"| {figures['gib']:.1f} |"
    )


if __name__ == "__main__":
    print("\n".join(run()))
