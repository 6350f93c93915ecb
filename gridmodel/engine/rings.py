"""Grids with a few loops: what hangs behind a loop's first row is cut off and seen from there as one thing.

    source --- a --- b --- c        a ring c-d-e and all that hangs on it, cut off at c: the rest is radial
                         /  \\
                        d -- e

Seen from its top, a part with loops is like any other subtree (`subtrees`): the power it draws, and how far
the voltage may move before a limit in it breaks, depend on w = |V|^2 there alone. So the path method serves
all buses outside; those inside are left to whole-grid solves. A loop through sources hangs on a voltage that
is held, and is not felt outside at all.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import csc_array, csr_array
from scipy.sparse.csgraph import breadth_first_order
from scipy.sparse.linalg import SuperLU, splu

from gridmodel.engine.answers import LIMIT_KINDS, OUT_OF_RANGE, OVERVOLTAGE, UNDERVOLTAGE
from gridmodel.engine.bounds import Bounds
from gridmodel.engine.compiled import CompiledGrid, compile_case
from gridmodel.engine.factors import elimination_order
from gridmodel.engine.linearised import injected_current
from gridmodel.engine.matrix import Branches, PandapowerCase
from gridmodel.engine.subtrees import ORDER
from gridmodel.engine.tree import (
    RowLimits,
    branch_limits,
    branch_loadings,
    known_or,
    limit_numbers,
    radial_reason,
)  # fmt: skip

# With more of the rows than this behind loops, whole-grid solves have most of the work anyway.
MOST_INSIDE_SHARE = 0.5
# Voltages at a ring's top, in parts of its base, over which its series is fitted and trusted.
LEAST_SCALE, MOST_SCALE = 0.9, 1.1
_FIT_POINTS = 11
# A ring's voltages have settled when none moves by more [pu]; the search for its limits stops at such a
# width.
_SETTLED_PU, _NARROW = 1e-11, 1e-12
_MOST_STEPS, _POINTS = 60, 16


class Ring(NamedTuple):
    """A part with loops and all that hangs on it.

    Attributes
    ----------
    top
        Row of the opened grid it hangs on.
    rows, branches
        Rows and branches inside, of the whole grid; the row at the top is not one of them.
    top_row
        Its top in the whole grid.
    factors, coupling, back, own
        Its admittance matrix factorised, the column and the row that couple it to the top, and what its
        branches put onto the top's diagonal.
    """

    top: int
    rows: np.ndarray
    branches: np.ndarray
    top_row: int
    factors: SuperLU
    coupling: np.ndarray
    back: np.ndarray
    own: complex


class Opened(NamedTuple):
    """A grid without its parts with loops.

    Attributes
    ----------
    grid
        What is left: radial. Buses inside a ring have no row here.
    row_of
        Row of the whole grid per row.
    rings
        What was cut off, but for what hangs on sources.
    """

    grid: CompiledGrid
    row_of: np.ndarray
    rings: tuple[Ring, ...]


class Hung(NamedTuple):
    """What hangs on some rows beside the tree.

    Attributes
    ----------
    rows
        Rows of the opened grid.
    series
        Power drawn, as `Subtrees.drawn`.
    square, limit
        Lowest and highest w [pu] and the numbers of their limits, as in `RowLimits`.
    """

    rows: np.ndarray
    series: np.ndarray
    square: np.ndarray
    limit: np.ndarray

    def tighten(self, limits: RowLimits) -> RowLimits:
        """Limits with those of what hangs there."""
        square, limit = limits.square.copy(), limits.limit.copy()
        for column, sign in ((0, 1.0), (1, -1.0)):
            tighter = sign * self.square[:, column] > sign * square[self.rows, column]
            at = self.rows[tighter]
            square[at, column] = self.square[tighter, column]
            limit[at, column] = self.limit[tighter, column]
        return limits._replace(square=square, limit=limit)


def opened(grid: CompiledGrid, bounds: Bounds) -> Opened | None:
    """Cut off the parts with loops; nothing where the path method cannot serve what is left."""
    parent = rows_above(grid)
    inside = _inside(grid, parent)
    if inside.mean() > MOST_INSIDE_SHARE:
        return None
    rest, row_of = _rest(grid, np.flatnonzero(~inside))
    if radial_reason(rest, bounds):
        return None
    place = np.full(grid.row_count, -1)
    place[row_of] = np.arange(len(row_of))
    top_of = _tops(parent, inside)
    rings = [_ring(grid, place, top, top_of) for top in np.unique(top_of[inside])]
    return Opened(rest, row_of, tuple(ring for ring in rings if ring is not None))


def hung_on(
    whole: CompiledGrid, opening: Opened, injection_pu: np.ndarray, voltage_pu: np.ndarray, bounds: Bounds
) -> Hung | None:
    """Describe the rings at one operating point of the whole grid.

    Returns
    -------
    Hung or None
        Nothing where a limit inside a ring is broken already, or a ring has no solution nearby: whether an
        addition takes part in that is not told by w at its top.
    """
    parts = [_describe(whole, ring, injection_pu, voltage_pu, bounds) for ring in opening.rings]
    if any(part is None for part in parts):
        return None
    found = [part for part in parts if part is not None]
    return Hung(
        np.array([ring.top for ring in opening.rings], dtype=np.int64),
        np.array([part[0] for part in found]).reshape(len(found), ORDER + 2),
        np.array([part[1] for part in found]).reshape(len(found), 2),
        np.array([part[2] for part in found], dtype=np.int64).reshape(len(found), 2),
    )


def rows_above(grid: CompiledGrid) -> np.ndarray:
    """Row each row is reached from, breadth first from all sources as one; -1 at sources and dead rows."""
    count = grid.row_count
    pattern = csr_array(grid.matrix).tocoo()
    rows, columns = (np.minimum(index, grid.free_count) for index in (pattern.row, pattern.col))
    joined = csr_array((np.ones(len(rows)), (rows, columns)), shape=(grid.free_count + 1,) * 2)
    _, before = breadth_first_order(joined, grid.free_count, directed=False)
    parent = np.full(count, -1)
    parent[: grid.free_count] = np.maximum(before[: grid.free_count], -1)
    return parent


def _inside(grid: CompiledGrid, parent: np.ndarray) -> np.ndarray:
    """Rows on a loop but for its top, and all that hang on them; all sources count as row `free_count`."""
    free = grid.free_count
    depth = _depths(parent[:free], free)
    ends = np.minimum(np.stack([grid.branches.from_row, grid.branches.to_row], axis=1), free)
    ends = np.unique(np.sort(ends[ends[:, 0] != ends[:, 1]], axis=1), axis=0)
    of_tree = np.append(parent[:free], -1)
    extra = ends[(of_tree[ends[:, 0]] != ends[:, 1]) & (of_tree[ends[:, 1]] != ends[:, 0])]
    inside = np.zeros(grid.row_count, dtype=bool)
    for low, high in extra:
        while low != high:
            if depth[low] < depth[high]:
                low, high = high, low
            inside[low] = True
            low = parent[low]
    for row in np.argsort(depth[:free], kind="stable"):
        if 0 <= parent[row] < free:
            inside[row] |= inside[parent[row]]
    return inside


def _depths(parent: np.ndarray, root: int) -> np.ndarray:
    """Steps to the root per row, the root's own 0 last."""
    depth = np.where(parent == root, 1, 0)
    open_rows = np.flatnonzero((depth == 0) & (parent >= 0))
    while len(open_rows):
        above = depth[parent[open_rows]]
        known = above > 0
        depth[open_rows[known]] = above[known] + 1
        open_rows = open_rows[~known]
    return np.append(depth, 0)


