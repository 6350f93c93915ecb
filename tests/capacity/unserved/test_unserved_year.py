"""Unserved demand of a year: whole in every hour, only where limits break, the same from any start."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

import capacity.unserved
from capacity.bounds import bounds_of
from capacity.checks import Yardstick, make_yardstick
from capacity.demand.coincidence import Rusck, coincident_demand
from capacity.demand.customers import customers_of
from capacity.demand.year_demand import YearDemand
from capacity.limits import read_limits
from capacity.unserved import UnservedDemand, unserved_demand, unserved_now
from capacity.unserved.least_cut import CUT_WITHIN_KW, YEAR_WITHIN_SHARE
from gis.examples import network_from_text
from gis.feeders import trace_supply
from gridmodel import GridModel, Scenario, build_model
from gridmodel.demand_model import network_with_demand, solve_demand
from gridmodel.profile_set import ProfileSet

#    S ==T== A -L- B -M- C      homes at B and C, a shop at B, chargers at every home; D has no supply
#            A -N- E            PV at E
TOWN = """
    bus S 20
    bus A 0.4
    bus B 0.4
    bus C 0.4
    bus D 0.4
    bus E 0.4
    source Q S 1.0
    transformer T S A "0.25 MVA 20/0.4 kV"
    line L A B 180 "NAYY 4x150 SE"
    line M B C 160 "NAYY 4x95 SE"
    line N A E 60 "NAYY 4x95 SE"
    load H B 160 residential 12 q_kvar=10
    load I C 150 residential 10 q_kvar=8
    load K B 60 commercial 1 q_kvar=20
    load W E 100 commercial 1 q_kvar=40
    load Z D 5 residential 1 q_kvar=1
    scenario base
