"""Sizes by hand: current, voltage drop, price; several where one is too small."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from capacity.connection.sizing import Room, cables_of, choose_cables, choose_units, tap_of, units_of
from tests.capacity.connection.ring_town import TEXT, town, town_grid


def room(kva: complex, left_pu: float = 0.1) -> Room:
    """So much voltage left below, at 1 pu."""
    one = np.ones(1)
    return Room(np.array([kva]), one, one - left_pu, one + left_pu, 0.03, abs(kva))


def test_no_cable_is_beaten_by_a_cheaper_one() -> None:
    cables = cables_of(town_grid(), 0.4)
    assert cables[0].type_id == "NAYY 4x150 SE"  # smaller ones cost as much
    assert [one.eur_per_m for one in cables] == sorted(one.eur_per_m for one in cables)
    assert {one.count for one in cables} == {1, 2}
    beaten = [
        (a, b)
        for a in cables
        for b in cables
        if a is not b and a.eur_per_m <= b.eur_per_m and a.i_max_a >= b.i_max_a
        and abs(a.z_pu_per_kva_m) <= abs(b.z_pu_per_kva_m)
    ]  # fmt: skip
    assert not beaten


def test_a_cable_is_chosen_by_current() -> None:
    # 190 kVA at 0.4 kV are 274 A: over the 270 A of 150 mm2
    chosen = choose_cables(town_grid(), 0.4, 1.0, room(190.0))
    assert chosen[0].type_id == "NAYY 4x185 SE"
    assert choose_cables(town_grid(), 0.4, 1.0, room(187.0))[0].type_id == "NAYY 4x150 SE"


def test_a_cable_is_chosen_by_voltage() -> None:
    # 50 kW over 200 m of NAYY 4x150: 50 kW x 0.208 ohm/km x 0.2 km / (0.4 kV)^2 = 1.3 %; at 0.987 pu 1.317 %
    z = cables_of(town_grid(), 0.4)[0].z_pu_per_kva_m * 200.0
    assert (z * 50.0).real == pytest.approx(0.013)
    assert choose_cables(town_grid(), 0.4, 200.0, room(50.0, 0.0134))[0].type_id == "NAYY 4x150 SE"
    assert choose_cables(town_grid(), 0.4, 200.0, room(50.0, 0.0131))[0].type_id == "NAYY 4x185 SE"


def test_the_next_size_is_compared_where_voltage_is_tight() -> None:
    assert len(choose_cables(town_grid(), 0.4, 200.0, room(50.0, 0.0134))) == 2
    assert len(choose_cables(town_grid(), 0.4, 200.0, room(50.0, 0.03))) == 1


def test_feeding_in_counts_as_drawing_does() -> None:
    drawn, fed = (choose_cables(town_grid(), 0.4, 200.0, room(kva, 0.0125)) for kva in (50.0, -50.0))
    assert drawn[0].type_id == fed[0].type_id == "NAYY 4x185 SE"


def test_where_the_grid_leaves_nothing_the_cable_is_that_of_a_stronger_grid() -> None:
    none = room(50.0, -0.01)  # below its band already
    assert [one.type_id for one in choose_cables(town_grid(), 0.4, 200.0, none)] == ["NAYY 4x150 SE"]


def test_no_cable_carries_everything() -> None:
    assert choose_cables(town_grid(), 0.4, 1.0, room(5000.0)) == ()


def test_a_loop_is_as_strong_as_its_line_if_one_cable_can_be() -> None:
    chosen = choose_cables(town_grid(), 20.0, 100.0, room(100.0), least_a=400.0)
    assert (chosen[0].count, chosen[0].i_max_a >= 400.0) == (1, True)
    most = choose_cables(town_grid(), 20.0, 100.0, room(100.0), least_a=9000.0)
    assert most[0].i_max_a >= max(one.i_max_a for one in cables_of(town_grid(), 20.0) if one.count == 1)


def test_the_smallest_transformer_of_a_price_is_taken_and_several_where_one_is_too_small() -> None:
    units = choose_units(town_grid(), 20.0, room(90.0))
    assert units is not None
    assert (units.sn_kva, units.count) == (100.0, 1)
    assert choose_units(town_grid(), 20.0, room(99.0)).sn_kva > 100.0  # type: ignore[union-attr]  # by current
    pair = choose_units(town_grid(), 20.0, room(2000.0))
    assert pair is not None
    assert pair.count * pair.sn_kva >= 2000.0
    assert pair.count == 2
    assert choose_units(town_grid(), 20.0, room(20_000.0)) is None


def test_transformers_are_chosen_by_voltage_too() -> None:
    # 250 kVA at 4 % and 1.3 % resistive drop 1.3 % at 250 kW
    small = next(one for one in units_of(town_grid(), 20.0) if one.sn_kva == 250.0 and one.count == 1)
    assert (small.z_pu_per_kva * 250.0).real == pytest.approx(0.013)
    chosen = choose_units(town_grid(), 20.0, room(250.0, 0.0125))
    assert chosen is not None
    assert chosen.sn_kva > 250.0


def test_a_new_transformer_is_tapped_as_the_others_are() -> None:
    text = TEXT.replace('"0.25 MVA 20/0.4 kV"', '"0.25 MVA 20/0.4 kV" tap_pos=-1')
    assert tap_of(town_grid(town(text=text)), 20.0, "250 kVA 20/0.4 kV EU tier 1") == -1.0
    assert tap_of(town_grid(), 20.0, "250 kVA 20/0.4 kV EU tier 1") == 0.0


def test_a_case_without_solution_counts_by_its_power_alone() -> None:
    known = room(100.0)
    more = dataclasses.replace(known, most_kva=190.0)
    assert choose_cables(town_grid(), 0.4, 1.0, known)[0].type_id == "NAYY 4x150 SE"
    assert choose_cables(town_grid(), 0.4, 1.0, more)[0].type_id == "NAYY 4x185 SE"
    units = choose_units(town_grid(), 20.0, more)
    assert units is not None
    assert units.sn_kva * units.count >= 190.0


def test_where_no_transformer_holds_the_voltage_the_smallest_that_carries_it_is_taken() -> None:
    units = choose_units(town_grid(), 20.0, room(90.0, -0.01))
    assert units is not None
    assert (units.sn_kva, units.count) == (100.0, 1)
