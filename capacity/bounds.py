"""The limits of a yardstick as plain numbers, for the batch engine."""

from __future__ import annotations

import numpy as np

from capacity.checks import Yardstick
from gis.voltage import LV_MAX_KV
from gridmodel.engine.bounds import Bounds


def bounds_of(yardstick: Yardstick) -> Bounds:
    """Limits per bus, line and transformer, in the order of the network's tables.

    The change of voltage is that of `Limits.voltage_change`; whether it applies is the caller's choice.
    """
    network, limits, bands = yardstick.network, yardstick.limits, yardstick.bands
    low, high = bands["min_pu"].to_numpy(), bands["max_pu"].to_numpy()
    change = np.where(
        network.buses["vn_kv"] <= LV_MAX_KV,
        limits.voltage_change.lv_percent,
        limits.voltage_change.mv_percent,
    )
    return Bounds(
        vm_min_pu=np.where(np.isnan(low), -np.inf, low),
        vm_max_pu=np.where(np.isnan(high), np.inf, high),
        reference=np.where(bands["from_busbar"], yardstick.busbar, -1),
        line_percent=np.full(len(network.lines), limits.loading.line_percent),
        transformer_percent=np.full(len(network.transformers), limits.loading.transformer_percent),
        change_pu=change / 100.0,
    )
