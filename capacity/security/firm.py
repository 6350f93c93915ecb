"""Firm capacity: what a group of transformers can supply when its largest is out, with help from others.

A group are the transformers that feed one busbar, the busbar being all that closed couplers join. Firm is
what the others can carry by their ratings; to it comes what neighbours can take over through open points,
all at once and proved by load flow, with the whole group out. Losses are left aside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.security.judged import NOTHING_BROKEN, Bench, Worst, dark_part_of, engine_edge
from capacity.security.outage_study import OutageFacts
from capacity.security.outages import outages_of
from capacity.security.restoration import Lost, Search, find_restorations, limits_of_backfeed
from capacity.security.switchable import TRANSFORMER, Switchable, switchable_of
from gridmodel import branch_ratings_kva

FIRM_COLUMNS = (
    "transformers", "count", "largest_id", "demand_kw", "demand_kva", "rating_kva", "firm_kw", "transfer_kw",
    "capacity_kw", "short_kw", "limiting_table", "limiting_id", "limiting_check", "status", "geometry",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Group:
    """Transformers of one busbar by row, the bench with all but the largest out, and what is dark without."""

    rows: tuple[int, ...]
    largest: int
    bench: Bench
    first: int
    last: int


def firm_capacities(
    bench: Bench, facts: Sequence[OutageFacts] = (), *, restore: bool = True
) -> gpd.GeoDataFrame:
    """Firm capacity per group of transformers; columns `FIRM_COLUMNS`, by group_id (its first transformer).

    status: "secured" (capacity_kw covers demand_kw), "short" (by short_kw), "meshed" (the busbar keeps its
    supply without the group; what it could carry is not told). No rows with `restore` false.

    Parameters
    ----------
    facts
        Outages studied already; those of transformers that are alone in their group are not solved again.
    """
    groups = _groups(bench) if restore else []
    known = {one.outage.case_id: one.search for one in facts}
    searches = [_search(group, known) for group in groups]
    limits = [_limit(group, search) for group, search in zip(groups, searches, strict=True)]
    rated_kva = branch_ratings_kva(bench.model.network, bench.model.catalogue)["transformers"]
    rows = [
        _row(group, search, rated_kva, bench.kva, limit)
        for group, search, limit in zip(groups, searches, limits, strict=True)
    ]
    index = pd.Index([row.pop("group_id") for row in rows], name="group_id", dtype=object)
    table = pd.DataFrame(rows, index=index, columns=list(FIRM_COLUMNS))
    figures = [name for name in FIRM_COLUMNS if name.endswith(("_kw", "_kva"))]
    table = table.astype({**dict.fromkeys(figures, float), "count": "int64"})
    return gpd.GeoDataFrame(table, geometry="geometry", crs=bench.model.network.crs)


def _groups(bench: Bench) -> list[_Group]:
    """Transformers that conduct, by the busbar they feed."""
    found, network = bench.found, bench.model.network
    conducts = found.edges.conducts[found.edges.table == TRANSFORMER]
    bus = network.buses.index.get_indexer(network.transformers["lv_bus_id"])
    fed = conducts & (found.place[bus] >= 0)
    rated_kva = branch_ratings_kva(network, bench.model.catalogue)["transformers"]
    members = pd.Series(np.flatnonzero(fed)).groupby(found.busbar[bus[fed]], sort=False)
    return [_group(bench, rows.tolist(), rated_kva) for _, rows in members]


def _group(bench: Bench, rows: list[int], rated_kva: np.ndarray) -> _Group:
    largest = rows[int(np.argmax(np.nan_to_num(rated_kva[rows])))]
    others = [row for row in rows if row != largest]
    alone = replace(bench, found=_without(bench, others)) if others else bench
    transformers = bench.model.network.transformers.index
    outage = outages_of(alone.found, ["transformers"])[largest]
    assert outage.element_id == transformers[largest]
    return _Group(tuple(rows), largest, alone, outage.first, outage.last)


def _without(bench: Bench, rows: list[int]) -> Switchable:
    """The network with some of its transformers out, numbered anew."""
    network = bench.model.network
    in_service = network.transformers["in_service"].copy()
    in_service.iloc[rows] = False
    transformers = network.transformers.assign(in_service=in_service)
    return switchable_of(replace(network, transformers=transformers))


def _search(group: _Group, known: dict[str, Search | None]) -> Search | None:
    """How neighbours can take over what the group supplies; nothing where no open point leads to it."""
    bench = group.bench
    case_id = f"transformers {bench.model.network.transformers.index[group.largest]}"
    if len(group.rows) == 1 and case_id in known:
        return known[case_id]
    part = dark_part_of(bench, group.first, group.last)
    if part is None:
        return None
    lines = len(bench.model.network.lines)
    from gridmodel.engine.states import TURN_EDGE

    out = tuple((TURN_EDGE, engine_edge(bench, lines + row), False) for row in group.rows)
    return find_restorations(bench, [Lost(out, part)])[0]


def _limit(group: _Group, search: Search | None) -> Worst:
    """What keeps neighbours from taking over all of it."""
    if search is None or search.is_full:
        return NOTHING_BROKEN
    return limits_of_backfeed(group.bench, [search])[0]


def _row(
    group: _Group, search: Search | None, rated_kva: np.ndarray, kva: np.ndarray, limit: Worst
) -> dict[str, object]:
    bench, ids = group.bench, group.bench.model.network.transformers
    buses = bench.found.order[group.first : group.last]
    demand_kw, demand_kva = bench.behind(group.first, group.last)[0], abs(complex(kva[buses].sum()))
    meshed = group.first == group.last
    others = [row for row in group.rows if row != group.largest]
    percent = bench.bounds_as_stated.transformer_percent[others]
    firm_kw = float((rated_kva[others] * percent / 100.0).sum()) * _cos_phi(complex(kva[buses].sum()))
    transfer_kw = 0.0 if search is None else search.restored_kw
    capacity_kw = np.nan if meshed else firm_kw + transfer_kw
    short_kw = max(demand_kw - capacity_kw, 0.0)
    return {
        "group_id": ids.index[group.rows[0]],
        "transformers": ", ".join(ids.index[list(group.rows)]),
        "count": len(group.rows),
        "largest_id": ids.index[group.largest],
        "demand_kw": np.nan if meshed else demand_kw,
        "demand_kva": np.nan if meshed else demand_kva,
        "rating_kva": float(rated_kva[list(group.rows)].sum()),
        "firm_kw": np.nan if meshed else firm_kw,
        "transfer_kw": np.nan if meshed else transfer_kw,
        "capacity_kw": capacity_kw,
        "short_kw": np.nan if meshed else short_kw,
        "limiting_table": limit.table or None,
        "limiting_id": limit.element_id or None,
        "limiting_check": limit.check or None,
        "status": "meshed" if meshed else "short" if short_kw > 0 else "secured",
        "geometry": ids.geometry.iloc[group.largest],
    }


def _cos_phi(kva: complex) -> float:
    """Power factor of what is drawn; 1 where nothing is."""
    return abs(kva.real) / abs(kva) if kva else 1.0
