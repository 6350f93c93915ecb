"""Levels, result rules, and results held back on feeders with weak data; the commands that show them."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pytest

from capacity.bottlenecks import find_bottlenecks
from capacity.connection import Assessment, assess_connection
from capacity.data_quality import (
    hold_back_assessment,
    hold_back_bottlenecks,
    hold_back_headroom,
    hold_back_joint,
    hold_back_result,
    judge_quality,
    level_passed,
    weak_data,
)
from capacity.demand.development import Development
from capacity.headroom import find_headroom, joint_headroom
from capacity.impact import study_impact
from capacity.limits import read_limits
from capacity.quality_report import placed, repairs_done, summary_of
from gis import write_network
from gis.feeders import trace_supply
from gis.findings import empty_findings, empty_repairs, join_findings, make_findings
from gridmodel import build_model, find_scenario, run_load_flow
from tests.capacity.conftest import Run
from tests.capacity.grids import station, with_column, yardstick_of
from tests.capacity.test_output import strict


@pytest.fixture(scope="module")
def solved():  # type: ignore[no-untyped-def]
    network = station(a2_kw=180.0)
    return network, yardstick_of(network), run_load_flow(build_model(network))


@pytest.fixture
def doubtful_town(tmp_path: Path) -> Path:
    """The station with a load far over its contract on feeder A, and its feeder overloaded."""
    network = with_column(station(a2_kw=180.0), "loads", "service_kw", {"home-A2": 10.0})
    write_network(network, tmp_path / "doubtful.gpkg")
    return tmp_path / "doubtful.gpkg"


# --- levels and rules of results ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "severity", "level"),
    [("crs_missing", "error", 0), ("missing_value", "error", 1), ("no_source", "error", 2),
     ("transformer_vkr", "error", 3), ("transformer_vkr", "quarantine", 6), ("unit_slip", "warning", 6),
     ("does_not_solve", "warning", 4), ("losses_implausible", "warning", 5)],
)  # fmt: skip
def test_the_level_passed_is_the_one_below_the_first_that_fails(rule: str, severity: str, level: int) -> None:
    found = make_findings(rule, "lines", [""], "a fault", severity=severity)
    assert level_passed(found, solved=True) == level


def test_without_a_load_flow_plausibility_is_the_highest_level() -> None:
    assert level_passed(empty_findings(), solved=False) == 4
    assert level_passed(empty_findings(), solved=True) == 6


def test_a_cause_told_by_a_rule_over_tables_is_not_told_again() -> None:
    told = make_findings("island_without_source", "loads", ["H"], "no source", severity="warning")
    again = told.assign(table="buses")
    quality = judge_quality(station(), told, join_findings([again, told.assign(rule="unserved")]))
    assert (quality.findings["rule"].tolist(), quality.level) == (["island_without_source", "unserved"], 5)


def test_quality_of_an_unusable_file_is_none() -> None:
    quality = judge_quality(None, make_findings("missing_layer", "lines", [""], "it is missing"))
    assert (quality.level, quality.score_percent, len(quality.feeders)) == (1, 0.0, 0)


# --- results held back --------------------------------------------------------------------------------


def feeder_of_a(supply) -> str:  # type: ignore[no-untyped-def]
    return str(supply.buses.loc["A1", "feeder_id"])


def test_a_result_loses_the_figures_of_weak_feeders_and_keeps_its_sums(solved) -> None:  # type: ignore[no-untyped-def]
    _, yardstick, result = solved
    feeder = feeder_of_a(yardstick.supply)
    held = hold_back_result(result, yardstick, {feeder: "why"})
    on = yardstick.supply.buses["feeder_id"] == feeder
    assert held.buses.loc[on, "vm_pu"].isna().all()
    assert held.buses.loc[~on, "vm_pu"].equals(result.buses.loc[~on, "vm_pu"])
    assert (held.loss_kw, held.demand_kw) == (result.loss_kw, result.demand_kw)
    assert hold_back_result(result, yardstick, {}) is result


def test_bottlenecks_keep_their_place_and_lose_their_figures(solved) -> None:  # type: ignore[no-untyped-def]
    _, yardstick, result = solved
    found = find_bottlenecks(yardstick, result)
    feeder = feeder_of_a(yardstick.supply)
    assert feeder in set(found["feeder_id"])
    held = hold_back_bottlenecks(found, {feeder: "score 3 %"})
    own = held["feeder_id"] == feeder
    assert held.loc[own, ["loading_percent", "vm_pu", "unserved_kw"]].isna().all(axis=None)
    assert set(held.loc[own, "status"]) == {"data too weak"}
    assert set(held.loc[own, "root_cause"]) == {"data too weak: score 3 %"}
    assert held.geometry.equals(found.geometry)


def test_headroom_at_a_bus_of_a_weak_feeder_is_not_said() -> None:
    network = station()
    impact = study_impact(build_model(network), find_scenario(network), read_limits())
    found = find_headroom(impact, ["A1", "C1"])
    supply = impact.yardstick.supply
    held = hold_back_headroom(found, supply, {feeder_of_a(supply): "why"})
    assert held["status"].tolist()[0] == "data too weak"
    assert np.isnan(held["headroom_kw"].iloc[0])
    assert held["headroom_kw"].iloc[1] == found["headroom_kw"].iloc[1]


def test_joint_headroom_of_a_group_with_a_weak_feeder_is_not_said() -> None:
    impact = study_impact(build_model(station()), find_scenario(station()), read_limits())
    supply, group = impact.yardstick.supply, ["A1", "C1"]
    found = joint_headroom(impact, group)
    held = hold_back_joint(found, group, supply, {feeder_of_a(supply): "why"}).iloc[0]
    assert (held["status"], held["binding_check"], held["binding_id"]) == ("data too weak", "why", None)
    assert np.isnan(held["headroom_kw"]) and np.isnan(held["total_kw"])
    assert hold_back_joint(found, ["C1"], supply, {feeder_of_a(supply): "why"}).equals(found)


def answer_near_a1() -> Assessment:
    network = station()
    place = network.buses.geometry["A1"]
    return assess_connection(build_model(network), Development(place, demand_kw=10.0))


def test_no_verdict_rests_on_a_weak_feeder() -> None:
    supply = trace_supply(station())
    answer = answer_near_a1()
    held = hold_back_assessment(answer, supply, {feeder_of_a(supply): "score 3 %"})
    assert (answer.verdict, held.verdict) == ("connect", "undetermined")
    assert "data too weak" in held.sentence
    best = held.options.iloc[0]
    assert best["fits"] is None
    assert np.isnan(best["cost_eur"])
    assert hold_back_assessment(answer, supply, {}) is answer


def test_a_verdict_on_sound_data_stands_beside_a_weak_option() -> None:
    supply, answer = trace_supply(station()), answer_near_a1()
    other = next(
        f for f in supply.buses["feeder_id"].reindex(answer.options["bus_id"]) if f != feeder_of_a(supply)
    )
    held = hold_back_assessment(answer, supply, {other: "why"})
    assert held.verdict == answer.verdict
    assert held.options["fits"].isna().any()


def test_only_the_feeder_of_the_faulty_load_is_weak() -> None:
    network = with_column(station(), "loads", "service_kw", {"home-A2": 1.0})
    weak = weak_data(network)
    assert list(weak) == [feeder_of_a(trace_supply(network))]
    assert "load_beyond x 1" in next(iter(weak.values()))
    assert weak_data(station()) == {}


# --- what the commands say ----------------------------------------------------------------------------


def test_loadflow_and_bottlenecks_hold_back_what_rests_on_weak_data(run: Run, doubtful_town: Path) -> None:
    code, out, _ = run("loadflow", doubtful_town, "--json")
    told = strict(out)
    assert code == 1
    assert told["data_status"] == "data too weak"
    assert told["loss_kw"] > 0.0
    assert {row["status"] for row in told["violations"]} == {"data too weak"}  # type: ignore[attr-defined]
    assert {row["value"] for row in told["violations"]} == {None}  # type: ignore[attr-defined]
    _, out, _ = run("bottlenecks", doubtful_town)
    assert "data too weak: score" in out
    _, out, _ = run("headroom", doubtful_town, "--bus", "A1")
    assert "data too weak" in out


def test_check_tells_level_score_and_feeders(run: Run, town: Path, doubtful_town: Path) -> None:
    code, out, _ = run("check", town, "--json")
    told = strict(out)
    assert (code, told["level"], told["score_percent"]) == (0, 6, 100.0)
    code, out, _ = run("check", doubtful_town)
    assert code == 1
    assert "level 6 of 6 passed" in out
    assert "data too weak, score" in out


def test_a_line_without_impedance_is_a_finding_of_check_and_no_defect(run: Run, tmp_path: Path) -> None:
    none = with_column(station(), "lines", "r_ohm_per_km", {"L2": 1e-13})
    write_network(with_column(none, "lines", "x_ohm_per_km", {"L2": 0.0}), tmp_path / "none.gpkg")
    code, out, _ = run("check", tmp_path / "none.gpkg", "--json")
    told = strict(out)
    assert (code, told["level"]) == (1, 4)
    assert {"line_zero_impedance", "does_not_solve"} <= set(told["counts"])  # type: ignore[call-overload]


def test_findings_are_written_with_the_place_of_their_element(run: Run, doubtful_town: Path) -> None:
    out = doubtful_town.with_name("found.gpkg")
    run("check", doubtful_town, "--out", out)
    layer = gpd.read_file(out, layer="findings")
    assert layer.loc[layer["element_id"] != "", "geometry"].notna().all()
    assert len(gpd.read_file(out, layer="feeders")) > 0


def test_a_report_is_a_workbook_with_a_sheet_per_table(run: Run, bad_town: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.xlsx"
    code, _, _ = run("repair", bad_town, tmp_path / "out.gpkg", "--report", report)
    assert code == 1
    book = openpyxl.load_workbook(report)
    assert book.sheetnames == ["findings", "repairs", "quarantine", "feeders", "assets", "summary"]
    rules = {row[0].value for row in book["findings"].iter_rows(min_row=2)}
    assert {"unknown_reference", "unknown_type"} <= rules
    assert rules <= {row[0].value for row in book["summary"].iter_rows(min_row=2)}


def test_a_report_of_another_kind_is_refused_before_work(run: Run, town: Path, tmp_path: Path) -> None:
    code, _, err = run("repair", town, tmp_path / "out.gpkg", "--report", tmp_path / "report.pdf")
    assert code == 2
    assert "*.gpkg or *.xlsx" in err
    assert not (tmp_path / "out.gpkg").exists()


def test_repairs_are_summed_up_with_distances() -> None:
    repairs = empty_repairs()
    for n, distance_m in enumerate((0.1, 0.3, 0.2)):
        repairs.loc[n] = ["snapped", "lines", f"L{n}", "", "b", distance_m, None]
    done = repairs_done(repairs.astype({"distance_m": float}))
    assert done.to_numpy().tolist() == [["snapped", "lines", 3, 0.2, 0.3]]


def test_a_user_s_bounds_count_and_wrong_ones_are_refused(run: Run, town: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text("[load]\nmany = 1\ntransformer_max_share = 0.0001\n", encoding="utf-8")
    code, out, _ = run("check", town, "--bounds", own, "--json")
    assert (code, set(strict(out)["counts"])) == (1, {"load_beyond"})  # type: ignore[call-overload]
    own.write_text("[load]\nmost = 1\n", encoding="utf-8")
    code, out, _ = run("check", town, "--bounds", own, "--json")
    assert (code, "load.most" in out) == (2, True)


def test_a_summary_explains_each_rule() -> None:
    found = join_findings([make_findings("line_dead", "lines", ["L1"], "it is dead", severity="warning")])
    quality = judge_quality(station(), found)
    row = summary_of(quality).set_index("what").loc["line_dead"]
    assert (row["count"], row["remedy"]) == (1, "close one end")
    assert placed(found.assign(element_id="gone"), station())["geometry"].isna().all()
