"""Coincidence under a tariff: exact for the whole group, never above the parts, also of unequal customers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capacity.demand.coincidence import AsGiven, Coincidence, Pylovo, Rusck
from capacity.demand.rebound import raised

RUSCK = Rusck(g_inf=0.2, source="a test")
METHODS = (RUSCK, Pylovo(g_inf=0.07, source="a test"))
PEAKS_KW = st.lists(st.floats(0.1, 100.0), min_size=2, max_size=8)


def _customers(peaks_kw: list[float], count: float = 1.0) -> pd.DataFrame:
    return pd.DataFrame({"customers": count, "peak_kw": peaks_kw})


def _kw(method: Coincidence, peaks_kw: list[float], count: float = 1.0) -> float:
    return float(method.peak_kw(method.weights(_customers(peaks_kw, count)).sum(axis=0, keepdims=True))[0])


def test_a_hundred_cars_by_hand() -> None:
    """100 x 11 kW: 308 kW by Rusck; twice that is 616: s = (616 - 308) / (1100 - 308)."""
    method = raised(RUSCK, _customers([11.0], 100.0), 2.0, "night")
    assert _kw(method, [11.0], 100.0) == pytest.approx(616.0)
    assert _kw(method, [11.0]) == pytest.approx(11.0)
    share = 308.0 / 792.0
    assert _kw(method, [11.0], 4.0) == pytest.approx(share * 44.0 + (1.0 - share) * 44.0 * 0.6)
    assert "38.9 % start as one under the tariff night" in method.source


def test_more_than_all_at_once_is_all_at_once() -> None:
    method = raised(RUSCK, _customers([11.0], 4.0), 5.0, "night")
    assert _kw(method, [11.0], 4.0) == pytest.approx(44.0)


def test_where_nothing_is_raised_the_method_stays() -> None:
    assert raised(RUSCK, _customers([11.0], 4.0), 1.0, "") is RUSCK
    assert raised(RUSCK, _customers([]), 2.0, "night") is RUSCK
    together = AsGiven()
    assert raised(together, _customers([11.0], 4.0), 2.0, "night") is together


@settings(deadline=None)
@given(PEAKS_KW, PEAKS_KW, st.floats(1.01, 6.0), st.sampled_from(METHODS))
def test_it_stays_monotone_and_no_more_than_its_parts(
    one: list[float], other: list[float], factor: float, of: Coincidence
) -> None:
    method = raised(of, _customers(one + other), factor, "night")
    whole, part, rest = (_kw(method, peaks) for peaks in (one + other, one, other))
    assert max(part, rest) <= whole * (1 + 1e-12)
    assert whole <= (part + rest) * (1 + 1e-12)
    wanted = min(factor * _kw(of, one + other), float(np.sum(one + other)))
    assert whole == pytest.approx(wanted, rel=1e-9)
