"""Every example of docs/mapping.md is run, and every word of the grammar has one."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pandas as pd
import pytest

from gis.mapping import Mapped, apply_mapping, parse_mapping, profile_names
from gis.mapping.grammar import ColumnSource, Doubt, Join, LayerMapping, NodesSource, Rows, TextSource

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "mapping.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+) ?([^\n]*)\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)


def examples() -> list[tuple[str, list[tuple[str, str]]]]:
    """Each mapping with the layers and tables that follow it."""
    found: list[tuple[str, list[tuple[str, str]]]] = []
    for language, name, text in BLOCK.findall(PAGE):
        if language == "toml":
            found.append((text, []))
        else:
            found[-1][1].append((name, text))
    return found


def table(text: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, na_values=[""])


def shown(mapped: Mapped, name: str) -> pd.DataFrame:
    frame = pd.DataFrame(mapped.findings if name == "findings" else mapped.layers[name])
    return frame.astype(object).where(frame.notna(), None).map(lambda c: c if c is None else str(c))


@pytest.mark.parametrize(("mapping", "tables"), examples(), ids=range(len(examples())))
def test_an_example_does_what_the_page_shows(mapping: str, tables: list[tuple[str, str]]) -> None:
    layers = {name: table(text) for name, text in tables if not name.startswith("->")}
    meaning = parse_mapping(mapping, "mapping.md")
    if not layers:
        return
    mapped = apply_mapping(layers, meaning, "mapping.md")
    for name, text in tables:
        if name.startswith("->"):
            wanted = table(text)
            got = shown(mapped, name.removeprefix("-> "))[list(wanted.columns)]
            assert got.to_numpy().tolist() == wanted.to_numpy().tolist()


def test_every_word_of_the_grammar_has_an_example() -> None:
    written = "\n".join(text for text, _ in examples())
    models = (ColumnSource, Rows, Join, Doubt, NodesSource, LayerMapping, TextSource)
    words = {field.alias or name for model in models for name, field in model.model_fields.items()}
    unsaid = {"column", "recognised_by", "schematic"}  # said in words, of no use to a user, drawn only
    assert {w for w in words - unsaid if not re.search(rf"\b{w}\b", written)} == set()


def test_every_shipped_mapping_is_on_the_page() -> None:
    assert [name for name in profile_names() if f"| `{name}` |" not in PAGE] == []
