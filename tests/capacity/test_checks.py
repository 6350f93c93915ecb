"""Checks: each fires beyond its limit and only there; relative bands; nothing said of dead elements."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capacity.checks import (
    CHECKS,
    VIOLATION_COLUMNS,
    State,
    Yardstick,
    band_used_percent,
    broken_limits,
    make_yardstick,
    violations,
    voltage_bounds,
)
from capacity.limits import profile_names, read_limits
from gis import InputError, Network
from gis.examples import network_from_text
from gridmodel import build_model, run_load_flow
from tests.capacity.grids import calm, grid, station, with_column, yardstick_of

# What a check looks at: array of the state, limit under EN 50160, direction of harm.
AT_LIMIT = {
    "undervoltage": ("vm_pu", 0.90, -1),
    "overvoltage": ("vm_pu", 1.10, +1),
    "line_overload": ("line_loading_percent", 100.0, +1),
    "transformer_overload": ("transformer_loading_percent", 100.0, +1),
}
NETWORK = station()
YARDSTICKS = {name: make_yardstick(NETWORK, read_limits(name)) for name in profile_names()}


def _state(network: Network, field: str, value: float) -> State:
    values = getattr(calm(network), field).copy()
    values[-1] = value
    return dataclasses.replace(calm(network), **{field: values})


def _volts(network: Network, **vm_pu: float) -> State:
    values = np.ones(len(network.buses))
    for bus_id, value in vm_pu.items():
        values[network.buses.index.get_loc(bus_id)] = value
    return dataclasses.replace(calm(network), vm_pu=values)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_check_fires_just_beyond_its_limit_and_not_at_it(check) -> None:  # type: ignore[no-untyped-def]
    network = station()
    yardstick = yardstick_of(network)
    field, limit, harm = AT_LIMIT[check.__name__]
    assert check(yardstick, _state(network, field, limit)).empty
    found = check(yardstick, _state(network, field, np.nextafter(limit, harm * np.inf)))
    assert found[["check", "limit"]].values.tolist() == [[check.__name__, limit]]
    table = {"vm_pu": network.buses, "line_loading_percent": network.lines}.get(field, network.transformers)
    assert found["element_id"].tolist() == [table.index[-1]]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_check_says_nothing_of_dead_elements(check) -> None:  # type: ignore[no-untyped-def]
    network = station()
    assert check(yardstick_of(network), _state(network, AT_LIMIT[check.__name__][0], np.nan)).empty


def test_excess_is_counted_against_the_limit() -> None:
    network = station()
    found = broken_limits(yardstick_of(network), _state(network, "line_loading_percent", 125.0))
    assert found["excess_percent"].tolist() == [pytest.approx(25.0)]
    found = broken_limits(yardstick_of(network), _volts(network, A2=0.81))
    assert found["excess_percent"].tolist() == [pytest.approx(10.0)]


def test_dena_bands_count_from_the_stations_busbar_by_hand() -> None:
    """B1 at 0.99: the grid behind it may lie between 0.99 - 0.065 and 0.99 + 0.035."""
    network = station()
    state = _volts(network, B1=0.99)
    low, high = voltage_bounds(yardstick_of(network, "dena"), state)
    row = network.buses.index.get_loc("A2")
    assert (low[row], high[row]) == (pytest.approx(0.925), pytest.approx(1.025))


def test_dena_station_band_counts_from_the_bus_above_the_transformer_by_hand() -> None:
    """M2 at 1.01: its station may lower it by 2 % and raise it by 1.5 %."""
    network = station()
    low, high = voltage_bounds(yardstick_of(network, "dena"), _volts(network, M2=1.01))
    row = network.buses.index.get_loc("B1")
    assert (low[row], high[row]) == (pytest.approx(0.99), pytest.approx(1.025))


def test_dena_medium_voltage_counts_from_the_source_where_no_substation_is_drawn() -> None:
    """M1 is the source's bus at 1.03: M2 may fall to 1.015."""
    network = station()
    yardstick = yardstick_of(network, "dena")
    inside = _volts(network, M1=1.03, M2=1.0151)
    assert broken_limits(yardstick, inside).empty
    outside = _volts(network, M1=1.03, M2=1.0149)
    assert broken_limits(yardstick, outside)[["check", "element_id"]].values.tolist() == [
        ["undervoltage", "M2"]
    ]


