"""Every bad file gets its outcome, every id is named, and none does anything but be read."""

from __future__ import annotations

import hashlib
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from capacity import cli
from gis.formats import read_source
from gis.formats.gdal import quiet
from tests.capacity.test_bad_inputs import outcome as judged
from tests.corpus.hostile import NAMES, UNREAL
from tests.corpus.make_corpus import CORPUS, surroundings
from tests.corpus.town import CANARY, BadFile, Surroundings

# A small file's due, whatever it holds (FAULTS.md): processor seconds and kilobytes of a reading process.
MOST_S, MOST_KB = 10.0, 500_000


class Scene:
    """A folder with the file in it, what hostile files reach for, and a listener nobody may call."""

    def __init__(self, folder: Path) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/x.gpkg"
        self.around: Surroundings = surroundings(folder / "around", url)
        self.folder = folder / "source"
        self.folder.mkdir()
        self.out = folder / "out" / "town.gpkg"
        self.out.parent.mkdir()

    def make(self, entry: BadFile) -> Path:
        """Write the file of an entry; what GDAL remarks while it writes nonsense is of no interest."""
        with quiet():
            entry.make(self.folder / entry.name, self.around)
        return self.folder / entry.name

    def was_called(self) -> bool:
        try:
            self.listener.accept()[0].close()
        except BlockingIOError:
            return False
        return True

    def state(self) -> dict[str, str]:
        """Every file there is, and what is in it."""
        roots = (self.around.secret.parent, self.folder)
        found = [f for root in roots for f in sorted(root.rglob("*")) if f.is_file()]
        return {str(f): hashlib.sha256(f.read_bytes()).hexdigest() for f in found}


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.listener.close()


def read_by_command(path: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("sys.argv", ["feederplan", "import", str(path), str(out)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    return int(stopped.value.code or 0)


def of(*, walled: bool) -> list[object]:
    return [pytest.param(entry, id=entry.name) for entry in CORPUS if entry.walled == walled]


@pytest.mark.parametrize("entry", of(walled=False))
def test_a_bad_file_gets_its_outcome_and_every_id_is_named(entry: BadFile, scene: Scene) -> None:
    path, mapping = scene.make(entry), None
    if entry.mapping:
        mapping = scene.around.secret.with_name("mapping.toml")
        mapping.write_text(entry.mapping, encoding="utf-8")
    before = scene.state()
    outcome, said = judged(path, mapping)
    assert entry.outcome in outcome, said
    assert [name for name in entry.names if name not in said] == [], said
    assert scene.state() == before


@pytest.mark.parametrize("entry", of(walled=True))
def test_a_hostile_file_does_nothing_and_gets_its_outcome(
    entry: BadFile, scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = scene.make(entry)
    before, used = scene.state(), resource.getrusage(resource.RUSAGE_CHILDREN)
    code = read_by_command(path, scene.out, monkeypatch)
    said = "".join(capsys.readouterr())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert code == {"REJECT": 2, "WARN": 1, "ACCEPT": 0}[entry.outcome], said
    assert [name for name in entry.names if name not in said] == [], said
    assert scene.state() == before
    assert not scene.around.trace.exists()
    assert not scene.was_called()
    assert CANARY not in said and "Traceback" not in said
    assert after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime < MOST_S
    # A new process first counts what the one that starts it holds.
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after.ru_maxrss <= max(used.ru_maxrss, own, MOST_KB)
    written = sorted(file.name for file in scene.out.parent.rglob("*"))
    assert written == ([] if code == 2 else ["town.gpkg"])
    if code != 2:
        assert CANARY.encode() not in scene.out.read_bytes()


@pytest.mark.parametrize("words", UNREAL)
def test_words_that_are_no_file_are_never_opened(
    words: str, scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = words.format(url=scene.around.url, secret=scene.around.secret)
    assert read_by_command(Path(path), scene.out, monkeypatch) == 2
    assert "no such file" in "".join(capsys.readouterr())
    assert not scene.was_called() and not scene.out.exists()


def test_a_name_no_disk_can_hold_is_refused(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_by_command(Path("x" * 5_000), scene.out, monkeypatch) == 2


def test_names_that_could_run_stay_names(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    path = scene.make(next(entry for entry in CORPUS if entry.name == "spoken_names.gpkg"))
    assert read_by_command(path, scene.out, monkeypatch) == 0
    assert sorted(read_source(scene.out).layers["loads"]["name"]) == sorted(NAMES)


def test_the_corpus_is_large_and_its_names_are_its_own() -> None:
    names = [entry.name for entry in CORPUS]
    assert len(names) >= 80 and len(set(names)) == len(names)
    assert len({fault for entry in CORPUS for fault in entry.faults}) >= 50
