"""How QGIS draws result layers when it opens them: colours by value or by name, as QML.

A layer is coloured by the first column of `STYLES` it has, in the palette of the map; width or size repeats
what the colour says, and the worst is drawn on top.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import pandas as pd

from gis.webmap.palette import NO_DATA_COLOUR, PALETTE

Shape = Literal["points", "lines", "areas"]

# What QGIS calls the symbol of a shape, its simplest layer, and that layer's property of the colour.
_SYMBOLS: dict[Shape, tuple[str, str, str]] = {
    "points": ("marker", "SimpleMarker", "color"),
    "lines": ("line", "SimpleLine", "line_color"),
    "areas": ("fill", "SimpleFill", "color"),
}
# Width of a line and size of a marker [mm] per class, from the best to the worst.
_WIDTHS_MM = (0.4, 0.5, 0.7, 0.9, 1.2)
_SIZES_MM = (1.6, 2.0, 2.4, 2.8, 3.4)
# Beyond every figure: the ends of the first and last class, and where rows without a figure are drawn.
_BEYOND = 1e12
_NO_FIGURE = -2e12
_QGIS_VERSION = "3.28.0"


@dataclass(frozen=True)
class ByValue:
    """Classes of a figure; the last threshold is the limit.

    Attributes
    ----------
    rising
        Whether more is worse; else less is.
    """

    column: str
    thresholds: tuple[float, ...]
    unit: str
    rising: bool = True


@dataclass(frozen=True)
class ByName:
    """A class per name, best first; every other name is drawn as no data."""

    column: str
    classes: tuple[tuple[str, ...], ...]


Style = ByValue | ByName

_LOADING = (50.0, 75.0, 90.0, 100.0)
# Cuts and shortages: a home alone, a few homes, a street, a station of low voltage.
_SHORT_KW = (1.0, 10.0, 50.0, 200.0)
# Room: nothing, a charging point, a few, a street, a station of low voltage.
_ROOM_KW = (1.0, 11.0, 50.0, 200.0)
STYLES: tuple[Style, ...] = (
    # Planned assets: set, switched, moved, new, replaced; what is removed is drawn grey and dashed.
    ByName("status", (("adjusted",), ("switched", "moved"), ("new",), ("replaced",))),
    ByName("worse", (("same",), ("a",), ("b",), ("a only",), ("b only",))),
    ByValue("unserved_kwh", (1.0, 100.0, 1_000.0, 10_000.0), "kWh"),
    ByValue("unserved_kw", _SHORT_KW, "kW"),
    ByValue("missing_line_kw", _SHORT_KW, "kW"),
    ByValue("weakest_used_percent", _LOADING, "%"),
    ByValue("loading_max_percent", _LOADING, "%"),
    ByValue("loading_percent", _LOADING, "%"),
    ByValue("firm_kw", _ROOM_KW, "kW", rising=False),
    ByValue("headroom_kw", _ROOM_KW, "kW", rising=False),
    ByValue("vm_min_pu", (0.90, 0.92, 0.95, 0.98), "pu", rising=False),
    ByValue("vm_pu", (0.90, 0.92, 0.95, 0.98), "pu", rising=False),
    ByValue("hours_over", (1.0, 10.0, 100.0, 1_000.0), "h"),
    ByValue("probability", (0.0, 0.1, 0.5, 0.9), "of the draws"),
)  # fmt: skip


def layer_style(layer: pd.DataFrame, shape: Shape) -> str:
    """QML of a layer: how QGIS draws it.

    Parameters
    ----------
    layer
        Its columns decide; one with a figure in any row is taken first.
    shape
        What all its places are.
    """
    usable = [style for style in STYLES if style.column in layer.columns and _tells(style, layer)]
    renderer = _renderer(usable[0], shape) if usable else _single(shape)
    root = Element("qgis", version=_QGIS_VERSION, styleCategories="Symbology")
    root.append(renderer)
    indent(root)
    return "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + tostring(root, encoding="unicode")


def _tells(style: Style, layer: pd.DataFrame) -> bool:
    """Whether any row has a figure, or a name the style knows."""
    cells = layer[style.column]
    if isinstance(style, ByValue):
        return bool(cells.notna().any())
    return bool(cells.isin([name for names in style.classes for name in names]).any())


def _renderer(style: Style, shape: Shape) -> Element:
    return _graduated(style, shape) if isinstance(style, ByValue) else _categorised(style, shape)


def _graduated(style: ByValue, shape: Shape) -> Element:
    """A class between each two thresholds, and one for rows without a figure."""
    figure = f'coalesce("{style.column}", {_NO_FIGURE:.0f})'
    root = Element(
        "renderer-v2", type="graduatedSymbol", attr=figure, graduatedMethod="GraduatedColor",
        symbollevels="0", forceraster="0", enableorderby="1",
    )  # fmt: skip
    ranges, symbols = SubElement(root, "ranges"), SubElement(root, "symbols")
    _range(ranges, 0, 2 * _NO_FIGURE, -_BEYOND, "no data")
    symbols.append(_symbol(shape, 0, None))
    classes = _classes(style)
    for number, (low, high, label, rank) in enumerate(classes, start=1):
        _range(ranges, number, low, high, label)
        symbols.append(_symbol(shape, number, rank))
    _order_by(root, figure, rising=style.rising)
    return root


def _classes(style: ByValue) -> list[tuple[float, float, str, int]]:
    """Lower and upper end, label, and place in the palette of every class."""
    ends = (-_BEYOND, *style.thresholds, _BEYOND)
    ranks = list(range(len(ends) - 1))
    if not style.rising:
        ranks.reverse()
    return [
        (low, high, _label(low, high, style.unit), rank)
        for (low, high), rank in zip(pairwise(ends), ranks, strict=True)
    ]


def _label(low: float, high: float, unit: str) -> str:
    if low == -_BEYOND:
        return f"up to {high:g} {unit}"
    return f"over {low:g} {unit}" if high == _BEYOND else f"{low:g} to {high:g} {unit}"


def _range(parent: Element, number: int, low: float, high: float, label: str) -> None:
    SubElement(
        parent, "range", symbol=str(number), lower=f"{low:.15g}", upper=f"{high:.15g}", label=label,
        render="true",
    )  # fmt: skip


def _categorised(style: ByName, shape: Shape) -> Element:
    root = Element(
        "renderer-v2", type="categorizedSymbol", attr=style.column, symbollevels="0", forceraster="0",
        enableorderby="0",
    )  # fmt: skip
    categories, symbols = SubElement(root, "categories"), SubElement(root, "symbols")
    named = [(name, rank) for rank, names in enumerate(style.classes) for name in names]
    for number, (name, rank) in enumerate([*named, ("", None)]):
        value, label = (name, name) if rank is not None else ("", "other")
        SubElement(
            categories, "category", symbol=str(number), value=value, label=label, type="string",
            render="true",
        )  # fmt: skip
        symbols.append(_symbol(shape, number, rank))
    return root


def _single(shape: Shape) -> Element:
    root = Element("renderer-v2", type="singleSymbol", symbollevels="0", forceraster="0", enableorderby="0")
    SubElement(root, "symbols").append(_symbol(shape, 0, 0))
    return root


def _order_by(root: Element, expression: str, *, rising: bool) -> None:
    """Draw the worst last, and so on top."""
    order = SubElement(SubElement(root, "orderby"), "orderByClause", asc=str(int(rising)), nullsFirst="1")
    order.text = expression


def _symbol(shape: Shape, number: int, rank: int | None) -> Element:
    """A symbol of one class; grey and dashed where there is no data."""
    kind, layer_class, colour_key = _SYMBOLS[shape]
    colour = _rgba(NO_DATA_COLOUR if rank is None else PALETTE[rank])
    properties: list[tuple[str, str]] = [(colour_key, colour)]
    if shape == "lines":
        properties += [
            ("line_style", "dash" if rank is None else "solid"),
            ("line_width", f"{_WIDTHS_MM[rank or 0]:g}"), ("line_width_unit", "MM"),
        ]  # fmt: skip
    elif shape == "points":
        properties += [
            ("name", "circle"), ("size", f"{_SIZES_MM[rank or 0]:g}"), ("size_unit", "MM"),
            ("outline_color", "255,255,255,255"), ("outline_width", "0.2"), ("outline_width_unit", "MM"),
        ]  # fmt: skip
    symbol = Element("symbol", name=str(number), type=kind, alpha="1", clip_to_extent="1", force_rhr="0")
    layer = SubElement(symbol, "layer", {"class": layer_class, "enabled": "1", "locked": "0", "pass": "0"})
    _write_properties(layer, properties)
    return symbol


def _write_properties(layer: Element, properties: Sequence[tuple[str, str]]) -> None:
    """Properties as QGIS writes them since 3.22 (Option) and as it did before (prop)."""
    options = SubElement(layer, "Option", type="Map")
    for name, value in properties:
        SubElement(options, "Option", name=name, type="QString", value=value)
    for name, value in properties:
        SubElement(layer, "prop", k=name, v=value)


def _rgba(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"{red},{green},{blue},255"
