"""`CostTable`: prices of items at the prices of one year, and what an amount of an item costs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import pandas as pd

from capacity.costs.cost import Cost
from capacity.costs.items import CABLES, YEARLY_UNITS

M_PER_KM = 1000.0


class _Price(NamedTuple):
    unit: str
    low: float
    mid: float
    high: float
    yearly_percent: float
    yearly: float
    life_years: int
    months: int


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
        return self._price(item, type_id) is not None

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
        price = self._priced(item, type_id)
        low, mid, high = (float(each) * amount for each in (price.low, price.mid, price.high))
        items = ((item, float(amount), price.unit),)
        if price.unit in YEARLY_UNITS:
            return Cost(0.0, 0.0, 0.0, low, mid, high, items)
        share, fixed = float(price.yearly_percent) / 100.0, float(price.yearly) * amount
        return Cost(low, mid, high, low * share + fixed, mid * share + fixed, high * share + fixed, items)

    def months(self, item: str, type_id: str = "") -> int:
        """Lead time of an item [months]; KeyError where it is not priced."""
        return int(self._priced(item, type_id).months)

    def life_years(self, item: str, type_id: str = "") -> int:
        """Years an item serves; KeyError where it is not priced."""
        return int(self._priced(item, type_id).life_years)

    def trench_per_m(self, cable: str) -> float:
        """Price of a metre of trench: a cable laid less the cable alone; KeyError where one is not priced.

        Parameters
        ----------
        cable
            "lv_cable" or "mv_cable".
        """
        laid, alone = (self._priced(item, "").mid for item in (cable, CABLES[cable]))
        return float(laid - alone) / M_PER_KM

    def cable_cost(
        self, cable: str, length_m: float, trench_m: float | None = None, *, count: int = 1, type_id: str = ""
    ) -> Cost:
        """Cost of cables laid side by side in one trench.

        Parameters
        ----------
        cable
            "lv_cable" or "mv_cable".
        length_m
            Of each cable [m].
        trench_m
            Metres of trench times the cost factor of their surface (`gis.routing.Route.weighted_m`); as long
            as the cable, of ordinary surface, when absent.
        count
            Cables in the trench.

        Raises
        ------
        KeyError
            The table does not price the cable, or not without its trench.
        """
        laid, alone = self._priced(cable, type_id), self._priced(CABLES[cable], type_id)
        metres = length_m if trench_m is None else trench_m
        low, mid, high = (
            (of_cable * length_m * count + (with_trench - of_cable) * metres) / M_PER_KM
            for with_trench, of_cable in (
                (laid.low, alone.low),
                (laid.mid, alone.mid),
                (laid.high, alone.high),
            )
        )
        share = laid.yearly_percent / 100.0
        items = ((cable, length_m / M_PER_KM, "km"), (CABLES[cable], (count - 1) * length_m / M_PER_KM, "km"))
        return Cost(low, mid, high, low * share, mid * share, high * share, items[: 1 + (count > 1)])

    def _priced(self, item: str, type_id: str) -> _Price:
        price = self._price(item, type_id)
        if price is None:
            raise KeyError(f"the cost table {self.name} has no price of {item}")
        return price

    def _price(self, item: str, type_id: str) -> _Price | None:
        """Price of the type where there is one, else of the item in general."""
        return self._by_type.get((item, type_id)) or self._by_type.get((item, ""))

    @cached_property
    def _by_type(self) -> dict[tuple[str, str], _Price]:
        """Prices by item and type: plans ask some thousand times."""
        columns = self.rows[list(_Price._fields)].itertuples(index=False)
        keys = zip(self.rows.index, self.rows["type_id"], strict=True)
        return {key: _Price(*row) for key, row in zip(keys, columns, strict=True)}
