"""Exact evaluation: plans by load flow, many at once, as the excess over every limit.

Excess is in percent: of nominal voltage, of the loading limit, of all demand for customers that a plan leaves
without supply; less than nothing is within the limit. What has no supply is within its limits, and counted
under those without supply; a ring that the network as it is does not have is broken, too. A state without
load flow is at `UNSOLVED_EXCESS`, for it alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from capacity.planning.plan_grid import (
    HIGH,
    LINES,
    LOW,
    NO_SOLUTION,
    RINGS,
    TRANSFORMERS,
    UNSUPPLIED,
    PlanGrid,
)
from capacity.planning.references import Tracer, VoltageBounds
from gridmodel.drawn_states import Flags, SolvedStates, Step, flags_of, solve_steps, turned

UNSOLVED_EXCESS = 100.0
# Per ring that a plan closes.
RING_EXCESS = 50.0
# What is out or dead is so far within its limits.
IDLE_EXCESS = -100.0
# Bounds kept, in buses: some 100 MB.
_BOUNDS_KEPT = 4_000_000
# A limit holds up to this [%]: what two engines may differ by.
TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class Standing:
    """A plan in one case: the state that others are solved from.

    Attributes
    ----------
    taken
        Measures in force.
    flags
        What is in, without what the case turns.
    bounds
        Voltage bounds in it.
    moving
        Measures that would change who feeds whom.
    """

    case: int
    taken: np.ndarray
    flags: Flags
    bounds: VoltageBounds
    moving: np.ndarray


class Evaluation:
    """Evaluates plans of one task; holds what all of them share."""

    def __init__(self, grid: PlanGrid, threads: int | None = None) -> None:
        self.grid = grid
        self.threads = threads
        self.solved_states = 0
        self._tracer = Tracer(grid.drawn, grid.limits)
        self._nothing = flags_of(grid.drawn)
        self._columns = {kind: np.flatnonzero(grid.kind == kind) for kind in range(NO_SOLUTION + 1)}
        self._buses = grid.place[self._columns[LOW]]
        self._owners = {
            LINES: _grouped(grid.drawn.line_owner), TRANSFORMERS: _grouped(grid.drawn.transformer_owner),
        }  # fmt: skip
        self._dark_at_first: dict[int, float] = {}
        self._rings: dict[int, int] = {}
        self._known_bounds: dict[bytes, VoltageBounds] = {}

    def standing(self, case: int, taken: np.ndarray) -> Standing:
        """A plan in one case."""
        flags = turned(self._nothing, self.grid.drawn.turns, self.grid.option[case][taken])
        joined = np.intersect1d(self._joined(case, flags), self._joined(case, self._nothing))
        moving = self.grid.rewires.copy()
        moving[self.grid.pairs_of[~np.isin(self.grid.measure_pairs, joined)]] = True
        return Standing(case, taken, flags, self._bounds(case, flags), moving)

    def excess(self, case: int, taken: np.ndarray) -> np.ndarray:
        """Excess of one plan in one case per constraint."""
        nothing = np.zeros(0, dtype=np.int64)
        return next(self.steps(self.standing(case, taken), [(nothing, nothing)]))[1][0]

    def steps(
        self, standing: Standing, steps: Sequence[tuple[np.ndarray, np.ndarray]]
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Excess of plans that differ from a standing one by measures given up and measures taken.

        Yields
        ------
        The number of the first plan, and plans x constraints [%], some hundred plans at a time.
        """
        case, option = standing.case, self.grid.option[standing.case]
        kva = self.grid.power_kva(case)
        weights = np.abs(kva)
        weights[self.grid.drawn.stub_at] = 0.0
        whole = max(float(weights.sum()), 1e-9)
        as_options = [Step(option[given_up], option[taken]) for given_up, taken in steps]
        for part in solve_steps(
            self.grid.drawn, standing.flags, as_options, kva,
            case=self.grid.case_turns(case), weights=weights, threads=self.threads,
        ):  # fmt: skip
            self.solved_states += len(part.solved)
            dark = 100.0 * (part.lost - self._lost_at_first(case, weights)) / whole
            yield part.first, self._excess(standing, part, steps, dark)

    def _excess(
        self,
        standing: Standing,
        part: SolvedStates,
        steps: Sequence[tuple[np.ndarray, np.ndarray]],
        dark: np.ndarray,
    ) -> np.ndarray:
        found = np.empty((len(part.solved), len(self.grid.kind)))
        low, high = standing.bounds.above(part.vm_pu)
        rings = np.full(len(part.solved), standing.bounds.rings)
        for row in range(len(part.solved)):
            given_up, taken = steps[part.first + row]
            if standing.moving[given_up].any() or standing.moving[taken].any():
                bounds = self._bounds_after(standing, given_up, taken)
                low[row], high[row] = bounds.above(part.vm_pu[row])
                rings[row] = bounds.rings
        found[:, self._columns[LOW]], found[:, self._columns[HIGH]] = (
            low[:, self._buses],
            high[:, self._buses],
        )
        loading = self.grid.limits.loading
        for kind, percent, limit in (
            (LINES, part.line_percent, loading.line_percent),
            (TRANSFORMERS, part.transformer_percent, loading.transformer_percent),
        ):
            order, starts = self._owners[kind]
            if len(order):
                most = np.fmax.reduceat(percent[:, order], starts, axis=1)
                found[:, self._columns[kind]] = 100.0 * (most / limit - 1.0)
        found[np.isnan(found)] = IDLE_EXCESS
        found[:, self._columns[UNSUPPLIED][0]] = np.where(dark > TOLERANCE, dark, IDLE_EXCESS)
        more = RING_EXCESS * (rings - self._rings_at_first(standing.case))
        found[:, self._columns[RINGS][0]] = np.where(more > 0, more, IDLE_EXCESS)
        found[:, self._columns[NO_SOLUTION][0]] = IDLE_EXCESS
        found[~part.solved] = IDLE_EXCESS
        found[~part.solved, self._columns[NO_SOLUTION][0]] = UNSOLVED_EXCESS
        return found

    def _bounds_after(self, standing: Standing, given_up: np.ndarray, taken: np.ndarray) -> VoltageBounds:
        kept = np.union1d(np.setdiff1d(standing.taken, given_up), taken).astype(np.int64)
        option = self.grid.option[standing.case][kept]
        return self._bounds(standing.case, turned(self._nothing, self.grid.drawn.turns, option))

    def _bounds(self, case: int, flags: Flags) -> VoltageBounds:
        """Bounds in a state, which cases without switching share."""
        seen = self._seen(case, flags)
        state = blake2b(b"".join(np.packbits(flag).tobytes() for flag in seen), digest_size=16).digest()
        if state not in self._known_bounds:
            if len(self._known_bounds) * len(self._buses) > _BOUNDS_KEPT:
                self._known_bounds.clear()
            self._known_bounds[state] = self._tracer.bounds(seen)
        return self._known_bounds[state]

    def _joined(self, case: int, flags: Flags) -> np.ndarray:
        return np.concatenate(list(self._tracer.joined_pairs(self._seen(case, flags)).values()))

    def _seen(self, case: int, flags: Flags) -> Flags:
        turns = self.grid.case_turns(case)
        return flags if turns is None else turned(flags, turns[0], np.array([turns[1]]))

    def _rings_at_first(self, case: int) -> int:
        """Rings of the network as it is: a plan may keep them, not close further ones."""
        if case not in self._rings:
            self._rings[case] = self._bounds(case, self._nothing).rings
        return self._rings[case]

    def _lost_at_first(self, case: int, weights: np.ndarray) -> float:
        """Demand without supply in the network as it is: no plan has to answer for it."""
        if case not in self._dark_at_first:
            nothing = np.zeros(0, dtype=np.int64)
            part = next(
                solve_steps(
                    self.grid.drawn, self._nothing, [Step(nothing, nothing)], self.grid.power_kva(case),
                    case=self.grid.case_turns(case), weights=weights, threads=1,
                )
            )  # fmt: skip
            self._dark_at_first[case] = float(part.lost[0])
        return self._dark_at_first[case]


def _grouped(owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows sorted by their owner, and where each owner begins."""
    order = np.argsort(owner, kind="stable")
    return order, np.unique(owner[order], return_index=True)[1]
