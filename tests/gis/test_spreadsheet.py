"""What is written for a spreadsheet program: text stays text, numbers stay numbers, nothing half-written."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
import shapely

from gis.formats.spreadsheet import FORMULA_STARTS, neutralise, write_csv, write_workbook

TABLE = pd.DataFrame(
    {
        "=id": ["007", "=1+1", "@x"],
        "message": ['=HYPERLINK("http://127.0.0.1/","x")', "+49 30", "\tleer"],
        "p_kw": [-1.5, np.inf, np.nan],
        "value": ["-3", 4, None],
        "geometry": [shapely.Point(1.23456, 2.0), None, None],
    }
)


def test_no_cell_of_a_workbook_is_a_formula_and_numbers_stay_numbers(tmp_path: Path) -> None:
    write_workbook({"findings": TABLE, "a/b": TABLE[:0]}, tmp_path / "t.xlsx")
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    sheet = book["findings"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert rows[0] == ["=id", "message", "p_kw", "value", "geometry"]
    assert rows[1] == ["007", '=HYPERLINK("http://127.0.0.1/","x")', -1.5, "-3", "POINT (1.235 2)"]
    assert rows[2][2:] == [None, 4, None]
    kinds = {cell.data_type for row in sheet.iter_rows() for cell in row}
    assert kinds == {"s", "n"}
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:E4")
    assert book.sheetnames == ["findings", "a_b"]


def test_text_that_begins_a_formula_gets_an_apostrophe_in_csv(tmp_path: Path) -> None:
    write_csv(TABLE, tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0][0] == "'=id"
    assert rows[1][:4] == ["007", "'" + '=HYPERLINK("http://127.0.0.1/","x")', "-1.5", "'-3"]
    assert rows[2][:2] == ["'=1+1", "'+49 30"]


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_every_start_of_a_formula_is_made_harmless(start: str) -> None:
    assert neutralise(pd.DataFrame({"a": [f"{start}x", "x"]}))["a"].to_list() == [f"'{start}x", "x"]


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    target = tmp_path / "t.xlsx"
    write_workbook({"a": TABLE}, target)
    before = target.read_bytes()
    with pytest.raises(Exception, match="already in use"):
        write_workbook({"a": TABLE, "A": TABLE}, target)
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]


def test_sums_stand_beneath_and_the_same_tables_give_the_same_bytes(tmp_path: Path) -> None:
    tables = {
        "none": pd.DataFrame({"name": [], "eur": []}),
        "one": pd.DataFrame({"name": ["=x"], "eur": [2.5]}),
    }
    for name in ("a.xlsx", "b.xlsx"):
        write_workbook(tables, tmp_path / name, totals={"none": ["eur"], "one": ["eur"]})
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert [cell.value for cell in book["one"][3]] == ["total", "=SUM(B2)"]
    assert book["none"]["B2"].value == 0  # a sum of nothing would be a sum of itself
