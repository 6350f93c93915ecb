"""The study file: everything a study assumes, as one TOML file; its form, key by key, is in `docs/study.md`.

Opened it is a `capacity.study.opened_study.Study`; what is done with that is `capacity.study`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, TypeVar, get_args

import geopandas as gpd
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from capacity.checks import make_yardstick
from capacity.costs import DEFAULT_TABLE, CostTable, read_costs, table_names
from capacity.data_quality import weak_data
from capacity.demand.demand_scenario import DemandScenario, read_demand_scenario, scenario_names
from capacity.limits import profile_names, read_limits
from capacity.measures import kinds
from capacity.planning.plan import PlanTerms
from capacity.planning.worst_cases import worst_case_names
from capacity.selling.districts import read_districts
from capacity.study.opened_study import Study
from capacity.terminal import TerminalStandard, read_standard, standard_names
from capacity.toml_file import read_figures
from gis import InputError, Network, read_network
from gis.findings import join_findings, make_findings
from gridmodel import Scenario, find_scenario, rules_for

Year = Annotated[int, Field(ge=1900, le=2200)]
StepName = Literal[
    "check", "loadflow", "years", "draws", "bottlenecks", "unserved", "chains", "terminal", "headroom",
    "selling", "comparison", "security", "plan",
]  # fmt: skip
STEP_NAMES: tuple[str, ...] = get_args(StepName)
Found = TypeVar("Found")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class HeadroomQuestion(_Frozen):
    """What the headroom is asked for: direction of the addition, and the power factor of a load."""

    direction: Literal["load", "generation"] = "load"
    cos_phi: float = Field(default=0.95, gt=0.0, le=1.0)


class CutQuestion(_Frozen):
    """How many hours of a year the least cut is found in: those with most demand in which a limit breaks.

    All of them when absent; with fewer, kW are still the largest of these hours, and kWh only theirs.
    """

    hours: int | None = Field(default=None, ge=1, le=8784)


class PlanQuestion(PlanTerms):
    """The block [plan]: terms of a plan, its prices, and what it must hold in beside the scenarios."""

    costs: str = DEFAULT_TABLE
    price_year: int | None = None
    index_percent_per_year: float | None = None
    n_minus_1: bool = False
    worst_cases: tuple[str, ...] = ()

    @property
    def terms(self) -> PlanTerms:
        """The terms alone."""
        return PlanTerms.model_validate({name: getattr(self, name) for name in PlanTerms.model_fields})

    @field_validator("worst_cases")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in names if name not in worst_case_names()]
        if unknown:
            raise ValueError(
                f"no worst case {', '.join(unknown)}; there are: {', '.join(worst_case_names())}"
            )
        return names

    @field_validator("measures")
    @classmethod
    def _kinds(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        unknown = [name for name in names or () if name not in kinds()]
        if unknown:
            raise ValueError(f"no measure {', '.join(unknown)}; there are: {', '.join(kinds())}")
        return names


class StudyFile(_Frozen):
    """Keys of a study file; paths are relative to its folder.

    Attributes
    ----------
    network
        GeoPackage, or folder of GeoJSON files, in the canonical tables.
    limits
        Limit profile by name, or a TOML file.
    scenarios
        Demand scenarios: names of shipped ones, or TOML files.
    network_scenarios
        Scenario ids of the network, each one load flow.
    years, seed
        Instead of those of every demand scenario.
    draws
        How many times the years are drawn; none when absent.
    standard
        What homes shall be able to draw (`capacity.terminal`): a shipped name or a TOML file; none when
        absent.
    districts
        File of named areas that room to sell is summed over; feeders when absent.
    plan
        What a plan may use, its prices, and whether it must hold after the loss of any element; no plan is
        made when absent.
    steps
        What is done, all when absent.
    out
        Folder of the results; "NAME.study" beside NAME.toml when absent.
    """

    name: str = Field(min_length=1)
    network: str = Field(min_length=1)
    limits: str = "en50160"
    scenarios: tuple[str, ...] = ()
    network_scenarios: tuple[str, ...] = ()
    years: tuple[Year, ...] = ()
    draws: int = Field(default=0, ge=0, le=10_000)
    seed: int | None = Field(default=None, ge=0)
    steps: tuple[StepName, ...] = Field(default=get_args(StepName), min_length=1)
    standard: str = ""
    districts: str = ""
    headroom: HeadroomQuestion = HeadroomQuestion()
    unserved: CutQuestion = CutQuestion()
    plan: PlanQuestion | None = None
    out: str = ""

    @field_validator("scenarios", "network_scenarios", "years", "steps")
    @classmethod
    def _once(cls, entries: tuple[object, ...]) -> tuple[object, ...]:
        twice = sorted({str(entry) for entry in entries if entries.count(entry) > 1})
        if twice:
            raise ValueError(f"write each once: {', '.join(twice)}")
        return entries

    @model_validator(mode="after")
    def _something_to_study(self) -> StudyFile:
        if not (self.scenarios or self.network_scenarios):
            raise ValueError("name something to study: scenarios, network_scenarios, or both")
        return self


def open_study(path: Path, told: Callable[[str], None] = lambda _: None) -> Study:
    """Read a study file and everything it names.

    Raises
    ------
    InputError
        The file makes no sense, or something it names is not there or makes none; every fault is a finding of
        the table "study" whose element is the key it stands at.
    """
    file, folder = read_figures(path, StudyFile, subject="study", rule="bad_study"), path.parent
    told(f"reading {folder / file.network}")
    faults: list[pd.DataFrame] = []
    network = _told(faults, "network", lambda: read_network(folder / file.network, rules=rules_for()))
    limits = _told(faults, "limits", lambda: read_limits(_name_or_file(file.limits, profile_names(), folder)))
    scenarios, standards = _scenarios(faults, file, folder), _standards(faults, file, folder)
    cases, districts = _cases(faults, file, network), _districts(faults, file, folder, network)
    costs = _costs(faults, file, folder)
    yardstick = None
    if network is not None and limits is not None:
        yardstick = _told(faults, "limits", lambda: make_yardstick(network, limits))
    if faults or network is None or yardstick is None:
        raise InputError(str(path), join_findings(faults))
    weak = dict(weak_data(network, yardstick.supply))
    return Study(path, file, network, yardstick, scenarios, cases, standards, districts, costs, weak, told)


def _scenarios(faults: list[pd.DataFrame], file: StudyFile, folder: Path) -> tuple[DemandScenario, ...]:
    """The demand scenarios named, with the study's years, draws and seed; those that can be read."""
    found: dict[str, DemandScenario] = {}
    for number, named in enumerate(file.scenarios):
        key = f"scenarios.{number}"
        where = _name_or_file(named, scenario_names(), folder)
        read = _told(faults, key, lambda where=where: read_demand_scenario(where))  # type: ignore[misc]
        own = None if read is None else _with_figures(faults, key, read, file)
        if own is not None and own.scenario_id in found:
            message = f"its scenario_id {own.scenario_id!r} is that of another scenario; rename one"
            faults.append(make_findings("bad_study", "study", [key], message))
        elif own is not None:
            found[own.scenario_id] = own
    return tuple(found.values())


