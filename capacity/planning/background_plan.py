"""A plan made beside a screen: our own command as a process, its progress in a file, stopped by a signal.

The process works in a private folder and is ended with the last reference to the run. No screen code.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal, TypeVar
from uuid import uuid4

from capacity.cli_options import BAD_INPUT, DONE, VIOLATED

Method = Literal["milp", "greedy"]
Number = TypeVar("Number", int, float)
_LOG = logging.getLogger(__name__)
_MAIN = "from capacity.cli import main; main()"
# What one line of a message may hold on a screen.
_MOST_SAID = 4_000


@dataclass(frozen=True)
class PlanQuestion:
    """What a plan is asked for, in the words of `feederplan plan`.

    Attributes
    ----------
    network
        File, and when it was last changed [ns].
    scenarios
        Scenarios of the network and worst cases, or one demand scenario by name or TOML file.
    years
        Of a demand scenario; all of its years where there are none.
    measures
        Kinds allowed; all when absent.
    """

    network: Path
    modified_ns: int
    scenarios: tuple[str, ...]
    years: tuple[int, ...]
    limits: str
    costs: str
    measures: tuple[str, ...] | None = None
    n_minus_1: bool = False
    budget_eur_per_year: float | None = None
    method: Method = "milp"
    time_limit_s: float = 300.0

    @property
    def words(self) -> tuple[str, ...]:
        """Arguments of the command, without places of its files; a name is never taken for an option."""
        words = [f"--scenario={name}" for name in self.scenarios]
        if self.years:
            words.append(f"--years={','.join(map(str, self.years))}")
        words += [f"--limits={self.limits}", f"--costs={self.costs}", f"--method={self.method}"]
        words += [f"--measure={kind}" for kind in self.measures or ()]
        words += ["--n-1"] if self.n_minus_1 else []
        if self.budget_eur_per_year is not None:
            words.append(f"--budget-eur-per-year={self.budget_eur_per_year:g}")
        return tuple(words)

    @property
    def key(self) -> str:
        """The same for the same question: what was selected for it may be taken up again."""
        return sha256(repr((str(self.network), self.modified_ns, self.words)).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class RunProgress:
    """How far a run is: what it does, measures so far, their cost, limits still broken (None: unknown)."""

    stage: str = "Starting"
    steps: int = 0
    cost_eur: float = 0.0
    currency: str = ""
    violations: int | None = None


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended: the plan's file, or what went wrong in words."""

    plan: Path | None
    problem: str = ""


class PlanRun:
    """One run of the command; ended when nobody holds it any more."""

    def __init__(self, question: PlanQuestion, folder: Path) -> None:
        """Start it; the folder is private, and keeps what was selected for each question."""
        self.question = question
        self.place = folder / f"plan-{uuid4().hex[:12]}"
        self.place.mkdir(parents=True, mode=0o700)
        checkpoint = folder / f"plan-{question.key}.json"
        with (self.place / "said").open("wb") as said, (self.place / "log").open("wb") as log:
            command = plan_command(question, self.place, checkpoint)
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=log)
        self._cancelled = False
        self._end = weakref.finalize(self, _terminate, self._process)

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to stop."""
        return self._cancelled

    @property
    def progress(self) -> RunProgress:
        """What the run last said of itself."""
        said = _json_of(self.place / "progress.json")
        violations = said.get("violations")
        return RunProgress(
            stage=str(said.get("stage", RunProgress.stage)),
            steps=_number(said.get("steps"), int),
            cost_eur=_number(said.get("cost_eur"), float),
            currency=str(said.get("currency", "")),
            violations=violations if isinstance(violations, int) else None,
        )

    def cancel(self) -> None:
        """Ask it to stop: it proves and writes the best plan so far, which takes a moment."""
        self._cancelled = True
        if self.is_running:
            # Elsewhere than on POSIX it ends at once: what was selected stays in the checkpoint.
            self._process.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)

    def outcome(self) -> RunOutcome:
        """How it ended; only once it has."""
        code, plan = self._process.wait(), self.place / "plan.gpkg"
        if code in (DONE, VIOLATED) and plan.is_file():
            return RunOutcome(plan)
        said = _json_of(self.place / "said")
        if code == BAD_INPUT and "error" in said:
            return RunOutcome(None, "\n".join([str(said["error"]), *_findings(said)])[:_MOST_SAID])
        if self._cancelled:
            return RunOutcome(None, "Stopped before there was any plan.")
        log = (self.place / "log").read_text(encoding="utf-8", errors="replace")
        _LOG.error("a plan could not be made, exit code %s: %s", code, log[-_MOST_SAID:])
        return RunOutcome(None, f"The plan could not be made (exit code {code}): the server's log says more.")


def plan_command(question: PlanQuestion, place: Path, checkpoint: Path) -> list[str]:
    """Command line of a run."""
    files = {"out": place / "plan.gpkg", "progress": place / "progress.json", "checkpoint": checkpoint}
    return [
        sys.executable, "-c", _MAIN, "plan", *question.words, f"--time-limit-s={question.time_limit_s:g}",
        *(f"--{name}={path}" for name, path in files.items()), "--json", "--", str(question.network),
    ]  # fmt: skip


def _terminate(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()


def _json_of(path: Path) -> Mapping[str, object]:
    """One JSON object; nothing while it is not there or not whole."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _findings(said: Mapping[str, object]) -> list[str]:
    rows = said.get("findings")
    if not isinstance(rows, list):
        return []
    return [" ".join(str(row.get(name, "")) for name in ("table", "element_id", "message")) for row in rows]


def _number(value: object, kind: type[Number]) -> Number:
    return kind(value) if isinstance(value, int | float) else kind(0)
