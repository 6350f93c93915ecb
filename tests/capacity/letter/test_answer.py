"""The letter says what the assessment says, in figures and words, in every language."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from capacity.costs.items import ITEMS
from capacity.language import languages
from capacity.letter import Letter, LetterContext, letter_json, letter_of
from capacity.letter.letter import Section
from capacity.letter.words import words_of
from capacity.measures import kinds
from gis import InputError
from tests.capacity.letter.answers import answer, judged

CONTEXT = LetterContext(
    dt.date(2026, 12, 1), reference="2026-17", applications_ahead=1, network_sha256="ab" * 32
)
CODES = tuple(languages())
VERDICTS = {
    "connect": (judged(),),
    "connect_after_works": (judged(works=True), judged("lv_busbar", way_m=90.0)),
    "refuse": (judged(fits=False), judged("mv_tap", fits=False)),
    "undetermined": (),
}


def section(letter: Letter, title: str) -> Section:
    return next(one for one in letter.sections if one.title == title)


def text_of(letter: Letter) -> str:
    """Every sentence, heading and cell of a letter."""
    return "\n".join(_strings(json.loads(letter_json(letter))["texts"]))


def _strings(told: object) -> Iterator[str]:
    if isinstance(told, str):
        yield told
    elif isinstance(told, dict | list):
        for value in told.values() if isinstance(told, dict) else told:
            yield from _strings(value)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_is_told_in_every_language(verdict: str, code: str) -> None:
    letter = letter_of(answer(verdict, *VERDICTS[verdict]), language=code, context=CONTEXT)
    assert letter.verdict == letter.facts["verdict"] == verdict
    assert "Am Bach" in letter.sentence
    assert not re.search(r"[{}\x01\x02]", text_of(letter))
    assert all(
        section.title and (section.texts or section.table or section.pairs) for section in letter.sections
    )


def test_the_sentence_has_demand_point_works_and_cost() -> None:
    letter = letter_of(answer("connect_after_works", *VERDICTS["connect_after_works"]), context=CONTEXT)
    assert letter.sentence == (
        "Am Bach (59 kW) can be connected to the low-voltage network at A2, for about 9,000 EUR "
        "(between 6,000 EUR and 14,000 EUR). Needed first: stronger line instead of an existing one."
    )


def test_german_and_chinese_say_the_same() -> None:
    asked = answer("connect_after_works", *VERDICTS["connect_after_works"])
    assert letter_of(asked, language="de", context=CONTEXT).sentence == (
        "Am Bach (59 kW) kann am Niederspannungsnetz bei A2 angeschlossen werden, für etwa 9.000 EUR "
        "(zwischen 6.000 EUR und 14.000 EUR). Zuvor nötig: stärkere Leitung statt einer bestehenden."
    )
    assert letter_of(asked, language="zh", context=CONTEXT).sentence == (
        "Am Bach（59千瓦）可在A2处的低压电网接入，费用约9,000 EUR（6,000 EUR至14,000 EUR）。"
        "须先完成：更换为更大截面的线路。"
    )


def test_a_refusal_names_case_element_value_and_limit() -> None:
    letter = letter_of(answer("refuse", *VERDICTS["refuse"]), context=CONTEXT)
    assert letter.sentence.endswith(
        "Line L1 would be loaded to 118 % of its rating (100 % is allowed). This is so at peak demand. "
        "It is over its limit today, and the connection would make it worse."
    )
    words = words_of("en", "EUR")
    low: dict[str, object] = {
        "check": "undervoltage", "table": "buses", "element_id": "A2", "value": 0.912, "limit": 0.935,
        "unit": "pu", "case_id": "n_minus_1|lines L3", "already": False,
    }  # fmt: skip
    assert words.reason(low) == (
        "The voltage at A2 would fall to 91.2 % of nominal (at least 93.5 % is required). "
        "This is so when L3 is out of service."
    )


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("en", "The new cable would be loaded to 104 % of its rating (100 % is allowed)."),
        ("de", "Das neue Kabel wäre mit 104 % der Belastbarkeit ausgelastet (zulässig sind 100 %)."),
        ("zh", "新电缆的负载率将达到104%（允许100%）。"),
    ],
)
def test_what_is_new_is_told_by_what_it_is(code: str, said: str) -> None:
    words = words_of(code, "EUR", "S-17")
    limit = {"check": "line_overload", "table": "lines", "element_id": "S-17|lv_feeder|B1|NAYY|cable a",
             "value": 104.0, "limit": 100.0, "unit": "%"}  # fmt: skip
    assert words.reason(limit) == said
    assert "|" not in words.name("S-17|mv_tap|B1|x|station")
    assert words.name("B1") == "B1"


def test_the_bill_adds_up_and_the_customer_pays_the_share_of_the_rule() -> None:
    letter = letter_of(answer("connect_after_works", *VERDICTS["connect_after_works"]), context=CONTEXT)
    table = section(letter, "What is needed").table
    assert table is not None
    *lines, total = ([int(cell.replace(",", "")) for cell in row[4:]] for row in table.rows)
    assert [sum(column) for column in zip(*lines, strict=True)] == total == [9000, 6000]
    best = letter.facts["best"]
    assert isinstance(best, dict)
    assert sum(line["cost_eur"] for line in best["bill"]) == best["cost_eur"] == 9000.0
    assert best["customer_eur"] == 6000.0


def test_dates_are_a_range_counted_from_the_day_of_the_letter() -> None:
    letter = letter_of(answer("connect", judged()), context=CONTEXT)
    # 9 months times 0.8 and 1.5 from December 2026, months begun count.
    assert dict(letter.figures)["Expected supply"] == "between August 2027 and February 2028"
    assert dict(letter.head)["Valid until"] == "1 March 2027"


def test_a_dearer_way_without_works_and_a_nearer_one_that_fails_are_told() -> None:
    ways = (judged(works=True), judged("lv_busbar", way_m=90.0), judged("mv_tap", fits=False, way_m=10.0))
    texts = section(letter_of(answer("connect_after_works", *ways), context=CONTEXT), "Why").texts
    assert any(text.startswith("Without works on the existing grid or a new station") for text in texts)
    assert any(
        text.startswith("A nearer point does not do (New station on a spur, A2, 10 m)") for text in texts
    )


def test_rows_that_find_no_room_are_counted_and_all_are_in_the_json() -> None:
    letter = letter_of(answer("connect", judged(), *[judged(fits=False)] * 13), context=CONTEXT)
    assert section(letter, "Ways of connection that were compared").notes == (
        "4 more rows are in the record of the assessment.",
    )
    assert len(section(letter, "Checks of the grid").table.rows) == 12  # type: ignore[union-attr]
    told = json.loads(letter_json(letter))
    assert (len(told["options"]), len(told["checks"])) == (14, 20)


@pytest.mark.parametrize("code", CODES)
def test_every_item_measure_check_and_part_has_words(code: str) -> None:
    messages = words_of(code, "EUR").messages
    works = [*ITEMS, *kinds()]
    assert [item for item in works if f"work.{item}" not in messages] == []
    assert words_of(code, "EUR").part("homes of 80 m2") != "homes of 80 m2"
    assert words_of(code, "EUR").part("shop, m2") != "shop, m2"
    assert words_of(code, "EUR").part("a part of your own") == "a part of your own"


@pytest.mark.parametrize("code", CODES)
def test_further_answers_are_told_where_they_were_asked_for(code: str) -> None:
    stages = pd.DataFrame(
        {"stage": ["as it is", "connection", "works 1"], "units": [4, 8, 12], "demand_kw": [20.0, 40.0, 59.0],
         "cost_eur": [0.0, 3e3, 9e3], "months": [0, 3, 9]}
    )  # fmt: skip
    turning = pd.DataFrame(
        [
            ("fewer_homes", "x", 40.0, "connect", True, 3e3, 3),
            ("entry_point", "x", 59.0, "refuse", False, np.nan, None),
        ],
        columns=["change", "text", "demand_kw", "verdict", "turned", "cost_eur", "months"],
    )  # fmt: skip
    flexible = SimpleNamespace(hours=31, curtailed_kwh=812.0, share=0.004, firm_kw=20.0, valley_kw=59.0)
    phasing = SimpleNamespace(unit="homes", total=12, stages=stages)
    context = replace(CONTEXT, phasing=phasing, flexible=flexible, turning=turning)
    letter = letter_of(answer("connect_after_works", judged(works=True)), language=code, context=context)
    titles = words_of(code, "EUR").messages.texts
    live = section(letter, titles["section.stages"]).table
    assert live is not None
    assert [("4" in row[1], row[3]) for row in live.rows[:1]] == [(True, "–")]
    assert titles["work.replace_line"] in live.rows[2][0]
    assert "812" in section(letter, titles["section.flexible"]).texts[0]
    assert len(section(letter, titles["section.turning"]).table.rows) == 1  # type: ignore[union-attr]
    told = json.loads(letter_json(letter))
    assert (told["flexible"]["curtailed_kwh"], told["stages"][2]["units"]) == (812.0, 12)


def test_figures_of_a_weak_feeder_are_not_told() -> None:
    asked = answer("connect", judged(), judged("mv_tap", way_m=70.0))
    held = asked.options.assign(fits=[True, None])
    letter = letter_of(replace(asked, options=held), context=CONTEXT)
    table = section(letter, "Ways of connection that were compared").table
    assert table is not None
    assert table.rows[1][4:] == ("–", "–", "–", "not told: the data of its feeder are too weak")
    assert letter.facts["options"][1].keys() == {"option_id", "kind", "bus_id", "held_back"}  # type: ignore[index]


def test_a_site_at_a_point_with_room_needs_nothing() -> None:
    here = judged(way_m=0.0)
    letter = letter_of(answer("connect", replace(here, lines=())), context=CONTEXT)
    assert letter.sentence.endswith("without works on the existing grid and without new cable.")


def test_what_the_letter_does_not_know_is_said() -> None:
    letter = letter_of(answer("connect", judged()), context=LetterContext(dt.date(2026, 12, 1)))
    assert section(letter, "Map").texts[0].startswith("No map")
    assert (
        "The queue was not looked at"
        in dict(section(letter, "What this rests on").pairs)["Applications ahead"]
    )
    with pytest.raises(InputError, match="en, de, zh"):
        letter_of(answer("connect", judged()), language="fr", context=CONTEXT)
