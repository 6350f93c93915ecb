"""What an outage leaves dark, and every way to supply it again through open points, before any load flow.

A *plan* gives each zone of the dark part the tie that feeds it, or none (-1). Zones fed by one tie hang
together; where two neighbours differ, the cut between them is opened. So every plan is radial by
construction, and its steps are: open the cuts, then close the ties. Nothing is fed backwards through a
transformer: no zone is fed at a voltage under its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

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
    cuts
        Cut above each zone; -1 for zone 0.
    parent, end
        Zone above each (-1 for zone 0), and the zone after the last one behind it.
    zone_of_place
        Per dark place.
    kw, customers, kv
        Per zone demand, customers and highest nominal voltage.
    net_kw
        Per zone what is drawn less what is generated.
    tie_edge, tie_zone, tie_bus, tie_kv, tie_switches
        Ties that lead out of the dark part: edge, zone and bus inside, voltage there, switches to close.
    room_kw, room_edge
        Most that a tie can bring by the ratings on its way (`flow_bounds`), and the edge that says so.
    """

    first: int
    last: int
    cuts: tuple[int, ...]
    parent: tuple[int, ...]
    end: tuple[int, ...]
    zone_of_place: np.ndarray
    kw: np.ndarray
    customers: np.ndarray
    kv: np.ndarray
    net_kw: np.ndarray
    tie_edge: tuple[int, ...]
    tie_zone: tuple[int, ...]
    tie_bus: tuple[int, ...]
    tie_kv: tuple[float, ...]
    tie_switches: tuple[int, ...]
    room_kw: tuple[float, ...]
    room_edge: tuple[int, ...]

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

    @cached_property
    def net_before(self) -> list[float]:
        """Net power [kW] of all zones before each, and of all."""
        return [0.0, *np.cumsum(self.net_kw).tolist()]

    @cached_property
    def fed_kw(self) -> float:
        """What zones feed that draw less than they generate [kW]."""
        return float(-self.net_kw[self.net_kw < 0].sum())

    def has_room(self, plan: Plan) -> bool:
        """Whether no tie has to bring more than it can by the ratings on its way."""
        brought = dict.fromkeys(plan, 0.0)
        for tie, kw in zip(plan, self.net_kw.tolist(), strict=True):
            brought[tie] += kw
        return all(tie == DARK or kw <= self.room_kw[tie] for tie, kw in brought.items())

    def restored_kw(self, plan: Plan) -> float:
        return float(self.kw[np.asarray(plan) != DARK].sum())

    def restored_customers(self, plan: Plan) -> float:
        return float(self.customers[np.asarray(plan) != DARK].sum())

    def supplies(self, plan: Plan) -> bool:
        """Whether a plan supplies any demand or customer."""
        return self.restored_kw(plan) > 0 or self.restored_customers(plan) > 0

    def opened(self, plan: Plan) -> list[tuple[int, bool]]:
        """Cuts a plan opens, and whether the side next to the fault has supply."""
        return [
            (self.cuts[zone], plan[up] != DARK)
            for zone, up in enumerate(self.parent)
            if up >= 0 and plan[zone] != plan[up]
        ]

    def closed(self, plan: Plan) -> list[int]:
        """Ties a plan closes, in the order of their zones."""
        return [tie for tie in dict.fromkeys(plan) if tie != DARK]

    def operations(self, plan: Plan) -> int:
        """Switches that a plan turns."""
        return len(self.opened(plan)) + sum(self.tie_switches[tie] for tie in self.closed(plan))


class PerPlace(NamedTuple):
    """Demand [kW], customers, demand less generation [kW] and nominal voltage [kV] per place."""

    kw: np.ndarray
    customers: np.ndarray
    net_kw: np.ndarray
    vn_kv: np.ndarray


