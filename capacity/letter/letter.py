"""`Letter`: the answer to an application as a document, in one language, before it is a page or a file.

Names and ids in it are data, never markup: `capacity.letter.pages` escapes them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

import pandas as pd

from capacity.letter.figures import LetterFigures, read_letter_figures
from capacity.letter.picture import Picture

if TYPE_CHECKING:
    from capacity.connection.flexible import FlexibleSupply
    from capacity.connection.phasing import Phasing

Pair: TypeAlias = tuple[str, str]
Align = Literal["left", "right", "wide"]


@dataclass(frozen=True, eq=False)
class LetterContext:
    """What a letter says beside the assessment. No clock is read: the same input gives the same bytes.

    Attributes
    ----------
    issued_on
        Day of the letter; ranges of dates count from it.
    reference
        Of the application; the site's id where there is none.
    from_lines, to_lines
        Name and address, line by line.
    applications_ahead
        How many applications ahead of this one are counted as connected; None where nobody looked.
    network_sha256
        Of the rows of the network (`capacity.network_record`).
    assessment_sha256
        Of the assessment as it is stored.
    version
        Program and version that made it.
    picture
        The map (`capacity.letter.picture.picture_of`).
    phasing, flexible, turning
        Further answers, where they were asked for: `capacity.connection.phasing.homes_before_works`,
        `flexible.flexible_supply`, `turning.what_would_turn`.
    """

    issued_on: dt.date
    reference: str = ""
    from_lines: tuple[str, ...] = ()
    to_lines: tuple[str, ...] = ()
    applications_ahead: int | None = None
    network_sha256: str = ""
    assessment_sha256: str = ""
    version: str = ""
    picture: Picture | None = None
    phasing: Phasing | None = None
    flexible: FlexibleSupply | None = None
    turning: pd.DataFrame | None = None
    figures: LetterFigures = field(default_factory=read_letter_figures)

    @property
    def valid_until(self) -> dt.date:
        return self.issued_on + dt.timedelta(days=self.figures.validity.days)


@dataclass(frozen=True)
class LetterTable:
    """Texts in rows; the last row is a total where `total` says so."""

    columns: tuple[tuple[str, Align], ...]
    rows: tuple[tuple[str, ...], ...]
    total: bool = False


@dataclass(frozen=True)
class Section:
    """One part of a letter under its heading: sentences, labels with texts, a table, and notes to it."""

    title: str
    texts: tuple[str, ...] = ()
    pairs: tuple[Pair, ...] = ()
    table: LetterTable | None = None
    notes: tuple[str, ...] = ()
    map: bool = False


@dataclass(frozen=True)
class LetterMap:
    """The map with its words: a caption per panel, label, colour and dashing per sign."""

    svg: str
    captions: tuple[str, ...]
    legend: tuple[tuple[str, str, str], ...]
    note: str


@dataclass(frozen=True, eq=False)
class Letter:
    """The answer to an application, ready to be set.

    Attributes
    ----------
    verdict
        Of the assessment; `answer` is it in one word or two.
    head
        Label and text of reference, dates and site.
    figures
        Label and text of demand, supply point, cost and time.
    page
        "Page {page} of {pages}", before, between and after the numbers.
    glyphs
        Sentence with {codes} for what no typeface has, and its heading.
    facts
        The same in figures with units, for systems; canonical and the same each time.
    """

    language: str
    title: str
    kind: str
    answer: str
    verdict: str
    sentence: str
    head: tuple[Pair, ...]
    parties: tuple[tuple[str, tuple[str, ...]], ...]
    figures: tuple[Pair, ...]
    sections: tuple[Section, ...]
    map: LetterMap | None
    note: str
    page: tuple[str, str, str]
    glyphs: Pair
    facts: Mapping[str, object]
