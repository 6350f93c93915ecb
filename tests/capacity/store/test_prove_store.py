"""The proof of `benchmarks/prove_store.py` in small: kills, a crowd, a full disk; and that it can fail."""

from __future__ import annotations

import importlib
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from capacity.store import Store

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"
pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are forked and killed")


@pytest.fixture
def proof(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("prove_store")


def test_kills_lose_nothing(proof: ModuleType) -> None:
    found = proof.prove_kills(6, longest_s=0.12, seed=3)
    assert found.pop("kills") == 6 and found.pop("told") >= 0
    assert set(found.values()) == {0}


def test_a_crowd_waits_and_loses_nothing(proof: ModuleType) -> None:
    found = proof.prove_crowd(3, 1, 0.4)
    assert found["writes"] > 3 and found["reads"]
    assert [found[what] for what in ("locked", "lost", "halves", "unsound")] == [0, 0, 0, 0]


def test_a_full_disk_leaves_what_stood(proof: ModuleType, tmp_path: Path) -> None:
    """A file that may not grow, in a process of its own: the limit cannot be taken back."""
    reads = proof._started(_write_into_the_limit, proof, tmp_path / "town.fplan")
    with os.fdopen(reads) as stream:
        told = stream.read()
    os.wait()
    assert told == '"disk_full"'
    store = proof.open_store(tmp_path / "town.fplan", user="judge")
    assert len(store.applications()) >= proof.GROUP
    assert not proof.halves_of(store) and store.faults().empty


def _write_into_the_limit(proof: ModuleType, path: Path) -> str:
    import resource

    store = proof.open_store(path, user="writer")
    store.add_all(proof.group_of("before"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    return str(proof._until_full(store, "full", 1_000, []))


def test_what_is_lost_or_half_is_seen(proof: ModuleType, store: Store) -> None:
    one = store.add_all(proof.group_of("whole"))[0]
    store.add_all(proof.group_of("half")[:3])
    changed = store.change(replace(one, applicant="x"))
    told = ["group whole", "group half", "group none", f"change {one.application_id} 2 x",
            f"change {one.application_id} 2 y", "assessment A-1 0", "decision whole"]  # fmt: skip
    assert proof.lost_of(store, told) == ["group half", "group none", told[4], told[5], told[6]]
    assert proof.halves_of(store) == ["half"]
    assert changed.revision == 2


def test_a_file_that_cannot_be_read_is_counted(proof: ModuleType, tmp_path: Path) -> None:
    path, found = tmp_path / "town.fplan", Counter[str]()
    path.write_bytes(b"SQLite format 3\x00 and no more")
    proof._judge_after_kill(path, [], found)
    assert found["unreadable"] == 1
