"""Radial systems of any size, drawn by lot straight into arrays and a pandapower net.

`gis.examples.synthetic_network` draws what a file would hold, geometry and ids included; this draws only
what a load flow needs, with a whole utility's levels: a million buses take seconds. For benchmarks and tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from gridmodel.build import fill_table, new_net
from gridmodel.catalogue import read_catalogue

if TYPE_CHECKING:
    import pandas as pd
    from pandapower.auxiliary import pandapowerNet

# Shape and size of a German suburb's grid, engineering judgement: a 110/20 kV station has ten 20 kV feeders
# of eight stations; a 20/0.4 kV station has five feeders of ten cabinets, each cabinet one house.
MV_FEEDERS: Final = 10
STATIONS_PER_PRIMARY: Final = 80
LV_FEEDERS: Final = 5
CABINETS_PER_STATION: Final = 50
MV_SECTION_M: Final = (300.0, 1100.0)
LV_SECTION_M: Final = (25.0, 85.0)
SERVICE_M: Final = (8.0, 30.0)
# Peak demand of a house beside its neighbours' [kW]: electric heating and a charging point in some of them.
# Chosen so that the lowest voltage is about 0.93 pu, as in a grid that needs planning.
HOUSE_KW: Final = (1.5, 9.5)
COS_PHI: Final = 0.97
SOURCE_VM_PU: Final = 1.02

_LINE_TYPES: Final = ("NA2XS2Y 1x240 RM/25 12/20 kV", "NAYY 4x150 SE", "NAYY 4x50 SE")
_TRANSFORMER_TYPES: Final = ("40 MVA 110/20 kV", "0.4 MVA 20/0.4 kV")
_LEVELS_KV: Final = (110.0, 20.0, 20.0, 0.4, 0.4, 0.4)
_FEWEST_BUSES: Final = 6


@dataclass(frozen=True, eq=False)
class RadialSystem:
    """A radial system as arrays: bus numbers from the source outwards, bus 0 is the 110 kV source.

    Attributes
    ----------
    vn_kv
        Nominal voltage per bus [kV].
    line_from, line_to, line_m, line_type
        Buses, length [m] and type (a row of `line_types`) per line.
    transformer_hv, transformer_lv, transformer_type
        Buses and type (a row of `transformer_types`) per transformer; every type turns by 150 degrees.
    load_bus, load_kw, load_kvar
        Bus, active power [kW] and reactive power [kvar] per load.
    line_types, transformer_types
        Rows of the shipped catalogue (`gridmodel.read_catalogue`), with their sources.
    """

    vn_kv: np.ndarray
    line_from: np.ndarray
    line_to: np.ndarray
    line_m: np.ndarray
    line_type: np.ndarray
    transformer_hv: np.ndarray
    transformer_lv: np.ndarray
    transformer_type: np.ndarray
    load_bus: np.ndarray
    load_kw: np.ndarray
    load_kvar: np.ndarray
    line_types: pd.DataFrame
    transformer_types: pd.DataFrame


def radial_system(buses: int, seed: int = 0) -> RadialSystem:
    """Draw a radial 110/20/0.4 kV system by lot: the same for the same seed.

    Imitates a suburb, no real place; solvable at any size, lowest voltage about 0.93 pu once its first
    110/20 kV station is full (8,162 buses).

    Parameters
    ----------
    buses
        Number of buses [6..].
    seed
        Seed of the lot: lengths and loads.

    Returns
    -------
    RadialSystem
        Exactly `buses` buses, one branch less.

    Raises
    ------
    ValueError
        Fewer than 6 buses.

    Notes
    -----
    ::

        source 110 kV       20 kV feeder (10)             0.4 kV feeder (5 a station)
          o==(+)==o---------o---------o- ... -o==(+)==o-------o-------o- ...  cabinets
                  primary   station                           |       |
                  (one a 80 stations)                         *       *       houses

    Examples
    --------
    >>> system = radial_system(1000, seed=1)
    >>> len(system.vn_kv), len(system.line_to) + len(system.transformer_lv)
    (1000, 999)
    """
    if buses < _FEWEST_BUSES:
        raise ValueError(f"buses = {buses}; a system needs at least {_FEWEST_BUSES}, from source to house")
    lot = np.random.default_rng(seed)
    catalogue = read_catalogue()
    counts = _counts(buses)
    first = np.concatenate([[0], np.cumsum(counts)])
    sections = _sections(counts, first)
    steps = _transformers(counts, first)
    load_kw = lot.uniform(*HOUSE_KW, counts[-1])
    return RadialSystem(
        vn_kv=np.repeat(_LEVELS_KV, counts),
        line_from=np.concatenate([start for start, _ in sections]),
        line_to=np.concatenate([end for _, end in sections]),
        line_m=_lengths_m(sections, lot),
        line_type=np.repeat([0, 1, 2], [len(end) for _, end in sections]),
        transformer_hv=np.concatenate([hv for hv, _ in steps]),
        transformer_lv=np.concatenate([lv for _, lv in steps]),
        transformer_type=np.repeat([0, 1], [len(lv) for _, lv in steps]),
        load_bus=first[5] + np.arange(counts[-1]),
        load_kw=load_kw,
        load_kvar=load_kw * np.tan(np.arccos(COS_PHI)),
        line_types=catalogue.lines.loc[list(_LINE_TYPES)],
        transformer_types=catalogue.transformers.loc[list(_TRANSFORMER_TYPES)],
    )


def radial_net(system: RadialSystem) -> pandapowerNet:
    """Make the pandapower net of a radial system, whole columns at once.

    Examples
    --------
    >>> net = radial_net(radial_system(100))
    >>> len(net.bus), len(net.line), len(net.trafo), len(net.load)
    (100, 97, 2, 48)
    """
    net = new_net(50.0)
    fill_table(net, "bus", {"vn_kv": system.vn_kv, "type": "b", "in_service": _all(system.vn_kv)})
    fill_table(net, "line", _line_columns(system))
    fill_table(net, "trafo", _transformer_columns(system))
    fill_table(net, "load", _load_columns(system))
    source = {"bus": [0], "vm_pu": SOURCE_VM_PU, "va_degree": 0.0, "slack_weight": 1.0, "in_service": [True]}
    fill_table(net, "ext_grid", source)
    return net


def _counts(buses: int) -> np.ndarray:
    """Buses per level: source, primaries, stations at 20 kV, stations at 0.4 kV, cabinets, houses."""
    per_station = 2 + 2 * CABINETS_PER_STATION + 1 / STATIONS_PER_PRIMARY
    stations = int(np.ceil((buses - 1) / per_station))
    primaries = -(-stations // STATIONS_PER_PRIMARY)
    low = buses - 1 - primaries - 2 * stations
    return np.array([1, primaries, stations, stations, (low + 1) // 2, low // 2])


def _sections(counts: np.ndarray, first: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Start and end bus of the lines between stations, between cabinets, and to the houses."""
    _, _, stations, _, cabinets, houses = (np.arange(count) for count in counts)
    within, at = stations % STATIONS_PER_PRIMARY, first[1] + stations // STATIONS_PER_PRIMARY
    before = first[2] + stations - MV_FEEDERS
    lv_within, lv_at = cabinets % CABINETS_PER_STATION, first[3] + cabinets // CABINETS_PER_STATION
    lv_before = first[4] + cabinets - LV_FEEDERS
    return [
        (np.where(within < MV_FEEDERS, at, before), first[2] + stations),
        (np.where(lv_within < LV_FEEDERS, lv_at, lv_before), first[4] + cabinets),
        (first[4] + houses, first[5] + houses),
    ]


