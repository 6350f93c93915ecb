"""A radial grid as a tree: the branch above every row, its limits, and what is broken before any addition.

A row's parent is its only neighbour of higher number, or a source. Parallel branches count as one for the
flow and are judged one by one. Grids with loops, or trees between two sources, have no tree.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gridmodel.engine.answers import (
    LIMIT_KINDS,
    LINE_OVERLOAD,
    NO_LIMIT,
    OVERVOLTAGE,
    TRANSFORMER_OVERLOAD,
    UNDERVOLTAGE,
)  # fmt: skip
from gridmodel.engine.bounds import Bounds
from gridmodel.engine.compiled import LINE, TRANSFORMER, Branches, CompiledGrid

# Stands for "no limit": squares and products of it with per unit figures stay finite.
UNLIMITED = 1e30


class Ports(NamedTuple):
    """Branches seen from the child: I_child = cc V_child + cp V_parent, I_parent = pc V_child + pp V_parent.

    Members of row i are entries start[i]..start[i+1]-1.

    Attributes
    ----------
    admittance
        Members x 4: cc, cp, pc, pp [pu].
    percent
        Members x 2: loading [%] per current [pu] at the child's and at the parent's end.
    limit_percent, base_percent
        Largest loading allowed and loading before any addition [%].
    limit
        Number of the limit.
    """

    start: np.ndarray
    admittance: np.ndarray
    percent: np.ndarray
    limit_percent: np.ndarray
    base_percent: np.ndarray
    limit: np.ndarray


class Tree(NamedTuple):
    """A forest of free rows under sources, children before parents.

    Attributes
    ----------
    parent
        Row above each free row; that of a source for a root.
    ports
        Branches between each free row and its parent.
    shunt_pu
        Admittance to ground per free row that is no branch's.
    """

    parent: np.ndarray
    ports: Ports
    shunt_pu: np.ndarray


class RowLimits(NamedTuple):
    """Voltage limits per free row: those that hold before any addition, and those that do not.

    Attributes
    ----------
    square
        Rows x 2: squares of the lowest and highest voltage allowed [pu].
    limit
        Rows x 2: numbers of these limits.
    broken
        Rows x 2: number of an undervoltage and of an overvoltage there before; NO_LIMIT where none is.
    """

    square: np.ndarray
    limit: np.ndarray
    broken: np.ndarray


def radial_reason(grid: CompiledGrid, bounds: Bounds | None = None) -> str:
    """Why the path method cannot serve this grid; empty when it can.

    Parameters
    ----------
    bounds
        Limits to judge by, where known: bands relative to another bus need two voltages of the path.
    """
    if grid.out_of_scope:
        return f"not a current into a fixed matrix: {', '.join(grid.out_of_scope)}"
    if not grid.stamps.is_forest:
        return "the grid has loops"
    child, upper = _ends(grid.branches, grid.free_count)
    tops = upper >= grid.free_count
    has_parent = np.diff(grid.stamps.start) > 0
    if has_parent[child[tops]].any():
        return "a feeder hangs on more than one source, or on one source twice"
    sources_of = np.unique(np.stack([child[tops], upper[tops]]), axis=1)
    if sources_of.shape[1] != np.count_nonzero(~has_parent):
        return "a feeder hangs on more than one source, or on none"
    if bounds is not None and (np.asarray(bounds.reference) >= 0).any():
        return "relative bands"
    return ""


def tree_of(grid: CompiledGrid, voltage_pu: np.ndarray, bounds: Bounds) -> Tree:
    """Lay a grid out as a tree; `radial_reason` must be empty."""
    free, branches = grid.free_count, grid.branches
    child, upper = _ends(branches, free)
    used = np.flatnonzero(child >= 0)
    used = used[np.argsort(child[used], kind="stable")]
    forward = (branches.from_row[used] == child[used])[:, None]
    along = np.stack([branches.yff, branches.yft, branches.ytf, branches.ytt], axis=1)[used]
    percent = np.stack([branches.percent_from, branches.percent_to], axis=1)[used]
    parent = np.empty(free, dtype=np.int64)
    parent[child[used]] = upper[used]
    ports = Ports(
        start=np.searchsorted(child[used], np.arange(free + 1)),
        admittance=np.where(forward, along, along[:, ::-1]),
        percent=np.where(forward, percent, percent[:, ::-1]),
        limit_percent=branch_limits(branches, bounds)[used],
        base_percent=branch_loadings(branches, voltage_pu)[used],
        limit=limit_numbers(branches)[used],
    )
    across = branches.from_row != branches.to_row
    own = grid.matrix.diagonal() - grid.at_rows(branches.from_row[across], branches.yff[across])
    own -= grid.at_rows(branches.to_row[across], branches.ytt[across])
    return Tree(parent, ports, np.ascontiguousarray(own[:free]))


def row_limits(grid: CompiledGrid, voltage_pu: np.ndarray, bounds: Bounds) -> RowLimits:
    """Gather the voltage limits of the buses of each row, and of branches that are short-circuited there."""
    position = np.flatnonzero((grid.bus_row >= 0) & (grid.bus_row < grid.free_count))
    rows = grid.bus_row[position]
    now = np.abs(voltage_pu)
    lowest, highest = (
        known_or(bounds.vm_min_pu[position], -np.inf),
        known_or(bounds.vm_max_pu[position], np.inf),
    )
    within = _loops(grid, bounds)
    low = _tightest(grid.free_count, rows, lowest, position * LIMIT_KINDS + UNDERVOLTAGE, now, -1.0)
    high = _tightest(
        grid.free_count,
        np.concatenate([rows, within[0]]),
        np.concatenate([highest, within[1]]),
        np.concatenate([position * LIMIT_KINDS + OVERVOLTAGE, within[2]]),
        now,
        1.0,
    )
    square = np.stack(
        [np.where(low[0] > 0, low[0] ** 2, -UNLIMITED), np.minimum(high[0] ** 2, UNLIMITED)], axis=1
    )
    return RowLimits(square, np.stack([low[1], high[1]], axis=1), np.stack([low[2], high[2]], axis=1))


def branch_limits(branches: Branches, bounds: Bounds) -> np.ndarray:
    """Largest loading per branch [%]; infinite where none applies."""
    limits = np.full(len(branches.kind), np.inf)
    for kind, allowed in ((LINE, bounds.line_percent), (TRANSFORMER, bounds.transformer_percent)):
        at = branches.kind == kind
        limits[at] = known_or(allowed[branches.position[at]], np.inf)
    return limits


def branch_loadings(branches: Branches, voltage_pu: np.ndarray) -> np.ndarray:
    """Loading per branch [%]: the larger of both ends."""
    first, second = voltage_pu[branches.from_row], voltage_pu[branches.to_row]
    with np.errstate(invalid="ignore"):  # no current over no rating
        there = np.abs(branches.yff * first + branches.yft * second) * branches.percent_from
        here = np.abs(branches.ytf * first + branches.ytt * second) * branches.percent_to
    return np.fmax(there, here)


def known_or(values: np.ndarray, missing: float) -> np.ndarray:
    """The values, with another where they are missing (NaN)."""
    return np.where(np.isnan(values), missing, values)


def _ends(branches: Branches, free_count: int) -> tuple[np.ndarray, np.ndarray]:
    """Child and parent row per branch; -1 for one within a row or between sources."""
    child = np.minimum(branches.from_row, branches.to_row)
    upper = np.maximum(branches.from_row, branches.to_row)
    across = (child < free_count) & (child != upper)
    return np.where(across, child, -1), np.where(across, upper, -1)


def limit_numbers(branches: Branches) -> np.ndarray:
    kind = np.where(branches.kind == LINE, LINE_OVERLOAD, TRANSFORMER_OVERLOAD)
    return branches.position * LIMIT_KINDS + kind


def _loops(grid: CompiledGrid, bounds: Bounds) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, highest voltage [pu] and limit of branches within a row: their current follows its voltage."""
    branches = grid.branches
    at = np.flatnonzero((branches.from_row == branches.to_row) & (branches.from_row < grid.free_count))
    one = np.ones(grid.row_count, dtype=complex)
    per_volt = branch_loadings(branches, one)[at]
    with np.errstate(divide="ignore", invalid="ignore"):
        highest = branch_limits(branches, bounds)[at] / per_volt
    return branches.from_row[at], known_or(highest, np.inf), limit_numbers(branches)[at]


def _tightest(
    size: int, rows: np.ndarray, limit_pu: np.ndarray, number: np.ndarray, now_pu: np.ndarray, sign: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per row: the tightest limit that holds now and its number, and the number of one that is broken.

    With sign 1 a limit is a highest voltage, with -1 a lowest.
    """
    tightest, holder = np.full(size, sign * np.inf), np.full(size, NO_LIMIT)
    broken = np.full(size, NO_LIMIT)
    is_broken = sign * now_pu[rows] > sign * limit_pu
    broken[rows[is_broken]] = number[is_broken]
    kept = np.flatnonzero(~is_broken & np.isfinite(limit_pu))
    kept = kept[np.argsort(-sign * limit_pu[kept], kind="stable")]  # the tightest is written last
    tightest[rows[kept]], holder[rows[kept]] = limit_pu[kept], number[kept]
    return tightest, holder, broken
