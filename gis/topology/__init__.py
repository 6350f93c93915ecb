"""Topology: which elements meet at which bus, from ids where a file gives them, else from geometry.

Every automatic decision is a row of `repairs`; what cannot be connected is a finding, never dropped.
Ids given in the file always win over geometry. Nothing is joined across voltages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from gis.findings import join_findings, join_repairs
from gis.topology.attach import attach_line_ends, attach_points
from gis.topology.doubts import tell_doubts
from gis.topology.ends import build_buses
from gis.topology.joints import join_services
from gis.topology.loops import tell_loops
from gis.topology.options import END_TOLERANCE_M, SNAP_MAX_M, TopologyOptions
from gis.topology.step import Given, Step, Tables
from gis.topology.switches import place_switches
from gis.topology.transformers import place_transformers

__all__ = ["END_TOLERANCE_M", "SNAP_MAX_M", "TopologyOptions", "connect"]

# In this order: lines before what stands on them, cuts before what may stand at a cut.
STEPS: tuple[Callable[[Tables, Given], Step], ...] = (
    build_buses,
    attach_line_ends,
    place_transformers,
    join_services,
    place_switches,
    attach_points,
    tell_doubts,
    tell_loops,
)
# Columns that name a bus, per table.
_BUS_COLUMNS = {
    "lines": ("from_bus_id", "to_bus_id"),
    "transformers": ("hv_bus_id", "lv_bus_id"),
    "switches": ("bus_id", "element_id"),
    "sources": ("bus_id",),
    "loads": ("bus_id",),
    "generators": ("bus_id",),
    "capacitors": ("bus_id",),
}


def connect(
    tables: Mapping[str, pd.DataFrame],
    options: TopologyOptions | None = None,
    *,
    transformer_types: pd.DataFrame | None = None,
    aside: pd.DataFrame | None = None,
) -> tuple[Tables, pd.DataFrame, pd.DataFrame]:
    """Fill missing bus references from geometry.

    Parameters
    ----------
    tables
        Typed canonical tables in one metric CRS, unique ids.
    options
        Tolerances, limits and rules; the defaults when absent.
    transformer_types
        vn_hv_kv and vn_lv_kv [kV] by type_id, for transformers that state no voltages.
    aside
        Lines set aside: where they end stays a bus, without supply, for what else stands there.

    Returns
    -------
    tables, repairs, findings
        New tables with every bus reference filled that could be; one repair per decision;
        one error per element that found no bus, one warning per doubt: a loose end near another bus, an
        end in mid-span, a crossing without a node, a closed loop.
    """
    lines = tables["lines"]
    given = Given(
        options=options or TopologyOptions(),
        built=tables["buses"].empty,
        bare=lines[["from_bus_id", "to_bus_id"]].isna(),
        transformer_types=transformer_types,
        aside=aside,
    )
    done = Step(dict(tables))
    for step in STEPS:
        more = step(done.tables, given)
        done = Step(more.tables, done.repairs + more.repairs, done.findings + more.findings)
    connected, repairs = done.tables, join_repairs(done.repairs)
    if given.built and aside is not None and len(aside):
        connected, repairs = _without_idle_buses(connected, repairs)
    return connected, repairs, join_findings(done.findings)


def _without_idle_buses(tables: Tables, repairs: pd.DataFrame) -> tuple[Tables, pd.DataFrame]:
    """Leave out buses that nothing stands at: ends of lines set aside that no other element needs."""
    buses = tables["buses"]
    used = np.zeros(len(buses), dtype=bool)
    for table, columns in _BUS_COLUMNS.items():
        for column in columns:
            used |= buses.index.isin(tables[table][column])
    idle = (repairs["table"] == "buses") & repairs["element_id"].isin(buses.index[~used])
    return tables | {"buses": buses[used]}, repairs[~idle].reset_index(drop=True)
