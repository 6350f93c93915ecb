"""Which load of a network a meter belongs to."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from gis import Network
from gis.findings import empty_findings, join_findings
from gridmodel.meter_table import LOAD, METER, MeterTable, fault


def load_of_meters(
    table: MeterTable, network: Network, mapping: Path | Mapping[str, str] | None
) -> tuple[pd.Series, pd.DataFrame]:
    """Load per meter_id of the table (NA for none), and the faults of a mapping.

    A mapping that is given says it alone; else the table's own column, else meters named like loads.
    """
    named, faults = _mapping(mapping) if mapping is not None else (dict(table.load_of), empty_findings())
    if mapping is None and not named:
        named = {str(meter): str(meter) for meter in table.meter_ids if meter in network.loads.index}
    known = set(network.loads.index)
    strange = sorted({load for load in named.values() if load not in known})
    told = fault("unknown_load", strange, [_nearest(load, list(known)) for load in strange])
    loads = pd.Series([named.get(str(meter)) for meter in table.meter_ids], table.meter_ids, dtype=object)
    return loads, join_findings([faults, told])


def _nearest(load: str, known: list[str]) -> str:
    near = difflib.get_close_matches(load, known, n=3, cutoff=0.6)
    return "no load of the network has this id" + (f"; nearest: {', '.join(near)}" if near else "")


def _mapping(mapping: Path | Mapping[str, str]) -> tuple[dict[str, str], pd.DataFrame]:
    if isinstance(mapping, Mapping):
        return {str(meter): str(load) for meter, load in mapping.items()}, empty_findings()
    try:
        with mapping.open(encoding="utf-8-sig") as file:
            separator = ";" if ";" in file.readline() else ","
        rows = pd.read_csv(mapping, dtype=str, encoding="utf-8-sig", sep=separator)
    except (OSError, ValueError, pd.errors.ParserError, UnicodeDecodeError) as error:
        message = f"not readable as a table: {str(error).splitlines()[0]}"
        return {}, fault("file_damaged", [str(mapping)], message)
    rows = rows.set_axis([str(name).strip().lower() for name in rows.columns], axis=1)
    lacking = [name for name in (METER, LOAD) if name not in rows]
    if lacking:
        return {}, fault("meter_mapping", lacking, f"no such column in {mapping}")
    rows = rows[[METER, LOAD]].dropna().drop_duplicates()
    several = sorted(set(rows[METER][rows[METER].duplicated()]))
    told = fault("meter_mapping", several, "belongs to several loads; name one")
    return dict(zip(rows[METER], rows[LOAD], strict=True)), told
