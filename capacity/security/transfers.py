"""Load transfer: how much of its demand a feeder can hand over to another one at an open point.

From the open point back towards the head of the feeder, each element that can be opened is a size of
transfer: it is opened, the open point closed, and what lies between goes over. The largest that holds every
limit is the answer; the next larger one names what limits it. One transfer at a time.
"""

from __future__ import annotations

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.security.judged import (
    NOTHING_BROKEN,
    Asked,
    Bench,
    Worst,
    closing,
    dark_part_of,
    judge,
    opening,
    worst_of,
)

TRANSFER_COLUMNS = (
    "from_feeder_id", "to_feeder_id", "table", "element_id", "feeder_kw", "transfer_kw",
    "transfer_customers", "whole_feeder", "opened_table", "opened_id", "limiting_table", "limiting_id",
    "limiting_check", "limiting_excess_percent", "status", "geometry",
)  # fmt: skip


class _Transfer(NamedTuple):
    """One open point in one direction: what can be opened, from the open point to the head of the feeder."""

    tie: int
    bus: int
    other: int
    head: int
    cuts: list[int]


def transfer_table(bench: Bench, *, restore: bool = True) -> gpd.GeoDataFrame:
    """What each feeder can hand over at each open point to another feeder; columns `TRANSFER_COLUMNS`.

    status: "whole" (all of the feeder), "part", "none" (no part holds the limits), "not_separable" (nothing
    between the open point and the head can be opened). No rows with `restore` false.
    """
    transfers = _transfers(bench) if restore else []
    asked = [(row, cut, _asked(bench, one, cut)) for row, one in enumerate(transfers) for cut in one.cuts]
    verdicts = judge(bench, [state for _, _, state in asked])
    holds: dict[int, int] = {}
    refused: dict[int, Asked] = {}
    for (row, cut, state), held in zip(asked, verdicts.holds, strict=True):
        if held:
            holds[row] = cut
            refused.pop(row, None)
        else:
            refused.setdefault(row, state)  # the smallest of those larger than all that hold
    named = dict(zip(refused, worst_of(bench, list(refused.values())), strict=True))
    rows = [
        _row(bench, one, holds.get(row), named.get(row, NOTHING_BROKEN)) for row, one in enumerate(transfers)
    ]
    return _typed(rows, bench)


def _transfers(bench: Bench) -> list[_Transfer]:
    found = bench.found
    feeder = found.supply.buses["feeder_id"].to_numpy()
    kv = found.network.buses["vn_kv"].to_numpy()
    head = _heads(bench)
    transfers = []
    for tie in found.tie_edge.tolist():
        ends = (int(found.edges.u[tie]), int(found.edges.v[tie]))
        for bus, other in (ends, ends[::-1]):
            first = head.get(feeder[bus])
            # A transformer feeds downwards, and a busbar is no feeder that could be handed over.
            if (
                first is not None
                and feeder[other] in head
                and feeder[bus] != feeder[other]
                and kv[other] >= kv[bus]
            ):
                transfers.append(_Transfer(tie, bus, other, first, _cuts_up(bench, bus, first)))
    return transfers


def _heads(bench: Bench) -> dict[object, int]:
    """Place of the first bus per feeder: that which its first line feeds."""
    found = bench.found
    feeders = set(found.supply.buses["feeder_id"].dropna())
    lines = found.network.lines.index.to_numpy()
    buses = np.flatnonzero((found.fed_by >= 0) & (found.fed_by < len(lines)))
    fed = zip(lines[found.fed_by[buses]], found.place[buses].tolist(), strict=True)
    return {line: place for line, place in fed if line in feeders}


def _cuts_up(bench: Bench, bus: int, head: int) -> list[int]:
    """Cuts from a bus up to the head of its feeder, the nearest first."""
    found, cuts = bench.found, []
    cut = int(found.zone[found.place[bus]])
    while cut >= 0 and found.cut_place[cut] >= head:
        cuts.append(cut)
        cut = int(found.cut_parent[cut])
    return cuts


def _asked(bench: Bench, one: _Transfer, cut: int) -> Asked:
    """The state in which all behind a cut hangs on the open point."""
    found = bench.found
    entries = [*closing(bench, one.tie), opening(bench, int(found.cut_edge[cut]), from_above=True)]
    if not bench.relative:
        return Asked(entries)
    part = dark_part_of(bench, int(found.cut_place[cut]), int(found.cut_end[cut]))
    assert part is not None, "the open point leads out of what is behind the cut"
    return Asked(entries, part, (part.tie_edge.index(one.tie),) * part.zones)


def _row(bench: Bench, one: _Transfer, cut: int | None, worst: Worst) -> dict[str, object]:
    found = bench.found
    feeder = found.supply.buses["feeder_id"].to_numpy()
    kw, customers, opened = 0.0, 0.0, None
    if cut is not None:
        kw, customers = bench.behind(int(found.cut_place[cut]), int(found.cut_end[cut]))
        opened = found.element(int(found.cut_edge[cut]))
    feeder_kw, feeder_customers = bench.behind(one.head, int(found.end[found.order[one.head]]))
    whole = cut is not None and (kw, customers) == (feeder_kw, feeder_customers)
    moved = kw > 0 or customers > 0
    table, element_id = found.element(one.tie)
    status = "whole" if whole and moved else "part" if moved else "none" if one.cuts else "not_separable"
    return {
        "from_feeder_id": feeder[one.bus],
        "to_feeder_id": feeder[one.other],
        "table": table,
        "element_id": element_id,
        "feeder_kw": feeder_kw,
        "transfer_kw": kw,
        "transfer_customers": round(customers),
        "whole_feeder": whole and moved,
        "opened_table": opened[0] if opened else None,
        "opened_id": opened[1] if opened else None,
        "limiting_table": worst.table or None,
        "limiting_id": worst.element_id or None,
        "limiting_check": worst.check or None,
        "limiting_excess_percent": worst.excess_percent if 0 < worst.excess_percent < np.inf else np.nan,
        "status": status,
        "geometry": found.network.table(table).geometry.iloc[found.edges.position[one.tie]],
    }


def _typed(rows: list[dict[str, object]], bench: Bench) -> gpd.GeoDataFrame:
    table = pd.DataFrame(rows, columns=list(TRANSFER_COLUMNS))
    numeric: dict[str, object] = dict.fromkeys(("feeder_kw", "transfer_kw", "limiting_excess_percent"), float)
    numeric |= {"transfer_customers": "int64", "whole_feeder": bool}
    table = table.astype(numeric).sort_values(  # type: ignore[arg-type]
        ["from_feeder_id", "to_feeder_id", "transfer_kw"], ascending=[True, True, False], ignore_index=True
    )
    return gpd.GeoDataFrame(table, geometry="geometry", crs=bench.model.network.crs)
