"""Present values: by hand, and what must hold whatever the figures."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capacity.costs import Cost
from capacity.costs.present_value import (
    annuity_factor,
    deferral_value,
    discount_factor,
    present_value,
    present_value_of,
    present_value_yearly,
)


def test_capital_of_a_later_year_by_hand() -> None:
    """1,000 in three years at 5 %: 1000 / 1.157625."""
    assert present_value(1000.0, 2029, first_year=2026, rate_percent=5.0) == pytest.approx(863.8376, abs=1e-4)


def test_yearly_amounts_by_hand() -> None:
    """100 in 2028 and 2029, at 10 %: 100/1.21 + 100/1.331 of 2026."""
    worth = present_value_yearly(100.0, 2028, 2030, first_year=2026, rate_percent=10.0)
    assert worth == pytest.approx(82.6446 + 75.1315, abs=1e-4)
    assert present_value_yearly(100.0, 2030, 2030, first_year=2026, rate_percent=10.0) == 0.0


def test_deferral_by_hand() -> None:
    """A station of 50,000 from 2026 to 2031 at 4 %: 50000 (1 - 1/1.2166529)."""
    worth = deferral_value(50_000.0, 2026, 2031, first_year=2026, rate_percent=4.0)
    assert worth == pytest.approx(8903.64, abs=0.01)


def test_a_battery_is_bought_again_within_the_horizon() -> None:
    """60,000 now and after 15 years, 1,200 a year for 20 years, 4 %."""
    cost = Cost(eur=60_000.0, yearly_eur=1200.0)
    worth = present_value_of(cost, 2026, first_year=2026, horizon_years=20, rate_percent=4.0, life_years=15)
    assert worth == pytest.approx(60_000.0 * (1 + 0.555265) + 1200.0 * 14.133939, abs=0.1)


def test_a_contract_that_ends_costs_no_more() -> None:
    cost = Cost(yearly_eur=100.0)
    worth = present_value_of(
        cost, 2026, first_year=2026, horizon_years=20, rate_percent=0.0, until=2029, life_years=1
    )
    assert worth == 300.0


def test_what_is_built_in_the_last_year_is_paid_whole() -> None:
    cost = Cost(eur=10.0, yearly_eur=1.0)
    worth = present_value_of(cost, 2030, first_year=2026, horizon_years=4, rate_percent=0.0, life_years=10)
    assert worth == 10.0


@settings(max_examples=40, deadline=None)
@given(rate=st.floats(0.0, 30.0), years=st.integers(0, 80))
def test_an_annuity_is_the_sum_of_its_payments_and_waiting_never_costs(rate: float, years: int) -> None:
    assert annuity_factor(rate, years) == pytest.approx(sum(discount_factor(rate, n) for n in range(years)))
    assert deferral_value(1.0, 2026, 2026 + years, first_year=2026, rate_percent=rate) >= 0.0
