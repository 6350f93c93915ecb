"""One bus of a radial grid with an addition: the state along its path to the source, and all margins.

A probe is one number to find, w = |V|^2 at the bus: walked up the path (`subtrees`), it must arrive at the
source's. The margins of all limits along the path and beside it are then known. Margins of lowest voltages
and of currents are concave in the addition (a voltage is, and a current's square is convex), so that each
is broken once and stays broken. A highest voltage may be broken and hold again behind the peak of the
voltage; it is approached from below along chords, which do not step over its first break.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from gridmodel.engine.answers import LIMIT_KINDS, NO_LIMIT, OVERVOLTAGE
from gridmodel.engine.subtrees import (
    FALL,
    LADEN,
    RISE,
    UNDER,
    at_parent,
    current_of,
    heaviest,
    power_at,
    square_of,
)  # fmt: skip
from gridmodel.engine.tree import UNLIMITED, Ports

# Margins per row of the path, and of the bus itself.
PER_ROW, OF_BUS = 8, 8
# w is known to this [pu^2]: 1 kW moves it by 1e-7 and more below 110 kV.
_SETTLED = 1e-13
# Newton's error is squared each round: a last correction of this leaves none, to first order, in the state.
_NEARLY = 1e-7
_ROUNDS = 20
# What is broken before is told by its slope where that leaves no doubt: a slope errs by about half the
# relative change of w, and by rounding; closer to what it may change it is solved for.
_DOUBT, _LEAST_DOUBT = 2.0, 1e-3
# Below this share of its base a square of a voltage belongs to no state a grid is run in.
_COLLAPSED = 0.04


class PathGrid(NamedTuple):
    """What the kernels read, row by row; `Tree` and `Subtrees` tell the meaning.

    Attributes
    ----------
    plain
        Whether a row's branch is a single one that holds its limit before any addition.
    current_square
        Rows x 2: largest |I|^2 of such a branch at the child's and the parent's end [pu].
    shares
        As `CompiledGrid.shares`; no rows where all power is constant.
    bus_row
        As `CompiledGrid.bus_row`.
    """

    parent: np.ndarray
    ports: Ports
    square: np.ndarray
    drawn: np.ndarray
    rest: np.ndarray
    link: np.ndarray
    score: np.ndarray
    limit: np.ndarray
    side_score: np.ndarray
    side_limit: np.ndarray
    plain: np.ndarray
    current_square: np.ndarray
    shares: np.ndarray
    bus_row: np.ndarray


class Addition(NamedTuple):
    """The addition asked about.

    Attributes
    ----------
    per_kw_pu
        Complex power injected per kW of it [pu].
    cap_kw
        Largest addition tried [kW].
    affected_share, noticeable_pu
        A limit broken before counts when its power grows by this share of the addition's, or its voltage
        moves by this share of the change at the bus of the addition, and by `noticeable_pu` at least.
    any_broken
        Whether any limit is broken before.
    """

    per_kw_pu: complex
    cap_kw: int
    affected_share: float
    noticeable_pu: float
    any_broken: bool


@njit(cache=True, nogil=True)
def _walk(grid, path, w, added, states, squares):  # type: ignore[no-untyped-def]
    """Walk from w at the bus to the source: its w less what it holds, and the slope; the way is kept."""
    slope = 1.0
    drawn, moved = power_at(grid.drawn, path[0], grid.square[path[0]], w)
    if len(grid.shares):
        added, rise = _with_shares(grid.shares, path[0], added, w)
        moved += rise
    drawn += added
    for step in range(len(path)):
        row = path[step]
        own = grid.link[row, 0]
        e = own * (np.conj(drawn) + grid.link[row, 1] * w)
        de = own * (np.conj(moved) + grid.link[row, 1] * slope)
        squares[step, 0], squares[step, 1] = w, slope
        states[step, 0], states[step, 1], states[step, 2], states[step, 3] = drawn, moved, e, de
        above = square_of(e) / w
        slope = (2.0 * (e.real * de.real + e.imag * de.imag) - above * slope) / w
        w = above
        fed = grid.link[row, 2] * e + grid.link[row, 3] * w
        dfed = grid.link[row, 2] * de + grid.link[row, 3] * slope
        states[step, 4], states[step, 5] = fed, dfed
        rest, rise = power_at(grid.rest, row, grid.square[grid.parent[row]], w)
        drawn, moved = fed + rest, dfed + rise * slope
    squares[len(path), 0], squares[len(path), 1] = w, slope
    return w - grid.square[grid.parent[path[-1]]], slope


@njit(cache=True, nogil=True)
def _with_shares(shares, row, power, w):  # type: ignore[no-untyped-def]
    """An addition as the engine knows it, of the mix of its bus: its power at w, and the derivative."""
    u = np.sqrt(w)
    i_p, z_p, i_q, z_q = shares[row, 0], shares[row, 1], shares[row, 2], shares[row, 3]
    value = complex(
        power.real * (1.0 - i_p - z_p + i_p * u + z_p * w), power.imag * (1.0 - i_q - z_q + i_q * u + z_q * w)
    )
    return value, complex(power.real * (0.5 * i_p / u + z_p), power.imag * (0.5 * i_q / u + z_q))


@njit(cache=True, nogil=True)
def probe(grid, addition, path, p_kw, w, change_pu, states, squares, margins):  # type: ignore[no-untyped-def]
    """w at the bus with an addition of p_kw, from a guess of it, and all margins; 0 without a solution."""
    added, least = -addition.per_kw_pu * p_kw, _COLLAPSED * grid.square[path[0]]
    for _ in range(_ROUNDS):
        excess, slope = _walk(grid, path, w, added, states, squares)
        if not slope > 0.0:
            return 0.0
        step = -excess / slope
        if w + step < least:
            return 0.0
        if abs(step) < _NEARLY:
            _judge(grid, addition, path, p_kw, change_pu, step, states, squares, margins)
            return w + step
        w += step
    return 0.0


@njit(cache=True, nogil=True)
def _judge(grid, addition, path, p_kw, change_pu, step, states, squares, margins):  # type: ignore[no-untyped-def]
    """Margins of all limits, at a state `step` from the one walked."""
    growth = addition.affected_share * abs(addition.per_kw_pu) * p_kw
    count, at = len(path), 0
    for k in range(count):
        row = path[k]
        w = squares[k, 0] + squares[k, 1] * step
        above = squares[k + 1, 0] + squares[k + 1, 1] * step
        if grid.plain[row]:
            below = square_of(states[k, 0] + states[k, 1] * step)
            over = square_of(states[k, 4] + states[k, 5] * step)
            margins[at] = grid.current_square[row, 0] * w - below
            margins[at + 1] = grid.current_square[row, 1] * above - over
        else:
            e = states[k, 2] + states[k, 3] * step
            margins[at] = (1.0 - heaviest(grid.ports, row, w, e)[0]) * w
            margins[at + 1] = fastest_growing(grid.ports, row, w, e, growth)[0]
        margins[at + 2] = above - grid.side_score[row, FALL]
        margins[at + 3] = -grid.side_score[row, RISE] - above
        margins[at + 4 : at + PER_ROW] = UNLIMITED
        at += PER_ROW
    row = path[0]
    w = squares[0, 0] + squares[0, 1] * step
    before = np.sqrt(grid.square[row])
    margins[at] = w - grid.score[row, FALL]
    margins[at + 1] = -grid.score[row, RISE] - w
    margins[at + 2] = w - max(before - change_pu, 0.0) ** 2
    margins[at + 3] = (before + change_pu) ** 2 - w
    margins[at + 4 : at + OF_BUS] = UNLIMITED
    if addition.any_broken:
        _judge_broken(grid, addition, path, growth, step, squares, margins)


@njit(cache=True, nogil=True)
def fastest_growing(ports, row, w, e, allowed_pu):  # type: ignore[no-untyped-def]
    """Of the branches broken before: the least margin against growing, and whose it is; UNLIMITED if none is.

    They may grow by `allowed_pu` [pu] of current; the margin is in squares of what they had.
    """
    least, which = UNLIMITED, NO_LIMIT
    for member in range(ports.start[row], ports.start[row + 1]):
        if ports.base_percent[member] <= ports.limit_percent[member]:
            continue
        before = ports.base_percent[member] / max(ports.percent[member, 0], ports.percent[member, 1])
        margin = ((before + allowed_pu) ** 2 - current_of(ports, member, w, e) ** 2) / before**2
        if margin < least:
            least, which = margin, member
    return least, which


@njit(cache=True, nogil=True)
def _judge_broken(grid, addition, path, growth, step, squares, margins):  # type: ignore[no-untyped-def]
    """Margins of limits broken before beside the path, against taking their share of the addition."""
    row = path[0]
    w = squares[0, 0] + squares[0, 1] * step
    moved = abs(np.sqrt(w) - np.sqrt(grid.square[row]))
    allowed = max(addition.affected_share * moved, addition.noticeable_pu)
    for column in range(UNDER, grid.score.shape[1]):
        if grid.score[row, column] == 0.0:
            continue
        may = allowed if column < LADEN else growth
        found = grid.score[row, column], grid.limit[row, column]
        margins[PER_ROW * len(path) + 2 + column] = _against(grid, row, w, column, found, may)
    for k in range(len(path) - 1):
        top, w = path[k + 1], squares[k + 1, 0] + squares[k + 1, 1] * step
        for column in range(UNDER, grid.score.shape[1]):
            if grid.side_score[path[k], column] == 0.0:  # most: a call costs more than the walk
                continue
            may = allowed if column < LADEN else growth
            found = grid.side_score[path[k], column], grid.side_limit[path[k], column]
            margins[PER_ROW * k + 2 + column] = _against(grid, top, w, column, found, may)


@njit(cache=True, nogil=True)
def _against(grid, top, w, column, found, allowed):  # type: ignore[no-untyped-def]
    """What is left of an allowed change where the w of a row has become `w`: by the slope, or solved for."""
    score, limit = found
    before, sign = grid.square[top], -1.0 if column in (UNDER, LADEN) else 1.0
    moved = w - before if column >= LADEN else np.sqrt(w) - np.sqrt(before)
    margin = allowed - sign * score * moved
    if abs(margin) >= (_DOUBT * abs(w - before) / before + _LEAST_DOUBT) * allowed:
        return margin
    if column >= LADEN:
        bottom = np.searchsorted(grid.ports.start, limit, side="right") - 1
        grown = _current_at(grid, bottom, limit, _below(grid, top, w, bottom))
        return allowed - grown + _current_at(grid, bottom, limit, grid.square[bottom])
    bottom = grid.bus_row[limit // LIMIT_KINDS] if limit % LIMIT_KINDS <= OVERVOLTAGE else top
    moved = np.sqrt(_below(grid, top, w, bottom)) - np.sqrt(grid.square[bottom])
    return allowed - sign * moved


@njit(cache=True, nogil=True)
def _below(grid, top, w_top, bottom):  # type: ignore[no-untyped-def]
    """w at a row when that of a row above it is `w_top`."""
    w = grid.square[bottom]
    for _ in range(_ROUNDS):
        row, lifted, slope = bottom, w, 1.0
        while row != top:
            lifted, rise, _e = at_parent(grid.square, grid.drawn, grid.link, row, lifted)
            slope *= rise
            row = grid.parent[row]
        step = (w_top - lifted) / slope
        w += step
        if abs(step) < _SETTLED:
            break
    return w


@njit(cache=True, nogil=True)
def _current_at(grid, row, member, w):  # type: ignore[no-untyped-def]
    """Current of a branch between a row and its parent at the row's w [pu]."""
    return current_of(grid.ports, member, w, at_parent(grid.square, grid.drawn, grid.link, row, w)[2])


@njit(cache=True, nogil=True)
def holds(margins, count):  # type: ignore[no-untyped-def]
    least = UNLIMITED
    for at in range(count):
        least = min(least, margins[at])
    return least >= 0.0
