"""Assessments: verdict, order, bill, words, record; one or many, the same bytes."""

from __future__ import annotations

import json
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pytest

from capacity.connection import (
    OPTION_COLUMNS,
    Assessment,
    ConnectionConfig,
    ConnectionGrid,
    assess_all,
    assess_on,
    assessment_record,
    connection_grid,
    place_at,
)
from capacity.connection.assessment import BILL_COLUMNS
from capacity.connection.judging import CHECK_COLUMNS, bearing
from capacity.connection.n_minus_1 import n1_rule_names, read_n1_rule
from capacity.connection.site_cases import case_kind, case_kinds, site_power_kva
from capacity.data_quality import hold_back_assessment
from capacity.demand.development import Development
from gis import InputError
from tests.capacity.connection.ring_town import at, plot, town

HOUSE = Development(plot(1150, -40), site_id="new", name="Mill Lane", demand_kw=60.0)


@pytest.fixture(scope="module")
def grid() -> ConnectionGrid:
    return connection_grid(town())


@pytest.fixture(scope="module")
def answers(grid: ConnectionGrid) -> list[Assessment]:
    """A house, a large one, and one far from any network."""
    far = replace(HOUSE, place=at(90_000, 0), site_id="far")
    return assess_all(grid, [HOUSE, replace(HOUSE, demand_kw=400.0, site_id="large"), far])


def test_the_cheapest_that_fits_comes_first_and_its_kind_is_the_verdict(answers: list[Assessment]) -> None:
    house, large, far = answers
    assert [one.verdict for one in answers] == ["connect", "connect_after_works", "undetermined"]
    assert tuple(house.options.columns) == OPTION_COLUMNS
    assert house.options["rank"].tolist() == list(range(1, len(house.ranked) + 1))
    for answer in (house, large):
        fitting = answer.options[answer.options["fits"]]
        assert fitting.index.tolist() == list(range(len(fitting)))
        assert fitting["cost_eur"].is_monotonic_increasing
    assert house.ranked[0].today and not large.ranked[0].today
    assert house.sentence.startswith("Yes: Mill Lane (60 kW) can be connected at C with ")
    assert large.sentence.startswith("Yes, after works: Mill Lane (400 kW) can be connected at M2 with ")
    assert far.sentence.startswith("Not to be said: ") and "in reach" in far.sentence
    assert len(far.not_offered) and far.options.empty


def test_the_lines_of_every_bill_add_up_to_the_cost_of_the_option(answers: list[Assessment]) -> None:
    for answer in answers[:2]:
        assert tuple(answer.bill.columns) == BILL_COLUMNS
        sums = answer.bill.groupby("rank")[["cost_low_eur", "cost_eur", "cost_high_eur"]].sum()
        told = answer.options.set_index("rank")[list(sums.columns)]
        assert np.allclose(sums.reindex(told.index, fill_value=0.0), told)


def test_checks_tell_today_with_the_site_and_the_limit(answers: list[Assessment]) -> None:
    checks = answers[0].checks
    assert tuple(checks.columns) == ("rank", *CHECK_COLUMNS)
    best = checks[checks["rank"] == 1]
    assert {"peak", "feed_in"} <= set(best["case_id"])
    assert not best["caused_by"].isin(["site", "already"]).any()


def test_without_demand_the_cheapest_option_is_taken(grid: ConnectionGrid) -> None:
    answer = assess_on(grid, replace(HOUSE, demand_kw=0.0))
    assert answer.ranked[0].cost.eur == min(one.cost.eur for one in answer.ranked)
    assert all(one.fits for one in answer.ranked)


def test_one_alone_and_among_many_give_the_same_bytes(
    grid: ConnectionGrid, answers: list[Assessment]
) -> None:
    alone = json.dumps(assessment_record(assess_on(grid, HOUSE)))
    assert alone == json.dumps(assessment_record(answers[0]))
    record = json.loads(alone)
    assert record["verdict"] == "connect" and record["options"][0]["option_id"] == "lv_feeder|C|NAYY 4x150 SE"
    assert record["development"]["demand_kw"] == 60.0
    assert record["bill"][0]["cost_eur"] == 4800.0


def test_weak_data_of_the_best_supply_point_hold_the_answer_back(
    grid: ConnectionGrid, answers: list[Assessment]
) -> None:
    supply = grid.yardstick.supply
    feeder = str(supply.buses.loc["C", "feeder_id"])
    held = hold_back_assessment(answers[0], supply, {feeder: "no types"})
    assert held.verdict == "undetermined" and held.ranked[0].cost.eur == 0.0
    assert len(held.ranked) == len(held.options) and 1 not in set(held.bill["rank"])
    assert json.dumps(assessment_record(held))


def test_what_a_site_draws_and_feeds_per_case(grid: ConnectionGrid) -> None:
    """100 kW and 50 kW of modules: all of it at peak and in outages; 10 % less 85 % of the modules else."""
    kva = site_power_kva(Development(at(0, 0), demand_kw=100.0, pv_kw=50.0), grid.cases, grid.assumptions)
    assert case_kinds(grid.cases)[:3] == ("peak", "feed_in", "n_minus_1")
    assert kva.real[:3].tolist() == pytest.approx([100.0, 0.1 * 100.0 - 0.85 * 50.0, 100.0])
    assert kva.imag[0] == pytest.approx(100.0 * np.tan(np.arccos(grid.assumptions.power_factor.cos_phi)))
    assert case_kind("n_minus_1|lines L1") == "n_minus_1" and case_kind("2035 peak") is None


def test_a_rule_of_n_minus_1_says_which_supply_points_it_asks() -> None:
    german, none = read_n1_rule(), read_n1_rule("none")
    every = german.model_copy(update={"supply_points_above_kv": 0.0})
    low = town().buses.index.get_loc("C")
    asked = [
        bearing(connection_grid(town(), ConnectionConfig(n_minus_1=rule)))[2:, low].any()
        for rule in (german, every)
    ]
    assert asked == [False, True]
    assert set(n1_rule_names()) == {"german_practice", "p2_8", "none"}
    assert len(connection_grid(town(), ConnectionConfig(n_minus_1=none)).states) == 2
    with pytest.raises(InputError, match="no such rule"):
        read_n1_rule("n-2")


def test_an_unknown_scenario_is_bad_input() -> None:
    with pytest.raises(InputError, match="no such scenario"):
        connection_grid(town(), ConnectionConfig("nowhere"))


def test_place_at_is_the_inverse_of_the_projection() -> None:
    place = at(1110.0, 30.0)
    lonlat = gpd.GeoSeries([place], crs=town().crs).to_crs(4326).iloc[0]
    assert place_at(town().crs, lonlat.x, lonlat.y).distance(place) < 1e-3


def test_a_place_off_the_map_is_refused() -> None:
    with pytest.raises(ValueError, match="no place on Earth"):
        place_at(town().crs, 7.0, 91.0)
