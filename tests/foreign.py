"""Networks of others as canonical tables, for rules to be tried on: pandapower's, SimBench-like CSVs, ding0.

Enough of each for rules over tables; ids are row numbers, schematic places stay what they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gis import Network, make_network

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

CRS = "EPSG:25832"


def network_of(net: pandapowerNet) -> Network:
    """A pandapower net as a network; loads named alike are of one class."""
    buses = pd.DataFrame({"bus_id": net.bus.index.astype(str), "vn_kv": net.bus["vn_kv"].to_numpy()})
    places = _places(net)
    at = dict(zip(buses["bus_id"], places, strict=True))
    tables = {"buses": _points(buses, places)}
    tables["lines"] = _lines(net, at)
    if len(net.trafo):
        tables["transformers"] = _at(_transformers(net), at, "lv_bus_id")
    tables["sources"] = _at(_feeds(net), at)
    loads = pd.DataFrame(
        {
            "load_id": net.load.index.astype(str),
            "bus_id": net.load["bus"].astype(str),
            "customer_class": _classes(net.load),
            "p_kw": net.load["p_mw"] * 1000.0,
            "q_kvar": net.load["q_mvar"] * 1000.0,
            "in_service": net.load["in_service"].astype(bool),
        }
    )
    tables["loads"] = _at(loads[loads["p_kw"] >= 0.0], at)
    return make_network(tables, CRS)


def ding0_network(folder: Path) -> Network:
    """A ding0 folder: peak loads by sector, impedances per line, several conductors as one."""
    read = {p.stem: pd.read_csv(p, dtype={"name": str, "bus": str, "bus0": str, "bus1": str})
            for p in folder.glob("*.csv")}  # fmt: skip
    buses = pd.DataFrame({"bus_id": read["buses"]["name"], "vn_kv": read["buses"]["v_nom"]})
    xy = np.column_stack([450_000.0 + 70_000 * (read["buses"]["x"].fillna(8.0) - 8.0),
                          5_330_000 + 111_000 * (read["buses"]["y"].fillna(48.0) - 48.0)])  # fmt: skip
    places = shapely.points(xy)
    at = dict(zip(buses["bus_id"], places, strict=True))
    lines, kv = read["lines"], dict(zip(buses["bus_id"], buses["vn_kv"], strict=True))
    voltage = lines["bus0"].map(kv)
    frame = pd.DataFrame(
        {
            "line_id": lines["name"], "from_bus_id": lines["bus0"], "to_bus_id": lines["bus1"],
            "vn_kv": voltage, "type_id": lines["type_info"], "length_m": lines["length"] * 1000.0,
            "r_ohm_per_km": lines["r"] / lines["length"] * lines["num_parallel"],
            "x_ohm_per_km": lines["x"] / lines["length"] * lines["num_parallel"],
            "i_max_a": 1000.0 * lines["s_nom"] / (np.sqrt(3.0) * voltage) / lines["num_parallel"],
            "parallel": lines["num_parallel"],
        }
    )  # fmt: skip
    transformers = read["transformers"]
    sn_kva = transformers["s_nom"] * 1000.0
    units = pd.DataFrame(
        {
            "transformer_id": transformers["name"], "hv_bus_id": transformers["bus0"],
            "lv_bus_id": transformers["bus1"], "sn_kva": sn_kva,
            "vn_hv_kv": transformers["bus0"].map(kv), "vn_lv_kv": transformers["bus1"].map(kv),
            "vk_percent": 100.0 * np.hypot(transformers["r"], transformers["x"]),
            "vkr_percent": 100.0 * transformers["r"],
        }
    )  # fmt: skip
    station = read["transformers_hvmv"]["bus1"].iloc[[0]]
    feeds = pd.DataFrame({"source_id": ["grid"], "bus_id": station.to_numpy(), "vm_pu": [1.0]})
    sector = {"industrial": "industrial", "agricultural": "agricultural", "residential": "residential"}
    loads = pd.DataFrame(
        {
            "load_id": read["loads"]["name"], "bus_id": read["loads"]["bus"],
            "customer_class": read["loads"]["sector"].map(sector).fillna("commercial"),
            "p_kw": read["loads"]["peak_load"] * 1000.0,
            "annual_kwh": read["loads"]["annual_consumption"] * 1000.0,
        }
    )  # fmt: skip
    tables = {
        "buses": _points(buses, places), "lines": _drawn(frame, at),
        "transformers": _at(units, at, "lv_bus_id"), "sources": _at(feeds, at), "loads": _at(loads, at),
    }  # fmt: skip
    return make_network(tables, CRS)


def _lines(net: pandapowerNet, at: dict[str, object]) -> gpd.GeoDataFrame:
    line = net.line
    frame = pd.DataFrame(
        {
            "line_id": line.index.astype(str),
            "from_bus_id": line["from_bus"].astype(str),
            "to_bus_id": line["to_bus"].astype(str),
            "vn_kv": net.bus["vn_kv"].reindex(line["from_bus"]).to_numpy(),
            "type_id": line["std_type"],
            "length_m": line["length_km"] * 1000.0,
            "r_ohm_per_km": line["r_ohm_per_km"],
            "x_ohm_per_km": line["x_ohm_per_km"],
            "c_nf_per_km": line["c_nf_per_km"],
            "i_max_a": (line["max_i_ka"] * 1000.0).where(line["max_i_ka"] < 10.0, 10_000.0),
            "parallel": line["parallel"],
            "in_service": line["in_service"].astype(bool),
        }
    )
    return _drawn(frame, at)


def _transformers(net: pandapowerNet) -> pd.DataFrame:
    trafo = net.trafo
    same = ("vn_hv_kv", "vn_lv_kv", "vk_percent", "vkr_percent", "pfe_kw", "i0_percent", "shift_degree")
    return pd.DataFrame(
        {
            "transformer_id": trafo.index.astype(str),
            "hv_bus_id": trafo["hv_bus"].astype(str),
            "lv_bus_id": trafo["lv_bus"].astype(str),
            "sn_kva": trafo["sn_mva"] * 1000.0,
            **{column: trafo[column] for column in same},
            "parallel": trafo["parallel"],
            "in_service": trafo["in_service"].astype(bool),
        }
    )


def _feeds(net: pandapowerNet) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "source_id": net.ext_grid.index.astype(str),
            "bus_id": net.ext_grid["bus"].astype(str),
            "vm_pu": net.ext_grid["vm_pu"],
        }
    )


def _classes(load: pd.DataFrame) -> np.ndarray:
    """Class by the name's first letters, as CIGRE and SimBench have them."""
    name = load["name"].fillna("").astype(str)
    return np.select(
        [name.str.contains("Load R|H0|HH", regex=True), name.str.contains("Load I|Industr", regex=True),
         name.str.contains("Load C|CI|G[0-9]", regex=True)],
        ["residential", "industrial", "commercial"], "other",
    )  # fmt: skip


def _places(net: pandapowerNet) -> np.ndarray:
    return np.asarray(
        shapely.points(np.column_stack([np.arange(len(net.bus)) * 50.0, np.zeros(len(net.bus))]))
    )


def _points(frame: pd.DataFrame, places: np.ndarray) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(frame, geometry=places, crs=CRS)


def _at(frame: pd.DataFrame, at: dict[str, object], bus: str = "bus_id") -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(frame, geometry=frame[bus].map(at).to_numpy(), crs=CRS)


def _drawn(frame: pd.DataFrame, at: dict[str, object]) -> gpd.GeoDataFrame:
    ends = np.stack([shapely.get_coordinates(frame[end].map(at).to_numpy()) for end in
                     ("from_bus_id", "to_bus_id")], axis=1)  # fmt: skip
    return gpd.GeoDataFrame(frame, geometry=shapely.linestrings(ends), crs=CRS)