def dark_part(
    found: Switchable,
    first: int,
    last: int,
    per_place: PerPlace,
    room: Callable[[int, int], tuple[float, int]],
) -> DarkPart | None:
    """Cut the places first..last-1 into zones; nothing where no tie leads out of them.

    Parameters
    ----------
    room
        Most [kW] that a tie can bring, and the edge that limits it: of the tie's edge and its outer bus.
    """
    kw, customers, net_kw, vn_kv = per_place
    edges, ties = found.edges, found.tie_edge
    ends = np.stack([edges.u[ties], edges.v[ties]], axis=1)
    inside = (found.place[ends] >= first) & (found.place[ends] < last)
    leads_out = inside.sum(axis=1) == 1
    if not leads_out.any():
        return None
    bus = ends[inside & leads_out[:, None]]
    outer = ends[~inside & leads_out[:, None]]
    fits = vn_kv[found.place[outer]] >= vn_kv[found.place[bus]]  # a transformer feeds downwards
    edge, bus, outer = ties[leads_out][fits], bus[fits], outer[fits]
    if not len(edge):
        return None
    zones = _zones(found, first, last, per_place, bus)
    own, count = zones.of_place, len(zones.parent)
    kv = np.zeros(count)
    np.maximum.at(kv, own, vn_kv[first:last])
    rooms = [room(*pair) for pair in zip(edge.tolist(), outer.tolist(), strict=True)]
    return DarkPart(
        first=first,
        last=last,
        cuts=zones.cuts,
        parent=zones.parent,
        end=zones.end,
        zone_of_place=own,
        kw=np.bincount(own, kw[first:last], minlength=count),
        customers=np.bincount(own, customers[first:last], minlength=count),
        kv=kv,
        net_kw=np.bincount(own, net_kw[first:last], minlength=count),
        tie_edge=tuple(edge.tolist()),
        tie_zone=tuple(own[found.place[bus] - first].tolist()),
        tie_bus=tuple(bus.tolist()),
        tie_kv=tuple(vn_kv[found.place[bus]].tolist()),
        tie_switches=tuple(len(found.open_switches(one)) for one in edge.tolist()),
        room_kw=tuple(kw for kw, _ in rooms),
        room_edge=tuple(limit for _, limit in rooms),
    )


class _Zones(NamedTuple):
    """Zones of a dark part: cut above each (-1: the fault), parent, end, and the zone per place."""

    cuts: tuple[int, ...]
    parent: tuple[int, ...]
    end: tuple[int, ...]
    of_place: np.ndarray


def _zones(found: Switchable, first: int, last: int, per_place: PerPlace, tie_buses: np.ndarray) -> _Zones:
    """Zones that make a difference: of two cuts with nothing between them only the upper one is kept."""
    first_cut, last_cut = (int(at) for at in np.searchsorted(found.cut_place, [first + 1, last]))
    own = np.maximum(found.zone[first:last] - first_cut + 1, 0)
    count = last_cut - first_cut + 1
    used = (per_place.kw[first:last] != 0) | (per_place.customers[first:last] != 0)
    used |= per_place.net_kw[first:last] != 0
    used[found.place[tie_buses] - first] = True
    empty = np.bincount(own, used, minlength=count) == 0
    kv = np.zeros(count)
    np.maximum.at(kv, own, per_place.vn_kv[first:last])
    parents = [-1, *np.maximum(found.cut_parent[first_cut:last_cut] - first_cut + 1, 0).tolist()]
    joined = _joined(parents, empty.tolist(), kv.tolist())
    kept = [zone for zone, other in enumerate(joined) if zone == other]
    number = {zone: at for at, zone in enumerate(kept)}
    old_end = np.searchsorted(found.cut_place, found.cut_end[first_cut:last_cut]) - first_cut + 1
    ends = np.searchsorted(kept, [count, *old_end.tolist()])
    new = np.array([number[zone] for zone in joined], dtype=np.int64)
    return _Zones(
        cuts=tuple(first_cut + zone - 1 if zone else -1 for zone in kept),
        parent=tuple(-1 if parents[zone] < 0 else int(new[parents[zone]]) for zone in kept),
        end=tuple(ends[kept].tolist()),
        of_place=new[own].astype(np.int32),
    )


