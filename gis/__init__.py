"""Geometry in and out: schema, coordinate systems, rules, topology, map layers.

Knows nothing of load flow: no pandapower, no Streamlit.
"""

from gis.errors import BalanceError, FeederplanError, InputError
from gis.findings import FINDING_COLUMNS, REPAIR_COLUMNS, errors_of, render_findings
from gis.network import Network, make_network
from gis.read import check_network, inspect_network, read_network, read_sites, write_network
from gis.rules import RULES
from gis.schema import SCHEMA_VERSION, TABLES

__all__ = [
    "FINDING_COLUMNS",
    "REPAIR_COLUMNS",
    "RULES",
    "SCHEMA_VERSION",
    "TABLES",
    "BalanceError",
    "FeederplanError",
    "InputError",
    "Network",
    "check_network",
    "errors_of",
    "inspect_network",
    "make_network",
    "read_network",
    "read_sites",
    "render_findings",
    "write_network",
]
