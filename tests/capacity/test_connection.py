"""Connection: verdicts per kind, each option that fits proved in plain pandapower, reasons in words."""

from __future__ import annotations

import copy
import math

import geopandas as gpd
import pandapower
import pytest
import shapely

from capacity.assumptions import read_assumptions
from capacity.connection import OPTION_COLUMNS, Assessment, ConnectionConfig, assess_connection, place_at
from capacity.demand.development import Development
from capacity.limits import read_limits
from capacity.sites import developments_of
from gis import InputError, Network
from gridmodel import GridModel, build_model, find_scenario
from gridmodel.loadflow import apply_scenario
from tests.capacity.grids import EAST_M, NORTH_M, STATION_BUSES, demo, demo_model, grid, station, with_column

COS_PHI = 0.95


def _at(x: float, y: float) -> shapely.Point:
    return shapely.Point(EAST_M + x, NORTH_M + y)


def _assess(
    network: Network, x: float, y: float, kw: float, config: ConnectionConfig | None = None
) -> Assessment:
    return assess_connection(build_model(network), Development(_at(x, y), demand_kw=kw), config)


def _broken(net, kw: float = 0.0, bus: int | None = None) -> set[tuple[str, int]]:  # type: ignore[no-untyped-def]
    """Elements outside EN 50160 and 100 %, with one more load; plain pandapower, none of our code."""
    net = copy.deepcopy(net)
    if bus is not None:
        pandapower.create_load(net, bus, p_mw=kw / 1e3, q_mvar=kw / 1e3 * math.tan(math.acos(COS_PHI)))
    pandapower.runpp(net, numba=False, calculate_voltage_angles=True)
    found = {("bus", i) for i, v in net.res_bus["vm_pu"].items() if v < 0.9 or v > 1.1}
    for table in ("line", "trafo"):
        found |= {(table, i) for i, value in net[f"res_{table}"]["loading_percent"].items() if value > 100.0}
    return found


def _fits_in_pandapower(model: GridModel, answer: Assessment) -> bool:
    apply_scenario(model, find_scenario(model.network))
    before = _broken(model.net)
    buses = list(model.network.buses.index)
    fitting = answer.options[answer.options["fits"]]
    after = [_broken(model.net, answer.demand_kw, buses.index(bus_id)) for bus_id in fitting["bus_id"]]
    return len(fitting) > 0 and all(broken <= before for broken in after)


def test_a_small_demand_connects_at_the_nearest_joint() -> None:
    answer = _assess(station(), 1110.0, 30.0, 10.0)
    best = answer.options.iloc[0]
    assert (answer.verdict, best["kind"], best["bus_id"], best["fits"]) == (
        "connect",
        "lv_feeder",
        "A1",
        True,
    )
    assert answer.sentence.startswith("Yes: the site (10 kW) can be connected at A1")
    assert answer.binding == {}


def test_a_demand_over_a_joint_connects_at_the_busbar() -> None:
    answer = _assess(station(), 1010.0, 30.0, 120.0)
    assert (answer.verdict, answer.options.iloc[0]["kind"]) == ("connect", "lv_busbar")


def test_a_demand_over_the_busbar_connects_after_works_at_medium_voltage() -> None:
    answer = _assess(station(), 1010.0, 30.0, 800.0)
    assert (answer.verdict, answer.options.iloc[0]["kind"]) == ("connect_after_works", "mv_feeder")
    assert "after works" in answer.sentence and "new station" in answer.sentence


def test_a_full_feeder_is_passed_by_and_the_sentence_says_why() -> None:
    """L1 is at its limit: A1 is nearest but does not do."""
    answer = _assess(station(a2_kw=125.0), 1110.0, 30.0, 25.0)
    assert answer.options.iloc[0]["bus_id"] != "A1"
    assert "the nearest point, A1, does not do because" in answer.sentence
    assert "of its rating (100 % allowed)" in answer.sentence or "minimum" in answer.sentence


