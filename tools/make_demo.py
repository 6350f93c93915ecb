"""Make the demo area `data/schutterwald.gpkg` from networks inside pandapower; nothing is downloaded.

mv_oberrhein (20 kV, real places) with lv_schutterwald (14 low-voltage areas of one village) stitched on.
The LV transformer named T_idx_47 hangs on MV bus 47; 13 of 14 have their MV bus; T_idx_ZUSATZ needs a
stub from MV bus 71. Where an LV area is stitched on, the aggregated station load goes out of service.

Run: `python tools/make_demo.py`. Stored results are then made by `feederplan loadflow`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandapower as pp
import pandapower.networks as pn
import pandas as pd
import shapely

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import gis  # noqa: E402
import gridmodel  # noqa: E402
from gridmodel.store import store_result  # noqa: E402

CRS = "EPSG:25832"
LV_OFFSET = 100_000  # both networks number from 0
EXTRA_STATION, EXTRA_FROM_MV_BUS, EXTRA_STUB_M = "T_idx_ZUSATZ", 71, 356.0
STUB_TYPE = "NA2XS2Y 1x185 RM/25 12/20 kV"
MAIN_TYPE = "NAYY 4x150 SE"
KINDS = {"CB": "circuit_breaker", "LBS": "load_break"}
CLASSES = {"HH": "residential", "HP": "heat_pump", "MV/LV Station": "mixed", "MV Load": "industrial"}
INFO = {
    "name": "Schutterwald and Oberrhein (demo area)",
    "attribution": "pandapower; (c) OpenStreetMap contributors",
    "credits": (
        "Networks: pandapower mv_oberrhein and lv_schutterwald (BSD-3-Clause; Kisse et al., "
        "Energies 2020, 13, 4052). House points: (c) OpenStreetMap contributors, ODbL."
    ),
    "demo": "yes",
}
# Three developments people could ask about: name, homes, heat pumps, EV points, place, size.
SITES = (
    ("site-orchard", "Orchard Lane infill, 12 homes", 12, 12, 6, (7.8771, 48.4569), 30.0),
    ("site-mill", "Mill Field, 40 homes", 40, 40, 20, (7.8905, 48.4543), 60.0),
    ("site-south", "Schutterwald South, 120 homes", 120, 120, 60, (7.8840, 48.4475), 110.0),
)


def main() -> None:
    """Write the GeoPackage and the stored results of both scenarios."""
    network = demo_network()
    target = ROOT / "data" / "schutterwald.gpkg"
    gis.write_network(network, target)
    network = gis.read_network(target, rules=gridmodel.rules_for())
    model = gridmodel.build_model(network)
    for scenario in gridmodel.scenarios_of(network).values():
        result = gridmodel.run_load_flow(model, scenario)
        store_result(model, result, target)
        print(json.dumps(result.summary()))


def demo_network() -> gis.Network:
    """The demo area as canonical tables."""
    mv, lv = pn.mv_oberrhein(), pn.lv_schutterwald(include_heat_pumps=True)
    pp.toolbox.reindex_buses(lv, {bus: LV_OFFSET + bus for bus in lv.bus.index})
    pp.toolbox.reindex_elements(lv, "line", lookup={line: LV_OFFSET + line for line in lv.line.index})
    buses = pd.concat([mv.bus, lv.bus])
    names = _unique_names(buses["name"])
    tables = {
        "buses": _buses(buses, names),
        "lines": _lines(mv, lv, buses, names),
        "transformers": _transformers(mv, lv, buses, names),
        "sources": _sources(mv, names),
        "loads": _loads(mv, lv, names),
        "generators": _generators(mv, names),
        "scenarios": _scenarios(),
        "sites": _sites(),
    }
    tables["switches"] = _switches(mv, lv, names)
    places = tables["buses"].set_index("bus_id").geometry
    for name in ("transformers", "sources", "loads", "generators", "switches"):
        column = "lv_bus_id" if name == "transformers" else "bus_id"
        tables[name] = gpd.GeoDataFrame(
            tables[name], geometry=places.loc[tables[name][column]].to_numpy(), crs=CRS
        )
    tables["routes"] = _routes(tables["lines"])
    return gis.make_network(tables, CRS, info=INFO)


def _unique_names(names: pd.Series) -> pd.Series:
    """Names as ids; where a name stands twice, the rows are numbered in their order: `N3102~1`, `N3102~2`."""
    twice = names.duplicated(keep=False)
    number = names.groupby(names).cumcount() + 1
    return names.where(~twice, names + "~" + number.astype(str))


def _points(geo: pd.Series) -> gpd.GeoSeries:
    return gpd.GeoSeries(shapely.from_geojson(geo.to_numpy()), crs=4326).to_crs(CRS)


def _buses(buses: pd.DataFrame, names: pd.Series) -> gpd.GeoDataFrame:
    house = buses["name"].str.match(r"^(w|ne_|r)\d+") & (buses["vn_kv"] < 1.0)
    kind = np.where(buses["type"] == "b", "busbar", np.where(house, "service", "node"))
    columns = {"bus_id": names.to_numpy(), "vn_kv": buses["vn_kv"].to_numpy(), "kind": kind}
    return gpd.GeoDataFrame(columns, geometry=_points(buses["geo"]).to_numpy(), crs=CRS)


def _lines(
    mv: pp.pandapowerNet, lv: pp.pandapowerNet, buses: pd.DataFrame, names: pd.Series
) -> gpd.GeoDataFrame:
    lines = pd.concat([mv.line, lv.line])
    frame = gpd.GeoDataFrame(
        {
            "line_id": _unique_names(lines["name"]).to_numpy(),
            "from_bus_id": names.loc[lines["from_bus"]].to_numpy(),
            "to_bus_id": names.loc[lines["to_bus"]].to_numpy(),
            "vn_kv": buses["vn_kv"].loc[lines["from_bus"]].to_numpy(),
            "type_id": lines["std_type"].to_numpy(),
            "length_m": (lines["length_km"] * 1000.0).round(4).to_numpy(),
        },
        geometry=_points(lines["geo"]).to_numpy(),
        crs=CRS,
    )
    return pd.concat([frame, _stub(lv, buses, names)], ignore_index=True)


def _stub(lv: pp.pandapowerNet, buses: pd.DataFrame, names: pd.Series) -> gpd.GeoDataFrame:
    """The MV cable to the one station that has no MV bus of its own."""
    far = int(lv.trafo.loc[lv.trafo["name"] == EXTRA_STATION, "hv_bus"].iloc[0])
    ends = _points(buses["geo"].loc[[EXTRA_FROM_MV_BUS, far]])
    columns = {
        "line_id": ["ZUSATZ stub"],
        "from_bus_id": [names[EXTRA_FROM_MV_BUS]],
        "to_bus_id": [names[far]],
        "vn_kv": [20.0],
        "type_id": [STUB_TYPE],
        "length_m": [EXTRA_STUB_M],
    }
    return gpd.GeoDataFrame(columns, geometry=[shapely.LineString(ends.to_list())], crs=CRS)


def _transformers(
    mv: pp.pandapowerNet, lv: pp.pandapowerNet, buses: pd.DataFrame, names: pd.Series
) -> pd.DataFrame:
    rows = pd.concat([mv.trafo, lv.trafo])
    same = [
        "vn_hv_kv", "vn_lv_kv", "vk_percent", "vkr_percent", "pfe_kw", "i0_percent", "shift_degree",
        "tap_side", "tap_neutral", "tap_min", "tap_max", "tap_step_percent", "tap_pos",
    ]  # fmt: skip
    frame = rows[same].reset_index(drop=True)
    frame.insert(0, "transformer_id", rows["name"].to_numpy())
    frame["hv_bus_id"] = names.loc[rows["hv_bus"]].to_numpy()
    frame["lv_bus_id"] = names.loc[rows["lv_bus"]].to_numpy()
    frame["type_id"] = rows["std_type"].to_numpy()
    frame["sn_kva"] = (rows["sn_mva"] * 1000.0).round(6).to_numpy()
    return frame


def _stations(lv: pp.pandapowerNet) -> dict[int, int]:
    """MV bus of mv_oberrhein -> MV bus of the LV area's transformer, for the 13 that match."""
    matched = lv.trafo[lv.trafo["name"] != EXTRA_STATION]
    numbers = matched["name"].str.removeprefix("T_idx_").astype(int)
    return dict(zip(numbers, matched["hv_bus"], strict=True))


