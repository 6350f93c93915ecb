"""Lanes of a kernel calculate as plain numbers do, NaN and infinity included."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from gridmodel.engine.lanes import LANES, greatest, least, load, root, same, store, total, where_less

LEFT = np.linspace(-3.0, 4.0, LANES)
RIGHT = np.linspace(2.0, -1.5, LANES)


@njit
def _arithmetic(left, right):  # type: ignore[no-untyped-def]
    a, b = load(left, np.uint64(0)), load(right, np.uint64(0))
    out = np.empty(4 * LANES)
    store(out, np.uint64(0), a * b - 2.0 * a + b / 4.0)
    store(out, np.uint64(LANES), where_less(a, b, a, b))
    store(out, np.uint64(2 * LANES), root(a * a + same(1.0)))
    store(out, np.uint64(3 * LANES), 1 - a)
    return out


@njit
def _across(values):  # type: ignore[no-untyped-def]
    lanes = load(values, np.uint64(LANES))
    return least(lanes), greatest(lanes), total(lanes)


def test_lanes_calculate_as_arrays_do() -> None:
    product, lesser, roots, less = _arithmetic(LEFT, RIGHT).reshape(4, LANES)
    np.testing.assert_allclose(product, LEFT * RIGHT - 2.0 * LEFT + RIGHT / 4.0, rtol=1e-15, atol=1e-15)
    np.testing.assert_array_equal(lesser, np.minimum(LEFT, RIGHT))
    np.testing.assert_allclose(roots, np.sqrt(LEFT**2 + 1.0), rtol=1e-15)
    np.testing.assert_array_equal(less, 1.0 - LEFT)


@pytest.mark.parametrize("place", range(LANES))
def test_one_number_of_all_lanes_finds_it_in_every_lane(place: int) -> None:
    values = np.concatenate([np.full(LANES, 99.0), np.arange(LANES) / 8.0])
    low, high = values.copy(), values.copy()
    low[LANES + place], high[LANES + place] = -5.0, 50.0
    assert _across(low)[0] == -5.0
    assert _across(high)[1] == 50.0
    assert _across(high)[2] == high[LANES:].sum()


def test_a_lane_with_nan_takes_the_second_choice_and_leaves_the_others_alone() -> None:
    left = LEFT.copy()
    left[2] = np.nan
    chosen = _arithmetic(left, RIGHT).reshape(4, LANES)[1]
    assert chosen[2] == RIGHT[2]
    np.testing.assert_array_equal(np.delete(chosen, 2), np.delete(np.minimum(LEFT, RIGHT), 2))
