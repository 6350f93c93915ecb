"""Compile the engine for this machine, so that the first question in the map does not wait for it."""

from __future__ import annotations

import sys
import time

import capacity
from capacity.demo import demo_network_path
from gis import read_network
from gridmodel import build_model, find_scenario, rules_for


def main() -> None:
    """Ask what the map asks, on the demo area."""
    print("compiling the engine for this machine, once ...", file=sys.stderr, flush=True)
    started = time.perf_counter()
    model = build_model(read_network(demo_network_path(), rules=rules_for()))
    impact = capacity.study_impact(model, find_scenario(model.network), capacity.read_limits())
    capacity.find_headroom(impact)
    print(f"compiled in {time.perf_counter() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
