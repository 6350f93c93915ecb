"""What the measures of a plan cost together: a trench once, yearly costs over the years, present value."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from capacity.planning.plan import PlanTerms, Taken

COST_COLUMNS = ("cost_low_eur", "cost_eur", "cost_high_eur", "yearly_eur", "present_value_eur", "shared_eur")


def step_costs(taken: Sequence[Taken], terms: PlanTerms, first_year: int | None) -> pd.DataFrame:
    """Cost of each measure of a plan, in their order.

    A trench that several measures of one year lie in is paid by the first of them; sums over the rows are
    the plan's.

    Parameters
    ----------
    first_year
        The year that present values are of.

    Returns
    -------
    DataFrame
        Columns `COST_COLUMNS`: capital low, mid, high; yearly cost; present value of both in the first year;
        what a shared trench saves of the mid capital.
    """
    dug: dict[tuple[int | None, str], tuple[float, float]] = {}
    rows = []
    for one in taken:
        cost, saved = one.measure.cost, _saved(one, dug)
        left = 1.0 - (saved / cost.eur if cost.eur > 0.0 else 0.0)
        capital = cost.eur - saved
        present = capital * discount(one.year, terms, first_year)
        present += cost.yearly_eur * present_years(one, terms, first_year)
        rows.append(
            (cost.low_eur * left, capital, cost.high_eur * left, cost.yearly_eur, present, saved)
        )
    return pd.DataFrame(rows, columns=list(COST_COLUMNS), dtype=float)


def discount(year: int | None, terms: PlanTerms, first_year: int | None) -> float:
    """What one EUR paid in a year is worth in the first."""
    waited = 0 if year is None or first_year is None else max(year - first_year, 0)
    return (1.0 + terms.discount_rate_percent / 100.0) ** -waited


def present_years(taken: Taken, terms: PlanTerms, first_year: int | None) -> float:
    """What one EUR in every year that a measure is in force is worth in the first, up to the horizon."""
    year, start = taken.year, first_year or 0
    begin = 0 if year is None or first_year is None else max(year - start, 0)
    end = terms.horizon_years
    if taken.until is not None and first_year is not None:
        end = min(end, taken.until - start)
    rate = terms.discount_rate_percent / 100.0
    return sum((1.0 + rate) ** -waited for waited in range(begin, end))


def _saved(one: Taken, dug: dict[tuple[int | None, str], tuple[float, float]]) -> float:
    """What is saved [EUR] by trenches that are open already; adds its own to them."""
    rate, saved = one.measure.trench_eur_per_m, 0.0
    for key, length_m in one.measure.shared_trench.items():
        place = (one.year, key)
        open_m, open_rate = dug.get(place, (0.0, 0.0))
        saved += min(length_m, open_m) * min(rate, open_rate)
        dug[place] = (max(length_m, open_m), max(rate, open_rate))
    return saved
