"""A mapping as TOML text, and the TOML values a mapping needs: strings, numbers, lists, inline tables."""

from __future__ import annotations

import json
from collections.abc import Mapping

from gis.mapping.grammar import LayerMapping


def mapping_toml(mapping: LayerMapping) -> str:
    """Write a mapping as TOML; `parse_mapping` reads the same mapping from it.

    Comments of a file it was read from are not kept.
    """
    words = mapping.model_dump(by_alias=True, exclude_defaults=True)
    lines = [f"{name} = {toml_value(words[name])}" for name in ("name", "crs") if name in words]
    for heading, table in (("source", words.get("source")), *_code_tables(words)):
        if table:
            lines += ["", f"[{heading}]", *(f"{toml_key(k)} = {toml_value(v)}" for k, v in table.items())]
    for table in words["tables"]:
        lines += ["", *_table(table)]
    return "\n".join(lines) + "\n"


def _code_tables(words: Mapping[str, dict[str, dict]]) -> list[tuple[str, dict]]:
    return [(f"codes.{toml_key(name)}", table) for name, table in words.get("codes", {}).items()]


def _table(table: Mapping[str, dict]) -> list[str]:
    columns = table.get("columns", {})
    plain = [f"{k} = {toml_value(v)}" for k, v in table.items() if k != "columns"]
    named = [f"{name} = {_column(source)}" for name, source in columns.items()]
    return ["[[tables]]", *plain, "[tables.columns]", *named]


def _column(source: Mapping[str, object]) -> str:
    return toml_value(source["column"] if set(source) == {"column"} else source)


def toml_value(value: object) -> str:
    """A value as TOML: tables inline, lists in brackets."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{toml_key(k)} = {toml_value(v)}" for k, v in value.items()) + " }"
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
