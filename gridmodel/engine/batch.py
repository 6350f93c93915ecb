"""Solve many scenarios of one compiled grid: block by block, judged while in the cache, on all cores.

A scenario is a complex power per row. It comes in three parts, each of which may be empty: what every
scenario has, what follows profiles, and a few additions of its own.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from gridmodel.engine.blocks import solve_share
from gridmodel.engine.bounds import Bounds
from gridmodel.engine.compiled import CompiledGrid
from gridmodel.engine.factors import Factors, Stamps
from gridmodel.engine.kernels import CONVERGED, UNSETTLED, one_layout
from gridmodel.engine.lanes import LANES
from gridmodel.engine.linearised import Reference
from gridmodel.engine.matrix import Branches
from gridmodel.engine.reductions import Elements, Figures, RowBounds

# A voltage has settled when a step moves it by less [pu]; what is left is smaller by the rate of the
# iteration, under 1e-8 pu of the exact solution where that is better than 0.9. What has not settled after
# MOST_STEPS contracts slower than 0.75 a step, and goes to Newton's method (`newton`) as what collapsed does.
SETTLED_PU = 1e-9
MOST_STEPS = 60
# Rows times scenarios that are worth a thread of their own: they take about a millisecond, ten times what
# starting a thread does.
ROWS_A_THREAD = 100_000


class Injections(NamedTuple):
    """Complex power injected per scenario and row [pu].

    base[row] + sum of term_pu x factors[scenario, term_profile] over the terms of the row + the additions.

    Attributes
    ----------
    base_pu
        Per row, the same in every scenario.
    term_start, term_pu, term_profile
        Terms of row i: entries term_start[i]..term_start[i+1]-1.
    factors
        Scenarios x profiles.
    added_start, added_row, added_pu
        Additions of scenario t: entries added_start[t]..added_start[t+1]-1.
    """

    base_pu: np.ndarray
    term_start: np.ndarray
    term_pu: np.ndarray
    term_profile: np.ndarray
    factors: np.ndarray
    added_start: np.ndarray
    added_row: np.ndarray
    added_pu: np.ndarray

    @property
    def scenarios(self) -> int:
        return len(self.added_start) - 1


@dataclass(frozen=True, eq=False)
class Batch:
    """What is known of every scenario.

    Attributes
    ----------
    outcome
        Per scenario CONVERGED, COLLAPSED or UNSETTLED (`kernels`).
    steps
        Sweeps its block took.
    worst_row
        Where a scenario did not converge the row whose voltage would drop most, were the grid linear: the bus
        that collapses; -1 elsewhere.
    figures, elements
        See `reductions`; figures of a scenario that did not converge are NaN and -1.
    rows, vm_pu
        Rows chosen, and scenarios x rows [pu].
    branches, percent
        Entries of `grid.branches` chosen, and scenarios x branches [%].
    """

    outcome: np.ndarray
    steps: np.ndarray
    worst_row: np.ndarray
    figures: Figures
    elements: Elements
    rows: np.ndarray
    vm_pu: np.ndarray
    branches: np.ndarray
    percent: np.ndarray

    @property
    def converged(self) -> np.ndarray:
        return np.asarray(self.outcome == CONVERGED)


def steady(base_pu: np.ndarray, scenarios: int) -> Injections:
    """The same injection in every scenario."""
    none = np.zeros(0, dtype=np.int64)
    return Injections(
        one_layout(base_pu, complex), np.zeros(len(base_pu) + 1, dtype=np.int64),
        np.zeros(0, dtype=complex), none, np.zeros((scenarios, 0)),
        np.zeros(scenarios + 1, dtype=np.int64), none, np.zeros(0, dtype=complex),
    )  # fmt: skip


def with_additions(
    injections: Injections, scenario: np.ndarray, row: np.ndarray, pu: np.ndarray
) -> Injections:
    """Add complex power [pu] at a row of a scenario; rows without supply (-1) take none."""
    alive = row >= 0
    scenario, row, pu = scenario[alive], row[alive], np.asarray(pu, dtype=complex)[alive]
    order = np.argsort(scenario, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(scenario, minlength=injections.scenarios))])
    return injections._replace(
        added_start=start.astype(np.int64),
        added_row=one_layout(row[order], np.int64),
        added_pu=pu[order],
    )


def with_profiles(
    injections: Injections, row: np.ndarray, pu: np.ndarray, profile: np.ndarray, factors: np.ndarray
) -> Injections:
    """Add complex power [pu] at rows that follows profiles.

    Parameters
    ----------
    row, pu, profile
        Per term: row (-1 takes none), complex power at a factor of one, column of `factors`.
    factors
        Scenarios x profiles.
    """
    alive = row >= 0
    order = np.argsort(row[alive], kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(row[alive], minlength=len(injections.base_pu)))])
    return injections._replace(
        term_start=start.astype(np.int64),
        term_pu=np.asarray(pu, dtype=complex)[alive][order],
        term_profile=one_layout(profile[alive][order], np.int64),
        factors=one_layout(factors, float),
    )


def solve_batch(
    grid: CompiledGrid,
    injections: Injections,
    reference: Reference,
    *,
    bounds: Bounds | None = None,
    per_element: bool = False,
    rows: np.ndarray | None = None,
    branches: np.ndarray | None = None,
    threads: int | None = None,
) -> Batch:
    """Solve all scenarios.

    Parameters
    ----------
    reference
        Operating point the iteration is linearised about and starts from (`linearised.reference_at`).
    bounds
        Limits counted and measured against; none when absent.
    per_element
        Whether extremes and counts per bus and branch are kept.
    rows, branches
        Rows and entries of `grid.branches` whose figures are kept for every scenario.
    threads
        One per core when absent.
    """
    scenarios = injections.scenarios
    plan = _plan(grid, injections, reference, row_bounds(grid, bounds))
    batch = _empty_batch(scenarios, _places(rows), _places(branches))
    sizes = (len(grid.bus_row), len(grid.branches.kind)) if per_element else (0, 0)
    blocks = -(-scenarios // LANES)
    worth = 1 + grid.row_count * scenarios // ROWS_A_THREAD
    workers = max(1, min(threads or os.cpu_count() or 1, blocks, worth))
    edges = np.linspace(0, blocks, workers + 1).astype(np.int64) * LANES
    parts = [empty_elements(*sizes) for _ in range(workers)]
    out = _Out(batch.outcome, batch.steps, batch.worst_row, batch.figures, batch.vm_pu, batch.percent)

    def work(k: int) -> None:
        share = (edges[k], min(edges[k + 1], scenarios))
        solve_share(
            *share,
            plan,
            injections,
            batch.rows,
            batch.branches,
            out,
            parts[k],
            SETTLED_PU,
            MOST_STEPS,
        )

    if workers == 1:
        work(0)
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(work, range(workers)))
    lost = batch.worst_row >= 0
    batch.worst_row[lost] = grid.named_row[batch.worst_row[lost]]
    return replace(batch, elements=_with_roots(merge_elements(parts)))


def row_bounds(grid: CompiledGrid, bounds: Bounds | None) -> RowBounds:
    """Bounds of the buses that have supply, and of the branches."""
    bus = np.argsort(grid.bus_row, kind="stable")
    bus = bus[grid.bus_row[bus] >= 0]
    low, high = np.full(len(bus), -np.inf), np.full(len(bus), np.inf)
    reference = np.full(len(bus), -1)
    percent = np.full(len(grid.branches.kind), np.inf)
    if bounds is not None:
        counted = bounds.reference[bus]
        reference = np.where(counted >= 0, grid.bus_row[counted], -1)
        known = (counted < 0) | (reference >= 0)  # no band counts from a bus without supply
        low = np.where(known, bounds.vm_min_pu[bus], low)
        high = np.where(known, bounds.vm_max_pu[bus], high)
        for kind, limit in enumerate((bounds.line_percent, bounds.transformer_percent)):
            chosen = grid.branches.kind == kind
            percent[chosen] = limit[grid.branches.position[chosen]]
    return RowBounds(grid.bus_row[bus], bus, low, high, reference, percent)


class _Plan(NamedTuple):
    """All of a grid that a sweep needs, as arrays."""

    factors: Factors
    live: np.ndarray
    slopes: np.ndarray
    pushed: np.ndarray
    shares: np.ndarray
    floor: np.ndarray
    start: np.ndarray
    idle: np.ndarray
    idle_factors: Factors
    stamps: Stamps
    part_start: np.ndarray
    branches: Branches
    bounds: RowBounds
    source_start: np.ndarray
    source_col: np.ndarray
    source_y: np.ndarray


class _Out(NamedTuple):
    """Where a kernel writes; shares of the scenarios write to rows of their own."""

    outcome: np.ndarray
    steps: np.ndarray
    worst_row: np.ndarray
    figures: Figures
    vm_pu: np.ndarray
    percent: np.ndarray


def _plan(grid: CompiledGrid, injections: Injections, reference: Reference, bounds: RowBounds) -> _Plan:
    live = (injections.base_pu != 0) | (np.diff(injections.term_start) > 0) | reference.slopes.any(axis=1)
    live[injections.added_row] = True
    sources = grid.matrix[grid.free_count :]
    return _Plan(
        factors=reference.factors,
        live=live,
        slopes=reference.slopes,
        pushed=grid.pushed_pu,
        shares=np.zeros((0, 4)) if grid.shares is None else grid.shares,
        floor=grid.floor_pu**2,
        start=reference.voltage_pu,
        idle=grid.idle_pu,
        idle_factors=grid.factors,
        stamps=grid.stamps,
        part_start=grid.part_start,
        branches=grid.branches,
        bounds=bounds,
        source_start=sources.indptr.astype(np.int64),
        source_col=sources.indices.astype(np.int64),
        source_y=sources.data.astype(complex),
    )


def _places(chosen: np.ndarray | None) -> np.ndarray:
    return np.zeros(0, dtype=np.int64) if chosen is None else one_layout(chosen, np.int64)


def _empty_batch(scenarios: int, rows: np.ndarray, branches: np.ndarray) -> Batch:
    return Batch(
        outcome=np.full(scenarios, UNSETTLED),
        steps=np.zeros(scenarios, dtype=np.int64),
        worst_row=np.full(scenarios, -1),
        figures=_empty_figures(scenarios),
        elements=empty_elements(0, 0),
        rows=rows,
        vm_pu=np.full((scenarios, len(rows)), np.nan),
        branches=branches,
        percent=np.full((scenarios, len(branches)), np.nan),
    )


def _empty_figures(scenarios: int) -> Figures:
    columns = {}
    for name in Figures._fields:
        integer = name.endswith(("_bus", "_branch"))
        columns[name] = np.full(scenarios, -1) if integer else np.full(scenarios, np.nan)
    columns["source"] = np.full(scenarios, np.nan, dtype=complex)
    columns["broken"] = np.full((scenarios, 4), -1)
    return Figures(**columns)


def empty_elements(buses: int, branches: int) -> Elements:
    """Figures per element before any scenario."""
    return Elements(
        vm_min=np.full(buses, np.inf), vm_min_at=np.full(buses, -1),
        vm_max=np.full(buses, -np.inf), vm_max_at=np.full(buses, -1),
        low_count=np.zeros(buses, dtype=np.int64), high_count=np.zeros(buses, dtype=np.int64),
        percent_max=np.full(branches, -np.inf), percent_max_at=np.full(branches, -1),
        over_count=np.zeros(branches, dtype=np.int64), loss_sum=np.zeros(branches),
    )  # fmt: skip


def merge_elements(parts: list[Elements]) -> Elements:
    """Bring the figures of several shares of the scenarios together."""
    whole = Elements(*(np.array(values) for values in parts[0]))
    for part in parts[1:]:
        for name, better in (("vm_min", np.less), ("vm_max", np.greater), ("percent_max", np.greater)):
            won = better(getattr(part, name), getattr(whole, name))
            for field in (name, f"{name}_at"):
                getattr(whole, field)[won] = getattr(part, field)[won]
        for name in ("low_count", "high_count", "over_count", "loss_sum"):
            getattr(whole, name)[:] += getattr(part, name)
    return whole


def _with_roots(elements: Elements) -> Elements:
    """Loadings, of which the kernels keep the squares."""
    known = elements.percent_max_at >= 0
    percent = np.sqrt(elements.percent_max, out=elements.percent_max.copy(), where=known)
    return elements._replace(percent_max=percent)
