"""Rows of the project file and their history: nothing is written without who, when and what.

Each entry of the history carries a sha256 of itself and the entry before, so that one taken out or altered is
found (`capacity.store.soundness`).
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

# Column that names a row, by table.
ID_COLUMNS = {
    "applications": "application_id",
    "assessments": "assessment_id",
    "decisions": "decision_id",
    "studies": "study_id",
    "networks": "network_sha256",
}


@dataclass(frozen=True)
class Author:
    """Who writes, and when (UTC, to the millisecond)."""

    user: str
    at: str

    @classmethod
    def now(cls, user: str) -> Author:
        return cls(user, datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"))


def canonical(value: object) -> str:
    """JSON of which the same value has the same text."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def is_whole(record: object, digest: object) -> bool:
    """Whether a record has the bytes that were kept."""
    return isinstance(record, bytes) and sha256_of(record) == digest


def insert(connection: sqlite3.Connection, table: str, row: Mapping[str, object], author: Author) -> None:
    """Add a row and its entry of history."""
    names = ", ".join(row)
    marks = ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))
    _remember(connection, "added", table, row, author)


def update_application(
    connection: sqlite3.Connection,
    application_id: str,
    content: str,
    revision: int,
    *,
    author: Author,
    action: str,
) -> bool:
    """Put a new content in place of the one of a revision; whether that revision was still there."""
    found = connection.execute(
        "UPDATE applications SET content = ?, revision = revision + 1, changed_at = ?, changed_by = ? "
        "WHERE application_id = ? AND revision = ?",
        (content, author.at, author.user, application_id, revision),
    )
    if found.rowcount != 1:
        return False
    row = {"application_id": application_id, "content": content, "revision": revision + 1}
    _remember(connection, action, "applications", row, author)
    return True


def history_content(table: str, row: Mapping[str, object]) -> str:
    """What history keeps of a row: an application in full, of others all but what has a sha256 of its own."""
    if table == "applications":
        return str(row["content"])
    kept = {name: value for name, value in row.items() if not isinstance(value, bytes)}
    return canonical(kept)


def chained(before: str, entry: tuple[object, ...]) -> str:
    """Sha256 of an entry of history (all columns but its number) and of the one before it."""
    return sha256_of((before + canonical(list(entry))).encode())


def _remember(
    connection: sqlite3.Connection, action: str, table: str, row: Mapping[str, object], author: Author
) -> None:
    last = connection.execute("SELECT chain FROM history ORDER BY change_id DESC LIMIT 1").fetchone()
    entry = (
        author.at, author.user, action, table, row[ID_COLUMNS[table]], row.get("revision", 1),
        history_content(table, row),
    )  # fmt: skip
    connection.execute(
        "INSERT INTO history (at, user, action, table_name, row_id, revision, content, chain) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (*entry, chained(last[0] if last else "", entry)),
    )
