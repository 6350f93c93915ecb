"""The order of switching for what the search of N-1 (`outage_study`) found for the same element.

The search tells which switches open and which close; here they are put in order, so that whoever an open
point feeds is back as soon as what must be open is open. Of a faulty section with buses the search is that
of the element which feeds it, less what stands at the section. Where a switch may not be moved under load, or
the states so reached do not hold, the search does not apply.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from capacity.checks import Yardstick
from capacity.security.consequences import feeding_elements
from capacity.security.judged import make_bench
from capacity.security.outage_study import study_outages
from capacity.security.outages import OUTAGE_TABLES, outages_of
from capacity.security.security_tables import step_table
from capacity.security.switchable import make_switchable
from capacity.security.switched import OK, judge_states
from capacity.security.switching_work import DIVIDE, DOWNSTREAM, Move, Work, devices, opened, states_of
from gridmodel import GridModel, Scenario


def searched_restoration(
    work: Work, fault: tuple[str, str], closed: np.ndarray, edge: np.ndarray
) -> list[Move]:
    """Operations that the search of N-1 leads to, in order; none where it does not apply or does not hold.

    Parameters
    ----------
    closed
        State of the cuts so far; it stays as it is.
    edge
        Cuts around the faulty section: those towards a part that is fed are opened first.
    """
    found = _turned(work, fault, closed, edge)
    if found is None:
        return []
    moves = list(_ordered(work, closed.copy(), found, edge))
    states = states_of(closed, moves)
    if _takes_off(work, states):
        return []
    judged = judge_states(work.model, work.yardstick, work.scenario, work.base, states[1:])
    return moves if all(one.status == OK for one in judged) else []


def _takes_off(work: Work, states: list[np.ndarray]) -> bool:
    """Whether a state takes anybody off supply whom the one before feeds: no crew would interrupt more."""
    fed = [work.sections.fed(state, without=work.faulty) for state in states]
    return any((before & ~after).any() for before, after in pairwise(fed))


def _turned(
    work: Work, fault: tuple[str, str], closed: np.ndarray, edge: np.ndarray
) -> tuple[np.ndarray, list[tuple[int, ...]]] | None:
    """Flags of the cuts that the search opens, and the rows of each that it closes."""
    cuts, practice = work.sections.cuts, work.practice
    searched = _searched_element(work, fault)
    if searched is None:
        return None
    steps = _searched_steps(work.model, work.yardstick, work.scenario, searched)
    opens = np.zeros(len(cuts), dtype=bool)
    closes: list[tuple[int, ...]] = []
    for table, element_id, state in steps:
        rows = ((cuts["table"] == table) & (cuts["element_id"] == element_id)).to_numpy()
        if not rows.any():
            return None
        if (rows & edge).any():
            continue
        if state in ("open", "out"):
            opens |= rows & closed
        elif cuts["kind"][rows].isin(practice.operation.under_load).all():
            closes += devices(cuts, rows & ~closed)
        else:
            return None
    return (opens, closes) if closes else None


def _searched_element(work: Work, fault: tuple[str, str]) -> tuple[str, str] | None:
    """The element of N-1 without which the same is dark; nothing where several sections are faulty."""
    faulty = np.flatnonzero(work.faulty)
    if len(faulty) != 1:
        return None
    element = feeding_elements(work.sections, work.yardstick.supply).get(int(faulty[0]), fault)
    return element if element[0] in OUTAGE_TABLES else None


def _searched_steps(
    model: GridModel, yardstick: Yardstick, scenario: Scenario, fault: tuple[str, str]
) -> list[tuple[str, str, str]]:
    """Table, id and state of what the search turns to restore supply, without isolating the element."""
    found = make_switchable(yardstick)
    bench = make_bench(model, yardstick, scenario, found)
    asked = [one for one in outages_of(found, [fault[0]]) if one.element_id == fault[1]]
    steps = step_table(bench, study_outages(bench, asked))
    own = set(zip(steps["table"], steps["element_id"], strict=True)) & {fault}
    isolating = steps["reason"].str.startswith("isolates ")
    kept = steps[~isolating & ~((steps["table"] == fault[0]) & (steps["element_id"] == fault[1]))]
    rows = kept[["table", "element_id", "state"]].itertuples(index=False, name=None)
    return [(str(table), str(element_id), str(state)) for table, element_id, state in rows] if own else []


def _ordered(
    work: Work, closed: np.ndarray, found: tuple[np.ndarray, list[tuple[int, ...]]], edge: np.ndarray
) -> Iterator[Move]:
    """Before each open point that closes, what parts the dark it feeds from the rest and from the fault."""
    opens, closes = found
    sections, cuts = work.sections, work.sections.cuts
    final = closed & ~edge & ~opens
    for rows in closes:
        final[list(rows)] = True
    fed = sections.fed(final, without=work.faulty)
    a, b = cuts["a"].to_numpy(), cuts["b"].to_numpy()
    for rows in sorted(closes, key=lambda rows: -_brought(work, final, fed, rows)):
        if not _brought(work, final, fed, rows):
            continue
        without = final.copy()
        without[list(rows)] = False
        part = fed & ~sections.fed(without, without=work.faulty)
        touching = part[a] | part[b]
        yield from opened(cuts, closed, edge & touching)
        for split in devices(cuts, opens & touching & closed):
            closed[list(split)] = False
            yield Move(DIVIDE, split, False)
        closed[list(rows)] = True
        yield Move(DOWNSTREAM, rows, True)
    for split in devices(cuts, opens & closed):
        closed[list(split)] = False
        yield Move(DIVIDE, split, False)


def _brought(work: Work, final: np.ndarray, fed: np.ndarray, rows: tuple[int, ...]) -> float:
    """Demand that an open point feeds in the end [kW]."""
    without = final.copy()
    without[list(rows)] = False
    return float(work.kw[fed & ~work.sections.fed(without, without=work.faulty)].sum())
