"""Demand scenarios sent by a person at a screen: content, never a place on this server.

What such a file may hold is that of `capacity.demand_scenario` without the files it could name.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from pydantic import BaseModel

from capacity.demand.demand_scenario import DemandScenario, read_demand_scenario
from gis import InputError
from gis.findings import make_findings

# Engineering judgement: the shipped scenarios have 5 kB, five years and at most eight blocks of uptake. A
# group more makes every load flow longer for all who share the server.
UPLOAD_MOST_MB = 1
YEARS_MOST, UPTAKES_MOST, CLUSTERS_MOST = 60, 40, 10_000
_RULE, _SUBJECT = "bad_demand_scenario", "demand scenario"


def read_uploaded_scenario(content: bytes, title: str) -> DemandScenario:
    """Read a scenario that a user has sent.

    Parameters
    ----------
    title
        What the user calls the file; never used as a path.

    Raises
    ------
    InputError
        The file is too large, makes no sense, names files of its own or asks for too much; every fault is
        named with its place in the file.
    """
    most_bytes = UPLOAD_MOST_MB * 1024 * 1024
    if len(content) > most_bytes:
        message = f"{len(content):,} bytes; a scenario may have {most_bytes:,}"
        raise InputError(title, make_findings(_RULE, _SUBJECT, [""], message))
    with tempfile.TemporaryDirectory(prefix="feederplan-scenario-") as folder:
        path = Path(folder) / "scenario.toml"
        path.write_bytes(content)
        try:
            scenario = read_demand_scenario(path)
        except InputError as error:  # the user's name for it, not a place on this server
            raise InputError(title, error.findings) from error
        except RecursionError as error:
            message = "not readable as TOML: nested too deeply"
            raise InputError(title, make_findings("file_damaged", _SUBJECT, [""], message)) from error
    faults = {**_files_named(scenario), **_too_much(scenario)}
    if faults:
        raise InputError(title, make_findings(_RULE, _SUBJECT, list(faults), list(faults.values())))
    return scenario


def _files_named(scenario: DemandScenario) -> dict[str, str]:
    """Keys that name a file, with what speaks against it."""
    message = "a scenario sent here may name no files; use `feederplan study` for those"
    return dict.fromkeys(_path_keys(scenario, ""), message)


def _path_keys(block: BaseModel, place: str) -> list[str]:
    keys = []
    for name in type(block).model_fields:
        value = getattr(block, name)
        if isinstance(value, Path):
            keys.append(f"{place}{name}")
        elif isinstance(value, BaseModel):
            keys += _path_keys(value, f"{place}{name}.")
        elif isinstance(value, dict):
            inner = [(key, one) for key, one in value.items() if isinstance(one, BaseModel)]
            keys += [found for key, one in inner for found in _path_keys(one, f"{place}{name}.{key}.")]
    return keys


def _too_much(scenario: DemandScenario) -> dict[str, str]:
    asked = {
        "years": (len(scenario.years), YEARS_MOST, "years"),
        "uptake": (len(scenario.uptake), UPTAKES_MOST, "blocks"),
        **{
            f"uptake.{name}.clusters": (block.clusters, CLUSTERS_MOST, "clusters")
            for name, block in scenario.uptake.items()
        },
    }
    return {
        key: f"{count:,} {what}; at most {most:,} may be sent here"
        for key, (count, most, what) in asked.items()
        if count > most
    }
