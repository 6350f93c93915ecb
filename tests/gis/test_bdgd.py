"""The shipped mapping of Brazil's BDGD filings: a made-up filing becomes the network it describes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyogrio
import pytest

from gis.importer import Imported, import_tables, require_network
from gis.mapping import apply_mapping, find_mapping, recognised_profile
from gis.network import Network
from gridmodel import build_model, rules_for, run_load_flow
from tests.gis.bdgd import filing, write_filing


def imported(layers: dict[str, pd.DataFrame]) -> Imported:
    mapped = apply_mapping(layers, find_mapping("bdgd"), "filing")
    return import_tables(mapped.layers, found=mapped.findings, rules=rules_for())


@pytest.fixture(scope="module")
def network() -> Network:
    return require_network(imported(filing()), Path("filing"))


def test_connection_points_become_buses_of_their_circuit_or_transformer(network: Network) -> None:
    assert network.buses["vn_kv"].to_dict() == {
        **dict.fromkeys(["P0", "P1", "P2", "P3", "P4", "P5"], 13.8),
        **dict.fromkeys(["L1", "L2", "C1", "L9"], 0.38),
    }


def test_a_point_without_a_place_stands_at_its_neighbour_and_is_told(network: Network) -> None:
    assert network.buses.geometry["C1"] == network.buses.geometry["L2"]
    told = network.findings.query("rule == 'place_lent'")
    assert told[["element_id", "value"]].to_numpy().tolist() == [["C1", "L2"]]


def test_figures_come_from_the_code_tables_in_canonical_units(network: Network) -> None:
    transformers = network.transformers
    assert transformers["sn_kva"].to_dict() == {"T1": 75.0, "T2": 75.0}  # a bank of three times 25 kVA
    assert transformers["vkr_percent"].to_list() == pytest.approx([1100 / 750, 3 * 380 / 750])
    assert transformers["pfe_kw"].to_list() == pytest.approx([0.295, 0.3])
    assert transformers["vk_percent"].to_list() == [3.5, 3.5]
    assert (transformers["vn_hv_kv"] == 13.8).all() and (transformers["vn_lv_kv"] == 0.38).all()
    lines = network.lines
    assert set(lines.index) == {"SSDMT-S1", "SSDMT-S2", "SSDMT-S3", "SSDMT-S4", "SSDBT-S1", "RAMLIG-R1"}
    assert lines.loc["SSDBT-S1", ["r_ohm_per_km", "i_max_a", "length_m"]].to_list() == [0.5, 157.0, 90.0]
    assert network.switches["closed"].to_dict() == {"UNSEMT-K1": True, "UNSEMT-K2": False}
    assert network.sources["vm_pu"].to_list() == [1.02]


def test_energy_becomes_power_by_the_load_curve(network: Network) -> None:
    # Mean of the week: 5 days of 2, one of 1, one of 2; the peak is 4. 8,760 kWh a year are 1 kW in the mean.
    house = 1.0 * 4.0 / ((5 * 2.0 + 1.0 + 2.0) / 7.0)
    assert network.loads["p_kw"].to_dict() == pytest.approx(
        {"UCBT-1": house, "UCBT-2": 4.0, "UCMT-1": 112.0, "PIP-9": 0.114}
    )
    assert network.loads["customer_class"].to_dict() == {
        "UCBT-1": "residential", "UCBT-2": "commercial", "UCMT-1": "industrial", "PIP-9": "public",
    }  # fmt: skip
    assert network.findings.query("rule == 'no_curve'")["element_id"].to_list() == ["UCBT-2", "PIP-9"]
    assert network.generators["p_kw"].to_dict() == {"UGBT-G": 3.0}


def test_what_is_not_modelled_is_told(network: Network) -> None:
    phases = network.findings.query("rule == 'phases'")
    assert phases[["table", "element_id", "value"]].to_numpy().tolist() == [
        ["lines", "SSDBT-S1", "ABN"],
        ["loads", "UCBT-1", "AN"],
    ]
    assert network.quarantine[["element_id", "rule"]].to_numpy().tolist() == [["UCBT-4", "unknown_reference"]]
    said = " ".join(network.findings["message"])
    assert "1 rows of layer 'UNTRAT' are not modelled" in said
    assert "1 of 4 rows of layer 'UCBT_tab' are left out" in said


def test_a_file_geodatabase_is_the_same_network_and_is_recognised(network: Network, tmp_path: Path) -> None:
    path = write_filing(tmp_path / "f.gdb")
    layers = {str(name): pyogrio.read_dataframe(path, layer=name) for name, _ in pyogrio.list_layers(path)}
    assert recognised_profile(layers) == "bdgd"
    again = require_network(imported(layers), path)
    assert again.loads["p_kw"].to_dict() == pytest.approx(network.loads["p_kw"].to_dict())
    columns = ["from_bus_id", "to_bus_id", "vn_kv", "length_m"]
    pd.testing.assert_frame_equal(again.lines[columns], network.lines[columns])


def test_it_solves_and_its_kilowatts_add_up(network: Network) -> None:
    result = run_load_flow(build_model(network))
    read_kw = network.loads["p_kw"].sum() + network.quarantine["p_kw"].sum()
    assert result.status == "converged"
    assert result.loads["served_kw"].sum() + network.quarantine["p_kw"].sum() == pytest.approx(read_kw)
    assert result.lines.loc["SSDMT-S4", "p_from_kw"] == pytest.approx(
        -112.0, abs=1.0
    )  # the mill, from its side


def test_a_filing_without_low_voltage_or_curves_is_read() -> None:
    bare = ("SSDBT", "RAMLIG", "UGBT_tab", "UCBT_tab", "PIP", "CRVCRG")
    kept = require_network(imported({n: f for n, f in filing().items() if n not in bare}), Path("filing"))
    assert kept.loads["p_kw"].to_list() == [112.0]
