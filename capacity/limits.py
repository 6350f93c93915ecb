"""Limits a grid must hold: named profiles with sources, read from TOML.

A profile is shipped (`capacity/limit_profiles/*.toml`) or a user's own file of the same form.
Which element breaks them is `capacity.checks`.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from capacity.toml_file import read_figures, shipped_names, shipped_or_own

# Widest bound [pu] from the reference of a band: beyond it a figure was meant as percent or volt.
BAND_MAX_PU = 0.5

_PROFILES = Path(__file__).parent / "limit_profiles"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class VoltageBand(_Frozen):
    """Allowed voltage for a range of nominal voltages, (above_kv, up_to_kv].

    With reference "nominal" the bounds are voltages [pu]; with "busbar" they are the allowed rise and
    drop [pu] against the busbar of the station that feeds the bus.
    """

    above_kv: float = Field(ge=0.0)
    up_to_kv: float = Field(gt=0.0)
    min_pu: float
    max_pu: float
    reference: Literal["nominal", "busbar"] = "nominal"
    source: str = ""

    @model_validator(mode="after")
    def _ordered(self) -> VoltageBand:
        if self.min_pu >= self.max_pu or self.above_kv >= self.up_to_kv:
            raise ValueError("min_pu must be below max_pu and above_kv below up_to_kv")
        centre, what = (
            (1.0, "voltages around 1") if self.reference == "nominal" else (0.0, "changes around 0")
        )
        if not centre - BAND_MAX_PU <= self.min_pu < centre < self.max_pu <= centre + BAND_MAX_PU:
            raise ValueError(
                f"min_pu and max_pu must be {what} pu, within {BAND_MAX_PU:g} pu of it, not percent"
            )
        return self


class StationBand(_Frozen):
    """Allowed rise and drop [pu] over a transformer, against its high-voltage bus."""

    min_pu: float = Field(lt=0.0)
    max_pu: float = Field(gt=0.0)
    source: str


class LoadingLimit(_Frozen):
    """Largest loading [%] of the rating."""

    line_percent: float = Field(gt=0.0)
    transformer_percent: float = Field(gt=0.0)
    source: str


class VoltageChange(_Frozen):
    """Largest voltage change [%] one connection may cause at its supply point."""

    lv_percent: float = Field(gt=0.0)
    mv_percent: float = Field(gt=0.0)
    source: str


class N1Reserve(_Frozen):
    """Largest loading [%] in normal operation so that the loss of another element can be taken over.

    Of medium-voltage lines and of the transformers that feed medium voltage.
    """

    mv_line_percent: float = Field(gt=0.0)
    mv_transformer_percent: float = Field(gt=0.0)
    source: str


class Limits(_Frozen):
    """One profile of limits; every figure names its source."""

    name: str
    source: str
    voltage: tuple[VoltageBand, ...]
    loading: LoadingLimit
    voltage_change: VoltageChange
    station: StationBand | None = None
    n1_reserve: N1Reserve | None = None

    @field_validator("voltage")
    @classmethod
    def _apart(cls, bands: tuple[VoltageBand, ...]) -> tuple[VoltageBand, ...]:
        if not bands:
            raise ValueError("at least one band is needed, or no voltage would be checked")
        ordered = sorted(bands, key=lambda band: band.above_kv)
        for below, above in pairwise(ordered):
            if above.above_kv < below.up_to_kv:
                raise ValueError(
                    f"two bands hold between {above.above_kv:g} and {below.up_to_kv:g} kV; keep one"
                )
        return bands

    def bands_of(self, vn_kv: pd.Series) -> pd.DataFrame:
        """Band per bus: min_pu, max_pu and whether they count from the busbar; missing where none applies."""
        bands = pd.DataFrame({"min_pu": np.nan, "max_pu": np.nan, "from_busbar": False}, vn_kv.index)
        for band in self.voltage:
            rows = (vn_kv > band.above_kv) & (vn_kv <= band.up_to_kv)
            bands.loc[rows] = (band.min_pu, band.max_pu, band.reference == "busbar")
        return bands.astype({"min_pu": float, "max_pu": float, "from_busbar": bool})


def profile_names() -> tuple[str, ...]:
    """Names of the shipped profiles."""
    return shipped_names(_PROFILES)


def read_limits(profile: str | Path = "en50160") -> Limits:
    """Read a shipped profile by name, or a user's TOML file.

    Raises
    ------
    InputError
        No such profile or file, or figures that make no sense; every fault is named.

    Examples
    --------
    >>> read_limits("en50160").voltage[0].min_pu
    0.9
    """
    path = shipped_or_own(
        profile, _PROFILES, what="profile", heading="limits", subject="limits", rule="unknown_limits"
    )
    return read_figures(path, Limits, subject="limits", rule="bad_limits")
