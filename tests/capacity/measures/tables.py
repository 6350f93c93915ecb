"""A small cost table with round prices, so that sums are seen at a glance."""

from __future__ import annotations

import pandas as pd

from capacity.costs import CostTable

_ITEMS = {
    "tap_change": ("unit", 100.0, 1),
    "setpoint_change": ("unit", 50.0, 0),
    "switching_change": ("unit", 200.0, 0),
    "capacitor": ("kvar", 20.0, 6),
    "battery": ("kWh", 500.0, 12),
    "flexibility_kw_year": ("kW/a", 10.0, 3),
    "flexibility_kwh": ("kWh/a", 0.1, 3),
}


def _row(unit: str, mid: float, months: int) -> dict[str, object]:
    return {
        "type_id": "", "unit": unit, "low": 0.5 * mid, "mid": mid, "high": 2.0 * mid, "price_year": 2024,
        "yearly_percent": 0.0, "yearly": 0.0, "life_years": 40, "months": months, "source": "a test's",
    }  # fmt: skip


PRICES = CostTable(
    "test", "EUR", 2024, pd.DataFrame({item: _row(*row) for item, row in _ITEMS.items()}).T.infer_objects()
)
NO_PRICES = CostTable("empty", "EUR", 2024, PRICES.rows.iloc[:0])
