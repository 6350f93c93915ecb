"""Headroom: the promise (H holds, H + 1 kW does not), against an own bisection on plain pandapower."""

from __future__ import annotations

import copy
import math

import numpy as np
import pandapower
import pytest

from capacity.headroom import HEADROOM_COLUMNS, headroom
from capacity.impact import Impact, study_impact
from capacity.limits import read_limits
from gis import Network
from gridmodel import GridModel, build_model, find_scenario
from gridmodel.loadflow import apply_scenario
from tests.capacity.grids import demo_model, grid, station, with_column

COS_PHI = 0.95


def _impact(model: GridModel, profile: str = "en50160") -> Impact:
    return study_impact(model, find_scenario(model.network), read_limits(profile))


def _headroom(network: Network, bus_id: str, **options: object):  # type: ignore[no-untyped-def]
    return headroom(_impact(build_model(network)), [bus_id], **options).iloc[0]  # type: ignore[arg-type]


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
    row = headroom(_impact(model), [bus_id]).iloc[0]
    assert row["status"] == "ok"
    assert row["headroom_kw"] == _naive_headroom_kw(model, bus_id, 20_000 if bus_id == "M2" else 512)


@pytest.mark.parametrize("bus_id", ["A2", "C1"])
def test_generation_headroom_equals_an_own_bisection_on_plain_pandapower(bus_id: str) -> None:
    model = build_model(station(source_pu=1.05))
    row = headroom(_impact(model), [bus_id], direction="generation").iloc[0]
    assert row["headroom_kw"] == _naive_headroom_kw(model, bus_id, 512, generation=True)


@pytest.mark.parametrize("row_number", [2000, 700])
def test_headroom_keeps_its_promise_in_the_demo_area(row_number: int) -> None:
    model = demo_model()
    bus_id = str(model.network.buses.index[row_number])
    row = headroom(_impact(model), [bus_id]).iloc[0]
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
    row = headroom(impact, ["B1"]).iloc[0]
    assert impact.broken.empty
    assert row["status"] == "ok"
    assert 0.0 <= row["headroom_kw"] < 16.0
    assert _promise_holds(model, "B1", row["headroom_kw"])


def test_columns_stay_when_no_bus_is_asked_for() -> None:
    model = build_model(station())
    found = headroom(_impact(model), [])
    assert tuple(found.columns) == HEADROOM_COLUMNS and found.empty and found.crs == model.network.crs


def test_an_unknown_bus_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        _headroom(station(), "nowhere")


def test_headroom_changes_nothing_in_the_model() -> None:
    model = build_model(station())
    before = model.net.load.copy()
    headroom(_impact(model), ["A1"])
    assert model.net.load.drop(columns="scaling").equals(before.drop(columns="scaling"))