def _switches(mv: pp.pandapowerNet, lv: pp.pandapowerNet, names: pd.Series) -> pd.DataFrame:
    line_ids = _unique_names(pd.concat([mv.line, lv.line])["name"])
    switches = pd.concat([mv.switch, lv.switch])
    at_lines = pd.DataFrame(
        {
            "kind": switches["type"].map(KINDS).to_numpy(),
            "closed": switches["closed"].to_numpy(),
            "bus_id": names.loc[switches["bus"]].to_numpy(),
            "element_table": "lines",
            "element_id": line_ids.loc[switches["element"]].to_numpy(),
        }
    )
    stations = _stations(lv)
    couplers = pd.DataFrame(
        {
            "kind": "circuit_breaker",
            "closed": True,
            "bus_id": names.loc[list(stations)].to_numpy(),
            "element_table": "buses",
            "element_id": names.loc[list(stations.values())].to_numpy(),
        }
    )
    frame = pd.concat([at_lines, couplers], ignore_index=True)
    frame.insert(0, "switch_id", [f"switch-{n}" for n in range(len(frame))])
    return frame


def _sources(mv: pp.pandapowerNet, names: pd.Series) -> pd.DataFrame:
    grid = mv.ext_grid
    return pd.DataFrame(
        {
            "source_id": grid["name"].to_numpy(),
            "bus_id": names.loc[grid["bus"]].to_numpy(),
            "vm_pu": grid["vm_pu"].to_numpy(),
        }
    )


