"""Making room: what helps out is relieved of load of its own, which another feeder takes over.

     A ===K3=== D --/-K4--- E ---tie--- [dark]        K3 is too weak for all: K4 is opened, E and the
                            +---other tie--- F        dark part ... hang on F, or what is behind E does

Tried where one tie could supply all that is dark but for one overloaded element (or voltage) on its way. A
relief is one cut opened and one tie closed in the part that has supply, so those moved are off for the time
between the two.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from capacity.security.dark_part import DarkPart
from capacity.security.judged import Bench, Entry, Worst, closing, opening

# Reliefs of one attempt that are solved, those that move least first.
MOST_RELIEFS = 60


class Relief(NamedTuple):
    """A cut that is opened, the tie that then feeds what is behind it, and the bus of the tie there."""

    cut: int
    tie_edge: int
    bus: int


def entries_of_relief(bench: Bench, relief: Relief) -> list[Entry]:
    """What the engine is told of a relief."""
    cut_edge = int(bench.found.cut_edge[relief.cut])
    return [opening(bench, cut_edge, from_above=True), *closing(bench, relief.tie_edge)]


def moved_kw(bench: Bench, relief: Relief) -> float:
    """Demand that a relief moves [kW]."""
    found = bench.found
    return bench.behind(int(found.cut_place[relief.cut]), int(found.cut_end[relief.cut]))[0]


def reliefs_of(bench: Bench, part: DarkPart, tie: int, worst: Worst) -> list[Relief]:
    """Reliefs of the element that keeps a tie from supplying a dark part, least power moved first."""
    weak = _weak_slice(bench, part, tie, worst)
    if weak is None:
        return []
    found, edges = bench.found, bench.found.edges
    kv = bench.per_place.vn_kv
    reliefs = []
    for other in found.tie_edge.tolist():
        ends = (int(edges.u[other]), int(edges.v[other]))
        if other == part.tie_edge[tie] or any(part.first <= found.place[bus] < part.last for bus in ends):
            continue
        for bus, beyond in (ends, ends[::-1]):
            place, outside = int(found.place[bus]), int(found.place[beyond])
            fits = kv[outside] >= kv[place] >= part.tie_kv[tie]
            if fits and weak[0] <= place < weak[1] and _same_reference(bench, bus, beyond):
                cuts = _cuts_above(bench, place, outside, weak)
                reliefs += [Relief(cut, other, bus) for cut in cuts]
    moved = [moved_kw(bench, relief) for relief in reliefs]
    order = np.argsort(moved, kind="stable")
    return [reliefs[at] for at in order if moved[at] > 0.0][:MOST_RELIEFS]


def _weak_slice(bench: Bench, part: DarkPart, tie: int, worst: Worst) -> tuple[int, int] | None:
    """Places behind the element that is too weak; of a voltage, behind the head of the feeder that helps."""
    found, edges = bench.found, bench.found.edges
    edge = part.tie_edge[tie]
    bus = int(edges.v[edge] if edges.u[edge] == part.tie_bus[tie] else edges.u[edge])
    way = []
    while (fed_by := int(found.fed_by[bus])) >= 0 and not found.place[bus] <= part.first < found.end[bus]:
        way.append((fed_by, bus))
        bus = int(found.supply.parents[bus])
    if worst.table in ("lines", "transformers"):
        at = [fed for fed_by, fed in way if found.element(fed_by) == (worst.table, worst.element_id)]
    else:
        at = [fed for _, fed in way[-1:]] if worst.table == "buses" and worst.check != "no_solution" else []
    return (int(found.place[at[0]]), int(found.end[at[0]])) if at else None


def _cuts_above(bench: Bench, place: int, outside: int, weak: tuple[int, int]) -> list[int]:
    """Cuts from a place up to the weak element that leave the other end of the tie where it is."""
    found, cuts, kv = bench.found, [], bench.per_place.vn_kv
    cut = int(found.zone[place])
    while cut >= 0 and found.cut_place[cut] >= weak[0]:
        first, last = int(found.cut_place[cut]), int(found.cut_end[cut])
        if first <= outside < last or kv[first:last].max() > kv[place]:
            break
        cuts.append(cut)
        cut = int(found.cut_parent[cut])
    return cuts


def _same_reference(bench: Bench, bus: int, beyond: int) -> bool:
    """Whether bands count from the same bus on both sides; else what is moved would be judged wrongly."""
    return not bench.relative or bool(bench.busbar[bus] == bench.busbar[beyond])
