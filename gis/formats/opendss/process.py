"""Run a checked circuit in a process of its own: empty private folder, limits, clean environment.

The script check keeps out what does harm; this keeps harm inside should a line get past it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from gis.errors import InputError
from gis.findings import make_findings
from gis.formats.opendss.child import NO_OPENDSS
from gis.formats.opendss.script import Script

_CHILD = Path(__file__).with_name("child.py")
# Processor time: 2,998 buses take 1 s; the rest of the base is for a slow machine, and nothing may hang
# over 10 s. Scripts of large circuits run at about 1 MB/s.
CPU_BASE_S, CPU_PER_MB_S = 8, 3
# The library takes 0.4 GB of address space before it reads a line; circuits about 100 times their script.
SPACE_BASE, SPACE_PER_BYTE = 1_000_000_000, 200
# Waiting on a busy machine counts as time, too.
WALL_PER_CPU = 4


def solve_circuit(script: Script, source: str, *, then: Sequence[Sequence[str]] = ()) -> dict[str, Any]:
    """Solve a circuit with OpenDSS; gives what `gis.formats.opendss.child` answers.

    Parameters
    ----------
    script
        Lines that were checked.
    source
        Name of the master in messages.
    then
        Groups of lines run after that, each for another solution (`again`); never of a user's.

    Raises
    ------
    InputError
        OpenDSS is not installed, refuses a line, does not end in time or dies.
    """
    size = script.size
    cpu_s = int(CPU_BASE_S + CPU_PER_MB_S * size / 1e6)
    limits = {
        "RLIMIT_CPU": cpu_s,
        "RLIMIT_AS": SPACE_BASE + SPACE_PER_BYTE * size,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_CORE": 0,
    }
    task = {
        "limits": limits,
        "lines": [s.text for s in script.statements],
        "then": [list(lines) for lines in then],
    }
    answer = _run(json.dumps(task), source, WALL_PER_CPU * cpu_s)
    _refuse_faults(answer, script, source)
    return answer


def solving_doubts(answer: dict[str, Any]) -> pd.DataFrame:
    """What OpenDSS said while it solved a circuit it has a solution of, like controls that did not settle."""
    said = list(dict.fromkeys(_short(fault["message"]) for fault in answer["faults"]))
    messages = [f"while solving, OpenDSS says: {text}; taps and steps may not be final" for text in said]
    return make_findings("solving", "file", [""] * len(said), messages, severity="warning")


def _run(task: str, source: str, wall_s: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="opendss-") as folder:
        environment = {"PATH": "", "HOME": folder, "TMPDIR": folder, "LC_ALL": "C.UTF-8"}
        environment |= {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL")}
        try:
            child = subprocess.run(
                [sys.executable, "-I", "-X", "utf8", str(_CHILD)],
                input=task,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                cwd=folder,
                env=environment,
                timeout=wall_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise _refusal(source, "circuit_time", _too_long(wall_s)) from error
    if child.returncode == NO_OPENDSS:
        message = "reading OpenDSS needs the package OpenDSSDirect.py; install feederplan[opendss]"
        raise _refusal(source, "opendss_missing", message)
    if child.returncode in (-24, -9):  # SIGXCPU, or SIGKILL at the hard limit
        raise _refusal(source, "circuit_time", _too_long(wall_s / WALL_PER_CPU))
    if child.returncode:
        message = "OpenDSS stopped while it read the circuit (out of memory or a defect); reduce the circuit"
        raise _refusal(source, "circuit_crash", message)
    answer: dict[str, Any] = json.loads(child.stdout)
    return answer


def _too_long(seconds: float) -> str:
    return f"OpenDSS did not solve the circuit within {seconds:.0f} s; reduce the circuit or its solutions"


def _refuse_faults(answer: dict[str, Any], script: Script, source: str) -> None:
    """Raise for every line OpenDSS refused, and where there is no circuit at all."""
    faults = [fault for fault in answer["faults"] if not fault["solving"] and fault["line"] >= 0]
    if faults:
        statements = [script.statements[fault["line"]] for fault in faults]
        messages = [f"OpenDSS refuses the line: {_short(fault['message'])}" for fault in faults]
        findings = make_findings("script_refused", "script", [s.place for s in statements], messages)
        raise InputError(source, findings)
    if answer["circuit"] is None:
        raise _refusal(source, "no_circuit", "the script makes no circuit; name the master script")
    if not answer["circuit"]["solution"]["converged"]:
        said = "; ".join(dict.fromkeys(_short(fault["message"]) for fault in answer["faults"]))
        message = "OpenDSS finds no solution of the circuit; check its loads, lengths and units"
        message += f" (it says: {said})" if said else ""
        raise _refusal(source, "not_converged", message)


def _short(message: str) -> str:
    """What OpenDSS says, in one line and without its heading."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    told = [line.removeprefix("Error Description:").strip() for line in lines if "Reported From" not in line]
    return (told or lines or ["no reason given"])[0][:200]


def _refusal(source: str, rule: str, message: str) -> InputError:
    return InputError(source, make_findings(rule, "file", [""], message))
