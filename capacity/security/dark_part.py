"""What an outage leaves dark, and every way to supply it again through open points, before any load flow.

A *plan* gives each zone of the dark part the tie that feeds it, or none (-1). Zones fed by one tie hang
together; where two neighbours differ, the cut between them is opened. So every plan is radial by
construction, and its steps are: open the cuts, then close the ties. Nothing is fed backwards through a
transformer: no zone is fed at a voltage under its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from capacity.security.switchable import Switchable

Plan = tuple[int, ...]
DARK = -1


@dataclass(frozen=True, eq=False)
class DarkPart:
    """The dark part of one outage in zones, the one next to the fault first, each before those behind it.

    Attributes
    ----------
    first, last
        Places first..last-1 are dark.
    first_cut
        Cut of zone 1; zone n > 0 is behind cut first_cut + n - 1.
    parent, end
        Zone above each (-1 for zone 0), and the zone after the last one behind it.
    kw, customers, kv
        Per zone demand, customers and highest nominal voltage.
    tie_edge, tie_zone, tie_bus, tie_kv, tie_switches
        Ties that lead out of the dark part: edge, zone and bus inside, voltage there, switches to close.
    """

    first: int
    last: int
    first_cut: int
    parent: tuple[int, ...]
    end: tuple[int, ...]
    kw: np.ndarray
    customers: np.ndarray
    kv: np.ndarray
    tie_edge: tuple[int, ...]
    tie_zone: tuple[int, ...]
    tie_bus: tuple[int, ...]
    tie_kv: tuple[float, ...]
    tie_switches: tuple[int, ...]

    @property
    def zones(self) -> int:
        return len(self.parent)

    @cached_property
    def beside(self) -> list[list[int]]:
        """Per zone those that a cut parts from it."""
        found: list[list[int]] = [[] for _ in self.parent]
        for zone, up in enumerate(self.parent):
            if up >= 0:
                found[zone].append(up)
                found[up].append(zone)
        return found

    def restored_kw(self, plan: Plan) -> float:
        return float(self.kw[np.asarray(plan) != DARK].sum())

    def restored_customers(self, plan: Plan) -> float:
        return float(self.customers[np.asarray(plan) != DARK].sum())

    def opened(self, plan: Plan) -> list[tuple[int, bool]]:
        """Cuts a plan opens, and whether the side next to the fault has supply."""
        return [
            (self.first_cut + zone - 1, plan[up] != DARK)
            for zone, up in enumerate(self.parent)
            if up >= 0 and plan[zone] != plan[up]
        ]

    def closed(self, plan: Plan) -> list[int]:
        """Ties a plan closes, in the order of their zones."""
        return [tie for tie in dict.fromkeys(plan) if tie != DARK]

    def operations(self, plan: Plan) -> int:
        """Switches that a plan turns."""
        return len(self.opened(plan)) + sum(self.tie_switches[tie] for tie in self.closed(plan))


def dark_part(
    found: Switchable, first: int, last: int, kw: np.ndarray, customers: np.ndarray, vn_kv: np.ndarray
) -> DarkPart | None:
    """Cut the places first..last-1 into zones; nothing where no tie leads out of them.

    Parameters
    ----------
    kw, customers, vn_kv
        Per place.
    """
    edges, ties = found.edges, found.tie_edge
    ends = np.stack([edges.u[ties], edges.v[ties]], axis=1)
    inside = (found.place[ends] >= first) & (found.place[ends] < last)
    leads_out = inside.sum(axis=1) == 1
    if not leads_out.any():
        return None
    bus = ends[inside & leads_out[:, None]]
    outer = ends[~inside & leads_out[:, None]]
    fits = vn_kv[found.place[outer]] >= vn_kv[found.place[bus]]  # a transformer feeds downwards
    edge, bus = ties[leads_out][fits], bus[fits]
    if not len(edge):
        return None
    first_cut, last_cut = np.searchsorted(found.cut_place, [first + 1, last])
    own = np.maximum(found.zone[first:last] - first_cut + 1, 0)
    count = int(last_cut - first_cut) + 1
    kv = np.zeros(count)
    np.maximum.at(kv, own, vn_kv[first:last])
    parents = np.maximum(found.cut_parent[first_cut:last_cut] - first_cut + 1, 0)
    ends_of = np.searchsorted(found.cut_place, found.cut_end[first_cut:last_cut]) - first_cut + 1
    return DarkPart(
        first=first,
        last=last,
        first_cut=int(first_cut),
        parent=(-1, *parents.tolist()),
        end=(count, *ends_of.tolist()),
        kw=np.bincount(own, kw[first:last], minlength=count),
        customers=np.bincount(own, customers[first:last], minlength=count),
        kv=kv,
        tie_edge=tuple(edge.tolist()),
        tie_zone=tuple(own[found.place[bus] - first].tolist()),
        tie_bus=tuple(bus.tolist()),
        tie_kv=tuple(vn_kv[found.place[bus]].tolist()),
        tie_switches=tuple(len(found.open_switches(one)) for one in edge.tolist()),
    )


def plans_of_one_tie(part: DarkPart) -> list[Plan]:
    """One tie feeds all that is dark."""
    most = part.kv.max()
    return [(tie,) * part.zones for tie, kv in enumerate(part.tie_kv) if kv >= most]


def plans_of_two_ties(part: DarkPart) -> list[Plan]:
    """Two ties share all that is dark, one cut between them opened."""
    plans = []
    for tie, zone in enumerate(part.tie_zone):
        cut = zone
        while cut > 0:
            behind = slice(cut, part.end[cut])
            if part.kv[behind].max() > part.tie_kv[tie]:
                break
            rest = max(part.kv[:cut].max(), part.kv[part.end[cut] :].max(initial=0.0))
            for other, elsewhere in enumerate(part.tie_zone):
                if not cut <= elsewhere < part.end[cut] and part.tie_kv[other] >= rest:
                    plan = [other] * part.zones
                    plan[behind] = [tie] * (part.end[cut] - cut)
                    plans.append(tuple(plan))
            cut = part.parent[cut]
    return plans


def plans_leaving_a_rest(part: DarkPart) -> list[Plan]:
    """One tie feeds what is left when one cut is opened, on either side of it."""
    plans = []
    for tie, zone in enumerate(part.tie_zone):
        for cut in range(1, part.zones):
            inside = cut <= zone < part.end[cut]
            plan = [DARK if inside else tie] * part.zones
            plan[cut : part.end[cut]] = [tie if inside else DARK] * (part.end[cut] - cut)
            if part.kv[np.asarray(plan) == tie].max() <= part.tie_kv[tie]:
                plans.append(tuple(plan))
    return plans


def every_plan(part: DarkPart, most: int) -> list[Plan] | None:
    """All plans there are that supply anything, or nothing when they are more than `most`."""
    plans: list[Plan] = []
    for plan in _assigned(part, 0, [DARK] * part.zones, {}):
        if any(tie != DARK for tie in plan):
            plans.append(plan)
            if len(plans) > most:
                return None
    return plans


def _assigned(part: DarkPart, zone: int, labels: list[int], forced: dict[int, int]) -> Iterator[Plan]:
    """Every way to go on from a zone, all before it being given."""
    if zone == part.zones:
        yield tuple(labels)
        return
    for label in _choices(part, zone, labels, forced):
        labels[zone] = label
        chain = _chain(part, zone, label) if label != DARK and zone not in forced else ()
        # A tie that starts here reaches it from its own zone, so all between has the same.
        begins = label != DARK and (part.parent[zone] < 0 or labels[part.parent[zone]] != label)
        added = dict.fromkeys(chain, label) if begins else {}
        yield from _assigned(part, zone + 1, labels, {**forced, **added} if added else forced)
    labels[zone] = DARK


def _choices(part: DarkPart, zone: int, labels: list[int], forced: dict[int, int]) -> list[int]:
    if zone in forced:
        tie = forced[zone]
        return [tie] if part.tie_kv[tie] >= part.kv[zone] else []
    above = labels[part.parent[zone]] if zone else DARK
    choices = [DARK]
    if above != DARK and part.tie_kv[above] >= part.kv[zone]:
        choices.insert(0, above)
    return choices + [
        tie
        for tie, at in enumerate(part.tie_zone)
        if tie != above and zone <= at < part.end[zone] and part.tie_kv[tie] >= part.kv[zone]
    ]


def _chain(part: DarkPart, zone: int, tie: int) -> list[int]:
    """Zones from that of a tie up to one above it, which is left out."""
    chain, at = [], part.tie_zone[tie]
    while at > zone:
        chain.append(at)
        at = part.parent[at]
    return chain
