"""Headroom: the promise (H holds, H + 1 kW does not), against an own bisection on plain pandapower."""

from __future__ import annotations

import copy
import math

import numpy as np
import pandapower
import pytest

from capacity.headroom import (
    HEADROOM_COLUMNS,
    JOINT_COLUMNS,
    Question,
    find_headroom,
    joint_headroom,
    prove_headroom,
)
from capacity.impact import Impact, study_impact
from capacity.limits import read_limits
from gis import InputError, Network
from gridmodel import GridModel, build_model, find_scenario
from gridmodel.loadflow import apply_scenario
from tests.capacity.grids import demo_model, grid, station, with_column

COS_PHI = 0.95


def _impact(model: GridModel, profile: str = "en50160") -> Impact:
    return study_impact(model, find_scenario(model.network), read_limits(profile))


def _headroom(network: Network, bus_id: str, **options: object):  # type: ignore[no-untyped-def]
    return find_headroom(_impact(build_model(network)), [bus_id], **options).iloc[0]  # type: ignore[arg-type]


def _plain_net(model: GridModel):  # type: ignore[no-untyped-def]
    """A copy of the model's net with its scenario applied: all that follows is plain pandapower."""
    apply_scenario(model, find_scenario(model.network))
    return copy.deepcopy(model.net)


def _holds(net, bus: int, p_kw: float, generation: bool) -> bool:  # type: ignore[no-untyped-def]
    """Tell whether EN 50160 and 100 % hold with one more load or generator; written without our code."""
    net = copy.deepcopy(net)
    if generation:
        pandapower.create_sgen(net, bus, p_mw=p_kw / 1e3)
    else:
        q_mvar = p_kw / 1e3 * math.sqrt(1 / COS_PHI**2 - 1)
        pandapower.create_load(net, bus, p_mw=p_kw / 1e3, q_mvar=q_mvar)
    try:
        pandapower.runpp(net, numba=False, calculate_voltage_angles=True)
    except pandapower.LoadflowNotConverged:
        return False
    voltages = net.res_bus["vm_pu"].dropna()
    loadings = np.concatenate(
        [net.res_line["loading_percent"].dropna(), net.res_trafo["loading_percent"].dropna()]
    )
    return bool(voltages.between(0.9, 1.1).all() and (loadings <= 100.0).all())


def _naive_headroom_kw(model: GridModel, bus_id: str, most_kw: int, *, generation: bool = False) -> int:
    net, bus = _plain_net(model), list(model.network.buses.index).index(bus_id)
    low, high = -1, most_kw
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _holds(net, bus, middle, generation) else (low, middle)
    return low


def _promise_holds(model: GridModel, bus_id: str, kw: float, *, generation: bool = False) -> bool:
    net, bus = _plain_net(model), list(model.network.buses.index).index(bus_id)
    return _holds(net, bus, kw, generation) and not _holds(net, bus, kw + 1.0, generation)


@pytest.mark.parametrize("bus_id", ["M2", "B1", "A2"])
def test_headroom_equals_an_own_bisection_on_plain_pandapower(bus_id: str) -> None:
    model = build_model(station())
    row = find_headroom(_impact(model), [bus_id]).iloc[0]
    assert row["status"] == "ok"
    assert row["headroom_kw"] == _naive_headroom_kw(model, bus_id, 20_000 if bus_id == "M2" else 512)


@pytest.mark.parametrize("bus_id", ["A2", "C1"])
def test_generation_headroom_equals_an_own_bisection_on_plain_pandapower(bus_id: str) -> None:
    model = build_model(station(source_pu=1.05))
    row = find_headroom(_impact(model), [bus_id], direction="generation").iloc[0]
    assert row["headroom_kw"] == _naive_headroom_kw(model, bus_id, 512, generation=True)


@pytest.mark.parametrize("row_number", [2000, 700])
def test_headroom_keeps_its_promise_in_the_demo_area(row_number: int) -> None:
    model = demo_model()
    bus_id = str(model.network.buses.index[row_number])
    row = find_headroom(_impact(model), [bus_id]).iloc[0]
    assert row["status"] == "ok"
    assert row["headroom_kw"] == round(row["headroom_kw"])
    assert _promise_holds(model, bus_id, row["headroom_kw"])


