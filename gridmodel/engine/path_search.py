"""The largest addition at one bus of a radial grid: whole kW, found in about five probes.

Probes of `path_kernels` are interpolated limit by limit (a parabola through three of them is nearly exact
for the square of a current, and close for that of a voltage); the answer H and H + 1 kW are always probed.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gridmodel.engine.answers import (
    ALREADY_VIOLATED,
    CAPPED,
    LIMIT_KINDS,
    NO_LIMIT,
    NO_SOLUTION,
    OK,
    OUT_OF_RANGE,
    UNDETERMINED,
    VOLTAGE_CHANGE,
)  # fmt: skip
from gridmodel.engine.path_kernels import OF_BUS, PER_ROW, fastest_growing, holds, probe
from gridmodel.engine.subtrees import LADEN, heaviest
from gridmodel.engine.tree import UNLIMITED

# Interpolation has found the answer by then in all but a few cases; from then on the bracket is halved.
_INTERPOLATED = 12
_MOST = 64
# The square of a voltage bends by |z s|^2 / w per kW^2 where it falls by 2 |z s| cos(angle) per kW: a first
# guess of the bend from the slope alone, for an impedance whose angle is near that of the load.
_BEND = 0.3


@njit(cache=True, nogil=True)
def answer(grid, addition, rows, change_pu, depth, headroom_kw, status, limits):  # type: ignore[no-untyped-def]
    """Answer for every asked row; results are written into the last three arrays."""
    path = np.empty(depth, dtype=np.int64)
    states = np.empty((depth, 6), dtype=np.complex128)
    squares = np.empty((depth + 1, 2))
    margins = np.empty((4, PER_ROW * depth + OF_BUS))
    for asked in range(len(rows)):
        steps, row = 0, rows[asked]
        while row < len(grid.parent):
            path[steps] = row
            steps += 1
            row = grid.parent[row]
        found = largest_on_path(grid, addition, path[:steps], change_pu[asked], states, squares, margins)
        headroom_kw[asked], status[asked], limits[asked] = found


@njit(cache=True, nogil=True)
def steps_to_source(parents):  # type: ignore[no-untyped-def]
    """Branches between each row and its source."""
    steps = np.empty(len(parents), dtype=np.int64)
    for row in range(len(parents) - 1, -1, -1):
        steps[row] = 1 if parents[row] >= len(parents) else steps[parents[row]] + 1
    return steps


@njit(cache=True, nogil=True)
def largest_on_path(grid, addition, path, change_pu, states, squares, margins):  # type: ignore[no-untyped-def]
    """Largest whole kW at the first row of a path, its status, and the limit that 1 kW more breaks."""
    count = PER_ROW * len(path) + OF_BUS
    kw, w = np.full(4, -1), np.zeros(4)  # probes in slots; -1: none there
    good, bad, third, spare = 0, 1, 2, 3
    kw[good] = 0
    w[good] = probe(grid, addition, path, 0, grid.square[path[0]], change_pu, states, squares, margins[good])
    if w[good] == 0.0:
        return 0, UNDETERMINED, NO_SOLUTION
    bound, tried = addition.cap_kw + 1, 1  # the least addition known not to hold, or beyond the question
    for round in range(_MOST):
        kw[spare] = tried
        guess = _guess(kw, w, good, bad, third, tried)
        w[spare] = probe(grid, addition, path, tried, guess, change_pu, states, squares, margins[spare])
        if w[spare] > 0.0 and holds(margins[spare], count):
            good, third, spare = spare, good, third
        elif w[spare] > 0.0:
            bound = tried
            if kw[bad] >= 0:
                bad, third, spare = spare, bad, third
            else:
                bad, spare = spare, bad
        else:
            bound = tried
            kw[bad] = kw[spare] = -1
        kw[spare] = -1
        if bound - kw[good] <= 1:
            break
        tried = _next(addition, kw, good, bad, third, bound, margins, count, round)
    if bound > addition.cap_kw:
        return kw[good], CAPPED, NO_LIMIT
    if kw[bad] < 0:
        return kw[good], OK, NO_SOLUTION
    at, before = _binding(grid, path, margins[good], margins[bad], count)
    # back to the state that breaks it: which of parallel branches does
    probe(grid, addition, path, bound, w[bad], change_pu, states, squares, margins[spare])
    limit = _limit_of(grid, path, at, states, squares)
    if limit % LIMIT_KINDS == OUT_OF_RANGE:
        return kw[good], UNDETERMINED, limit
    return kw[good], (ALREADY_VIOLATED if before and kw[good] == 0 else OK), limit


@njit(cache=True, nogil=True)
def _guess(kw, w, good, bad, third, tried):  # type: ignore[no-untyped-def]
    """w at the bus by the parabola, line or point through what has been probed."""
    guess = w[good]
    if kw[third] >= 0:
        slope = (w[third] - w[good]) / (kw[third] - kw[good])
        guess += slope * (tried - kw[good])
        if kw[bad] >= 0:
            other = (w[bad] - w[good]) / (kw[bad] - kw[good])
            bend = (other - slope) / (kw[bad] - kw[third])
            guess += bend * (tried - kw[good]) * (tried - kw[third])
    return guess


@njit(cache=True, nogil=True)
def _root(margin, slope, bend):  # type: ignore[no-untyped-def]
    """Where margin + slope x + bend x^2 first falls to zero; UNLIMITED if nowhere."""
    inner = slope * slope - 4.0 * bend * margin
    if margin <= 0.0:
        return 0.0
    if inner < 0.0:
        return UNLIMITED
    below = np.sqrt(inner) - slope
    return 2.0 * margin / below if below > 0.0 else UNLIMITED


@njit(cache=True, nogil=True)
def _next(addition, kw, good, bad, third, bound, margins, count, round):  # type: ignore[no-untyped-def]
    """The next addition to probe, between the largest that holds and the least that does not."""
    if kw[bad] >= 0 and kw[third] >= 0:
        ahead = _between(kw, good, bad, third, margins, count)
    else:
        ahead = _beyond(addition, kw, good, third, margins, count)
    if round >= _INTERPOLATED or (kw[good] + ahead >= bound and bound <= addition.cap_kw):
        return (kw[good] + bound) // 2
    tried = bound - 1 if kw[good] + ahead >= bound else kw[good] + int(ahead)
    return max(kw[good] + 1, min(tried, bound - 1))


@njit(cache=True, nogil=True)
def _between(kw, good, bad, third, margins, count):  # type: ignore[no-untyped-def]
    """How far beyond the largest that holds the first limit breaks: parabolas through three probes."""
    to_bad, to_third = kw[bad] - kw[good], kw[third] - kw[good]
    ahead = float(to_bad)
    for at in range(count):
        if margins[bad, at] < 0.0:
            margin = margins[good, at]
            chord = (margins[bad, at] - margin) / to_bad
            bend = (chord - (margins[third, at] - margin) / to_third) / (to_bad - to_third)
            ahead = min(ahead, _root(margin, chord - bend * to_bad, bend))
    return ahead


@njit(cache=True, nogil=True)
def _beyond(addition, kw, good, third, margins, count):  # type: ignore[no-untyped-def]
    """The same where only additions that hold are known: chords, at first with the bend a limit must have."""
    span = kw[good] - kw[third]
    first = kw[third] == 0
    current = -(abs(addition.per_kw_pu) ** 2)
    ahead = UNLIMITED
    for at in range(count):
        if margins[good, at] < UNLIMITED:
            slope = (margins[good, at] - margins[third, at]) / span
            kind = at % PER_ROW
            bend = 0.0
            if first and at < count - OF_BUS and kind < 2:
                bend = current
            elif first and kind == 2:
                bend = -_BEND * slope * slope
            ahead = min(ahead, _root(margins[good, at], slope, bend))
    return ahead


@njit(cache=True, nogil=True)
def _binding(grid, path, held, broken, count):  # type: ignore[no-untyped-def]
    """The margin that breaks first, of limits broken before if there is one; and whether it is one."""
    first, which, before = 2.0, 0, False
    for at in range(count):
        if broken[at] < 0.0:
            share = held[at] / (held[at] - broken[at])
            kind = at % PER_ROW
            known = kind >= 4 or (kind == 1 and at < count - OF_BUS and not grid.plain[path[at // PER_ROW]])
            if (known and not before) or (known == before and share < first):
                first, which, before = share, at, known
    return which, before


@njit(cache=True, nogil=True)
def _limit_of(grid, path, at, states, squares):  # type: ignore[no-untyped-def]
    """The number of the limit a margin stands for."""
    kind, k = at % PER_ROW, min(at // PER_ROW, len(path) - 1)
    row = path[k]
    if at >= PER_ROW * len(path):
        if kind == 2 or kind == 3:
            return VOLTAGE_CHANGE
        column = kind if kind < 2 else kind - 2
        limit = grid.limit[path[0], column]
    else:
        column = kind - 2
        limit = grid.side_limit[row, column] if kind >= 2 else NO_LIMIT
    if column >= LADEN:
        return grid.ports.limit[limit]
    if column >= 0:
        return limit
    member = grid.ports.start[row]
    if kind == 0 and not grid.plain[row]:
        member = heaviest(grid.ports, row, squares[k, 0], states[k, 2])[1]
    elif not grid.plain[row]:
        member = fastest_growing(grid.ports, row, squares[k, 0], states[k, 2], 0.0)[1]
    return grid.ports.limit[member]
