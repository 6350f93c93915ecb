"""Where to sell: rooms by hand, against headroom hour by hour, together no more than the elements above."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from capacity.demand.year_demand import YearDemand, demand_today
from capacity.headroom import Question
from capacity.headroom_year import headroom_year
from capacity.impact import study_impact
from capacity.limits import read_limits
from capacity.selling import DISTRICT_COLUMNS, SELL_COLUMNS, SellingPlaces, sell_sentence, where_to_sell
from capacity.selling.districts import OUTSIDE, district_of, read_districts
from capacity.selling.prospects import prospects_at_buses
from gis import InputError, Network
from gridmodel import Scenario, build_model
from gridmodel.profile_set import ProfileSet
from tests.capacity.grids import CRS, EAST_M, NORTH_M, grid, yardstick_of

BUSES = (
    ("M1", 20.0, 0.0, 0.0),
    ("M2", 20.0, 1000.0, 0.0),
    ("M3", 20.0, 2000.0, 0.0),
    ("B2", 0.4, 1000.0, 10.0),
    ("B3", 0.4, 2000.0, 10.0),
    ("H2", 0.4, 1000.0, 110.0),
    ("H3", 0.4, 2000.0, 110.0),
)
LINES = (
    ("K1", "M1", "M2", 1000.0),
    ("K2", "M2", "M3", 1000.0),
    ("L2", "B2", "H2", 100.0),
    ("L3", "B3", "H3", 100.0),
)
DAY = pd.date_range("2025-01-15 00:00", periods=24, freq="h", tz="UTC", name="time")
EVENING = np.where(np.arange(24) == 18, 1.0, np.where((np.arange(24) < 6) | (np.arange(24) >= 22), 0.2, 0.6))


def two_stations(h2_kw: float = 100.0, h3_kw: float = 40.0) -> Network:
    """Two stations of 250 kVA on one feeder.

    S1
    M1 --K1-- M2 --K2-- M3
              T2        T3
              B2        B3
              L2        L3
              H2        H3     one load each, h2 and h3 kW in the evening
    """
    return grid(
        BUSES, LINES,
        transformers=[("T2", "M2", "B2"), ("T3", "M3", "B3")],
        loads=[("home-2", "H2", h2_kw, 20), ("home-3", "H3", h3_kw, 8)],
    )  # fmt: skip


def a_day(network: Network, factors: np.ndarray = EVENING) -> YearDemand:
    today = demand_today(network, yardstick_of(network).supply)
    columns = list(today.demand.columns)
    table = pd.DataFrame(dict.fromkeys(columns, factors), index=DAY)
    same = {name: name for name in columns}
    return replace(today, profiles=ProfileSet(table, same, {}, time_zone="UTC", source="by hand"))


def sold(network: Network, demand: YearDemand, **options: object) -> SellingPlaces:
    return where_to_sell(demand.model_on(network), yardstick_of(network), demand, **options)  # type: ignore[arg-type]


def test_firm_is_what_the_transformer_leaves_in_the_evening_and_off_peak_in_the_night() -> None:
    """T2 carries 250 kVA at its rated current; at cos phi 0.95 that is 250 x 0.95 = 237 kW less losses."""
    network = two_stations()
    stations = sold(network, a_day(network)).stations.set_index("station_id")
    assert list(stations.reset_index().columns) == sorted(
        SELL_COLUMNS, key=["station_id", *SELL_COLUMNS].index
    )
    assert list(stations["rank"]) == [1, 2] and list(stations.index) == ["T3", "T2"]
    assert stations.loc["T2", "firm_kw"] == pytest.approx(237 - 100, abs=12)
    assert stations.loc["T2", "off_peak_kw"] == pytest.approx(237 - 20, abs=12)
    assert stations.loc["T3", "firm_kw"] == pytest.approx(237 - 40, abs=12)
    assert (stations["binding_check"] == "transformer_overload").all()
    assert (stations["firm_hour"] == DAY[18]).all()


def test_rooms_are_those_of_headroom_asked_in_every_hour() -> None:
    network = two_stations()
    demand = a_day(network)
    found = sold(network, demand).stations.set_index("bus_id")
    impact = study_impact(
        build_model(demand.network_on(network)), Scenario("day", "day"), read_limits("en50160")
    )
    every = headroom_year(impact, demand.profiles, Question(), list(found.index), every_hour=True).firm
    assert list(every["firm_kw"]) == list(found["firm_kw"])
    assert list(every["off_peak_kw"]) == list(found["off_peak_kw"])


def test_an_overloaded_station_has_nothing_and_does_not_hold_its_neighbour_back() -> None:
    """T2 is over its rating in the evening only: it has room at night, and T3 is not held back by it."""
    network = two_stations(h2_kw=300.0)
    alone = sold(two_stations(h2_kw=100.0), a_day(two_stations(h2_kw=100.0))).stations.set_index("station_id")
    stations = sold(network, a_day(network)).stations.set_index("station_id")
    assert (stations.loc["T2", "firm_kw"], stations.loc["T2", "status"]) == (0.0, "already_violated")
    assert stations.loc["T2", "binding_id"] == "T2" and stations.loc["T2", "off_peak_kw"] > 100.0
    assert stations.loc["T3", "firm_kw"] == pytest.approx(alone.loc["T3", "firm_kw"], abs=3)
    assert "nothing at any hour" in sell_sentence(
        stations.reset_index().set_index("station_id", drop=False).loc["T2"]
    )


def test_together_never_exceeds_the_sum_and_is_less_where_the_feeder_binds() -> None:
    network = two_stations()
    places = sold(network, a_day(network)).districts
    assert list(places.columns) == list(DISTRICT_COLUMNS)
    assert list(zip(places["kind"], places["district"], strict=True)) == [
        ("feeder", "K1"), ("substation", "S1"), ("network", "all stations"),
    ]  # fmt: skip
    assert (places["firm_kw"] <= places["firm_alone_kw"]).all() and (places["firm_share"] > 0.95).all()
    weak_cable = replace(
        network, lines=network.lines.assign(i_max_a=np.where(network.lines["vn_kv"] > 1, 9, 270))
    )
    held = sold(weak_cable, a_day(weak_cable))
    feeder = held.districts.set_index("kind").loc["feeder"]
    # 9 A at 20 kV: 312 kVA; at cos phi 0.95 about 296 kW less 140 kW that are drawn in the evening.
    assert feeder["firm_kw"] == pytest.approx(296 - 140, abs=15)
    assert feeder["firm_kw"] < held.stations["firm_kw"].sum() * 0.95


def test_stations_lie_in_the_users_areas_or_outside() -> None:
    network = two_stations()
    east = shapely.box(EAST_M + 1500, NORTH_M - 500, EAST_M + 2500, NORTH_M + 500)
    areas = gpd.GeoSeries([east, east], index=["east", "second"], crs=CRS)
    places = sold(network, a_day(network), districts=areas)
    assert dict(zip(places.stations["station_id"], places.stations["district"], strict=True)) == {
        "T2": OUTSIDE, "T3": "east",
    }  # fmt: skip
    rows = places.districts[places.districts["kind"] == "district"].set_index("district")
    assert list(rows.index) == ["east", OUTSIDE] and list(rows["stations"]) == [1, 1]
    assert rows["customers"].sum() == 28


def test_a_hour_without_solution_leaves_everything_open() -> None:
    network = two_stations()
    factors = np.where(np.arange(24) == 18, 500.0, 0.5)
    places = sold(network, a_day(network, factors))
    assert set(places.stations["status"]) == {"undetermined"} and places.stations["firm_kw"].isna().all()
    assert places.stations["off_peak_kw"].notna().all()
    assert "not to be said" in sell_sentence(places.stations.iloc[0])


def test_weak_data_hold_figures_back() -> None:
    network = two_stations()
    places = sold(network, a_day(network), weak={"K1": "too many doubts"})
    assert set(places.stations["status"]) == {"data too weak"} and places.stations["firm_kw"].isna().all()
    assert set(places.districts["status"]) == {"undetermined"}


def test_customers_without_heating_are_missing_where_nobody_knows() -> None:
    network = two_stations()
    demand = a_day(network)
    assert prospects_at_buses(network, demand)["without_heating"].isna().all()
    pumps = demand.customers.iloc[[0]].assign(group="heat_pump", customers=3.0)
    known = replace(
        demand,
        customers=pd.concat([demand.customers, pumps], ignore_index=True),
        methods={**demand.methods, "heat_pump": demand.methods["residential"]},
    )
    at_buses = prospects_at_buses(network, known)
    assert at_buses.loc["H2", "without_heating"] == 17 and at_buses.loc["H3", "without_heating"] == 8
    assert at_buses["without_charging"].isna().all() and at_buses["customers"].sum() == 28
    named = replace(known, methods={**demand.methods, "warm": demand.methods["residential"]},
                    customers=known.customers.replace({"group": {"heat_pump": "warm"}}))  # fmt: skip
    assert prospects_at_buses(network, named)["without_heating"].isna().all()
    assert prospects_at_buses(network, named, {"warm": "heat_pump"}).loc["H2", "without_heating"] == 17


def test_areas_are_read_with_their_names(tmp_path) -> None:
    box = shapely.box(EAST_M, NORTH_M, EAST_M + 10, NORTH_M + 10)
    path = tmp_path / "areas.gpkg"
    gpd.GeoDataFrame({"name": ["a", None]}, geometry=[box, box], crs=CRS).to_file(path, layer="parts")
    areas = read_districts(path, CRS)
    assert list(areas.index) == ["a"]
    points = gpd.GeoSeries(
        [shapely.Point(EAST_M + 1, NORTH_M + 1), shapely.Point(0, 0)], index=["x", "y"], crs=CRS
    )
    assert list(district_of(points, areas)) == ["a", OUTSIDE]
    with pytest.raises(InputError, match="bad_districts"):
        read_districts(path, CRS, name_column="quarter")
