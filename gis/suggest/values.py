"""Values: what the cells of a column say about what it may be. A name alone is never taken as proof."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gis.conform import as_text
from gis.numbers import read_numbers
from gis.schema import Column
from gis.suggest.words import read_words, tokens, unit_words

# Length given against length drawn, within which both are one figure (sag, service loops, digitising).
DRAWN_SHARE_LOW, DRAWN_SHARE_HIGH = 0.5, 2.0
# Correlation of a resistance with the length from which it is the total, not per km.
TOTAL_CORRELATION = 0.8
CELLS_LOOKED_AT = 5000
# Low voltages in V from 200 on (IEC 60038 table 1, ANSI C84.1); some are voltages of transmission in kV too,
# whose lines are this long [m] in the middle; lines of low voltage are not (engineering judgement).
LOW_VOLTAGES_V = {200, 208, 220, 230, 240, 254, 277, 380, 400, 415, 440, 460, 480, 600, 690}
TRANSMISSION_LINE_M = 3000.0
_GROUP = re.compile(r"^[YDZ]N?[ydz]n?(\d{1,2})$")


@dataclass(frozen=True)
class Evidence:
    """What the cells say: 0 against, 0.5 nothing, 1 for; and how they are to be read."""

    score: float
    reason: str
    factor: float | None = None
    codes: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What else is known of the file: ids per table, and the length drawn [m] of each row of this layer."""

    ids: Mapping[str, frozenset[str]]
    bus_ids: frozenset[str]
    drawn_m: pd.Series | None = None
    length_m: pd.Series | None = None


def evidence(cells: pd.Series, table: str, column: Column, name: str, around: Surroundings) -> Evidence:
    """Judge whether the cells can be a canonical column, and in which unit or codes they are."""
    present = cells.dropna()
    if present.empty:
        return Evidence(0.3, "the column is empty")
    if column.kind == "id":
        return _as_id(cells, present)
    if column.kind == "reference" or column.name == "element_id":
        known = around.bus_ids if column.kind == "reference" else _elements(around)
        return _as_reference(present, known)
    if column.kind in ("choice", "boolean"):
        return _as_codes(present, table, column)
    if column.name == "shift_degree" and not _is_number(present):
        return _as_vector_group(present)
    if column.kind in ("number", "integer"):
        return _as_number(cells, column, name, around)
    return _as_text(present)


def drawn_length_m(layer: pd.DataFrame) -> pd.Series | None:
    """Length drawn [m] per row; None without lines or without a CRS."""
    if not isinstance(layer, gpd.GeoDataFrame) or layer.crs is None or layer.empty:
        return None
    geometry = layer.geometry
    if not geometry.geom_type.isin(["LineString", "MultiLineString"]).any():
        return None
    finite = geometry[np.isfinite(shapely.bounds(np.asarray(geometry))).all(axis=1)]
    if finite.empty:
        return None
    metric = finite if finite.crs.is_projected else finite.to_crs(finite.estimate_utm_crs())
    return pd.Series(shapely.length(np.asarray(metric)), finite.index)


def as_numbers(cells: pd.Series) -> pd.Series:
    """Cells as numbers, decimal commas and thousands separators read; what is none is missing."""
    return read_numbers(cells)[0].replace([np.inf, -np.inf], np.nan)


def texts(cells: pd.Series) -> pd.Series:
    """Cells that hold something, as the import will read them."""
    return as_text(cells).dropna()


def _is_number(present: pd.Series) -> bool:
    return bool(as_numbers(present.head(CELLS_LOOKED_AT)).notna().mean() >= 0.9)


def _elements(around: Surroundings) -> frozenset[str]:
    return frozenset().union(*(around.ids.get(t, frozenset()) for t in ("lines", "transformers")))


def _as_id(cells: pd.Series, present: pd.Series) -> Evidence:
    if pd.api.types.is_float_dtype(cells.dtype) and not (present == present.round()).all():
        return Evidence(0.0, "figures with decimals are no ids")
    if not pd.api.types.is_scalar(present.iloc[0]):
        return Evidence(0.0, "the cells are no text")
    doubled = int(present.duplicated().sum())
    absent = len(cells) - len(present)
    if not doubled and not absent:
        return Evidence(1.0 if len(cells) > 1 else 0.7, "every row has its own value")
    share = 1.0 - (doubled + absent) / len(cells)
    said = f"{doubled} doubled and {absent} missing of {len(cells)}"
    return Evidence(0.8 * share if share >= 0.8 else 0.0, said)


