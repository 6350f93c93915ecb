"""The queue: applications in order, each judged on the grid that those ahead of it leave.

    grid --A--> grid with A --B--> grid with A, B        an enquiry is judged and leaves the grid as it is
          \\______________________
                                  \\--B'--> ...           A withdraws: B is judged without it

Not done here: what several sites cost that are planned together (`portfolio`), dates of the works.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from capacity.connection.assessment import Assessment, assess_all
from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.outcome import (
    Outcome,
    connect_site,
    option_taken,
    outcome_of,
    total_eur,
    words_of_works,
    works_triggered,
)
from capacity.connection.queue_rule import QueueRule, in_order, read_queue_rule
from capacity.connection.shared_capacity import groups_of_pairs, hang_together
from capacity.connection.site_cases import ConnectionConfig
from capacity.demand.development import Development

QUEUE_COLUMNS = (
    "place", "site_id", "name", "status", "applied_on", "counts", "state", "verdict", "kind", "bus_id",
    "demand_kw", "works", "cost_low_eur", "cost_eur", "cost_high_eur", "months", "alone_verdict",
    "alone_cost_eur", "by_the_queue_eur", "reason", "geometry",
)  # fmt: skip
WITHDRAWAL_COLUMNS = (
    "withdrawn_id", "site_id", "verdict", "verdict_after", "works", "works_after", "cost_eur",
    "cost_after_eur", "saved_eur", "months", "months_after",
)  # fmt: skip
PAIR_COLUMNS = (
    "first_id", "second_id", "first_alone_eur", "second_alone_eur", "alone_eur", "second_behind_eur",
    "together_eur", "more_eur", "connected_alone", "connected_together", "first_behind_eur",
    "other_order_eur", "text",
)  # fmt: skip
WITHDRAWN = "withdrawn"

Told = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class QueueStudy:
    """What a queue comes to.

    Attributes
    ----------
    applications
        Columns `QUEUE_COLUMNS`, a row per application, in the order of the queue. place: 1.. of those judged;
        counts: those behind find it connected; state "judged", "left_out" (it takes no part, or nothing could
        be checked: see the reason). alone: as if it were the only one; by_the_queue_eur: what it costs more
        than that.
    works
        Columns `outcome.WORKS_COLUMNS`: who triggers which works on the existing grid.
    withdrawals
        Columns `WITHDRAWAL_COLUMNS`: per application that counts, what is saved if it withdraws: its own row
        (verdict_after "withdrawn"), and one per other whose answer changes. What is not connected costs 0, so
        that saved_eur adds up to what the whole queue costs less.
    pairs
        Columns `PAIR_COLUMNS`, a row per pair of applications of which one's answer alone is not its answer
        beside the other. first is ahead; together_eur is first_alone_eur + second_behind_eur, more_eur what
        it is over alone_eur; other_order_eur is second_alone_eur + first_behind_eur.
    assessments
        Per application judged, on the grid that those ahead leave.
    """

    applications: gpd.GeoDataFrame
    works: pd.DataFrame
    withdrawals: pd.DataFrame
    pairs: pd.DataFrame
    assessments: dict[str, Assessment] = field(repr=False)
    rule: QueueRule

    @property
    def total_eur(self) -> float:
        """What is built for all that are judged."""
        return total_eur([outcome_of(one) for one in self.assessments.values()])


class Place(NamedTuple):
    """One application, the grid it finds, and its answer there."""

    development: Development
    counts: bool
    grid: ConnectionGrid
    assessment: Assessment


def study_queue(
    grid: ConnectionGrid,
    developments: Sequence[Development],
    config: ConnectionConfig,
    *,
    rule: QueueRule | None = None,
    as_of: date | None = None,
    told: Told | None = None,
) -> QueueStudy:
    """Judge applications in their order, and say what hangs on whom.

    Parameters
    ----------
    grid
        Without any of them: what is connected already and part of the network's data must not be in the
        queue again.
    as_of
        Day it is looked at, for offers that lapse; None: states count as they are written.

    Raises
    ------
    InputError
        Two applications have one id, or a figure of one makes no sense.
    """
    by, say = rule or read_queue_rule(), told or (lambda _: None)
    ordered = in_order(developments)
    live = [one for one in ordered if not by.why_left_out(one)]
    flags = [by.counts(one, as_of) for one in live]
    say(f"judging {len(live)} applications in their order")
    places = walk(grid, live, flags, config)
    answers = assess_all(grid, live, config)
    alone = dict(zip([one.site_id for one in live], answers, strict=True))
    hang = hang_together(grid, answers)
    return QueueStudy(
        applications=_applications(grid, ordered, places, alone, by),
        works=works_triggered(place.assessment for place in places),
        withdrawals=_withdrawals(places, groups_of_pairs(hang), config, say),
        pairs=_pairs(grid, live, alone, hang, config, say),
        assessments={place.development.site_id: place.assessment for place in places},
        rule=by,
    )


def walk(
    grid: ConnectionGrid,
    queue: Sequence[Development],
    counts: Sequence[bool],
    config: ConnectionConfig,
) -> list[Place]:
    """Judge one after the other; those up to the next that counts find the same grid: judged in one go."""
    places: list[Place] = []
    while len(places) < len(queue):
        first = len(places)
        last = next((k for k in range(first, len(queue)) if counts[k]), len(queue) - 1)
        part = queue[first : last + 1]
        answers = assess_all(grid, part, config)
        places += [
            Place(one, counts[first + k], grid, answer)
            for k, (one, answer) in enumerate(zip(part, answers, strict=True))
        ]
        if counts[last]:
            grid = connect_site(grid, answers[-1])
    return places


def _withdrawals(
    places: Sequence[Place], groups: np.ndarray, config: ConnectionConfig, say: Told
) -> pd.DataFrame:
    """What each that counts frees by withdrawing; who does not hang on it keeps its answer."""
    rows: list[tuple[object, ...]] = []
    for at, gone in enumerate(places):
        if not gone.counts or option_taken(gone.assessment) is None:
            continue
        behind = [places[k] for k in range(at + 1, len(places)) if groups[k] == groups[at]]
        say(f"without {gone.development.site_id}: judging {len(behind)} behind it again")
        again = walk(gone.grid, [one.development for one in behind], [one.counts for one in behind], config)
        rows.append(_withdrawn_row(gone))
        rows += [
            _changed_row(gone.development.site_id, before.assessment, after.assessment)
            for before, after in zip(behind, again, strict=True)
            if outcome_of(before.assessment) != outcome_of(after.assessment)
        ]
    return pd.DataFrame(rows, columns=list(WITHDRAWAL_COLUMNS))


def _withdrawn_row(gone: Place) -> tuple[object, ...]:
    was, site_id = outcome_of(gone.assessment), gone.development.site_id
    return (
        site_id, site_id, was.verdict, WITHDRAWN, words_of_works(gone.assessment), "", was.cost_eur, 0.0,
        was.cost_eur, was.months, 0,
    )  # fmt: skip


def _changed_row(withdrawn_id: str, before: Assessment, after: Assessment) -> tuple[object, ...]:
    was, will_be = outcome_of(before), outcome_of(after)
    return (
        withdrawn_id, before.development.site_id, was.verdict, will_be.verdict, words_of_works(before),
        words_of_works(after), was.cost_eur, will_be.cost_eur, was.cost_eur - will_be.cost_eur, was.months,
        will_be.months,
    )  # fmt: skip


def _pairs(
    grid: ConnectionGrid,
    live: Sequence[Development],
    alone: dict[str, Assessment],
    hang: np.ndarray,
    config: ConnectionConfig,
    say: Told,
) -> pd.DataFrame:
    """Pairs in which one's answer changes once the other is connected."""
    say("looking for applications that hang on each other")
    behind = {
        one.site_id: _beside(
            grid, alone[one.site_id], [live[int(k)] for k in np.flatnonzero(hang[at])], config
        )
        for at, one in enumerate(live)
    }
    rows = []
    for at, first in enumerate(live):
        for second in live[at + 1 :]:
            answers = (
                outcome_of(alone[first.site_id]), outcome_of(alone[second.site_id]),
                behind[second.site_id].get(first.site_id), behind[first.site_id].get(second.site_id),
            )  # fmt: skip
            row = _pair_row(first.site_id, second.site_id, *answers)
            if row is not None:
                rows.append(row)
    return pd.DataFrame(rows, columns=list(PAIR_COLUMNS))


