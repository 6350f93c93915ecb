"""How much power must go at a place so that the limits on its way to the source hold, case by case.

The estimate is the linear load flow, scaled to what the engine found on the overloaded element. It sizes a
battery, a contract or a capacitor; whether the size is enough is for the engine to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from capacity.measures.situation import Situation
from capacity.measures.strain import alike_cases, strain_of, switched_tree
from capacity.measures.tree import Tree
from gridmodel import branch_ratings_kva

TABLES = ("lines", "transformers")


@dataclass(frozen=True, eq=False)
class Place:
    """A bus from which a broken limit can be mended, and the element whose limit brought it up.

    Attributes
    ----------
    bus
        Position.
    table, element_id
        The overloaded line or transformer, or the bus whose voltage breaks its band.
    """

    bus: int
    table: str
    element_id: str


@dataclass(frozen=True, eq=False)
class Group:
    """Cases with broken limits in one switching state: their rows, the supply there and its flows [kVA]."""

    rows: np.ndarray
    tree: Tree
    flows: np.ndarray


@lru_cache(maxsize=2)
def weak_groups(situation: Situation) -> tuple[Group, ...]:
    """Switching states with broken limits."""
    ids, strain = situation.cases.labels.index, strain_of(situation)
    broken = np.flatnonzero(ids.isin(situation.violations["case_id"]))
    found = []
    for rows, switching in alike_cases(situation, broken):
        if switching:
            tree = switched_tree(situation, switching)
            found.append(Group(rows, tree, tree.flows(situation.cases.kva[rows])))
        else:
            found.append(Group(rows, strain.tree, strain.flows[rows]))
    return tuple(found)


def overload_places(situation: Situation, *, nearest_source: bool = False) -> list[Place]:
    """Buses behind overloaded elements: the last overloaded one on each way, or the first.

    Ways end at transformers: an overload of another voltage level has its own place.
    """
    found: dict[int, Place] = {}
    for group in weak_groups(situation):
        fed = _overloaded_buses(situation, group)
        above = {bus: set(_way_up(group.tree, bus)[1:]) for bus in fed}
        passed = set().union(*above.values())
        for bus in fed:
            inner = bool(above[bus].intersection(fed)) if nearest_source else bus in passed
            if not inner:
                found.setdefault(bus, _place(situation, group.tree, bus))
    return list(found.values())


def voltage_places(situation: Situation) -> list[Place]:
    """The bus of each feeder whose voltage is farthest out of band, one for each side."""
    broken = strain_of(situation).broken
    rows = broken[broken["table"] == "buses"]
    if rows.empty:
        return []
    feeder = rows["element_id"].map(situation.supply.buses["feeder_id"])
    excess = (rows["value"] - rows["limit"]).abs()
    worst = excess.groupby([feeder, rows["check"]], sort=False).idxmax()
    ids = rows.loc[worst, "element_id"].unique()
    at = situation.network.buses.index.get_indexer(ids)
    return [Place(int(bus), "buses", str(one)) for bus, one in zip(at, ids, strict=True)]


def need_kw(situation: Situation, bus: int) -> np.ndarray:
    """Active power per case [kW] that must be fed at a bus (negative: drawn) so that the limits on its way to
    the source hold, and its own voltage."""
    found = np.zeros(len(situation.cases.labels))
    for group in weak_groups(situation):
        asked = [np.zeros(len(group.rows))]
        asked += [_overload_kw(situation, group, up) for up in _way_up(group.tree, bus)]
        asked.append(_voltage_kw(situation, group, bus))
        every = np.stack(asked)
        most = np.abs(every).argmax(axis=0)
        found[group.rows] = every[most, np.arange(len(group.rows))]
    return found


def share_over(situation: Situation, bus: int) -> np.ndarray:
    """Share of what flows into a bus that must go in each case so that what feeds it holds its limit."""
    found = np.zeros(len(situation.cases.labels))
    for group in weak_groups(situation):
        for carried, limit, rows in _loadings(situation, group, bus):
            over = rows & (group.flows[:, bus].real > 0.0)
            with np.errstate(invalid="ignore", divide="ignore"):
                share = np.where(over, 1.0 - limit / carried, 0.0)
            found[group.rows] = np.maximum(found[group.rows], share)
    return found


def share_under(situation: Situation, bus: int) -> np.ndarray:
    """Share of the demand of a feeder that must go in each case so that a bus of it is not too low.

    The voltage of the busbar, of a station's that of the bus above it, is taken as it is: what is spared only
    lifts it.
    """
    low, _ = _broken_by(situation)
    found = np.zeros(len(situation.cases.labels))
    for group in weak_groups(situation):
        root = group.tree.root[bus]
        root = group.tree.parents[bus] if root == bus and group.tree.parents[bus] >= 0 else root
        drop = situation.vm_pu[group.rows, root] - situation.vm_pu[group.rows, bus]
        drop = np.where(np.isnan(drop), _linear_drop(group, bus), drop)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where((low[group.rows, bus] > 0.0) & (drop > 0.0), low[group.rows, bus] / drop, 0.0)
        found[group.rows] = np.minimum(share, 1.0)
    return found


def need_kvar(situation: Situation, bus: int) -> float:
    """Reactive power that must be given at a bus so that overloads on its way to the busbar end [kvar].

    The most over all cases and elements; those that active power alone overloads are left out.
    """
    most = 0.0
    for group in weak_groups(situation):
        for up in _way_up(group.tree, bus):
            flow = group.flows[:, up]
            for carried, limit, over in _loadings(situation, group, up):
                with np.errstate(invalid="ignore", divide="ignore"):
                    scaled = limit * np.abs(flow) / carried
                left = np.sqrt(np.maximum(scaled**2 - flow.real**2, 0.0))
                ends = over & (np.abs(flow.real) <= scaled)
                most = max(most, float(np.where(ends, flow.imag - left, 0.0).max(initial=0.0)))
    return most


def _linear_drop(group: Group, bus: int) -> np.ndarray:
    """Drop [pu] over the lines of a feeder to a bus, of a station's bus over its transformer."""
    way = group.tree.way(bus) or [bus]
    return np.asarray(group.tree.drops(group.flows)[:, way].sum(axis=1))


