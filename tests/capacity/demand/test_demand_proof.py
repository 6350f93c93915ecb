"""Demand proved: 12 homes by hand, and the demo area by three ways and by its figures of record.

    20 kV   0.4 kV     NAYY 4x150 SE (cables), NAYY 4x50 SE (service lines)

                             +--s1, 15 m-- H1  1 home
                             |
                   +--a1, 80 m-- K1 --a2, 60 m-- K2 --s3, 25 m-- H3  1 home
                   |         |                   |
    Q ==== T ==== B          +--s2, 20 m-- H2    +--s4, 30 m-- H4  3 homes
       100 kVA     |                1 home
                   |
                   +--b1, 150 m-- M --s5, 12 m-- H5  1 home
                                  |
                                  +--s6, 18 m-- H6  5 homes

Rusck, g_inf = 0.2, a home alone draws 10 kW: n homes draw 10 n (0.2 + 0.8 / sqrt(n)) = 2 n + 8 sqrt(n).

    element        homes   2 n   8 sqrt(n)    kW
    s1 s2 s3 s5      1      2     8.0000     10.0000
    s4               3      6    13.8564     19.8564
    a2               4      8    16.0000     24.0000
    s6               5     10    17.8885     27.8885
    a1, b1           6     12    19.5959     31.5959
    T               12     24    27.7128     51.7128

What a bus draws is its element's figure less those behind it: B draws 51.7128 - 2 x 31.5959 = -11.4790 kW.
"""

from __future__ import annotations

import dataclasses
import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandapower
import pandas as pd
import pytest

from capacity.demand.coincidence import AsGiven, Rusck, coincident_demand, peaks_behind
from capacity.demand.customers import customers_of
from capacity.demand.year_demand import demand_today
from gis import Network
from gis.examples import network_from_text
from gis.feeders import Supply, trace_supply
from gridmodel import KEEP_ALL, Scenario, build_model, run_load_flow
from gridmodel.demand_model import (
    BusDemand,
    demand_model,
    network_with_demand,
    points_of_demand,
    solve_demand,
)
from gridmodel.outcome import places_of
from gridmodel.pointwise import solve_one_by_one
from tests.capacity.grids import demo
from tests.demand_checks import carried_less_losses_kw, check_paths, in_ring

if TYPE_CHECKING:
    from pandapower.auxiliary import pandapowerNet

COS_PHI = 0.95
TAN_PHI = math.tan(math.acos(COS_PHI))
CABLE, SERVICE = '"NAYY 4x150 SE"', '"NAYY 4x50 SE"'
FEEDER = f"""
    bus Q 20
    bus B 0.4
    bus K1 0.4
    bus K2 0.4
    bus M 0.4
    bus H1 0.4
    bus H2 0.4
    bus H3 0.4
    bus H4 0.4
    bus H5 0.4
    bus H6 0.4
    source S Q 1.02
    transformer T Q B sn_kva=100 vn_hv_kv=20 vn_lv_kv=0.4 vk_percent=4 vkr_percent=1.75 pfe_kw=0 i0_percent=0
    line a1 B K1 80 {CABLE}
    line a2 K1 K2 60 {CABLE}
    line b1 B M 150 {CABLE}
    line s1 K1 H1 15 {SERVICE}
    line s2 K1 H2 20 {SERVICE}
    line s3 K2 H3 25 {SERVICE}
    line s4 K2 H4 30 {SERVICE}
    line s5 M H5 12 {SERVICE}
    line s6 M H6 18 {SERVICE}
    load L1 H1 10 residential 1 cos_phi={COS_PHI}
    load L2 H2 10 residential 1 cos_phi={COS_PHI}
    load L3 H3 10 residential 1 cos_phi={COS_PHI}
    load L4 H4 30 residential 3 cos_phi={COS_PHI}
    load L5 H5 10 residential 1 cos_phi={COS_PHI}
    load L6 H6 50 residential 5 cos_phi={COS_PHI}
"""
# By hand, see the drawing: what flows into each element [kW], named by the bus it feeds.
FEEDS = {"B": "T", "K1": "a1", "K2": "a2", "M": "b1", "H1": "s1", "H2": "s2", "H3": "s3", "H4": "s4",
         "H5": "s5", "H6": "s6"}  # fmt: skip
