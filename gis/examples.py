"""Networks for tests, documentation and benchmarks: written in text, or drawn by lot.

Nothing here reads files, and no other module depends on it.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gis.conform import empty_table
from gis.errors import InputError
from gis.findings import make_findings
from gis.network import Network, make_network
from gis.schema import TABLES

CRS: Final = "EPSG:25832"
ORIGIN_XY: Final = (450_000.0, 5_360_000.0)
BUS_SPACING_M: Final = 50.0


@dataclass(frozen=True)
class _Statement:
    """One kind of line: its table, the columns of its words in order, how many are needed, and defaults."""

    table: str
    words: tuple[str, ...]
    needed: int
    defaults: tuple[tuple[str, object], ...] = ()


_RESIDENTIAL: Final = (("customer_class", "residential"),)
_STATEMENTS: Final = {
    "bus": _Statement("buses", ("bus_id", "vn_kv", "x", "y"), 2),
    "source": _Statement("sources", ("source_id", "bus_id", "vm_pu"), 2, (("vm_pu", 1.0),)),
    "transformer": _Statement("transformers", ("transformer_id", "hv_bus_id", "lv_bus_id", "type_id"), 3),
    "line": _Statement("lines", ("line_id", "from_bus_id", "to_bus_id", "length_m", "type_id"), 4),
    "load": _Statement(
        "loads", ("load_id", "bus_id", "p_kw", "customer_class", "customers"), 3, _RESIDENTIAL
    ),
    "generator": _Statement("generators", ("generator_id", "bus_id", "p_kw", "kind"), 3, (("kind", "pv"),)),
    "capacitor": _Statement("capacitors", ("capacitor_id", "bus_id", "q_kvar"), 3),
    "switch": _Statement(
        "switches",
        ("switch_id", "closed", "bus_id", "element_table", "element_id"),
        5,
        (("kind", "load_break"),),
    ),
    "scenario": _Statement("scenarios", ("scenario_id", "name"), 1),
}
_AT_BUS: Final = ("sources", "loads", "generators", "capacitors", "switches")
_PLACED_AT: Final = {**dict.fromkeys(_AT_BUS, "bus_id"), "transformers": "lv_bus_id"}


def network_from_text(text: str) -> Network:
    """Make a network from a few lines of text, one element a line.

    Does not judge the network: ids that refer to nothing and unknown types are left to the rules.
    Buses without coordinates stand 50 m apart in a row, in the order of the text, in EPSG:25832.

    Parameters
    ----------
    text
        Statements; words in brackets may be left out, `#` starts a comment, quotes hold blanks::

            bus A 20 [x y]                                  vn_kv [kV], coordinates [m]
            source S A [vm_pu]                              1.0 pu
            transformer T A B ["0.4 MVA 20/0.4 kV"]
            line L B C 50 ["NAYY 4x150 SE"]                 length_m [m]; vn_kv is that of the first bus
            load H C 5 [residential [customers]]            p_kw [kW]
            generator G C 10 [pv]                           p_kw [kW]
            capacitor K C 100                               q_kvar, positive capacitive
            switch W open|closed C lines L                  at bus C, in line L
            scenario winter [name]

        Every statement takes further columns of its table at its end: `parallel=2`, `q_kvar=0`.

    Returns
    -------
    Network
        Metric CRS EPSG:25832; straight lines between buses.

    Raises
    ------
    InputError
        A statement is unknown or too short, or a cell cannot be read; every line is named.

    Examples
    --------
    >>> network = network_from_text('''
    ...     bus B 0.4
    ...     bus C 0.4
    ...     source S B
    ...     line L B C 50 "NAYY 4x150 SE"
    ...     load H C 5 residential
    ... ''')
    >>> network.lines.loc["L", ["from_bus_id", "to_bus_id", "type_id"]].to_list()
    ['B', 'C', 'NAYY 4x150 SE']
    """
    read = _network_read(text)
    return replace(read, **{name: frame.copy() for name, frame in read.tables().items()})  # type: ignore[arg-type]


@lru_cache(maxsize=128)
def _network_read(text: str) -> Network:
    """Read once: tests ask for the same few networks again and again."""
    frames = {name: pd.DataFrame(found) for name, found in _parse(text).items()}
    return make_network(_place(frames), CRS, info={"name": "example"})


def _place(frames: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Give every element its geometry, from the buses it names."""
    buses = _place_buses(frames.get("buses", empty_table(TABLES["buses"], CRS).reset_index()))
    places = pd.Series(buses.geometry.array, buses["bus_id"]).groupby(level=0).first()
    voltages = buses.groupby("bus_id")["vn_kv"].first()
    tables: dict[str, pd.DataFrame] = {**frames, "buses": buses}
    for name, column in _PLACED_AT.items():
        if name in tables:
            tables[name] = _located(tables[name], _at(tables[name][column], places))
    if "lines" in tables:
        tables["lines"] = _drawn(tables["lines"], places, voltages)
    if "switches" in tables:
        closed = tables["switches"]["closed"].replace({"open": "false", "closed": "true"})
        tables["switches"] = tables["switches"].assign(closed=closed)
    return tables


