"""Encodings: UTF-8, GB18030 and Western text are told apart, and what a file declares is checked."""

from __future__ import annotations

import pytest

from gis.formats.encoding import Encoding, decide_encoding, encoding_finding, known_encoding

CHINESE = "中心变电站;环城路1号;人民路开闭所;A相"
GERMAN = "Übergabestation Süd;Müller-Straße 5;Große Bleiche"
PORTUGUESE = "SUBESTAÇÃO CONCEIÇÃO;Ligação São João;AVENIDA DOS IPÊS"


@pytest.mark.parametrize(
    ("text", "written", "taken"),
    [
        (CHINESE, "utf-8", "utf-8"),
        (CHINESE, "gbk", "gb18030"),
        (CHINESE, "gb18030", "gb18030"),
        (GERMAN, "utf-8", "utf-8"),
        (GERMAN, "cp1252", "cp1252"),
        (PORTUGUESE, "latin-1", "cp1252"),
        ("ÇÃO", "latin-1", "cp1252"),
    ],
)
def test_text_comes_out_intact_without_a_declaration_and_the_doubt_is_told(
    text: str, written: str, taken: str
) -> None:
    encoding = decide_encoding(text.encode(written))
    assert encoding.name == taken
    assert text.encode(written).decode(encoding.name) == text
    assert "no encoding is declared" in encoding.doubt


@pytest.mark.parametrize(
    ("text", "written", "declared"),
    [
        (CHINESE, "gbk", "GBK"),
        (CHINESE, "gbk", "936"),
        (CHINESE, "utf-8", "UTF-8"),
        (GERMAN, "latin-1", "ISO 8859-1"),
        (GERMAN, "cp1252", "1252"),
        (GERMAN, "cp1252", "ANSI 1252\n"),
        ("Ελληνικά", "iso8859-7", "ISO-8859-7"),
        ("plain", "ascii", None),
        ("plain", "ascii", "no such thing"),
        (CHINESE, "utf-8-sig", None),
        (CHINESE, "utf-16", None),
    ],
)
def test_what_is_declared_and_fits_is_taken_without_doubt(
    text: str, written: str, declared: str | None
) -> None:
    encoding = decide_encoding(text.encode(written), declared)
    assert encoding.doubt == ""
    assert text.encode(written).decode(encoding.name) == text


@pytest.mark.parametrize(
    ("text", "written", "declared"),
    [
        (CHINESE, "gbk", "UTF-8"),
        (CHINESE, "gbk", "ISO-8859-1"),
        (CHINESE, "utf-8", "ISO-8859-1"),
        (GERMAN, "cp1252", "UTF-8"),
        (GERMAN, "utf-8", "1252"),
        (GERMAN, "utf-8", "hex"),
    ],
)
def test_what_is_declared_and_does_not_fit_is_named_and_not_believed(
    text: str, written: str, declared: str
) -> None:
    encoding = decide_encoding(text.encode(written), declared)
    assert text.encode(written).decode(encoding.name) == text
    assert repr(declared) in encoding.doubt


def test_a_last_character_that_is_cut_off_does_not_matter() -> None:
    assert decide_encoding(CHINESE.encode()[:-1]).name == "utf-8"
    assert decide_encoding(CHINESE[:9].encode("gbk")[:-1]).name == "gb18030"


def test_a_doubt_is_a_warning_that_says_how_to_overrule_it() -> None:
    rows = encoding_finding(decide_encoding(CHINESE.encode("gbk")), "lines")
    assert rows[["rule", "severity", "table"]].to_numpy().tolist() == [["encoding", "warning", "lines"]]
    assert "GB18030" in rows.loc[0, "message"] and "[source]" in rows.loc[0, "message"]
    assert encoding_finding(Encoding("utf-8", ""), "lines").empty


def test_codecs_that_are_no_text_encodings_are_unknown() -> None:
    assert [known_encoding(name) for name in ("hex", "rot13", "zip", "", "\x00", "cp0")] == [None] * 6
