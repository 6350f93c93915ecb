"""Operating points of a model solved by the batch engine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridmodel.engine.batch import (
    Batch,
    Injections,
    solve_batch,
    steady,
    with_additions,
    with_profiles,
)
from gridmodel.engine.bounds import Bounds
from gridmodel.engine.compiled import LINE, TRANSFORMER, CompiledGrid, engine_name
from gridmodel.engine.linearised import reference_at
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
    """Solve operating points on the compiled grid of a model."""
    injections = injections_of(grid, points)
    lines, transformers = branch_entries(grid, LINE), branch_entries(grid, TRANSFORMER)
    branches = np.concatenate([lines[kept.lines], transformers[kept.transformers]])
    rows = grid.bus_row[kept.buses]
    batch = solve_batch(
        grid,
        injections,
        reference_at(grid, middle_of(injections)),
        bounds=bounds,
        per_element=per_element,
        rows=rows[rows >= 0],
        branches=branches[branches >= 0],
    )
    return _outcome(model, grid, points, batch, kept, per_element=per_element)


def injections_of(grid: CompiledGrid, points: Points) -> Injections:
    """Power injected per point and row: the scenario, what follows profiles, and the additions."""
    active, reactive = grid.load_pu.real * points.load_factor, grid.load_pu.imag * points.reactive_factor
    fed_pu = grid.generator_pu * points.generator_factor
    row = np.concatenate([grid.load_row, grid.load_row, grid.generator_row])
    power = np.concatenate([-active + 0j, -1j * reactive, fed_pu])
    profile = np.concatenate([points.load_p_profile, points.load_q_profile, points.generator_profile])
    follows = profile >= 0
    base = grid.fixed_pu + grid.at_rows(row[~follows], power[~follows])
    terms = _merged(row[follows], power[follows], profile[follows], points.profiles.shape[1])
    injections = with_profiles(steady(base, points.count), *terms, points.profiles)
    added_pu = -points.added_kva / (1e3 * grid.sn_mva)
    return with_additions(injections, points.added_point, grid.bus_row[points.added_bus], added_pu)


def middle_of(injections: Injections) -> np.ndarray:
    """Power per row [pu] at the median of every profile, which no wild hour moves; without additions."""
    factors = injections.factors
    return _power_at(injections, np.median(factors, axis=0) if len(factors) else np.zeros(factors.shape[1]))


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


def _outcome(
    model: GridModel, grid: CompiledGrid, points: Points, batch: Batch, kept: Kept, *, per_element: bool
) -> Outcome:
    figures = batch.figures
    line, transformer = (_Branches.of(model, grid, kind) for kind in _KINDS)
    with_current = np.count_nonzero(line.entries[kept.lines] >= 0)
    return Outcome(
        **_totals(model, grid, points, batch),
        converged=batch.converged,
        weakest_bus=np.append(grid.row_bus, -1)[batch.worst_row],
        supplied=grid.bus_row >= 0,
        vm_min=Extreme(figures.vm_min, figures.vm_min_bus),
        vm_max=Extreme(figures.vm_max, figures.vm_max_bus),
        line=line.extreme(grid, batch, figures.line_percent, figures.line_branch),
        transformer=transformer.extreme(grid, batch, figures.transformer_percent, figures.transformer_branch),
        broken=figures.broken,
        vm_pu=_spread(batch.vm_pu, grid.bus_row[kept.buses] >= 0),
        line_percent=line.columns(batch, batch.percent[:, :with_current], kept.lines),
        transformer_percent=transformer.columns(batch, batch.percent[:, with_current:], kept.transformers),
        buses=_bus_figures(batch) if per_element else None,
        lines=line.figures(grid, batch) if per_element else None,
        transformers=transformer.figures(grid, batch) if per_element else None,
        engine=engine_name(),
    )


def _spread(values: np.ndarray, has: np.ndarray) -> np.ndarray:
    """Columns of those that have one, NaN for the others."""
    spread = np.full((len(values), len(has)), np.nan)
    spread[:, has] = values
    return spread


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
        at = np.append(grid.branches.position, -1)[branch]  # -1 takes the last
        rests = (branch < 0) & batch.converged & (self.resting == 0).any()
        first = int(np.argmax(self.resting == 0)) if len(self.resting) else -1
        value = np.where(rests, 0.0, np.where(branch >= 0, percent, np.nan))
        return Extreme(value, np.where(rests, first, at))

    def columns(self, batch: Batch, percent: np.ndarray, kept: np.ndarray) -> np.ndarray:
        """Loadings of the branches kept: points x branches."""
        here = self.entries[kept] >= 0
        rests = np.where(batch.converged[:, None], self.resting[kept], np.nan)
        return np.where(here, _spread(percent, here), rests)

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
