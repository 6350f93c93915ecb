"""Stored results: what is stored comes back, and a stale or damaged one never does."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

import gis
from gridmodel import (
    GridModel,
    Scenario,
    build_model,
    find_scenario,
    run_load_flow,
    store_result,
    stored_result,
)
from gridmodel.store import results_path
from tests.networks import station

TABLES = ("buses", "lines", "transformers", "loads", "sources")


@pytest.fixture
def town(tmp_path: Path) -> Path:
    return tmp_path / "town.gpkg"


@pytest.mark.parametrize("more", ["", "load Z E 5000"], ids=["converged", "not converged"])
def test_a_stored_result_comes_back_as_it_was(more: str, town: Path) -> None:
    network = station(more)
    model = build_model(network)
    result = run_load_flow(model)
    store_result(model, result, town)
    again = stored_result(network, result.scenario, town)
    assert again is not None
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(again, name), getattr(result, name), check_exact=True)
    assert again.summary() == result.summary()


def test_a_network_without_transformers_has_a_stored_result_too(town: Path) -> None:
    network = station(without=("load", "generator", "line", "transformer", "switch"))
    model = build_model(network)
    result = run_load_flow(model)
    store_result(model, result, town)
    again = stored_result(network, result.scenario, town)
    assert again is not None and again.summary() == result.summary()
    assert again.transformers.columns.tolist() == result.transformers.columns.tolist()


def changed(network: gis.Network, table: str, column: str, value: object) -> gis.Network:
    frame = network.table(table).copy()
    frame.loc[frame.index[0], column] = value
    return dataclasses.replace(network, **{table: frame})


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("loads", "p_kw", 30.001),
        ("lines", "length_m", 801.0),
        ("lines", "in_service", False),
        ("switches", "closed", False),
        ("transformers", "type_id", "0.63 MVA 20/0.4 kV"),
        ("sources", "vm_pu", 1.0),
        ("generators", "p_kw", 1.0),
        ("buses", "vn_kv", 21.0),
    ],
)
def test_a_result_of_another_network_is_stale(table: str, column: str, value: object, town: Path) -> None:
    network = station()
    model = build_model(network)
    result = run_load_flow(model)
    store_result(model, result, town)
    assert stored_result(network, result.scenario, town) is not None
    assert stored_result(changed(network, table, column, value), result.scenario, town) is None


def test_a_result_of_another_frequency_or_capacitor_is_stale(town: Path) -> None:
    network = station("capacitor Q E 20")
    model = build_model(network)
    result = run_load_flow(model)
    store_result(model, result, town)
    assert stored_result(network, result.scenario, town) is not None
    assert stored_result(changed(network, "capacitors", "q_kvar", 30.0), result.scenario, town) is None
    assert stored_result(dataclasses.replace(network, info={"f_hz": "60"}), result.scenario, town) is None


def test_a_result_of_another_scenario_is_stale(town: Path) -> None:
    network = station()
    model = build_model(network)
    result = run_load_flow(model)
    store_result(model, result, town)
    assert stored_result(network, dataclasses.replace(result.scenario, load_factor=0.9), town) is None
    assert stored_result(network, find_scenario(network, "feed_in"), town) is None


def test_a_result_of_another_catalogue_is_stale(town: Path) -> None:
    model = build_model(station())
    result = run_load_flow(model)
    store_result(model, result, town)
    stock = model.catalogue
    stronger = dataclasses.replace(stock, lines=stock.lines.assign(r_ohm_per_km=stock.lines.r_ohm_per_km / 2))
    assert stored_result(model.network, result.scenario, town, catalogue=stock) is not None
    assert stored_result(model.network, result.scenario, town, catalogue=stronger) is None


@pytest.mark.parametrize("damage", ["cut", "text", "no info"])
def test_a_damaged_result_is_none(damage: str, town: Path) -> None:
    network = station()
    model = build_model(network)
    result = run_load_flow(model)
    path = store_result(model, result, town)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:9000])
    elif damage == "text":
        path.write_text("no GeoPackage")
    else:
        gis.write_network(network, path)
    assert stored_result(network, result.scenario, town) is None


def test_a_scenario_id_never_leads_out_of_the_folder(town: Path) -> None:
    for scenario_id in ("../../evil", "/etc/passwd", "..", "a/b"):
        path = results_path(town, scenario_id)
        assert path.parent == town.with_suffix(".results")
    model = build_model(station())
    result = run_load_flow(model, Scenario(scenario_id="../x"))
    assert store_result(model, result, town).is_file()
    assert stored_result(station(), result.scenario, town) is not None


def test_results_lie_as_layers_with_geometry(town: Path) -> None:
    network = station()
    model = build_model(network)
    path = store_result(model, run_load_flow(model), town)
    lines = gpd.read_file(path, layer="lines")
    assert lines.crs == network.crs and lines.geometry.notna().all() and "loading_percent" in lines


def test_the_demo_area_brings_its_results(demo_model: GridModel, demo_path: Path, tmp_path: Path) -> None:
    scenario = find_scenario(demo_model.network, "heat_pumps")
    stored = stored_result(demo_model.network, scenario, demo_path)
    assert stored is not None
    fresh = run_load_flow(demo_model, scenario)
    pd.testing.assert_frame_equal(stored.buses, fresh.buses, rtol=0, atol=1e-9)
    shutil.copy(demo_path, tmp_path / "elsewhere.gpkg")
    assert stored_result(demo_model.network, scenario, tmp_path / "elsewhere.gpkg") is None