def test_a_transformer_that_feeds_nothing_sets_no_station_band() -> None:
    """T1 is off; B1 is fed over L9 from B2, 3 % under M2.

    M1 --K1-- M2 ==T1 off== B1 --L9-- B2 ==T2== M1
    """
    buses = [
        ("M1", 20.0, 0.0, 0.0),
        ("M2", 20.0, 1000.0, 0.0),
        ("B1", 0.4, 1010.0, 0.0),
        ("B2", 0.4, 10.0, 0.0),
    ]
    network = grid(
        buses,
        [("K1", "M1", "M2", 1000.0), ("L9", "B2", "B1", 1000.0)],
        transformers=[("T1", "M2", "B1"), ("T2", "M1", "B2")],
    )
    network = with_column(network, "transformers", "in_service", {"T1": False})
    found = broken_limits(yardstick_of(network, "dena"), _volts(network, B1=0.97))
    assert found.empty


def test_a_source_with_the_id_of_a_transformer_does_not_lend_it_its_busbar() -> None:
    network = station(sources=[("T1", "M1", 1.0)])
    yardstick = yardstick_of(network, "dena")
    busbar = network.buses.index[yardstick.busbar[network.buses.index.get_loc("M2")]]
    assert busbar == "M1"


@pytest.mark.parametrize("overloaded", [False, True])
def test_violations_have_fixed_columns_even_when_empty(overloaded: bool) -> None:
    network = station(a2_kw=300.0 if overloaded else 30.0)
    found = violations(yardstick_of(network), run_load_flow(build_model(network)))
    assert tuple(found.columns) == VIOLATION_COLUMNS
    assert bool(len(found)) == overloaded
    assert found["excess_percent"].is_monotonic_decreasing


def test_violations_name_the_feeder() -> None:
    network = station(a2_kw=300.0)
    found = violations(yardstick_of(network), run_load_flow(build_model(network))).set_index("element_id")
    assert found.loc["L1", "feeder_id"] == "L1"
    assert found.loc["A2", "feeder_id"] == "L1"
    assert found.loc["T1", "feeder_id"] == "K1"


def test_no_solution_is_one_violation_of_its_own() -> None:
    network = station(a2_kw=5000.0)
    found = violations(yardstick_of(network), run_load_flow(build_model(network)))
    assert found["check"].tolist() == ["no_solution"]
    assert tuple(found.columns) == VIOLATION_COLUMNS
    assert 0.0 < found["value"].iloc[0] < 1.0


def test_dead_buses_break_no_limit_and_their_customers_stand_in_the_result() -> None:
    network = station(switches=[("X", False, "A1", "lines", "L2")])
    result = run_load_flow(build_model(network))
    assert violations(yardstick_of(network), result).empty
    dead = result.loads[result.loads["status"] == "no_supply"]
    assert (dead.index.tolist(), dead["customers"].tolist(), result.unserved_kw) == (["home-A2"], [6], 30.0)


@pytest.mark.parametrize("profile", profile_names())
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_band_used_is_over_100_exactly_where_the_band_is_broken(profile: str, data: st.DataObject) -> None:
    network, yardstick = NETWORK, YARDSTICKS[profile]
    volts = st.floats(0.8, 1.2) | st.sampled_from([0.9, 0.95, 1.0, 1.05, 1.1])
    state = dataclasses.replace(
        calm(network), vm_pu=np.array(data.draw(st.lists(volts, min_size=6, max_size=6)))
    )
    broken = network.buses.index.isin(broken_limits(yardstick, state)["element_id"])
    assert ((band_used_percent(yardstick, state) > 100.0) == broken).all()


@pytest.mark.parametrize("profile", profile_names())
@pytest.mark.parametrize("bus_id", ["B1", "A2", "M2"])
@pytest.mark.parametrize("side", [0, 1])
def test_band_used_is_exactly_100_at_the_limit(profile: str, bus_id: str, side: int) -> None:
    network = station()
    yardstick: Yardstick = yardstick_of(network, profile)
    state = _volts(network, M1=1.01)
    row = network.buses.index.get_loc(bus_id)
    bounds = voltage_bounds(yardstick, state)[side]
    state.vm_pu[row] = bounds[row]
    assert band_used_percent(yardstick, state)[row] == 100.0
    assert broken_limits(yardstick, state).query("element_id == @bus_id").empty


def test_band_used_is_missing_where_a_bus_is_dead() -> None:
    network = station()
    used = band_used_percent(yardstick_of(network), _volts(network, A2=np.nan))
    assert np.isnan(used[network.buses.index.get_loc("A2")])
    assert used[network.buses.index.get_loc("A1")] == 0.0


def test_a_voltage_without_a_band_is_refused_and_named() -> None:
    limits = read_limits("en50160")
    low_only = limits.model_copy(update={"voltage": limits.voltage[:1]})
    network = network_from_text("bus A 110\nbus B 20\nsource grid A\nline L A B 10 x\nload x B 3")
    with pytest.raises(InputError, match=r"'110': the limits have no voltage band"):
        make_yardstick(network, low_only)
