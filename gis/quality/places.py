"""Doubts about where things are drawn: twice, elsewhere than they say, far from everything else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely

from gis.findings import empty_findings, join_findings, make_findings
from gis.quality.bounds import bound
from gis.quality.grid import Grid
from gis.quality.told import told
from gis.rules import Tables


def loads_stand_near_their_bus(tables: Tables) -> pd.DataFrame:
    """A load is drawn in the place its bus id says: far off, the id or the place is another customer's."""
    grid = Grid.of(tables)
    loads = grid["loads"]
    away_m = np.hypot(*(points_xy(loads) - _at_bus(grid, grid.at_bus["loads"])).T)
    far = away_m > bound("length", "load_away_max_m")
    values = [f"{distance / 1000.0:,.1f} km" for distance in away_m[far]]
    message = "the load is drawn that far from the bus it names; correct bus_id or the place"
    return make_findings("load_away", "loads", loads.index[far], message, values=values)


def lines_end_at_their_buses(tables: Tables) -> pd.DataFrame:
    """A line is drawn to the buses it names."""
    grid = Grid.of(tables)
    lines = grid["lines"]
    buses = [_at_bus(grid, at) for at in grid.line_ends]
    ends = _end_points(np.asarray(lines.geometry.array))
    # A line may be drawn from either end; its direction is no fault.
    straight = np.fmax(*(np.hypot(*(ends[i] - buses[i]).T) for i in (0, 1)))
    turned = np.fmax(*(np.hypot(*(ends[i] - buses[1 - i]).T) for i in (0, 1)))
    away_m = np.fmin(straight, turned)
    far = away_m > bound("length", "end_away_max_m")
    values = [f"{distance:,.0f} m" for distance in away_m[far]]
    message = "the line ends that far from where its bus is drawn; correct the bus ids or the drawing"
    return told("line_end_away", lines, far, message, values)


def elements_stand_together(tables: Tables) -> pd.DataFrame:
    """No element lies far outside the extent of nearly all others."""
    names = [name for name in ("buses", "lines", "transformers", "sources", "loads") if len(tables[name])]
    if not names:
        return empty_findings()
    places = {name: _middles(tables[name]) for name in names}
    every = np.concatenate(list(places.values()))
    every = every[np.isfinite(every).all(axis=1)]
    if not len(every):
        return empty_findings()
    middle = np.median(every, axis=0)
    spread_m = np.quantile(np.hypot(*(every - middle).T), 0.9)
    reach_m = max(bound("length", "far_least_m"), bound("length", "far_spread_factor") * float(spread_m))
    parts = []
    for name, xy in places.items():
        away_m = np.hypot(*(xy - middle).T)
        far = away_m > reach_m
        values = [f"{distance / 1000.0:,.0f} km off" for distance in away_m[far]]
        message = (
            "the element lies far from nearly all others; check its coordinates (swapped? another zone?)"
        )
        parts.append(told("element_far", tables[name], far, message, values))
    return join_findings(parts)


def lines_are_drawn_once(tables: Tables) -> pd.DataFrame:
    """No line lies on another of its voltage between the same buses, in either direction."""
    grid = Grid.of(tables)
    lines = grid["lines"]
    u, v = grid.line_ends
    # Only lines between the same two buses can be drawn twice: a small part, whose shapes are compared.
    pair = np.column_stack([np.minimum(u, v), np.maximum(u, v)])
    candidates = np.flatnonzero(pd.DataFrame(pair).duplicated(keep=False).to_numpy() & (u >= 0) & (v >= 0))
    geometry = np.asarray(lines.geometry.array)[candidates]
    with np.errstate(invalid="ignore"):  # a coordinate that is no number has a rule of its own
        drawn = shapely.normalize(shapely.set_precision(geometry, 0.001))
    keys = pd.DataFrame({"u": pair[candidates, 0], "v": pair[candidates, 1], "shape": shapely.to_wkb(drawn)})
    twice = keys.duplicated(keep=False).to_numpy() & keys["shape"].notna().to_numpy()
    ids = pd.Series(lines.index[candidates[twice]])
    others = ids.groupby([keys[c][twice].to_numpy() for c in keys]).transform(", ".join)
    message = "the line is drawn more than once; remove it, or say parallel=2 in one row"
    return make_findings(
        "duplicate_line", "lines", ids, message, severity="warning", values=others.to_numpy()
    )


def _end_points(geometry: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of the first and last vertex per line; missing for a line without any."""
    xy, owner = shapely.get_coordinates(geometry, return_index=True)
    rows = np.arange(len(geometry))
    first = np.searchsorted(owner, rows, side="left")
    after = np.searchsorted(owner, rows, side="right")
    at = np.vstack([xy, [[np.nan, np.nan]]])
    empty = first == after
    return at[np.where(empty, -1, first)], at[np.where(empty, -1, after - 1)]


def points_xy(frame: pd.DataFrame) -> np.ndarray:
    """Coordinates per point; missing for one without, where `get_x` raises."""
    return np.asarray(shapely.bounds(np.asarray(frame.geometry.array))[:, :2])


def _at_bus(grid: Grid, positions: np.ndarray) -> np.ndarray:
    """Coordinates of buses; missing for an unknown one."""
    return np.vstack([points_xy(grid["buses"]), [[np.nan, np.nan]]])[positions]


def _middles(frame: pd.DataFrame) -> np.ndarray:
    """Middle of each element's extent."""
    bounds = shapely.bounds(np.asarray(frame.geometry.array))
    return (bounds[:, :2] + bounds[:, 2:]) / 2.0
