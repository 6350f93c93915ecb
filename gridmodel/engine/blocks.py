"""The compiled loop over blocks: load injections, settle, keep what was asked for."""

from __future__ import annotations

import numpy as np
from numba import njit

from gridmodel.engine.kernels import CONVERGED, ROW, S_IM, S_RE, UNSETTLED, V_IM, V_RE, settle
from gridmodel.engine.lanes import LANES, load, same, store
from gridmodel.engine.newton import workspace
from gridmodel.engine.reductions import (
    reduce_branches,
    reduce_injected,
    reduce_rows,
    reduce_sources,
    take_columns,
)
from gridmodel.engine.retry import retry


@njit(cache=True, nogil=True, error_model="numpy")
def solve_share(first, last, plan, injections, rows, branches, out, elements, tolerance, most_steps):  # type: ignore[no-untyped-def]
    """Solve scenarios first..last-1, a block at a time, each from the voltages of the one before."""
    state = aligned(len(plan.start) * int(ROW))
    outcome, good = np.full(LANES, UNSETTLED), np.empty(LANES)
    factors = np.empty((injections.factors.shape[1]) * LANES)
    work, place = workspace(0, 0), np.empty(LANES, dtype=np.int64)
    for begin in range(first, last, LANES):
        _start(state, plan.start, outcome)
        _inject_block(state, begin, last, injections, factors)
        steps = settle(
            state, plan.factors, plan.live, plan.slopes, plan.pushed, plan.shares, plan.floor,
            tolerance, most_steps, outcome,
        )  # fmt: skip
        if (outcome != CONVERGED).any():
            if not len(work.pivot):
                work = workspace(len(plan.pushed), len(plan.stamps.row))
            retry(state, work, plan, tolerance, outcome, place)
        for k in range(LANES):  # lanes beyond the last scenario repeat it, and do not count
            good[k] = 0.0
            if begin + k < last:
                out.outcome[begin + k], out.steps[begin + k] = outcome[k], steps
                if outcome[k] == CONVERGED:
                    good[k] = 1.0
                else:
                    out.worst_row[begin + k] = place[k]
        reduce_rows(state, begin, good, plan.bounds, out.figures, elements)
        reduce_branches(state, begin, good, plan.branches, plan.bounds, out.figures, elements)
        reduce_sources(
            state, begin, good, plan.source_start, plan.source_col, plan.source_y, len(plan.pushed),
            out.figures,
        )  # fmt: skip
        reduce_injected(state, begin, good, plan.live, plan.shares, out.figures)
        take_columns(state, begin, good, rows, out.vm_pu, plan.branches, branches, out.percent)


@njit(cache=True, nogil=True)
def aligned(count):  # type: ignore[no-untyped-def]
    """Zeros that begin at a cache line: lanes that lie across two take a sweep 1.5 times as long."""
    line_bytes = 64
    room = np.zeros(count + line_bytes // 8)
    first = (-room.ctypes.data % line_bytes) // 8
    return room[first : first + count]


@njit(cache=True, nogil=True, error_model="numpy")
def _start(state, start, outcome):  # type: ignore[no-untyped-def]
    """Start lanes at the reference where the one before them has left nothing to start from."""
    for k in range(LANES):
        if outcome[k] != CONVERGED:
            lane = np.uint64(k)
            for i in range(len(start)):
                at = np.uint64(i) * ROW
                state[at + V_RE + lane], state[at + V_IM + lane] = start[i].real, start[i].imag


@njit(cache=True, nogil=True, error_model="numpy")
def _inject_block(state, begin, last, injections, factors):  # type: ignore[no-untyped-def]
    """Put the injections of a block into the state; `factors` is room for its profiles."""
    profiles = injections.factors.shape[1]
    for k in range(LANES):
        scenario = min(begin + k, last - 1)
        for profile in range(profiles):
            factors[profile * LANES + k] = injections.factors[scenario, profile]
    for i in range(len(injections.base_pu)):
        at, base = np.uint64(i) * ROW, injections.base_pu[i]
        p, q = same(base.real), same(base.imag)
        for term in range(injections.term_start[i], injections.term_start[i + 1]):
            factor = load(factors, np.uint64(injections.term_profile[term] * LANES))
            p = p + factor * injections.term_pu[term].real
            q = q + factor * injections.term_pu[term].imag
        store(state, at + S_RE, p)
        store(state, at + S_IM, q)
    for k in range(LANES):
        scenario, lane = min(begin + k, last - 1), np.uint64(k)
        for entry in range(injections.added_start[scenario], injections.added_start[scenario + 1]):
            at = np.uint64(injections.added_row[entry]) * ROW
            state[at + S_RE + lane] += injections.added_pu[entry].real
            state[at + S_IM + lane] += injections.added_pu[entry].imag
