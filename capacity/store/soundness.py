"""Is everything in the project file as it was written: pages, links, records, history."""

from __future__ import annotations

from collections.abc import Iterator
from sqlite3 import Connection

import pandas as pd

from capacity.store.rows import ID_COLUMNS, chained, history_content, is_whole
from gis.findings import join_findings, make_findings

_HISTORY = "at, user, action, table_name, row_id, revision, content, chain"
_WITH_RECORD = ("assessments", "studies")


def faults(connection: Connection) -> pd.DataFrame:
    """What is unsound, one row per row of the file; none when everything is as it was written."""
    return join_findings(
        [
            _pages(connection),
            _links(connection),
            _chain(connection),
            *_rows(connection),
            *_records(connection),
        ]
    )


def _pages(connection: Connection) -> pd.DataFrame:
    said = [row[0] for row in connection.execute("PRAGMA integrity_check(100)")]
    messages = [f"{one}; take the last copy" for one in said if one != "ok"]
    return make_findings("file_damaged", "file", [""] * len(messages), messages)


def _links(connection: Connection) -> pd.DataFrame:
    lost = [f"{row[0]} {row[1]}" for row in connection.execute("PRAGMA foreign_key_check")]
    return make_findings(
        "file_damaged", "file", lost, "refers to a row that is not there; take the last copy"
    )


def _chain(connection: Connection) -> pd.DataFrame:
    """Entries that are not what they were, or whose predecessor was taken out."""
    last, broken = "", []
    for number, *entry, chain in connection.execute(f"SELECT change_id, {_HISTORY} FROM history ORDER BY 1"):
        if chained(last, tuple(entry)) != chain:
            broken.append(number)
        last = chain
    message = "this entry, or the one before it, is not as it was written; take the last copy"
    return make_findings("file_damaged", "history", broken, message)


def _rows(connection: Connection) -> Iterator[pd.DataFrame]:
    """Rows that are not what the history says of them last."""
    query = (
        "SELECT row_id, content, revision FROM history WHERE change_id IN "
        "(SELECT max(change_id) FROM history WHERE table_name = ? GROUP BY row_id)"
    )
    for table, id_column in ID_COLUMNS.items():
        told = {row[0]: row[1:] for row in connection.execute(query, (table,))}
        found = connection.execute(f"SELECT * FROM {table}")
        names = [column[0] for column in found.description]
        stand = {}
        for cells in found:
            row = dict(zip(names, cells, strict=True))
            stand[row[id_column]] = (history_content(table, row), row.get("revision", 1))
        bad = [name for name in told.keys() | stand.keys() if told.get(name) != stand.get(name)]
        message = "the row is not what its history says; take the last copy"
        yield make_findings("file_damaged", table, sorted(bad), message)


def _records(connection: Connection) -> Iterator[pd.DataFrame]:
    for table in _WITH_RECORD:
        rows = connection.execute(f"SELECT {ID_COLUMNS[table]}, record, record_sha256 FROM {table}")
        bad = [row_id for row_id, record, digest in rows if not is_whole(record, digest)]
        yield make_findings("file_damaged", table, bad, "its record is not the one kept; take the last copy")
