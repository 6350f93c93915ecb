"""What the measures of a plan cost together: a trench once, yearly costs over the years, present value."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from capacity.costs.present_value import annuity_factor, discount_factor
from capacity.planning.plan import PlanTerms, Taken

COST_COLUMNS = ("cost_low_eur", "cost_eur", "cost_high_eur", "yearly_eur", "present_value_eur", "shared_eur")


def step_costs(taken: Sequence[Taken], terms: PlanTerms, years: Sequence[int | None]) -> pd.DataFrame:
    """Cost of each measure of a plan, in their order.

    A trench that several measures of one year lie in is paid by the first of them, and what a later one needs
    more of it by that. The sums over the rows are `capacity.planning.worth.worth_of` all of them.

    Parameters
    ----------
    years
        Years of the plan, in order; present values are of the first.

    Returns
    -------
    DataFrame
        Columns `COST_COLUMNS`: capital low, mid, high; yearly cost; present value of both in the first year;
        what a shared trench saves of the mid capital.
    """
    dug: dict[tuple[int | None, str], float] = {}
    rows = []
    for one in taken:
        cost, saved = one.measure.cost, _saved_eur(one, dug)
        left = 1.0 - (saved / cost.eur if cost.eur > 0.0 else 0.0)
        capital = cost.eur - saved
        present = capital * discount(one.year, terms, years)
        present += cost.yearly_eur * present_years(one, terms, years)
        rows.append((cost.low_eur * left, capital, cost.high_eur * left, cost.yearly_eur, present, saved))
    return pd.DataFrame(rows, columns=list(COST_COLUMNS), dtype=float)


def discount(year: int | None, terms: PlanTerms, years: Sequence[int | None]) -> float:
    """What one EUR paid in a year is worth in the first."""
    return discount_factor(terms.discount_rate_percent, _passed(year, years))


def present_years(taken: Taken, terms: PlanTerms, years: Sequence[int | None]) -> float:
    """What one EUR in every year that a measure is in force is worth in the first.

    Counted to the horizon, and at least through the last year of the plan.
    """
    begin = _passed(taken.year, years)
    end = max(terms.horizon_years, _passed(years[-1], years) + 1)
    if taken.until is not None:
        end = min(end, _passed(taken.until, years))
    rate = terms.discount_rate_percent
    return discount_factor(rate, begin) * annuity_factor(rate, end - begin)


def _passed(year: int | None, years: Sequence[int | None]) -> int:
    """Years since the first."""
    first = years[0]
    return 0 if year is None or first is None else year - first


def _saved_eur(one: Taken, dug: dict[tuple[int | None, str], float]) -> float:
    """What is saved [EUR] by trenches that are open already; adds its own to them."""
    measure, saved = one.measure, 0.0
    for key in sorted(measure.shared_trench):
        own = min(measure.shared_trench[key] * measure.trench_eur_per_m, max(measure.cost.eur - saved, 0.0))
        paid = dug.get((one.year, key), 0.0)
        saved += min(own, paid)
        dug[one.year, key] = max(own, paid)
    return saved
