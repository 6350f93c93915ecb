"""Headroom over many hours: per bus and block of hours the least of its headrooms, exact to whole kW.

Hours are looked at worst first. Who is known to have H so far is only asked whether H holds in the next hour
too, which is one probe a bus. Hours equal to another one are left out. When room for load is asked, hours are
left out too that another one outweighs at every load and generator: more load and less generation lower every
voltage and so raise every current that the addition meets. Whether a profile's power is load is asked of
branches, not of buses: where the diversity of customers stands as negative load at a bus
(`gridmodel.demand_model`), each branch still carries what all behind it draw together, and every drop of
voltage is one of a branch. (In a loop currents may oppose each other, whatever draws: `every_hour` is the
proof there.) An hour in which a limit is broken before any
addition outweighs none: a broken limit counts only against who takes part in it, so that another hour, in
which it just holds, may have less. For generation no hour outweighs another: more of it elsewhere raises the
voltage, which costs room at the band and makes room on a line.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

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
)
from gridmodel.engine.batch import Injections
from gridmodel.engine.bounds import Bounds
from gridmodel.engine.compiled import CompiledGrid, sum_at_rows
from gridmodel.engine.kernels import CONVERGED
from gridmodel.engine.linearised import Reference, reference_at
from gridmodel.engine.of_profiles import injection_of_hour
from gridmodel.engine.path_kernels import Addition, PathGrid
from gridmodel.engine.path_search import steps_to_source
from gridmodel.engine.paths import path_grid
from gridmodel.engine.rings import Opened, hung_on, opened, rows_above
from gridmodel.engine.tree import UNLIMITED, branch_limits, branch_loadings, known_or, radial_reason
from gridmodel.engine.year_kernels import lower_to

# What is against the rest of a profile under this share of its largest figure is rounding of the sums.
_ROUNDING_SHARE = 1e-9


@dataclass(frozen=True, eq=False)
class YearQuestion:
    """What is asked in every hour.

    Attributes
    ----------
    buses
        Positions in the net's bus table.
    per_kw_pu
        Complex power injected per kW of the addition [pu]: negative for load.
    cap_kw
        Largest addition tried [kW].
    block_of_hour
        Number of the block per hour, 0 and up; -1 for an hour not asked about.
    every_hour
        Whether hours are judged that another one outweighs.
    """

    grid: CompiledGrid
    injections: Injections
    bounds: Bounds
    buses: np.ndarray
    per_kw_pu: complex
    cap_kw: int
    block_of_hour: np.ndarray
    every_hour: bool = False


class YearAnswers(NamedTuple):
    """The least headroom per block and bus.

    Attributes
    ----------
    headroom_kw, status, limit
        Blocks x buses, as `Answers`.
    hour
        Blocks x buses: an hour in which that is the headroom; -1 where nothing binds or nothing is known.
    hours_solved, probes
        Hours looked at, and pairs of hour and bus judged in them.
    unsolved
        Hours that have no solution before any addition: their blocks are undetermined.
    method
        "path" (radial grids), "path" but for buses behind loops, or "whole grid" with the reason.
    """

    headroom_kw: np.ndarray
    status: np.ndarray
    limit: np.ndarray
    hour: np.ndarray
    hours_solved: int
    probes: int
    unsolved: np.ndarray
    method: str


# Answers for one hour: of the asked buses, up to so many kW each; CAPPED where that holds.
Judge = Callable[[np.ndarray, Reference, np.ndarray, np.ndarray, bool], Answers]


def year_headroom(
    question: YearQuestion, *, threads: int | None = None, told: Callable[[int, int], None] | None = None
) -> YearAnswers:
    """Find the least headroom of every bus in every block of hours.

    Parameters
    ----------
    threads
        One per core when absent.
    told
        Called with blocks done and blocks in all, from any thread.
    """
    grid = question.grid
    hours, push = hours_in_turn(question), _push(question)
    reason = radial_reason(grid, question.bounds)
    opening = opened(grid, question.bounds) if reason else None
    method = "path" if not reason else f"whole grid: {reason}"
    if opening is not None:
        count = int(np.count_nonzero(_is_inside(question, opening)))
        method = f"path, and whole grid at {count} buses behind loops"
    answers = _nothing_known(question, len(hours), method)
    workers = max(1, min(threads or os.cpu_count() or 1, len(hours)))
    done, counts = [], []

    def work(worker: int) -> None:
        judge = _whole_grid_judge(question)
        if not reason or opening is not None:
            judge = _path_judge(question, opening, judge)
        for block in range(worker, len(hours), workers):
            counts.append(_settle_block(question, judge, block, hours[block], push, answers))
            done.append(block)
            if told is not None:
                told(len(done), len(hours))

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, range(workers)))
    unsolved = np.sort(np.array([hour for *_, lost in counts for hour in lost], dtype=np.int64))
    return answers._replace(
        hours_solved=sum(count[0] for count in counts),
        probes=sum(count[1] for count in counts),
        unsolved=unsolved,
    )


def hours_in_turn(question: YearQuestion) -> list[np.ndarray]:
    """Hours of each block, of equal ones one, the heaviest first."""
    weight = _weights(question) if question.per_kw_pu.real < 0.0 else -_weights(question)
    used = question.injections.factors[:, np.unique(question.injections.term_profile)]
    chosen = []
    for block in range(int(question.block_of_hour.max(initial=-1)) + 1):
        hours = np.flatnonzero(question.block_of_hour == block)
        hours = hours[np.argsort(-weight[hours], kind="stable")]
        if not len(question.injections.added_row):
            _, first = np.unique(used[hours], axis=0, return_index=True)
            hours = hours[np.sort(first)]
        chosen.append(hours)
    return chosen


def nothing_broken(grid: CompiledGrid, voltage_pu: np.ndarray, bounds: Bounds) -> bool:
    """Tell whether every bus and branch holds its limits."""
    buses = np.flatnonzero(grid.bus_row >= 0)
    size = np.abs(voltage_pu)
    counted = bounds.reference[buses]
    zero = np.where(counted >= 0, size[grid.bus_row[counted]], 0.0)
    now = size[grid.bus_row[buses]] - zero
    too_low, too_high = now < bounds.vm_min_pu[buses], now > bounds.vm_max_pu[buses]
    over = branch_loadings(grid.branches, voltage_pu) > branch_limits(grid.branches, bounds)
    return not (too_low.any() or too_high.any() or over.any())


def _weights(question: YearQuestion) -> np.ndarray:
    """Active power drawn in all per hour [pu]."""
    injections = question.injections
    per_profile = np.bincount(injections.term_profile, -injections.term_pu.real, injections.factors.shape[1])
    return np.asarray(injections.factors @ per_profile)


def _push(question: YearQuestion) -> np.ndarray:
    """Hours x figures, of which none is smaller in an hour that outweighs another.

    Factors of what draws active and inductive reactive power, those of what feeds turned round, and those of
    profiles with both in either way, so that only equal ones compare.
    """
    injections = question.injections
    draws, feeds = _signs(injections.term_pu, injections.term_profile, injections.factors.shape[1])
    if not question.grid.out_of_scope and question.grid.shares is None:  # draws whatever the voltage is
        above = rows_above(question.grid)
        for column in np.flatnonzero(draws & feeds):
            draws[column], feeds[column] = _signs_on_branches(question, int(column), above)
    return np.concatenate([injections.factors[:, draws], -injections.factors[:, feeds]], axis=1)


def _signs(power_pu: np.ndarray, profile: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Per profile whether it draws, and whether it feeds, active or inductive reactive power anywhere."""
    draws = np.bincount(profile, (power_pu.real < 0.0) | (power_pu.imag < 0.0), count) > 0
    feeds = np.bincount(profile, (power_pu.real > 0.0) | (power_pu.imag > 0.0), count) > 0
    return draws, feeds


