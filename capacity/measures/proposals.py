"""`Proposals`: what all kinds of measures propose together, and what they cannot propose, with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

import pandas as pd

from capacity.measures.measure import Measure

NOT_PROPOSED_COLUMNS = ("kind", "table", "element_id", "reason")


@dataclass(frozen=True)
class NotProposed:
    """A measure that would be thought of at an element and cannot be proposed.

    Attributes
    ----------
    table, element_id
        The element; "" for a whole kind.
    reason
        Why, in words for people.
    """

    kind: str
    table: str
    element_id: str
    reason: str


@dataclass(frozen=True, eq=False)
class Proposals:
    """What may be done about a situation; iterates over its measures.

    Attributes
    ----------
    measures
        In the order of their kinds.
    not_proposed
        Columns `NOT_PROPOSED_COLUMNS`.
    """

    measures: tuple[Measure, ...]
    not_proposed: pd.DataFrame

    def __iter__(self) -> Iterator[Measure]:
        return iter(self.measures)

    def __len__(self) -> int:
        return len(self.measures)


def gathered(proposed: Iterable[Measure | NotProposed]) -> Proposals:
    """Sort what proposers yield into measures and reasons; a reason said twice is kept once."""
    measures: list[Measure] = []
    reasons: dict[NotProposed, None] = {}
    for one in proposed:
        if isinstance(one, NotProposed):
            reasons[one] = None
        else:
            measures.append(one)
    rows = [asdict(reason) for reason in reasons]
    return Proposals(tuple(measures), pd.DataFrame(rows, columns=list(NOT_PROPOSED_COLUMNS), dtype=object))
