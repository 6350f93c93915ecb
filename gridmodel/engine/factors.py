"""A grid's admittance matrix in elimination order, and its LU factors in real 2 x 2 blocks.

Blocks act on (real, imaginary) parts, so that the same sweep serves the plain matrix (a block is then a
complex number) and the matrix linearised about an operating point, whose loads answer to the conjugate of
a voltage. A forest (a radial grid, sources taken out) is eliminated from its leaves and has no fill; every
other grid in SuperLU's minimum degree ordering. Both have the same arrays: the sweeps know no difference.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from scipy.sparse import csc_array
from scipy.sparse.linalg import splu


class Stamps(NamedTuple):
    """The free part of the matrix in elimination order, with room for fill.

    Attributes
    ----------
    start, row
        Neighbours of higher number per row, ascending: entries start[i]..start[i+1]-1; the
        structure is symmetric.
    diagonal, low, up
        Complex entries (i, i), (row, i) and (i, row).
    """

    start: np.ndarray
    row: np.ndarray
    diagonal: np.ndarray
    low: np.ndarray
    up: np.ndarray

    @property
    def is_forest(self) -> bool:
        """Whether no row has more than one neighbour of higher number."""
        return bool((np.diff(self.start) <= 1).all())


class Factors(NamedTuple):
    """L and U in 2 x 2 blocks: (a, b, c, d) turns (re, im) into (a re + b im, c re + d im).

    With b the right-hand side: y = b; for i upwards y[row] -= low y[i]; for i downwards
    x[i] = inverse[i] y[i] - sum(up x[row]).
    """

    start: np.ndarray
    row: np.ndarray
    low: np.ndarray
    up: np.ndarray
    inverse: np.ndarray

    def solve(self, right: np.ndarray) -> np.ndarray:
        """Solve for one complex right-hand side in elimination order."""
        return _solve(*self, np.array(right, dtype=complex))


def elimination_order(matrix: csc_array, sources: np.ndarray) -> np.ndarray:
    """Free nodes in elimination order: a forest from its leaves, feeder by feeder; else minimum degree."""
    is_free = np.ones(matrix.shape[0], dtype=bool)
    is_free[sources] = False
    starts, rows = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64)
    order, forest = _walk(starts, rows, is_free, sources.astype(np.int64))
    if forest:
        return order
    free = np.flatnonzero(is_free)
    part = csc_array(matrix[free][:, free])
    ordering = splu(part, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    return free[np.argsort(ordering.perm_c)]


def stamps_of(matrix: csc_array, order: np.ndarray) -> Stamps:
    """Lay the matrix of the free nodes out in elimination order."""
    starts, rows = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64)
    place = np.full(matrix.shape[0], -1)
    place[order] = np.arange(len(order))
    start, row = _symbolic(starts, rows, order, place)
    return Stamps(start, row, *_fill_in(starts, rows, matrix.data.astype(complex), order, place, start, row))


def factorise(stamps: Stamps, slopes: np.ndarray | None = None) -> Factors:
    """Factorise the matrix less the slopes of the currents injected.

    Parameters
    ----------
    slopes
        Rows x 4: change of the injected current with the voltage, as a 2 x 2 block per row; nothing for none.

    Raises
    ------
    ZeroDivisionError
        The matrix is singular.
    """
    flat = (
        np.zeros((len(stamps.diagonal), 4)) if slopes is None else np.ascontiguousarray(slopes, dtype=float)
    )
    return Factors(stamps.start, stamps.row, *_eliminate(*stamps, flat))


@njit(cache=True, nogil=True)
def _walk(starts, rows, is_free, sources):  # type: ignore[no-untyped-def]
    """Depth first from the sources: the reverse of the visits, and whether the free nodes are a forest."""
    count = len(is_free)
    seen = np.zeros(count, dtype=np.bool_)
    stack = np.empty(len(rows) + 1, dtype=np.int64)
    order = np.empty(count - len(sources), dtype=np.int64)
    placed, edges, trees = 0, 0, 0
    for source in sources:
        seen[source] = True
    for source in sources:
        for first in range(starts[source], starts[source + 1]):
            if seen[rows[first]]:
                continue
            trees += 1
            stack[0], height = rows[first], 1
            while height:
                height -= 1
                node = stack[height]
                if seen[node]:
                    continue
                seen[node] = True
                placed += 1
                order[len(order) - placed] = node
                for entry in range(starts[node], starts[node + 1]):
                    other = rows[entry]
                    if other != node and is_free[other]:
                        edges += 1
                        if not seen[other]:
                            stack[height] = other
                            height += 1
    return order, placed == len(order) and edges == 2 * (placed - trees)


@njit(cache=True, nogil=True)
def _symbolic(starts, rows, order, place):  # type: ignore[no-untyped-def]
    """Neighbours of higher number per row once all lower ones are eliminated."""
    size = len(order)
    start = np.zeros(size + 1, dtype=np.int64)
    room = 2 * len(rows) + size
    row = np.empty(room, dtype=np.int64)
    mark = np.full(size, -1, dtype=np.int64)
    first_child = np.full(size, -1, dtype=np.int64)
    next_child = np.full(size, -1, dtype=np.int64)
    filled = 0
    for i in range(size):
        mark[i] = i
        begin = filled
        if filled + size - i > room:  # what the densest case could still need
            room = 2 * room + size
            grown = np.empty(room, dtype=np.int64)
            grown[:filled] = row[:filled]
            row = grown
        for entry in range(starts[order[i]], starts[order[i] + 1]):
            j = place[rows[entry]]
            if j > i and mark[j] != i:
                mark[j] = i
                row[filled] = j
                filled += 1
        child = first_child[i]
        while child >= 0:
            for entry in range(start[child], start[child + 1]):
                j = row[entry]
                if j > i and mark[j] != i:
                    mark[j] = i
                    row[filled] = j
                    filled += 1
            child = next_child[child]
        if filled - begin > 1:
            row[begin:filled] = np.sort(row[begin:filled])
        start[i + 1] = filled
        if filled > begin:
            next_child[i], first_child[row[begin]] = first_child[row[begin]], i
    return start, row[:filled].copy()


@njit(cache=True, nogil=True)
def _find(start, row, i, j):  # type: ignore[no-untyped-def]
    """Entry of neighbour j of row i."""
    low, high = start[i], start[i + 1] - 1
    while low < high:
        middle = (low + high) // 2
        if row[middle] < j:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def _fill_in(starts, rows, values, order, place, start, row):  # type: ignore[no-untyped-def]
    size = len(order)
    diagonal = np.zeros(size, dtype=np.complex128)
    low = np.zeros(len(row), dtype=np.complex128)
    up = np.zeros(len(row), dtype=np.complex128)
    for i in range(size):  # column i of the matrix: entries (j, i)
        for entry in range(starts[order[i]], starts[order[i] + 1]):
            j = place[rows[entry]]
            if j == i:
                diagonal[i] += values[entry]
            elif j > i:
                low[_find(start, row, i, j)] += values[entry]
            elif j >= 0:
                up[_find(start, row, j, i)] += values[entry]
    return diagonal, low, up


@njit(cache=True, nogil=True)
def _as_block(values):  # type: ignore[no-untyped-def]
    blocks = np.empty((len(values), 4))
    for i in range(len(values)):
        blocks[i, 0], blocks[i, 1] = values[i].real, -values[i].imag
        blocks[i, 2], blocks[i, 3] = values[i].imag, values[i].real
    return blocks


@njit(cache=True, nogil=True, inline="always")
def _times(x, i, y, j):  # type: ignore[no-untyped-def]
    """Product of two blocks."""
    return (
        x[i, 0] * y[j, 0] + x[i, 1] * y[j, 2], x[i, 0] * y[j, 1] + x[i, 1] * y[j, 3],
        x[i, 2] * y[j, 0] + x[i, 3] * y[j, 2], x[i, 2] * y[j, 1] + x[i, 3] * y[j, 3],
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _eliminate(start, row, diagonal, low_entries, up_entries, slopes):  # type: ignore[no-untyped-def]
    """Right-looking LU in blocks over a fixed pattern."""
    pivot, low, up = _as_block(diagonal), _as_block(low_entries), _as_block(up_entries)
    size = len(diagonal)
    inverse = np.empty((size, 4))
    for i in range(size):
        for part in range(4):
            pivot[i, part] -= slopes[i, part]
    for i in range(size):
        determinant = pivot[i, 0] * pivot[i, 3] - pivot[i, 1] * pivot[i, 2]
        inverse[i, 0], inverse[i, 1] = pivot[i, 3] / determinant, -pivot[i, 1] / determinant
        inverse[i, 2], inverse[i, 3] = -pivot[i, 2] / determinant, pivot[i, 0] / determinant
        for a in range(start[i], start[i + 1]):
            low[a, 0], low[a, 1], low[a, 2], low[a, 3] = _times(low, a, inverse, i)
            for b in range(start[i], start[i + 1]):
                p, q, r, s = _times(low, a, up, b)
                if row[a] == row[b]:
                    target, at = pivot, row[a]
                elif row[a] < row[b]:
                    target, at = up, _find(start, row, row[a], row[b])
                else:
                    target, at = low, _find(start, row, row[b], row[a])
                target[at, 0] -= p
                target[at, 1] -= q
                target[at, 2] -= r
                target[at, 3] -= s
        for b in range(start[i], start[i + 1]):
            up[b, 0], up[b, 1], up[b, 2], up[b, 3] = _times(inverse, i, up, b)
    return low, up, inverse


@njit(cache=True, nogil=True)
def _solve(start, row, low, up, inverse, y):  # type: ignore[no-untyped-def]
    size = len(inverse)
    for i in range(size):
        re, im = y[i].real, y[i].imag
        for entry in range(start[i], start[i + 1]):
            y[row[entry]] -= complex(
                low[entry, 0] * re + low[entry, 1] * im, low[entry, 2] * re + low[entry, 3] * im
            )
    for i in range(size - 1, -1, -1):
        re, im = y[i].real, y[i].imag
        x_re = inverse[i, 0] * re + inverse[i, 1] * im
        x_im = inverse[i, 2] * re + inverse[i, 3] * im
        for entry in range(start[i], start[i + 1]):
            re, im = y[row[entry]].real, y[row[entry]].imag
            x_re -= up[entry, 0] * re + up[entry, 1] * im
            x_im -= up[entry, 2] * re + up[entry, 3] * im
        y[i] = complex(x_re, x_im)
    return y
