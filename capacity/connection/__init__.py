"""Can a development be connected: supply points on every level, works, cost, time; queue and portfolio."""

from __future__ import annotations

from capacity.connection.assessment import (
    OPTION_COLUMNS,
    Assessment,
    Verdict,
    assess_all,
    assess_connection,
    assess_on,
    place_at,
)
from capacity.connection.connection_grid import ConnectionGrid
from capacity.connection.record import assessment_record
from capacity.connection.site_cases import ConnectionConfig, connection_grid, site_power_kva

__all__ = [
    "OPTION_COLUMNS",
    "Assessment",
    "ConnectionConfig",
    "ConnectionGrid",
    "Verdict",
    "assess_all",
    "assess_connection",
    "assess_on",
    "assessment_record",
    "connection_grid",
    "place_at",
    "site_power_kva",
]