def _parse(text: str) -> dict[str, list[dict[str, object]]]:
    """Rows per table; all lines that cannot be read are raised at once."""
    rows: dict[str, list[dict[str, object]]] = {}
    faults: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = shlex.split(line, comments=True)
        if not words:
            continue
        try:
            table, row = _parse_statement(words)
            rows.setdefault(table, []).append(row)
        except ValueError as error:
            faults[f"line {number}"] = str(error)
    if faults:
        raise InputError("text", make_findings("statement", "text", faults, list(faults.values())))
    return rows


def _parse_statement(words: list[str]) -> tuple[str, dict[str, object]]:
    name, *rest = words
    if name not in _STATEMENTS:
        raise ValueError(f"unknown statement {name!r}; write one of: {', '.join(_STATEMENTS)}")
    statement = _STATEMENTS[name]
    columns = {column.name for column in TABLES[statement.table].columns}
    named = [word.partition("=") for word in rest if word.partition("=")[0] in columns and "=" in word]
    values = [word for word in rest if not (word.partition("=")[0] in columns and "=" in word)]
    if not statement.needed <= len(values) <= len(statement.words):
        wanted = " ".join(statement.words)
        raise ValueError(f"{name} takes {statement.needed} to {len(statement.words)} words: {wanted}")
    row: dict[str, object] = dict(statement.defaults) | dict(zip(statement.words, values, strict=False))
    if name == "scenario":
        row.setdefault("name", row["scenario_id"])
    return statement.table, row | {column: value for column, _, value in named}


def _place_buses(frame: pd.DataFrame) -> gpd.GeoDataFrame:
    """Buses with their coordinates; those without stand in a row."""
    columns = frame.reindex(columns=[*frame.columns, *({"x", "y"} - set(frame.columns))])
    x = pd.to_numeric(columns["x"]).fillna(pd.Series(ORIGIN_XY[0] + BUS_SPACING_M * np.arange(len(frame))))
    y = pd.to_numeric(columns["y"]).fillna(ORIGIN_XY[1])
    plain = frame.drop(columns=["x", "y", "geometry"], errors="ignore")
    return _located(plain, shapely.points(x.to_numpy(dtype=float), y.to_numpy(dtype=float)))


def _at(bus_ids: pd.Series, places: pd.Series) -> np.ndarray:
    """Place of each bus; the origin for a bus that does not exist, which is for the rules to find."""
    known = bus_ids.map(places)
    return np.array([shapely.Point(ORIGIN_XY) if p is None or p != p else p for p in known], dtype=object)


def _drawn(lines: pd.DataFrame, places: pd.Series, voltages: pd.Series) -> gpd.GeoDataFrame:
    """Lines drawn straight between their buses, at the voltage of the first unless given."""
    ends = [_at(lines[end], places) for end in ("from_bus_id", "to_bus_id")]
    xy = np.stack([shapely.get_coordinates(list(end)).reshape(-1, 2) for end in ends], axis=1)
    known = lines["from_bus_id"].map(voltages).fillna(lines["to_bus_id"].map(voltages))
    given = lines["vn_kv"].fillna(known) if "vn_kv" in lines else known
    return _located(lines.assign(vn_kv=given), shapely.linestrings(xy))


def _located(frame: pd.DataFrame, geometry: np.ndarray) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(frame, geometry=geometry, crs=CRS)


# One station feeds 4 low-voltage feeders of 5 cabinets, each cabinet one house; a primary substation
# feeds 10 medium-voltage feeders of 8 stations. Numbers give loadings and voltages like a suburb's.
LV_FEEDERS: Final = 4
LV_LINES_PER_STATION: Final = 40
MV_FEEDERS: Final = 10
STATIONS_PER_PRIMARY: Final = 80
PRIMARY_SPACING_M: Final = 12_000.0
STATION_SPACING_M: Final = 600.0
CABINET_SPACING_M: Final = 35.0
LONGEST_DETOUR_FACTOR: Final = 1.15


