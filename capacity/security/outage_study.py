"""Outages one by one: who is dark, the best plan to supply them again, and what stands in its way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from capacity.security.dark_part import DarkPart
from capacity.security.judged import (
    NOTHING_BROKEN,
    Asked,
    Bench,
    Verdicts,
    Worst,
    dark_part_of,
    judge,
    worst_of,
)
from capacity.security.outages import Outage, entries_of_outage
from capacity.security.restoration import Lost, Search, find_restorations, limits_of_backfeed
from gis.errors import BalanceError
from gridmodel.results import BALANCE_KW, BALANCE_SHARE


@dataclass(frozen=True, eq=False)
class OutageFacts:
    """What one outage does.

    Attributes
    ----------
    lost
        Demand [kW] and customers that lose supply at once.
    status
        As in `security_tables.OUTAGE_COLUMNS`.
    search
        The restoration, where an open point reaches the dark part.
    worst
        The limit that stands in the way, or that is broken without a loss.
    loading_percent
        Of the most loaded element once all is switched; NaN where nothing was solved.
    """

    outage: Outage
    lost: tuple[float, float]
    status: str
    search: Search | None
    worst: Worst
    loading_percent: float

    @property
    def restored(self) -> tuple[float, float]:
        """Demand [kW] and customers supplied again by switching."""
        if self.search is None or self.search.plan is None:
            return 0.0, 0.0
        part, plan = self.search.lost.part, self.search.plan
        return self.lost if self.search.is_full else (part.restored_kw(plan), part.restored_customers(plan))


def study_outages(
    bench: Bench,
    outages: Sequence[Outage],
    *,
    restore: bool = True,
    told: Callable[[str], None] | None = None,
) -> list[OutageFacts]:
    """What outages do; see `study_security`."""
    parts = _dark_parts(bench, outages, restore=restore)
    reached = [at for at, part in enumerate(parts) if part is not None]
    calm = [
        at for at, one in enumerate(outages) if not one.idle and not any(bench.behind(one.first, one.last))
    ]
    if told is not None:
        told(f"{len(reached):,} of them leave a dark part that an open point reaches")
    lost = [Lost(entries_of_outage(bench, outages[at]), part) for at in reached if (part := parts[at])]
    searches = find_restorations(bench, lost)
    _check(bench, outages, reached, searches)
    short = [at for at, search in enumerate(searches) if not search.is_full]
    worst: list[Worst] = [NOTHING_BROKEN] * len(outages)
    for at, limit in zip(short, limits_of_backfeed(bench, [searches[at] for at in short]), strict=True):
        worst[reached[at]] = limit
    verdicts = judge(bench, asked := [Asked(list(entries_of_outage(bench, outages[at]))) for at in calm])
    broken = [at for at in range(len(calm)) if not verdicts.holds[at]]
    for at, limit in zip(broken, worst_of(bench, [asked[at] for at in broken]), strict=True):
        worst[calm[at]] = limit
    of_row = dict(zip(reached, searches, strict=True))
    calm_row = {at: row for row, at in enumerate(calm)}
    return [
        OutageFacts(
            outage, bench.behind(outage.first, outage.last), search=of_row.get(at), worst=worst[at],
            status=_status(outage, of_row.get(at), calm_row.get(at), verdicts, restore=restore),
            loading_percent=_loading(of_row.get(at), calm_row.get(at), verdicts),
        )
        for at, outage in enumerate(outages)
    ]  # fmt: skip


def _dark_parts(bench: Bench, outages: Sequence[Outage], *, restore: bool) -> list[DarkPart | None]:
    """Dark part per outage; nothing where none is lost, or no open point leads out of it."""
    return [
        dark_part_of(bench, one.first, one.last)
        if restore and not one.idle and any(bench.behind(one.first, one.last))
        else None
        for one in outages
    ]


def _status(
    outage: Outage, search: Search | None, calm: int | None, verdicts: Verdicts, *, restore: bool
) -> str:
    if outage.idle:
        return outage.idle
    if calm is not None:
        if verdicts.holds[calm]:
            return "no_loss"
        return "overload_without_loss" if verdicts.solved[calm] else "no_solution"
    if not restore:
        return "lost"
    if search is None:
        return "no_backfeed"
    if search.is_full:
        return "restored"
    return "partly" if search.plan is not None else "not_restored"


def _loading(search: Search | None, calm: int | None, verdicts: Verdicts) -> float:
    if calm is not None:
        return float(verdicts.loading_percent[calm])
    return np.nan if search is None else search.loading_percent


def _check(bench: Bench, outages: Sequence[Outage], rows: Sequence[int], searches: Sequence[Search]) -> None:
    """Hold every restored state to its plan: the load flow leaves without supply what the plan leaves.

    Raises
    ------
    BalanceError
        It does not; the figures are never shown.
    """
    always_kw = float(bench.kw[bench.found.place < 0].sum())
    allowed_kw = BALANCE_SHARE * float(bench.kw.sum()) + BALANCE_KW
    for at, search in zip(rows, searches, strict=True):
        if search.plan is None:
            continue
        left_kw = always_kw + bench.behind(outages[at].first, outages[at].last)[0] - search.restored_kw
        if not abs(search.lost_kw - left_kw) <= allowed_kw:
            raise BalanceError(
                f"{outages[at].case_id}: {search.lost_kw:.3f} kW without supply in the load flow, "
                f"{left_kw:.3f} kW by the switching"
            )
