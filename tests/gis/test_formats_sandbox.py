"""Behind the walls: the same layers as in front of them, and nothing else can be reached from there."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from gis import InputError
from gis.formats import FORMATS, Format, confine, read_source, sandbox
from gis.formats.sandbox import limits_for, read_untrusted
from gis.formats.source import Dialect, Source
from tests.corpus.files import shapes
from tests.networks import raw_layers, station, write_raw

linux = pytest.mark.skipif(sys.platform != "linux", reason="these walls are of Linux")
# Puts up the walls in a process of its own and says what became of a deed there.
DEED = """
import json, runpy, sys, pathlib
confine = runpy.run_path({script!r})["confine"]
folder = pathlib.Path({folder!r})
limits = dict(memory_bytes=200_000_000, cpu_s=2, written_bytes=1_000_000)
standing = confine(folder, [sys.prefix, sys.base_prefix], [], limits)
if {wall!r} not in standing:
    print("no wall")
else:
    try:
        {deed}
        print("done")
    except (OSError, MemoryError) as error:
        print(type(error).__name__)
"""


def behind_walls(deed: str, wall: str, folder: Path) -> tuple[int, str]:
    """Exit code and words of a deed; skips where the system has no such wall."""
    script = DEED.format(script=confine.__file__, folder=str(folder), wall=wall, deed=deed)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    if done.stdout.strip() == "no wall":
        pytest.skip(f"this system has no {wall}")
    return done.returncode, done.stdout.strip()


@linux
@pytest.mark.parametrize(
    ("deed", "wall", "ends"),
    [
        ("open({secret!r}).read()", "landlock", "PermissionError"),
        ("list(pathlib.Path({secret!r}).parent.iterdir())", "landlock", "PermissionError"),
        ("open({secret!r}, 'a').write('x')", "landlock", "PermissionError"),
        ("pathlib.Path({secret!r}).unlink()", "landlock", "PermissionError"),
        ("__import__('socket').socket()", "seccomp", "PermissionError"),
        ("__import__('subprocess').run(['true'])", "seccomp", "PermissionError"),
        ("bytearray(400_000_000)", "limits", "MemoryError"),
        ("open('{folder}/x', 'wb').write(bytes(3_000_000))", "limits", "OSError"),
        ("open('{folder}/x', 'wb').write(b'x')", "landlock", "done"),
    ],
)
def test_a_deed_behind_the_walls_ends_as_it_should(deed: str, wall: str, ends: str, tmp_path: Path) -> None:
    secret, folder = tmp_path / "around" / "secret.txt", tmp_path / "private"
    secret.parent.mkdir()
    folder.mkdir()
    secret.write_text("secret")
    _, said = behind_walls(deed.format(secret=str(secret), folder=folder), wall, folder)
    assert said == ends
    assert secret.read_text() == "secret"


@linux
def test_a_deed_without_end_is_ended(tmp_path: Path) -> None:
    code, said = behind_walls("exec('while True: pass')", "limits", tmp_path)
    assert (code < 0, said) == (True, "")


@pytest.mark.parametrize("name", ["town.gpkg", "town"])
def test_layers_are_the_same_as_in_front_of_the_walls(name: str, tmp_path: Path) -> None:
    path = write_raw(raw_layers(station()), tmp_path / name)
    here, there = read_source(path), read_untrusted(path)
    assert list(here.layers) == list(there.layers)
    for layer, frame in here.layers.items():
        assert frame.equals(there.layers[layer])
        assert getattr(frame, "crs", None) == getattr(there.layers[layer], "crs", None)


def test_the_members_beside_a_shapefile_come_along_and_its_doubts_come_back(tmp_path: Path) -> None:
    shapes(tmp_path, names=["Müllerweg"] * 6, cpg=None)
    source = read_untrusted(tmp_path / "loads.shp", dialect=Dialect())
    assert source.layers["loads"]["name"].tolist() == ["Müllerweg"] * 6
    assert source.findings["rule"].tolist() == ["encoding"]
    assert read_untrusted(tmp_path / "loads.shp", dialect=Dialect("utf-8")).findings.empty


def test_a_damaged_file_is_told_in_the_same_words(tmp_path: Path) -> None:
    path = write_raw(raw_layers(station()), tmp_path / "town.gpkg")
    path.write_bytes(path.read_bytes()[:50_000])
    with pytest.raises(InputError) as here:
        read_source(path)
    with pytest.raises(InputError) as there:
        read_untrusted(path)
    assert str(there.value) == str(here.value)


def test_the_file_that_is_read_is_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_raw(raw_layers(station()), tmp_path / "town.gpkg")
    seen = []
    run = sandbox._run
    monkeypatch.setattr(sandbox, "_run", lambda folder, limits: (seen.append(folder), run(folder, limits)))
    read_untrusted(path)
    assert not seen[0].exists()
    assert tmp_path not in seen[0].parents


def test_the_environment_brings_nothing_along(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("https_proxy", "AWS_SECRET_ACCESS_KEY", "GDAL_DRIVER_PATH", "LD_PRELOAD"):
        monkeypatch.setenv(name, "x")
    environment = sandbox._environment(tmp_path)
    assert "x" not in environment.values()
    skipped = set(environment["GDAL_SKIP"].split(","))
    assert {"OGR_VRT", "GDALG", "WFS", "SQLite", "CSV", "HTTP"} <= skipped
    assert not {"GPKG", "OpenFileGDB"} & skipped


@linux
@pytest.mark.parametrize(
    ("tight", "says"),
    [
        ({"wall_s": 0}, "took more than 0 s"),
        ({"memory_bytes": 60_000_000}, "stopped"),
        ({"written_bytes": 100}, "stopped"),
    ],
)
def test_what_takes_too_much_is_stopped_in_plain_words(
    tight: dict[str, int], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_raw(raw_layers(station()), tmp_path / "town.gpkg")
    limits = replace(limits_for(0), **tight)
    monkeypatch.setattr(sandbox, "limits_for", lambda size: limits)
    with pytest.raises(InputError, match=says) as caught:
        read_untrusted(path)
    assert caught.value.source == str(path)


@linux
def test_reading_without_end_is_stopped_in_plain_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_raw(raw_layers(station()), tmp_path / "town.gpkg")
    endless = tmp_path / "endless.py"
    endless.write_text("import resource as r\nr.setrlimit(r.RLIMIT_CPU, (1, 1))\nwhile True:\n    pass\n")
    monkeypatch.setattr(sandbox, "_CONFINE", endless)
    with pytest.raises(InputError, match="processor time; it was stopped"):
        read_untrusted(path)


def test_a_folder_of_countless_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_raw(raw_layers(station()), tmp_path / "town")
    monkeypatch.setattr(sandbox, "MAX_FILES", 5)
    with pytest.raises(InputError, match="at most 5 are read"):
        read_untrusted(folder)


def test_a_format_with_a_process_of_its_own_reads_in_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.own").write_text("own")
    form = Format(
        "own", "own", lambda path: path.suffix == ".own", lambda path, d: Source({}), own_process=True
    )
    monkeypatch.setattr("gis.formats.FORMATS", (form, *FORMATS))
    monkeypatch.setattr(sandbox, "_run", None)
    assert read_untrusted(tmp_path / "x.own").layers == {}


def test_limits_grow_with_the_file() -> None:
    small, large = limits_for(1_000), limits_for(10**9)
    assert small.memory_bytes < 500e6 and small.cpu_s < 10
    assert large.memory_bytes > 10e9 and large.cpu_s > 200
    assert json.dumps(small.__dict__)
