"""Cold start: the demo's GeoPackage to a solved result in a fresh process, and what the imports cost."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

from capacity.demo import demo_network_path

RUNS = 5
STEPS = (
    ("an empty Python", ""),
    ("import gis (geopandas, pyogrio, scipy)", "import gis"),
    ("... and pandapower", "import gis, pandapower"),
)


def run() -> list[str]:
    """Time each step as a whole process and return lines for RESULTS.md."""
    python = [sys.executable, "-c"]
    imports = [(name, _median_seconds([*python, code])) for name, code in STEPS]
    command = [*python, "from capacity.cli import main; main()"]
    help_s = _median_seconds([*command, "--help"])
    solve_s = _median_seconds([*command, "loadflow", str(demo_network_path()), "--json"])
    rows = [*imports, ("`feederplan --help`", help_s), ("`feederplan loadflow` of the demo area", solve_s)]
    share = imports[-1][1] / solve_s
    return [
        f"Cold start, whole processes, median of {RUNS} (compiled bytecode on disk, as pip leaves it):",
        "",
        "| process | seconds |",
        "|---|---|",
        *(f"| {name} | {seconds:.2f} |" for name, seconds in rows),
        "",
        f"Imports are {share:.0%} of the load flow command; reading, building, solving and checking take "
        f"{solve_s - imports[-1][1]:.2f} s.",
    ]


def _median_seconds(command: list[str]) -> float:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    times = []
    for _ in range(RUNS + 1):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=environment)
        times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


if __name__ == "__main__":
    print("\n".join(run()))
