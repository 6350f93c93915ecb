"""Demand, supply, route and cost figures of the connection check, read from TOML with their sources."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from capacity.costs import CostTable, read_costs
from capacity.demand.coincidence import AnyMethod, Coincidence, Rusck
from capacity.toml_file import read_figures
from gis import InputError
from gis.findings import make_findings

_SHIPPED = Path(__file__).with_name("assumptions.toml")
# Items of the cost table that the works of a connection are made of.
CONNECTION_ITEMS = ("lv_cable", "mv_cable", "mv_lv_transformer", "mv_lv_station")


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


class HomeSize(_Block):
    """What a home draws by its floor area, beside one of usual size.

    Attributes
    ----------
    usual_m2
        Floor area of a home that tells none.
    steps_kw
        (up to m2, kW) ascending: a home draws what the usual one does in the proportion of its steps.
    """

    usual_m2: float = Field(gt=0.0)
    steps_kw: tuple[tuple[float, float], ...] = Field(min_length=1)

    def factor(self, floor_area_m2: float | None) -> float:
        """Demand of a home against that of the usual one; beyond the last step that of the last."""
        if floor_area_m2 is None:
            return 1.0
        return self._kw(floor_area_m2) / self._kw(self.usual_m2)

    def _kw(self, area_m2: float) -> float:
        return next((kw for up_to_m2, kw in self.steps_kw if area_m2 <= up_to_m2), self.steps_kw[-1][1])


class DirectHeating(_Coincident):
    """Electric heating without heat pump, per floor area [W/m2]."""

    w_per_m2: float = Field(ge=0.0)


class ChargingPoint(_Coincident):
    """Rated power [kW] of one charging point and the coincidence of many."""

    rated_kw: float = Field(ge=0.0)


class ManagedCharging(_Block):
    """What points draw together at least under control: the first, and each further one by their number.

    P(n) = per_point_kw x (1 + (n - 1) x share(n)), n up to the last step and beyond.
    """

    per_point_kw: float = Field(gt=0.0)
    shares: tuple[tuple[int, float], ...] = Field(min_length=1)

    def together_kw(self, count: int) -> float:
        """Power of all points together [kW] that control leaves them."""
        share = next((share for up_to, share in self.shares if count <= up_to), self.shares[-1][1])
        return self.per_point_kw * (1.0 + (count - 1) * share) if count else 0.0


class Sensitivity(_Block):
    """After-diversity demands [kW] of a home at which an answer is given again."""

    admd_kw: tuple[float, ...] = (1.5, 2.0, 4.5, 7.5)
    source: str = "homes without electric heating 1.5-2 kW, all-electric 3-7.5 kW, typically 4.5"


class Turning(_Block):
    """What is tried to turn an answer: sites so far away [m], in so many directions; energy a flexible supply
    may leave out, as a share of what is asked for."""

    distance_m: float = Field(gt=0.0)
    directions: int = Field(ge=1)
    flexible_share: float = Field(ge=0.0, le=1.0)


class FloorArea(_Block):
    """Demand per floor area [W/m2]."""

    w_per_m2: float = Field(ge=0.0)


class FloorUse(_Block):
    """Demand per floor area of one use [W/m2], that of a whole building at once, and profile of its year."""

    w_per_m2: float = Field(ge=0.0)
    profile: Literal["commercial", "public", "industrial"] = "commercial"


class SolarRoof(_Block):
    """Share of the rated power of modules that reaches the grid at most."""

    feed_in_share: float = Field(ge=0.0, le=1.0)


class BatteryUse(_Block):
    """Shares of a battery's power drawn at the grid's peak, and fed in at its least demand, by its use."""

    charging_share: float = Field(ge=0.0, le=1.0)
    discharging_share: float = Field(ge=0.0, le=1.0)


class LeastDemand(_Block):
    """Share of its peak that a site draws when the grid carries least and the sun feeds most."""

    share: float = Field(ge=0.0, le=1.0)


class PowerFactor(_Block):
    """Power factor of new demand, inductive."""

    cos_phi: float = Field(gt=0.0, le=1.0)


class SupplyLevels(_Block):
    """Largest demand [kW] per kind of supply point."""

    lv_feeder_max_kw: float = Field(gt=0.0)
    lv_busbar_max_kw: float = Field(gt=0.0)
    mv_feeder_max_kw: float = Field(gt=0.0)
    mv_busbar_max_kw: float = Field(gt=0.0)


class Route(_Block):
    """Cable length against the straight line, the reach [m] of a new cable, and where lines may be cut."""

    detour_factor: float = Field(ge=1.0)
    max_lv_m: float = Field(gt=0.0)
    max_mv_m: float = Field(gt=0.0)
    max_mv_feeder_m: float = Field(gt=0.0)
    tap_spacing_m: float = Field(gt=0.0)


class SupplySearch(_Block):
    """How many supply points of each kind are looked at, and lines near a site."""

    nearest: int = Field(ge=1)
    likely: int = Field(ge=0)
    lines: int = Field(ge=1)


class Sizing(_Block):
    """Cables side by side, transformers in a station, and which cables are compared."""

    parallel_max: int = Field(ge=1)
    spare_share: float = Field(ge=0.0, le=1.0)
    cables_max: int = Field(ge=1)
    transformers_max: int = Field(ge=1)
    largest_transformer_kva: float = Field(gt=0.0)


class CostBlock(_Block):
    """Cost table by name or path, and the year and index of inflation [% a year] where others are wanted."""

    table: str = Field(min_length=1)
    price_year: int | None = None
    index_percent_per_year: float | None = None

    @property
    def prices(self) -> CostTable:
        """The table, read again when its file changes."""
        path = Path(self.table)
        stamp = path.stat().st_mtime_ns if path.is_file() else 0
        return _prices(self.table, self.price_year, self.index_percent_per_year, stamp)


class Charging(_Block):
    """Rule by which costs are laid on the applicant, by name or path."""

    rule: str = Field(min_length=1)


class Stage(_Block):
    """One stage before the works; `items` of the bill ask for it, none: always."""

    name: str = Field(min_length=1)
    group: str = Field(min_length=1)
    months: int = Field(ge=0)
    items: tuple[str, ...] = ()


class Stages(_Block):
    """Stages before the works: those of a group run side by side, groups follow each other."""

    stage: tuple[Stage, ...] = ()


class WorksBlock(_Block):
    """Where works on the existing grid are looked for.

    Attributes
    ----------
    search
        "cheapest": where they may make an option the cheapest; "if_none_fits": no longer once one fits.
    supply_points, supply_points_if_none_fits
        Per kind of option so many supply points, the cheapest ones.
    least_saving_eur
        Where an option fits without works and without a new station, only if works can save so much.
    """

    search: Literal["cheapest", "if_none_fits"]
    supply_points: int = Field(ge=1)
    supply_points_if_none_fits: int = Field(ge=1)
    least_saving_eur: float = Field(ge=0.0)


class Assumptions(BaseModel):
    """All figures of the connection check; each block names its source."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    home: Home
    home_size: HomeSize
    heat_pump: Home
    direct_heating: DirectHeating
    ev_point: ChargingPoint
    managed_charging: ManagedCharging
    floor_area: FloorArea
    floor_use: dict[str, FloorUse]
    pv: SolarRoof
    battery: dict[Literal["self_consumption", "market"], BatteryUse]
    least_demand: LeastDemand
    power_factor: PowerFactor
    supply: SupplyLevels
    route: Route
    search: SupplySearch
    sizing: Sizing
    cost: CostBlock
    charging: Charging
    stages: Stages
    works: WorksBlock
    sensitivity: Sensitivity = Sensitivity()
    turning: Turning


def only_if_none_fits(assumptions: Assumptions) -> Assumptions:
    """The same, works looked for only where nothing fits without: for many answers at once."""
    works = assumptions.works.model_copy(update={"search": "if_none_fits"})
    return assumptions.model_copy(update={"works": works})


def read_assumptions(path: Path | None = None) -> Assumptions:
    """Read the shipped assumptions, or a user's file of the same form.

    Raises
    ------
    InputError
        The file is not readable or a figure makes no sense, or its cost table does not price what a
        connection is made of; every fault is named.
    """
    assumptions = read_figures(path or _SHIPPED, Assumptions, subject="assumptions", rule="bad_figure")
    lacking = assumptions.cost.prices.lacks(CONNECTION_ITEMS)
    if lacking:
        message = "the cost table does not price this item, which a connection is made of; add a row"
        raise InputError(assumptions.cost.table, make_findings("bad_cost", "costs", lacking, message))
    return assumptions


@lru_cache(maxsize=8)
def _prices(table: str, price_year: int | None, percent: float | None, _stamp: int) -> CostTable:
    return read_costs(table, price_year=price_year, index_percent_per_year=percent)
