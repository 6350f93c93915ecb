# mypy: check-untyped-defs=False
"""Compiled probes: a block of additions solved on the whole grid, and judged while in the cache.

Over the flat state of `kernels`. Data structures and their meaning are in `probes` and `margins`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gridmodel.engine.answers import LIMIT_KINDS, NO_LIMIT, NO_SOLUTION, VOLTAGE_CHANGE
from gridmodel.engine.blocks import aligned
from gridmodel.engine.kernels import (
    COLLAPSED,
    CONVERGED,
    ROW,
    S_IM,
    S_RE,
    UNSETTLED,
    V_IM,
    V_RE,
    Y_IM,
    Y_RE,
    backward,
    forward,
)
from gridmodel.engine.lanes import LANES, load, root, same, store, where_less

# The current of an addition at a voltage that answers to it: rounds of substitution, each right to the
# voltage change as a share of the voltage.
_AGREEING_ROUNDS = 12


@njit(cache=True, nogil=True, error_model="numpy")
def probe_share(first, last, staged, additions, which, p_kw, verdicts, tolerance, most_steps):  # type: ignore[no-untyped-def]
    """Solve and judge questions first..last-1, a block at a time."""
    state = aligned(len(staged.voltage_pu) * int(ROW))
    power = staged.injection_pu
    for i in range(len(power)):
        store(state, np.uint64(i) * ROW + S_RE, same(power[i].real))
        store(state, np.uint64(i) * ROW + S_IM, same(power[i].imag))
    outcome = np.empty(LANES, dtype=np.int64)
    for begin in range(first, last, LANES):
        _settle(state, begin, last, staged, additions, which, p_kw, tolerance, most_steps, outcome)
        _judge(state, begin, last, staged, additions, which, p_kw, outcome, most_steps, verdicts)


@njit(cache=True, nogil=True, error_model="numpy")
def _settle(state, begin, last, staged, additions, which, p_kw, tolerance, most_steps, outcome):  # type: ignore[no-untyped-def]
    """From the operating point to the state with the additions of a block; `kernels.settle` with them."""
    extremes = np.empty(2 * LANES)
    entries = 0
    for k in range(LANES):  # lanes beyond the last question repeat it
        question = which[min(begin + k, last - 1)]
        entries = max(entries, additions.start[question + 1] - additions.start[question])
    outcome[:] = UNSETTLED
    flowing = np.zeros((entries, LANES), dtype=np.complex128)
    volts, current = staged.voltage_pu, staged.current_pu
    for i in range(len(volts)):
        store(state, np.uint64(i) * ROW + V_RE, same(volts[i].real))
        store(state, np.uint64(i) * ROW + V_IM, same(volts[i].imag))
    for i in range(len(current)):
        store(state, np.uint64(i) * ROW + Y_RE, same(current[i].real))
        store(state, np.uint64(i) * ROW + Y_IM, same(current[i].imag))
    _add(state, begin, last, additions, which, p_kw, len(current), flowing)
    for _ in range(most_steps):
        forward(state, staged.factors.start, staged.factors.row, staged.factors.low)
        backward(
            state, True, staged.factors, staged.live, staged.slopes, staged.pushed, staged.shares,
            staged.floor, extremes,
        )  # fmt: skip
        _add(state, begin, last, additions, which, p_kw, len(current), flowing)
        if _all_ended(extremes, tolerance, outcome):
            break


@njit(cache=True, nogil=True, error_model="numpy")
def _add(state, begin, last, additions, which, p_kw, free, flowing):  # type: ignore[no-untyped-def]
    """Add the currents of a block's additions to the right-hand side; `flowing` keeps them."""
    for k in range(LANES):
        lane = np.uint64(k)
        scenario = min(begin + k, last - 1)
        question = which[scenario]
        for j in range(additions.start[question + 1] - additions.start[question]):
            entry = additions.start[question] + j
            i = additions.row[entry]
            if i >= free:
                continue
            at = np.uint64(i) * ROW
            volts = complex(state[at + V_RE + lane], state[at + V_IM + lane])
            power = additions.per_kw_pu[entry] * p_kw[scenario]
            current, own = flowing[j, k], additions.own[entry]
            without = volts - own * current
            for _ in range(_AGREEING_ROUNDS):
                current = np.conj(power / (without + own * current))
            flowing[j, k] = current
            state[at + Y_RE + lane] += current.real
            state[at + Y_IM + lane] += current.imag


