"""Compare imported OpenDSS circuits with OpenDSS itself, and write the table of docs/opendss.md.

    python benchmarks/compare_opendss.py [DATA]

DATA is the folder of the circuits, `../shared/data` when absent.

Three solutions of OpenDSS stand beside ours: the script's own; with loads of constant power, which is what
our tables hold; and, where all lines have three phases and loads have not, with the loads spread over the phases as well.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyproj import CRS

import gis
from gis.formats.opendss import circuit_tables, read_coordinates, usual_file
from gis.formats.opendss.circuit import Circuit, bus_voltages, make_circuit
from gis.formats.opendss.process import solve_circuit
from gis.formats.opendss.script import read_script
from gis.importer import import_tables, require_network
from gridmodel import build_model, run_load_flow

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"
PAGE = ROOT / "docs" / "opendss.md"
MARKS = ("<!-- comparison -->", "<!-- end of comparison -->")
FEEDERS = "06_opendss_test_feeders"
ENWL = "04_enwl_network_1"
# Where ENWL's coordinates start in EPSG:27700 (README of the data).
ENWL_ORIGIN_M = (390_513.0, 392_724.563)
BAND = "model=1 vminpu=0.01 vmaxpu=3"


@dataclass(frozen=True)
class Case:
    """A circuit: its master inside the data, and the CRS its coordinates are taken for."""

    name: str
    master: str
    crs: str = "EPSG:32615"


CASES = (
    Case("IEEE 13", f"{FEEDERS}/13Bus/IEEE13Nodeckt.dss"),
    Case("IEEE 37", f"{FEEDERS}/37Bus/ieee37.dss"),
    Case("IEEE 123", f"{FEEDERS}/123Bus/IEEE123Master.dss"),
    Case("European LV", f"{FEEDERS}/LVTestCase/Master.dss", "EPSG:27700"),
    Case("EPRI ckt5", f"{FEEDERS}/epri_ckt5/Master_ckt5.dss", "EPSG:2274"),
    Case("SMART-DS Austin", "03_smartds_austin_p1uhs23/Master_snapshot.dss", "EPSG:32614"),
    *(Case(f"ENWL 1, feeder {n}", f"{ENWL}/Feeder_{n}", "EPSG:27700") for n in (1, 2, 3, 4)),
)


@dataclass(frozen=True)
class Against:
    """Ours against one solution of OpenDSS."""

    p_kw: float
    loss_kw: float
    p_off_percent: float
    loss_off_percent: float
    v_off_max_pu: float
    v_off_mean_pu: float


@dataclass(frozen=True)
class Comparison:
    """One circuit: ours, and each solution of OpenDSS it is held against."""

    name: str
    buses: int
    three_phase_percent: float
    p_kw: float
    loss_kw: float
    as_it_is: Against
    constant_power: Against
    balanced: Against | None
    why: str


def compare(case: Case, data: Path = SHARED) -> Comparison:
    """Import one circuit, solve it, and hold it against OpenDSS."""
    with tempfile.TemporaryDirectory() as folder:
        path = data / case.master
        master = _enwl_master(path, Path(folder)) if path.is_dir() else path
        return compare_script(case.name, master, case.crs)


def compare_script(name: str, master: Path, crs: str) -> Comparison:
    """Import a master script, solve it, and hold it against OpenDSS."""
    script = read_script(master)
    constant = [f"batchedit load..* {BAND}", "set controlmode=off", "solve"]
    answer: dict[str, Any] = solve_circuit(script, name, then=[constant])
    circuit = make_circuit(answer)
    three_phase = _three_phase(circuit)
    if three_phase.all() and any(load["Phases"] < 3 for load in circuit.of("load")):
        answer = solve_circuit(script, name, then=[constant, [*_spread(circuit), "solve"]])
    places = read_coordinates(script.coordinates or usual_file(master.parent))
    source = circuit_tables(circuit, places)
    imported = import_tables(source.layers, crs=CRS.from_user_input(crs), found=source.findings)
    network = require_network(imported, master)
    result = run_load_flow(build_model(network))
    ours = (float(result.sources["p_kw"].sum()), result.loss_kw, result.buses["vm_pu"])
    others = [_against(ours, solution) for solution in answer["again"]]
    return Comparison(
        name=name,
        buses=len(network.buses),
        three_phase_percent=100.0 * float(three_phase.mean()),
        p_kw=ours[0],
        loss_kw=ours[1],
        as_it_is=_against(ours, answer["circuit"]["solution"]),
        constant_power=others[0],
        balanced=others[1] if len(others) > 1 else None,
        why=_why(network),
    )


def page_table(rows: list[Comparison]) -> str:
    """The comparison as a table in Markdown."""
    head = (
        "| circuit | buses | lines of three phases | against | source kW OpenDSS | ours | off | "
        "loss kW OpenDSS | ours | off | voltage off, max | mean |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    )
    lines = [
        f"{_named(row) if first else '|  |  |  |'} {label} | {_figures(row, at)}"
        for row in rows
        for first, label, at in (
            (True, "the script", row.as_it_is),
            (False, "constant power", row.constant_power),
            (False, "balanced loads", row.balanced),
        )
        if at is not None
    ]
    why = ["", "Why they differ:", "", *(f"- {row.name}: {row.why}" for row in rows)]
    return "\n".join([*head, *lines, *why])


def _named(row: Comparison) -> str:
    return f"| {row.name} | {row.buses} | {row.three_phase_percent:.0f} % |"


def _figures(row: Comparison, at: Against) -> str:
    return (
        f"{at.p_kw:,.1f} | {row.p_kw:,.1f} | {at.p_off_percent:+.2f} % | "
        f"{at.loss_kw:,.2f} | {row.loss_kw:,.2f} | {at.loss_off_percent:+.1f} % | "
        f"{at.v_off_max_pu:.4f} pu | {at.v_off_mean_pu:.4f} pu |"
    )


def _against(ours: tuple[float, float, pd.Series], solution: dict[str, Any]) -> Against:
    p_kw, loss_kw, vm_pu = ours
    off = (vm_pu - bus_voltages(solution)["v_pu"].reindex(vm_pu.index)).abs().dropna()
    return Against(
        p_kw=solution["p_kw"],
        loss_kw=solution["loss_kw"],
        p_off_percent=100.0 * (p_kw / solution["p_kw"] - 1.0),
        loss_off_percent=100.0 * (loss_kw / solution["loss_kw"] - 1.0),
        v_off_max_pu=float(off.max()),
        v_off_mean_pu=float(off.mean()),
    )


def _three_phase(circuit: Circuit) -> np.ndarray:
    """Which lines have three phases; a jumper past a regulator is none of the network's."""
    return np.array([int(line["Phases"]) == 3 for line in circuit.of("line") if line["Name"] != "jumper"])