def _signs_on_branches(question: YearQuestion, column: int, above: np.ndarray) -> tuple[bool, bool]:
    """Whether a profile draws, and whether it feeds, through any branch; `above` as `rings.rows_above`.

    In a loop power takes more ways than one, so there the voltages that it moves must all move one way too.
    """
    grid, injections = question.grid, question.injections
    free, own = grid.free_count, injections.term_profile == column
    row = np.repeat(np.arange(grid.row_count), np.diff(injections.term_start))
    power_pu = sum_at_rows(row[own], injections.term_pu[own], grid.row_count)[:free]
    behind_pu, up = power_pu.copy(), np.where(above[:free] < free, above[:free], -1)
    # What is summed up to 2^k branches below a row goes to the row 2^k branches above it.
    while len(below := np.flatnonzero(up >= 0)):
        behind_pu += sum_at_rows(up[below], behind_pu[below], free)
        up = np.where(up >= 0, up[up], -1)
    moved = [behind_pu.real, behind_pu.imag]
    if not grid.stamps.is_forest:
        idle_pu = grid.idle_pu[:free]
        turned = grid.factors.solve(np.conj(power_pu / idle_pu)) * np.conj(idle_pu) / np.abs(idle_pu)
        moved.append(turned.real)
    rounding = [_ROUNDING_SHARE * np.abs(values).max(initial=0.0) for values in moved]
    draws = any((values < -least).any() for values, least in zip(moved, rounding, strict=True))
    feeds = any((values > least).any() for values, least in zip(moved, rounding, strict=True))
    return draws, feeds


