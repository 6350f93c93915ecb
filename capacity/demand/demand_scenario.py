"""`DemandScenario`: everything assumed about demand and self-generation over the years, as one TOML file.

The file's form, key by key, is in `docs/scenarios.md`; shipped ones are `demand_scenarios/*.toml`.
What a scenario makes of a network is `capacity.demand.scenario_demand`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from capacity.demand.coincidence import AnyMethod, AsGiven, Coincidence, default_methods
from capacity.demand.customer_size import SizeBasis
from capacity.demand.tariff import SHIPPED as SHIPPED_TARIFF
from capacity.demand.tariff import Tariff, read_tariff
from capacity.toml_file import read_figures, shipped_names, shipped_or_own
from gis.schema import CUSTOMER_CLASSES

LoadTechnology = Literal[
    "ev", "heat_pump", "cooking", "water_heating", "electric_boiler", "storage_heating", "cooling", "battery"
]
FeedTechnology = Literal["pv", "wind", "chp", "diesel", "hydro", "other"]
Technology = Literal[LoadTechnology, FeedTechnology]
Siting = Literal["lot", "clustered"]
SiteState = Literal["enquiry", "quoted", "accepted", "energised", "withdrawn", "expired"]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Year = Annotated[int, Field(ge=1900, le=2200)]

Named = TypeVar("Named", bound=BaseModel)

FEED_TECHNOLOGIES: tuple[str, ...] = get_args(FeedTechnology)

# Hours of a year that is no leap year.
HOURS = 8760
# Groups of developments (`phases`) and of metered customers (`scenario_meters`) begin so.
SITE_PREFIX, METER_PREFIX = "site_", "meter "

_SHIPPED = Path(__file__).parent / "demand_scenarios"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class _Block(_Frozen):
    source: str = Field(min_length=1)


class SCurve(_Frozen):
    """Logistic growth of a share, laid through the share of the base year.

    share(y) = start + (saturation - start) x (L(y) - L(base)) / (1 - L(base)),
    L(y) = 1 / (1 + exp(-rate x (y - midpoint))): exactly `start_share` in the base year and before,
    `saturation_share` in the end, steepest in the midpoint year.
    """

    start_share: Share
    saturation_share: Share
    midpoint_year: Year
    rate_per_year: float = Field(gt=0.0)


class Uptake(_Block):
    """A technology that customers take up: who, how many in which year, how large, and where first.

    A technology that draws is a group of its own in the demand, named after its block; one that feeds in
    adds to its kind of generation.
    """

    technology: Technology
    customers: tuple[str, ...] = Field(min_length=1)
    s_curve: SCurve | None = None
    shares: dict[Year, Share] = Field(default_factory=dict)
    unit_kw: float | None = Field(default=None, gt=0.0)
    unit_share_of_peak: float | None = Field(default=None, gt=0.0)
    unit_kwh: float | None = Field(default=None, gt=0.0)
    units_per_customer: float = Field(default=1.0, gt=0.0)
    tan_phi: float = Field(default=0.0, ge=-1.0, le=1.0)
    profile: str = ""
    coincidence: AnyMethod | None = None
    siting: Siting = "lot"
    clusters: int = Field(default=10, ge=1)
    lot: str = ""

    @property
    def feeds(self) -> bool:
        """Whether it feeds in rather than draws."""
        return self.technology in FEED_TECHNOLOGIES

    @property
    def method(self) -> Coincidence:
        """Its coincidence, or the shipped one of its technology (`capacity/demand/coincidence.toml`)."""
        return default_methods()[self.technology] if self.coincidence is None else self.coincidence

    @field_validator("customers")
    @classmethod
    def _known(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        return _known_classes(classes)

    @model_validator(mode="after")
    def _one_of_each(self) -> Uptake:
        if (self.s_curve is None) == (not self.shares):
            raise ValueError("give the share by year either as s_curve or as shares, not both")
        if (self.unit_kw is None) == (self.unit_share_of_peak is None):
            raise ValueError("give the unit's power either as unit_kw or as unit_share_of_peak, not both")
        return self

    @model_validator(mode="after")
    def _feeds_plainly(self) -> Uptake:
        if self.feeds and (self.tan_phi or self.coincidence is not None or self.profile or self.unit_kwh):
            raise ValueError(
                f"{self.technology} feeds in: leave out tan_phi, coincidence, profile and unit_kwh"
            )
        return self

    @model_validator(mode="after")
    def _energy_fits(self) -> Uptake:
        if self.feeds:
            return self
        if "annual_kwh" in self.method.needs and self.unit_kwh is None:
            raise ValueError("its coincidence goes by energy: give unit_kwh")
        if self.unit_kwh is None:
            return self
        if self.technology == "battery" or self.unit_kw is None:
            raise ValueError("unit_kwh goes with unit_kw, and not with a battery: leave it out")
        if self.method.follows_peak and self.unit_kwh > HOURS * self.unit_kw * self.method.many_factor:
            raise ValueError("unit_kwh is more than its part of the peak draws in all hours of a year")
        return self


class CustomerClass(_Block):
    """Customers of one class that the network has already.

    `factor` stands on the network's own figures in every year; 0 leaves the class out. Without `size` p_kw is
    what each customer draws alone, without `coincidence` all draw their figures at once.
    """

    growth_percent: float = Field(default=0.0, gt=-100.0, le=100.0)
    factor: float = Field(default=1.0, ge=0.0)
    profile: str = ""
    size: SizeBasis | None = None
    coincidence: AnyMethod = AsGiven()


class Sites(_Block):
    """Developments that are connected by date: of the network's layer `sites`, or of a file.

    Figures per home and the like are those of the connection check, or of a file of the same form.
    """

    states: tuple[SiteState, ...] = ("enquiry", "quoted", "accepted")
    file: Path | None = None
    assumptions: Path | None = None


class Meters(_Block):
    """Readings of customers, who follow them instead of the profile of their class (`gridmodel.meter_file`).

    Each is a group of its own, which is heavy: so the `largest` of them, and all others follow their class.
    """

    file: Path
    mapping: Path | None = None
    unit: Literal["kw", "kwh"] | None = None
    time_zone: str | None = None
    stamp: Literal["begin", "end"] = "begin"
    largest: int = Field(default=50, ge=1)


class ProfileYear(_Block):
    """The year of hours all years are studied with, where its clock is read, and profiles of one's own."""

    year: Year
    time_zone: str = "Europe/Berlin"
    file: Path | None = None


