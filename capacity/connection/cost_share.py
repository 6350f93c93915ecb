"""Who pays how much of what several sites need together: stated rules whose parts add up to the whole.

by_kw      each pays what it would alone; what a group of sites costs over the sum of that is laid on them in
           proportion to their demand, what it costs less is taken off in proportion to what each would pay
shapley    the mean, over all orders of arrival, of what a site adds to the least cost of those before it
           (L. S. Shapley, "A value for n-person games", 1953): no order is favoured, and a site that needs
           nothing shared pays what it costs alone
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from math import factorial
from typing import Literal

ShareRule = Literal["by_kw", "shapley"]
SHARE_RULES: dict[ShareRule, str] = {
    "by_kw": (
        "each pays what it would alone; what sites that hang on each other cost more in proportion to "
        "demand in kW, what they cost less in proportion to what each would pay alone"
    ),
    "shapley": "mean, over all orders of arrival, of what a site adds to the least cost (Shapley 1953)",
}
# A group of n sites has 2^n least costs to find.
MOST_SITES_SHAPLEY = 8


def shares_by_kw(
    total_eur: float, alone_eur: Mapping[str, float], kw: Mapping[str, float]
) -> dict[str, float]:
    """Split the cost of a group by what each would pay alone and its demand [kW]; nobody gets money.

    Examples
    --------
    >>> shares_by_kw(90.0, {"A": 30.0, "B": 30.0}, {"A": 10.0, "B": 20.0})
    {'A': 40.0, 'B': 50.0}
    >>> shares_by_kw(45.0, {"A": 30.0, "B": 60.0}, {"A": 10.0, "B": 20.0})
    {'A': 15.0, 'B': 30.0}
    """
    more_eur = total_eur - sum(alone_eur.values())
    parts = _parts(kw if more_eur > 0.0 else alone_eur)
    return {name: own + more_eur * parts[name] for name, own in alone_eur.items()}


def _parts(weights: Mapping[str, float]) -> dict[str, float]:
    """Weights as parts of one; equal ones where all are 0."""
    whole = sum(weights.values())
    return {name: own / whole if whole > 0.0 else 1.0 / len(weights) for name, own in weights.items()}


def shapley_shares(names: Sequence[str], least_eur: Callable[[frozenset[str]], float]) -> dict[str, float]:
    """Split the least cost of all by what each adds, over all orders of arrival.

    Parameters
    ----------
    least_eur
        Least cost of supplying some of them; 0 for none. Asked once per set.

    Returns
    -------
    dict
        Per name; the sum is the least cost of all.

    Examples
    --------
    >>> shapley_shares(["A", "B"], lambda some: 10.0 * bool(some))
    {'A': 5.0, 'B': 5.0}
    """
    if len(names) > MOST_SITES_SHAPLEY:
        raise ValueError(f"{len(names)} sites have too many orders; at most {MOST_SITES_SHAPLEY}")
    costs = {
        frozenset(some): least_eur(frozenset(some)) if some else 0.0
        for size in range(len(names) + 1)
        for some in combinations(names, size)
    }
    orders = factorial(len(names))
    return {
        name: sum(
            factorial(len(some)) * factorial(len(names) - len(some) - 1) / orders
            * (costs[some | {name}] - costs[some])
            for some in costs
            if name not in some
        )
        for name in names
    }  # fmt: skip
