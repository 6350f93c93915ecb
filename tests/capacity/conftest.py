"""Fixtures of the command's tests: the command in this process, and small towns as files."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import capacity.cli
from gis import write_network
from tests.capacity.grids import station, with_column

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process; returns exit code, stdout, stderr."""

    def _run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["feederplan", *map(str, words)])
        with pytest.raises(SystemExit) as stopped:
            capacity.cli.main()
        said = capsys.readouterr()
        return int(stopped.value.code or 0), said.out, said.err

    return _run


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the towns of these tests, written once; each test works on a copy."""
    folder = tmp_path_factory.mktemp("towns")
    write_network(station(), folder / "town.gpkg")
    write_network(station(a2_kw=180.0), folder / "weak.gpkg")
    bad = with_column(station(), "lines", "to_bus_id", {"L2": "nowhere"})
    write_network(with_column(bad, "lines", "type_id", {"L3": "NAYY 4x151 SE"}), folder / "bad.gpkg")
    return folder


@pytest.fixture
def town(written: Path, tmp_path: Path) -> Path:
    """A station with two feeders, within its limits."""
    return Path(shutil.copy(written / "town.gpkg", tmp_path))


@pytest.fixture
def weak_town(written: Path, tmp_path: Path) -> Path:
    """The station with an overloaded feeder."""
    return Path(shutil.copy(written / "weak.gpkg", tmp_path))


@pytest.fixture
def bad_town(written: Path, tmp_path: Path) -> Path:
    """The station with a line that ends at no bus and a type nobody knows."""
    return Path(shutil.copy(written / "bad.gpkg", tmp_path))
