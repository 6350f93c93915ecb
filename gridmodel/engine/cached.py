"""`njit` whose compiled functions on disk are stale once any module beside them changes.

numba keeps a compiled function until its own file changes, although what it calls in other modules, and
their constants, are compiled into it. After `git pull` a function compiled for another number of lanes would
then write beyond its arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba


def njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile as `numba.njit` with the same options; the package's files together are the version kept."""

    def compiled(function: Callable[..., Any]) -> Any:
        kernel = numba.njit(**options)(function)
        if options.get("cache"):
            kept = kernel._cache._cache_file  # private to numba; a test holds it to its purpose
            kept._source_stamp = _stamp(Path(function.__code__.co_filename).parent)
        return kernel

    return compiled


@cache
def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Name, time of change and size of every module of a folder."""
    found = [(path.name, path.stat()) for path in sorted(folder.glob("*.py"))]
    return tuple((name, state.st_mtime_ns, state.st_size) for name, state in found)
