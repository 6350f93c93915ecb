"""Applications and decisions in the project file: read, added, changed, decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from sqlite3 import Connection
from typing import Any

import pandas as pd
from pyproj.exceptions import CRSError

from capacity.store.application import Application, application_of, content_text
from capacity.store.conflict import ConflictError
from capacity.store.faults import fault
from capacity.store.rows import Author, insert, update_application
from capacity.store.states import outcomes, outcomes_from
from gis import InputError
from gis.findings import make_findings

APPLICATION_COLUMNS = (
    "application_id", "name", "status", "applicant", "applied_on", "dwellings", "demand_kw", "pv_kw",
    "supply", "verdict", "assessment_id", "assessed_at", "note", "revision", "made_at", "made_by",
    "changed_at", "changed_by",
)  # fmt: skip
DECISION_COLUMNS = (
    "decision_id", "application_id", "application_revision", "outcome", "from_status", "to_status", "reason",
    "assessment_id", "made_at", "made_by",
)  # fmt: skip
_OF_APPLICATION = "application_id, content, revision, made_at, made_by, changed_at, changed_by"
# Ids a development has before anyone gave it one.
_NO_IDS = ("", "site")


def add_all(
    connection: Connection, path: Path, applications: Sequence[Application], author: Author
) -> list[Application]:
    """Add applications; those without an id of their own are numbered."""
    _refuse_taken(connection, path, applications)
    named = {one.application_id for one in applications}
    number = connection.execute("SELECT count(*) FROM applications").fetchone()[0]
    added = []
    for one in applications:
        if one.application_id in _NO_IDS:
            number = next(n for n in count(number + 1) if _is_free(connection, f"A{n}", named))
            one = replace(one, development=replace(one.development, site_id=f"A{number}"))
        added.append(_add(connection, one, author))
    return added


def _add(connection: Connection, application: Application, author: Author) -> Application:
    insert(connection, "applications", {
        "application_id": application.application_id, "content": content_text(application), "revision": 1,
        "made_at": author.at, "made_by": author.user, "changed_at": author.at, "changed_by": author.user,
    }, author)  # fmt: skip
    return _stamped(application, 1, author, made_at=author.at, made_by=author.user)


def _refuse_taken(connection: Connection, path: Path, applications: Sequence[Application]) -> None:
    """Refuse ids that stand in the register already, or twice among the new ones; all at once."""
    ids = [one.application_id for one in applications if one.application_id not in _NO_IDS]
    twice = {name for name, times in Counter(ids).items() if times > 1}
    bad = [name for name in dict.fromkeys(ids) if not _is_free(connection, name, twice)]
    if bad:
        message = "an application of this id is there already; change that one, or give another id"
        raise InputError(str(path), make_findings("duplicate_id", "applications", bad, message))


def _is_free(connection: Connection, application_id: str, others: Collection[str]) -> bool:
    query = "SELECT 1 FROM applications WHERE application_id = ?"
    return application_id not in others and connection.execute(query, (application_id,)).fetchone() is None


def read_one(
    connection: Connection, path: Path, application_id: str, revision: int | None = None
) -> Application:
    """An application as it stands now, or as it stood at a revision."""
    found = _one(connection, path, application_id)
    if found is not None and revision is not None:
        found = _at_revision(connection, found, revision)
    if found is None:
        message = "the register has no application of this id or revision; correct it"
        raise fault(path, "unknown_application", message, row_id=application_id, table="applications")
    return found


def read_all(connection: Connection, path: Path, *, statuses: Sequence[str], text: str) -> list[Application]:
    rows = connection.execute(f"SELECT {_OF_APPLICATION} FROM applications ORDER BY rowid")
    found = [_read(path, row) for row in rows]
    wanted = text.casefold().strip()
    return [
        one for one in found if (not statuses or one.status in statuses) and wanted in _searched(one)
    ]  # fmt: skip


def change(connection: Connection, path: Path, changed: Application, author: Author) -> Application:
    """Write a change, unless another one was first."""
    before = _require_unchanged(connection, path, changed)
    if content_text(before) == content_text(changed):
        return before
    if changed.status != before.status:
        message = f"the state goes from {before.status} to {changed.status} by a decision, not by a change"
        raise fault(path, "bad_outcome", message, row_id=changed.application_id, table="applications")
    return _write(connection, before, changed, author, action="changed")


def decide(
    connection: Connection,
    path: Path,
    application: Application,
    outcome: str,
    author: Author,
    *,
    reason: str,
    assessment_id: str | None,
) -> Application:
    """Record a decision and put the application into the state it leads to."""
    before = _require_unchanged(connection, path, application)
    _require_allowed(path, before, outcome)
    _require_own_assessment(connection, path, before, assessment_id)
    to_state = outcomes()[outcome].to_state
    number = connection.execute("SELECT count(*) FROM decisions").fetchone()[0] + 1
    insert(connection, "decisions", {
        "decision_id": f"D{number}", "application_id": before.application_id,
        "application_revision": before.revision, "outcome": outcome, "from_status": before.status,
        "to_status": to_state, "reason": reason, "assessment_id": assessment_id,
        "made_at": author.at, "made_by": author.user,
    }, author)  # fmt: skip
    after = replace(before, development=replace(before.development, status=to_state))
    return _write(connection, before, after, author, action=outcome)


def decisions(connection: Connection, application_id: str | None) -> pd.DataFrame:
    query = f"SELECT {', '.join(DECISION_COLUMNS)} FROM decisions"
    where = "" if application_id is None else " WHERE application_id = ?"
    given = () if application_id is None else (application_id,)
    rows = connection.execute(f"{query}{where} ORDER BY rowid", given).fetchall()
    return pd.DataFrame(rows, columns=list(DECISION_COLUMNS), dtype=object)


def table_of(connection: Connection, applications: Sequence[Application]) -> pd.DataFrame:
    """The register as a list, each application with the last answer to it."""
    query = (
        "SELECT application_id, assessment_id, verdict, made_at AS assessed_at FROM assessments "
        "WHERE rowid IN (SELECT max(rowid) FROM assessments GROUP BY application_id)"
    )
    answered = {row[0]: row[1:] for row in connection.execute(query)}
    rows = [_listed(one, answered.get(one.application_id, (None, None, None))) for one in applications]
    return pd.DataFrame(rows, columns=list(APPLICATION_COLUMNS))


def _listed(application: Application, answer: tuple[Any, ...]) -> dict[str, object]:
    assessment_id, verdict, assessed_at = answer
    asked = application.development
    own = {name: getattr(application, name) for name in APPLICATION_COLUMNS if hasattr(application, name)}
    of_site = {name: getattr(asked, name) for name in APPLICATION_COLUMNS if hasattr(asked, name)}
    last = {"assessment_id": assessment_id, "verdict": verdict, "assessed_at": assessed_at}
    return {**of_site, **own, **last}


def _require_unchanged(connection: Connection, path: Path, wanted: Application) -> Application:
    """What stands now, if it is of the revision the change was made from, or already what is wanted."""
    now = read_one(connection, path, wanted.application_id)
    if now.revision != wanted.revision and content_text(now) != content_text(wanted):
        base = _at_revision(connection, now, wanted.revision)
        raise ConflictError(str(path), mine=wanted, theirs=now, base=base or now)
    return now


def _at_revision(connection: Connection, application: Application, revision: int) -> Application | None:
    """The application as it was at a revision, from its history."""
    query = (
        "SELECT content, at, user FROM history "
        "WHERE table_name = 'applications' AND row_id = ? AND revision = ?"
    )
    found = connection.execute(query, (application.application_id, revision)).fetchone()
    if found is None:
        return None
    content, at, user = found
    times = {"made_at": application.made_at, "made_by": application.made_by}
    row = {"content": content, "revision": revision, "changed_at": at, "changed_by": user, **times}
    return application_of(row)


def _require_allowed(path: Path, application: Application, outcome: str) -> None:
    allowed = [one.name for one in outcomes_from(application.status)]
    if outcome not in allowed:
        message = f"{outcome!r} cannot be decided of an application that is {application.status}; "
        message += f"it is one of {', '.join(allowed)}"
        raise fault(
            path, "bad_outcome", message, row_id=application.application_id, table="applications"
        )  # fmt: skip


def _require_own_assessment(
    connection: Connection, path: Path, application: Application, assessment_id: str | None
) -> None:
    if assessment_id is None:
        return
    query = "SELECT application_id FROM assessments WHERE assessment_id = ?"
    found = connection.execute(query, (assessment_id,)).fetchone()
    if found is None or found[0] != application.application_id:
        message = f"there is no such assessment of application {application.application_id}; correct the id"
        raise fault(path, "unknown_assessment", message, row_id=assessment_id, table="assessments")


def _write(
    connection: Connection, before: Application, after: Application, author: Author, *, action: str
) -> Application:
    written = update_application(
        connection, before.application_id, content_text(after), before.revision, author=author, action=action
    )
    assert written  # the transaction holds the lock since the row was read
    return _stamped(after, before.revision + 1, author, made_at=before.made_at, made_by=before.made_by)


def _stamped(
    application: Application, revision: int, author: Author, *, made_at: str, made_by: str
) -> Application:
    return replace(
        application, revision=revision, made_at=made_at, made_by=made_by,
        changed_at=author.at, changed_by=author.user,
    )  # fmt: skip


def _one(connection: Connection, path: Path, application_id: str) -> Application | None:
    query = f"SELECT {_OF_APPLICATION} FROM applications WHERE application_id = ?"
    row = connection.execute(query, (application_id,)).fetchone()
    return None if row is None else _read(path, row)


def _read(path: Path, row: tuple[Any, ...]) -> Application:
    """An application from its row; one that is none was not written by us."""
    try:
        return application_of(dict(zip(_OF_APPLICATION.split(", "), row, strict=True)))
    except (ValueError, TypeError, LookupError, AttributeError, CRSError) as error:
        message = f"its row is not as it was written ({type(error).__name__}); take the last copy"
        raise fault(path, "file_damaged", message, row_id=str(row[0]), table="applications") from error


def _searched(application: Application) -> str:
    told = (application.application_id, application.development.name, application.applicant, application.note)
    return " ".join(told).casefold()
