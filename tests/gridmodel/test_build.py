"""The pandapower net is what pandapower's own functions would have made, field by field."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandapower as pp
import pandas as pd
import pytest

import gis
from gridmodel import GridModel, branch_ratings_kva, build_model, read_catalogue, run_load_flow
from gridmodel.build import reactive_power_kvar
from tests.networks import station

TYPES = read_catalogue()


def by_hand() -> pp.pandapowerNet:
    """The station, made by pandapower's functions."""
    net = pp.create_empty_network(f_hz=50.0)
    for name, vn_kv in (("A", 20.0), ("B", 20.0), ("C", 0.4), ("D", 0.4), ("E", 0.4)):
        pp.create_bus(net, vn_kv, name=name, type="n")
    for name, ends, length_km, type_id in (
        ("K", (0, 1), 0.8, "NA2XS2Y 1x185 RM/25 12/20 kV"),
        ("L", (2, 3), 0.12, "NAYY 4x150 SE"),
        ("N", (3, 4), 0.08, "NAYY 4x150 SE"),
    ):
        figures = TYPES.lines.loc[type_id]
        pp.create_line_from_parameters(
            net,
            *ends,
            length_km,
            r_ohm_per_km=figures["r_ohm_per_km"],
            x_ohm_per_km=figures["x_ohm_per_km"],
            c_nf_per_km=figures["c_nf_per_km"],
            max_i_ka=figures["i_max_a"] / 1000.0,
            name=name,
        )
    pp.create_transformer(net, 1, 2, "0.4 MVA 20/0.4 kV", name="T")
    pp.create_switch(net, 3, 1, "l", closed=True, type="LBS", name="W", in_ka=np.nan)
    pp.create_ext_grid(net, 0, vm_pu=1.01, name="S")
    tangent = np.tan(np.arccos(0.95))
    pp.create_load(net, 3, 0.03, 0.03 * tangent, name="H", type="residential")
    pp.create_load(net, 4, 0.02, 0.02 * tangent, name="J", type="commercial")
    pp.create_sgen(net, 4, 0.012, name="G", type="pv")
    return net


# Descriptions that no calculation reads, and the tap position: pandapower writes neutral, we leave it out.
NOT_COMPARED = {"line": {"std_type"}, "trafo": {"tap_pos", "tap_changer_type", "tap_step_degree"}}


def same(mine: object, other: object) -> bool:
    """Equal, both missing, or floats equal but for rounding."""
    if pd.isna(mine) or pd.isna(other):
        return bool(pd.isna(mine) and pd.isna(other))
    if isinstance(mine, float) and isinstance(other, float):
        return bool(np.isclose(mine, other, rtol=1e-12, atol=0.0))
    return mine == other


@pytest.mark.parametrize("table", ["bus", "line", "trafo", "switch", "ext_grid", "load", "sgen"])
def test_table_is_what_pandapower_would_have_made(table: str) -> None:
    ours, theirs = build_model(station()).net[table], by_hand()[table]
    stock = pp.create_empty_network()[table]  # the functions add descriptions of their types to it
    assert ours.dtypes.to_dict() == stock.dtypes.to_dict()
    for column in set(stock.columns) - NOT_COMPARED.get(table, set()):
        assert ours[column].dtype == theirs[column].dtype, column
        for mine, other in zip(ours[column], theirs[column], strict=True):
            assert same(mine, other), (column, mine, other)


def test_load_flow_is_that_of_the_net_made_by_hand() -> None:
    ours, theirs = build_model(station()).net, by_hand()
    for net in (ours, theirs):
        pp.runpp(net, numba=False, calculate_voltage_angles=True)
    for table in ("res_bus", "res_line", "res_trafo", "res_ext_grid"):
        np.testing.assert_allclose(ours[table].to_numpy(), theirs[table].to_numpy(), rtol=0, atol=1e-9)


def test_row_n_of_a_table_is_element_n_of_the_net(demo_model: GridModel) -> None:
    for table, element in {"buses": "bus", "lines": "line", "transformers": "trafo", "loads": "load"}.items():
        frame = demo_model.network.table(table)
        assert demo_model.net[element]["name"].tolist() == frame.index.tolist()
        assert demo_model.net[element].index.tolist() == list(range(len(frame)))
    last = demo_model.network.buses.index[-1]
    assert demo_model.position("buses", [last]).tolist() == [len(demo_model.network.buses) - 1]
    with pytest.raises(KeyError, match="nowhere"):
        demo_model.position("buses", ["nowhere"])


def test_ratings_are_root_3_u_i_times_parallel() -> None:
    ratings = branch_ratings_kva(station('line M D E 10 "NAYY 4x150 SE" parallel=2'), read_catalogue())
    assert ratings["lines"][1:] == pytest.approx(np.sqrt(3) * 0.4 * 270.0 * np.array([1, 1, 2]))
    assert ratings["transformers"] == pytest.approx([400.0])


def test_own_figures_of_a_line_win_over_its_type() -> None:
    model = build_model(station('line M D E 10 "NAYY 4x150 SE" r_ohm_per_km=0.5 i_max_a=100'))
    line = model.net.line.iloc[-1]
    assert line[["r_ohm_per_km", "x_ohm_per_km", "max_i_ka"]].tolist() == pytest.approx([0.5, 0.08, 0.1])


def test_reactive_power_is_stated_or_by_power_factor_or_by_planning_value() -> None:
    network = station(
        "load P E 10 q_kvar=-2",
        "load Q E 10 cos_phi=0.8",
        "load R E 10",
        "load M A 10",
        without=("load H", "load J"),
    )
    expected = {"P": -2.0, "Q": 7.5, "R": 10 * np.tan(np.arccos(0.95)), "M": 10 * np.tan(np.arccos(0.9))}
    assert reactive_power_kvar(network).to_dict() == pytest.approx(expected)


def test_a_network_without_loads_lines_or_transformers_is_built() -> None:
    model = build_model(station(without=("load", "generator", "line", "transformer", "switch")))
    assert len(model.net.bus) == 5 and model.net.line.empty and model.net.load.empty


def test_a_capacitor_is_a_shunt_at_its_rated_voltage() -> None:
    """60 kvar at 0.44 kV give 60 * (v / 0.44)^2 at v, in the load case as in any other."""
    model = build_model(station("capacitor Q E 60 vn_kv=0.44", "capacitor R C 10"))
    result = run_load_flow(model)
    v_kv = 0.4 * result.buses["vm_pu"]["E"]
    given = -1e3 * model.net.res_shunt["q_mvar"].to_numpy()
    assert given[0] == pytest.approx(60.0 * (v_kv / 0.44) ** 2)
    assert given[1] == pytest.approx(10.0 * result.buses["vm_pu"]["C"] ** 2)
    without = run_load_flow(build_model(station()))
    assert result.buses["vm_pu"]["E"] > without.buses["vm_pu"]["E"]


def test_the_net_has_the_frequency_of_the_network() -> None:
    assert build_model(station()).net.f_hz == 50.0
    assert build_model(dataclasses.replace(station(), info={"f_hz": "60"})).net.f_hz == 60.0


@pytest.mark.parametrize("stated", ["", "fast", "nan", "0", "400"])
def test_a_frequency_no_grid_has_is_refused(stated: str) -> None:
    with pytest.raises(gis.InputError, match="f_hz"):
        build_model(dataclasses.replace(station(), info={"f_hz": stated}))
