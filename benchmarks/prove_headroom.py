"""Prove headroom against pandapower on every reference grid, and print the table of PROOF.md.

    python benchmarks/prove_headroom.py [--halve N] [GRID ...]

For up to BUSES random buses a grid, case and direction: at headroom + 2 kW pandapower finds a limit broken,
and none at headroom - 2 kW. For the first N of them (all when not given) pandapower, halving from 0 to 20 MW
with one load flow a question, must find the same whole kW. Limits: 0.9 to 1.1 pu, 100 % of every line and
transformer. Takes about two hours on one core for all grids.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from gridmodel.engine.answers import ALREADY_VIOLATED, CAPPED, OK, UNDETERMINED, Answers
from gridmodel.engine.compiled import compile_grid
from gridmodel.engine.largest import largest_additions
from tests.engine_checks import own_point
from tests.headroom_checks import CAP_KW, DRAWN_MVA, Before, before, bounds_of, holds, naive_headroom_kw
from tests.reference_grids import BASE, GRIDS, SHIPPED, reference_net

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

BUSES = 200
# SimBench's case of the highest load, and of the lowest with all wind.
CASES = ("hL", "lW")
HEAD = (
    "| grid | case | direction | buses | tried | halved | ok | already violated | capped | not as halving "
    "| bound not real | halving s a bus |",
    "|---|---|---|---|---|---|---|---|---|---|---|---|",
)


class Row(NamedTuple):
    """What one grid, case and direction shows; `wrong` and `unreal` count buses."""

    grid: str
    case: str
    direction: str
    buses: int
    tried: int
    halved: int
    ok: int
    already_violated: int
    capped: int
    wrong: int
    unreal: int
    halving_s: float

    def __str__(self) -> str:
        return "| " + " | ".join([*map(str, self[:-1]), f"{self.halving_s:.2f}"]) + " |"


def run(grids: tuple[str, ...] = GRIDS, halve: int = BUSES) -> list[str]:
    """Prove the grids; return lines for PROOF.md."""
    rows = []
    for grid in grids:
        for case in (BASE,) if grid in SHIPPED else CASES:
            for direction in DRAWN_MVA:
                rows.append(proved(grid, case, direction, halve))
                print(rows[-1], file=sys.stderr, flush=True)
    sums = {name: sum(getattr(row, name) for row in rows) for name in ("tried", "halved", "wrong", "unreal")}
    return [
        f"Of {sums['tried']:,} headrooms {sums['unreal']} have a bound that is not real within 2 kW; of "
        f"{sums['halved']:,} found by pandapower's halving too {sums['wrong']} differ "
        "(`benchmarks/prove_headroom.py`).",
        "",
        *HEAD,
        *map(str, rows),
    ]


def proved(grid: str, case: str, direction: str, halve: int) -> Row:
    """Compare the engine's headroom at random buses with pandapower's."""
    net = reference_net(grid, case)
    answers, state = engine_answers(net, direction), before(net)
    drawn = np.random.default_rng(0).permutation(len(answers.status))[:BUSES]
    drawn = drawn[answers.status[drawn] != UNDETERMINED]
    wrong = unreal = 0
    started = time.perf_counter()
    for bus in drawn[:halve]:
        wrong += naive_headroom_kw(state, int(bus), direction, fast=True) != answers.headroom_kw[bus]
    halving_s = (time.perf_counter() - started) / max(len(drawn[:halve]), 1)
    for bus in drawn:
        unreal += not is_real(state, int(bus), answers, direction)
    counts = [int((answers.status[drawn] == status).sum()) for status in (OK, ALREADY_VIOLATED, CAPPED)]
    sizes = (len(net.bus), len(drawn), len(drawn[:halve]))
    return Row(grid, case, direction, *sizes, *counts, wrong, unreal, halving_s)


def engine_answers(net: pandapowerNet, direction: str) -> Answers:
    """The engine's headroom at every bus of a net."""
    grid, own = compile_grid(net), own_point(net)
    return largest_additions(
        grid, grid.injection_pu(own.load[0], own.generation[0]), bounds_of(net), np.arange(len(net.bus)),
        per_kw_pu=-DRAWN_MVA[direction] / grid.sn_mva, cap_kw=CAP_KW,
    )  # fmt: skip


def is_real(state: Before, bus: int, answers: Answers, direction: str) -> bool:
    """Whether 2 kW less break no limit and 2 kW more break one."""
    headroom_kw = int(answers.headroom_kw[bus])
    fits = holds(state, bus, headroom_kw - 2, direction, fast=True)
    return fits and (
        answers.status[bus] == CAPPED or not holds(state, bus, headroom_kw + 2, direction, fast=True)
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of pandapower's and SimBench's own data
    asked = argparse.ArgumentParser()
    asked.add_argument("grids", nargs="*", default=GRIDS)
    asked.add_argument("--halve", type=int, default=BUSES)
    chosen = asked.parse_args()
    print("\n".join(run(tuple(chosen.grids), chosen.halve)))
