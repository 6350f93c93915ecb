"""Import: a GeoPackage without any bus id to a judged network, by stages, at 100,000 and 1,000,000 lines.

Each size runs in a process of its own, so that its peak memory is its own. The peer is what people write by
hand: a loop over features that rounds end points to a grid and adds edges to a networkx graph.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyogrio
import shapely

from gis.examples import synthetic_network

SIZES = (100_000, 1_000_000)
PEER_LINES = 100_000
_BENT_BY_M = 0.3


def run() -> list[str]:
    """Time every size and the peer, and return lines for RESULTS.md."""
    with tempfile.TemporaryDirectory() as folder:
        files = {lines: write_source(lines, Path(folder) / f"{lines}.gpkg") for lines in SIZES}
        ours = {lines: _in_a_process("time_import", path) for lines, path in files.items()}
        peer = _in_a_process("time_networkx", files[PEER_LINES])
    stages = [stage for stage in ours[SIZES[0]] if stage not in ("lines", "peak_gib")]
    read_and_joined_s = sum(ours[PEER_LINES][stage] for stage in ("read", "typed", "connected"))
    ratio = peer["seconds"] / read_and_joined_s
    heads = " | ".join(f"{lines:,} lines" for lines in SIZES)
    return [
        "GeoPackage of lines, loads, transformers, generators and sources without a bus id, to a network "
        "with buses, repairs and findings (one run; seconds):",
        "",
        f"| stage | {heads} |",
        "|---|" + "---|" * len(SIZES),
        *(f"| {s} | " + " | ".join(f"{ours[n][s]:.2f}" for n in SIZES) + " |" for s in stages),
        "| peak memory [GiB] | " + " | ".join(f"{ours[n]['peak_gib']:.2f}" for n in SIZES) + " |",
        "",
        f"A loop over the features with networkx (read, ends rounded to 1 cm, edges added, nothing judged) "
        f"takes {peer['seconds']:.1f} s for {PEER_LINES:,} lines: {ratio:.1f} times as long as read, typed "
        "and connected here.",
    ]


def write_source(lines: int, path: Path) -> Path:
    """Write a synthetic network as a utility's file: no bus layer, no bus id, every line bent once."""
    network = synthetic_network(lines)
    for name in ("lines", "loads", "transformers", "generators", "sources"):
        frame = network.table(name)
        frame = frame.drop(columns=[c for c in frame if c.endswith("bus_id")]).dropna(axis=1, how="all")
        if name == "lines":
            frame = frame.set_geometry(_bent(np.asarray(frame.geometry.array)), crs=frame.crs)
        whole = {c: "int64" for c in frame if str(frame[c].dtype) == "Int64"}
        pyogrio.write_dataframe(frame.astype(whole).reset_index(), path, layer=name, driver="GPKG")
    return path


def _bent(straight: np.ndarray) -> np.ndarray:
    ends = shapely.get_coordinates(straight).reshape(-1, 2, 2)
    bend = ends.mean(axis=1) + np.random.default_rng(0).normal(0.0, _BENT_BY_M, (len(straight), 2))
    return np.asarray(shapely.linestrings(np.stack([ends[:, 0], bend, ends[:, 1]], axis=1)))


def time_import(path: Path) -> dict[str, float]:
    """Seconds per stage of `import_file`, by wrapping its steps, and the peak memory."""
    import gis.importer as importer
    from gis.formats.sandbox import read_untrusted
    from gridmodel import read_catalogue
    from gridmodel.rules import doubts_for, rules_for

    seconds: dict[str, float] = {}
    for stage, name in (
        ("typed", "conform_layers"),
        ("connected", "connect"),
        ("judged", "run_rules"),
    ):
        setattr(importer, name, _timed(getattr(importer, name), seconds, stage))
    rules, types = (*rules_for(), *doubts_for()), read_catalogue().transformers
    reader = _timed(read_untrusted, seconds, "read")
    started = time.perf_counter()
    found = importer.import_file(path, rules=rules, transformer_types=types, reader=reader)
    total_s = time.perf_counter() - started
    assert found.network is not None and found.network.quarantine.empty
    seconds["all, with systems, records and balance"] = total_s
    return {**seconds, "lines": len(found.network.lines), "peak_gib": _peak_gib()}


def _peak_gib() -> float:
    """Most memory this process has held; what the operating system counts begins with what started it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 2**20


def _timed(work: Callable[..., object], seconds: dict[str, float], stage: str) -> Callable[..., object]:
    def timed(*given: object, **named: object) -> object:
        started = time.perf_counter()
        result = work(*given, **named)
        seconds[stage] = seconds.get(stage, 0.0) + time.perf_counter() - started
        return result

    return timed


def time_networkx(path: Path) -> dict[str, float]:
    """The loop people write: every feature, rounded ends, one edge at a time, the nearest node per load."""
    import networkx as nx

    started = time.perf_counter()
    lines = pyogrio.read_dataframe(path, layer="lines")
    graph = nx.Graph()
    for _, line in lines.iterrows():
        ends = [tuple(round(x, 2) for x in line.geometry.coords[k]) for k in (0, -1)]
        graph.add_edge(*ends, line_id=line.line_id, vn_kv=line.vn_kv, length_m=line.length_m)
    nodes = pd.DataFrame(list(graph.nodes), columns=["x", "y"])
    tree = shapely.STRtree(shapely.points(nodes["x"], nodes["y"]))
    loads = pyogrio.read_dataframe(path, layer="loads")
    for _, load in loads.iterrows():
        node = nodes.iloc[tree.nearest(load.geometry)]
        graph.nodes[(node.x, node.y)]["p_kw"] = load.p_kw
    return {"seconds": time.perf_counter() - started}


def _in_a_process(task: str, path: Path) -> dict[str, float]:
    command = [sys.executable, __file__, task, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(globals()[sys.argv[1]](Path(sys.argv[2]))))
    else:
        print("\n".join(run()))