def _spread(circuit: Circuit) -> list[str]:
    """Lines that spread every load over the three phases of its bus."""
    vn_kv = circuit.buses["vn_kv"]
    buses = {e["Name"]: e["Bus1"].split(".")[0] for e in circuit.of("load")}
    return [
        f"edit load.{name} phases=3 conn=delta bus1={bus}.1.2.3 kv={vn_kv[bus.lower()]:.6f} "
        f"kw={load['kW']} kvar={load['kvar']} {BAND}"
        for (name, bus), load in zip(buses.items(), circuit.of("load"), strict=True)
    ]


def _why(network: gis.Network) -> str:
    """What of the circuit a balanced model does not hold, counted from the findings."""
    found = network.findings
    words = []
    for rule, table, text in (
        ("not_balanced", "lines", "lines without all three phases"),
        ("not_balanced", "loads", "loads on one or two phases"),
        ("load_model", "loads", "loads follow their voltage"),
        ("bank_joined", "transformers", "banks of single-phase units with taps of their own"),
    ):
        count = int(((found["rule"] == rule) & (found["table"] == table)).sum())
        if count:
            words.append(f"{count} of {len(network.table(table))} {text}")
    return "; ".join(words) or "nothing is left out"


def _enwl_master(folder: Path, target: Path) -> Path:
    """A master for a feeder of ENWL, which is published as fragments without one.

    Source and load factor as in the European LV feeder and in the reference results: 11 kV, 1.05 pu,
    3000 A of short circuit, twice the 1 kW of each load.
    """
    for name in ("LineCode", "Lines", "Loads", "Transformers"):
        shutil.copy(folder / f"{name}.txt", target / f"{name}.txt")
    places = pd.read_csv(folder / "XY_Position.csv")
    places[["X", "Y"]] += ENWL_ORIGIN_M
    places.to_csv(target / "XY_Position.csv", index=False)
    shapes = sorted(set(re.findall(r"(?i)daily=(\S+)", (folder / "Loads.txt").read_text(encoding="utf-8"))))
    lines = [
        "clear",
        "set defaultbasefrequency=50",
        "new circuit.enwl",
        "edit vsource.source basekv=11 pu=1.05 isc3=3000 isc1=5",
        "redirect LineCode.txt",
        *(f"new loadshape.{shape}" for shape in shapes),
        "redirect Lines.txt",
        "redirect Transformers.txt",
        "redirect Loads.txt",
        "set loadmult=2",
        "set voltagebases=[11 0.416]",
        "calcvoltagebases",
        "buscoords XY_Position.csv",
        "solve",
    ]
    master = target / "Master.dss"
    master.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return master


def main() -> None:
    """Compare every circuit and put the table into the page."""
    rows = []
    for case in CASES:
        print(f"comparing {case.name}", file=sys.stderr)
        rows.append(compare(case, Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED))
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    table = page_table(rows)
    print(table)
    PAGE.write_text(f"{before}{MARKS[0]}\n{table}\n{MARKS[1]}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
