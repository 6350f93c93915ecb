"""Large array work: on every core where a library lets go of the interpreter, and without the collector.

Results are those of one call over the whole, in its order.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import shapely

# Fewer values than this are done before a thread has started (measured: 0.1 ms a thread).
_WORTH_A_THREAD = 20_000


def in_parts(work: Callable[[np.ndarray], np.ndarray], values: np.ndarray) -> np.ndarray:
    """Apply a function of equally many values to parts of an array, side by side."""
    return np.concatenate(_each_part(work, values))


def query_pairs(tree: shapely.STRtree, geometry: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs whose boxes meet: positions in `geometry`, positions in the tree."""
    parts = _each_part(tree.query, geometry)
    sizes = [len(part) for part in _split(geometry)]
    starts = np.cumsum([0, *sizes[:-1]])
    first = np.concatenate([part[0] + start for part, start in zip(parts, starts, strict=True)])
    return first, np.concatenate([part[1] for part in parts])


@contextmanager
def without_collector() -> Iterator[None]:
    """Leave the cycle collector out: it would walk millions of ids again and again for nothing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _each_part(work: Callable[[np.ndarray], np.ndarray], values: np.ndarray) -> list[np.ndarray]:
    parts = _split(values)
    if len(parts) == 1:
        return [work(values)]
    with ThreadPoolExecutor(len(parts)) as pool:
        return list(pool.map(work, parts))


def _split(values: np.ndarray) -> list[np.ndarray]:
    count = min(_cores(), len(values) // _WORTH_A_THREAD)
    return np.array_split(values, max(1, count))


def _cores() -> int:
    """Cores to use: as many as numerical libraries are told, else all."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    return int(told) if told.isdecimal() else os.cpu_count() or 1
