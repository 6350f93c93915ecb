"""Can a development be connected: supply points on every level, works, cost, time; queue and portfolio."""

from __future__ import annotations

from capacity.connection.assessment import (
    OPTION_COLUMNS,
    Assessment,
    ConnectionConfig,
    Verdict,
    assess_connection,
    assess_on,
    place_at,
)

__all__ = [
    "OPTION_COLUMNS",
    "Assessment",
    "ConnectionConfig",
    "Verdict",
    "assess_connection",
    "assess_on",
    "place_at",
]
