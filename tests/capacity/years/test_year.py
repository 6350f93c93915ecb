"""A year by hand and by pandapower hour by hour: loading, hours over, energy beyond the limit, balance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capacity.demand.coincidence import Rusck
from capacity.years.year import step_h, study_year
from gis.examples import network_from_text
from gridmodel import LoadFlowResult, build_model, find_scenario, run_load_flow
from tests.capacity.grids import STATION_BUSES, STATION_LINES, demo, grid, yardstick_of
from tests.capacity.years.years_by_hand import findings_of, town, year_of

FACTORS = [0.4, 1.0, 0.9, 0.7]


def _by_pandapower(network, factor: float) -> LoadFlowResult:  # type: ignore[no-untyped-def]
    scenario = replace(find_scenario(network, None), load_factor=factor)
    return run_load_flow(build_model(network), scenario)


def test_a_year_within_its_limits_is_over_nowhere() -> None:
    network = town()
    _, found = findings_of(network, year_of(network, {"residential": FACTORS}))
    assert not found.lines["hours_over"].any() and not found.lines["kwh_over"].any()
    assert not found.transformers["hours_over"].any()
    assert not found.buses["hours_below"].any()
    assert found.without_solution.empty
    assert found.label == "test@2030"
    assert found.buses["feeder_id"].to_dict()["A2"] == "L1"


def test_loading_and_hours_are_those_of_pandapower_hour_by_hour() -> None:
    network = town(a2_kw=180.0)
    demand = year_of(network, {"residential": FACTORS})
    _, found = findings_of(network, demand)
    solved = [_by_pandapower(network, factor) for factor in FACTORS]
    for table in ("lines", "transformers"):
        loading = pd.DataFrame([getattr(one, table)["loading_percent"] for one in solved])
        ours = found.branches(table)
        assert ours["loading_max_percent"].to_numpy() == pytest.approx(loading.max().to_numpy(), abs=1e-4)
        assert ours["hours_over"].to_numpy() == pytest.approx((loading > 100.0).sum().to_numpy())
        assert (ours["loading_max_hour"] == demand.profiles.time[1]).all()
    vm_pu = pd.DataFrame([one.buses["vm_pu"] for one in solved])
    assert found.buses["vm_min_pu"].to_numpy() == pytest.approx(vm_pu.min().to_numpy(), abs=1e-7)
    assert found.buses["hours_below"].to_numpy() == pytest.approx((vm_pu < 0.9).sum().to_numpy())
    assert found.over("lines").index.tolist() == ["L1", "L2"]
    assert found.lines.loc["L1", "hours_over"] == 2.0


def test_energy_beyond_the_limit_by_hand() -> None:
    """sqrt 3 x 0.4 kV x V at B1 x (I - 270 A) x cos phi 0.95, over the two hours that are over."""
    network = town(a2_kw=180.0)
    _, found = findings_of(network, year_of(network, {"residential": FACTORS}))
    by_hand = 0.0
    for factor in FACTORS:
        one = _by_pandapower(network, factor)
        beyond_a = max(one.lines.loc["L1", "i_a"] - 270.0, 0.0)
        cos_phi = np.cos(np.arctan(_tan_phi(network)))
        by_hand += np.sqrt(3.0) * 0.4 * one.buses.loc["B1", "vm_pu"] * beyond_a * cos_phi
    assert by_hand > 10.0
    assert found.lines.loc["L1", "kwh_over"] == pytest.approx(by_hand, rel=1e-5)


def _tan_phi(network) -> float:  # type: ignore[no-untyped-def]
    demand = year_of(network, {"residential": [1.0]}).demand
    return float(demand.kva.imag.sum() / demand.kva.real.sum())


def test_energy_beyond_the_limit_is_about_the_power_above_it_of_a_load_flow() -> None:
    """P x (1 - 100 / loading) of pandapower; its power factor has the losses behind too."""
    network = town(loads=[("a", "B1", 200.0, 7), ("b", "B1", 150.0, 4)])
    _, found = findings_of(network, year_of(network, {"residential": FACTORS}))
    above_kw = 0.0
    for factor in FACTORS:
        row = _by_pandapower(network, factor).transformers.loc["T1"]
        above_kw += row["p_hv_kw"] * max(1.0 - 100.0 / row["loading_percent"], 0.0)
    assert found.transformers.loc["T1", "kwh_over"] == pytest.approx(above_kw, rel=0.03)
    assert found.transformers.loc["T1", "hours_over"] == 3.0


def test_feed_in_beyond_the_limit_counts_too() -> None:
    network = town(generators=[("pv-A2", "A2", 260.0)])
    _, found = findings_of(network, year_of(network, {"residential": [0.1, 0.1], "pv": [1.0, 0.2]}))
    assert found.lines.loc["L2", ["hours_over"]].tolist() == [1.0]
    assert found.lines.loc["L2", "kwh_over"] > 5.0


def test_quarters_of_an_hour_count_as_quarters() -> None:
    network = town(a2_kw=180.0)
    hourly, quarters = (
        findings_of(network, year_of(network, {"residential": FACTORS}, freq=freq))[1]
        for freq in ("h", "15min")
    )
    assert (hourly.step_h, quarters.step_h) == (1.0, 0.25)
    for name in ("hours_over", "kwh_over"):
        assert quarters.lines[name].to_numpy() == pytest.approx(0.25 * hourly.lines[name].to_numpy())
    assert quarters.energy_kwh["served"] == pytest.approx(0.25 * hourly.energy_kwh["served"])


def test_one_hour_alone_is_an_hour() -> None:
    assert step_h(year_of(town(), {"residential": [1.0]}).profiles) == 1.0


def test_hours_without_solution_are_rows_and_their_demand_is_unserved() -> None:
    network = town(a2_kw=200.0)
    _, found = findings_of(network, year_of(network, {"residential": [0.5, 30.0, 1.0]}))
    assert found.hours["status"].tolist() == ["converged", "not_converged", "converged"]
    assert found.without_solution["reason"].str.len().gt(0).all()
    assert found.energy_kwh["demand"] == pytest.approx(230.0 * 31.5)
    assert found.energy_kwh["unserved"] == pytest.approx(230.0 * 30.0)
    assert found.energy_kwh["served"] + found.energy_kwh["unserved"] == pytest.approx(
        found.energy_kwh["demand"], rel=1e-9
    )


def test_energy_balance_of_a_year_with_diversity() -> None:
    network = town()
    demand = year_of(network, {"residential": FACTORS}, methods={"residential": Rusck(g_inf=0.2, source="x")})
    _, found = findings_of(network, demand)
    assert found.energy_kwh["demand"] == pytest.approx(demand.total_kw().sum(), rel=1e-9)
    assert found.energy_kwh["source"] == pytest.approx(
        found.energy_kwh["served"] + found.energy_kwh["loss"], rel=1e-6
    )


def test_a_line_that_closes_a_loop_has_its_energy_beyond_the_limit() -> None:
    """Both ways to D carry about half of 480 kW, more than a cable of 270 A can; N closes the loop."""
    network = network_from_text(
        'bus B 0.4\nbus C 0.4\nbus D 0.4\nsource S B 1.0\nline L B C 20 "NAYY 4x150 SE"\n'
        'line M B D 20 "NAYY 4x150 SE"\nline N C D 5 "NAYY 4x150 SE"\n'
        "load H C 170 residential 1\nload J D 310 residential 1"
    )
    _, found = findings_of(network, year_of(network, {"residential": [1.0, 0.2]}))
    over = found.over("lines")
    assert len(over) and (over["kwh_over"] > 0.0).all()
    assert (found.lines.loc[~found.lines.index.isin(over.index), "kwh_over"] == 0.0).all()


@settings(max_examples=8, deadline=None)
@given(more=st.floats(1.0, 1.4), start=st.floats(0.6, 1.0))
def test_more_load_is_never_over_for_fewer_hours(more: float, start: float) -> None:
    network = town(a2_kw=180.0)
    factors = [start * factor for factor in FACTORS]
    model = year_of(network, {"residential": factors}).model_on(network)
    less, much = (
        study_year(model, yardstick_of(network), year_of(network, {"residential": [by * f for f in factors]}))
        for by in (1.0, more)
    )
    for table in ("lines", "transformers"):
        for column in ("hours_over", "loading_max_percent", "kwh_over"):
            assert (much.branches(table)[column] >= less.branches(table)[column] - 1e-6).all()
    assert (much.buses["hours_below"] >= less.buses["hours_below"]).all()


def test_a_long_cable_counts_its_hours_below_the_band() -> None:
    lines = [line if line[0] != "L2" else ("L2", "A1", "A2", 900.0) for line in STATION_LINES]
    network = grid(
        STATION_BUSES, lines, transformers=[("T1", "M2", "B1")], loads=[("b", "A2", 70.0, 6)],
    )  # fmt: skip
    _, found = findings_of(network, year_of(network, {"residential": [1.0, 0.3, 0.95]}))
    assert found.buses.loc["A2", "hours_below"] == 2.0
    assert found.buses.loc["A1", "hours_below"] == 0.0


def test_heat_pumps_of_the_demo_area_overload_one_transformer() -> None:
    network = demo()
    flat = {name: [1.0, 0.5] for name in ("mixed", "industrial", "residential", "heat_pump")}
    _, found = findings_of(network, year_of(network, {**flat, "pv": [0.0, 0.0]}))
    assert found.over("transformers").index.tolist() == ["T_idx_35"]
    assert found.transformers["loading_max_percent"].max() == pytest.approx(140.98, abs=0.01)
    assert found.transformers.loc["T_idx_35", "hours_over"] == 1.0
