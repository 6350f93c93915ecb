"""Run every benchmark and write RESULTS.md: figures with their peer in the same run, and the machine."""

from __future__ import annotations

import datetime
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import bench_bound
import bench_build
import bench_cold
import bench_demand
import bench_diagnosis
import bench_first_call
import bench_headroom
import bench_hosting
import bench_import
import bench_million
import bench_plan
import bench_security
import bench_topologies
import bench_year

BENCHMARKS = (
    bench_import,
    bench_build,
    bench_cold,
    bench_diagnosis,
    bench_year,
    bench_demand,
    bench_headroom,
    bench_million,
    bench_hosting,
    bench_topologies,
    bench_plan,
    bench_security,
    bench_first_call,
    bench_bound,
)
TARGET = Path(__file__).with_name("RESULTS.md")


def main() -> None:
    """Run all and write the page."""
    named = ("pandapower", "power-grid-model", "numba", "geopandas", "numpy", "pandas")
    packages = ", ".join(f"{name} {version(name)}" for name in named)
    lines = [
        "# Benchmark results",
        "",
        f"Made by `make bench` on {datetime.date.today()}: {os.cpu_count()} cores, {platform.machine()}, "
        f"Python {platform.python_version()}, {packages}. Ratios count; seconds are of this machine.",
    ]
    for benchmark in BENCHMARKS:
        section = benchmark.run()
        print("\n".join(section), flush=True)
        lines += ["", f"## {benchmark.__name__.removeprefix('bench_')}", "", *section]
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
