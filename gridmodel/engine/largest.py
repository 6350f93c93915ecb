"""The largest additions a grid takes, by the method that serves it fastest."""

from __future__ import annotations

import os

import numpy as np

from gridmodel.engine.answers import Answers, undetermined
from gridmodel.engine.bounds import Bounds
from gridmodel.engine.compiled import CompiledGrid
from gridmodel.engine.kernels import CONVERGED
from gridmodel.engine.linearised import Reference, reference_at
from gridmodel.engine.probes import stage
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
    return wide_headroom(
        grid, injection_pu, bounds, buses, per_kw_pu=per_kw_pu, cap_kw=cap_kw,
        threads=threads or os.cpu_count() or 1, reference=point,
    )  # fmt: skip


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
