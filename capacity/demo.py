"""Where the demo area lies, and how to copy it out."""

from __future__ import annotations

import shutil
from pathlib import Path

DEMO_NAME = "schutterwald"
_HERE = Path(__file__).parent
STUDY = """# Everything the study of the demo area assumes: feederplan study schutterwald.toml
# Its keys are explained in docs/study.md; paths are relative to this file.
name = "Schutterwald: cars, heat pumps and roofs"
network = "schutterwald.gpkg"
limits = "en50160"
network_scenarios = ["base", "heat_pumps"]
scenarios = ["today", "electrification"]
years = [2025, 2030, 2035]
draws = 10
seed = 2025
standard = "all_electric"

[headroom]
direction = "load"
cos_phi = 0.95

# The least cut in the six hardest hours of a year; without this key in all of them (up to a minute each).
[unserved]
hours = 6
"""


def demo_folder() -> Path:
    """Folder with the demo area: inside the package when installed, `data/` in a checkout."""
    packaged = _HERE / "demo_area"
    return packaged if packaged.is_dir() else _HERE.parent / "data"


def demo_network_path() -> Path:
    """The demo area's GeoPackage."""
    return demo_folder() / f"{DEMO_NAME}.gpkg"


def copy_demo(target: Path) -> list[Path]:
    """Copy the demo area with its stored results and a study file into a folder; returns what was written."""
    results = target / f"{DEMO_NAME}.results"
    results.mkdir(parents=True, exist_ok=True)
    written = [target / f"{DEMO_NAME}.gpkg"]
    shutil.copyfile(demo_network_path(), written[0])
    for stored in sorted((demo_folder() / f"{DEMO_NAME}.results").glob("*.gpkg")):
        shutil.copyfile(stored, results / stored.name)
        written.append(results / stored.name)
    study = target / f"{DEMO_NAME}.toml"
    study.write_text(STUDY, encoding="utf-8")
    return [*written, study]
