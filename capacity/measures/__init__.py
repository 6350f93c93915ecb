"""Measures against a weak grid: a registry of functions, each proposes measures of one kind for a situation.

The planner asks all of them and names none. `OPERATING` cost nothing to build; `BUILDING` do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from capacity.measures.measure import Measure
from capacity.measures.situation import Situation

Proposer = Callable[[Situation], list[Measure]]

OPERATING: dict[str, Proposer] = {}
BUILDING: dict[str, Proposer] = {}


def kinds() -> tuple[str, ...]:
    """Names of all kinds of measures."""
    return (*OPERATING, *BUILDING)


def propose_measures(situation: Situation, allowed: Collection[str] | None = None) -> list[Measure]:
    """Ask every kind of measure what it would do.

    Parameters
    ----------
    allowed
        Kinds that may be used; all when absent.
    """
    every = {**OPERATING, **BUILDING}
    return [
        measure
        for kind, propose in every.items()
        if allowed is None or kind in allowed
        for measure in propose(situation)
    ]