def test_two_buses_limited_by_their_transformer_in_closed_form() -> None:
    """S1 o==T1==o B1, 250 kVA, source at 1.05 pu, no load before: the rated current of the high side binds.

    At rated current on the high side S = 250 kVA x 1.05. Z: 6 %, of it 1.44 % real; no-load loss and
    current of T1 (0.8 kW, 0.32 %) are left out of the formula, so 2 kW stay open.
    """
    network = grid(
        [("M1", 20.0, 0.0, 0.0), ("B1", 0.4, 10.0, 0.0)],
        transformers=[("T1", "M1", "B1")],
        sources=[("S1", "M1", 1.05)],
    )
    row = _headroom(network, "B1")
    r_pu, x_pu = 0.0144, math.sqrt(0.06**2 - 0.0144**2)
    i_pu = 1.0  # of 250 kVA
    v_in, phi = 1.05, math.acos(COS_PHI)
    # v_in^2 = (v + i (r cos + x sin))^2 + (i (x cos - r sin))^2
    along, across = (
        i_pu * (r_pu * COS_PHI + x_pu * math.sin(phi)),
        i_pu * (x_pu * COS_PHI - r_pu * math.sin(phi)),
    )
    v_out = math.sqrt(v_in**2 - across**2) - along
    assert (row["binding_check"], row["binding_id"]) == ("transformer_overload", "T1")
    assert row["headroom_kw"] == pytest.approx(250.0 * i_pu * v_out * COS_PHI, abs=2.0)


def test_more_base_load_never_gives_more_headroom() -> None:
    found = [_headroom(station(a2_kw=kw), "A1")["headroom_kw"] for kw in (0.0, 60.0, 120.0, 180.0)]
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.0 == found[-1]


def test_headroom_is_zero_when_a_limit_on_its_way_is_already_violated() -> None:
    row = _headroom(station(a2_kw=170.0), "A1")
    assert (row["headroom_kw"], row["status"], row["binding_id"]) == (0.0, "already_violated", "L1")


def test_a_limit_broken_elsewhere_does_not_block_a_bus_of_another_feeder() -> None:
    """L1 is over its rating before; C1 hangs on L3 and is bound by the shared transformer."""
    row = _headroom(station(a2_kw=165.0), "C1")
    assert row["status"] == "ok"
    assert row["headroom_kw"] > 10.0
    assert row["binding_id"] != "L1"


def test_headroom_is_capped_where_nothing_binds() -> None:
    row = _headroom(station(), "M1", cap_kw=500)
    assert (row["headroom_kw"], row["status"], row["binding_check"]) == (500.0, "capped", None)


@pytest.mark.parametrize("cap_kw", [1, 15, 17])
def test_a_cap_is_met_exactly(cap_kw: int) -> None:
    assert _headroom(station(), "C1", cap_kw=cap_kw)["headroom_kw"] == cap_kw


def test_headroom_of_a_dead_bus_is_undetermined() -> None:
    row = _headroom(station(switches=[("X", False, "A1", "lines", "L2")]), "A2")
    assert row["status"] == "undetermined"
    assert math.isnan(row["headroom_kw"])


def test_headroom_without_a_solution_is_undetermined() -> None:
    assert _headroom(station(a2_kw=5000.0), "C1")["status"] == "undetermined"


def test_generation_binds_on_overvoltage() -> None:
    """A long thin feeder at a source held at 1.08 pu: the voltage at its end binds before any rating."""
    network = with_column(station(source_pu=1.08), "lines", "length_m", {"L2": 600.0})
    row = _headroom(network, "A2", direction="generation")
    assert (row["binding_check"], row["binding_table"], row["binding_id"]) == ("overvoltage", "buses", "A2")
    assert row["direction"] == "generation"


def test_headroom_may_be_zero_without_any_limit_broken_before() -> None:
    """250 kVA carry 244.9 kVA at the busbar: one more kW is too much somewhere below 16."""
    model = build_model(station(loads=[("a", "B1", 227.0, 1)]))
    impact = _impact(model)
    row = find_headroom(impact, ["B1"]).iloc[0]
    assert impact.broken.empty
    assert row["status"] == "ok"
    assert 0.0 <= row["headroom_kw"] < 16.0
    assert _promise_holds(model, "B1", row["headroom_kw"])


def test_columns_stay_when_no_bus_is_asked_for() -> None:
    model = build_model(station())
    found = find_headroom(_impact(model), [])
    assert tuple(found.columns) == HEADROOM_COLUMNS and found.empty and found.crs == model.network.crs


def test_an_unknown_bus_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        _headroom(station(), "nowhere")


def test_headroom_changes_nothing_in_the_model() -> None:
    model = build_model(station())
    before = model.net.load.copy()
    find_headroom(_impact(model), ["A1"])
    assert model.net.load.drop(columns="scaling").equals(before.drop(columns="scaling"))


def test_all_buses_are_asked_when_none_is_named() -> None:
    network = station(switches=[("X", False, "A1", "lines", "L2")])
    impact = _impact(build_model(network))
    found = find_headroom(impact)
    assert found["bus_id"].tolist() == list(network.buses.index)
    assert dict(zip(found["bus_id"], found["status"], strict=True))["A2"] == "undetermined"
    one_by_one = [find_headroom(impact, [bus_id]).iloc[0] for bus_id in network.buses.index]
    for row, (_, alone) in zip(one_by_one, found.iterrows(), strict=True):
        assert row["headroom_kw"] == alone["headroom_kw"] or math.isnan(row["headroom_kw"])
        assert (row["status"], row["binding_id"]) == (alone["status"], alone["binding_id"])