def _tops(parent: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """First row outside above each row inside; itself for one outside."""
    top = np.where(inside, parent, np.arange(len(parent)))
    while True:
        further = inside[top]
        if not further.any():
            return np.asarray(top)
        top[further] = parent[top[further]]


def _rest(grid: CompiledGrid, kept: np.ndarray) -> tuple[CompiledGrid, np.ndarray]:
    """The grid of the rows kept, and the row each of its rows was."""
    node = np.full(grid.row_count + 1, -1)  # the last entry answers for row -1
    node[kept] = np.arange(len(kept))
    branches = grid.branches
    from_node, to_node = node[branches.from_row], node[branches.to_row]
    cut = (from_node < 0) != (to_node < 0)
    lost = grid.at_rows(np.where(cut & (from_node >= 0), branches.from_row, -1), branches.yff)
    lost += grid.at_rows(np.where(cut & (to_node >= 0), branches.to_row, -1), branches.ytt)
    matrix = csc_array(grid.matrix[kept][:, kept])
    matrix.setdiag(matrix.diagonal() - lost[kept])
    whole = (from_node >= 0) & (to_node >= 0)
    sources = node[np.arange(grid.free_count, grid.row_count)]
    none = np.zeros(len(kept), dtype=complex)  # shunts stand in the matrix; only switching asks for them
    case = PandapowerCase(
        sn_mva=grid.sn_mva, bus_kv=grid.row_kv[kept], matrix=matrix, shunt_pu=none, source_nodes=sources,
        source_pu=grid.idle_pu[grid.free_count :], bus_node=node[grid.bus_row], load_node=np.zeros(0,
        dtype=np.int64), load_pu=np.zeros(0, dtype=complex), generator_node=np.zeros(0, dtype=np.int64),
        generator_pu=np.zeros(0, dtype=complex), fixed_pu=grid.fixed_pu[kept],
        shares=None if grid.shares is None else grid.shares[kept],
        branches=Branches(*(values[whole] for values in branches))._replace(
            from_row=from_node[whole], to_row=to_node[whole]
        ),
        counts=grid.counts, resting=grid.resting, out_of_scope=grid.out_of_scope,
    )  # fmt: skip
    order = elimination_order(case.matrix, case.source_nodes)
    return compile_case(case), kept[np.concatenate([order, sources]).astype(np.int64)]


def _ring(grid: CompiledGrid, place: np.ndarray, top: int, top_of: np.ndarray) -> Ring | None:
    """All that hangs behind loops on one row; nothing where a source holds it."""
    if top >= grid.free_count:
        return None
    rows = np.flatnonzero(top_of == top)
    rows = rows[rows != top]
    member = np.zeros(grid.row_count, dtype=bool)
    member[rows] = True
    branches = grid.branches
    chosen = np.flatnonzero(member[branches.from_row] | member[branches.to_row])
    at_from, at_to = branches.from_row[chosen] == top, branches.to_row[chosen] == top
    own = branches.yff[chosen][at_from].sum() + branches.ytt[chosen][at_to].sum()
    matrix = csr_array(grid.matrix)
    return Ring(
        top=int(place[top]), rows=rows, branches=chosen, top_row=int(top),
        factors=splu(csc_array(matrix[rows][:, rows])),
        coupling=matrix[rows][:, [top]].toarray()[:, 0], back=matrix[[top]][:, rows].toarray()[0],
        own=complex(own),
    )  # fmt: skip


def _describe(
    grid: CompiledGrid, ring: Ring, injection_pu: np.ndarray, voltage_pu: np.ndarray, bounds: Bounds
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Series of the power drawn, lowest and highest w with their limits; nothing where that is not all."""
    middle, half = (MOST_SCALE + LEAST_SCALE) / 2.0, (MOST_SCALE - LEAST_SCALE) / 2.0
    scales = middle + half * np.cos(np.pi * (np.arange(_FIT_POINTS) + 0.5) / _FIT_POINTS)
    volts = _solve(grid, ring, injection_pu, voltage_pu, scales)
    low, high = (
        _reach(grid, ring, injection_pu, voltage_pu, bounds, end) for end in (LEAST_SCALE, MOST_SCALE)
    )
    if volts is None or low is None or high is None:
        return None
    top_pu = voltage_pu[ring.top_row] * scales
    drawn = top_pu * np.conj(ring.back @ volts + ring.own * top_pu)
    base, square = np.abs(voltage_pu[ring.top_row]) ** 2, np.abs(top_pu) ** 2
    powers = (base / square - 1.0)[:, None] ** np.arange(ORDER + 1)
    series = np.linalg.lstsq(
        np.concatenate([powers, square[:, None]], axis=1).astype(complex), drawn, rcond=None
    )[0]
    return series, base * np.array([low[0], high[0]]) ** 2, np.array([low[1], high[1]])


def _solve(
    grid: CompiledGrid, ring: Ring, injection_pu: np.ndarray, voltage_pu: np.ndarray, scales: np.ndarray
) -> np.ndarray | None:
    """Voltages inside, rows x scales, with that at the top scaled; nothing where they do not settle."""
    power = np.repeat(injection_pu[ring.rows], len(scales))
    shares = None if grid.shares is None else np.repeat(grid.shares[ring.rows], len(scales), axis=0)
    pushed = ring.coupling[:, None] * (voltage_pu[ring.top_row] * scales)
    volts = voltage_pu[ring.rows][:, None] * scales
    for _ in range(_MOST_STEPS):
        current = injected_current(power, volts.ravel(), shares).reshape(volts.shape)
        fresh = ring.factors.solve(current - pushed)
        moved = np.abs(fresh - volts).max(initial=0.0)
        volts = fresh
        if moved <= _SETTLED_PU:
            return np.asarray(volts)
        if not moved < 1.0:
            break
    return None


def _reach(
    grid: CompiledGrid,
    ring: Ring,
    injection_pu: np.ndarray,
    voltage_pu: np.ndarray,
    bounds: Bounds,
    end: float,
) -> tuple[float, int] | None:
    """How far the voltage at the top may be scaled towards an end before a limit breaks, and which does."""
    holds, breaks, limit = 1.0, end, OUT_OF_RANGE
    while abs(breaks - holds) > _NARROW:
        scales = np.linspace(holds, breaks, _POINTS)
        volts = _solve(grid, ring, injection_pu, voltage_pu, scales)
        if volts is None:
            return None
        margin, numbers = _margins(grid, ring, voltage_pu[ring.top_row] * scales, volts, bounds)
        broken = np.flatnonzero(margin < 0.0)
        if not len(broken):
            return (breaks, limit) if limit == OUT_OF_RANGE else (holds, limit)
        if broken[0] == 0:
            return None if holds == 1.0 else (holds, limit)
        breaks, holds, limit = scales[broken[0]], scales[broken[0] - 1], int(numbers[broken[0]])
    return holds, limit


def _margins(
    grid: CompiledGrid, ring: Ring, top_pu: np.ndarray, volts: np.ndarray, bounds: Bounds
) -> tuple[np.ndarray, np.ndarray]:
    """Least margin of all limits inside per scale, as a share of the limit, and the number of that limit."""
    state = np.ones((grid.row_count, len(top_pu)), dtype=complex)
    state[ring.rows], state[ring.top_row] = volts, top_pu
    buses = np.flatnonzero(np.isin(grid.bus_row, ring.rows))
    size = np.abs(state[grid.bus_row[buses]])
    low, high = known_or(bounds.vm_min_pu[buses], -np.inf), known_or(bounds.vm_max_pu[buses], np.inf)
    branches = Branches(*(values[ring.branches] for values in grid.branches))
    percent = np.stack([branch_loadings(branches, column) for column in state.T], axis=1)
    most = branch_limits(branches, bounds)
    with np.errstate(invalid="ignore"):
        margins = np.concatenate([size - low[:, None], high[:, None] - size, 1.0 - percent / most[:, None]])
    margins = known_or(margins, np.inf)
    numbers = np.concatenate(
        [buses * LIMIT_KINDS + UNDERVOLTAGE, buses * LIMIT_KINDS + OVERVOLTAGE, limit_numbers(branches)]
    )
    worst = margins.argmin(axis=0)
    return margins.min(axis=0), numbers[worst]
