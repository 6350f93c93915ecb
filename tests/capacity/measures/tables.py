"""A small cost table with round prices, so that sums are seen at a glance."""

from __future__ import annotations

import pandas as pd

from capacity.costs import CostTable

_ITEMS = {
    "tap_change": ("piece", 100.0, 0.0, 1),
    "setpoint_change": ("piece", 50.0, 0.0, 0),
    "switching_change": ("piece", 200.0, 0.0, 0),
    "capacitor": ("kvar", 20.0, 1.0, 6),
    "battery": ("kWh", 500.0, 2.0, 12),
    "flexibility_kw_year": ("kW", 0.0, 0.0, 3),
    "flexibility_kwh": ("kWh", 0.0, 0.0, 3),
}


def _row(unit: str, mid: float, yearly_percent: float, months: int) -> dict[str, object]:
    return {
        "unit": unit, "low": 0.5 * mid, "mid": mid, "high": 2.0 * mid, "yearly_percent": yearly_percent,
        "life_years": 40, "months": months, "source": "round figures of a test",
    }  # fmt: skip


PRICES = CostTable(
    "test", "EUR", 2024, pd.DataFrame({item: _row(*row) for item, row in _ITEMS.items()}).T.infer_objects()
)
