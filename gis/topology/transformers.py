"""Put transformers between the right voltage levels.

Voltages come from the transformer's own columns, else from its type, else from the buses within reach:
the highest and the lowest. A side without a bus in reach gets one at the transformer where the file has
no buses of its own: a station whose low-voltage lines are not drawn feeds its loads from there.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely

from gis.topology.attach import attach
from gis.topology.nearest import nearest_buses
from gis.topology.step import (
    Given,
    Step,
    Tables,
    add_buses,
    components,
    fresh_ids,
    join_near,
    make_buses,
    make_repairs,
    point_xy,
    voltage_levels,
)  # fmt: skip
from gis.voltage import same_voltage

SIDES = ("hv", "lv")


def place_transformers(tables: Tables, given: Given) -> Step:
    """Fill both sides of every transformer that lacks one."""
    transformers = tables["transformers"]
    open_sides = transformers[["hv_bus_id", "lv_bus_id"]].isna().to_numpy()
    if not open_sides.any():
        return Step(tables)
    xy = point_xy(np.asarray(transformers.geometry.array))
    wanted = _voltages(transformers, given.transformer_types)
    wanted = _from_surroundings(tables["buses"], xy, wanted, open_sides, given.options.transformer_max_m)
    done = Step(tables)
    if given.built:
        done = _build_sides(done, given, xy, wanted)
    for side, levels in zip(SIDES, wanted.T, strict=True):
        limit_m = np.full(len(transformers), given.options.transformer_max_m)
        more = attach(done.tables, given, "transformers", f"{side}_bus_id", xy, levels, limit_m)
        done = Step(more.tables, done.repairs + more.repairs, done.findings + more.findings)
    return done


def _voltages(transformers: pd.DataFrame, types: pd.DataFrame | None) -> np.ndarray:
    """Rated voltages [kV] of both sides: of the row, else of its type."""
    sides = []
    for side in SIDES:
        own = transformers[f"vn_{side}_kv"].astype(float)
        of_type = None if types is None else transformers["type_id"].map(types[f"vn_{side}_kv"]).astype(float)
        sides.append(own if of_type is None else own.fillna(of_type))
    return np.column_stack(sides)


def _from_surroundings(
    buses: pd.DataFrame, xy: np.ndarray, wanted: np.ndarray, open_sides: np.ndarray, reach_m: float
) -> np.ndarray:
    """Voltages [kV] that nothing states: the highest and the lowest of the buses within reach."""
    rows = np.flatnonzero((np.isnan(wanted) & open_sides).any(axis=1))
    if not len(rows):
        return wanted
    filled = wanted.copy()
    for vn_kv in np.unique(buses["vn_kv"].dropna()):  # a handful of voltages, ascending
        near = rows[nearest_buses(buses, xy[rows], np.full(len(rows), vn_kv))[1] <= reach_m]
        for side, other in ((0, 1), (1, 0)):
            free = near[np.isnan(wanted[near, side]) & ~same_voltage(wanted[near, other], vn_kv)]
            best = np.fmax if side == 0 else np.fmin
            filled[free, side] = best(filled[free, side], vn_kv)
    single = rows[same_voltage(filled[rows, 0], filled[rows, 1])]  # one level in reach is not two
    filled[single] = np.where(np.isnan(wanted[single]), np.nan, filled[single])
    return filled


def _build_sides(done: Step, given: Given, xy: np.ndarray, wanted: np.ndarray) -> Step:
    """Build a bus at the transformer for a side that finds none, where the other side finds one."""
    buses, transformers = done.tables["buses"], done.tables["transformers"]
    reach_m = given.options.transformer_max_m
    near = np.column_stack([nearest_buses(buses, xy, level)[1] <= reach_m for level in wanted.T])
    near |= transformers[["hv_bus_id", "lv_bus_id"]].notna().to_numpy()
    for k, side in enumerate(SIDES):
        alone = ~near[:, k] & near[:, 1 - k] & np.isfinite(wanted[:, k]) & np.isfinite(xy).all(axis=1)
        rows = np.flatnonzero(alone & given.options.allows("bus_at_transformer", transformers.index))
        if not len(rows):
            continue
        first, same = _one_per_place(xy[rows], wanted[rows, k], given)
        built = rows[first]
        wished = np.array([f"{i}-{side}" for i in transformers.index[built]], dtype=object)
        ids = fresh_ids(wished, buses.index)
        buses = add_buses(buses, make_buses(ids, wanted[built, k], xy[built], buses))
        filled = transformers[f"{side}_bus_id"].to_numpy(dtype=object, copy=True)
        ids = filled[rows] = ids[same]
        transformers = transformers.assign(**{f"{side}_bus_id": filled})
        done.repairs.append(
            make_repairs(
                "bus_at_transformer", "transformers", transformers.index[rows], after=ids,
                points=shapely.points(xy[rows]),
            )
        )  # fmt: skip
    return Step(done.tables | {"buses": buses, "transformers": transformers}, done.repairs, done.findings)


def _one_per_place(xy: np.ndarray, vn_kv: np.ndarray, given: Given) -> tuple[np.ndarray, np.ndarray]:
    """Transformers that stand together share a busbar: the first of each group, and the group of each."""
    pairs = join_near(xy, given.options.tolerance_m(vn_kv), voltage_levels(vn_kv))
    _, first, same = np.unique(components(*pairs, len(xy)), return_index=True, return_inverse=True)
    return first, same
