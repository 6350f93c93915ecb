"""How headroom is answered: largest additions in whole kW, with the limit that stops one kW more.

Two methods answer (`paths` for radial grids, `wide` for all); what they share stands here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# Status of an answer.
OK, ALREADY_VIOLATED, CAPPED, UNDETERMINED = range(4)

# What may stop an addition. The limit of an element is numbered position * LIMIT_KINDS + kind, where the
# position is that in the net's table of buses, lines or transformers.
LIMIT_KINDS = 8
UNDERVOLTAGE, OVERVOLTAGE, LINE_OVERLOAD, TRANSFORMER_OVERLOAD, VOLTAGE_CHANGE, NO_SOLUTION, OUT_OF_RANGE = (
    range(7)
)
NO_LIMIT = -1

# A limit broken before any addition speaks against one that takes part in it: an overload must grow by this
# share of the addition's own power, a voltage worsen by this share of what the addition does at its own bus.
# Upstream elements of a radial grid get all of it, neighbours' elements only losses: engineering judgement.
AFFECTED_SHARE = 0.1
# Changes under these are rounding of a solver, not the addition's doing.
NOTICEABLE_PU = 1e-8
NOTICEABLE_KVA = 1e-3


class Answers(NamedTuple):
    """The largest addition per question.

    Attributes
    ----------
    headroom_kw
        Whole kW: that much holds every limit, one more does not; the cap when CAPPED, 0 when ALREADY_VIOLATED
        or UNDETERMINED.
    status
        OK; ALREADY_VIOLATED (a limit the addition takes part in is broken before); CAPPED; UNDETERMINED (no
        supply, or no solution before any addition).
    limit
        What stops one kW more, by number; NO_LIMIT where nothing does.
    """

    headroom_kw: np.ndarray
    status: np.ndarray
    limit: np.ndarray

    @property
    def kind(self) -> np.ndarray:
        """Kind of the limit; NO_LIMIT where nothing stops it."""
        return np.where(self.limit == NO_LIMIT, NO_LIMIT, self.limit % LIMIT_KINDS)

    @property
    def position(self) -> np.ndarray:
        """Position of the limit's element in its table; -1 where nothing stops it."""
        return np.where(self.limit == NO_LIMIT, -1, self.limit // LIMIT_KINDS)


def undetermined(count: int) -> Answers:
    """Answers that say nothing yet."""
    return Answers(np.zeros(count, dtype=np.int64), np.full(count, UNDETERMINED), np.full(count, NO_LIMIT))
