"""The process in which OpenDSS runs: limits itself, runs checked lines, prints the solved circuit as JSON.

Started by `gis.formats.opendss.process` as a file, in an empty private folder; imports nothing of ours.
It may write no file at all (`RLIMIT_FSIZE` 0): its answer goes to the pipe it was given.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
from typing import Any

ELEMENT_CLASSES = (
    "Vsource",
    "Line",
    "LineCode",
    "Transformer",
    "RegControl",
    "CapControl",
    "Capacitor",
    "Reactor",
    "Load",
    "Generator",
    "PVSystem",
    "Storage",
)
# Faults after which no further line is tried.
MAX_FAULTS = 20
NO_OPENDSS = 3


def main() -> int:
    """Read a task from standard input and answer on standard output."""
    import resource  # here: where there is none (Windows), the constants above are still read

    answer_to = os.dup(1)
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)  # the library prints
    task = json.load(sys.stdin)
    if importlib.util.find_spec("opendssdirect") is None:
        return NO_OPENDSS
    for name, value in task["limits"].items():
        resource.setrlimit(getattr(resource, name), (value, value))
    # It would load pandas for tables nobody asks for, and so pyarrow, whose allocator crashes now and then
    # within these limits.
    sys.modules["pandas"] = None  # type: ignore[assignment]  # not to be imported
    dss: Any = importlib.import_module("opendssdirect").dss  # within the limits, and it has no types
    dss.Basic.AllowForms(False)
    dss.Basic.AllowEditor(False)
    dss.Basic.AllowChangeDir(False)
    dss.Basic.AllowDOScmd(False)
    with os.fdopen(answer_to, "w", encoding="utf-8") as stream:
        json.dump(_answer(dss, task), stream)
    return 0


def _answer(dss: Any, task: dict[str, Any]) -> dict[str, Any]:  # the library has no types
    faults = _run(dss, task["lines"])
    refused = any(not fault["solving"] for fault in faults)
    if refused or not dss.Basic.NumCircuits():
        return {"faults": faults, "circuit": None}
    faults += _settle(dss, task["lines"])
    if not dss.Solution.Converged():
        return {"faults": faults, "circuit": {"solution": {"converged": False}}}
    circuit = _circuit(dss)
    again = []
    for lines in task["then"]:
        faults += [fault | {"line": -1} for fault in _run(dss, lines)]
        again.append(_solution(dss))
    return {"faults": faults, "circuit": circuit, "again": again}


def _run(dss: Any, lines: list[str]) -> list[dict[str, Any]]:
    """Run lines; a fault says which line, and whether it was the solving that failed."""
    faults = []
    for number, line in enumerate(lines):
        try:
            dss.Text.Command(line)
        except dss.DSSException as error:
            solving = line.split()[0].lower() in ("solve", "calcv", "calcvoltagebases")
            faults.append({"line": number, "message": str(error), "solving": solving})
        if len(faults) >= MAX_FAULTS:
            break
    return faults


def _settle(dss: Any, lines: list[str]) -> list[dict[str, Any]]:
    """Voltage bases where the script gives none, and a solution where it ends without."""
    verbs = [line.split()[0].lower() for line in lines]
    solved = len(verbs) - verbs[::-1].index("solve") if "solve" in verbs else 0
    faults = [] if solved and not set(verbs[solved:]) - {"set"} else _run(dss, ["solve"])
    if any(dss.Bus.kVBase() == 0.0 for _ in _buses(dss)):
        rated = sorted({kv for kv in _rated_kv(dss) if kv > 0.0})
        bases = f"set voltagebases=[{' '.join(map(str, rated))}]"
        faults += _run(dss, [bases, "calcvoltagebases", "solve"])
    return [fault | {"line": -1} for fault in faults]


def _buses(dss: Any) -> Any:
    for number in range(dss.Circuit.NumBuses()):
        dss.Circuit.SetActiveBusi(number)
        yield number


def _rated_kv(dss: Any) -> list[float]:
    """Line-to-line voltages of sources and windings [kV]."""
    rated = [float(source["BasekV"]) for source in _elements(dss, "Vsource")]
    for unit in _elements(dss, "Transformer"):
        factor = 3.0**0.5 if unit["Phases"] == 1 else 1.0
        for kv, conn in zip(unit["kVs"], unit["Conns"], strict=True):
            rated.append(kv * (factor if conn.lower().startswith(("w", "y")) else 1.0))
    return rated


def _elements(dss: Any, name: str) -> list[dict[str, Any]]:
    dss.Circuit.SetActiveClass(name)
    return list(json.loads(dss.ActiveClass.ToJSON(1)) or [])


def _circuit(dss: Any) -> dict[str, Any]:
    dss.Settings.IterateDisabled(1)
    elements = {name: _elements(dss, name) for name in ELEMENT_CLASSES}
    for name in ("Line", "Transformer", "Capacitor", "Reactor", "Load", "Generator", "PVSystem", "Storage"):
        for element in elements[name]:
            dss.Circuit.SetActiveElement(f"{name}.{element['Name']}")
            terminals = range(1, dss.CktElement.NumTerminals() + 1)
            element["Open"] = [bool(dss.CktElement.IsOpen(n, 0)) for n in terminals]
            if name in ("Reactor", "Load", "Generator", "PVSystem", "Storage"):
                element["Powers"] = [float(p) for p in dss.CktElement.Powers()]
    return {
        "name": dss.Circuit.Name(),
        "frequency": dss.Solution.Frequency(),
        "loadmult": dss.Solution.LoadMult(),
        "elements": elements,
        "solution": _solution(dss),
    }


def _solution(dss: Any) -> dict[str, Any]:
    power, losses = dss.Circuit.TotalPower(), dss.Circuit.Losses()
    buses = []
    for _ in _buses(dss):
        volts = dss.Bus.Voltages()
        buses.append(
            {
                "name": dss.Bus.Name(),
                "kv": dss.Bus.kVBase(),
                "nodes": [int(n) for n in dss.Bus.Nodes()],
                "re": [float(v) for v in volts[0::2]],
                "im": [float(v) for v in volts[1::2]],
            }
        )
    return {
        "converged": bool(dss.Solution.Converged()),
        "p_kw": -power[0],
        "q_kvar": -power[1],
        "loss_kw": losses[0] / 1000.0,
        "buses": buses,
    }


if __name__ == "__main__":
    sys.exit(main())
