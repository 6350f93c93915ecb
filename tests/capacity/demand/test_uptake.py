"""Uptake: shares by hand, and lots that nest over years, keep their probability and their customers."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capacity.demand.demand_scenario import SCurve, Uptake
from capacity.demand.uptake import Candidates, candidates_of, keys_of, luck_of, share_in

HOMES = 4000
PER_MILLE = st.integers(0, 1000).map(lambda share: share / 1000.0)
# Widest deviation of a binomial count that is believed [standard deviations]: 1 in 16,000 by chance.
SIGMAS = 4.0


def _uptake(**changes: object) -> Uptake:
    figures: dict[str, object] = {
        "technology": "ev", "customers": ("residential",), "shares": {2025: 0.0, 2035: 1.0}, "unit_kw": 11.0,
        "source": "a test",
    }  # fmt: skip
    return Uptake.model_validate({**figures, **changes})


def _curve(**changes: float) -> Uptake:
    curve = {"start_share": 0.1, "saturation_share": 0.9, "midpoint_year": 2035, "rate_per_year": 0.4}
    return _uptake(shares={}, s_curve=SCurve.model_validate({**curve, **changes}))


def _in_a_row(count: int = HOMES) -> Candidates:
    """Homes 10 m apart."""
    at = np.stack([10.0 * np.arange(count), np.zeros(count)], axis=1)
    return Candidates(np.arange(count), np.zeros(count, dtype=np.int64), at, 0)


KEYS = keys_of(f"home {number}" for number in range(HOMES))


def _luck(uptake: Uptake, draw: int = 0, seed: int = 7, lot: str = "ev") -> np.ndarray:
    return luck_of(_in_a_row(), KEYS, uptake, seed=seed, draw=draw, lot=lot)


def test_an_s_curve_by_hand() -> None:
    low, middle, high = 1 / (1 + math.exp(4)), 0.5, 1 / (1 + math.exp(-4))
    assert share_in(_curve(), 2025, 2025) == 0.1
    assert share_in(_curve(), 2035, 2025) == pytest.approx(0.1 + 0.8 * (middle - low) / (1 - low), abs=1e-15)
    assert share_in(_curve(), 2045, 2025) == pytest.approx(0.1 + 0.8 * (high - low) / (1 - low), abs=1e-15)
    assert share_in(_curve(), 2200, 2025) == pytest.approx(0.9, abs=1e-12)
    assert share_in(_curve(), 2020, 2025) == 0.1


def test_an_s_curve_may_fall() -> None:
    falling = _curve(start_share=0.9, saturation_share=0.0)
    shares = [share_in(falling, year, 2025) for year in range(2025, 2060)]
    assert shares[0] == 0.9
    assert np.all(np.diff(shares) < 0.0)


@settings(deadline=None)
@given(st.dictionaries(st.integers(2025, 2060), PER_MILLE, min_size=1, max_size=6))
def test_points_are_met_and_nothing_swings_beyond_its_neighbours(shares: dict[int, float]) -> None:
    uptake = _uptake(shares=shares)
    years = sorted(shares)
    assert [share_in(uptake, year, 2025) for year in years] == pytest.approx([shares[y] for y in years])
    assert share_in(uptake, 2200, 2025) == pytest.approx(shares[years[-1]])
    for before, after in pairwise(years):
        low, high = sorted((shares[before], shares[after]))
        between = [share_in(uptake, year, 2025) for year in range(before, after + 1)]
        assert min(between) >= low - 1e-12
        assert max(between) <= high + 1e-12


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_the_probability_of_a_lot_is_its_share(share: float) -> None:
    spread = math.sqrt(HOMES * share * (1 - share))
    counts = [int((_luck(_uptake(), draw) < share).sum()) for draw in range(20)]
    assert np.abs(np.array(counts) - HOMES * share).max() < SIGMAS * spread
    assert np.abs(np.mean(counts) - HOMES * share) < SIGMAS * spread / math.sqrt(20)
    assert np.std(counts) == pytest.approx(spread, rel=0.6)


def test_lots_of_draws_seeds_and_technologies_have_nothing_to_do_with_each_other() -> None:
    lots = [_luck(_uptake()), _luck(_uptake(), draw=1), _luck(_uptake(), seed=8), _luck(_uptake(), lot="pv")]
    correlation = np.corrcoef(lots)[np.triu_indices(4, 1)]
    assert np.abs(correlation).max() < SIGMAS / math.sqrt(HOMES)
    both_homes = [_luck(_uptake())[:-1], _luck(_uptake())[1:]]
    assert abs(np.corrcoef(both_homes)[0, 1]) < SIGMAS / math.sqrt(HOMES)


def test_a_lot_is_the_same_everywhere_and_for_ever() -> None:
    """Figures by a plain Python SplitMix64, so that a recorded seed means the same on every machine."""
    import hashlib

    def key(text: str) -> int:
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")

    z = ((key("home 2") ^ key("7|0|ev")) + 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    assert _luck(_uptake())[2] == ((z ^ (z >> 31)) >> 11) * 2.0**-53


def test_a_home_keeps_its_lot_when_others_come_or_go() -> None:
    fewer = Candidates(np.array([5, 9]), np.zeros(2, dtype=np.int64), np.zeros((2, 2)), 0)
    lot = luck_of(fewer, KEYS, _uptake(), seed=7, draw=0, lot="ev")
    assert np.array_equal(lot, _luck(_uptake())[[5, 9]])


def test_neighbours_follow_first_when_clustered() -> None:
    clustered = _uptake(siting="clustered", clusters=3)
    lot = _luck(clustered)
    assert np.array_equal(lot, _luck(clustered))
    assert np.array_equal(np.sort(lot), (np.arange(HOMES) + 0.5) / HOMES)
    for share in (0.1, 0.3):
        takers = np.flatnonzero(lot < share)
        assert len(takers) == round(share * HOMES)
        assert (np.diff(takers) > 1).sum() <= 2, "three stretches of neighbours at most"
    assert (np.diff(np.flatnonzero(lot < 0.1)) > 1).sum() == 2, "each of the three where it began"
    assert not np.array_equal(lot, _luck(clustered, draw=1))


def test_who_has_it_already_counts_towards_the_share() -> None:
    customers = pd.DataFrame(
        {"group": ["residential", "residential", "industrial"], "status": "placed",
         "customers": [3.0, 2.0, 1.0], "bus_id": ["A", "B", "B"]},
    )  # fmt: skip
    having = pd.Series({"A": 2.0, "B": 1.0})
    candidates = candidates_of(customers, ("residential",), np.zeros((3, 2)), having)
    assert candidates.having == 3
    assert candidates.rows.tolist() == [0, 1]
    assert candidates.numbers.tolist() == [2, 1]
    assert candidates.open_share(0.8) == pytest.approx(0.5)
    assert candidates.open_share(0.6) == 0.0
    assert candidates.open_share(0.2) == 0.0
    assert candidates.open_share(1.0) == 1.0
