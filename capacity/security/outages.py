"""Outages of single elements: what each leaves without supply, from the switching state alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from capacity.security.judged import Bench, Entry, engine_edge
from capacity.security.switchable import Switchable

OUTAGE_TABLES = ("lines", "transformers", "sources")


@dataclass(frozen=True, eq=False)
class Outage:
    """One element out.

    Attributes
    ----------
    edge, source
        The edge, or the row of the source; -1 for the other.
    first, last
        Places first..last-1 are dark; none where they are equal.
    idle
        Why its loss changes nothing: "out_of_service", "no_supply"; empty where it is in use.
    """

    table: str
    element_id: str
    edge: int
    source: int
    first: int
    last: int
    idle: str

    @property
    def case_id(self) -> str:
        return f"{self.table} {self.element_id}"


def outages_of(found: Switchable, tables: Sequence[str]) -> list[Outage]:
    """Every element of the tables, each out alone.

    Raises
    ------
    ValueError
        A table has no outages.
    """
    unknown = [table for table in tables if table not in OUTAGE_TABLES]
    if unknown:
        raise ValueError(f"no outages of {', '.join(unknown)}; there are: {', '.join(OUTAGE_TABLES)}")
    outages: list[Outage] = []
    if "lines" in tables:
        outages += _branches(found, "lines", 0)
    if "transformers" in tables:
        outages += _branches(found, "transformers", len(found.network.lines))
    if "sources" in tables:
        outages += _sources(found)
    return outages


def entries_of_outage(bench: Bench, outage: Outage) -> tuple[Entry, ...]:
    """What the engine is told of an outage."""
    from gridmodel.engine.states import TURN_EDGE, TURN_SOURCE

    if outage.source >= 0:
        return ((TURN_SOURCE, outage.source, False),)
    return ((TURN_EDGE, engine_edge(bench, outage.edge), False),)


def _branches(found: Switchable, table: str, first_edge: int) -> list[Outage]:
    edges, rows = found.edges, found.network.table(table)
    at = slice(first_edge, first_edge + len(rows))
    fed = np.full(len(edges.u), -1, dtype=np.int64)  # the bus an edge feeds
    buses = np.flatnonzero(found.fed_by >= 0)
    fed[found.fed_by[buses]] = buses
    bus = fed[at]
    dark = (bus >= 0) & found.alone[bus]
    lit = (found.place[edges.u[at]] >= 0) & (edges.u[at] >= 0)
    lit |= (found.place[edges.v[at]] >= 0) & (edges.v[at] >= 0)
    idle = np.select([~rows["in_service"].to_numpy(dtype=bool), ~lit], ["out_of_service", "no_supply"], "")
    first = np.where(dark, found.place[bus], 0).tolist()
    last = np.where(dark, found.end[bus], 0).tolist()
    return [
        Outage(table, str(element_id), first_edge + row, -1, first[row], last[row], str(idle[row]))
        for row, element_id in enumerate(rows.index)
    ]


def _sources(found: Switchable) -> list[Outage]:
    sources = found.network.sources
    bus = found.network.buses.index.get_indexer(sources["bus_id"])
    in_service = sources["in_service"].to_numpy(dtype=bool)
    outages = []
    for row, element_id in enumerate(sources.index):
        dark = bool(in_service[row] and bus[row] >= 0 and found.alone[bus[row]])
        outages.append(
            Outage(
                "sources", str(element_id), -1, row,
                int(found.place[bus[row]]) if dark else 0, int(found.end[bus[row]]) if dark else 0,
                "" if in_service[row] else "out_of_service",
            )
        )  # fmt: skip
    return outages


def feeders_of(found: Switchable, outages: Sequence[Outage]) -> pd.Series:
    """Feeder per outage; of a source, which feeds many, none."""
    feeders = found.supply.feeders
    known = {table: series.to_dict() for table, series in feeders.items()}
    return pd.Series([known.get(one.table, {}).get(one.element_id) for one in outages], dtype=object)
