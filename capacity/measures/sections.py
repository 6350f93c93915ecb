"""Sections: pieces of line that are renewed together, in a weak grid.

A piece is one line of the network. Short ones go with their neighbour on the way to the source; all others
stand alone, since the cheapest plan often renews a few pieces of a feeder and leaves the rest.

    busbar ---- L1 120 m ---- L2 0.4 m ---- L3 80 m ----        sections: L1+L2, L3
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from capacity.measures.building_figures import building_figures
from capacity.measures.situation import Situation
from capacity.measures.strain import Strain, strain_of
from capacity.measures.tree import line_impedance_pu_per_kva
from gridmodel import line_figures


@dataclass(frozen=True, eq=False)
class Section:
    """Pieces of line renewed together.

    Attributes
    ----------
    pieces
        Indexed by line_id, from the source outwards: length_m, z_ohm_per_km and i_max_a (all parallel systems
        together), parallel, needed_a (rating that what it
        carries asks for), type.
    vn_kv
        Their voltage.
    overloaded
        A piece breaks its loading limit.
    geometry
        All pieces, for the map.
    """

    pieces: pd.DataFrame
    vn_kv: float
    overloaded: bool
    geometry: BaseGeometry

    @property
    def first(self) -> str:
        """The piece nearest to the source, which names the section."""
        return str(self.pieces.index[0])

    @property
    def length_m(self) -> float:
        """Length of all pieces."""
        return float(self.pieces["length_m"].sum())

    @property
    def needed_a(self) -> float:
        """Rating that what its pieces carry asks for [A]."""
        return float(self.pieces["needed_a"].max())

    @property
    def trenches(self) -> dict[str, float]:
        """Trenches along its pieces, with their lengths [m]."""
        return {trench_key(str(line_id)): float(m) for line_id, m in self.pieces["length_m"].items()}

    @property
    def types(self) -> str:
        """Types of its pieces, in words."""
        return " + ".join(dict.fromkeys(self.pieces["type"]))

    @property
    def name(self) -> str:
        """Its pieces, in words."""
        more = len(self.pieces) - 1
        return self.first if more == 0 else f"{self.first} and {more} short piece{'s' * (more > 1)} beside it"


def trench_key(line_id: str) -> str:
    """Key of the trench along a line, as `gis.routing` names it."""
    return f"lines {line_id}"


def weak_sections(situation: Situation) -> list[Section]:
    """Sections that are overloaded, or whose drop matters to a broken voltage."""
    strain = strain_of(situation)
    pieces = _pieces(situation, strain)
    share = building_figures().section.least_drop_share
    found = []
    for _, rows in pieces.groupby(_groups(strain, pieces), sort=False):
        overloaded = bool(rows["overloaded"].any())
        if not overloaded and rows["drop_pu"].sum() < share * rows["need_pu"].max():
            continue
        drawn = situation.network.lines.geometry[rows.index].to_numpy()
        kept = ["length_m", "z_ohm_per_km", "i_max_a", "parallel", "needed_a", "type"]
        found.append(Section(rows[kept], float(rows["vn_kv"].iloc[0]), overloaded, shapely.union_all(drawn)))
    return found


def _pieces(situation: Situation, strain: Strain) -> pd.DataFrame:
    """Weak lines with what a renewal needs to know, sources first, those that feed no bus last."""
    network, figures = situation.network, line_figures(situation.network, situation.catalogue)
    lines, impedance = network.lines, line_impedance_pu_per_kva(network, situation.catalogue)
    per_km = np.abs(impedance) * 1000.0 * lines["vn_kv"] ** 2 / (figures["length_m"] / 1000.0)
    usable = situation.yardstick.limits.loading.line_percent / 100.0
    feeds = np.full(len(lines), -1)
    fed = strain.tree.order[strain.tree.line[strain.tree.order] >= 0]
    feeds[strain.tree.line[fed]] = fed
    depth = np.full(len(network.buses), len(network.buses))
    depth[strain.tree.order] = np.arange(len(strain.tree.order))
    whole = pd.DataFrame(
        {
            "length_m": figures["length_m"],
            "z_ohm_per_km": per_km,
            "i_max_a": figures["i_max_a"] * lines["parallel"],
            "parallel": lines["parallel"].astype(int),
            "needed_a": strain.lines["flow_kva"] / (np.sqrt(3.0) * lines["vn_kv"]) / usable,
            "type": lines["type_id"].fillna("a line without type"),
            "vn_kv": lines["vn_kv"],
            "bus": feeds,
            "depth": np.where(feeds >= 0, depth[feeds], len(network.buses)),
        }
    )
    weak = strain.weak_lines
    return weak.join(whole).sort_values("depth", kind="stable")


def _groups(strain: Strain, pieces: pd.DataFrame) -> np.ndarray:
    """Number of the section per piece; pieces come from the source outwards."""
    shortest = building_figures().section.piece_m
    tree = strain.tree
    number: dict[int, int] = {}
    length: list[float] = []
    heaviest = _heaviest_child(strain)
    groups = np.empty(len(pieces), dtype=int)
    columns = (pieces[name].to_numpy() for name in ("bus", "length_m", "vn_kv"))
    for row, (bus, metres, _) in enumerate(zip(*columns, strict=True)):
        above = number.get(int(tree.parents[bus])) if bus >= 0 else None
        joins = above is not None and (
            metres < shortest or (length[above] < shortest and heaviest[tree.parents[bus]] == bus)
        )
        group = above if joins and above is not None else len(length)
        if group == len(length):
            length.append(0.0)
        length[group] += float(metres)
        groups[row] = group
        if bus >= 0:
            number[int(bus)] = group
    return groups


def _heaviest_child(strain: Strain) -> np.ndarray:
    """Per bus the bus it feeds with most power; -1 at an end."""
    heaviest = np.full(len(strain.tree.parents), -1)
    power = np.abs(strain.flows).max(axis=0, initial=0.0)
    fed = np.flatnonzero(strain.tree.parents >= 0)
    for bus in fed[np.argsort(power[fed], kind="stable")]:
        heaviest[strain.tree.parents[bus]] = bus
    return heaviest
