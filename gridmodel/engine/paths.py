"""Headroom at every bus of a radial grid: whole kW, by the path from the bus to its source.

Only the branches between a bus and its source change their flow; every other subtree answers the voltage at
its top through what is known of it (`subtrees`). What has loops, or bands relative to another bus, needs the
general method: `radial_reason` says why.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from gridmodel.engine.answers import (
    AFFECTED_SHARE,
    CAPPED,
    LIMIT_KINDS,
    NO_LIMIT,
    NOTICEABLE_PU,
    UNDETERMINED,
    VOLTAGE_CHANGE,
    Answers,
    undetermined,
)
from gridmodel.engine.bounds import Bounds
from gridmodel.engine.compiled import CompiledGrid
from gridmodel.engine.path_kernels import Addition, PathGrid
from gridmodel.engine.path_search import answer, steps_to_source
from gridmodel.engine.rings import Hung
from gridmodel.engine.subtrees import LADEN, subtrees_of
from gridmodel.engine.tree import UNLIMITED, Ports, known_or, radial_reason, row_limits, tree_of

# A change of voltage no addition makes [pu]: stands for no limit.
_ANY_CHANGE_PU = 1e6
# Slices per thread: paths differ in length, and the last to finish should not be waited for long.
_SLICES = 8


def path_headroom(
    grid: CompiledGrid,
    injection_pu: np.ndarray,
    voltage_pu: np.ndarray,
    bounds: Bounds,
    buses: np.ndarray,
    *,
    per_kw_pu: complex,
    cap_kw: int,
    threads: int | None = None,
    hung: Hung | None = None,
) -> Answers:
    """Find the largest addition at each bus, alone, before any limit is hit.

    Parameters
    ----------
    injection_pu, voltage_pu
        Complex power injected per row and the solved voltages, both to 1e-9 pu or better.
    buses
        Positions in the net's bus table.
    per_kw_pu
        Complex power injected per kW of the addition [pu]: negative for load.
    cap_kw
        Largest addition tried [kW].
    threads
        One per core when absent.

    hung
        What hangs on rows beside the tree (`rings`), where anything does.

    Returns
    -------
    Answers
        In the order asked. UNDETERMINED with a limit of the kind OUT_OF_RANGE: the answer lies beyond the
        voltages this method is exact at (0.7 to 1.5 times those before) and is left to the general one.

    Raises
    ------
    ValueError
        The grid is not radial (`radial_reason`).
    """
    reason = radial_reason(grid, bounds)
    if reason:
        raise ValueError(f"the path method does not serve this grid: {reason}")
    buses = np.asarray(buses, dtype=np.int64)
    rows = grid.bus_row[buses]
    found = undetermined(len(buses))
    at_source = rows >= grid.free_count  # a source holds its voltage, whatever is added to it
    found.headroom_kw[at_source], found.status[at_source] = cap_kw, CAPPED
    asked = np.flatnonzero((rows >= 0) & ~at_source)
    asked = asked[np.argsort(rows[asked], kind="stable")]
    if not len(asked):
        return found
    paths, any_broken = path_grid(grid, injection_pu, voltage_pu, bounds, hung)
    addition = Addition(complex(per_kw_pu), int(cap_kw), AFFECTED_SHARE, NOTICEABLE_PU, any_broken)
    change_pu = np.minimum(known_or(bounds.change_pu[buses[asked]], np.inf), _ANY_CHANGE_PU)
    workers = threads or os.cpu_count() or 1
    headroom_kw, status, limit = _answers(paths, addition, rows[asked], change_pu, workers)
    at_bus = (limit >= 0) & (limit % LIMIT_KINDS >= VOLTAGE_CHANGE)
    limit[at_bus] = buses[asked[at_bus]] * LIMIT_KINDS + limit[at_bus] % LIMIT_KINDS
    found.headroom_kw[asked] = np.where(status == UNDETERMINED, 0, headroom_kw)
    found.status[asked], found.limit[asked] = status, limit
    return found


def path_grid(
    grid: CompiledGrid,
    injection_pu: np.ndarray,
    voltage_pu: np.ndarray,
    bounds: Bounds,
    hung: Hung | None = None,
) -> tuple[PathGrid, bool]:
    """Lay out what the kernels read, and tell whether any limit is broken before any addition.

    Parameters
    ----------
    hung
        What hangs on rows beside the tree (`rings`), where anything does.
    """
    tree = tree_of(grid, voltage_pu, bounds)
    limits = row_limits(grid, voltage_pu, bounds)
    beside = None
    if hung is not None:
        limits, beside = hung.tighten(limits), (hung.rows, hung.series)
    below = subtrees_of(tree, limits, injection_pu, voltage_pu, grid.shares, beside)
    plain, current_square = _plain_branches(tree.ports)
    any_broken = bool((limits.broken != NO_LIMIT).any()) or below.score.shape[1] > LADEN
    return PathGrid(
        parent=tree.parent, ports=tree.ports, square=below.square, drawn=below.drawn, rest=below.rest,
        link=below.link, score=below.score, limit=below.limit, side_score=below.side_score,
        side_limit=below.side_limit, plain=plain, current_square=current_square,
        shares=np.zeros((0, 4)) if grid.shares is None else grid.shares, bus_row=grid.bus_row,
    ), any_broken  # fmt: skip


def _plain_branches(ports: Ports) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose branch is single and not broken before, and the largest squares of its currents [pu]."""
    first = ports.start[:-1]
    plain = (np.diff(ports.start) == 1) & ~(ports.base_percent > ports.limit_percent)[first]
    with np.errstate(divide="ignore", invalid="ignore"):
        most = (ports.limit_percent[first, None] / ports.percent[first]) ** 2
    return plain, np.minimum(known_or(most, UNLIMITED), UNLIMITED)


def _answers(
    paths: PathGrid, addition: Addition, rows: np.ndarray, change_pu: np.ndarray, threads: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    headroom_kw, status, limit = (np.empty(len(rows), dtype=np.int64) for _ in range(3))
    depth = int(steps_to_source(paths.parent)[rows].max())

    def serve(part: slice) -> None:
        answer(
            paths, addition, rows[part], change_pu[part], depth, headroom_kw[part], status[part], limit[part]
        )

    edges = np.linspace(0, len(rows), _SLICES * threads + 1).astype(int)
    parts = [slice(first, last) for first, last in pairwise(edges) if last > first]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(serve, parts))
    return headroom_kw, status, limit