def _as_reference(present: pd.Series, known: frozenset[str]) -> Evidence:
    if pd.api.types.is_float_dtype(present.dtype) and not (present == present.round()).all():
        return Evidence(0.0, "figures with decimals are no ids")
    if not known:
        return Evidence(0.5, "no layer to look the ids up in")
    share = float(texts(present).isin(known).mean())
    said = f"{share:.0%} of the values are ids met elsewhere"
    return Evidence(share if share >= 0.5 else 0.1 * share, said)


def _as_text(present: pd.Series) -> Evidence:
    if _is_number(present):
        return Evidence(0.15, "the cells are figures, not names")
    return Evidence(0.7, "the cells are text")


def _as_vector_group(present: pd.Series) -> Evidence:
    groups = {str(value): _GROUP.match(str(value).strip()) for value in present.unique()[:100]}
    codes: dict[str, object] = {text: 30 * int(found[1]) % 360 for text, found in groups.items() if found}
    share = len(codes) / len(groups)
    return Evidence(
        share if share > 0.5 else 0.0, f"{len(codes)} of {len(groups)} vector groups read", None, codes
    )


def _as_codes(present: pd.Series, table: str, column: Column) -> Evidence:
    known = code_words(table, column.name)
    values = sorted(texts(present).unique())
    if len(values) > 60:
        return Evidence(0.0, f"{len(values)} different values are no codes")
    if pd.api.types.is_bool_dtype(present.dtype) and column.kind == "boolean":
        return Evidence(0.95, "the cells are true or false")
    canonical = set(column.choices) if column.kind == "choice" else {"true", "false"}
    codes: dict[str, object] = {v: known[" ".join(tokens(v))] for v in values if " ".join(tokens(v)) in known}
    codes |= {v: v for v in values if v in canonical}
    share = len(codes) / len(values)
    needed = {} if all(text == value for text, value in codes.items()) else codes
    missing = ", ".join(v for v in values if v not in codes)
    said = f"{len(codes)} of {len(values)} codes understood" + (f"; not {missing}" if missing else "")
    return Evidence(share if share >= 0.5 else 0.15 * share, said, None, needed)


def code_words(table: str, column: str) -> dict[str, str]:
    """Meaning of cells in any language, by their tokens."""
    words = read_words("codes.toml")
    given = words.get(f"{table}.{column}") or words.get(column) or {}
    return {" ".join(tokens(text)): value for value, group in given.items() for text in group}


def _as_number(cells: pd.Series, column: Column, name: str, around: Surroundings) -> Evidence:
    numbers = as_numbers(cells)
    present = cells.notna()
    readable = float(numbers[present].notna().mean())
    if readable < 0.7:
        return Evidence(0.0, "the cells are no figures")
    filled = numbers.dropna()
    if column.kind == "integer" and not (filled == filled.round()).all():
        return Evidence(0.1, "the figures are not whole")
    if column.name in ("r_ohm_per_km", "x_ohm_per_km") and _is_total(numbers, around):
        return Evidence(0.0, "it grows with the length: ohm in total, not per km; divide it by the length")
    if column.name == "length_m" and around.drawn_m is not None:
        return _against_drawn(numbers, column, name, around.drawn_m)
    return _by_magnitude(filled, column, name, around)


def _is_total(numbers: pd.Series, around: Surroundings) -> bool:
    length = around.length_m
    if length is None or numbers.nunique() < 8 or length.nunique() < 8:
        return False
    return bool(numbers.corr(length, method="spearman") > TOTAL_CORRELATION)


def _against_drawn(numbers: pd.Series, column: Column, name: str, drawn_m: pd.Series) -> Evidence:
    share = float((numbers / drawn_m.replace(0.0, np.nan)).median())
    stated = unit_factor(name, column.unit)
    fitting = [
        (u, f) for u, f in unit_factors("m").items() if DRAWN_SHARE_LOW <= share * f <= DRAWN_SHARE_HIGH
    ]
    if stated is not None and any(f == stated[1] for _, f in fitting):
        return Evidence(1.0, f"in {stated[0]} as the name says, as long as drawn", _plain(stated[1]))
    if stated is not None:
        told = f"; as drawn it would be {fitting[0][0]}" if fitting else ""
        return Evidence(
            0.4, f"in {stated[0]} by its name, {share:.3g} of the length drawn{told}", _plain(stated[1])
        )
    metric = [(u, f) for u, f in fitting if u in ("m", "km", "ft")]
    if metric:
        return Evidence(0.95, f"as long as drawn when read in {metric[0][0]}", _plain(metric[0][1]))
    return Evidence(0.25, f"{share:.3g} of the length drawn in no unit known")


