"""Kernels on disk are no older than the sources of the engine."""

from __future__ import annotations

import os
from pathlib import Path

from gridmodel.engine import discard_stale_kernels


def test_a_kernel_older_than_any_source_goes_and_a_newer_one_stays(tmp_path: Path) -> None:
    cache = tmp_path / "__pycache__"
    cache.mkdir()
    for name, at in (("caller.py", 10.0), ("callee.py", 30.0)):
        (tmp_path / name).write_text("", encoding="utf-8")
        os.utime(tmp_path / name, (at, at))
    for name, at in (("caller.run.nbi", 20.0), ("caller.later.nbi", 40.0), ("caller.pyc", 5.0)):
        (cache / name).write_text("", encoding="utf-8")
        os.utime(cache / name, (at, at))
    discard_stale_kernels(tmp_path)
    assert sorted(file.name for file in cache.iterdir()) == ["caller.later.nbi", "caller.pyc"]


def test_a_folder_without_kernels_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "caller.py").write_text("", encoding="utf-8")
    discard_stale_kernels(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["caller.py"]
