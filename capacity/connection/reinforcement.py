"""Works on the existing grid that make an option fit (not searched for yet)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.option import SupplyOption
from capacity.costs import Cost
from capacity.measures.measure import Measure


@dataclass(frozen=True, eq=False)
class Reinforcement:
    """Works that were found, or why there are none."""

    measures: tuple[Measure, ...]
    cost: Cost
    months: int
    status: Literal["found", "too_dear", "none"]
    reason: str


def reinforce(
    grid: ConnectionGrid,
    option: SupplyOption,
    kva: np.ndarray,
    blocked: pd.DataFrame,
    *,
    most_eur: float = math.inf,
) -> Reinforcement:
    """Find no works."""
    return Reinforcement((), Cost(), 0, "none", "works on the existing grid are not looked for")
