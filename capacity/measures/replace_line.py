"""Measure `replace_line`: a cable of the right size in place of a section of line.

Sizes are compared, and no stack of parallel cables is proposed: the new cable is one system, whatever was
there.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from capacity.costs.cost import total_cost
from capacity.measures.cables import cable_item, laid_cost, no_price, sizes_for, trench_eur_per_m
from capacity.measures.measure import Measure
from capacity.measures.proposals import NotProposed
from capacity.measures.sections import Section, weak_sections
from capacity.measures.situation import Situation
from capacity.measures.ways import way_along
from gis.changes import NetworkChanges, cells_of

KIND = "replace_line"
_OWN_FIGURES = ("r_ohm_per_km", "x_ohm_per_km", "c_nf_per_km", "i_max_a")


def propose_replace_line(situation: Situation) -> Iterator[Measure | NotProposed]:
    """Propose a larger cable for every section that is overloaded or on the way to a broken voltage."""
    for section in weak_sections(situation):
        reason = no_price(situation, section.vn_kv)
        if reason:
            yield NotProposed(KIND, "lines", section.first, reason)
            continue
        found = [
            _measure(situation, section, worse, type_id)
            for type_id, cable in sizes_for(situation, section.vn_kv, section.needed_a).iterrows()
            if len(worse := _worse(section.pieces, cable))
        ]
        if not found:
            yield NotProposed(KIND, "lines", section.first, "no cable of the catalogue is better than it")
        yield from found


def _worse(pieces: pd.DataFrame, cable: pd.Series) -> pd.DataFrame:
    """Pieces that a cable is better than: of lower impedance, or of the rating that one of them lacks."""
    z, rated = cable["z_ohm_per_km"], cable["i_max_a"]
    enough = rated >= np.minimum(pieces["needed_a"], pieces["i_max_a"])
    lacks = (pieces["needed_a"] > pieces["i_max_a"]) & (rated > pieces["i_max_a"])
    return pieces[((z < pieces["z_ohm_per_km"]) & enough) | lacks]


def _measure(situation: Situation, section: Section, worse: pd.DataFrame, type_id: object) -> Measure:
    lines, new = situation.network.lines, str(type_id)
    ways = [way_along(situation, str(line_id), m) for line_id, m in worse["length_m"].items()]
    length_m = float(worse["length_m"].sum())
    months = situation.costs.months(cable_item(section.vn_kv), new)
    return Measure(
        measure_id=f"{KIND}|{section.first}|{new}",
        kind=KIND,
        table="lines",
        element_id=section.first,
        changes=NetworkChanges(cells=_cells(lines.loc[worse.index], new)),
        cost=total_cost([laid_cost(situation, section.vn_kv, new, way) for way in ways]),
        months=months,
        text=f"replace {section.name} ({section.types}) by {new} over {length_m:,.0f} m",
        from_type=section.types,
        to_type=new,
        length_m=length_m,
        geometry=section.geometry,
        shared_trench={key: m for way in ways for key, m in way.trenches.items()},
        trench_eur_per_m=trench_eur_per_m(situation, section.vn_kv),
    )


def _cells(lines: pd.DataFrame, type_id: str) -> pd.DataFrame:
    """The type counts once the row's own figures are empty; the new cable is one system, of no known year."""
    cells: list[tuple[str, str, str, object]] = []
    for line_id, line in lines.iterrows():
        cells.append(("lines", str(line_id), "type_id", type_id))
        own = [name for name in (*_OWN_FIGURES, "installed_year") if pd.notna(line[name])]
        cells += [("lines", str(line_id), name, None) for name in own]
        if int(line["parallel"]) != 1:
            cells.append(("lines", str(line_id), "parallel", 1))
    return cells_of(*cells)
