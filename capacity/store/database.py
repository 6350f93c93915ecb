"""The project file as a database: made, opened, refused; one short connection per call.

Write-ahead log, a sync at every commit, and a write takes its lock at the beginning: readers never wait, a
second writer waits its turn and never fails half way (measured: `benchmarks/prove_store.py`). The log wants a
local disk: a network share has no shared memory between machines.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from pathlib import Path

from capacity.store.faults import fault, told_plainly
from capacity.store.tables import APPLICATION_ID, VERSIONS

# How long a writer waits for others [s]: far longer than 8 at once ever do; beyond it one hangs.
WAIT_S = 30.0
# Between two looks whether the file is free [s]: about as long as a commit takes.
_LOOK_S = (0.0005, 0.005)


@contextmanager
def reading(path: Path, wait_s: float = WAIT_S) -> Iterator[sqlite3.Connection]:
    """A connection that sees one state of the file, whatever others write meanwhile."""
    with told_plainly(path), _readable(path, wait_s) as connection:
        yield connection


@contextmanager
def writing(path: Path, wait_s: float = WAIT_S) -> Iterator[sqlite3.Connection]:
    """A connection whose writes are all kept, synced to the disk, or none of them."""
    with told_plainly(path), _connected(path, wait_s, "rw") as connection, _transaction(connection, wait_s):
        yield connection


def prepare(path: Path, wait_s: float = WAIT_S, *, create: bool) -> None:
    """Make the file where there is none, bring an older one up to date, refuse what is none of ours.

    Raises
    ------
    InputError
        There is no file and none is to be made; it is foreign, damaged, or of a newer version.
    """
    if not path.is_file() and not create:
        raise fault(path, "file_missing", "there is no project file of that name; correct the path")
    if not path.parent.is_dir():
        raise fault(path, "file_missing", "there is no such folder; make it, or correct the path")
    if path.is_file() and path.stat().st_size:
        with reading(path, wait_s) as connection:
            if _is_current(connection):
                return
            _require_ours(connection, path)
    with told_plainly(path), _connected(path, wait_s, "rwc") as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        with _transaction(connection, wait_s):
            _upgrade(connection, path)
    _sync_folder(path.parent)


def schema_of(connection: sqlite3.Connection) -> list[tuple[str, ...]]:
    """What the file is made of: kind, name and SQL of everything declared in it."""
    query = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    return sorted(connection.execute(query).fetchall())


@contextmanager
def _connected(path: Path, wait_s: float, mode: str) -> Iterator[sqlite3.Connection]:
    uri = f"{path.resolve().as_uri()}?mode={mode}"
    with closing(sqlite3.connect(uri, uri=True, timeout=wait_s, isolation_level=None)) as connection:
        # A file we did not write must not run anything, whatever stands in it.
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("PRAGMA foreign_keys = ON")
        yield connection


def _sync_always(connection: sqlite3.Connection) -> None:
    """Every commit is on the disk before it returns; so is the log when it is moved into the file."""
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA fullfsync = ON")


@contextmanager
def _readable(path: Path, wait_s: float) -> Iterator[sqlite3.Connection]:
    """A connection to read with, also where nothing can be written beside the file.

    Readers and writers share an index of the log, a file of its own. Where it cannot be made (a full disk, a
    read-only folder) nobody can write, and a file without a log is read as it lies.
    """
    with ExitStack() as stack:
        connection = stack.enter_context(_connected(path, wait_s, "rw"))
        try:
            _begin_reading(connection)
        except sqlite3.OperationalError as error:
            if (error.sqlite_errorcode & 0xFF) == sqlite3.SQLITE_BUSY or not _is_at_rest(path):
                raise
            connection = stack.enter_context(_connected(path, wait_s, "ro&immutable=1"))
            _begin_reading(connection)
        yield connection


def _begin_reading(connection: sqlite3.Connection) -> None:
    """Hold one state of the file from here on."""
    _sync_always(connection)
    connection.execute("PRAGMA query_only = ON")
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()


def _is_at_rest(path: Path) -> bool:
    """Whether the file itself holds everything: there is no log beside it, or an empty one."""
    log = path.with_name(f"{path.name}-wal")
    return path.is_file() and not (log.exists() and log.stat().st_size)


@contextmanager
def _transaction(connection: sqlite3.Connection, wait_s: float) -> Iterator[None]:
    _sync_always(connection)
    _take_turn(connection, wait_s)
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _take_turn(connection: sqlite3.Connection, wait_s: float) -> None:
    """Begin to write as soon as nobody else does.

    SQLite's own waiting grows to 0.1 s between two looks, and who looks less often comes last: with 8 writers
    one waited 4.6 s. Short looks at random intervals give everyone the same chance.
    """
    ends = time.monotonic() + wait_s
    connection.execute("PRAGMA busy_timeout = 0")
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
            break
        except sqlite3.OperationalError as error:
            if (error.sqlite_errorcode & 0xFF) != sqlite3.SQLITE_BUSY or time.monotonic() > ends:
                raise
        time.sleep(random.uniform(*_LOOK_S))
    connection.execute(f"PRAGMA busy_timeout = {int(1e3 * wait_s)}")


def _is_current(connection: sqlite3.Connection) -> bool:
    """Whether the file is ours, of this version, and declares what we declare, nothing else."""
    return (
        _pragma(connection, "application_id") == APPLICATION_ID
        and _pragma(connection, "user_version") == len(VERSIONS)
        and schema_of(connection) == _declared(len(VERSIONS))
    )


def _require_ours(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a file that is neither empty nor an older one of ours."""
    mark, version = _pragma(connection, "application_id"), _pragma(connection, "user_version")
    found = schema_of(connection)
    if not mark and not version and not found:
        return
    if mark != APPLICATION_ID:
        raise fault(path, "file_format", "this is a database of another program; name another file")
    if version > len(VERSIONS):
        message = (
            f"the project file is of version {version}, this feederplan knows {len(VERSIONS)}; update it"
        )
        raise fault(path, "file_newer", message)
    if found != _declared(version):
        message = "the project file holds tables or triggers that are none of ours; take the last copy"
        raise fault(path, "file_damaged", message)


def _upgrade(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the file up to date; another process may have been first."""
    if _is_current(connection):
        return
    _require_ours(connection, path)
    for statements in VERSIONS[_pragma(connection, "user_version") :]:
        for statement in statements:
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {len(VERSIONS)}")


@cache
def _declared(version: int) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        for statements in VERSIONS[:version]:
            for statement in statements:
                connection.execute(statement)
        return schema_of(connection)


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _sync_folder(folder: Path) -> None:
    """The name of a new file must outlive a power cut like its content."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