class TariffChoice(_Block):
    """A peak/valley tariff that holds in all years: the shipped one or a file, with its levers."""

    file: Path | None = None
    price_ratio: float | None = Field(default=None, gt=0.0)
    participation_share: Share | None = None

    def tariff(self) -> Tariff:
        """The tariff with the levers set."""
        levers = {"price_ratio": self.price_ratio, "participation_share": self.participation_share}
        chosen = {name: value for name, value in levers.items() if value is not None}
        return read_tariff(self.file or SHIPPED_TARIFF).model_copy(update=chosen)


class DemandScenario(_Block):
    """What is assumed about demand and self-generation over the years.

    Attributes
    ----------
    years
        Years to study, rising.
    base_year
        The year the network's own loads are of; growth counts from it.
    seed
        Of the lots that say where uptake lands; the same seed gives the same bytes.
    draws
        How many lots a study of the spread takes.
    classes
        Per customer class; one not named keeps its figures.
    uptake
        Per technology and group of customers, by a free name.
    tariff
        A price that moves load into valley hours; left out, nothing moves.
    sites
        Developments; left out, none is connected.
    meters
        Readings of customers; left out, all follow the profile of their class.
    """

    scenario_id: str = Field(min_length=1)
    name: str = Field(min_length=1)
    base_year: Year
    years: tuple[Year, ...] = Field(min_length=1)
    seed: int = Field(ge=0)
    draws: int = Field(default=200, ge=1)
    profile: ProfileYear
    classes: Mapping[str, CustomerClass] = Field(default_factory=dict)
    uptake: Mapping[str, Uptake] = Field(default_factory=dict)
    tariff: TariffChoice | None = None
    sites: Sites | None = None
    meters: Meters | None = None

    @field_validator("years")
    @classmethod
    def _rising(cls, years: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        if list(years) != sorted(set(years)):
            raise ValueError("write the years once each, in rising order")
        if years[0] < info.data.get("base_year", years[0]):
            raise ValueError(f"no year may lie before base_year, {info.data['base_year']}")
        return years

    @field_validator("classes")
    @classmethod
    def _known(cls, classes: Mapping[str, CustomerClass]) -> Mapping[str, CustomerClass]:
        _known_classes(tuple(classes))
        return classes

    @model_validator(mode="after")
    def _one_group_per_name(self) -> DemandScenario:
        faults = [
            fault for name, block in self.uptake.items() for fault in _group_faults(name, block, self.classes)
        ]
        if faults:
            raise ValueError("; ".join(faults))
        return self


def _group_faults(name: str, block: Uptake, classes: Mapping[str, CustomerClass]) -> list[str]:
    """What speaks against a technology that draws being a group of this name."""
    taken = (*CUSTOMER_CLASSES, *FEED_TECHNOLOGIES)
    if block.feeds:
        return []
    if name != block.technology and (name in taken or name.startswith((SITE_PREFIX, METER_PREFIX))):
        return [f"uptake.{name} is the name of another group: take one of its own"]
    if name in classes and classes[name].coincidence != AsGiven():
        return [
            f"uptake.{name} and classes.{name} are one group with one coincidence: state it in uptake.{name}"
        ]
    return []


def _known_classes(classes: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [name for name in classes if name not in CUSTOMER_CLASSES]
    if unknown:
        raise ValueError(f"no customer class {', '.join(unknown)}; there are: {', '.join(CUSTOMER_CLASSES)}")
    return classes


def scenario_names() -> tuple[str, ...]:
    """Names of the shipped scenarios."""
    return shipped_names(_SHIPPED)


def read_demand_scenario(scenario: str | Path) -> DemandScenario:
    """Read a shipped scenario by name, or a user's TOML file.

    Raises
    ------
    InputError
        No such scenario or file, or figures that make no sense; every fault is named with its place in the
        file and its value.

    Examples
    --------
    >>> read_demand_scenario("today").uptake
    {}
    """
    path = shipped_or_own(
        scenario,
        _SHIPPED,
        what="scenario",
        heading="scenario",
        subject="demand scenario",
        rule="unknown_demand_scenario",
    )
    read = read_figures(path, DemandScenario, subject="demand scenario", rule="bad_demand_scenario")
    return read.model_copy(
        update={
            "profile": _beside(path, read.profile, "file"),
            "sites": _beside(path, read.sites, "file", "assumptions"),
            "tariff": _beside(path, read.tariff, "file"),
            "meters": _beside(path, read.meters, "file", "mapping"),
        }
    )


def _beside(scenario: Path, block: Named | None, *names: str) -> Named | None:
    """A block with its files where the scenario's file says: relative to its own folder."""
    if block is None:
        return None
    files = {name: getattr(block, name) for name in names}
    return block.model_copy(update={name: scenario.parent / file for name, file in files.items() if file})
