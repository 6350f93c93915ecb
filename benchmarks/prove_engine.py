"""Prove the engine on every reference grid and case, and print the table of PROOF.md.

    python benchmarks/prove_engine.py [GRID ...]

Per grid the largest differences over its cases, each at its own point and at POINTS more with every load and
generator at 0.2 to 1.3 of it at random. pandapower solves to 1e-10 MVA; the third opinion is power-grid-model
on pandapower's branches. Without names all grids, the one of 10,458 buses last.
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from gridmodel.engine.compiled import compile_grid
from gridmodel.engine.kernels import CONVERGED
from tests.engine_checks import (
    Differences,
    Points,
    differences,
    own_point,
    random_points,
    set_point,
    solve_points,
    worst,
)
from tests.odd_grids import ODD
from tests.reference_grids import GRIDS, LARGE, cases_of, reference_net, solve_closely
from tests.third_opinion import largest_difference_pu

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

POINTS = 10
HEAD = (
    "| grid | buses | points | voltage pu | losses | sources | line loading | transformer loading "
    "| power-grid-model pu | sweeps |",
    "|---|---|---|---|---|---|---|---|---|---|",
)


class Row(NamedTuple):
    """What one grid shows: buses, points solved, largest differences, the third opinion, most sweeps."""

    grid: str
    buses: int
    points: int
    found: Differences
    third_pu: float
    sweeps: int

    def __str__(self) -> str:
        powers = " | ".join(f"{share:.0e}" for share in self.found[1:])
        return (
            f"| {self.grid} | {self.buses:,} | {self.points} | {self.found.vm_pu:.0e} | {powers} "
            f"| {self.third_pu:.0e} | {self.sweeps} |"
        )


def run(grids: tuple[str, ...] = (*GRIDS, LARGE)) -> list[str]:
    """Prove the grids and the oddities; return lines for PROOF.md."""
    started = time.perf_counter()
    rows = [proved(grid) for grid in grids] + [proved_oddities()]
    found = worst([row.found for row in rows])
    return [
        f"Largest difference between the engine and pandapower over {sum(row.points for row in rows):,} "
        f"operating points: {found.vm_pu:.0e} pu of a voltage, {found.power:.0e} of a power or loading; "
        f"between power-grid-model and pandapower {max(row.third_pu for row in rows):.0e} pu "
        f"(`benchmarks/prove_engine.py`, {time.perf_counter() - started:.0f} s).",
        "",
        *HEAD,
        *map(str, rows),
    ]


def proved(grid: str) -> Row:
    """Prove a grid in all its cases."""
    count = 2 if grid == LARGE else POINTS
    return _joined(grid, [_case(grid, reference_net(grid, case), count) for case in cases_of(grid)])


def proved_oddities() -> Row:
    """Prove the small grids of one oddity each; the one near collapse at most at its own load."""
    nets = {name: make() for name, make in ODD.items()}
    nets["heavy_load"].load["scaling"] = 0.75
    return _joined(f"{len(nets)} oddities", [_case(name, net, POINTS) for name, net in nets.items()])


def _case(grid: str, net: pandapowerNet, count: int) -> Row:
    own, compiled = own_point(net), compile_grid(net)
    points = Points(*map(np.vstack, zip(own, random_points(net, count, seed=11), strict=True)))
    batch = solve_points(compiled, points, about=own)
    if not (batch.outcome == CONVERGED).all():
        raise SystemExit(f"{grid}: the engine has no solution at points {np.flatnonzero(batch.outcome)}")
    found, third_pu = [], 0.0
    for number in range(1 + count):
        set_point(net, points, number)
        found.append(differences(solve_closely(net), compiled, batch, number))
        third_pu = max(third_pu, largest_difference_pu(net))
    return Row(grid, len(net.bus), 1 + count, worst(found), third_pu, int(batch.steps.max()))


def _joined(grid: str, rows: list[Row]) -> Row:
    row = Row(
        grid,
        max(row.buses for row in rows),
        sum(row.points for row in rows),
        worst([row.found for row in rows]),
        max(row.third_pu for row in rows),
        max(row.sweeps for row in rows),
    )
    print(row, file=sys.stderr, flush=True)
    return row


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of pandapower's and SimBench's own data
    print("\n".join(run(tuple(sys.argv[1:]) or (*GRIDS, LARGE))))
