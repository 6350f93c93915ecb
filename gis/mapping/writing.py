"""A mapping as TOML text, and the TOML values a mapping needs: strings, numbers, lists, inline tables."""

from __future__ import annotations

import json
from collections.abc import Mapping

from gis.mapping.grammar import LayerMapping

Words = Mapping[str, object]


def mapping_toml(mapping: LayerMapping) -> str:
    """Write a mapping as TOML; `parse_mapping` reads the same mapping from it.

    Comments of a file it was read from are not kept.
    """
    words = mapping.model_dump(by_alias=True, exclude_defaults=True)
    lines = _assignments({k: v for k, v in words.items() if not isinstance(v, dict | list)})
    for name, value in words.items():
        if isinstance(value, dict):
            lines += _section(name, value)
        elif isinstance(value, list):
            lines += [line for entry in value for line in ("", f"[[{name}]]", *_entry(name, entry))]
    return "\n".join(lines) + "\n"


def _section(name: str, words: Words) -> list[str]:
    """A table of plain values, or one of tables: each gets a heading of its own."""
    nested = {key: value for key, value in words.items() if isinstance(value, Mapping)}
    plain = _assignments({key: value for key, value in words.items() if key not in nested})
    inner = [line for key, value in nested.items() for line in _section(f"{name}.{toml_key(key)}", value)]
    return [*(["", f"[{name}]", *plain] if plain else []), *inner]


def _entry(name: str, words: Words) -> list[str]:
    """One of several tables; what its columns are stands below it, a line each."""
    columns = words.get("columns")
    if not isinstance(columns, Mapping):
        return _assignments(words)
    short = {c: v["column"] if set(v) == {"column"} else v for c, v in columns.items()}
    above = _assignments({key: value for key, value in words.items() if key != "columns"})
    return [*above, f"[{name}.columns]", *_assignments(short)]


def _assignments(words: Words) -> list[str]:
    return [f"{toml_key(key)} = {toml_value(value)}" for key, value in words.items()]


def toml_value(value: object) -> str:
    """A value as TOML: tables inline, lists in brackets."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(_assignments(value)) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, int | float) else toml_string(str(value))


def toml_key(key: str) -> str:
    """A key, in quotes where TOML wants them."""
    return key if key.isascii() and key.replace("_", "").replace("-", "").isalnum() else toml_string(key)


def toml_string(text: str) -> str:
    """A basic string: JSON's escapes are TOML's, but for DEL, which TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
