"""Words: how close a layer's or column's name is to what a canonical table or column is called, and in which
language. Looks at names only; what stands in the cells is `gis.suggest.values`.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = {"en": "English", "de": "German", "pt": "Portuguese", "es": "Spanish", "zh": "Chinese"}
# Ratio of difflib from which two words are one with a slip or an ending (engineering judgement: "Leitung"
# and "Leitungen" reach 0.88, "node" and "mode" 0.75).
ALIKE_RATIO = 0.84
_HERE = Path(__file__).parent
_CAMEL = re.compile(r"(?<=[a-z]{2})(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")  # kV, kVA, MWh stay whole
_TOKEN = re.compile(r"[a-z]+|\d+|[一-鿿]+")
_SIGNS = str.maketrans(
    {"\u03a9": " ohm ", "\u2126": " ohm ", "µ": "u", "μ": "u", "%": " percent ", "φ": "phi"}
)
_UMLAUTS = re.compile("(a|o|u)e")


@dataclass(frozen=True)
class Likeness:
    """How close a name is to a word, 0 to 1."""

    score: float = 0.0
    word: str = ""
    language: str = ""

    @property
    def reason(self) -> str:
        return (
            f"the name is {LANGUAGES[self.language]} {self.word!r}" if self.score else "the name says nothing"
        )


@cache
def read_words(file: str) -> dict[str, Any]:  # Any: nested tables of TOML
    """Read one of the word files beside this module."""
    return tomllib.loads((_HERE / file).read_text(encoding="utf-8"))


@cache
def tokens(name: str) -> tuple[str, ...]:
    """Split a name into lower-case words without accents; ä and ae are one.

    Examples
    --------
    >>> tokens("Länge_km"), tokens("fromNode"), tokens("电压等级_kV")
    (('lange', 'km'), ('from', 'node'), ('电压等级', 'kv'))
    """
    parted = _CAMEL.sub(" ", name.translate(_SIGNS))
    plain = "".join(c for c in unicodedata.normalize("NFKD", parted) if not unicodedata.combining(c))
    return tuple(_UMLAUTS.sub(r"\1", t) for t in _TOKEN.findall(plain.casefold()))


@cache
def unit_words() -> frozenset[str]:
    """Every token that may be part of a unit."""
    units = read_words("units.toml")["units"].values()
    return frozenset(t for unit in units for text in unit["factors"] for t in text.split())


def layer_likeness(name: str, table: str) -> Likeness:
    """Compare a layer's name with the words for a table."""
    return _best(tokens(name), _vocabulary("tables", table))


def column_likeness(name: str, table: str, column: str, id_column: str) -> Likeness:
    """Compare a column's name with the words for a canonical column, with and without a unit behind."""
    return _column_likeness(tokens(name), table, "id" if column == id_column else column)


@cache
def _column_likeness(given: tuple[str, ...], table: str, column: str) -> Likeness:
    words = _vocabulary("columns", f"{table}.{column}") + _vocabulary("columns", column)
    own = (tokens(column), "en")  # the canonical name itself
    singular = table.removesuffix("es") if table in ("buses", "switches") else table.removesuffix("s")
    own_id = tuple((tokens(singular) + t, lang) for t, lang in words) if column == "id" else ()
    return _best(given, (own, *words, *own_id))


def coordinate_likeness(name: str, axis: str) -> float:
    """Compare a column's name with the words for a coordinate."""
    return _best(tokens(name), _vocabulary("coordinates", axis)).score


@cache
def _vocabulary(group: str, key: str) -> tuple[tuple[tuple[str, ...], str], ...]:
    languages = read_words("vocabulary.toml")[group].get(key, {})
    return tuple((tokens(word), lang) for lang, words in languages.items() for word in words)


def _best(given: tuple[str, ...], words: tuple[tuple[tuple[str, ...], str], ...]) -> Likeness:
    found: list[Likeness] = []
    for word, language in words:
        score = _likeness(given, word)
        if score:
            found.append(Likeness(score, " ".join(word), language))
    return max(found, key=lambda one: one.score, default=Likeness())


def _likeness(given: tuple[str, ...], word: tuple[str, ...]) -> float:
    """Score of one word."""
    if not given or not word:
        return 0.0
    stem = _without_unit(given)
    whole, asked = "".join(given), "".join(word)
    if given == word or whole == asked:
        return 1.0
    if stem and (sorted(stem) == sorted(word) or "".join(stem) == asked):
        return 0.97
    if sorted(given) == sorted(word):
        return 0.95
    inside = _inside(given, word)
    if inside:
        return inside
    short = "".join(stem) or whole
    if min(len(short), len(asked)) >= 4:
        ratio = SequenceMatcher(None, short, asked).ratio()
        if ratio >= ALIKE_RATIO:
            return 0.9 * ratio
    return 0.0


def _inside(given: tuple[str, ...], word: tuple[str, ...]) -> float:
    """Score of a word that is part of the name: as whole tokens, or as a piece of Chinese or a compound."""
    whole, asked = "".join(given), "".join(word)
    share = len(asked) / max(len(whole), 1)
    if set(word) <= set(given) and (len(asked) > 1 or len(given) == 1):
        return 0.55 + 0.35 * share
    if asked > "一" and asked in whole:
        return 0.6 + 0.35 * share
    if len(asked) >= 5 and (whole.startswith(asked) or whole.endswith(asked)):
        return 0.5 + 0.35 * share
    return 0.0


def _without_unit(given: tuple[str, ...]) -> tuple[str, ...]:
    """The words of a name before the tokens of a unit at its end."""
    cut = len(given)
    while cut > 0 and (given[cut - 1] in unit_words()):
        cut -= 1
    return given[:cut]
