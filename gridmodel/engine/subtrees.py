"""What hangs below every node of a radial grid, as functions of the voltage at that node alone.

Constant power, ZIP loads, shunts and branches do not care for the angle of the voltage they are fed with, so
the complex power a subtree draws depends on w = |V|^2 at its top only. One pass from the leaves carries

- that power as sigma w + P(xi), a power series of order `ORDER` in xi = w_base / w - 1. Shunts are the first
  term, and losses over 1/w the second, so that what the series leaves out is of the order of the relative
  drop to the power ORDER + 1. A branch maps w and the power S below it to e = -(S* + y_cc w) / y_cp (the
  parent's voltage times the child's conjugate), to w' = |e|^2 / w at the parent, and to the power drawn
  there, S' = y_pc* e + y_pp* w'; composed, and turned from xi to xi', term by term;
- how far w may fall and rise before the first limit behind it breaks, with that limit;
- of voltages broken before the one that follows the node most, and of branches broken before the one whose
  current does.

Of the last two the best and the second best over the children are kept, so that the child an addition lies
behind can be left out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from gridmodel.engine.answers import NO_LIMIT, NO_SOLUTION, OUT_OF_RANGE
from gridmodel.engine.tree import UNLIMITED, RowLimits, Tree

# Terms of the series beyond the constant; the coefficient of w stands behind them. Two fewer were 1 kW wrong
# behind lines loaded by 240 %; two more cost 8 % of the time.
ORDER = 6
# Range of w about its base in which the series is trusted (voltages 0.7 to 1.5 times the base): an answer
# beyond it is left to the general method.
LEAST_SHARE, MOST_SHARE = 0.49, 2.25
# Columns of `Tops`: w falls, w rises, voltages already too low, already too high; and, where any branch is
# overloaded already, its current as w falls and as w rises.
FALL, RISE, UNDER, OVER, LADEN, LIFTED = range(6)
_HALVINGS = 50
# Relative step of w that tells a slope: halves the digits.
_SMALL = 1e-6


class Tops(NamedTuple):
    """The best and second best score per row and column over a node itself and its children.

    Scores grow with what binds: the lowest w allowed, less the highest w allowed, how much a voltage that is
    broken already moves with that of the row, and how much a current [pu] with w.

    Attributes
    ----------
    score, limit, child
        The best, its limit (a member of `Ports` for currents), and the child it came from (the row itself
        for its own).
    second_score, second_limit
        The best of all that did not come from that child.
    """

    score: np.ndarray
    limit: np.ndarray
    child: np.ndarray
    second_score: np.ndarray
    second_limit: np.ndarray


class Subtrees(NamedTuple):
    """Functions of w = |V|^2 per free row.

    Attributes
    ----------
    square
        w before any addition [pu], of source rows too.
    drawn
        Rows x (ORDER + 2): power drawn by all at and below a row [pu]: series in square / w - 1, then the
        coefficient of w.
    rest
        The same of the row's parent without the row's own branch and what is below it.
    link
        Rows x 4: -1/y_cp, y_cc, y_pc*, y_pp* of all parallel branches to the parent.
    score, limit
        Rows x 4 or 6 (FALL to OVER, or to LIFTED): what binds at and below the row, as in `Tops`.
    side_score, side_limit
        The same of the row's parent without the row's own branch and what is below it.
    """

    square: np.ndarray
    drawn: np.ndarray
    rest: np.ndarray
    link: np.ndarray
    score: np.ndarray
    limit: np.ndarray
    side_score: np.ndarray
    side_limit: np.ndarray


def subtrees_of(
    tree: Tree,
    limits: RowLimits,
    injection_pu: np.ndarray,
    voltage_pu: np.ndarray,
    shares: np.ndarray | None,
    hung: tuple[np.ndarray, np.ndarray] | None = None,
) -> Subtrees:
    """Describe what hangs below every row.

    Parameters
    ----------
    injection_pu, voltage_pu
        Complex power injected per row, and the solved complex voltages.
    shares
        As `CompiledGrid.shares`.
    hung
        Rows something hangs on beside the tree, and series of what it draws.
    """
    free = len(tree.parent)
    square = voltage_pu.real**2 + voltage_pu.imag**2
    drawn = _own_series(-injection_pu[:free], tree.shunt_pu, shares, square[:free])
    if hung is not None:
        drawn[hung[0]] += hung[1]
    link, rest = _links(tree), np.zeros_like(drawn)
    is_broken = tree.ports.base_percent > tree.ports.limit_percent
    tops = _own_tops(limits, square[:free], columns=6 if is_broken.any() else 4)
    _climb(tree.parent, tree.ports, square, drawn, rest, link, tops)
    side_score, side_limit = np.full_like(tops.score, -UNLIMITED), np.full_like(tops.limit, NO_LIMIT)
    _leave_out(tree.parent, drawn, rest, tops, side_score, side_limit)
    return Subtrees(square, drawn, rest, link, tops.score, tops.limit, side_score, side_limit)


def _own_series(
    drawn_pu: np.ndarray, shunt_pu: np.ndarray, shares: np.ndarray | None, square: np.ndarray
) -> np.ndarray:
    """Power drawn at each row itself: what is constant, goes with the voltage, and with its square."""
    series = np.zeros((len(square), ORDER + 2), dtype=complex)
    series[:, 0], series[:, -1] = drawn_pu, np.conj(shunt_pu)
    if shares is None:
        return series
    part = shares[: len(square)]
    current = part[:, 0] * drawn_pu.real + 1j * part[:, 2] * drawn_pu.imag
    impedance = part[:, 1] * drawn_pu.real + 1j * part[:, 3] * drawn_pu.imag
    # (w / base)^(1/2) = (1 + xi)^(-1/2); so much of it is counted as w that the first term left out vanishes
    terms = np.cumprod([1.0, *((-0.5 - power) / (power + 1) for power in range(ORDER + 1))])
    as_square = abs(terms[-1])
    terms = terms[:-1] - as_square * (-1.0) ** np.arange(ORDER + 1)
    series[:, 0] -= current + impedance
    series[:, :-1] += (current * np.sqrt(square))[:, None] * terms
    series[:, -1] += impedance + as_square * current / np.sqrt(square)
    return series


def _links(tree: Tree) -> np.ndarray:
    summed = np.add.reduceat(tree.ports.admittance, tree.ports.start[:-1], axis=0)
    columns = (-1.0 / summed[:, 1], summed[:, 0], np.conj(summed[:, 2]), np.conj(summed[:, 3]))
    return np.ascontiguousarray(np.stack(columns, axis=1))


def _own_tops(limits: RowLimits, square: np.ndarray, columns: int) -> Tops:
    """Scores of the rows themselves: their own limits, or the range the series is trusted in."""
    trusted = np.stack([LEAST_SHARE * square, -MOST_SHARE * square], axis=1)
    own = np.stack([limits.square[:, 0], -limits.square[:, 1]], axis=1)
    score, second = np.zeros((len(square), columns)), np.zeros((len(square), columns))
    limit = np.full(score.shape, NO_LIMIT, dtype=np.int32)
    score[:, :UNDER], second[:, :UNDER] = np.maximum(own, trusted), -UNLIMITED
    limit[:, :UNDER] = np.where(own >= trusted, limits.limit, OUT_OF_RANGE)
    score[:, UNDER:LADEN], limit[:, UNDER:LADEN] = limits.broken != NO_LIMIT, limits.broken
    child = np.repeat(np.arange(len(square), dtype=np.int32)[:, None], columns, axis=1)
    return Tops(score, limit, child, second, np.full_like(limit, NO_LIMIT))


@njit(cache=True, nogil=True)
def power_at(series, row, base, w):  # type: ignore[no-untyped-def]
    """Power a row's series stands for at w, and its derivative."""
    inverse = 1.0 / w
    change = base * inverse - 1.0
    value, slope = series[row, ORDER], 0.0j
    for power in range(ORDER - 1, -1, -1):
        slope = slope * change + value
        value = value * change + series[row, power]
    return value + series[row, ORDER + 1] * w, series[row, ORDER + 1] - slope * (base * inverse * inverse)


