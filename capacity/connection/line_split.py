"""A line cut in two, as rows to be built: its figures, switches and length go with the pieces.

from ----------------x---------- to       one joint: a spur can be tapped there
from ----- piece a --x  x- piece b -- to  two joints: a station can be looped in between
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
import shapely
from shapely.ops import substring

from capacity.connection.built_rows import BuiltRows
from gis import Network

# Pieces of a line that is cut, by the bus it comes from and the one it goes to.
PIECES = ("piece a", "piece b")


def cut_line(
    network: Network, line_id: str, at_m: float, *, joints: tuple[str, str], prefix: str
) -> BuiltRows:
    """Cut a line so many metres along how it is drawn.

    Both pieces have its type, figures, parallel systems and year; its stated length is shared as it is drawn,
    and a switch at either end stands at the piece there.

    Parameters
    ----------
    at_m
        Metres from its first vertex, as drawn; inside the line.
    joints
        Buses at the cut, of the piece from its first bus and of the other; equal for one joint. They are
        added, at the voltage of the line.
    prefix
        Begin of the ids of the pieces.
    """
    row, vn_kv = _row(network, line_id), _vn_kv(network, line_id)
    drawn: shapely.LineString = network.lines.geometry[line_id]
    stated_m = network.lines["length_m"][line_id]
    whole_m = float(drawn.length)
    shares = (at_m / whole_m, 1.0 - at_m / whole_m)
    runs = (substring(drawn, 0.0, at_m), substring(drawn, at_m, whole_m))
    ends = ((row["from_bus_id"], joints[0]), (joints[1], row["to_bus_id"]))
    names = (f"{prefix}|{PIECES[0]}", f"{prefix}|{PIECES[1]}")
    place = shapely.line_interpolate_point(drawn, at_m)
    return BuiltRows(
        buses=[
            {"bus_id": joint, "vn_kv": vn_kv, "kind": "node", "geometry": place}
            for joint in dict.fromkeys(joints)
        ],
        lines=[
            row
            | {
                "line_id": name, "from_bus_id": a, "to_bus_id": b, "geometry": run,
                "length_m": np.nan if pd.isna(stated_m) else float(stated_m) * share,
            }
            for name, (a, b), run, share in zip(names, ends, runs, shares, strict=True)
        ],
        cells=[
            ("switches", switch_id, "element_id", names[0] if bus_id == row["from_bus_id"] else names[1])
            for switch_id, bus_id in _switches_of_lines(network).get(line_id, ())
        ],
        removed_lines=[line_id],
    )  # fmt: skip


@lru_cache(maxsize=4096)
def _row(network: Network, line_id: str) -> dict[str, object]:
    return {str(name): value for name, value in network.lines.loc[line_id].items()}


def _vn_kv(network: Network, line_id: str) -> float:
    """Nominal voltage of the buses of a line, which may be stated otherwise than the line's own."""
    return float(network.buses["vn_kv"][str(_row(network, line_id)["from_bus_id"])])


@lru_cache(maxsize=4)
def _switches_of_lines(network: Network) -> dict[str, list[tuple[str, str]]]:
    """Switches of each line that has some, with the bus they stand at."""
    own = network.switches[network.switches["element_table"] == "lines"]
    found: dict[str, list[tuple[str, str]]] = {}
    for switch_id, line_id, bus_id in zip(own.index, own["element_id"], own["bus_id"], strict=True):
        found.setdefault(str(line_id), []).append((str(switch_id), str(bus_id)))
    return found