"""
HOURS = 48


@cache
def town(*, ev_kw: float = 9.0, feed_kw: float = 0.0) -> tuple[GridModel, Yardstick, YearDemand]:
    network = network_from_text(TOWN)
    supply, own = trace_supply(network), customers_of(network)
    homes = own[own["group"] == "residential"]
    customers = pd.concat([own, homes.assign(group="ev", peak_kw=ev_kw, tan_phi=0.0)], ignore_index=True)
    methods = {
        "residential": Rusck(g_inf=0.3, source="test"), "commercial": Rusck(g_inf=0.8, source="test"),
        "ev": Rusck(g_inf=0.25, source="test"),
    }  # fmt: skip
    feed = np.zeros(len(network.buses))
    feed[5] = feed_kw
    demand = coincident_demand(supply, customers, methods, {"pv": feed})
    hour = np.arange(HOURS) % 24
    factors = pd.DataFrame(
        {
            "residential": 0.4 + 0.6 * np.exp(-(((hour - 19) / 3.0) ** 2)),
            "commercial": 0.3 + 0.7 * ((hour >= 8) & (hour < 19)),
            "ev": np.exp(-(((hour - 20) / 3.0) ** 2)),
            "pv": np.exp(-(((hour - 12) / 3.0) ** 2)),
        },
        index=pd.date_range("2030-01-01", periods=HOURS, freq="h", tz="UTC"),
    )
    year = YearDemand("test", 2030, 0, customers, methods, demand, ProfileSet(factors))
    model = year.model_on(network)
    return model, make_yardstick(network, read_limits("en50160"), supply), year


@cache
def found(*, ev_kw: float = 9.0, feed_kw: float = 0.0) -> UnservedDemand:
    return unserved_demand(*town(ev_kw=ev_kw, feed_kw=feed_kw))


def test_demand_is_served_or_unserved_in_every_hour_and_every_table_adds_up() -> None:
    year, unserved = town()[2], found()
    hours = unserved.hours
    assert len(hours) == HOURS
    assert hours["demand_kw"].to_numpy() == pytest.approx(year.total_kw(), abs=1e-6)
    gap_kw = hours["demand_kw"] - hours["served_kw"] - hours["unserved_kw"]
    assert gap_kw.abs().max() <= 1e-6
    assert (hours["unserved_kw"] >= 0.0).all()
    assert (hours["served_kw"] >= 0.0).all()
    for energy_kwh in (
        hours["unserved_kw"],
        unserved.assets["unserved_kwh"],
        unserved.customers["unserved_kwh"],
    ):
        assert energy_kwh.sum() == pytest.approx(unserved.energy_kwh, abs=1e-6)


def test_unserved_beyond_islands_exactly_where_a_limit_is_broken() -> None:
    model, yardstick, year = town()
    solved = solve_demand(model, year.demand, year.factors, bounds=bounds_of(yardstick)).hours
    counts = ["undervoltages", "overvoltages", "line_overloads", "transformer_overloads"]
    broken = (solved[counts].sum(axis=1) > 0).to_numpy()
    hours, island = found().hours, solved["unserved_kw"].to_numpy()
    assert 4 < broken.sum() < HOURS - 4
    assert (hours["unserved_kw"].to_numpy()[~broken] == island[~broken]).all()
    assert (hours["unserved_kw"].to_numpy()[broken] > island[broken]).all()
    assert set(hours["status"][broken]) == {"cut"}
    assert set(hours["status"][~broken]) == {"no_supply"}
    assert (hours["limits_left"] == 0).all()


def test_an_hour_is_what_the_network_of_that_hour_says() -> None:
    # Two ways to the same: the year's own model, and pandapower's net of the same loads built anew.
    _, yardstick, year = town()
    for hour in (18, 19, 20):
        factors = {name: float(year.factors[name].iloc[hour]) for name in year.factors}
        plain = network_with_demand(yardstick.network, year.demand)
        scenario = Scenario(class_factors=factors, generation_factor=0.0)
        alone = unserved_now(build_model(plain), make_yardstick(plain, yardstick.limits), scenario)
        one, two = alone.energy_kwh, float(found().hours["unserved_kw"].iloc[hour])
        assert one == pytest.approx(two, abs=2 * CUT_WITHIN_KW + 2 * YEAR_WITHIN_SHARE * two)


def test_some_hours_alone_give_the_same_as_in_the_year(monkeypatch: pytest.MonkeyPatch) -> None:
    model, yardstick, year = town()
    chosen = [17, 20, 44]
    whole = found().hours["unserved_kw"].to_numpy()[chosen]
    some = unserved_demand(model, yardstick, year, hours=chosen)
    assert list(some.hours.index) == list(year.factors.index[chosen])
    monkeypatch.setattr(capacity.unserved, "HOURS_IN_A_ROW", 1)
    apart = unserved_demand(model, yardstick, year, hours=chosen)
    for hours in (some.hours, apart.hours):
        assert hours["unserved_kw"].to_numpy() == pytest.approx(whole, rel=2 * YEAR_WITHIN_SHARE, abs=0.02)


def test_more_load_never_leaves_less_unserved() -> None:
    before_kw = np.zeros(HOURS)
    for ev_kw in (4.0, 9.0, 14.0):
        now_kw = found(ev_kw=ev_kw).hours["unserved_kw"].to_numpy()
        assert (now_kw >= before_kw * (1.0 - YEAR_WITHIN_SHARE) - CUT_WITHIN_KW).all()
        before_kw = now_kw


def test_the_same_year_gives_the_same_tables() -> None:
    again = unserved_demand(*town())
    for name in ("hours", "assets", "customers"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(found(), name), check_exact=True)


def test_quarters_of_an_hour_are_a_quarter_of_the_energy() -> None:
    model, yardstick, year = town()
    quarter = unserved_demand(model, yardstick, year, step_h=0.25)
    assert quarter.energy_kwh == pytest.approx(found().energy_kwh / 4.0, rel=1e-9)
    assert quarter.assets["hours"].sum() == found().assets["hours"].sum() / 4.0


def test_every_customer_is_a_row_also_who_is_not_placed() -> None:
    model, yardstick, year = town()
    lost = year.customers.iloc[:1].assign(load_id="X", status="unknown_bus", bus_id="nowhere")
    wider = replace(year, customers=pd.concat([year.customers, lost], ignore_index=True))
    customers = unserved_demand(model, yardstick, wider).customers
    assert len(customers) == len(year.customers) + 1
    assert customers.set_index("load_id").loc["X", ["status", "unserved_kwh"]].tolist() == [
        "unknown_bus",
        0.0,
    ]
    hit = customers[customers["unserved_kwh"] > 0.0]
    assert set(hit["status"]) == {"cut", "no_supply"}
    assert hit["blocking_id"].notna().all()


def test_feed_in_that_breaks_limits_is_told_in_its_hours() -> None:
    hours, assets = found(feed_kw=600.0).hours, found(feed_kw=600.0).assets
    told = hours["status"] == "not_by_demand"
    assert told.to_numpy()[[12, 36]].all()
    assert (hours["limits_left"][told] > 0).all()
    assert (assets["hours_left"] > 0.0).any()