def _nothing_known(question: YearQuestion, blocks: int, method: str) -> YearAnswers:
    shape = (blocks, len(question.buses))
    alive = question.grid.bus_row[question.buses] >= 0
    return YearAnswers(
        headroom_kw=np.where(alive, np.full(shape, question.cap_kw, dtype=np.int64), 0),
        status=np.where(alive, np.full(shape, CAPPED, dtype=np.int8), UNDETERMINED).astype(np.int8),
        limit=np.full(shape, NO_LIMIT, dtype=np.int64), hour=np.full(shape, -1, dtype=np.int32),
        hours_solved=0, probes=0, unsolved=np.zeros(0, dtype=np.int64), method=method,
    )  # fmt: skip


def _settle_block(
    question: YearQuestion,
    judge: Judge,
    block: int,
    hours: np.ndarray,
    push: np.ndarray,
    answers: YearAnswers,
) -> tuple[int, int, list[int]]:
    """Lower the answers of one block; hours solved, pairs judged, and hours without a solution."""
    headroom_kw, status = answers.headroom_kw[block], answers.status[block]
    solved, probes = 0, 0
    may_leave_out = question.per_kw_pu.real < 0.0 and not question.every_hour
    outweighing = np.empty((0, push.shape[1]))
    for hour in hours:
        asked = np.flatnonzero((headroom_kw > 0) & (status != UNDETERMINED))
        if not len(asked):
            break
        if may_leave_out and (outweighing >= push[hour]).all(axis=1).any():
            continue
        injection = injection_of_hour(question.injections, int(hour))
        point = reference_at(question.grid, injection)
        if point.outcome != CONVERGED:
            status[:], headroom_kw[:], answers.limit[block] = UNDETERMINED, 0, NO_LIMIT
            answers.hour[block] = hour
            return solved, probes, [int(hour)]
        found = judge(injection, point, asked, headroom_kw[asked], solved == 0)
        solved, probes = solved + 1, probes + len(asked)
        lower = found.status != CAPPED
        at = asked[lower]
        headroom_kw[at], status[at] = found.headroom_kw[lower], found.status[lower]
        answers.limit[block][at], answers.hour[block][at] = found.limit[lower], hour
        if nothing_broken(question.grid, point.voltage_pu, question.bounds):
            outweighing = np.concatenate([outweighing, push[[hour]]])
    return solved, probes, []


def _is_inside(question: YearQuestion, opening: Opened) -> np.ndarray:
    """Which of the buses asked for stand in a part that was cut off."""
    buses = question.buses
    return np.asarray((opening.grid.bus_row[buses] < 0) & (question.grid.bus_row[buses] >= 0))


