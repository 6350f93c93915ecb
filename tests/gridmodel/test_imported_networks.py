"""Networks of other houses, imported through shipped mappings, solve as they do at home."""

from __future__ import annotations

import csv
import dataclasses
import importlib.util
import json
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandapower
import pandapower.networks
import pandas as pd
import pytest

from gis.importer import import_file, require_network
from gis.network import Network
from gridmodel import LoadFlowResult, Scenario, build_model, rules_for, run_load_flow


def imported(path: Path, **options: str) -> Network:
    return require_network(import_file(path, rules=rules_for(), **options), path)  # type: ignore[arg-type]


def solved(network: Network, load_factor: float = 1.0, generation_factor: float = 1.0) -> LoadFlowResult:
    scenario = Scenario("s", "s", load_factor=load_factor, generation_factor=generation_factor)
    return run_load_flow(build_model(network), scenario)


def taps_and_parallels() -> pandapower.pandapowerNet:
    """A net with whatever scales: parallel lines, derating, taps, elements out of service, open switches."""
    net = pandapower.networks.mv_oberrhein("generation")
    net.line.loc[net.line.index[:20], "parallel"] = 2
    net.line.loc[net.line.index[20:40], "df"] = 0.8
    net.trafo["tap_pos"] = [-3, 2]
    net.trafo["parallel"] = [1, 2]
    net.load.loc[net.load.index[:5], "in_service"] = False
    net.sgen.loc[net.sgen.index[:5], "scaling"] = 0.3
    net.line.loc[net.line.index[50], "in_service"] = False
    return net


NETS: dict[str, Callable[[], pandapower.pandapowerNet]] = {
    "mv_oberrhein": lambda: pandapower.networks.mv_oberrhein("load"),
    "taps_and_parallels": taps_and_parallels,
    "cigre_mv": lambda: pandapower.networks.create_cigre_network_mv(with_der="pv_wind"),
    "cigre_lv": pandapower.networks.create_cigre_network_lv,
    "kerber": pandapower.networks.create_kerber_dorfnetz,
    "case33bw": pandapower.networks.case33bw,
}


@pytest.mark.parametrize("name", NETS)
def test_a_pandapower_network_solves_as_in_pandapower(name: str, tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pandapower's, of its own shipped networks
        net = NETS[name]()
        pandapower.to_json(net, path)
        pandapower.runpp(net, calculate_voltage_angles=True, numba=False)
    network = imported(path)
    assert network.quarantine.empty
    result = solved(network)
    ours = result.buses["vm_pu"].reindex([str(i) for i in net.bus.index]).to_numpy()
    np.testing.assert_allclose(ours, net.res_bus["vm_pu"].to_numpy(), atol=1e-6)
    loss_kw = 1000.0 * (net.res_line["pl_mw"].sum() + net.res_trafo["pl_mw"].sum())
    assert result.loss_kw == pytest.approx(loss_kw, rel=1e-6, abs=1e-6)
    loading = result.transformers["loading_percent"].to_numpy()
    np.testing.assert_allclose(loading, net.res_trafo["loading_percent"].to_numpy(), rtol=1e-6)


def test_the_demo_area_saved_by_pandapower_is_the_demo_area(shared: Callable[[str], Path]) -> None:
    network = imported(shared("01_oberrhein_schutterwald") / "network_base.json")
    result = solved(network, generation_factor=0.0)
    assert result.loss_kw == pytest.approx(1098.3, abs=0.05)
    assert result.transformers["loading_percent"].max() == pytest.approx(97.74, abs=0.005)


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("factor", [0.4, 1.0])
def test_a_ding0_network_solves_as_its_reference(
    number: int, factor: float, shared: Callable[[str], Path]
) -> None:
    folder = shared("02_ding0") / f"network_{number}"
    network = imported(folder)
    assert network.quarantine.empty
    result = solved(network, factor, 0.0)
    reference = folder / "reference"
    buses = pd.read_csv(reference / f"bus_{factor}.csv", index_col="bus")["vm_pu"]
    lines = pd.read_csv(reference / f"line_{factor}.csv", index_col="line")["loading_percent"]
    np.testing.assert_allclose(result.buses["vm_pu"].reindex(buses.index), buses, atol=2e-7)
    np.testing.assert_allclose(result.lines["loading_percent"].reindex(lines.index), lines, atol=2e-5)
    summary = json.loads((reference / f"summary_{factor}.json").read_text())
    assert result.loss_kw == pytest.approx(1000.0 * summary["loss_mw"], rel=1e-6)
    with (folder / "loads.csv").open() as stream:
        read_kw = 1000.0 * sum(float(row["peak_load"]) for row in csv.DictReader(stream))
    assert network.loads["p_kw"].sum() == pytest.approx(read_kw)


@pytest.mark.skipif(importlib.util.find_spec("simbench") is None, reason="the package simbench is not here")
@pytest.mark.parametrize("code", ["1-LV-rural1--0-sw", "1-LV-rural2--2-sw", "1-MV-urban--0-sw"])
def test_a_simbench_code_solves_as_its_reference(code: str, shared: Callable[[str], Path]) -> None:
    """The reference was solved without tap positions; they are set to neutral here."""
    table = pd.read_csv(shared("05_package_networks") / "simbench_1.6.3_study_case_reference.csv")
    network = imported(Path(code))
    for row in table[table["code"] == code].itertuples():
        case = network.scenarios.loc[row.study_case]
        q_factor = float(case["qload"]) / float(case["load_factor"])
        at_home = dataclasses.replace(
            network,
            sources=network.sources.assign(vm_pu=float(case["Slack_vm"])),
            transformers=network.transformers.assign(tap_pos=0.0),
            loads=network.loads.assign(q_kvar=network.loads["q_kvar"] * q_factor),
        )
        result = run_load_flow(build_model(at_home), str(row.study_case))
        assert result.loss_kw == pytest.approx(1000.0 * row.loss_mw, abs=1e-5)
        assert result.buses["vm_pu"].min() == pytest.approx(row.vm_min, abs=1e-6)
        assert result.lines["loading_percent"].max() == pytest.approx(row.line_max, abs=1e-4)
        assert result.transformers["loading_percent"].max() == pytest.approx(row.trafo_max, abs=1e-4)
