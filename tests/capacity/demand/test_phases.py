"""Developments by date: phases by hand, supply points by size, and a reason for every site not placed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from capacity.assumptions import read_assumptions
from capacity.demand.coincidence import coincident_kva
from capacity.demand.development import demand_parts
from capacity.demand.development_text import parse_phases
from capacity.demand.generation import feed_kw
from capacity.demand.phases import (
    SitePlan,
    site_customers,
    site_generation,
    site_methods,
    site_plans,
)
from capacity.demand.scenario_demand import demand_in_year
from capacity.sites import developments_of
from gis import Network, write_network
from gis.feeders import trace_supply
from tests.capacity.demand.scenario_text import scenario_of
from tests.capacity.grids import EAST_M, NORTH_M, demo, station

FIGURES = read_assumptions()
STATES = ("enquiry", "quoted", "accepted")
BLOCK = "[sites]\nsource = 'a test'\n"


def _sites(*rows: dict[str, object]) -> gpd.GeoDataFrame:
    """Sites 20 m beside the feeder of the station, 12 homes in 2028 if nothing else is said."""
    usual: dict[str, object] = {
        "name": "Orchard", "status": "accepted", "dwellings": 12, "heat_pumps": 0, "ev_points": 0,
        "floor_area_m2": 0.0, "demand_kw": 0.0, "pv_kw": 0.0, "year": 2028, "phases": None,
        "geometry": shapely.Point(EAST_M + 1100.0, NORTH_M + 20.0),
    }  # fmt: skip
    table = pd.DataFrame([{**usual, **row} for row in rows], index=[f"S{n}" for n in range(len(rows))])
    return gpd.GeoDataFrame(table.rename_axis("site_id"), geometry="geometry", crs=station().crs)


def _plans(*rows: dict[str, object], network: Network | None = None) -> tuple[SitePlan, ...]:
    grid = network or station()
    return site_plans(grid, trace_supply(grid), _sites(*rows), states=STATES, assumptions=FIGURES)


def test_phases_are_read_as_written() -> None:
    assert parse_phases("2030=0.6; 2027=0.4;", None) == {2027: 0.4, 2030: 0.6}
    assert parse_phases(None, 2028) == {2028: 1.0}


@pytest.mark.parametrize(
    ("text", "year"),
    [(None, None), ("", None), ("2027=0.5", 2027), ("2027=1.2; 2028=-0.2", None), ("soon", None)],
)
def test_phases_that_say_nothing_are_refused(text: str | None, year: int | None) -> None:
    with pytest.raises(ValueError, match=r"no year|add up to 1|invalid literal"):
        parse_phases(text, year)


def test_a_site_grows_by_phases_and_every_home_is_told_every_year() -> None:
    plans = _plans({"phases": "2027=0.4; 2030=0.6", "demand_kw": 30.0, "pv_kw": 50.0})
    seen = {}
    for year in (2026, 2027, 2029, 2030):
        rows = site_customers(plans, year)
        homes = rows[rows["group"] == "site_home"]
        assert homes["customers"].sum() == 12.0
        stated = rows[(rows["group"] == "site_stated") & (rows["status"] == "placed")]
        seen[year] = (
            homes.loc[homes["status"] == "placed", "customers"].sum(),
            stated["peak_kw"].sum(),
            set(rows["reason"]) - {""},
        )
    assert seen == {
        2026: (0.0, 0.0, {"comes in 2027"}),
        2027: (5.0, 12.0, {"comes in 2030"}),
        2029: (5.0, 12.0, {"comes in 2030"}),
        2030: (12.0, 30.0, set()),
    }
    roofs = site_generation(plans, 2027)
    assert roofs["rated_kw"].tolist() == pytest.approx([20.0, 30.0])
    assert roofs["status"].tolist() == ["placed", "later"]
    assert feed_kw(roofs, station().buses.index, ["pv"]).sum() == pytest.approx(20.0)


def test_a_site_alone_draws_what_the_connection_check_says() -> None:
    everything = {
        "dwellings": 40,
        "heat_pumps": 30,
        "ev_points": 20,
        "floor_area_m2": 500.0,
        "demand_kw": 7.0,
    }
    plans = _plans(everything)
    rows, methods = site_customers(plans, 2028), site_methods(plans, FIGURES)
    supply = trace_supply(station())
    drawn = sum(
        coincident_kva(supply, rows[rows["group"] == group], method).sum()
        for group, method in methods.items()
    )
    asked = demand_parts(developments_of(_sites(everything))[0], FIGURES)["p_kw"].sum()
    assert drawn.real == pytest.approx(asked, rel=1e-12)
    assert drawn.imag == pytest.approx(asked * plans[0].tan_phi, rel=1e-12)


@pytest.mark.parametrize(
    ("row", "status", "said"),
    [
        ({"status": "withdrawn"}, "withdrawn", "the application is withdrawn; the scenario counts enquiry"),
        ({"status": "energised"}, "energised", "the application is energised"),
        ({"year": None}, "no_date", "no year of connection"),
        ({"phases": "2027=0.4"}, "no_date", "add up to 1: 2027=0.4"),
        ({"dwellings": 0}, "no_demand", "nothing to connect"),
        ({"demand_kw": 9000.0}, "too_large", "more than a feeder carries"),
        (
            {"geometry": shapely.Point(EAST_M + 90_000.0, NORTH_M)},
            "too_far",
            "no bus that carries 52 kW within 350 m",
        ),
    ],
)
def test_what_cannot_be_placed_is_told_with_the_reason(
    row: dict[str, object], status: str, said: str
) -> None:
    (plan,) = _plans(row)
    assert (plan.status, plan.bus_id) == (status, None)
    rows = site_customers([plan], 2035)
    assert set(rows["status"]) <= {status}
    assert all(said in reason for reason in rows["reason"])
    assert said in plan.reason
    assert len(rows), "even a site without demand is a row"


def test_larger_sites_go_to_stronger_buses() -> None:
    plans = _plans(
        {"dwellings": 0, "demand_kw": 90.0}, {"dwellings": 0, "demand_kw": 190.0}, {"demand_kw": 900.0}
    )
    voltages = [float(station().buses.loc[plan.bus_id, "vn_kv"]) for plan in plans]
    busbars = [plan.bus_id in set(station().transformers["lv_bus_id"]) for plan in plans]
    assert voltages == [0.4, 0.4, 20.0]
    assert busbars[:2] == [False, True]


def test_a_site_that_only_feeds_in_goes_where_its_roofs_fit() -> None:
    (plan,) = _plans({"dwellings": 0, "pv_kw": 900.0})
    assert (plan.status, float(station().buses.loc[plan.bus_id, "vn_kv"])) == ("placed", 20.0)
    rows = site_customers([plan], 2030)
    assert (rows["customers"] * rows["peak_kw"]).sum() == 0.0


def test_sites_come_into_the_demand_by_date(tmp_path: Path) -> None:
    network = demo()
    scenario = scenario_of(tmp_path, BLOCK)
    before, after = (demand_in_year(network, trace_supply(network), scenario, year) for year in (2027, 2028))
    parts = pd.concat([demand_parts(one, FIGURES) for one in developments_of(network.sites)])
    per_group = dict(zip(after.demand.groups, after.demand.kva.real.sum(axis=0), strict=True))
    of_sites = {group: kw for group, kw in per_group.items() if group.startswith("site_")}
    assert before.demand.groups == after.demand.groups
    assert list(of_sites) == ["site_home", "site_heat_pump", "site_ev"]
    # 172 homes of three sites coincide better together than each site by itself.
    assert 0.9 * parts["p_kw"].sum() < sum(of_sites.values()) < parts["p_kw"].sum()
    assert (after.demand.kva.sum() - before.demand.kva.sum()).real == pytest.approx(sum(of_sites.values()))
    assert set(before.customers["status"]) == {"placed", "out_of_service", "later"}


def test_sites_may_stand_in_a_file_of_their_own(tmp_path: Path) -> None:
    write_network(dataclasses.replace(station(), sites=_sites({"demand_kw": 10.0})), tmp_path / "mine.gpkg")
    scenario = scenario_of(tmp_path, BLOCK + "file = 'mine.gpkg'")
    demand = demand_in_year(station(), trace_supply(station()), scenario, 2030)
    assert "site:S0" in set(demand.customers["load_id"])
