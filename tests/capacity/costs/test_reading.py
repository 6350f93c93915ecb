"""Cost tables: every price that ships has a unit and a source; all faults of a user's file come at once."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from capacity.costs import CostTable, read_costs, table_names
from capacity.costs.items import CABLES, ITEMS
from capacity.costs.reading import NEEDED
from gis import InputError
from gridmodel import read_catalogue

CATALOGUE = read_catalogue()
TABLES = {name: read_costs(name) for name in table_names()}
HEAD = "item,type_id,unit,low,mid,high,currency,price_year,yearly_percent,yearly,life_years,months,source"
GOOD = "lv_cable,,km,60000,80000,100000,EUR,2012,0.5,,40,3,dena"


def _written(tmp_path: Path, *rows: str, head: str = HEAD) -> Path:
    path = tmp_path / "town_2026.csv"
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def _faults(path: Path, **asked: float) -> pd.DataFrame:
    with pytest.raises(InputError) as caught:
        read_costs(path, **asked)  # type: ignore[arg-type]
    return caught.value.findings


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_every_shipped_table_prices_every_item_with_its_source(table: CostTable) -> None:
    assert set(ITEMS) == set(table.rows.index)
    assert (table.rows["source"].str.len() > 30).all()
    known = {*CATALOGUE.lines.index, *CATALOGUE.transformers.index, "lv", "mv", ""}
    assert set(table.rows["type_id"]) <= known
    assert all(table.trench_per_m(cable) > 0.0 for cable in CABLES)


def test_dena_has_the_figures_that_edisgo_uses() -> None:
    """/work/shared/data/08_costs: 60-100 and 80-140 kEUR/km, 9 and 20 without earthwork, 10 and 1000 kEUR."""
    rows = TABLES["dena_2012"].rows
    rows = rows[rows["type_id"] == ""]
    assert rows.loc["lv_cable", ["low", "mid", "high"]].tolist() == [60e3, 80e3, 100e3]
    assert rows.loc["mv_cable", ["low", "mid", "high"]].tolist() == [80e3, 110e3, 140e3]
    assert rows.loc[["lv_cable_only", "mv_cable_only"], "mid"].tolist() == [9e3, 20e3]
    assert rows.loc[["mv_lv_transformer", "hv_mv_transformer"], "high"].tolist() == [10e3, 1e6]
    rural = TABLES["dena_2012_rural"].rows
    rural = rural[rural["type_id"] == ""]
    assert rural.loc[["lv_cable", "mv_cable"], ["low", "mid", "high"]].to_numpy().tolist() == [
        [60e3] * 3, [80e3] * 3
    ]  # fmt: skip


def test_nrel_is_in_dollars_and_ten_to_twentyfive_times_dearer_on_cable() -> None:
    nrel, dena = TABLES["nrel_disco_v2"], TABLES["dena_2012"]
    assert (nrel.currency, nrel.price_year) == ("USD", 2021)
    assert nrel.cost("mv_cable", 0.001).low_eur == pytest.approx(2034.12, abs=0.01)
    ratio = nrel.cost("mv_cable", 1.0).eur / dena.cost("mv_cable", 1.0).eur
    assert 10.0 < ratio < 25.0


def test_an_index_of_inflation_moves_every_row_from_its_own_year_and_is_in_the_name() -> None:
    """1.02^14 = 1.3195 from 2012, 1.02^2 = 1.0404 from 2024."""
    table = read_costs("dena_2012", price_year=2026, index_percent_per_year=2.0)
    assert table.prices == "dena 2012, +2 %/a to 2026, prices of 2026"
    assert table.cost("lv_cable", 1.0).low_eur == pytest.approx(60_000.0 * 1.319479, rel=1e-6)
    assert table.cost("battery", 1.0).eur == pytest.approx(600.0 * 1.0404)
    assert TABLES["dena_2012"].prices == "dena 2012, prices of 2012 (some of 2024)"


def test_a_users_table_takes_its_name_from_the_file_and_decimal_commas(tmp_path: Path) -> None:
    head, row = HEAD.replace(",", ";"), "flexibility_kwh;;kWh/a;0,05;0,1;0,2;CHF;2025;;;;;tariff 2025, p. 3"
    table = read_costs(_written(tmp_path, row, head=head))
    assert (table.name, table.currency, table.price_year) == ("town 2026", "CHF", 2025)
    assert table.cost("flexibility_kwh", 1000.0).yearly_eur == pytest.approx(100.0)


def test_columns_that_may_be_left_out_have_their_meaning(tmp_path: Path) -> None:
    head = "item,unit,low,mid,high,currency,price_year,source"
    table = read_costs(_written(tmp_path, "switch,unit,1,2,3,EUR,2024,offer", head=head))
    assert table.cost("switch", 2.0).yearly_eur == 0.0
    assert (table.months("switch"), table.life_years("switch")) == (0, 100)


@pytest.mark.parametrize(
    ("row", "element_id", "said"),
    [
        ("lv_cabel,,km,1,1,1,EUR,2012,,,,,x", "lv_cabel", "no such item; there are: lv_cable"),
        ("lv_cable,,m,1,1,1,EUR,2012,,,,,x", "lv_cable", "the unit of this item is km"),
        ("lv_cable,,km,3,2,4,EUR,2012,,,,,x", "lv_cable", "must rise"),
        ("lv_cable,,km,1,4,3,EUR,2012,,,,,x", "lv_cable", "must rise"),
        ("lv_cable,,km,-1,2,3,EUR,2012,,,,,x", "lv_cable", "low must be a number from 0"),
        ("lv_cable,,km,1,2,inf,EUR,2012,,,,,x", "lv_cable", "high must be a number"),
        ("lv_cable,,km,,2,3,EUR,2012,,,,,x", "lv_cable", "low must be a number"),
        ("lv_cable,,km,1,2,3,euro,2012,,,,,x", "lv_cable", "three letters"),
        ("lv_cable,,km,1,2,3,EUR,12,,,,,x", "lv_cable", "price_year must be a whole number"),
        ("lv_cable,,km,1,2,3,EUR,2012,120,,,,x", "lv_cable", "yearly_percent must be"),
        ("lv_cable,,km,1,2,3,EUR,2012,1,5,,,x", "lv_cable", "both told"),
        ("lv_cable,,km,1,2,3,EUR,2012,,,0,,x", "lv_cable", "life_years must be"),
        ("lv_cable,,km,1,2,3,EUR,2012,,,40,2.5,x", "lv_cable", "months must be a whole number"),
        ("lv_cable,,km,1,2,3,EUR,2012,,,,,", "lv_cable", "no source"),
        (f"{GOOD}\n{GOOD}", "lv_cable", "several rows"),
        (f"{GOOD}\n{GOOD.replace('lv_', 'mv_').replace('EUR', 'USD')}", "", "several currencies"),
        (f"{GOOD}\nlv_cable_only,,km,1,90000,90000,EUR,2012,,,,,x", "lv_cable_only", "dearer than lv_cable"),
    ],
)
def test_a_price_that_makes_no_sense_is_refused(tmp_path: Path, row: str, element_id: str, said: str) -> None:
    found = _faults(_written(tmp_path, row))
    assert (found["rule"] == "bad_cost").all()
    assert [element_id, True] in [[one.element_id, said in one.message] for one in found.itertuples()]


def test_all_faults_of_a_file_come_in_one_report(tmp_path: Path) -> None:
    found = _faults(_written(tmp_path, "cable,,km,1,1,1,EUR,2012,,,,,x", "switch,,km,5,4,x,EUR,2012,,,,,"))
    assert set(found["element_id"]) == {"cable", "switch"}
    assert len(found) == 5


@pytest.mark.parametrize(
    ("head", "rows", "said"),
    [
        (HEAD.replace("unit", "per").replace("source", "from"), [GOOD], {"unit", "source", "per", "from"}),
        (HEAD, [], {""}),
        (HEAD, [GOOD, f"{GOOD},and more"], {"lv_cable"}),
        (HEAD, ["lv_cable,km"], {"lv_cable"}),
        (f"{HEAD},unit", [f"{GOOD},km"], {""}),
        ("", [], {*NEEDED, ""}),
    ],
)
def test_a_file_that_is_no_cost_table_is_refused(
    tmp_path: Path, head: str, rows: list[str], said: set[str]
) -> None:
    assert set(_faults(_written(tmp_path, *rows, head=head))["element_id"]) == said


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"\xff\xfe\x00PNG")
    assert _faults(path)["rule"].tolist() == ["file_damaged"]
    assert _faults(tmp_path / "none.csv")["rule"].tolist() == ["unknown_cost_table"]


@pytest.mark.parametrize(
    "asked",
    [
        {"price_year": 2026},
        {"index_percent_per_year": 2.0},
        {"price_year": 26, "index_percent_per_year": 2.0},
        {"price_year": 2026, "index_percent_per_year": float("nan")},
    ],
)
def test_an_index_that_makes_no_sense_is_refused(asked: dict[str, float]) -> None:
    assert _faults(Path("dena_2012"), **asked)["rule"].tolist() == ["bad_cost"]
