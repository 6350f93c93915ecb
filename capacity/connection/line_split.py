"""A line cut in two, as changes of the network: its figures, switches and length go with the pieces.

from ----------------x---------- to       one joint: a spur can be tapped there
from ----- piece a --x  x- piece b -- to  two joints: a station can be looped in between
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely
from shapely.ops import substring

from gis import Network
from gis.changes import NetworkChanges, cells_of

# Pieces of a line that is cut, by the bus it comes from and the one it goes to.
PIECES = ("piece a", "piece b")


def cut_line(
    network: Network, line_id: str, at_m: float, *, joints: tuple[str, str], prefix: str
) -> NetworkChanges:
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
    row = network.lines.loc[line_id]
    drawn = row["geometry"]
    whole_m = float(drawn.length)
    shares = (at_m / whole_m, 1.0 - at_m / whole_m)
    runs = (substring(drawn, 0.0, at_m), substring(drawn, at_m, whole_m))
    ends = ((row["from_bus_id"], joints[0]), (joints[1], row["to_bus_id"]))
    names = tuple(f"{prefix}|{piece}" for piece in PIECES)
    pieces = [
        row.to_dict()
        | {
            "line_id": name, "from_bus_id": a, "to_bus_id": b, "geometry": run,
            "length_m": np.nan if pd.isna(row["length_m"]) else float(row["length_m"]) * share,
        }
        for name, (a, b), run, share in zip(names, ends, runs, shares, strict=True)
    ]  # fmt: skip
    place = shapely.line_interpolate_point(drawn, at_m)
    added = {
        "buses": pd.DataFrame(
            [
                {"bus_id": joint, "vn_kv": _vn_kv(network, line_id), "kind": "node", "geometry": place}
                for joint in dict.fromkeys(joints)
            ]
        ),
        "lines": pd.DataFrame(pieces),
    }
    return NetworkChanges(added, _moved_switches(network, line_id, names), {"lines": (line_id,)})


def _vn_kv(network: Network, line_id: str) -> float:
    """Nominal voltage of the buses of a line, which may be stated otherwise than the line's own."""
    return float(network.buses.loc[network.lines.loc[line_id, "from_bus_id"], "vn_kv"])


def _moved_switches(network: Network, line_id: str, pieces: tuple[str, ...]) -> pd.DataFrame:
    """Cells that put the switches of a line to the piece at their bus."""
    first = network.lines.loc[line_id, "from_bus_id"]
    switches = network.switches
    own = switches[(switches["element_table"] == "lines") & (switches["element_id"] == line_id)]
    return cells_of(
        *(
            ("switches", str(switch_id), "element_id", pieces[0] if bus_id == first else pieces[1])
            for switch_id, bus_id in own["bus_id"].items()
        )
    )