def _beside(
    grid: ConnectionGrid, connected: Assessment, others: Sequence[Development], config: ConnectionConfig
) -> dict[str, Outcome]:
    """Outcome per other application once one is connected; none where it cannot be."""
    if not others or option_taken(connected) is None:
        return {}
    answers = assess_all(connect_site(grid, connected), others, config)
    return {one.site_id: outcome_of(answer) for one, answer in zip(others, answers, strict=True)}


def _pair_row(
    first_id: str,
    second_id: str,
    first: Outcome,
    second: Outcome,
    first_behind: Outcome | None,
    second_behind: Outcome | None,
) -> tuple[object, ...] | None:
    """A row where one changes; None where both answers stay as they are."""
    first_after, second_after = first_behind or first, second_behind or second
    if first_after == first and second_after == second:
        return None
    alone_eur = first.cost_eur + second.cost_eur
    together_eur = first.cost_eur + second_after.cost_eur
    return (
        first_id, second_id, first.cost_eur, second.cost_eur, alone_eur, second_after.cost_eur, together_eur,
        together_eur - alone_eur, int(first.connects) + int(second.connects),
        int(first.connects) + int(second_after.connects), first_after.cost_eur,
        second.cost_eur + first_after.cost_eur, _pair_text(first_id, second_id, second, second_after),
    )  # fmt: skip