@njit(cache=True, nogil=True, error_model="numpy")
def _all_ended(extremes, tolerance, outcome):  # type: ignore[no-untyped-def]
    """Note after a sweep which lanes have settled or collapsed; tell whether all have."""
    ended = True
    for k in range(LANES):
        if outcome[k] == COLLAPSED or not extremes[LANES + k] > 0.0:  # NaN is a collapse too
            outcome[k] = COLLAPSED
        elif extremes[k] <= tolerance * tolerance:
            outcome[k] = CONVERGED
        else:
            outcome[k] = UNSETTLED
            ended = False
    return ended


@njit(cache=True, nogil=True, error_model="numpy")
def _judge(state, begin, last, staged, additions, which, p_kw, outcome, most_steps, verdicts):  # type: ignore[no-untyped-def]
    """Judge a solved block; after one step only, what is right to first order counts as solved."""
    used, taken = np.zeros(LANES), np.zeros(LANES)
    limit, takes = np.full(LANES, float(NO_LIMIT)), np.full(LANES, float(NO_LIMIT))
    added_pu, least_pu = np.empty(LANES), np.empty(LANES)
    _judge_voltages(state, staged.voltages, used, limit)
    _judge_own(state, begin, last, staged, additions, which, p_kw, used, limit, added_pu, least_pu)
    _judge_currents(state, staged.currents, used, limit)
    _judge_overloads(state, staged.currents, added_pu, taken, takes)
    _judge_broken_voltages(state, staged.voltages, least_pu, taken, takes)
    for k in range(min(LANES, last - begin)):
        scenario, lane = begin + k, np.uint64(k)
        entry = additions.start[which[scenario]]
        at = np.uint64(additions.row[entry]) * ROW
        volts = complex(state[at + V_RE + lane], state[at + V_IM + lane])
        verdicts.moved_pu[scenario] = volts - staged.voltage_pu[additions.row[entry]]
        if outcome[k] == COLLAPSED or (outcome[k] == UNSETTLED and most_steps > 1):
            verdicts.used[scenario] = np.inf
            verdicts.limit[scenario] = additions.bus[entry] * LIMIT_KINDS + NO_SOLUTION
            continue
        verdicts.used[scenario], verdicts.limit[scenario] = used[k], int(limit[k])
        if taken[k] >= 1.0:
            verdicts.takes[scenario] = int(takes[k])
        verdicts.holds[scenario] = used[k] <= 1.0 and taken[k] < 1.0


@njit(cache=True, nogil=True, error_model="numpy")
def _judge_own(state, begin, last, staged, additions, which, p_kw, used, limit, added_pu, least_pu):  # type: ignore[no-untyped-def]
    """Change of the voltage where something is added, and what counts as taking part, per lane."""
    share, noticeable_pu, noticeable_power_pu = staged.noticeable
    for k in range(LANES):
        scenario = min(begin + k, last - 1)
        question = which[scenario]
        power, furthest = 0.0, 0.0
        for entry in range(additions.start[question], additions.start[question + 1]):
            i = additions.row[entry]
            power += abs(additions.per_kw_pu[entry]) * p_kw[scenario]
            moved = abs(state[np.uint64(i) * ROW + Y_RE + np.uint64(k)] - staged.voltages.before_pu[i])
            furthest = max(furthest, moved)
            if moved / additions.change_pu[entry] > used[k]:
                used[k] = moved / additions.change_pu[entry]
                limit[k] = additions.bus[entry] * LIMIT_KINDS + VOLTAGE_CHANGE
        added_pu[k] = max(share * power, noticeable_power_pu)
        least_pu[k] = max(share * furthest, noticeable_pu)


@njit(cache=True, nogil=True, error_model="numpy")
def _judge_voltages(state, voltages, used, which):  # type: ignore[no-untyped-def]
    """Largest share of a voltage's distance used up per lane; leaves magnitudes in the group Y_RE."""
    before, reference, per_fall, per_rise, fall_limit, rise_limit = voltages[:6]
    for i in range(len(before)):
        at = np.uint64(i) * ROW
        re, im = load(state, at + V_RE), load(state, at + V_IM)
        store(state, at + Y_RE, root(re * re + im * im))
    most, number = load(used, np.uint64(0)), load(which, np.uint64(0))
    for i in range(len(before)):
        if per_fall[i] == 0.0 and per_rise[i] == 0.0:
            continue
        moved = load(state, np.uint64(i) * ROW + Y_RE) - before[i]
        if reference[i] >= 0:
            moved = moved - load(state, np.uint64(reference[i]) * ROW + Y_RE) + before[reference[i]]
        down, up = moved * -per_fall[i], moved * per_rise[i]
        number, most = (
            where_less(most, down, same(float(fall_limit[i])), number),
            where_less(most, down, down, most),
        )
        number, most = (
            where_less(most, up, same(float(rise_limit[i])), number),
            where_less(most, up, up, most),
        )
    store(used, np.uint64(0), most)
    store(which, np.uint64(0), number)


