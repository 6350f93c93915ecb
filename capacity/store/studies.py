"""Studies in the project file: plans, queues and portfolios, kept for good."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection
from typing import Any

import pandas as pd

from capacity.store.faults import fault
from capacity.store.kept import Ground, ground_columns, ground_of, require_whole
from capacity.store.rows import Author, insert, sha256_of

STUDY_COLUMNS = ("study_id", "kind", "name", "network_sha256", "record_sha256", "made_at", "made_by")


@dataclass(frozen=True)
class KeptStudy:
    """One study as it was kept; `record` is its canonical JSON, to the byte."""

    study_id: str
    kind: str
    name: str
    record: bytes
    record_sha256: str
    ground: Ground
    made_at: str
    made_by: str

    @property
    def answer(self) -> dict[str, Any]:
        """The record, read."""
        return json.loads(self.record)


def insert_study(
    connection: Connection, kind: str, name: str, record: bytes, ground: Ground, author: Author
) -> str:
    number = connection.execute("SELECT count(*) FROM studies").fetchone()[0] + 1
    insert(connection, "studies", {
        "study_id": f"S{number}", "kind": kind, "name": name, **ground_columns(ground),
        "record": record, "record_sha256": sha256_of(record), "made_at": author.at, "made_by": author.user,
    }, author)  # fmt: skip
    return f"S{number}"


def read_one(connection: Connection, path: Path, study_id: str) -> KeptStudy:
    found = connection.execute("SELECT * FROM studies WHERE study_id = ?", (study_id,))
    row = found.fetchone()
    if row is None:
        message = "the project file has no study of this id; correct it"
        raise fault(path, "unknown_study", message, row_id=study_id, table="studies")
    named = dict(zip([column[0] for column in found.description], row, strict=True))
    require_whole(path, "studies", study_id, named)
    ground = ground_of(named)
    own = {name: value for name, value in named.items() if name not in ground_columns(ground)}
    return KeptStudy(ground=ground, **own)


def listed(connection: Connection, kind: str | None) -> pd.DataFrame:
    query = f"SELECT {', '.join(STUDY_COLUMNS)} FROM studies"
    where, given = ("", ()) if kind is None else (" WHERE kind = ?", (kind,))
    rows = connection.execute(f"{query}{where} ORDER BY rowid", given).fetchall()
    return pd.DataFrame(rows, columns=list(STUDY_COLUMNS), dtype=object)
