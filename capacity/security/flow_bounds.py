"""What cannot hold, told from power alone: no load flow is needed to see that a cable is far too thin.

Through an element flows at least the active power that is drawn behind it less what is generated there, and
its current is at least that power at the highest voltage allowed. Where even that is over its limit, every
load flow of it breaks a limit. What passes here is not yet proved: it is solved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from capacity.security.switchable import LINE, TRANSFORMER, Switchable
from gridmodel import GridModel, branch_ratings_kva

if TYPE_CHECKING:
    from gridmodel.engine.bounds import Bounds

# Highest voltage [pu] where bands count from a busbar: a source may hold 1.2 pu at most (gis.schema).
HIGHEST_PU = 1.25
# Ratings of transformers count at their own voltages, which may be off those of their buses.
TRANSFORMER_ALLOWANCE = 1.1


def edge_room_kw(found: Switchable, model: GridModel, bounds: Bounds, *, unbounded: bool) -> np.ndarray:
    """Most active power [kW] per edge at its loading limit; infinite without a rating, and of couplers."""
    room = np.full(len(found.edges.u), np.inf)
    if unbounded:
        return room
    rated = branch_ratings_kva(model.network, model.catalogue)
    relative = bool((bounds.reference >= 0).any())
    highest = HIGHEST_PU if relative else max(HIGHEST_PU, float(bounds.vm_max_pu.max(initial=0.0)))
    kinds = (
        (LINE, rated["lines"], bounds.line_percent, 1.0),
        (TRANSFORMER, rated["transformers"], bounds.transformer_percent, TRANSFORMER_ALLOWANCE),
    )
    for kind, rated_kva, percent, allowance in kinds:
        kw = rated_kva * percent / 100.0 * highest * allowance
        room[found.edges.table == kind] = np.where(np.isnan(kw), np.inf, kw)
    return room


def room_of_tie(
    room_kw: list[float],
    found: Switchable,
    net_before: list[float],
    tie: tuple[int, int],
    dark: tuple[int, int],
) -> tuple[float, int]:
    """Most [kW] that a tie can bring beside what its way carries already, and the edge that limits it.

    The way is followed up to where it carries the dark part in normal operation too.

    Parameters
    ----------
    room_kw
        Per edge.
    net_before
        Demand less generation [kW] of all places before each.
    tie
        Edge, and its bus outside the dark part.
    dark
        Places first..last-1 without supply.
    """
    edge, bus = tie
    least, limit = room_kw[edge], edge
    while (fed_by := int(found.fed_by[bus])) >= 0:
        place, end = int(found.place[bus]), int(found.end[bus])
        if place <= dark[0] < end:
            break
        if found.alone[bus]:  # with a second way in, nobody knows what flows here
            spare = room_kw[fed_by] - (net_before[end] - net_before[place])
            if spare < least:
                least, limit = spare, fed_by
        bus = int(found.supply.parents[bus])
    return least, limit
