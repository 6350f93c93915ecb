"""Voltage levels: where low and medium voltage end, and when two voltages are of one level."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import pandas as pd

# Up to here a bus is low voltage, and up to there medium voltage [kV]: IEC 60038 tables 1 and 3.
LV_MAX_KV = 1.0
MV_MAX_KV = 36.0
# Relative difference of voltages that still counts as equal: 10 and 10.5 kV belong together,
# 0.4 and 0.69 kV do not (engineering judgement).
SAME_VOLTAGE_SHARE = 0.15

Voltages = TypeVar("Voltages", pd.Series, np.ndarray)


def same_voltage(voltages_kv: Voltages, of_kv: Voltages | float) -> Voltages:
    """Tell which voltages [kV] are of the level of another; a missing one never is."""
    return abs(voltages_kv - of_kv) <= SAME_VOLTAGE_SHARE * of_kv
