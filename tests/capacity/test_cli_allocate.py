"""`feederplan allocate`: the network it writes carries in a plain load flow what the meters read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gis import read_network
from gridmodel import Scenario, build_model, run_load_flow
from tests.capacity.conftest import Run


def readings(folder: Path, *rows: str) -> Path:
    path = folder / "readings.csv"
    path.write_text("meter_id,table,element_id,peak_kw,time\n" + "\n".join(rows) + "\n")
    return path


def test_the_written_network_carries_what_was_read(run: Run, town: Path, tmp_path: Path) -> None:
    file = readings(tmp_path, "head,lines,K1,90,", "cable,lines,L3,20,")
    code, out, _ = run("allocate", town, file, "--out", tmp_path / "met.gpkg", "--json")
    said = json.loads(out)
    assert (code, said["met"]) == (0, 2)
    result = run_load_flow(build_model(read_network(tmp_path / "met.gpkg")), Scenario())
    assert result.lines.loc["K1", "p_from_kw"] == pytest.approx(90.0, rel=1e-5)
    assert result.lines.loc["L3", "p_from_kw"] == pytest.approx(20.0, rel=1e-5)
    assert said["peaks_before_kw"] == pytest.approx(60.0)
    assert result.demand_kw == pytest.approx(said["peaks_after_kw"])


def test_diversity_and_a_time_and_text(run: Run, town: Path, tmp_path: Path) -> None:
    file = readings(tmp_path, "head,lines,K1,40,2025-01-15T18:00+01:00")
    code, out, _ = run("allocate", town, file, "--diversity")
    assert code == 0
    assert out.startswith("1 of 1 meters met")
    assert "read       40.0 kW" in out


def test_a_meter_that_is_not_met_is_exit_code_1(run: Run, town: Path, tmp_path: Path) -> None:
    file = readings(tmp_path, "head,lines,K1,10,", "cable,lines,L3,20,")
    code, out, _ = run("allocate", town, file, "--json")
    assert code == 1
    assert [row["status"] for row in json.loads(out)["meters"]] == ["below_nested", "met"]


def test_faults_of_the_readings_and_an_unknown_rule_are_exit_code_2(
    run: Run, town: Path, tmp_path: Path
) -> None:
    code, out, _ = run("allocate", town, readings(tmp_path, "m,lines,none,1,"), "--json")
    assert (code, json.loads(out)["findings"][0]["rule"]) == (2, "bad_reading")
    code, _, said = run("allocate", town, readings(tmp_path, "m,lines,K1,1,"), "--by", "guess")
    assert code == 2
    assert "transformer_rating" in said
