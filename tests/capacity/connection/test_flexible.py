"""Flexible supply: rooms that hold and are the largest, energy that adds up, more asked is more cut."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandapower
import pandas as pd
import pytest

from capacity.connection.flexible import (
    BINDING_COLUMNS,
    MONTH_COLUMNS,
    FlexibleSupply,
    flexible_supply,
    hourly_kw,
)
from capacity.connection.flexible import _window as longest_window
from capacity.connection.option import SupplyOption
from capacity.connection.turning import flexible_option
from capacity.demand.development import Development
from gis.changes import apply_changes
from gridmodel import build_model
from gridmodel.bus_power import with_bus_power
from tests.capacity.connection.site_town import MILL_LANE, answer, town, winter_week


def option() -> SupplyOption:
    found = flexible_option(answer())
    assert found is not None
    return found


@cache
def supply(development: Development = MILL_LANE) -> FlexibleSupply:
    return flexible_supply(town(), development, option(), profiles=winter_week())


def test_the_option_is_one_that_the_station_does_not_carry_alone() -> None:
    assert option().kind == "lv_busbar"
    assert supply().binding["element_id"].tolist() == ["T1"]


def test_energy_asked_is_delivered_and_curtailed() -> None:
    found = supply()
    drawn, _ = hourly_kw(MILL_LANE, town().assumptions, winter_week())
    assert found.asked_kwh == pytest.approx(drawn.sum())
    assert found.asked_kwh == pytest.approx(found.delivered_kwh + found.curtailed_kwh)
    assert found.share == pytest.approx(found.curtailed_kwh / found.asked_kwh)
    assert list(found.by_month.columns) == list(MONTH_COLUMNS)
    assert found.by_month["curtailed_kwh"].sum() == pytest.approx(found.curtailed_kwh)
    assert found.by_month["hours"].sum() == found.hours == (found.by_hour["curtailed_kw"] > 0.0).sum()
    assert found.largest_cut_kw == found.by_hour["curtailed_kw"].max()


def _loading_percent(hour: int, site_kw: float) -> float:
    """Loading of T1 by plain pandapower, with the site's power at its bus in one hour."""
    network = apply_changes(town().network, option().changes)
    factor = winter_week().factors["residential"].iloc[hour]
    kva = np.zeros(len(network.buses), dtype=complex)
    at = network.buses.index.get_indexer(network.loads["bus_id"])
    tan_phi = np.tan(np.arccos(0.95))
    np.add.at(kva, at, network.loads["p_kw"].to_numpy() * factor * (1.0 + 1j * tan_phi))
    kva[network.buses.index.get_loc(option().site_bus_id)] += site_kw * (1.0 + 1j * tan_phi)
    net = build_model(with_bus_power(network, kva)).net
    pandapower.runpp(net, numba=False)
    return float(net.res_trafo["loading_percent"].iloc[0])


def test_the_room_of_an_hour_holds_and_is_the_largest_by_pandapower() -> None:
    room = supply().by_hour["room_kw"].to_numpy()
    hour = int(room.argmin())
    assert 0.0 < room[hour] < supply().demand_kw
    assert _loading_percent(hour, room[hour]) <= 100.0 + 1e-3
    assert _loading_percent(hour, room[hour] + 1.0) > 100.0


def test_firm_is_the_least_hour_and_the_valley_holds_more() -> None:
    found = supply()
    assert found.firm_kw == pytest.approx(found.by_hour["room_kw"].min())
    assert found.firm_kw < found.valley_kw <= found.demand_kw
    assert found.window is not None and f"{found.window[0]}:00" in found.sentence


def test_more_homes_are_cut_more_and_fewer_not_at_all() -> None:
    more = supply(replace(MILL_LANE, dwellings=64))
    fewer = supply(replace(MILL_LANE, dwellings=16))
    assert more.curtailed_kwh > supply().curtailed_kwh and more.hours >= supply().hours
    assert fewer.hours == 0 and fewer.curtailed_kwh == 0.0
    assert fewer.firm_kw == pytest.approx(fewer.demand_kw)
    assert fewer.window == (0, 24) and fewer.binding.empty
    assert list(fewer.binding.columns) == list(BINDING_COLUMNS)


def test_roofs_feed_in_and_what_is_too_much_is_cut() -> None:
    sunny = replace(MILL_LANE, dwellings=4, pv_kw=2000.0)
    found = supply(sunny)
    assert found.fed_kwh > 0.0
    assert 0.0 < found.feed_curtailed_kwh < found.fed_kwh
    assert (found.by_hour["asked_kw"] * found.by_hour["fed_kw"] == 0.0).all()
    assert set(found.binding["direction"]) == {"feed_in"}


def test_a_battery_waits_and_asks_for_nothing() -> None:
    market = replace(MILL_LANE, battery_kw=50.0, battery_kwh=100.0, battery_use="market")
    with_battery, _ = hourly_kw(market, town().assumptions, winter_week())
    without, _ = hourly_kw(MILL_LANE, town().assumptions, winter_week())
    assert with_battery == pytest.approx(without)


def test_what_was_accepted_before_takes_its_room_in_every_hour() -> None:
    ahead = town().connected(
        option().changes, option().site_bus_id, np.full(len(town().states), 40.0 + 13.15j)
    )
    mine = replace(option(), changes=type(option().changes)())
    found = flexible_supply(ahead, MILL_LANE, mine, profiles=winter_week())
    assert found.firm_kw == pytest.approx(supply().firm_kw - 40.0, abs=3.0)
    assert found.curtailed_kwh > supply().curtailed_kwh


@pytest.mark.parametrize(
    ("free", "window"),
    [(range(24), (0, 24)), ((22, 23, 0, 1), (22, 2)), ((3, 4, 10), (3, 5)), ((), None), ((23,), (23, 24))],
)
def test_the_window_is_the_longest_run_over_midnight_too(
    free: tuple[int, ...], window: tuple[int, int] | None
) -> None:
    hours = np.arange(48) % 24
    assert longest_window(np.isin(hours, list(free)), hours) == window


def test_what_cannot_be_built_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be built: no way"):
        flexible_supply(town(), MILL_LANE, replace(option(), problem="no way"))


def test_hours_follow_the_parts_of_the_site() -> None:
    drawn, fed = hourly_kw(replace(MILL_LANE, pv_kw=10.0), town().assumptions, winter_week())
    assert isinstance(supply().by_hour.index, pd.DatetimeIndex)
    assert (drawn > 0.0).all() and fed.max() <= 10.0 * 0.85
