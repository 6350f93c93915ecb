"""Operating points of a model solved by the batch engine."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from gridmodel.engine.batch import (
    Batch,
    Injections,
    merge_elements,
    solve_batch,
    steady,
    with_additions,
    with_profiles,
)
from gridmodel.engine.bounds import Bounds
from gridmodel.engine.compiled import LINE, TRANSFORMER, CompiledGrid, engine_name
from gridmodel.engine.kernels import CONVERGED
from gridmodel.engine.linearised import Reference, injected_current, reference_at
from gridmodel.model import GridModel
from gridmodel.outcome import BranchFigures, BusFigures, Extreme, Kept, Outcome
from gridmodel.points import Points, demand_kw, in_service_kw, unserved_kw

# Table and rating of the two kinds of branches in the net.
_KINDS = {LINE: ("line", "max_i_ka"), TRANSFORMER: ("trafo", "sn_mva")}


def solve_in_batches(
    model: GridModel,
    grid: CompiledGrid,
    points: Points,
    *,
    bounds: Bounds | None,
    kept: Kept,
    per_element: bool,
) -> Outcome:
    """Solve operating points on the compiled grid of a model.

    A point that the sweeps give up is tried by Newton's method before it counts as not converged.
    """
    injections = injections_of(grid, points)
    lines, transformers = branch_entries(grid, LINE), branch_entries(grid, TRANSFORMER)
    wanted = _Wanted(
        grid,
        bounds,
        per_element,
        grid.bus_row[kept.buses],
        np.concatenate([lines[kept.lines], transformers[kept.transformers]]),
    )
    batch = wanted.solve(injections, reference_at(grid, middle_of(injections)))
    batch = _with_retries(wanted, injections, batch)
    supplied = grid.bus_row >= 0
    line, transformer = (_Branches.of(model, grid, kind) for kind in _KINDS)
    percent = np.split(batch.percent, [len(kept.lines)], axis=1)
    return Outcome(
        **_totals(model, grid, points, batch),
        converged=batch.converged,
        weakest_bus=_weakest_buses(grid, injections, batch.converged),
        supplied=supplied,
        vm_min=Extreme(batch.figures.vm_min, batch.figures.vm_min_bus),
        vm_max=Extreme(batch.figures.vm_max, batch.figures.vm_max_bus),
        line=line.extreme(grid, batch, batch.figures.line_percent, batch.figures.line_branch),
        transformer=transformer.extreme(
            grid, batch, batch.figures.transformer_percent, batch.figures.transformer_branch
        ),
        broken=batch.figures.broken,
        vm_pu=np.where(supplied[kept.buses], batch.vm_pu, np.nan),
        line_percent=line.columns(batch, percent[0], kept.lines),
        transformer_percent=transformer.columns(batch, percent[1], kept.transformers),
        buses=_bus_figures(batch) if per_element else None,
        lines=line.figures(grid, batch) if per_element else None,
        transformers=transformer.figures(grid, batch) if per_element else None,
        engine=engine_name(),
    )


def injections_of(grid: CompiledGrid, points: Points) -> Injections:
    """Power injected per point and row: the scenario, what follows profiles, and the additions."""
    load_pu, fed_pu = -grid.load_pu * points.load_factor, grid.generator_pu * points.generator_factor
    row = np.concatenate([grid.load_row, grid.load_row, grid.generator_row])
    power = np.concatenate([load_pu.real + 0j, 1j * load_pu.imag, fed_pu])
    profile = np.concatenate([points.load_p_profile, points.load_q_profile, points.generator_profile])
    follows = profile >= 0
    base = grid.fixed_pu + grid.at_rows(row[~follows], power[~follows])
    terms = _merged(row[follows], power[follows], profile[follows], points.profiles.shape[1])
    injections = with_profiles(steady(base, points.count), *terms, points.profiles)
    added_pu = -points.added_kva / (1e3 * grid.sn_mva)
    return with_additions(injections, points.added_point, grid.bus_row[points.added_bus], added_pu)


def middle_of(injections: Injections) -> np.ndarray:
    """Power per row [pu] at the mean of every profile, without additions."""
    factors = injections.factors
    return _power_at(injections, factors.mean(axis=0) if len(factors) else np.zeros(factors.shape[1]))


def branch_entries(grid: CompiledGrid, kind: int) -> np.ndarray:
    """Entry of `grid.branches` per line or transformer of the net; -1 for one without current."""
    entries = np.full(grid.counts[_KINDS[kind][0]], -1)
    chosen = np.flatnonzero(grid.branches.kind == kind)
    entries[grid.branches.position[chosen]] = chosen
    return entries


def _merged(
    row: np.ndarray, power: np.ndarray, profile: np.ndarray, profiles: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One term for what follows one profile at one row: a hundred customers cost what one does."""
    alive = (row >= 0) & (power != 0)
    keys, place = np.unique(row[alive] * max(profiles, 1) + profile[alive], return_inverse=True)
    real = np.bincount(place, power.real[alive], minlength=len(keys))
    imaginary = np.bincount(place, power.imag[alive], minlength=len(keys))
    return keys // max(profiles, 1), real + 1j * imaginary, keys % max(profiles, 1)


