"""`Language`: how one language writes numbers, dates and lists, and which form a count takes."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from gis import InputError
from gis.findings import make_findings

_SHIPPED: Final = Path(__file__).with_name("languages.toml")


class Language(BaseModel):
    """How one language writes figures.

    Attributes
    ----------
    forms
        Forms a message with a count is written in, after Unicode CLDR: "one" where the language tells one
        from many, "other" for every other count.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    code: str
    name: str
    decimal: str
    thousands: str
    last_of_list: str
    between_of_list: str
    date: str
    month: str
    months: Annotated[tuple[str, ...], Field(min_length=12, max_length=12)]
    forms: tuple[str, ...]
    source: str = Field(min_length=1)

    def number(self, value: float, digits: int = 0) -> str:
        """Write a number with so many decimals and its thousands apart.

        Examples
        --------
        >>> read_language("de").number(-1234.5, 1)
        '-1.234,5'
        """
        plain = f"{value:,.{digits}f}"
        if not plain.strip("-0.,"):
            plain = plain.removeprefix("-")
        return plain.translate({ord(","): self.thousands, ord("."): self.decimal})

    def day(self, day: dt.date) -> str:
        """Write a date.

        Examples
        --------
        >>> read_language("zh").day(dt.date(2027, 3, 9))
        '2027年3月9日'
        """
        return self.date.format(day=day.day, month=self.months[day.month - 1], year=day.year)

    def month_of(self, day: dt.date) -> str:
        """Write the month of a date.

        Examples
        --------
        >>> read_language("de").month_of(dt.date(2027, 3, 9))
        'März 2027'
        """
        return self.month.format(month=self.months[day.month - 1], year=day.year)

    def listed(self, texts: Sequence[str]) -> str:
        """Join texts.

        Examples
        --------
        >>> read_language("en").listed(["a cable", "a station", "a switch"])
        'a cable, a station and a switch'
        """
        if len(texts) < 2:
            return "".join(texts)
        return self.between_of_list.join(texts[:-1]) + self.last_of_list + texts[-1]

    def form(self, count: float) -> str:
        """Name of the form that a count takes."""
        return "one" if count == 1 and "one" in self.forms else "other"


@cache
def languages() -> dict[str, Language]:
    """Every language by its code, in the order of the file."""
    told = tomllib.loads(_SHIPPED.read_text(encoding="utf-8"))
    return {code: Language(code=code, **entries) for code, entries in told.items()}


def read_language(code: str) -> Language:
    """Find a language by its code.

    Raises
    ------
    InputError
        There is none of that code; those that are there are told.
    """
    known = languages()
    if code not in known:
        message = f"no such language; choose one of {', '.join(known)}"
        raise InputError("language", make_findings("unknown_language", "language", [str(code)], message))
    return known[code]
