"""What measures cost over the years: capital, present value, trenches that several share paid once.

A measure that is built in one year costs its capital then and its yearly cost from then on, for as many years
as the terms count. Amounts of later years are discounted to the first. A trench that measures of the same
year lie in is dug once; one that is opened again in a later year is paid again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from capacity.measures.measure import Measure
from capacity.planning.plan import PlanTerms

# What a measure of the first kind counts for beside its cost, and each further kind more.
TIE_EUR = 0.1


@dataclass(frozen=True, eq=False)
class Prices:
    """Costs of measures as arrays.

    Attributes
    ----------
    start_eur
        Measures x years: present value of starting in that year: capital without shared trenches.
    year_eur
        Measures x years: present value of being in force from that year to the next one planned for.
    capital_eur
        Capital per measure without shared trenches, not discounted.
    trench
        Per key of a trench its number; in the order of `trench_eur`.
    trench_eur
        Capital per trench.
    lies_in
        Per measure the numbers of the trenches it lies in.
    discount
        Factor per year.
    tie_eur
        Per measure, to choose between plans of one cost: fewer measures, of kinds that come first.
    """

    start_eur: np.ndarray
    year_eur: np.ndarray
    capital_eur: np.ndarray
    trench: dict[str, int]
    trench_eur: np.ndarray
    lies_in: tuple[tuple[int, ...], ...]
    discount: np.ndarray
    tie_eur: np.ndarray


@dataclass(frozen=True)
class Worth:
    """Capital [EUR] and present value [EUR]; the latter with what decides between equals."""

    capital_eur: float
    present_value_eur: float
    preference_eur: float


def prices_of(measures: Sequence[Measure], years: Sequence[int | None], terms: PlanTerms) -> Prices:
    """Price measures over years."""
    discount, stay = _factors(years, terms)
    trench: dict[str, int] = {}
    trench_eur: list[float] = []
    shared = _shared_keys(measures)
    capital = np.array([one.cost.eur for one in measures], dtype=float)
    lies_in = []
    for row, one in enumerate(measures):
        own = []
        for key in sorted(shared & set(one.shared_trench)):
            metres = one.shared_trench[key]
            number = trench.setdefault(key, len(trench_eur))
            if number == len(trench_eur):
                trench_eur.append(0.0)
            dug = min(metres * one.trench_eur_per_m, max(capital[row], 0.0))
            trench_eur[number] = max(trench_eur[number], dug)
            capital[row] -= dug
            own.append(number)
        lies_in.append(tuple(own))
    yearly = np.array([one.cost.yearly_eur for one in measures], dtype=float)
    return Prices(
        start_eur=np.outer(capital, discount),
        year_eur=np.outer(yearly, stay),
        capital_eur=capital,
        trench=trench,
        trench_eur=np.array(trench_eur),
        lies_in=tuple(lies_in),
        discount=discount,
        tie_eur=_ties(measures),
    )


def _ties(measures: Sequence[Measure]) -> np.ndarray:
    kinds = list(dict.fromkeys(one.kind for one in measures))
    return np.array([TIE_EUR * (1.0 + kinds.index(one.kind)) for one in measures], dtype=float)


def worth_of(
    measures: Sequence[Measure], in_force: np.ndarray, years: Sequence[int | None], terms: PlanTerms
) -> Worth:
    """Capital and present value of measures.

    Parameters
    ----------
    in_force
        Measures x years.
    """
    return worth_at(prices_of(measures, years, terms), in_force)


def worth_at(prices: Prices, in_force: np.ndarray) -> Worth:
    """As `worth_of`, at prices that are made already."""
    starts = starts_of(in_force)
    years = len(prices.discount)
    dug = np.zeros((len(prices.trench_eur), years), dtype=bool)
    rows, when = np.nonzero(starts)
    for row, year in zip(rows, when, strict=True):
        dug[list(prices.lies_in[row]), year] = True
    trenches = prices.trench_eur[:, None] * dug
    capital = (prices.capital_eur[:, None] * starts).sum() + trenches.sum()
    value = (
        (prices.start_eur * starts).sum()
        + (prices.year_eur * in_force).sum()
        + (trenches * prices.discount).sum()
    )
    ties = prices.tie_eur[in_force.any(axis=1)].sum()
    return Worth(float(capital), float(value), float(value + ties))


def starts_of(in_force: np.ndarray) -> np.ndarray:
    """Measures x years: begins to be in force in that year."""
    before = np.zeros_like(in_force)
    before[:, 1:] = in_force[:, :-1]
    return np.asarray(in_force & ~before)


def _factors(years: Sequence[int | None], terms: PlanTerms) -> tuple[np.ndarray, np.ndarray]:
    """Per year: discount factor, and the sum of those of all years until the next one planned for."""
    first = years[0] or 0
    rate = 1.0 + terms.discount_rate_percent / 100.0
    passed = np.array([0 if year is None else year - first for year in years], dtype=float)
    until = np.append(passed[1:], max(terms.horizon_years, passed[-1] + 1.0))
    stay = [(rate ** -np.arange(begin, end)).sum() for begin, end in zip(passed, until, strict=True)]
    return rate**-passed, np.array(stay)


def _shared_keys(measures: Sequence[Measure]) -> set[str]:
    """Trenches that more than one measure lies in."""
    count: dict[str, int] = defaultdict(int)
    for one in measures:
        for key in one.shared_trench:
            count[key] += 1
    return {key for key, times in count.items() if times > 1}
