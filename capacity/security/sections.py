"""Sections of a network: what hangs together when every switch is open, and the cuts between them.

A fault makes its section dead until it is repaired; a switching order only opens and closes cuts.

        S1                                              sections: S1, M1, K1, M2, T1, B1 with all behind it
        M1 ---o--- K1 ---o--- M2 ==T1== B1 --L1-- A1    cuts: S1, both switches, both ends of T1

A transformer and a source can be switched where they stand even if the data have no switch there: each is a
section of its own, and taking it out of service is its cut. Nothing is solved here.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from gis import InputError, Network
from gis.findings import make_findings

# Tables an element may fail in, in the order of their nodes.
FAULT_TABLES = ("buses", "lines", "transformers", "sources")
CUT_COLUMNS = ("table", "element_id", "kind", "bus_id", "vn_kv", "closed", "u", "v", "a", "b")
# What a cut is without a switch in the data.
UNLISTED = "unlisted"


@dataclass(frozen=True, eq=False)
class Sections:
    """The sections of a network and what parts them.

    Attributes
    ----------
    node
        Per table of `FAULT_TABLES` the position of its first node; nodes follow the rows of the tables.
    section
        Number of the section per node; -1 of elements out of service.
    joints
        Pairs of nodes that nothing parts.
    cuts
        Columns `CUT_COLUMNS`: table and element_id of what is operated (a switch, or a transformer or source
        as a whole), kind of the switch ("unlisted" where the data have none), bus it stands at and its
        voltage, closed, the nodes u (beyond the bus) and v (the bus) it joins, and their sections a and b.
        A transformer without switches has a row at both ends.
    infeed
        Flag per section: a source in service.
    """

    network: Network
    node: dict[str, int]
    section: np.ndarray
    joints: np.ndarray
    cuts: pd.DataFrame
    infeed: np.ndarray

    @property
    def count(self) -> int:
        """Number of sections."""
        return len(self.infeed)

    def of(self, table: str, element_ids: pd.Index | list[str]) -> np.ndarray:
        """Section per element; -1 out of service or unknown."""
        at = self.network.table(table).index.get_indexer(element_ids)
        sections = np.append(self.section, -1)
        return np.asarray(sections[np.where(at < 0, -1, self.node[table] + at)])

    def kv(self) -> np.ndarray:
        """Highest nominal voltage per section [kV]: of its buses and lines, and above its transformers."""
        network, kv = self.network, np.zeros(self.count)
        hv_kv = network.transformers["hv_bus_id"].map(network.buses["vn_kv"])
        for table, vn_kv in (
            ("buses", network.buses["vn_kv"]), ("lines", network.lines["vn_kv"]), ("transformers", hv_kv),
        ):  # fmt: skip
            at = self.of(table, vn_kv.index)
            np.maximum.at(kv, at[at >= 0], vn_kv.fillna(0.0).to_numpy()[at >= 0])
        return kv

    def elements(self, sections: Collection[int]) -> pd.DataFrame:
        """Lines, transformers, buses and sources of some sections: table, element_id, section."""
        parts = []
        for table in FAULT_TABLES:
            ids = self.network.table(table).index
            of = self.section[self.node[table] : self.node[table] + len(ids)]
            at = np.isin(of, list(sections)) & (of >= 0)
            parts.append(pd.DataFrame({"table": table, "element_id": ids[at], "section": of[at]}))
        return pd.concat(parts, ignore_index=True)

    def fed(self, closed: np.ndarray, without: np.ndarray | None = None) -> np.ndarray:
        """Flag per section: a source reaches it through closed cuts, and not through `without`."""
        island, infeed = self.islands(closed, without), self.infeed.copy()
        if without is not None:
            infeed &= ~without
        return np.isin(island, np.unique(island[infeed])) & (island >= 0)

    def islands(self, closed: np.ndarray, without: np.ndarray | None = None) -> np.ndarray:
        """Number per section of what hangs together through closed cuts; -1 of the sections left out."""
        a, b = self.cuts["a"].to_numpy(), self.cuts["b"].to_numpy()
        live = closed & (a >= 0) & (b >= 0)
        if without is not None:
            live &= ~(without[a] | without[b])
        graph = csr_array((np.ones(live.sum(), np.int8), (a[live], b[live])), shape=(self.count,) * 2)
        island = connected_components(graph, directed=False)[1]
        return island if without is None else np.where(without, -1, island)

    def touching(self, inside: np.ndarray) -> np.ndarray:
        """Flag per cut: it parts the flagged sections from the others."""
        a, b = self.cuts["a"].to_numpy(), self.cuts["b"].to_numpy()
        known = (a >= 0) & (b >= 0)
        return np.asarray(known & (inside[a] != inside[b]))


def find_sections(network: Network) -> Sections:
    """Find the sections of a network in service, and all cuts with their normal state."""
    node, count = _first_nodes(network)
    joints, cuts = _joints_and_cuts(network, node)
    live = np.concatenate([_in_service(network, table) for table in FAULT_TABLES])
    graph = csr_array((np.ones(len(joints), np.int8), (joints[:, 0], joints[:, 1])), shape=(count, count))
    raw = connected_components(graph, directed=False)[1]
    section = np.full(count, -1)
    section[live] = np.unique(raw[live], return_inverse=True)[1]
    infeed = np.zeros(section.max(initial=-1) + 1, dtype=bool)
    at = section[node["sources"] :]
    infeed[at[at >= 0]] = True
    cuts = cuts.assign(a=section[cuts["u"]], b=section[cuts["v"]])
    return Sections(network, node, section, joints, cuts[list(CUT_COLUMNS)], infeed)


def fault_table(network: Network, element_id: str, table: str | None = None) -> str:
    """Table of an element that may fail.

    Raises
    ------
    InputError
        No such element, several tables have one of that id and none was named, or it is out of service.
    """
    tables = (*FAULT_TABLES, "switches")
    found = [name for name in tables if element_id in network.table(name).index and table in (None, name)]
    if len(found) == 1 and (found[0] == "switches" or _is_live(network, found[0], element_id)):
        return found[0]
    if not found:
        message = f"is in none of {', '.join(tables)}; name an element of the network"
    elif len(found) > 1:
        message = f"stands in {' and '.join(found)}; say which one is meant"
    else:
        message = "is out of service: its fault takes nothing off supply"
    raise InputError("fault", make_findings("unknown_fault", table or "network", [element_id], message))


def fault_sections(sections: Sections, table: str, element_id: str) -> np.ndarray:
    """Flag per section that a fault of an element makes dead; of a switch those at both its sides."""
    cuts = sections.cuts
    if table == "switches":
        row = cuts[(cuts["table"] == "switches") & (cuts["element_id"] == element_id)]
        hit = row[["a", "b"]].to_numpy().ravel()
    else:
        hit = sections.of(table, [element_id])
    flags = np.zeros(sections.count, dtype=bool)
    flags[hit[hit >= 0]] = True
    return flags


def _is_live(network: Network, table: str, element_id: str) -> bool:
    return bool(_in_service(network, table)[network.table(table).index.get_loc(element_id)])


def _first_nodes(network: Network) -> tuple[dict[str, int], int]:
    node, count = {}, 0
    for table in FAULT_TABLES:
        node[table] = count
        count += len(network.table(table))
    return node, count


def _in_service(network: Network, table: str) -> np.ndarray:
    frame = network.table(table)
    if "in_service" not in frame:
        return np.ones(len(frame), dtype=bool)
    return frame["in_service"].to_numpy(dtype=bool)


def _joints_and_cuts(network: Network, node: dict[str, int]) -> tuple[np.ndarray, pd.DataFrame]:
    """Ends of elements: with a switch a cut, without one a joint (lines) or an unlisted cut (the others)."""
    ends = _ends(network, node)
    switches = _switches_at_ends(network)
    key = pd.MultiIndex.from_frame(ends[["table", "element_id", "bus_id"]])
    row = pd.MultiIndex.from_frame(switches[["element_table", "element_id", "bus_id"]]).get_indexer(key)
    plain = ends[(row < 0) & (ends["table"] == "lines").to_numpy()]
    unlisted = ends[(row < 0) & (ends["table"] != "lines").to_numpy()].assign(kind=UNLISTED, closed=True)
    at = switches.iloc[row[row >= 0]]
    switched = ends[row >= 0].assign(
        table="switches",
        element_id=at["switch_id"].to_numpy(),
        kind=at["kind"].to_numpy(),
        closed=at["closed"].to_numpy(dtype=bool),
    )
    cuts = pd.concat([unlisted, switched, _couplers(network, node)], ignore_index=True)
    cuts["vn_kv"] = network.buses["vn_kv"].reindex(cuts["bus_id"]).to_numpy()
    return plain[["u", "v"]].to_numpy(dtype=np.int64), cuts.astype({"closed": bool})


def _ends(network: Network, node: dict[str, int]) -> pd.DataFrame:
    """Where elements in service meet buses: table, element_id, bus_id, u (the element), v (the bus)."""
    parts = []
    for table, columns in (
        ("lines", ("from_bus_id", "to_bus_id")),
        ("transformers", ("hv_bus_id", "lv_bus_id")),
        ("sources", ("bus_id",)),
    ):
        frame, live = network.table(table), _in_service(network, table)
        for column in columns:
            v = network.buses.index.get_indexer(frame[column])
            ends = pd.DataFrame(
                {
                    "table": table,
                    "element_id": frame.index,
                    "bus_id": frame[column].to_numpy(dtype=object),
                    "u": node[table] + np.arange(len(frame)),
                    "v": v,
                }
            )
            parts.append(ends[live & (v >= 0)])
    return pd.concat(parts, ignore_index=True)


def _switches_at_ends(network: Network) -> pd.DataFrame:
    """One switch per end of a line or transformer: an open one where several stand there."""
    at_ends = network.switches[network.switches["element_table"].isin(["lines", "transformers"])]
    rows = at_ends.rename_axis("switch_id").reset_index().sort_values("closed", kind="stable")
    return rows.drop_duplicates(["element_table", "element_id", "bus_id"])


def _couplers(network: Network, node: dict[str, int]) -> pd.DataFrame:
    """Switches between two buses, as cuts."""
    couplers = network.switches[network.switches["element_table"] == "buses"]
    u, v = (network.buses.index.get_indexer(couplers[end]) for end in ("element_id", "bus_id"))
    frame = pd.DataFrame(
        {
            "table": "switches",
            "element_id": couplers.index,
            "kind": couplers["kind"].to_numpy(),
            "bus_id": couplers["bus_id"].to_numpy(),
            "closed": couplers["closed"].to_numpy(dtype=bool),
            "u": node["buses"] + u,
            "v": node["buses"] + v,
        }
    )
    return frame[(u >= 0) & (v >= 0)]
