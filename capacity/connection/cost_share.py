"""Who pays how much of what several sites need together: stated rules whose parts add up to the whole.

by_kw      each pays what is built for it alone; works on the grid in proportion to the demand of the sites
           that bring them about
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
    "by_kw": "own works in full; works on the existing grid in proportion to demand in kW",
    "shapley": "mean, over all orders of arrival, of what a site adds to the least cost (Shapley 1953)",
}
# A group of n sites has 2^n least costs to find.
MOST_SITES_SHAPLEY = 8


def shares_by_kw(total_eur: float, kw: Mapping[str, float]) -> dict[str, float]:
    """Split a cost in proportion to demand [kW]; in equal parts where nobody draws.

    Examples
    --------
    >>> shares_by_kw(90.0, {"A": 10.0, "B": 20.0})
    {'A': 30.0, 'B': 60.0}
    """
    whole = sum(kw.values())
    if not kw:
        return {}
    return {name: total_eur * (own / whole if whole > 0.0 else 1.0 / len(kw)) for name, own in kw.items()}


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
