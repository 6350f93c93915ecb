"""The letter that answers an application: one sentence, why, what is needed, cost, dates, map, checks.

In several languages, as a PDF, a web page and JSON.
"""

from __future__ import annotations

from capacity.letter.answer import letter_of
from capacity.letter.context import context_of
from capacity.letter.letter import Letter, LetterContext
from capacity.letter.pages import letter_html, letter_json, letter_pdf
from capacity.letter.picture import Picture, picture_of

__all__ = [
    "Letter",
    "LetterContext",
    "Picture",
    "context_of",
    "letter_html",
    "letter_json",
    "letter_of",
    "letter_pdf",
    "picture_of",
]