@njit(cache=True, nogil=True)
def square_of(value):  # type: ignore[no-untyped-def]
    """|value|^2."""
    return value.real * value.real + value.imag * value.imag


@njit(cache=True, nogil=True)
def heaviest(ports, row, w, e):  # type: ignore[no-untyped-def]
    """The branch of a row nearest to its limit of those not broken before, and (loading / limit)^2 there."""
    worst, which = 0.0, NO_LIMIT
    for member in range(ports.start[row], ports.start[row + 1]):
        if ports.base_percent[member] > ports.limit_percent[member]:
            continue
        y = ports.admittance
        below = square_of(y[member, 0] * w + y[member, 1] * e) * ports.percent[member, 0] ** 2
        above = square_of(y[member, 2] * w + y[member, 3] * e) * ports.percent[member, 1] ** 2
        share = max(below, above) / (w * ports.limit_percent[member] ** 2)
        if share > worst:
            worst, which = share, member
    return worst, which


@njit(cache=True, nogil=True)
def at_parent(square, drawn, link, row, w):  # type: ignore[no-untyped-def]
    """w at the parent and its slope, for w at a row without addition; and V_parent times V*."""
    power, moved = power_at(drawn, row, square[row], w)
    e = link[row, 0] * (np.conj(power) + link[row, 1] * w)
    moved = link[row, 0] * (np.conj(moved) + link[row, 1])
    parents = square_of(e) / w
    return parents, (2.0 * (e.real * moved.real + e.imag * moved.imag) - parents) / w, e