def _loads(mv: pp.pandapowerNet, lv: pp.pandapowerNet, names: pd.Series) -> pd.DataFrame:
    loads = pd.concat([mv.load, lv.load])
    coincident = loads["scaling"]
    replaced = (loads["type"] == "MV/LV Station") & loads["bus"].isin(list(_stations(lv)))
    heat_pump = loads["type"] == "HP"
    return pd.DataFrame(
        {
            "load_id": loads["name"].to_numpy(),
            "bus_id": names.loc[loads["bus"]].to_numpy(),
            "customer_class": loads["type"].map(CLASSES).to_numpy(),
            "p_kw": (loads["p_mw"] * coincident * 1000.0).round(6).to_numpy(),
            "q_kvar": (loads["q_mvar"] * coincident * 1000.0).round(6).to_numpy(),
            # A heat pump belongs to a home that is counted already; a station is one row of unknown homes.
            "customers": np.where(heat_pump, 0, 1),
            "service_kw": np.where(coincident < 1.0, loads["p_mw"] * 1000.0, np.nan),
            "in_service": (loads["in_service"] & ~replaced).to_numpy(),
        }
    )


def _generators(mv: pp.pandapowerNet, names: pd.Series) -> pd.DataFrame:
    plants = mv.sgen
    return pd.DataFrame(
        {
            "generator_id": plants["name"].to_numpy(),
            "bus_id": names.loc[plants["bus"]].to_numpy(),
            "kind": "pv",
            "p_kw": (plants["p_mw"] * 1000.0).round(6).to_numpy(),
        }
    )


def _routes(lines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Corridors: the LV mains, noded where they meet."""
    mains = lines[lines["type_id"] == MAIN_TYPE].geometry
    noded = shapely.line_merge(shapely.node(shapely.multilinestrings(list(mains))))
    parts = sorted(shapely.get_parts(noded), key=lambda part: part.coords[0])
    columns = {
        "route_id": [f"route-{n}" for n in range(len(parts))],
        "surface": "street",
        "cost_factor": 1.0,
    }
    return gpd.GeoDataFrame(columns, geometry=parts, crs=CRS)


def _sites() -> gpd.GeoDataFrame:
    middles = gpd.GeoSeries([shapely.Point(site[5]) for site in SITES], crs=4326).to_crs(CRS)
    squares = [
        middle.buffer(site[6], cap_style="square") for middle, site in zip(middles, SITES, strict=True)
    ]
    columns = ["site_id", "name", "dwellings", "heat_pumps", "ev_points"]
    frame = pd.DataFrame([site[:5] for site in SITES], columns=columns)
    return gpd.GeoDataFrame(frame.assign(status="enquiry", year=2028), geometry=squares, crs=CRS)


def _scenarios() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "scenario_id": ["base", "heat_pumps"],
            "name": ["Today, peak load", "Heat pumps in 1,251 homes, peak load"],
            "class_factors": ["heat_pump=0", None],
        }
    )


if __name__ == "__main__":
    main()