def synthetic_network(lines: int, seed: int = 0) -> Network:
    """Draw a radial network of stations and customers by lot: the same for the same seed.

    Imitates a suburb, no real place: 20 kV feeders of stations, each station with 0.4 kV feeders of
    cabinets and houses. Solvable at any size; every tenth house has solar.

    Parameters
    ----------
    lines
        Number of lines wanted, medium and low voltage together [3..].
    seed
        Seed of the lot: lengths, places and loads.

    Returns
    -------
    Network
        Exactly `lines` lines; metric CRS EPSG:25832.

    Raises
    ------
    ValueError
        Fewer than 3 lines.

    Notes
    -----
    ::

        source                        T             LV feeder (4 a station)
          o====o---------o---------o=(+)=o---------o---------o  cabinets
               primary   |         station         |         |
               (80 stations in                     *         *  houses
               10 feeders)

    Examples
    --------
    >>> network = synthetic_network(100, seed=1)
    >>> len(network.lines), len(network.transformers), len(network.loads)
    (100, 3, 48)
    """
    if lines < 3:
        raise ValueError(f"lines = {lines}; a network needs at least 3: to a station, a cabinet and a house")
    lot = np.random.default_rng(seed)
    plan = _draw_plan(lines, lot)
    buses = _synthetic_buses(plan)
    tables = {
        "buses": buses,
        "lines": _synthetic_lines(plan, lot),
        "transformers": _synthetic_transformers(plan),
        "sources": _synthetic_sources(plan),
        "loads": _synthetic_loads(plan, lot),
        "generators": _synthetic_generators(plan),
        "switches": _synthetic_breakers(plan),
    }
    return make_network(tables, CRS, info={"name": f"synthetic {lines} lines, seed {seed}"})


@dataclass(frozen=True, eq=False)
class _Plan:
    """Who hangs on whom, by number, and where: `xy` arrays have one row per element.

    `station_parent` is the station before, or -1 at the primary; `main_parent` the cabinet before,
    or -1 at the station. House n hangs on cabinet n.
    """

    primary_xy: np.ndarray
    station_xy: np.ndarray
    station_primary: np.ndarray
    station_parent: np.ndarray
    cabinet_xy: np.ndarray
    cabinet_station: np.ndarray
    cabinet_parent: np.ndarray
    house_xy: np.ndarray


