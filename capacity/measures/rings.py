"""Rings with a normally-open point: the ways from both sides of it to what they have in common.

    source --- a1 --- a2 --o/o-- b2 --- b1 --- source        o/o the open point, between the ends a2 and b2

A ring is followed as long as lines and couplers of one voltage feed it. Parts that closed loops feed from two
sides are no part of a ring: opening one of their lines leaves them meshed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from capacity.measures.situation import Situation
from capacity.measures.strain import strain_of
from capacity.measures.tree import line_impedance_pu_per_kva
from gis.feeders import conducting_edges
from gis.voltage import LV_MAX_KV

Cell = tuple[str, str, str, object]


@dataclass(frozen=True, eq=False)
class Ring:
    """An open point and the two ways it lies between.

    Attributes
    ----------
    name
        Switch that is open.
    closing
        Cells that close it.
    line
        Position of the line it is at; -1 for a coupler.
    ways
        Buses from each end of the open point towards the source, each standing for what feeds it; what both
        ways have in common is left out.
    """

    name: str
    closing: tuple[Cell, ...]
    line: int
    ways: tuple[list[int], list[int]]


def rings_of(situation: Situation) -> Iterator[Ring]:
    """All rings of a network in its normal state, in the order of their open switches."""
    network, supply = situation.network, situation.supply
    looped = _looped(situation)
    for name, closing, line, ends in _open_points(situation):
        bus = network.buses.index.get_indexer(ends)
        if (bus < 0).any() or bus[0] == bus[1] or supply.buses["feeder_id"].iloc[bus].isna().any():
            continue
        ways = [_way(situation, int(end)) for end in bus]
        first, second = (_apart(own, other) for own, other in (ways, ways[::-1]))
        if not looped[[*first, *second]].any() and (first or second):
            yield Ring(name, closing, line, (first, second))


def opening_at(situation: Situation, bus: int) -> tuple[str, tuple[Cell, ...]] | None:
    """How the feeding element of a bus is opened: its name and the cells; nothing where it cannot be.

    A switch at it where there is one; else the end of a medium-voltage line, or of a low-voltage one at a
    busbar or cabinet, whose fuses can be drawn.
    """
    network, (tables, ids) = situation.network, _upstream(situation)
    element_id = str(ids[bus])
    if tables[bus] == "switches":
        return element_id, (("switches", element_id, "closed", False),)
    own = _switches_of(situation).get(element_id, [])
    if own:
        return own[0], (("switches", own[0], "closed", False),)
    ends = network.lines.loc[element_id, ["from_bus_id", "to_bus_id"]].tolist()
    low = network.buses["vn_kv"].iloc[bus] <= LV_MAX_KV
    if not low or network.buses["kind"].reindex(ends).isin(["busbar", "cabinet"]).any():
        return element_id, (("lines", element_id, "in_service", False),)
    return None


def tie_impedance(situation: Situation, ring: Ring) -> complex:
    """Impedance of the line at the open point [pu drop per kVA]; none of a coupler."""
    if ring.line < 0:
        return 0j
    return complex(_impedances(situation)[ring.line])


def _open_points(situation: Situation) -> Iterator[tuple[str, tuple[Cell, ...], int, list[str]]]:
    """Open switches: name, cells that close, line, and the buses that would be joined."""
    network = situation.network
    opened = network.switches[~network.switches["closed"]]
    for switch_id, row in opened[opened["element_table"] == "buses"].iterrows():
        name = str(switch_id)
        yield name, (("switches", name, "closed", True),), -1, [row["bus_id"], row["element_id"]]
    at_lines = opened[opened["element_table"] == "lines"]
    in_service = network.lines.index[network.lines["in_service"]]
    for line_id, rows in at_lines[at_lines["element_id"].isin(in_service)].groupby("element_id", sort=False):
        closing = tuple(("switches", str(one), "closed", True) for one in rows.index)
        position = int(network.lines.index.get_indexer([line_id])[0])
        ends = network.lines.loc[line_id, ["from_bus_id", "to_bus_id"]].tolist()
        yield str(rows.index[0]), closing, position, ends


def _way(situation: Situation, bus: int) -> list[int]:
    """Buses from one up to the one below its busbar."""
    tables, _ = _upstream(situation)
    found = []
    while tables[bus] in ("lines", "switches"):
        found.append(bus)
        bus = int(situation.supply.parents[bus])
    return found


def _apart(own: list[int], other: list[int]) -> list[int]:
    shared = set(other)
    return [bus for bus in own if bus not in shared]


@lru_cache(maxsize=2)
def _upstream(situation: Situation) -> tuple[np.ndarray, np.ndarray]:
    """Table and id of what feeds each bus."""
    buses = situation.supply.buses
    return buses["upstream_table"].to_numpy(dtype=object), buses["upstream_id"].to_numpy(dtype=object)


@lru_cache(maxsize=2)
def _impedances(situation: Situation) -> np.ndarray:
    return line_impedance_pu_per_kva(situation.network, situation.catalogue)


@lru_cache(maxsize=2)
def _switches_of(situation: Situation) -> dict[str, list[str]]:
    """Closed switches per line."""
    switches = situation.network.switches
    closed = switches[switches["closed"] & (switches["element_table"] == "lines")]
    ids = pd.Series(closed.index.astype(str), dtype=object)
    return {str(line): list(own) for line, own in ids.groupby(closed["element_id"].to_numpy(), sort=False)}


def _looped(situation: Situation) -> np.ndarray:
    """Flag per bus: what feeds it is part of a closed loop or has a twin in parallel."""
    parents, tree = situation.supply.parents, strain_of(situation).tree
    edges = conducting_edges(situation.network)
    child = np.where(parents[edges["v"]] == edges["u"], edges["v"], -1)
    child = np.where(parents[edges["u"]] == edges["v"], edges["u"], child)
    found = np.bincount(child[child >= 0], minlength=len(parents)) > 1
    for u, v in edges.loc[child < 0, ["u", "v"]].itertuples(index=False, name=None):
        ways = [_to_source(tree.parents, int(end)) for end in (u, v)]
        for own, other in (ways, ways[::-1]):
            found[_apart(own, other)] = True
    return found


def _to_source(parents: np.ndarray, bus: int) -> list[int]:
    found = []
    while bus >= 0:
        found.append(bus)
        bus = int(parents[bus])
    return found
