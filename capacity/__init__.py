"""Engineering: limits, bottlenecks, headroom, connection, command line. No Streamlit, no pandapower import.

Names are imported when first used, so that `feederplan --help` loads none of the heavy libraries.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from capacity.assumptions import Assumptions, read_assumptions
    from capacity.bottlenecks import find_bottlenecks
    from capacity.checks import VIOLATION_COLUMNS, make_yardstick, violations
    from capacity.connection import Assessment, ConnectionConfig, assess_connection, place_at
    from capacity.demand.development import Development
    from capacity.headroom import find_headroom, joint_headroom
    from capacity.hosting import hosting_capacity
    from capacity.impact import study_impact
    from capacity.limits import Limits, profile_names, read_limits

_HOMES = {
    "Assessment": "connection",
    "Assumptions": "assumptions",
    "ConnectionConfig": "connection",
    "Development": "demand.development",
    "Limits": "limits",
    "VIOLATION_COLUMNS": "checks",
    "assess_connection": "connection",
    "find_bottlenecks": "bottlenecks",
    "find_headroom": "headroom",
    "hosting_capacity": "hosting",
    "joint_headroom": "headroom",
    "make_yardstick": "checks",
    "place_at": "connection",
    "profile_names": "limits",
    "read_assumptions": "assumptions",
    "read_limits": "limits",
    "study_impact": "impact",
    "violations": "checks",
}

__all__ = [
    "VIOLATION_COLUMNS",
    "Assessment",
    "Assumptions",
    "ConnectionConfig",
    "Development",
    "Limits",
    "assess_connection",
    "find_bottlenecks",
    "find_headroom",
    "hosting_capacity",
    "joint_headroom",
    "make_yardstick",
    "place_at",
    "profile_names",
    "read_assumptions",
    "read_limits",
    "study_impact",
    "violations",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'capacity' has no attribute {name!r}")
    return getattr(import_module(f"capacity.{_HOMES[name]}"), name)
