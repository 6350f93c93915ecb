"""Rules over the tables of one network: a registry of functions, tables in, findings out.

A rule sees typed tables (`gis.conform`), never raw text. Rules about equipment types need the
catalogue and stand in `gridmodel.rules`; callers pass both registries to the reader.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gis.findings import findings_of, join_findings, make_findings
from gis.schema import TABLES
from gis.voltage import same_voltage

Tables = Mapping[str, pd.DataFrame]
Rule = Callable[[Tables], pd.DataFrame]

# Below this a drawn line is a point: a millimetre is finer than any survey.
MIN_LENGTH_M = 0.001
# So many rows off alike are a unit, not slips of one row each (engineering judgement).
_ROWS_FOR_A_UNIT = 3


def geometry_usable(tables: Tables) -> pd.DataFrame:
    """Every element has a geometry of its table's kind, with finite coordinates."""
    parts = []
    for name, frame in tables.items():
        table = TABLES[name]
        if not table.has_geometry or frame.empty:
            continue
        geometry = frame.geometry.array
        absent = shapely.is_missing(geometry) | shapely.is_empty(geometry)
        broken = ~absent & ~_finite(geometry)
        kinds = np.array(
            table.geometry.replace(" or ", " ").split() + ["MultiPolygon"] * ("Polygon" in table.geometry)
        )
        wrong = ~absent & ~np.isin(frame.geom_type.to_numpy(), kinds)
        parts += [
            make_findings("geometry_missing", name, frame.index[absent], "it has no geometry; draw it"),
            make_findings("geometry_not_finite", name, frame.index[broken], "a coordinate is not a number"),
            findings_of("geometry_kind", name, frame.geom_type[wrong], f"must be a {table.geometry}"),
        ]
    return join_findings(parts)


def references_exist(tables: Tables) -> pd.DataFrame:
    """Every id that refers to another table stands there."""
    parts = []
    for name, frame in tables.items():
        for column in TABLES[name].columns:
            if column.kind != "reference":
                continue
            given = frame[column.name]
            known = tables[column.refers_to].index.get_indexer(given) >= 0
            lost = given.notna() & ~known
            message = f"{column.name} is not in {column.refers_to}; add that row or correct the id"
            parts.append(findings_of("unknown_reference", name, given[lost], message))
    return join_findings(parts)


def switches_stand_at_their_element(tables: Tables) -> pd.DataFrame:
    """A switch's element exists, and one of its ends is the switch's bus."""
    switches = tables["switches"]
    parts = []
    for target, ends in (
        ("lines", ["from_bus_id", "to_bus_id"]),
        ("transformers", ["hv_bus_id", "lv_bus_id"]),
        ("buses", []),
    ):
        rows = switches[switches["element_table"] == target]
        known = pd.Series(tables[target].index.get_indexer(rows["element_id"]) >= 0, rows.index)
        message = f"element_id is not in {target}; add that row or correct the id"
        parts.append(findings_of("unknown_reference", "switches", rows["element_id"][~known], message))
        if ends:
            rows = rows[known]
            at = tables[target].loc[rows["element_id"], ends]
            apart = ~(at.to_numpy() == rows["bus_id"].to_numpy()[:, None]).any(axis=1)
            message = "bus_id is no end of its element; put the switch at an end"
            parts.append(findings_of("switch_not_at_end", "switches", rows["bus_id"][apart], message))
    return join_findings(parts)


def has_a_source(tables: Tables) -> pd.DataFrame:
    """At least one source is in service."""
    if tables["sources"]["in_service"].any():
        return join_findings([])
    return make_findings(
        "no_source", "sources", [""], "no source is in service; name the bus the grid is fed from"
    )


