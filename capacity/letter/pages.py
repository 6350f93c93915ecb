"""A letter as a PDF, as a web page that needs nothing from outside, and as JSON for systems.

Names are data in all of them: escaped in HTML, and given to the typesetter as values. The same letter gives
the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any, Final

from capacity.letter.glyphs import faces, printable, style_of_faces, unprintable
from capacity.letter.letter import Letter, Section

_HERE = Path(__file__)
_STYLE = _HERE.with_name("page.css")
_SHEET = _HERE.with_name("page.typ")
# Codes of characters without glyph that are told of.
_MOST_CODES: Final = 40
# Words over so many characters may break anywhere in a table.
_LONG_WORD: Final = 30
# What a letter is as plain lists and texts; its shape is that of `Letter`, checked there.
Page = dict[str, Any]
_WITHOUT_TEXT = ("facts", "glyphs")


def letter_pdf(letter: Letter) -> bytes:
    """The letter as a PDF on A4."""
    import typst  # 30 MB of typesetter: loaded when a PDF is asked for

    folders = sorted({face.path.parent for face in faces()})
    made: bytes = typst.compile(
        _SHEET,
        sys_inputs={"letter": json.dumps(_page(letter))},
        font_paths=folders,
        ignore_system_fonts=True,
    )
    return made


def letter_json(letter: Letter) -> str:
    """The letter for systems: its figures with units, and its texts as they are."""
    texts = {key: value for key, value in asdict(letter).items() if key not in (*_WITHOUT_TEXT, "map")}
    whole = {**letter.facts, "language": letter.language, "texts": texts}
    return json.dumps(whole, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False) + "\n"


def letter_html(letter: Letter) -> str:
    """The letter as one self-contained page, laid out for A4, with its own typefaces."""
    page = _page(letter)
    body = "".join(_html_parts(page))
    style = f"{style_of_faces(_texts(page))}\n{_STYLE.read_text(encoding='utf-8')}"
    return (
        f'<!DOCTYPE html>\n<html lang="{escape(letter.language)}"><head><meta charset="utf-8">'
        f"<title>{escape(page['title'])}</title><style>{style}</style></head>"
        f'<body class="{escape(letter.verdict)}">{body}</body></html>\n'
    )


def _page(letter: Letter) -> Page:
    """The letter as lists and printable texts; a note names what could not be printed."""
    told = {key: value for key, value in asdict(letter).items() if key not in _WITHOUT_TEXT}
    codes = sorted({code for text in _texts(told) for code in unprintable(text)})
    page = _each_text(told, printable)
    if told["map"]:
        page["map"]["svg"] = told["map"]["svg"]
    page["page"] = list(letter.page)  # spaces beside the numbers stay
    if codes:
        title, said = letter.glyphs
        more = " …" if len(codes) > _MOST_CODES else ""
        text = said.replace("{codes}", " ".join(codes[:_MOST_CODES]) + more)
        page["sections"].append(_each_text(asdict(Section(title, texts=(text,))), printable))
    return page


def _each_text(told: Any, change: Callable[[str], str]) -> Any:  # Any: nested lists and dictionaries of texts
    if isinstance(told, str):
        return change(told)
    if isinstance(told, dict):
        return {key: _each_text(value, change) for key, value in told.items()}
    if isinstance(told, list | tuple):
        return [_each_text(value, change) for value in told]
    return told


def _texts(told: Any) -> Iterator[str]:  # Any: as above
    if isinstance(told, str):
        yield told
    elif isinstance(told, dict):
        for key, value in told.items():
            if key != "svg":
                yield from _texts(value)
    elif isinstance(told, list | tuple):
        for value in told:
            yield from _texts(value)


def _html_parts(page: Page) -> Iterator[str]:
    yield '<header><div class="parties">'
    for label, lines in page["parties"]:
        yield f"<div><small>{escape(label)}</small>{'<br>'.join(escape(line) for line in lines)}</div>"
    yield f"</div><p class='kind'>{escape(page['kind'])}</p><h1>{escape(page['title'])}</h1>"
    yield f'<dl class="head">{_html_pairs(page["head"])}</dl></header>'
    yield f'<p class="answer"><b>{escape(page["answer"])}</b> {escape(page["sentence"])}</p>'
    yield f'<dl class="figures">{_html_pairs(page["figures"])}</dl>'
    yield f'<p class="note">{escape(page["note"])}</p>'
    for section in page["sections"]:
        yield from _html_section(section, page["map"])


def _html_section(section: Page, drawn: Page | None) -> Iterator[str]:
    yield f"<section><h2>{escape(section['title'])}</h2>"
    yield from (f"<p>{escape(text)}</p>" for text in section["texts"])
    if section["map"] and drawn:
        yield _html_map(drawn)
    if section["pairs"]:
        yield f'<dl class="pairs">{_html_pairs(section["pairs"])}</dl>'
    if section["table"]:
        yield _html_table(section["table"])
    yield from (f"<p>{escape(text)}</p>" for text in section["notes"])
    yield "</section>"


def _html_map(drawn: Page) -> str:
    signs = "".join(
        f'<span><i class="{look}" style="--sign:{colour}"></i>{escape(label)}</span>'
        for label, colour, look in drawn["legend"]
    )
    above = "".join(f"<span>{escape(text)}</span>" for text in drawn["captions"])
    note = f"<p>{escape(drawn['note'])}</p>"
    return f"<figure><div>{above}</div>{drawn['svg']}<figcaption>{signs}{note}</figcaption></figure>"


def _html_pairs(pairs: list[list[str]]) -> str:
    return "".join(f"<div><dt>{escape(label)}</dt><dd>{escape(text)}</dd></div>" for label, text in pairs)


def _html_table(table: Page) -> str:
    looks = [look for _, look in table["columns"]]
    head = "".join(f'<th class="{look}">{escape(name)}</th>' for name, look in table["columns"])
    body = "".join(_html_row(row, looks) for row in table["rows"])
    total = ' class="total"' if table["total"] else ""
    return f"<table{total}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _html_row(row: list[str], looks: list[str]) -> str:
    cells = (f'<td class="{look}">{_breaking(cell)}</td>' for cell, look in zip(row, looks, strict=True))
    return f"<tr>{''.join(cells)}</tr>"


def _breaking(text: str) -> str:
    """Escaped text whose long words may break anywhere, so that no cell is wider than the page."""
    words = (
        escape(word) if len(word) <= _LONG_WORD else "<wbr>".join(map(escape, word))
        for word in text.split(" ")
    )
    return " ".join(words)
