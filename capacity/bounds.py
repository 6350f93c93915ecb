"""The limits of a yardstick as plain numbers, for the batch engine."""

from __future__ import annotations

import numpy as np

from capacity.checks import Yardstick
from gis.voltage import LV_MAX_KV, MV_MAX_KV
from gridmodel.engine.bounds import Bounds


def bounds_of(yardstick: Yardstick, *, n1_reserve: bool = False) -> Bounds:
    """Limits per bus, line and transformer, in the order of the network's tables.

    The change of voltage is that of `Limits.voltage_change`; whether it applies is the caller's choice.

    Parameters
    ----------
    n1_reserve
        Whether medium-voltage lines, and transformers that feed medium voltage, keep the reserve that the
        limits have for the loss of another.
    """
    network, limits, bands = yardstick.network, yardstick.limits, yardstick.bands
    low, high = bands["min_pu"].to_numpy(), bands["max_pu"].to_numpy()
    change = np.where(
        network.buses["vn_kv"] <= LV_MAX_KV,
        limits.voltage_change.lv_percent,
        limits.voltage_change.mv_percent,
    )
    line_percent, transformer_percent = _loading_limits(yardstick, n1_reserve=n1_reserve)
    return Bounds(
        vm_min_pu=np.where(np.isnan(low), -np.inf, low),
        vm_max_pu=np.where(np.isnan(high), np.inf, high),
        reference=np.where(bands["from_busbar"], yardstick.busbar, -1),
        line_percent=line_percent,
        transformer_percent=transformer_percent,
        change_pu=change / 100.0,
    )


def _loading_limits(yardstick: Yardstick, *, n1_reserve: bool) -> tuple[np.ndarray, np.ndarray]:
    """Largest loading [%] per line and per transformer."""
    network, limits = yardstick.network, yardstick.limits
    line_percent = np.full(len(network.lines), limits.loading.line_percent)
    transformer_percent = np.full(len(network.transformers), limits.loading.transformer_percent)
    if not n1_reserve or limits.n1_reserve is None:
        return line_percent, transformer_percent
    fed_kv = network.buses["vn_kv"].reindex(network.transformers["lv_bus_id"]).to_numpy()
    at = _is_medium_voltage(network.lines["vn_kv"].to_numpy())
    line_percent[at] = np.minimum(line_percent[at], limits.n1_reserve.mv_line_percent)
    at = _is_medium_voltage(fed_kv)
    most = np.minimum(transformer_percent[at], limits.n1_reserve.mv_transformer_percent)
    transformer_percent[at] = most
    return line_percent, transformer_percent


def _is_medium_voltage(vn_kv: np.ndarray) -> np.ndarray:
    return np.asarray((vn_kv > LV_MAX_KV) & (vn_kv <= MV_MAX_KV))