def _by_magnitude(filled: pd.Series, column: Column, name: str, around: Surroundings) -> Evidence:
    typical = read_words("units.toml")["typical"].get(column.name)
    stated = unit_factor(name, column.unit)
    median = float(filled[filled != 0.0].median()) if (filled != 0.0).any() else 0.0
    if typical is None:
        return Evidence(0.6, "figures", None if stated is None else _plain(stated[1]))
    low, high = typical
    if stated is not None:
        unit, factor = stated
        if low <= median * factor <= high:
            return Evidence(0.95, f"in {unit} as the name says, median {median:g}", _plain(factor))
        return Evidence(0.4, f"in {unit} by its name, but a median of {median:g} is unusual", _plain(factor))
    if column.name == "vn_kv" or column.name.startswith("vn_"):
        return _voltage(filled, column, around)
    fitting = [(u, f) for u, f in unit_factors(column.unit).items() if low <= median * f <= high]
    at_once = low <= median <= high
    if at_once:
        return Evidence(0.8 if len(fitting) <= 1 else 0.6, f"median {median:g} fits {column.unit or 'it'}")
    thousand = [(u, f) for u, f in fitting if f in (1000, 0.001, 100, 0.01)]
    if thousand:
        unit, factor = thousand[0]
        return Evidence(0.55, f"median {median:g} is likely {unit}; the name does not say", factor)
    return Evidence(0.1, f"a median of {median:g} fits no unit")


def _voltage(filled: pd.Series, column: Column, around: Surroundings) -> Evidence:
    """Nominal voltages in V or kV: what can only be one of them decides, then how long the lines are."""
    smallest, largest = float(filled[filled > 0].min() or 0.0), float(filled.max())
    said = f"{smallest:g} to {largest:g}"
    if largest >= 1000.0:
        return Evidence(0.75, f"{said} is V", 0.001)
    if smallest >= 200.0:
        return _volts_or_kilovolts(filled, said, around)
    if smallest >= 100.0 and column.name == "vn_lv_kv":
        return Evidence(0.6, f"{said} is likely V", 0.001)
    if smallest >= 0.05 and largest <= 400.0:
        return Evidence(0.8, f"{said} is kV")
    return Evidence(0.05, f"{said} is no voltage of a network")


def _volts_or_kilovolts(filled: pd.Series, said: str, around: Surroundings) -> Evidence:
    """220, 230, 380 and 400 are voltages in V and in kV."""
    if not set(filled.unique()) <= LOW_VOLTAGES_V:
        return Evidence(0.7, f"{said} is kV: not all of it is a low voltage in V")
    drawn_m = around.drawn_m.median() if around.drawn_m is not None else np.nan
    if drawn_m >= TRANSMISSION_LINE_M:
        return Evidence(0.7, f"{said} is kV: the lines are {drawn_m / 1000.0:.3g} km long in the middle")
    if np.isfinite(drawn_m):
        return Evidence(0.75, f"{said} is V: the lines are {drawn_m:.3g} m long in the middle", 0.001)
    return Evidence(0.5, f"{said} is V, or kV in a transmission network; check it", 0.001)


def unit_factors(unit: str) -> dict[str, float]:
    """Units a column may be in and the factor to its canonical unit."""
    given: dict[str, float] = read_words("units.toml")["units"].get(unit, {}).get("factors", {})
    return given


def unit_factor(name: str, unit: str) -> tuple[str, float] | None:
    """Unit a name states at its end, with the factor to the canonical unit.

    Examples
    --------
    >>> unit_factor("Laenge_km", "m")
    ('km', 1000)
    """
    given = tokens(name)
    found = None
    for text, factor in unit_factors(unit).items():
        parts = tuple(text.split())
        behind = given[-len(parts) :] == parts and (len(given) > len(parts) or len(text) > 1)
        inside = text > "一" and len(given) > 0 and given[-1].endswith(text)
        if (behind or inside) and (found is None or len(text) > len(found[0])):
            found = (text, factor)
    return found


def states_other_unit(name: str, unit: str) -> bool:
    """Tell whether a name ends in a unit that is none of this column's."""
    given = tokens(name)
    if len(given) < 2 or unit_factor(name, unit) is not None:
        return False
    return given[-1] in unit_words() and len(given[-1]) > 1


def _plain(factor: float) -> float | None:
    return None if factor == 1 else factor
