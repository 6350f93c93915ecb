"""Demand scenarios for tests: a text whose blocks a test changes or adds to, read like any other file."""

from __future__ import annotations

from pathlib import Path

from capacity.demand.demand_scenario import DemandScenario, read_demand_scenario

HEAD = """
scenario_id = "test"
name = "A test"
source = "a test"
base_year = 2025
years = [2025, 2030, 2035]
seed = 7
draws = 3
[profile]
year = 2025
source = "a test"
"""
EV = """
[uptake.ev]
technology = "ev"
customers = ["residential"]
shares = { 2025 = 0.0, 2030 = 0.5, 2035 = 1.0 }
unit_kw = 11.0
source = "a test"
"""
AT_ONCE = "coincidence = { method = 'as_given', source = 'a test' }\n"
PV = """
[uptake.roofs]
technology = "pv"
customers = ["residential"]
shares = { 2025 = 0.5 }
unit_kw = 8.0
source = "a test"
"""


def scenario_of(folder: Path, *blocks: str, head: str = HEAD) -> DemandScenario:
    """Read a scenario from a file with these blocks."""
    path = folder / "scenario.toml"
    path.write_text("\n".join([head, *blocks]), encoding="utf-8")
    return read_demand_scenario(path)
