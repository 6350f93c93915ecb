"""The steps of a study: a registry of functions, each takes the opened study and gives tables by name.

A step raises `InputError` where it cannot be done on its input, `NothingNamedError` where the study file names none;
what becomes of it is `capacity.study`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby

import pandas as pd

from capacity.bottlenecks import find_bottlenecks
from capacity.checks import violations
from capacity.comparison import compare_elements, compare_years
from capacity.data_quality import hold_back_bottlenecks, hold_back_headroom, hold_back_result, hold_back_rows
from capacity.headroom import find_headroom
from capacity.impact import study_impact
from capacity.quality_report import placed
from capacity.study_file import Study
from capacity.study_years import YearRun, element_table, not_placed_table, year_table
from gis import InputError
from gis.findings import make_findings
from gridmodel import run_load_flow

Tables = dict[str, pd.DataFrame]
Step = Callable[[Study], Tables]


class NothingNamedError(InputError):
    """The study file names nothing that a step could be done on."""


def check(study: Study) -> Tables:
    """What is doubtful about the data, each finding with the place of its element."""
    return {"findings": placed(study.network.findings, study.network)}


def loadflow(study: Study) -> Tables:
    """Load flow of each scenario of the network: key figures, limits broken, bottlenecks."""
    _require(study.cases, "network_scenarios", "it names no scenario of the network")
    rows, broken, found = [], [], []
    for case in study.cases:
        study.told(f"solving {case.scenario_id}")
        result = run_load_flow(study.model, case)
        held = hold_back_result(result, study.yardstick, study.weak)
        rows.append({"scenario": case.scenario_id, "name": case.name, **held.summary()})
        broken.append(hold_back_rows(violations(study.yardstick, result), study.weak, _HELD_BACK))
        found.append(hold_back_bottlenecks(find_bottlenecks(study.yardstick, result), study.weak))
    return {
        "loadflow": pd.DataFrame(rows),
        "violations": _stacked(broken),
        "bottlenecks_today": _stacked(found),
    }


def years(study: Study) -> Tables:
    """Every year of every demand scenario, solved in all its hours: key figures, elements, who is not placed."""
    runs = _runs(study)
    return {
        "years": year_table(runs),
        "elements": element_table(runs, study.network),
        "not_placed": not_placed_table(runs),
    }


def headroom(study: Study) -> Tables:
    """Room for one more load or generator at every bus, in each scenario of the network."""
    _require(study.cases, "network_scenarios", "it names no scenario of the network")
    parts = []
    for case in study.cases:
        study.told(f"searching headroom in {case.scenario_id}")
        impact = study_impact(study.model, case, study.limits, supply=study.yardstick.supply)
        asked = study.file.headroom
        found = find_headroom(impact, direction=asked.direction, cos_phi=asked.cos_phi)
        parts.append(hold_back_headroom(found, study.yardstick.supply, study.weak))
    return {"headroom": _stacked(parts)}


def comparison(study: Study) -> Tables:
    """Every further demand scenario beside the first: per year, and element by element."""
    _require(study.scenarios[1:], "scenarios", "it names no second demand scenario to compare with the first")
    by_scenario = [list(runs) for _, runs in groupby(_runs(study), key=lambda run: run.demand.scenario_id)]
    tables = [(year_table(runs), element_table(runs, study.network)) for runs in by_scenario]
    (first_years, first_elements), *others = tables
    return {
        "comparison_years": _stacked(compare_years(first_years, other) for other, _ in others),
        "comparison_elements": _stacked(compare_elements(first_elements, other) for _, other in others),
    }


STEPS: tuple[Step, ...] = (check, loadflow, years, headroom, comparison)

_HELD_BACK = ["value", "excess_percent"]


def _runs(study: Study) -> tuple[YearRun, ...]:
    _require(study.scenarios, "scenarios", "it names no demand scenario")
    return study.year_runs


def _require(named: Iterable[object], key: str, message: str) -> None:
    """Stop a step without what it is about."""
    if not tuple(named):
        raise NothingNamedError("study", make_findings("bad_study", "study", [key], message))


def _stacked(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Tables of the same columns as one; those without rows only lend their columns."""
    tables = list(parts)
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else tables[0]
