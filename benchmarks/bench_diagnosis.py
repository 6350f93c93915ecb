"""A load wrong by a thousand: how often the diagnosis names it first, and how long it takes."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from pathlib import Path

from gis import Network, read_network
from gis.examples import synthetic_network
from gridmodel import build_model, diagnose, rules_for, run_load_flow

DEMO = Path(__file__).resolve().parents[1] / "data" / "schutterwald.gpkg"
FACTOR = 1000.0
# Every 64th load of the demo area: all 1,457 take half an hour.
DEMO_STEP = 64


def named_first(network: Network, load_ids: list[str]) -> tuple[int, int, list[float]]:
    """Loads whose error leaves no solution, those of them named first, and seconds of each diagnosis."""
    lost, first, seconds = 0, 0, []
    for load_id in load_ids:
        p_kw = network.loads["p_kw"].where(network.loads.index != load_id, FACTOR * network.loads["p_kw"])
        model = build_model(replace(network, loads=network.loads.assign(p_kw=p_kw)))
        if run_load_flow(model).converged:
            continue
        lost += 1
        started = time.process_time()
        suspects = diagnose(model).suspects["load_id"].tolist()
        seconds.append(time.process_time() - started)
        first += suspects[:1] == [load_id]
    return lost, first, seconds


def run() -> list[str]:
    """Multiply loads in turn and return lines for RESULTS.md."""
    demo, drawn = read_network(DEMO, rules=rules_for()), synthetic_network(300)
    lines = [
        "One load wrong by 1,000 in turn; processor time of a diagnosis:",
        "",
        "| network | buses | loads tried | without solution | named first | seconds, median | most |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, network, step in (("drawn by lot", drawn, 4), ("demo area", demo, DEMO_STEP)):
        tried = network.loads.index[::step].tolist()
        lost, first, seconds = named_first(network, tried)
        lines.append(
            f"| {name} | {len(network.buses):,} | {len(tried)} | {lost} | {first} "
            f"| {statistics.median(seconds):.2f} | {max(seconds):.2f} |"
        )
    return lines


if __name__ == "__main__":
    print("\n".join(run()))
