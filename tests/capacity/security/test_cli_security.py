"""`feederplan security`: exit codes, JSON, files, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest

from gis import write_network
from tests.capacity.conftest import Run
from tests.capacity.security.rings import ring
from tests.capacity.test_output import strict


@pytest.fixture(scope="module")
def town_of_two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ring of two feeders as a file."""
    path = tmp_path_factory.mktemp("ring") / "ring.gpkg"
    write_network(ring()[0].network, path)
    return path


def test_lines_of_a_ring_are_secure_and_the_source_is_not(
    run: Run, town_of_two: Path, tmp_path: Path
) -> None:
    code, out, _ = run("security", town_of_two, "--tables", "lines", "--json")
    said = strict(out)
    assert (code, said["secure"], said["outages_count"]) == (0, True, 5)
    assert said["statuses"] == {"no_loss": 1, "restored": 4}
    assert {row["case_id"] for row in said["outages"]} == {f"lines K{n}" for n in range(1, 6)}
    target = tmp_path / "security.gpkg"
    code, out, _ = run("security", town_of_two, "--out", target)
    assert code == 1
    assert "no_backfeed" in out
    layers = set(gpd.list_layers(target)["name"])
    assert {"outages", "switching_steps", "load_transfers"} <= layers
    assert len(gpd.read_file(target, layer="outages")) == 6


def test_what_cannot_fail_is_refused(run: Run, town_of_two: Path) -> None:
    code, _, err = run("security", town_of_two, "--tables", "lines,loads")
    assert code == 2
    assert "give some of lines, transformers" in err