UP = {"B": "Q", "K1": "B", "K2": "K1", "M": "B", "H1": "K1", "H2": "K1", "H3": "K2", "H4": "K2", "H5": "M",
      "H6": "M"}  # fmt: skip
HOMES_BEHIND = {"T": 12, "a1": 6, "b1": 6, "a2": 4, "s1": 1, "s2": 1, "s3": 1, "s4": 3, "s5": 1, "s6": 5}
PEAK_KW = {"T": 51.7128129211, "a1": 31.5959179423, "b1": 31.5959179423, "a2": 24.0, "s1": 10.0, "s2": 10.0,
           "s3": 10.0, "s4": 19.8564064606, "s5": 10.0, "s6": 27.8885438200}  # fmt: skip
LENGTH_M = {"a1": 80, "a2": 60, "b1": 150, "s1": 15, "s2": 20, "s3": 25, "s4": 30, "s5": 12, "s6": 18}
# pandapower 3.5.6 standard types: ohm/km, ohm/km, nF/km.
CABLE_FIGURES, SERVICE_FIGURES = (0.208, 0.080, 261.0), (0.642, 0.083, 210.0)
ALL_GENERATION = Scenario(generation_factor=1.0)
RUSCK = Rusck(g_inf=0.2, source="Rusck 1956")
ALL_PEAK = pd.DataFrame({"residential": [1.0]}, pd.date_range("2025-01-01", periods=1, freq="h", tz="UTC"))


@cache
def feeder() -> tuple[Network, BusDemand]:
    network = network_from_text(FEEDER)
    methods = {"residential": RUSCK}
    return network, coincident_demand(trace_supply(network), customers_of(network), methods)


def hand_voltages() -> dict[str, complex]:
    """Voltage per bus [kV, line to line], swept to and fro over the drawing until nothing moves.

    Currents are sqrt(3) times those of a conductor [kA], so that a drop is impedance x current.
    """
    draw_mva = {bus: (1.0 + 1j * TAN_PHI) * PEAK_KW[element] / 1e3 for bus, element in FEEDS.items()}
    for bus, above in UP.items():
        if above in draw_mva:
            draw_mva[above] -= (1.0 + 1j * TAN_PHI) * PEAK_KW[FEEDS[bus]] / 1e3
    ohm, half_siemens = {"B": _transformer_ohm()}, dict.fromkeys(["Q", *FEEDS], 0j)
    for bus, above in list(UP.items())[1:]:
        r, x, nf = SERVICE_FIGURES if FEEDS[bus].startswith("s") else CABLE_FIGURES
        km = LENGTH_M[FEEDS[bus]] / 1e3
        ohm[bus] = complex(r, x) * km
        for end in (bus, above):
            half_siemens[end] += 1j * math.pi * 50.0 * nf * 1e-9 * km
    volts = {"Q": 1.02 * 0.4 + 0j} | dict.fromkeys(FEEDS, 0.4 + 0j)  # all at 0.4 kV, the ratio is 20 / 0.4
    for _ in range(60):
        current = {bus: (draw_mva[bus] / volts[bus]).conjugate() + half_siemens[bus] * volts[bus]
                   for bus in FEEDS}  # fmt: skip
        for bus in ("H6", "H5", "H4", "H3", "H2", "H1", "M", "K2", "K1"):
            current[UP[bus]] += current[bus]
        for bus in FEEDS:
            volts[bus] = volts[UP[bus]] - ohm[bus] * current[bus]
    return volts


def _transformer_ohm() -> complex:
    """Of 4 % and 1.75 % on 100 kVA at 0.4 kV: 1.6 ohm are 100 %."""
    r = 0.0175 * 1.6
    return complex(r, math.sqrt(0.064**2 - r**2))


