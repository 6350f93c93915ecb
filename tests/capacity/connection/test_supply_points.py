"""Options of sites on the ring town: every level, why some are not offered, costs by hand, steady."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from capacity.connection.option import SupplyOption
from capacity.connection.supply_points import KINDS, SiteOptions, supply_options
from capacity.costs import total_cost
from gis.changes import apply_changes, inverse_of
from gridmodel.power_cases import run_power_cases
from tests.capacity.connection.ring_town import STREET, TEXT, at, built_ids, plot, site, town, town_grid


def options_of(place: object, demand_kw: float, **more: object) -> SiteOptions:
    return supply_options(town_grid(), [site(place, demand_kw, **more)])[0]  # type: ignore[arg-type]


def by_kind(found: SiteOptions, kind: str) -> list[SupplyOption]:
    return [one for one in found.options if one.kind == kind]


def reasons(found: SiteOptions, kind: str) -> str:
    return "; ".join(found.not_offered.loc[found.not_offered["kind"] == kind, "reason"])


def test_every_level_is_offered_nearest_first() -> None:
    found = options_of(plot(1120, 20), 60.0)
    assert {one.kind for one in found.options} == set(KINDS)
    assert {one.bus_id for one in by_kind(found, "lv_feeder")} == {"C", "D"}
    assert {one.bus_id for one in by_kind(found, "lv_busbar")} == {"B"}
    assert {one.bus_id for one in by_kind(found, "mv_busbar")} == {"M1"}
    metres = [one.route.weighted_m for one in by_kind(found, "mv_tap")]
    assert metres == sorted(metres)


@pytest.mark.parametrize(
    ("demand_kw", "kinds"),
    [(150.0, KINDS[1:]), (400.0, KINDS[2:]), (9000.0, KINDS[4:]), (30_000.0, ())],
)
def test_the_size_decides_the_levels(demand_kw: float, kinds: tuple[str, ...]) -> None:
    found = options_of(plot(1120, 20), demand_kw)
    assert {one.kind for one in found.options} == set(kinds)
    for kind in set(KINDS) - set(kinds):
        assert "more than this kind is used for" in reasons(found, kind)


def test_feeding_in_counts_for_the_level() -> None:
    roof = dataclasses.replace(site(plot(1120, 20), 5.0), kva=np.array([-150.0 + 0j]))
    found = supply_options(town_grid(), [roof])[0]
    assert not by_kind(found, "lv_feeder")
    assert by_kind(found, "lv_busbar")


def test_a_site_at_a_joint_needs_nothing_whatever_it_draws() -> None:
    for demand_kw in (0.0, 50.0):
        first = options_of(plot(1105, -5), demand_kw).options[0]
        assert (first.kind, first.bus_id, first.site_bus_id, first.lines) == ("lv_feeder", "C", "C", ())
        assert first.route.length_m == 0.0
        assert not first.changes.added
        assert "no new cable" in first.text


def test_the_bill_by_hand() -> None:
    # 30 m from the edge to the street, 10 m on from the corner at x = 1120 to below C, 10 m to C; dena 2012
    cheapest = options_of(plot(1120, 20), 60.0).options[0]
    assert (cheapest.option_id, cheapest.route.length_m) == ("lv_feeder|C|NAYY 4x150 SE", pytest.approx(50.0))
    (line,) = cheapest.lines
    assert (line.cost.low_eur, line.cost.eur, line.cost.high_eur) == pytest.approx((3000.0, 4000.0, 5000.0))
    assert (line.item, line.unit, line.use, line.months, line.customer_share) == (
        "lv_cable", "km", "sole_use", 3, 1.0
    )  # fmt: skip
    assert line.quantity == pytest.approx(0.05)
    spur = next(one for one in by_kind(options_of(plot(1120, 20), 60.0), "mv_tap") if one.bus_id == "M2")
    metres = 30.0 + 110.0 + 10.0  # to the station, by its low-voltage side
    assert [(one.item, one.cost.eur) for one in spur.lines] == [
        ("mv_cable", pytest.approx(110.0 * metres)),
        ("mv_lv_station", 35_000.0),
        ("mv_lv_transformer", 10_000.0),
        ("switch", 12_000.0),
    ]
    assert total_cost([one.cost for one in spur.lines]).eur == pytest.approx(110.0 * metres + 57_000.0)


def test_the_trench_is_paid_by_its_surface() -> None:
    track = town_grid(town(((STREET[0][0], "field", STREET[0][2]),)))
    street, field = (
        supply_options(grid, [site(plot(1120, 20), 60.0)])[0].options[0] for grid in (town_grid(), track)
    )
    # 10 m of field path at 0.4 of a street's trench (80 - 9 EUR/m)
    assert street.lines[0].cost.eur - field.lines[0].cost.eur == pytest.approx(10.0 * 0.6 * 71.0)
    assert "the trench counts 44 m by its surface" in field.lines[0].text


def test_a_loop_is_two_cables_in_one_trench_and_of_a_ring_alone() -> None:
    found = options_of(plot(500, 20), 400.0)
    loop = next(one for one in by_kind(found, "mv_loop") if one.option_id.startswith("mv_loop|K1@"))
    cable = loop.lines[0]
    # straight to the line 20 m away; as strong as one cable can be: 400 mm2, 124.3 EUR/m laid, 34.3 alone
    assert loop.route.length_m == pytest.approx(26.0)
    assert cable.cost.eur == pytest.approx((124.3 + 34.3) * 26.0)
    assert len(loop.changes.added["lines"]) == 4
    assert not [one for one in by_kind(found, "mv_loop") if "K4" in one.option_id]
    assert "line K4 is no part of a ring" in reasons(found, "mv_loop")


def test_a_line_is_cut_where_the_way_to_it_is_cheapest() -> None:
    spur = next(one for one in by_kind(options_of(plot(500, 20), 400.0), "mv_tap") if "|K1@" in one.option_id)
    assert 470.0 <= float(spur.option_id.split("@")[1].split("|")[0]) <= 550.0
    assert spur.bus_id == "M1"  # the end nearer to the source


def test_ids_begin_with_the_site_and_its_option() -> None:
    for one in options_of(plot(1120, 20), 60.0).options:
        assert all(new.startswith(f"new|{one.option_id}|") for new in built_ids(dict(one.changes.added)))


def test_every_option_is_a_grid_that_supplies_everybody() -> None:
    grid = town_grid()
    one_a_kind = {one.kind: one for one in options_of(plot(500, 20), 150.0).options}
    for one in one_a_kind.values():
        network = apply_changes(town(), one.changes)
        kva = np.zeros((1, len(network.buses)), dtype=complex)
        kva[0, network.buses.index.get_loc(one.site_bus_id)] = 150.0
        solution = run_power_cases(network, kva, grid.cases.labels.index, grid.cases.switching)
        assert np.isfinite(solution.vm_pu).all()
        back = apply_changes(network, inverse_of(town(), one.changes))
        assert back.lines["length_m"].sort_index().equals(town().lines["length_m"].sort_index())
        assert back.switches["element_id"].equals(town().switches["element_id"])


def test_the_wish_for_a_voltage_is_kept() -> None:
    found = options_of(plot(1120, 20), 60.0, voltage="medium")
    assert {one.kind for one in found.options} == {"mv_tap", "mv_loop", "mv_busbar"}
    assert "wishes" in reasons(found, "lv_feeder")
    assert all(not one.changes.added.get("transformers", ()) for one in found.options)
    large = options_of(plot(1120, 20), 8000.0, voltage="low")
    assert [one.problem for one in large.options] != [""] * len(large.options)
    assert all("low voltage" in one.problem for one in large.options)


def test_too_much_for_one_station_is_supplied_at_medium_voltage() -> None:
    one = by_kind(options_of(plot(1120, 20), 8000.0), "mv_busbar")[0]
    assert "for a station of the applicant's own" in one.text
    assert "mv_lv_station" not in {line.item for line in one.lines}


def test_far_from_every_network_says_so() -> None:
    found = options_of(at(90_000.0, 0.0), 60.0)
    assert not found.options
    assert set(found.not_offered["kind"]) == set(KINDS)


def test_points_that_seem_full_make_room_for_others() -> None:
    # 12 joints in a row at the end of a weak cable, and one 60 m farther on a strong one
    joints = "".join(
        f'\nbus J{k} 0.4 {1220 + 5 * k} 0\nline N{k} {f"J{k - 1}" if k else "D"} J{k} 300 "NAYY 4x50 SE"'
        for k in range(8)
    )
    grid = town_grid(town(text=TEXT + joints))
    found = supply_options(grid, [site(plot(1240, 5), 80.0)])[0]
    assert "C" in {one.bus_id for one in by_kind(found, "lv_feeder")}
    assert "seem to be full" in reasons(found, "lv_feeder")


def test_a_site_that_moves_a_metre_costs_a_little_more_or_less() -> None:
    steps = np.arange(0.0, 12.0)
    costs = []
    for found in supply_options(town_grid(), [site(plot(620 + dx, 20), 150.0) for dx in steps]):
        of_bus = {one.option_id: total_cost([line.cost for line in one.lines]).eur for one in found.options}
        costs.append(of_bus["mv_tap|M2|NA2XS2Y 1x185 RM/25 12/20 kV|160 kVA 20/0.4 kV EU tier 1"])
    assert np.abs(np.diff(costs)).max() <= 110.0 + 1e-6  # a metre of cable


def test_sites_together_have_the_options_they_have_alone() -> None:
    sites = [site(plot(x, 20), kw) for x, kw in ((300, 150.0), (1120, 60.0))]
    together = supply_options(town_grid(), sites)
    for one, alone in zip(together, (supply_options(town_grid(), [each])[0] for each in sites), strict=True):
        assert [option.option_id for option in one.options] == [option.option_id for option in alone.options]