def line_ends_fit(tables: Tables) -> pd.DataFrame:
    """A line joins two different buses of its own voltage."""
    lines = tables["lines"]
    ends = lines[["from_bus_id", "to_bus_id"]]
    loops = ends["from_bus_id"].notna() & (ends["from_bus_id"] == ends["to_bus_id"])
    parts = [findings_of("line_self_loop", "lines", ends["from_bus_id"][loops], "both ends are the same bus")]
    for end in ends:
        voltage = ends[end].map(tables["buses"]["vn_kv"]).astype(float)
        off = voltage.notna() & lines["vn_kv"].notna() & ~same_voltage(voltage, lines["vn_kv"])
        in_volts = same_voltage(voltage[off], lines["vn_kv"][off] / 1000.0)
        if len(in_volts) >= _ROWS_FOR_A_UNIT and np.all(in_volts):
            message = "vn_kv looks like V: it is 1,000 times that of the buses; map it with factor = 0.001"
            return make_findings("voltage_unit", "lines", [""], message)
        values = [f"{v:g} kV at {b}" for v, b in zip(voltage[off], ends[end][off], strict=True)]
        message = f"{end} has another voltage than the line's vn_kv; a transformer belongs between them"
        parts.append(make_findings("line_voltage", "lines", lines.index[off], message, values=values))
    return join_findings(parts)


def lines_have_length(tables: Tables) -> pd.DataFrame:
    """A line has a length: its attribute, or the length of its geometry."""
    lines = tables["lines"]
    if lines.empty:
        return join_findings([])
    drawn_m = shapely.length(lines.geometry.array)
    short = lines["length_m"].isna().to_numpy() & (drawn_m < MIN_LENGTH_M)
    message = f"no length_m and drawn shorter than {MIN_LENGTH_M} m; give the length or merge its ends"
    return make_findings("line_without_length", "lines", lines.index[short], message)


def transformer_sides_fit(tables: Tables) -> pd.DataFrame:
    """A transformer stands between two buses, the high-voltage one on its high side, at fitting voltages."""
    transformers = tables["transformers"]
    known = tables["buses"]["vn_kv"]
    high = transformers["hv_bus_id"].map(known).astype(float)
    low = transformers["lv_bus_id"].map(known).astype(float)
    swapped = high < low
    ends = transformers[["hv_bus_id", "lv_bus_id"]]
    loops = ends["hv_bus_id"].notna() & (ends["hv_bus_id"] == ends["lv_bus_id"])
    parts = [
        findings_of(
            "transformer_self_loop",
            "transformers",
            ends["hv_bus_id"][loops],
            "both sides are the same bus; name the bus on each side",
        ),
        make_findings(
            "transformer_swapped",
            "transformers",
            transformers.index[swapped],
            "hv_bus_id has a lower voltage than lv_bus_id; swap them",
        ),
    ]
    for side, voltage, rated in (
        ("hv", high, transformers["vn_hv_kv"]),
        ("lv", low, transformers["vn_lv_kv"]),
    ):
        off = ~swapped & voltage.notna() & rated.notna() & ~same_voltage(voltage, rated)
        message = f"vn_{side}_kv does not fit the voltage of {side}_bus_id"
        parts.append(findings_of("transformer_voltage", "transformers", rated[off], message))
    return join_findings(parts)


def transformer_figures_fit(tables: Tables) -> pd.DataFrame:
    """A transformer's short-circuit voltage is larger than its resistive part, its tap within its range."""
    transformers = tables["transformers"]
    resistive = transformers["vkr_percent"] > transformers["vk_percent"]
    tap = transformers["tap_pos"]
    beyond = (tap < transformers["tap_min"]) | (tap > transformers["tap_max"])
    part = "vkr_percent is larger than vk_percent, of which it is a part; correct one of them"
    span = "tap_pos is outside tap_min..tap_max; correct one of them"
    return join_findings(
        [
            findings_of("transformer_vkr", "transformers", transformers["vkr_percent"][resistive], part),
            findings_of("transformer_tap", "transformers", tap[beyond], span),
        ]
    )


def couplers_join_one_voltage(tables: Tables) -> pd.DataFrame:
    """A switch between two buses joins different buses of one voltage."""
    switches, voltages = tables["switches"], tables["buses"]["vn_kv"]
    couplers = switches[switches["element_table"] == "buses"]
    first = couplers["bus_id"].map(voltages).astype(float)
    second = couplers["element_id"].map(voltages).astype(float)
    off = first.notna() & second.notna() & ~same_voltage(first, second)
    values = [f"{a:g} and {b:g} kV" for a, b in zip(first[off], second[off], strict=True)]
    message = "the switch joins buses of different voltage; a transformer belongs between them"
    return make_findings("coupler_voltage", "switches", couplers.index[off], message, values=values)