def _joined(parents: list[int], empty: list[bool], kv: list[float]) -> list[int]:
    """Zone that each is one with; an empty one goes with its only neighbour below, or with the one above."""
    count, joined = len(parents), list(range(len(parents)))
    below: list[list[int]] = [[] for _ in parents]
    for zone in range(count - 1, -1, -1):
        up = parents[zone]
        if empty[zone] and len(below[zone]) == 1 and kv[below[zone][0]] == kv[zone]:
            only = below[zone].pop()
            joined[only], below[zone], empty[zone] = zone, below[only], empty[only]
        if up >= 0 and empty[zone] and not below[zone] and kv[zone] <= kv[up]:
            joined[zone] = up
        elif up >= 0:
            below[up].append(zone)
    for zone in range(count):
        joined[zone] = joined[joined[zone]]  # what is above is known already
    return joined


def plans_of_one_tie(part: DarkPart) -> list[Plan]:
    """One tie feeds all that is dark, whether it has room for it or not."""
    most = part.kv.max()
    return [(tie,) * part.zones for tie, kv in enumerate(part.tie_kv) if kv >= most]


def plans_of_two_ties(part: DarkPart) -> list[Plan]:
    """Two ties share all that is dark, one cut between them opened, and both have room."""
    plans, before = [], part.net_before
    for tie, zone in enumerate(part.tie_zone):
        cut = zone
        while cut > 0:
            behind = slice(cut, part.end[cut])
            brought = before[part.end[cut]] - before[cut]
            if part.kv[behind].max() > part.tie_kv[tie] or brought > part.room_kw[tie] + part.fed_kw:
                break
            rest = max(part.kv[:cut].max(), part.kv[part.end[cut] :].max(initial=0.0))
            for other, elsewhere in enumerate(part.tie_zone):
                if (
                    not cut <= elsewhere < part.end[cut]
                    and part.tie_kv[other] >= rest
                    and (brought <= part.room_kw[tie] and before[-1] - brought <= part.room_kw[other])
                ):
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
            if part.kv[np.asarray(plan) == tie].max() <= part.tie_kv[tie] and part.has_room(tuple(plan)):
                plans.append(tuple(plan))
    return plans


def every_plan(part: DarkPart, most: int) -> list[Plan] | None:
    """All plans that supply anything and have room, or nothing when they are more than `most`."""
    plans: list[Plan] = []
    rooms = [kw + part.fed_kw for kw in part.room_kw]
    for plan in _assigned(part, 0, [DARK] * part.zones, {}, rooms):
        if any(tie != DARK for tie in plan) and part.has_room(plan):
            plans.append(plan)
            if len(plans) > most:
                return None
    return plans


def _assigned(
    part: DarkPart, zone: int, labels: list[int], forced: dict[int, int], rooms: list[float]
) -> Iterator[Plan]:
    """Every way to go on from a zone, all before it being given; `rooms` is what each tie can still bring."""
    if zone == part.zones:
        yield tuple(labels)
        return
    for label in _choices(part, zone, labels, forced):
        labels[zone] = label
        if label == DARK:
            yield from _assigned(part, zone + 1, labels, forced, rooms)
            continue
        # A tie that starts here reaches it from its own zone, so all between has the same.
        begins = zone not in forced and (zone == 0 or labels[part.parent[zone]] != label)
        added = dict.fromkeys(_chain(part, zone, label), label) if begins else {}
        left = rooms.copy()
        left[label] -= max(float(part.net_kw[zone]), 0.0)
        if left[label] >= 0.0:
            yield from _assigned(part, zone + 1, labels, {**forced, **added}, left)
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
