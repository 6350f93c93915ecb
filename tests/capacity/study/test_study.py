"""A study from its file to its folder: each step a row, every assumption written, the same bytes again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

from capacity import study as study_module
from capacity.network_record import network_record
from capacity.result_files import GEOPACKAGE, RECORD, sha256_of
from capacity.study import run_study, write_study
from capacity.study.comparison import compare_years
from capacity.study.study_file import STEP_NAMES, open_study
from capacity.study.study_tables import ELEMENT_COLUMNS, YEAR_COLUMNS
from gis import InputError
from gis.findings import make_findings
from tests.capacity.conftest import Run
from tests.capacity.grids import station, with_column
from tests.capacity.study.study_towns import STUDY
from tests.capacity.study.study_towns import write_study as write_town
from tests.capacity.test_output import strict

PLAN = '[plan]\nmeasures = ["replace_line", "larger_transformer"]\n'
WHOLE = STUDY + 'standard = "all_electric"\ndraws = 2\n[unserved]\nhours = 12\n' + PLAN


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of a study with all steps, of a town that cars overload."""
    folder = tmp_path_factory.mktemp("studied")
    study = open_study(write_town(folder, station(), WHOLE))
    write_study(run_study(study), study, study.out)
    return study.out


def _csv(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / f"{name}.csv", encoding="utf-8-sig")


