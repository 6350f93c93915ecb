"""What money of several years is worth in one: discounting of prices that do not move (real terms).

All amounts fall at the beginning of their year. Formulas of textbook finance, as in IEC 60300-3-3 (life cycle
costing); nothing here knows measures or plans.
"""

from __future__ import annotations

import math

from capacity.costs.cost import Cost

# Below this a rate discounts nothing that a double could tell.
NO_RATE_PERCENT = 1e-12


def discount_factor(rate_percent: float, years: float) -> float:
    """Worth today of one unit paid in so many years.

    Examples
    --------
    >>> round(discount_factor(4.0, 10), 6)
    0.675564
    """
    return float((1.0 + rate_percent / 100.0) ** -years)


def annuity_factor(rate_percent: float, years: int) -> float:
    """Worth today of one unit paid at the beginning of each of so many years, the first one today.

    Examples
    --------
    >>> round(annuity_factor(4.0, 3), 6)
    2.886095
    >>> annuity_factor(0.0, 20)
    20.0
    """
    if years <= 0:
        return 0.0
    if rate_percent < NO_RATE_PERCENT:
        return float(years)
    growth = math.log1p(rate_percent / 100.0)
    return math.expm1(-growth * years) / math.expm1(-growth)


def present_value(capital: float, year: int, *, first_year: int, rate_percent: float) -> float:
    """Worth in the first year of an amount paid in a later one."""
    return capital * discount_factor(rate_percent, year - first_year)


def present_value_yearly(
    yearly: float, from_year: int, to_year: int, *, first_year: int, rate_percent: float
) -> float:
    """Worth in the first year of an amount paid each year from one year until before another."""
    return (
        yearly
        * annuity_factor(rate_percent, to_year - from_year)
        * discount_factor(rate_percent, from_year - first_year)
    )


def deferral_value(capital: float, year: int, later: int, *, first_year: int, rate_percent: float) -> float:
    """What is saved, in the first year's worth, by paying in a later year instead."""
    now, then = (
        present_value(capital, at, first_year=first_year, rate_percent=rate_percent) for at in (year, later)
    )
    return now - then


def present_value_of(
    cost: Cost,
    year: int,
    *,
    first_year: int,
    horizon_years: int,
    rate_percent: float,
    until: int | None = None,
    life_years: int | None = None,
) -> float:
    """Worth in the first year of building and keeping something, mid figures.

    Parameters
    ----------
    year, until
        When it is built, and the year from which it is no longer kept (None: to the horizon).
    horizon_years
        Years counted from the first; what falls behind them is not counted.
    life_years
        Years after which it is built again while it is kept; it serves for good when absent.
    """
    end = min(first_year + horizon_years, until if until is not None else first_year + horizon_years)
    again = range(year, max(end, year + 1), life_years) if life_years else (year,)
    capital = sum(
        present_value(cost.eur, at, first_year=first_year, rate_percent=rate_percent) for at in again
    )
    return capital + present_value_yearly(
        cost.yearly_eur, year, end, first_year=first_year, rate_percent=rate_percent
    )
