"""Shares add up to the whole, and are fair where fairness is plain."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import numpy as np
import pytest

from capacity.connection.cost_share import shapley_shares, shares_by_kw

Least = Callable[[frozenset[str]], float]
NAMES = ["A", "B", "C", "D"]


def _random_game(seed: int) -> Least:
    lot, known = np.random.default_rng(seed), {}

    def least_eur(some: frozenset[str]) -> float:
        return known.setdefault(some, float(lot.uniform(10.0, 100.0)))

    return least_eur


@pytest.mark.parametrize("seed", range(5))
def test_shapley_is_the_mean_over_all_orders_and_adds_up(seed: int) -> None:
    least = _random_game(seed)
    shares = shapley_shares(NAMES, least)
    added = dict.fromkeys(NAMES, 0.0)
    for order in permutations(NAMES):
        for at, name in enumerate(order):
            before = frozenset(order[:at])
            added[name] += (least(before | {name}) - (least(before) if before else 0.0)) / 24
    assert shares == pytest.approx(added)
    assert sum(shares.values()) == pytest.approx(least(frozenset(NAMES)))


def test_who_adds_the_same_to_all_pays_that_and_equals_pay_the_same() -> None:
    def least(some: frozenset[str]) -> float:
        return 7.0 * ("A" in some) + 30.0 * bool(some & {"B", "C"})

    assert shapley_shares(["A", "B", "C"], least) == pytest.approx({"A": 7.0, "B": 15.0, "C": 15.0})


def test_shares_by_kw_add_up_and_nobody_gets_money() -> None:
    alone = {"A": 0.0, "B": 40.0}
    assert shares_by_kw(140.0, alone, {"A": 30.0, "B": 10.0}) == {"A": 75.0, "B": 65.0}
    assert shares_by_kw(10.0, alone, {"A": 30.0, "B": 10.0}) == {"A": 0.0, "B": 10.0}
    assert shares_by_kw(100.0, {"A": 0.0, "B": 0.0}, {"A": 0.0, "B": 0.0}) == {"A": 50.0, "B": 50.0}
    assert shares_by_kw(0.0, {}, {}) == {}
