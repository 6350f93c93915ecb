"""Which hours lie between which: by hand, against the definition pair by pair, and what loops forbid."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from capacity.years.worst_hours import hour_weights, is_radial, order_of_hours
from gis.examples import network_from_text
from tests.capacity.grids import demo, with_column, yardstick_of
from tests.capacity.years.years_by_hand import town, year_of

LOOP = (
    'bus B 0.4\nbus C 0.4\nbus D 0.4\nsource S B\nline L B C 20 "NAYY 4x150 SE"\n'
    'line M B D 20 "NAYY 4x150 SE"\nline N C D 5 "NAYY 4x150 SE"\nload H C 17 residential 1'
)


def test_an_hour_between_two_others_is_neither_heaviest_nor_lightest() -> None:
    order = order_of_hours(np.array([[0.2, 0.1], [1.0, 0.9], [0.5, 0.5], [0.9, 1.0]]))
    assert order is not None
    assert order.heaviest.tolist() == [1, 3]
    assert order.lightest.tolist() == [0]
    assert order.worst.tolist() == [0, 1, 3]
    assert order.not_between(np.array([True, True, False, True])).tolist() == []
    assert order.not_between(np.array([True, False, False, False])).tolist() == [0, 1, 2, 3]
    assert order.not_between(np.array([True, True, False, False])).tolist() == [3]


@settings(max_examples=40, deadline=None)
@given(
    arrays(float, st.tuples(st.integers(1, 30), st.integers(1, 3)), elements=st.sampled_from([0.0, 0.5, 1.0]))
)
def test_every_hour_lies_between_a_heaviest_and_a_lightest(weights: np.ndarray) -> None:
    order = order_of_hours(weights)
    assert order is not None
    for hour, row in enumerate(weights):
        heavier = [at for at in order.heaviest if (weights[at] >= row).all()]
        lighter = [at for at in order.lightest if (weights[at] <= row).all()]
        assert heavier and lighter
        assert order.under[hour].sum() == len(heavier) and order.over[hour].sum() == len(lighter)
    for at in order.heaviest:  # none of them is outweighed by another
        assert sum((weights[other] >= weights[at]).all() for other in order.heaviest) == 1


def test_too_many_hours_that_do_not_compare_are_not_put_in_order() -> None:
    line = np.linspace(0.0, 1.0, 2500)
    assert order_of_hours(np.column_stack([line, 1.0 - line])) is None


def test_generation_makes_an_hour_lighter_and_idle_groups_do_not_count() -> None:
    network = town(generators=[("pv", "A2", 20.0)])
    demand = year_of(network, {"residential": [1.0, 0.5], "pv": [0.0, 0.8]})
    assert hour_weights(demand).tolist() == [[1.0, -0.0], [0.5, -0.8]]
    idle = with_column(network, "generators", "p_kw", {"pv": 0.0})
    assert hour_weights(year_of(idle, {"residential": [1.0, 0.5], "pv": [0.0, 0.8]})).shape == (2, 1)


def test_a_group_that_draws_capacitive_power_only_compares_when_equal() -> None:
    network = with_column(town(), "loads", "q_kvar", {"home-A1": -5.0})
    weights = hour_weights(year_of(network, {"residential": [1.0, 0.5, 0.5]}))
    order = order_of_hours(weights)
    assert order is not None
    assert order.worst.tolist() == [0, 1]


def test_a_loop_is_not_radial_and_parallel_lines_are() -> None:
    for text, radial in (
        (LOOP, True),
        (LOOP, False),
        ('bus B 0.4\nbus C 0.4\nsource S B\nline L B C 9 "NAYY 4x50 SE"\nline M C B 9 "NAYY 4x50 SE"', True),
    ):
        opened = text + "\nswitch W open D lines N" if radial and text == LOOP else text
        network = network_from_text(opened)
        assert is_radial(network, yardstick_of(network).supply) is radial


def test_two_sources_that_are_joined_are_no_radial_grid() -> None:
    network = network_from_text(LOOP.replace("line M", "source S2 D\nline M") + "\nswitch W open D lines M")
    assert not is_radial(network, yardstick_of(network).supply)


def test_the_demo_area_has_a_loop() -> None:
    assert not is_radial(demo(), yardstick_of(demo()).supply)
