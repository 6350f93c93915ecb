"""The largest additions a grid takes, by the method that serves it fastest."""

from __future__ import annotations

import os
from functools import partial

import numpy as np

from gridmodel.engine.answers import OUT_OF_RANGE, UNDETERMINED, Answers, undetermined
from gridmodel.engine.bounds import Bounds
from gridmodel.engine.compiled import CompiledGrid
from gridmodel.engine.kernels import CONVERGED
from gridmodel.engine.linearised import Reference, reference_at
from gridmodel.engine.paths import path_headroom
from gridmodel.engine.probes import stage
from gridmodel.engine.rings import hung_on, opened
from gridmodel.engine.tree import radial_reason
from gridmodel.engine.wide import joint_addition, largest, wide_headroom


def largest_additions(
    grid: CompiledGrid,
    injection_pu: np.ndarray,
    bounds: Bounds,
    buses: np.ndarray,
    *,
    per_kw_pu: complex,
    cap_kw: int,
    threads: int | None = None,
    reference: Reference | None = None,
) -> Answers:
    """Find the largest addition at each bus, alone, before any limit is hit, in whole kW.

    Parameters
    ----------
    injection_pu
        Complex power injected per row before any addition [pu].
    bounds
        Limits; `change_pu` infinite where that rule does not apply.
    buses
        Positions in the net's bus table; each may be asked once or more.
    per_kw_pu
        Complex power injected per kW of the addition [pu]: negative for load.
    cap_kw
        Largest addition tried [kW].
    threads
        One per core when absent.
    reference
        The solved operating point (`linearised.reference_at`), where the caller has it.
    """
    buses = np.asarray(buses, dtype=np.int64)
    point = reference or reference_at(grid, injection_pu)
    if point.outcome != CONVERGED or not len(buses):
        return undetermined(len(buses))
    workers = threads or os.cpu_count() or 1
    whole_grid = partial(
        wide_headroom, grid, injection_pu, bounds, per_kw_pu=per_kw_pu, cap_kw=cap_kw, threads=workers,
        reference=point,
    )  # fmt: skip
    opening, hung = None, None
    if radial_reason(grid, bounds):
        opening = opened(grid, bounds)
        hung = None if opening is None else hung_on(grid, opening, injection_pu, point.voltage_pu, bounds)
        if opening is None or hung is None:
            return whole_grid(buses)
    rest = grid if opening is None else opening.grid
    row_of = slice(None) if opening is None else opening.row_of
    answers = path_headroom(
        rest, injection_pu[row_of], point.voltage_pu[row_of], bounds, buses, per_kw_pu=per_kw_pu,
        cap_kw=cap_kw, threads=workers, hung=hung,
    )  # fmt: skip
    inside = (rest.bus_row[buses] < 0) & (grid.bus_row[buses] >= 0)  # behind a loop
    left = np.flatnonzero(inside | ((answers.status == UNDETERMINED) & (answers.kind == OUT_OF_RANGE)))
    if len(left):
        for values, found in zip(answers, whole_grid(buses[left]), strict=True):
            values[left] = found
    return answers


def joint_addition_kw(
    grid: CompiledGrid,
    injection_pu: np.ndarray,
    bounds: Bounds,
    buses: np.ndarray,
    *,
    per_kw_pu: complex,
    cap_kw: int,
) -> Answers:
    """Find the largest equal addition at all of some buses at once; one answer, in kW per bus.

    A limit broken before speaks against it when it grows by its share of all that is added.
    """
    buses = np.asarray(buses, dtype=np.int64)
    point = reference_at(grid, injection_pu)
    if point.outcome != CONVERGED or not len(buses) or (grid.bus_row[buses] < 0).any():
        return undetermined(1)
    staged = stage(grid, injection_pu, point, bounds)
    return largest(staged, joint_addition(grid, bounds, buses, per_kw_pu), cap_kw)
