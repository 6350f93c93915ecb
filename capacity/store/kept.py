"""Assessments and the networks they rest on in the project file: kept for good, read back to the byte."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection
from typing import Any

import pandas as pd

from capacity.store.application import Application
from capacity.store.faults import fault
from capacity.store.rows import Author, canonical, insert, is_whole, sha256_of

ASSESSMENT_COLUMNS = (
    "assessment_id", "application_id", "application_revision", "verdict", "sentence", "network_sha256",
    "record_sha256", "made_at", "made_by",
)  # fmt: skip
# A network is packed for its size; the level takes little time and most of the gain.
_PACKING = 6
# Largest network that is kept, unpacked [bytes]: beyond it a blob is a burden to every copy of the file.
NETWORK_MAX = 512 * 1024**2


@dataclass(frozen=True)
class Ground:
    """What a result rests on: enough to ask again.

    Attributes
    ----------
    network_sha256
        Of the canonical rows of the network (`capacity.network_record`).
    question
        What was asked with which limits and assumptions, as JSON has it.
    versions
        Of Python and the libraries that figures come from.
    """

    network_sha256: str
    question: Mapping[str, Any]
    versions: Mapping[str, str]


@dataclass(frozen=True)
class KeptAssessment:
    """One assessment as it was kept; `record` is the canonical JSON of the answer, to the byte."""

    assessment_id: str
    application_id: str
    application_revision: int
    verdict: str
    sentence: str
    record: bytes
    record_sha256: str
    ground: Ground
    made_at: str
    made_by: str

    @property
    def answer(self) -> dict[str, Any]:
        """The record, read."""
        return json.loads(self.record)


def row_of(
    application: Application, record: bytes, *, verdict: str, sentence: str, ground: Ground
) -> dict[str, object]:
    """The row of an assessment but for its id."""
    return {
        "application_id": application.application_id, "application_revision": application.revision,
        "verdict": verdict, "sentence": sentence, **ground_columns(ground),
        "record": record, "record_sha256": sha256_of(record),
    }  # fmt: skip


def ground_columns(ground: Ground) -> dict[str, str]:
    return {
        "question": canonical(ground.question),
        "network_sha256": ground.network_sha256,
        "versions": canonical(ground.versions),
    }


def ground_of(row: Mapping[str, Any]) -> Ground:
    return Ground(row["network_sha256"], json.loads(row["question"]), json.loads(row["versions"]))


def insert_assessment(connection: Connection, path: Path, row: dict[str, object], author: Author) -> str:
    application_id = row["application_id"]
    found = connection.execute("SELECT 1 FROM applications WHERE application_id = ?", (application_id,))
    if found.fetchone() is None:
        message = "the register has no application of this id; add it before its assessment"
        raise fault(path, "unknown_application", message, row_id=str(application_id), table="applications")
    query = "SELECT count(*) FROM assessments WHERE application_id = ?"
    number = connection.execute(query, (application_id,)).fetchone()[0] + 1
    named = {"assessment_id": f"{application_id}-{number}", **row}
    insert(connection, "assessments", {**named, "made_at": author.at, "made_by": author.user}, author)
    return str(named["assessment_id"])


def read_one(connection: Connection, path: Path, assessment_id: str) -> KeptAssessment:
    found = connection.execute("SELECT * FROM assessments WHERE assessment_id = ?", (assessment_id,))
    row = found.fetchone()
    if row is None:
        message = "the project file has no assessment of this id; correct it"
        raise fault(path, "unknown_assessment", message, row_id=assessment_id, table="assessments")
    named = dict(zip([column[0] for column in found.description], row, strict=True))
    require_whole(path, "assessments", assessment_id, named)
    ground = ground_of(named)
    own = {name: value for name, value in named.items() if name not in ground_columns(ground)}
    return KeptAssessment(ground=ground, **own)


def require_whole(path: Path, table: str, row_id: str, row: Mapping[str, Any]) -> None:
    """Refuse a record whose bytes are not those that were kept."""
    if not is_whole(row["record"], row["record_sha256"]):
        message = "its record is not the one that was kept: the file is damaged; take the last copy"
        raise fault(path, "file_damaged", message, row_id=row_id, table=table)


def listed(connection: Connection, application_id: str | None) -> pd.DataFrame:
    query = f"SELECT {', '.join(ASSESSMENT_COLUMNS)} FROM assessments"
    where = "" if application_id is None else " WHERE application_id = ?"
    given = () if application_id is None else (application_id,)
    rows = connection.execute(f"{query}{where} ORDER BY rowid", given).fetchall()
    return pd.DataFrame(rows, columns=list(ASSESSMENT_COLUMNS), dtype=object)


def insert_network(
    connection: Connection, network_sha256: str, name: str, content: bytes, author: Author
) -> None:
    """Keep a network that is not kept yet; of one too large only the sha256 stands, in what rests on it."""
    if len(content) > NETWORK_MAX or holds_network(connection, network_sha256):
        return
    packed = zlib.compress(content, _PACKING)
    insert(connection, "networks", {
        "network_sha256": network_sha256, "name": name, "content": packed,
        "made_at": author.at, "made_by": author.user,
    }, author)  # fmt: skip


def holds_network(connection: Connection, network_sha256: str) -> bool:
    query = "SELECT 1 FROM networks WHERE network_sha256 = ?"
    return connection.execute(query, (network_sha256,)).fetchone() is not None


def read_network(connection: Connection, network_sha256: str) -> bytes | None:
    query = "SELECT content FROM networks WHERE network_sha256 = ?"
    row = connection.execute(query, (network_sha256,)).fetchone()
    return None if row is None else zlib.decompress(row[0])
