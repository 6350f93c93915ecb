"""Supply points and works: who is in reach, which cable, what it costs; by hand and against pandapower."""

from __future__ import annotations

import dataclasses
import math

import pandapower
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry.base import BaseGeometry

from capacity.assumptions import read_assumptions
from capacity.checks import Yardstick
from capacity.supply_options import Candidate, find_candidates, size_works, voltage_drop_percent
from gridmodel import read_catalogue
from tests.capacity.grids import EAST_M, NORTH_M, station, with_column, yardstick_of

FIGURES, CATALOGUE = read_assumptions(), read_catalogue()
YARDSTICK = yardstick_of(station())


def _at(x: float, y: float) -> shapely.Point:
    return shapely.Point(EAST_M + x, NORTH_M + y)


def _found(place: BaseGeometry, demand_kw: float, yardstick: Yardstick = YARDSTICK) -> list[Candidate]:
    return find_candidates(
        yardstick.network, yardstick.supply, place, demand_kw=demand_kw, assumptions=FIGURES
    )


def _candidate(kind: str, voltage_kv: float, distance_m: float) -> Candidate:
    line = shapely.LineString([(0, 0), (distance_m, 0)])
    return Candidate(kind, "B1", voltage_kv, distance_m, line)  # type: ignore[arg-type]


def _works(
    kind: str,
    voltage_kv: float,
    distance_m: float,
    demand_kw: float,
    allowed: float = 3.0,
    vm_pu: float = 1.0,
):  # type: ignore[no-untyped-def]
    candidate = _candidate(kind, voltage_kv, distance_m)
    return size_works(candidate, demand_kw, vm_pu, CATALOGUE, FIGURES, allowed_drop_percent=allowed)


def test_every_kind_in_reach_is_offered_nearest_first() -> None:
    found = _found(_at(1100.0, 20.0), 50.0)
    assert [(c.kind, c.bus_id) for c in found] == [
        ("lv_feeder", "A1"),
        ("lv_feeder", "A2"),
        ("lv_feeder", "C1"),
        ("lv_busbar", "B1"),
        ("mv_feeder", "M2"),
        ("mv_feeder", "M1"),
    ]
    assert found[0].distance_m == pytest.approx(math.hypot(10.0, 20.0))


@pytest.mark.parametrize(
    ("demand_kw", "kinds"),
    [
        (100.0, {"lv_feeder", "lv_busbar", "mv_feeder"}),
        (100.1, {"lv_busbar", "mv_feeder"}),
        (200.1, {"mv_feeder"}),
        (5500.0, {"mv_feeder"}),
        (5500.1, set()),
    ],
)
def test_large_demands_go_to_higher_levels(demand_kw: float, kinds: set[str]) -> None:
    found = _found(_at(1100.0, 20.0), demand_kw)
    assert {candidate.kind for candidate in found} == kinds


def test_reach_counts_the_detour() -> None:
    """350 m of low-voltage cable reach 350 / 1.3 = 269.2 m in the straight line."""
    inside = _found(_at(1210.0 + 269.0, 0.0), 10.0)
    outside = _found(_at(1210.0 + 270.0, 0.0), 10.0)
    assert [c.bus_id for c in inside if c.kind == "lv_feeder"] == ["A2"]
    assert not [c for c in outside if c.kind == "lv_feeder"]


def test_dead_buses_and_service_ends_are_not_offered() -> None:
    network = with_column(
        station(switches=[("X", False, "A1", "lines", "L2")]), "buses", "kind", {"A1": "service"}
    )
    found = _found(_at(1150.0, 0.0), 10.0, yardstick_of(network))
    assert {c.bus_id for c in found if c.kind == "lv_feeder"} == {"C1"}


def test_ties_go_to_the_lowest_id() -> None:
    """The place lies 50 m from A1 and from A2."""
    found = _found(_at(1160.0, 0.0), 10.0)
    assert [c.bus_id for c in found if c.kind == "lv_feeder"][:2] == ["A1", "A2"]
    assert found[0].distance_m == found[1].distance_m


def test_distance_counts_from_the_edge_of_a_site() -> None:
    site = _at(1210.0, 60.0).buffer(10.0, quad_segs=64)
    found = _found(site, 10.0)
    assert found[0].bus_id == "A2"
    assert found[0].distance_m == pytest.approx(50.0, abs=0.01)
    assert found[0].line.length == pytest.approx(found[0].distance_m)


@settings(max_examples=12, deadline=None)
@given(
    p_kw=st.floats(1.0, 120.0),
    length_m=st.floats(5.0, 300.0),
    cos_phi=st.floats(0.8, 1.0),
    type_row=st.integers(0, 8),
)
def test_voltage_drop_agrees_with_a_load_flow_of_two_buses(
    p_kw: float, length_m: float, cos_phi: float, type_row: int
) -> None:
    cables = CATALOGUE.lines.query("kind == 'cable' and vn_max_kv == 1.0")
    cable = cables.iloc[type_row % len(cables)]
    formula = voltage_drop_percent(
        p_kw, cos_phi, length_m, 0.4, 1.0, cable["r_ohm_per_km"], cable["x_ohm_per_km"]
    )
    if formula > 6.0:
        return  # beyond what any option is allowed, and where the linear formula ends
    net = pandapower.create_empty_network()
    buses = pandapower.create_buses(net, 2, vn_kv=0.4)
    pandapower.create_ext_grid(net, buses[0])
    pandapower.create_line_from_parameters(
        net, buses[0], buses[1], length_m / 1e3, cable["r_ohm_per_km"], cable["x_ohm_per_km"], 0.0, 1.0
    )
    pandapower.create_load(net, buses[1], p_kw / 1e3, p_kw / 1e3 * math.tan(math.acos(cos_phi)))
    pandapower.runpp(net, numba=False)
    solved = 100.0 * (1.0 - net.res_bus["vm_pu"].iloc[1])
    # The formula takes the current at full voltage: it is below by about the drop times itself.
    assert formula <= solved + 0.02
    assert solved == pytest.approx(formula, abs=0.01 + 1.3 * formula**2 / 100.0)