def _record(folder: Path) -> dict:  # type: ignore[type-arg]
    return json.loads((folder / RECORD).read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def test_every_step_is_a_row_and_every_table_a_file(done: Path) -> None:
    record = _record(done)
    assert [row["step"] for row in record["steps"]] == list(STEP_NAMES)
    assert {row["status"] for row in record["steps"]} == {"done"}
    named = {name for row in record["steps"] for name in row["tables"].split(", ")}
    assert named == {row["table"] for row in record["tables"]}
    assert {file.name for file in done.iterdir()} == {f"{name}.csv" for name in named} | {GEOPACKAGE, RECORD}


def test_years_and_elements_have_a_row_each(done: Path) -> None:
    years, elements = _csv(done, "years"), _csv(done, "elements")
    assert list(years.columns) == list(YEAR_COLUMNS)
    assert list(years[["scenario", "year"]].itertuples(index=False, name=None)) == [
        ("calm", 2025), ("calm", 2035), ("cars", 2025), ("cars", 2035),
    ]  # fmt: skip
    assert len(elements) == 4 * (6 + 4 + 1)
    assert list(elements.columns) == [c for c in ELEMENT_COLUMNS if c != "geometry"] + ["lon", "lat"]


def test_demand_is_what_is_served_and_what_is_not(done: Path) -> None:
    years, cuts = _csv(done, "years"), _csv(done, "unserved")
    gap = years["demand_kwh"] - years["served_kwh"] - years["without_supply_kwh"]
    assert gap.abs().max() < 1e-3
    assert years["status"].to_list() == ["within_limits"] * 3 + ["limits_violated"]
    # Unserved is zero exactly where every limit holds.
    assert ((cuts["unserved_kwh"] > 0) == (years["status"] != "within_limits")).all()
    by_asset = _csv(done, "unserved_assets").groupby(["scenario", "year"])["unserved_kwh"].sum()
    keyed = cuts.set_index(["scenario", "year"])["unserved_kwh"]
    assert (by_asset.reindex(keyed.index, fill_value=0.0) - keyed).abs().max() < 1e-3


def test_cars_are_worse_than_calm_in_the_years_that_have_them(done: Path) -> None:
    found = _csv(done, "comparison_years")
    late = found[found["year"] == 2035].set_index("what")
    years = _csv(done, "years")
    assert late.loc["peak_kw", "difference"] > 0.0
    assert late.loc["transformer_loading_max_percent", "worse"] == "b"
    split = [years[years["scenario"] == name] for name in ("calm", "cars")]
    again = compare_years(*split)
    kept = again.merge(found, on=["year", "what"], suffixes=("", "_stored"))
    assert (kept["difference"] - kept["difference_stored"]).abs().max() < 1e-6


def test_the_record_names_every_assumption(done: Path) -> None:
    record = _record(done)
    said = record["assumptions"]
    assert said["limits"]["loading"]["transformer_percent"] == 100.0
    assert [scenario["scenario_id"] for scenario in said["scenarios"]] == ["calm", "cars"]
    assert said["scenarios"][1]["uptake"]["ev"]["unit_kw"] == 30.0
    assert said["scenarios"][1]["seed"] == 7
    assert said["network_scenarios"][0]["load_factor"] == 1.0
    assert {one["scenario_id"]: set(one["methods"]) for one in said["demand"]} == {
        "calm": {"residential"}, "cars": {"residential", "ev"},
    }  # fmt: skip
    assert all(one["profiles"]["source"] for one in said["demand"])
    assert {"feederplan", "pandapower", "numpy"} <= set(record["versions"])
    assert len(record["input"]["network"]["sha256"]) == 64
    assert str(done.parent) not in (done / RECORD).read_text(encoding="utf-8")


def test_the_same_study_gives_the_same_bytes_from_anywhere(done: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    code = (
        "import sys; from capacity.cli import main\n"
        f"sys.argv = ['feederplan', 'study', '../{done.parent.name}/town.toml', '--out', {str(again)!r}]\n"
        "main()"
    )
    elsewhere = done.parent.parent / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TZ": "Asia/Shanghai"}
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 1, ran.stderr  # cars overload the town
    assert {file.name: sha256_of(file) for file in again.iterdir()} == {
        file.name: sha256_of(file) for file in done.iterdir()
    }


def test_another_seed_is_another_record(done: Path) -> None:
    study = open_study(write_town(done.parent / "other", station(), STUDY + 'seed = 8\nsteps = ["check"]\n'))
    record = run_study(study).record
    said = [scenario["seed"] for scenario in record["assumptions"]["scenarios"]]  # type: ignore[index]
    assert said == [8, 8]
    assert record["input"]["network"] == _record(done)["input"]["network"]  # type: ignore[index]


def test_layers_are_places_of_the_same_rows(done: Path) -> None:
    lines = gpd.read_file(done / GEOPACKAGE, layer="elements_lines")
    points = gpd.read_file(done / GEOPACKAGE, layer="elements_points")
    assert len(lines) + len(points) == len(_csv(done, "elements"))
    assert lines.crs.to_epsg() == 25832
    assert (lines.geom_type == "LineString").all()


# --- steps and exit codes -----------------------------------------------------------------------------


def test_a_step_without_what_it_is_about_is_a_row_with_the_reason(tmp_path: Path) -> None:
    text = 'name = "A"\nnetwork = "town.gpkg"\nnetwork_scenarios = ["base"]\nsteps = ["loadflow", "chains"]\n'
    results = run_study(open_study(write_town(tmp_path, station(), text)))
    rows = results.steps.set_index("step")
    assert rows.loc["loadflow", "status"] == "done"
    assert rows.loc["chains", ["status", "reason"]].to_list() == [
        "no_input", "scenarios: it names no demand scenario",
    ]  # fmt: skip
    assert rows.loc["headroom", "status"] == "not_asked"
    assert results.is_within_limits


def test_a_step_that_fails_leaves_the_others_and_is_exit_code_2(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loadflow(study: object) -> dict[str, pd.DataFrame]:
        raise InputError("town", make_findings("bad_figure", "lines", ["L1"], "it makes no sense"))

    broken = tuple(loadflow if step.__name__ == "loadflow" else step for step in study_module.STEPS)
    monkeypatch.setattr(study_module, "STEPS", broken)
    path = write_town(tmp_path, station(), STUDY + 'steps = ["check", "loadflow", "headroom"]\n')
    code, out, _ = run("study", path, "--json")
    rows = {row["step"]: row for row in strict(out)["steps"]}  # type: ignore[attr-defined]
    assert code == 2
    assert rows["loadflow"]["status"] == "failed"
    assert rows["loadflow"]["reason"] == "L1: it makes no sense"
    assert rows["headroom"]["status"] == "done"
    assert (tmp_path / "town.study" / "headroom.csv").is_file()


@pytest.mark.parametrize(("a2_kw", "expected"), [(30.0, 0), (180.0, 1)])
def test_the_exit_code_tells_whether_limits_hold(
    run: Run, tmp_path: Path, a2_kw: float, expected: int
) -> None:
    path = write_town(tmp_path, station(a2_kw=a2_kw))
    code, out, err = run("study", path, "--only", "loadflow", "--json", "--out", tmp_path / "out")
    said = strict(out)
    assert code == expected
    assert said["within_limits"] is (expected == 0)
    assert [row["step"] for row in said["steps"] if row["status"] == "done"] == ["loadflow"]  # type: ignore[attr-defined]
    assert all(line.startswith("feederplan:") for line in err.splitlines())


def test_an_unknown_step_and_a_bad_file_are_bad_usage(run: Run, tmp_path: Path) -> None:
    path = write_town(tmp_path, station(), STUDY.replace("base", "peak"))
    assert run("study", path, "--only", "chek")[0] == 2
    code, out, err = run("study", path, "--json")
    assert code == 2
    assert strict(out)["findings"][0]["element_id"] == "network_scenarios.0"  # type: ignore[index]
    assert "no such scenario" in err
    assert not (tmp_path / "town.study").exists()


def test_a_folder_with_other_files_is_refused_before_any_work(run: Run, tmp_path: Path) -> None:
    path = write_town(tmp_path, station())
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    code, _, err = run("study", path, "--out", tmp_path / "mine")
    assert code == 2
    assert "step" not in err
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["letter.txt"]


# --- two studies --------------------------------------------------------------------------------------


def test_two_studies_are_compared_from_their_folders(run: Run, done: Path, tmp_path: Path) -> None:
    words = ("compare", done, done, "--scenario-a", "calm", "--scenario-b", "cars")
    code, out, _ = run(*words, "--json", "--out", tmp_path / "difference")
    said = strict(out)
    assert code == 1
    assert said["elements"]["b"] > 0  # type: ignore[index]
    stored = _csv(tmp_path / "difference", "comparison_elements")
    assert len(stored) == len(_csv(done, "comparison_elements"))
    assert run("compare", done, done, "--scenario-a", "calm", "--json")[0] == 0


def test_what_cannot_be_compared_is_told(run: Run, done: Path, tmp_path: Path) -> None:
    assert "this is no folder of results" in run("compare", done, tmp_path)[2]
    code, _, err = run("compare", done, done)
    assert code == 2
    assert "calm, cars" in err
    assert "--scenario-a" in err


# --- what the network is ------------------------------------------------------------------------------


def test_the_sha256_of_a_network_is_that_of_its_rows_in_any_order() -> None:
    network = station()
    turned = with_column(network, "loads", "p_kw", {})
    object.__setattr__(turned, "loads", network.loads.iloc[::-1])
    assert network_record(turned) == network_record(network)
    changed = with_column(network, "loads", "p_kw", {"home-A1": 20.001})
    assert network_record(changed)["sha256"] != network_record(network)["sha256"]
    moved = network.buses.copy()
    moved.geometry = moved.geometry.translate(0.001)
    object.__setattr__(turned, "buses", moved)
    assert network_record(turned)["sha256"] != network_record(network)["sha256"]
