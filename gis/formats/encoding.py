"""The encoding of text in Shapefile and CSV: what is declared where it fits, else what the bytes look like.

UTF-8 is tried first: other text is almost never valid UTF-8 by accident. Then GB18030 stands against
Western text (CP1252): in Chinese text bytes above 127 come in long even runs, in Western text one to three of
them stand beside ASCII letters. Every choice that the file does not settle itself is told as a doubt.
"""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

import pandas as pd

from gis.findings import make_findings

_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# Names that code page files use and Python does not know, and subsets read as the whole they belong to:
# what is declared GBK often holds characters that came with GB18030.
_SPELLINGS = {
    "65001": "utf-8", "utf8": "utf-8", "936": "gb18030", "cp936": "gb18030", "ms936": "gb18030",
    "gbk": "gb18030", "gb2312": "gb18030", "88591": "latin-1", "iso88591": "latin-1",
    "iso8859-1": "latin-1", "ansi1252": "cp1252",
}  # fmt: skip
# Runs of pairs as GB2312 codes them, two characters at least; both bytes lie above 0xA0.
_CHINESE_RUN = re.compile(rb"(?<![\x80-\xff])(?:[\xa1-\xf7][\xa1-\xfe]){2,}(?![\x80-\xff])")
# One to three bytes with a letter on one side: accents and umlauts ("Übergabe", "SUBESTAÇÃO").
_WESTERN_RUN = re.compile(
    rb"(?<=[A-Za-z])[\x80-\xff]{1,3}(?![\x80-\xff])|(?<![\x80-\xff])[\x80-\xff]{1,3}(?=[A-Za-z])"
)
# Share of the bytes above 127 in Chinese runs from which a declared Western encoding is not believed
# (engineering judgement: Western text has hardly any such runs).
_SURELY_CHINESE = 0.8


class Encoding(NamedTuple):
    """An encoding Python knows, and in words why it is in doubt; "" where it is sure."""

    name: str
    doubt: str


def decide_encoding(text: bytes, declared: str | None = None) -> Encoding:
    """Decide in which encoding bytes are to be read.

    Does not tell apart the encodings of other scripts (Greek, Cyrillic, Japanese): they come out as CP1252
    with a doubt, and the user declares them.

    Parameters
    ----------
    text
        All the text of a file, or its beginning.
    declared
        What the file itself says, like the content of a `.cpg`; None when it says nothing.
    """
    bom = next((name for mark, name in _BOMS if text.startswith(mark)), None)
    if bom is not None:
        return Encoding(bom, "")
    named = None if declared is None else known_encoding(declared)
    if text.isascii() and (named is None or decodes(text, named)):
        return Encoding(named or "utf-8", "")
    if named is not None and decodes(text, named) and not _disproved(text, named):
        return Encoding(named, "")
    taken, why = _most_plausible(text)
    said = (
        "no encoding is declared" if declared is None else f"the declared encoding {declared!r} does not fit"
    )
    return Encoding(taken, f"{said}; {why}")


def known_encoding(name: str) -> str | None:
    """The name Python has for an encoding, however it is spelt; None where there is none."""
    plain = re.sub(r"[^a-z0-9]", "", name.strip().casefold())
    for spelling in (_SPELLINGS.get(plain), name.strip(), plain, f"cp{plain}"):
        try:
            "a".encode(spelling or "")  # rot13, hex and zip are codecs, but of no text
        except (LookupError, ValueError):
            continue
        found = codecs.lookup(spelling or "").name
        return _SPELLINGS.get(found, found)
    return None


def decodes(text: bytes, name: str) -> bool:
    """Tell whether bytes can be read in an encoding; a last character may be cut off."""
    try:
        codecs.getincrementaldecoder(name)("strict").decode(text)
    except (UnicodeError, LookupError):
        return False
    return True


def encoding_finding(encoding: Encoding, layer: str) -> pd.DataFrame:
    """The doubt about an encoding as a finding that says how to overrule it; no rows when it is sure."""
    message = (
        f"encoding: {encoding.doubt}; read as {encoding.name.upper()}. If names look wrong, write "
        'encoding = "..." under [source] in the mapping'
    )
    return make_findings("encoding", layer, [""] * bool(encoding.doubt), message, severity="warning")


def _disproved(text: bytes, name: str) -> bool:
    """The Western ones, which tools declare unasked, can be read from any bytes: what speaks against them."""
    western = name in ("cp1252", "latin-1", "iso8859-15")
    return western and (decodes(text, "utf-8") or _share(_CHINESE_RUN, text) >= _SURELY_CHINESE)


def _most_plausible(text: bytes) -> tuple[str, str]:
    if decodes(text, "utf-8"):
        return "utf-8", "the bytes are valid UTF-8"
    chinese, western = _share(_CHINESE_RUN, text), _share(_WESTERN_RUN, text)
    if chinese >= western and decodes(text, "gb18030"):
        return "gb18030", "the bytes are no UTF-8 and look like Chinese (GB18030)"
    western_name = "cp1252" if decodes(text, "cp1252") else "latin-1"
    return western_name, "the bytes are no UTF-8 and look like Western text"


def _share(run: re.Pattern[bytes], text: bytes) -> float:
    """Share of the bytes above 127 that stand in such runs."""
    beyond = len(re.sub(rb"[\x00-\x7f]+", b"", text))
    return sum(len(found) for found in run.findall(text)) / max(1, beyond)