def _pair_text(first_id: str, second_id: str, alone: Outcome, behind: Outcome) -> str:
    if behind == alone:
        return f"{second_id} is answered the same behind {first_id}; {first_id} behind {second_id} is not"
    if alone.connects != behind.connects:
        said = "cannot be connected" if alone.connects else "can be connected only"
        return f"{second_id} {said} behind {first_id}"
    more = behind.cost_eur - alone.cost_eur
    if abs(more) < 1.0:
        return f"{second_id} is supplied otherwise behind {first_id}, for the same cost"
    return f"{second_id} costs {abs(more):,.0f} {'more' if more > 0 else 'less'} behind {first_id}"


def _applications(
    grid: ConnectionGrid,
    ordered: Sequence[Development],
    places: Sequence[Place],
    alone: dict[str, Assessment],
    rule: QueueRule,
) -> gpd.GeoDataFrame:
    judged = {place.development.site_id: (at, place) for at, place in enumerate(places, start=1)}
    rows = [
        _judged_row(*judged[one.site_id], alone[one.site_id])
        if one.site_id in judged
        else _left_out_row(one, rule.why_left_out(one))
        for one in ordered
    ]
    table = pd.DataFrame(rows, columns=list(QUEUE_COLUMNS)).astype({"place": "Int64"})
    return gpd.GeoDataFrame(table, geometry="geometry", crs=grid.network.crs)


def _judged_row(at: int, place: Place, alone: Assessment) -> tuple[object, ...]:
    asked, answer, taken = place.development, place.assessment, option_taken(place.assessment)
    here, by_itself = outcome_of(answer), outcome_of(alone)
    cost = (None,) * 3 if taken is None else (taken.cost.low_eur, taken.cost.eur, taken.cost.high_eur)
    both = here.connects and by_itself.connects
    return (
        at, asked.site_id, asked.name, asked.status, _day(asked), place.counts, "judged", here.verdict,
        taken.option.kind if taken else None, taken.option.bus_id if taken else None, answer.demand_kw,
        words_of_works(answer), *cost, here.months if taken else None, by_itself.verdict,
        by_itself.cost_eur if by_itself.connects else None,
        here.cost_eur - by_itself.cost_eur if both else None, answer.sentence, asked.place,
    )  # fmt: skip


def _left_out_row(asked: Development, reason: str) -> tuple[object, ...]:
    nothing = (None,) * (len(QUEUE_COLUMNS) - 9)
    return (
        None, asked.site_id, asked.name, asked.status, _day(asked), False, "left_out", *nothing, reason,
        asked.place,
    )  # fmt: skip


def _day(asked: Development) -> str | None:
    return asked.applied_on.isoformat() if asked.applied_on else None
