"""Run benchmarks and write RESULTS.md: figures with their peer in the same run, and the machine.

`python benchmarks/run.py` runs all. With names, like `python benchmarks/run.py plan security`, it runs those
and writes only their sections anew.
"""

from __future__ import annotations

import datetime
import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import bench_bound
import bench_build
import bench_cold
import bench_connection
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
    bench_connection,
    bench_first_call,
    bench_bound,
)
TARGET = Path(__file__).with_name("RESULTS.md")


def main() -> None:
    """Run all, or those named, and write the page."""
    named = sys.argv[1:]
    if named:
        _write_again([one for one in BENCHMARKS if _name(one) in named])
    else:
        _write_all()


def _write_again(benchmarks: Sequence[ModuleType]) -> None:
    """Put new sections in the place of those that are there, or at the end."""
    head, *sections = TARGET.read_text(encoding="utf-8").split("\n## ")
    by_name = {section.partition("\n")[0].strip(): section.rstrip("\n") for section in sections}
    for benchmark in benchmarks:
        body = benchmark.run()
        print("\n".join(body), flush=True)
        told = f"Run by itself on {datetime.date.today()}: `python benchmarks/run.py {_name(benchmark)}`."
        by_name[_name(benchmark)] = "\n".join([_name(benchmark), "", told, "", *body])
    TARGET.write_text("\n\n## ".join([head.rstrip("\n"), *by_name.values()]) + "\n", encoding="utf-8")


def _name(benchmark: ModuleType) -> str:
    return benchmark.__name__.removeprefix("bench_")


def _write_all() -> None:
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
        lines += ["", f"## {_name(benchmark)}", "", *section]
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
