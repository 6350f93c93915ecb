"""Measure `parallel_line`: one cable beside a section of line, in a trench of its own along the same way.

Both carry, so it lowers the impedance more than the same cable in place of the old line. It never makes a
stack: what has a parallel already gets none.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from capacity.costs.cost import total_cost
from capacity.measures.cables import (
    cable_item,
    cables_for,
    laid_cost,
    no_price,
    trench_eur_per_m,
    worth_comparing,
)
from capacity.measures.measure import Measure
from capacity.measures.proposals import NotProposed
from capacity.measures.rows import NO_CELLS, added, line_row
from capacity.measures.sections import Section, weak_sections
from capacity.measures.situation import Situation
from capacity.measures.ways import way_along
from gis.changes import NetworkChanges

KIND = "parallel_line"


def propose_parallel_line(situation: Situation) -> Iterator[Measure | NotProposed]:
    """Propose a second cable for every section that is overloaded or on the way to a broken voltage."""
    stacked = _in_parallel(situation)
    for section in weak_sections(situation):
        reason = no_price(situation, section.vn_kv)
        if section.pieces.index.isin(stacked).any():
            reason = "it has a parallel line already; replace one by a larger size"
        if reason:
            yield NotProposed(KIND, "lines", section.first, reason)
            continue
        for type_id in _sizes(situation, section).index:
            yield _measure(situation, section, str(type_id))


def parallel_key(line_id: str) -> str:
    """Key of what stands beside a line: measures that lay it or take the line out of the supply share it."""
    return f"parallel|{line_id}"


def _sizes(situation: Situation, section: Section) -> pd.DataFrame:
    """Cables beside which the old line holds and which hold themselves; the largest where none does."""
    cables, pieces = cables_for(situation, section.vn_kv), section.pieces
    holds = []
    for _, cable in cables.iterrows():
        share = cable["z_ohm_per_km"] / (cable["z_ohm_per_km"] + pieces["z_ohm_per_km"])
        old, new = pieces["needed_a"] * share, pieces["needed_a"] * (1.0 - share)
        holds.append(bool((old <= pieces["i_max_a"]).all() and (new <= cable["i_max_a"]).all()))
    enough = cables[pd.Series(holds, cables.index, dtype=bool)]
    return worth_comparing(enough if len(enough) else cables.nlargest(1, "i_max_a"))


def _in_parallel(situation: Situation) -> pd.Index:
    """Lines of several systems, or with another one in service between the same buses."""
    lines = situation.network.lines
    live = lines[lines["in_service"]]
    ends = live[["from_bus_id", "to_bus_id"]].astype(str)
    pair = ends.min(axis=1) + "|" + ends.max(axis=1)
    return live.index[pair.duplicated(keep=False) | (live["parallel"] > 1)]


def _measure(situation: Situation, section: Section, type_id: str) -> Measure:
    lines = situation.network.lines
    measure_id = f"{KIND}|{section.first}|{type_id}"
    ways = {
        str(line_id): way_along(situation, str(line_id), float(m))
        for line_id, m in section.pieces["length_m"].items()
    }
    rows = [
        line_row(
            f"{measure_id}|{line_id}",
            (str(lines.loc[line_id, "from_bus_id"]), str(lines.loc[line_id, "to_bus_id"])),
            section.vn_kv,
            type_id,
            way,
        )
        for line_id, way in ways.items()
    ]
    return Measure(
        measure_id=measure_id,
        kind=KIND,
        table="lines",
        element_id=str(rows[0]["line_id"]),
        changes=NetworkChanges(added(lines=rows), NO_CELLS),
        cost=total_cost([laid_cost(situation, section.vn_kv, type_id, way) for way in ways.values()]),
        months=situation.costs.months(cable_item(section.vn_kv), type_id),
        text=f"lay {type_id} beside {section.name} ({section.types}) over {section.length_m:,.0f} m",
        from_type=section.types,
        to_type=type_id,
        length_m=section.length_m,
        excludes=frozenset(parallel_key(line_id) for line_id in ways),
        geometry=section.geometry,
        shared_trench=section.trenches,
        trench_eur_per_m=trench_eur_per_m(situation, section.vn_kv),
    )