def _power_at(injections: Injections, factors: np.ndarray) -> np.ndarray:
    """Power per row [pu] with a factor per profile, without additions."""
    row = np.repeat(np.arange(len(injections.base_pu)), np.diff(injections.term_start))
    power = injections.base_pu.copy()
    np.add.at(power, row, injections.term_pu * factors[injections.term_profile])
    return power


@dataclass(frozen=True, eq=False)
class _Wanted:
    """What is asked of every batch on one grid; rows and entries of branches, -1 for what has no current."""

    grid: CompiledGrid
    bounds: Bounds | None
    per_element: bool
    rows: np.ndarray
    branches: np.ndarray

    def solve(self, injections: Injections, reference: Reference, threads: int | None = None) -> Batch:
        return solve_batch(
            self.grid,
            injections,
            reference,
            bounds=self.bounds,
            per_element=self.per_element,
            rows=np.maximum(self.rows, 0),
            branches=np.maximum(self.branches, 0),
            threads=threads,
        )


def _with_retries(wanted: _Wanted, injections: Injections, batch: Batch) -> Batch:
    """Try the points that did not settle by Newton's method, each about itself.

    Sweeps about another point give up short of the largest load a grid carries (measured on the demo area:
    at nine tenths of it where all loads rise together).
    """
    failed = np.flatnonzero(batch.outcome != CONVERGED).tolist()

    def again(point: int) -> Batch | None:
        alone = _only(injections, point)
        reference = reference_at(wanted.grid, _power_of(alone))
        return wanted.solve(alone, reference, threads=1) if reference.outcome == CONVERGED else None

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(again, failed))
    for point, alone in zip(failed, found, strict=True):
        if alone is not None and alone.converged[0]:
            batch = _with_point(batch, point, alone)
    return batch


def _weakest_buses(grid: CompiledGrid, injections: Injections, converged: np.ndarray) -> np.ndarray:
    """Where a point without solution has its largest drop of voltage, were the grid linear; -1 for others."""
    weakest = np.full(len(converged), -1)
    bus = np.flatnonzero(grid.bus_row >= 0)
    for point in np.flatnonzero(~converged).tolist():
        current = injected_current(_power_of(_only(injections, point)), grid.idle_pu, grid.shares)
        change = np.zeros(grid.row_count, dtype=complex)
        change[: grid.free_count] = grid.factors.solve(current[: grid.free_count])
        weakest[point] = bus[np.argmin((change / grid.idle_pu).real[grid.bus_row[bus]])]
    return weakest


def _power_of(alone: Injections) -> np.ndarray:
    """Power per row [pu] of the only scenario."""
    power = _power_at(alone, alone.factors[0])
    np.add.at(power, alone.added_row, alone.added_pu)
    return power


def _only(injections: Injections, point: int) -> Injections:
    """One scenario of many."""
    first, last = injections.added_start[point : point + 2]
    return injections._replace(
        factors=injections.factors[point : point + 1],
        added_start=np.array([0, last - first]),
        added_row=injections.added_row[first:last],
        added_pu=injections.added_pu[first:last],
    )


def _with_point(batch: Batch, point: int, alone: Batch) -> Batch:
    """A batch with the only scenario of another in one place."""
    for whole, part in ((batch.figures, alone.figures), (_per_scenario(batch), _per_scenario(alone))):
        for values, value in zip(whole, part, strict=True):
            values[point] = value[0]
    places = {
        name: np.where(values >= 0, point, -1)
        for name, values in alone.elements._asdict().items()
        if name.endswith("_at")
    }
    return replace(batch, elements=merge_elements([batch.elements, alone.elements._replace(**places)]))


