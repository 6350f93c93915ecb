"""A suggestion as a mapping file (`gis.mapping`), every line with how sure it is and why."""

from __future__ import annotations

from gis.mapping.writing import toml_string, toml_value
from gis.suggest.proposals import ColumnProposal, MappingSuggestion, TableProposal, how_sure


def to_toml(suggestion: MappingSuggestion) -> str:
    """Write a suggestion as TOML that `gis.mapping` reads; comments tell what is missing."""
    lines = [
        "# Proposed from names, values and geometry: read every line before you use it.",
        f"name = {toml_string(suggestion.source_name)}",
        *(
            [f"crs = {toml_string(suggestion.crs)}  # likely: coordinates in degrees"]
            if suggestion.crs
            else []
        ),
        *(_comment(f"MISSING: {text}") for text in suggestion.missing),
        *(_comment(f"layer {layer} is left out: {reason}") for layer, reason in suggestion.left),
    ]
    for table in suggestion.tables:
        lines += ["", *_table(table)]
    return "\n".join(lines) + "\n"


def _table(table: TableProposal) -> list[str]:
    lines = [
        "[[tables]]",
        f"table = {toml_string(table.table)}  {_sure(table.confidence, table.reason)}",
        f"layer = {toml_string(table.layer)}",
    ]
    if table.geometry:
        lines.append(f"geometry = {toml_value(table.geometry)}")
    lines += [_comment(f"MISSING: {text}") for text in table.missing]
    lines.append("[tables.columns]")
    return lines + [
        f"{column.column} = {_source(column)}  {_sure(column.confidence, column.reason)}"
        for column in table.columns
    ]


def _source(column: ColumnProposal) -> str:
    if column.source is None:
        return toml_value({"value": column.value})
    words: dict[str, object] = {"column": column.source}
    if column.factor is not None:
        words["factor"] = column.factor
    if column.codes:
        words["codes"] = dict(column.codes)
    return toml_string(column.source) if len(words) == 1 else toml_value(words)


def _sure(confidence: float, reason: str) -> str:
    return _comment(f"{how_sure(confidence)} ({confidence:.0%}): {reason}")


def _comment(text: str) -> str:
    """A comment of one line: control characters, which TOML forbids there, become blanks."""
    return "# " + "".join(c if c.isprintable() else " " for c in text)
