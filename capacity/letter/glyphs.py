"""The typefaces of letters, which characters they have, and what stands for a character that none has.

Noto Sans (Latin, Greek, Cyrillic) and Noto Sans SC (Chinese, all of GB 2312), both under the SIL Open Font
License 1.1, come from PyPI packages. A character of another script is shown as its code, like [U+0627]:
never as an empty box.
"""

from __future__ import annotations

import base64
import io
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Final, NamedTuple

_SPACES: Final = frozenset(" \t\r\n\u00a0\u202f")


class Face(NamedTuple):
    """A typeface: its name and weights in style sheets, and its file."""

    name: str
    weights: str
    path: Path


@cache
def faces() -> tuple[Face, ...]:
    """The typefaces, in the order in which they are asked for a character."""
    latin = Path(str(files("fontpkg_noto_sans"))) / "files" / "NotoSans[wdth,wght].ttf"
    chinese = Path(str(files("pylopdf_fonts_zh_cn"))) / "NotoSansSC-Regular.otf"
    return Face("Noto Sans", "100 900", latin), Face("Noto Sans SC", "400", chinese)


@cache
def known_characters() -> frozenset[int]:
    """Code points that the typefaces have."""
    return frozenset().union(*(_characters(face.path) for face in faces()))


def printable(text: str) -> str:
    """The text on one line with codes in place of characters that cannot be printed, or that hide themselves.

    Examples
    --------
    >>> printable("Hof 3\\u202e, \\u0627\\u0644")
    'Hof 3[U+202E], [U+0627 U+0644]'
    """
    plain = " ".join(unicodedata.normalize("NFC", text).split())
    runs = groupby(plain, key=_has_glyph)
    return "".join("".join(run) if shown else _codes(run) for shown, run in runs)


def unprintable(text: str) -> set[str]:
    """Codes of the characters of a text that cannot be printed."""
    plain = unicodedata.normalize("NFC", text)
    return {_code(sign) for sign in plain if sign not in _SPACES and not _has_glyph(sign)}


def style_of_faces(texts: Iterable[str]) -> str:
    """Style sheet with the typefaces cut down to the characters of these texts, nothing from outside."""
    left = {ord(sign) for text in texts for sign in text} | {ord(" ")}
    rules = []
    for face in faces():
        part = left & _characters(face.path)
        left -= part
        if part:
            rules.append(_rule(face, _subset(face.path, part)))
    return "\n".join(rules)


def _rule(face: Face, font: bytes) -> str:
    told = base64.b64encode(font).decode("ascii")
    source = f'url(data:font/woff;base64,{told}) format("woff")'
    return f'@font-face{{font-family:"{face.name}";src:{source};font-weight:{face.weights};}}'


def _has_glyph(sign: str) -> bool:
    hidden = unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    return not hidden and ord(sign) in known_characters()


def _codes(run: Iterable[str]) -> str:
    return f"[{' '.join(_code(sign) for sign in run)}]"


def _code(sign: str) -> str:
    return f"U+{ord(sign):04X}"


@cache
def _characters(path: Path) -> frozenset[int]:
    from fontTools.ttLib import TTFont  # loaded when a letter is set

    with TTFont(path, lazy=True) as font:
        return frozenset(font.getBestCmap())


def _subset(path: Path, used: set[int]) -> bytes:
    """A typeface with these characters alone, as WOFF, the same bytes each time."""
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont

    options = Options(layout_features=["kern", "ccmp", "locl", "mark"], notdef_outline=True, hinting=False)
    with TTFont(path, lazy=True, recalcTimestamp=False) as font:
        cut = Subsetter(options)
        cut.populate(unicodes=used)
        cut.subset(font)
        font.flavor = "woff"
        made = io.BytesIO()
        font.save(made)
    return made.getvalue()
