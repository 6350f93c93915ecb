"""How much of every limit an addition uses up: 0 leaves it as it was before, 1 is the limit, more breaks it.

A voltage counts by its distance from where it was before to its bound; a current by how far along the way
its phasor has moved, straight on, to where its magnitude meets the rating. Both grow nearly in proportion to
the addition, reversed currents included, so that addition / largest share is a good guess of the headroom.
Limits broken before are kept apart: they speak against an addition only if it takes part in them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gridmodel.engine.answers import (
    LIMIT_KINDS,
    LINE_OVERLOAD,
    NO_LIMIT,
    OVERVOLTAGE,
    TRANSFORMER_OVERLOAD,
    UNDERVOLTAGE,
)
from gridmodel.engine.bounds import Bounds
from gridmodel.engine.compiled import LINE, TRANSFORMER, CompiledGrid

# A limit met before any addition to the last digit leaves this much [pu], so that shares stay finite.
_LEAST_LEFT = 1e-15


class Voltages(NamedTuple):
    """Voltages before any addition, and what is left to their bounds.

    Attributes
    ----------
    before_pu
        Magnitude per row.
    reference
        Row the bounds count from; -1 for none.
    per_fall, per_rise
        1 / distance to the lower and the upper bound that hold before [1/pu]; 0 where there is none.
    fall_limit, rise_limit
        Their numbers.
    under_row, under_limit, over_row, over_limit
        Rows whose voltage is too low or too high before, with the number of the limit.
    """

    before_pu: np.ndarray
    reference: np.ndarray
    per_fall: np.ndarray
    per_rise: np.ndarray
    fall_limit: np.ndarray
    rise_limit: np.ndarray
    under_row: np.ndarray
    under_limit: np.ndarray
    over_row: np.ndarray
    over_limit: np.ndarray


class Currents(NamedTuple):
    """Branches with a rating, their currents before any addition in units of the limit.

    Attributes
    ----------
    from_row, to_row, yff, yft, ytf, ytt
        As in `Branches`; admittances give currents in units of the limit, or of 1 % where that is broken.
    before_from, before_to
        Complex currents before.
    left_from, left_to
        1 - |before|^2.
    limit
        Number of the limit.
    growth
        Growth per pu of an addition [units of the limit] from which on it takes part in an overload; of a
        limit that held before -1.
    """

    from_row: np.ndarray
    to_row: np.ndarray
    yff: np.ndarray
    yft: np.ndarray
    ytf: np.ndarray
    ytt: np.ndarray
    before_from: np.ndarray
    before_to: np.ndarray
    left_from: np.ndarray
    left_to: np.ndarray
    limit: np.ndarray
    growth: np.ndarray


def voltages_before(grid: CompiledGrid, voltage_pu: np.ndarray, bounds: Bounds) -> Voltages:
    """Lay the voltage bounds of all buses over a solved state; of buses joined to one row the tightest."""
    before = np.abs(voltage_pu)
    bus = np.flatnonzero(grid.bus_row >= 0)
    row = grid.bus_row[bus]
    counted = bounds.reference[bus]
    reference = np.full(grid.row_count, -1)
    reference[row] = np.where(counted >= 0, grid.bus_row[counted], -1)
    now = before[row] - np.where(reference[row] >= 0, before[reference[row]], 0.0)
    falls = _tightest(grid.row_count, bus, row, now - _numbers(bounds.vm_min_pu)[bus], UNDERVOLTAGE)
    rises = _tightest(grid.row_count, bus, row, _numbers(bounds.vm_max_pu)[bus] - now, OVERVOLTAGE)
    return Voltages(before, reference, falls[0], rises[0], falls[1], rises[1], *falls[2:], *rises[2:])


def currents_before(grid: CompiledGrid, voltage_pu: np.ndarray, bounds: Bounds) -> Currents:
    """Lay the loading limits of all lines and transformers over a solved state."""
    branches = grid.branches
    limits = np.full(len(branches.kind), np.inf)
    for kind, percent in ((LINE, bounds.line_percent), (TRANSFORMER, bounds.transformer_percent)):
        at = branches.kind == kind
        limits[at] = _numbers(percent)[branches.position[at]]
    rated = np.isfinite(limits) & np.isfinite(branches.percent_from) & np.isfinite(branches.percent_to)
    chosen = np.flatnonzero(rated)
    part, limit = type(branches)(*(values[chosen] for values in branches)), limits[chosen]
    per_from, per_to = part.percent_from / limit, part.percent_to / limit
    y = (part.yff * per_from, part.yft * per_from, part.ytf * per_to, part.ytt * per_to)
    one, two = voltage_pu[part.from_row], voltage_pu[part.to_row]
    before_from, before_to = y[0] * one + y[1] * two, y[2] * one + y[3] * two
    broken = np.maximum(np.abs(before_from), np.abs(before_to)) > 1.0
    kinds = np.where(part.kind == LINE, LINE_OVERLOAD, TRANSFORMER_OVERLOAD)
    return Currents(
        part.from_row, part.to_row, *y, before_from, before_to,
        np.maximum(1.0 - np.abs(before_from) ** 2, _LEAST_LEFT),
        np.maximum(1.0 - np.abs(before_to) ** 2, _LEAST_LEFT),
        part.position * LIMIT_KINDS + kinds, np.where(broken, np.maximum(per_from, per_to), -1.0),
    )  # fmt: skip


def _numbers(limits: np.ndarray) -> np.ndarray:
    """Limits with infinite distance where none applies."""
    return np.where(np.isnan(limits), np.inf, limits)


def _tightest(
    rows: int, bus: np.ndarray, row: np.ndarray, left_pu: np.ndarray, kind: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Per row 1 / the least distance left and its limit; rows and limits of those broken."""
    number = bus * LIMIT_KINDS + kind
    per_pu, limit = np.zeros(rows), np.full(rows, NO_LIMIT)
    holds = np.flatnonzero(np.isfinite(left_pu) & (left_pu >= 0))
    holds = holds[np.lexsort((-bus[holds], -left_pu[holds]))]  # the tightest is written last
    per_pu[row[holds]] = 1.0 / np.maximum(left_pu[holds], _LEAST_LEFT)
    limit[row[holds]] = number[holds]
    broken = left_pu < 0
    rows_broken, first = np.unique(row[broken], return_index=True)
    return per_pu, limit, rows_broken, number[broken][first]
