"""`Tree`: the supply of a network as arrays: what feeds each bus, over which impedance and length.

Flows and drops are those of the linear load flow (no losses, voltages at 1 pu): they tell where a measure may
help and how much a candidate is worth before the engine solves it, also where the engine finds no solution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from capacity.checks import busbar_of
from gis import Network
from gis.feeders import Supply, conducting_edges
from gridmodel import Catalogue, line_figures, transformer_figures


@dataclass(frozen=True, eq=False)
class Tree:
    """The supplied buses as a forest; an array over the buses each.

    Attributes
    ----------
    parents, order
        As in `gis.feeders.Supply`.
    line, transformer
        Position of the line or transformer that feeds the bus; -1 where something else does.
    z_pu_per_kva
        Impedance of what feeds the bus, parallel elements together: its drop [pu] at 1 kVA.
    length_m
        Length of the line that feeds the bus; 0 where no line does.
    root
        Position of the bus at the head of the lines and couplers that feed the bus: its busbar.
    from_root_m
        Length of the way from there.
    """

    parents: np.ndarray
    order: np.ndarray
    line: np.ndarray
    transformer: np.ndarray
    z_pu_per_kva: np.ndarray
    length_m: np.ndarray
    root: np.ndarray
    from_root_m: np.ndarray

    def flows(self, kva: np.ndarray) -> np.ndarray:
        """Power that enters each bus from what feeds it [kVA], its own and all behind it: cases x buses."""
        through = np.array(kva.T, dtype=complex, order="C")
        for bus in self.order[::-1]:
            if self.parents[bus] >= 0:
                through[self.parents[bus]] += through[bus]
        return np.ascontiguousarray(through.T)

    def drops(self, flows: np.ndarray) -> np.ndarray:
        """Voltage drop over what feeds each bus [pu], negative where it rises: cases x buses."""
        return np.asarray((flows * np.conj(self.z_pu_per_kva)).real)

    def sum_from_source(self, values: np.ndarray) -> np.ndarray:
        """Sum values of what feeds a bus over its whole way from the source: any x buses."""
        total = np.array(values, copy=True)
        for bus in self.order:
            if self.parents[bus] >= 0:
                total[..., bus] += total[..., self.parents[bus]]
        return total

    def way(self, bus: int) -> list[int]:
        """Buses fed by lines from a bus up to its busbar: each stands for the line that feeds it."""
        found = []
        while bus != self.root[bus]:
            if self.line[bus] >= 0:
                found.append(bus)
            bus = int(self.parents[bus])
        return found

    def behind(self, bus: int) -> np.ndarray:
        """Positions of a bus and all buses it feeds, every bus after the one that feeds it."""
        inside = np.zeros(len(self.parents), dtype=bool)
        inside[bus] = True
        start = int(np.flatnonzero(self.order == bus)[0])
        found = [bus]
        for other in self.order[start + 1 :]:
            if self.parents[other] >= 0 and inside[self.parents[other]]:
                inside[other] = True
                found.append(int(other))
        return np.array(found)


def tree_of(network: Network, supply: Supply, catalogue: Catalogue) -> Tree:
    """The supply of a network with impedances and lengths."""
    via = supply.buses["upstream_table"].to_numpy()
    ids = supply.buses["upstream_id"]
    line = np.where(via == "lines", network.lines.index.get_indexer(ids), -1)
    transformer = np.where(via == "transformers", network.transformers.index.get_indexer(ids), -1)
    length = line_figures(network, catalogue)["length_m"].to_numpy(dtype=float)
    length_m = np.where(line >= 0, length[line], 0.0) if len(length) else np.zeros(len(line))
    root, from_root_m = busbar_of(network, supply), np.zeros(len(line))
    for bus in supply.order:
        if root[bus] != bus:
            from_root_m[bus] = from_root_m[supply.parents[bus]] + length_m[bus]
    impedance = _impedances(network, supply, catalogue)
    return Tree(supply.parents, supply.order, line, transformer, impedance, length_m, root, from_root_m)


def line_impedance_pu_per_kva(network: Network, catalogue: Catalogue) -> np.ndarray:
    """Drop [pu] of each line at 1 kVA, its parallel systems together."""
    figures, lines = line_figures(network, catalogue), network.lines
    ohm = (figures["r_ohm_per_km"] + 1j * figures["x_ohm_per_km"]) * figures["length_m"] / 1000.0
    return np.asarray(ohm / lines["parallel"] / (1000.0 * lines["vn_kv"] ** 2), dtype=complex)


def transformer_impedance_pu_per_kva(network: Network, catalogue: Catalogue) -> np.ndarray:
    """Drop [pu] of each transformer at 1 kVA, its parallel units together."""
    figures = transformer_figures(network, catalogue)
    resistive, whole = figures["vkr_percent"], figures["vk_percent"]
    reactive = np.sqrt((whole**2 - resistive**2).clip(lower=0.0))
    rated_kva = figures["sn_kva"] * network.transformers["parallel"]
    return np.asarray((resistive + 1j * reactive) / 100.0 / rated_kva, dtype=complex)


def _impedances(network: Network, supply: Supply, catalogue: Catalogue) -> np.ndarray:
    """Per bus: impedance of everything in parallel with what feeds it; none over a coupler."""
    edges = conducting_edges(network)
    of_table = {
        "lines": (network.lines.index, line_impedance_pu_per_kva(network, catalogue)),
        "transformers": (network.transformers.index, transformer_impedance_pu_per_kva(network, catalogue)),
    }
    admittance = np.zeros(len(edges), dtype=complex)
    for table, (index, impedance) in of_table.items():
        rows = (edges["table"] == table).to_numpy()
        values = impedance[index.get_indexer(edges["element_id"][rows])]
        admittance[rows] = 1.0 / np.where(np.abs(values) > 0.0, values, np.inf)
    ends = np.sort(edges[["u", "v"]].to_numpy(dtype=np.int64), axis=1)
    count = len(network.buses)
    together = pd.Series(admittance).groupby(ends[:, 0] * count + ends[:, 1]).sum()
    child = np.flatnonzero(supply.parents >= 0)
    pair = np.sort(np.stack([child, supply.parents[child]]), axis=0)
    total = together.reindex(pair[0] * count + pair[1]).to_numpy(dtype=complex)
    found = np.zeros(count, dtype=complex)
    conducts = np.abs(total) > 0.0
    found[child[conducts]] = 1.0 / total[conducts]
    return found