@njit(cache=True, nogil=True)
def _lifted(ports, square, drawn, link, row, w):  # type: ignore[no-untyped-def]
    """w at the parent and its slope for w at a row, and the branch between that is heaviest."""
    parents, slope, e = at_parent(square, drawn, link, row, w)
    share, member = heaviest(ports, row, w, e)
    return parents, slope, share, member


@njit(cache=True, nogil=True)
def _lift(ports, square, drawn, link, row, w, limit):  # type: ignore[no-untyped-def]
    """Carry a bound on w up a branch: w at the parent where it, or the branch, binds, and which limit."""
    lifted, slope, share, member = _lifted(ports, square, drawn, link, row, w)
    if slope > 0.0 and share <= 1.0:
        return lifted, limit
    holds, breaks = square[row], w
    for _ in range(_HALVINGS):
        middle = 0.5 * (holds + breaks)
        lifted, slope, share, tried = _lifted(ports, square, drawn, link, row, middle)
        if slope > 0.0 and share <= 1.0:
            holds = middle
        else:
            breaks = middle
            member = tried if share > 1.0 else NO_LIMIT
    lifted, slope, share, tried = _lifted(ports, square, drawn, link, row, holds)
    return lifted, (NO_SOLUTION if member == NO_LIMIT else ports.limit[member])


@njit(cache=True, nogil=True)
def _offer(tops, row, column, score, limit, child):  # type: ignore[no-untyped-def]
    """Keep a child's score if it is the best or second best."""
    if score > tops.score[row, column]:
        tops.second_score[row, column] = tops.score[row, column]
        tops.second_limit[row, column] = tops.limit[row, column]
        tops.score[row, column], tops.limit[row, column] = score, limit
        tops.child[row, column] = child
    elif score > tops.second_score[row, column]:
        tops.second_score[row, column], tops.second_limit[row, column] = score, limit


@njit(cache=True, nogil=True)
def current_of(ports, member, w, e):  # type: ignore[no-untyped-def]
    """Current [pu] of a branch, at the end where it loads it more."""
    y, percent = ports.admittance, ports.percent
    below = square_of(y[member, 0] * w + y[member, 1] * e) * percent[member, 0] ** 2
    over = square_of(y[member, 2] * w + y[member, 3] * e) * percent[member, 1] ** 2
    return np.sqrt(max(below, over) / w) / max(percent[member, 0], percent[member, 1])


@njit(cache=True, nogil=True)
def _offer_currents(tops, ports, square, drawn, link, row, parent, slope):  # type: ignore[no-untyped-def]
    """Offer the parent how the currents of a row's branches that are overloaded already change with its w."""
    for member in range(ports.start[row], ports.start[row + 1]):
        if ports.base_percent[member] <= ports.limit_percent[member]:
            continue
        less, more = square[row] * (1.0 - _SMALL), square[row] * (1.0 + _SMALL)
        rise = current_of(ports, member, more, at_parent(square, drawn, link, row, more)[2])
        rise -= current_of(ports, member, less, at_parent(square, drawn, link, row, less)[2])
        score = rise / (2.0 * _SMALL * square[row] * slope)
        _offer(tops, parent, LIFTED if score > 0.0 else LADEN, abs(score), member, row)


