"""What is timed how: medians of calls, peak memory of this process, memory bandwidth of this machine."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

Result = TypeVar("Result")
PROGRAM = Path(__file__).with_name("in_process.py")


def timed(work: Callable[[], Result], runs: int) -> tuple[float, Result]:
    """Median seconds of some calls and what the last one returned; of several the first does not count."""
    seconds = []
    for _ in range(runs + (runs > 1)):
        started = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds[-runs:]), result


def in_process(way: str, buses: int, folder: str) -> dict[str, Any]:
    """Figures of one way of `in_process.py`, in a process of its own."""
    command = [sys.executable, "-W", "ignore", str(PROGRAM), way, str(buses), folder]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def peak_gib() -> float:
    """Largest memory this process has held so far [GiB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def bandwidth_gb_per_s(bytes_per_array: int, threads: int, runs: int = 5) -> float:
    """Bytes moved by a = b + c over arrays of a size, each thread its own [GB/s] (as STREAM's add).

    McCalpin, Memory Bandwidth and Machine Balance, IEEE TCCA Newsletter, 1995. Two arrays are read, one is
    written; what a write allocates first is not counted.
    """
    count = bytes_per_array // 8
    sets = [tuple(np.ones(count) for _ in range(3)) for _ in range(threads)]
    repeats = max(1, 10**9 // (3 * bytes_per_array))

    def work(own: tuple[np.ndarray, ...]) -> None:
        for _ in range(repeats):
            np.add(own[0], own[1], out=own[2])

    with ThreadPoolExecutor(threads) as pool:
        seconds, _ = timed(lambda: list(pool.map(work, sets)), runs)
    return 3 * bytes_per_array * repeats * threads / seconds / 1e9
