"""A batch: every row of the file is a row of the answer, with its light, and ranked by the rule."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from capacity.connection import ConnectionConfig, batch
from capacity.connection.batch import BATCH_COLUMNS, assess_batch, counts_of
from capacity.connection.study_report import batch_report, write_study
from gis.examples import CRS
from tests.capacity.connection.toy_capacity import ToyGrid, toy_assess_all, toy_site

GRID = ToyGrid({"A": 100.0, "B": 0.0, "C": 0.0}, hopeless=frozenset("C"))
BASIS = {"scenario": "s", "limits": "l", "cost_table": "c", "currency": "EUR"}


@pytest.fixture
def ranked(monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    monkeypatch.setattr(batch, "assess_all", toy_assess_all)
    sites = [toy_site(name, kw) for name, kw in (("C1", 5), ("B1", 9), ("A1", 10), ("A2", 40), ("B2", 90))]
    unreadable = pd.DataFrame([{"site_id": "X", "name": None, "reason": "no place", "geometry": None}])
    return assess_batch(GRID, sites, ConnectionConfig(), unreadable=unreadable)  # type: ignore[arg-type]


def test_every_row_has_a_light_a_status_and_a_reason_and_the_cheapest_per_kw_is_first(
    ranked: pd.DataFrame,
) -> None:
    assert list(ranked.columns) == list(BATCH_COLUMNS)
    assert ranked["site_id"].to_list() == ["A2", "A1", "B2", "B1", "C1", "X"]
    assert ranked["light"].to_list() == ["green", "green", "amber", "amber", "red", "grey"]
    assert ranked["status"].to_list() == [*["judged"] * 5, "unreadable"]
    assert ranked["reason"].str.len().min() > 0 and ranked["rank"].to_list() == [1, 2, 3, 4, 5, 6]
    assert counts_of(ranked) == {"green": 2, "amber": 2, "red": 1, "grey": 1}


def test_what_is_said_counts_every_row_and_files_hold_them(ranked: pd.DataFrame, tmp_path: Path) -> None:
    values, lines = batch_report(ranked, BASIS, 1.0)
    assert len(values["rows"]) == 6 and lines[0] == "6 sites: 2 green, 2 amber, 1 red, 1 grey"  # type: ignore[arg-type]
    for name in ("o.gpkg", "o.xlsx", "o.csv"):
        write_study({"sites": ranked}, tmp_path / name, crs=CRS)
    assert len(pd.read_csv(tmp_path / "o.csv")) == len(pd.read_excel(tmp_path / "o.xlsx")) == 6