@njit(cache=True, nogil=True, error_model="numpy")
def _judge_currents(state, currents, used, which):  # type: ignore[no-untyped-def]
    """Largest share of a rating used up per lane, of branches that held theirs before."""
    most, number = load(used, np.uint64(0)), load(which, np.uint64(0))
    for e in range(len(currents.growth)):
        if currents.growth[e] >= 0.0:
            continue
        ir, ii, jr, ji = _ends(state, currents, e)
        one, two = ir * ir + ii * ii, jr * jr + ji * ji
        near = _share_used(ir, ii, currents.before_from[e], currents.left_from[e])
        far = _share_used(jr, ji, currents.before_to[e], currents.left_to[e])
        share = where_less(one, two, far, near)
        number = where_less(most, share, same(float(currents.limit[e])), number)
        most = where_less(most, share, share, most)
    store(used, np.uint64(0), most)
    store(which, np.uint64(0), number)


@njit(cache=True, nogil=True, error_model="numpy")
def _share_used(re, im, before, left):  # type: ignore[no-untyped-def]
    """1 / how many times as far a phasor may move on as it has, until its magnitude is 1."""
    x, y = re - before.real, im - before.imag
    along = before.real * x + before.imag * y
    return (along + root(along * along + (x * x + y * y) * left)) * (1.0 / left)


@njit(cache=True, nogil=True, error_model="numpy")
def _ends(state, currents, e):  # type: ignore[no-untyped-def]
    """Currents at both ends of a branch, real and imaginary, in units of its limit."""
    f, t = np.uint64(currents.from_row[e]) * ROW, np.uint64(currents.to_row[e]) * ROW
    yff, yft, ytf, ytt = currents.yff[e], currents.yft[e], currents.ytf[e], currents.ytt[e]
    fr, fi = load(state, f + V_RE), load(state, f + V_IM)
    tr, ti = load(state, t + V_RE), load(state, t + V_IM)
    return (
        yff.real * fr - yff.imag * fi + yft.real * tr - yft.imag * ti,
        yff.real * fi + yff.imag * fr + yft.real * ti + yft.imag * tr,
        ytf.real * fr - ytf.imag * fi + ytt.real * tr - ytt.imag * ti,
        ytf.real * fi + ytf.imag * fr + ytt.real * ti + ytt.imag * tr,
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _judge_overloads(state, currents, added_pu, taken, takes):  # type: ignore[no-untyped-def]
    """Branches overloaded before: largest share per lane of the growth from which on an addition takes part.

    `added_pu` is the part of the addition's power that counts.
    """
    most, number = load(taken, np.uint64(0)), load(takes, np.uint64(0))
    added = load(added_pu, np.uint64(0))
    for e in range(len(currents.growth)):
        if currents.growth[e] < 0.0:
            continue
        was = max(abs(currents.before_from[e]), abs(currents.before_to[e]))
        ir, ii, jr, ji = _ends(state, currents, e)
        one, two = ir * ir + ii * ii, jr * jr + ji * ji
        share = (root(where_less(one, two, two, one)) - was) / (added * currents.growth[e])
        number = where_less(most, share, same(float(currents.limit[e])), number)
        most = where_less(most, share, share, most)
    store(taken, np.uint64(0), most)
    store(takes, np.uint64(0), number)


@njit(cache=True, nogil=True, error_model="numpy")
def _judge_broken_voltages(state, voltages, least_pu, taken, takes):  # type: ignore[no-untyped-def]
    """The same of voltages out of their bounds before; `least_pu` is the change that counts.

    After `_judge_voltages`, which leaves the magnitudes.
    """
    most, number = load(taken, np.uint64(0)), load(takes, np.uint64(0))
    least = load(least_pu, np.uint64(0))
    for j in range(len(voltages.under_row)):
        i = voltages.under_row[j]
        share = (same(voltages.before_pu[i]) - load(state, np.uint64(i) * ROW + Y_RE)) / least
        number = where_less(most, share, same(float(voltages.under_limit[j])), number)
        most = where_less(most, share, share, most)
    for j in range(len(voltages.over_row)):
        i = voltages.over_row[j]
        share = (load(state, np.uint64(i) * ROW + Y_RE) - voltages.before_pu[i]) / least
        number = where_less(most, share, same(float(voltages.over_limit[j])), number)
        most = where_less(most, share, share, most)
    store(taken, np.uint64(0), most)
    store(takes, np.uint64(0), number)
