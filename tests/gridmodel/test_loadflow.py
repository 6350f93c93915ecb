"""Load flow: closed forms, properties, conservation, and the demo area against its reference."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import gis
from gis.examples import network_from_text, synthetic_network
from gis.feeders import trace_supply
from gridmodel import GridModel, LoadFlowResult, Scenario, build_model, run_load_flow
from gridmodel.loadflow import apply_scenario, solve
from gridmodel.results import check_balance
from tests.networks import station

EXACT = {"rtol": 0.0, "atol": 1e-9}
PLAIN = "r_ohm_per_km=0.4 x_ohm_per_km=0.3 i_max_a=200"


def solved(network: gis.Network, scenario: Scenario | str | None = None) -> LoadFlowResult:
    return run_load_flow(build_model(network), scenario)


def two_bus_voltage_pu(r_pu: float, x_pu: float, p_pu: float, q_pu: float) -> float:
    """Upper solution of U^4 + U^2 (2 (R P + X Q) - 1) + |Z|^2 |S|^2 = 0 for a source of 1 pu."""
    half = 0.5 - (r_pu * p_pu + x_pu * q_pu)
    return float(np.sqrt(half + np.sqrt(half**2 - (r_pu**2 + x_pu**2) * (p_pu**2 + q_pu**2))))


# ---- hand calculations


def test_two_buses_and_a_line_are_the_closed_form() -> None:
    #  S
    #  A ---- L: 0.4 + j0.3 ohm ---- B  100 kW, 40 kvar
    text = f"bus A 0.4\nbus B 0.4\nsource S A\nline L A B 250 {PLAIN}\nload H B 100 q_kvar=40"
    result = solved(network_from_text(text))
    base_ohm = 0.4**2 / 1.0  # 1 MVA
    r_pu, x_pu = 0.25 * 0.4 / base_ohm, 0.25 * 0.3 / base_ohm
    voltage = two_bus_voltage_pu(r_pu, x_pu, 0.1, 0.04)
    # pandapower stops at a mismatch of 1e-8 MVA.
    assert result.buses["vm_pu"].tolist() == pytest.approx([1.0, voltage], abs=2e-8)
    assert result.loss_kw == pytest.approx(1000 * r_pu * (0.1**2 + 0.04**2) / voltage**2, abs=1e-3)
    current_a = 1000 * np.hypot(0.1, 0.04) / voltage / (np.sqrt(3) * 0.4)
    assert result.lines.loc["L", "i_a"] == pytest.approx(current_a, abs=1e-4)
    assert result.lines.loc["L", "loading_percent"] == pytest.approx(100 * current_a / 200.0, abs=1e-4)


def test_two_buses_and_a_transformer_are_the_closed_form() -> None:
    figures = "sn_kva=400 vn_hv_kv=20 vn_lv_kv=0.4 vk_percent=6 vkr_percent=1.425 pfe_kw=0 i0_percent=0"
    text = f"bus A 20\nbus B 0.4\nsource S A\ntransformer T A B {figures}\nload H B 200 q_kvar=80"
    result = solved(network_from_text(text))
    r_pu, z_pu = 0.01425 / 0.4, 0.06 / 0.4  # on 1 MVA
    voltage = two_bus_voltage_pu(r_pu, np.sqrt(z_pu**2 - r_pu**2), 0.2, 0.08)
    assert result.buses["vm_pu"].tolist() == pytest.approx([1.0, voltage], abs=1e-9)
    assert result.loss_kw == pytest.approx(1000 * r_pu * (0.2**2 + 0.08**2) / voltage**2, abs=1e-6)


# ---- properties


def relabelled(network: gis.Network) -> tuple[gis.Network, dict[str, str]]:
    """The network with other bus ids, rows in another order and every line turned round."""
    names = {bus: f"z{n}" for n, bus in enumerate(network.buses.index[::-1])}
    tables = {}
    for name, frame in network.tables().items():
        raw = frame.iloc[::-1].reset_index()
        for column in set(raw.columns) & {"bus_id", "from_bus_id", "to_bus_id", "hv_bus_id", "lv_bus_id"}:
            raw[column] = raw[column].map(names)
        tables[name] = raw
    lines = tables["lines"]
    turned = lines.rename(columns={"from_bus_id": "to_bus_id", "to_bus_id": "from_bus_id"})
    tables["lines"] = turned.set_geometry(lines.geometry.reverse())
    return gis.make_network(tables, network.crs), names


@pytest.mark.parametrize("seed", [0, 1])
def test_relabelling_reordering_and_turning_lines_changes_nothing(seed: int) -> None:
    network = synthetic_network(90, seed=seed)
    other, names = relabelled(network)
    first, second = solved(network), solved(other)
    voltages = second.buses["vm_pu"].loc[first.buses.index.map(names)]
    np.testing.assert_allclose(voltages, first.buses["vm_pu"], **EXACT)
    np.testing.assert_allclose(
        second.lines["i_a"].loc[first.lines.index], first.lines["i_a"], rtol=1e-7, atol=1e-5
    )
    assert second.loss_kw == pytest.approx(first.loss_kw, abs=1e-6)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_line_split_in_two_is_the_same_line(share: float) -> None:
    head = "bus A 0.4\nbus B 0.4\nsource S A\nload H B 60\n"
    whole = solved(network_from_text(f"{head}line L A B 300 {PLAIN}"))
    first, second = 300 * share, 300 * (1 - share)
    parts = solved(
        network_from_text(f"{head}bus M 0.4\nline L A M {first} {PLAIN}\nline K M B {second} {PLAIN}")
    )
    np.testing.assert_allclose(parts.buses["vm_pu"].loc[["A", "B"]], whole.buses["vm_pu"], **EXACT)
    assert parts.loss_kw == pytest.approx(whole.loss_kw, abs=1e-6)


def test_parallel_two_is_two_lines() -> None:
    head = "bus A 0.4\nbus B 0.4\nsource S A\nload H B 120\n"
    double = solved(network_from_text(f"{head}line L A B 200 {PLAIN} parallel=2"))
    two = solved(network_from_text(f"{head}line L A B 200 {PLAIN}\nline K A B 200 {PLAIN}"))
    np.testing.assert_allclose(double.buses["vm_pu"], two.buses["vm_pu"], **EXACT)
    assert double.lines["loading_percent"].tolist() == pytest.approx(
        two.lines["loading_percent"].tolist()[:1]
    )


@pytest.mark.parametrize("line_id", ["mv-0", "main-9", "main-20", "service-3"])
@pytest.mark.parametrize("means", ["switch", "in_service"])
def test_opening_any_line_lists_everyone_behind_it_as_without_supply(line_id: str, means: str) -> None:
    network = synthetic_network(90)
    if means == "switch":
        opened = open_at_start(network, line_id)
    else:
        lines = network.lines.assign(in_service=network.lines.index != line_id)
        opened = dataclasses.replace(network, lines=lines)
    result, before = solved(opened), solved(network)
    assert result.served_kw + result.unserved_kw == pytest.approx(result.demand_kw, abs=1e-6)
    assert result.demand_kw == pytest.approx(before.demand_kw)
    behind = trace_supply(opened).buses["station_id"].isna()
    in_island = opened.loads["bus_id"].map(behind)
    assert in_island.any()
    assert (result.loads["status"] == np.where(in_island, "no_supply", "served")).all()
    assert result.unserved_kw == pytest.approx(opened.loads.loc[in_island, "p_kw"].sum())
    assert not result.buses.loc[behind, "supplied"].any() and result.buses.loc[~behind, "supplied"].all()


def open_at_start(network: gis.Network, line_id: str) -> gis.Network:
    raw = network.switches.reset_index()
    row = raw.iloc[:1].assign(
        switch_id="opened", closed=False, bus_id=network.lines.loc[line_id, "from_bus_id"], element_id=line_id
    )
    both = pd.concat([raw, row], ignore_index=True)
    tables = {name: frame.reset_index() for name, frame in network.tables().items()}
    return gis.make_network(tables | {"switches": both}, network.crs)


@pytest.mark.parametrize("scenario", ["base", "feed_in"])
def test_power_is_conserved(scenario: str) -> None:
    result = solved(station(), scenario)
    supplied_kw = result.sources["p_kw"].sum() + result.generation_kw
    assert supplied_kw == pytest.approx(result.served_kw + result.loss_kw, abs=1e-3)
    assert result.demand_kw == pytest.approx({"base": 50.0, "feed_in": 5.0}[scenario])
    assert result.generation_kw == pytest.approx({"base": 0.0, "feed_in": 10.2}[scenario])


def test_a_load_out_of_service_demands_nothing() -> None:
    result = solved(station("load Z E 40 in_service=no"))
    assert result.loads.loc["Z", ["demand_kw", "customers", "status"]].tolist() == [0.0, 0, "out_of_service"]
    assert result.demand_kw == pytest.approx(50.0)


def test_a_result_that_does_not_add_up_is_never_returned() -> None:
    result = solved(station())
    with pytest.raises(gis.BalanceError, match="source - served - losses"):
        check_balance(dataclasses.replace(result, loss_kw=result.loss_kw + 5.0))
    with pytest.raises(gis.BalanceError, match="demand - served - unserved"):
        check_balance(dataclasses.replace(result, loads=result.loads.assign(served_kw=0.0)))


# ---- a grid that cannot be solved


def test_what_does_not_converge_is_a_result_with_the_servable_share_bracketed() -> None:
    model = build_model(station("load Z E 3000"))
    result = run_load_flow(model)
    assert result.status == "not_converged" and not result.converged
    assert result.unserved_kw == pytest.approx(result.demand_kw) and result.served_kw == 0.0
    assert set(result.loads["status"]) == {"not_solved"}
    assert result.buses["vm_pu"].isna().all() and len(result.lines) == 3
    assert 0.0 < result.servable_share < 1.0
    for share, expected in ((result.servable_share, True), (result.servable_share + 0.01, False)):
        apply_scenario(model, result.scenario, share=share)
        assert solve(model.net) is expected
    assert json.dumps(result.summary())


def test_the_servable_share_is_that_of_the_closed_form() -> None:
    """At unity power factor U^2/(2 (R + |Z|)) is the largest power of a two-bus grid."""
    text = f"bus A 0.4\nbus B 0.4\nsource S A\nline L A B 250 {PLAIN}\nload H B 2000 q_kvar=0"
    limit_kw = 1000 * 0.4**2 / (2 * (0.1 + 0.125))
    share = solved(network_from_text(text)).servable_share
    assert limit_kw / 2000 - 0.01 <= share <= limit_kw / 2000


# ---- the demo area


def test_the_demo_area_has_its_numbers(demo_network: gis.Network) -> None:
    assert [len(demo_network.table(n)) for n in ("buses", "lines", "transformers")] == [3119, 3182, 16]
    # The source closes a ring over two low-voltage feeders of T_idx_78 (lines L13417 and L8823).
    assert demo_network.findings["rule"].to_list() == ["closed_loop"] and demo_network.repairs.empty


def reference(folder: Path, table: str, scenario: str) -> pd.DataFrame:
    """Reference rows by id: a name that stands twice is numbered in row order."""
    frame = pd.read_csv(folder / f"{table}_{scenario}.csv", index_col=0)
    number = frame.groupby("name").cumcount() + 1
    twice = frame["name"].duplicated(keep=False)
    return frame.set_index(frame["name"].where(~twice, frame["name"] + "~" + number.astype(str)))


@pytest.mark.parametrize("scenario", ["base", "heat_pumps"])
def test_the_demo_area_is_its_reference(
    scenario: str, demo_model: GridModel, shared: Callable[[str], Path]
) -> None:
    folder = shared("01_oberrhein_schutterwald")
    summary = json.loads((folder / "summary.json").read_text())[scenario]
    result = run_load_flow(demo_model, scenario)
    buses, lines = reference(folder, "bus", scenario), reference(folder, "line", scenario)
    assert set(buses.index) == set(result.buses.index) and set(lines.index) <= set(result.lines.index)
    off_pu = (result.buses["vm_pu"].loc[buses.index] - buses["vm_pu"]).abs().max()
    assert off_pu < 1e-6  # the reference has seven decimals
    loading = result.lines["loading_percent"].loc[lines.index]
    np.testing.assert_allclose(loading, lines["loading_percent"], rtol=1e-3, atol=1e-4)
    for name, expected in summary["trafo_loading"].items():
        assert result.transformers.loc[name, "loading_percent"] == pytest.approx(expected, abs=1e-3)
    assert result.loss_kw == pytest.approx(1000 * summary["loss_mw"], abs=0.05)
    assert result.sources["p_kw"].tolist() == pytest.approx(
        [1000 * p for p in summary["p_ext_grid_mw"]], abs=0.01
    )
    assert result.unserved_kw == 0.0