def _transformers(counts: np.ndarray, first: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Upper and lower bus of the 110/20 kV transformers and of the stations'."""
    primaries, stations = np.arange(counts[1]), np.arange(counts[2])
    return [(np.zeros_like(primaries), first[1] + primaries), (first[2] + stations, first[3] + stations)]


def _lengths_m(sections: list[tuple[np.ndarray, np.ndarray]], lot: np.random.Generator) -> np.ndarray:
    ranges_m = (MV_SECTION_M, LV_SECTION_M, SERVICE_M)
    drawn = [lot.uniform(*range_m, len(end)) for (_, end), range_m in zip(sections, ranges_m, strict=True)]
    return np.concatenate(drawn)


def _all(rows: np.ndarray) -> np.ndarray:
    return np.ones(len(rows), dtype=bool)


def _line_columns(system: RadialSystem) -> dict[str, object]:
    types = system.line_types
    figures = {
        c: types[c].to_numpy()[system.line_type] for c in ("r_ohm_per_km", "x_ohm_per_km", "c_nf_per_km")
    }
    return {
        **figures,
        "std_type": types.index.to_numpy()[system.line_type],
        "from_bus": system.line_from,
        "to_bus": system.line_to,
        "length_km": system.line_m / 1000.0,
        "g_us_per_km": 0.0,
        "max_i_ka": types["i_max_a"].to_numpy()[system.line_type] / 1000.0,
        "df": 1.0,
        "parallel": 1,
        "in_service": _all(system.line_to),
    }


def _transformer_columns(system: RadialSystem) -> dict[str, object]:
    types = system.transformer_types
    same = ("vn_hv_kv", "vn_lv_kv", "vk_percent", "vkr_percent", "pfe_kw", "i0_percent", "shift_degree")
    return {
        **{column: types[column].to_numpy()[system.transformer_type] for column in same},
        "std_type": types.index.to_numpy()[system.transformer_type],
        "hv_bus": system.transformer_hv,
        "lv_bus": system.transformer_lv,
        "sn_mva": types["sn_kva"].to_numpy()[system.transformer_type] / 1000.0,
        "tap_changer_type": None,
        "parallel": 1,
        "df": 1.0,
        "in_service": _all(system.transformer_lv),
    }


def _load_columns(system: RadialSystem) -> dict[str, object]:
    constant_power = ("const_z_p_percent", "const_i_p_percent", "const_z_q_percent", "const_i_q_percent")
    return {
        **dict.fromkeys(constant_power, 0.0),
        "bus": system.load_bus,
        "p_mw": system.load_kw / 1000.0,
        "q_mvar": system.load_kvar / 1000.0,
        "scaling": 1.0,
        "in_service": _all(system.load_bus),
    }
