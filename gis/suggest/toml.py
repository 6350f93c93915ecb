"""A suggestion as a mapping file (`gis.mapping`), every line with how sure it is and why."""

from __future__ import annotations

import json
from collections.abc import Mapping

from gis.suggest.proposals import ColumnProposal, MappingSuggestion, TableProposal, how_sure


def to_toml(suggestion: MappingSuggestion) -> str:
    """Write a suggestion as TOML that `gis.mapping` reads; comments tell what is missing."""
    lines = [
        "# Proposed from names, values and geometry: read every line before you use it.",
        f"name = {_text(suggestion.source_name)}",
        *([f"crs = {_text(suggestion.crs)}  # likely: coordinates in degrees"] if suggestion.crs else []),
        *(_comment(f"MISSING: {text}") for text in suggestion.missing),
        *(_comment(f"layer {layer} is left out: {reason}") for layer, reason in suggestion.left),
    ]
    for table in suggestion.tables:
        lines += ["", *_table(table)]
    return "\n".join(lines) + "\n"


def _table(table: TableProposal) -> list[str]:
    lines = [
        "[[tables]]",
        f"table = {_text(table.table)}  {_sure(table.confidence, table.reason)}",
        f"layer = {_text(table.layer)}",
    ]
    if table.geometry:
        lines.append(f"geometry = {_inline(table.geometry)}")
    lines += [_comment(f"MISSING: {text}") for text in table.missing]
    lines.append("[tables.columns]")
    return lines + [
        f"{column.column} = {_source(column)}  {_sure(column.confidence, column.reason)}"
        for column in table.columns
    ]


def _source(column: ColumnProposal) -> str:
    if column.source is None:
        return _inline({"value": column.value})
    words: dict[str, object] = {"column": column.source}
    if column.factor is not None:
        words["factor"] = column.factor
    if column.codes:
        words["codes"] = dict(column.codes)
    return _text(column.source) if len(words) == 1 else _inline(words)


def _inline(words: Mapping[str, object]) -> str:
    return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in words.items()) + " }"


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return _inline(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, int | float) else _text(str(value))


def _key(key: str) -> str:
    return key if key.isascii() and key.replace("_", "").replace("-", "").isalnum() else _text(key)


def _text(text: str) -> str:
    """A basic string: JSON's escapes are TOML's, but for DEL, which TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _sure(confidence: float, reason: str) -> str:
    return _comment(f"{how_sure(confidence)} ({confidence:.0%}): {reason}")


def _comment(text: str) -> str:
    """A comment of one line: control characters, which TOML forbids there, become blanks."""
    return "# " + "".join(c if c.isprintable() else " " for c in text)
