"""The tables of the project file, as SQL: what the file holds in which version. Nothing here is executed.

applications    who asks for what, and in which state it is; the one table whose rows change
assessments     what was answered, from what; never changed
decisions       what was decided, and why; never changed
studies         plans, queues, portfolios; never changed
networks        networks that assessments rest on, whole, each once
history         every write, by time and user, each chained to the one before; never changed
"""

from __future__ import annotations

# Marks the file as ours (PRAGMA application_id): "fpln".
APPLICATION_ID = 0x66706C6E
# Tables whose rows stay as they were written.
_FINAL = ("assessments", "decisions", "studies", "networks", "history")

_FIRST = (
    """CREATE TABLE applications (
    application_id TEXT PRIMARY KEY NOT NULL, content TEXT NOT NULL, revision INTEGER NOT NULL,
    made_at TEXT NOT NULL, made_by TEXT NOT NULL, changed_at TEXT NOT NULL, changed_by TEXT NOT NULL)""",
    """CREATE TABLE networks (
    network_sha256 TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL, content BLOB NOT NULL,
    made_at TEXT NOT NULL, made_by TEXT NOT NULL)""",
    """CREATE TABLE assessments (
    assessment_id TEXT PRIMARY KEY NOT NULL,
    application_id TEXT NOT NULL REFERENCES applications (application_id),
    application_revision INTEGER NOT NULL, verdict TEXT NOT NULL, sentence TEXT NOT NULL,
    question TEXT NOT NULL, network_sha256 TEXT NOT NULL, versions TEXT NOT NULL,
    record BLOB NOT NULL, record_sha256 TEXT NOT NULL, made_at TEXT NOT NULL, made_by TEXT NOT NULL)""",
    """CREATE TABLE decisions (
    decision_id TEXT PRIMARY KEY NOT NULL,
    application_id TEXT NOT NULL REFERENCES applications (application_id),
    application_revision INTEGER NOT NULL, outcome TEXT NOT NULL, from_status TEXT NOT NULL,
    to_status TEXT NOT NULL, reason TEXT NOT NULL,
    assessment_id TEXT REFERENCES assessments (assessment_id),
    made_at TEXT NOT NULL, made_by TEXT NOT NULL)""",
    """CREATE TABLE studies (
    study_id TEXT PRIMARY KEY NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, question TEXT NOT NULL,
    network_sha256 TEXT NOT NULL, versions TEXT NOT NULL, record BLOB NOT NULL, record_sha256 TEXT NOT NULL,
    made_at TEXT NOT NULL, made_by TEXT NOT NULL)""",
    """CREATE TABLE history (
    change_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, at TEXT NOT NULL, user TEXT NOT NULL,
    action TEXT NOT NULL, table_name TEXT NOT NULL, row_id TEXT NOT NULL, revision INTEGER NOT NULL,
    content TEXT NOT NULL, chain TEXT NOT NULL)""",
    "CREATE INDEX history_of_row ON history (table_name, row_id)",
    "CREATE INDEX assessments_of_application ON assessments (application_id)",
    "CREATE INDEX decisions_of_application ON decisions (application_id)",
    *(
        f"CREATE TRIGGER {table}_{deed.lower()} BEFORE {deed} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are final'); END"
        for table in _FINAL
        for deed in ("UPDATE", "DELETE")
    ),
    "CREATE TRIGGER applications_delete BEFORE DELETE ON applications "
    "BEGIN SELECT RAISE(ABORT, 'applications are withdrawn, not deleted'); END",
)

# Statements that make each version from the one before; the first makes version 1 from an empty file.
VERSIONS: tuple[tuple[str, ...], ...] = (_FIRST,)
