"""What must not change a result, from imported file to load flow: one grid, written in many ways."""

from __future__ import annotations

import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis import Network, make_network
from gis.examples import synthetic_network
from gis.importer import import_file, import_tables, require_network
from gridmodel import LoadFlowResult, build_model, run_load_flow
from gridmodel.scenario import Scenario
from tests.networks import raw_layers, write_raw

Layers = dict[str, pd.DataFrame]
NETWORK = synthetic_network(25)
FEW = settings(max_examples=5, deadline=None)
BUS_COLUMNS = ("bus_id", "from_bus_id", "to_bus_id", "hv_bus_id", "lv_bus_id")
OUTER_FOLDER = Path("memory")


def imported(layers: Layers) -> Network:
    return require_network(import_tables(layers), OUTER_FOLDER)


def solved(network: Network, scenario: Scenario | None = None) -> LoadFlowResult:
    return run_load_flow(build_model(network), scenario or Scenario(generation_factor=0.3))


PLAIN = solved(NETWORK)


def rewritten(network: Network, names: dict[str, str], lot: np.random.Generator) -> Layers:
    """The network with other bus ids, rows in any order and about half of its lines turned round."""
    layers = {}
    for table, raw in raw_layers(network).items():
        frame = raw.iloc[lot.permutation(len(raw))].reset_index(drop=True)
        layers[table] = frame.assign(**{c: frame[c].map(names) for c in BUS_COLUMNS if c in frame})
    lines, turned = layers["lines"], lot.random(len(layers["lines"])) < 0.5
    ends = lines[["from_bus_id", "to_bus_id"]].to_numpy()
    ends[turned] = ends[turned][:, ::-1]
    geometry = np.where(turned, shapely.reverse(lines.geometry.array), np.asarray(lines.geometry.array))
    layers["lines"] = lines.assign(from_bus_id=ends[:, 0], to_bus_id=ends[:, 1]).set_geometry(
        gpd.GeoSeries(geometry, crs=network.crs)
    )
    return layers


@FEW
@given(st.integers(0, 2**32 - 1))
def test_other_ids_another_order_and_lines_turned_round_change_nothing(seed: int) -> None:
    lot = np.random.default_rng(seed)
    buses = NETWORK.buses.index
    names = dict(zip(buses, (f"n{number}" for number in lot.permutation(len(buses))), strict=True))
    other = solved(imported(rewritten(NETWORK, names, lot)))
    vm_pu = other.buses["vm_pu"].loc[buses.map(names)]
    np.testing.assert_allclose(vm_pu, PLAIN.buses["vm_pu"], rtol=0, atol=1e-9)
    assert other.loss_kw == pytest.approx(PLAIN.loss_kw, abs=1e-6)


@FEW
@given(st.integers(0, len(NETWORK.lines) - 1), st.floats(0.05, 0.95))
def test_a_line_without_shunt_cut_in_two_changes_no_voltage(position: int, share: float) -> None:
    bare = raw_layers(NETWORK)
    bare["lines"] = bare["lines"].assign(c_nf_per_km=0.0)
    whole = solved(imported(bare))
    cut = solved(imported(with_line_cut(bare, position, share)))
    np.testing.assert_allclose(
        cut.buses["vm_pu"].loc[whole.buses.index], whole.buses["vm_pu"], rtol=0, atol=1e-9
    )
    assert cut.loss_kw == pytest.approx(whole.loss_kw, abs=1e-6)