def _draw_plan(lines: int, lot: np.random.Generator) -> _Plan:
    stations = -(-lines // (1 + LV_LINES_PER_STATION))
    primaries = -(-stations // STATIONS_PER_PRIMARY)
    cabinets, houses = (lines - stations + 1) // 2, (lines - stations) // 2
    primary_xy = _on_grid(primaries)
    number = np.arange(stations) % STATIONS_PER_PRIMARY
    station_primary = np.arange(stations) // STATIONS_PER_PRIMARY
    station_xy = primary_xy[station_primary] + _star(number, MV_FEEDERS, STATION_SPACING_M, lot)
    cabinet_station = np.arange(cabinets) // (LV_LINES_PER_STATION // 2)
    within = np.arange(cabinets) % (LV_LINES_PER_STATION // 2)
    cabinet_xy = station_xy[cabinet_station] + _star(within, LV_FEEDERS, CABINET_SPACING_M, lot)
    return _Plan(
        primary_xy=primary_xy,
        station_xy=station_xy,
        station_primary=station_primary,
        station_parent=np.where(number < MV_FEEDERS, -1, np.arange(stations) - MV_FEEDERS),
        cabinet_xy=cabinet_xy,
        cabinet_station=cabinet_station,
        cabinet_parent=np.where(within < LV_FEEDERS, -1, np.arange(cabinets) - LV_FEEDERS),
        house_xy=cabinet_xy[:houses] + lot.uniform(6.0, 14.0, (houses, 2)),
    )


def _on_grid(count: int) -> np.ndarray:
    across = int(np.ceil(np.sqrt(count)))
    row, column = np.divmod(np.arange(count), across)
    return np.array(ORIGIN_XY) + PRIMARY_SPACING_M * np.column_stack([column, row])


def _star(number: np.ndarray, arms: int, spacing_m: float, lot: np.random.Generator) -> np.ndarray:
    """Offsets along the arms of a star, in order: arm by arm first, then outwards."""
    distance_m = spacing_m * (1 + number // arms) * lot.uniform(0.95, 1.05, len(number))
    angle = 2.0 * np.pi * (number % arms) / arms + lot.uniform(-0.05, 0.05, len(number))
    return distance_m[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])


def _ids(prefix: str, numbers: np.ndarray) -> np.ndarray:
    return np.array([f"{prefix}-{number}" for number in numbers], dtype=object)


def _synthetic_buses(plan: _Plan) -> gpd.GeoDataFrame:
    groups = (
        ("primary", plan.primary_xy, 20.0, "busbar"),
        ("station-mv", plan.station_xy, 20.0, "busbar"),
        ("station", plan.station_xy, 0.4, "busbar"),
        ("cabinet", plan.cabinet_xy, 0.4, "cabinet"),
        ("house", plan.house_xy, 0.4, "service"),
    )
    parts = [
        pd.DataFrame({"bus_id": _ids(prefix, np.arange(len(xy))), "vn_kv": vn_kv, "kind": kind})
        for prefix, xy, vn_kv, kind in groups
    ]
    return _located(pd.concat(parts, ignore_index=True), shapely.points(np.vstack([g[1] for g in groups])))


def _synthetic_lines(plan: _Plan, lot: np.random.Generator) -> gpd.GeoDataFrame:
    """Lines from primary or station to station, from station or cabinet to cabinet, and to the houses."""
    counts = [len(xy) for xy in (plan.station_xy, plan.cabinet_xy, plan.house_xy)]
    stations, cabinets, houses = map(np.arange, counts)
    first, lv_first = plan.station_parent < 0, plan.cabinet_parent < 0
    at, before = plan.station_primary, plan.station_parent
    lv_at, lv_before = plan.cabinet_station, plan.cabinet_parent
    mv_ids = np.where(first, _ids("primary", at), _ids("station-mv", before))
    lv_ids = np.where(lv_first, _ids("station", lv_at), _ids("cabinet", lv_before))
    mv_from = np.where(first[:, None], plan.primary_xy[at], plan.station_xy[before])
    lv_from = np.where(lv_first[:, None], plan.station_xy[lv_at], plan.cabinet_xy[lv_before])
    starts = np.vstack([mv_from, lv_from, plan.cabinet_xy[houses]])
    ends = np.vstack([plan.station_xy, plan.cabinet_xy, plan.house_xy])
    straight_m = np.hypot(*(ends - starts).T)
    columns = {
        "line_id": np.concatenate([_ids("mv", stations), _ids("main", cabinets), _ids("service", houses)]),
        "from_bus_id": np.concatenate([mv_ids, lv_ids, _ids("cabinet", houses)]),
        "to_bus_id": np.concatenate(
            [_ids("station-mv", stations), _ids("cabinet", cabinets), _ids("house", houses)]
        ),
        "vn_kv": np.repeat([20.0, 0.4, 0.4], counts),
        "type_id": np.repeat(["NA2XS2Y 1x185 RM/25 12/20 kV", "NAYY 4x150 SE", "NAYY 4x50 SE"], counts),
        "length_m": straight_m * lot.uniform(1.0, LONGEST_DETOUR_FACTOR, sum(counts)),
    }
    return _located(pd.DataFrame(columns), shapely.linestrings(np.stack([starts, ends], axis=1)))


def _synthetic_transformers(plan: _Plan) -> gpd.GeoDataFrame:
    stations = np.arange(len(plan.station_xy))
    columns = {
        "transformer_id": _ids("T", stations),
        "hv_bus_id": _ids("station-mv", stations),
        "lv_bus_id": _ids("station", stations),
        "type_id": "0.4 MVA 20/0.4 kV",
    }
    return _located(pd.DataFrame(columns), shapely.points(plan.station_xy))


def _synthetic_sources(plan: _Plan) -> gpd.GeoDataFrame:
    primaries = np.arange(len(plan.primary_xy))
    columns = {"source_id": _ids("source", primaries), "bus_id": _ids("primary", primaries), "vm_pu": 1.02}
    return _located(pd.DataFrame(columns), shapely.points(plan.primary_xy))


def _synthetic_loads(plan: _Plan, lot: np.random.Generator) -> gpd.GeoDataFrame:
    houses = np.arange(len(plan.house_xy))
    columns = {
        "load_id": _ids("load", houses),
        "bus_id": _ids("house", houses),
        "customer_class": "residential",
        "p_kw": lot.uniform(1.0, 5.0, len(houses)).round(3),
    }
    return _located(pd.DataFrame(columns), shapely.points(plan.house_xy))


def _synthetic_generators(plan: _Plan) -> gpd.GeoDataFrame:
    roofs = np.arange(0, len(plan.house_xy), 10)
    columns = {"generator_id": _ids("pv", roofs), "bus_id": _ids("house", roofs), "kind": "pv", "p_kw": 8.0}
    return _located(pd.DataFrame(columns), shapely.points(plan.house_xy[roofs]))


def _synthetic_breakers(plan: _Plan) -> gpd.GeoDataFrame:
    """A closed circuit breaker at the head of every medium-voltage feeder."""
    heads = np.flatnonzero(plan.station_parent < 0)
    columns = {
        "switch_id": _ids("breaker", heads),
        "kind": "circuit_breaker",
        "closed": True,
        "bus_id": _ids("primary", plan.station_primary[heads]),
        "element_table": "lines",
        "element_id": _ids("mv", heads),
    }
    return _located(pd.DataFrame(columns), shapely.points(plan.primary_xy[plan.station_primary[heads]]))
