"""The steps of a study: a registry of functions, each takes the opened study and gives tables by name.

Here are those on the network as it stands; those on years of demand scenarios are in
`capacity.study.study_year_steps`, those on security and expansion in `study_plan_steps` beside it. A step
raises `InputError` where it cannot be done on its input, `NothingNamedError` where the study file names none;
what becomes of it is `capacity.study`.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from capacity.bottlenecks import find_bottlenecks
from capacity.checks import violations
from capacity.data_quality import hold_back_bottlenecks, hold_back_headroom, hold_back_result, hold_back_rows
from capacity.headroom import find_headroom
from capacity.impact import study_impact
from capacity.quality_report import placed
from capacity.study.opened_study import Study
from capacity.study.study_plan_steps import plan, security
from capacity.study.study_year_steps import (
    Tables,
    bottlenecks,
    chains,
    comparison,
    draws,
    require_named,
    selling,
    stacked,
    unserved,
    years,
)
from capacity.terminal import terminal_bottlenecks
from gridmodel import run_load_flow

Step = Callable[[Study], Tables]

_HELD_BACK = ["value", "excess_percent"]


def check(study: Study) -> Tables:
    """What is doubtful about the data, each finding with the place of its element."""
    return {"findings": placed(study.network.findings, study.network)}


def loadflow(study: Study) -> Tables:
    """Load flow of each scenario of the network: key figures, limits broken, bottlenecks."""
    require_named(study.cases, "network_scenarios", "it names no scenario of the network")
    rows, broken, found = [], [], []
    for case in study.cases:
        study.told(f"solving {case.scenario_id}")
        result = run_load_flow(study.model, case)
        held = hold_back_result(result, study.yardstick, study.weak)
        rows.append({"scenario": case.scenario_id, "name": case.name, **held.summary()})
        broken.append(hold_back_rows(violations(study.yardstick, result), study.weak, _HELD_BACK))
        found.append(
            hold_back_bottlenecks(find_bottlenecks(study.yardstick, result, model=study.model), study.weak)
        )
    return {
        "loadflow": pd.DataFrame(rows),
        "violations": stacked(broken),
        "bottlenecks_today": stacked(found),
    }


def terminal(study: Study) -> Tables:
    """Which customers have service lines or design figures below the standard named."""
    require_named(study.standards, "standard", "it names no standard")
    (standard,) = study.standards
    catalogue, supply = study.model.catalogue, study.yardstick.supply
    found = terminal_bottlenecks(study.network, supply, catalogue, standard, limits=study.limits)
    return {"terminal": found}


def headroom(study: Study) -> Tables:
    """Room for one more load or generator at every bus, in each scenario of the network."""
    require_named(study.cases, "network_scenarios", "it names no scenario of the network")
    parts = []
    for case in study.cases:
        study.told(f"searching headroom in {case.scenario_id}")
        impact = study_impact(study.model, case, study.limits, supply=study.yardstick.supply)
        asked = study.file.headroom
        found = find_headroom(impact, direction=asked.direction, cos_phi=asked.cos_phi)
        parts.append(hold_back_headroom(found, study.yardstick.supply, study.weak))
    return {"headroom": stacked(parts)}


STEPS: tuple[Step, ...] = (
    check, loadflow, years, draws, bottlenecks, unserved, chains, terminal, headroom, selling,
    comparison, security, plan,
)  # fmt: skip
