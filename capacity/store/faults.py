"""What may be wrong with a project file or a write to it, as faults a user can act on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gis import InputError
from gis.findings import make_findings

# Result codes of SQLite (sqlite.org/rescode.html), the last byte of an extended one.
_BUSY, _LOCKED, _READ_ONLY, _IO, _CORRUPT, _FULL, _CANNOT_OPEN, _NO_DATABASE = 5, 6, 8, 10, 11, 13, 14, 26

_SAID = {
    _BUSY: ("file_locked", "another program holds the project file; close it there, or try again"),
    _LOCKED: ("file_locked", "another program holds the project file; close it there, or try again"),
    _READ_ONLY: ("file_read_only", "the project file or its folder cannot be written; ask who owns it"),
    _CANNOT_OPEN: ("file_read_only", "the project file or its folder cannot be opened; ask who owns it"),
    _CORRUPT: ("file_damaged", "the project file is damaged; take the last copy (register copy makes one)"),
    _NO_DATABASE: ("file_format", "this is no project file of feederplan; name another"),
    _FULL: ("disk_full", "the disk is full; nothing of this was written, what stood before is whole"),
    _IO: ("disk_full", "the disk could not be written; nothing of this was kept, what stood before is whole"),
}


class NotAllowedError(InputError):
    """The user's role does not allow the write."""


def fault(path: Path | str, rule: str, message: str, *, row_id: str = "", table: str = "file") -> InputError:
    """One fault of a project file or of a row in it."""
    return InputError(str(path), make_findings(rule, table, [row_id], message))


@contextmanager
def told_plainly(path: Path) -> Iterator[None]:
    """Say what SQLite finds wrong with the file in words a user can act on.

    Raises
    ------
    InputError
        The file is damaged, foreign, locked or not writable, or the disk is full.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code is None or (code & 0xFF) not in _SAID:
            raise
        rule, message = _SAID[code & 0xFF]
        raise fault(path, rule, f"{message} ({error})") from error
