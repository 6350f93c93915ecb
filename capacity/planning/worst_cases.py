"""Worst cases by name (dena-Verteilnetzstudie): loads by voltage level, and generation, at a share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from capacity.planning.plan_cases import PlanCases, case_labels, no_switching
from capacity.toml_file import read_figures
from gis import InputError, Network
from gis.findings import make_findings
from gis.voltage import LV_MAX_KV
from gridmodel import Scenario
from gridmodel.bus_power import bus_power

_FILE = Path(__file__).with_name("worst_cases.toml")
_ALL_LOADS = Scenario(load_factor=1.0)


class WorstCase(BaseModel):
    """Shares of what is rated that count at once; loads by the voltage of their bus."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    name: str
    load_mv: float = Field(ge=0.0, le=1.0)
    load_lv: float = Field(ge=0.0, le=1.0)
    pv: float = Field(ge=0.0, le=1.0)
    other_generation: float = Field(ge=0.0, le=1.0)
    source: str = Field(min_length=1)


class WorstCases(BaseModel):
    """The worst cases that ship."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    load_case: WorstCase
    feed_in_case: WorstCase


def read_worst_cases() -> WorstCases:
    """The worst cases with their shares."""
    return read_figures(_FILE, WorstCases, subject="worst cases", rule="bad_worst_cases")


def worst_case_names() -> tuple[str, ...]:
    """Names of the worst cases."""
    return tuple(WorstCases.model_fields)


def worst_cases(network: Network, names: tuple[str, ...] | None = None) -> PlanCases:
    """A case of all years per worst case.

    Parameters
    ----------
    names
        All when absent.

    Raises
    ------
    InputError
        There is no such worst case.
    """
    known = read_worst_cases()
    asked = names or worst_case_names()
    unknown = [name for name in asked if name not in worst_case_names()]
    if unknown:
        message = f"no such worst case; there are: {', '.join(worst_case_names())}"
        raise InputError("worst cases", make_findings("unknown_worst_case", "cases", unknown, message))
    kva = [worst_case_power(network, getattr(known, name)) for name in asked]
    return PlanCases(case_labels(asked, asked), np.stack(kva), no_switching())


def worst_case_power(network: Network, case: WorstCase, scenario: Scenario = _ALL_LOADS) -> np.ndarray:
    """Complex power drawn per bus [kVA]: a share of a scenario's loads and of all that is rated to feed."""
    nothing: pd.DataFrame = network.generators.iloc[:0]
    loads = bus_power(replace(network, generators=nothing), scenario)
    fed = bus_power(
        replace(network, loads=network.loads.iloc[:0]),
        Scenario(load_factor=0.0, generation_factor=case.other_generation, class_factors={"pv": case.pv}),
    )
    is_lv = (network.buses["vn_kv"] <= LV_MAX_KV).to_numpy()
    return np.asarray(loads * np.where(is_lv, case.load_lv, case.load_mv) + fed)
