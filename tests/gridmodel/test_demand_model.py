"""Demand solved on one model: every hour is the load flow of that hour's network, and adds up on any grid."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from gis.examples import network_from_text
from gridmodel import KEEP_ALL, ProfileResults, Scenario, build_model, run_load_flow
from gridmodel.demand_model import (
    BusDemand,
    demand_model,
    network_with_demand,
    points_of_demand,
    solve_demand,
)
from gridmodel.outcome import places_of
from gridmodel.pointwise import solve_one_by_one
from tests.gridmodel.zoo import GRIDS

GROUPS, KINDS = ("residential", "ev", "battery"), ("pv", "chp")
TOTALS = ("demand_kw", "served_kw", "unserved_kw", "generation_kw", "source_kw", "loss_kw")
HOURS = 24


def drawn_demand(buses: int, seed: int) -> BusDemand:
    """A few kW a bus; a third of the buses gain diversity, so that they draw less than nothing."""
    lot = np.random.default_rng(seed)
    kva = lot.uniform(0.0, 6.0, (buses, len(GROUPS))) * (1.0 + 1j * lot.uniform(-0.2, 0.5, (buses, 1)))
    kva[lot.random(buses) < 0.33] *= -0.5
    return BusDemand(GROUPS, kva, KINDS, lot.uniform(0.0, 4.0, (buses, len(KINDS))))


def drawn_factors(seed: int, hours: int = HOURS) -> pd.DataFrame:
    """Factors of customers from 0 to 1, of a battery from -1 to 1, of generation 0 in half of the hours."""
    lot = np.random.default_rng(seed)
    index = pd.date_range("2025-03-29", periods=hours, freq="h", tz="UTC")
    factors = pd.DataFrame(lot.uniform(0.0, 1.0, (hours, 5)), index, [*GROUPS, *KINDS])
    factors["battery"] = lot.uniform(-1.0, 1.0, hours)
    factors.loc[index[::2], list(KINDS)] = 0.0
    return factors


def solved(grid: str, seed: int = 3) -> tuple[ProfileResults, BusDemand, pd.DataFrame]:
    network, factors = network_from_text(GRIDS[grid]), drawn_factors(seed)
    demand = drawn_demand(len(network.buses), seed)
    model = demand_model(network, GROUPS, KINDS)
    return solve_demand(model, demand, factors, keep=KEEP_ALL), demand, factors


def at_hour(demand: BusDemand, row: pd.Series) -> BusDemand:
    groups, kinds = row[list(demand.groups)].to_numpy(), row[list(demand.kinds)].to_numpy()
    return dataclasses.replace(demand, kva=demand.kva * groups, feed_kw=demand.feed_kw * kinds)


@pytest.mark.parametrize("grid", GRIDS)
def test_every_hour_is_the_load_flow_of_that_hours_network(grid: str) -> None:
    results, demand, factors = solved(grid)
    network = network_from_text(GRIDS[grid])
    for number in (0, 7, HOURS - 1):
        hour = factors.index[number]
        of_hour = network_with_demand(network, at_hour(demand, factors.iloc[number]))
        single = run_load_flow(build_model(of_hour), Scenario(generation_factor=1.0))
        np.testing.assert_allclose(results.vm_pu.loc[hour], single.buses["vm_pu"], rtol=0, atol=1e-8)
        lines = results.line_loading_percent.loc[hour]
        np.testing.assert_allclose(lines, single.lines["loading_percent"], rtol=1e-6, atol=1e-5)
        summary, row = single.summary(), results.hours.loc[hour]
        for name in TOTALS:
            assert row[name] == pytest.approx(summary[name], rel=1e-6, abs=1e-4), name


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("seed", [0, 1])
def test_demand_is_served_or_unserved_and_power_adds_up_in_every_hour(grid: str, seed: int) -> None:
    """Totals from the demand itself, not from the model; dead buses lose theirs, and what they would feed."""
    results, demand, factors = solved(grid, seed)
    hours, supplied = results.hours, (results.buses["status"] == "supplied").to_numpy()
    per_bus_kw = factors[list(GROUPS)].to_numpy() @ demand.kva.real.T
    feed_kw = factors[list(KINDS)].to_numpy() @ demand.feed_kw.T
    assert (hours["status"] == "converged").all()
    np.testing.assert_allclose(hours["demand_kw"], per_bus_kw.sum(axis=1), rtol=0, atol=1e-6)
    np.testing.assert_allclose(hours["served_kw"], per_bus_kw[:, supplied].sum(axis=1), rtol=0, atol=1e-6)
    np.testing.assert_allclose(hours["unserved_kw"], per_bus_kw[:, ~supplied].sum(axis=1), rtol=0, atol=1e-6)
    np.testing.assert_allclose(hours["generation_kw"], feed_kw[:, supplied].sum(axis=1), rtol=0, atol=1e-6)
    # The voltages of every bus are solved to 1e-8 pu: a kW of flow is known to 1e-6 of itself.
    left_kw = hours["source_kw"] + hours["generation_kw"] - hours["served_kw"] - hours["loss_kw"]
    assert left_kw.abs().max() <= 1e-6 * per_bus_kw.__abs__().sum(axis=1).max()


@pytest.mark.parametrize("grid", ["station", "oddities", "ring", "sources", "coupler"])
def test_pandapower_hour_by_hour_gives_the_same(grid: str) -> None:
    results, demand, factors = solved(grid)
    model = demand_model(network_from_text(GRIDS[grid]), GROUPS, KINDS)
    points = points_of_demand(model, demand, factors)
    kept = places_of(model, KEEP_ALL)
    slow = solve_one_by_one(model, points, bounds=None, kept=kept, per_element=True, why="the test asks")
    np.testing.assert_allclose(results.vm_pu, slow.vm_pu, rtol=0, atol=1e-8)
    np.testing.assert_allclose(results.line_loading_percent, slow.line_percent, rtol=1e-6, atol=1e-5)
    for name in TOTALS[:-2]:
        np.testing.assert_allclose(results.hours[name], getattr(slow, name), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(results.hours["source_kw"], slow.source_kva.real, rtol=1e-6, atol=1e-4)


def test_the_model_is_the_same_after_any_demand() -> None:
    network = network_from_text(GRIDS["station"])
    model, factors = demand_model(network, GROUPS, KINDS), drawn_factors(5)
    first, other = drawn_demand(len(network.buses), 5), drawn_demand(len(network.buses), 6)
    before = solve_demand(model, first, factors).hours
    changed = solve_demand(model, other, factors).hours
    again = solve_demand(model, first, factors).hours
    assert not np.allclose(before["demand_kw"], changed["demand_kw"])
    pd.testing.assert_frame_equal(before, again)


def test_an_empty_demand_leaves_an_empty_grid() -> None:
    network = network_from_text(GRIDS["station"])
    buses = len(network.buses)
    nothing = BusDemand((), np.zeros((buses, 0), dtype=complex), (), np.zeros((buses, 0)))
    factors = drawn_factors(0)[[]]
    hours = solve_demand(demand_model(network, (), ()), nothing, factors).hours
    assert (hours[["demand_kw", "served_kw", "unserved_kw", "generation_kw"]] == 0.0).all(axis=None)
    np.testing.assert_allclose(hours["source_kw"], hours["loss_kw"], rtol=0, atol=1e-6)
    plain = network_with_demand(network, nothing)
    assert plain.loads.empty
    assert plain.generators.empty


def test_a_plain_network_of_the_demand_keeps_every_row_that_draws() -> None:
    network = network_from_text(GRIDS["oddities"])
    demand = drawn_demand(len(network.buses), 4)
    demand.kva[2] = [0.0, 1j, -2.0]  # nothing, reactive power alone, diversity
    plain = network_with_demand(network, demand)
    bus = network.buses.index[2]
    here = plain.loads[plain.loads["bus_id"] == bus]
    assert here.index.tolist() == [f"{bus}|ev", f"{bus}|battery"]
    assert plain.loads["p_kw"].sum() == pytest.approx(demand.kva.real.sum())
    assert plain.loads["q_kvar"].sum() == pytest.approx(demand.kva.imag.sum())
    assert plain.generators["p_kw"].sum() == pytest.approx(demand.feed_kw.sum())
    assert plain.loads.dtypes.equals(network.loads.dtypes)
    assert plain.generators.dtypes.equals(network.generators.dtypes)
    assert plain.loads.geometry.crs == network.crs


def test_order_and_number_of_the_factors_columns_do_not_matter() -> None:
    network, factors = network_from_text(GRIDS["station"]), drawn_factors(1)
    model, demand = demand_model(network, GROUPS, KINDS), drawn_demand(len(network.buses), 1)
    turned = factors.assign(nobody=7.0)[["nobody", *factors.columns[::-1]]]
    one, other = (solve_demand(model, demand, table).hours for table in (factors, turned))
    pd.testing.assert_frame_equal(one, other)


def test_quarters_of_an_hour_count_a_quarter() -> None:
    network, factors = network_from_text(GRIDS["station"]), drawn_factors(1)
    model, demand = demand_model(network, GROUPS, KINDS), drawn_demand(len(network.buses), 1)
    whole, quarter = (solve_demand(model, demand, factors, step_h=step).energy_kwh for step in (1.0, 0.25))
    pd.testing.assert_series_equal(quarter, whole / 4.0)


def test_demand_that_feeds_more_than_all_others_draw_adds_up_too() -> None:
    """Batteries that give back 150 MW: the balance is allowed a share of what flows, whichever way."""
    network = network_from_text("bus A 110\nsource S A\nload H A 5 residential 1")
    kva = np.array([[1.0, 150_000.0]], dtype=complex)
    demand = BusDemand(("residential", "battery"), kva, (), np.zeros((1, 0)))
    hour = pd.date_range("2025-07-01", periods=1, freq="h", tz="UTC")
    factors = pd.DataFrame({"residential": [1.0], "battery": [-1.0]}, hour)
    found = solve_demand(demand_model(network, demand.groups, ()), demand, factors).hours.iloc[0]
    assert found["demand_kw"] == pytest.approx(-149_999.0)
    assert found["source_kw"] == pytest.approx(-149_999.0)
    plain = run_load_flow(
        build_model(network_with_demand(network, at_hour(demand, factors.iloc[0]))), Scenario()
    )
    assert plain.served_kw == pytest.approx(-149_999.0)


def refused(match: str, demand: BusDemand, factors: pd.DataFrame) -> None:
    model = demand_model(network_from_text(GRIDS["station"]), GROUPS, KINDS)
    with pytest.raises(ValueError, match=match):
        solve_demand(model, demand, factors)


def test_a_demand_of_other_groups_is_refused() -> None:
    demand, factors = drawn_demand(5, 0), drawn_factors(0)
    fewer = dataclasses.replace(demand, groups=GROUPS[:2], kva=demand.kva[:, :2])
    refused("built for the groups residential, ev, battery, not for residential, ev$", fewer, factors)
    other = dataclasses.replace(demand, groups=("ev", "residential", "battery"))
    refused("built for the groups", other, factors)
    refused("built for the kinds", dataclasses.replace(demand, kinds=("pv", "wind")), factors)


def test_a_demand_of_another_network_is_refused() -> None:
    refused("5 buses", drawn_demand(6, 0), drawn_factors(0))


@pytest.mark.parametrize("lost", ["ev", "pv"])
def test_a_missing_profile_is_named(lost: str) -> None:
    refused(lost, drawn_demand(5, 0), drawn_factors(0).drop(columns=lost))


def test_factors_that_are_no_numbers_are_named() -> None:
    factors = drawn_factors(0)
    factors.loc[factors.index[3], "ev"] = np.nan
    refused("ev", drawn_demand(5, 0), factors)


def test_powers_that_are_no_numbers_are_named() -> None:
    demand = drawn_demand(5, 0)
    demand.kva[2, 1] = np.nan
    refused("ev", demand, drawn_factors(0))


def test_hours_without_a_zone_are_refused() -> None:
    factors = drawn_factors(0)
    refused("zone", drawn_demand(5, 0), factors.set_axis(factors.index.tz_localize(None)))
