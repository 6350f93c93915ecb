"""`CostTable`: prices of items at the prices of one year, and what an amount of an item costs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from capacity.costs.cost import Cost
from capacity.costs.items import CABLES, YEARLY_UNITS

M_PER_KM = 1000.0


@dataclass(frozen=True, eq=False)
class CostTable:
    """One cost table.

    Attributes
    ----------
    name
        As results tell it, with the index of inflation where one was asked for: "dena 2012, +2 %/a to 2026".
    currency
        Of all its prices.
    price_year
        Year its prices are of; where rows are of several years, the year of the first row.
    rows
        Indexed by item: type_id ("": any type), unit, low, mid, high, price_year, yearly_percent (of the
        price), yearly (per unit), life_years, months, source.
    """

    name: str
    currency: str
    price_year: int
    rows: pd.DataFrame

    @property
    def prices(self) -> str:
        """Name and the years of the prices, in words: "dena 2012, prices of 2012 (some of 2024)"."""
        others = sorted(set(self.rows["price_year"]) - {self.price_year})
        some = f" (some of {', '.join(map(str, others))})" if others else ""
        return f"{self.name}, prices of {self.price_year}{some}"

    def has(self, item: str, type_id: str = "") -> bool:
        """Tell whether the table prices an item, of this type or of any."""
        return self._row(item, type_id) is not None

    def lacks(self, items: Iterable[str]) -> tuple[str, ...]:
        """Items among these that the table does not price."""
        return tuple(item for item in dict.fromkeys(items) if not self.has(item))

    def cost(self, item: str, amount: float, type_id: str = "") -> Cost:
        """Cost of so much of an item, in its unit (km, unit, kvar, kWh, kW/a, kWh/a).

        Parameters
        ----------
        type_id
            The price of this type where the table has one, else of the item in general.

        Raises
        ------
        KeyError
            The table does not price it.
        """
        row = self._priced(item, type_id)
        low, mid, high = (float(row[column]) * amount for column in ("low", "mid", "high"))
        items = ((item, float(amount), str(row["unit"])),)
        if row["unit"] in YEARLY_UNITS:
            return Cost(0.0, 0.0, 0.0, low, mid, high, items)
        share, fixed = float(row["yearly_percent"]) / 100.0, float(row["yearly"]) * amount
        return Cost(low, mid, high, low * share + fixed, mid * share + fixed, high * share + fixed, items)

    def months(self, item: str, type_id: str = "") -> int:
        """Lead time of an item [months]; KeyError where it is not priced."""
        return int(self._priced(item, type_id)["months"])

    def life_years(self, item: str, type_id: str = "") -> int:
        """Years an item serves; KeyError where it is not priced."""
        return int(self._priced(item, type_id)["life_years"])

    def trench_per_m(self, cable: str) -> float:
        """Price of a metre of trench: a cable laid less the cable alone; KeyError where one is not priced.

        Parameters
        ----------
        cable
            "lv_cable" or "mv_cable".
        """
        laid, alone = (self._priced(item, "")["mid"] for item in (cable, CABLES[cable]))
        return float(laid - alone) / M_PER_KM

    def _priced(self, item: str, type_id: str) -> pd.Series:
        row = self._row(item, type_id)
        if row is None:
            raise KeyError(f"the cost table {self.name} has no price of {item}")
        return row

    def _row(self, item: str, type_id: str) -> pd.Series | None:
        rows = self.rows[self.rows.index == item]
        for wanted in dict.fromkeys((type_id, "")):
            of_type = rows[rows["type_id"] == wanted]
            if len(of_type):
                return of_type.iloc[0]
        return None
