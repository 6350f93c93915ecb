"""A radial system of a million buses: one load flow by three engines, and headroom, a process each."""

from __future__ import annotations

import statistics
import tempfile
from typing import Any

from machine import in_process

BUSES = 1_000_000


def run() -> list[str]:
    """Start the processes one after the other and return lines for RESULTS.md."""
    with tempfile.TemporaryDirectory() as folder:
        loop, pgm, ours, headroom = (
            in_process(way, BUSES, folder) for way in ("pandapower", "pgm", "engine", "headroom")
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
        "Ready: the engine compiles the net, of which pandapower's own conversion takes most; "
        "power-grid-model takes tables made from pandapower's branches, not counted; pandapower converts in "
        f"every solve, of which its solver takes {loop['solver_s']:.1f} s. Making the net alone takes "
        f"{ours['net_gib']:.1f} GiB. The engine's time is its reference point, factors included.",
        "",
        f"Load headroom at all {BUSES:,} buses takes {median(headroom):.1f} s and {headroom['gib']:.1f} GiB "
        f"after {headroom['ready_s']:.1f} s of compiling; {headroom['proved']} answers drawn by lot were "
        "solved on the whole grid, at the answer and 1 kW above.",
    ]


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