def _with_figures(
    faults: list[pd.DataFrame], key: str, scenario: DemandScenario, file: StudyFile
) -> DemandScenario | None:
    """The scenario with the years, draws and seed that the study says."""
    said = {"years": file.years or None, "draws": file.draws or None, "seed": file.seed}
    changed = {name: value for name, value in said.items() if value is not None}
    try:
        return DemandScenario.model_validate({**dict(scenario), **changed})
    except ValidationError as error:
        places = [".".join(map(str, fault["loc"])) for fault in error.errors()]
        messages = [f"with {key}: {fault['msg']}" for fault in error.errors()]
        faults.append(make_findings("bad_study", "study", places, messages))
        return None


def _cases(faults: list[pd.DataFrame], file: StudyFile, network: Network | None) -> tuple[Scenario, ...]:
    """The scenarios of the network that are named and there."""
    if network is None:
        return ()
    found = [
        _told(faults, f"network_scenarios.{number}", lambda named=named: find_scenario(network, named))  # type: ignore[misc]
        for number, named in enumerate(file.network_scenarios)
    ]
    return tuple(case for case in found if case is not None)


def _standards(faults: list[pd.DataFrame], file: StudyFile, folder: Path) -> tuple[TerminalStandard, ...]:
    """The standard that is named, if it can be read."""
    where = _name_or_file(file.standard, standard_names(), folder)
    found = _told(faults, "standard", lambda: read_standard(where)) if file.standard else None
    return () if found is None else (found,)


def _costs(faults: list[pd.DataFrame], file: StudyFile, folder: Path) -> CostTable | None:
    """The cost table of the plan, if there is to be one and it can be read."""
    asked = file.plan
    if asked is None:
        return None
    where = _name_or_file(asked.costs, table_names(), folder)
    year, percent = asked.price_year, asked.index_percent_per_year
    return _told(
        faults, "plan.costs", lambda: read_costs(where, price_year=year, index_percent_per_year=percent)
    )


def _districts(
    faults: list[pd.DataFrame], file: StudyFile, folder: Path, network: Network | None
) -> gpd.GeoSeries | None:
    """The areas that are named, if they can be read."""
    if not file.districts or network is None:
        return None
    return _told(faults, "districts", lambda: read_districts(folder / file.districts, network.crs))


def _name_or_file(named: str, shipped: tuple[str, ...], folder: Path) -> str | Path:
    """A shipped name as it stands; anything else is a file beside the study."""
    return named if named in shipped else folder / named


def _told(faults: list[pd.DataFrame], key: str, read: Callable[[], Found]) -> Found | None:
    """What is read, or nothing and its faults at this key of the study file."""
    try:
        return read()
    except InputError as error:
        found = error.findings
        said = found["table"].astype(str) + " " + found["element_id"].astype(str)
        faults.append(
            found.assign(table="study", element_id=key, message=said.str.strip() + ": " + found["message"])
        )
        return None
