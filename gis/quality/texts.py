"""Doubts about text: characters nobody typed, names cut into the wrong encoding, endless names."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gis.findings import join_findings
from gis.quality.bounds import bound
from gis.quality.told import told
from gis.rules import Tables
from gis.schema import TABLES

# UTF-8 read as Latin-1 or Windows-1252 (c3, c2, e2 lead bytes), GBK read so (four accents in a row),
# and the mark of an unreadable byte.
MOJIBAKE = r"[ÃÂ][\u0080-\u00bf]|â€|Ã[œŸž–—‰„]|\ufffd|ï»¿|[\u00a1-\u00ff]{4,}"
CONTROL = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069]"


def texts_are_readable(tables: Tables) -> pd.DataFrame:
    """Ids and names hold no control characters, are decoded rightly, and end somewhere."""
    parts = []
    for name, frame in tables.items():
        if frame.empty:
            continue
        columns = [c.name for c in TABLES[name].columns if c.kind == "text" and frame[c.name].notna().any()]
        for column, text in [("id", pd.Series(frame.index)), *((c, frame[c]) for c in columns)]:
            parts += _judge(frame, column, text.to_numpy(dtype=object))
    return join_findings(parts)


def _judge(frame: pd.DataFrame, column: str, text: np.ndarray) -> list[pd.DataFrame]:
    """Look at each different text once: types and names repeat."""
    longest = bound("text", "longest")
    given = text[pd.notna(text)]
    joined = "".join(given)
    if joined.isascii() and joined.isprintable() and max(map(len, given), default=0) <= longest:
        return []  # most columns are plain as a whole and need no further look
    codes, different = pd.factorize(text)
    words = pd.Series(different, dtype=object)
    parts = []
    for rule, hit, message in (
        ("text_control", words.str.contains(CONTROL), "holds characters that cannot be seen; remove them"),
        (
            "text_mojibake",
            words.str.contains(MOJIBAKE),
            "looks read in the wrong encoding; state the file's encoding and import again",
        ),
        ("text_long", words.str.len() > longest, "is over 200 characters; shorten it"),
    ):
        rows = np.append(hit.to_numpy(dtype=bool), False)[codes]
        if rows.any():
            values = [repr(str(value)[:60]) for value in text[rows]]
            parts.append(told(rule, frame, rows, f"{column} {message}", values))
    return parts