def test_the_change_at_the_own_bus_binds_when_asked_for() -> None:
    """3 % in low voltage (VDE-AR-N 4105): the voltage at A2 falls from v to v - 0.03 and no further."""
    model = build_model(station())
    impact = _impact(model)
    row = find_headroom(impact, ["A2"], voltage_change=True).iloc[0]
    assert (row["binding_check"], row["binding_id"], row["status"]) == ("voltage_change", "A2", "ok")
    assert row["headroom_kw"] < find_headroom(impact, ["A2"]).iloc[0]["headroom_kw"]
    net, at = _plain_net(model), list(model.network.buses.index).index("A2")
    pandapower.runpp(net, numba=False, calculate_voltage_angles=True)
    before = net.res_bus["vm_pu"][at]
    for more, within in ((0.0, True), (1.0, False)):
        kw = row["headroom_kw"] + more
        probed = copy.deepcopy(net)
        pandapower.create_load(probed, at, p_mw=kw / 1e3, q_mvar=kw / 1e3 * math.tan(math.acos(COS_PHI)))
        pandapower.runpp(probed, numba=False, calculate_voltage_angles=True)
        assert (before - probed.res_bus["vm_pu"][at] <= 0.03) == within


def test_the_reserve_for_the_loss_of_an_element_halves_what_medium_voltage_may_carry() -> None:
    """K1, rated 14.6 MVA, may carry half of it with the reserve; the station keeps its rating."""
    impact = _impact(build_model(station()))
    plain, reserved = find_headroom(impact), find_headroom(impact, n1_reserve=True)
    at = plain["bus_id"].tolist().index("M2")
    assert (reserved["binding_check"][at], reserved["binding_id"][at]) == ("n1_reserve", "K1")
    assert plain["binding_check"][at] == "line_overload"
    base_kva = 60.0 / 0.95 + 2.0  # what flows before; losses and no-load losses are left open
    share = (reserved["headroom_kw"][at] + base_kva) / (plain["headroom_kw"][at] + base_kva)
    assert share == pytest.approx(0.5, abs=0.01)
    low = plain["bus_id"].isin(["B1", "A1", "A2", "C1"])
    assert (plain["headroom_kw"] == reserved["headroom_kw"])[low].all()


def test_a_reserve_without_figures_is_an_input_error() -> None:
    network = station()
    limits = read_limits().model_copy(update={"n1_reserve": None})
    impact = study_impact(build_model(network), find_scenario(network), limits)
    with pytest.raises(InputError, match="n1_reserve"):
        find_headroom(impact, ["A1"], n1_reserve=True)


def test_joint_headroom_holds_together_and_one_kw_more_at_each_does_not() -> None:
    model = build_model(station())
    impact, group = _impact(model), ["A2", "C1"]
    row = joint_headroom(impact, [*group, "C1"]).iloc[0]
    assert (row["buses"], row["status"]) == (2, "ok")
    assert row["total_kw"] == 2 * row["headroom_kw"]
    net, ids = _plain_net(model), list(model.network.buses.index)
    for more, within in ((0.0, True), (1.0, False)):
        probed = copy.deepcopy(net)
        kw = row["headroom_kw"] + more
        pandapower.create_load(
            probed, ids.index("C1"), p_mw=kw / 1e3, q_mvar=kw / 1e3 * math.tan(math.acos(COS_PHI))
        )
        assert _holds(probed, ids.index("A2"), kw, False) == within


def test_joint_headroom_of_one_bus_is_its_headroom() -> None:
    impact = _impact(build_model(station()))
    assert joint_headroom(impact, ["C1"])["headroom_kw"][0] == find_headroom(impact, ["C1"])["headroom_kw"][0]


def test_a_group_with_a_dead_bus_is_undetermined_and_names_it() -> None:
    impact = _impact(build_model(station(switches=[("X", False, "A1", "lines", "L2")])))
    row = joint_headroom(impact, ["C1", "A2"]).iloc[0]
    assert (row["status"], row["binding_check"], row["binding_id"]) == ("undetermined", "no_supply", "A2")
    assert math.isnan(row["total_kw"])


def test_no_group_is_no_row() -> None:
    found = joint_headroom(_impact(build_model(station())), [])
    assert found.empty and tuple(found.columns) == JOINT_COLUMNS


def test_an_engine_of_another_opinion_is_found_out_by_the_proof() -> None:
    impact = _impact(build_model(station()))
    found = find_headroom(impact)
    assert prove_headroom(impact, found, Question(), sample=100) == (6, [])
    too_high = found.assign(headroom_kw=found["headroom_kw"] + 1.0 * (found["bus_id"] == "A1"))
    assert prove_headroom(impact, too_high, Question(), sample=100) == (6, ["A1"])
    too_low = found.assign(headroom_kw=found["headroom_kw"] - 1.0 * (found["bus_id"] == "C1"))
    assert prove_headroom(impact, too_low, Question(), sample=100) == (6, ["C1"])
