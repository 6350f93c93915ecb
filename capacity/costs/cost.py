"""`Cost`: what something costs to build and to keep each year, as a range, with the items behind it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add


@dataclass(frozen=True)
class Cost:
    """Capital and yearly cost, each low, mid and high, in the currency and at the prices of the table.

    Attributes
    ----------
    low_eur, eur, high_eur
        To be paid once.
    yearly_low_eur, yearly_eur, yearly_high_eur
        To be paid every year.
    items
        Items of the cost table that are in it, each with its amount: ("lv_cable", 0.35, "km").
    """

    low_eur: float = 0.0
    eur: float = 0.0
    high_eur: float = 0.0
    yearly_low_eur: float = 0.0
    yearly_eur: float = 0.0
    yearly_high_eur: float = 0.0
    items: tuple[tuple[str, float, str], ...] = ()

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.low_eur + other.low_eur,
            self.eur + other.eur,
            self.high_eur + other.high_eur,
            self.yearly_low_eur + other.yearly_low_eur,
            self.yearly_eur + other.yearly_eur,
            self.yearly_high_eur + other.yearly_high_eur,
            self.items + other.items,
        )


def total_cost(costs: list[Cost]) -> Cost:
    """Sum of costs; nothing for none."""
    return reduce(add, costs, Cost())
