"""The record of a study: every assumption in full, what it was computed from, and with which versions.

No time of day and no path of this machine stands in it: the same file, data and versions give the same
record.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from capacity.demand.demand_scenario import DemandScenario
from capacity.network_record import network_record
from capacity.output import rows_of
from capacity.result_files import sha256_of
from capacity.study.opened_study import Study
from capacity.versions import versions
from capacity.years.year_bottlenecks import StudiedYear
from gridmodel import Scenario
from gridmodel.store import fingerprint

# Form of the record; raised when keys change their meaning.
RECORD_VERSION = 1


def study_record(study: Study, steps: pd.DataFrame, years: tuple[StudiedYear, ...]) -> dict[str, object]:
    """What a study rests on and how each of its steps ended, as one JSON object.

    Parameters
    ----------
    steps
        A row per step: step, status, reason, tables.
    years
        Those that were solved.
    """
    return {
        "record_version": RECORD_VERSION,
        "study": study.file.name,
        "steps": rows_of(steps),
        "assumptions": {
            # Where results go is no assumption.
            "study": study.file.model_dump(mode="json", exclude={"out"}),
            "limits": study.limits.model_dump(mode="json"),
            "scenarios": [_of_scenario(scenario) for scenario in study.scenarios],
            "network_scenarios": [_of_case(case) for case in study.cases],
            "costs": _of_costs(study),
            "standards": [standard.model_dump(mode="json", by_alias=True) for standard in study.standards],
            "demand": [_of_demand(year) for year in {one.demand.scenario_id: one for one in years}.values()],
        },
        "weak_feeders": [{"feeder_id": name, "reason": reason} for name, reason in study.weak.items()],
        "input": {
            "study_sha256": sha256_of(study.path),
            "network": network_record(study.network),
            "figures_sha256": fingerprint(study.network, study.model.catalogue, Scenario()),
        },
        "versions": versions(),
    }


def _of_costs(study: Study) -> dict[str, object] | None:
    """Prices of the plan, row by row."""
    costs = study.costs
    if costs is None:
        return None
    rows = rows_of(costs.rows.reset_index())
    return {"name": costs.name, "currency": costs.currency, "price_year": costs.price_year, "rows": rows}


def _of_scenario(scenario: DemandScenario) -> object:
    """A demand scenario as resolved, with the figures of the tariff it names."""
    said = scenario.model_dump()
    if scenario.tariff is not None:
        said["tariff"]["resolved"] = scenario.tariff.tariff().model_dump()
    return _without_paths(said)


def _without_paths(value: object) -> object:
    """Figures with the name and sha256 of a file instead of where it lies on this machine."""
    if isinstance(value, Path):
        return {"file": value.name, "sha256": sha256_of(value)}
    if isinstance(value, dict):
        return {str(key): _without_paths(one) for key, one in value.items()}
    return [_without_paths(one) for one in value] if isinstance(value, list | tuple) else value


def _of_case(case: Scenario) -> dict[str, object]:
    return {
        "scenario_id": case.scenario_id, "name": case.name, "year": case.year,
        "load_factor": case.load_factor, "generation_factor": case.generation_factor,
        "class_factors": dict(case.class_factors),
    }  # fmt: skip


def _of_demand(year: StudiedYear) -> dict[str, object]:
    """Profiles and methods as a scenario resolved them for this network."""
    profiles = year.demand.profiles
    return {
        "scenario_id": year.demand.scenario_id,
        "profiles": {
            "source": profiles.source, "time_zone": profiles.time_zone, "hours": len(profiles.time),
            "columns": list(year.demand.demand.columns),
        },
        "methods": {group: _of_method(method) for group, method in year.demand.methods.items()},
    }  # fmt: skip


def _of_method(method: object) -> object:
    dump = getattr(method, "model_dump", None)
    return dump(mode="json") if dump else repr(method)
