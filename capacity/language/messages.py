"""`Messages`: the texts of one folder in one language; a file per language, all with the same keys.

    [verdict]                                        key "verdict.connect"
    connect = "Yes: {name} can be connected."        placeholders are filled with values, never with markup

    [homes]                                          a text with a count: a form per plural of the language
    one = "{count} home"
    other = "{count} homes"

Values are written as the language writes them: numbers without decimals unless the placeholder says
("{value:2}"), dates as days or ("{start:month}") as months, sequences as lists. What stands in a value is
data: braces in a name mean nothing.
"""

from __future__ import annotations

import datetime as dt
import string
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeAlias

from capacity.language.language import Language, languages, read_language

Value: TypeAlias = str | float | dt.date | tuple[str, ...] | list[str]
_OTHER: Final = "other"


class _Written(string.Formatter):
    """Fills placeholders the way of one language."""

    def __init__(self, language: Language) -> None:
        self._language = language

    def format_field(self, value: object, format_spec: str) -> str:
        language = self._language
        if isinstance(value, int | float):
            return language.number(float(value), int(format_spec or 0))
        if isinstance(value, dt.date):
            return language.month_of(value) if format_spec == "month" else language.day(value)
        if isinstance(value, tuple | list):
            return language.listed([str(text) for text in value])
        return str(value)


@dataclass(frozen=True, eq=False)
class Messages:
    """Texts by key, in one language."""

    language: Language
    texts: Mapping[str, str]

    def __contains__(self, key: str) -> bool:
        return key in self.texts or f"{key}.{_OTHER}" in self.texts

    def say(self, key: str, **values: Value) -> str:
        """Fill the text of a key.

        Raises
        ------
        KeyError
            There is no such text, or a value is not given.
        """
        return _Written(self.language).vformat(self.texts[key], (), values)

    def count(self, key: str, count: float, **values: Value) -> str:
        """Fill the text of a key in the form that a count takes; the count is the value "count"."""
        return self.say(f"{key}.{self.language.form(count)}", count=count, **values)

    def or_else(self, key: str, text: str, **values: Value) -> str:
        """Fill the text of a key, or take a text as it is where no message is of that key."""
        return self.say(key, **values) if key in self.texts else text


def read_messages(folder: Path, code: str) -> Messages:
    """Read the texts of a folder in one language.

    Raises
    ------
    InputError
        There is no language of that code.
    """
    return _read(folder, read_language(code).code)


def faults_of_messages(folder: Path) -> list[str]:
    """What is not alike between the languages of a folder: keys, plural forms, placeholders, files.

    Returns
    -------
    list
        One line a fault; empty when every language says everything.
    """
    stray = [path.name for path in sorted(folder.glob("*.toml")) if path.stem not in languages()]
    faults = [f"{name}: no language of that code" for name in stray]
    catalogues = {code: _read(folder, code) for code in languages()}
    first = next(iter(catalogues.values()))
    for code, messages in catalogues.items():
        faults += [f"{code}: {line}" for line in _unlike(first, messages)]
    return faults


def placeholders(text: str) -> frozenset[str]:
    """Names of the placeholders in a text."""
    return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


@lru_cache(maxsize=32)
def _read(folder: Path, code: str) -> Messages:
    told = tomllib.loads((folder / f"{code}.toml").read_text(encoding="utf-8"))
    return Messages(read_language(code), dict(_flat(told, "")))


def _flat(told: Mapping[str, object], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in told.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value)


def _unlike(first: Messages, other: Messages) -> Iterator[str]:
    ours, theirs = _keys(first), _keys(other)
    yield from (f"{key} is missing" for key in ours.keys() - theirs.keys())
    yield from (f"{key} is in no other language" for key in theirs.keys() - ours.keys())
    for key in sorted(ours.keys() & theirs.keys()):
        if theirs[key] != ours[key]:
            yield f"{key} has the placeholders {sorted(theirs[key])}, not {sorted(ours[key])}"
    for key in other.texts:
        stem, _, form = key.rpartition(".")
        if form == _OTHER and set(other.language.forms) != _forms_of(other, stem):
            yield f"{stem} is not told in the forms {', '.join(other.language.forms)}"


def _forms_of(messages: Messages, stem: str) -> set[str]:
    return {
        form for form in ("zero", "one", "two", "few", "many", _OTHER) if f"{stem}.{form}" in messages.texts
    }


def _keys(messages: Messages) -> dict[str, frozenset[str]]:
    """Placeholders per key; the forms of a count are one key, and "one" may leave the count out."""
    found: dict[str, frozenset[str]] = {}
    for key, text in messages.texts.items():
        stem, _, form = key.rpartition(".")
        counted = f"{stem}.{_OTHER}" in messages.texts
        if not counted or form == _OTHER:
            found[stem if counted else key] = placeholders(text)
    return found
