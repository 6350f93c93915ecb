"""The canonical tables, declared as data: column, kind, unit, bounds, meaning, foreign key.

This declaration drives reading, validation, templates, documentation and tests.
It holds no code that looks at rows; that is `gis.conform` and `gis.rules`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

SCHEMA_VERSION = "1"

Kind = Literal["id", "reference", "text", "choice", "number", "integer", "boolean"]
Geometry = Literal["Point", "LineString", "Polygon or Point", "none"]

CUSTOMER_CLASSES = (
    "residential",
    "commercial",
    "industrial",
    "public",
    "agricultural",
    "mixed",
    "ev",
    "heat_pump",
    "other",
)
GENERATOR_KINDS = ("pv", "wind", "chp", "diesel", "battery", "hydro", "other")
SWITCH_KINDS = ("circuit_breaker", "load_break", "disconnector", "fuse")
SITE_SUPPLIES = ("firm", "flexible")
SITE_VOLTAGES = ("any", "low", "medium")
BATTERY_USES = ("self_consumption", "market")
SITE_STATES = ("enquiry", "quoted", "accepted", "energised", "withdrawn", "expired")


@dataclass(frozen=True)
class Column:
    """One column: what it means, in which unit, and what may stand in it.

    `low` and `high` are inclusive bounds unless `above` (exclusive lower bound) is set.
    `default` fills a missing cell of an optional column.
    """

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    required: bool = False
    low: float | None = None
    above: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    refers_to: str = ""
    default: object = None


@dataclass(frozen=True)
class Table:
    """One layer: its id column, geometry and columns.

    `one_of` lists alternatives: every row fills all columns of at least one group.
    """

    name: str
    geometry: Geometry
    meaning: str
    columns: tuple[Column, ...]
    required: bool = False
    one_of: tuple[tuple[str, ...], ...] = ()

    @property
    def id_column(self) -> str:
        return self.columns[0].name

    @property
    def has_geometry(self) -> bool:
        return self.geometry != "none"

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    def lacking(self, given: Collection[str]) -> list[str]:
        """What a row needs beyond the columns given, in words with units."""
        told = [
            f"{c.name} ({c.meaning}{f', in {c.unit}' if c.unit else ''})"
            for c in self.columns
            if c.required and c.name not in given
        ]
        if self.one_of and not any(set(group) <= set(given) for group in self.one_of):
            told.append("one of: " + " or ".join(", ".join(group) for group in self.one_of))
        return told


def _id(name: str, meaning: str) -> Column:
    return Column(name, "id", meaning, required=True)


def _bus(name: str, meaning: str) -> Column:
    return Column(name, "reference", meaning, refers_to="buses")


_NAME = Column("name", "text", "name people use")
_IN_SERVICE = Column("in_service", "boolean", "energised in normal operation", default=True)
_CONNECTED_AT = Column(
    "vn_kv", "number", "nominal voltage it stands at, to find its bus by", "kV", above=0.0, high=765.0
)
_PARALLEL = Column("parallel", "integer", "number of equal elements in parallel", low=1, high=20, default=1)

BUSES = Table(
    "buses",
    "Point",
    "points where lines, transformers, loads and sources meet; built by topology when absent",
    (
        _id("bus_id", "id of the bus"),
        _NAME,
        Column("vn_kv", "number", "nominal voltage", "kV", required=True, above=0.0, high=765.0),
        Column("kind", "choice", "what stands there", choices=("busbar", "node", "cabinet", "service")),
    ),
)
LINES = Table(
    "lines",
    "LineString",
    "cables and overhead lines",
    (
        _id("line_id", "id of the line"),
        _NAME,
        _bus("from_bus_id", "bus at the first vertex"),
        _bus("to_bus_id", "bus at the last vertex"),
        Column("vn_kv", "number", "nominal voltage", "kV", required=True, above=0.0, high=765.0),
        Column("type_id", "text", "type in the catalogue; explicit figures win over it"),
        Column("r_ohm_per_km", "number", "resistance at 20 degC", "ohm/km", above=0.0, high=50.0),
        Column("x_ohm_per_km", "number", "reactance", "ohm/km", low=0.0, high=50.0),
        Column("c_nf_per_km", "number", "capacitance", "nF/km", low=0.0, high=2000.0),
        Column("i_max_a", "number", "rated current", "A", above=0.0, high=10_000.0),
        Column(
            "length_m",
            "number",
            "length of the conductor; wins over the geometry",
            "m",
            above=0.0,
            high=500_000.0,
        ),
        _PARALLEL,
        _IN_SERVICE,
        Column("installed_year", "integer", "year of construction", low=1850, high=2200),
    ),
    required=True,
    one_of=(("type_id",), ("r_ohm_per_km", "x_ohm_per_km", "i_max_a")),
)
TRANSFORMERS = Table(
    "transformers",
    "Point",
    "two-winding transformers",
    (
        _id("transformer_id", "id of the transformer"),
        _NAME,
        _bus("hv_bus_id", "bus on the high-voltage side"),
        _bus("lv_bus_id", "bus on the low-voltage side"),
        Column("type_id", "text", "type in the catalogue; explicit figures win over it"),
        Column("sn_kva", "number", "rated power", "kVA", above=0.0, high=2_000_000.0),
        Column("vn_hv_kv", "number", "rated voltage, high side", "kV", above=0.0, high=765.0),
        Column("vn_lv_kv", "number", "rated voltage, low side", "kV", above=0.0, high=765.0),
        Column("vk_percent", "number", "short-circuit voltage", "%", above=0.0, high=50.0),
        Column("vkr_percent", "number", "its resistive part", "%", low=0.0, high=20.0),
        Column("pfe_kw", "number", "no-load loss", "kW", low=0.0),
        Column("i0_percent", "number", "no-load current", "%", low=0.0, high=20.0),
        Column("shift_degree", "number", "phase shift of the vector group", "degree", low=-360.0, high=360.0),
        Column("tap_side", "choice", "winding with the taps", choices=("hv", "lv")),
        Column("tap_neutral", "number", "tap position at rated ratio"),
        Column("tap_min", "number", "lowest tap position"),
        Column("tap_max", "number", "highest tap position"),
        Column("tap_step_percent", "number", "voltage change per tap", "%", low=0.0, high=20.0),
        Column("tap_pos", "number", "tap position in operation"),
        _PARALLEL,
        _IN_SERVICE,
    ),
    one_of=(("type_id",), ("sn_kva", "vn_hv_kv", "vn_lv_kv", "vk_percent", "vkr_percent")),
)
SWITCHES = Table(
    "switches",
    "Point",
    "switches at one end of a line or transformer, or between two buses",
    (
        _id("switch_id", "id of the switch"),
        Column("kind", "choice", "kind of switch", required=True, choices=SWITCH_KINDS),
        Column("closed", "boolean", "closed in normal operation", required=True),
        _CONNECTED_AT,
        Column(
            "bus_id", "reference", "bus the switch stands at; from its place when absent", refers_to="buses"
        ),
        Column(
            "element_table",
            "choice",
            "table of the element behind the switch; from its place when absent",
            choices=("lines", "transformers", "buses"),
        ),
        Column("element_id", "text", "the element behind the switch; from its place when absent"),
        Column("i_max_a", "number", "rated current", "A", above=0.0),
    ),
)
SOURCES = Table(
    "sources",
    "Point",
    "infeeds from the upstream grid",
    (
        _id("source_id", "id of the source"),
        _NAME,
        _bus("bus_id", "bus it feeds"),
        _CONNECTED_AT,
        Column("vm_pu", "number", "voltage held at the bus", "pu", required=True, low=0.8, high=1.2),
        Column("s_sc_mva", "number", "short-circuit power", "MVA", above=0.0),
        _IN_SERVICE,
    ),
    required=True,
)
LOADS = Table(
    "loads",
    "Point",
    "what customers draw; positive when consumed",
    (
        _id("load_id", "id of the load"),
        _NAME,
        _bus("bus_id", "bus it draws from; nearest bus of a fitting voltage when absent"),
        _CONNECTED_AT,
        Column("customer_class", "choice", "class of the customer", required=True, choices=CUSTOMER_CLASSES),
        Column("p_kw", "number", "active power in the design case", "kW", required=True, low=0.0),
        Column("q_kvar", "number", "reactive power, positive inductive", "kvar"),
        Column(
            "cos_phi", "number", "power factor, inductive; used where q_kvar is absent", above=0.0, high=1.0
        ),
        Column("annual_kwh", "number", "energy per year", "kWh", low=0.0),
        Column("customers", "integer", "customers behind this load", low=0, default=1),
        Column("service_kw", "number", "contracted or service capacity", "kW", low=0.0),
        _IN_SERVICE,
    ),
    required=True,
)
GENERATORS = Table(
    "generators",
    "Point",
    "generation at fixed power; positive when injected",
    (
        _id("generator_id", "id of the generator"),
        _NAME,
        _bus("bus_id", "bus it feeds; nearest bus of a fitting voltage when absent"),
        _CONNECTED_AT,
        Column("kind", "choice", "kind of generation", required=True, choices=GENERATOR_KINDS),
        Column("p_kw", "number", "rated active power", "kW", required=True, low=0.0),
        Column("q_kvar", "number", "reactive power injected", "kvar"),
        _IN_SERVICE,
    ),
)
CAPACITORS = Table(
    "capacitors",
    "Point",
    "capacitor banks and shunt reactors: reactive power that follows the square of the voltage, "
    "whatever the scenario",
    (
        _id("capacitor_id", "id of the capacitor"),
        _NAME,
        _bus("bus_id", "bus it stands at; nearest bus of its voltage when absent"),
        Column(
            "q_kvar",
            "number",
            "reactive power given at rated voltage, positive capacitive; negative for a reactor",
            "kvar",
            required=True,
            low=-500_000.0,
            high=500_000.0,
        ),
        Column("vn_kv", "number", "rated voltage; the bus's when absent", "kV", above=0.0, high=765.0),
        _IN_SERVICE,
    ),
)
ROUTES = Table(
    "routes",
    "LineString",
    "corridors in which new cables may be laid",
    (
        _id("route_id", "id of the corridor"),
        Column("surface", "text", "surface over the trench", required=True),
        Column(
            "cost_factor", "number", "trench cost against the cost table", above=0.0, high=20.0, default=1.0
        ),
    ),
)
SITES = Table(
    "sites",
    "Polygon or Point",
    "real-estate developments that ask for a connection",
    (
        _id("site_id", "id of the site"),
        Column("name", "text", "name of the development", required=True),
        Column("status", "choice", "state of the application", required=True, choices=SITE_STATES),
        Column("dwellings", "integer", "homes of usual size, beside those in `homes`", low=0),
        Column(
            "homes",
            "text",
            "homes by size and heating, COUNTxM2=HEATING: '12x85=heat_pump; 6x120; 4=direct_electric'",
        ),
        Column("floor_area_m2", "number", "floor area whose use is not told", "m2", low=0.0),
        Column("floors", "text", "floor area by use, USE=M2: 'shop=400; office=250'", "m2"),
        Column("ev_points", "integer", "charging points for cars", low=0),
        Column(
            "managed_charging",
            "boolean",
            "charging points hold to what control guarantees",
            default=False,
        ),
        Column("heat_pumps", "integer", "heat pumps, beside those of `homes`", low=0),
        Column(
            "demand_kw", "number", "demand stated by the applicant, on top: industry, other", "kW", low=0.0
        ),
        Column("pv_kw", "number", "rated power of solar modules", "kW", low=0.0),
        Column("battery_kw", "number", "rated power of batteries", "kW", low=0.0),
        Column("battery_kwh", "number", "capacity of batteries", "kWh", low=0.0),
        Column(
            "battery_use",
            "choice",
            "what the battery is for",
            choices=BATTERY_USES,
            default="self_consumption",
        ),
        Column("supply", "choice", "supply wanted", choices=SITE_SUPPLIES, default="firm"),
        Column("voltage", "choice", "voltage wanted", choices=SITE_VOLTAGES, default="any"),
        Column("applied_on", "text", "day of the application, YYYY-MM-DD: the order of the queue"),
        Column("year", "integer", "year of connection", low=1900, high=2200),
        Column("phases", "text", "phases with dates, YEAR=SHARE of the whole: '2027=0.4; 2030=0.6'"),
    ),
)
SCENARIOS = Table(
    "scenarios",
    "none",
    "design cases: how much of each load and generator is drawn at once",
    (
        _id("scenario_id", "id of the scenario"),
        Column("name", "text", "name people use", required=True),
        Column("year", "integer", "year it stands for", low=1900, high=2200),
        Column("load_factor", "number", "factor on all loads", low=0.0, high=100.0, default=1.0),
        Column("generation_factor", "number", "factor on all generators", low=0.0, high=10.0, default=0.0),
        Column(
            "class_factors", "text", "factor per customer class or generator kind: 'heat_pump=0; pv=0.85'"
        ),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        BUSES,
        LINES,
        TRANSFORMERS,
        SWITCHES,
        SOURCES,
        LOADS,
        GENERATORS,
        CAPACITORS,
        ROUTES,
        SITES,
        SCENARIOS,
    )
}