@njit(cache=True, nogil=True)
def _climb(parents, ports, square, drawn, rest, link, tops):  # type: ignore[no-untyped-def]
    """Hand every row's series and scores to its parent, leaves first; `rest` keeps what was handed up."""
    scratch, series = np.empty((3, ORDER + 1)), np.empty(ORDER + 1, dtype=np.complex128)
    for row in range(len(parents)):
        parent = parents[row]
        if parent >= len(parents):
            continue
        slope = _pass_on(drawn, rest, link, row, square[row], square[parent], scratch, series)
        for power in range(ORDER + 2):
            drawn[parent, power] += rest[row, power]
        for column, sign in ((FALL, 1.0), (RISE, -1.0)):
            bound, limit = sign * tops.score[row, column], tops.limit[row, column]
            bound, limit = _lift(ports, square, drawn, link, row, bound, limit)
            _offer(tops, parent, column, sign * bound, limit, row)
        gain = np.sqrt(square[parent] / square[row]) / slope
        for column in range(UNDER, tops.score.shape[1]):
            if tops.score[row, column] > 0.0:
                score = tops.score[row, column] * (gain if column < LADEN else 1.0 / slope)
                _offer(tops, parent, column, score, tops.limit[row, column], row)
        if tops.score.shape[1] > LADEN:
            _offer_currents(tops, ports, square, drawn, link, row, parent, slope)


@njit(cache=True, nogil=True)
def _pass_on(drawn, rest, link, row, w, w_parent, scratch, series):  # type: ignore[no-untyped-def]
    """Turn a row's power into what its branch draws from the parent, in its xi; returns dw_parent / dw."""
    scale, plus = link[row, 0], link[row, 0] * (np.conj(drawn[row, ORDER + 1]) + link[row, 1])
    squared, turned, raised = scratch[0], scratch[1], scratch[2]
    scale_square, plus_square = square_of(scale), square_of(plus)
    factor = link[row, 2] / np.conj(plus)
    before = 0.0
    for power in range(ORDER + 1):  # w_parent = squared + |plus|^2 w
        summed = 0.0
        for part in range(power + 1):
            other = drawn[row, power - part]
            summed += drawn[row, part].real * other.real + drawn[row, part].imag * other.imag
        crossed = scale * np.conj(drawn[row, power]) * np.conj(plus)
        squared[power] = scale_square * (summed + before) / w + 2.0 * crossed.real
        before = summed
        series[power] = link[row, 2] * scale * np.conj(drawn[row, power]) - factor * squared[power]
    slope = _parent_change(squared, plus_square * w, w_parent, turned)
    _compose(series, turned, raised, rest, row)
    rest[row, ORDER + 1] = factor + link[row, 3]
    rest[row, 0] -= rest[row, 1] * turned[0]  # the base is solved to its rounding only
    rest[row, 1] -= 2.0 * rest[row, 2] * turned[0]
    return slope * w_parent / w


@njit(cache=True, nogil=True)
def _parent_change(squared, linear, w_parent, turned):  # type: ignore[no-untyped-def]
    """The parent's xi, w_parent (1 + xi) / (squared (1 + xi) + linear) - 1, as a series in xi; its slope."""
    first = squared[0] + linear
    for power in range(ORDER + 1):
        summed = 1.0 if power < 2 else 0.0
        for part in range(1, power + 1):
            summed -= (squared[part] + squared[part - 1]) * turned[power - part]
        turned[power] = summed / first
    for power in range(ORDER + 1):
        turned[power] *= w_parent
    turned[0] -= 1.0
    return turned[1]


@njit(cache=True, nogil=True)
def _compose(series, turned, raised, rest, row):  # type: ignore[no-untyped-def]
    """Write the series in powers of the child's change as one in powers of the parent's, term by term."""
    raised[:] = turned  # (parent's change)^power in powers of the child's
    raised[0] = 0.0
    leading = 1.0
    rest[row, 0] = series[0]
    for power in range(1, ORDER + 1):
        leading *= turned[1]
        factor = series[power] / leading
        rest[row, power] = factor
        for part in range(power, ORDER + 1):
            series[part] -= factor * raised[part]
        for part in range(ORDER, power, -1):
            summed = 0.0
            for lower in range(power, part):
                summed += raised[lower] * turned[part - lower]
            raised[part] = summed
        raised[power] = 0.0


@njit(cache=True, nogil=True)
def _leave_out(parents, drawn, rest, tops, side_score, side_limit):  # type: ignore[no-untyped-def]
    """Per row: its parent's series and scores without the row."""
    for row in range(len(parents)):
        parent = parents[row]
        if parent >= len(parents):
            rest[row, :] = 0.0
            side_score[row, UNDER:] = 0.0
            continue
        for power in range(ORDER + 2):
            rest[row, power] = drawn[parent, power] - rest[row, power]
        for column in range(tops.score.shape[1]):
            if tops.child[parent, column] == row:
                side_score[row, column] = tops.second_score[parent, column]
                side_limit[row, column] = tops.second_limit[parent, column]
            else:
                side_score[row, column] = tops.score[parent, column]
                side_limit[row, column] = tops.limit[parent, column]
