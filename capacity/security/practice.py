"""How a utility protects, switches and repairs: named figures with sources, read from TOML.

A practice ships (`capacity/security/practices/*.toml`) or is a user's own file of the same form.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from capacity.security.sections import FAULT_TABLES
from capacity.toml_file import read_figures, shipped_names, shipped_or_own
from gis import InputError, Network
from gis.findings import join_findings, make_findings
from gis.tracing import line_lengths_m
from gridmodel.catalogue import Catalogue, read_catalogue

FIGURE_COLUMNS = ("table", "element_id", "failures_per_year", "repair_h", "source")
Kind = Literal["circuit_breaker", "load_break", "disconnector", "fuse", "unlisted"]

_PRACTICES = Path(__file__).parent / "practices"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Protection(_Frozen):
    """Kinds of switches that interrupt fault current by themselves."""

    kinds: tuple[Kind, ...]
    source: str


class Operation(_Frozen):
    """Kinds of switches that may be moved under load, and those moved from afar above a voltage [kV]."""

    under_load: tuple[Kind, ...]
    remote: tuple[Kind, ...]
    remote_above_kv: float = Field(ge=0.0)
    source: str

    def is_remote(self, kind: str, vn_kv: float) -> bool:
        """Tell whether a switch is operated from afar."""
        return kind in self.remote and vn_kv > self.remote_above_kv


class Minutes(_Frozen):
    """What takes how long [min]: until the fault is noticed, its section found, a crew there, a switch moved.

    `momentary` is the longest interruption that counts as momentary.
    """

    notice: float = Field(ge=0.0)
    locate: float = Field(ge=0.0)
    travel: float = Field(ge=0.0)
    remote: float = Field(ge=0.0)
    manual: float = Field(ge=0.0)
    momentary: float = Field(ge=0.0)
    source: str


class Energy(_Frozen):
    """Mean demand over the year as a share of that of the design case: a fault comes in any hour."""

    mean_share: float = Field(gt=0.0, le=1.0)
    source: str


class Failure(_Frozen):
    """Failures per year and repair time of one kind of element; per km of line, per unit of the others.

    It holds for nominal voltages (above_kv, up_to_kv]; of a transformer that of its high-voltage side.
    """

    table: Literal["lines", "transformers", "buses", "sources"]
    kind: Literal["cable", "overhead", "any"] = "any"
    above_kv: float = Field(ge=0.0)
    up_to_kv: float = Field(gt=0.0)
    per_year: float = Field(ge=0.0, le=10.0)
    repair_h: float = Field(gt=0.0, le=1000.0)
    source: str

    @model_validator(mode="after")
    def _ordered(self) -> Failure:
        if self.above_kv >= self.up_to_kv:
            raise ValueError("above_kv must be below up_to_kv")
        return self


class Practice(_Frozen):
    """One practice; every block names its source."""

    name: str
    source: str
    protection: Protection
    operation: Operation
    minutes: Minutes
    energy: Energy
    failure: tuple[Failure, ...]

    def table(self) -> pd.DataFrame:
        """All figures with their sources: columns part, figures, source."""
        blocks = {name: getattr(self, name) for name in ("protection", "operation", "minutes", "energy")}
        rows = [(self.name, "", self.source)]
        rows += [(name, _told(block), block.source) for name, block in blocks.items()]
        rows += [(f"failures of {one.table}", _told(one), one.source) for one in self.failure]
        return pd.DataFrame(rows, columns=["part", "figures", "source"])


def _told(block: BaseModel) -> str:
    """Figures of a block in words."""
    values = block.model_dump(exclude={"source", "table"})
    return "; ".join(
        f"{name} {', '.join(value) if isinstance(value, tuple) else value}" for name, value in values.items()
    )


def practice_names() -> tuple[str, ...]:
    """Names of the practices that ship."""
    return shipped_names(_PRACTICES)


def read_practice(practice: str | Path = "european_cable") -> Practice:
    """Read a practice that ships by name, or a user's TOML file.

    Raises
    ------
    InputError
        No such practice or file, or figures that make no sense; every fault is named.

    Examples
    --------
    >>> read_practice("rbts").minutes.travel
    60.0
    """
    path = shipped_or_own(
        practice, _PRACTICES, what="practice", heading="practice", subject="practice", rule="unknown_practice"
    )
    return read_figures(path, Practice, subject="practice", rule="bad_practice")


def failure_figures(network: Network, practice: Practice, catalogue: Catalogue | None = None) -> pd.DataFrame:
    """Failures per year and repair time of every element in service.

    Returns
    -------
    DataFrame
        Columns `FIGURE_COLUMNS`: failures_per_year of the whole element, repair_h [h], the source of both.

    Raises
    ------
    InputError
        The practice has no figures for elements of the network: their failures would count as none.
    """
    parts = [_kinds(network, table, catalogue or read_catalogue()) for table in FAULT_TABLES]
    elements = pd.concat([part for part in parts if len(part)], ignore_index=True)
    row = np.full(len(elements), -1)
    for number, failure in enumerate(practice.failure):
        fits = (
            (elements["table"] == failure.table)
            & ((failure.kind == "any") | (elements["kind"] == failure.kind))
            & (elements["vn_kv"] > failure.above_kv)
            & (elements["vn_kv"] <= failure.up_to_kv)
        ).to_numpy()
        row[fits & (row < 0)] = number
    _refuse_gaps(elements[row < 0], practice)
    figures = pd.DataFrame([failure.model_dump() for failure in practice.failure]).iloc[row]
    return elements.assign(
        failures_per_year=figures["per_year"].to_numpy() * elements["amount"],
        repair_h=figures["repair_h"].to_numpy(),
        source=figures["source"].to_numpy(),
    )[list(FIGURE_COLUMNS)]


def _kinds(network: Network, table: str, catalogue: Catalogue) -> pd.DataFrame:
    """Elements in service of one table: element_id, kind, vn_kv, amount (km of lines, else 1)."""
    frame = network.table(table)
    if "in_service" in frame:
        frame = frame[frame["in_service"]]
    kv = {"lines": "vn_kv", "buses": "vn_kv", "transformers": "hv_bus_id", "sources": "bus_id"}[table]
    vn_kv = frame[kv] if kv == "vn_kv" else frame[kv].map(network.buses["vn_kv"])
    kind, amount = pd.Series("any", frame.index), pd.Series(1.0, frame.index)
    if table == "lines":
        # Types the catalogue does not know are taken as cables: in the ground a repair takes longest.
        kind = frame["type_id"].map(catalogue.lines["kind"]).fillna("cable")
        amount = line_lengths_m(frame) / 1000.0 * frame["parallel"]
    columns = {"table": table, "kind": kind, "vn_kv": vn_kv.astype(float), "amount": amount.astype(float)}
    return pd.DataFrame(columns).rename_axis("element_id").reset_index()


def _refuse_gaps(lacking: pd.DataFrame, practice: Practice) -> None:
    if lacking.empty:
        return
    faults = []
    for (table, kind, kv), rows in lacking.groupby(["table", "kind", "vn_kv"], dropna=False):
        message = f"no [[failure]] block for {table} ({kind}) at {kv:g} kV: {len(rows)} elements; add one"
        faults.append(make_findings("practice_gap", str(table), rows["element_id"].iloc[:1], message))
    raise InputError(practice.name, join_findings(faults))
