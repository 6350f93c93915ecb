"""Figures of the measures that operate the grid or inject power, with their sources (`operating.toml`)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from capacity.toml_file import read_figures


class _Block(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    source: str


class TapFigures(_Block):
    """Which transformers in parallel may stand in different positions."""

    parallel_ratio_percent: float = Field(ge=0.0)


class SetpointFigures(_Block):
    """Set-points of a busbar that are tried [pu]."""

    lowest_pu: float = Field(gt=0.0)
    highest_pu: float = Field(gt=0.0)
    step_pu: float = Field(gt=0.0)


class CompensationFigures(_Block):
    """How far a set-point follows the load [pu]."""

    spans_pu: tuple[float, ...]


class OpenPointFigures(_Block):
    """How many places of an open point are tried."""

    positions: int = Field(ge=1)


class CapacitorFigures(_Block):
    """Sizes of capacitor banks [kvar]."""

    steps_lv_kvar: tuple[float, ...]
    steps_mv_kvar: tuple[float, ...]
    sizes: int = Field(ge=1)
    least_power_share: float = Field(ge=0.0)


class BatteryFigures(_Block):
    """Sizes of batteries [kW], and what they must store per kW [h] by the share of a peak they cut."""

    step_lv_kw: float = Field(gt=0.0)
    step_mv_kw: float = Field(gt=0.0)
    largest_lv_kw: float = Field(gt=0.0)
    largest_mv_kw: float = Field(gt=0.0)
    peak_shares: tuple[float, ...]
    hours: tuple[float, ...]
    shares: tuple[float, ...]

    @model_validator(mode="after")
    def _paired(self) -> BatteryFigures:
        if len(self.peak_shares) != len(self.hours):
            raise ValueError("peak_shares and hours must be of one length")
        return self


class FlexibilityFigures(_Block):
    """Shares of demand that contracts hold back, and for how long [h]."""

    shares: tuple[float, ...]
    full_load_hours: tuple[float, ...]
    margin: float = Field(ge=1.0)

    @model_validator(mode="after")
    def _paired(self) -> FlexibilityFigures:
        if len(self.shares) != len(self.full_load_hours):
            raise ValueError("shares and full_load_hours must be of one length")
        return self


class TariffFigures(_Block):
    """Shares of demand that a tariff moves into the valley."""

    shares: tuple[float, ...]
    days_per_year: float = Field(gt=0.0)
    time_zone: str
    margin: float = Field(ge=1.0)


class OperatingFigures(BaseModel):
    """All figures, a block per kind of measure."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    tap_change: TapFigures
    oltc_setpoint: SetpointFigures
    line_drop_compensation: CompensationFigures
    move_open_point: OpenPointFigures
    capacitor: CapacitorFigures
    battery: BatteryFigures
    flexibility: FlexibilityFigures
    valley_tariff: TariffFigures


@cache
def operating_figures() -> OperatingFigures:
    """The shipped figures."""
    path = Path(__file__).with_name("operating.toml")
    return read_figures(path, OperatingFigures, subject="measures", rule="bad_figure")