def test_homes_draw_together_what_the_hand_says_at_every_element() -> None:
    network, demand = feeder()
    assert {element: 2 * n + 8 * math.sqrt(n) for element, n in HOMES_BEHIND.items()} == {
        element: pytest.approx(kw, abs=1e-9) for element, kw in PEAK_KW.items()
    }
    drawn = pd.Series(demand.kva[:, 0], network.buses.index)
    assert drawn["Q"] == 0.0
    assert drawn["B"].real == pytest.approx(51.7128129211 - 2 * 31.5959179423, abs=1e-9)
    assert drawn["K1"].real == pytest.approx(31.5959179423 - 24.0 - 10.0 - 10.0, abs=1e-9)
    assert drawn["K2"].real == pytest.approx(24.0 - 10.0 - 19.8564064606, abs=1e-9)
    assert drawn["M"].real == pytest.approx(31.5959179423 - 10.0 - 27.8885438200, abs=1e-9)
    assert drawn["H6"] == pytest.approx(27.8885438200 * (1 + 1j * TAN_PHI), abs=1e-9)


def test_each_element_carries_its_own_peak_and_the_losses_behind_it() -> None:
    network, demand = feeder()
    result = run_load_flow(build_model(network_with_demand(network, demand)), Scenario())
    flow = {"T": result.transformers.loc["T", "p_hv_kw"], **result.lines["p_from_kw"]}
    loss = {"T": result.transformers.loc["T", "loss_kw"], **result.lines["loss_kw"]}
    for bus, element in FEEDS.items():
        behind = [FEEDS[other] for other in FEEDS if bus in _way_up(other)]
        assert flow[element] - sum(loss[one] for one in behind) == pytest.approx(PEAK_KW[element], abs=1e-4)
    assert flow["T"] == pytest.approx(PEAK_KW["T"] + sum(loss.values()), abs=1e-4)


def test_voltages_are_those_of_a_sweep_by_hand() -> None:
    network, demand = feeder()
    model = demand_model(network, demand.groups, demand.kinds)
    solved = solve_demand(model, demand, ALL_PEAK, keep=KEEP_ALL)
    by_hand = {bus: abs(kv) / 0.4 for bus, kv in hand_voltages().items()}
    assert by_hand["H6"] < 0.998 < by_hand["B"] < 1.012  # there is something to find
    found = solved.vm_pu.iloc[0]
    assert found.to_dict() == {bus: pytest.approx(pu, abs=1e-6) for bus, pu in by_hand.items()}
    hour = solved.hours.iloc[0]
    assert hour["demand_kw"] == pytest.approx(PEAK_KW["T"], abs=1e-6)
    assert hour["transformer_loading_max_percent"] == pytest.approx(_hand_loading_percent(), abs=1e-3)


def test_pandapower_power_grid_model_and_the_engine_agree() -> None:
    from tests.third_opinion import third_opinion

    network, demand = feeder()
    net = build_model(network_with_demand(network, demand)).net
    pandapower.runpp(net, calculate_voltage_angles=True, numba=False, tolerance_mva=1e-12)
    model = demand_model(network, demand.groups, demand.kinds)
    engine = solve_demand(model, demand, ALL_PEAK, keep=KEEP_ALL).vm_pu.iloc[0]
    np.testing.assert_allclose(engine, net.res_bus["vm_pu"], rtol=0, atol=1e-8)
    inner = net._ppc["internal"]
    np.testing.assert_allclose(third_opinion(net).voltage_pu, inner["V"], rtol=0, atol=1e-8)


@pytest.mark.parametrize("count", [1, 2, 7, 40, 200])
def test_equal_homes_follow_the_formula_at_every_level(count: int) -> None:
    """`count` homes in a row along one cable: the k-th section from the end carries k of them."""
    at = range(1, count + 1)
    buses = "\n".join(f"bus P{number} 0.4" for number in range(count + 1))
    cables = "\n".join(f"line c{number} P{number - 1} P{number} 5 {CABLE}" for number in at)
    homes = "\n".join(f"load h{number} P{number} 10 residential 1 q_kvar=0" for number in at)
    network = network_from_text(f"{buses}\nsource S P0\n{cables}\n{homes}")
    supply = trace_supply(network)
    demand = coincident_demand(supply, customers_of(network), {"residential": RUSCK})
    carried = supply.sum_downstream(pd.Series(demand.kva[:, 0].real, network.buses.index))
    behind = np.arange(count, 0, -1)
    expected = 10.0 * behind * (0.2 + 0.8 / np.sqrt(behind))
    np.testing.assert_allclose(carried.iloc[1:], expected, rtol=1e-12)


