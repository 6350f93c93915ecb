"""The search finds the least set of options, and says how far it is proved."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from capacity.connection.joint_search import least_set


def _works(seed: int, sizes: list[int]) -> dict[tuple[int, ...], float]:
    """A cost of works per set of options; some sets cannot be built."""
    lot = np.random.default_rng(seed)
    costs = lot.choice([0.0, 3.0, 8.0, 20.0, math.inf], size=sizes, p=[0.15, 0.25, 0.25, 0.2, 0.15])
    return {picks: float(costs[picks]) for picks in product(*map(range, sizes))}


@pytest.mark.parametrize("seed", range(40))
def test_the_least_set_is_that_of_all_sets_tried(seed: int) -> None:
    lot = np.random.default_rng(seed)
    sizes = [int(size) for size in lot.integers(1, 5, size=3)]
    own = [sorted(lot.uniform(0.0, 10.0, size).tolist()) for size in sizes]
    works = _works(seed, sizes)
    cost = {
        picks: sum(of[pick] for of, pick in zip(own, picks, strict=True)) + eur
        for picks, eur in works.items()
    }
    found = least_set(own, lambda picks, _: works[picks], starts=[(0, 0, 0)], most_looks=10_000)
    least = min(cost.values())
    assert found.cost_eur == pytest.approx(least)
    assert found.status == ("none" if math.isinf(least) else "least")
    assert found.status == "none" or cost[found.picks] == pytest.approx(least)


def test_a_search_that_stops_says_what_nothing_costs_less_than() -> None:
    own = [[float(cost) for cost in range(30)]] * 4
    found = least_set(own, lambda picks, _: 90.0 - sum(picks) * 0.5, starts=[(0,) * 4], most_looks=25)
    assert found.status == "best_found" and found.looks <= 25
    assert found.bound_eur <= found.cost_eur


def test_sets_that_cost_more_than_the_best_are_not_looked_at() -> None:
    looked: list[tuple[int, ...]] = []

    def look(picks: tuple[int, ...], _: float) -> float:
        looked.append(picks)
        return 0.0

    found = least_set([[1.0, 2.0], [5.0, 9.0]], look)
    assert (found.picks, found.cost_eur, found.status, looked) == ((0, 0), 6.0, "least", [(0, 0)])


def test_nothing_dearer_than_what_is_known_is_found() -> None:
    assert least_set([[5.0]], lambda *_: 1.0, below_eur=5.5).status == "none"