def with_line_cut(layers: Layers, position: int, share: float) -> Layers:
    """The layers with a new bus on one line, at a share of its length."""
    lines, buses = layers["lines"], layers["buses"]
    row = lines.iloc[[position]]
    where = row.geometry.iloc[0].interpolate(share, normalized=True)
    first = row.assign(to_bus_id="cut", length_m=share * row["length_m"])
    second = row.assign(line_id="cut", from_bus_id="cut", length_m=(1.0 - share) * row["length_m"])
    switches = layers["switches"]
    at_end = (switches["element_id"] == row["line_id"].iloc[0]) & (
        switches["bus_id"] == row["to_bus_id"].iloc[0]
    )
    bus = buses.iloc[[0]].assign(bus_id="cut", name=None, vn_kv=row["vn_kv"].iloc[0], kind="node")
    return {
        **layers,
        "buses": pd.concat([buses, bus.set_geometry([where], crs=buses.crs)], ignore_index=True),
        "lines": pd.concat([lines.drop(index=row.index), first, second], ignore_index=True),
        "switches": switches.assign(element_id=switches["element_id"].mask(at_end, "cut")),
    }


IN_OTHER_UNITS = """
name = "other units"
[[tables]]
table = "loads"
layer = "loads"
[tables.columns]
load_id = "load_id"
bus_id = "bus_id"
customer_class = "customer_class"
customers = "customers"
p_kw = {{ column = "power", factor = {factor} }}
"""


@settings(max_examples=3, deadline=None)
@given(st.sampled_from([1e-3, 1.0, 1e3]))
def test_demand_in_any_unit_is_the_same_demand_through_its_factor(factor: float) -> None:
    layers = raw_layers(NETWORK)
    layers["loads"] = layers["loads"].assign(power=layers["loads"]["p_kw"] / factor).drop(columns="p_kw")
    whole = "\n".join(
        f'[[tables]]\ntable = "{table}"\nlayer = "{table}"\n[tables.columns]\n'
        + "\n".join(f'{c} = "{c}"' for c in layers[table].columns if c != "geometry")
        for table in layers
        if table != "loads"
    )
    with tempfile.TemporaryDirectory() as folder:
        path = write_raw(layers, Path(folder) / "grid.gpkg")
        mapping = Path(folder) / "units.toml"
        mapping.write_text(IN_OTHER_UNITS.format(factor=factor) + whole, encoding="utf-8")
        network = require_network(import_file(path, mapping=mapping), path)
    np.testing.assert_allclose(network.loads["p_kw"], NETWORK.loads["p_kw"], rtol=1e-12)
    np.testing.assert_allclose(solved(network).buses["vm_pu"], PLAIN.buses["vm_pu"], rtol=0, atol=1e-9)


@pytest.mark.parametrize("crs", [4326, 4258, 4314, 25832, 32632, 31467, 3044])
def test_a_grid_in_any_system_has_its_lengths(crs: int) -> None:
    layers = {name: frame.to_crs(crs) for name, frame in raw_layers(NETWORK).items()}
    network = imported(layers)
    drawn_m = shapely.length(network.lines.geometry.array)
    true_m = shapely.length(NETWORK.lines.geometry.array)
    np.testing.assert_allclose(drawn_m, true_m, rtol=1e-3)


@FEW
@given(st.integers(0, len(NETWORK.lines) - 1), st.floats(0.0, 1.0))
def test_whichever_line_is_open_demand_is_served_or_unserved_and_power_adds_up(
    position: int, generation: float
) -> None:
    layers = raw_layers(NETWORK)
    in_service = np.arange(len(layers["lines"])) != position
    layers["lines"] = layers["lines"].assign(in_service=in_service)
    result = solved(imported(layers), Scenario(generation_factor=generation))
    assert result.converged and result.demand_kw == pytest.approx(PLAIN.demand_kw)
    assert result.served_kw + result.unserved_kw == pytest.approx(result.demand_kw, abs=1e-6)
    surplus_kw = result.sources["p_kw"].sum() + result.generation_kw - result.served_kw - result.loss_kw
    assert abs(surplus_kw) < 1e-3  # 1e-6 MW


def test_the_networks_here_are_whole() -> None:
    """The properties would hold of an empty grid too."""
    assert PLAIN.converged and PLAIN.generation_kw > 0.0 and PLAIN.loss_kw > 0.0
    assert make_network(raw_layers(NETWORK), NETWORK.crs).equals(imported(raw_layers(NETWORK)))