def _overload_kw(situation: Situation, group: Group, bus: int) -> np.ndarray:
    """What must go behind a bus so that what feeds it is not overloaded [kW], 0 where it is not."""
    most = np.zeros(len(group.rows))
    flow = group.flows[:, bus]
    for carried, limit, over in _loadings(situation, group, bus):
        with np.errstate(invalid="ignore", divide="ignore"):
            scaled = limit * np.abs(flow) / carried
        left = np.sqrt(np.maximum(scaled**2 - flow.imag**2, 0.0))
        cut = np.sign(flow.real) * np.maximum(np.abs(flow.real) - left, 0.0)
        most = np.where(over & (np.abs(cut) > np.abs(most)), cut, most)
    return most


def _loadings(situation: Situation, group: Group, bus: int) -> Iterator[tuple[np.ndarray, float, np.ndarray]]:
    """Power carried by what feeds a bus, its limit [kVA] and where it breaks; of a case without solution by
    estimate."""
    for table, feeding in (("lines", group.tree.line), ("transformers", group.tree.transformer)):
        element = feeding[bus]
        if element < 0:
            continue
        kva = situation.line_kva if table == "lines" else situation.transformer_kva
        limit = limits_kva(situation)[table][element]
        carried = kva[group.rows, element]
        carried = np.where(np.isnan(carried), np.abs(group.flows[:, bus]), carried)
        yield carried, float(limit), carried > limit


def _voltage_kw(situation: Situation, group: Group, bus: int) -> np.ndarray:
    """What must be fed at a bus so that its own voltage holds [kW]."""
    low, high = _broken_by(situation)
    z = np.real(group.tree.z_pu_per_kva)
    relative = situation.yardstick.bands["from_busbar"].iloc[bus]
    way = _way_up(group.tree, bus) if relative else _to_source(group.tree, bus)
    # A band from the busbar: what the busbar itself is fed over moves both.
    if relative and group.tree.transformer[bus] < 0:
        way = [one for one in way if group.tree.transformer[one] < 0]
    resistance = float(z[way].sum())
    vm_pu = np.nan_to_num(situation.vm_pu[group.rows, bus], nan=1.0)
    lacking = low[group.rows, bus] - high[group.rows, bus]
    return np.asarray(lacking * vm_pu / resistance if resistance > 0.0 else np.zeros(len(group.rows)))


@lru_cache(maxsize=2)
def _broken_by(situation: Situation) -> tuple[np.ndarray, np.ndarray]:
    """Cases x buses: how far voltages are below and above their band [pu]."""
    broken = strain_of(situation).broken
    rows = broken[broken["table"] == "buses"]
    case = situation.cases.labels.index.get_indexer(rows["case_id"])
    bus = situation.network.buses.index.get_indexer(rows["element_id"])
    found = []
    for check in ("undervoltage", "overvoltage"):
        own = (rows["check"] == check).to_numpy()
        by = np.zeros(situation.vm_pu.shape)
        by[case[own], bus[own]] = (rows["value"] - rows["limit"]).abs().to_numpy(dtype=float)[own]
        found.append(by)
    return found[0], found[1]


@lru_cache(maxsize=2)
def limits_kva(situation: Situation) -> dict[str, np.ndarray]:
    """Power that each line and transformer may carry [kVA]."""
    ratings = branch_ratings_kva(situation.network, situation.catalogue)
    loading = situation.yardstick.limits.loading
    return {
        "lines": ratings["lines"] * loading.line_percent / 100.0,
        "transformers": ratings["transformers"] * loading.transformer_percent / 100.0,
    }


def _overloaded_buses(situation: Situation, group: Group) -> list[int]:
    """Buses that an overloaded line or transformer feeds in some case of the group."""
    limits = limits_kva(situation)
    found = np.zeros(len(group.tree.parents), dtype=bool)
    for table, feeding, kva in (
        ("lines", group.tree.line, situation.line_kva),
        ("transformers", group.tree.transformer, situation.transformer_kva),
    ):
        fed = np.flatnonzero(feeding >= 0)
        carried = kva[np.ix_(group.rows, feeding[fed])]
        carried = np.where(np.isnan(carried), np.abs(group.flows[:, fed]), carried)
        with np.errstate(invalid="ignore"):
            found[fed] |= (carried > limits[table][feeding[fed]]).any(axis=0)
    return [int(bus) for bus in np.flatnonzero(found)]


def _place(situation: Situation, tree: Tree, bus: int) -> Place:
    table = "lines" if tree.line[bus] >= 0 else "transformers"
    element = tree.line[bus] if table == "lines" else tree.transformer[bus]
    return Place(bus, table, str(situation.network.table(table).index[element]))


def _way_up(tree: Tree, bus: int) -> list[int]:
    """Buses from one to its busbar, which a transformer feeds, the busbar with it."""
    found = []
    while bus >= 0 and tree.parents[bus] >= 0:
        found.append(bus)
        if tree.transformer[bus] >= 0:
            break
        bus = int(tree.parents[bus])
    return found


def _to_source(tree: Tree, bus: int) -> list[int]:
    found = []
    while tree.parents[bus] >= 0:
        found.append(bus)
        bus = int(tree.parents[bus])
    return found