def _per_scenario(batch: Batch) -> tuple[np.ndarray, ...]:
    return batch.outcome, batch.steps, batch.worst_row, batch.vm_pu, batch.percent


def _totals(model: GridModel, grid: CompiledGrid, points: Points, batch: Batch) -> dict[str, np.ndarray]:
    """Power demanded, served, generated, lost and drawn from the sources, per point."""
    demand, kw, supplied = demand_kw(model, points), 1e3 * grid.sn_mva, grid.bus_row >= 0
    drawn_kw, fed_kw = points.added_kw(supplied[points.added_bus])
    generation_kw = points.generator_kw(in_service_kw(model, "sgen", supplied)) + fed_kw
    served_kw = points.load_kw(in_service_kw(model, "load", supplied)) + drawn_kw
    served_kw -= kw * grid.fixed_pu.real.sum()
    if grid.shares is not None:  # what is served depends on the voltage
        served_kw = generation_kw - kw * batch.figures.injected
    return {
        "demand_kw": demand,
        "unserved_kw": np.where(batch.converged, unserved_kw(model, points, supplied), demand),
        "served_kw": np.where(batch.converged, served_kw, 0.0),
        "generation_kw": np.where(batch.converged, generation_kw, np.nan),
        "loss_kw": kw * batch.figures.loss,
        "source_kva": kw * batch.figures.source,
    }


def _bus_figures(batch: Batch) -> BusFigures:
    elements = batch.elements
    return BusFigures(
        Extreme(np.where(elements.vm_min_at >= 0, elements.vm_min, np.nan), elements.vm_min_at),
        Extreme(np.where(elements.vm_max_at >= 0, elements.vm_max, np.nan), elements.vm_max_at),
        elements.low_count,
        elements.high_count,
    )


@dataclass(frozen=True, eq=False)
class _Branches:
    """Lines or transformers of the net: their entries in the grid, and the loading of those without one.

    As in pandapower a branch without current is loaded 0 % where both its ends have supply, else NaN.
    """

    entries: np.ndarray
    resting: np.ndarray
    sn_kva: float

    @staticmethod
    def of(model: GridModel, grid: CompiledGrid, kind: int) -> _Branches:
        table, rating = _KINDS[kind]
        rated = model.net[table][rating].notna().to_numpy()
        resting = np.where(grid.resting[table] & rated, 0.0, np.nan)
        return _Branches(branch_entries(grid, kind), resting, 1e3 * grid.sn_mva)

    def extreme(self, grid: CompiledGrid, batch: Batch, percent: np.ndarray, branch: np.ndarray) -> Extreme:
        """Largest loading per point; that of a resting branch where none carries current."""
        at = np.where(branch >= 0, grid.branches.position[branch], -1) if len(self.entries) else branch
        rests = (branch < 0) & batch.converged & (self.resting == 0).any()
        first = int(np.argmax(self.resting == 0)) if len(self.resting) else -1
        value = np.where(rests, 0.0, np.where(branch >= 0, percent, np.nan))
        return Extreme(value, np.where(rests, first, at))

    def columns(self, batch: Batch, percent: np.ndarray, kept: np.ndarray) -> np.ndarray:
        """Loadings of the branches kept: points x branches."""
        rests = np.where(batch.converged[:, None], self.resting[kept], np.nan)
        return np.where(self.entries[kept] >= 0, percent, rests)

    def figures(self, grid: CompiledGrid, batch: Batch) -> BranchFigures:
        elements, here = batch.elements, self.entries >= 0
        solved = np.flatnonzero(batch.converged)[:1]
        value = self.resting.copy() if len(solved) else np.full(len(here), np.nan)
        at = np.where(value == 0, solved[0] if len(solved) else -1, -1)
        found = self.entries[here]
        at[here] = elements.percent_max_at[found]
        value[here] = np.where(at[here] >= 0, elements.percent_max[found], np.nan)
        over, loss_kw = np.zeros(len(here), dtype=np.int64), np.zeros(len(here))
        over[here] = elements.over_count[found]
        loss_kw[here] = self.sn_kva * elements.loss_sum[found]
        return BranchFigures(Extreme(value, at), over, loss_kw)
