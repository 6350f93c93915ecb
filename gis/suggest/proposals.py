"""What is proposed: values only. Found by `gis.suggest`, written by `gis.suggest.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

# From these confidences on a proposal is called sure, likely, or a guess (engineering judgement;
# not calibrated against files of known meaning).
SURE_FROM, LIKELY_FROM, GUESS_FROM = 0.85, 0.6, 0.4


@dataclass(frozen=True)
class ColumnProposal:
    """A canonical column and where it may come from; a `value` stands in every row where there is no source.

    `confidence` is 0 to 1; `codes` tell what cells mean; `factor` brings them into the canonical unit.
    """

    column: str
    confidence: float
    reason: str
    source: str | None = None
    factor: float | None = None
    codes: Mapping[str, object] = field(default_factory=dict)
    value: object = None


@dataclass(frozen=True)
class TableProposal:
    """A layer, the canonical table it may be, and what is still missing to fill it."""

    table: str
    layer: str
    confidence: float
    reason: str
    columns: tuple[ColumnProposal, ...]
    missing: tuple[str, ...] = ()
    geometry: Mapping[str, str] = field(default_factory=dict)

    def proposal(self, column: str) -> ColumnProposal | None:
        return next((one for one in self.columns if one.column == column), None)


@dataclass(frozen=True)
class MappingSuggestion:
    """A whole mapping as proposed; `left` are layers taken for nothing, with the reason.

    `crs` is that of coordinates in columns, where it can be told.
    """

    source_name: str
    tables: tuple[TableProposal, ...]
    left: tuple[tuple[str, str], ...] = ()
    missing: tuple[str, ...] = ()
    crs: str = ""

    @property
    def lacking(self) -> tuple[str, ...]:
        """All that a network needs and nothing was found for: tables, then columns by table."""
        columns = (f"{table.table}: {what}" for table in self.tables for what in table.missing)
        return (*self.missing, *columns)


def how_sure(confidence: float) -> str:
    """A confidence in words.

    Examples
    --------
    >>> how_sure(0.9), how_sure(0.7), how_sure(0.5), how_sure(0.2)
    ('sure', 'likely', 'a guess, check it', 'assumed, nothing says so')
    """
    for least, word in ((SURE_FROM, "sure"), (LIKELY_FROM, "likely"), (GUESS_FROM, "a guess, check it")):
        if confidence >= least:
            return word
    return "assumed, nothing says so"


def proposal_table(suggestion: MappingSuggestion) -> pd.DataFrame:
    """One row per column proposed, with its source, its factor, how sure it is and why."""
    names = ["layer", "table", "column", "source", "factor", "value", "confidence", "how_sure", "reason"]
    rows = [
        (
            t.layer,
            t.table,
            c.column,
            c.source,
            c.factor,
            None if c.value is None else str(c.value),
            round(c.confidence, 2),
            how_sure(c.confidence),
            c.reason,
        )
        for t in suggestion.tables
        for c in t.columns
    ]
    return pd.DataFrame(rows, columns=names)