# --- the demo area -------------------------------------------------------------------------------------


@cache
def demo_supply() -> Supply:
    return trace_supply(demo())


@cache
def demo_homes():  # type: ignore[no-untyped-def]
    """Today's demand of the demo area with homes after Rusck, and its model."""
    today = demand_today(demo(), demo_supply(), {"residential": RUSCK, "heat_pump": RUSCK})
    return today, today.model_on(demo())


def test_three_ways_through_the_demo_area_agree() -> None:
    """The seam's engine, a load flow of the plain network, and pandapower hour by hour."""
    today, model = demo_homes()
    hours = today.factors.iloc[[0, 4_000, 8_347]].assign(pv=[0.0, 0.8, 0.1])
    engine = solve_demand(model, today.demand, hours, keep=KEEP_ALL)
    kept = places_of(model, KEEP_ALL)
    points = points_of_demand(model, today.demand, hours)
    slow = solve_one_by_one(model, points, bounds=None, kept=kept, per_element=True, why="the test asks")
    np.testing.assert_allclose(engine.vm_pu, slow.vm_pu, rtol=0, atol=1e-8)
    np.testing.assert_allclose(engine.line_loading_percent, slow.line_percent, rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(engine.hours["source_kw"], slow.source_kva.real, rtol=1e-6)
    for number, hour in enumerate(hours.index):
        plain = run_load_flow(
            build_model(network_with_demand(demo(), at_hour(today, number, hours))), ALL_GENERATION
        )
        np.testing.assert_allclose(engine.vm_pu.loc[hour], plain.buses["vm_pu"], rtol=0, atol=1e-8)
        loading = engine.transformer_loading_percent.loc[hour]
        np.testing.assert_allclose(loading, plain.transformers["loading_percent"], rtol=1e-6)
        assert engine.hours.loc[hour, "loss_kw"] == pytest.approx(plain.loss_kw, rel=1e-6)
        assert engine.hours.loc[hour, "demand_kw"] == pytest.approx(plain.demand_kw, rel=1e-9)


def at_hour(today, number: int, hours: pd.DataFrame) -> BusDemand:  # type: ignore[no-untyped-def]
    demand, row = today.demand, hours.iloc[number]
    return dataclasses.replace(
        demand,
        kva=demand.kva * row[list(demand.groups)].to_numpy(),
        feed_kw=demand.feed_kw * row[list(demand.kinds)].to_numpy(),
    )


def test_every_hour_of_a_diversified_year_adds_up() -> None:
    today, model = demo_homes()
    hours = solve_demand(model, today.demand, today.factors).hours
    assert (hours["status"] == "converged").all()
    demanded = today.total_kw()
    np.testing.assert_allclose(hours["demand_kw"], demanded, rtol=1e-9)
    np.testing.assert_allclose(hours["served_kw"] + hours["unserved_kw"], demanded, rtol=1e-6)
    supplied = hours["source_kw"] + hours["generation_kw"]
    np.testing.assert_allclose(supplied, hours["served_kw"] + hours["loss_kw"], rtol=1e-6)


def test_every_branch_of_the_demo_area_carries_its_own_coincident_peak() -> None:
    today, _ = demo_homes()
    plain = run_load_flow(build_model(network_with_demand(demo(), today.demand)), Scenario())
    carried_kw = carried_less_losses_kw(demo(), demo_supply(), plain)
    placed = today.customers[today.customers["status"] == "placed"]
    behind_kw = sum(
        peaks_behind(demo_supply(), placed[placed["group"] == group], method).real
        for group, method in today.methods.items()
    )
    expected_kw = pd.Series(behind_kw, demo().buses.index)[carried_kw.index]
    assert len(carried_kw) > 3_000
    assert int(in_ring(demo(), demo_supply()).sum()) == 4
    np.testing.assert_allclose(carried_kw, expected_kw, rtol=1e-6, atol=0.01)


def test_the_seam_is_on_the_safe_side_of_the_state_of_each_path() -> None:
    """Where only the path to a home is loaded without diversity, its voltage is no lower and no branch of
    the path more loaded; what the seam has more are losses beside the path."""
    today, _ = demo_homes()
    homes = today.customers.loc[today.customers["group"] == "residential", "bus_id"].unique()
    drawn = np.random.default_rng(3).permutation(homes)[:4].tolist()
    for check in check_paths(demo(), today.customers, today.methods, drawn):
        assert check.least_kw >= 0.0
        assert -0.005 <= check.vm_pu <= 0.0
        assert 0.0 <= check.least_percent <= check.most_percent <= 6.0


# Figures of record of the demo area: transformers over 100 %, LV buses under 0.90 pu.
RECORD = {"base": (0, 0), "heat pumps": (1, 0), "EV 1.5 kW in every home": (8, 569)}


@cache
def undiversified() -> tuple[BusDemand, pd.DataFrame]:
    """The file's loads as they stand, and 1.5 kW of charging in each of its 1,506 homes, cos phi 1."""
    homes = demo().loads["customer_class"] == "residential"
    customers = customers_of(demo())
    charging = customers[homes.to_numpy()].assign(group="ev", peak_kw=1.5, tan_phi=0.0)
    assert charging["customers"].sum() == 1506
    both = pd.concat([customers, charging], ignore_index=True)
    groups = sorted(both["group"].unique())
    demand = coincident_demand(demo_supply(), both, {group: AsGiven() for group in groups})
    hours = pd.date_range("2025-01-01", periods=3, freq="h", tz="UTC")
    factors = pd.DataFrame(1.0, hours, groups)
    factors["heat_pump"], factors["ev"] = [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]
    return demand, factors


def found_over_and_under(vm_pu: np.ndarray, transformer_percent: np.ndarray) -> tuple[int, int]:
    low_voltage = (demo().buses["vn_kv"] < 1.0).to_numpy()
    return int((transformer_percent > 100.0).sum()), int((vm_pu[low_voltage] < 0.90).sum())


def test_the_demo_areas_figures_of_record_come_out_undiversified() -> None:
    demand, factors = undiversified()
    solved = solve_demand(demand_model(demo(), demand.groups, demand.kinds), demand, factors, keep=KEEP_ALL)
    volts, loads = solved.vm_pu.to_numpy(), solved.transformer_loading_percent.to_numpy()
    assert [found_over_and_under(*hour) for hour in zip(volts, loads, strict=True)] == list(RECORD.values())


@pytest.mark.parametrize("case", RECORD)
def test_plain_pandapower_finds_the_figures_of_record(case: str) -> None:
    """From the file's own tables, without the seam."""
    network = demo()
    homes = network.loads[network.loads["customer_class"] == "residential"]
    charging = homes.assign(p_kw=1.5 * (case not in ("base", "heat pumps")), q_kvar=0.0)
    loads = pd.concat([network.loads, charging.rename(index=lambda load_id: f"ev:{load_id}")])
    if case == "base":
        loads = loads[loads["customer_class"] != "heat_pump"]
    loads.index.name = network.loads.index.name
    net = solved_by_pandapower(dataclasses.replace(network, loads=loads))
    found = found_over_and_under(net.res_bus["vm_pu"].to_numpy(), net.res_trafo["loading_percent"].to_numpy())
    assert found == RECORD[case]


def solved_by_pandapower(network: Network) -> pandapowerNet:
    net = build_model(network).net
    net.sgen["in_service"] = False
    pandapower.runpp(net, calculate_voltage_angles=True, numba=False)
    return net


def _way_up(bus: str) -> list[str]:
    """The bus and those between it and the source."""
    way = [bus]
    while way[-1] in UP:
        way.append(UP[way[-1]])
    return way


def _hand_loading_percent() -> float:
    """Largest of both sides' currents over 100 kVA's, as pandapower counts them: kVA at rated voltage."""
    volts = hand_voltages()
    current = (volts["Q"] - volts["B"]) / _transformer_ohm()
    return abs(current) * 0.4 / 0.1 * 100.0
