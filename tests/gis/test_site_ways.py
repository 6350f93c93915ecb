"""Ways from a site: by hand on two streets, against the router of points, and steady where a site moves."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from gis.routing import Router
from gis.site_ways import SiteRouter
from tests.capacity.connection.ring_town import STREET, Street, at, plot, town

#   y = 110   ----------- back street (field path, factor 0.4) ---------
#                [site 20 x 20 m at (600, 40)]
#   y = -10   ----------- street ---------------------------------------
BACK: Street = ("back", "field", ((0, 110), (1300, 110)))
LINK: Street = ("link", "field", ((1250, -10), (1250, 110)))


def router_of(place: shapely.Geometry, streets: tuple[Street, ...] = STREET) -> SiteRouter:
    return SiteRouter(town(streets), {"new": place}, {"tap": at(500.0, 0.0)}, detour_factor=1.3)


def test_a_way_begins_at_the_edge_of_the_site_and_runs_to_it() -> None:
    way = router_of(plot(600, 40)).reach("new").way("C")
    # 50 m from the edge to the street, 490 m along it, 10 m to the cabinet
    assert way.length_m == pytest.approx(50.0 + 490.0 + 10.0)
    assert way.surfaces == pytest.approx({"street": 490.0, "access": 60.0})
    assert shapely.get_point(way.geometry, 0).equals(at(1110, 0))
    assert way.geometry.length == pytest.approx(way.length_m)


def test_the_cheaper_of_two_streets_is_taken_whichever_is_nearer() -> None:
    way = router_of(plot(600, 40), (*STREET, BACK, LINK)).reach("new").way("D")
    # by the back: 50 m access, (630 + 120) m of field path at 0.4, 40 m of street back, 10 m access
    assert way.weighted_m == pytest.approx(50.0 + 0.4 * (630.0 + 120.0) + 40.0 + 10.0)
    assert way.length_m == pytest.approx(50.0 + 630.0 + 120.0 + 40.0 + 10.0)


def test_no_leg_leads_across_another_street() -> None:
    between: Street = ("between", "railway", ((0, 20), (1300, 20)))
    way = router_of(plot(600, 40), (*STREET, between)).reach("new").way("C")
    assert way.basis == "straight"  # the railway joins nothing: its street is not stepped over
    assert "no corridor joins the two" in way.note


def test_water_is_paid_for_or_gone_around() -> None:
    bank: Street = ("bank", "street", ((500, 40), (900, 40)))
    river: Street = ("river", "water", ((600, 40), (600, -10)))
    bridge: Street = ("bridge", "street", ((800, 40), (800, -10)))
    around = router_of(plot(590, 50), (*STREET, bank, river, bridge)).reach("new").way("C")
    across = router_of(plot(590, 50), (*STREET, bank, river)).reach("new").way("C")
    assert "water" not in around.surfaces
    assert around.length_m == pytest.approx(10.0 + 190.0 + 50.0 + 310.0 + 10.0)
    assert across.surfaces["water"] == pytest.approx(50.0)
    assert across.weighted_m == pytest.approx(10.0 + 10.0 + 4.0 * 50.0 + 510.0 + 10.0)


def test_a_site_at_its_point_needs_no_cable() -> None:
    way = router_of(plot(1105, -5)).reach("new").way("C")
    assert (way.length_m, way.weighted_m, way.segments) == (0.0, 0.0, {})


def test_without_corridors_the_way_is_straight_and_says_so() -> None:
    way = router_of(plot(600, 40), ()).reach("new").way("C")
    assert way.length_m == pytest.approx(1.3 * np.hypot(490.0, 40.0))
    assert "straight line x 1.3: no corridor is known near the site" in way.note


def test_a_point_has_the_ways_that_the_router_of_points_finds() -> None:
    place = at(700.0, 30.0)
    reach = router_of(place).reach("new")
    known = Router(town(), places={"new": place}, detour_factor=1.3)
    for bus_id, far in known.weighted_m("new", ["C", "D", "B", "M2"]).items():
        assert reach.weighted_m[reach.row_of(str(bus_id))] == pytest.approx(far)


def test_a_site_that_moves_a_little_is_as_far_as_before() -> None:
    rng = np.random.default_rng(7)
    streets = (*STREET, BACK, LINK)
    for x, y in rng.uniform((100, -60), (1200, 90), (10, 2)):
        near, moved = (router_of(plot(x + dx, y), streets).reach("new") for dx in (0.0, 1.0))
        step = np.abs(near.weighted_m - moved.weighted_m)
        beside = (near.distance_m <= 21.0) | (moved.distance_m <= 21.0)  # reached straight within 20 m
        assert step[~beside & np.isfinite(step)].max() <= 1.0 + 1e-6


def test_a_place_is_reached_like_a_bus() -> None:
    way = router_of(plot(600, 40)).reach("new").way("tap")
    assert way.length_m == pytest.approx(50.0 + 100.0 + 10.0)
