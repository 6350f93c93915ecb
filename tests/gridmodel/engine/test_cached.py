"""Compiled functions on disk are used again, and never after a module beside them has changed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

KERNEL = """
from gridmodel.engine.cached import njit
from parts import LENGTH

@njit(cache=True)
def length():
    return LENGTH

found = length()
print(found, sum(length.stats.cache_hits.values()))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "parts.py").write_text("LENGTH = 8\n")
    (tmp_path / "kernel.py").write_text(KERNEL)
    return tmp_path


def call(folder: Path) -> tuple[int, int]:
    """What the kernel returns in a fresh process, and how often it came from disk."""
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, str(folder / "kernel.py")],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    found, hits = done.stdout.split()
    return int(found), int(hits)


def test_a_kernel_is_compiled_once_and_again_when_a_module_beside_it_changes(folder: Path) -> None:
    assert call(folder) == (8, 0)
    assert call(folder) == (8, 1)
    (folder / "parts.py").write_text("LENGTH = 16\n")
    assert call(folder) == (16, 0)
    assert call(folder) == (16, 1)
