"""Parts of a planning task that have nothing to do with each other: no common limit, key or trench."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from capacity.planning.linear_effects import EFFECT_PERCENT, LinearEffects


@dataclass(frozen=True, eq=False)
class Component:
    """Rows of the linear effects and measures that belong together."""

    rows: np.ndarray
    measures: np.ndarray


def needed_rows(effects: LinearEffects, measures: np.ndarray, margin: float) -> np.ndarray:
    """Rows that some choice of measures would break."""
    harm = csr_array(effects.effect[:, measures]).maximum(0.0).sum(axis=1)
    return np.flatnonzero(effects.base + np.asarray(harm) > -margin)


def helpful_measures(effects: LinearEffects, rows: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Allowed measures that help one of the rows."""
    part = effects.effect[rows]
    helps = np.asarray((part < -EFFECT_PERCENT).sum(axis=0)).ravel() > 0
    return np.flatnonzero(helps & allowed)


def components_of(
    effects: LinearEffects,
    allowed: np.ndarray,
    conflicts: Sequence[np.ndarray],
    lies_in: Sequence[Sequence[int]],
    *,
    margin: float,
    joint: bool = False,
) -> list[Component]:
    """Split rows and measures into parts; rows that no measure helps are parts of their own without measures.

    Parameters
    ----------
    margin
        Rows that stay so far [%] within their limit whatever is taken are left out.
    joint
        Everything in one part (where a budget ties it together).
    """
    broken = np.flatnonzero(effects.base > -margin)
    measures = helpful_measures(effects, broken, allowed)
    rows = needed_rows(effects, measures, margin)
    measures = helpful_measures(effects, rows, allowed)
    if joint:
        return [Component(rows, measures)] if len(rows) else []
    label = _labels(effects, rows, measures, conflicts, lies_in)
    found = []
    order = np.argsort(label, kind="stable")
    for part in np.split(order, np.flatnonzero(np.diff(label[order])) + 1):
        own_rows, own = rows[part[part < len(rows)]], measures[part[part >= len(rows)] - len(rows)]
        if len(own_rows):
            found.append(Component(np.sort(own_rows), np.sort(own)))
    return found


def _labels(
    effects: LinearEffects,
    rows: np.ndarray,
    measures: np.ndarray,
    conflicts: Sequence[np.ndarray],
    lies_in: Sequence[Sequence[int]],
) -> np.ndarray:
    """Number of the part per row, then per measure."""
    part = effects.effect[rows][:, measures].tocoo()
    place = np.full(effects.effect.shape[1], -1)
    place[measures] = np.arange(len(measures))
    pairs = [(place[m], place[o]) for m in measures for o in conflicts[m] if place[o] >= 0]
    first_in: dict[int, int] = {}
    pairs += [(place[m], first_in.setdefault(key, place[m])) for m in measures for key in lies_in[m]]
    one, two = np.array(pairs, dtype=np.int64).reshape(-1, 2).T + len(rows)
    u, v = np.concatenate([part.row, one]), np.concatenate([part.col + len(rows), two])
    size = len(rows) + len(measures)
    graph = coo_array((np.ones(len(u), dtype=np.int8), (u, v)), shape=(size, size))
    return np.asarray(connected_components(graph, directed=False)[1])