def test_refused_where_nothing_fits_and_the_reason_is_the_binding_limit() -> None:
    """The only source stands at 0.9 pu: every bus below is at its lower limit."""
    answer = _assess(station(source_pu=0.9), 1110.0, 30.0, 50.0)
    assert answer.verdict == "refuse"
    assert not answer.options["fits"].any()
    assert answer.sentence.startswith("No: the site (50 kW) cannot be connected, because ")
    assert answer.reasons[0] in answer.sentence
    assert answer.binding["check"] == "undervoltage"


@pytest.mark.parametrize("kw", [0.0, 20.0, 110.0, 2000.0])
@pytest.mark.parametrize("a2_kw", [30.0, 125.0])
def test_every_option_that_fits_breaks_no_limit_in_plain_pandapower(kw: float, a2_kw: float) -> None:
    model = build_model(station(a2_kw=a2_kw))
    answer = assess_connection(model, Development(_at(1100.0, 30.0), demand_kw=kw))
    assert _fits_in_pandapower(model, answer)


def test_what_fits_fits_at_the_end_of_its_new_cable_too() -> None:
    """A2 ends near 0.9 pu: a cable of 150 m would take the site below it though A2 itself holds."""
    network = with_column(station(a2_kw=60.0, source_pu=0.95), "lines", "length_m", {"L2": 180.0})
    model = build_model(network)
    for kw in (5.0, 10.0, 20.0):
        answer = assess_connection(model, Development(_at(1210.0, 150.0), demand_kw=kw))
        row = answer.options.set_index("bus_id").loc["A2"]
        if not row["fits"]:
            continue
        name = row["works"][row["works"].rindex("cable (") + len("cable (") : -1]
        cable = model.catalogue.lines.loc[name]
        net = copy.deepcopy(model.net)
        end = pandapower.create_bus(net, 0.4)
        start, ohm = list(network.buses.index).index("A2"), cable[["r_ohm_per_km", "x_ohm_per_km"]]
        pandapower.create_line_from_parameters(net, start, end, row["route_m"] / 1e3, *ohm, 0.0, 1.0)
        pandapower.create_load(net, end, kw / 1e3, kw / 1e3 * math.tan(math.acos(COS_PHI)))
        pandapower.runpp(net, numba=False, calculate_voltage_angles=True)
        assert net.res_bus.loc[end, "vm_pu"] >= 0.9 - 2e-4
    assert not answer.options.set_index("bus_id").loc["A2", "fits"]


def test_a_weak_grid_elsewhere_does_not_refuse_a_site_without_demand() -> None:
    answer = _assess(station(a2_kw=170.0), 1110.0, 0.0, 0.0)
    best = answer.options.iloc[0]
    assert (answer.verdict, best["bus_id"], best["cost_eur"]) == ("connect", "A1", 0.0)


def test_a_large_voltage_change_is_refused_though_the_band_holds() -> None:
    """A2 lies far behind a long line at a strong source: 3 % is the most one connection may cause."""
    network = with_column(station(source_pu=1.08), "lines", "length_m", {"L2": 400.0})
    options = _assess(network, 1210.0, 10.0, 45.0).options.set_index("bus_id")
    assert not options.loc["A2", "fits"]
    assert "would change by" in options.loc["A2", "reason"]


def test_no_supply_in_reach_is_undetermined_and_says_so() -> None:
    answer = _assess(station(), 50_000.0, 0.0, 50.0)
    assert answer.verdict == "undetermined"
    assert "no supplied network within 3,000 m" in answer.sentence
    assert tuple(answer.options.columns) == OPTION_COLUMNS and answer.options.empty


@pytest.mark.parametrize("kw", [5500.1, 6000.0, 50_000.0])
def test_more_than_a_feeder_takes_is_undetermined_for_that_reason(kw: float) -> None:
    answer = _assess(station(), 1010.0, 30.0, kw)
    assert answer.verdict == "undetermined"
    assert "more than a medium-voltage feeder takes (5,500 kW)" in answer.sentence
    assert "within" not in answer.sentence


