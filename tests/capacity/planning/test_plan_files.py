"""Files of a plan: what a GIS, a spreadsheet and a program find in them, the same bytes each time."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyogrio
import pytest

from capacity.costs import read_costs
from capacity.planning import plan_reading
from capacity.planning.plan_assets import ASSET_COLUMNS, assets_in_force, planned_assets, planned_power
from capacity.planning.plan_files import PLAN_SUFFIXES, write_plan
from capacity.planning.plan_money import cash_flow, cost_by_level_and_year
from capacity.planning.plan_reading import read_plan
from capacity.planning.plan_report import PlanReport
from gis import InputError
from gis.examples import network_from_text
from gis.formats import read_source
from tests.capacity.planning.plans import EVIL, plan_with_control, small_plan


@pytest.fixture(scope="module")
def report() -> PlanReport:
    """A report whose loading is made up: nothing is solved here."""
    rows = {
        "table": ["lines", "lines"], "element_id": ["N", "F|line"], "year": pd.array([2030, 2030], "Int64"),
        "used_before_percent": [130.0, np.nan], "used_after_percent": [80.0, 20.0],
    }  # fmt: skip
    asked = {"limits": "EN 50160", "cases": "2 cases"}
    return PlanReport(small_plan(), read_costs(), pd.DataFrame(rows), None, asked)


@pytest.fixture(scope="module")
def written(report: PlanReport, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("plan")
    for suffix in PLAN_SUFFIXES:
        write_plan(report, folder / f"plan{suffix}")
    return lambda suffix: folder / f"plan{suffix}"


def test_planned_assets_are_canonical_rows_with_what_becomes_of_them() -> None:
    plan = small_plan()
    assets = planned_assets(plan)
    assert set(assets) == {"buses", "lines", "transformers"}
    assert list(assets["lines"]["status"]) == ["replaced", "new"]
    assert list(assets["lines"]["type_id"]) == ["NAYY 4x240 SE", "NAYY 4x150 SE"]
    assert list(assets["transformers"]["status"]) == ["adjusted"]
    for table, rows in assets.items():
        canonical = [plan.network.table(table).index.name, *plan.network.table(table).columns]
        assert list(rows.columns) == [*canonical, *ASSET_COLUMNS]


def test_what_is_in_force_follows_the_years() -> None:
    assets = planned_assets(small_plan())
    assert assets_in_force(assets["lines"], 2027).tolist() == [True, False]
    assert assets_in_force(assets["transformers"], 2029).tolist() == [True]
    assert assets_in_force(assets["transformers"], 2030).tolist() == [False]
    assert assets_in_force(assets["lines"], None).tolist() == [True, True]


def test_geopackage_holds_every_layer_with_styles(written: Callable[[str], Path]) -> None:
    path = written(".gpkg")
    names = {name for name, _ in pyogrio.list_layers(path)}
    assert {
        "planned_buses", "planned_lines", "planned_transformers", "plan_steps", "unresolved", "cases",
        "plan_loading", "planned_changes", "plan_costs", "cost_table", "plan_info",
    } <= names  # fmt: skip
    steps = gpd.read_file(path, layer="plan_steps")
    assert steps["cost_eur"].sum() == pytest.approx(17_600.0)
    assert not steps.geometry.isna().any() and set(steps.geom_type) == {"Point"}
    assert pd.read_sql("select * from unresolved", sqlite3.connect(path))["reason"].notna().all()
    styles = pd.read_sql("select * from layer_styles", sqlite3.connect(path)).set_index("f_table_name")
    assert all(f'value="{name}"' in styles.loc["planned_lines", "styleQML"] for name in ("new", "replaced"))


@pytest.mark.parametrize("suffix", PLAN_SUFFIXES)
def test_the_same_plan_gives_the_same_bytes(
    report: PlanReport, written: Callable[[str], Path], tmp_path: Path, suffix: str
) -> None:
    again = tmp_path / f"other name{suffix}"
    other = replace(report, plan=replace(report.plan, seconds=99.0))
    write_plan(other, again)
    assert again.read_bytes() == written(suffix).read_bytes()


def test_a_plan_comes_back_from_its_geopackage_as_it_was(
    report: PlanReport, written: Callable[[str], Path], tmp_path: Path
) -> None:
    plan = report.plan
    back = read_plan(written(".gpkg"), plan.network)
    for year in (None, 2027, 2030):
        assert back.plan.network_in(year).equals(plan.network_in(year))
    assert (back.plan.status, back.plan.capital_eur) == (plan.status, plan.capital_eur)
    assert back.plan.terms == plan.terms and back.asked == report.asked
    write_plan(back, tmp_path / "again.gpkg")
    assert (tmp_path / "again.gpkg").read_bytes() == written(".gpkg").read_bytes()


def test_controls_and_power_in_single_cases_are_told_and_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_with_control()
    assert planned_assets(plan)["sources"]["status"].tolist() == ["adjusted"]
    power = planned_power(plan)
    assert power[["case_id", "bus_id", "p_kw", "q_kvar"]].to_numpy().tolist() == [["cold", "E", -5.0, 1.0]]
    monkeypatch.setattr(plan_reading, "read_untrusted", read_source)
    write_plan(PlanReport(plan), tmp_path / "plan.gpkg")
    back = read_plan(tmp_path / "plan.gpkg", plan.network).plan.taken[3].measure
    assert back.changes_in("cold").cells["value"].tolist() == [1.03]
    assert back.changes_in("base").cells.empty


def test_a_plan_of_another_network_and_a_file_that_is_none_are_refused(
    written: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In this process: that files of others are read in one of their own is seen above.
    monkeypatch.setattr(plan_reading, "read_untrusted", read_source)
    other = network_from_text("bus A 20\nsource S A 1.0")
    with pytest.raises(InputError, match="other rows than the network that is open"):
        read_plan(written(".gpkg"), other)
    pyogrio.write_dataframe(pd.DataFrame({"a": [1]}), tmp_path / "none.gpkg", driver="GPKG", layer="cases")
    with pytest.raises(InputError, match="layer plan_steps is missing"):
        read_plan(tmp_path / "none.gpkg", other)


def test_a_file_that_was_changed_is_refused_in_words(
    written: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_reading, "read_untrusted", read_source)
    for number, (change, message) in enumerate(
        (
            ("update planned_changes set element_id = 'nowhere'", "not in the network"),
            (
                "update plan_info set value = 'dear' where key = 'capital_eur'",
                "a cell does not say what it should",
            ),
        )
    ):
        path = tmp_path / f"{number}.gpkg"
        path.write_bytes(written(".gpkg").read_bytes())
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(change)
        with pytest.raises(InputError, match=message):
            read_plan(path, small_plan().network)


def test_workbook_adds_up_and_runs_no_formula_of_a_name(written: Callable[[str], Path]) -> None:
    book = openpyxl.load_workbook(written(".xlsx"))
    assert {"summary", "steps", "cost by level and year", "cash flow", "items", "cost table",
            "unresolved", "cases"} == set(book.sheetnames)  # fmt: skip
    values = openpyxl.load_workbook(written(".xlsx"), data_only=True)
    sheet, shown = book["cost by level and year"], values["cost by level and year"]
    column = [cell.value for cell in sheet[1]].index("cost [EUR]") + 1
    last = sheet.max_row
    letter = sheet.cell(1, column).column_letter
    assert sheet.cell(last, column).value == f"=SUM({letter}2:{letter}{last - 1})"
    assert shown.cell(last, column).value == 17_600.0
    formulas = [cell.value for page in book for row in page for cell in row if cell.data_type == "f"]
    assert formulas and all(str(text).startswith("=SUM(") for text in formulas)
    assert any(EVIL in str(cell.value) and cell.data_type == "s" for row in book["steps"] for cell in row)


def test_csv_neutralises_and_json_is_whole(written: Callable[[str], Path]) -> None:
    steps = pd.read_csv(written(".csv"))
    assert {"lon", "lat", "step", "year", "cost_low_eur", "cost_high_eur"} <= set(steps.columns)
    told = json.loads(written(".json").read_text(encoding="utf-8"))
    assert told["status"] == "unresolved" and len(told["plan_steps"]) == 3
    assert "seconds" not in told and len(told["network_sha256"]) == 64


def test_another_kind_of_file_is_refused(report: PlanReport, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\*\.gpkg, \*\.xlsx, \*\.csv, \*\.json"):
        write_plan(report, tmp_path / "plan.docx")


def test_costs_by_level_and_year_are_those_of_the_steps() -> None:
    plan = small_plan()
    rows = cost_by_level_and_year(plan)
    assert list(zip(rows["level"], rows["year"], rows["cost_eur"], strict=True)) == [
        ("LV", 2027, 6_400.0), ("MV/LV", 2027, 0.0), ("LV", 2030, 11_200.0),
    ]  # fmt: skip
    assert rows[["cost_low_eur", "cost_high_eur"]].sum().tolist() == [13_200.0, 22_000.0]


def test_cash_flow_by_hand() -> None:
    # 6,400 and 32 a year from 2027, 11,200 in 2030; ten years at 4 %.
    rows = cash_flow(small_plan()).set_index("year")
    assert list(rows.index) == list(range(2027, 2037))
    assert rows.loc[2027, "total_eur"] == 6_432.0 and rows.loc[2030, "total_eur"] == 11_232.0
    by_hand = 6_400.0 + 11_200.0 / 1.04**3 + sum(32.0 / 1.04**wait for wait in range(10))
    assert rows["present_value_eur"].sum() == pytest.approx(by_hand)
