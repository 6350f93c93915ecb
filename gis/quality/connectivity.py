"""Doubts about what is connected: islands, dead ends that nobody meant, things that hang on nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from gis.findings import join_findings, make_findings
from gis.quality.grid import Grid
from gis.quality.told import told
from gis.rules import Tables

_NAMED_AT_MOST = 20


def customers_are_supplied(tables: Tables) -> pd.DataFrame:
    """Every island with customers has a source: one finding each, with kW, customers and way back."""
    grid = Grid.of(tables)
    loads, at = grid["loads"], grid.at_bus["loads"]
    asks = ((loads["p_kw"] > 0.0) | (loads["customers"] > 0)).to_numpy(dtype=bool)
    dark = asks & loads["in_service"].to_numpy(dtype=bool) & (at >= 0) & ~np.append(grid.supplied, True)[at]
    if not dark.any():
        return join_findings([])
    borders = _open_borders(grid).groupby("island")["element_id"].unique()
    lost = loads[dark].groupby(np.append(grid.islands, -1)[at[dark]], sort=False)
    return join_findings(_island(rows, borders.get(number, ())) for number, rows in lost)


def _island(loads: pd.DataFrame, doors: Sequence[str]) -> pd.DataFrame:
    """Tell of one island without source, at its first load."""
    kw, customers = loads["p_kw"].sum(), int(loads["customers"].sum())
    through = f"; it could be fed through {_some(doors)}" if len(doors) else "; nothing leads there"
    message = (
        f"unserved: no source reaches {len(loads)} loads ({_some(loads.index)}) with {kw:,.1f} kW and "
        f"{customers:,} customers{through}; close a switch, mend the gap or add a source"
    )
    place = None if "geometry" not in loads else [loads.geometry.iloc[0]]
    return make_findings(
        "island_without_source", "loads", loads.index[:1], message, severity="warning",
        values=[f"{kw:,.1f} kW"], geometry=place,
    )  # fmt: skip


def _some(ids: Sequence[str]) -> str:
    more = len(ids) - _NAMED_AT_MOST
    return ", ".join(map(str, ids[:_NAMED_AT_MOST])) + (f" and {more} more" if more > 0 else "")


def switches_leave_lines_alive(tables: Tables) -> pd.DataFrame:
    """No line in service is open at both ends."""
    grid = Grid.of(tables)
    switches = grid["switches"]
    opened = switches[~switches["closed"].to_numpy(dtype=bool) & (switches["element_table"] == "lines")]
    ends = opened.drop_duplicates(["element_id", "bus_id"]).groupby("element_id").size()
    lines = grid["lines"]
    dead = lines.index.isin(ends.index[ends > 1]) & lines["in_service"].to_numpy(dtype=bool)
    names = opened.index.to_series().groupby(opened["element_id"]).agg(", ".join)
    message = "the line is open at both ends: it is in no feeder; close one end or take it out of service"
    return told("line_dead", lines, dead, message, list(names.reindex(lines.index[dead])))


def transformers_hang_on_something(tables: Tables) -> pd.DataFrame:
    """A transformer in service is fed on its high side and feeds something on its low side."""
    grid = Grid.of(tables)
    frame = grid["transformers"]
    live = frame["in_service"].to_numpy(dtype=bool)
    high, low = grid.sides
    used = _use(grid, tables=("lines", "sources", "couplers", "loads", "generators", "capacitors"))
    own_sides = np.bincount(np.concatenate([high, low]) + 1, minlength=len(used) + 1)[1:]
    parts = []
    for side, at in (("high", high), ("low", low)):
        at_nothing = live & (at >= 0) & (used[at] == 0) & (own_sides[at] <= 1)
        message = f"nothing hangs on its {side} side: it feeds nobody; connect it or take it out of service"
        values = frame.loc[at_nothing, f"{side[0]}v_bus_id"]
        parts.append(told("transformer_dangling", frame, at_nothing, message, values))
    return join_findings(parts)


def buses_are_used(tables: Tables) -> pd.DataFrame:
    """Every bus has an element."""
    grid = Grid.of(tables)
    used = _use(
        grid, tables=("lines", "transformers", "couplers", "sources", "loads", "generators", "capacitors")
    )
    buses = grid["buses"]
    idle = used[:-1] == 0
    message = "no element uses the bus; remove it, or connect what belongs there"
    return told("bus_unused", buses, idle, message, buses["vn_kv"][idle].map("{:g} kV".format))


def ids_are_of_one_table(tables: Tables) -> pd.DataFrame:
    """No id stands for a line and for a transformer: feeders are named after them."""
    transformers = tables["transformers"]
    shared = tables["lines"].index.get_indexer(transformers.index) >= 0
    message = "the id is that of a line too; feeders are named by id, so give each its own"
    values = ["line and transformer"] * int(shared.sum())
    return told("id_shared", transformers, shared, message, values)


def _use(grid: Grid, tables: tuple[str, ...]) -> np.ndarray:
    """Elements per bus, and a place behind them for what names no bus."""
    ends = {
        "lines": grid.line_ends,
        "transformers": grid.sides,
        "couplers": grid.couplers,
        **{name: (grid.at_bus[name],) for name in ("sources", "loads", "generators", "capacitors")},
    }
    at = np.concatenate([end for name in tables for end in ends[name]])
    return np.bincount(np.where(at < 0, len(grid["buses"]), at), minlength=len(grid["buses"]) + 1)


def _open_borders(grid: Grid) -> pd.DataFrame:
    """What does not conduct between two islands: element_id and one row per island it would join."""
    first, second = grid.couplers
    coupled = (grid["switches"]["element_table"] == "buses").to_numpy()
    open_coupler = ~grid["switches"]["closed"].to_numpy(dtype=bool)[coupled]
    parts = []
    for ids, (u, v), still in (
        (grid["lines"].index, grid.line_ends, ~grid.line_conducts),
        (grid["transformers"].index, grid.sides, ~grid.transformer_conducts),
        (grid["switches"].index[coupled], (first, second), open_coupler),
    ):
        still = still & (u >= 0) & (v >= 0)
        apart = grid.islands[u[still]] != grid.islands[v[still]]
        for end in (u, v):
            columns = {"element_id": ids[still][apart].astype(str), "island": grid.islands[end[still][apart]]}
            parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)