def test_cost_is_length_times_rate_by_hand() -> None:
    """100 m straight are 130 m of cable: 60-100 EUR/m in low voltage, 80-140 and a station in medium."""
    low = _works("lv_feeder", 0.4, 100.0, 20.0)
    assert (low.route_m, low.cost_low_eur, low.cost_high_eur, low.cost_eur) == (
        130.0,
        7800.0,
        13000.0,
        10400.0,
    )
    medium = _works("mv_feeder", 20.0, 100.0, 300.0)
    assert (medium.cost_low_eur, medium.cost_high_eur) == (10_000 + 130 * 80, 10_000 + 130 * 140)
    assert _works("mv_feeder", 20.0, 100.0, 1200.0).cost_low_eur == 2 * 10_000 + 130 * 80
    assert (low.months, medium.months) == (3, 9)


@settings(max_examples=30, deadline=None)
@given(distance_m=st.floats(2.0, 260.0), step_m=st.floats(0.0, 1.0))
def test_moving_the_site_by_a_metre_costs_less_than_the_detour_of_a_metre(
    distance_m: float, step_m: float
) -> None:
    here, there = (
        _works("lv_busbar", 0.4, distance_m, 20.0),
        _works("lv_busbar", 0.4, distance_m + step_m, 20.0),
    )
    assert 0.0 <= there.cost_high_eur - here.cost_high_eur <= 1.3 * 100.0 * step_m + 1e-6


def test_a_site_at_its_supply_point_needs_no_cable() -> None:
    works = _works("lv_feeder", 0.4, 0.5, 20.0)
    assert (works.route_m, works.cost_eur, works.text) == (0.0, 0.0, "no new cable")


def test_the_smallest_cable_that_carries_the_current_is_chosen() -> None:
    """90 kW at cos phi 0.95 and 0.4 kV are 136.7 A: over 123 A, under 142 A."""
    assert "NAYY 4x35 SE" in _works("lv_feeder", 0.4, 10.0, 80.0).text
    assert "NAYY 4x50 SE" in _works("lv_feeder", 0.4, 10.0, 90.0).text


def test_a_low_voltage_takes_a_larger_cable() -> None:
    """93 kW are 141.3 A at 1.00 pu and 157 A at 0.90 pu."""
    assert "NAYY 4x50 SE" in _works("lv_feeder", 0.4, 10.0, 93.0).text
    assert "NAYY 4x50 SE" not in _works("lv_feeder", 0.4, 10.0, 93.0, vm_pu=0.9).text


def test_a_long_way_takes_a_larger_cable() -> None:
    assert "NAYY 4x35 SE" in _works("lv_feeder", 0.4, 20.0, 30.0).text
    assert "NAYY 4x35 SE" not in _works("lv_feeder", 0.4, 200.0, 30.0).text


def test_too_long_a_way_is_a_problem_that_names_its_figures() -> None:
    works = _works("lv_busbar", 0.4, 250.0, 190.0)
    assert "190 kW over 325 m" in works.problem
    assert "3 % voltage drop" in works.problem


@pytest.mark.parametrize(
    ("vn_kv", "rated_kv"), [(10.0, 12.0), (11.0, 12.0), (15.0, 24.0), (20.0, 24.0), (22.0, 24.0)]
)
def test_cables_are_rated_for_the_highest_voltage_of_their_level(vn_kv: float, rated_kv: float) -> None:
    text = _works("mv_feeder", vn_kv, 100.0, 300.0, allowed=2.0).text
    chosen = text[text.rindex("cable (") + len("cable (") : -1]
    assert CATALOGUE.lines.loc[chosen, "vn_max_kv"] == rated_kv


def test_no_cable_of_another_level_is_offered_where_the_catalogue_has_none() -> None:
    assert _works("mv_feeder", 33.0, 100.0, 300.0).problem


@pytest.mark.parametrize(
    ("demand_kw", "said"),
    [
        (90.0, "one 100 kVA"),
        (380.0, "one 400 kVA"),
        (1187.0, "one 1250 kVA"),
        (1200.0, "2 transformers of 1250 kVA"),
    ],
)
def test_a_station_has_the_smallest_transformers_that_do(demand_kw: float, said: str) -> None:
    assert said in _works("mv_feeder", 20.0, 100.0, demand_kw).text


def test_a_users_rates_are_used() -> None:
    own = FIGURES.model_copy(update={"cost": FIGURES.cost.model_copy(update={"table": "dena_2012_rural"})})
    candidate = dataclasses.replace(_candidate("mv_feeder", 20.0, 100.0))
    works = size_works(candidate, 20.0, 1.0, CATALOGUE, own, allowed_drop_percent=3.0)
    assert works.cost_high_eur == 10_000.0 + 130.0 * 80.0
