"""The nearest bus of a fitting voltage, for many points at once; ties go to the lowest id."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from gis.topology.step import point_xy
from gis.voltage import LV_MAX_KV, same_voltage

# Voltages wanted that are no number of kV.
LOW_LEVEL, HIGH_LEVEL = -1.0, -2.0
# Buses that differ by less [m] in their distance are equally near.
_TIE_M = 0.001
_TIED_AMONG = 8  # as many equidistant buses as a station can have


def nearest_buses(buses: pd.DataFrame, xy: np.ndarray, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nearest bus per point among those of the voltage [kV] or level wanted; NaN wants none.

    Returns
    -------
    bus_ids, distances_m
        No id and infinite where there is none.
    """
    bus_ids = np.full(len(xy), None, dtype=object)
    distances_m = np.full(len(xy), np.inf)
    at = point_xy(np.asarray(buses.geometry.array))
    voltages = np.where(np.isfinite(at).all(axis=1), buses["vn_kv"].to_numpy(dtype=float), np.nan)
    ids = buses.index.to_numpy()
    for level in pd.unique(levels[~np.isnan(levels)]):
        fitting = np.flatnonzero(fits_level(voltages, level))
        rows = np.flatnonzero((levels == level) & np.isfinite(xy).all(axis=1))
        if len(fitting) and len(rows):
            positions, distances_m[rows] = _nearest(at[fitting], ids[fitting], xy[rows])
            bus_ids[rows] = ids[fitting[positions]]
    return bus_ids, distances_m


def fits_level(voltages: np.ndarray, level: float) -> np.ndarray:
    """Tell which voltages [kV] are of a level or voltage; a missing one never is."""
    if level == LOW_LEVEL:
        return voltages <= LV_MAX_KV
    if level == HIGH_LEVEL:
        return voltages > LV_MAX_KV
    return same_voltage(voltages, level)


def _nearest(places: np.ndarray, ids: np.ndarray, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    tree = cKDTree(places, balanced_tree=False, compact_nodes=False)
    distances_m, positions = tree.query(xy, k=[1, 2], workers=-1)
    nearest_m, chosen = distances_m[:, 0], positions[:, 0]
    tied = np.flatnonzero(distances_m[:, 1] <= nearest_m + _TIE_M)
    if len(tied):
        among_m, among = tree.query(xy[tied], k=_TIED_AMONG)
        rank = np.append(np.argsort(np.argsort(ids, kind="stable"), kind="stable"), len(ids))
        ranks = np.where(among_m <= nearest_m[tied, None] + _TIE_M, rank[among], len(ids))
        chosen[tied] = among[np.arange(len(tied)), ranks.argmin(axis=1)]
    return chosen, nearest_m
