"""ding0 grids as eDisGo 0.3.0 plans them: its data, its two worst cases at a multiple of today's power.

Every load and generator is multiplied. Both draw reactive power, at cos phi 0.90 in medium and 0.95 in low
voltage (eDisGo's default: inductive). Load case: loads 1.0, generation 0. Feed-in case: loads 0.15 in medium
and 0.10 in low voltage, solar 0.85, other generation 1.0. The slack, 1.0 pu, is the medium-voltage busbar:
the HV/MV transformer is no part of the model.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from capacity.planning.plan_cases import PlanCases, case_labels, no_switching
from gis import Network
from gis.conform import conform_table
from gis.schema import TABLES
from gis.voltage import LV_MAX_KV
from gridmodel import Catalogue, read_catalogue
from tests.foreign import ding0_network

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "02_ding0"
COS_PHI_MV, COS_PHI_LV = 0.90, 0.95
FEED_IN_LOAD_MV, FEED_IN_LOAD_LV, FEED_IN_SOLAR = 0.15, 0.10, 0.85
# The sizes that eDisGo builds: NAYY 4x1x150, NA2XS2Y 3x1x185 RM/25, 630 kVA and 40 MVA.
STANDARD_LINES = ("NAYY 4x150 SE", "NA2XS2Y 1x185 RM/25 12/20 kV", "NA2XS2Y 1x185 RM/25 6/10 kV")
STANDARD_KVA = (630.0, 40_000.0)


def ding0_grid(name: str) -> Network:
    """A grid by the name of its folder.

    Transformers that are drawn the wrong way round are turned. A ring that ding0 opens by a bus of its own
    ("virtual") is opened by a switch at the bus that it would close on: the same power flows, and the open
    point can be moved.
    """
    network = _with_open_points(ding0_network(DATA / name), pd.read_csv(DATA / name / "switches.csv"))
    units, kv = network.transformers.copy(), network.buses["vn_kv"]
    turned = (units["hv_bus_id"].map(kv) < units["lv_bus_id"].map(kv)).to_numpy()
    for one, other in (("hv_bus_id", "lv_bus_id"), ("vn_hv_kv", "vn_lv_kv")):
        units.loc[turned, [one, other]] = units.loc[turned, [other, one]].to_numpy()
    return replace(network, transformers=units)


def ding0_cases(name: str, network: Network, multiple: float = 1.0) -> PlanCases:
    """Load case and feed-in case at a multiple of the peak loads and rated generation of the folder."""
    loads = pd.read_csv(DATA / name / "loads.csv")
    generators = pd.read_csv(DATA / name / "generators.csv")
    generators = generators[generators["control"] != "Slack"]
    is_lv = (network.buses["vn_kv"] <= LV_MAX_KV).to_numpy()
    share = np.where(generators["type"] == "solar", FEED_IN_SOLAR, 1.0)
    drawn = _per_bus(network, loads["bus"], loads["peak_load"] * 1000.0 * multiple, is_lv, sign=1.0)
    fed = _per_bus(
        network, generators["bus"], generators["p_nom"] * 1000.0 * multiple * share, is_lv, sign=-1.0
    )
    names = ["load_case", "feed_in_case"]
    little = np.where(is_lv, FEED_IN_LOAD_LV, FEED_IN_LOAD_MV)
    return PlanCases(case_labels(names, names), np.stack([drawn, drawn * little + fed]), no_switching())


def standard_catalogue() -> Catalogue:
    """Of our catalogue the sizes that eDisGo builds, nothing else."""
    every = read_catalogue()
    units = every.transformers[every.transformers["sn_kva"].isin(STANDARD_KVA)]
    return Catalogue(every.lines.loc[list(STANDARD_LINES)], units)


def _with_open_points(network: Network, switches: pd.DataFrame) -> Network:
    """The network whose rings are open at switches instead of at buses of their own."""
    real = dict(zip(switches["bus_open"], switches["bus_closed"], strict=True))
    lines = network.lines.copy()
    for end in ("from_bus_id", "to_bus_id"):
        lines[end] = lines[end].replace(real)
    rows = gpd.GeoDataFrame(
        {
            "switch_id": switches["name"], "kind": "load_break", "closed": False,
            "bus_id": switches["bus_closed"], "element_table": "lines", "element_id": switches["branch"],
        },
        geometry=network.buses.geometry[switches["bus_closed"]].to_numpy(), crs=network.crs,
    )  # fmt: skip
    opened, faults = conform_table(rows, TABLES["switches"])
    if len(faults):
        raise ValueError(f"switches of the folder: {faults['message'].tolist()}")
    return replace(network, buses=network.buses.drop(index=list(real)), lines=lines, switches=opened)


def _per_bus(
    network: Network, bus: pd.Series, kw: pd.Series, is_lv: np.ndarray, *, sign: float
) -> np.ndarray:
    """Complex power drawn per bus [kVA]; reactive power is drawn by what feeds, too."""
    at = network.buses.index.get_indexer(bus)
    if (at < 0).any():
        raise ValueError(f"buses that are not in the grid: {', '.join(bus[at < 0])}")
    p_kw = np.bincount(at, kw, minlength=len(is_lv))
    return np.asarray(p_kw * (sign + 1j * np.tan(np.arccos(np.where(is_lv, COS_PHI_LV, COS_PHI_MV)))))
