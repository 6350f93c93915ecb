"""A letter as PDF, page and JSON: names are data, nothing is from outside, the same bytes each time."""

from __future__ import annotations

import datetime as dt
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from capacity.connection import assess_on, connection_grid
from capacity.demand.development import Development
from capacity.letter import (
    LetterContext,
    context_of,
    letter_html,
    letter_json,
    letter_of,
    letter_pdf,
    picture_of,
)
from capacity.letter.glyphs import _subset, faces, known_characters, printable, unprintable
from capacity.network_record import network_record
from tests.capacity.grids import station
from tests.capacity.letter.answers import HOSTILE, SITE_KVA, answer, judged, place_of_site, town

ASKED = answer("connect_after_works", judged(works=True), judged(fits=False), name=HOSTILE)


@pytest.fixture(scope="module")
def context() -> LetterContext:
    picture = picture_of(town(), place_of_site(), ASKED.ranked[0], SITE_KVA)
    return LetterContext(dt.date(2026, 12, 1), to_lines=(HOSTILE,), picture=picture)


@pytest.fixture(scope="module")
def page(context: LetterContext) -> str:
    return letter_html(letter_of(ASKED, language="de", context=context))


class _Tags(HTMLParser):
    """Gathers tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.values: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.values += [value or "" for _, value in attrs]


def test_a_hostile_name_is_text_in_a_page_that_needs_nothing_from_outside(page: str) -> None:
    parser = _Tags()
    parser.feed(page)
    assert not {"script", "a", "link", "img", "iframe"} & set(parser.tags)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; ${7*7}" in page
    assert re.findall(r"url\((?!data:)", page) == []
    assert [value for value in parser.values if "://" in value and "w3.org" not in value] == []
    style = page[page.index("<style>") : page.index("</style>")]
    assert style.count("{") == style.count("}")


def test_a_page_brings_parts_of_its_typefaces_the_same_each_time(page: str) -> None:
    assert [name in page for name in ('"Noto Sans";src:url(data', '"Noto Sans SC";src:url(data')] == [
        True,
        False,
    ]
    chinese = faces()[1]
    assert _subset(chinese.path, {ord("南")}) == _subset(chinese.path, {ord("南")})
    assert len(_subset(chinese.path, {ord("南")})) < 5_000


@pytest.mark.parametrize("code", ["en", "zh"])
def test_a_pdf_of_long_hostile_names_is_set_and_the_same_each_time(context: LetterContext, code: str) -> None:
    asked = answer("connect", judged(), name="W" * 500 + HOSTILE)
    letter = letter_of(asked, language=code, context=context)
    made = letter_pdf(letter)
    assert made.startswith(b"%PDF")
    assert made == letter_pdf(letter_of(asked, language=code, context=context))
    assert b"NotoSans" in made
    assert (b"NotoSansSC" in made) == (code == "zh")


def test_json_keeps_names_as_they_are(context: LetterContext) -> None:
    told = json.loads(letter_json(letter_of(ASKED, language="zh", context=context)))
    assert told["site"] == HOSTILE
    assert told["texts"]["head"][-1] == ["项目", HOSTILE]
    assert told["best"]["against"][0]["element_id"] == "L1"


def test_a_character_without_glyph_is_a_code_with_a_note(page: str) -> None:
    assert printable("a\u202eb 😀\n c") == "a[U+202E]b [U+1F600] c"
    assert unprintable("Łódź 南京 Ω Ж\n") == set()
    note = page[page.index("Nicht druckbare Zeichen") :]
    assert {"U+202E", "U+1F600", "U+0627"} <= set(re.findall(r"U\+[0-9A-F]+", note))


def test_the_typefaces_have_every_character_of_gb_2312_and_of_the_languages_of_europe() -> None:
    pairs = [bytes([row, cell]) for row in range(0xB0, 0xF8) for cell in range(0xA1, 0xFF)]
    chinese = {ord(sign) for pair in pairs if len(sign := pair.decode("gb2312", "ignore")) == 1}
    latin = {*range(0xA1, 0xAD), *range(0xAE, 0x180), *range(0x391, 0x3A2), *range(0x410, 0x450)}
    assert len(chinese) == 6763
    assert not (chinese | latin) - known_characters()


def test_the_map_shows_the_grid_twice_the_new_cable_once_and_no_names(context: LetterContext) -> None:
    assert context.picture is not None
    before, after = context.picture.svg.split("<svg x=")[1:]
    assert ("#008837" in before, "#008837" in after) == (False, True)
    assert "<text" not in context.picture.svg


def test_the_map_colours_by_what_the_site_adds() -> None:
    calm = picture_of(town(), place_of_site(), judged(), 0.0 * SITE_KVA).svg.split("<svg x=")[2]
    loaded = picture_of(town(), place_of_site(), judged(), np.array([300.0 + 0.0j])).svg.split("<svg x=")[2]
    assert "#a50026" not in calm
    assert "#a50026" in loaded


def test_the_letter_of_a_real_assessment_says_its_verdict_cost_and_hashes() -> None:
    grid = connection_grid(station())
    development = Development(place_of_site(), site_id="S-17", name="Am Bach", dwellings=3)
    assessment = assess_on(grid, development)
    context = context_of(grid, assessment, issued_on=dt.date(2026, 12, 1), reference="2026-17")
    letter = letter_of(assessment, language="zh", context=context)
    best = letter.facts["best"]
    assert isinstance(best, dict)
    assert assessment.verdict == "connect"
    assert (
        best["cost_eur"]
        == assessment.options["cost_eur"].iloc[0]
        == sum(one["cost_eur"] for one in best["bill"])
    )
    assert letter.facts["network_sha256"] == network_record(station())["sha256"]
    assert context.picture is not None
