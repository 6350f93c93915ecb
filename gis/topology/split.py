"""Cut lines in two or more at places along them; each piece keeps the line's type and a share of its length.

A-------M-------B          A---M#1---c---M#2---B
                      ->             |
        S                            S
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gis.topology.step import Step, Tables, make_repairs


def split_lines(tables: Tables, cuts: pd.DataFrame) -> Step:
    """Cut lines at buses.

    Parameters
    ----------
    cuts
        line (its position in the table), bus_id of the new end, at_m along the drawn line; of one line
        every bus once.

    Returns
    -------
    Step
        Lines with the pieces `<id>#1`, `<id>#2`... in the place of each line cut, `length_m` shared as
        drawn; switches at its ends stand at the right piece; a repair "line_split" per piece.
    """
    if cuts.empty:
        return Step(tables)
    lines = tables["lines"]
    cuts = cuts.sort_values(["line", "at_m"], kind="stable")
    cut, counts = np.unique(cuts["line"].to_numpy(), return_counts=True)
    pieces = _pieces(lines.iloc[cut], cuts, counts)
    taken = lines.index.delete(cut)
    while pieces.index.isin(taken).any():
        pieces.index = pieces.index + "'"
    origin = np.repeat(lines.index[cut].to_numpy(), counts + 1)
    kept = np.ones(len(lines), dtype=bool)
    kept[cut] = False
    place = np.concatenate([np.flatnonzero(kept), np.repeat(cut, counts + 1)])
    stacked = pd.concat([lines[kept], pieces]).iloc[np.argsort(place, kind="stable")]
    whole = gpd.GeoDataFrame(stacked, geometry="geometry", crs=lines.crs).rename_axis(lines.index.name)
    done = make_repairs(
        "line_split", "lines", origin, before=origin, after=pieces.index.to_numpy(),
        points=shapely.line_interpolate_point(np.asarray(pieces.geometry.array), 0.5, normalized=True),
    )  # fmt: skip
    switches = _moved_switches(tables["switches"], lines.iloc[cut], pieces.index.to_numpy(), counts)
    return Step(tables | {"lines": whole, "switches": switches}, [done])


def _pieces(lines: pd.DataFrame, cuts: pd.DataFrame, counts: np.ndarray) -> pd.DataFrame:
    owner = np.repeat(np.arange(len(lines)), counts + 1)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(counts + 1) - (counts + 1), counts + 1)
    first, last = number == 0, number == np.repeat(counts, counts + 1)
    frame = lines.iloc[owner]
    ends = {end: frame[end].to_numpy(dtype=object, copy=True) for end in ("from_bus_id", "to_bus_id")}
    ends["from_bus_id"][~first] = cuts["bus_id"].to_numpy()
    ends["to_bus_id"][~last] = cuts["bus_id"].to_numpy()
    geometry = _cut_geometry(np.asarray(lines.geometry.array), np.repeat(np.arange(len(lines)), counts), cuts)
    share = shapely.length(geometry) / shapely.length(np.asarray(frame.geometry.array))
    ids = pd.Index([f"{i}#{n + 1}" for i, n in zip(frame.index, number, strict=True)], name=lines.index.name)
    split = pd.DataFrame(frame).assign(
        **ends, length_m=frame["length_m"].to_numpy() * share, geometry=geometry
    )
    return split.set_axis(ids)


def _cut_geometry(geometry: np.ndarray, owner_of_cut: np.ndarray, cuts: pd.DataFrame) -> np.ndarray:
    """Pieces of every line, in order: each cut is the last vertex of one and the first of the next."""
    xy, owner = shapely.get_coordinates(geometry, return_index=True)
    step_m = np.hypot(*np.diff(xy, axis=0, prepend=xy[:1]).T)
    step_m[np.diff(owner, prepend=-1) > 0] = 0.0
    along_m = np.cumsum(step_m)
    starts = along_m[np.searchsorted(owner, np.arange(len(geometry)))]
    along_m = along_m - starts[owner]
    at_m = cuts["at_m"].to_numpy()
    cut_xy = shapely.get_coordinates(shapely.line_interpolate_point(geometry[owner_of_cut], at_m))
    places = np.concatenate([xy, cut_xy, cut_xy])
    owners = np.concatenate([owner, owner_of_cut, owner_of_cut])
    along_m = np.concatenate([along_m, at_m, at_m])
    # Vertices come first at one place; two cuts at one place close one piece before they open the next.
    rank = np.arange(len(at_m))
    turn = np.concatenate([np.full(len(xy), -1), 2 * rank, 2 * rank + 1])
    opens = np.concatenate([np.zeros(len(xy) + len(at_m), dtype=int), np.ones(len(at_m), dtype=int)])
    order = np.lexsort([turn, along_m, owners])
    opens = opens[order] + (np.diff(owners[order], prepend=0) > 0)
    return np.asarray(shapely.linestrings(places[order], indices=np.cumsum(opens)))


def _moved_switches(
    switches: pd.DataFrame, cut: pd.DataFrame, pieces: np.ndarray, counts: np.ndarray
) -> pd.DataFrame:
    """Switches at a line that was cut: at the first piece, or at the last where they stand at its end."""
    last = np.cumsum(counts + 1) - 1
    rows = cut.index.get_indexer(switches["element_id"])
    here = (switches["element_table"] == "lines").to_numpy() & (rows >= 0)
    if not here.any():
        return switches
    at_end = switches["bus_id"].to_numpy() == cut["to_bus_id"].to_numpy()[rows]
    piece = np.where(at_end, last[rows], (last - counts)[rows])
    moved = np.where(here, pieces[piece], switches["element_id"].to_numpy())
    return switches.assign(element_id=moved)
