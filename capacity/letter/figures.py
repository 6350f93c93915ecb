"""Figures of the letter that are no result: how long it holds, the range of dates, classes of the map."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from capacity.toml_file import read_figures

_SHIPPED: Final = Path(__file__).with_name("letter.toml")


class _Block(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    source: str = Field(min_length=1)


class Validity(_Block):
    """Days that an answer holds."""

    days: int = Field(ge=1)


class LeadTime(_Block):
    """Earliest and latest supply against the months of the table."""

    low_factor: float = Field(gt=0.0, le=1.0)
    high_factor: float = Field(ge=1.0)


class MapClasses(_Block):
    """Loadings [%] at which the colour of a line changes; the last is the limit."""

    loading_percent: tuple[float, float, float, float]


class LetterFigures(BaseModel):
    """All figures of the letter; each block names its source."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    validity: Validity
    lead_time: LeadTime
    map: MapClasses


def read_letter_figures(path: Path | None = None) -> LetterFigures:
    """Read the shipped figures, or a user's file of the same form.

    Raises
    ------
    InputError
        The file is not readable or a figure makes no sense; every fault is named.
    """
    return read_figures(path or _SHIPPED, LetterFigures, subject="letter", rule="bad_figure")
