"""What is opened, what is refused and how it is said; rows that are final; damage that is found."""

from __future__ import annotations

import os
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from capacity.store import Application, Store, database, open_store
from capacity.store.tables import APPLICATION_ID, VERSIONS
from gis import InputError
from tests.capacity.store.conftest import GROUND, METRIC, plain


def altered(path: Path, *statements: str) -> None:
    """Change the file behind the store's back."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def rule_of(path: Path, **how: object) -> str:
    """Rule under which a file is refused."""
    with pytest.raises(InputError) as refused:
        open_store(path, user="anna", **how).applications()  # type: ignore[arg-type]  # keywords of its own
    return str(refused.value.findings["rule"].iloc[0])


def test_no_file_is_made_by_who_only_reads(tmp_path: Path) -> None:
    assert rule_of(tmp_path / "none.fplan", role="reader") == "file_missing"
    assert rule_of(tmp_path / "none.fplan", create=False) == "file_missing"
    assert rule_of(tmp_path / "no folder" / "none.fplan") == "file_missing"
    assert not list(tmp_path.iterdir())


def test_foreign_files_are_refused_and_stay_as_they_are(tmp_path: Path) -> None:
    text, other = tmp_path / "text.fplan", tmp_path / "other.fplan"
    text.write_text("a,b\n1,2\n" * 100)
    altered(other, "CREATE TABLE layers (id INTEGER)")
    for path in (text, other):
        before = path.read_bytes()
        assert rule_of(path) == "file_format"
        assert path.read_bytes() == before


def test_a_newer_file_is_refused_and_stays_as_it_is(store: Store, path: Path) -> None:
    altered(path, f"PRAGMA user_version = {len(VERSIONS) + 1}")
    before = path.read_bytes()
    assert rule_of(path) == "file_newer"
    assert path.read_bytes() == before


def test_a_file_with_a_trigger_of_others_is_refused(store: Store, path: Path) -> None:
    altered(path, "CREATE TRIGGER evil AFTER INSERT ON history BEGIN DELETE FROM applications; END")
    assert rule_of(path) == "file_damaged"


def test_an_empty_file_becomes_a_project_file(path: Path) -> None:
    path.touch()
    assert open_store(path, user="anna").applications().empty
    with closing(sqlite3.connect(path)) as connection:
        marks = [
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "journal_mode")
        ]
    assert marks == [APPLICATION_ID, "wal"]


def test_every_older_version_is_brought_up_to_date(path: Path) -> None:
    for version in range(1, len(VERSIONS) + 1):
        path.unlink(missing_ok=True)
        statements = [statement for step in VERSIONS[:version] for statement in step]
        marks = (f"PRAGMA application_id = {APPLICATION_ID}", f"PRAGMA user_version = {version}")
        altered(path, *statements, *marks)
        assert open_store(path, user="anna").applications().empty


def test_damage_is_told_not_read_over(store: Store, path: Path) -> None:
    store.add_all([Application(plain(f"K{number}"), METRIC, note="x" * 500) for number in range(40)])
    content = bytearray(path.read_bytes())
    content[8192 : len(content) - 4096] = os.urandom(len(content) - 12_288)
    path.write_bytes(content)
    assert rule_of(path) == "file_damaged"


def test_a_file_cut_short_is_told(store: Store, path: Path) -> None:
    store.add_all([Application(plain(f"K{number}"), METRIC, note="x" * 500) for number in range(40)])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert rule_of(path) == "file_damaged"


def test_a_file_that_another_program_holds_is_told(store: Store, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        hasty = open_store(path, user="bea", wait_s=0.05)
        assert hasty.applications().empty  # readers never wait
        with pytest.raises(InputError, match="file_locked"):
            hasty.add(plain(), METRIC)


def test_what_cannot_be_written_is_read(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a read-only share: nothing can be made beside the file."""
    store.add(plain("K1"), METRIC)
    ordinary = database._begin_reading
    calls: list[object] = []

    def no_index(connection: sqlite3.Connection) -> None:
        calls.append(connection)
        if len(calls) % 2:
            raise sqlite3.OperationalError("unable to open database file")
        ordinary(connection)

    monkeypatch.setattr(database, "_begin_reading", no_index)
    monkeypatch.setattr(sqlite3.OperationalError, "sqlite_errorcode", 14, raising=False)
    assert open_store(path, user="rita", role="reader").application("K1").revision == 1
    assert len(calls) == 4


