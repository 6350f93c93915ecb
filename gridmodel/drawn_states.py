"""Load flows of a drawn-in network: many sets of options taken, each as a change from one set that is taken.

What is solved from: the grid stands in the state of that set, so that a state costs what it differs by.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gridmodel.drawn_network import LINE, SOURCE, SWITCH, TRANSFORMER, DrawnNetwork, Turns

if TYPE_CHECKING:
    from gridmodel.engine.states import Changes
    from gridmodel.engine.switching import SwitchingGrid

# States solved in one go: their full columns of a grid of 10,000 buses take some 50 MB.
STATES_AT_ONCE = 192


class Flags(NamedTuple):
    """What is closed or in service per row of the drawn tables, in the order of `drawn_network.CODES`."""

    switches: np.ndarray
    lines: np.ndarray
    transformers: np.ndarray
    sources: np.ndarray


class Step(NamedTuple):
    """How a state differs from the one it is solved from: options given up, options taken."""

    given_up: np.ndarray
    taken: np.ndarray


@dataclass(frozen=True, eq=False)
class SolvedStates:
    """States first..first+len-1 of those asked for.

    Attributes
    ----------
    solved
        Whether a state has a load flow.
    vm_pu
        States x drawn buses [pu]; NaN without supply.
    line_percent, transformer_percent
        States x drawn rows [%]; NaN or 0 for what is out.
    lost
        Sum of the weights over buses without supply.
    """

    first: int
    solved: np.ndarray
    vm_pu: np.ndarray
    line_percent: np.ndarray
    transformer_percent: np.ndarray
    lost: np.ndarray


def flags_of(drawn: DrawnNetwork) -> Flags:
    """Flags with nothing taken."""
    network = drawn.network
    flags = (network.switches["closed"], *(
        network.table(table)["in_service"] for table in ("lines", "transformers", "sources")
    ))  # fmt: skip
    return Flags(*(flag.to_numpy(dtype=bool, copy=True) for flag in flags))


def turned(flags: Flags, turns: Turns, options: np.ndarray) -> Flags:
    """Flags after options of some turns."""
    entries = entries_of(turns, options)
    changed = Flags(*(flag.copy() for flag in flags))
    for code, flag in enumerate(changed):
        at = entries[turns.table[entries] == code]
        flag[turns.row[at]] = turns.on[at]
    return changed


def entries_of(turns: Turns, options: np.ndarray) -> np.ndarray:
    """Rows of the turns of options, one option after the other."""
    options = np.asarray(options, dtype=np.int64)
    first, sizes = turns.start[options], turns.start[options + 1] - turns.start[options]
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if len(ends) else 0
    return np.asarray(np.arange(total) + np.repeat(first - ends + sizes, sizes), dtype=np.int64)


def solve_steps(
    drawn: DrawnNetwork,
    flags: Flags,
    steps: Sequence[Step],
    kva: np.ndarray,
    *,
    case: tuple[Turns, int] | None = None,
    weights: np.ndarray | None = None,
    threads: int | None = None,
) -> Iterator[SolvedStates]:
    """Solve states that differ from one state by steps, `STATES_AT_ONCE` at a time.

    Parameters
    ----------
    flags
        The state they differ from, what the case turns not in it.
    kva
        Complex power drawn per drawn bus [kVA].
    case
        Turns and the option of them that the case is; it has the last word in every state.
    weights
        Per drawn bus, summed over those without supply.
    """
    from gridmodel.engine.states import solve_states

    known = flags if case is None else turned(flags, case[0], np.array([case[1]]))
    grid = _grid_in(drawn, known)
    injection = grid.fixed_pu - grid.at_rows(grid.bus_row, kva / (1e3 * grid.sn_mva))
    buses = np.arange(len(drawn.network.buses))
    edges = np.concatenate([grid.edge_of[0], grid.edge_of[1]])
    lines = len(drawn.network.lines)
    weighed = np.zeros((len(buses), 0)) if weights is None else weights[:, None]
    nothing_taken = flags_of(drawn)
    for first in range(0, len(steps), STATES_AT_ONCE):
        part = steps[first : first + STATES_AT_ONCE]
        changes = _changes(drawn, grid, nothing_taken, part, case)
        solved = solve_states(
            grid, changes, injection, weights=weighed, buses=buses, edges=edges, threads=threads
        )
        yield SolvedStates(
            first=first,
            solved=solved.converged,
            vm_pu=solved.vm_pu,
            line_percent=solved.percent[:, :lines],
            transformer_percent=solved.percent[:, lines:],
            lost=solved.figures.lost[:, 0] if weights is not None else np.zeros(len(part)),
        )


def _grid_in(drawn: DrawnNetwork, flags: Flags) -> SwitchingGrid:
    """The grid in a state."""
    grid = drawn.grid
    inside = grid.inside.copy()
    for code, flag in enumerate((flags.lines, flags.transformers)):
        edge = grid.edge_of[code]
        inside[edge[edge >= 0]] = flag[edge >= 0]
    return replace(grid, closed=flags.switches, inside=inside, feeding=flags.sources)


def _changes(
    drawn: DrawnNetwork,
    grid: SwitchingGrid,
    nothing_taken: Flags,
    steps: Sequence[Step],
    case: tuple[Turns, int] | None,
) -> Changes:
    """Per state: what is given up goes back to what it is untaken, then what is taken, then the case."""
    from gridmodel.engine.states import TURN_EDGE, TURN_SOURCE, TURN_SWITCH, Changes

    turns = drawn.turns
    back, back_state = _all_entries(turns, [step.given_up for step in steps])
    taken, taken_state = _all_entries(turns, [step.taken for step in steps])
    states = [back_state, taken_state]
    table = [turns.table[back], turns.table[taken]]
    at = [turns.row[back], turns.row[taken]]
    on = [_untaken(nothing_taken, table[0], at[0]), turns.on[taken]]
    if case is not None:
        of_case, count = entries_of(case[0], np.array([case[1]])), len(steps)
        states.append(np.repeat(np.arange(count), len(of_case)))
        for whole, column in zip((table, at, on), case[0][1:], strict=True):
            whole.append(np.tile(column[of_case], count))
    state, code, row = (np.concatenate(parts) for parts in (states, table, at))
    order = np.argsort(state, kind="stable")
    code, row = code[order], row[order].copy()
    for engine_kind, ours in enumerate((LINE, TRANSFORMER)):
        row[code == ours] = grid.edge_of[engine_kind][row[code == ours]]
    what = np.select([code == SWITCH, code == SOURCE], [TURN_SWITCH, TURN_SOURCE], TURN_EDGE)
    start = np.concatenate([[0], np.cumsum(np.bincount(state, minlength=len(steps)))]).astype(np.int64)
    return Changes(start, what.astype(np.int64), row, np.concatenate(on)[order])


def _all_entries(turns: Turns, options: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the turns of many sets of options, and the set each belongs to."""
    sizes = [len(one) for one in options]
    every = np.concatenate(options).astype(np.int64) if sum(sizes) else np.zeros(0, dtype=np.int64)
    of = np.repeat(np.arange(len(options)), sizes)
    return entries_of(turns, every), np.repeat(of, turns.start[every + 1] - turns.start[every])


def _untaken(nothing_taken: Flags, table: np.ndarray, at: np.ndarray) -> np.ndarray:
    on = np.zeros(len(at), dtype=bool)
    for code, flag in enumerate(nothing_taken):
        on[table == code] = flag[at[table == code]]
    return on
