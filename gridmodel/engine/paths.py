"""Headroom at every bus of a radial grid: whole kW, by the path from the bus to its source.

Only the branches between a bus and its source change their flow; every other subtree answers the voltage at
its top through what is known of it (`subtrees`). What has loops, or bands relative to another bus, needs the
general method: `radial_reason` says why.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from gridmodel.engine.bounds import Bounds
from gridmodel.engine.compiled import CompiledGrid
from gridmodel.engine.path_kernels import ALREADY_VIOLATED, CAPPED, OK, UNDETERMINED, Addition, PathGrid
from gridmodel.engine.path_search import answer, steps_to_source
from gridmodel.engine.subtrees import subtrees_of
from gridmodel.engine.tree import (
    LIMIT_KINDS, NO_LIMIT, UNLIMITED, VOLTAGE_CHANGE, Ports, radial_reason, row_limits, tree_of,
)  # fmt: skip

STATUSES = ("ok", "already_violated", "capped", "undetermined")
CHECKS = ("undervoltage", "overvoltage", "line_overload", "transformer_overload", "voltage_change", "no_solution", "")
_TABLES = ("bus", "bus", "line", "trafo", "bus", "bus", "")
# Slices per thread: paths differ in length, and the last to finish should not be waited for long.
_SLICES = 8


class PathAnswers(NamedTuple):
    """Answers per asked bus, in the order asked.

    Attributes
    ----------
    headroom_kw
        Largest whole kW that breaks nothing; NaN where undetermined.
    status
        Index into `STATUSES`. Undetermined: without supply, or an answer beyond the range the method is
        exact in (voltages moved by 20 %), to be found by the general method.
    check
        Index into `CHECKS` of the limit that 1 kW more breaks; -1 for none.
    position
        Row of the element in the net's table of that check (`table`); -1 for none.
    """

    headroom_kw: np.ndarray
    status: np.ndarray
    check: np.ndarray
    position: np.ndarray

    @property
    def table(self) -> np.ndarray:
        """Table of the net the binding element stands in: bus, line or trafo; empty for none."""
        return np.array((*_TABLES, ""))[self.check]


def path_headroom(
    grid: CompiledGrid,
    injection_pu: np.ndarray,
    voltage_pu: np.ndarray,
    bounds: Bounds,
    buses: np.ndarray,
    *,
    per_kw_pu: complex,
    cap_kw: int,
    threads: int = 1,
    affected_share: float = 0.1,
    noticeable_pu: float = 1e-8,
) -> PathAnswers:
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
    affected_share, noticeable_pu
        A limit broken before counts against an addition whose power it takes this share of, or whose
        change of voltage it follows by this share and by `noticeable_pu` at least.

    Raises
    ------
    ValueError
        The grid is not radial (`radial_reason`).
    """
    reason = radial_reason(grid, bounds)
    if reason:
        raise ValueError(f"the path method does not serve this grid: {reason}")
    paths, any_broken = path_grid(grid, injection_pu, voltage_pu, bounds)
    addition = Addition(complex(per_kw_pu), int(cap_kw), affected_share, noticeable_pu, any_broken)
    buses = np.asarray(buses, dtype=np.int64)
    rows = grid.bus_row[buses]
    headroom_kw = np.where(rows < 0, np.nan, float(cap_kw))
    status = np.where(rows < 0, UNDETERMINED, CAPPED).astype(np.int8)
    limit = np.full(len(buses), NO_LIMIT, dtype=np.int64)
    asked = np.flatnonzero((rows >= 0) & (rows < grid.free_count))  # a source holds whatever is added to it
    asked = asked[np.argsort(rows[asked], kind="stable")]
    change_pu = np.minimum(np.nan_to_num(bounds.change_pu[buses], nan=np.inf), UNLIMITED**0.5)
    found = _answers(paths, addition, rows[asked], change_pu[asked], threads)
    headroom_kw[asked], status[asked], limit[asked] = found
    headroom_kw[status == UNDETERMINED] = np.nan
    limit[status == UNDETERMINED] = NO_LIMIT
    check = np.where(limit >= 0, limit % LIMIT_KINDS, -1)
    position = np.where(check >= VOLTAGE_CHANGE, buses, np.where(limit >= 0, limit // LIMIT_KINDS, -1))
    return PathAnswers(headroom_kw, status, check.astype(np.int8), position)


def path_grid(
    grid: CompiledGrid, injection_pu: np.ndarray, voltage_pu: np.ndarray, bounds: Bounds
) -> tuple[PathGrid, bool]:
    """Lay out what the kernels read, and tell whether a voltage is broken before any addition."""
    tree = tree_of(grid, voltage_pu, bounds)
    limits = row_limits(grid, voltage_pu, bounds)
    below = subtrees_of(tree, limits, injection_pu, voltage_pu, grid.shares)
    plain, current_square = _plain_branches(tree.ports)
    return PathGrid(
        parent=tree.parent, ports=tree.ports, square=below.square, drawn=below.drawn, rest=below.rest,
        link=below.link, score=below.score, limit=below.limit, side_score=below.side_score,
        side_limit=below.side_limit, plain=plain, current_square=current_square,
    ), bool((limits.broken != NO_LIMIT).any())  # fmt: skip


def _plain_branches(ports: Ports) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose branch is single and not broken before, and the largest squares of its currents [pu]."""
    first = ports.start[:-1]
    plain = (np.diff(ports.start) == 1) & ~(ports.base_percent > ports.limit_percent)[first]
    with np.errstate(divide="ignore", invalid="ignore"):
        most = (ports.limit_percent[first, None] / ports.percent[first]) ** 2
    return plain, np.minimum(np.nan_to_num(most, nan=UNLIMITED, posinf=UNLIMITED), UNLIMITED)


def _answers(
    paths: PathGrid, addition: Addition, rows: np.ndarray, change_pu: np.ndarray, threads: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    headroom_kw, status = np.empty(len(rows)), np.empty(len(rows), dtype=np.int8)
    limit = np.empty(len(rows), dtype=np.int64)
    if not len(rows):
        return headroom_kw, status, limit
    depth = int(steps_to_source(paths.parent)[rows].max())

    def serve(part: slice) -> None:
        answer(paths, addition, rows[part], change_pu[part], depth, headroom_kw[part], status[part], limit[part])

    edges = np.linspace(0, len(rows), _SLICES * threads + 1).astype(int)
    parts = [slice(first, last) for first, last in zip(edges[:-1], edges[1:], strict=True) if last > first]
    if threads == 1:
        serve(slice(0, len(rows)))
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(serve, parts))
    return headroom_kw, status, limit