def _path_judge(question: YearQuestion, opening: Opened | None, beyond: Judge) -> Judge:
    """The path method; what it does not serve, or not where it is exact, is left to `beyond`."""
    grid = question.grid if opening is None else opening.grid
    row_of = np.arange(grid.row_count) if opening is None else opening.row_of
    walk = _walker(question, grid)
    outside = grid.bus_row[question.buses] >= 0

    def judge(
        injection_pu: np.ndarray, point: Reference, asked: np.ndarray, at_most_kw: np.ndarray, fresh: bool
    ) -> Answers:
        hung = None
        if opening is not None:
            hung = hung_on(question.grid, opening, injection_pu, point.voltage_pu, question.bounds)
            if hung is None:
                return beyond(injection_pu, point, asked, at_most_kw, fresh)
        paths, any_broken = path_grid(
            grid, injection_pu[row_of], point.voltage_pu[row_of], question.bounds, hung
        )
        found, served = _capped(at_most_kw), outside[asked]
        _put(found, served, walk(paths, any_broken, asked[served], at_most_kw[served], fresh))
        lost = np.flatnonzero(~served | (found.status == UNDETERMINED))
        if len(lost):
            _put(found, lost, beyond(injection_pu, point, asked[lost], at_most_kw[lost], fresh))
        return found

    return judge


def _put(found: Answers, at: np.ndarray, part: Answers) -> None:
    for values, new in zip(found, part, strict=True):
        values[at] = new


def _walker(
    question: YearQuestion, grid: CompiledGrid
) -> Callable[[PathGrid, bool, np.ndarray, np.ndarray, bool], Answers]:
    """Ask buses of a radial grid in one hour, from where the hour before has left them."""
    rows = grid.bus_row[question.buses]
    change_pu = np.minimum(known_or(question.bounds.change_pu[question.buses], np.inf), UNLIMITED**0.5)
    moved = np.zeros(len(rows))

    def walk(
        paths: PathGrid, any_broken: bool, asked: np.ndarray, at_most_kw: np.ndarray, fresh: bool
    ) -> Answers:
        depth = int(steps_to_source(paths.parent).max(initial=1))
        addition = Addition(
            complex(question.per_kw_pu), question.cap_kw, AFFECTED_SHARE, NOTICEABLE_PU, any_broken
        )
        found = _capped(at_most_kw)
        free = rows[asked] < grid.free_count  # a source holds whatever is added to it
        at = asked[free]
        kw, status, limit = (np.empty(len(at), dtype=np.int64) for _ in range(3))
        start = moved[at]
        lower_to(
            paths, addition, rows[at], change_pu[at], depth, at_most_kw[free], fresh, True,
            start, kw, status, limit,
        )  # fmt: skip
        moved[at] = start
        own = (limit != NO_LIMIT) & (limit % LIMIT_KINDS >= VOLTAGE_CHANGE)
        limit[own] = question.buses[at[own]] * LIMIT_KINDS + limit[own] % LIMIT_KINDS
        _put(found, free, Answers(kw, status, limit))
        return found

    return walk


def _whole_grid_judge(question: YearQuestion) -> Judge:
    """Whole-grid solves, for grids with loops and bands relative to another bus."""
    from gridmodel.engine.wide import wide_headroom

    def judge(
        injection_pu: np.ndarray, point: Reference, asked: np.ndarray, at_most_kw: np.ndarray, fresh: bool
    ) -> Answers:
        found = wide_headroom(
            question.grid, injection_pu, question.bounds, question.buses[asked],
            per_kw_pu=question.per_kw_pu, cap_kw=int(at_most_kw.max()), threads=1, reference=point,
        )  # fmt: skip
        keeps = (found.headroom_kw >= at_most_kw) & (found.status != UNDETERMINED)
        held = _capped(at_most_kw)
        return Answers(*(np.where(keeps, old, new) for old, new in zip(held, found, strict=True)))

    return judge


def _capped(at_most_kw: np.ndarray) -> Answers:
    count = len(at_most_kw)
    return Answers(at_most_kw.copy(), np.full(count, CAPPED), np.full(count, NO_LIMIT))
