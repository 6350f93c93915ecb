"""Places of buses: from the circuit's coordinates; beside a placed neighbour where there are none."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from gis.errors import InputError
from gis.findings import join_findings, make_findings

# Files of coordinates as they are called where the master does not name them.
USUAL_NAMES = re.compile(r"bus_?(coord|xy)", re.IGNORECASE)
# A million buses take 40 MB.
MAX_BYTES = 200_000_000
# Directions that never lie close to each other: the golden angle.
TURN_RAD = np.pi * (3.0 - np.sqrt(5.0))
# Places beside a neighbour stand this far [m]: a service line, and near enough to be seen together.
STEP_M = 15.0
# Coordinates within +/-180 and +/-90 are degrees where lines drawn in them are as long as they say, within
# this factor; otherwise the map is a sketch in a unit of its own.
DEGREE_FACTOR = 5.0
M_PER_DEGREE = 111_000.0
# A sketch is drawn away from 0, where projected systems have no land.
SKETCH_ORIGIN_M = 1000.0


def read_coordinates(files: list[Path]) -> pd.DataFrame:
    """Bus coordinates: "bus, x, y" a line, parted by commas, blanks or tabs; the last of a bus counts.

    A first line that is none is the heading.

    Returns
    -------
    DataFrame
        Indexed by bus_id in lower case: x, y.

    Raises
    ------
    InputError
        A line is something else; the lines are named.
    """
    rows: list[tuple[str, float, float]] = []
    faults = []
    for file in files:
        if file.stat().st_size > MAX_BYTES:
            message = f"{file.name} is larger than {MAX_BYTES / 1e6:.0f} MB; name the file of coordinates"
            raise InputError(str(file), make_findings("coordinates", "file", [""], message))
        text = file.read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), start=1):
            words = [w.strip("\"'") for w in re.split(r"[\s,;=]+", re.split(r"!|//", line)[0]) if w]
            if not words:
                continue
            try:
                rows.append((words[0].lower(), float(words[1]), float(words[2])))
            except (IndexError, ValueError):
                if number == 1:  # names of the columns
                    continue
                faults.append(f"{file.name}:{number}")
    if faults:
        message = "the line is no bus, x, y; correct it or name the right file"
        raise InputError(str(files[0]), make_findings("coordinates", "script", faults, message))
    frame = pd.DataFrame(rows, columns=["bus_id", "x", "y"]).astype({"x": float, "y": float})
    frame = frame.drop_duplicates("bus_id", keep="last")
    return frame[np.isfinite(frame[["x", "y"]]).all(axis=1)].set_index("bus_id")


def usual_file(folder: Path) -> list[Path]:
    """The one file of coordinates of a folder, by its name."""
    files = [
        file
        for file in sorted(folder.iterdir())
        if USUAL_NAMES.search(file.name)
        and file.suffix.lower() in (".csv", ".dat", ".txt", ".dss")
        and file.is_file()
        and not file.is_symlink()
    ]
    return files if len(files) == 1 else []


def place_buses(
    bus_ids: pd.Index, coordinates: pd.DataFrame, edges: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A place for every bus.

    Parameters
    ----------
    bus_ids
        Buses to place.
    coordinates
        x, y of buses that have them.
    edges
        Branches: a, b (buses), length_m (NaN where it has none).

    Returns
    -------
    places, findings
        x, y by bus_id; a warning per bus placed beside its neighbour, and one where the map is a sketch.
    """
    given = coordinates.reindex(bus_ids)
    scaled, found = _unfold(given, edges)
    filled = _beside_neighbours(scaled, edges)
    absent = bus_ids[given["x"].isna()]
    message = "the bus has no coordinates; drawn beside its neighbour, lengths stay as they are"
    return filled, join_findings(
        [found, make_findings("placed_beside", "buses", absent, message, severity="warning")]
    )


def _unfold(places: pd.DataFrame, edges: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Stretch a sketch drawn in a unit of its own to the size its lines have."""
    known = places.dropna()
    if known.empty or (known["x"].abs() > 180.0).any() or (known["y"].abs() > 90.0).any():
        return places, join_findings([])
    a, b = (places.reindex(edges[end]).to_numpy() for end in ("a", "b"))
    share = (edges["length_m"].to_numpy() / np.hypot(*(a - b).T))[edges["length_m"].notna()]
    factor = float(np.median(share[np.isfinite(share)])) if np.isfinite(share).any() else STEP_M
    if M_PER_DEGREE / DEGREE_FACTOR <= factor <= M_PER_DEGREE * DEGREE_FACTOR:
        return places, join_findings([])
    message = (
        f"the coordinates are a sketch; drawn {factor:,.0f} times larger, as long as its lines. "
        "Lengths are those of the script"
    )
    return (places - known.min()) * factor + SKETCH_ORIGIN_M, make_findings(
        "sketch", "buses", [""], message, severity="warning"
    )


def _beside_neighbours(places: pd.DataFrame, edges: pd.DataFrame) -> pd.DataFrame:
    """Place the rest along the branches, each step in another direction."""
    absent = places["x"].isna().to_numpy()
    if not absent.any():
        return places
    parents, order = _walk(places, edges)
    steps = edges.assign(length_m=edges["length_m"].fillna(STEP_M)).groupby(["a", "b"])["length_m"].min()
    step_m = {frozenset(map(str, ends)): float(length) for ends, length in steps.items()}
    xy = np.where(absent[:, None], np.nan, places.to_numpy())
    ids = places.index
    turns = TURN_RAD * np.arange(len(places))
    base = np.nan_to_num(np.nanmin(xy, axis=0)) if not absent.all() else np.full(2, SKETCH_ORIGIN_M)
    for node in order[absent[order]]:
        parent = parents[node]
        at = base if parent < 0 or np.isnan(xy[parent, 0]) else xy[parent]
        reach = step_m.get(frozenset((ids[node], ids[parent])), STEP_M) if parent >= 0 else 0.0
        xy[node] = at + reach * np.array([np.cos(turns[node]), np.sin(turns[node])])
    return pd.DataFrame(xy, index=ids, columns=["x", "y"])


def _walk(places: pd.DataFrame, edges: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Parent of every bus on the way from a placed one, and the order to go in."""
    count = len(places)
    a, b = (places.index.get_indexer(edges[end]) for end in ("a", "b"))
    both = (a >= 0) & (b >= 0)
    graph = coo_array((np.ones(both.sum()), (a[both], b[both])), shape=(count, count))
    parts = connected_components(graph, directed=False)[1]
    # One root over all placed buses, and over the first bus of every part without any.
    placed = np.flatnonzero(places["x"].notna().to_numpy())
    lonely = pd.Series(np.arange(count)).groupby(parts).first().drop(np.unique(parts[placed])).to_numpy()
    starts = np.concatenate([placed, lonely])
    a, b = np.concatenate([a[both], starts]), np.concatenate([b[both], np.full(len(starts), count)])
    rooted = coo_array((np.ones(len(a)), (a, b)), shape=(count + 1, count + 1)).tocsr()
    order, parents = breadth_first_order(rooted, count, directed=False)
    parents[parents == count] = -1
    return parents[:count], order[1:]
