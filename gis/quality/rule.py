"""`QualityRule`: one name that stands in findings, with its level, meaning, remedy and check.

Holds no rule itself; those stand in the registry (`gis.quality.registry`) and, where they need the
catalogue or a load flow, in `gridmodel.rules` and `capacity.data_quality`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from gis.rules import Tables

Severity = Literal["error", "warning"]
Stage = Literal["reading", "mapping", "topology", "check", "solving", "asking"]

# A file is at a level when no error speaks against it there or below.
LEVELS = {
    1: "file",
    2: "schema",
    3: "topology",
    4: "plausibility",
    5: "solves",
    6: "results plausible",
}


@dataclass(frozen=True)
class QualityRule:
    """One rule, known by the name its findings carry.

    Attributes
    ----------
    name
        What stands in the column `rule` of findings.
    level
        1 file, 2 schema, 3 topology, 4 plausibility, 5 solves, 6 results plausible.
    severity
        "error": the element cannot be modelled, or the file not be used. "warning": a doubt.
    tables
        Canonical tables its findings may name; empty for those of a file, an option or any table.
    about
        What is found.
    why
        What goes wrong when nobody looks at it.
    remedy
        What to do.
    source
        Where its bounds come from; "definition" where there is nothing to choose.
    check
        Function over tables that emits it; several rules may share one. None: emitted in its `stage`.
    stage
        Who emits it.
    """

    name: str
    level: int
    severity: Severity
    tables: tuple[str, ...]
    about: str
    why: str
    remedy: str
    source: str = "definition"
    check: Callable[[Tables], pd.DataFrame] | None = None
    stage: Stage = "check"
