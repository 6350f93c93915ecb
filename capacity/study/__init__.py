"""A study: the steps of a study file one after the other, their tables, and the record of it all.

A step that cannot be done on its input is a row with the reason; the others go on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from capacity.result_files import write_results
from capacity.study.opened_study import Study
from capacity.study.study_record import study_record
from capacity.study.study_steps import STEPS, Step
from capacity.study.study_year_steps import NothingNamedError
from gis import InputError

STEP_COLUMNS = ("step", "status", "reason", "tables")
# A row in one of these says that a limit does not hold or demand is not served.
BREACHES = ("violations", "bottlenecks", "bottlenecks_today")


@dataclass(frozen=True, eq=False)
class StudyResults:
    """What a study found.

    Attributes
    ----------
    steps
        Columns `STEP_COLUMNS`, a row per step: status "done", "not_asked" (the file or --only leaves it out),
        "no_input" (the file names nothing it could be done on) or "failed", with the reason.
    tables
        Result tables by name.
    record
        What goes into `study.json`.
    """

    steps: pd.DataFrame
    tables: Mapping[str, pd.DataFrame]
    record: Mapping[str, object]

    @property
    def failed(self) -> pd.DataFrame:
        """Steps that failed."""
        return self.steps[self.steps["status"] == "failed"]

    @property
    def is_within_limits(self) -> bool:
        """Whether every limit holds and all demand is served, in all that was studied."""
        held = [len(self.tables[name]) == 0 for name in BREACHES if name in self.tables]
        statuses = self.tables["years"]["status"] if "years" in self.tables else pd.Series(dtype=object)
        return all(held) and bool((statuses == "within_limits").all())


def run_study(study: Study, only: Sequence[str] = ()) -> StudyResults:
    """Do the steps that the file asks for.

    Parameters
    ----------
    only
        Names of steps; no others are done.
    """
    tables: dict[str, pd.DataFrame] = {}
    rows = []
    for step in STEPS:
        status, reason, found = _done(study, step, only)
        tables |= found
        rows.append((step.__name__, status, reason, ", ".join(found)))
    steps = pd.DataFrame(rows, columns=list(STEP_COLUMNS))
    years = study.__dict__.get("years", ())  # solved by a step, or not asked for
    return StudyResults(steps, tables, study_record(study, steps, years))


def write_study(results: StudyResults, study: Study, folder: Path) -> None:
    """Write the tables and the record into a folder of their own, whole or not at all."""
    write_results(folder, results.tables, results.record, crs=study.network.crs)


def _done(study: Study, step: Step, only: Sequence[str]) -> tuple[str, str, dict[str, pd.DataFrame]]:
    """Status, reason and tables of one step."""
    name = step.__name__
    if name not in study.file.steps:
        return "not_asked", "the study file leaves it out", {}
    if only and name not in only:
        return "not_asked", "left out with --only", {}
    study.told(f"step {name}")
    try:
        return "done", "", step(study)
    except NothingNamedError as error:
        return "no_input", _reason(error), {}
    except InputError as error:
        return "failed", _reason(error), {}


def _reason(error: InputError) -> str:
    """All faults in one line."""
    return "; ".join(f"{row.element_id}: {row.message}" for row in error.findings.itertuples())
