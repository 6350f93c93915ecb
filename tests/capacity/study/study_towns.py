"""Study files for tests, on the station of `grids.station` with a demand scenario beside it."""

from __future__ import annotations

from pathlib import Path

from gis import Network, write_network
from tests.capacity.demand.scenario_text import EV, HEAD

STUDY = """
name = "A town"
network = "town.gpkg"
network_scenarios = ["base"]
scenarios = ["calm.toml", "cars.toml"]
years = [2025, 2035]
"""
# A car at every home, all charging at once: 420 kW behind a transformer of 250 kVA.
_ALL_AT_ONCE = 'unit_kw = 30.0\ncoincidence = { method = "as_given", source = "a test" }'
CALM = HEAD.replace('"test"', '"calm"')
CARS = (HEAD + EV).replace('"test"', '"cars"').replace("unit_kw = 11.0", _ALL_AT_ONCE)


def write_study(folder: Path, network: Network, text: str = STUDY) -> Path:
    """A folder with a network, two scenarios and a study of them; returns the study's path."""
    folder.mkdir(parents=True, exist_ok=True)
    write_network(network, folder / "town.gpkg")
    (folder / "calm.toml").write_text(CALM, encoding="utf-8")
    (folder / "cars.toml").write_text(CARS, encoding="utf-8")
    path = folder / "town.toml"
    path.write_text(text, encoding="utf-8")
    return path