def test_a_read_only_file_is_read_but_not_written(store: Store, path: Path) -> None:
    """The refusal of SQLite itself; whoever is root may write any file, so it is opened for reading."""
    with (
        closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection,
        pytest.raises(InputError, match="file_read_only"),
        database.told_plainly(path),
    ):
        connection.execute("CREATE TABLE more (id)")


@pytest.mark.parametrize("table", ["assessments", "decisions", "studies", "networks", "history"])
def test_rows_that_are_final_are_neither_changed_nor_deleted(store: Store, path: Path, table: str) -> None:
    read = store.add(plain("K1"), METRIC)
    kept = store.keep_assessment(read, b"{}", verdict="", sentence="", ground=GROUND)
    store.decide(read, "quote", assessment_id=kept)
    store.keep_network("1", "town", b"content")
    store.keep_study("plan", "", b"{}", ground=GROUND)
    column = "at" if table == "history" else "made_at"
    for statement in (f"UPDATE {table} SET {column} = ''", f"DELETE FROM {table}"):
        with pytest.raises(sqlite3.IntegrityError, match="final"):
            altered(path, statement)
    with pytest.raises(sqlite3.IntegrityError, match="not deleted"):
        altered(path, "DELETE FROM applications")
    assert store.faults().empty


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        (
            "UPDATE applications SET content = replace(content, 'dwellings\":3', 'dwellings\":4')",
            "applications",
        ),
        ("UPDATE assessments SET record = x'00'", "assessments"),
        ("UPDATE assessments SET verdict = 'connect'", "assessments"),
        ("UPDATE history SET user = 'nobody' WHERE change_id = 1", "history"),
        ("DELETE FROM history WHERE change_id = 1", "history"),
        ("DELETE FROM decisions", "decisions"),
        ("DELETE FROM assessments", "file"),
    ],
)
def test_what_was_altered_behind_the_history_is_found(
    store: Store, path: Path, statement: str, table: str
) -> None:
    read = store.add(plain("K1"), METRIC)
    kept = store.keep_assessment(read, b"{}", verdict="refuse", sentence="", ground=GROUND)
    store.decide(read, "refuse", assessment_id=kept)
    assert store.faults().empty
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    altered(path, *(f"DROP TRIGGER {name}" for (name,) in names), statement)
    assert table in set(store.faults()["table"])


def test_a_record_that_is_not_the_one_kept_is_refused(store: Store, path: Path) -> None:
    read = store.add(plain("K1"), METRIC)
    kept = store.keep_assessment(read, b'{"a":1}', verdict="", sentence="", ground=GROUND)
    assert store.assessment(kept).answer == {"a": 1}
    altered(path, "DROP TRIGGER assessments_update", "UPDATE assessments SET record = '{\"a\":2}'")
    assert not store.faults().empty
    with pytest.raises(InputError, match="not the one that was kept"):
        store.assessment(kept)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"crs": "moon"}'])
def test_an_application_that_cannot_be_read_is_damage(store: Store, path: Path, content: str) -> None:
    store.add(plain("K1"), METRIC)
    altered(path, f"UPDATE applications SET content = '{content}'")
    for ask in (lambda: store.application("K1"), store.applications):
        with pytest.raises(InputError, match="file_damaged"):
            ask()


def test_a_network_is_kept_once_and_whole(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"network" * 10_000
    for _ in range(2):
        store.keep_network("f" * 64, "town", content)
    assert store.network("f" * 64) == content and store.network("0" * 64) is None
    assert len(store.history(table="networks")) == 1
    monkeypatch.setattr("capacity.store.kept.NETWORK_MAX", 10)
    store.keep_network("e" * 64, "too large", content)
    assert not store.holds_network("e" * 64)


def test_one_store_serves_many_threads(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(lambda _: store.add(plain(), METRIC).application_id, range(24)))
    assert sorted(added) == sorted(store.applications()["application_id"]) and len(set(added)) == 24
    assert store.faults().empty


def test_a_copy_is_whole_while_others_write(store: Store, path: Path, tmp_path: Path) -> None:
    store.add(plain("K1"), METRIC)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE applications SET content = '{}'")
        store.copy(tmp_path / "copy.fplan")
        other.execute("ROLLBACK")
    shutil.move(tmp_path / "copy.fplan", tmp_path / "moved.fplan")
    copied = open_store(tmp_path / "moved.fplan", user="bea")
    assert copied.application("K1") == store.application("K1") and copied.faults().empty
