"""History of the project file as people read it: who changed which field, when, from what to what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from sqlite3 import Connection
from typing import Any

import pandas as pd

HISTORY_COLUMNS = (
    "change_id", "at", "user", "action", "table", "row_id", "revision", "field", "before", "after",
)  # fmt: skip
# Fields of a row that stand beside its history anyway.
_STAMPS = ("made_at", "made_by")


def history(connection: Connection, row_id: str | None, table: str | None) -> pd.DataFrame:
    """Changes of a row, a table or everything, in order: a row per field that changed, one per addition."""
    wanted = {"row_id": row_id, "table_name": table}
    given = {name: value for name, value in wanted.items() if value is not None}
    where = f" WHERE {' AND '.join(f'{name} = ?' for name in given)}" if given else ""
    query = (
        "SELECT change_id, at, user, action, table_name, row_id, revision, content FROM history"
        f"{where} ORDER BY change_id"
    )
    rows = list(_fields(connection.execute(query, list(given.values()))))
    return pd.DataFrame(rows, columns=list(HISTORY_COLUMNS), dtype=object)


def _fields(entries: Iterator[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for *head, text in entries:
        key, content = (head[4], head[5]), json.loads(text)
        before = last.get(key)
        last[key] = content
        if before is None:
            yield (*head, "", None, _said(content))
            continue
        for name in sorted(set(before) | set(content)):
            if before.get(name) != content.get(name):
                yield (*head, name, before.get(name), content.get(name))


def _said(content: dict[str, Any]) -> str:
    """A new row in one line: what it says, nothing that is empty."""
    told = {name: value for name, value in content.items() if value not in (None, "", 0, [], False)}
    return ", ".join(f"{name} {_short(value)}" for name, value in told.items() if name not in _STAMPS)


def _short(value: object, most: int = 60) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else f"{text[: most - 1]}…"
