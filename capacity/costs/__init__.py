"""Cost tables: named, dated CSV files of what equipment and works cost, with their sources."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from capacity.costs.cost import Cost


@dataclass(frozen=True, eq=False)
class CostTable:
    """One cost table at the prices of one year.

    Attributes
    ----------
    name, currency, price_year
        As in the file, after the index of inflation that was asked for.
    rows
        Indexed by item: unit, low, mid, high, yearly_percent, life_years, months, source.
    """

    name: str
    currency: str
    price_year: int
    rows: pd.DataFrame

    def has(self, item: str) -> bool:
        """Tell whether the table prices an item."""
        return item in self.rows.index

    def cost(self, item: str, amount: float) -> Cost:
        """Cost of so much of an item, in its unit.

        Raises
        ------
        KeyError
            The table does not price it.
        """
        raise NotImplementedError
