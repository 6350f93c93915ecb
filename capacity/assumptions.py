"""Demand, supply, route and cost figures of the connection check, read from TOML with their sources."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from capacity.demand.coincidence import AnyMethod, Coincidence, Rusck
from capacity.toml_file import read_figures

_SHIPPED = Path(__file__).with_name("assumptions.toml")


class _Block(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    source: str = Field(min_length=1)


class _Coincident(_Block):
    """Coincidence of very many after Rusck, unless `coincidence` names another method and its figures."""

    g_inf: float = Field(gt=0.0, le=1.0)
    coincidence: AnyMethod | None = None

    @property
    def method(self) -> Coincidence:
        return self.coincidence or Rusck(g_inf=self.g_inf, source=self.source)


class Home(_Coincident):
    """After-diversity maximum demand [kW] of one home and its coincidence at large numbers."""

    admd_kw: float = Field(ge=0.0)


class ChargingPoint(_Coincident):
    """Rated power [kW] of one charging point and the coincidence of many."""

    rated_kw: float = Field(ge=0.0)


class Sensitivity(_Block):
    """After-diversity demands [kW] of a home at which an answer is given again."""

    admd_kw: tuple[float, ...] = (1.5, 2.0, 4.5, 7.5)
    source: str = "homes without electric heating 1.5-2 kW, all-electric 3-7.5 kW, typically 4.5"


class FloorArea(_Block):
    """Demand per floor area [W/m2]."""

    w_per_m2: float = Field(ge=0.0)


class PowerFactor(_Block):
    """Power factor of new demand, inductive."""

    cos_phi: float = Field(gt=0.0, le=1.0)


class SupplyLevels(_Block):
    """Largest demand [kW] per kind of supply point."""

    lv_feeder_max_kw: float = Field(gt=0.0)
    lv_busbar_max_kw: float = Field(gt=0.0)
    mv_feeder_max_kw: float = Field(gt=0.0)


class Route(_Block):
    """Cable length against the straight line, and the reach [m] of a new cable."""

    detour_factor: float = Field(ge=1.0)
    max_lv_m: float = Field(gt=0.0)
    max_mv_m: float = Field(gt=0.0)


class Cost(_Block):
    """Named, dated cost table: per metre of cable laid and per station."""

    name: str
    currency: str
    price_year: int
    lv_cable_low_per_m: float = Field(ge=0.0)
    lv_cable_high_per_m: float = Field(ge=0.0)
    mv_cable_low_per_m: float = Field(ge=0.0)
    mv_cable_high_per_m: float = Field(ge=0.0)
    station_low: float = Field(ge=0.0)
    station_high: float = Field(ge=0.0)

    @model_validator(mode="after")
    def _ordered(self) -> Cost:
        for low, high in (
            (self.lv_cable_low_per_m, self.lv_cable_high_per_m),
            (self.mv_cable_low_per_m, self.mv_cable_high_per_m),
            (self.station_low, self.station_high),
        ):
            if low > high:
                raise ValueError(f"the low cost {low:g} is above the high cost {high:g}")
        return self


class Months(_Block):
    """Months from order to supply, per kind of supply point."""

    lv_feeder: int = Field(ge=0)
    lv_busbar: int = Field(ge=0)
    mv_feeder: int = Field(ge=0)


class Assumptions(BaseModel):
    """All figures of the connection check; each block names its source."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    home: Home
    heat_pump: Home
    ev_point: ChargingPoint
    floor_area: FloorArea
    power_factor: PowerFactor
    supply: SupplyLevels
    route: Route
    cost: Cost
    months: Months
    sensitivity: Sensitivity = Sensitivity()


def read_assumptions(path: Path | None = None) -> Assumptions:
    """Read the shipped assumptions, or a user's file of the same form.

    Raises
    ------
    InputError
        The file is not readable or a figure makes no sense; every fault is named.
    """
    return read_figures(path or _SHIPPED, Assumptions, subject="assumptions", rule="bad_figure")
