"""The command: one JSON object on stdout, exit codes 0 and 1, readable files."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from capacity.demo import demo_network_path
from gis import read_network, write_network
from gridmodel import rules_for
from tests.capacity.conftest import Run
from tests.capacity.grids import station
from tests.capacity.test_output import strict

DEMO = str(demo_network_path())
LOADFLOW_KEYS = {
    "converged", "buses", "lines", "transformers", "customers", "demand_kw", "served_kw", "unserved_kw",
    "loss_kw", "vm_min_pu", "vm_max_pu", "line_loading_max_percent", "transformer_loading_max_percent",
    "feeders", "engine",
}  # fmt: skip
CONNECT_KEYS = {"verdict", "reason", "options", "demand_kw", "binding"}


def _site_near_a1() -> str:
    place = gpd.GeoSeries([shapely.Point(417_110.0 + 1000.0, 5_367_030.0)], crs=25832).to_crs(4326).iloc[0]
    return f"{place.x},{place.y}"


# --- a process of its own -----------------------------------------------------------------------------


def _run_python(code: str) -> str:
    """Run code in a fresh Python, which must end well; returns what it said."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_help_loads_no_heavy_library() -> None:
    code = (
        "import sys; sys.argv = ['feederplan', '--help']\n"
        "from capacity.cli import main\n"
        "try: main()\n"
        "except SystemExit as stopped: assert not stopped.code\n"
        "heavy = {'pandapower', 'geopandas', 'pandas', 'numpy', 'streamlit', 'pyogrio', 'shapely'}\n"
        "heavy &= set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    said = _run_python(code)
    assert all(command in said for command in ("check", "loadflow", "bottlenecks", "headroom", "connect"))


def test_the_installed_command_prints_one_json_object_and_progress_on_stderr_only(weak_town: Path) -> None:
    command = [str(Path(sys.executable).with_name("feederplan")), "bottlenecks", str(weak_town), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert strict(done.stdout)["bottlenecks"]
    assert all(line.startswith("feederplan:") for line in done.stderr.splitlines())


def test_a_check_loads_no_pandapower() -> None:
    code = (
        f"import sys; sys.argv = ['feederplan', 'check', {DEMO!r}]\n"
        "from capacity.cli import main\n"
        "try: main()\n"
        "except SystemExit as stopped: assert stopped.code in (None, 0, 1)\n"
        "assert not {'pandapower', 'streamlit'} & set(sys.modules)"
    )
    _run_python(code)


# --- what every command says --------------------------------------------------------------------------


def test_demo_writes_the_area(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("demo", "--out", tmp_path / "area", "--json")
    assert code == 0
    assert all(Path(file).is_file() for file in strict(out)["files"])  # type: ignore[attr-defined]
    assert read_network(tmp_path / "area" / "schutterwald.gpkg", rules=rules_for()).buses.shape[0] == 3119


def test_check_counts_findings_and_scores(run: Run, town: Path) -> None:
    code, out, _ = run("check", town, "--json")
    said = strict(out)
    assert {"findings", "counts", "score_percent"} <= set(said)
    assert code == (1 if said["findings"] else 0)


def test_check_writes_every_asset_with_its_feeder_and_station(run: Run, town: Path) -> None:
    target = town.with_name("checked.gpkg")
    run("check", town, "--out", target)
    assets = gpd.read_file(target, layer="assets").query("table == 'loads'")
    assert len(assets) == len(read_network(town).loads)
    assert (assets["supply_status"] == "fed").all() and assets[["feeder_id", "station_id"]].notna().all(
        axis=None
    )


def test_check_names_every_fault_and_its_findings_can_be_written(run: Run, bad_town: Path) -> None:
    code, out, _ = run("check", bad_town, "--json", "--out", bad_town.with_name("findings.gpkg"))
    said = strict(out)
    assert code == 2
    assert {"L2", "L3"} <= {row["element_id"] for row in said["findings"]}  # type: ignore[attr-defined]
    assert said["usable"] is False
    assert len(gpd.read_file(bad_town.with_name("findings.gpkg"), layer="findings")) == len(said["findings"])  # type: ignore[arg-type]


@pytest.mark.parametrize("command", ["loadflow", "bottlenecks"])
@pytest.mark.parametrize("weak", [False, True])
def test_exit_code_tells_whether_limits_hold(
    run: Run, town: Path, weak_town: Path, command: str, weak: bool
) -> None:
    code, out, err = run(command, weak_town if weak else town, "--json")
    assert code == int(weak)
    assert len(out.splitlines()) == 1
    assert all(line.startswith("feederplan:") for line in err.splitlines())
    strict(out)


def test_loadflow_says_what_is_promised(run: Run, town: Path) -> None:
    said = strict(run("loadflow", town, "--json", "--out", town.with_name("solved.gpkg"))[1])
    assert set(said) >= LOADFLOW_KEYS
    assert (said["converged"], said["demand_kw"], said["customers"], said["violations"]) == (
        True,
        60.0,
        14,
        [],
    )
    assert said["demand_kw"] == pytest.approx(said["served_kw"] + said["unserved_kw"])  # type: ignore[operator]
    solved = gpd.read_file(town.with_name("solved.gpkg"), layer="lines").set_index("line_id")
    assert solved["loading_percent"].max() == pytest.approx(said["line_loading_max_percent"])


def test_loadflow_without_solution_is_a_result_that_says_why(run: Run, tmp_path: Path) -> None:
    write_network(station(a2_kw=5000.0), tmp_path / "dark.gpkg")
    code, out, _ = run("loadflow", tmp_path / "dark.gpkg", "--json")
    said = strict(out)
    assert code == 1
    assert (said["converged"], said["vm_min_pu"], said["unserved_kw"]) == (False, None, 5030.0)
    assert said["loss_kw"] is None and said["served_kw"] == 0.0
    assert said["max_served_kw"] + said["min_unserved_kw"] == pytest.approx(5030.0)  # type: ignore[operator]
    assert 0.0 < said["servable_share"] < 1.0 and said["weakest_bus_id"]  # type: ignore[operator]
    assert said["suspects"][0]["p_kw"] == 5000.0  # type: ignore[index]
    code, out, _ = run("loadflow", tmp_path / "dark.gpkg")
    assert code == 1 and "has no solution" in out and "nan" not in out
    assert "weakest bus" in out and f"suspect load {said['suspects'][0]['load_id']}" in out  # type: ignore[index]


def test_loadflow_names_customers_without_supply_and_the_way_to_them(run: Run, town: Path) -> None:
    grid = read_network(town, rules=rules_for())
    lines = grid.lines.assign(in_service=grid.lines.index != "L2")
    write_network(dataclasses.replace(grid, lines=lines), town)
    code, out, _ = run("loadflow", town)
    assert code == 1 and "converged" in out and "unserved: no source reaches" in out and "through L2" in out


def test_bottlenecks_of_the_demo_area(run: Run, tmp_path: Path) -> None:
    code, out, _ = run(
        "bottlenecks", DEMO, "--scenario", "heat_pumps", "--json", "--out", tmp_path / "b.gpkg"
    )
    said = strict(out)
    assert code == 1
    assert [row["element_id"] for row in said["bottlenecks"]] == ["T_idx_35"]  # type: ignore[attr-defined]
    assert gpd.read_file(tmp_path / "b.gpkg", layer="bottlenecks")["element_id"].tolist() == ["T_idx_35"]


def test_an_empty_result_is_a_readable_layer(run: Run, town: Path) -> None:
    code, out, _ = run("bottlenecks", town, "--out", town.with_name("b.gpkg"))
    assert code == 0 and "no bottlenecks" in out
    assert "root_cause" in gpd.read_file(town.with_name("b.gpkg"), layer="bottlenecks").columns


def test_headroom_per_bus(run: Run, town: Path) -> None:
    out_file = town.with_name("h.gpkg")
    code, out, _ = run("headroom", town, "--bus", "A1", "--bus", "C1", "--json", "--out", out_file)
    said = strict(out)
    assert code == 0
    assert set(said) == {"buses", "seconds", "rows"} and said["buses"] == 2
    rows = said["rows"]
    assert [row["bus_id"] for row in rows] == ["A1", "C1"]  # type: ignore[attr-defined]
    layer = gpd.read_file(out_file, layer="headroom")
    assert layer["headroom_kw"].tolist() == [row["headroom_kw"] for row in rows]  # type: ignore[attr-defined]
    assert layer.crs.to_epsg() == 25832


def test_headroom_of_generation_and_of_a_violated_bus(run: Run, weak_town: Path) -> None:
    code, out, _ = run("headroom", weak_town, "--bus", "A1")
    assert code == 1 and "already_violated" in out and "L1" in out
    assert run("headroom", weak_town, "--bus", "C1", "--direction", "generation", "--json")[0] == 0


def test_headroom_of_all_buses_is_summed_up_in_text_and_whole_in_files(run: Run, town: Path) -> None:
    csv, parquet = town.with_name("h.csv"), town.with_name("h.parquet")
    code, out, _ = run("headroom", town, "--out", csv)
    assert code == 0
    assert "6 buses: " in out and "what binds:" in out and "T1" in out and "C1" not in out
    _, said, _ = run("headroom", town, "--json", "--out", parquet)
    rows = strict(said)["rows"]
    table, places = pd.read_csv(csv), gpd.read_parquet(parquet)
    kw = [row["headroom_kw"] for row in rows]  # type: ignore[attr-defined]
    assert len(kw) == 6
    assert table["headroom_kw"].tolist() == places["headroom_kw"].tolist() == kw
    assert table["lon"].between(7.87, 7.91).all() and table["lat"].between(48.4, 48.5).all()
    assert places.crs.to_epsg() == 25832 and places.geometry.notna().all()


def test_headroom_options_each_take_room_away(run: Run, town: Path) -> None:
    def kw(*words: object) -> float:
        rows = strict(run("headroom", town, "--bus", "A2", "--json", *words)[1])["rows"]
        return float(rows[0]["headroom_kw"])  # type: ignore[index]

    plain = kw()
    assert kw("--voltage-change") < plain
    assert kw("--cos-phi", 0.8) < plain < kw("--cos-phi", 1.0)
    assert kw("--direction", "generation") != plain


def test_joint_headroom_is_one_row(run: Run, town: Path) -> None:
    out_file = town.with_name("j.csv")
    words = ("--bus", "A2", "--bus", "C1", "--joint")
    code, out, _ = run("headroom", town, *words, "--json", "--out", out_file)
    said = strict(out)
    assert code == 0
    assert said["buses"] == 2 and len(said["rows"]) == 1  # type: ignore[arg-type]
    row = said["rows"][0]  # type: ignore[index]
    assert row["total_kw"] == 2 * row["headroom_kw"] > 0
    assert pd.read_csv(out_file)["total_kw"].tolist() == [row["total_kw"]]
    assert "2 buses at once, load:" in run("headroom", town, *words)[1]


def test_hosting_by_lot_is_a_row_a_draw(run: Run, town: Path) -> None:
    out_file = town.with_name("lot.csv")
    words = ("--plant-kw", 10, "--spread-kw", 2, "--draws", 6)
    code, out, _ = run("hosting", town, *words, "--json", "--out", out_file)
    said = strict(out)
    assert code == 0 and said["draws"] == 6
    kw = [row["installed_kw"] for row in said["rows"]]  # type: ignore[attr-defined]
    assert said["mean_kw"] == pytest.approx(sum(kw) / 6)
    assert pd.read_csv(out_file)["installed_kw"].tolist() == pytest.approx(kw)
    code, text, _ = run("hosting", town, *words)
    assert code == 0 and text.startswith("6 draws: 6 ok; ") and "generation at which a limit breaks" in text


def test_hosting_where_a_limit_is_broken_before_is_exit_code_1(run: Run, weak_town: Path) -> None:
    code, out, _ = run("hosting", weak_town, "--plant-kw", 10, "--draws", 2)
    assert code == 1 and "2 already violated" in out


def test_connect_answers_with_verdict_and_options(run: Run, town: Path) -> None:
    out_file = town.with_name("o.gpkg")
    words = ("--site", _site_near_a1(), "--dwellings", 2, "--json", "--out", out_file)
    code, out, _ = run("connect", town, *words)
    said = strict(out)
    assert code == 0
    assert set(said) >= CONNECT_KEYS
    assert (said["verdict"], said["binding"]) == ("connect", {})
    assert said["options"][0]["bus_id"] == "A1"  # type: ignore[index]
    assert len(gpd.read_file(out_file, layer="options")) == len(said["options"])  # type: ignore[arg-type]


def test_connect_that_cannot_be_judged_is_exit_code_1_and_writes_an_empty_layer(run: Run, town: Path) -> None:
    out_file = town.with_name("o.gpkg")
    words = ("--site", "9.0,50.0", "--demand-kw", 50.0, "--json", "--out", out_file)
    code, out, _ = run("connect", town, *words)
    assert (code, strict(out)["verdict"]) == (1, "undetermined")
    assert gpd.read_file(out_file, layer="options").empty


def test_connect_judges_every_site_of_a_file(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("connect", DEMO, "--sites", DEMO, "--json", "--out", tmp_path / "o.gpkg")
    sites = strict(out)["sites"]
    assert code == 0
    assert all(set(site) >= CONNECT_KEYS for site in sites)  # type: ignore[attr-defined]
    layer = gpd.read_file(tmp_path / "o.gpkg", layer="options")
    assert set(layer["site_id"]) == {site["site_id"] for site in sites}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("loadflow", ()),
        ("bottlenecks", ()),
        ("headroom", ("--bus", "A1")),
        ("connect", ("--site", _site_near_a1(), "--dwellings", "2")),
        ("check", ()),
    ],
)
def test_every_command_speaks_text_too(
    run: Run, weak_town: Path, command: str, words: tuple[str, ...]
) -> None:
    code, out, _ = run(command, weak_town, *words)
    assert code in (0, 1)
    assert out.strip() and not out.startswith("{")


def test_hostile_names_come_out_as_they_went_in(run: Run, tmp_path: Path) -> None:
    name = "=cmd|' /C calc'!A0"
    network = station(a2_kw=180.0)
    lines = network.lines.rename(index={"L1": name})
    write_network(dataclasses.replace(network, lines=lines), tmp_path / "town.gpkg")
    run("bottlenecks", tmp_path / "town.gpkg", "--out", tmp_path / "b.gpkg")
    assert name in gpd.read_file(tmp_path / "b.gpkg", layer="bottlenecks")["element_id"].tolist()
