"""The always-visible legend: title with unit, one row a symbol, plain HTML without scripts.

No colour scales: branca's `ColorMap` loads d3 from outside and blanks an offline map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from gis.webmap.escape import escape_for_map
from gis.webmap.palette import NO_DATA_COLOUR, PALETTE

Symbol = Literal["line", "dashed", "circle", "square", "triangle"]

_SHAPES: Final[dict[str, str]] = {
    "line": '<line x1="1" y1="8" x2="27" y2="8" {stroke}/>',
    "dashed": '<line x1="1" y1="8" x2="27" y2="8" stroke-dasharray="5 4" {stroke}/>',
    "circle": '<circle cx="14" cy="8" r="5.5" {fill}/>',
    "square": '<rect x="9" y="3" width="10" height="10" {fill}/>',
    "triangle": '<path d="M14 2 L20 13 L8 13 Z" {fill}/>',
}


@dataclass(frozen=True)
class Swatch:
    """One row of a legend: a symbol and what it means; `width_px` counts for lines."""

    label: str
    colour: str
    symbol: Symbol = "line"
    width_px: float = 4.0


@dataclass(frozen=True)
class Legend:
    """A block of the legend; `unit` stands behind the title, `note` below the rows."""

    title: str
    swatches: tuple[Swatch, ...]
    unit: str = ""
    note: str = ""


def class_legend(
    title: str,
    thresholds: Sequence[float],
    *,
    unit: str,
    symbol: Symbol = "line",
    note: str = "",
) -> Legend:
    """Legend of classified values, in the classes of `classify`, with a row for no data.

    Parameters
    ----------
    title
        What is coloured, for example "Loading".
    thresholds
        The same as given to `classify`.
    unit
        Unit of the values.
    symbol
        Symbol of the rows.
    note
        A sentence below the rows, for example from which zoom a layer is drawn.

    Returns
    -------
    Legend
        From the lowest class to no data.
    """
    labels = _class_labels(thresholds)
    shown = [Swatch(label, PALETTE[i], symbol, 3.0 + i) for i, label in enumerate(labels)]
    blank: Symbol = "dashed" if symbol == "line" else symbol
    missing = Swatch("no data", NO_DATA_COLOUR, blank, 3.0)
    return Legend(title, (*shown, missing), unit=unit, note=note)


def legend_html(legend: Legend) -> str:
    """HTML of one legend block; every text is escaped.

    Parameters
    ----------
    legend
        What to show.

    Returns
    -------
    str
        A `section` element.
    """
    unit = f" [{legend.unit}]" if legend.unit else ""
    rows = "".join(_row_html(swatch) for swatch in legend.swatches)
    note = f"<p>{escape_for_map(legend.note)}</p>" if legend.note else ""
    heading = f"<h4>{escape_for_map(legend.title + unit)}</h4>"
    return f'<section class="fp-legend-block">{heading}<ul>{rows}</ul>{note}</section>'


def _class_labels(thresholds: Sequence[float]) -> list[str]:
    marks = [f"{value:g}" for value in thresholds]
    between = [f"{low} to {high}" for low, high in pairwise(marks)]
    return [f"below {marks[0]}", *between, f"above {marks[-1]}"]


def _row_html(swatch: Swatch) -> str:
    colour = escape_for_map(swatch.colour)
    stroke = f'stroke="{colour}" stroke-width="{swatch.width_px:g}"'
    shape = _SHAPES[swatch.symbol].format(stroke=stroke, fill=_fill(swatch.colour, colour))
    picture = f'<svg width="28" height="16" aria-hidden="true">{shape}</svg>'
    return f"<li>{picture}<span>{escape_for_map(swatch.label)}</span></li>"


def _fill(colour: str, escaped: str) -> str:
    if colour == NO_DATA_COLOUR:
        return f'fill="#ffffff" stroke="{escaped}" stroke-width="2" stroke-dasharray="2 2"'
    return f'fill="{escaped}" stroke="#333333" stroke-width="0.8"'