def test_a_scenario_without_solution_is_undetermined() -> None:
    answer = _assess(station(a2_kw=5000.0), 1010.0, 30.0, 10.0)
    assert answer.verdict == "undetermined"
    assert "'base' has no solution" in answer.sentence


def test_an_unknown_scenario_is_bad_input() -> None:
    with pytest.raises(InputError, match="the network has: base"):
        _assess(station(), 0.0, 0.0, 1.0, ConnectionConfig(scenario_id="2030"))


def test_options_are_ranked_fitting_first_then_cheapest_and_repeatably() -> None:
    first, second = (_assess(station(a2_kw=125.0), 1110.0, 30.0, 25.0).options for _ in range(2))
    assert first.equals(second)
    assert first["rank"].tolist() == list(range(1, len(first) + 1))
    assert first["fits"].is_monotonic_decreasing
    for _, group in first.groupby("fits"):
        assert group["cost_eur"].is_monotonic_increasing
    assert (first["cost_low_eur"] <= first["cost_eur"]).all() and (
        first["cost_eur"] <= first["cost_high_eur"]
    ).all()


def test_ties_are_decided_by_the_lowest_id() -> None:
    """D1 and D2 are twins on both sides of the site."""
    buses = [*STATION_BUSES, ("D2", 0.4, 1110.0, 100.0), ("D1", 0.4, 1110.0, -100.0)]
    lines = [("K1", "M1", "M2", 1000.0), ("L8", "B1", "D2", 150.0), ("L9", "B1", "D1", 150.0)]
    network = grid(buses, lines, transformers=[("T1", "M2", "B1")])
    best = _assess(network, 1110.0, 0.0, 1.0).options.query("kind == 'lv_feeder'")
    assert best["bus_id"].tolist() == ["D1", "D2"]


def test_the_geometry_of_an_option_runs_from_the_site_to_the_supply_point() -> None:
    network = station()
    answer = _assess(network, 1110.0, 30.0, 10.0)
    line = answer.options.geometry.iloc[0]
    assert line.coords[0] == pytest.approx((EAST_M + 1110.0, NORTH_M + 30.0))
    assert shapely.Point(line.coords[-1]).equals(network.buses.geometry["A1"])
    assert answer.options.crs == network.crs


def test_users_assumptions_change_the_answer() -> None:
    figures = read_assumptions()
    small = figures.model_copy(update={"supply": figures.supply.model_copy(update={"lv_feeder_max_kw": 5.0})})
    config = ConnectionConfig(limits=read_limits(), assumptions=small)
    assert "lv_feeder" not in set(_assess(station(), 1110.0, 30.0, 10.0, config).options["kind"])


@pytest.mark.parametrize("profile", ["dena", "ansi", "gbt12325"])
def test_other_limits_judge_too(profile: str) -> None:
    answer = _assess(station(), 1110.0, 30.0, 10.0, ConnectionConfig(limits=read_limits(profile)))
    assert answer.verdict == "connect"


def test_demo_sites_get_verdicts_that_hold_in_plain_pandapower() -> None:
    model = demo_model()
    developments = developments_of(demo().sites)
    answers = [assess_connection(model, development) for development in developments]
    assert len(answers) == 3
    for answer in answers:
        assert answer.verdict in ("connect", "connect_after_works")
        assert f"{answer.development.name} (" in answer.sentence
    assert _fits_in_pandapower(model, answers[0])


def test_place_at_is_the_inverse_of_the_projection() -> None:
    place = place_at("EPSG:25832", 7.884, 48.4475)
    back = gpd.GeoSeries([place], crs=25832).to_crs(4326).iloc[0]
    assert (back.x, back.y) == (pytest.approx(7.884, abs=1e-9), pytest.approx(48.4475, abs=1e-9))


def test_a_place_off_the_map_is_refused() -> None:
    with pytest.raises(ValueError, match="no place on Earth"):
        place_at("EPSG:25832", 7.884, 1000.0)