def capacitors_fit_their_bus(tables: Tables) -> pd.DataFrame:
    """A capacitor's rated voltage is of its bus's level."""
    capacitors = tables["capacitors"]
    at = capacitors["bus_id"].map(tables["buses"]["vn_kv"]).astype(float)
    rated = capacitors["vn_kv"]
    off = at.notna() & rated.notna() & ~same_voltage(rated, at)
    message = "vn_kv does not fit the voltage of bus_id; correct one of them"
    return findings_of("capacitor_level", "capacitors", rated[off], message)


def buses_are_named(tables: Tables) -> pd.DataFrame:
    """Every element names its buses, a switch its element too."""
    switches = tables["switches"]
    bare = switches.index[switches[["element_table", "element_id"]].isna().any(axis=1)]
    message = "element_table or element_id is missing; name the element behind the switch"
    parts = [make_findings("missing_bus", "switches", bare, message)]
    for name in ("lines", "transformers", "switches", "sources", "loads", "generators", "capacitors"):
        for column in TABLES[name].columns:
            if column.kind == "reference":
                open_rows = tables[name][column.name].isna()
                message = f"{column.name} is missing; give the id of the bus"
                parts.append(make_findings("missing_bus", name, tables[name].index[open_rows], message))
    return join_findings(parts)


def class_factors_readable(tables: Tables) -> pd.DataFrame:
    """The factors of a scenario read `class=number; class=number` with known classes."""
    scenarios = tables["scenarios"]
    bad = [i for i, text in scenarios["class_factors"].items() if not _readable_factors(text)]
    message = "class_factors must read like 'heat_pump=0; pv=0.85' with known classes and factors >= 0"
    return findings_of("unreadable_cell", "scenarios", scenarios["class_factors"].loc[bad], message)


def parse_class_factors(text: object) -> dict[str, float]:
    """Read `heat_pump=0; pv=0.85` into a dictionary; nothing gives an empty one.

    Raises
    ------
    ValueError
        The text does not have that form, or a class is unknown or a factor negative.

    Examples
    --------
    >>> parse_class_factors("heat_pump=0; pv=0.85")
    {'heat_pump': 0.0, 'pv': 0.85}
    """
    if not isinstance(text, str) or not text.strip():
        return {}
    pairs = [part.split("=") for part in text.replace(",", ";").split(";") if part.strip()]
    factors = {name.strip(): float(value) for name, value in pairs}
    classes = {
        *TABLES["loads"].column("customer_class").choices,
        *TABLES["generators"].column("kind").choices,
    }
    unknown = set(factors) - classes
    if unknown or any(not 0.0 <= value < np.inf for value in factors.values()):
        raise ValueError(f"unknown class or negative factor in {text!r}")
    return factors


RULES: tuple[Rule, ...] = (
    geometry_usable,
    references_exist,
    switches_stand_at_their_element,
    has_a_source,
    line_ends_fit,
    lines_have_length,
    transformer_sides_fit,
    transformer_figures_fit,
    couplers_join_one_voltage,
    capacitors_fit_their_bus,
    buses_are_named,
    class_factors_readable,
)
# Rules that need places in a metric CRS, or what is filled in from places.
RULES_ON_PLACES: tuple[Rule, ...] = (lines_have_length, buses_are_named)


def run_rules(tables: Tables, rules: tuple[Rule, ...]) -> pd.DataFrame:
    """Run rules over tables and stack what they find."""
    return join_findings(rule(tables) for rule in rules)


def _readable_factors(text: object) -> bool:
    try:
        parse_class_factors(text)
    except ValueError:
        return False
    return True


def _finite(geometry: gpd.array.GeometryArray) -> np.ndarray:
    coordinates, owner = shapely.get_coordinates(np.asarray(geometry), return_index=True)
    finite = np.ones(len(geometry), dtype=bool)
    finite[owner[~np.isfinite(coordinates).all(axis=1)]] = False
    return finite
